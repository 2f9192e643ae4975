// Package prose has the rules for text in this repository that a program can hold:
// a list of words to avoid, and the length of lines of Go.
//
// The words are those of another language in English words. PostgreSQL's and
// Patroni's documentation name the component that acts and use plain verbs.
package prose

import (
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Columns is the most that a line of Go may have; a tab counts as one.
const Columns = 120

// words is the list. The boundaries let "recommend" and "for every" pass.
var words = regexp.MustCompile(
	`(?i)anew|\bmend|for ever\b|whoever|at the most|as of every|\bis no [a-z]|that is none|` +
		`stands (in|where|behind|beside)|what became|is there to be|comes to|nobody|somebody|for want of|` +
		`out of its time|all the same`,
)

// An Exception is a phrase in which a word of the list is right, and why.
type Exception struct {
	// Place is the beginning of the places' names; "" is everywhere.
	Place, Phrase, Reason string
}

// Exceptions are all of them. One that is not needed any more has to go.
var Exceptions = []Exception{
	{
		Phrase: "the leader's api_url is a VIP that nobody named",
		Reason: "the name of a scenario, by which docs/accuracy.md and recorded snapshots refer to it",
	},
	{
		Phrase: "logical slot that nobody declared",
		Reason: "the name of a scenario, by which docs/accuracy.md and recorded snapshots refer to it",
	},
	{
		Phrase: "synchronous mode, nobody may be synchronous",
		Reason: "the name of a scenario, by which docs/accuracy.md and recorded snapshots refer to it",
	},
}

// A Use is a word of the list in a text.
type Use struct {
	Line int
	Word string
	// Near is the text around it.
	Near string
}

// Uses finds the words of the list in the text of a place, but for the exceptions.
// It counts in used how often it applied each exception.
func Uses(place, text string, exceptions []Exception, used map[Exception]int) []Use {
	flat, lines := flatten(text)
	excepted := make([]bool, len(flat))
	for _, e := range exceptions {
		if !strings.HasPrefix(place, e.Place) {
			continue
		}
		for from := 0; ; {
			i := strings.Index(flat[from:], e.Phrase)
			if i < 0 {
				break
			}
			used[e]++
			for k := range len(e.Phrase) {
				excepted[from+i+k] = true
			}
			from += i + len(e.Phrase)
		}
	}
	var out []Use
	for _, m := range words.FindAllStringIndex(flat, -1) {
		if !excepted[m[0]] {
			out = append(out, Use{lines[m[0]], flat[m[0]:m[1]], flat[max(0, m[0]-40):min(len(flat), m[1]+40)]})
		}
	}
	return out
}

// indent is what a wrapped line may begin with: spaces, and the marks of comments,
// quotations and lists.
const indent = " \t>#*/-"

// flatten writes each paragraph as one line, so that a phrase is found where a line
// break divides it. The line of each byte in the text is in lines, from 1.
func flatten(text string) (flat string, lines []int) {
	var b strings.Builder
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		rest := strings.TrimLeft(line, indent)
		if rest == "" {
			line = "\n"
		} else {
			line = " " + rest
		}
		b.WriteString(line)
		for range len(line) {
			lines = append(lines, i+1)
		}
	}
	return b.String(), lines
}

// LongLines are the numbers of the lines of Go that are too long. Longer may be a line
// with a URL, the rows between //table:begin and //table:end, and a line of a string of
// several lines, whose breaks are data.
func LongLines(source string) []int {
	text := multiline(source)
	var out []int
	table := false
	for i, line := range strings.Split(source, "\n") {
		switch strings.TrimSpace(line) {
		case "//table:begin":
			table = true
		case "//table:end":
			table = false
		}
		if !table && !text[i+1] && utf8.RuneCountInString(line) > Columns && !strings.Contains(line, "://") {
			out = append(out, i+1)
		}
	}
	return out
}

// multiline are the lines, from 1, of strings that have more than one.
func multiline(source string) map[int]bool {
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(source))
	var s scanner.Scanner
	s.Init(file, []byte(source), nil, 0)
	out := map[int]bool{}
	for {
		pos, kind, literal := s.Scan()
		if kind == token.EOF {
			return out
		}
		if breaks := strings.Count(literal, "\n"); kind == token.STRING && breaks > 0 {
			for n := range breaks + 1 {
				out[file.Line(pos)+n] = true
			}
		}
	}
}
