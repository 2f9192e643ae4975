package preflight

import (
	"slices"
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// GroupsReport has the reports on all groups of a Citus cluster, if no --group was
// given. Each group is a Patroni cluster of its own.
type GroupsReport struct {
	SchemaVersion int       `json:"schema_version"`
	Tool          string    `json:"tool"`
	TakenAt       time.Time `json:"taken_at"`
	// Request is the question without a group.
	Request fact.Request `json:"request"`
	// Verdict is the worst of the groups': NO-GO, then UNKNOWN, then GO.
	Verdict  Verdict `json:"verdict"`
	ExitCode int     `json:"exit_code"`
	// Stability is nil where the cluster was judged once.
	Stability *Stability `json:"stability"`
	// Groups are the reports in the order of the groups.
	Groups []Report `json:"groups"`
}

// Groups are the Citus groups of the scope; none if one was named, or if the scope is
// a cluster with a leader of its own.
func Groups(s *fact.Snapshot) []string {
	if s.Target.Group != "" {
		return nil
	}
	return fact.Groups.Of(s, "").OrZero()
}

// JoinGroups joins the reports of all groups, of which there is at least one.
func JoinGroups(reports []Report) GroupsReport {
	g := GroupsReport{
		SchemaVersion: check.ReportSchema, Tool: reports[0].Tool, TakenAt: reports[0].TakenAt,
		Request: reports[0].Request, Verdict: Go, Groups: reports,
	}
	g.Request.Group = ""
	order := []Verdict{NoGo, UnknownState, Go}
	for _, r := range reports {
		if slices.Index(order, r.Verdict) < slices.Index(order, g.Verdict) {
			g.Verdict = r.Verdict
		}
		if r.TakenAt.Before(g.TakenAt) {
			g.TakenAt = r.TakenAt
		}
	}
	g.ExitCode = g.Verdict.ExitCode()
	return g
}

// Over is Report.Over for all groups together.
func (g GroupsReport) Over(s Stability) GroupsReport {
	g.Stability = &s
	if s.unstable(g.Verdict) {
		g.Verdict = UnknownState
		g.ExitCode = g.Verdict.ExitCode()
	}
	return g
}

// Unstable is why a GO of all groups does not count, "" where it does.
func (g GroupsReport) Unstable() string { return g.Stability.why(g.Verdict) }
