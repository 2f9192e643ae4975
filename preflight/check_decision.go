package preflight

import (
	"fmt"
	"strings"
)

var patroniDecision = Check{
	ID:       "patroni.decision",
	Title:    "Patroni would accept the switchover",
	Since:    "0.2.0",
	Why:      "patronictl, the leader's REST API and its HA loop refuse by rules of their own, which differ from release to release. This is their sum: it speaks up where Patroni would refuse and no other check has said why.",
	Source:   "patroni/ctl.py _do_failover_or_switchover; patroni/api.py do_POST_failover, is_failover_possible; patroni/ha.py process_manual_failover_from_leader, is_failover_possible; docs/prediction.md",
	Fix:      "See what the leader would log; another candidate may do.",
	Proof:    "e2e/oracle_test.go: generated states against Patroni's own functions, for each release in docs/prediction.md; preflight/versions_test.go: each change between two releases on one snapshot",
	Kind:     PatroniRule,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    decisionGrounds,
	Repeats:  decisionGrounds,
	Needs:    []Need{decisionNow},
	Run:      runDecision,
}

var syncQuorum = Check{
	ID:       "sync.quorum",
	Title:    "enough voters are fit where Patroni chooses in quorum mode",
	Since:    "0.2.0",
	Why:      "In quorum mode a switchover without a named candidate wants one fit voter more than the quorum in /sync. Otherwise the leader refuses, since 4.0.5, and only its log says why. standby_cluster, which switches synchronous mode off, does not lift this.",
	Source:   "patroni/ha.py is_failover_possible: \"Quorum requirement N can not be reached\" (logged since 4.0.6)",
	Fix:      "Name a candidate that is in /sync, or bring the missing voters back.",
	Proof:    "e2e/oracle_test.go",
	Kind:     PatroniRule,
	Severity: Blocker,
	Of:       OfCluster,
	After:    []string{"dcs.leader", "candidate.member"},
	Needs:    []Need{syncMode, syncState, keyVersion.onLeader(), predictionAsked},
	Run:      runQuorum,
}

var patroniElection = Check{
	ID:       "patroni.election",
	Title:    "somebody takes the leader key after the old leader",
	Since:    "0.2.0",
	Why:      "After the old leader has stepped down each member decides for itself whether it takes the key. There are clusters in which the leader accepts and then nobody does, or the old leader does again.",
	Source:   "patroni/ha.py is_healthiest_node, manual_failover_process_no_leader, _is_healthiest_node",
	Fix:      "Name a candidate that may take the key.",
	Proof:    "e2e/oracle_test.go",
	Kind:     PatroniRule,
	Severity: Blocker,
	Of:       OfCluster,
	After:    []string{"dcs.leader", "candidate.member"},
	Needs:    []Need{predictionAsked},
	Run:      runElection,
}

// decisionGrounds are the checks that say more of a refusal than patroni.decision does.
var decisionGrounds = []string{
	"dcs.alarms", "dcs.leader", "maintenance.pause", "candidate.rest", "candidate.running", "identity.rest_name", "identity.rest_role", "lag.patroni",
	"candidate.member", "candidate.nofailover", "candidate.watchdog", "candidate.sync", "candidate.timeline",
}

// decisionNow is what Patroni would decide at once for that candidate; what it
// makes of a time is another question.
var decisionNow = asked[Prediction]{"what Patroni decides by", func(s *Snapshot, q Question, subject string) Observed[Prediction] {
	p := PredictFor(s, q.About(subject))
	if p.Stage == StageUnknown {
		return NotKnown[Prediction](Failed, "not known: %s", strings.Join(p.Unknown, ", "))
	}
	return Known(p)
}}

// predictionAsked is the same for what was asked, named or not.
var predictionAsked = asked[Prediction]{decisionNow.name, func(s *Snapshot, q Question, _ string) Observed[Prediction] {
	return decisionNow.of(s, q, q.Candidate)
}}

// rules names what was asked: Patroni's rules.
func (s *Snapshot) rules(candidate string) string {
	to := "whom Patroni chooses"
	if candidate != "" {
		to = candidate
	}
	return fmt.Sprintf("the rules of Patroni %s, the leader's, for a switchover to %s", keyVersion.of(s, s.Leader()).orZero(), to)
}

func runDecision(s *Snapshot, q Question, m string) []Finding {
	p, asked := decisionNow.get(s, q, m), s.rules(m)
	if p.Stage != StageCtl && p.Stage != StageREST && p.Stage != StageLeader {
		return evidence(asked, "not refused")
	}
	f := Finding{
		Severity: whereNamed(q), Asked: asked, Observed: fmt.Sprintf("refused by %s: %q", stageNames[p.Stage], p.Printed), Expected: "accepted",
		Effect: "Nothing would happen: the leader stays.",
		Remedy: fmt.Sprintf("Choose another candidate than %s, or mend what the answer names.", m),
	}
	if len(p.Reason) > 0 {
		f.Effect += fmt.Sprintf(" Its log would say %q.", strings.Join(p.Reason, "; "))
	}
	return []Finding{f}
}

var stageNames = map[Stage]string{
	StageCtl: "patronictl itself", StageREST: "the leader's REST API", StageLeader: "the leader's HA loop",
	StageQueued: "nobody", StageSilent: "nobody", StageScheduled: "nobody yet", StageDone: "nobody",
}

func runQuorum(s *Snapshot, q Question, _ string) []Finding {
	mode, sync, version := syncMode.get(s, ""), syncState.get(s, ""), keyVersion.of(s, s.Leader()).Must()
	asked, p := s.key("/sync"), predictionAsked.get(s, q, "")
	switch {
	case mode != "quorum" || olderThan(version, 4, 0, 0):
		return evidence(asked, "synchronous mode is %s, not quorum", mode)
	case q.Candidate != "":
		return evidence(asked, "quorum is %d; it is not counted for a named candidate", sync.Quorum)
	case p.Stage != StageLeader || sync.Quorum == 0:
		return evidence(asked, "quorum is %d, voters are %s", sync.Quorum, names(sync.Standbys))
	}
	f := Finding{
		Asked: asked, Observed: fmt.Sprintf("quorum is %d, and of the voters (%s) fewer than %d are fit", sync.Quorum, names(sync.Standbys), sync.Quorum+1),
		Expected: fmt.Sprintf("%d fit voters", sync.Quorum+1),
		Effect:   "The leader refuses: 503 \"Switchover failed\".",
		Remedy:   "Name a candidate that is in /sync and fit, or bring the missing voters back first.",
	}
	if len(p.Reason) > 0 {
		f.Effect += fmt.Sprintf(" Its log would say %q.", strings.Join(p.Reason, "; "))
	}
	return []Finding{f}
}

func runElection(s *Snapshot, q Question, _ string) []Finding {
	p, c := predictionAsked.get(s, q, ""), q.Candidate
	asked := s.rules(c)
	switch {
	case p.Stage != StageDone:
		return evidence(asked, "the leader does not step down")
	case p.Leaderless && c != "" && runSync(s, q, c)[0].Severity != Evidence:
		return evidence(asked, "candidate.sync says what comes of it")
	case p.Leaderless:
		return []Finding{{
			Asked: asked, Observed: "the leader steps down, and nobody takes the key", Expected: "a new leader",
			Effect: "The cluster would be without a primary until somebody intervenes; patronictl prints 503 \"Switchover status unknown\".",
			Remedy: "Name another candidate, one that is fit and in /sync where synchronous mode is on.",
		}}
	case p.Winners[0] == s.Leader():
		return []Finding{{
			Asked: asked, Observed: "the leader steps down, and takes the key again", Expected: "a new leader",
			Effect: "There would be an interruption for nothing; patronictl prints 503 \"Switchover failed\".",
			Remedy: "Name another candidate.",
		}}
	}
	return evidence(asked, "%s takes the leader key", strings.ReplaceAll(oneOf(p.Winners), `"`, ""))
}
