package verify

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// outcomeCheck is a check of the cluster after a switchover. Its Run is nil: it
// compares two states, so judge has the baseline too.
type outcomeCheck struct {
	check.Check
	judge func(b Baseline, after *fact.Snapshot, subject string) answer
}

// answer is the outcome of one check for one subject.
type answer struct {
	status check.Status
	// title replaces the title of the check where this switchover needs another one.
	title string
	// asked, observed and expected are those of a finding.
	asked, observed, expected string
	// says is the answer as a sentence, without a full stop.
	says string
	// look is where the reason of a failure is to be found.
	look string
}

func (a answer) passed(observed, says string) answer {
	a.status, a.observed, a.says, a.look = check.Pass, observed, says, ""
	return a
}

func (a answer) failed(observed, says string) answer {
	a.status, a.observed, a.says = check.Fail, observed, says
	return a
}

// unknown is an answer that is missing for a reason; question is what it would have
// decided: "whether node2 is the primary".
func (a answer) unknown(reason, question string) answer {
	a.status, a.observed, a.says = check.Undecided, reason, "it is not known "+question+": "+reason
	return a
}

// OutcomeChecks is the registry of the checks of an outcome, in the order in which
// they are judged and reported.
var OutcomeChecks = []check.Check{
	outcomeLeader.Check, outcomePrimary.Check, outcomeTimeline.Check, outcomeWAL.Check, outcomeFollows.Check,
	outcomeSlots.Check, outcomeCommit.Check,
}

// Point is the result of an outcome check for one subject, as the documents show it.
type Point struct {
	// ID is stable: outcome.leader, outcome.primary, ...
	ID     string       `json:"id"`
	Title  string       `json:"title"`
	Status check.Status `json:"status"`
	// Subject is the member concerned, "" for the cluster.
	Subject string `json:"subject,omitempty"`
	// Asked is the question, Observed the answer or the reason why it is missing,
	// Expected the answer that passes.
	Asked    string `json:"asked"`
	Observed string `json:"observed"`
	Expected string `json:"expected,omitempty"`
	// Look names the log, and the line in it, that shows the reason.
	Look string `json:"look,omitempty"`
}

// judge runs one check, and keeps its result in both forms.
func (v *Verification) judge(c outcomeCheck, after *fact.Snapshot, subject string) {
	v.add(c, subject, c.judge(v.Baseline, after, subject))
}

func (v *Verification) add(c outcomeCheck, subject string, a answer) {
	f := check.Finding{
		Severity: c.Severity,
		Subject:  subject,
		Asked:    a.asked,
		Observed: a.observed,
		Expected: a.expected,
		Effect:   a.says,
		Remedy:   a.look,
	}
	r := check.Result{Check: c.ID, Subject: subject, Status: a.status, Severity: c.Severity, Essential: c.Essential}
	if a.status == check.Pass {
		f.Severity, r.Severity = check.Evidence, ""
	}
	r.Findings = []check.Finding{f}
	title := a.title
	if title == "" {
		title = c.Title
	}
	v.Results = append(v.Results, r)
	v.Points = append(v.Points, Point{
		ID:       c.ID,
		Title:    title,
		Status:   a.status,
		Subject:  subject,
		Asked:    a.asked,
		Observed: a.observed,
		Expected: a.expected,
		Look:     a.look,
	})
}
