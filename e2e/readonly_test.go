//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// writesNothing runs the tool on an idle cluster and compares what any write
// would move: etcd's revision, PostgreSQL's next transaction id, and the requests
// in the log of every Patroni. Patroni 4 writes a key on change only, so an idle
// cluster's revision stands still; should Patroni write in between, the window is
// tried again. A tool that writes has no quiet window.
func (l *lab) writesNothing(t *testing.T) {
	l.t = t
	l.roles()
	defer l.settle("the tool writes nothing")
	for _, n := range nodes {
		l.set(n, "log.level", "DEBUG", "INFO") // logs every request
	}
	time.Sleep(5 * time.Second)
	quiet := 0
	for try := 0; try < 10 && quiet < 3; try++ {
		before, traces := l.revision(), l.traces()
		r, exit, _, text := l.check(nil, "--candidate", l.candidate)
		if exit != 0 || r.Verdict != goes {
			t.Fatalf("%s, exit %d\n%s", r.Verdict, exit, text)
		}
		l.untouched(traces)
		if l.revision() == before {
			quiet++
		} else {
			time.Sleep(2 * time.Second)
		}
	}
	if quiet < 3 {
		t.Errorf("etcd's revision moved with nearly every run of the tool")
	}
	for _, n := range nodes {
		reads, _ := l.in(n, `grep -c '"GET /patroni .*" 200' /var/log/patroni.log`)
		writes, _ := l.in(n, `grep -cE '"(POST|PUT|PATCH|DELETE) /[a-z]+ HTTP' /var/log/patroni.log | tail -n 1`)
		if reads == "0" || writes != "0" {
			t.Errorf("%s: its log has %s reading and %s writing requests", n, reads, writes)
		}
	}
}

func (l *lab) revision() int64 {
	l.t.Helper()
	var revision int64
	err := l.etcd(func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Get(ctx, "/nothing")
		if err == nil {
			revision = r.Header.Revision
		}
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return revision
}

// inNetwork runs the tool as the service of docker-compose.yml, as on a machine
// whose host does not reach the containers.
func (l *lab) inNetwork(t *testing.T) {
	l.t = t
	l.roles()
	cmd := exec.Command("../scripts/compose.sh", "-p", l.project, "-f", "../docker-compose.yml", "run", "--rm", "-T", "preflight", "check", "--candidate", l.candidate)
	cmd.Env = append(cmd.Environ(), l.env()...)
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "GO  switchover of demo from "+l.leader+" to "+l.candidate) {
		t.Errorf("%v\n%s", err, out)
	}
}
