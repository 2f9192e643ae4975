package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

type endingCase struct {
	name  string
	spoil func(s *fact.Recording)
	want  verify.Ending
}

// endings are the ways in which a switchover from node1 to node2 may end.
var endings = []endingCase{
	{"done", func(*fact.Recording) {}, verify.Done},
	{"old-leader-gone", func(s *fact.Recording) {
		q := member(s, "node2").SQL.Value
		q.WalSenders = fact.Known((*q.WalSenders.Value)[1:])
		member(s, "node1").REST.Value.State = fact.Known("start failed")
	}, verify.Different},
	{"silent", func(s *fact.Recording) {
		member(s, "node2").SQL = fact.NotKnown[fact.SQL](
			fact.Silent,
			"SQL as postgres on 10.77.9.22:5432: no answer within 3s",
		)
	}, verify.EndUnknown},
	{"hostile-leader", func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known(hostileName) }, verify.Different},
}

// ending is the verification of one of them.
func ending(t testing.TB, spoil func(s *fact.Recording)) verify.Verification {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "snapshots", "switched-4.0.7.json"))
	if err != nil {
		t.Fatal(err)
	}
	after, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	spoil(after)
	before := healthy(t)
	return verify.Verify(verify.BaselineOf(before.Snapshot, before.Question), after.Snapshot)
}

func TestVerificationGolden(t *testing.T) {
	for _, e := range endings {
		v := ending(t, e.spoil)
		if v.Outcome != e.want {
			t.Errorf("%s: %s, want %s: %s", e.name, v.Outcome, e.want, v.Reason)
		}
		for _, format := range OutcomeFormats {
			if format == "json" && e.name != "old-leader-gone" {
				continue
			}
			path := filepath.Join("testdata", "verify-"+e.name+"."+format)
			t.Run(filepath.Base(path), func(t *testing.T) {
				var b bytes.Buffer
				if err := WriteVerification(&b, format, v, Options{}); err != nil {
					t.Fatal(err)
				}
				compareGolden(t, path, b.Bytes())
			})
		}
	}
	var b bytes.Buffer
	if err := WriteVerification(&b, "nagios", verify.Verification{}, Options{}); err == nil || b.Len() > 0 {
		t.Errorf("a format that does not exist: %v, %d bytes", err, b.Len())
	}
}

// asJSON compares texts as JSON carries them: a byte that is not UTF-8 is U+FFFD.
var asJSON = cmp.Comparer(func(a, b string) bool { return string([]rune(a)) == string([]rune(b)) })

// TestVerificationSaysEverything: each result with its question and answer, and for
// the operator where to look and what to do next.
func TestVerificationSaysEverything(t *testing.T) {
	for _, e := range endings {
		v := ending(t, e.spoil)
		var b bytes.Buffer
		if err := WriteVerification(&b, "text", v, Options{}); err != nil {
			t.Fatal(err)
		}
		out := flat(b.String())
		for _, r := range v.Results {
			f := r.Findings[0]
			shown := []string{f.Effect}
			if r.Status != check.Pass {
				shown = []string{r.Check, f.Asked, f.Observed, f.Expected, f.Remedy}
			}
			for _, part := range shown {
				if !strings.Contains(out, flat(clean(part))) {
					t.Errorf("%s: %s: %q is not shown", e.name, r.Check, part)
				}
			}
		}
		if e.want != verify.Done && !strings.Contains(out, flat(whatNow[e.want])) {
			t.Errorf("%s: what to do is not said", e.name)
		}
		for _, r := range b.String() {
			if r == '\x1b' || r == '\x7f' {
				t.Errorf("%s: %q steers the terminal", e.name, b.String())
				break
			}
		}
		b.Reset()
		if err := WriteVerification(&b, "json", v, Options{}); err != nil {
			t.Fatal(err)
		}
		var back verify.Verification
		if err := json.Unmarshal(b.Bytes(), &back); err != nil {
			t.Fatalf("%s: %v", e.name, err)
		}
		if diff := cmp.Diff(v, back, cmpopts.IgnoreFields(verify.Verification{}, "Results"), asJSON); diff != "" {
			t.Errorf("%s: JSON (-verification +document):\n%s", e.name, diff)
		}
	}
}

func TestPlanIsShown(t *testing.T) {
	most := 7900.0
	p := preflight.Plan{
		Leader:       "node1",
		Candidate:    "node2" + hostileName,
		ScheduledAt:  "2126-12-01T03:00:00+00:00",
		Prints:       "Switchover scheduled",
		Interruption: "1 to 7900 s",
		Forecast:     &fact.Seconds{Least: 1, Most: &most},
		Lost:         []string{"12 sessions"},
		Warnings:     []string{"It is not checked again."},
	}
	var b bytes.Buffer
	if err := WritePlan(&b, p, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"node1 steps down", "at 2126-12-01", "prints Switchover scheduled", "1 s to 2 h 11 min without a primary",
		"lost 12 sessions", "note It is not checked again",
	} {
		if !strings.Contains(flat2(b.String()), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("%q steers the terminal", b.String())
	}
}

// TestScheduledIsWritten: a switchover that is not due yet is not a failure.
func TestScheduledIsWritten(t *testing.T) {
	v := preflight.AsScheduled(ending(t, func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("node1") }))
	var b bytes.Buffer
	if err := WriteVerification(&b, "text", v, Options{}); err != nil {
		t.Fatal(err)
	}
	const want = `SCHEDULED  switchover of demo from node1 to node2
         node1 leads until then; the switchover is not checked again when it is
         due

     now Check again shortly before it is due. Afterwards run verify --since
         with the file that was recorded before.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

// TestSwitchoverIsWritten: its last part, in each format, at each possible end.
func TestSwitchoverIsWritten(t *testing.T) {
	v := ending(t, endings[1].spoil)
	judged := scenarios[0].report(t)
	notSent := preflight.SwitchoverReport{Check: judged}
	notWatched := preflight.SwitchoverReport{Check: judged, Request: &preflight.RequestResult{}}
	verified := preflight.SwitchoverReport{Check: judged, Request: &preflight.RequestResult{}, Verification: &v}
	killed := preflight.SwitchoverReport{
		Check:        judged,
		Request:      &preflight.RequestResult{Problem: "patronictl was killed"},
		Verification: &v,
	}
	for _, c := range []struct {
		name, format string
		s            preflight.SwitchoverReport
		want         string
	}{
		{"verified", "text", verified, "DIFFERENT  switchover"},
		{"verified", "brief", verified, "DIFFERENT  switchover"},
		{"verified", "json", verified, `"outcome": "DIFFERENT"`},
		{"killed", "text", killed, "request patronictl was killed."},
		{"not sent", "text", notSent, "GO  switchover"},
		{"not sent", "brief", notSent, "GO  switchover"},
		{"not sent", "json", notSent, `"verification": null`},
		{"not watched", "text", notWatched, ""},
	} {
		var b bytes.Buffer
		if err := WriteSwitchover(&b, c.format, c.s, Options{}); err != nil {
			t.Errorf("%s, %s: %v", c.name, c.format, err)
		}
		if c.want == "" && b.Len() > 0 {
			t.Errorf("%s, %s: want nothing, got\n%.300s", c.name, c.format, b.String())
		}
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%s, %s: %q is not in\n%.300s", c.name, c.format, c.want, b.String())
		}
	}
}

// flat2 is a text in one line, labels and all.
func flat2(s string) string { return strings.Join(strings.Fields(s), " ") }
