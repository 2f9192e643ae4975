package preflight

import (
	"slices"
	"strings"
	"testing"
)

func TestPlan(t *testing.T) {
	s := healthy(t)
	q := s.member("node1").SQL.Value
	q.Activity = Known(Activity{Sessions: 12, Active: 3})
	q.UnloggedTables = Known(2)
	q.Slots = Known(append([]Slot{{Name: "stray", Type: "physical"}}, *q.Slots.Value...))
	p := PlanOf(s.Snapshot, Judge(s.Snapshot, s.Question, Policies{}))
	if p.Leader != "node1" || p.Candidate != "node2" || p.Whom() != "node2" || !strings.Contains(p.Prints, "Successfully switched over") || p.Interruption == "" || len(p.Warnings) > 0 {
		t.Errorf("%+v", p)
	}
	want := []string{"12 sessions on node1, 3 of them at work", "the rows of 2 unlogged tables in database postgres", "slots that nobody declared: stray"}
	if !slices.Equal(p.Lost, want) {
		t.Errorf("lost %q, want %q", p.Lost, want)
	}
	s = healthy(t)
	s.Question.Candidate, s.Question.ScheduledAt = "", "2126-12-01T03:00:00+00:00"
	p = PlanOf(s.Snapshot, Judge(s.Snapshot, s.Question, Policies{}))
	if p.Whom() != "whichever member Patroni chooses" || p.ScheduledAt == "" || !strings.Contains(strings.Join(p.Warnings, " "), "nobody judges it again") {
		t.Errorf("%+v", p)
	}
	if p := PlanOf(&Snapshot{}, Report{}); p.Lost == nil || len(p.Lost) > 0 {
		t.Errorf("of nothing: %+v", p)
	}
}

func TestIsScheduled(t *testing.T) {
	const at = "2126-12-01T03:00:00+00:00"
	b := baselineOf(healthy(t))
	for name, c := range map[string]struct {
		f    Observed[Failover]
		want bool
	}{
		"scheduled":         {Known(Failover{Leader: "node1", Candidate: "node2", ScheduledAt: at}), true},
		"pending":           {Known(Failover{Leader: "node1", Candidate: "node2"}), false},
		"another candidate": {Known(Failover{Leader: "node1", Candidate: "node3", ScheduledAt: at}), false},
		"nothing":           {Known(Failover{}), false},
		"not seen":          {silent[Failover](), false},
	} {
		s := healthy(t)
		s.DCS.Cluster.Value.Failover = c.f
		if got := IsScheduled(b, s.Snapshot); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	if v := Verify(b, healthy(t).Snapshot).AsScheduled(); v.Outcome != Scheduled || v.ExitCode != ExitGo || v.Outcome.ExitCode() != ExitGo {
		t.Errorf("%+v", v)
	}
}
