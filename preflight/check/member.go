package check

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

var memberHALoop = Check{
	ID:    "member.ha_loop",
	Title: "the member's HA loop runs",
	Since: "0.1.0",
	Why: "Patroni's REST API answers from a thread of its own, even if its HA loop hangs or has lost the DCS. " +
		"Such a candidate passes every check of Patroni and then does not take the leader key.",
	Source: "patroni/api.py do_GET_liveness (since 2.1.5), dcs_last_seen in GET /patroni (since 2.1.2)",
	Fix:    "Read Patroni's log on that member; restart Patroni there.",
	Proof: "docs/accuracy.md: \"candidate's Patroni frozen\", \"leader's Patroni frozen\"; the recordings of a " +
		"frozen node in testdata/recordings.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"candidate.rest", "leader.rest"},
	Needs:     []fact.Need{fact.Liveness, fact.TTL},
	Run:       runHALoop,
}

func runHALoop(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	f := Finding{
		Effect: "It could not take part in the switchover: as a candidate it would not take the leader key, as a leader it " +
			"would not release it.",
		Remedy: "Read Patroni's log on " + m + " and restart Patroni there.",
	}
	if status := fact.Liveness.Get(s, m); status >= 500 {
		f.Asked, f.Observed, f.Expected = "GET /liveness of member "+m, fmt.Sprintf(
			"%d: the HA loop has stopped",
			status,
		), "200"
		return []Finding{f}
	}
	// Both times are by that member's clock, so clocks that differ do no harm.
	seen, okS := fact.RESTLastSeen.Of(s, m).Get()
	now, okN := fact.RESTDate.Of(s, m).Get()
	if okS && okN {
		if age, limit := int64(now.Sub(seen).Seconds()), fact.TTL.Get(s, m); age > limit {
			f.Asked, f.Observed, f.Expected = s.RESTCall(
				m,
			), fmt.Sprintf(
				"it last heard from the DCS %d s ago",
				age,
			), fmt.Sprintf(
				"within ttl = %d s",
				limit,
			)
			return []Finding{f.secondsOf(age, limit)}
		}
	}
	return Witnessed("GET /liveness of member "+m, "%d", fact.Liveness.Get(s, m))
}
