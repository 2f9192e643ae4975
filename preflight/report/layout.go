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

// Wrap breaks a line at spaces so that it fits into 80 columns; what follows the
// first line is indented. A word longer than a line stands alone: a URL or a
// command is more use whole.
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

// longest is how much of one text is shown, in bytes. No text of ours comes near.
const longest = 8000

// clean keeps what could steer a terminal out of a text that others wrote:
// control characters, changes of writing direction, characters without a shape.
// It cuts what is too long for a report.
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

// Line is a text that others wrote as one line of at most so many columns, for a
// terminal.
func Line(s string, columns int) string {
	r := []rune(clean(s))
	return string(r[:min(len(r), columns)])
}

// table aligns columns. Where the whole is too wide, the widest ones are cut, but
// never the last one: figures.
func table(rows [][]string) []string {
	const gap, least = 2, 8
	widths := make([]int, len(rows[0]))
	total := gap * (len(widths) - 1)
	for i := range widths {
		for _, row := range rows {
			row[i] = clean(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
		total += widths[i]
	}
	for ; total > width; total-- {
		widest := 0
		for i := range widths[:len(widths)-1] {
			if widths[i] > widths[widest] {
				widest = i
			}
		}
		widths[widest] = max(least, widths[widest]-1)
	}
	lines := make([]string, 0, len(rows))
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			cell = shorten(cell, widths[i])
			b.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+gap))
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return lines
}

// shorten cuts out the middle: names of one cluster differ at their ends, and
// so do timelines.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := n / 3
	return string(r[:head]) + "~" + string(r[len(r)-(n-head-1):])
}
