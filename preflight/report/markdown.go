package report

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
)

// Markdown writes the report for a change ticket: the content of the text, as
// headings, lists and tables.
func Markdown(w io.Writer, r preflight.Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s: %s\n\n", r.Verdict, literal(question(r)))
	fmt.Fprintf(
		&b,
		"%s. As seen at %s, by patroni-preflight %s.\n",
		counts(r.Summary),
		r.TakenAt.UTC().Format("2006-01-02 15:04:05 MST"),
		literal(r.Tool),
	)
	if byWarnings(r.Verdict, r.Summary) {
		b.WriteString("\nNo blockers; NO-GO because of --fail-on warning.\n")
	}
	if why := r.Unstable(); why != "" {
		b.WriteString("\n" + why + ".\n")
	}
	all := gaps(r)
	for _, section := range []struct {
		title  string
		weight preflight.Weight
	}{{"Blockers", preflight.Blocks}, {"Unknown", preflight.Unseen}, {"Warnings", preflight.Warns}} {
		markdownSection(&b, r, all, section.title, section.weight)
	}
	markdownOutlook(&b, r)
	if len(r.Files) > 0 {
		b.WriteString("\n### Files\n")
		markdownTable(&b, fileRows(r))
	}
	if len(r.Members) > 0 {
		b.WriteString("\n### Members\n")
		markdownTable(&b, memberRows(r))
	}
	if len(r.Candidates) > 0 {
		b.WriteString("\n### Candidates\n\n")
		for _, c := range r.Candidates {
			b.WriteString("- " + literal(candidateLine(r, c)) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownSection(b *strings.Builder, r preflight.Report, all []*gap, title string, weight preflight.Weight) {
	var entries strings.Builder
	names := oneLine(namesOf(r)...)
	point := func(label, prose string) {
		if prose != "" {
			fmt.Fprintf(&entries, "- %s%s\n", label, literal(prose))
		}
	}
	for _, res := range r.Results {
		if res.Weight != weight || len(res.Findings) == 0 {
			continue
		}
		fmt.Fprintf(&entries, "\n**%s**\n\n", literal(place(res)))
		for _, f := range res.Findings {
			point("Asked: ", f.Asked)
			point("Answer: ", f.Observed)
			point("Expected: ", f.Expected)
			point(map[check.Kind]string{check.PatroniRule: "Patroni: ", check.Policy: "Policy: "}[f.Kind], f.Effect)
			entries.WriteString(markdownFix(names.Replace(f.Remedy)))
		}
		point("Ignored: ", res.Ignored)
	}
	for _, g := range all {
		if g.weight == weight {
			fmt.Fprintf(&entries, "\n**%s**\n\n", literal(g.head()))
			point("Undecided checks: ", strings.Join(g.checks(), ", "))
		}
	}
	if entries.Len() > 0 {
		fmt.Fprintf(b, "\n### %s\n%s", title, entries.String())
	}
}

// markdownFix is a remedy as an item of a list, with its commands in blocks of code.
func markdownFix(remedy string) string {
	var b strings.Builder
	for i, s := range steps(remedy) {
		switch {
		case s.command && i == 0:
			fmt.Fprintf(&b, "- Fix:\n\n  ```\n  %s\n  ```\n", code(s.text))
		case s.command:
			fmt.Fprintf(&b, "\n  ```\n  %s\n  ```\n", code(s.text))
		case i == 0:
			b.WriteString("- Fix: " + literal(s.text) + "\n")
		default:
			b.WriteString("\n  " + literal(s.text) + "\n")
		}
	}
	return b.String()
}

// code is a text within a block of code, which a backtick must not end.
func code(s string) string { return strings.ReplaceAll(clean(s), "`", "?") }

// markdownTable writes rows, the heading first.
func markdownTable(b *strings.Builder, rows [][]string) {
	for i, row := range rows {
		for j := range row {
			row[j] = literal(row[j])
		}
		fmt.Fprintf(b, "\n| %s |", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("\n|" + strings.Repeat("---|", len(row)))
		}
	}
	b.WriteString("\n")
}

// markdownOutlook is the prediction and the forecast.
func markdownOutlook(b *strings.Builder, r preflight.Report) {
	p, f := r.Prediction, r.Forecast
	if p == nil && f == nil {
		return
	}
	b.WriteString("\n### Outlook\n\n")
	if p != nil {
		b.WriteString("- Patroni " + literal(fate(r, *p)) + "\n")
		if p.Printed != "" {
			b.WriteString("- patronictl would print: " + literal(p.Printed) + "\n")
		}
	}
	if note := untried(r); note != "" {
		b.WriteString("- " + literal(note) + "\n")
	}
	if f != nil {
		b.WriteString("- Forecast: " + literal(outlook(*f)) + ".\n")
		if notable(*f) && f.Advice != "" {
			b.WriteString(markdownFix(oneLine(namesOf(r)...).Replace(f.Advice)))
		}
	}
}

// literal escapes everything in a text that Markdown would read as markup. An
// underscore within a word is not markup, and stays readable.
func literal(s string) string {
	s = clean(s)
	word := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	runes := []rune(s)
	var b strings.Builder
	for i, r := range runes {
		within := i > 0 && i+1 < len(runes) && word(runes[i-1]) && word(runes[i+1])
		if strings.ContainsRune("\\`*[]<>|~&$#", r) || r == '_' && !within {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
