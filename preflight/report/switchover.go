package report

import (
	"fmt"
	"io"
	"strings"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/forecast"
)

// WriteSwitchover writes how a switchover ended. The text was written step by step
// meanwhile, so only its last part is written here: the verdict if it ended the
// switchover, else the outcome.
func WriteSwitchover(w io.Writer, format string, s preflight.SwitchoverReport, o Options) error {
	switch {
	case format == "json":
		return encode(w, s)
	case s.Verification != nil:
		if s.Request != nil && s.Request.Problem != "" && format == "text" {
			t := &text{Options: o}
			t.labelled("request", s.Request.Problem+".")
			if _, err := io.WriteString(w, "\n"+t.b.String()); err != nil {
				return err
			}
		}
		return WriteVerification(w, format, *s.Verification, o)
	case s.Request == nil || format == "brief":
		return Write(w, format, s.Check, o)
	}
	return nil
}

// WritePlan writes the plan of a switchover, before it is confirmed.
func WritePlan(w io.Writer, p preflight.Plan, o Options) error {
	t := &text{Options: o}
	t.line("")
	becomes := "is promoted"
	if p.StandbyCluster {
		becomes = "becomes the standby leader"
	}
	what := fmt.Sprintf("%s steps down, and %s %s", p.Leader, p.Whom(), becomes)
	if p.ScheduledAt != "" {
		what += ", at " + p.ScheduledAt
	}
	t.titled("PLAN", what+".")
	t.labelled("prints", p.Prints)
	interruption := p.Interruption
	if p.Forecast != nil {
		interruption = p.Forecast.Text()
	}
	if interruption != "" {
		t.labelled("", interruption+" without a "+forecast.Forecast{StandbyCluster: p.StandbyCluster}.Missed()+".")
	}
	if len(p.Lost) > 0 {
		t.labelled("lost", strings.Join(p.Lost, "; ")+".")
	}
	t.labelled("note", strings.Join(p.Warnings, " "))
	_, err := io.WriteString(w, t.b.String())
	return err
}
