package cli

import (
	"bytes"
	"io"
	"os"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// output is how a command prints its document.
type output struct {
	env     Environment
	format  string
	verbose bool
}

func (o output) options() report.Options {
	noColor, _ := o.env.Lookup("NO_COLOR") // an empty one says nothing: no-color.org
	return report.Options{Color: o.env.StdoutTerminal && noColor == "", Verbose: o.verbose}
}

// text reports whether a person reads along: the steps then go to stdout too.
func (o output) text() bool { return o.format == "text" }

// steps is where a command shows what happens as it happens: stdout with the text
// format, else stderr, since stdout then has one document.
func (o output) steps() io.Writer {
	if o.text() {
		return o.env.Stdout
	}
	return o.env.Stderr
}

// show prints a judgement and ends with its exit code.
func (o output) show(j judgement) error {
	if err := j.write(o.env.Stdout, o.format, o.options()); err != nil {
		return err
	}
	return ended(j.verdict().ExitCode())
}

// record saves a recording to a file that only its owner can read.
func record(s *fact.Recording, file string) error {
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		return err
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		return usage("--record: %w", err)
	}
	return nil
}

// oneLine is a report in one line, without its end.
func oneLine(write func(io.Writer) error) string {
	var b strings.Builder
	_ = write(&b) // a strings.Builder accepts everything
	return strings.TrimSpace(b.String())
}
