package main

import (
	"bytes"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/verify"
)

// TestScheduledWhileLooking: a request that is through while the cluster is being
// looked at does not show in that look, and is no refusal.
func TestScheduledWhileLooking(t *testing.T) {
	before := recorded(t, "healthy-4.0.7")
	before.Question.ScheduledAt = "2126-12-01T03:00:00+00:00"
	s := &stage{film: film{t: t, frames: "bs", clock: time.Unix(1e9, 0)}, asked: func() bool { return true }}
	w := &wrapper{k: &target{fake: s}, seen: before, doc: preflight.SwitchoverReport{Check: preflight.Report{Baseline: verify.BaselineOf(before.Snapshot, before.Question)}}}
	v, err := w.followScheduled(t.Context(), s.countdown(time.Minute), &progress{w: &bytes.Buffer{}}, func() bool { return s.looks == 0 })
	if err != nil || v.ExitCode != exitcode.Go || s.looks != 2 {
		t.Errorf("%s after %d looks, %v", v.Outcome, s.looks, err)
	}
}
