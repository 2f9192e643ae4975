package preflight

import (
	"fmt"
)

// Stability is how a cluster was judged over some time.
type Stability struct {
	// Asked is in how many evaluations in a row the verdict had to be GO, InARow in
	// how many of the last ones it was.
	Asked  int `json:"asked"`
	InARow int `json:"in_a_row"`
	// Evaluations is how often the cluster was looked at and judged.
	Evaluations int `json:"evaluations"`
}

// Over is the report as the last one of several. A GO that did not last as long
// as was asked for is UNKNOWN: the cluster may be on its way to either side.
func (r Report) Over(s Stability) Report {
	r.Stability = &s
	if s.unstable(r.Verdict) {
		r.Verdict = UnknownState
		r.ExitCode = r.Verdict.ExitCode()
	}
	return r
}

// Unstable says why a GO does not count, "" where it does.
func (r Report) Unstable() string { return r.Stability.why(r.Verdict) }

// unstable reports whether a verdict is a GO that did not last.
func (s Stability) unstable(v Verdict) bool { return v == Go && s.InARow < s.Asked }

func (s *Stability) why(v Verdict) string {
	if s == nil || v != UnknownState || s.InARow == 0 {
		return ""
	}
	return fmt.Sprintf("GO in %d of %d evaluations in a row when the time was up", s.InARow, s.Asked)
}
