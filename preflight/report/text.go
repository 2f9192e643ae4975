// Package report renders a preflight.Report: as text for people, in one line, or
// as JSON for machines.
//
// Rules of the text: 80 columns; the verdict first; a line names what was asked,
// what answered, why that matters and what to do, in that order; passes are a
// count only; colour marks words that are there without it too.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"patroni-preflight/preflight"
)

const width = 80

// Options are the choices of the text format.
type Options struct {
	Color   bool
	Verbose bool
}

// Text writes the report for people.
func Text(w io.Writer, r preflight.Report, o Options) error {
	t := &text{Options: o}
	t.headline(r)
	t.section(r, preflight.Blocks, "BLOCKS")
	t.section(r, preflight.Unseen, "UNKNOWN")
	t.section(r, preflight.Warns, "WARNS")
	if o.Verbose {
		t.section(r, preflight.NotTried, "SKIPPED")
		t.section(r, preflight.Passed, "PASSED")
	}
	t.members(r)
	t.candidates(r)
	_, err := io.WriteString(w, t.b.String())
	return err
}

type text struct {
	Options
	b strings.Builder
}

var colors = map[string]string{
	string(preflight.Go): "32", string(preflight.NoGo): "31", string(preflight.UnknownState): "33",
	"BLOCKS": "31", "WARNS": "33",
}

func (t *text) paint(word string) string {
	if c, ok := colors[word]; ok && t.Color {
		return "\x1b[1;" + c + "m" + word + "\x1b[0m"
	}
	return word
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(&t.b, format+"\n", args...) }

func (t *text) headline(r preflight.Report) {
	t.line("%s  %s", t.paint(string(r.Verdict)), question(r))
	t.line("%s, taken at %s", counts(r.Summary), r.TakenAt.Format("2006-01-02 15:04:05 MST"))
}

// question says what the verdict is about.
func question(r preflight.Report) string {
	to := clean(r.Request.Candidate)
	if to == "" {
		to = "whichever member Patroni chooses"
	}
	from := clean(r.Leader)
	if from == "" {
		from = "(no leader)"
	}
	return fmt.Sprintf("switchover of %s from %s to %s", clean(r.Request.Scope), from, to)
}

func counts(s preflight.Summary) string {
	parts := []string{fmt.Sprintf("%d block, %d warn", s.Blockers, s.Warnings)}
	if s.Unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d unknown", s.Unknown))
	}
	parts = append(parts, fmt.Sprintf("%d passed", s.Passed))
	if s.Skipped > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", s.Skipped))
	}
	return strings.Join(parts, ", ")
}

// section prints the results of one weight.
func (t *text) section(r preflight.Report, weight preflight.Weight, title string) {
	first := true
	begin := func(head string) {
		if first {
			t.line("")
			first = false
		}
		t.line("%s  %s", t.paint(title), head)
	}
	for _, res := range r.Results {
		if res.Weight == weight && res.Status != preflight.Undecided {
			begin(id(res, "  "))
			t.result(res)
		}
	}
	for _, g := range undecided(r, weight) {
		begin(clean(g.facts[0]) + more(len(g.facts)-1))
		t.labelled("", "could not be seen: "+g.reason)
		t.labelled("leaves", strings.Join(g.checks, ", ")+" undecided.")
	}
}

func id(res preflight.WeighedResult, between string) string {
	if res.Subject == "" {
		return res.Check
	}
	return res.Check + between + clean(res.Subject)
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}

// ignorance is one reason for which facts are unknown, and what that leaves
// undecided: one dead server is one thing to mend, however many checks need it.
type ignorance struct {
	reason        string
	facts, checks []string
}

func undecided(r preflight.Report, weight preflight.Weight) []*ignorance {
	var out []*ignorance
	for _, res := range r.Results {
		if res.Weight != weight || res.Status != preflight.Undecided {
			continue
		}
		for _, m := range res.Missing {
			i := slices.IndexFunc(out, func(g *ignorance) bool { return g.reason == m.Reason })
			if i < 0 {
				out, i = append(out, &ignorance{reason: m.Reason}), len(out)
			}
			g := out[i]
			if !slices.Contains(g.facts, m.Fact) {
				g.facts = append(g.facts, m.Fact)
			}
			if name := id(res, " of "); !slices.Contains(g.checks, name) {
				g.checks = append(g.checks, name)
			}
		}
	}
	return out
}

func (t *text) result(res preflight.WeighedResult) {
	if res.Status == preflight.SkippedFor {
		t.labelled("", "skipped, because of "+res.SkippedBecause)
	}
	for _, f := range res.Findings {
		asked := f.Asked + ": " + f.Observed
		if f.Expected != "" {
			asked += ", expected " + f.Expected
		}
		t.labelled("", asked+".")
		t.labelled(map[preflight.Kind]string{preflight.PatroniRule: "patroni", preflight.Policy: "policy"}[f.Kind], f.Effect)
		t.labelled("fix", f.Remedy)
		if f.Severity == preflight.Blocker && res.Weight == preflight.Warns {
			t.labelled("", clean(f.Subject)+" is neither leader nor candidate, so this does not block.")
		}
	}
	if res.Ignored != "" {
		t.labelled("ignored", res.Ignored)
	}
}

// labelled prints wrapped prose, indented, with a label in the margin of its first line.
func (t *text) labelled(label, prose string) {
	const indent = 9
	if prose == "" {
		return
	}
	margin := fmt.Sprintf("%*s ", indent-1, label)
	for _, l := range wrap(clean(prose), width-indent) {
		t.line("%s%s", margin, l)
		margin = strings.Repeat(" ", indent)
	}
}

// wrap breaks prose at spaces. A word longer than a line stands alone: a URL or
// a command is more use whole.
func wrap(s string, n int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= n:
			line += " " + word
		default:
			lines = append(lines, line)
			line = word
		}
	}
	return append(lines, line)
}

// clean keeps control characters of hostile answers off the terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 32 || r == 127 || (r >= 0x80 && r < 0xa0) || r == utf8.RuneError || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069) {
			return '?'
		}
		return r
	}, s)
}

func (t *text) members(r preflight.Report) {
	if len(r.Members) == 0 {
		return
	}
	rows := [][]string{{"MEMBER", "ROLE", "DCS", "REST", "SQL", "LAG live/DCS"}}
	for _, m := range r.Members {
		lag := ""
		if m.Role != "leader" {
			lag = size(m.LiveLag) + " / " + size(m.DCSLag)
		}
		rows = append(rows, []string{m.Name, m.Role, m.DCS, m.REST, m.SQL, lag})
	}
	t.line("")
	t.table(rows)
}

// table aligns columns; no column is wider than 16, so that six fit into 80.
func (t *text) table(rows [][]string) {
	const most = 16
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i := range row {
			row[i] = shorten(clean(row[i]), most)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		t.line("%s", strings.TrimRight(b.String(), " "))
	}
}

func shorten(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "~"
}

func size(n *int64) string {
	if n == nil {
		return "?"
	}
	return strings.NewReplacer(" bytes", " B").Replace(preflight.Size(*n))
}

func (t *text) candidates(r preflight.Report) {
	if len(r.Candidates) == 0 {
		return
	}
	t.line("")
	for _, c := range r.Candidates {
		line := fmt.Sprintf("candidate %s: %s", clean(c.Name), c.Verdict)
		switch {
		case len(c.Blockers) > 0:
			line += ", blocked by " + strings.Join(slices.Compact(slices.Clone(c.Blockers)), ", ")
		case len(c.Unknown) > 0:
			line += ", undecided: " + strings.Join(slices.Compact(slices.Clone(c.Unknown)), ", ")
		case c.Name == r.Best && len(r.Candidates) > 1:
			line += ", the best one"
		}
		for i, l := range wrap(line, width-2) {
			if i > 0 {
				l = "  " + l
			}
			t.line("%s", l)
		}
	}
}
