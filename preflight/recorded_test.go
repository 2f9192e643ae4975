package preflight_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// TestRecorded judges snapshots of real clusters, taken by the e2e scenarios
// with Patroni 3.0.2, 4.0.7 and 4.1.5, and holds the verdict to what the real
// switchover after them did (docs/accuracy.md). expected.json names the verdict
// and, where it is not GO, the checks that decide it.
func TestRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/recorded/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var expected map[string]struct {
		Verdict preflight.Verdict `json:"verdict"`
		By      []string          `json:"by"`
	}
	if err := json.Unmarshal(raw, &expected); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("testdata/recorded/*-*.json")
	if len(files) != len(expected) || len(files) < 20 {
		t.Fatalf("%d snapshots, %d expectations", len(files), len(expected))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			want, ok := expected[name]
			if !ok {
				t.Fatal("no expectation")
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := fact.LoadRecording(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			var by []string
			for _, res := range r.Results {
				if res.Weight == preflight.Blocks || res.Weight == preflight.Unseen {
					by = append(by, res.Check)
				}
			}
			by = slices.Compact(by)
			if r.Verdict != want.Verdict || !slices.Equal(by, want.By) {
				t.Errorf("%s by %q, want %s by %q\n%s", r.Verdict, by, want.Verdict, want.By, facttest.Fails(r))
			}
		})
	}
}
