package preflight

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// Plan is what a switchover would do, for whoever has to confirm it.
type Plan struct {
	Leader string `json:"leader"`
	// Candidate is "" where Patroni chooses.
	Candidate   string `json:"candidate"`
	ScheduledAt string `json:"scheduled_at,omitempty"`
	// Prints is what Patroni is expected to answer, Interruption how long there will
	// be no primary; "" where that is not known.
	Prints       string `json:"prints"`
	Interruption string `json:"interruption"`
	// StandbyCluster: nobody is promoted, the candidate leads in recovery.
	StandbyCluster bool `json:"standby_cluster,omitempty"`
	// Lost is what does not outlive the switchover, as far as it was seen.
	Lost []string `json:"lost"`
	// Warnings are what nobody looks at any more.
	Warnings []string `json:"warnings"`
}

// PlanOf says what the switchover that was asked about would do.
func PlanOf(s *fact.Snapshot, r Report) Plan {
	p := Plan{Leader: r.Leader, Candidate: r.Request.Candidate, StandbyCluster: s.IsStandbyCluster(), Lost: lost(s), Warnings: []string{}}
	if r.Prediction != nil {
		p.Prints = r.Prediction.Printed
	}
	if r.Forecast != nil {
		p.Interruption = r.Forecast.Interruption.String()
	}
	if r.Request.Scheduled() {
		p.ScheduledAt = r.Request.ScheduledAt
		p.Warnings = append(p.Warnings,
			"Patroni takes a scheduled switchover without a look at the candidate, and overwrites one that is pending.",
			"When the time has come nobody judges it again: check before, and verify after.")
	}
	return p
}

// lost lists what the leader has that nobody has afterwards.
func lost(s *fact.Snapshot) []string {
	out := []string{}
	leader := s.Leader()
	if a, ok := fact.SQLActivity.Of(s, leader).Get(); ok && a.Sessions > 0 {
		out = append(out, fmt.Sprintf("%d sessions on %s, %d of them at work", a.Sessions, leader, a.Active))
	}
	if n, ok := fact.OfSQL("", func(q fact.SQL) fact.Observed[int] { return q.UnloggedTables }).Of(s, leader).Get(); ok && n > 0 {
		out = append(out, fmt.Sprintf("the rows of %d unlogged tables in database %s", n, fact.OfSQL("", func(q fact.SQL) fact.Observed[string] { return q.Database }).Of(s, leader).OrZero()))
	}
	if slots, ok := fact.SQLSlots.Of(s, leader).Get(); ok {
		kept := verify.ExpectedAfter(s, slots)
		var gone []string
		for _, slot := range slots {
			if !slices.Contains(kept, verify.BaselineSlot{Name: slot.Name, Type: slot.Type}) {
				gone = append(gone, slot.Name)
			}
		}
		if len(gone) > 0 {
			out = append(out, "slots that nobody declared: "+strings.Join(gone, ", "))
		}
	}
	return out
}
