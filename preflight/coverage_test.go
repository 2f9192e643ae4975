package preflight

import (
	"slices"
	"strings"
	"testing"
)

// TestEveryFailureIsCovered: each row leads to checks that there are, or says
// why it can not be seen.
func TestEveryFailureIsCovered(t *testing.T) {
	const rows = 95
	if len(Failures) < rows {
		t.Errorf("%d rows, want %d", len(Failures), rows)
	}
	stages := []string{}
	for _, st := range Stages {
		stages = append(stages, st.ID)
	}
	last := ""
	for i, f := range Failures {
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
			if _, ok := CheckByID(id); !ok {
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
	for _, c := range Checks {
		covers := slices.ContainsFunc(Failures, func(f Failure) bool { return slices.Contains(f.Checks, c.ID) })
		if covers == slices.Contains(grounds, c.ID) {
			t.Errorf("%s: covers a row: %t, listed as a ground: %t", c.ID, covers, !covers)
		}
	}
	for _, f := range Failures {
		if strings.HasSuffix(f.What, ".") {
			t.Errorf("row %d: %q is a sentence", f.Number, f.What)
		}
	}
}
