package preflight_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/facttest"
)

// TestVerdict runs the cases of testdata/verdict: changes to a healthy cluster of
// three nodes, of which node1 leads and node2 is the candidate, and the verdict and
// the prediction that follow.
func TestVerdict(t *testing.T) {
	files, _ := filepath.Glob("testdata/verdict/*.txt")
	if len(files) < 3 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		facttest.RunText(t, file, *update, func(t *testing.T, state []string) string {
			s := facttest.Changed(t, facttest.Healthy(t), state)
			return decided(preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
		})
	}
}

// decided is what a report decides: the verdict, the checks that made it, each
// candidate, and the prediction.
func decided(r preflight.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Verdict)
	for _, weight := range []preflight.Weight{preflight.Blocks, preflight.Unseen, preflight.Warns} {
		var by []string
		for _, res := range r.Results {
			if res.Weight == weight {
				by = append(by, strings.TrimRight(res.Check+" "+res.Subject, " "))
			}
		}
		if by = slices.Compact(by); len(by) > 0 {
			fmt.Fprintf(&b, "\n%s: %s", weight, strings.Join(by, ", "))
		}
	}
	p := r.Prediction
	fmt.Fprintf(&b, "\nprediction: %s", p.Stage)
	if p.Printed != "" {
		fmt.Fprintf(&b, ", %s", p.Printed)
	}
	if len(p.Winners) > 0 {
		fmt.Fprintf(&b, "\nleads then: %s", strings.Join(p.Winners, " or "))
	}
	if p.Fallback != nil && len(p.Fallback.Winners) > 0 {
		fmt.Fprintf(&b, "\nfallback: %s", strings.Join(p.Fallback.Winners, " or "))
	}
	if len(p.Unknown) > 0 {
		fmt.Fprintf(&b, "\nunknown: %s", strings.Join(p.Unknown, ", "))
	}
	return b.String()
}
