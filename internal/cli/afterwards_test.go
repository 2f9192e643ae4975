package cli

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// TestSwitchoverMeasures: the seconds without a primary are in the text, the line and the
// document.
func TestSwitchoverMeasures(t *testing.T) {
	t.Parallel()
	frames := []state{requestPending, noLeader, switchedOver}
	seconds := regexp.MustCompile(`\d\.\d s without a primary`)
	for _, format := range []string{"text", "brief"} {
		o, _ := play{frames: frames, script: "true", args: []string{"--yes", "-f", format}}.run(t)
		if o.code != exitcode.Go || !seconds.MatchString(o.stdout) {
			t.Errorf("%s: exit code %d\n%s", format, o.code, o.stdout)
		}
	}
	o, _ := play{frames: frames, script: "true", args: []string{"--yes", "-f", "json"}}.run(t)
	var doc preflight.SwitchoverReport
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Outage == nil || doc.Outage.Seconds == nil || *doc.Outage.Seconds > 5 || doc.Again != nil {
		t.Errorf("%+v, checked again: %t", doc.Outage, doc.Again != nil)
	}
}

// TestRefusedIsCheckedAgain: what blocks after a refusal is named with its fix, and a
// refusal without a visible reason says so.
func TestRefusedIsCheckedAgain(t *testing.T) {
	t.Parallel()
	asked := false
	blocked := play{
		frames: []state{asBefore}, script: "echo Error", args: []string{"--yes"},
		spoil: func(s *fact.Recording) {
			if asked {
				s.Members[1].Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
			}
		},
		whenAsked: func() { asked = true },
	}
	o, told := blocked.run(t)
	flat := strings.Join(strings.Fields(o.stdout), " ")
	if o.code != exitcode.Refused || told == "" ||
		!strings.Contains(flat, "CHECKED AGAIN NO-GO: this blocks now. BLOCKS candidate.nofailover node2") ||
		!strings.Contains(flat[strings.Index(flat, "CHECKED AGAIN"):], " fix ") {
		t.Errorf("exit code %d\n%s", o.code, o.stdout)
	}
	if strings.Contains(flat, " outage ") {
		t.Errorf("a refusal has no time without a primary:\n%s", o.stdout)
	}
	asked = false
	blocked.args = []string{"--yes", "-f", "brief"}
	if o, _ := blocked.run(t); !strings.Contains(o.stdout, "checked again: NO-GO, candidate.nofailover(node2)") {
		t.Errorf("brief: %s", o.stdout)
	}
	asked = false
	blocked.args = []string{"--yes", "-f", "json"}
	o, _ = blocked.run(t)
	var doc preflight.SwitchoverReport
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil || doc.Again == nil ||
		doc.Again.Verdict != preflight.NoGo || doc.Check.Verdict != preflight.Go || doc.ExitCode != exitcode.Refused {
		t.Errorf("json: %v, %+v", err, doc.Again)
	}
	o, _ = play{frames: []state{asBefore}, script: "echo Error", args: []string{"--yes"}}.run(t)
	if !strings.Contains(o.stdout, "CHECKED AGAIN  GO: nothing blocks now.") {
		t.Errorf("no visible reason:\n%s", o.stdout)
	}
}
