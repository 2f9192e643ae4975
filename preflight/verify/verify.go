// Package verify judges the outcome of a switchover.
package verify

import (
	"fmt"
	"slices"
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// Ending is what became of a switchover, by the state of the cluster.
type Ending string

// The endings.
const (
	// Done: the candidate leads, and everybody follows.
	Done Ending = "DONE"
	// Different: there was a switchover, but not the one that was asked for, or it
	// has left something behind.
	Different Ending = "DIFFERENT"
	// EndUnknown: it may be under way, or what became of it cannot be seen.
	EndUnknown Ending = "UNKNOWN"
	// Refused: the cluster is what it was, and nothing is under way.
	Refused Ending = "REFUSED"
	// Scheduled: it was to be scheduled, and is. Nobody has judged or done it yet.
	Scheduled Ending = "SCHEDULED"
)

// ExitCode is the outcome as an exit code.
func (o Ending) ExitCode() int {
	switch o {
	case Done, Scheduled:
		return exitcode.Go
	case Different:
		return exitcode.Different
	case Refused:
		return exitcode.Refused
	}
	return exitcode.OutcomeUnknown
}

// Point is one thing that has to be true after a switchover.
type Point struct {
	// ID is stable: outcome.leader, outcome.primary, ...
	ID     string       `json:"id"`
	Title  string       `json:"title"`
	Status check.Status `json:"status"`
	// Subject is the member concerned, "" for the cluster.
	Subject string `json:"subject,omitempty"`
	// Asked is the question, Observed the answer or why there is none, Expected
	// what should have been answered.
	Asked    string `json:"asked"`
	Observed string `json:"observed"`
	Expected string `json:"expected,omitempty"`
	// Look is where to look for the reason, and for which line.
	Look string `json:"look,omitempty"`
}

// Verification is what became of a switchover, and by what that is known.
type Verification struct {
	SchemaVersion int       `json:"schema_version"`
	Tool          string    `json:"tool"`
	TakenAt       time.Time `json:"taken_at"`
	Baseline      Baseline  `json:"baseline"`
	Outcome       Ending    `json:"outcome"`
	ExitCode      int       `json:"exit_code"`
	// Reason says in a sentence why it is not Done, "" where it is.
	Reason string `json:"reason"`
	// Leader is who holds the leader key now, Timeline its timeline; "" and null
	// where that is not known.
	Leader   string  `json:"leader"`
	Timeline *int64  `json:"timeline"`
	Points   []Point `json:"points"`
	// Settled: nothing that is under way will change the outcome.
	Settled bool `json:"settled"`
}

// Verify compares a cluster with what it was before a switchover. It goes by
// state alone; what anybody printed does not count.
func Verify(b Baseline, after *fact.Snapshot) Verification {
	v := Verification{
		SchemaVersion: check.ReportSchema, Tool: after.Tool, TakenAt: after.TakenAt, Baseline: b,
		Leader: after.Leader(), Timeline: fact.SQLTimeline.Of(after, after.Leader()).Value, Points: []Point{},
	}
	v.Points = append(v.Points, pointLeader(b, after))
	if v.Leader != "" && v.Leader != b.Leader {
		v.Points = append(v.Points, pointPrimary(b, after), pointTimeline(b, after), pointWAL(b, after))
		if b.Followers == nil {
			v.Points = append(v.Points, Point{
				ID: "outcome.follows", Title: "everybody who streamed before streams", Status: check.Undecided,
				Asked: "the followers in what was seen before", Observed: "who streamed before was not seen",
			})
		}
		for _, m := range b.toFollow(v.Leader) {
			v.Points = append(v.Points, pointFollows(b, after, m))
		}
		v.Points = append(v.Points, pointSlots(b, after))
	}
	v.Outcome, v.Reason, v.Settled = v.decide(after)
	if why := changedDuringRead(after); why != "" && (v.Outcome == Done || v.Outcome == Refused) {
		v.Outcome, v.Reason, v.Settled = EndUnknown, why, false
	}
	v.ExitCode = v.Outcome.ExitCode()
	return v
}

// changedDuringRead says why a look proves nothing: it saw two states of the cluster.
func changedDuringRead(s *fact.Snapshot) string {
	moved, ok := s.Moved.Get()
	if !ok {
		return s.Moved.Reason()
	}
	for _, what := range []string{"leader", "timeline", "failover"} {
		if slices.Contains(moved, what) {
			return "the cluster changed while being read: " + what
		}
	}
	return ""
}

// TooSoon is the verification where the time was up before an unchanged cluster
// had been seen for long enough: a request may still be on its way.
func (v Verification) TooSoon() Verification {
	if v.Outcome == Refused {
		v.Outcome, v.Settled = EndUnknown, false
		v.Reason += ", but that was not seen for long enough: a request may be on its way"
		v.ExitCode = v.Outcome.ExitCode()
	}
	return v
}

// decide draws the outcome from the points.
func (v Verification) decide(after *fact.Snapshot) (o Ending, reason string, settled bool) {
	b := v.Baseline
	primary := fact.Equal(fact.SQLInRecovery.Of(after, v.Leader), b.standby())
	switch held := fact.LeaderKey.Of(after, ""); {
	case !held.Known():
		return EndUnknown, "who leads could not be seen: " + held.Reason(), false
	case v.Leader == "":
		return EndUnknown, "nobody holds the leader key", false
	case v.Leader == b.Leader:
		return v.unchanged(after, primary)
	case b.Candidate != "" && v.Leader != b.Candidate:
		return Different, fmt.Sprintf("%s leads, not %s", v.Leader, b.Candidate), primary
	}
	for _, status := range []check.Status{check.Fail, check.Undecided} {
		for _, p := range v.Points {
			if p.Status != status {
				continue
			}
			if status == check.Undecided || p.ID == "outcome.primary" {
				return EndUnknown, p.short(), false
			}
			return Different, p.short(), false
		}
	}
	return Done, "", true
}

// unchanged is the case of the old leader holding the key: it was refused, it is
// not done yet, or the old leader has taken the key back.
func (v Verification) unchanged(after *fact.Snapshot, primary bool) (o Ending, reason string, settled bool) {
	l := v.Leader
	pending, ok := fact.FailoverKey.Of(after, "").Get()
	state := fact.RESTState.Of(after, l)
	switch {
	case v.Timeline != nil && v.Baseline.Timeline != nil && *v.Timeline > *v.Baseline.Timeline:
		return Different, fmt.Sprintf("%s stepped down and leads again, on timeline %d", l, *v.Timeline), primary
	case !ok:
		return EndUnknown, l + " still leads, and whether a request is pending could not be seen: " + fact.FailoverKey.Of(after, "").Reason(), false
	case pending.Pending() && pending.ScheduledAt != "":
		return EndUnknown, fmt.Sprintf("%s still leads; the switchover is scheduled for %s", l, pending.ScheduledAt), false
	case pending.Pending():
		return EndUnknown, l + " still leads, and the request is pending in /failover", false
	case !state.Known():
		// A request may lie unread with a Patroni that does not answer.
		return EndUnknown, fmt.Sprintf("%s still leads, but its Patroni does not answer: %s", l, state.Reason()), false
	case !fact.Equal(state, "running"):
		return EndUnknown, fmt.Sprintf("%s still holds the leader key, and its PostgreSQL is %s", l, *state.Value), false
	case v.Timeline == nil || v.Baseline.Timeline == nil:
		return EndUnknown, l + " leads, but whether it has led all the time cannot be told: its timeline could not be seen", false
	case !primary && !after.IsStandbyCluster():
		return EndUnknown, l + " still holds the leader key, and its PostgreSQL is no primary that answers", false
	}
	return Refused, fmt.Sprintf("%s still leads on timeline %d, and nothing is pending", l, *v.Timeline), true
}

// short is a point in half a sentence.
func (p Point) short() string {
	text := p.Observed
	if p.Expected != "" {
		text += ", expected " + p.Expected
	}
	if p.Subject != "" {
		return p.ID + "(" + p.Subject + "): " + text
	}
	return p.ID + ": " + text
}
