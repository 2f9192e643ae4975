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

func TestPlan(t *testing.T) {
	s := facttest.Healthy(t)
	q := facttest.Member(s.Snapshot, "node1").SQL.Value
	q.Activity = fact.Known(fact.Activity{Sessions: 12, Active: 3})
	q.UnloggedTables = fact.Known(2)
	q.Slots = fact.Known(append([]fact.Slot{{Name: "stray", Type: "physical"}}, *q.Slots.Value...))
	p := preflight.PlanOf(s.Snapshot, preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
	if p.Leader != "node1" || p.Candidate != "node2" || p.Whom() != "node2" || !strings.Contains(p.Prints, "Successfully switched over") || p.Interruption == "" || len(p.Warnings) > 0 {
		t.Errorf("%+v", p)
	}
	want := []string{"12 sessions on node1, 3 of them at work", "the rows of 2 unlogged tables in database postgres", "slots that nobody declared: stray"}
	if !slices.Equal(p.Lost, want) {
		t.Errorf("lost %q, want %q", p.Lost, want)
	}
	s = facttest.Healthy(t)
	s.Question.Candidate, s.Question.ScheduledAt = "", "2126-12-01T03:00:00+00:00"
	p = preflight.PlanOf(s.Snapshot, preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
	if p.Whom() != "whichever member Patroni chooses" || p.ScheduledAt == "" || !strings.Contains(strings.Join(p.Warnings, " "), "nobody judges it again") {
		t.Errorf("%+v", p)
	}
	if p := preflight.PlanOf(&fact.Snapshot{}, preflight.Report{}); p.Lost == nil || len(p.Lost) > 0 {
		t.Errorf("of nothing: %+v", p)
	}
}

func TestIsScheduled(t *testing.T) {
	const at = "2126-12-01T03:00:00+00:00"
	b := facttest.BaselineOf(facttest.Healthy(t))
	for name, c := range map[string]struct {
		f    fact.Observed[fact.Failover]
		want bool
	}{
		"scheduled":         {fact.Known(fact.Failover{Leader: "node1", Candidate: "node2", ScheduledAt: at}), true},
		"pending":           {fact.Known(fact.Failover{Leader: "node1", Candidate: "node2"}), false},
		"another candidate": {fact.Known(fact.Failover{Leader: "node1", Candidate: "node3", ScheduledAt: at}), false},
		"nothing":           {fact.Known(fact.Failover{}), false},
		"not seen":          {facttest.Silent[fact.Failover](), false},
	} {
		s := facttest.Healthy(t)
		s.DCS.Cluster.Value.Failover = c.f
		if got := preflight.IsScheduled(b, s.Snapshot); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if v := preflight.AsScheduled(verify.Verify(b, facttest.Healthy(t).Snapshot)); v.Outcome != verify.Scheduled || v.ExitCode != exitcode.Go || v.Outcome.ExitCode() != exitcode.Go {
		t.Errorf("%+v", v)
	}
}
