package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

// Status is how one check ended for one subject.
type Status string

// The statuses. Skipped and unknown are never passed.
const (
	Pass      Status = "pass"
	Fail      Status = "fail"
	Undecided Status = "unknown"
	Skipped   Status = "skipped"
)

// Result is one check's answer for one subject.
type Result struct {
	Check   string `json:"check"`
	Subject string `json:"subject,omitempty"`
	Status  Status `json:"status"`
	// Severity is the worst of the findings after demotion; of the check where the
	// status is unknown or skipped; empty on a pass.
	Severity  Severity  `json:"severity,omitempty"`
	Essential bool      `json:"essential"`
	Findings  []Finding `json:"findings,omitempty"`
	// Missing are the needed facts that are unknown.
	Missing []fact.Missing `json:"missing,omitempty"`
	// SkippedBecause is the check on whose ground this one builds and which did not pass.
	SkippedBecause string `json:"skipped_because,omitempty"`
	// Ignored is the user's reason for demoting this check.
	Ignored string `json:"ignored,omitempty"`

	Eligibility, optional bool `json:"-"`
}

// Withheld reports whether all that is missing is withheld by rights or by the
// server's version, and the check can do without.
func (r Result) Withheld() bool {
	return r.optional && r.Status == Undecided && !slices.ContainsFunc(r.Missing, func(m fact.Missing) bool {
		return m.Cause != fact.Privilege && m.Cause != fact.Unsupport && m.Cause != fact.Absent
	})
}

// Predates reports whether all that is missing was not read yet when the recording
// was made.
func (r Result) Predates() bool {
	return r.Status == Undecided && !slices.ContainsFunc(r.Missing, func(m fact.Missing) bool {
		return m.Cause != fact.Unrecorded
	})
}

// Evaluate runs every check on every subject it judges, in registry order.
func Evaluate(s *fact.Snapshot, q fact.Question, p Policies, checks []Check) []Result {
	type key struct{ id, subject string }
	ended := map[key]Result{}
	var results []Result
	names := quoter(s)
	for _, c := range checks {
		for _, subject := range subjects(s, c.Of) {
			r := Result{Check: c.ID, Subject: subject, Essential: c.Essential, Eligibility: c.Eligibility, optional: c.Optional}
			for _, id := range c.After {
				ground, ok := ended[key{id, subject}]
				if !ok {
					ground, ok = ended[key{id, ""}]
				}
				if ok && !ground.mayBuildOn() && !hiddenByStore(s, ground, c) {
					r.Status, r.SkippedBecause, r.Severity = Skipped, id, c.Severity
					break
				}
			}
			if r.Status == "" {
				judge(s, q, p, c, subject, names, &r)
			}
			ended[key{c.ID, subject}] = r
			results = append(results, r)
		}
	}
	return results
}

// mayBuildOn reports whether other checks may build on this one: it passed, or found
// nothing that blocks. A blocker that the user ignores no longer does: what
// builds on it is judged, or is unknown for want of facts.
func (r Result) mayBuildOn() bool {
	return r.Status == Pass || (r.Status == Fail && r.Severity != Blocker)
}

// hiddenByStore reports whether the ground is missing only because the store is not
// read: what a check needs may be known from elsewhere, and that is judged. The
// ground itself stays undecided, so the verdict cannot be GO.
func hiddenByStore(s *fact.Snapshot, ground Result, c Check) bool {
	return s.DCS.ByREST != "" && ground.Status == Undecided && ground.Essential && len(c.Needs) > 0 &&
		!slices.ContainsFunc(ground.Missing, func(m fact.Missing) bool { return m.Cause != fact.Unsupport })
}

// subjects lists whom a check judges.
func subjects(s *fact.Snapshot, of Of) []string {
	leader := s.Leader()
	switch of {
	case OfCluster:
		return []string{""}
	case OfFiles:
		return s.FileIDs()
	case OfOutcome:
		return nil // package verify judges it, with the state before
	case OfLeader:
		if leader == "" {
			return nil
		}
		return []string{leader}
	}
	var names []string
	for _, m := range s.Members {
		if of == OfMembers || m.Name != leader {
			names = append(names, m.Name)
		}
	}
	return names
}

// judge runs one check on one subject whose ground is firm.
func judge(
	s *fact.Snapshot, q fact.Question, p Policies, c Check, subject string, names *strings.Replacer, r *Result,
) {
	for _, n := range c.Needs {
		if m := n.Missing(s, q, subject); m != nil {
			r.Missing = append(r.Missing, *m)
		}
	}
	if len(r.Missing) > 0 {
		r.Status, r.Severity = Undecided, c.Severity
		return
	}
	// A check that reads a fact which it did not declare, or that is wrong in
	// another way, has decided nothing: that must not end the run, nor pass.
	defer func() {
		if e := recover(); e != nil {
			r.Status, r.Severity, r.Findings = Undecided, c.Severity, nil
			r.Missing = []fact.Missing{
				{Fact: "the check itself", Cause: fact.Failed, Reason: fmt.Sprintf("internal error in %s: %v", c.ID, e)},
			}
		}
	}()
	r.Status = Pass
	for _, f := range c.Run(s, q, subject) {
		if names != nil {
			f.Remedy = names.Replace(f.Remedy)
		}
		if f.Severity == "" {
			f.Severity = c.Severity
		}
		if slices.ContainsFunc(c.Repeats, func(id string) bool { return p.Ignore[id] != "" }) && f.Severity != Evidence {
			f.Severity = Info // the user ignores the check that says more
		}
		if f.Kind == "" {
			f.Kind = c.Kind
		}
		if f.Subject == "" {
			f.Subject = subject
		}
		if reason, ok := p.Ignore[c.ID]; ok && f.Severity == Blocker {
			f.Severity, r.Ignored = Warning, reason
		}
		if f.Severity != Evidence {
			r.Status = Fail
			r.Severity = worse(r.Severity, f.Severity)
		}
		r.Findings = append(r.Findings, f)
	}
	if r.Status == Fail && r.Severity == Info {
		r.Status = Pass // something to know, nothing to hold against the cluster
	}
}

var severityOrder = []Severity{Blocker, Warning, Info, Evidence, ""}

func worse(a, b Severity) Severity {
	if slices.Index(severityOrder, a) < slices.Index(severityOrder, b) {
		return a
	}
	return b
}
