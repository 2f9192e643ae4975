package cli

import (
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// pollInterval is the time between two snapshots of a switchover in progress.
const pollInterval = time.Second

// watchOutcome reads the cluster until nothing can change the outcome any more, or
// the deadline has passed. An unchanged cluster counts only after two loop_waits in
// which no request was being sent: one may be on its way.
func watchOutcome(
	b verify.Baseline, clock countdown, shown *progress, sending func() bool, snapshot func() (*fact.Recording, error),
) (*fact.Recording, verify.Verification, error) {
	var unchanged time.Time
	for {
		began := clock.now()
		s, err := snapshot()
		if err != nil {
			return nil, verify.Verification{}, err
		}
		v := verify.Verify(b, s.Snapshot)
		switch {
		case v.Outcome != verify.Refused || sending():
			unchanged = time.Time{}
		case unchanged.IsZero():
			unchanged = began
		}
		long := !unchanged.IsZero() && began.Sub(unchanged) >= 2*loopWait(s.Snapshot)
		if v.Settled && (v.Outcome != verify.Refused || long) {
			return s, v, nil
		}
		shown.say(v.Progress(), clock.left())
		if !clock.until(began.Add(pollInterval)) {
			return s, v.TooSoon(), nil
		}
	}
}

// watchScheduled reads the cluster until the DCS holds the scheduled request.
func watchScheduled(
	b verify.Baseline, clock countdown, shown *progress, sending func() bool, snapshot func() (*fact.Recording, error),
) (verify.Verification, error) {
	for {
		// Only a snapshot that begins after the request is over can show a refusal.
		began, over := clock.now(), !sending()
		s, err := snapshot()
		if err != nil {
			return verify.Verification{}, err
		}
		v := verify.Verify(b, s.Snapshot)
		if preflight.IsScheduled(b, s.Snapshot) {
			return preflight.AsScheduled(v), nil
		}
		shown.say(v.Reason, clock.left())
		switch {
		case over && v.Settled:
			return v, nil
		case clock.until(began.Add(pollInterval)):
		case over:
			return v, nil
		default:
			return v.TooSoon(), nil
		}
	}
}
