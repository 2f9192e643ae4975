package pg

import (
	"cmp"
	"slices"

	"patroni-preflight/preflight/fact"
)

const roles = "pg_roles"

// rolesView reads the roles that replicate. rolvaliduntil is NULL also for a time so
// far away that it never comes, such as infinity, which has no microseconds.
var rolesView = view{
	name: roles, most: listed,
	columns: []column{
		col("rolname"), col("rolcanlogin"), col("rolreplication"), col("rolsuper"),
		as("rolvaliduntil", "CASE WHEN rolvaliduntil < '9999-01-01' THEN "+
			micros("greatest(rolvaliduntil, 'epoch')")+" END"),
	},
	from: constant("FROM pg_roles WHERE rolreplication OR oid IN (SELECT usesysid FROM pg_stat_get_activity(NULL) " +
		"WHERE pid IN (SELECT pid FROM pg_stat_get_wal_senders()))"),
}

func (d decoder) roles() fact.Observed[[]fact.Role] {
	all := rows(d.of(rolesView), func(c cells) fact.Observed[fact.Role] {
		n := &record{cells: c}
		return complete(n, fact.Role{
			Name:        given(n, "rolname", parseText),
			CanLogin:    given(n, "rolcanlogin", parseTextBool),
			Replication: given(n, "rolreplication", parseTextBool),
			Superuser:   given(n, "rolsuper", parseTextBool),
			ValidUntil:  value(c.orNull("NULL: it does not expire"), "rolvaliduntil", parseMicros),
		})
	})
	if all.Known() {
		slices.SortFunc(*all.Value, func(a, b fact.Role) int { return cmp.Compare(a.Name, b.Name) })
	}
	return all
}
