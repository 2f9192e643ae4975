package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"

	"patroni-preflight/preflight"
)

// JSON writes the report as one document. Fields are only ever added within a
// schema version; docs/report.schema.json describes them.
func JSON(w io.Writer, r preflight.Report) error { return encode(w, r) }

// encode writes one JSON document.
func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	_, err := io.WriteString(w, escape(b.String()))
	return err
}

// escape escapes every character that could steer a terminal. The encoder leaves
// 8-bit control characters and changes of writing direction as they are. They occur
// only in strings.
func escape(doc string) string {
	var b strings.Builder
	for _, r := range doc {
		if unicode.IsPrint(r) || r == '\n' {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// Brief writes the report in one line: the verdict, the question, and the checks
// that decided it.
func Brief(w io.Writer, r preflight.Report) error {
	line := string(r.Verdict) + "  " + question(r)
	if why := deciding(r); len(why) > 0 {
		line += ": " + strings.Join(why, ", ")
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// deciding lists the checks that made the verdict other than GO, as check(member).
func deciding(r preflight.Report) []string {
	var why []string
	for _, res := range r.Results {
		if decides(r, res) {
			why = append(why, place(res))
		}
	}
	if s := r.Unstable(); s != "" {
		why = append(why, s)
	}
	return why
}

// decides reports whether a result made the verdict other than GO.
func decides(r preflight.Report, res preflight.WeighedResult) bool {
	return res.Weight == preflight.Blocks || res.Weight == preflight.Unseen ||
		byWarnings(r.Verdict, r.Summary) && res.Weight == preflight.Warns
}

// place names a result: check(member).
func place(res preflight.WeighedResult) string {
	if res.Subject == "" {
		return res.Check
	}
	return res.Check + "(" + clean(res.Subject) + ")"
}
