package verify

import (
	"slices"
	"time"
)

// Outage is for how long no member was seen as a primary during a switchover.
type Outage struct {
	// Seconds is the longest time from one answer of a primary to the next, as the
	// machine saw it that ran the tool; null where it was not measured.
	Seconds *float64 `json:"seconds"`
	// Resolution is the time between two questions, in seconds: Seconds is too long
	// by as much at the most, together with the way of the answer.
	Resolution float64 `json:"resolution"`
	// Why says why it was not measured, "" where it was.
	Why string `json:"why"`
}

// OutageOf measures from the times at which some member's PostgreSQL answered
// that it is not in recovery. Where the first of them does not lie before the
// request was sent, or none in the last second, the outage has
// no beginning or no end.
func OutageOf(primaries []time.Time, asked, ended time.Time, every time.Duration) Outage {
	o := Outage{Resolution: every.Seconds()}
	at := slices.SortedFunc(slices.Values(primaries), time.Time.Compare)
	switch {
	case len(at) == 0:
		o.Why = "no member's PostgreSQL answered as primary"
	case at[0].After(asked):
		o.Why = "no primary was seen before the request was sent"
	case ended.Sub(at[len(at)-1]) > max(2*every, 900*time.Millisecond):
		o.Why = "no primary was seen in the end"
	default:
		var longest time.Duration
		for i := 1; i < len(at); i++ {
			longest = max(longest, at[i].Sub(at[i-1]))
		}
		seconds := longest.Round(time.Millisecond).Seconds()
		o.Seconds = &seconds
	}
	return o
}
