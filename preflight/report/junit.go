package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"patroni-preflight/preflight"
)

type junitSuite struct {
	XMLName   xml.Name    `xml:"testsuite"`
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Time      float64     `xml:"time,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Time    float64    `xml:"time,attr"` // seconds; judging takes none, and some readers want a number
	Failure *junitNote `xml:"failure"`
	Error   *junitNote `xml:"error"`
	Skipped *junitNote `xml:"skipped"`
	Output  string     `xml:"system-out,omitempty"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// JUnit writes the report as a test suite: the verdict is the first case, then each
// check of each member. A blocker is a failure, an undecided essential check an error,
// a warning a pass with output. The suite is green exactly for GO.
func JUnit(w io.Writer, r preflight.Report) error {
	return writeXML(w, suiteOf(r))
}

func suiteOf(r preflight.Report) junitSuite {
	suite := junitSuite{
		Name:      "patroni-preflight: " + question(r),
		Timestamp: timestamp(r.TakenAt),
		Cases:     []junitCase{verdictCase(r)},
	}
	for _, res := range r.Results {
		suite.Cases = append(suite.Cases, resultCase(r, res))
	}
	return suite.counted()
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// counted fills in the counts.
func (s junitSuite) counted() junitSuite {
	for _, c := range s.Cases {
		s.Tests++
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
	}
	return s
}

func writeXML(w io.Writer, v any) error {
	doc, err := xml.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	// encoding/xml writes a line break as a reference.
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, strings.ReplaceAll(string(doc), "&#xA;", "\n"))
	return err
}

// verdictCase is the verdict as a case: skipped checks alone may keep it from GO.
func verdictCase(r preflight.Report) junitCase {
	c := junitCase{Class: "verdict", Name: question(r), Output: counts(r.Summary)}
	note := &junitNote{Message: string(r.Verdict), Type: string(r.Verdict), Text: strings.Join(deciding(r), ", ")}
	switch r.Verdict {
	case preflight.Go:
	case preflight.NoGo:
		c.Failure = note
	default:
		c.Error = note
	}
	return c
}

func resultCase(r preflight.Report, res preflight.WeighedResult) junitCase {
	c := junitCase{Class: res.Check, Name: res.Check}
	if k, ok := preflight.CheckByID(res.Check); ok {
		c.Name = k.Title
	}
	if res.Subject != "" {
		c.Name = clean(res.Subject) + ": " + c.Name
	}
	text := sentences(res)
	note := &junitNote{Type: string(res.Weight), Text: strings.Join(text, "\n")}
	if len(text) > 0 {
		note.Message = text[0]
	}
	switch {
	case res.Weight == preflight.Unseen:
		c.Error = note
	case decides(r, res):
		c.Failure = note
	case res.Weight == preflight.NotTried, res.Weight == preflight.Aside:
		c.Skipped = &junitNote{Message: strings.Join(text, "; ")}
	case res.Weight == preflight.Warns:
		c.Output = note.Text
	}
	return c
}

// sentences are the findings and the gaps of a result.
func sentences(res preflight.WeighedResult) []string {
	var out []string
	for _, f := range res.Findings {
		out = append(out, clean(f.Sentence()))
	}
	for _, m := range res.Missing {
		out = append(out, clean(m.Fact+": "+m.Reason))
	}
	if res.SkippedBecause != "" {
		out = append(out, clean(res.SkippedBecause+" did not pass"))
	}
	if res.Ignored != "" {
		out = append(out, "ignored: "+clean(res.Ignored))
	}
	return out
}
