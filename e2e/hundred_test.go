//go:build e2e && wrapper

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"patroni-preflight/preflight"
)

// writer inserts numbered rows, one after the other, into whichever node takes
// them, and remembers the numbers that it was told are committed.
type writer struct {
	committed []int
	// mostAway is the longest time between two commits.
	mostAway time.Duration
	tried    atomic.Int64
	stop     context.CancelFunc
	done     chan struct{}
}

func (l *lab) write() *writer {
	ctx, stop := context.WithCancel(context.Background())
	w := &writer{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		var conn *pgconn.PgConn
		last := time.Now()
		for n := 0; ctx.Err() == nil; {
			for i := 0; conn == nil && i < len(nodes) && ctx.Err() == nil; i++ {
				conn = l.primary(ctx, nodes[i])
			}
			if conn == nil {
				time.Sleep(20 * time.Millisecond)
				continue
			}
			n++
			w.tried.Store(int64(n))
			ask, cancel := context.WithTimeout(ctx, 5*time.Second)
			_, err := conn.Exec(ask, fmt.Sprintf("INSERT INTO ledger (note) VALUES ('n%d')", n)).ReadAll()
			cancel()
			if err != nil {
				conn.Conn().Close()
				conn = nil
				continue
			}
			w.committed = append(w.committed, n)
			w.mostAway, last = max(w.mostAway, time.Since(last)), time.Now()
			time.Sleep(5 * time.Millisecond)
		}
		if conn != nil {
			conn.Conn().Close()
		}
	}()
	return w
}

// primary is a session on a node that takes writes, nil where it does not.
func (l *lab) primary(ctx context.Context, node string) *pgconn.PgConn {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgconn.Connect(
		ctx,
		"postgres://postgres:postgres@"+l.ip(node)+":5432/postgres?sslmode=disable&target_session_attrs=read-write",
	)
	if err != nil {
		return nil
	}
	return conn
}

// TestHundred switches over a hundred times under write load, by patronictl and by
// REST in turn, to each other member in turn: each has to be verified, and no row
// that was committed may be missing. PREFLIGHT_SWITCHOVERS names the document for
// the figures, PREFLIGHT_HUNDRED another number.
func TestHundred(t *testing.T) {
	const asked = 100
	count := asked
	if v := os.Getenv("PREFLIGHT_HUNDRED"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		count = n
	}
	l := newLab(t, "hundred", "trixie", "10.77.57", "")
	l.roles()
	w := l.write()
	began := time.Now()
	var outages, whole []float64
	for i := range count {
		l.roles()
		from, to := l.leader, l.candidate
		if i%4 >= 2 {
			to = l.bystander
		}
		args := []string{
			"switchover",
			"-c",
			l.config,
			"--candidate",
			to,
			"--yes",
			"-f",
			"json",
			"--wait",
			"60s",
			"--verify-timeout",
			"120s",
			"--patronictl",
			l.ctl(t, "", ""),
		}
		if i%2 == 1 {
			args = append(args, "--via", "rest")
		}
		o := l.watch()
		at := time.Now()
		out, code := command(5*time.Minute, nil, tool, args...)
		took := time.Since(at).Seconds()
		seconds, over := o.end()
		var doc preflight.SwitchoverReport
		_ = json.Unmarshal([]byte(out[max(0, strings.LastIndex(out, "\n{\n")):]), &doc)
		p := l.primaries()
		if code != 0 || !over || len(p) != 1 || p[0] != to {
			t.Fatalf("%d: %s to %s ends with %d, %v lead, a primary in the end: %t\n%s", i+1, from, to, code, p, over, out)
		}
		outages, whole = append(outages, seconds), append(whole, took)
		t.Logf("%3d  %s -> %s  %.2f s without a primary, %.1f s in all", i+1, from, to, seconds, took)
	}
	wall := time.Since(began)
	time.Sleep(time.Second)
	w.stop()
	<-w.done
	l.roles()
	there := map[int]bool{}
	for note := range strings.Lines(l.sql(l.leader, "SELECT substr(note, 2) FROM ledger WHERE note LIKE 'n%'")) {
		if n, err := strconv.Atoi(strings.TrimSpace(note)); err == nil {
			there[n] = true
		}
	}
	missing := 0
	for _, n := range w.committed {
		if !there[n] {
			missing++
		}
	}
	if missing > 0 || len(w.committed) < count*10 {
		t.Errorf("%d of %d committed rows are missing", missing, len(w.committed))
	}
	s := func(x []float64, q float64) float64 {
		x = slices.Sorted(slices.Values(x))
		return x[min(len(x)-1, int(q*float64(len(x))))]
	}
	table := fmt.Sprintf(`| | |
|---|---|
| switchovers, all verified | %d |
| wall time | %.0f s |
| seconds without a primary: minimum, median, 95 %%, maximum | %.2f, %.2f, %.2f, %.2f |
| seconds of a whole run, from the check to the verification: minimum, median, 95 %%, maximum | %.1f, %.1f, %.1f, %.1f |
| rows tried, one after the other | %d |
| rows committed | %d |
| committed rows missing afterwards | %d |
| maximum seconds between two commits | %.2f |
`, count, wall.Seconds(),
		s(outages, 0), s(outages, 0.5), s(outages, 0.95), s(outages, 1),
		s(whole, 0), s(whole, 0.5), s(whole, 0.95), s(whole, 1),
		w.tried.Load(), len(w.committed), missing, w.mostAway.Seconds())
	t.Log("\n" + table)
	if file := os.Getenv("PREFLIGHT_SWITCHOVERS"); file != "" && count == asked && !t.Failed() {
		text := fmt.Sprintf(`# A hundred switchovers under write load

Written by %s on %s: Patroni %s on three nodes with three etcd, all on one machine,
`+"`loop_wait`"+` 2. The test moves the leader %d times, by patronictl and by REST in turn, with
`+"`patroni-preflight switchover --yes`"+`. Meanwhile one client inserts rows one after the other and
reconnects when its session ends. "Without a primary" is measured from outside: the test asks each
node's PostgreSQL 20 times a second whether it is in recovery.

%s`, "`TestHundred` (`make e2e-all`)", time.Now().UTC().Format("2006-01-02"), l.patroniVersion(), count, table)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Error(err)
		}
	}
}
