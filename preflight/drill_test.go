package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

func TestPlanDrill(t *testing.T) {
	tag := func(s *fact.Recording, m, tag string, v any) {
		s.Members[slices.IndexFunc(s.Members, func(x fact.Member) bool { return x.Name == m })].Key.Value.Tags = fact.Known(fact.Tags{tag: v})
	}
	for _, c := range []struct {
		name  string
		spoil func(*fact.Recording)
		legs  string
		out   int
		start int
		why   string
	}{
		{"healthy", func(*fact.Recording) {}, "node1 node2 node3 node1", 0, exitcode.Go, ""},
		{"a member may not be promoted", func(s *fact.Recording) { tag(s, "node2", "nofailover", true) }, "node1 node3 node1", 1, exitcode.Go, ""},
		{"priority 0", func(s *fact.Recording) { tag(s, "node3", "failover_priority", 0.0) }, "node1 node2 node1", 1, exitcode.Go, ""},
		{"nobody else may be promoted", func(s *fact.Recording) { tag(s, "node2", "nofailover", true); tag(s, "node3", "nofailover", true) }, "", 2, exitcode.NoGo, "no other member"},
		{"the leader may not come back", func(s *fact.Recording) { tag(s, "node1", "nofailover", true) }, "node1 node2 node3 node1", 0, exitcode.NoGo, "leg 3 of 3, node3 to node1"},
		{"the synchronous one first", func(s *fact.Recording) {
			withSync(s, "on", 0, "node3")
		}, "node1 node3 node2 node1", 0, exitcode.Go, ""},
		{"another blocker of a later leg", func(s *fact.Recording) {
			s.Members[2].REST.Value.Name = fact.Known("node1")
		}, "node1 node2 node3 node1", 0, exitcode.NoGo, "leg 2 of 3, node2 to node3, is NO-GO today already"},
		{"a later leg cannot be judged", func(s *fact.Recording) {
			s.Members[2].SQL = fact.NotKnown[fact.SQL](fact.Silent, "no answer")
		}, "node1 node2 node3 node1", 0, exitcode.Unknown, "leg 2 of 3"},
		{"nobody leads", func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("") }, "", 0, exitcode.NoGo, "nobody is known to lead"},
		{"nothing was seen", func(s *fact.Recording) {
			s.DCS.Cluster = fact.NotKnown[fact.Cluster](fact.Silent, "no answer")
			s.Members = nil
		}, "", 0, exitcode.Unknown, "nobody is known to lead"},
	} {
		s := facttest.Healthy(t)
		c.spoil(s)
		d := preflight.PlanDrill(s.Snapshot, s.Question, check.Policies{})
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
		if code != exitcode.Go && d.Check.Verdict == preflight.Go && c.name != "the leader may not come back" && len(d.LeftOut) == 0 {
			t.Errorf("%s: the judgement that is shown is GO", c.name)
		}
	}
}

// TestDrillEnds: where the cluster stands after a leg, by what was seen last.
func TestDrillEnds(t *testing.T) {
	s := facttest.Healthy(t)
	three := int64(3)
	done := preflight.SwitchoverReport{Request: &preflight.RequestResult{}, Verification: &verify.Verification{Outcome: verify.Done, Leader: "node2", Timeline: &three}}
	for _, c := range []struct {
		name   string
		code   int
		s      preflight.SwitchoverReport
		why    string
		leader string
		says   string
	}{
		{"done", exitcode.Go, done, "", "node2", ""},
		{"different", exitcode.Different, preflight.SwitchoverReport{Request: &preflight.RequestResult{}, Verification: &verify.Verification{Outcome: verify.Different, Reason: "node3 leads, not node2", Leader: "node3"}}, "", "node3", "leg 1 of 3, node1 to node2: DIFFERENT, node3 leads, not node2"},
		{"nobody watched", exitcode.OutcomeUnknown, preflight.SwitchoverReport{Request: &preflight.RequestResult{}}, "", "", "nobody watched to the end"},
		{"NO-GO", exitcode.NoGo, preflight.SwitchoverReport{Check: preflight.Report{Verdict: preflight.NoGo, Leader: "node1"}}, "", "node1", "NO-GO"},
		{"interrupted before the check", exitcode.Interrupted, preflight.SwitchoverReport{}, "stopped by interrupt", "node1", "stopped by interrupt"},
	} {
		d := preflight.PlanDrill(s.Snapshot, s.Question, check.Policies{})
		if goesOn := d.End(0, c.code, c.s, nil, c.why); goesOn != (c.code == exitcode.Go) || d.Leader != c.leader || d.ExitCode != c.code || !strings.Contains(d.Stopped, c.says) || (d.Stopped == "") != (c.says == "") {
			t.Errorf("%s: %q leads, exit code %d, stopped %q", c.name, d.Leader, d.ExitCode, d.Stopped)
		}
	}
	d := preflight.PlanDrill(s.Snapshot, s.Question, check.Policies{})
	if d.End(0, exitcode.Go, done, nil, "") != true || d.End(1, exitcode.Go, done, nil, "") != true || d.End(2, exitcode.Go, done, nil, "") != false || d.Stopped != "" {
		t.Errorf("stopped %q", d.Stopped)
	}
}

func TestNoLonger(t *testing.T) {
	rest := func(name, role string) fact.Observed[fact.REST] {
		return fact.Known(fact.REST{Name: fact.Known(name), Role: fact.Known(role)})
	}
	for want, now := range map[string]fact.Observed[fact.REST]{
		"": rest("node1", "primary"),
		"the leader's REST API no longer answers (no answer)": fact.NotKnown[fact.REST](fact.Silent, "no answer"),
		"at the leader's REST API node2 answers":              rest("node2", "replica"),
		"the leader's REST API says role replica":             rest("node1", "replica"),
	} {
		if got := preflight.ChangedSince(rest("node1", "primary"), now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
