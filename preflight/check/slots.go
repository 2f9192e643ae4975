package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

var slotsLogical = Check{
	ID:    "slots.logical",
	Title: "every logical slot exists after the switchover",
	Since: "0.2.0",
	Why: "A logical slot exists only on the leader. Patroni copies those that /config declares under slots; " +
		"PostgreSQL 17 and later synchronises those created with failover. Every other logical slot is missing on the new " +
		"leader, and Patroni drops it on the old one: its subscriber loses changes.",
	Source: "pg_replication_slots on leader and candidate; slots and ignore_slots in /config; " +
		"patroni/postgresql/slots.py sync_replication_slots",
	Fix:      "Declare the slot: patronictl edit-config -s slots.NAME.type=logical ..., or drop it.",
	Proof:    "docs/accuracy.md: \"logical slot that nobody declared\" on Patroni 3.0 and 4.0: gone after the switchover.",
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

var slotsForeign = Check{
	ID:    "slots.foreign",
	Title: "every physical slot exists after the switchover",
	Since: "0.2.0",
	Why: "A physical slot that belongs to no member (another site's standby, pg_receivewal) is not created on the " +
		"new leader unless /config declares it: its consumer stops, or misses WAL.",
	Source:   "pg_replication_slots on the leader; slots in /config; patroni/postgresql/slots.py",
	Fix:      "Declare it: patronictl edit-config -s slots.NAME.type=physical.",
	Proof:    "Cases on a recorded snapshot, and Patroni's source; docs/accuracy.md: \"permanent physical slot\" (GO).",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSlots, fact.PermanentSlots, fact.IgnoreSlots},
	Run:      runForeignSlots,
}

var slotsCarriers = Check{
	ID:    "slots.carriers",
	Title: "the candidate has the declared slots",
	Since: "0.2.0",
	Why: "Patroni keeps no permanent slots on members tagged nofailover, nostream or replicatefrom; on a new " +
		"leader they are created at its position of that moment.",
	Source: "tags in the member key; slots in /config; pg_replication_slots on the candidate; patroni/dcs/__init__.py " +
		"Cluster._get_permanent_slots",
	Fix:      "Choose a candidate without such a tag.",
	Proof:    "Cases on a recorded snapshot, and Patroni's source.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.KeyTags, fact.PermanentSlots, fact.SQLSlots},
	Run:      runCarriers,
}

var slotsNames = Check{
	ID:    "slots.names",
	Title: "every member has a slot name of its own",
	Since: "0.2.0",
	Why: "Patroni derives the name of a member's slot from the member's name: lower case, - and . become _. Two " +
		"members with one slot name use it in turns, and one of them does not stream.",
	Source:   "patroni/dcs/__init__.py slot_name_from_member_name",
	Fix:      "Rename one of the members.",
	Proof:    "Cases on a recorded snapshot, and Patroni's source.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.UseSlots},
	Run:      runSlotNames,
}

func runLogicalSlots(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	leader := s.Leader()
	asked := s.SQLQuery(leader, "pg_replication_slots")
	permanent, own := fact.PermanentSlots.Get(s, m), fact.SQLSlots.Get(s, m)
	var out []Finding
	kept := 0
	for _, slot := range fact.SQLSlots.Of(s, leader).Must() {
		if slot.Type != "logical" || slot.Temporary {
			continue
		}
		copied, there := fact.SlotNamed(own, slot.Name)
		if fact.Declared(permanent, slot) || slot.Failover && there && copied.Synced {
			kept++
			continue
		}
		f := Finding{
			Asked: asked,
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
					"until %s has it. Or drop it: SELECT pg_drop_replication_slot('%s');",
				s.Target.Scope,
				slot.Name,
				slot.Name,
				slot.Database,
				slot.Name,
				slot.Plugin,
				m,
				slot.Name,
			),
		}
		if fact.Ignored(fact.IgnoreSlots.Of(s, m).Must(), slot) {
			f.Severity = Warning
			f.Observed = fmt.Sprintf("logical slot %s, which ignore_slots excludes from Patroni's care", slot.Name)
			f.Effect = fmt.Sprintf(
				"Patroni does not copy it to %s: the tool that maintains it has to create it there before its consumer continues.",
				m,
			)
			f.Remedy = "Make sure that the tool that maintains this slot follows the leader."
		}
		out = append(out, f)
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "%d logical slots, all kept across a switchover", kept)
}

func runLogicalReady(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	leader := s.Leader()
	asked := s.SQLQuery(m, "pg_replication_slots")
	permanent, own := fact.PermanentSlots.Get(s, m), fact.SQLSlots.Get(s, m)
	var out []Finding
	ready := 0
	for _, slot := range fact.SQLSlots.Of(s, leader).Must() {
		if slot.Type != "logical" || !fact.Declared(permanent, slot) {
			continue
		}
		copied, there := fact.SlotNamed(own, slot.Name)
		why := ""
		switch {
		case !there:
			why = "not there yet"
		case copied.Invalid != "":
			why = "invalid (" + copied.Invalid + ")"
		case copied.WALStatus.OrZero() == "lost":
			why = "its WAL is lost"
		case !copied.CatalogXmin:
			why = "it has no catalog_xmin yet"
		}
		if why == "" {
			ready++
			continue
		}
		out = append(out, Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("the declared logical slot %s: %s", slot.Name, why),
			Effect:   fmt.Sprintf("%s would lead without a usable slot %s: its consumer loses changes.", m, slot.Name),
			Remedy: fmt.Sprintf(
				"Wait until Patroni has copied it to %s, with hot_standby_feedback on; Patroni's log there says what it waits for.",
				m,
			),
		})
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "%d declared logical slots, all usable", ready)
}

func runForeignSlots(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_replication_slots")
	permanent, members := fact.PermanentSlots.Get(s, m), s.MemberSlots()
	var lost []string
	for _, slot := range fact.SQLSlots.Get(s, m) {
		if slot.Type == "physical" && !slot.Temporary && !slices.Contains(members, slot.Name) &&
			!fact.Declared(permanent, slot) &&
			!fact.Ignored(fact.IgnoreSlots.Get(s, m), slot) {
			lost = append(lost, slot.Name)
		}
	}
	if len(lost) == 0 {
		return Witnessed(asked, "no physical slots besides those of members and declared ones")
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: "physical slots that belong to no member and are not declared in /config: " + fact.Names(lost),
			Effect:   "They do not exist on the new leader: their consumers stop, or miss WAL.",
			Remedy: fmt.Sprintf(
				"patronictl edit-config %s -s slots.%s.type=physical",
				s.Target.Scope,
				strings.Join(lost, ".type=physical -s slots."),
			),
		},
	}
}

func runCarriers(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.KeyName("/members/" + m)
	var tags []string
	for _, t := range []string{"nofailover", "nostream", "replicatefrom"} {
		if v, ok := fact.KeyTags.Get(s, m)[t]; ok && fact.PythonBool(v) {
			tags = append(tags, t)
		}
	}
	var missing []string
	for name := range fact.PermanentSlots.Get(s, m) {
		if _, there := fact.SlotNamed(fact.SQLSlots.Get(s, m), name); !there && len(tags) > 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return Witnessed(asked, "no declared slot is missing because of tags")
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: fmt.Sprintf("tagged %s, and without the declared slots %s", strings.Join(tags, ", "), fact.Names(missing)),
			Effect: "They are created when it leads, at its position of that moment: earlier WAL is not kept for their " +
				"consumers.",
			Remedy: "Choose another candidate, or remove the tag and wait until the slots exist.",
		},
	}
}

func runSlotNames(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	asked := s.KeyName("/members/")
	if !fact.UseSlots.Get(s, "") {
		return Witnessed(asked, "slots are not used")
	}
	by := map[string][]string{}
	for _, m := range s.Members {
		slot := fact.SlotNameOf(m.Name)
		by[slot] = append(by[slot], m.Name)
	}
	var out []Finding
	for _, m := range s.Members {
		if same := by[fact.SlotNameOf(m.Name)]; len(same) > 1 && same[0] == m.Name {
			out = append(out, Finding{
				Asked:    asked,
				Observed: fmt.Sprintf("%s share the slot name %s", strings.Join(same, " and "), fact.SlotNameOf(m.Name)),
				Effect:   "Only one of them can use it at a time: the other does not stream.",
				Remedy:   "Rename one of them in its patroni.yml, and remove the old member.",
			})
		}
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "%d members, as many slot names", len(s.Members))
}
