package verify_test

import (
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

// TestGoodSentencesReadAsGood: what a person reads of a finished switchover, and while it
// is under way, does not read as the opposite.
func TestGoodSentencesReadAsGood(t *testing.T) {
	done := verify.Verify(facttest.BaselineOf(facttest.Healthy(t)), switched(t, "node2").Snapshot)
	if done.Outcome != verify.Done {
		t.Fatalf("%s: %s", done.Outcome, done.Reason)
	}
	for _, r := range done.Results {
		for _, bad := range []string{": false", ": true", "out of recovery", "no row", "not "} {
			if says := r.Findings[0].Effect; strings.Contains(says, bad) || says == "" {
				t.Errorf("%s: a good outcome says %q", r.Check, says)
			}
		}
	}
	for _, c := range verify.OutcomeChecks {
		if strings.Contains(c.Title, "recovery") {
			t.Errorf("%s: the title %q does not say which state is good", c.ID, c.Title)
		}
	}
	s := switched(t, "node2")
	sqlOf(s, "node2").InRecovery = fact.Known(true)
	if v := verify.Verify(facttest.BaselineOf(facttest.Healthy(t)), s.Snapshot); v.Reason != "node2 is still in recovery" {
		t.Errorf("while it is under way: %q", v.Reason)
	}
}
