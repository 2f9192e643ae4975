package check_test

import (
	"strings"
	"testing"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

func TestQuoted(t *testing.T) {
	for name, want := range map[string]string{
		"node2": "node2", "node-2.example": "node-2.example", "node 3": "'node 3'", "--force": "'--force'",
		"$(touch PWNED)": "'$(touch PWNED)'", "a'b": `'a'\''b'`, "": "''", "a;b": "'a;b'", "`x`": "'`x`'",
	} {
		if got := check.Quoted(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// TestRemediesQuoteNames: whatever a member is called, a remedy that is pasted runs
// nothing else.
func TestRemediesQuoteNames(t *testing.T) {
	for _, name := range []string{"$(touch PWNED)", "; touch PWNED;", "`touch PWNED`", "node 3", `a"b`} {
		for id, cases := range cases {
			for _, c := range cases {
				s := facttest.Healthy(t)
				c.do(s)
				rename(s, name)
				for _, r := range check.Evaluate(s.Snapshot, s.Question, check.Policies{}, check.Checks) {
					for _, f := range r.Findings {
						rest := strings.ReplaceAll(f.Remedy, check.Quoted(name), "")
						if f.Severity != check.Evidence && strings.Contains(rest, name) {
							t.Fatalf("%s, %s: remedy of %s: %s", id, c.name, r.Check, f.Remedy)
						}
					}
				}
			}
		}
	}
}

// rename gives the bystander another name.
func rename(s *fact.Recording, name string) {
	for i := range s.Members {
		if s.Members[i].Name == "node3" {
			s.Members[i].Name = name
		}
	}
}
