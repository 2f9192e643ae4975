//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// commitLimit is how long a commit on the new leader may take.
const commitLimit = 15 * time.Second

// clients looks for what the new leader's clients meet: whether a commit goes
// through, and whether a logical consumer receives what is committed now.
func (l *lab) clients(o *outcome) {
	p := l.primaries()
	if !o.switched || len(p) != 1 {
		return
	}
	if err := l.commit(p[0]); err != nil {
		l.t.Logf("a commit on %s: %v", p[0], err)
		o.became += ", **commits hang**"
		o.works = false
		return
	}
	o.became += ", a commit goes through"
	if l.slot == "" {
		return
	}
	if l.receives(p[0]) {
		o.became += ", consumer receives"
	} else {
		o.became += ", **the consumer receives nothing**"
		o.works = false
	}
}

// commit writes one row. A session that still waits for a standby at the limit is
// cancelled: no timeout of PostgreSQL ends that wait.
func (l *lab) commit(node string) error {
	ctx, cancel := context.WithTimeout(context.Background(), commitLimit)
	defer cancel()
	conn, err := pgconn.Connect(ctx, l.connString(node)+"&connect_timeout=5&statement_timeout=12s&lock_timeout=5s")
	if err != nil {
		return err
	}
	defer conn.Conn().Close()
	_, err = conn.Exec(ctx, "INSERT INTO ledger (note) VALUES ('after the promotion')").ReadAll()
	if err != nil {
		l.trySQL(node, fmt.Sprintf("SELECT pg_cancel_backend(%d)", conn.PID()))
	}
	return err
}

// changesFile is the file that holds what the consumer has received.
const changesFile = "/tmp/changes"

// consume runs pg_recvlogical with test_decoding on a slot of a node, and leaves
// the rows that arrive to be counted.
func (l *lab) consume(node, slot string) {
	l.slot = slot
	l.run(
		l.bystander,
		"pg_recvlogical",
		"-h",
		l.ip(node),
		"-d",
		"dbname=postgres user=postgres password=postgres",
		"--slot",
		slot,
		"--start",
		"-f",
		changesFile,
		"-s",
		"1",
		"-F",
		"1",
		"--no-loop",
	)
}

// received counts the rows with that note that the consumer has.
func (l *lab) received(note string) int {
	out, _ := l.in(l.bystander, "grep -c \"'"+note+"'\" "+changesFile)
	n, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		return 0
	}
	return n
}

// counted writes ten rows that a consumer has to have within the limit.
func (l *lab) counted(node, note string, limit time.Duration) bool {
	l.trySQL(node, "INSERT INTO ledger (note) SELECT '"+note+"' FROM generate_series(1, 10)")
	return until(limit, func() bool { return l.received(note) >= 10 })
}

// receives connects the consumer to the new leader and counts again.
func (l *lab) receives(node string) bool {
	l.in(l.bystander, "pkill -KILL -x pg_recvlogical")
	time.Sleep(time.Second)
	l.consume(node, l.slot)
	return l.counted(node, "counted afterwards", 20*time.Second)
}
