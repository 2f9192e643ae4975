package report

import (
	"fmt"
	"io"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/verify"
)

// OutcomeFormats are the formats in which the outcome of a switchover is written,
// the default first.
var OutcomeFormats = []string{"text", "brief", "json"}

// WriteVerification writes what became of a switchover.
func WriteVerification(w io.Writer, format string, v verify.Verification, o Options) error {
	switch format {
	case "text":
		t := &text{Options: o}
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

// wanted says which switchover it was to be.
func wanted(b verify.Baseline) string {
	to := b.Candidate
	if to == "" {
		to = "whichever member Patroni chooses"
	}
	return fmt.Sprintf("switchover of %s from %s to %s", b.Scope, b.Leader, to)
}

// whatNow is what each outcome means for whoever is on call.
var whatNow = map[verify.Ending]string{
	verify.Scheduled:  "Check again shortly before it is due, and look afterwards with verify --since and what was recorded before.",
	verify.Different:  "The switchover is over, and not as it was asked for. Do not repeat it before what is listed here is mended; then check again.",
	verify.EndUnknown: "It may still be under way: do not repeat it. Look again with verify --since and what was recorded before.",
	verify.Refused:    "Nothing was changed. Find the reason in the leader's Patroni log (\"manual failover\", \"switchover\"), mend it, and check again.",
}

func (t *text) verification(v verify.Verification) {
	t.titled(string(v.Outcome), wanted(v.Baseline))
	t.labelled("", v.Reason)
	hold := 0
	for _, p := range v.Points {
		if p.Status == check.Pass {
			hold++
		}
	}
	if len(v.Points) > 0 {
		t.line(fmt.Sprintf("%d of %d points hold, as seen at %s", hold, len(v.Points), v.TakenAt.UTC().Format("2006-01-02 15:04:05 MST")))
	}
	for _, p := range v.Points {
		if p.Status == check.Pass {
			continue
		}
		t.line("")
		t.titled(map[check.Status]string{check.Fail: "FAILED", check.Undecided: "UNKNOWN"}[p.Status], p.ID+"  "+p.Subject)
		asked := p.Asked + ": " + p.Observed
		if p.Expected != "" {
			asked += ", expected " + p.Expected
		}
		t.labelled("", asked+".")
		t.labelled("look", p.Look)
	}
	if hold > 0 {
		t.line("")
	}
	for _, p := range v.Points {
		if p.Status == check.Pass {
			holds := p.Title + ": " + p.Observed
			if p.Subject != "" {
				holds = p.Subject + ": " + holds
			}
			t.labelled("holds", holds)
		}
	}
	if now := whatNow[v.Outcome]; now != "" {
		t.line("")
		t.labelled("now", now)
	}
}
