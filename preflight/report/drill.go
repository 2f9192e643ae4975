package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"patroni-preflight/preflight"
)

// DrillFormats are the formats of a drill, the default first.
var DrillFormats = []string{"text", "brief", "json", "markdown"}

// WriteDrill writes how a drill ended, or its plan if it is a dry run.
func WriteDrill(w io.Writer, format string, d preflight.DrillReport, o Options) error {
	switch format {
	case "text":
		return writeDrillText(w, d, o)
	case "brief":
		_, err := fmt.Fprintln(w, clean(drillLine(d)))
		return err
	case "json":
		return encode(w, d)
	case "markdown":
		return writeDrillMarkdown(w, d)
	}
	return fmt.Errorf("no such format: %s", format)
}

// WriteDrillPlan writes the plan of a drill, before it is confirmed.
func WriteDrillPlan(w io.Writer, d preflight.DrillReport, o Options) error {
	t := &text{Options: o}
	t.drillPlan(d)
	_, err := io.WriteString(w, t.b.String())
	return err
}

func (t *text) drillPlan(d preflight.DrillReport) {
	leads := d.First + " leads"
	if d.First == "" {
		leads = "no member is known to lead"
	}
	t.titled("PLAN", fmt.Sprintf("drill of %s: %d switchovers; %s", d.Scope, len(d.Legs), leads))
	for i, leg := range d.Legs {
		t.labelled(fmt.Sprintf("leg %d", i+1), fmt.Sprintf("%s -> %s: %s", leg.From, leg.To, today(i, leg)))
	}
	for _, m := range d.LeftOut {
		t.labelled("left out", m.Name+": "+m.Why)
	}
	t.labelled("note", planNote)
	for _, leg := range d.Legs {
		if slices.Contains(leg.Blockers, "candidate.sync") {
			t.labelled("", syncNote)
			break
		}
	}
}

const syncNote = "Each new leader chooses its synchronous standbys again. If synchronous_node_count is lower than " +
	"the number of standbys, the drill may stop at a member that was not chosen."

const planNote = "Only leg 1 can be judged completely before the drill. Each leg is judged again right before its " +
	"switchover, and verified after it. The drill stops at the first leg that is not GO or does not end as requested."

// today is the verdict on a leg before the drill.
func today(i int, leg preflight.DrillLeg) string {
	what := string(leg.Today)
	if what == "" {
		return "not judged, because " + leg.To + " leads now"
	}
	if len(leg.Blockers) > 0 {
		what += ", blocked by " + strings.Join(leg.Blockers, ", ")
	}
	if i > 0 {
		what += ", judged while " + leg.From + " does not lead"
	}
	return what
}

func verified(d preflight.DrillReport) (n int) {
	for _, leg := range d.Legs {
		if leg.Verified() {
			n++
		}
	}
	return n
}

// drillLine is a drill in one line.
func drillLine(d preflight.DrillReport) string {
	title, rest := drillHead(d)
	line := title + "  " + rest
	if d.Stopped != "" {
		line += "; " + d.Stopped
	}
	return line + standsLine(d)
}

func drillHead(d preflight.DrillReport) (title, rest string) {
	switch {
	case d.DryRun:
		return "PLAN", fmt.Sprintf("drill of %s: %d switchovers", d.Scope, len(d.Legs))
	case d.Stopped != "":
		title = "STOPPED"
	default:
		title = "DONE"
	}
	return title, fmt.Sprintf("drill of %s: %d of %d legs verified", d.Scope, verified(d), len(d.Legs))
}

// standsLine names the member that leads now.
func standsLine(d preflight.DrillReport) string {
	if d.Leader == "" {
		return "; it is not known which member leads"
	}
	line := "; " + d.Leader + " leads"
	if d.Timeline != nil {
		line += fmt.Sprintf(" on timeline %d", *d.Timeline)
	}
	if d.Leader != d.First {
		line += ", " + d.First + " led before the drill"
	}
	return line
}

// cell is a leg in the matrix.
func cell(leg preflight.DrillLeg) string {
	switch {
	case leg.ExitCode == nil:
		return "not done"
	case leg.Verified() && leg.Outage != nil && leg.Outage.Seconds != nil:
		return fmt.Sprintf("%.1f s", *leg.Outage.Seconds)
	case leg.Verified():
		return "done"
	case leg.Switchover != nil && leg.Switchover.Verification != nil:
		return string(leg.Switchover.Verification.Outcome)
	case leg.Switchover != nil && leg.Switchover.Request == nil && leg.Switchover.Check.ExitCode == *leg.ExitCode:
		return string(leg.Switchover.Check.Verdict)
	}
	return fmt.Sprintf("exit %d", *leg.ExitCode)
}

// matrix has a row for each member that steps down and a column for each that is
// promoted.
func matrix(d preflight.DrillReport) [][]string {
	head := []string{"from \\ to"}
	var names []string
	for _, leg := range d.Legs {
		head, names = append(head, leg.From), append(names, leg.From)
	}
	rows := [][]string{head}
	for _, from := range names {
		row := []string{from}
		for _, to := range names {
			what := "."
			for _, leg := range d.Legs {
				if leg.From == from && leg.To == to {
					what = cell(leg)
				}
			}
			row = append(row, what)
		}
		rows = append(rows, row)
	}
	return rows
}

// howMeasured explains the seconds of the matrix.
func howMeasured(d preflight.DrillReport) string {
	for _, leg := range d.Legs {
		switch o := leg.Outage; {
		case o == nil:
		case o.Seconds == nil:
			return fmt.Sprintf("%s -> %s was not measured: %s.", leg.From, leg.To, o.Why)
		default:
			return fmt.Sprintf(
				"Seconds without a primary, seen from this machine: each member's PostgreSQL was asked every %.1f s "+
					"whether it is in recovery. The figures are too long by up to %.1f s plus the time that an answer takes. "+
					"They do not include the time that a commit waits for a synchronous standby.",
				o.Resolution,
				o.Resolution,
			)
		}
	}
	return ""
}

func writeDrillText(w io.Writer, d preflight.DrillReport, o Options) error {
	t := &text{Options: o}
	if d.DryRun {
		t.drillPlan(d)
	}
	if d.Check.Verdict != preflight.Go && !begun(d) {
		t.line("")
		if _, err := io.WriteString(w, t.b.String()); err != nil {
			return err
		}
		if err := Text(w, d.Check, o); err != nil {
			return err
		}
		t.b.Reset()
	}
	if d.DryRun && d.Stopped == "" {
		_, err := io.WriteString(w, t.b.String())
		return err
	}
	t.line("")
	title, rest := drillHead(d)
	if d.DryRun {
		title, rest = "STOPPED", "the drill would not begin"
	}
	t.titled(title, rest)
	t.labelled("", d.Stopped)
	t.labelled("now", strings.TrimPrefix(standsLine(d), "; ")+".")
	if d.Back != "" {
		t.fix("back", "Once that is fixed:\n"+clean(d.Back))
	}
	if begun(d) {
		t.line("")
		for _, line := range table(matrix(d)) {
			t.line(line)
		}
		t.line("")
		t.labelled("", howMeasured(d))
	}
	_, err := io.WriteString(w, t.b.String())
	return err
}

// begun reports whether the first leg was tried.
func begun(d preflight.DrillReport) bool { return len(d.Legs) > 0 && d.Legs[0].ExitCode != nil }

func writeDrillMarkdown(w io.Writer, d preflight.DrillReport) error {
	var b strings.Builder
	title, rest := drillHead(d)
	fmt.Fprintf(&b, "## %s: %s\n\n", title, literal(rest))
	fmt.Fprintf(
		&b,
		"Started at %s, by patroni-preflight %s.\n",
		d.TakenAt.UTC().Format("2006-01-02 15:04:05 MST"),
		literal(d.Tool),
	)
	stands := literal(strings.TrimPrefix(standsLine(d), "; "))
	fmt.Fprintf(&b, "\n- Now: %s\n", stands)
	if d.Stopped != "" {
		fmt.Fprintf(&b, "- Stopped: %s\n", literal(d.Stopped))
	}
	if d.Back != "" {
		fmt.Fprintf(&b, "- Back: `%s`\n", strings.ReplaceAll(clean(d.Back), "`", "?"))
	}
	for i, leg := range d.Legs {
		fmt.Fprintf(
			&b,
			"- Leg %d, %s to %s: verdict before the drill: %s\n",
			i+1,
			literal(leg.From),
			literal(leg.To),
			literal(today(i, leg)),
		)
	}
	for _, m := range d.LeftOut {
		fmt.Fprintf(&b, "- Left out: %s\n", literal(m.Name+": "+m.Why))
	}
	if begun(d) {
		for i, row := range matrix(d) {
			for j := range row {
				row[j] = literal(row[j])
			}
			fmt.Fprintf(&b, "\n| %s |", strings.Join(row, " | "))
			if i == 0 {
				b.WriteString("\n|" + strings.Repeat("---|", len(row)))
			}
		}
		fmt.Fprintf(&b, "\n\n%s\n", literal(howMeasured(d)))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	for _, leg := range d.Legs {
		switch s := leg.Switchover; {
		case s == nil || leg.Verified() || s.Request != nil:
		default:
			return Markdown(w, s.Check)
		}
	}
	if !begun(d) && d.Check.Verdict != preflight.Go {
		return Markdown(w, d.Check)
	}
	return nil
}
