package preflight

import (
	"fmt"
	"strings"
)

// Patroni gives a member's REST API two seconds and no second try
// (patroni/ha.py, fetch_node_status).
const patroniRESTSeconds = 2

var leaderREST = Check{
	ID:        "leader.rest",
	Title:     "the leader's REST API answers",
	Since:     "0.1.0",
	Why:       "patronictl sends the request there and waits without a limit. Where the connection is refused, it writes the request into the DCS itself and skips every check of the REST API.",
	Source:    "patroni/ctl.py _do_failover_or_switchover; patroni/request.py sets no timeout",
	Fix:       "See whether Patroni runs on the leader, and whether its restapi.connect_address is right.",
	Proof:     "docs/accuracy.md: \"leader's Patroni frozen\", \"the leader's REST port is closed to the others\": patronictl hung, and wrote the key itself.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"dcs.leader"},
	Needs:     []Need{restOutcome},
	Run:       runREST,
}

var candidateREST = Check{
	ID:        "candidate.rest",
	Title:     "the candidate's REST API answers in time",
	Since:     "0.1.0",
	Why:       "The leader asks it twice, with two seconds each time and no second try. No answer means \"not reachable\". What is asked from this machine shows the same only where it has the same way there.",
	Source:    "patroni/ha.py fetch_node_status (timeout 2 s, retries 0); patroni/api.py is_failover_possible: 412 \"no good candidates have been found\"",
	Fix:       "See whether Patroni runs there, whether restapi.connect_address is right, and what makes it slow.",
	Proof:     "docs/accuracy.md: \"candidate's api_url = a closed port\", \"candidate's Patroni killed\", \"candidate's Patroni frozen\", \"candidate's REST API answers after 1.2 s\", \"candidate's REST API answers after 2.6 s\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader"},
	Needs:     []Need{restOutcome},
	Run:       runREST,
}

var leaderRunning = Check{
	ID:        "leader.running",
	Title:     "the leader's PostgreSQL is running",
	Since:     "0.1.0",
	Why:       "While PostgreSQL starts, stops or does not answer, Patroni is busy with that and lets the request lie: 503 \"Switchover status unknown\".",
	Source:    "state in GET /patroni; patroni/ha.py _run_cycle",
	Fix:       "Wait until patronictl list shows it running.",
	Proof:     "TestBreakages; patroni/ha.py _run_cycle leaves the request alone while PostgreSQL starts or stops.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"leader.rest"},
	Needs:     []Need{restState},
	Run: func(s *Snapshot, _ Question, m string) []Finding {
		return runState(s, m, "Patroni there is busy with its PostgreSQL and would let the request lie: 503 \"Switchover status unknown\".")
	},
}

var candidateRunning = Check{
	ID:        "candidate.running",
	Title:     "the candidate's PostgreSQL is running",
	Since:     "0.1.0",
	Why:       "Without a WAL position in the answer Patroni counts a member as not reachable, whatever else it says.",
	Source:    "patroni/ha.py _MemberStatus.from_api_response (xlog missing); 412 \"no good candidates have been found\"",
	Fix:       "Start PostgreSQL there, or wait until it is up: patronictl list.",
	Proof:     "docs/accuracy.md: \"candidate's PostgreSQL stopped\": 412.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"candidate.rest"},
	Needs:     []Need{restState, positionGiven},
	Run: func(s *Snapshot, _ Question, m string) []Finding {
		const effect = "Patroni counts the member as not reachable: 412 \"no good candidates have been found\"."
		if positionGiven.get(s, m) {
			return runState(s, m, effect)
		}
		return []Finding{{
			Asked: s.askedREST(m), Observed: "state " + restState.get(s, m) + ", no WAL position", Expected: "running, with received and replayed position",
			Effect: effect, Remedy: "See why PostgreSQL on " + m + " does not answer its Patroni: patronictl list, and the PostgreSQL log there.",
		}}
	},
}

var leaderDCSView = Check{
	ID:        "leader.dcs_view",
	Title:     "the leader sees its DCS",
	Since:     "0.1.0",
	Why:       "A leader in failsafe mode, or one that finds the cluster without a holder of the key, cannot process a switchover.",
	Source:    "failsafe_mode_is_active and cluster_unlocked in GET /patroni (patroni/api.py)",
	Fix:       "Mend the leader's way to the DCS.",
	Proof:     "TestBreakages; patroni/api.py _get_postgresql_status gives both fields, and patroni/ha.py acts upon a request only as the holder of the key.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"leader.rest"},
	Needs:     []Need{restFailsafe, restUnlocked},
	Run:       runDCSView,
}

var memberHALoop = Check{
	ID:        "member.ha_loop",
	Title:     "the member's HA loop runs",
	Since:     "0.1.0",
	Why:       "Patroni's REST API answers from a thread of its own, also when its HA loop hangs or has lost the DCS. Such a candidate passes every check of Patroni's and then does not take the leader key.",
	Source:    "patroni/api.py do_GET_liveness (since 2.1.5), dcs_last_seen in GET /patroni (since 2.1.2)",
	Fix:       "See Patroni's log on that member; restart Patroni there.",
	Proof:     "docs/accuracy.md: \"candidate's Patroni frozen\", \"leader's Patroni frozen\"; the recordings of a frozen node in testdata/recordings.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"candidate.rest", "leader.rest"},
	Needs:     []Need{liveness, ttl},
	Run:       runHALoop,
}

// restOutcome is how the call of the REST API ended, where that says something
// about the member: an answer (""), nobody listens, accepted but silent, or
// rubbish. Where only our own way there failed it is unknown: the leader may
// have a better one.
var restOutcome = ofMember("the outcome of the REST call", func(m Member) Observed[Cause] {
	switch c := m.REST.Cause(); {
	case m.REST.Known() && m.REST.Stamp == nil:
		return NotKnown[Cause](Absent, "how long the REST answer took was not recorded, and Patroni waits 2 s only")
	case c == "", c == Refused, c == Silent, c == Malformed:
		return Known(c)
	}
	return Because[Cause](m.REST)
})

// positionGiven is whether the REST answer holds a WAL position at all.
var positionGiven = ofREST("xlog in the REST answer", func(r REST) Observed[bool] {
	o := highest(r.Received, r.Replayed)
	if !o.Known() {
		o = r.Location
	}
	switch {
	case o.Known():
		return Known(true)
	case r.Received.Cause() == Absent && r.Replayed.Cause() == Absent:
		return Known(false)
	}
	return Because[bool](r.Received)
})

func runREST(s *Snapshot, _ Question, m string) []Finding {
	isLeader := m == s.Leader()
	member, _ := s.Member(m)
	f := Finding{Asked: s.askedREST(m), Expected: "an answer within 2 s"}
	switch restOutcome.get(s, m) {
	case Refused:
		f.Observed = answerIn(member.REST.Reason())
		f.Effect = "Nothing listens there. Patroni counts the member as not reachable: 412 \"no good candidates have been found\"."
		if isLeader {
			f.Effect = "Nothing listens there. patronictl would write the request into the DCS itself, past every check of the REST API, and end with exit code 0."
		}
	case Silent:
		f.Observed = answerIn(member.REST.Reason())
		f.Effect = "Something accepts connections there and does not answer: a Patroni that is stopped or hangs. Patroni counts the member as not reachable: 412 \"no good candidates have been found\"."
		if isLeader {
			f.Effect = "Something accepts connections there and does not answer: a Patroni that is stopped or hangs. patronictl would wait for it without a limit."
		}
	case Malformed:
		f.Observed = answerIn(member.REST.Reason())
		f.Effect = "That is not Patroni, or not its JSON: the member counts as not reachable."
	default:
		return runRESTTime(s, m, f, isLeader)
	}
	f.Remedy = fmt.Sprintf("On %s: is Patroni running (systemctl status patroni), and is its restapi.connect_address right?", m)
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
func runRESTTime(s *Snapshot, m string, f Finding, isLeader bool) []Finding {
	member, _ := s.Member(m)
	took := member.REST.Stamp.Seconds
	f.Observed = fmt.Sprintf("answered after %.1f s", took)
	f.Remedy = "See what makes it slow: load, DNS, the network; Patroni's own log on " + m + "."
	switch {
	case took < patroniRESTSeconds/2 || isLeader:
		return evidence(f.Asked, "answered in %.3f s", took)
	case took < patroniRESTSeconds:
		f.Severity, f.Effect = Warning, "Patroni gives it 2 s and no second try: the switchover may be refused at random."
	default:
		f.Effect = "Patroni gives it 2 s and no second try: 412 \"no good candidates have been found\"."
	}
	return []Finding{f}
}

func runState(s *Snapshot, m, effect string) []Finding {
	if state := restState.get(s, m); state != "running" {
		return []Finding{{
			Asked: s.askedREST(m), Observed: "state " + state, Expected: "running", Effect: effect,
			Remedy: "See patronictl list and the PostgreSQL log on " + m + "; wait until it runs.",
		}}
	}
	return evidence(s.askedREST(m), "state running")
}

func runDCSView(s *Snapshot, _ Question, m string) []Finding {
	f := Finding{
		Asked:  s.askedREST(m),
		Effect: "Patroni there does not hold the leader key by its own account, so it would not process the request.",
		Remedy: "See Patroni's log on " + m + ": its way to the DCS has to be mended first.",
	}
	switch {
	case restFailsafe.get(s, m):
		f.Observed = "failsafe_mode_is_active: it cannot reach the DCS"
	case restUnlocked.get(s, m):
		f.Observed = "cluster_unlocked: it sees no holder of the leader key"
	default:
		return evidence(f.Asked, "no failsafe mode, and it sees a holder of the leader key")
	}
	return []Finding{f}
}

func runHALoop(s *Snapshot, _ Question, m string) []Finding {
	f := Finding{
		Effect: "It could not take part in the switchover: as a candidate it would not take the leader key, as a leader not hand it over.",
		Remedy: "See Patroni's log on " + m + " and restart Patroni there.",
	}
	if status := liveness.get(s, m); status >= 500 {
		f.Asked, f.Observed, f.Expected = "GET /liveness of member "+m, fmt.Sprintf("%d: the HA loop stands still", status), "200"
		return []Finding{f}
	}
	// Both times are by that member's clock, so clocks that differ do no harm.
	seen, okS := restLastSeen.of(s, m).Get()
	now, okN := restDate.of(s, m).Get()
	if okS && okN {
		if age, limit := int64(now.Sub(seen).Seconds()), ttl.get(s, m); age > limit {
			f.Asked, f.Observed, f.Expected = s.askedREST(m), fmt.Sprintf("it last heard from the DCS %d s ago", age), fmt.Sprintf("within ttl = %d s", limit)
			return []Finding{f.secondsOf(age, limit)}
		}
	}
	return evidence("GET /liveness of member "+m, "%d", liveness.get(s, m))
}
