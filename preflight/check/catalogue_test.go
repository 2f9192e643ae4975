package check_test

import (
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
)

// TestEveryFailureIsCovered: each row leads to checks that there are, or says
// why it can not be seen.
func TestEveryFailureIsCovered(t *testing.T) {
	const rows = 95
	if len(check.Failures) < rows {
		t.Errorf("%d rows, want %d", len(check.Failures), rows)
	}
	stages := []string{}
	for _, st := range check.Stages {
		stages = append(stages, st.ID)
	}
	last := ""
	for i, f := range check.Failures {
		switch {
		case f.Number != i+1:
			t.Errorf("row %d stands at place %d", f.Number, i+1)
		case !slices.Contains(stages, f.Stage) || f.Stage < last:
			t.Errorf("row %d: stage %q", f.Number, f.Stage)
		case f.What == "" || len(f.Checks) == 0 && f.NotVisible == "":
			t.Errorf("row %d is not covered", f.Number)
		}
		last = f.Stage
		for _, id := range f.Checks {
			if _, ok := preflight.CheckByID(id); !ok {
				t.Errorf("row %d: there is no check %s", f.Number, id)
			}
		}
	}
}

// TestEveryCheckCoversAFailure: a check that no row of the catalogue needs is
// one more thing to read for nothing, or a row is missing.
func TestEveryCheckCoversAFailure(t *testing.T) {
	// Grounds on which others build, and proofs that carry others.
	grounds := []string{"identity.rest_scope"}
	for _, c := range check.Checks {
		covers := slices.ContainsFunc(check.Failures, func(f check.Failure) bool { return slices.Contains(f.Checks, c.ID) })
		if covers == slices.Contains(grounds, c.ID) {
			t.Errorf("%s: covers a row: %t, listed as a ground: %t", c.ID, covers, !covers)
		}
	}
	for _, f := range check.Failures {
		if strings.HasSuffix(f.What, ".") {
			t.Errorf("row %d: %q is a sentence", f.Number, f.What)
		}
	}
}
