// Package preflight is the verdict: it runs the checks on a snapshot, weighs what
// they find, and says GO, NO-GO or UNKNOWN. Neither this package nor those below it
// do I/O, read a clock or import anything but the standard library; a test holds
// them to that, and to the direction in which they import one another.
package preflight

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"patroni-preflight/preflight/audit"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/forecast"
	"patroni-preflight/preflight/patroni"
	"patroni-preflight/preflight/verify"
)

// Report is the judgement of one snapshot. It holds nothing that is not in the
// snapshot, the question or the policies, so the same input gives the same report.
type Report struct {
	SchemaVersion int          `json:"schema_version"`
	Tool          string       `json:"tool"`
	TakenAt       time.Time    `json:"taken_at"`
	Request       fact.Request `json:"request"`
	Verdict       Verdict      `json:"verdict"`
	ExitCode      int          `json:"exit_code"`
	Leader        string       `json:"leader"`
	Summary       Summary      `json:"summary"`
	// Best is the candidate with the best verdict, "" where none is GO.
	Best string `json:"best_candidate"`
	// Forecast is nil where Patroni would refuse, or no member leads.
	Forecast *forecast.Forecast `json:"forecast"`
	// Prediction is what Patroni would make of the request.
	Prediction *patroni.Prediction `json:"prediction"`
	// Objection is why the verdict is NO-GO on what Patroni would accept, "" where
	// it is not so.
	Objection string `json:"objection"`
	// Stability is nil where the cluster was looked at once.
	Stability *Stability `json:"stability"`
	// Baseline is what verify compares with, once the switchover is done.
	Baseline   verify.Baseline   `json:"baseline"`
	Candidates []CandidateReport `json:"candidates"`
	Members    []MemberReport    `json:"members"`
	Results    []WeighedResult   `json:"results"`
	// Files are those that an audit judged; there are none in another report.
	Files []AuditedFile `json:"files,omitempty"`
	// Live is whether they were held against the running cluster.
	Live bool `json:"live,omitempty"`
}

// Summary counts what weighs on the verdict.
type Summary struct {
	Blockers int `json:"blockers"`
	Warnings int `json:"warnings"`
	// Unknown counts essential checks that could not be decided.
	Unknown int `json:"unknown"`
	Passed  int `json:"passed"`
	Skipped int `json:"skipped"`
}

// CandidateReport is the verdict on one possible candidate.
type CandidateReport struct {
	Name     string   `json:"name"`
	Verdict  Verdict  `json:"verdict"`
	Summary  Summary  `json:"summary"`
	Blockers []string `json:"blocked_by,omitempty"`
	Unknown  []string `json:"undecided,omitempty"`
	// Forecast is nil where Patroni would refuse.
	Forecast *forecast.Forecast `json:"forecast"`
	// Prediction and Objection are those of a switchover to this candidate.
	Prediction *patroni.Prediction `json:"prediction"`
	Objection  string              `json:"objection"`
}

// Weight is what a result means for the question that was asked.
type Weight string

// The weights.
const (
	Blocks   Weight = "blocks"
	Warns    Weight = "warns"
	Unseen   Weight = "unknown"
	Passed   Weight = "passed"
	NotTried Weight = "skipped"
	// Aside: a member that is not asked about may not be chosen, or an optional
	// check lacks the rights to see. No fault.
	Aside Weight = "aside"
)

// WeighedResult is a result with its weight.
type WeighedResult struct {
	check.Result
	Weight Weight `json:"weight"`
}

// Judge evaluates the snapshot and answers the question.
func Judge(s *fact.Snapshot, q fact.Question, p check.Policies) Report {
	return judgeWith(s, q, p, check.Checks)
}

func judgeWith(s *fact.Snapshot, q fact.Question, p check.Policies, checks []check.Check) Report {
	results := check.Evaluate(s, q, p, checks)
	r := Report{
		SchemaVersion: check.ReportSchema,
		Tool:          s.Tool,
		TakenAt:       s.TakenAt,
		Request:       fact.Request{Target: s.Target, Question: q},
		Leader:        s.Leader(),
		Members:       membersOf(s),
		Baseline:      verify.BaselineOf(s, q),
		Candidates:    []CandidateReport{},
		Results:       []WeighedResult{},
	}
	asked := []string{q.Candidate}
	doubtful := []string{}
	if q.Candidate == "" {
		asked, doubtful = patroni.Eligible(s), patroni.Unreachable(s)
		if !slices.ContainsFunc(asked, func(m string) bool { return !slices.Contains(doubtful, m) }) {
			doubtful = nil // no other member is left to hope for
		}
	}
	r.Verdict, r.Summary = weigh(inDoubt(results, doubtful), s.Leader(), asked, p, nil, &r.Results)
	r.ExitCode = r.Verdict.ExitCode()
	r.Forecast = forecastUnlessRefused(s, q.Candidate, r.Results)
	r.predictions(s, q)

	for _, name := range s.Replicas() {
		c := CandidateReport{Name: name}
		// Whether the name that was asked for is a good one says nothing about the others.
		except := func(x check.Result) bool { return ofTheName(x.Check) && name != q.Candidate }
		var weighed []WeighedResult
		c.Verdict, c.Summary = weigh(results, s.Leader(), []string{name}, p, except, &weighed)
		for _, w := range weighed {
			switch w.Weight {
			case Blocks:
				c.Blockers = append(c.Blockers, w.Check)
			case Unseen:
				c.Unknown = append(c.Unknown, w.Check)
			}
		}
		c.Forecast = forecastUnlessRefused(s, name, weighed)
		c.predictions(s, q, weighed)
		r.Candidates = append(r.Candidates, c)
	}
	r.Best = best(r.Candidates, s)
	return r
}

// weigh decides what the results mean for a switchover to one of the candidates.
func weigh(
	results []check.Result,
	leader string,
	candidates []string,
	p check.Policies,
	except func(check.Result) bool,
	out *[]WeighedResult,
) (Verdict, Summary) {
	var sum Summary
	undecided := false
	never := neverLeads(results)
	for _, r := range results {
		if except != nil && except(r) {
			continue
		}
		concerned := r.Subject == "" || r.Subject == leader || slices.Contains(candidates, r.Subject)
		w := WeighedResult{Result: r, Weight: Passed}
		may := (r.Eligibility || slices.Contains(never, r.Subject) && aboutLeading(r.Check)) && !concerned &&
			(r.Status == check.Fail || r.Status == check.Undecided)
		if may || r.Withheld() || r.Predates() {
			w.Weight = Aside
			*out = append(*out, w)
			continue
		}
		switch r.Status {
		case check.Pass:
			sum.Passed++
		case check.Skipped:
			sum.Skipped++
			w.Weight = NotTried
			undecided = undecided || (concerned && r.Essential)
		case check.Undecided:
			if concerned && r.Essential {
				sum.Unknown++
				w.Weight, undecided = Unseen, true
			} else {
				sum.Warnings++
				w.Weight = Warns
			}
		case check.Fail:
			w.Weight = Warns
			for _, f := range r.Findings {
				switch {
				case f.Severity == check.Blocker && (concerned || f.Anyone):
					sum.Blockers++
					w.Weight = Blocks
				case f.Severity == check.Blocker || f.Severity == check.Warning:
					sum.Warnings++
				}
			}
		}
		*out = append(*out, w)
	}
	switch {
	case sum.Blockers > 0, p.FailOnWarning && sum.Warnings > 0 && !undecided:
		return NoGo, sum
	case undecided:
		return UnknownState, sum
	}
	return Go, sum
}

// neverLeads are the members that a tag keeps from leading.
func neverLeads(results []check.Result) []string {
	var out []string
	for _, r := range results {
		if r.Check == "candidate.nofailover" && r.Status == check.Fail {
			out = append(out, r.Subject)
		}
	}
	return out
}

// aboutLeading reports whether a check is about what a replica would be as the leader.
func aboutLeading(id string) bool {
	c, ok := CheckByID(id)
	return ok && c.Of == check.OfReplicas
}

// best is the GO candidate with the fewest warnings, then the least lag, then the
// first by name.
func best(cs []CandidateReport, s *fact.Snapshot) string {
	name, warnings, lag := "", 0, int64(0)
	for _, c := range cs {
		if c.Verdict != Go {
			continue
		}
		leader, have := fact.LeaderBefore.Of(s, c.Name).OrZero(), fact.SQLReplay.Of(s, c.Name).OrZero()
		l := max(0, leader.Minus(have))
		if name == "" ||
			cmp.Or(cmp.Compare(c.Summary.Warnings, warnings), cmp.Compare(l, lag), cmp.Compare(c.Name, name)) < 0 {
			name, warnings, lag = c.Name, c.Summary.Warnings, l
		}
	}
	return name
}

// MemberReport is one line of the topology: the same member as the DCS, the
// REST API and PostgreSQL show it. Text fields are "?" with the cause where
// that side could not be seen.
type MemberReport struct {
	Name string `json:"name"`
	Role string `json:"role"`
	DCS  string `json:"dcs"`
	REST string `json:"rest"`
	SQL  string `json:"sql"`
	// LiveLag and ReplayLag are leader minus received and minus replayed by SQL,
	// DCSLag is what patronictl list computes; bytes, null where unknown.
	LiveLag   *int64 `json:"live_lag"`
	ReplayLag *int64 `json:"replay_lag"`
	DCSLag    *int64 `json:"dcs_lag"`
}

func membersOf(s *fact.Snapshot) []MemberReport {
	out := []MemberReport{}
	for _, m := range s.Members {
		r := MemberReport{Name: m.Name, Role: "replica", DCS: dcsSide(m), REST: restSide(m), SQL: sqlSide(m)}
		if m.Name == s.Leader() {
			r.Role = "leader"
		} else {
			r.LiveLag = fact.BytesBehind(fact.LeaderBefore.Of(s, m.Name), fact.SQLReceived.Of(s, m.Name))
			r.ReplayLag = fact.BytesBehind(fact.LeaderBefore.Of(s, m.Name), fact.SQLReplay.Of(s, m.Name))
			r.DCSLag = fact.BytesBehind(
				fact.Optime.Of(s, ""),
				fact.OfKey("", func(k fact.MemberKey) fact.Observed[fact.LSN] { return k.Xlog }).Of(s, m.Name),
			)
		}
		out = append(out, r)
	}
	return out
}

func dcsSide(m fact.Member) string {
	k, ok := m.Key.Get()
	if !ok {
		return "? " + string(m.Key.Cause())
	}
	state := k.State.OrZero()
	if rs := k.ReplicationState.OrZero(); rs != "" {
		state = rs
	}
	return state + timelineText(k.Timeline)
}

func restSide(m fact.Member) string {
	r, ok := m.REST.Get()
	if !ok {
		return "? " + string(m.REST.Cause())
	}
	text := r.Role.OrZero()
	if name, ok := r.Name.Get(); ok && name != m.Name {
		return name + "! " + text
	}
	if rs := r.ReplicationState.OrZero(); rs != "" {
		text = rs
	}
	return text + timelineText(r.Timeline)
}

func sqlSide(m fact.Member) string {
	q, ok := m.SQL.Get()
	if !ok {
		return "? " + string(m.SQL.Cause())
	}
	recovers, ok := q.InRecovery.Get()
	receiver, seen := q.WalReceiver.Get()
	switch {
	case !ok:
		return "?" + timelineText(q.Timeline)
	case !recovers:
		return "primary" + timelineText(q.Timeline)
	case seen && !receiver.Running:
		return "no WAL receiver"
	}
	return "standby" + timelineText(q.Timeline)
}

func timelineText(o fact.Observed[int64]) string {
	if t, ok := o.Get(); ok {
		return " tl " + strconv.FormatInt(t, 10)
	}
	return " tl ?"
}

// ofTheName reports whether a check of the whole cluster is about the candidate that
// was named, or about the choice if none was.
func ofTheName(check string) bool {
	return slices.Contains([]string{"candidate.member", "candidate.choice", "sync.quorum", "patroni.election"}, check)
}

// inDoubt makes the blockers of doubtful members undecided: what speaks against
// them counts only if Patroni may choose them.
func inDoubt(results []check.Result, doubtful []string) []check.Result {
	results = slices.Clone(results)
	for i, r := range results {
		if r.Status == check.Fail && r.Severity == check.Blocker && slices.Contains(doubtful, r.Subject) &&
			!slices.ContainsFunc(r.Findings, func(f check.Finding) bool { return f.Anyone }) {
			results[i].Status = check.Undecided
		}
	}
	return results
}

// Verdict is the answer for one candidate, or for the question as a whole.
type Verdict string

// The verdicts.
const (
	Go           Verdict = "GO"
	NoGo         Verdict = "NO-GO"
	UnknownState Verdict = "UNKNOWN"
)

// ExitCode is the verdict as an exit code.
func (v Verdict) ExitCode() int {
	switch v {
	case Go:
		return exitcode.Go
	case NoGo:
		return exitcode.NoGo
	}
	return exitcode.Unknown
}

// forecastUnlessRefused is nil if a switchover to that candidate would not start: no
// member leads, or a rule of Patroni stops it.
func forecastUnlessRefused(s *fact.Snapshot, candidate string, results []WeighedResult) *forecast.Forecast {
	if _, ok := s.Member(candidate); s.Leader() == "" || candidate != "" && (!ok || candidate == s.Leader()) {
		return nil
	}
	for _, r := range results {
		if r.Weight == Blocks && slices.ContainsFunc(r.Findings, func(f check.Finding) bool {
			return f.Severity == check.Blocker && f.Kind == check.PatroniRule
		}) {
			return nil
		}
	}
	f := forecast.ForecastFor(s, candidate)
	return &f
}

// CheckByID finds a check, of a cluster, of an audit or of an outcome.
func CheckByID(id string) (check.Check, bool) {
	for _, checks := range [][]check.Check{check.Checks, audit.AuditChecks, verify.OutcomeChecks} {
		for _, c := range checks {
			if c.ID == id {
				return c, true
			}
		}
	}
	return check.Check{}, false
}
