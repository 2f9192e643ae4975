package preflight_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

// drillPlan is the part of a plan that decides whether, and how, the drill begins.
type drillPlan struct {
	// Legs are the members that lead, one after the other.
	Legs    []string
	LeftOut []preflight.LeftOut
	Code    int
	Why     string
}

func planOf(t *testing.T, d preflight.DrillReport) drillPlan {
	t.Helper()
	p := drillPlan{LeftOut: d.LeftOut}
	for i, leg := range d.Legs {
		if i == 0 {
			p.Legs = append(p.Legs, leg.From)
		} else if before := d.Legs[i-1].To; leg.From != before {
			t.Errorf("leg %d begins at %s, leg %d ends at %s", i+1, leg.From, i, before)
		}
		p.Legs = append(p.Legs, leg.To)
	}
	p.Code, p.Why = d.Start()
	return p
}

func TestPlanDrill(t *testing.T) {
	tagged := func(member, tag string, value any) func(*fact.Recording) {
		return func(s *fact.Recording) {
			facttest.Member(s.Snapshot, member).Key.Value.Tags = fact.Known(fact.Tags{tag: value})
		}
	}
	allMembers := []string{"node1", "node2", "node3", "node1"}
	for _, c := range []struct {
		name  string
		spoil func(*fact.Recording)
		want  drillPlan
		// shown is the verdict of the report that the plan shows.
		shown preflight.Verdict
	}{
		{
			name:  "healthy",
			spoil: func(*fact.Recording) {},
			want:  drillPlan{Legs: allMembers},
			shown: preflight.Go,
		},
		{
			name:  "nofailover",
			spoil: tagged("node2", "nofailover", true),
			want: drillPlan{
				Legs:    []string{"node1", "node3", "node1"},
				LeftOut: []preflight.LeftOut{{Name: "node2", Why: "tag nofailover: true"}},
			},
			shown: preflight.Go,
		},
		{
			name:  "failover_priority 0",
			spoil: tagged("node3", "failover_priority", 0.0),
			want: drillPlan{
				Legs:    []string{"node1", "node2", "node1"},
				LeftOut: []preflight.LeftOut{{Name: "node3", Why: "tag failover_priority: 0"}},
			},
			shown: preflight.Go,
		},
		{
			name: "nofailover on every replica",
			spoil: func(s *fact.Recording) {
				tagged("node2", "nofailover", true)(s)
				tagged("node3", "nofailover", true)(s)
			},
			want: drillPlan{
				LeftOut: []preflight.LeftOut{
					{Name: "node2", Why: "tag nofailover: true"},
					{Name: "node3", Why: "tag nofailover: true"},
				},
				Code: exitcode.NoGo,
				Why:  "no other member may be promoted",
			},
			shown: preflight.NoGo,
		},
		{
			name:  "nofailover on the leader, which could not lead again",
			spoil: tagged("node1", "nofailover", true),
			want: drillPlan{
				Legs: allMembers,
				Code: exitcode.NoGo,
				Why:  "leg 3 of 3, node3 to node1, is NO-GO even before the drill",
			},
			shown: preflight.Go,
		},
		{
			name:  "the synchronous standby is first",
			spoil: func(s *fact.Recording) { withSync(s, "on", 0, "node3") },
			want:  drillPlan{Legs: []string{"node1", "node3", "node2", "node1"}},
			shown: preflight.NoGo,
		},
		{
			name:  "a blocker of a later leg",
			spoil: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node3").REST.Value.Name = fact.Known("node1") },
			want: drillPlan{
				Legs: allMembers,
				Code: exitcode.NoGo,
				Why:  "leg 2 of 3, node2 to node3, is NO-GO even before the drill",
			},
			shown: preflight.NoGo,
		},
		{
			name: "a later leg cannot be judged",
			spoil: func(s *fact.Recording) {
				facttest.Member(s.Snapshot, "node3").SQL = facttest.Silent[fact.SQL]()
			},
			want: drillPlan{
				Legs: allMembers,
				Code: exitcode.Unknown,
				Why:  "leg 2 of 3, node2 to node3, is UNKNOWN even before the drill",
			},
			shown: preflight.UnknownState,
		},
		{
			name:  "no member leads",
			spoil: func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("") },
			want:  drillPlan{Code: exitcode.NoGo, Why: "no member is known to lead"},
			shown: preflight.NoGo,
		},
		{
			name: "nothing was seen",
			spoil: func(s *fact.Recording) {
				s.DCS.Cluster = facttest.Silent[fact.Cluster]()
				s.Members = nil
			},
			want:  drillPlan{Code: exitcode.Unknown, Why: "no member is known to lead"},
			shown: preflight.UnknownState,
		},
	} {
		s := facttest.Healthy(t)
		c.spoil(s)
		d := preflight.PlanDrill(s.Snapshot, s.Question, check.Policies{})
		if c.want.LeftOut == nil {
			c.want.LeftOut = []preflight.LeftOut{}
		}
		if diff := cmp.Diff(c.want, planOf(t, d)); diff != "" {
			t.Errorf("%s: plan (-want +got):\n%s", c.name, diff)
		}
		if d.Check.Verdict != c.shown {
			t.Errorf("%s: the plan shows a report that is %s, want %s", c.name, d.Check.Verdict, c.shown)
		}
	}
}

// drillEnd is the state of a drill after a leg.
type drillEnd struct {
	GoesOn   bool
	Leader   string
	ExitCode int
	Stopped  string
}

func TestDrillEnds(t *testing.T) {
	s := facttest.Healthy(t)
	sent := &preflight.RequestResult{}
	verified := preflight.SwitchoverReport{
		Request:      sent,
		Verification: &verify.Verification{Outcome: verify.Done, Leader: "node2"},
	}
	different := preflight.SwitchoverReport{
		Request: sent,
		Verification: &verify.Verification{
			Outcome: verify.Different,
			Reason:  "node3 leads, not node2",
			Leader:  "node3",
		},
	}
	for _, c := range []struct {
		name string
		code int
		leg  preflight.SwitchoverReport
		why  string
		want drillEnd
	}{
		{
			name: "done",
			code: exitcode.Go,
			leg:  verified,
			want: drillEnd{GoesOn: true, Leader: "node2"},
		},
		{
			name: "different",
			code: exitcode.Different,
			leg:  different,
			want: drillEnd{Leader: "node3", Stopped: "leg 1 of 3, node1 to node2: DIFFERENT, node3 leads, not node2"},
		},
		{
			name: "sent, and not watched",
			code: exitcode.OutcomeUnknown,
			leg:  preflight.SwitchoverReport{Request: sent},
			want: drillEnd{Stopped: "leg 1 of 3, node1 to node2: the request was sent, but watching it failed"},
		},
		{
			name: "NO-GO",
			code: exitcode.NoGo,
			leg:  preflight.SwitchoverReport{Check: preflight.Report{Verdict: preflight.NoGo, Leader: "node1"}},
			want: drillEnd{Leader: "node1", Stopped: "leg 1 of 3, node1 to node2: NO-GO"},
		},
		{
			name: "interrupted before the check",
			code: exitcode.Interrupted,
			why:  "stopped by interrupt",
			want: drillEnd{Leader: "node1", Stopped: "leg 1 of 3, node1 to node2: stopped by interrupt"},
		},
	} {
		d := preflight.PlanDrill(s.Snapshot, s.Question, check.Policies{})
		goesOn := d.End(0, c.code, c.leg, nil, c.why)
		c.want.ExitCode = c.code
		if diff := cmp.Diff(c.want, drillEnd{goesOn, d.Leader, d.ExitCode, d.Stopped}); diff != "" {
			t.Errorf("%s: end (-want +got):\n%s", c.name, diff)
		}
	}
	d := preflight.PlanDrill(s.Snapshot, s.Question, check.Policies{})
	for i, more := range []bool{true, true, false} {
		if goesOn := d.End(i, exitcode.Go, verified, nil, ""); goesOn != more {
			t.Errorf("after leg %d of 3 the drill goes on: %t, want %t", i+1, goesOn, more)
		}
	}
	if d.Stopped != "" {
		t.Errorf("a drill of three verified legs stopped: %s", d.Stopped)
	}
}

func TestChangedSince(t *testing.T) {
	rest := func(name, role string) fact.Observed[fact.REST] {
		return fact.Known(fact.REST{Name: fact.Known(name), Role: fact.Known(role)})
	}
	for want, now := range map[string]fact.Observed[fact.REST]{
		"": rest("node1", "primary"),
		"the leader's REST API no longer answers (no answer within 3s)": facttest.Silent[fact.REST](),
		"at the leader's REST API node2 answers now":                    rest("node2", "replica"),
		"the leader's REST API now says role replica":                   rest("node1", "replica"),
	} {
		if got := preflight.ChangedSince(rest("node1", "primary"), now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
