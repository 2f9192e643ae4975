package pg

import "patroni-preflight/preflight/fact"

const hba = "pg_hba_file_rules"

var hbaView = view{
	name: hba, most: listed,
	columns: []column{
		col("line_number"), col("type"), as("database", "to_json(database)"), as("user_name", "to_json(user_name)"),
		col("address"), col("netmask"), col("auth_method"), col("error"),
	},
	from: constant("FROM pg_hba_file_rules"),
}

// hba keeps the order of the rules. The options of a rule are not read: they may
// hold secrets of LDAP and RADIUS.
func (d decoder) hba() fact.Observed[[]fact.HBARule] {
	if !d.allowed().hba {
		role, where := ident(d.role), ""
		if db, ok := value(d.of(rightsView), "current_database()", parseText).Get(); ok {
			where = " in database " + ident(db)
		}
		return fact.NotKnown[[]fact.HBARule](
			fact.Privilege,
			"no privilege for %s: as a superuser%s: GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO %s; GRANT SELECT ON "+
				"pg_hba_file_rules TO %s",
			hba,
			where,
			role,
			role,
		)
	}
	return rows(d.of(hbaView), func(c cells) fact.Observed[fact.HBARule] {
		n := &record{cells: c}
		return complete(n, fact.HBARule{
			Line:      orZero(n, "line_number", parsePositive),
			Type:      orZero(n, "type", parseText),
			Databases: orZero(n, "database", parseTexts),
			Users:     orZero(n, "user_name", parseTexts),
			Address:   orZero(n, "address", parseText),
			Netmask:   orZero(n, "netmask", parseText),
			Method:    orZero(n, "auth_method", parseText),
			Error:     orZero(n, "error", parseText),
		})
	})
}
