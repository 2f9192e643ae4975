package report

import (
	"slices"
	"strings"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
)

// gap is one cause of undecided checks: a reason for which facts are unknown, or a
// check that did not pass and on which others build. A dead server is reported once,
// however many checks need it.
type gap struct {
	reason  string
	facts   []string
	results []preflight.WeighedResult
	weight  preflight.Weight
}

// gaps groups the unknown and the skipped results of a report. Each gap has the
// weight of its worst result.
func gaps(r preflight.Report) []*gap {
	var out []*gap
	of := func(reason string, skipped bool) *gap {
		i := slices.IndexFunc(out, func(g *gap) bool { return g.reason == reason && (len(g.facts) == 0) == skipped })
		if i < 0 {
			out, i = append(out, &gap{reason: reason}), len(out)
		}
		return out[i]
	}
	for _, res := range r.Results {
		for _, m := range res.Missing {
			g := of(m.Reason, false)
			if !slices.Contains(g.facts, m.Fact) {
				g.facts = append(g.facts, m.Fact)
			}
			g.results = append(g.results, res)
			if g.weight != preflight.Unseen {
				g.weight = res.Weight
			}
		}
		if res.Status != check.Skipped {
			continue
		}
		g := of(res.SkippedBecause+" did not pass, so the checks that build on it were skipped", true)
		g.results = append(g.results, res)
		if g.weight != preflight.Unseen {
			g.weight = res.Weight
		}
	}
	return out
}

// head names a gap. A reason names its question and target, but perhaps not the fact
// that is missing from an answer.
func (g *gap) head() string {
	if len(g.facts) == 1 {
		return g.facts[0] + ": " + g.reason
	}
	return g.reason
}

// checks lists the undecided checks of a gap, as check(member, member).
func (g *gap) checks() []string {
	var ids []string
	of := map[string][]string{}
	for _, res := range g.results {
		if !slices.Contains(ids, res.Check) {
			ids = append(ids, res.Check)
		}
		if res.Subject != "" && !slices.Contains(of[res.Check], res.Subject) {
			of[res.Check] = append(of[res.Check], res.Subject)
		}
	}
	for i, id := range ids {
		if len(of[id]) > 0 {
			ids[i] += "(" + strings.Join(of[id], ", ") + ")"
		}
	}
	return ids
}
