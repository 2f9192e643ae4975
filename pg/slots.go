package pg

import (
	"cmp"
	"slices"

	"patroni-preflight/preflight/fact"
)

const slots = "pg_replication_slots"

// slotsView: wal_status came with PostgreSQL 13, conflicting with 16, and with 17
// invalidation_reason, failover and synced.
var slotsView = view{
	name: slots, most: listed,
	columns: []column{
		col("slot_name"), col("slot_type"), col("plugin"), col("database"), col("active"), col("active_pid"),
		col("temporary"), col("restart_lsn"), col("confirmed_flush_lsn"),
		as("catalog_xmin", "catalog_xmin IS NOT NULL"),
		since(13, "wal_status", "wal_status", "NULL::text"),
		{"invalidation_reason", func(major int) string {
			switch {
			case major >= 17:
				return "invalidation_reason"
			case major == 16:
				return "CASE WHEN conflicting THEN 'conflicting' END"
			}
			return "NULL::text"
		}},
		since(17, "failover", "failover", "false"),
		since(17, "synced", "synced", "false"),
	},
	from: constant("FROM pg_replication_slots"),
}

func (d decoder) slots() fact.Observed[[]fact.Slot] {
	all := rows(d.of(slotsView), func(c cells) fact.Observed[fact.Slot] {
		n := &record{cells: c}
		s := fact.Slot{
			Name:           given(n, "slot_name", parseText),
			Type:           given(n, "slot_type", parseText),
			Plugin:         orZero(n, "plugin", parseText),
			Database:       orZero(n, "database", parseText),
			Active:         given(n, "active", parseTextBool),
			ActivePID:      orZero(n, "active_pid", parsePositive),
			Temporary:      given(n, "temporary", parseTextBool),
			RestartLSN:     value(c, "restart_lsn", fact.ParseLSN),
			ConfirmedFlush: value(c, "confirmed_flush_lsn", fact.ParseLSN),
			CatalogXmin:    given(n, "catalog_xmin", parseTextBool),
			WALStatus:      value(c, "wal_status", parseText),
			Invalid:        orZero(n, "invalidation_reason", parseText),
			Failover:       given(n, "failover", parseTextBool),
			Synced:         given(n, "synced", parseTextBool),
		}
		if d.major < 13 {
			s.WALStatus = tooOld[string]("wal_status", 13)
		}
		return complete(n, s)
	})
	if all.Known() {
		slices.SortFunc(*all.Value, func(a, b fact.Slot) int { return cmp.Compare(a.Name, b.Name) })
	}
	return all
}
