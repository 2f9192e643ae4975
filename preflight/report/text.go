// Package report renders a preflight.Report: as text for people, in one line, or
// as JSON for machines.
//
// Rules of the text: 80 columns; the verdict first; then the question and its
// target, the answer, the effect and the fix, in that order; a command of a fix on a
// line of its own, never wrapped (see fix.go); passes only as a count; colour only on
// words that are printed without it too.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// Options are the choices of the text format.
type Options struct {
	Color   bool
	Verbose bool
}

// Text writes the report for people.
func Text(w io.Writer, r preflight.Report, o Options) error {
	t := &text{Options: o, gaps: gaps(r), names: oneLine(namesOf(r)...)}
	t.headline(r)
	t.section(r, preflight.Blocks, "BLOCKS")
	t.section(r, preflight.Unseen, "UNKNOWN")
	t.section(r, preflight.Warns, "WARNS")
	if o.Verbose {
		t.section(r, preflight.Aside, "ASIDE")
		t.section(r, preflight.NotTried, "SKIPPED")
		t.section(r, preflight.Passed, "PASSED")
	}
	t.prediction(r)
	t.forecast(r)
	t.files(r)
	t.members(r)
	t.candidates(r)
	_, err := io.WriteString(w, t.b.String())
	return err
}

type text struct {
	Options
	gaps  []*gap
	names *strings.Replacer // of the cluster, in remedies
	b     strings.Builder
}

var colors = map[string]string{
	string(preflight.Go): "32", string(preflight.NoGo): "31", string(preflight.UnknownState): "33",
	"BLOCKS": "31", "WARNS": "33",
	string(verify.Done): "32", string(verify.Different): "31", string(verify.Refused): "33", "FAILED": "31",
}

func (t *text) paint(word string) string {
	if c, ok := colors[word]; ok && t.Color {
		return "\x1b[1;" + c + "m" + word + "\x1b[0m"
	}
	return word
}

func (t *text) line(s string) { t.b.WriteString(s + "\n") }

// titled prints a coloured word and the text after it; further lines are indented.
func (t *text) titled(title, rest string) {
	for i, l := range Wrap(title+"  "+clean(rest), indent) {
		if i == 0 {
			l = t.paint(title) + l[len(title):]
		}
		t.line(l)
	}
}

func (t *text) headline(r preflight.Report) {
	t.titled(string(r.Verdict), question(r))
	t.line(counts(r.Summary))
	if byWarnings(r.Verdict, r.Summary) {
		t.line("no blockers; NO-GO because of --fail-on warning")
	}
	if why := r.Unstable(); why != "" {
		t.line(why)
	}
	t.line("as seen at " + r.TakenAt.Format("2006-01-02 15:04:05 MST"))
}

// byWarnings reports whether the verdict is NO-GO only because of --fail-on warning.
func byWarnings(v preflight.Verdict, s preflight.Summary) bool {
	return v == preflight.NoGo && s.Blockers == 0
}

// question is the switchover, or the audit, that the verdict is about.
func question(r preflight.Report) string {
	if len(r.Files) > 0 {
		return clean(audited(r))
	}
	to := r.Request.Candidate
	if to == "" {
		to = "whichever member Patroni chooses"
	}
	from := r.Leader
	if from == "" {
		from = "(no leader)"
	}
	when := ""
	if at := r.Request.ScheduledAt; at != "" && at != "now" {
		when = ", scheduled for " + at
	}
	group := ""
	if g := r.Request.Group; g != "" {
		group = " (group " + g + ")"
	}
	return clean(fmt.Sprintf("switchover of %s%s from %s to %s%s", r.Request.Scope, group, from, to, when))
}

func counts(s preflight.Summary) string {
	plural := func(n int, what string) string {
		if n != 1 {
			what += "s"
		}
		return fmt.Sprintf("%d %s", n, what)
	}
	parts := []string{plural(s.Blockers, "blocker"), plural(s.Warnings, "warning")}
	if s.Unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d unknown", s.Unknown))
	}
	parts = append(parts, fmt.Sprintf("%d passed", s.Passed))
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	return strings.Join(parts, ", ")
}

// section prints the results of one weight: the findings, then the gaps. A blank
// line precedes each entry that the user has to act upon.
func (t *text) section(r preflight.Report, weight preflight.Weight, title string) {
	dense := weight == preflight.Passed || weight == preflight.NotTried || weight == preflight.Aside
	first := true
	begin := func(head string) {
		if first || !dense {
			t.line("")
		}
		first = false
		t.titled(title, head)
	}
	for _, res := range r.Results {
		if res.Weight == weight && len(res.Findings) > 0 {
			begin(strings.TrimSpace(res.Check + "  " + res.Subject))
			t.result(res)
		}
	}
	for _, g := range t.gaps {
		if g.weight == weight {
			begin(g.head())
			t.labelled("", "undecided checks: "+strings.Join(g.checks(), ", "))
			// The fix of a check of the whole cluster makes the cluster visible; the fix
			// of a check of one member is for its findings.
			first := g.results[0]
			if c, ok := preflight.CheckByID(
				first.Check,
			); ok && weight == preflight.Unseen && first.Subject == "" &&
				len(g.checks()) == 1 {
				t.fix("fix", c.Fix)
			}
		}
	}
}

func (t *text) result(res preflight.WeighedResult) {
	for _, f := range res.Findings {
		t.finding(f, "fix")
		if f.Severity == check.Blocker && res.Weight == preflight.Warns {
			t.labelled("note", f.Subject+" is neither leader nor candidate, so this does not block.")
		}
	}
	t.labelled("ignored", res.Ignored)
}

// finding prints one finding; label marks its remedy.
func (t *text) finding(f check.Finding, label string) {
	asked := f.Asked + ": " + f.Observed
	if f.Expected != "" {
		asked += ", expected " + f.Expected
	}
	t.labelled("", asked+".")
	t.labelled(map[check.Kind]string{check.PatroniRule: "patroni", check.Policy: "policy"}[f.Kind], f.Effect)
	t.fix(label, f.Remedy)
}

// labelled prints wrapped prose, indented, with a label in the margin of its first line.
func (t *text) labelled(label, prose string) {
	if prose == "" {
		return
	}
	t.labelledLines(label, Wrap(strings.Repeat(" ", indent)+clean(prose), indent))
}

// fix prints a remedy in the same way, with its commands whole.
func (t *text) fix(label, remedy string) {
	if remedy == "" {
		return
	}
	if t.names != nil {
		remedy = t.names.Replace(remedy)
	}
	t.labelledLines(label, Fix(strings.Repeat(" ", indent)+remedy, indent))
}

func (t *text) labelledLines(label string, lines []string) {
	for i, l := range lines {
		if i == 0 {
			l = fmt.Sprintf("%*s %s", indent-1, label, l[indent:])
		}
		t.line(l)
	}
}

func (t *text) members(r preflight.Report) {
	if len(r.Members) == 0 {
		return
	}
	t.line("")
	for _, l := range table(memberRows(r)) {
		t.line(l)
	}
}

// memberRows is the topology, its heading first.
func memberRows(r preflight.Report) [][]string {
	rows := [][]string{{"MEMBER", "ROLE", "DCS", "REST", "SQL", "LAG live/DCS"}}
	for _, m := range r.Members {
		lag := ""
		if m.Role != "leader" {
			lag = size(m.LiveLag) + " / " + size(m.DCSLag)
		}
		rows = append(rows, []string{m.Name, m.Role, m.DCS, m.REST, m.SQL, lag})
	}
	return rows
}

func size(n *int64) string {
	if n == nil {
		return "?"
	}
	return strings.NewReplacer(" bytes", " B").Replace(fact.Size(*n))
}

func (t *text) candidates(r preflight.Report) {
	if len(r.Candidates) == 0 {
		return
	}
	t.line("")
	for _, c := range r.Candidates {
		for _, l := range Wrap(clean(candidateLine(r, c)), 2) {
			t.line(l)
		}
	}
}

// candidateLine is the verdict on one candidate, with the checks that decide it.
func candidateLine(r preflight.Report, c preflight.CandidateReport) string {
	line := fmt.Sprintf("candidate %s: %s", c.Name, c.Verdict)
	switch {
	case len(c.Blockers) > 0:
		line += ", blocked by " + strings.Join(slices.Compact(slices.Clone(c.Blockers)), ", ")
	case len(c.Unknown) > 0:
		line += ", undecided: " + strings.Join(slices.Compact(slices.Clone(c.Unknown)), ", ")
	case byWarnings(c.Verdict, c.Summary):
		line += ", because of --fail-on warning"
	case c.Verdict == preflight.UnknownState:
		line += ", because checks were skipped"
	case c.Name == r.Best && len(r.Candidates) > 1:
		line += ", the best one"
	}
	return line
}
