// Package foreign makes text that others wrote (a server, a store, a file) fit for
// one line of a report: short, printable, and clearly marked as a quotation.
package foreign

import (
	"strconv"
	"strings"
	"unicode"
)

// MaxText is the size in bytes up to which a name, an address or a state that a
// server sent is believed. PostgreSQL cuts a name at 63 bytes.
const MaxText = 1024

// OneLine returns the text on one line without anything that moves the cursor of a
// terminal, cut after limit characters.
func OneLine(s string, limit int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if !unicode.IsPrint(r) || r == ' ' {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			n++
			space = false
		}
		if n >= limit {
			b.WriteString("...")
			break
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// Quote returns the beginning of the text in quotation marks.
func Quote(s string) string {
	const show = 60
	if len(s) > show {
		return strconv.Quote(s[:show]) + " and so on"
	}
	return strconv.Quote(s)
}
