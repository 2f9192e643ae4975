package check

import (
	"patroni-preflight/preflight/fact"
)

var candidateREST = Check{
	ID:    "candidate.rest",
	Title: "the candidate's REST API answers in time",
	Since: "0.1.0",
	Why: "The leader asks it twice, each time with two seconds and without a retry. No answer counts as \"not " +
		"reachable\". The answer that this machine gets is the same only if the leader uses the same network path.",
	Source: "patroni/ha.py fetch_node_status (timeout 2 s, retries 0); patroni/api.py is_failover_possible: 412 \"no " +
		"good candidates have been found\"",
	Fix: "Find out whether Patroni runs there, whether restapi.connect_address is right, and why it is slow.",
	Proof: "docs/accuracy.md: \"candidate's api_url = a closed port\", \"candidate's Patroni killed\", " +
		"\"candidate's Patroni frozen\", \"candidate's REST API answers after 1.2 s\", \"candidate's REST API answers " +
		"after 2.6 s\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.RESTOutcome},
	Run:       runREST,
}

var candidateRunning = Check{
	ID:    "candidate.running",
	Title: "the candidate's PostgreSQL is running",
	Since: "0.1.0",
	Why: "Without a WAL position in the answer Patroni counts a member as not reachable, whatever the rest of the " +
		"answer says.",
	Source:    "patroni/ha.py _MemberStatus.from_api_response (xlog missing); 412 \"no good candidates have been found\"",
	Fix:       "Start PostgreSQL there, or wait until it is up; patronictl list shows the state.",
	Proof:     "docs/accuracy.md: \"candidate's PostgreSQL stopped\": 412.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"candidate.rest"},
	Needs:     []fact.Need{fact.RESTState, fact.PositionGiven},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		const effect = "Patroni counts the member as not reachable: 412 \"no good candidates have been found\"."
		if fact.PositionGiven.Get(s, m) {
			return runState(s, m, effect)
		}
		return []Finding{
			{
				Asked: s.RESTCall(
					m,
				),
				Observed: "state " + fact.RESTState.Get(s, m) + ", no WAL position",
				Expected: "running, with received and replayed position",
				Effect:   effect,
				Remedy: "Find out why PostgreSQL on " + m + " does not answer its Patroni: read patronictl list and the " +
					"PostgreSQL log there.",
			},
		}
	},
}
