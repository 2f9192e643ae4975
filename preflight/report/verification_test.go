package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
		member(s, "node2").SQL = fact.NotKnown[fact.SQL](fact.Silent, "SQL as postgres on 10.77.9.22:5432: no answer within 3s")
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

// TestVerificationSaysEverything: each point, with what was seen, and for whoever
// is on call where to look and what to do.
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
		if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Outcome != e.want || back.ExitCode != e.want.ExitCode() {
			t.Errorf("%s: JSON says %s, %d (%v)", e.name, back.Outcome, back.ExitCode, err)
		}
	}
}

func TestPlanIsShown(t *testing.T) {
	var b bytes.Buffer
	p := preflight.Plan{Leader: "node1", Candidate: "node2" + hostileName, ScheduledAt: "2126-12-01T03:00:00+00:00", Prints: "Successfully", Interruption: "1 to 7 s", Lost: []string{"12 sessions"}, Warnings: []string{"Nobody judges it again."}}
	if err := WritePlan(&b, p, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"node1 steps down", "at 2126-12-01", "prints Successfully", "1 to 7 s without a primary", "lost 12 sessions", "note Nobody judges"} {
		if !strings.Contains(flat2(b.String()), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("%q steers the terminal", b.String())
	}
}

// TestScheduledIsWritten: that nothing has moved yet is no failure.
func TestScheduledIsWritten(t *testing.T) {
	v := preflight.AsScheduled(ending(t, func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("node1") }))
	var b bytes.Buffer
	if err := WriteVerification(&b, "text", v, Options{}); err != nil {
		t.Fatal(err)
	}
	if out := flat2(b.String()); !strings.HasPrefix(out, "SCHEDULED switchover of demo from node1 to node2 node1 leads until then") || strings.Contains(out, "FAILED") || strings.Contains(out, "points") || !strings.Contains(out, "verify --since") {
		t.Error(b.String())
	}
}

// TestSwitchoverIsWritten: the end of it, in each format, wherever it ended.
func TestSwitchoverIsWritten(t *testing.T) {
	v := ending(t, endings[1].spoil)
	check := scenarios[0].report(t)
	for _, c := range []struct {
		name, format string
		s            preflight.SwitchoverReport
		want         string
	}{
		{"outcome", "text", preflight.SwitchoverReport{Check: check, Request: &preflight.RequestResult{}, Verification: &v}, "DIFFERENT  switchover"},
		{"what went wrong with the request", "text", preflight.SwitchoverReport{Check: check, Request: &preflight.RequestResult{Problem: "it was killed"}, Verification: &v}, "request it was killed."},
		{"outcome", "brief", preflight.SwitchoverReport{Check: check, Request: &preflight.RequestResult{}, Verification: &v}, "DIFFERENT  switchover"},
		{"outcome", "json", preflight.SwitchoverReport{Check: check, Request: &preflight.RequestResult{Output: "x"}, Verification: &v}, `"outcome": "DIFFERENT"`},
		{"verdict", "text", preflight.SwitchoverReport{Check: check}, "GO  switchover"},
		{"verdict", "brief", preflight.SwitchoverReport{Check: check}, "GO  switchover"},
		{"verdict", "json", preflight.SwitchoverReport{Check: check}, `"verification": null`},
		{"not watched", "text", preflight.SwitchoverReport{Check: check, Request: &preflight.RequestResult{}}, ""},
	} {
		var b bytes.Buffer
		if err := WriteSwitchover(&b, c.format, c.s, Options{}); err != nil || !strings.Contains(b.String(), c.want) || c.want == "" && b.Len() > 0 {
			t.Errorf("%s, %s: %v\n%.300s", c.name, c.format, err, b.String())
		}
	}
}

// flat2 is a text in one line, labels and all.
func flat2(s string) string { return strings.Join(strings.Fields(s), " ") }
