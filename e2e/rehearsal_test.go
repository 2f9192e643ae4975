//go:build e2e

package e2e

import (
	"context"
	"time"

	rest "patroni-preflight/internal/request"
	"patroni-preflight/preflight/fact"
)

// rehearse sends a node a switchover that is an empty list.
func (l *lab) rehearse(node string, login [2]string) fact.Observed[fact.RequestAnswer] {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return rest.Rehearse(ctx, rest.Leader{
		APIURL: l.scheme() + "://" + l.ip(node) + ":8008/patroni", User: login[0], Password: login[1],
	})
}

// answers compares a member's answer, and the state of the cluster around it. Patroni may
// write on its own in between; a request that writes has no quiet window.
func (l *lab) answers(node string, login [2]string, status int, text string) {
	l.t.Helper()
	before := l.timeline(l.leader)
	quiet := 0
	for try := 0; try < 10 && quiet < 3; try++ {
		revision := l.revision()
		a, ok := l.rehearse(node, login).Get()
		if !ok || a.HTTPStatus != status || a.Text != text {
			l.t.Errorf("%s, login %q: %+v, want %d %q", node, login[0], a, status, text)
			return
		}
		time.Sleep(time.Second) // a Patroni that acted would have written by then
		if l.revision() == revision {
			quiet++
		} else {
			time.Sleep(2 * time.Second)
		}
	}
	if quiet < 3 {
		l.t.Errorf("%s: the store's revision moved with nearly every request", node)
	}
	if p := l.primaries(); len(p) != 1 || p[0] != l.leader || l.timeline(l.leader) != before || l.key("failover") != "" {
		l.t.Errorf("%s: %v lead on timeline %d, /failover %q", node, p, l.timeline(l.leader), l.key("failover"))
	}
}
