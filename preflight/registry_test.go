package preflight

import (
	"maps"
	"regexp"
	"testing"
)

// A breakage is one way in which a healthy cluster is spoilt, and what the check
// under test has to say then.
type breakage struct {
	name    string
	subject string // whom the result is about
	do      func(s *Recording)
	want    Status
	// severity of the worst finding; Blocker where empty
	severity Severity
}

func lag(s *Recording, member string, bytes int64) {
	m := s.member(member)
	leader := *s.member("node1").SQL.Value.FlushLSN.Value
	m.SQL.Value.ReceiveLSN = Known(leader - LSN(bytes))
	m.SQL.Value.ReplayLSN = Known(leader - LSN(bytes))
}

func config4(s *Recording) *Config { return s.DCS.Cluster.Value.Config.Value }

func unknown[T any]() Observed[T] { return NotKnown[T](Failed, "not to be had") }

// cases holds, for each check, at least one cluster on which it fails and one on
// which it cannot decide. The healthy cluster shows that it passes. The cases of a
// check stand in the test file of its topic.
var cases = union(
	candidateCases,
	dataCases,
	dcsCases,
	identityCases,
	lagCases,
	leaderCases,
	maintenanceCases,
	memberCases,
	patroniCases,
	restartCases,
	scheduleCases,
	settingsCases,
	shutdownCases,
	slotsCases,
	syncCases,
	tlsCases,
	versionCases,
	waybackCases,
)

func union(topics ...map[string][]breakage) map[string][]breakage {
	all := map[string][]breakage{}
	for _, topic := range topics {
		maps.Copy(all, topic)
	}
	return all
}

// TestEveryCheckHasItsCases holds the registry to its rules: a well-formed ID,
// every word of documentation, firm ground before the check, and cases of each kind.
func TestEveryCheckHasItsCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks {
		if !regexp.MustCompile(`^[a-z]+\.[a-z_]+$`).MatchString(c.ID) || seen[c.ID] {
			t.Errorf("%s: malformed or used twice", c.ID)
		}
		for _, id := range c.After {
			if !seen[id] {
				t.Errorf("%s: builds on %s, which does not stand before it", c.ID, id)
			}
			if ground, _ := CheckByID(id); !ground.Essential {
				t.Errorf("%s: builds on %s, which is not essential: skipping it could end in GO", c.ID, id)
			}
		}
		seen[c.ID] = true
		for what, text := range map[string]string{"title": c.Title, "why": c.Why, "source": c.Source, "fix": c.Fix, "proof": c.Proof, "since": c.Since} {
			if text == "" {
				t.Errorf("%s: no %s", c.ID, what)
			}
		}
		if c.Kind == "" || c.Severity == "" || c.Of == "" || c.Run == nil {
			t.Errorf("%s: kind, severity, subject or function missing", c.ID)
		}
		has := map[Status]bool{}
		for _, b := range cases[c.ID] {
			has[b.want] = true
		}
		// dcs.reachable cannot fail: no answer is unknown, never a finding.
		if !has[Fail] && c.ID != "dcs.reachable" {
			t.Errorf("%s: no case that fails", c.ID)
		}
		if !has[Undecided] && !has[SkippedFor] {
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
	r := judgeOf(healthy(t))
	if r.Verdict != Go || r.Summary.Warnings > 0 || r.Summary.Skipped > 0 {
		t.Fatalf("%s, %+v\n%s", r.Verdict, r.Summary, fails(r))
	}
	judged := map[string]bool{}
	for _, res := range r.Results {
		judged[res.Check] = true
		if res.Status != Pass || len(res.Findings) == 0 {
			t.Errorf("%s %s: %s with %d findings; a pass shows what it saw", res.Check, res.Subject, res.Status, len(res.Findings))
		}
	}
	for _, c := range Checks {
		if !judged[c.ID] {
			t.Errorf("%s was not judged", c.ID)
		}
	}
}

func TestBreakages(t *testing.T) {
	for _, c := range Checks {
		for _, b := range cases[c.ID] {
			t.Run(c.ID+"/"+b.name, func(t *testing.T) {
				s := healthy(t)
				b.do(s)
				r := Judge(s.Snapshot, s.Question, Policies{})
				res := resultOf(t, r, c.ID, b.subject)
				if res.Status != b.want {
					t.Fatalf("status %s, want %s\n%s", res.Status, b.want, fails(r))
				}
				severity := b.severity
				if severity == "" {
					severity = Blocker
				}
				if b.want == Fail && res.Severity != severity {
					t.Errorf("severity %s, want %s", res.Severity, severity)
				}
				for _, f := range res.Findings {
					if f.Severity != Evidence && (f.Asked == "" || f.Observed == "" || f.Effect == "" && f.Remedy == "") {
						t.Errorf("a finding without question, answer or remedy: %+v", f)
					}
				}
				if b.want != Pass && (severity == Blocker || b.want != Fail) && r.Verdict == Go && c.Essential {
					t.Errorf("GO all the same")
				}
			})
		}
	}
}
