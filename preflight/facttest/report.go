package facttest

import (
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// Judge judges a recording.
func Judge(r *fact.Recording) preflight.Report {
	return preflight.Judge(r.Snapshot, r.Question, check.Policies{})
}

// BaselineOf is the baseline of a recording.
func BaselineOf(r *fact.Recording) verify.Baseline { return verify.BaselineOf(r.Snapshot, r.Question) }

// ResultOf finds the one result of a check for a subject.
func ResultOf(t testing.TB, r preflight.Report, check, subject string) preflight.WeighedResult {
	t.Helper()
	for _, res := range r.Results {
		if res.Check == check && res.Subject == subject {
			return res
		}
	}
	t.Fatalf("no result of %s for %q", check, subject)
	return preflight.WeighedResult{}
}

// Fails lists the checks that block or are unknown, for messages.
func Fails(r preflight.Report) string {
	var out []string
	for _, res := range r.Results {
		if res.Weight == preflight.Blocks || res.Weight == preflight.Unseen {
			line := string(res.Weight) + " " + res.Check + " " + res.Subject
			for _, f := range res.Findings {
				line += ": " + f.Sentence()
			}
			for _, m := range res.Missing {
				line += ": " + m.Fact + ": " + m.Reason
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}
