package report

import (
	"fmt"
	"math"
	"strings"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/forecast"
)

// longInterruption is from when on, in seconds, the longest part of an interruption
// is shown without --verbose.
const longInterruption = 15

// forecast says how long the switchover would take, unless Patroni would refuse it.
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
			t.labelled("", fmt.Sprintf("%s: %s; %s.", p.Name, p.Seconds.Text(), p.Why))
		}
	}
	if notable {
		t.fix("fix", f.Advice)
	}
	if t.Verbose && len(f.Unseen) > 0 {
		t.labelled("", "The range is wide, because these facts are unknown: "+strings.Join(f.Unseen, ", ")+".")
	}
}

// outlook is the forecast in one line.
func outlook(f forecast.Forecast) string {
	return fmt.Sprintf("%s without a %s%s", f.Interruption.Text(), f.Missed(), answers(f))
}

// notable reports whether the forecast is so long that its longest part matters.
func notable(f forecast.Forecast) bool {
	return f.StatusUnknown != "no" || f.Interruption.Most == nil || *f.Interruption.Most > longInterruption
}

// answers says whether patronictl may give up before the switchover is done.
func answers(f forecast.Forecast) string {
	limit := "after " + fact.Duration(time.Duration(math.Ceil(f.AnswerLimit))*time.Second)
	switch f.StatusUnknown {
	case "expected":
		return "; patronictl gives up " + limit + `: "status unknown"`
	case "possible":
		return "; patronictl may give up " + limit + `: "status unknown"`
	}
	return ""
}
