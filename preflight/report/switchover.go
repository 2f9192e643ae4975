package report

import (
	"fmt"
	"io"
	"strings"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/forecast"
	"patroni-preflight/preflight/verify"
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
		return writeOutcome(w, format, s, o)
	case s.Request == nil || format == "brief":
		return Write(w, format, s.Check, o)
	}
	return nil
}

// writeOutcome writes the outcome, how long there was no primary, and what blocks after a
// refusal.
func writeOutcome(w io.Writer, format string, s preflight.SwitchoverReport, o Options) error {
	measured := outage(s)
	if format == "brief" {
		line := ended(*s.Verification)
		if measured != "" {
			line += "; " + measured
		}
		if s.Again != nil {
			line += "; checked again: " + strings.Join(append([]string{string(s.Again.Verdict)}, deciding(*s.Again)...), ", ")
		}
		_, err := fmt.Fprintln(w, clean(line))
		return err
	}
	if err := WriteVerification(w, format, *s.Verification, o); err != nil {
		return err
	}
	if measured != "" {
		t := &text{Options: o}
		t.line("")
		t.labelled("outage", measured+", seen from this machine.")
		if _, err := io.WriteString(w, t.b.String()); err != nil {
			return err
		}
	}
	if s.Again == nil {
		return nil
	}
	return WriteAgain(w, *s.Again, o)
}

// outage is how long there was no primary, "" where the leader stayed or that is not
// measured.
func outage(s preflight.SwitchoverReport) string {
	switch {
	case s.Outage == nil || s.Verification.Outcome != verify.Done && s.Verification.Outcome != verify.Different:
		return ""
	case s.Outage.Seconds == nil:
		return "the time without a primary was not measured: " + s.Outage.Why
	}
	return fmt.Sprintf("%.1f s without a primary", *s.Outage.Seconds)
}

// WriteAgain writes what blocks after Patroni refused.
func WriteAgain(w io.Writer, r preflight.Report, o Options) error {
	t := &text{Options: o, gaps: gaps(r), names: oneLine(namesOf(r)...)}
	t.line("")
	says := map[preflight.Verdict]string{
		preflight.Go: "GO: nothing blocks now. What made Patroni refuse has passed, or only the leader's log " +
			"shows it.",
		preflight.NoGo:         "NO-GO: this blocks now.",
		preflight.UnknownState: "UNKNOWN: this could not be seen.",
	}
	t.titled("CHECKED AGAIN", says[r.Verdict])
	t.section(r, preflight.Blocks, "BLOCKS")
	t.section(r, preflight.Unseen, "UNKNOWN")
	_, err := io.WriteString(w, t.b.String())
	return err
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
