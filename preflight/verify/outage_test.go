package verify_test

import (
	"testing"
	"time"

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
	for _, c := range []struct {
		name         string
		primaries    []time.Time
		asked, ended int
		want         float64
		why          string
	}{
		{"the longest gap", at(0, 100, 200, 1700, 1800, 1900), 150, 2000, 1.5, ""},
		{"in any order, as the members answer", at(1800, 0, 1700, 200, 100), 150, 2000, 1.5, ""},
		{"no gap to speak of", at(0, 100, 200), 150, 300, 0.1, ""},
		{"nobody answered", nil, 0, 1000, 0, "no member's PostgreSQL answered as primary"},
		{"none before", at(500, 600), 400, 700, 0, "no primary was seen before the request was sent"},
		{"none in the end", at(0, 100), 50, 9000, 0, "no primary was seen in the end"},
	} {
		o := verify.OutageOf(c.primaries, at(c.asked)[0], at(c.ended)[0], 100*time.Millisecond)
		switch {
		case o.Why != c.why || o.Resolution != 0.1:
			t.Errorf("%s: %+v", c.name, o)
		case c.why == "" && (o.Seconds == nil || *o.Seconds != c.want):
			t.Errorf("%s: %v, want %v", c.name, o.Seconds, c.want)
		case c.why != "" && o.Seconds != nil:
			t.Errorf("%s: measured %v", c.name, *o.Seconds)
		}
	}
}
