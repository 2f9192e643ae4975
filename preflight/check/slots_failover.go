package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

var slotsSynchronized = Check{
	ID:    "slots.synchronized",
	Title: "all slots of synchronized_standby_slots exist afterwards",
	Since: "0.3.0",
	Why: "PostgreSQL 17 and later sends changes of slots with failover only after the standbys of " +
		"synchronized_standby_slots have received them. A list that names the new leader's own slot, or one that does not " +
		"exist there, stops every such consumer, without an error.",
	Source: "synchronized_standby_slots of the candidate; postgres slot.c, StandbySlotsHaveCaughtup; " +
		"timescale/timescaledb-docker-ha pull request 676",
	Fix: "Give every node a list without its own slot, in postgresql.parameters of its patroni.yml, then: patronictl " +
		"reload SCOPE",
	Proof:    "TestCases: N2-sync-standby-slots, F-p2; docs/accuracy.md: \"permanent logical slot\" passes.",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSlots.OnLeader(), fact.SQLSettings, fact.PermanentSlots},
	Run:      runSynchronized,
}

func runSynchronized(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "synchronized_standby_slots")
	value := fact.SQLSettings.Get(s, m)["synchronized_standby_slots"]
	names := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '"' })
	if len(names) == 0 {
		return Witnessed(asked, "empty")
	}
	permanent := fact.PermanentSlots.Get(s, m)
	var bad, keep []string
	for _, name := range names {
		member := slices.IndexFunc(s.Members, func(o fact.Member) bool { return fact.SlotNameOf(o.Name) == name })
		streams := member >= 0 &&
			(s.Members[member].Name == s.Leader() || slices.Contains(followers(s, m), s.Members[member].Name))
		switch {
		case name == fact.SlotNameOf(m):
			bad = append(bad, name+", its own slot, which it does not have as leader")
		case streams:
			keep = append(keep, name)
		case member >= 0:
			bad = append(bad, name+", whose member does not stream")
		case permanent[name].Type != "physical":
			bad = append(bad, name+", which is no member's slot and not declared in /config")
		default:
			keep = append(keep, name)
		}
	}
	if len(bad) == 0 {
		return Witnessed(asked, "%s: all of them exist on %s once it leads", value, m)
	}
	var stopped []string
	for _, slot := range fact.SQLSlots.Of(s, s.Leader()).Must() {
		if slot.Type == "logical" && slot.Failover {
			stopped = append(stopped, slot.Name)
		}
	}
	f := Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("%s; as leader %s waits for %s", value, m, strings.Join(bad, "; ")),
		Expected: "slots that exist there and are in use",
		Effect: fmt.Sprintf("The consumers of the slots with failover (%s) receive nothing after the switchover, until the "+
			"setting is changed.", fact.Names(stopped)),
		Remedy: fmt.Sprintf("In patroni.yml of %s set postgresql.parameters.synchronized_standby_slots to '%s', then: "+
			"patronictl reload %s %s", m, strings.Join(keep, ","), s.Target.Scope, m),
	}
	if len(stopped) == 0 {
		f.Severity = Warning
		f.Effect = "No slot with failover exists at present. The consumer of one would receive nothing after the switchover."
	}
	return []Finding{f}
}

var slotsLeftover = Check{
	ID:    "slots.leftover",
	Title: "no slot of the old leader stops slot synchronisation there",
	Since: "0.3.0",
	Why: "A slot with failover that was created on the leader stays on it when it becomes a standby, with synced = " +
		"false. PostgreSQL's slot synchronisation stops there at the first such slot, and the way back is closed.",
	Source: "pg_replication_slots on the leader; postgres slotsync.c, synchronize_one_slot; Patroni pull request 3493 " +
		"(in 4.2.0)",
	Fix:      "After the switchover, on the old leader: SELECT pg_drop_replication_slot('NAME');",
	Proof:    "Cases on a recorded snapshot, and PostgreSQL's source.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSlots, fact.SQLSettings, fact.KeyVersion},
	Run:      runLeftover,
}

func runLeftover(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_replication_slots")
	if fact.SQLSettings.Get(s, m)["sync_replication_slots"] != "on" {
		return Witnessed(asked, "sync_replication_slots is not on")
	}
	var left []string
	for _, slot := range fact.SQLSlots.Get(s, m) {
		if slot.Type == "logical" && slot.Failover && !slot.Synced && !slot.Temporary {
			left = append(left, slot.Name)
		}
	}
	version := fact.KeyVersion.Get(s, m)
	switch {
	case len(left) == 0:
		return Witnessed(asked, "no slot with failover was created on %s", m)
	case !fact.OlderThan(version, 4, 2, 0):
		return Witnessed(asked, "%s; Patroni %s drops them when %s follows", fact.Names(left), version, m)
	}
	drops := make([]string, len(left))
	for i, name := range left {
		drops[i] = "SELECT pg_drop_replication_slot('" + name + "');"
	}
	return []Finding{{
		Asked:    asked,
		Observed: "created on " + m + " with failover: " + fact.Names(left),
		Effect: fmt.Sprintf("When %s is a standby, these slots of its own stop slot synchronisation there: %s is not a "+
			"candidate for the way back.", m, m),
		Remedy: fmt.Sprintf("After the switchover, on %s: %s", m, strings.Join(drops, " ")),
	}}
}

var slotsSubscriptions = Check{
	ID:    "slots.subscriptions",
	Title: "this cluster subscribes to no other one",
	Since: "0.3.0",
	Why: "Subscriptions are part of the data: after the switchover the new leader connects to the publishers, from its " +
		"own address. Nothing here shows whether their pg_hba.conf and their firewall accept it.",
	Source:   "pg_subscription on the leader",
	Fix:      "Make sure that the publisher accepts connections from the candidate.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Optional: true,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.Subscriptions},
	Run: func(s *fact.Snapshot, q fact.Question, m string) []Finding {
		asked := s.SQLQuery(m, "pg_subscription")
		var names []string
		for _, sub := range fact.Subscriptions.Get(s, m) {
			if sub.Enabled {
				names = append(names, fmt.Sprintf("%s in database %s, slot %s", sub.Name, sub.Database,
					fact.Shown(sub.Slot.OrZero())))
			}
		}
		if len(names) == 0 {
			return Witnessed(asked, "no subscription is enabled")
		}
		return []Finding{{
			Asked:    asked,
			Observed: "this cluster subscribes to others: " + strings.Join(names, "; "),
			Effect:   "After the switchover the new leader connects to these publishers.",
			Remedy: "Make sure that pg_hba.conf of the publishers accepts the address of " +
				cmp.Or(q.Candidate, "each member") + ".",
		}}
	},
}

var slotsLost = Check{
	ID:    "slots.lost",
	Title: "the candidate's slots for the other members have their WAL",
	Since: "0.3.0",
	Why: "A member follows the new leader by the slot that the candidate keeps for it. One that has lost its WAL is " +
		"invalid for good; Patroni replaces it on a standby since 4.0.7, and on a primary since 4.0.10 and 4.1.4.",
	Source:   "wal_status in pg_replication_slots on the candidate; patroni/postgresql/slots.py",
	Fix:      "On the candidate: SELECT pg_drop_replication_slot('NAME'); Patroni creates it again.",
	Proof:    "TestCases: N27-lost-on-candidate.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSlots},
	Run:      runLostSlots,
}

func runLostSlots(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_replication_slots")
	var out []Finding
	for _, slot := range fact.SQLSlots.Get(s, m) {
		i := slices.IndexFunc(s.Members, func(o fact.Member) bool { return fact.SlotNameOf(o.Name) == slot.Name })
		if slot.Type != "physical" || i < 0 || slot.WALStatus.OrZero() != "lost" && slot.Invalid == "" {
			continue
		}
		member := s.Members[i].Name
		out = append(out, Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("the slot %s has lost its WAL", slot.Name),
			Effect:   fmt.Sprintf("%s cannot follow %s by that slot: it does not stream after the switchover.", member, m),
			Remedy: fmt.Sprintf("On %s: SELECT pg_drop_replication_slot('%s'); Patroni creates it again within loop_wait.", m,
				slot.Name),
		})
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "no slot of a member has lost its WAL")
}
