package preflight

import (
	"fmt"
	"slices"
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
	"patroni-preflight/preflight/verify"
)

// DrillReport is a rehearsal: the leader role was moved through every member that may
// be promoted and back to the first leader, one verified switchover at a time.
type DrillReport struct {
	SchemaVersion int    `json:"schema_version"`
	Tool          string `json:"tool"`
	Scope         string `json:"scope"`
	Namespace     string `json:"namespace"`
	Group         string `json:"group,omitempty"`
	// TakenAt is the time of the snapshot for the plan.
	TakenAt  time.Time `json:"taken_at"`
	ExitCode int       `json:"exit_code"`
	// DryRun: the plan was requested, and no switchover.
	DryRun bool `json:"dry_run"`
	// First led at the beginning. Leader leads at the end, on Timeline; "" and null
	// where they are not known.
	First    string `json:"first_leader"`
	Leader   string `json:"leader"`
	Timeline *int64 `json:"timeline"`
	// Stopped is why the drill ended before its last leg was verified, "" where all were.
	Stopped string `json:"stopped"`
	// Back is the command that makes First the leader again, "" where it leads.
	Back string `json:"back"`
	// Check is the report before the drill on the first leg that is not GO, else on leg 1.
	Check Report     `json:"check"`
	Legs  []DrillLeg `json:"legs"`
	// LeftOut are the members that may not be promoted.
	LeftOut []LeftOut `json:"left_out"`
}

// DrillLeg is one switchover of a drill.
type DrillLeg struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Today is the verdict before the drill, "" for the leg back: the leader cannot be
	// judged as a candidate. Only that of the first leg is complete; the others are
	// judged again when From leads.
	Today    Verdict  `json:"today"`
	Blockers []string `json:"blocked_by"`
	// ExitCode is that of the switchover, null where the drill did not reach the leg.
	ExitCode *int `json:"exit_code"`
	// Outage is nil where no request was sent.
	Outage *verify.Outage `json:"without_primary"`
	// Switchover is nil where the drill did not reach the leg.
	Switchover *SwitchoverReport `json:"switchover"`
}

// LeftOut is a member that a drill does not promote.
type LeftOut struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// Verified reports whether the leg was done as requested.
func (l DrillLeg) Verified() bool { return l.ExitCode != nil && *l.ExitCode == exitcode.Go }

// PlanDrill orders the legs: every member that may be promoted, synchronous standbys
// first, and back. Legs is empty if no member leads or no other may be promoted.
func PlanDrill(s *fact.Snapshot, q fact.Question, p check.Policies) DrillReport {
	d := DrillReport{
		SchemaVersion: check.ReportSchema,
		Tool:          s.Tool,
		Scope:         s.Target.Scope,
		Namespace:     s.Target.Namespace,
		Group:         s.Target.Group,
		TakenAt:       s.TakenAt,
		First:         s.Leader(),
		Leader:        s.Leader(),
		Timeline:      fact.SQLTimeline.Of(s, s.Leader()).Value,
		Legs:          []DrillLeg{},
		LeftOut:       []LeftOut{},
	}
	var first, second []string
	for _, m := range s.Replicas() {
		switch no, how := mayNotLead(s, m); {
		case no:
			d.LeftOut = append(d.LeftOut, LeftOut{m, "tag " + how})
		case patroni.OutOfSync(s, m):
			second = append(second, m)
		default:
			first = append(first, m)
		}
	}
	from := d.First
	for _, m := range append(first, second...) {
		leg := DrillLeg{From: from, To: m, Blockers: []string{}}
		r := Judge(s, q.About(m), p)
		leg.Today = r.Verdict
		if at := slices.IndexFunc(
			r.Candidates,
			func(c CandidateReport) bool { return c.Name == m },
		); at >= 0 &&
			r.Verdict == NoGo {
			leg.Blockers = append(leg.Blockers, r.Candidates[at].Blockers...)
		}
		d.add(leg, r)
		from = m
	}
	if len(d.Legs) == 0 || d.First == "" {
		d.Legs, d.Check = []DrillLeg{}, Judge(s, q.About(""), p)
		return d
	}
	back := DrillLeg{From: from, To: d.First, Blockers: []string{}}
	if no, _ := mayNotLead(s, d.First); no {
		back.Today, back.Blockers = NoGo, []string{"candidate.nofailover"}
	}
	d.Legs = append(d.Legs, back)
	return d
}

// add appends a leg, and keeps its report if it is the first that is not GO.
func (d *DrillReport) add(leg DrillLeg, r Report) {
	if len(d.Legs) == 0 || d.Check.Verdict == Go && leg.Today != Go {
		d.Check = r
	}
	d.Legs = append(d.Legs, leg)
}

// Start is the exit code with which the drill ends before its first leg, and why; 0
// if it may begin. It does not begin if a later leg is known to stop it. The
// exception is candidate.sync: each leader chooses its synchronous standbys again.
func (d DrillReport) Start() (code int, why string) {
	if len(d.Legs) == 0 {
		if d.First == "" {
			return max(d.Check.ExitCode, exitcode.NoGo), "no member is known to lead"
		}
		return exitcode.NoGo, "no other member may be promoted"
	}
	for i, leg := range d.Legs {
		synchronous := i > 0 && len(leg.Blockers) > 0 &&
			!slices.ContainsFunc(leg.Blockers, func(id string) bool { return id != "candidate.sync" })
		if leg.Today == Go || leg.Today == "" || synchronous {
			continue
		}
		return leg.Today.ExitCode(), fmt.Sprintf(
			"leg %d of %d, %s to %s, is %s even before the drill",
			i+1,
			len(d.Legs),
			leg.From,
			leg.To,
			leg.Today,
		)
	}
	return exitcode.Go, ""
}

// RequestRefused is the exit code with which a drill ends before its first leg because of
// a member's answer to a rehearsed request, and why; 0 if the member takes requests, or if
// none was tried.
func RequestRefused(s *fact.Snapshot, member string) (code int, why string) {
	switch a := fact.RequestAnswered.Of(s, member); {
	case a.Cause() == fact.Unrecorded:
	case !a.Known():
		return exitcode.Unknown, a.Reason()
	default:
		for _, f := range check.RefusedRequest(s, member) {
			if f.Severity != check.Evidence {
				return exitcode.NoGo, f.Sentence()
			}
		}
	}
	return exitcode.Go, ""
}

// End adds the result of a leg to the report. why is the error that ended it, or "".
// It reports whether the next leg follows.
func (d *DrillReport) End(i, code int, s SwitchoverReport, o *verify.Outage, why string) bool {
	leg := &d.Legs[i]
	leg.ExitCode, leg.Switchover, leg.Outage = &code, &s, o
	d.ExitCode = code
	switch {
	case s.Verification != nil:
		d.Leader, d.Timeline = s.Verification.Leader, s.Verification.Timeline
	case s.Request != nil:
		d.Leader, d.Timeline = "", nil
	case s.Check.Leader != "":
		d.Leader, d.Timeline = s.Check.Leader, s.Check.Baseline.Timeline
	}
	if leg.Verified() {
		return i+1 < len(d.Legs)
	}
	switch {
	case why != "":
	case s.Verification != nil:
		why = string(s.Verification.Outcome) + ", " + s.Verification.Reason
	case s.Request != nil:
		why = "the request was sent, but watching it failed"
	default:
		why = string(s.Check.Verdict)
	}
	d.Stopped = fmt.Sprintf("leg %d of %d, %s to %s: %s", i+1, len(d.Legs), leg.From, leg.To, why)
	return false
}

func mayNotLead(s *fact.Snapshot, m string) (no bool, how string) {
	return patroni.Nofailover(fact.KeyTags.Of(s, m).OrZero(), fact.KeyVersion.Of(s, m).OrZero())
}
