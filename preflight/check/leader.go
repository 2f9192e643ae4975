package check

import (
	"fmt"
	"strings"

	"patroni-preflight/preflight/fact"
)

var leaderREST = Check{
	ID:    "leader.rest",
	Title: "the leader's REST API answers",
	Since: "0.1.0",
	Why: "patronictl sends the request there and waits without a limit. If the connection is refused, it writes " +
		"the request into the DCS itself and skips every check of the REST API.",
	Source: "patroni/ctl.py _do_failover_or_switchover; patroni/request.py sets no timeout",
	Fix:    "Find out whether Patroni runs on the leader, and whether its restapi.connect_address is right.",
	Proof: "docs/accuracy.md: \"leader's Patroni frozen\", \"the leader's REST port is closed to the others\": " +
		"patronictl hung, and wrote the key itself.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.RESTOutcome},
	Run:       runREST,
}

var leaderRunning = Check{
	ID:    "leader.running",
	Title: "the leader's PostgreSQL is running",
	Since: "0.1.0",
	Why: "While PostgreSQL starts, stops or does not answer, Patroni on that node is busy with it and does not " +
		"act on the request: 503 \"Switchover status unknown\".",
	Source:    "state in GET /patroni; patroni/ha.py _run_cycle",
	Fix:       "Wait until patronictl list shows it running.",
	Proof:     "TestBreakages; patroni/ha.py _run_cycle does not touch the request while PostgreSQL starts or stops.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"leader.rest"},
	Needs:     []fact.Need{fact.RESTState},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		return runState(
			s,
			m,
			"Patroni on that node is busy starting or stopping PostgreSQL and would not act on the request: 503 \"Switchover "+
				"status unknown\".",
		)
	},
}

var leaderDCSView = Check{
	ID:    "leader.dcs_view",
	Title: "the leader can reach its DCS",
	Since: "0.1.0",
	Why: "A leader in failsafe mode, or one that sees a cluster without a holder of the leader key, cannot " +
		"process a switchover.",
	Source: "failsafe_mode_is_active and cluster_unlocked in GET /patroni (patroni/api.py)",
	Fix:    "Repair the leader's connection to the DCS.",
	Proof: "TestBreakages; patroni/api.py _get_postgresql_status gives both fields, and patroni/ha.py acts on a " +
		"request only as the holder of the key.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"leader.rest"},
	Needs:     []fact.Need{fact.RESTFailsafe, fact.RESTUnlocked},
	Run:       runDCSView,
}

func runREST(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	isLeader := m == s.Leader()
	member, _ := s.Member(m)
	f := Finding{Asked: s.RESTCall(m), Expected: "an answer within 2 s"}
	switch fact.RESTOutcome.Get(s, m) {
	case fact.Refused:
		f.Observed = answerIn(member.REST.Reason())
		f.Effect = "Nothing listens there. Patroni counts the member as not reachable: 412 \"no good candidates have been " +
			"found\"."
		if isLeader {
			f.Effect = "Nothing listens there. patronictl would write the request into the DCS itself, skip every check of " +
				"the REST API, and exit with 0."
		}
	case fact.Silent:
		f.Observed = answerIn(member.REST.Reason())
		f.Effect = "A process accepts connections there and does not answer: a Patroni that is stopped or hangs. Patroni " +
			"counts the member as not reachable: 412 \"no good candidates have been found\"."
		if isLeader {
			f.Effect = "A process accepts connections there and does not answer: a Patroni that is stopped or hangs. " +
				"patronictl would wait for it without a limit."
		}
	case fact.Malformed:
		f.Observed = answerIn(member.REST.Reason())
		f.Effect = "That is not Patroni, or not its JSON: the member counts as not reachable."
	default:
		return runRESTTime(s, m, f, isLeader)
	}
	f.Remedy = fmt.Sprintf(
		"On %s: is Patroni running (systemctl status patroni), and is its restapi.connect_address right?",
		m,
	)
	return []Finding{f}
}

// answerIn is the part of a reason that follows its question: the finding has
// asked that already.
func answerIn(reason string) string {
	question, answer, ok := strings.Cut(reason, ": ")
	if ok && strings.Contains(question, "://") {
		return answer
	}
	return reason
}

// runRESTTime judges an answer that came.
func runRESTTime(s *fact.Snapshot, m string, f Finding, isLeader bool) []Finding {
	member, _ := s.Member(m)
	took := member.REST.Stamp.Seconds
	f.Observed = fmt.Sprintf("answered after %.1f s", took)
	f.Remedy = "Find out why it is slow: load, DNS, the network; Patroni's own log on " + m + "."
	switch {
	case took < fact.PatroniRESTSeconds/2 || isLeader:
		return Witnessed(f.Asked, "answered in %.3f s", took)
	case took < fact.PatroniRESTSeconds:
		f.Severity, f.Effect = Warning, "Patroni waits 2 s and does not retry: the switchover may be refused at random."
	default:
		f.Effect = "Patroni waits 2 s and does not retry: 412 \"no good candidates have been found\"."
	}
	return []Finding{f}
}

func runState(s *fact.Snapshot, m, effect string) []Finding {
	if state := fact.RESTState.Get(s, m); state != "running" {
		return []Finding{{
			Asked: s.RESTCall(m), Observed: "state " + state, Expected: "running", Effect: effect,
			Remedy: "Read patronictl list and the PostgreSQL log on " + m + "; wait until it runs.",
		}}
	}
	return Witnessed(s.RESTCall(m), "state running")
}

func runDCSView(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	f := Finding{
		Asked: s.RESTCall(m),
		Effect: "Patroni on that node does not consider itself the holder of the leader key, so it would not process the " +
			"request.",
		Remedy: "Read Patroni's log on " + m + " and repair its connection to the DCS first.",
	}
	switch {
	case fact.RESTFailsafe.Get(s, m):
		f.Observed = "failsafe_mode_is_active: it cannot reach the DCS"
	case fact.RESTUnlocked.Get(s, m):
		f.Observed = "cluster_unlocked: it sees no holder of the leader key"
	default:
		return Witnessed(f.Asked, "no failsafe mode, and it sees a holder of the leader key")
	}
	return []Finding{f}
}

var leaderCheckpoint = Check{
	ID:    "leader.checkpoint",
	Title: "the leader has written a checkpoint since its promotion",
	Since: "0.2.0",
	Why: "Until then no member can use pg_rewind from it, and a second switchover is too early for members that " +
		"still follow the previous leader.",
	Source:   "checkpoint_after_promote in the leader's member key; patroni/postgresql/rewind.py",
	Fix:      "Wait a moment, or run CHECKPOINT on the leader.",
	Proof:    "Cases on a recorded snapshot, and Patroni's source: the state lasts for seconds.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{KeyCheckpointed},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		asked := s.KeyName("/members/" + m)
		if s.IsStandbyCluster() { // a standby leader never writes the checkpoint that Patroni looks for
			return Witnessed(s.KeyName("/config"), "a standby cluster: its leader was not promoted")
		}
		if KeyCheckpointed.Get(s, m) {
			return Witnessed(asked, "no checkpoint_after_promote: false")
		}
		return []Finding{{
			Asked: asked, Observed: "checkpoint_after_promote: false: the leader was promoted moments ago",
			Effect: "Members that have diverged cannot be rewound from it yet.",
			Remedy: fmt.Sprintf("Wait for its checkpoint, or on %s: CHECKPOINT;", m),
		}}
	},
}

var KeyCheckpointed = fact.OfKey(
	"checkpoint_after_promote in the member key",
	func(k fact.MemberKey) fact.Observed[bool] { return k.CheckpointAfterPromote },
)

var leaderUpstream = Check{
	ID:    "leader.upstream",
	Title: "a standby cluster receives WAL from its primary",
	Since: "0.2.0",
	Why: "The leader of a standby cluster may have lost the other site for hours. The members here have caught up " +
		"with each other anyway, and neither patronictl list nor GET /health shows the loss. After the switchover the new " +
		"standby leader has the same problem.",
	Source:   "pg_stat_wal_receiver on the standby leader; patroni/patroni issue 2875",
	Fix:      "Read the PostgreSQL log on the standby leader to see why it does not connect to the other site.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.StandbyCluster, fact.UpstreamStatus},
	Run:      runUpstream,
}

func runUpstream(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_stat_wal_receiver")
	status := fact.UpstreamStatus.Get(s, m)
	switch {
	case !fact.StandbyCluster.Get(s, m):
		return Witnessed(s.KeyName("/config"), "no standby_cluster: the leader is the primary")
	case status == "streaming":
		return Witnessed(asked, "streaming from the primary of this standby cluster")
	case status == "":
		status = "no WAL receiver is running"
	default:
		status = "status " + status
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: status,
			Expected: "streaming from the primary of this standby cluster",
			Effect: "This site receives WAL from an archive at best, and may be hours behind the other one, whichever " +
				"member leads here.",
			Remedy: "Read the PostgreSQL log on " + m + ", and standby_cluster in patronictl show-config, to see why it " +
				"does not connect.",
		},
	}
}
