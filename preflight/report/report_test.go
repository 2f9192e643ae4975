package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
)

// rendered calls f with every scenario in every format and with every option.
func rendered(t *testing.T, f func(t *testing.T, format string, r preflight.Report, o Options, out string)) {
	t.Helper()
	for _, sc := range scenarios {
		r := sc.report(t)
		for _, format := range Formats {
			for _, o := range []Options{{}, {Verbose: true}, {Color: true}} {
				name := sc.name + "/" + format
				if o.Verbose {
					name += "/verbose"
				}
				if o.Color {
					name += "/color"
				}
				t.Run(name, func(t *testing.T) { f(t, format, r, o, string(render(t, format, r, o))) })
			}
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// commandsOf are the commands in the fixes of a report, as the text prints them.
func commandsOf(r preflight.Report) map[string]bool {
	commands := map[string]bool{}
	for _, res := range r.Results {
		for _, f := range res.Findings {
			for _, s := range steps(oneLine(namesOf(r)...).Replace(f.Remedy)) {
				if s.command {
					commands[s.text] = true
				}
			}
		}
	}
	return commands
}

func TestLinesFitIntoEightyColumns(t *testing.T) {
	rendered(t, func(t *testing.T, format string, r preflight.Report, _ Options, out string) {
		if format != "text" {
			return
		}
		for l := range strings.Lines(sgr.ReplaceAllString(out, "")) {
			l = strings.TrimRight(l, "\n")
			if strings.HasSuffix(l, " ") {
				t.Errorf("space at the end of %q", l)
			}
			words := strings.Fields(l)
			if utf8.RuneCountInString(l) <= width || commandsOf(r)[strings.TrimSpace(l)] {
				continue
			}
			// A word may be too long for any line, but then only a label precedes it.
			last := words[len(words)-1]
			margin := strings.TrimSuffix(l, last)
			if utf8.RuneCountInString(last) <= width-indent-1 || utf8.RuneCountInString(margin) > indent+1 {
				t.Errorf("%d columns: %q", utf8.RuneCountInString(l), l)
			}
		}
	})
}

func TestNothingSteersTheTerminal(t *testing.T) {
	rendered(t, func(t *testing.T, _ string, _ preflight.Report, o Options, out string) {
		if o.Color {
			out = sgr.ReplaceAllString(out, "") // hostile names bring some too, which must not match
		}
		for _, r := range out {
			if r != '\n' && !unicode.IsPrint(r) {
				t.Fatalf("character %U in %q", r, out)
			}
		}
		if !utf8.ValidString(out) {
			t.Error("no UTF-8")
		}
	})
}

func TestColorOnlyWhenAsked(t *testing.T) {
	rendered(t, func(t *testing.T, format string, r preflight.Report, o Options, out string) {
		if want := o.Color && format == "text"; strings.Contains(out, "\x1b") != want {
			t.Errorf("escape sequences: %t, want %t", !want, want)
		}
		if o.Color && format == "text" {
			plain := string(render(t, format, r, Options{Verbose: o.Verbose}))
			if got := sgr.ReplaceAllString(out, ""); got != plain {
				t.Errorf("colour changes more than the colour:\n%s\n%s", got, plain)
			}
			for _, s := range sgr.FindAllString(out, -1) {
				if !strings.Contains("\x1b[1;31m \x1b[1;32m \x1b[1;33m \x1b[0m", s) {
					t.Errorf("%q is none of our colours", s)
				}
			}
		}
	})
}

// flat is a text without its layout: labels and line breaks are gone.
func flat(s string) string {
	var b strings.Builder
	for l := range strings.Lines(s) {
		if len(l) > indent && (l[0] == ' ' || l[0] == '\n') {
			l = l[indent:]
		}
		b.WriteString(l + " ")
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// TestBlockersAreComplete: each blocker shows what was asked, what answered,
// what that does to the switchover, and the remedy.
func TestBlockersAreComplete(t *testing.T) {
	seen := 0
	for _, sc := range scenarios {
		r := sc.report(t)
		out := flat(string(render(t, "text", r, Options{})))
		for _, res := range r.Results {
			if res.Weight != preflight.Blocks {
				continue
			}
			seen++
			if !strings.Contains(out, flat("BLOCKS "+res.Check+" "+clean(res.Subject))) {
				t.Errorf("%s: %s of %q is not shown", sc.name, res.Check, res.Subject)
			}
			for _, f := range res.Findings {
				for what, part := range map[string]string{
					"question": f.Asked,
					"answer":   f.Observed,
					"effect":   f.Effect,
					"fix":      f.Remedy,
				} {
					if part == "" || !strings.Contains(out, flat(clean(part))) {
						t.Errorf("%s: %s of %q: the %s %q is not shown", sc.name, res.Check, res.Subject, what, part)
					}
				}
			}
		}
	}
	if seen < 8 {
		t.Errorf("only %d blockers in all scenarios", seen)
	}
}

// TestGapsAreComplete: whatever could not be seen is shown with its reason, once,
// and with every check that it leaves undecided.
func TestGapsAreComplete(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		text := string(render(t, "text", r, Options{}))
		out := flat(text)
		for _, res := range r.Results {
			if res.Weight == preflight.Aside {
				continue // no gap: a check that can do without
			}
			for _, m := range res.Missing {
				reason := flat(clean(m.Reason))
				if n := strings.Count(out, reason); n != 1 && sc.name != "hostile" {
					t.Errorf("%s: the reason %q stands there %d times", sc.name, m.Reason, n)
				}
				if !strings.Contains(out, res.Check) {
					t.Errorf("%s: %s is undecided and not named", sc.name, res.Check)
				}
			}
		}
	}
}

// TestVerdictIsExplained: each verdict but GO comes with its reason, in each format
// for people.
func TestVerdictIsExplained(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		brief := string(render(t, "brief", r, Options{}))
		if strings.Count(brief, "\n") != 1 || !strings.HasPrefix(brief, string(sc.verdict)+"  switchover of demo") {
			t.Errorf("%s: brief is %q", sc.name, brief)
		}
		text := string(render(t, "text", r, Options{}))
		if !strings.HasPrefix(text, string(sc.verdict)+"  switchover of demo") {
			t.Errorf("%s: the text does not begin with the verdict:\n%s", sc.name, text)
		}
		if sc.verdict == preflight.Go {
			continue
		}
		_, why, _ := strings.Cut(strings.TrimSpace(brief), ": ")
		if why == "" {
			t.Errorf("%s: brief does not say why: %q", sc.name, brief)
		}
		first, _, _ := strings.Cut(why, ",")
		first, _, _ = strings.Cut(first, "(")
		if _, ok := preflight.CheckByID(first); !ok || !strings.Contains(text, first) {
			t.Errorf("%s: brief names %q, which is not a check or not in the text", sc.name, first)
		}
	}
}

func TestVerboseShowsEveryResult(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		out := string(render(t, "text", r, Options{Verbose: true}))
		for _, res := range r.Results {
			if !strings.Contains(out, res.Check) {
				t.Errorf("%s: %s is not shown", sc.name, res.Check)
			}
		}
		quiet := string(render(t, "text", r, Options{}))
		if strings.Contains(quiet, "PASSED") || strings.Contains(quiet, "SKIPPED") {
			t.Errorf("%s: passes and skips are shown unasked", sc.name)
		}
	}
}

func TestJSONIsOneDocument(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		out := render(t, "json", r, Options{})
		dec := json.NewDecoder(bytes.NewReader(out))
		var back preflight.Report
		if err := dec.Decode(&back); err != nil {
			t.Fatalf("%s: %v", sc.name, err)
		}
		if dec.More() {
			t.Errorf("%s: more than one document", sc.name)
		}
		var again preflight.Report
		if err := json.Unmarshal(render(t, "json", back, Options{}), &again); err != nil || !reflect.DeepEqual(back, again) {
			t.Errorf("%s: what is read back is another report (%v)", sc.name, err)
		}
		if back.Request.Candidate != strings.ToValidUTF8(r.Request.Candidate, "\ufffd\ufffd") {
			t.Errorf("%s: the candidate %q came back as %q", sc.name, r.Request.Candidate, back.Request.Candidate)
		}
	}
}

func TestEscapeBeyondTheBasicPlane(t *testing.T) {
	// A tag character: no shape, and a surrogate pair in JSON.
	const name = "a\U000E0041b"
	doc := escape(`"` + name + `"`)
	var back string
	if err := json.Unmarshal([]byte(doc), &back); err != nil || back != name {
		t.Errorf("%s is read as %q, %v", doc, back, err)
	}
	if doc != `"a\udb40\udc41b"` {
		t.Errorf("escaped as %s", doc)
	}
}

func TestTableKeepsBigFiguresAndTheEndsOfNames(t *testing.T) {
	big := int64(1023) << 30
	r := preflight.Report{
		Verdict: preflight.Go, TakenAt: time.Unix(0, 0).UTC(),
		Members: []preflight.MemberReport{
			{
				Name: "accounting-postgres-prod-eu-1",
				Role: "leader",
				DCS:  "running tl 1234",
				REST: "primary tl 1234",
				SQL:  "primary tl 1234",
			},
			{
				Name:    "accounting-postgres-prod-eu-2",
				Role:    "replica",
				DCS:     "in archive recovery tl 1234",
				REST:    "streaming tl 1234",
				SQL:     "standby tl 1234",
				LiveLag: &big,
				DCSLag:  &big,
			},
		},
	}
	out := string(render(t, "text", r, Options{}))
	for _, want := range []string{"-eu-1 ", "-eu-2 ", "tl 1234 ", "1023.0 GB / 1023.0 GB\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// TestTableIsNotCutWithoutNeed: six columns of ordinary width stay whole.
func TestTableIsNotCutWithoutNeed(t *testing.T) {
	r := scenarios[0].report(t)
	if out := string(render(t, "text", r, Options{})); strings.Contains(out, "~") {
		t.Errorf("cut:\n%s", out)
	}
}

func TestWrap(t *testing.T) {
	x := func(n int) string { return strings.Repeat("ä", n) } // runes, not bytes
	for _, c := range []struct {
		name, in string
		want     []string
	}{
		{"nothing", "", nil},
		{"blanks", "   ", nil},
		{"short", "a b", []string{"a b"}},
		{"keeps margins and columns", "  a   b ", []string{"  a   b"}},
		{"exactly the width", x(40) + " " + x(39), []string{x(40) + " " + x(39)}},
		{"one too many", x(40) + " " + x(40), []string{x(40), "  " + x(40)}},
		{"blanks at the break go", x(40) + "   " + x(40), []string{x(40), "  " + x(40)}},
		{"a long word stands alone", "a " + x(90) + " b", []string{"a", "  " + x(90), "  b"}},
		{"a long word alone", x(90), []string{x(90)}},
	} {
		if got := Wrap(c.in, 2); strings.Join(got, "|") != strings.Join(c.want, "|") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestUnstableGoIsExplained: a GO that did not last is shown as such in every
// format.
func TestUnstableGoIsExplained(t *testing.T) {
	r := scenarios[0].report(t).Over(preflight.Stability{Asked: 3, InARow: 2, Evaluations: 9})
	if r.Verdict != preflight.UnknownState || r.ExitCode != exitcode.Unknown {
		t.Errorf("%s, %d", r.Verdict, r.ExitCode)
	}
	for _, format := range Formats {
		want := "GO in 2 of 3 evaluations in a row"
		if format == "json" {
			want = `"in_a_row": 2`
		}
		if out := string(render(t, format, r, Options{})); !strings.Contains(out, want) || !strings.Contains(out, "UNKNOWN") {
			t.Errorf("%s does not say it:\n%.600s", format, out)
		}
	}
	for _, e := range validate(schema(t), schema(t), document(t, r), "report") {
		t.Error(e)
	}
}

// TestStableVerdictsStay: what was GO long enough, and what was not GO, is what it was.
func TestStableVerdictsStay(t *testing.T) {
	for _, sc := range scenarios {
		for _, s := range []preflight.Stability{
			{Asked: 1, InARow: 1, Evaluations: 1},
			{Asked: 3, InARow: 3, Evaluations: 3},
		} {
			if r := sc.report(t).Over(s); r.Verdict != sc.verdict || r.Unstable() != "" && sc.verdict == preflight.Go {
				t.Errorf("%s: %s, %q", sc.name, r.Verdict, r.Unstable())
			}
		}
		if r := sc.report(t).
			Over(preflight.Stability{Asked: 3, Evaluations: 4}); sc.verdict != preflight.Go &&
			(r.Verdict != sc.verdict || r.Unstable() != "") {
			t.Errorf("%s: %s, %q", sc.name, r.Verdict, r.Unstable())
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, "yaml", preflight.Report{}, Options{}); err == nil || b.Len() > 0 {
		t.Errorf("error %v, %d bytes written", err, b.Len())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// TestWriteErrors: a report that could not be written is an error.
func TestWriteErrors(t *testing.T) {
	for _, format := range Formats {
		if err := Write(full{}, format, scenarios[0].report(t), Options{}); err == nil {
			t.Errorf("%s: no error", format)
		}
	}
}
