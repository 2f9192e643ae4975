package check_test

import (
	"regexp"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// A breakage is one way in which a healthy cluster is spoilt, and what the check
// under test has to say then.
type breakage struct {
	name    string
	subject string // whom the result is about
	do      func(s *fact.Recording)
	want    check.Status
	// severity of the worst finding; Blocker where empty
	severity check.Severity
}

// TestEveryCheckHasItsCases holds the registry to its rules: a well-formed ID,
// every word of documentation, firm ground before the check, and cases of each kind.
func TestEveryCheckHasItsCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range check.Checks {
		if !regexp.MustCompile(`^[a-z]+\.[a-z_]+$`).MatchString(c.ID) || seen[c.ID] {
			t.Errorf("%s: malformed or used twice", c.ID)
		}
		for _, id := range c.After {
			if !seen[id] {
				t.Errorf("%s: builds on %s, which does not stand before it", c.ID, id)
			}
			if ground, _ := preflight.CheckByID(id); !ground.Essential {
				t.Errorf("%s: builds on %s, which is not essential: skipping it could end in GO", c.ID, id)
			}
		}
		seen[c.ID] = true
		for what, text := range map[string]string{
			"title":  c.Title,
			"why":    c.Why,
			"source": c.Source,
			"fix":    c.Fix,
			"proof":  c.Proof,
			"since":  c.Since,
		} {
			if text == "" {
				t.Errorf("%s: no %s", c.ID, what)
			}
		}
		if c.Kind == "" || c.Severity == "" || c.Of == "" || c.Run == nil {
			t.Errorf("%s: kind, severity, subject or function missing", c.ID)
		}
		has := map[check.Status]bool{}
		for _, b := range cases[c.ID] {
			has[b.want] = true
		}
		// dcs.reachable cannot fail: no answer is unknown, never a finding.
		if !has[check.Fail] && c.ID != "dcs.reachable" {
			t.Errorf("%s: no case that fails", c.ID)
		}
		if !has[check.Undecided] && !has[check.Skipped] {
			t.Errorf("%s: no case that is undecided", c.ID)
		}
	}
	for id := range cases {
		if !seen[id] {
			t.Errorf("cases for %s, which is no check", id)
		}
	}
}

func TestHealthyPassesEveryCheck(t *testing.T) {
	r := facttest.Judge(facttest.Healthy(t))
	if r.Verdict != preflight.Go || r.Summary.Warnings > 0 || r.Summary.Skipped > 0 {
		t.Fatalf("%s, %+v\n%s", r.Verdict, r.Summary, facttest.Fails(r))
	}
	judged := map[string]bool{}
	for _, res := range r.Results {
		judged[res.Check] = true
		if res.Status != check.Pass || len(res.Findings) == 0 {
			t.Errorf(
				"%s %s: %s with %d findings; a pass shows what it saw",
				res.Check,
				res.Subject,
				res.Status,
				len(res.Findings),
			)
		}
	}
	for _, c := range check.Checks {
		if !judged[c.ID] {
			t.Errorf("%s was not judged", c.ID)
		}
	}
}

func TestBreakages(t *testing.T) {
	for _, c := range check.Checks {
		for _, b := range cases[c.ID] {
			t.Run(c.ID+"/"+b.name, func(t *testing.T) {
				s := facttest.Healthy(t)
				b.do(s)
				r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
				res := facttest.ResultOf(t, r, c.ID, b.subject)
				if res.Status != b.want {
					t.Fatalf("status %s, want %s\n%s", res.Status, b.want, facttest.Fails(r))
				}
				severity := b.severity
				if severity == "" {
					severity = check.Blocker
				}
				if b.want == check.Fail && res.Severity != severity {
					t.Errorf("severity %s, want %s", res.Severity, severity)
				}
				for _, f := range res.Findings {
					if f.Severity != check.Evidence && (f.Asked == "" || f.Observed == "" || f.Effect == "" && f.Remedy == "") {
						t.Errorf("a finding without question, answer or remedy: %+v", f)
					}
				}
				if b.want != check.Pass && (severity == check.Blocker || b.want != check.Fail) && r.Verdict == preflight.Go &&
					c.Essential {
					t.Errorf("GO all the same")
				}
			})
		}
	}
}
