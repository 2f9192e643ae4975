//go:build e2e

package e2e

import (
	"testing"
	"time"

	"patroni-preflight/preflight/exitcode"
)

// fewWrapped are the ways in which a switchover goes that every make test plays;
// make e2e-all has the others.
var fewWrapped = []wrapped{
	{name: "asynchronous", both: true, want: exitcode.Go, says: "DONE switchover of demo", leads: theCandidate},
	{
		name:    "refused by the check",
		arrange: func(l *lab) { l.tag(l.candidate, "nofailover", "true") },
		want:    exitcode.NoGo,
		says:    "candidate.nofailover",
		leads:   theLeader,
	},
	{
		name:     "412 by Patroni: the candidate freezes after the check",
		both:     true,
		want:     exitcode.Refused,
		says:     "no good candidates",
		leads:    theLeader,
		question: func(l *lab) { l.freeze(l.candidate, patroniProcess); time.Sleep(time.Second) },
	},
	{
		name:     "the cluster changes while it asks",
		both:     true,
		want:     exitcode.Changed,
		says:     "nothing was done: config",
		leads:    theLeader,
		question: func(l *lab) { l.edit("ttl=21") },
	},
}

// TestSwitchover plays them, and two drills.
func TestSwitchover(t *testing.T) {
	t.Parallel()
	l := newLab(t, "switchover", "trixie", "10.77.57", "")
	for _, w := range fewWrapped {
		l.wrap(t, w)
	}
	l.others(
		t,
		map[string]func(*testing.T){
			"a drill": l.drillWhole,
			"a drill whose second leg is the founding incident": l.drillFounding,
		},
	)
}

// others plays what is no single switchover.
func (l *lab) others(t *testing.T, plays map[string]func(*testing.T)) {
	for name, play := range plays {
		if chosen(name) {
			t.Run(name, func(t *testing.T) {
				play(t)
				l.settle(name)
			})
		}
	}
}
