package verify

import (
	"slices"
	"time"
)

// Outage is the time during a switchover in which no member was seen as a primary.
type Outage struct {
	// Seconds is the longest time between two answers of a primary, by the clock of the
	// machine that runs the tool; null where it was not measured.
	Seconds *float64 `json:"seconds"`
	// Resolution is the time between two questions, in seconds: Seconds is too long by
	// that at most, plus the time that an answer takes.
	Resolution float64 `json:"resolution"`
	// Why is the reason why it was not measured, "" where it was.
	Why string `json:"why"`
}

// OutageOf measures the outage by the times at which the PostgreSQL of any member
// answered that it is not in recovery. Without an answer before the request, or in
// the last second, the outage has no beginning or no end.
func OutageOf(primaries []time.Time, asked, ended time.Time, every time.Duration) Outage {
	o := Outage{Resolution: every.Seconds()}
	at := slices.SortedFunc(slices.Values(primaries), time.Time.Compare)
	switch {
	case len(at) == 0:
		o.Why = "no member's PostgreSQL answered as primary"
	case at[0].After(asked):
		o.Why = "no primary was seen before the request was sent"
	case ended.Sub(at[len(at)-1]) > max(2*every, 900*time.Millisecond):
		o.Why = "no primary was seen at the end"
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
