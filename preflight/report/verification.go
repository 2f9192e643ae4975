package report

import (
	"fmt"
	"io"
	"strings"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/verify"
)

// OutcomeFormats are the formats of the outcome of a switchover, the default first.
var OutcomeFormats = []string{"text", "brief", "json"}

// WriteVerification writes the outcome of a switchover.
func WriteVerification(w io.Writer, format string, v verify.Verification, o Options) error {
	switch format {
	case "text":
		names := []string{v.Baseline.Scope, v.Baseline.Leader, v.Baseline.Candidate, v.Leader}
		t := &text{Options: o, names: oneLine(append(names, v.Baseline.Followers...)...)}
		t.verification(v)
		_, err := io.WriteString(w, t.b.String())
		return err
	case "brief":
		_, err := fmt.Fprintln(w, ended(v))
		return err
	case "json":
		return encode(w, v)
	}
	return fmt.Errorf("no such format: %s", format)
}

// ended is the outcome in one line.
func ended(v verify.Verification) string {
	line := fmt.Sprintf("%s  %s", v.Outcome, wanted(v.Baseline))
	if v.Reason != "" {
		line += ": " + v.Reason
	}
	return clean(line)
}

// wanted is the switchover that was requested.
func wanted(b verify.Baseline) string {
	to := b.Candidate
	if to == "" {
		to = "whichever member Patroni chooses"
	}
	return fmt.Sprintf("switchover of %s from %s to %s", b.Scope, b.Leader, to)
}

// whatNow is what the operator does next.
var whatNow = map[verify.Ending]string{
	verify.Scheduled: "Check again shortly before it is due. Afterwards run verify --since with the file that was " +
		"recorded before.",
	verify.Different: "The switchover finished, but not as requested. Do not retry until the problems listed here are " +
		"fixed; then check again.",
	verify.EndUnknown: "The switchover may still be under way: do not repeat it. Run verify --since again with the file " +
		"that was recorded before.",
	verify.Refused: "The cluster is unchanged. Find the reason in the leader's Patroni log (\"manual failover\", " +
		"\"switchover\"), fix it, and check again.",
}

func (t *text) verification(v verify.Verification) {
	t.titled(string(v.Outcome), wanted(v.Baseline))
	t.labelled("", v.Reason)
	passed := 0
	for _, r := range v.Results {
		if r.Status == check.Pass {
			passed++
		}
	}
	if len(v.Results) > 0 {
		t.line(fmt.Sprintf("%d of %d checks passed, as seen at %s", passed, len(v.Results),
			v.TakenAt.UTC().Format("2006-01-02 15:04:05 MST")))
	}
	for _, r := range v.Results {
		if r.Status == check.Pass {
			continue
		}
		t.line("")
		t.titled(map[check.Status]string{check.Fail: "FAILED", check.Undecided: "UNKNOWN"}[r.Status],
			strings.TrimSpace(r.Check+"  "+r.Subject))
		for _, f := range r.Findings {
			f.Effect += "."
			if r.Status == check.Undecided {
				f.Effect = "" // it repeats the answer
			}
			t.finding(f, "look")
		}
	}
	if passed > 0 {
		t.line("")
	}
	for _, r := range v.Results {
		if r.Status == check.Pass {
			t.labelled("ok", r.Findings[0].Effect)
		}
	}
	if now := whatNow[v.Outcome]; now != "" {
		t.line("")
		t.labelled("now", now)
	}
}
