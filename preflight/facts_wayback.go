package preflight

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Facts about what a switchover leaves behind.
var (
	sqlRoles      = ofSQL("pg_roles", func(q SQL) Observed[[]Role] { return q.Roles })
	sqlHBA        = ofSQL("pg_hba_file_rules", func(q SQL) Observed[[]HBARule] { return q.HBA })
	sqlUnlogged   = ofSQL("the number of unlogged tables", func(q SQL) Observed[int] { return q.UnloggedTables })
	sqlExtensions = ofSQL("pg_extension", func(q SQL) Observed[map[string]string] { return q.Extensions })
	sqlAvailable  = ofSQL("pg_available_extension_versions", func(q SQL) Observed[map[string]bool] { return q.AvailableExtensions })
	sqlPresent    = ofSQL("pg_available_extension_versions", func(q SQL) Observed[map[string]bool] { return q.PresentExtensions })
	sqlCollations = ofSQL("the recorded versions of collations", func(q SQL) Observed[[]Collation] { return q.Collations })
	sqlVersion    = ofSQL("server_version_num", func(q SQL) Observed[int] { return q.ServerVersion })

	keyPendingRestart = ofKey("pending_restart in the member key", func(k MemberKey) Observed[bool] { return k.PendingRestart })

	permanentSlots = ofConfig("slots in /config", func(c Config) Observed[map[string]PermanentSlot] { return c.Slots })
	ignoreSlots    = ofConfig("ignore_slots in /config", func(c Config) Observed[[]map[string]string] { return c.IgnoreSlots })
	useSlots       = ofConfig("postgresql.use_slots in /config", func(c Config) Observed[bool] { return c.UseSlots })
	usePgRewind    = ofConfig("postgresql.use_pg_rewind in /config", func(c Config) Observed[bool] { return c.UsePgRewind })
)

// slotNameOf is the name of the slot that Patroni keeps for a member: lower case,
// - and . as _, any other character as u and its code (patroni/dcs/__init__.py,
// slot_name_from_member_name).
func slotNameOf(member string) string {
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

// slotNamed finds a slot.
func slotNamed(slots []Slot, name string) (Slot, bool) {
	i := slices.IndexFunc(slots, func(s Slot) bool { return s.Name == name })
	if i < 0 {
		return Slot{}, false
	}
	return slots[i], true
}

// memberSlots are the names of the slots of all members.
func (s *Snapshot) memberSlots() []string {
	var out []string
	for _, m := range s.Members {
		out = append(out, slotNameOf(m.Name))
	}
	return out
}

// others are all members but one.
func (s *Snapshot) others(m string) []string {
	var out []string
	for _, o := range s.Members {
		if o.Name != m {
			out = append(out, o.Name)
		}
	}
	return out
}

// foreign are the consumers of the leader's WAL that are no members.
func (s *Snapshot) foreign(rows []WalSender) []WalSender {
	return slices.DeleteFunc(slices.Clone(rows), func(w WalSender) bool {
		return Equal(w.State, "backup") || slices.ContainsFunc(s.Members, func(m Member) bool { return sameApplicationName(w.ApplicationName, m.Name) })
	})
}

// setting reads a number among the settings, in its base unit.
func setting(settings map[string]string, name string) (int64, bool) {
	n, err := strconv.ParseInt(settings[name], 10, 64)
	return n, err == nil
}

// keptWAL is how much WAL a server keeps for standbys without a slot, in bytes.
func keptWAL(settings map[string]string) (int64, bool) {
	if mb, ok := setting(settings, "wal_keep_size"); ok {
		return mb << 20, true
	}
	segments, ok := setting(settings, "wal_keep_segments") // before PostgreSQL 13
	size, known := setting(settings, "wal_segment_size")
	if !known {
		size = 16 << 20
	}
	return segments * size, ok
}
