package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

var patroniDecision = Check{
	ID:    "patroni.decision",
	Title: "Patroni would accept the switchover",
	Since: "0.2.0",
	Why: "patronictl, the leader's REST API and its HA loop refuse by rules of their own, which differ from " +
		"release to release. This check is their sum: it reports a refusal that no other check has explained.",
	Source: "patroni/ctl.py _do_failover_or_switchover; patroni/api.py do_POST_failover, is_failover_possible; " +
		"patroni/ha.py process_manual_failover_from_leader, is_failover_possible; docs/prediction.md",
	Fix: "Find out what the leader would log; another candidate may work.",
	Proof: "e2e/oracle_test.go: generated states against Patroni's own functions, for each release in " +
		"docs/prediction.md; preflight/versions_test.go: each change between two releases on one snapshot",
	Kind:     PatroniRule,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    decisionGrounds,
	Repeats:  decisionGrounds,
	Needs:    []fact.Need{decisionNow},
	Run:      runDecision,
}

var patroniElection = Check{
	ID:    "patroni.election",
	Title: "a member takes the leader key after the old leader",
	Since: "0.2.0",
	Why: "After the old leader has stepped down, each member decides whether it takes the key. In some states the " +
		"leader accepts and then no member takes it, or the old leader takes it back.",
	Source:   "patroni/ha.py is_healthiest_node, manual_failover_process_no_leader, _is_healthiest_node",
	Fix:      "Name a candidate that may take the key.",
	Proof:    "e2e/oracle_test.go",
	Kind:     PatroniRule,
	Severity: Blocker,
	Of:       OfCluster,
	After:    []string{"dcs.leader", "candidate.member"},
	Needs:    []fact.Need{predictionAsked},
	Run:      runElection,
}

var patroniRelease = Check{
	ID:    "patroni.release",
	Title: "the rules of this tool were compared with the leader's release",
	Since: "0.3.0",
	Why: "The prediction follows Patroni's rules, which change from release to release. They were compared with " +
		"Patroni's own functions up to " + patroni.Newest + "; a newer release may decide otherwise.",
	Source:   "docs/prediction.md, the table of the releases that were compared",
	Fix:      "Look for a newer release of patroni-preflight, or read Patroni's release notes.",
	Proof:    "TestNewestIsCompared; e2e/oracle_test.go.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.KeyVersion},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		version, asked := fact.KeyVersion.Get(s, m), s.KeyName("/members/"+m)
		if !patroni.NotCompared(version) {
			return Witnessed(asked, "Patroni %s; compared up to %s", version, patroni.Newest)
		}
		return []Finding{{
			Asked:    asked,
			Observed: "Patroni " + version,
			Expected: patroni.Newest + " or older",
			Effect:   "The prediction is by the rules of " + patroni.Newest + ". This release may decide otherwise.",
			Remedy:   "Look for a newer release of patroni-preflight, or read the release notes of Patroni " + version + ".",
		}}
	},
}

// decisionGrounds are the checks that say more of a refusal than patroni.decision does.
var decisionGrounds = []string{
	"dcs.alarms",
	"dcs.leader",
	"maintenance.pause",
	"candidate.rest",
	"candidate.running",
	"identity.rest_name",
	"identity.rest_role",
	"lag.patroni",
	"candidate.member",
	"candidate.nofailover",
	"candidate.watchdog",
	"candidate.sync",
	"candidate.timeline",
}

// decisionNow is what Patroni would decide at once for that candidate; what it
// makes of a time is another question.
var decisionNow = fact.Asked[patroni.Prediction]{
	Label: "the facts that Patroni decides by",
	Of: func(s *fact.Snapshot, q fact.Question, subject string) fact.Observed[patroni.Prediction] {
		p := patroni.PredictFor(s, q.About(subject))
		if p.Stage == patroni.StageUnknown {
			return fact.NotKnown[patroni.Prediction](fact.Failed, "not known: %s", strings.Join(p.Unknown, ", "))
		}
		return fact.Known(p)
	},
}

// predictionAsked is the same for what was asked, named or not.
var predictionAsked = fact.Asked[patroni.Prediction]{
	Label: decisionNow.Label,
	Of: func(s *fact.Snapshot, q fact.Question, _ string) fact.Observed[patroni.Prediction] {
		return decisionNow.Of(s, q, q.Candidate)
	},
}

// rules names what was asked: Patroni's rules.
func rules(s *fact.Snapshot, candidate string) string {
	to := "the member that Patroni chooses"
	if candidate != "" {
		to = candidate
	}
	return fmt.Sprintf(
		"the rules of Patroni %s, the leader's release, for a switchover to %s",
		fact.KeyVersion.Of(s, s.Leader()).OrZero(),
		to,
	)
}

func runDecision(s *fact.Snapshot, q fact.Question, m string) []Finding {
	p, asked := decisionNow.Get(s, q, m), rules(s, m)
	if p.Stage != patroni.StageCtl && p.Stage != patroni.StageREST && p.Stage != patroni.StageLeader {
		return Witnessed(asked, "not refused")
	}
	f := Finding{
		Severity: whereNamed(
			q,
		),
		Asked:    asked,
		Observed: fmt.Sprintf("refused by %s: %q", stageNames[p.Stage], p.Printed),
		Expected: "accepted",
		Effect:   "Nothing would happen: the leader stays.",
		Remedy:   fmt.Sprintf("Choose another candidate than %s, or correct what the answer names.", m),
	}
	if len(p.Reason) > 0 {
		f.Effect += fmt.Sprintf(" Its log would say %q.", strings.Join(p.Reason, "; "))
	}
	return []Finding{f}
}

var stageNames = map[patroni.Stage]string{
	patroni.StageCtl:    "patronictl itself",
	patroni.StageREST:   "the leader's REST API",
	patroni.StageLeader: "the leader's HA loop",
}

func runElection(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	p, c := predictionAsked.Get(s, q, ""), q.Candidate
	asked := rules(s, c)
	switch {
	case p.Stage != patroni.StageDone:
		return Witnessed(asked, "the leader does not step down")
	case p.Leaderless && c != "" && runSync(s, q, c)[0].Severity != Evidence:
		return Witnessed(asked, "see candidate.sync")
	case p.Leaderless:
		return []Finding{
			{
				Asked:    asked,
				Observed: "the leader steps down, and no member takes the key",
				Expected: "a new leader",
				Effect: "The cluster would have no primary until an operator intervenes; patronictl prints 503 \"Switchover " +
					"status unknown\".",
				Remedy: "Name another candidate: a healthy member that is in /sync if synchronous mode is on.",
			},
		}
	case p.Winners[0] == s.Leader():
		return []Finding{{
			Asked: asked, Observed: "the leader steps down, then takes the key back", Expected: "a new leader",
			Effect: "The interruption would achieve nothing; patronictl prints 503 \"Switchover failed\".",
			Remedy: "Name another candidate.",
		}}
	}
	return Witnessed(asked, "%s takes the leader key", strings.ReplaceAll(patroni.OneOf(p.Winners), `"`, ""))
}

var patroniFaults = Check{
	ID:    "patroni.faults",
	Title: "no known fault of the leader's Patroni affects this cluster",
	Since: "0.2.0",
	Why: "Some releases of Patroni do harm in a switchover of a cluster configured like this one, and a later " +
		"release has fixed it. Faults that show in the state have checks of their own; this check reports the faults that " +
		"only the version reveals.",
	Source: "Patroni's release notes 2.1.0, 2.1.2, 2.1.3, 3.0.4, 3.3.1, 3.3.3, 4.0.2, 4.0.3, 4.0.8, 4.1.1; " +
		"patroni/patroni issues 1749, 1860, 2124, 2137, 2738, 3078, 3146, 3184, 3496",
	Fix:      "Update Patroni first, the leader last.",
	Proof:    "Cases on a recorded snapshot, on both sides of each release, and Patroni's release notes.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs: []fact.Need{
		fact.KeyVersion.OnLeader(),
		fact.Config,
		fact.SyncMode,
		syncStrict,
		syncNodes,
		fact.StandbyCluster,
		fact.SyncState,
		fact.PermanentSlots,
		fact.UsePgRewind,
		patroni.MaxLag,
	},
	Run: runFaults,
}

var syncNodes = fact.OfConfig(
	"synchronous_node_count in /config",
	func(c fact.DynamicConfig) fact.Observed[int64] { return c.SynchronousNodeCount },
)

// release is major, minor and patch.
type release [3]int

func (r release) String() string { return fmt.Sprintf("%d.%d.%d", r[0], r[1], r[2]) }

// span are the releases that have a fault: from the first to the one before fixed.
// Fixes are backported, so a fault has a span for each line of releases.
type span struct{ first, fixed release }

func (s span) has(version string) bool {
	return !fact.OlderThan(version, s.first[0], s.first[1], s.first[2]) &&
		fact.OlderThan(version, s.fixed[0], s.fixed[1], s.fixed[2])
}

// fault is one of Patroni's.
type fault struct {
	in       []span
	severity Severity
	// bears says by what the fault bears on this cluster, "" where it does not.
	bears          func(s *fact.Snapshot, q fact.Question) string
	effect, remedy string
	// wants is what is expected, "" for the release that has the fix on the leader.
	wants string
}

var faults = []fault{
	{
		in:       []span{{fixed: release{2, 1, 0}}},
		severity: Warning,
		bears:    archivedShutdown,
		effect: "The old leader then reports the position of its last checkpoint one WAL file beyond what the other " +
			"members can have: they count as too far behind, and if no candidate is named, or the named one fails, no member " +
			"takes the key until the old leader is back.",
		remedy: "Name a candidate, or set maximum_lag_on_failover above the size of a WAL file for the switchover",
	},
	{
		in:       []span{{fixed: release{2, 1, 0}}},
		severity: Blocker,
		bears: func(s *fact.Snapshot, _ fact.Question) string {
			var logical []string
			for name, p := range fact.PermanentSlots.Get(s, "") {
				if p.Type == "logical" {
					logical = append(logical, name)
				}
			}
			if logical == nil {
				return ""
			}
			return "/config declares logical slots: " + fact.Names(logical)
		},
		effect: "This release creates them again after the promotion, at the position of that moment: changes written " +
			"before and not yet consumed never reach their consumers, without an error.",
		remedy: "Let the consumers catch up while no client writes",
	},
	{
		in:       []span{{fixed: release{2, 1, 2}}},
		severity: Warning,
		bears: func(s *fact.Snapshot, _ fact.Question) string {
			if fact.UsePgRewind.Get(s, "") {
				return "use_pg_rewind is on"
			}
			return ""
		},
		effect: "The other members may decide about pg_rewind while the new leader still shows its old timeline, and then " +
			"follow without a rewind that they need.",
		remedy: "After the switchover, check that every member streams on the new timeline",
	},
	{
		in:       []span{{fixed: release{3, 0, 4}}},
		severity: Warning,
		bears: func(s *fact.Snapshot, _ fact.Question) string {
			if syncStrict.Get(s, "") && patroni.SyncActive(s) != "off" && len(s.Replicas()) < 2 {
				return "synchronous_mode_strict is on, and there is no third member"
			}
			return ""
		},
		effect: "The new leader's own statements wait for a synchronous standby that is not connected yet; meanwhile its " +
			"Patroni does not answer.",
		remedy: "Turn synchronous_mode_strict off for the switchover",
	},
	{
		in: []span{{fixed: release{3, 3, 1}}}, severity: Warning, bears: func(s *fact.Snapshot, _ fact.Question) string {
			if standbys := fact.SyncState.Get(s, "").Standbys; fact.StandbyCluster.Get(s, "") && len(standbys) > 0 {
				return "this is a standby cluster, and /sync names " + fact.Names(standbys)
			}
			return ""
		},
		effect: "It is a remnant: patronictl list shows a Sync Standby although every standby is asynchronous.",
		remedy: "Ignore that mark",
	},
	{
		in:       []span{{release{4, 0, 0}, release{4, 0, 8}}, {release{4, 1, 0}, release{4, 1, 1}}},
		severity: Warning,
		bears:    unequalPriorities,
		effect:   "This release may promote a member other than the one with the highest failover_priority.",
		remedy:   "Name a candidate",
	},
	{
		in:       []span{{release{2, 1, 0}, release{2, 1, 3}}},
		severity: Warning,
		bears:    cascades,
		effect: "This release fails in a switchover of a cluster with a cascading member and slots: an exception in its HA " +
			"loop, and slots that are not maintained.",
		remedy: "Remove the tag replicatefrom for the switchover",
	},
	{
		in:       []span{{release{3, 2, 0}, release{3, 3, 3}}, {release{4, 0, 0}, release{4, 0, 2}}},
		severity: Warning,
		bears: func(s *fact.Snapshot, _ fact.Question) string {
			slots := !fact.Equal(fact.UseSlots.Of(s, ""), false)
			if fact.OlderThan(fact.KeyVersion.Of(s, s.Leader()).OrZero(), 4, 0, 0) {
				// Before 4.0.0 a replica keeps permanent slots only.
				slots = slots && slices.ContainsFunc(slices.Collect(maps.Values(fact.PermanentSlots.Get(s, ""))),
					func(p fact.PermanentSlot) bool { return p.Type == "physical" })
			}
			for _, m := range s.Replicas() {
				if slots && fact.SQLSettings.Of(s, m).OrZero()["hot_standby_feedback"] == "on" {
					return "hot_standby_feedback is on"
				}
			}
			return ""
		},
		effect: "The slots that the old leader keeps for the other members hold their xmin afterwards. It reaches the new " +
			"leader by hot_standby_feedback: VACUUM removes nothing more.",
		remedy: "After the switchover, drop the inactive slots on the old leader (Patroni creates them again)",
	},
	{
		in:       []span{{fixed: release{4, 0, 0}}},
		severity: Warning,
		bears: func(s *fact.Snapshot, _ fact.Question) string {
			for _, m := range s.Replicas() {
				version := fact.KeyVersion.Of(s, m).OrZero()
				if (span{release{4, 0, 0}, release{4, 0, 3}}).has(version) {
					return m + " runs Patroni " + version
				}
			}
			return ""
		},
		effect: "That member does not advance the slots that it keeps for the others while the leader is older than 4.0.0: " +
			"they hold WAL.",
		remedy: "Update that member to 4.0.3 or later",
		wants:  "Patroni 4.0.3 or later there",
	},
}

// cascades: a member takes its WAL from another one by its tag, and slots are used.
func cascades(s *fact.Snapshot, _ fact.Question) string {
	for _, m := range s.Replicas() {
		upstream, _ := fact.KeyTags.Of(s, m).OrZero()["replicatefrom"].(string)
		if _, there := s.Member(upstream); there && upstream != s.Leader() && !fact.Equal(fact.UseSlots.Of(s, ""), false) {
			return m + " cascades from " + upstream
		}
	}
	return ""
}

// archivedShutdown: the leader archives, so its last checkpoint begins a new WAL file.
func archivedShutdown(s *fact.Snapshot, _ fact.Question) string {
	settings := fact.SQLSettings.Of(s, s.Leader()).OrZero()
	size, ok := fact.Setting(settings, "wal_segment_size")
	if !ok {
		size = 16 << 20
	}
	mode := settings["archive_mode"]
	if limit := patroni.MaxLag.Get(s, ""); mode != "off" && limit < size {
		return fmt.Sprintf(
			"archive_mode is %s, and maximum_lag_on_failover (%d) is less than a WAL file (%d)",
			fact.Shown(mode),
			limit,
			size,
		)
	}
	return ""
}

// unequalPriorities: nobody is named, and Patroni would have to choose among
// several synchronous standbys by their failover_priority.
func unequalPriorities(s *fact.Snapshot, q fact.Question) string {
	if q.Candidate != "" || patroni.SyncActive(s) == "off" || syncNodes.Get(s, "") < 2 {
		return ""
	}
	differ := map[string]bool{}
	for _, m := range patroni.Eligible(s) {
		priority, ok := fact.KeyTags.Of(s, m).OrZero()["failover_priority"]
		if !ok {
			priority = 1
		}
		differ[fmt.Sprint(priority)] = true
	}
	if len(differ) < 2 {
		return ""
	}
	return fmt.Sprintf(
		"no candidate is named, synchronous_node_count is %d, and failover_priority differs",
		syncNodes.Get(s, ""),
	)
}

func runFaults(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	version := fact.KeyVersion.Of(s, s.Leader()).Must()
	asked := s.KeyName("/members/" + s.Leader())
	var out []Finding
	for _, f := range faults {
		i := slices.IndexFunc(f.in, func(in span) bool { return in.has(version) })
		if i < 0 {
			continue
		}
		why := f.bears(s, q)
		if why == "" {
			continue
		}
		fixed := f.in[i].fixed.String()
		if f.wants != "" {
			out = append(out, Finding{
				Severity: f.severity, Asked: asked, Observed: "Patroni " + version + ", and " + why, Expected: f.wants,
				Effect: f.effect, Remedy: f.remedy + ".",
			})
			continue
		}
		out = append(out, Finding{
			Severity: f.severity,
			Asked:    asked,
			Observed: fmt.Sprintf("Patroni %s, and %s", version, why),
			Expected: "Patroni " + fixed + " or later",
			Effect:   f.effect,
			Remedy:   f.remedy + ", or update Patroni to " + fixed + " or later first.",
		})
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "Patroni %s: none of %d known faults affects this cluster", version, len(faults))
}
