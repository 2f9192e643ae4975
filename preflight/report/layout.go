package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	width = 80
	// indent is where prose begins, right of the labels.
	indent = 9
)

// Wrap breaks a line at spaces so that it fits into 80 columns, and indents all lines
// but the first. A longer word gets a line of its own: a URL is more use whole.
func Wrap(s string, indent int) []string {
	var lines []string
	line := ""
	for _, word := range strings.SplitAfter(s, " ") {
		bare := strings.TrimRight(word, " ")
		if strings.TrimSpace(line) != "" && utf8.RuneCountInString(line)+utf8.RuneCountInString(bare) > width {
			lines = append(lines, strings.TrimRight(line, " "))
			line = strings.Repeat(" ", indent)
		}
		line += word
	}
	if line = strings.TrimRight(line, " "); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// longest is how much of one text is shown, in bytes. Our own texts are far shorter.
const longest = 8000

// clean replaces every character of a foreign text that could steer a terminal:
// control characters, changes of writing direction, characters without a shape. It
// cuts a text that is too long for a report.
func clean(s string) string {
	if len(s) > longest {
		s = s[:longest] + "..."
	}
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		case r == '\n', r == '\t':
			return ' '
		}
		return '?'
	}, s)
}

// Line is a foreign text as one line of at most so many columns, for a terminal.
func Line(s string, columns int) string {
	r := []rune(clean(s))
	return string(r[:min(len(r), columns)])
}

// table aligns columns and fits them into 80. First it cuts long cells, such as
// addresses, then it narrows the gaps, then it cuts the names in the first column, and
// only then the states. The last column holds figures and is never cut.
func table(rows [][]string) []string {
	const (
		gap   = 2
		long  = 15 // the longest state that we print: "no WAL receiver"
		least = 8
	)
	widths := make([]int, len(rows[0]))
	gaps := make([]int, len(widths))
	total := 0
	for i := range widths {
		for _, row := range rows {
			row[i] = clean(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		gaps[i] = gap
		total += widths[i] + gap
	}
	last := len(widths) - 1
	total -= gap
	total -= cut(widths[:last], long, total-width)
	for i := last - 1; i >= 0 && total > width; i-- {
		gaps[i]--
		total--
	}
	total -= cut(widths[:min(1, last)], least, total-width)
	cut(widths[:last], least, total-width)
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			cell = shorten(cell, widths[i])
			b.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+gaps[i]))
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}

// cut takes n columns away, from the widest first, and returns how many it took. No
// column gets narrower than least.
func cut(widths []int, least, n int) (taken int) {
	for ; taken < n; taken++ {
		widest := 0
		for i := range widths {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		if len(widths) == 0 || widths[widest] <= least {
			return taken
		}
		widths[widest]--
	}
	return taken
}

// shorten cuts out the middle: the names of a cluster differ at their ends, and so do
// timelines.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := n / 3
	return string(r[:head]) + "~" + string(r[len(r)-(n-head-1):])
}
