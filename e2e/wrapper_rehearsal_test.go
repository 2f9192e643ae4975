//go:build e2e && wrapper

package e2e

import (
	"strings"
	"testing"
	"time"

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
