package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/forecast"
)

// TestJUnitIsGreenForGoOnly: a pipeline sees nothing but failures and errors.
func TestJUnitIsGreenForGoOnly(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		out := render(t, "junit", r, Options{})
		var suite junitSuite
		if err := xml.Unmarshal(out, &suite); err != nil {
			t.Fatalf("%s: %v", sc.name, err)
		}
		if red := suite.Failures+suite.Errors > 0; red != (sc.verdict != preflight.Go) {
			t.Errorf("%s: %s, and %d failures, %d errors", sc.name, sc.verdict, suite.Failures, suite.Errors)
		}
		if (suite.Failures > 0) != (sc.verdict == preflight.NoGo) {
			t.Errorf("%s: %s, and %d failures", sc.name, sc.verdict, suite.Failures)
		}
		counted := map[string]int{}
		for _, c := range suite.Cases {
			for kind, note := range map[string]*junitNote{"failure": c.Failure, "error": c.Error, "skipped": c.Skipped} {
				if note != nil {
					counted[kind]++
					if note.Message == "" {
						t.Errorf("%s: %s of %s does not say why", sc.name, kind, c.Name)
					}
				}
			}
		}
		counted["tests"] = len(suite.Cases)
		said := map[string]int{"tests": suite.Tests}
		for kind, n := range map[string]int{
			"failure": suite.Failures, "error": suite.Errors, "skipped": suite.Skipped,
		} {
			if n > 0 {
				said[kind] = n
			}
		}
		if diff := cmp.Diff(counted, said); diff != "" {
			t.Errorf("%s: counts of the suite (-cases +attributes):\n%s", sc.name, diff)
		}
		if suite.Tests != len(r.Results)+1 {
			t.Errorf("%s: %d tests, want one for the verdict and one for each of %d results", sc.name, suite.Tests,
				len(r.Results))
		}
	}
}

// TestJUnitStructure: elements and attributes are those that Jenkins' schema
// (junit-10.xsd of its xUnit plugin) knows, and no case says two things. Numbers
// are there where Ant's older schema wants them.
func TestJUnitStructure(t *testing.T) {
	elements := map[string]struct{ within, must, may string }{
		"testsuite":  {"", "name tests failures errors skipped time timestamp", ""},
		"testcase":   {"testsuite", "classname name time", ""},
		"failure":    {"testcase", "message type", ""},
		"error":      {"testcase", "message type", ""},
		"skipped":    {"testcase", "message", "type"},
		"system-out": {"testcase", "", ""},
	}
	number := regexp.MustCompile(`^[0-9]+$`)
	for _, sc := range scenarios {
		dec := xml.NewDecoder(strings.NewReader(string(render(t, "junit", sc.report(t), Options{}))))
		var open, within []string
		for {
			tok, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", sc.name, err)
			}
			switch tok := tok.(type) {
			case xml.EndElement:
				open = open[:len(open)-1]
			case xml.StartElement:
				name, parent := tok.Name.Local, ""
				if len(open) > 0 {
					parent = open[len(open)-1]
				}
				rule, ok := elements[name]
				if !ok || rule.within != parent {
					t.Errorf("%s: <%s> in <%s>", sc.name, name, parent)
				}
				has := map[string]string{}
				for _, a := range tok.Attr {
					has[a.Name.Local] = a.Value
					if !slices.Contains(strings.Fields(rule.must+" "+rule.may), a.Name.Local) {
						t.Errorf("%s: <%s> has %s", sc.name, name, a.Name.Local)
					}
				}
				for _, a := range strings.Fields(rule.must) {
					if has[a] == "" {
						t.Errorf("%s: <%s> without %s", sc.name, name, a)
					}
				}
				for _, a := range []string{"tests", "failures", "errors", "skipped", "time"} {
					if v, ok := has[a]; ok && !number.MatchString(v) {
						t.Errorf("%s: %s is %q", sc.name, a, v)
					}
				}
				if name == "testcase" {
					within = nil
				} else if name != "testsuite" && name != "system-out" {
					if within = append(within, name); len(within) > 1 {
						t.Errorf("%s: a case with %v", sc.name, within)
					}
				}
				open = append(open, name)
			}
		}
	}
}

// TestJUnitKeepsEveryFinding: what the text says of a blocker is in its case.
func TestJUnitKeepsEveryFinding(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		var all strings.Builder
		dec := xml.NewDecoder(strings.NewReader(string(render(t, "junit", r, Options{}))))
		for {
			tok, err := dec.Token()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", sc.name, err)
			}
			if text, ok := tok.(xml.CharData); ok {
				all.Write(text)
			}
		}
		for _, res := range r.Results {
			if res.Weight != preflight.Blocks && res.Weight != preflight.Warns {
				continue
			}
			for _, f := range res.Findings {
				if !strings.Contains(all.String(), clean(f.Sentence())) {
					t.Errorf("%s: %s of %q is not there whole", sc.name, res.Check, res.Subject)
				}
			}
		}
	}
}

// plugin is what the guidelines for monitoring plugins allow.
var plugin = regexp.MustCompile(
	`^SWITCHOVER (OK|CRITICAL|UNKNOWN) - [^|\n]+ \|( ('[^'=|]+'|[^'=| ]+)=(U|-?[0-9.]+(s|B)?);;;0)+\n$`,
)

func TestNagiosLine(t *testing.T) {
	states := map[preflight.Verdict]string{
		preflight.Go:           "OK",
		preflight.NoGo:         "CRITICAL",
		preflight.UnknownState: "UNKNOWN",
	}
	for _, sc := range scenarios {
		r := sc.report(t)
		out := string(render(t, "nagios", r, Options{}))
		m := plugin.FindStringSubmatch(out)
		if m == nil || m[1] != states[sc.verdict] {
			t.Errorf("%s: %q", sc.name, out)
			continue
		}
		if want := fmt.Sprintf(
			" blockers=%d;;;0 warnings=%d;;;0 unknown=%d;;;0 ",
			r.Summary.Blockers,
			r.Summary.Warnings,
			r.Summary.Unknown,
		); !strings.Contains(
			out,
			want,
		) {
			t.Errorf("%s: %q is not in %q", sc.name, want, out)
		}
	}
}

// TestNagiosUnknownFigures: what is not known is U, never 0.
func TestNagiosUnknownFigures(t *testing.T) {
	zero, most := int64(0), 2.5
	r := preflight.Report{
		Verdict: preflight.Go, Forecast: &forecast.Forecast{Interruption: fact.Seconds{Least: 1.25}},
		Members: []preflight.MemberReport{{Name: "a"}, {Name: "b c=d|e'f", LiveLag: &zero}},
	}
	out := string(render(t, "nagios", r, Options{}))
	for _, want := range []string{
		" lag_a=U;",
		" replay_lag_a=U;",
		" 'lag_b c?d?e?f'=0B;",
		" interruption_least=1.25s;",
		" interruption_most=U;",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in %q", want, out)
		}
	}
	r.Forecast.Interruption.Most = &most
	if out := string(render(t, "nagios", r, Options{})); !strings.Contains(out, " interruption_most=2.5s;") {
		t.Errorf("%q", out)
	}
}

// TestMarkdownSaysWhatTheTextSays: every part of a blocker, and every gap.
func TestMarkdownSaysWhatTheTextSays(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		out := string(render(t, "markdown", r, Options{}))
		if want := "## " + string(sc.verdict) + ": switchover of demo"; !strings.HasPrefix(out, want) {
			t.Errorf("%s: begins with %.60q, want %q", sc.name, out, want)
		}
		for _, res := range r.Results {
			if res.Weight == preflight.Passed || res.Weight == preflight.NotTried || res.Weight == preflight.Aside {
				continue
			}
			for _, f := range res.Findings {
				parts := []string{literal(f.Asked), literal(f.Observed), literal(f.Effect)}
				for _, s := range steps(oneLine(namesOf(r)...).Replace(f.Remedy)) {
					if s.command {
						parts = append(parts, "  ```\n  "+code(s.text)+"\n  ```\n")
					} else {
						parts = append(parts, literal(s.text))
					}
				}
				for _, part := range parts {
					if !strings.Contains(out, part) {
						t.Errorf("%s: %s of %q: %q is not shown", sc.name, res.Check, res.Subject, part)
					}
				}
			}
			for _, m := range res.Missing {
				if !strings.Contains(out, literal(m.Reason)) {
					t.Errorf("%s: %s: %q is not shown", sc.name, res.Check, m.Reason)
				}
			}
		}
	}
}

func TestLiteral(t *testing.T) {
	for in, want := range map[string]string{
		"wal_keep_size":          "wal_keep_size",
		"_x_ __y__":              `\_x\_ \_\_y\_\_`,
		"a|b *c* `d` <e> [f](g)": "a\\|b \\*c\\* \\`d\\` \\<e\\> \\[f\\](g)",
		"line\nbreak\x1b":        "line break?",
		`C:\x & #1 ~~y~~ $z$`:    `C:\\x \& \#1 \~\~y\~\~ \$z\$`,
	} {
		if got := literal(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}
