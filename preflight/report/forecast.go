package report

import (
	"fmt"
	"math"
	"strings"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/forecast"
)

// longInterruption is from when on, in seconds, the parts of an interruption are
// shown without being asked for.
const longInterruption = 15

// forecast says how long the switchover would take, where Patroni would do it.
func (t *text) forecast(r preflight.Report) {
	f := r.Forecast
	if f == nil {
		return
	}
	t.line("")
	t.titled("FORECAST", outlook(*f))
	notable := notable(*f)
	for i, p := range f.Parts {
		if t.Verbose || notable && i == 0 {
			t.labelled("", fmt.Sprintf("%s: %s; %s.", p.Name, p.Seconds, p.Why))
		}
	}
	if notable {
		t.labelled("fix", f.Advice)
	}
	if t.Verbose && len(f.Unseen) > 0 {
		t.labelled("", "Not seen, so the range is wide: "+strings.Join(f.Unseen, ", ")+".")
	}
}

// outlook is the forecast in one line.
func outlook(f forecast.Forecast) string {
	return fmt.Sprintf("%s without a %s%s", f.Interruption, f.Missed(), answers(f))
}

// notable reports whether the forecast is such that its longest part matters.
func notable(f forecast.Forecast) bool {
	return f.StatusUnknown != "no" || f.Interruption.Most == nil || *f.Interruption.Most > longInterruption
}

// answers says what patronictl will print, where that is not the usual.
func answers(f forecast.Forecast) string {
	limit := fmt.Sprintf("after %.0f s", math.Ceil(f.AnswerLimit))
	switch f.StatusUnknown {
	case "expected":
		return "; patronictl gives up " + limit + `: "status unknown"`
	case "possible":
		return "; patronictl may give up " + limit + `: "status unknown"`
	}
	return ""
}
