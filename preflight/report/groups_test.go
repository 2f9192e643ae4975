package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// groupsReport is a Citus cluster of a healthy group and one that has trouble.
func groupsReport(t *testing.T) preflight.GroupsReport {
	t.Helper()
	var reports []preflight.Report
	for i, name := range []string{"trixie-no-candidate-named", "trixie-maintenance-mode-no-candidate-named"} {
		f, err := os.Open("../testdata/recorded/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		s, err := fact.LoadRecording(f)
		if err != nil {
			t.Fatal(err)
		}
		s.Target.Group = string(rune('0' + i))
		reports = append(reports, preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
	}
	return preflight.JoinGroups(reports)
}

func TestGroups(t *testing.T) {
	g := groupsReport(t)
	out := func(format string, g preflight.GroupsReport) string {
		var b bytes.Buffer
		if err := WriteGroups(&b, format, g, Options{}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const about = "switchover of demo, a Citus cluster: group 0 GO; group 1 NO-GO by maintenance.pause"
	for format, want := range map[string][]string{
		"text": {
			"NO-GO  " + about,
			"\nGO  switchover of demo (group 0) from ",
			"\nNO-GO  switchover of demo (group 1) from ",
		},
		"brief":    {"NO-GO  " + about},
		"markdown": {"# NO-GO: ", "\n## GO: switchover of demo (group 0)", "\n## NO-GO: switchover of demo (group 1)"},
		"junit": {
			"<testsuites>",
			`<testsuite name="patroni-preflight: switchover of demo (group 0)`,
			`<testsuite name="patroni-preflight: switchover of demo (group 1)`,
		},
		"nagios": {"SWITCHOVER CRITICAL - NO-GO  " + about, "group0_blockers=0;;;0", "group1_blockers=", "group1_lag_node"},
	} {
		text := strings.ReplaceAll(out(format, g), "\n         ", " ")
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s does not say %q:\n%s", format, w, text)
			}
		}
		if lines := strings.Count(text, "\n"); (format == "brief" || format == "nagios") && lines != 1 {
			t.Errorf("%s has %d lines", format, lines)
		}
	}
	if err := xml.Unmarshal([]byte(out("junit", g)), new(struct {
		XMLName xml.Name `xml:"testsuites"`
	})); err != nil {
		t.Error(err)
	}

	var doc object
	if err := json.Unmarshal([]byte(out("json", g)), &doc); err != nil {
		t.Fatal(err)
	}
	root := schema(t)
	if errs := validate(root, object{"$ref": "#/$defs/groups"}, doc, "groups"); len(errs) > 0 {
		t.Error(errs)
	}
	doc["groups"].([]any)[1].(object)["verdict"] = "MAYBE"
	if errs := validate(root, object{"$ref": "#/$defs/groups"}, doc, "groups"); len(errs) != 1 {
		t.Errorf("a wrong verdict of a group: %v", errs)
	}
}

// TestGroupsAreAsBadAsTheWorst, whatever their order, and a GO of all that did
// not last is none.
func TestGroupsAreAsBadAsTheWorst(t *testing.T) {
	of := func(verdicts ...preflight.Verdict) preflight.GroupsReport {
		var all []preflight.Report
		for _, v := range verdicts {
			all = append(all, preflight.Report{Verdict: v})
		}
		return preflight.JoinGroups(all)
	}
	for _, c := range []struct {
		of   preflight.GroupsReport
		want preflight.Verdict
		code int
	}{
		{of(preflight.Go, preflight.Go), preflight.Go, 0},
		{of(preflight.Go, preflight.UnknownState), preflight.UnknownState, 3},
		{of(preflight.UnknownState, preflight.NoGo, preflight.Go), preflight.NoGo, 2},
		{of(preflight.NoGo, preflight.UnknownState), preflight.NoGo, 2},
	} {
		if c.of.Verdict != c.want || c.of.ExitCode != c.code {
			t.Errorf("%s, %d, want %s", c.of.Verdict, c.of.ExitCode, c.want)
		}
	}
	g := of(preflight.Go, preflight.Go).Over(preflight.Stability{Asked: 3, InARow: 2, Evaluations: 4})
	var b bytes.Buffer
	if err := WriteGroups(&b, "junit", g, Options{}); err != nil {
		t.Fatal(err)
	}
	if g.Verdict != preflight.UnknownState || g.ExitCode != exitcode.Unknown {
		t.Errorf("a GO that did not last is %s, exit code %d", g.Verdict, g.ExitCode)
	}
	if want := "GO in 2 of 3 evaluations in a row when the time was up"; g.Unstable() != want {
		t.Errorf("%q, want %q", g.Unstable(), want)
	}
	if !strings.Contains(b.String(), `errors="1"`) {
		t.Errorf("the suite has no error\n%s", b.String())
	}
}
