//go:build e2e

package e2e

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// writesNothing runs the tool on an idle cluster and compares what any write
// would move: etcd's revision and PostgreSQL's next transaction id. It also reads
// every statement in PostgreSQL's log, and every request in Patroni's. Patroni 4 writes a
// key on change only, so an idle
// cluster's revision stands still; should Patroni write in between, the window is
// tried again. A tool that writes has no quiet window.
func (l *lab) writesNothing(t *testing.T) {
	l.t = t
	l.roles()
	defer l.settle("the tool writes nothing")
	for _, n := range nodes {
		l.set(n, "log.level", "DEBUG", "INFO") // logs every request
	}
	l.edit("postgresql.parameters.log_statement=all", "postgresql.parameters.log_line_prefix=<%a|%p>")
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
		log := l.sh(n, "cat /var/log/patroni.log")
		l.onlyGets(n, log)
		l.onlySelects(n, log)
	}
}

var request = regexp.MustCompile(`API thread: (\S+) - - "(\S+ \S+) HTTP`)

// onlyGets: of this machine, where the tool runs, Patroni's log has two questions.
func (l *lab) onlyGets(node, log string) {
	l.t.Helper()
	seen := map[string]int{}
	for _, m := range request.FindAllStringSubmatch(log, -1) {
		if m[1] == l.net+".1" {
			seen[m[2]]++
		}
	}
	if seen["GET /patroni"] == 0 || seen["GET /liveness"] == 0 || len(seen) > 2 {
		l.t.Errorf("%s: requests of the tool: %v", node, seen)
	}
}

// statement is what the tool may send to PostgreSQL.
var statement = regexp.MustCompile(
	`^(BEGIN READ ONLY|ROLLBACK|SET LOCAL (statement|lock)_timeout = \d+|SET LOCAL search_path = ` +
		`pg_catalog|(SELECT|WITH) [^;]*)$`,
)

// onlySelects: of the tool, PostgreSQL's log has queries, and each session begins
// with its READ ONLY transaction. Lines that go on begin with a tab.
func (l *lab) onlySelects(node, log string) {
	l.t.Helper()
	readOnly := map[string]bool{}
	count := 0
	for _, entry := range regexp.MustCompile(`(?m)^<patroni-preflight\|(\d+)>LOG:  statement: `+
		`(.*(?:\n\t.*)*)`).FindAllStringSubmatch(log, -1) {
		text := strings.ReplaceAll(entry[2], "\n\t", "\n")
		readOnly[entry[1]] = readOnly[entry[1]] || strings.HasPrefix(text, "BEGIN READ ONLY;")
		if !readOnly[entry[1]] {
			l.t.Errorf("%s: not in a READ ONLY transaction: %s", node, text)
		}
		for s := range strings.SplitSeq(text, ";\n") {
			if s = strings.TrimSuffix(strings.TrimSpace(s), ";"); s != "" && !statement.MatchString(s) {
				l.t.Errorf("%s: the tool sent %q", node, s)
			}
			count++
		}
	}
	if count < 20 {
		l.t.Errorf("%s: only %d statements of the tool in the log", node, count)
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
	cmd := exec.Command(
		"../scripts/compose.sh",
		"-p",
		l.project,
		"-f",
		"../docker-compose.yml",
		"run",
		"--rm",
		"-T",
		"preflight",
		"check",
		"--candidate",
		l.candidate,
	)
	cmd.Env = append(cmd.Environ(), l.env()...)
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "GO  switchover of demo from "+l.leader+" to "+l.candidate) {
		t.Errorf("%v\n%s", err, out)
	}
}
