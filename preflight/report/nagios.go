package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"patroni-preflight/preflight"
)

// Nagios writes one line as monitoring plugins do: a state, a text, a bar, and figures
// (label=value with its unit; U where unknown). The exit code is the tool's own: for
// a verdict it is 0, 2 or 3, as plugins have it.
func Nagios(w io.Writer, r preflight.Report) error {
	service := "SWITCHOVER"
	if len(r.Files) > 0 {
		service = "AUDIT"
	}
	line := question(r) + "; " + counts(r.Summary)
	if why := deciding(r); len(why) > 0 {
		line += "; by " + strings.Join(why, ", ")
	}
	return nagiosLine(w, service, r.Verdict, line, figures(r, ""))
}

func nagiosLine(w io.Writer, service string, v preflight.Verdict, text string, figures []string) error {
	state := map[preflight.Verdict]string{preflight.Go: "OK", preflight.NoGo: "CRITICAL"}[v]
	if state == "" {
		state = "UNKNOWN"
	}
	line := fmt.Sprintf("%s %s - %s  %s", service, state, v, text)
	_, err := fmt.Fprintf(w, "%s | %s\n", strings.ReplaceAll(line, "|", "/"), strings.Join(figures, " "))
	return err
}

// figures are the counts, the expected interruption in seconds, and each
// replica's lags in bytes. The prefix of their names is a group's.
func figures(r preflight.Report, prefix string) []string {
	count := func(label string, n int) string { return fmt.Sprintf("%s%s=%d;;;0", prefix, label, n) }
	out := []string{
		count("blockers", r.Summary.Blockers), count("warnings", r.Summary.Warnings),
		count("unknown", r.Summary.Unknown), count("passed", r.Summary.Passed), count("skipped", r.Summary.Skipped),
	}
	if f := r.Forecast; f != nil {
		out = append(
			out,
			figure(prefix+"interruption_least", &f.Interruption.Least, "s"),
			figure(prefix+"interruption_most", f.Interruption.Most, "s"),
		)
	}
	for _, m := range r.Members {
		if m.Role != "leader" {
			out = append(
				out,
				figure(prefix+"lag_"+m.Name, m.LiveLag, "B"),
				figure(prefix+"replay_lag_"+m.Name, m.ReplayLag, "B"),
			)
		}
	}
	return out
}

func figure[N int64 | float64](label string, n *N, unit string) string {
	value := "U"
	if n != nil {
		value = strconv.FormatFloat(float64(*n), 'f', -1, 64) + unit
	}
	// A label with a space is quoted. It must not contain quotes, equals signs, or the
	// bar that separates the text from the figures.
	label = strings.NewReplacer("'", "?", "=", "?", "|", "?").Replace(clean(label))
	if strings.Contains(label, " ") {
		label = "'" + label + "'"
	}
	return label + "=" + value + ";;;0"
}
