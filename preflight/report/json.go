package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"patroni-preflight/preflight"
)

// JSON writes the report as one document. Fields are only ever added within a
// schema version; docs/report.schema.json describes them.
func JSON(w io.Writer, r preflight.Report) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// Brief writes the report in one line: the verdict, the question, and the checks
// that decided it.
func Brief(w io.Writer, r preflight.Report) error {
	var why []string
	for _, res := range r.Results {
		if res.Weight == preflight.Blocks || res.Weight == preflight.Unseen {
			id := res.Check
			if res.Subject != "" {
				id += "(" + clean(res.Subject) + ")"
			}
			why = append(why, id)
		}
	}
	line := string(r.Verdict) + "  " + question(r)
	if len(why) > 0 {
		line += ": " + strings.Join(why, ", ")
	}
	_, err := fmt.Fprintln(w, line)
	return err
}
