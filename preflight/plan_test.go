package preflight_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

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
	most := 7.0
	want := preflight.Plan{
		Leader:       "node1",
		Candidate:    "node2",
		Prints:       `Successfully switched over to "node2"`,
		Interruption: "1 to 7 s",
		Lost: []string{
			"12 sessions on node1, 3 of them active",
			"the rows of 2 unlogged tables in database postgres",
			"slots that /config does not declare: stray",
		},
		Warnings: []string{},
	}
	forecast := cmpopts.IgnoreFields(preflight.Plan{}, "Forecast")
	got := preflight.PlanOf(s.Snapshot, preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
	if diff := cmp.Diff(want, got, forecast); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	if got.Forecast == nil || got.Forecast.Most == nil || *got.Forecast.Most > most {
		t.Errorf("the forecast is %v, want at most %g s", got.Forecast, most)
	}
	if got.Whom() != "node2" {
		t.Errorf("the candidate is %s", got.Whom())
	}
}

func TestPlanOfScheduledSwitchover(t *testing.T) {
	s := facttest.Healthy(t)
	s.Question.Candidate, s.Question.ScheduledAt = "", "2126-12-01T03:00:00+00:00"
	p := preflight.PlanOf(s.Snapshot, preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
	if p.Whom() != "whichever member Patroni chooses" {
		t.Errorf("the candidate is %s", p.Whom())
	}
	if p.ScheduledAt != s.Question.ScheduledAt {
		t.Errorf("scheduled for %q", p.ScheduledAt)
	}
	want := []string{
		"Patroni accepts a scheduled switchover without checking the candidate, and overwrites a pending one.",
		"The switchover is not checked again when it is due: run check shortly before, and verify after.",
	}
	if diff := cmp.Diff(want, p.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

func TestPlanOfNothing(t *testing.T) {
	want := preflight.Plan{Lost: []string{}, Warnings: []string{}}
	if diff := cmp.Diff(want, preflight.PlanOf(&fact.Snapshot{}, preflight.Report{})); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
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
}

func TestAsScheduled(t *testing.T) {
	b := facttest.BaselineOf(facttest.Healthy(t))
	v := preflight.AsScheduled(verify.Verify(b, facttest.Healthy(t).Snapshot))
	if v.Outcome != verify.Scheduled || v.ExitCode != exitcode.Go || v.Outcome.ExitCode() != exitcode.Go {
		t.Errorf("%s with exit code %d", v.Outcome, v.ExitCode)
	}
	if len(v.Points)+len(v.Results) > 0 {
		t.Errorf("%d points and %d results before it is due", len(v.Points), len(v.Results))
	}
}
