package preflight

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// Plan is what a switchover would do, for the operator who has to confirm it.
type Plan struct {
	Leader string `json:"leader"`
	// Candidate is "" where Patroni chooses.
	Candidate   string `json:"candidate"`
	ScheduledAt string `json:"scheduled_at,omitempty"`
	// Prints is the answer expected of Patroni, Interruption the time without a
	// primary; "" where they are not known.
	Prints       string `json:"prints"`
	Interruption string `json:"interruption"`
	// Forecast is Interruption as a range, nil where it is not known.
	Forecast *fact.Seconds `json:"-"`
	// StandbyCluster: the candidate leads in recovery, and is not promoted.
	StandbyCluster bool `json:"standby_cluster,omitempty"`
	// Lost are the sessions, rows and slots that do not survive the switchover.
	Lost []string `json:"lost"`
	// Warnings name the checks that Patroni will not make.
	Warnings []string `json:"warnings"`
}

// PlanOf says what the requested switchover would do.
func PlanOf(s *fact.Snapshot, r Report) Plan {
	p := Plan{
		Leader:         r.Leader,
		Candidate:      r.Request.Candidate,
		StandbyCluster: s.IsStandbyCluster(),
		Lost:           lost(s),
		Warnings:       []string{},
	}
	if r.Prediction != nil {
		p.Prints = r.Prediction.Printed
	}
	if r.Forecast != nil {
		p.Interruption, p.Forecast = r.Forecast.Interruption.String(), &r.Forecast.Interruption
	}
	if r.Request.Scheduled() {
		p.ScheduledAt = r.Request.ScheduledAt
		p.Warnings = append(p.Warnings,
			"Patroni accepts a scheduled switchover without checking the candidate, and overwrites a pending one.",
			"The switchover is not checked again when it is due: run check shortly before, and verify after.")
	}
	return p
}

// lost lists the sessions, rows and slots of the leader that the new leader will not have.
func lost(s *fact.Snapshot) []string {
	out := []string{}
	leader := s.Leader()
	if a, ok := fact.SQLActivity.Of(s, leader).Get(); ok && a.Sessions > 0 {
		out = append(out, fmt.Sprintf("%d sessions on %s, %d of them active", a.Sessions, leader, a.Active))
	}
	if n, ok := fact.OfSQL("", func(q fact.SQL) fact.Observed[int] { return q.UnloggedTables }).
		Of(s, leader).
		Get(); ok &&
		n > 0 {
		out = append(
			out,
			fmt.Sprintf(
				"the rows of %d unlogged tables in database %s",
				n,
				fact.OfSQL("", func(q fact.SQL) fact.Observed[string] { return q.Database }).Of(s, leader).OrZero(),
			),
		)
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
			out = append(out, "slots that /config does not declare: "+strings.Join(gone, ", "))
		}
	}
	return out
}
