package report

import (
	"fmt"
	"io"

	"patroni-preflight/preflight"
)

// Formats are the names of the formats, the default first.
var Formats = []string{"text", "brief", "json", "markdown", "junit", "nagios"}

// Write writes the report in the format of that name.
func Write(w io.Writer, format string, r preflight.Report, o Options) error {
	switch format {
	case "text":
		return Text(w, r, o)
	case "brief":
		return Brief(w, r)
	case "json":
		return JSON(w, r)
	case "markdown":
		return Markdown(w, r)
	case "junit":
		return JUnit(w, r)
	case "nagios":
		return Nagios(w, r)
	}
	return fmt.Errorf("no such format: %s", format)
}
