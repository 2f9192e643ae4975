package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"patroni-preflight/preflight"
)

// WriteGroups writes the reports of all groups of a Citus cluster as one, in the
// format of that name.
func WriteGroups(w io.Writer, format string, g preflight.GroupsReport, o Options) error {
	switch format {
	case "brief":
		_, err := fmt.Fprintf(w, "%s  %s\n", g.Verdict, aboutGroups(g))
		return err
	case "json":
		return encode(w, g)
	case "junit":
		return junitGroups(w, g)
	case "nagios":
		return nagiosGroups(w, g)
	}
	var b bytes.Buffer
	if format == "markdown" {
		fmt.Fprintf(&b, "# %s: %s\n", g.Verdict, literal(aboutGroups(g)))
	} else {
		t := &text{Options: o}
		t.titled(string(g.Verdict), aboutGroups(g))
		b.WriteString(t.b.String())
	}
	for _, r := range g.Groups {
		b.WriteString("\n")
		if err := Write(&b, format, r, o); err != nil {
			return err
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// aboutGroups is a line with the verdict of each group.
func aboutGroups(g preflight.GroupsReport) string {
	var each []string
	for _, r := range g.Groups {
		line := fmt.Sprintf("group %s %s", r.Request.Group, r.Verdict)
		if why := deciding(r); len(why) > 0 {
			line += " by " + strings.Join(why, ", ")
		}
		each = append(each, line)
	}
	text := fmt.Sprintf("switchover of %s, a Citus cluster: %s", g.Request.Scope, strings.Join(each, "; "))
	if why := g.Unstable(); why != "" {
		text += "; " + why
	}
	return clean(text)
}

// junitGroups has a suite for each group. Before them is a suite for all groups if a
// GO did not last, so that the whole is green exactly for GO.
func junitGroups(w io.Writer, g preflight.GroupsReport) error {
	doc := struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []junitSuite
	}{}
	if why := g.Unstable(); why != "" {
		whole := junitCase{
			Class: "verdict",
			Name:  aboutGroups(g),
			Error: &junitNote{Message: string(g.Verdict), Type: string(g.Verdict), Text: why},
		}
		doc.Suites = append(
			doc.Suites,
			junitSuite{
				Name:      "patroni-preflight: all groups",
				Timestamp: timestamp(g.TakenAt),
				Cases:     []junitCase{whole},
			}.counted(),
		)
	}
	for _, r := range g.Groups {
		doc.Suites = append(doc.Suites, suiteOf(r))
	}
	return writeXML(w, doc)
}

// nagiosGroups is one line; each figure has its group before its name.
func nagiosGroups(w io.Writer, g preflight.GroupsReport) error {
	var all []string
	for _, r := range g.Groups {
		all = append(all, figures(r, "group"+r.Request.Group+"_")...)
	}
	return nagiosLine(w, "SWITCHOVER", g.Verdict, aboutGroups(g), all)
}
