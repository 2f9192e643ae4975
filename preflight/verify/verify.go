// Package verify judges the outcome of a switchover: it compares a snapshot with a
// baseline that was taken before, by the checks in OutcomeChecks. It trusts only the
// state of the cluster; the output of patronictl does not count.
package verify

import (
	"fmt"
	"slices"
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// Ending is the outcome of a switchover, by the state of the cluster.
type Ending string

// The endings.
const (
	// Done: the candidate leads, and all other members follow.
	Done Ending = "DONE"
	// Different: there was a switchover, but another one than requested, or it left
	// damage behind.
	Different Ending = "DIFFERENT"
	// EndUnknown: the switchover may be under way, or its outcome could not be seen.
	EndUnknown Ending = "UNKNOWN"
	// Refused: the cluster is unchanged, and nothing is under way.
	Refused Ending = "REFUSED"
	// Scheduled: the DCS holds the switchover for later. It has not been checked for
	// that time.
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

// Verification is the outcome of a switchover, with the results that show it.
type Verification struct {
	SchemaVersion int       `json:"schema_version"`
	Tool          string    `json:"tool"`
	TakenAt       time.Time `json:"taken_at"`
	Baseline      Baseline  `json:"baseline"`
	Outcome       Ending    `json:"outcome"`
	ExitCode      int       `json:"exit_code"`
	// Reason is a sentence that says why it is not Done, "" where it is.
	Reason string `json:"reason"`
	// Leader holds the leader key now, Timeline is its timeline; "" and null where
	// they are not known.
	Leader   string  `json:"leader"`
	Timeline *int64  `json:"timeline"`
	Points   []Point `json:"points"`
	// Settled: nothing that is under way will change the outcome.
	Settled bool `json:"settled"`
	// Results are the points as results, each with one finding: its Effect is the
	// result as a sentence, its Remedy where to look for the reason.
	Results []check.Result `json:"-"`
}

// Verify compares a cluster with its state before a switchover.
func Verify(b Baseline, after *fact.Snapshot) Verification {
	v := Verification{
		SchemaVersion: check.ReportSchema,
		Tool:          after.Tool,
		TakenAt:       after.TakenAt,
		Baseline:      b,
		Leader:        after.Leader(),
		Timeline:      fact.SQLTimeline.Of(after, after.Leader()).Value,
		Points:        []Point{},
	}
	v.judge(outcomeLeader, after, "")
	if v.Leader != "" && v.Leader != b.Leader {
		v.judge(outcomePrimary, after, v.Leader)
		v.judge(outcomeTimeline, after, v.Leader)
		v.judge(outcomeWAL, after, "")
		if b.Followers == nil {
			v.judge(outcomeCheck{outcomeFollows.Check, followersUnknown}, after, "")
		}
		for _, m := range b.toFollow(v.Leader) {
			v.judge(outcomeFollows, after, m)
		}
		v.judge(outcomeSlots, after, v.Leader)
		v.judge(outcomeCommit, after, v.Leader)
	}
	if v.steppedBack() {
		for _, m := range b.Followers {
			v.judge(outcomeFollows, after, m)
		}
	}
	v.Outcome, v.Reason, v.Settled = v.decide(after)
	if why := changedDuringRead(after); why != "" && (v.Outcome == Done || v.Outcome == Refused) {
		v.Outcome, v.Reason, v.Settled = EndUnknown, why, false
	}
	v.ExitCode = v.Outcome.ExitCode()
	return v
}

// changedDuringRead says why a snapshot proves nothing, "" where it does: its first
// and its last read of the DCS saw different states.
func changedDuringRead(s *fact.Snapshot) string {
	moved, ok := s.Moved.Get()
	if !ok {
		return s.Moved.Reason()
	}
	for _, part := range []string{"leader", "timeline", "failover"} {
		if slices.Contains(moved, part) {
			return "the cluster changed while being read: " + part
		}
	}
	return ""
}

// TooSoon is the verification at the end of the waiting time. If the cluster was
// not seen unchanged for long enough by then, a request may still be on its way.
func (v Verification) TooSoon() Verification {
	if v.Outcome == Refused {
		v.Outcome, v.Settled = EndUnknown, false
		v.Reason += ", but that was not seen for long enough: a request may be on its way"
		v.ExitCode = v.Outcome.ExitCode()
	}
	return v
}

// steppedBack reports whether the old leader leads on a later timeline.
func (v Verification) steppedBack() bool {
	now, before := v.Timeline, v.Baseline.Timeline
	return v.Leader != "" && v.Leader == v.Baseline.Leader && now != nil && before != nil && *now > *before
}

// waits reports whether a result may yet change although the leader is settled: a
// member connects again within some seconds, and Patroni creates a slot.
func (v Verification) waits() bool { return v.waitsFor() != "" }

func (v Verification) waitsFor() string {
	for _, r := range v.Results {
		passes := r.Status == check.Pass || r.Check == outcomeLeader.ID
		forGood := r.Status == check.Fail && (r.Check == outcomeTimeline.ID || r.Check == outcomeWAL.ID)
		if !passes && !forGood {
			return r.Findings[0].Effect
		}
	}
	return ""
}

// Progress is the reason while the cluster is watched: what is not as requested, and what
// is still waited for.
func (v Verification) Progress() string {
	if w := v.waitsFor(); v.Outcome == Different && w != "" && w != v.Reason {
		return v.Reason + "; waiting, since " + w
	}
	return v.Reason
}

// decide draws the outcome from the results.
func (v Verification) decide(after *fact.Snapshot) (o Ending, reason string, settled bool) {
	b := v.Baseline
	primary := fact.Equal(fact.SQLInRecovery.Of(after, v.Leader), b.standby())
	switch held := fact.LeaderKey.Of(after, ""); {
	case !held.Known():
		return EndUnknown, "the leader key could not be read: " + held.Reason(), false
	case v.Leader == "":
		return EndUnknown, "no member holds the leader key", false
	case v.Leader == b.Leader:
		return v.unchanged(after, primary)
	case b.Candidate != "" && v.Leader != b.Candidate:
		reason := fmt.Sprintf("%s leads, not %s", v.Leader, b.Candidate)
		// A candidate that failed meanwhile does not run yet.
		if fact.Equal(fact.RESTState.Of(after, b.Candidate), "running") {
			reason += "; the likeliest cause is another request at the same time"
		}
		return Different, reason, primary && !v.waits()
	}
	for _, status := range []check.Status{check.Fail, check.Undecided} {
		for _, r := range v.Results {
			if r.Status != status {
				continue
			}
			// A new leader that is still in recovery may yet become the primary.
			if status == check.Undecided || r.Check == outcomePrimary.ID {
				return EndUnknown, r.Findings[0].Effect, false
			}
			return Different, r.Findings[0].Effect, false
		}
	}
	return Done, "", true
}

// unchanged is the outcome while the old leader holds the key: the request was
// refused, or it is not done yet, or the old leader has taken the key again.
func (v Verification) unchanged(after *fact.Snapshot, primary bool) (o Ending, reason string, settled bool) {
	l := v.Leader
	request := fact.FailoverKey.Of(after, "")
	pending, ok := request.Get()
	state := fact.RESTState.Of(after, l)
	before, now := v.Baseline.Timeline, v.Timeline
	switch {
	case v.steppedBack():
		return Different, fmt.Sprintf("%s stepped down and leads again, on timeline %d", l, *now), primary && !v.waits()
	case !ok:
		return EndUnknown, l + " still leads, and it is not known whether a request is pending: " + request.Reason(), false
	case pending.Pending() && pending.ScheduledAt != "":
		return EndUnknown, fmt.Sprintf("%s still leads; the switchover is scheduled for %s", l, pending.ScheduledAt), false
	case pending.Pending():
		return EndUnknown, l + " still leads, and the request is pending in /failover", false
	case !state.Known():
		// The request may not have been read by a Patroni that does not answer.
		return EndUnknown, fmt.Sprintf("%s still leads, but its Patroni does not answer: %s", l, state.Reason()), false
	case !fact.Equal(state, "running"):
		return EndUnknown, fmt.Sprintf("%s still holds the leader key, and its PostgreSQL is %s", l, *state.Value), false
	case now == nil || before == nil:
		return EndUnknown, l + " leads, but it may have stepped down in between: its timeline could not be read", false
	case !primary && !after.IsStandbyCluster():
		return EndUnknown, l + " still holds the leader key, but its PostgreSQL does not answer as a primary", false
	}
	return Refused, fmt.Sprintf("%s still leads on timeline %d, and nothing is pending", l, *now), true
}
