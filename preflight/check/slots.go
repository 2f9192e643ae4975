package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

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
