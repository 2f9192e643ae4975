package report

import (
	"fmt"

	"patroni-preflight/preflight"
)

// audited says what an audit's verdict is about.
func audited(r preflight.Report) string {
	of := r.Request.Scope
	if of == "" {
		of = "(no scope)"
	}
	files := fmt.Sprintf("%d files", len(r.Files))
	if len(r.Files) == 1 {
		files = "1 file"
	}
	if r.Live {
		files += ", and the running cluster"
	}
	return "configuration of " + of + ", " + files
}

// files prints the table of the files of an audit.
func (t *text) files(r preflight.Report) {
	if len(r.Files) == 0 {
		return
	}
	t.line("")
	for _, l := range table(fileRows(r)) {
		t.line(l)
	}
}

// fileRows is the table, its heading first.
func fileRows(r preflight.Report) [][]string {
	rows := [][]string{{"FILE", "NAME", "TAGS", "REST", "POSTGRESQL"}}
	for _, f := range r.Files {
		rows = append(rows, []string{f.Path, f.Name, f.Tags, f.REST, f.SQL})
	}
	return rows
}
