//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// prediction is what the tool says that Patroni will make of the request.
type prediction struct {
	Stage   string
	Printed string `json:"patronictl_prints"`
	Winners []string
}

// predicted reports whether patronictl said what was predicted, and whether anything was.
func (o outcome) predicted() (holds, any bool) {
	p := o.prediction
	switch {
	case p == nil || p.Stage == "unknown":
		return false, false
	case p.Stage == "silent":
		return strings.HasPrefix(o.printed, "nothing within"), true
	case p.Stage == "accepted" && o.forecast != nil && o.forecast.StatusUnknown != "no" &&
		strings.Contains(o.printed, "status unknown"):
		return true, true
	case p.Stage == "accepted" && len(p.Winners) > 1:
		return slices.ContainsFunc(p.Winners, func(w string) bool {
			return strings.HasPrefix(o.printed, fmt.Sprintf("Successfully switched over to %q", w))
		}), true
	}
	return strings.HasPrefix(o.printed, p.Printed), true
}

// predictions is the section on what patronictl was predicted to print.
func predictions(t *testing.T, all []outcome) string {
	var rows strings.Builder
	total, held := 0, 0
	for _, o := range all {
		holds, any := o.predicted()
		if !any {
			continue
		}
		total++
		if holds {
			held++
			continue
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s |\n", o.name, o.suite,
			strings.ReplaceAll(o.prediction.Printed, "|", `\|`), strings.ReplaceAll(o.printed, "|", `\|`))
	}
	if total == 0 {
		return ""
	}
	if float64(held) < 0.95*float64(total) {
		t.Errorf("patronictl printed what was predicted in %d of %d cases only", held, total)
	}
	text := fmt.Sprintf(`
## What patronictl printed

Predicted before the switchover by the rules in [prediction.md](prediction.md), if all facts for it were
known: %d of %d as predicted.
`, held, total)
	if held < total {
		text += "\n| scenario | suite | predicted | printed |\n|---|---|---|---|\n" + rows.String()
	}
	return text
}
