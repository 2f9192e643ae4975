package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

var healthy = filepath.Join("preflight", "testdata", "snapshots", "healthy-4.0.7.json")

// spoiled writes the healthy snapshot anew with a change to it.
func spoiled(t *testing.T, change func(s *fact.Recording)) string {
	t.Helper()
	raw, err := os.ReadFile(healthy)
	if err != nil {
		t.Fatal(err)
	}
	s, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	change(s)
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		t.Fatal(err)
	}
	return put(t, "snapshot.json", b.String())
}

func noQuorum(s *fact.Recording) {
	s.DCS.Read = fact.NotKnown[int](fact.Silent, "etcd range /service/demo/: no answer within 3s")
	s.DCS.Cluster = fact.Because[fact.Cluster](s.DCS.Read)
}

func alarm(s *fact.Recording) { s.DCS.Alarms = fact.Known([]string{"NOSPACE"}) }

func endpointDown(s *fact.Recording) {
	s.DCS.Endpoints[1].Status = fact.NotKnown[fact.EndpointStatus](fact.Refused, "connection refused")
}

// TestExitCodes: they are the verdict's, whatever the format.
func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*fact.Recording)
		flags  []string
		want   int
		word   string
	}{
		{"healthy", func(*fact.Recording) {}, nil, exitcode.Go, "GO"},
		{"healthy, warnings count", func(*fact.Recording) {}, []string{"--fail-on", "warning"}, exitcode.Go, "GO"},
		{"a blocker", alarm, nil, exitcode.NoGo, "NO-GO"},
		{"a blocker ignored", alarm, []string{"--ignore", "dcs.alarms=compacted, then disarmed"}, exitcode.Go, "GO"},
		{
			"a blocker ignored, warnings count",
			alarm,
			[]string{"--ignore", "dcs.alarms=x", "--fail-on", "warning"},
			exitcode.NoGo,
			"NO-GO",
		},
		{"a warning", endpointDown, nil, exitcode.Go, "GO"},
		{"a warning counts", endpointDown, []string{"--fail-on", "warning"}, exitcode.NoGo, "NO-GO"},
		{"a warning, --fail-on blocker", endpointDown, []string{"--fail-on", "blocker"}, exitcode.Go, "GO"},
		{"unknown", noQuorum, nil, exitcode.Unknown, "UNKNOWN"},
		{"unknown is no warning", noQuorum, []string{"--fail-on", "warning"}, exitcode.Unknown, "UNKNOWN"},
		{
			"nothing was seen at all",
			func(s *fact.Recording) { *s.Snapshot = fact.Snapshot{Schema: 1} },
			nil,
			exitcode.Unknown,
			"UNKNOWN",
		},
		{"another candidate", func(*fact.Recording) {}, []string{"--candidate", "node3"}, exitcode.Go, "GO"},
		{"no such candidate", func(*fact.Recording) {}, []string{"--candidate", "node9"}, exitcode.NoGo, "NO-GO"},
		{"the leader as candidate", func(*fact.Recording) {}, []string{"--candidate", "node1"}, exitcode.NoGo, "NO-GO"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := spoiled(t, c.change)
			for _, format := range report.Formats {
				o := runCLI(t, slices.Concat([]string{"replay", "-f", format}, c.flags, []string{file})...)
				if o.code != c.want || o.stderr != "" {
					t.Errorf("%s: exit code %d, want %d; stderr %q", format, o.code, c.want, o.stderr)
				}
				switch format {
				case "json":
					var r preflight.Report
					if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || r.ExitCode != c.want || string(r.Verdict) != c.word {
						t.Errorf("json says %s, %d (%v)", r.Verdict, r.ExitCode, err)
					}
				case "text", "brief":
					if !strings.HasPrefix(o.stdout, c.word+"  ") {
						t.Errorf("%s begins with %.40q, want %s", format, o.stdout, c.word)
					}
				default: // GO is within NO-GO too
					said := regexp.MustCompile(`NO-GO|GO|UNKNOWN`).FindString(strings.ReplaceAll(o.stdout, "SWITCHOVER UNKNOWN", ""))
					if said == "" {
						said = "GO" // a green suite names no verdict
					}
					if said != c.word {
						t.Errorf("%s says %s, want %s:\n%s", format, said, c.word, o.stdout)
					}
				}
			}
		})
	}
}

func TestReplayIsRepeatable(t *testing.T) {
	file := spoiled(t, alarm)
	for _, format := range report.Formats {
		one, two := runCLI(t, "replay", "-f", format, "--verbose", file), runCLI(t, "replay", "-f", format, "--verbose", file)
		if one != two || one.stdout == "" {
			t.Errorf("%s: twice the same snapshot, two reports:\n%s\n%s", format, one.stdout, two.stdout)
		}
	}
}

// TestReplayCandidate: --candidate replaces the recorded candidate, and --any asks what
// happens if Patroni chooses.
func TestReplayCandidate(t *testing.T) {
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{nil, "to node2"},
		{[]string{"--candidate", "node3"}, "to node3"},
		{[]string{"--any"}, "to whichever member Patroni chooses"},
	} {
		o := runCLI(t, slices.Concat([]string{"replay", "-f", "brief"}, c.flags, []string{healthy})...)
		if !strings.Contains(o.stdout, c.want) {
			t.Errorf("%v: %q does not say %q", c.flags, o.stdout, c.want)
		}
	}
}

func TestReplayOfRubbish(t *testing.T) {
	raw, err := os.ReadFile(healthy)
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	for name, c := range map[string]struct{ text, word string }{
		"empty":              {"", "EOF"},
		"no JSON":            {"\x7fELF\x00\x01", "invalid character"},
		"a list":             {"[]", "cannot unmarshal array"},
		"null":               {"null", "schema 0"},
		"no schema":          {"{}", "schema 0"},
		"the next schema":    {strings.Replace(good, `"schema": 1`, `"schema": 2`, 1), "schema 2, this version reads 1"},
		"truncated":          {good[:len(good)/2], "unexpected EOF"},
		"two documents":      {good + good, "more than one"},
		"a report":           {`{"schema_version":1,"verdict":"GO","exit_code":0}`, "schema 0"},
		"a member that is a": {`{"schema":1,"members":"node1"}`, "members"},
		"one name twice":     {`{"schema":1,"members":[{"name":"a"},{"name":"a"}]}`, "two members are called"},
		"a bad LSN":          {`{"schema":1,"dcs":{"cluster":{"value":{"optime":{"value":"x"}}}}}`, "LSN"},
		"deeply nested":      {strings.Repeat("[", 100_000), "depth"},
	} {
		t.Run(name, func(t *testing.T) {
			file := put(t, "snapshot.json", c.text)
			o := runCLI(t, "replay", file)
			if o.code != exitcode.Usage || o.stdout != "" || !strings.Contains(o.stderr, file) ||
				!strings.Contains(o.stderr, c.word) {
				t.Errorf("%+v", o)
			}
		})
	}
	if o := runCLI(t, "replay", t.TempDir()); o.code != exitcode.Usage || o.stdout != "" {
		t.Errorf("a directory: %+v", o)
	}
}

// TestReplayOfHalfASnapshot: what is missing from it is unknown, never healthy.
func TestReplayOfHalfASnapshot(t *testing.T) {
	for _, text := range []string{
		`{"schema":1}`,
		`{"schema":1,"dcs":{"read":{"value":7},"cluster":{"value":{}}}}`,
		`{"schema":1,"dcs":{"read":{"value":7},"cluster":{"value":{"leader":{"value":"a"}}}},"members":[{"name":"a"},` +
			`{"name":"b"}],"moved":{"value":null}}`,
	} {
		if o := runCLI(
			t,
			"replay",
			put(t, "snapshot.json", text),
		); o.code == exitcode.Go || o.code == exitcode.Internal ||
			o.stdout == "" {
			t.Errorf("%s: exit code %d\n%s%s", text, o.code, o.stdout, o.stderr)
		}
	}
}

func TestColor(t *testing.T) {
	for _, c := range []struct {
		name string
		w    world
		want bool
	}{
		{"terminal", world{terminal: true}, true},
		{"no terminal", world{}, false},
		{"NO_COLOR", world{terminal: true, env: map[string]string{"NO_COLOR": "1"}}, false},
		{"NO_COLOR=0 too", world{terminal: true, env: map[string]string{"NO_COLOR": "0"}}, false},
		{
			"an empty NO_COLOR says nothing (no-color.org)",
			world{terminal: true, env: map[string]string{"NO_COLOR": ""}},
			true,
		},
	} {
		for _, format := range report.Formats {
			o := c.w.run(t, "replay", "-f", format, healthy)
			if want := c.want && format == "text"; strings.Contains(o.stdout, "\x1b[") != want {
				t.Errorf("%s, %s: coloured: %t, want %t", c.name, format, !want, want)
			}
		}
	}
}

func TestChecks(t *testing.T) {
	text, doc := runCLI(t, "checks"), runCLI(t, "checks", "-f", "json")
	var entries []struct {
		ID, Title, Why, Fix, Severity, Kind, Of string
		Essential                               *bool
	}
	if err := json.Unmarshal([]byte(doc.stdout), &entries); err != nil || doc.code != 0 {
		t.Fatalf("exit code %d, %v", doc.code, err)
	}
	lines := strings.Split(strings.TrimSpace(text.stdout), "\n")
	if len(entries) != len(allChecks()) || len(lines) != len(allChecks()) {
		t.Fatalf("%d checks, %d lines, %d entries", len(allChecks()), len(lines), len(entries))
	}
	for i, k := range allChecks() {
		if !strings.HasPrefix(lines[i], k.ID+" ") || !strings.HasSuffix(lines[i], " "+k.Title) {
			t.Errorf("line %q is not of %s", lines[i], k.ID)
		}
		e := entries[i]
		if e.ID != k.ID || e.Title != k.Title || e.Why == "" || e.Fix == "" || e.Severity == "" || e.Kind == "" ||
			e.Of == "" ||
			e.Essential == nil {
			t.Errorf("entry %+v is not whole", e)
		}
	}
}

func TestExplain(t *testing.T) {
	for _, k := range allChecks() {
		o := runCLI(t, "explain", k.ID)
		if o.code != 0 || o.stderr != "" {
			t.Errorf("%s: %+v", k.ID, o)
		}
		flat := strings.Join(strings.Fields(o.stdout), " ")
		for _, part := range append([]string{k.ID, k.Title, k.Why, k.Source, k.Fix, string(k.Severity)}, k.After...) {
			if !strings.Contains(flat, strings.Join(strings.Fields(part), " ")) {
				t.Errorf("%s: %q is not explained in\n%s", k.ID, part, o.stdout)
			}
		}
		for l := range strings.Lines(o.stdout) {
			if len(l) > 81 && len(strings.Fields(l)) > 2 {
				t.Errorf("%s: more than 80 columns: %q", k.ID, l)
			}
		}
	}
}

// broken is a standard output that cannot be written, or that panics.
type broken struct{ panics bool }

func (b broken) Write([]byte) (int, error) {
	if b.panics {
		panic("a bug")
	}
	return 0, errors.New("no space left on device")
}

// TestNoReportIsNoVerdict: where the report could not be written, or the tool
// itself has failed, the exit code is none of a verdict. A panic of Go would end
// with 2, which is NO-GO.
func TestNoReportIsNoVerdict(t *testing.T) {
	for _, b := range []broken{{}, {panics: true}} {
		var stderr bytes.Buffer
		e := Environment{Lookup: func(string) (string, bool) { return "", false }, Stdout: b, Stderr: &stderr}
		for _, args := range []string{
			"replay " + healthy,
			"replay -f json " + healthy,
			"replay -f brief " + healthy,
			"checks",
			"checks -f json",
			"checks -f markdown",
			"explain dcs.alarms",
			"version",
		} {
			stderr.Reset()
			code := Run(t.Context(), e, append([]string{"patroni-preflight"}, strings.Fields(args)...))
			if code != exitcode.Internal || stderr.Len() == 0 {
				t.Errorf("%+v, %s: exit code %d, stderr %q", b, args, code, stderr.String())
			}
		}
	}
}

// TestVerdictBeforeTheSignal: a verdict that was printed is not taken back.
func TestVerdictBeforeTheSignal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(Signalled{syscall.SIGINT})
	for file, want := range map[string]int{
		healthy:              exitcode.Go,
		spoiled(t, alarm):    exitcode.NoGo,
		spoiled(t, noQuorum): exitcode.Unknown,
	} {
		if o := (world{ctx: ctx}).run(t, "replay", file); o.code != want || o.stdout == "" || o.stderr != "" {
			t.Errorf("exit code %d, want %d; stderr %q", o.code, want, o.stderr)
		}
	}
}

// TestREADMEShowsTheRealReport: the first thing that a reader tries prints what
// the README says it prints.
func TestREADMEShowsTheRealReport(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	env := Environment{Lookup: func(string) (string, bool) { return "", false }, Stdout: &out, Stderr: &errs}
	if code := Run(
		context.Background(),
		env,
		[]string{"patroni-preflight", "replay", "docs/examples/founding-incident.json"},
	); code != exitcode.NoGo {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	shown := regexp.MustCompile("(?s)```\nNO-GO .*?```\n")
	want := shown.ReplaceAllLiteralString(string(readme), "```\n"+out.String()+"```\n")
	switch {
	case *update:
		if err := os.WriteFile("README.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	case !shown.Match(readme) || want != string(readme):
		t.Errorf("README.md does not show this report (go test . -update):\n%s", out.String())
	}
}

var update = flag.Bool("update", false, "write the report in README.md anew")

// TestErrorsAreCleaned: an error may quote what a file or a server says.
func TestErrorsAreCleaned(t *testing.T) {
	file := put(t, "snapshot.json", `{"schema":1,"taken_at":"0000-01-01T0`+"\x7f"+`:00:00Z"}`)
	moved := fact.Known([]string{"at the leader's REST API \x1b[2J\x1b]52;c;cm0=\a answers now"})
	changed, _ := play{frames: []state{asBefore}, args: []string{"--yes"}, moved: moved}.run(t)
	for name, c := range map[string]struct {
		o    outcome
		code int
	}{
		"a recording":       {runCLI(t, "replay", file), exitcode.Usage},
		"an argument":       {runCLI(t, "explain", "\x1b[2J"), exitcode.Usage},
		"a name":            {changed, exitcode.Changed},
		"a usage of a flag": {runCLI(t, "check", "--wait", "\x1b[2J\a"), exitcode.Usage},
	} {
		raw := strings.ContainsFunc(c.o.stderr, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f })
		if c.o.code != c.code || raw || c.o.stderr == "" {
			t.Errorf("%s: exit code %d, %q", name, c.o.code, c.o.stderr)
		}
	}
}
