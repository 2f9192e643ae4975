package preflight

import (
	"fmt"
	"slices"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

// predictions fills in what Patroni would do with the request, and why the verdict is
// NO-GO if Patroni would accept it.
func (r *Report) predictions(s *fact.Snapshot, q fact.Question) {
	p := predictionOf(s, q)
	r.Prediction, r.Objection = &p, objection(s, p, r.Verdict, r.Results)
}

func (c *CandidateReport) predictions(s *fact.Snapshot, q fact.Question, results []WeighedResult) {
	q.Candidate = c.Name
	p := predictionOf(s, q)
	c.Prediction, c.Objection = &p, objection(s, p, c.Verdict, results)
}

// predictionOf is what Patroni would do, which begins with the login.
func predictionOf(s *fact.Snapshot, q fact.Question) patroni.Prediction {
	if p, refused := patroni.RefusedLogin(s); refused {
		return p
	}
	return patroni.PredictFor(s, q)
}

// objection says why the verdict is NO-GO on what Patroni would accept.
func objection(s *fact.Snapshot, p patroni.Prediction, v Verdict, results []WeighedResult) string {
	if v != NoGo || p.Accepted == nil || !*p.Accepted {
		return ""
	}
	var why []string
	for _, r := range results {
		if r.Weight != Blocks {
			continue
		}
		i := slices.IndexFunc(r.Findings, func(f check.Finding) bool { return f.Severity == check.Blocker })
		if i >= 0 {
			why = append(why, oneLineReason(s, r.Check, r.Findings[i]))
		}
	}
	switch len(why) {
	case 0:
		return "warnings make it NO-GO (--fail-on warning)"
	case 1:
		return why[0]
	}
	return fmt.Sprintf("%s; and %d more, above", why[0], len(why)-1)
}

// oneLineReason is a blocker in half a sentence.
func oneLineReason(s *fact.Snapshot, check string, f check.Finding) string {
	m := f.Subject
	switch check {
	case "candidate.streaming":
		lacks := fact.BytesBehind(fact.LeaderBefore.Of(s, m), fact.SQLReceived.Of(s, m))
		if lacks == nil || *lacks == 0 {
			return fmt.Sprintf("%s is not streaming; commits until the leader stops would be lost", m)
		}
		return fmt.Sprintf("%s is not streaming; %s of WAL with acknowledged commits would be lost", m, fact.Size(*lacks))
	case "candidate.timeline":
		return m + " is on an older timeline; commits since then would be lost"
	case "candidate.ahead":
		return m + " has diverged from the leader; commits of the leader since then would be lost"
	case "lag.receive", "lag.replay":
		if f.Value != nil {
			return fmt.Sprintf(
				"%s has %s of WAL to %s first",
				m,
				fact.Size(*f.Value),
				map[string]string{"lag.receive": "receive", "lag.replay": "replay"}[check],
			)
		}
	case "maintenance.pause":
		return "in maintenance mode no other member takes over if the promotion fails"
	}
	if m == "" {
		return fmt.Sprintf("%s: %s", check, f.Observed)
	}
	return fmt.Sprintf("%s, %s: %s", check, m, f.Observed)
}
