//go:build e2e && wrapper

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	rest "patroni-preflight/internal/request"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// TestWrapperRehearses: what each release of Patroni answers to a switchover that is an
// empty list, and that it does nothing else: the store's revision stands still, and the
// leader leads on.
func TestWrapperRehearses(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie", "sid"} {
		if chosen(suite) {
			t.Run(suite, func(t *testing.T) { newLab(t, "wrapper", suite, "10.77.58", "").rehearses(t) })
		}
	}
}

func (l *lab) rehearses(t *testing.T) {
	l.t = t
	l.roles()
	none, wrong, right := [2]string{}, [2]string{"operator", "wrong"}, [2]string{"operator", "s3cret"}
	for _, n := range nodes {
		l.answers(n, none, fact.ListRefused, "")
	}
	l.restPassword()
	l.answers(l.leader, none, fact.LoginRefused, "no auth header received")
	l.answers(l.leader, wrong, fact.LoginRefused, "not authenticated")
	l.answers(l.leader, right, fact.ListRefused, "")
	for _, w := range []wrapped{
		{name: "no login", args: []string{"--via", "rest"}},
		{name: "no login, by patronictl"},
		{name: "a wrong login", config: "restapi: {authentication: {username: operator, password: wrong}}\n"},
	} {
		r := l.start(t, w)
		code := r.wait()
		said := strings.Join(strings.Fields(r.text()), " ")
		if code != exitcode.NoGo || !strings.Contains(said, "BLOCKS leader.request") || strings.Contains(said, "wrong:") {
			t.Errorf("%s: exit code %d\n%s", w.name, code, r.text())
		}
	}
	l.settle("a password of the REST API")

	l.roles()
	l.set(l.leader, "restapi.allowlist", "[127.0.0.1]", "")
	l.await("the allowlist to count", 20*time.Second, func() bool {
		a := l.rehearse(l.leader, none)
		return a.OrZero().HTTPStatus == fact.MachineRefused
	})
	l.answers(l.leader, none, fact.MachineRefused, "Access is denied")
	r := l.start(t, wrapped{name: "an allowlist"})
	if code := r.wait(); code != exitcode.NoGo || !strings.Contains(r.text(), "restapi.allowlist") {
		t.Errorf("an allowlist: exit code %d\n%s", code, r.text())
	}
	l.settle("an allowlist of the REST API")
}

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
