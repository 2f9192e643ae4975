package cli

import (
	"bytes"
	"testing"
	"time"

	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// TestScheduledWhileLooking: a request that is through while the cluster is being
// looked at does not show in that look, and is no refusal.
func TestScheduledWhileLooking(t *testing.T) {
	before := recorded(t, "healthy-4.0.7")
	before.Question.ScheduledAt = "2126-12-01T03:00:00+00:00"
	s := &stage{
		sequence: sequence{t: t, frames: []state{asBefore, requestScheduled}, clock: time.Unix(1e9, 0)},
		asked:    func() bool { return true },
	}
	b := verify.BaselineOf(before.Snapshot, before.Question)
	v, err := watchScheduled(b, s.countdown(time.Minute), &progress{w: &bytes.Buffer{}},
		func() bool { return s.looks == 0 },
		func() (*fact.Recording, error) { return s.snapshot(t.Context(), fact.Request{}) })
	if err != nil || v.ExitCode != exitcode.Go || s.looks != 2 {
		t.Errorf("%s after %d looks, %v", v.Outcome, s.looks, err)
	}
}
