package preflight

import (
	"slices"
	"strings"
	"testing"
)

func TestPlanDrill(t *testing.T) {
	tag := func(s *Recording, m, tag string, v any) {
		s.Members[slices.IndexFunc(s.Members, func(x Member) bool { return x.Name == m })].Key.Value.Tags = Known(Tags{tag: v})
	}
	for _, c := range []struct {
		name  string
		spoil func(*Recording)
		legs  string
		out   int
		start int
		why   string
	}{
		{"healthy", func(*Recording) {}, "node1 node2 node3 node1", 0, ExitGo, ""},
		{"a member may not be promoted", func(s *Recording) { tag(s, "node2", "nofailover", true) }, "node1 node3 node1", 1, ExitGo, ""},
		{"priority 0", func(s *Recording) { tag(s, "node3", "failover_priority", 0.0) }, "node1 node2 node1", 1, ExitGo, ""},
		{"nobody else may be promoted", func(s *Recording) { tag(s, "node2", "nofailover", true); tag(s, "node3", "nofailover", true) }, "", 2, ExitNoGo, "no other member"},
		{"the leader may not come back", func(s *Recording) { tag(s, "node1", "nofailover", true) }, "node1 node2 node3 node1", 0, ExitNoGo, "leg 3 of 3, node3 to node1"},
		{"the synchronous one first", func(s *Recording) {
			withSync(s, "on", 0, "node3")
		}, "node1 node3 node2 node1", 0, ExitGo, ""},
		{"another blocker of a later leg", func(s *Recording) {
			s.Members[2].REST.Value.Name = Known("node1")
		}, "node1 node2 node3 node1", 0, ExitNoGo, "leg 2 of 3, node2 to node3, is NO-GO today already"},
		{"a later leg cannot be judged", func(s *Recording) {
			s.Members[2].SQL = NotKnown[SQL](Silent, "no answer")
		}, "node1 node2 node3 node1", 0, ExitUnknown, "leg 2 of 3"},
		{"nobody leads", func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("") }, "", 0, ExitNoGo, "nobody is known to lead"},
		{"nothing was seen", func(s *Recording) { s.DCS.Cluster = NotKnown[Cluster](Silent, "no answer"); s.Members = nil }, "", 0, ExitUnknown, "nobody is known to lead"},
	} {
		s := healthy(t)
		c.spoil(s)
		d := PlanDrill(s.Snapshot, s.Question, Policies{})
		var legs []string
		for i, leg := range d.Legs {
			if i == 0 {
				legs = append(legs, leg.From)
			} else if leg.From != d.Legs[i-1].To {
				t.Errorf("%s: leg %d begins at %s", c.name, i+1, leg.From)
			}
			legs = append(legs, leg.To)
		}
		code, why := d.Start()
		if got := strings.Join(legs, " "); got != c.legs || len(d.LeftOut) != c.out || code != c.start || !strings.Contains(why, c.why) {
			t.Errorf("%s: legs %q, %d left out, exit code %d: %s", c.name, got, len(d.LeftOut), code, why)
		}
		if code != ExitGo && d.Check.Verdict == Go && c.name != "the leader may not come back" && len(d.LeftOut) == 0 {
			t.Errorf("%s: the judgement that is shown is GO", c.name)
		}
	}
}

// TestDrillEnds: where the cluster stands after a leg, by what was seen last.
func TestDrillEnds(t *testing.T) {
	s := healthy(t)
	three := int64(3)
	done := SwitchoverReport{Request: &RequestResult{}, Verification: &Verification{Outcome: Done, Leader: "node2", Timeline: &three}}
	for _, c := range []struct {
		name   string
		code   int
		s      SwitchoverReport
		why    string
		leader string
		says   string
	}{
		{"done", ExitGo, done, "", "node2", ""},
		{"different", ExitDifferent, SwitchoverReport{Request: &RequestResult{}, Verification: &Verification{Outcome: Different, Reason: "node3 leads, not node2", Leader: "node3"}}, "", "node3", "leg 1 of 3, node1 to node2: DIFFERENT, node3 leads, not node2"},
		{"nobody watched", ExitOutcomeUnknown, SwitchoverReport{Request: &RequestResult{}}, "", "", "nobody watched to the end"},
		{"NO-GO", ExitNoGo, SwitchoverReport{Check: Report{Verdict: NoGo, Leader: "node1"}}, "", "node1", "NO-GO"},
		{"interrupted before the check", ExitInterrupted, SwitchoverReport{}, "stopped by interrupt", "node1", "stopped by interrupt"},
	} {
		d := PlanDrill(s.Snapshot, s.Question, Policies{})
		if goesOn := d.End(0, c.code, c.s, nil, c.why); goesOn != (c.code == ExitGo) || d.Leader != c.leader || d.ExitCode != c.code || !strings.Contains(d.Stopped, c.says) || (d.Stopped == "") != (c.says == "") {
			t.Errorf("%s: %q leads, exit code %d, stopped %q", c.name, d.Leader, d.ExitCode, d.Stopped)
		}
	}
	d := PlanDrill(s.Snapshot, s.Question, Policies{})
	if d.End(0, ExitGo, done, nil, "") != true || d.End(1, ExitGo, done, nil, "") != true || d.End(2, ExitGo, done, nil, "") != false || d.Stopped != "" {
		t.Errorf("stopped %q", d.Stopped)
	}
}

func TestNoLonger(t *testing.T) {
	rest := func(name, role string) Observed[REST] { return Known(REST{Name: Known(name), Role: Known(role)}) }
	for want, now := range map[string]Observed[REST]{
		"": rest("node1", "primary"),
		"the leader's REST API no longer answers (no answer)": NotKnown[REST](Silent, "no answer"),
		"at the leader's REST API node2 answers":              rest("node2", "replica"),
		"the leader's REST API says role replica":             rest("node1", "replica"),
	} {
		if got := NoLonger(rest("node1", "primary"), now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
