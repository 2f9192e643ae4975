package check

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

var slotsLogical = Check{
	ID:    "slots.logical",
	Title: "every logical slot exists after the switchover",
	Since: "0.2.0",
	Why: "A logical slot exists only on the leader. Patroni copies those that /config declares under slots; " +
		"PostgreSQL 17 and later synchronises those created with failover, and Patroni before 4.1.0 drops these, because " +
		"it does not know them. The consumer of a slot that is missing on the new leader, or is dropped there, loses " +
		"changes.",
	Source: "pg_replication_slots on leader and candidate; slots and ignore_slots in /config; " +
		"patroni/postgresql/slots.py sync_replication_slots, _drop_incorrect_slots; postgres slotsync.c",
	Fix: "Declare the slot: patronictl edit-config -s slots.NAME.type=logical ..., or drop it.",
	Proof: "docs/accuracy.md: \"logical slot that nobody declared\" on Patroni 3.0 and 4.0: gone after the switchover. " +
		"TestCases: real-expA2-before (recorded before Patroni 4.0.7 dropped a synchronised slot), F-z, F-p, K1e, R10-07c.",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSlots.OnLeader(), fact.SQLSlots, fact.PermanentSlots, fact.IgnoreSlots},
	Run:      runLogicalSlots,
}

var slotsLogicalReady = Check{
	ID:    "slots.logical_ready",
	Title: "the declared logical slots are usable on the candidate",
	Since: "0.2.0",
	Why: "Patroni copies a declared slot to a replica after it has appeared on the leader; the copy protects " +
		"nothing before the replica's feedback has reached the leader (catalog_xmin). A candidate without the slot, or " +
		"with an invalid one, leads without it.",
	Source: "pg_replication_slots on the candidate: catalog_xmin, conflicting, invalidation_reason; " +
		"patroni/postgresql/slots.py SlotsHandler.check_logical_slots_readiness",
	Fix:      "Wait until Patroni has copied the slot; the candidate's log says what it waits for.",
	Proof:    "docs/accuracy.md: \"permanent logical slot\" (GO); the failing states by cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSlots.OnLeader(), fact.SQLSlots, fact.PermanentSlots},
	Run:      runLogicalReady,
}

// slotsByName finds slots without a search through the list for each of them.
func slotsByName(slots []fact.Slot) map[string]fact.Slot {
	out := make(map[string]fact.Slot, len(slots))
	for _, slot := range slots {
		out[slot.Name] = slot
	}
	return out
}

func runLogicalSlots(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	leader := s.Leader()
	asked := s.SQLQuery(leader, "pg_replication_slots")
	permanent, own := fact.PermanentSlots.Get(s, m), slotsByName(fact.SQLSlots.Get(s, m))
	ignored := fact.IgnoreSlots.Of(s, m).Must()
	var out []Finding
	kept := 0
	for _, slot := range fact.SQLSlots.Of(s, leader).Must() {
		if slot.Type != "logical" || slot.Temporary {
			continue
		}
		f := Finding{Asked: asked}
		copied, there := own[slot.Name]
		declared, named := permanent[slot.Name]
		switch {
		case named && differs(declared, slot) != "":
			f = otherSlot(s, slot, differs(declared, slot))
		case fact.Declared(permanent, slot):
			kept++
			continue
		case slot.Failover:
			found := failoverSlot(s, m, slot, copied, there, fact.Ignored(ignored, slot))
			if len(found) == 0 {
				kept++
			}
			out = append(out, found...)
			continue
		case fact.Ignored(ignored, slot):
			f.Severity = Warning
			f.Observed = fmt.Sprintf("logical slot %s, which ignore_slots excludes from Patroni's care", slot.Name)
			f.Effect = fmt.Sprintf(
				"Patroni does not copy it to %s: the tool that maintains it has to create it there before its consumer continues.",
				m,
			)
			f.Remedy = "Make sure that the tool that maintains this slot follows the leader."
		default:
			f = undeclared(s, m, slot)
		}
		out = append(out, f)
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "%d logical slots, all kept across a switchover", kept)
}

// failoverSlot judges a slot that PostgreSQL synchronises: whether Patroni leaves it
// alone, and whether the copy on the candidate is usable.
func failoverSlot(s *fact.Snapshot, m string, slot, copied fact.Slot, there, ignored bool) []Finding {
	leader := s.Leader()
	var out []Finding
	if dropsFailoverSlots(s, m) && !ignored {
		out = append(out, Finding{
			Asked: s.SQLQuery(leader, "pg_replication_slots"),
			Observed: fmt.Sprintf("logical slot %s, created with failover; %s runs Patroni %s", slot.Name, m,
				fact.KeyVersion.Of(s, m).OrZero()),
			Expected: "Patroni 4.1.0 or later, or the slot in ignore_slots",
			Effect: fmt.Sprintf("Patroni before 4.1.0 does not know slots that PostgreSQL synchronises: it drops %s on %s as "+
				"soon as no session uses it. Its consumer loses changes.", slot.Name, m),
			Remedy: fmt.Sprintf("patronictl edit-config %s, and add under ignore_slots: {name: %s, type: logical}; or update "+
				"Patroni on every node.", s.Target.Scope, slot.Name),
		})
	}
	if why, remedy := notSynchronised(s, m, slot, copied, there); why != "" {
		out = append(out, Finding{
			Asked:    s.SQLQuery(m, "pg_replication_slots"),
			Observed: fmt.Sprintf("logical slot %s, created with failover on %s: %s", slot.Name, leader, why),
			Expected: "synced, not temporary and valid",
			Effect:   fmt.Sprintf("%s would lead without a usable slot %s: its consumer loses changes.", m, slot.Name),
			Remedy:   remedy,
		})
	}
	return out
}

// dropsFailoverSlots reports whether the Patroni of a member drops slots that
// PostgreSQL synchronises (Patroni pull request 3245, in 4.1.0).
func dropsFailoverSlots(s *fact.Snapshot, m string) bool {
	version, ok := fact.KeyVersion.Of(s, m).Get()
	return !ok || fact.OlderThan(version, 4, 1, 0)
}

// differs says in what a declared slot is another one than that on the leader.
func differs(declared fact.PermanentSlot, slot fact.Slot) string {
	switch {
	case declared.Type != slot.Type:
		return "type " + fact.Shown(declared.Type) + ", and it is " + fact.Shown(slot.Type)
	case declared.Plugin != "" && declared.Plugin != slot.Plugin:
		return "plugin " + fact.Shown(declared.Plugin) + ", and it is " + fact.Shown(slot.Plugin)
	case declared.Database != "" && declared.Database != slot.Database:
		return "database " + fact.Shown(declared.Database) + ", and it is " + fact.Shown(slot.Database)
	}
	return ""
}

func otherSlot(s *fact.Snapshot, slot fact.Slot, how string) Finding {
	return Finding{
		Asked:    s.SQLQuery(s.Leader(), "pg_replication_slots"),
		Observed: fmt.Sprintf("logical slot %s: /config declares it with %s", slot.Name, how),
		Expected: "the slot as declared",
		Effect: "Patroni takes the slot for a wrong one: it drops it as soon as no session uses it, and creates the " +
			"declared one at the position of that moment. Its consumer loses changes.",
		Remedy: fmt.Sprintf(
			"patronictl edit-config %s -s slots.%s.type=logical -s slots.%s.database=%s -s slots.%s.plugin=%s",
			s.Target.Scope, slot.Name, slot.Name, slot.Database, slot.Name, slot.Plugin,
		),
	}
}

func undeclared(s *fact.Snapshot, m string, slot fact.Slot) Finding {
	leader := s.Leader()
	return Finding{
		Asked: s.SQLQuery(leader, "pg_replication_slots"),
		Observed: fmt.Sprintf(
			"logical slot %s (%s, database %s), not declared in /config",
			slot.Name,
			slot.Plugin,
			slot.Database,
		),
		Effect: fmt.Sprintf(
			"%s does not have it, and Patroni drops it on %s: changes that its consumer has not received by then are lost to "+
				"it.",
			m,
			leader,
		),
		Remedy: fmt.Sprintf(
			"patronictl edit-config %s -s slots.%s.type=logical -s slots.%s.database=%s -s slots.%s.plugin=%s; then wait "+
				"until %s has it. Or drop it, on %s: SELECT pg_drop_replication_slot('%s');",
			s.Target.Scope,
			slot.Name,
			slot.Name,
			slot.Database,
			slot.Name,
			slot.Plugin,
			m,
			leader,
			slot.Name,
		),
	}
}

// notSynchronised says why a slot with failover is not usable on a candidate, "" where
// it is: PostgreSQL keeps a copy at the promotion that is synced, not temporary and not
// invalidated (documentation, "Replication Slot Synchronization").
func notSynchronised(s *fact.Snapshot, m string, slot, copied fact.Slot, there bool) (why, remedy string) {
	settings, known := fact.SQLSettings.Of(s, m).Get()
	wait := fmt.Sprintf("Wait until pg_replication_slots on %s shows it with synced = true and temporary = false.", m)
	switch {
	case !there && known && settings["sync_replication_slots"] == "off":
		return m + " does not have it, and sync_replication_slots is off there", fmt.Sprintf(
			"patronictl edit-config %s -s postgresql.parameters.sync_replication_slots=on -s "+
				"postgresql.parameters.hot_standby_feedback=on; then wait until %s has it with synced = true.",
			s.Target.Scope, m)
	case !there:
		return m + " does not have it", wait + " If it does not come, its PostgreSQL log says what the slot " +
			"synchronisation waits for (hot_standby_feedback, primary_slot_name, a database in primary_conninfo)."
	case !copied.Synced:
		return "the slot of that name on " + m + " is its own, from a time when it led or by hand (synced is false)",
			fmt.Sprintf("It stops slot synchronisation there. On %s: SELECT pg_drop_replication_slot('%s'); then wait until "+
				"it is back with synced = true.", m, slot.Name)
	case copied.Invalid != "":
		return "the copy on " + m + " is invalid (" + copied.Invalid + ")", fmt.Sprintf(
			"Find out why it was invalidated (max_slot_wal_keep_size, idle_replication_slot_timeout), and wait until %s has "+
				"created it again.", m)
	case copied.WALStatus.OrZero() == "lost":
		return "the copy on " + m + " has lost its WAL", wait
	case copied.Temporary:
		return "the copy on " + m + " is temporary: PostgreSQL drops it at the promotion", wait +
			" It waits until the consumer on the leader has moved on."
	}
	return "", ""
}

// aheadBlocks is how far a copy of a slot may be ahead of the leader's, in bytes: the
// two are not read at one instant.
const aheadBlocks = 1 << 20

func runLogicalReady(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	leader := s.Leader()
	asked := s.SQLQuery(m, "pg_replication_slots")
	permanent, own := fact.PermanentSlots.Get(s, m), slotsByName(fact.SQLSlots.Get(s, m))
	var out []Finding
	ready := 0
	for _, slot := range fact.SQLSlots.Of(s, leader).Must() {
		copied, there := own[slot.Name]
		declared := fact.Declared(permanent, slot)
		if slot.Type != "logical" || !declared && !(slot.Failover && there) {
			continue
		}
		ahead := copied.ConfirmedFlush.OrZero().Minus(slot.ConfirmedFlush.OrZero())
		known := copied.ConfirmedFlush.Known() && slot.ConfirmedFlush.Known()
		why := ""
		switch {
		case !declared:
		case !there:
			why = "not there yet"
		case copied.Invalid != "":
			why = "invalid (" + copied.Invalid + ")"
		case copied.WALStatus.OrZero() == "lost":
			why = "its WAL is lost"
		case !copied.CatalogXmin:
			why = "it has no catalog_xmin yet"
		}
		f := Finding{Asked: asked}
		switch {
		case why != "":
			f.Observed = fmt.Sprintf("the declared logical slot %s: %s", slot.Name, why)
			f.Effect = fmt.Sprintf("%s would lead without a usable slot %s: its consumer loses changes.", m, slot.Name)
			f.Remedy = fmt.Sprintf(
				"Wait until Patroni has copied it to %s, with hot_standby_feedback on; Patroni's log there says what it waits for.",
				m,
			)
		case known && (ahead > aheadBlocks || ahead > 0 && copied.Active):
			f.Observed = fmt.Sprintf("logical slot %s has confirmed %s, %s more than on %s (%s)", slot.Name,
				*copied.ConfirmedFlush.Value, fact.Size(ahead), leader, *slot.ConfirmedFlush.Value)
			f.Expected = "at most the position on " + leader
			f.Effect = fmt.Sprintf(
				"A consumer that has received less, on %s, loses the changes in between after the switchover.", leader)
			f.Remedy = fmt.Sprintf("Find out who reads the slot on %s. Or wait until the consumer on %s has received as much.",
				m, leader)
			if copied.Active {
				f.Observed += fmt.Sprintf("; it is in use there, pid %d", copied.ActivePID)
			}
			f = f.bytesOf(ahead, 0)
		case copied.Active && there:
			f.Severity = Warning
			f.Observed = fmt.Sprintf("logical slot %s is in use on %s, pid %d", slot.Name, m, copied.ActivePID)
			f.Effect = "Patroni and PostgreSQL cannot move a slot that is in use: its position falls behind, or runs ahead."
			f.Remedy = fmt.Sprintf("Let that consumer read from %s, or give it a slot of its own.", leader)
		default:
			ready++
			continue
		}
		out = append(out, f)
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "%d logical slots on %s, all usable", ready, m)
}
