package pg

import (
	"cmp"
	"slices"

	"patroni-preflight/preflight/fact"
)

const subscriptions = "pg_subscription"

// subscriptionsView leaves out subconninfo, which may hold a password and which only
// superusers may read; all other columns are readable by every role.
var subscriptionsView = view{
	name: subscriptions, most: listed,
	columns: []column{
		col("subname"), as("datname", "(SELECT datname FROM pg_database WHERE oid = subdbid)"), col("subenabled"),
		col("subslotname"),
	},
	from: constant("FROM pg_subscription"),
}

func (d decoder) subscriptions() fact.Observed[[]fact.Subscription] {
	all := rows(d.of(subscriptionsView), func(c cells) fact.Observed[fact.Subscription] {
		n := &record{cells: c}
		return complete(n, fact.Subscription{
			Name:     given(n, "subname", parseText),
			Database: given(n, "datname", parseText),
			Enabled:  given(n, "subenabled", parseTextBool),
			Slot:     value(c.orNull("NULL: it has none"), "subslotname", parseText),
		})
	})
	if all.Known() {
		slices.SortFunc(*all.Value, func(a, b fact.Subscription) int {
			return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name))
		})
	}
	return all
}
