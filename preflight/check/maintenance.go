package check

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

var maintenancePause = Check{
	ID:    "maintenance.pause",
	Title: "the cluster is not in maintenance mode",
	Since: "0.1.0",
	Why: "In maintenance mode Patroni switches over to a named candidate, but has no fallback: if the promotion " +
		"fails, the cluster has no primary until an operator resumes it. Without a candidate, or with a time, it refuses. " +
		"In a paused standby cluster the request is queued and executed at resume.",
	Source: "patroni/api.py do_POST_failover; patroni/ha.py process_manual_failover_from_leader, " +
		"manual_failover_process_no_leader; measured: no primary for as long as the pause lasted",
	Fix: "After the maintenance, run: patronictl resume SCOPE --wait",
	Proof: "docs/accuracy.md: \"maintenance mode\", \"maintenance mode, no candidate named\" (400). Measured " +
		"separately: with a pre_promote that fails in pause, no primary until an operator resumed. The paused standby " +
		"cluster: process_manual_failover_from_leader in patroni/ha.py.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.Pause, fact.StandbyCluster},
	Run:       runPause,
}

var maintenanceMember = Check{
	ID:    "maintenance.member",
	Title: "the member has seen that maintenance mode is off",
	Since: "0.1.0",
	Why: "Each member notices the end of maintenance mode with its next HA loop; until then it acts as in " +
		"maintenance mode.",
	Source:    "pause in the member key (patroni/ha.py touch_member) and in GET /patroni (patroni/api.py)",
	Fix:       "Wait for loop_wait seconds; patronictl resume SCOPE --wait does that.",
	Proof:     "TestBreakages; patroni/ha.py touch_member writes pause as of the member's last HA loop.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"maintenance.pause"},
	Needs:     []fact.Need{fact.KeyPause},
	Run:       runMemberPause,
}

func runPause(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	asked := s.KeyName("/config")
	if !fact.Pause.Get(s, "") {
		return Witnessed(asked, "pause is off")
	}
	f := Finding{
		Asked: asked, Observed: "pause is true: maintenance mode", Expected: "pause off",
		Remedy: fmt.Sprintf("After the maintenance, run: patronictl resume %s --wait", s.Target.Scope),
	}
	switch {
	case fact.StandbyCluster.Get(s, ""):
		f.Kind = PatroniRule
		f.Effect = "This is a standby cluster: Patroni accepts the request, does nothing, and executes it at resume."
	case q.Candidate == "":
		f.Kind = PatroniRule
		f.Effect = "Patroni refuses: 400 \"Switchover is possible only to a specific candidate in a paused state\"."
	default:
		f.Effect = fmt.Sprintf(
			"Patroni would accept a switchover to %s. In maintenance mode it has no fallback: if the promotion fails, the "+
				"cluster has no primary until an operator resumes it.",
			q.Candidate,
		)
	}
	return []Finding{f}
}

func runMemberPause(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.KeyName("/members/" + m)
	if s.DCS.ByREST != "" {
		asked = s.RESTCall(m)
	}
	if fact.Equal(fact.Pause.Of(s, m), true) { // and the user ignores it
		return Witnessed(asked, "pause, as /config says")
	}
	f := Finding{
		Expected: "no pause, as /config says",
		Effect:   "It has not yet noticed the end of maintenance mode and acts as if it were still on.",
		Remedy: fmt.Sprintf(
			"Wait %d s and check again; if it stays, read Patroni's log on %s.",
			fact.LoopWait.Of(s, m).OrZero(),
			m,
		),
	}
	if fact.KeyPause.Get(s, m) {
		f.Asked, f.Observed = asked, "pause is true"
		return []Finding{f}
	}
	if fact.Equal(fact.RESTPause.Of(s, m), true) {
		f.Asked, f.Observed = s.RESTCall(m), "pause is true"
		return []Finding{f}
	}
	return Witnessed(asked, "no pause")
}
