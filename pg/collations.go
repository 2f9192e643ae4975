package pg

import (
	"cmp"
	"slices"

	"patroni-preflight/preflight/fact"
)

const (
	collations = "pg_collation_actual_version()"
	collation  = "pg_database_collation_actual_version()"
)

var collationView = view{
	name: collation, most: 1, columns: []column{as("version", "pg_database_collation_actual_version(oid)")},
	from: constant("FROM pg_database WHERE datname = current_database()"),
}

// collationsView compares what objects depend on, and PostgreSQL's own collations
// (those below 12000, of which few have a version), not the hundreds of others
// that every database has. Databases have versions since PostgreSQL 15.
var collationsView = view{
	name: collations, most: listed,
	columns: []column{
		col("datname"), col("collname"), col("collversion"),
		as("pg_collation_actual_version()", "actual"),
	},
	from: func(major int) string {
		databases := ""
		if major >= 15 {
			databases = "SELECT datname, NULL AS collname, datcollversion AS collversion, " +
				"pg_database_collation_actual_version(oid) AS actual FROM pg_database " +
				"WHERE datcollversion <> pg_database_collation_actual_version(oid) UNION ALL "
		}
		return "FROM (" + databases + "SELECT NULL AS datname, nspname || '.' || collname AS collname, collversion, " +
			"pg_collation_actual_version(c.oid) AS actual FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace " +
			"WHERE (c.oid < 12000 OR c.oid IN " +
			"(SELECT refobjid FROM pg_depend WHERE refclassid = 'pg_collation'::regclass)) " +
			"AND collversion <> pg_collation_actual_version(c.oid)) AS outdated"
	},
}

func (d decoder) collations() fact.Observed[[]fact.Collation] {
	all := rows(d.of(collationsView), func(c cells) fact.Observed[fact.Collation] {
		n := &record{cells: c}
		return complete(n, fact.Collation{
			Database: orZero(n, "datname", parseText),
			Name:     orZero(n, "collname", parseText),
			Recorded: given(n, "collversion", parseText),
			Actual:   given(n, "pg_collation_actual_version()", parseText),
		})
	})
	if all.Known() {
		slices.SortFunc(*all.Value, func(a, b fact.Collation) int {
			return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name))
		})
	}
	return all
}

func (d decoder) collationVersion() fact.Observed[string] {
	if d.major < 15 {
		return tooOld[string](collation, 15)
	}
	return value(d.of(collationView).orNull("NULL: the database's collation has no versions"), "", parseText)
}
