package verify_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"patroni-preflight/preflight/verify"
)

func TestOutageOf(t *testing.T) {
	t0 := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	at := func(ms ...int) (out []time.Time) {
		for _, m := range ms {
			out = append(out, t0.Add(time.Duration(m)*time.Millisecond))
		}
		return out
	}
	const every = 100 * time.Millisecond
	measured := func(seconds float64) verify.Outage { return verify.Outage{Seconds: &seconds, Resolution: 0.1} }
	notMeasured := func(why string) verify.Outage { return verify.Outage{Resolution: 0.1, Why: why} }
	for _, c := range []struct {
		name      string
		primaries []time.Time
		// asked and ended are milliseconds, as are the primaries.
		asked, ended int
		want         verify.Outage
	}{
		{"the longest gap", at(0, 100, 200, 1700, 1800, 1900), 150, 2000, measured(1.5)},
		{"answers in any order", at(1800, 0, 1700, 200, 100), 150, 2000, measured(1.5)},
		{"no gap but the pause between two questions", at(0, 100, 200), 150, 300, measured(0.1)},
		{"no answer", nil, 0, 1000, notMeasured("no member's PostgreSQL answered as primary")},
		{"no primary before", at(500, 600), 400, 700, notMeasured("no primary was seen before the request was sent")},
		{"no primary at the end", at(0, 100), 50, 9000, notMeasured("no primary was seen at the end")},
	} {
		got := verify.OutageOf(c.primaries, at(c.asked)[0], at(c.ended)[0], every)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}
