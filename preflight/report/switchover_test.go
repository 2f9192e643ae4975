package report

import (
	"bytes"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// TestWriteSwitchover: the outcome comes with the time without a primary, and after a
// refusal with what blocks now.
func TestWriteSwitchover(t *testing.T) {
	seconds := 1.84
	done, refused := ending(t, func(*fact.Recording) {}), ending(t, func(*fact.Recording) {})
	refused.Outcome, refused.Reason = verify.Refused, "node1 still leads"
	stands := scenarios[0].report(t)
	paused := healthy(t)
	paused.DCS.Cluster.Value.Config.Value.Pause = fact.Known(true)
	blocked := preflight.Judge(paused.Snapshot, paused.Question, check.Policies{})
	hidden := healthy(t)
	member(hidden, "node2").SQL = fact.NotKnown[fact.SQL](fact.Silent, "no answer")
	unseen := preflight.Judge(hidden.Snapshot, hidden.Question, check.Policies{})
	for _, c := range []struct {
		name        string
		s           preflight.SwitchoverReport
		text, brief []string
	}{
		{
			"done",
			preflight.SwitchoverReport{Verification: &done, Outage: &verify.Outage{Seconds: &seconds}},
			[]string{"DONE", "1.8 s without a primary, seen from this machine."},
			[]string{"1.8 s without a primary"},
		},
		{
			"not measured",
			preflight.SwitchoverReport{Verification: &done, Outage: &verify.Outage{Why: "no session"}},
			[]string{"was not measured: no session"},
			[]string{"was not measured: no session"},
		},
		{
			"refused, and nothing blocks now",
			preflight.SwitchoverReport{Verification: &refused, Again: &stands},
			[]string{"CHECKED AGAIN  GO: nothing blocks now"},
			[]string{"checked again: GO"},
		},
		{
			"refused, and it shows why",
			preflight.SwitchoverReport{Verification: &refused, Again: &blocked},
			[]string{"CHECKED AGAIN  NO-GO: this blocks now.", "maintenance.pause"},
			[]string{"checked again: NO-GO", "maintenance.pause"},
		},
		{
			"refused, and it is not seen",
			preflight.SwitchoverReport{Verification: &refused, Again: &unseen},
			[]string{"CHECKED AGAIN  UNKNOWN: this could not be seen."},
			[]string{"checked again: UNKNOWN"},
		},
	} {
		for format, want := range map[string][]string{"text": c.text, "brief": c.brief} {
			var b bytes.Buffer
			if err := WriteSwitchover(&b, format, c.s, Options{}); err != nil {
				t.Fatal(err)
			}
			for _, words := range want {
				if !strings.Contains(b.String(), words) {
					t.Errorf("%s, %s: no %q in\n%s", c.name, format, words, b.String())
				}
			}
		}
	}
}
