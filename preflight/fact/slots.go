package fact

import (
	"fmt"
	"slices"
	"strings"
)

// Declared reports whether /config keeps the slot through a switchover.
func Declared(permanent map[string]PermanentSlot, slot Slot) bool {
	p, ok := permanent[slot.Name]
	return ok && p.Type == slot.Type
}

// Ignored reports whether ignore_slots tells Patroni to leave the slot alone
// (patroni/postgresql/slots.py, ignore_replication_slot).
func Ignored(matchers []map[string]string, slot Slot) bool {
	for _, m := range matchers {
		has := map[string]string{"name": slot.Name, "type": slot.Type, "database": slot.Database, "plugin": slot.Plugin}
		all := len(m) > 0
		for k, v := range m {
			all = all && has[k] == v
		}
		if all {
			return true
		}
	}
	return false
}

// Facts about what a switchover leaves behind.
var (
	SQLRoles      = OfSQL("pg_roles", func(q SQL) Observed[[]Role] { return q.Roles })
	Subscriptions = OfSQL("pg_subscription", func(q SQL) Observed[[]Subscription] {
		return SinceRecorded(q.Subscriptions)
	})
	SQLHBA        = OfSQL("pg_hba_file_rules", func(q SQL) Observed[[]HBARule] { return q.HBA })
	SQLUnlogged   = OfSQL("the number of unlogged tables", func(q SQL) Observed[int] { return q.UnloggedTables })
	SQLExtensions = OfSQL("pg_extension", func(q SQL) Observed[map[string]string] { return q.Extensions })
	SQLAvailable  = OfSQL(
		"pg_available_extension_versions",
		func(q SQL) Observed[map[string]bool] { return q.AvailableExtensions },
	)
	SQLPresent = OfSQL(
		"pg_available_extension_versions",
		func(q SQL) Observed[map[string]bool] { return q.PresentExtensions },
	)
	SQLCollations = OfSQL("the recorded versions of collations", func(q SQL) Observed[[]Collation] { return q.Collations })
	SQLVersion    = OfSQL("server_version_num", func(q SQL) Observed[int] { return q.ServerVersion })

	KeyPendingRestart = OfKey(
		"pending_restart in the member key",
		func(k MemberKey) Observed[bool] { return k.PendingRestart },
	)

	PermanentSlots = OfConfig(
		"slots in /config",
		func(c DynamicConfig) Observed[map[string]PermanentSlot] { return c.Slots },
	)
	IgnoreSlots = OfConfig(
		"ignore_slots in /config",
		func(c DynamicConfig) Observed[[]map[string]string] { return c.IgnoreSlots },
	)
	UseSlots = OfConfig(
		"postgresql.use_slots in /config",
		func(c DynamicConfig) Observed[bool] { return c.UseSlots },
	)
	UsePgRewind = OfConfig(
		"postgresql.use_pg_rewind in /config",
		func(c DynamicConfig) Observed[bool] { return c.UsePgRewind },
	)
)

// SlotNameOf is the name of the slot that Patroni keeps for a member: lower case,
// - and . as _, any other character as u and its code (patroni/dcs/__init__.py,
// slot_name_from_member_name).
func SlotNameOf(member string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(member) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '_':
			b.WriteRune(r)
		case r == '-', r == '.':
			b.WriteByte('_')
		default:
			fmt.Fprintf(&b, "u%04d", r)
		}
	}
	return b.String()[:min(b.Len(), 63)]
}

// SlotNamed finds a slot.
func SlotNamed(slots []Slot, name string) (Slot, bool) {
	i := slices.IndexFunc(slots, func(s Slot) bool { return s.Name == name })
	if i < 0 {
		return Slot{}, false
	}
	return slots[i], true
}
