//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func init() { scenarios = append(scenarios, oddities...) }

// oddities are lines that are slow or roundabout, and settings that few clusters have.
var oddities = []scenario{
	{
		name:    "bystander behind a slow line",
		arrange: (*lab).slowLine,
		want:    goes,
		warns:   "shutdown.backlog",
		because: "Patroni releases the leader key without waiting for it",
	},
	{
		name:    "candidate's REST API answers after 1.2 s",
		on:      "bookworm",
		arrange: func(l *lab) { l.slowREST(l.candidate, 1200*time.Millisecond) },
		want:    goes,
		warns:   "candidate.rest",
		because: "Patroni waits for 2 s",
	},
	{
		name:    "candidate's REST API answers after 2.6 s",
		on:      "sid",
		arrange: func(l *lab) { l.slowREST(l.candidate, 2600*time.Millisecond) },
		want:    noGo,
		by:      "candidate.rest",
		because: "Patroni waits for 2 s",
	},
	{
		name:    "primary_stop_timeout in synchronous mode",
		on:      "bookworm",
		arrange: func(l *lab) { l.edit("primary_stop_timeout=30"); l.synchronous() },
		want:    goes,
		warns:   "shutdown.stop_timeout",
		because: "PostgreSQL stops in time",
	},
	{
		name:    "the key /history is gone",
		on:      "sid",
		arrange: (*lab).noHistory,
		want:    goes,
		because: "Patroni needs it for check_timeline only",
	},
	{
		name:    "a logical consumer takes its changes",
		arrange: func(l *lab) { l.consumer() },
		want:    goes,
		because: "its slot is permanent, and it keeps up",
	},
	{name: "candidate has a restore_command", arrange: func(l *lab) {
		l.set(l.candidate, "postgresql.recovery_conf", "{restore_command: /bin/false}", "")
		l.await(
			"restore_command",
			20*time.Second,
			func() bool { return l.sql(l.candidate, "SHOW restore_command") == "/bin/false" },
		)
		time.Sleep(2 * time.Second)
	}, want: goes, because: "the command returns at once without a file"},
	{
		name:    "maximum_lag_on_syncnode set",
		arrange: func(l *lab) { l.edit("maximum_lag_on_syncnode=16777216"); l.synchronous() },
		want:    goes,
		because: "the candidate keeps up",
	},
	{
		name:    "sessions idle in transactions on the leader",
		on:      "bookworm",
		arrange: (*lab).openTransactions,
		want:    goes,
		because: "a fast shutdown ends them",
	},
	{name: "no slots and little WAL kept", on: "sid", arrange: func(l *lab) {
		// 16 MB is the least that Patroni takes.
		l.edit("postgresql.use_slots=false", "postgresql.parameters.wal_keep_size=16MB")
		candidate := l.candidate
		l.await("wal_keep_size", 20*time.Second, func() bool { return l.sql(candidate, "SHOW wal_keep_size") == "16MB" })
		time.Sleep(4 * time.Second)
	}, want: goes, warns: "wayback.wal_kept", because: "every member streams and needs no old WAL"},
	{
		name:    "candidate cascades from a bystander that is cut off",
		arrange: (*lab).cascadeCut,
		want:    noGo,
		by:      "candidate.cascade",
		because: "Patroni switches over, and committed rows are lost",
	},
	{
		name:    "replay on the candidate waits for a session, without a limit",
		arrange: (*lab).replayConflict,
		limit:   40 * time.Second,
		want:    noGo,
		by:      "candidate.conflicts",
		because: "the promotion waits for that session, too",
	},
}

// relay redirects a node's packets that match to a relay on the node itself. What
// passes takes the latency, if there is one.
func (l *lab) relay(
	node, chain, match, target string,
	delay time.Duration,
	rate int,
	latency ...time.Duration,
) {
	l.t.Helper()
	args := []string{"19999", target, fmt.Sprint(delay.Seconds()), fmt.Sprint(rate)}
	for _, t := range latency {
		args = append(args, fmt.Sprint(t.Seconds()))
	}
	l.run(node, "lab-relay", args...)
	l.sh(node, "iptables -t nat -A "+chain+" -p tcp "+match+" -j REDIRECT --to-ports 19999")
	l.undo(func() { l.in(node, "iptables -t nat -F "+chain) })
}

// slowREST lets others wait for a node's REST API.
func (l *lab) slowREST(node string, delay time.Duration) {
	l.relay(node, "PREROUTING", "--dport 8008", "127.0.0.1:8008", delay, 0)
	time.Sleep(2 * time.Second)
}

// slowLine lets the bystander have 500 kB a second of the leader's WAL.
func (l *lab) slowLine() {
	l.slowFrom(l.bystander, 500_000)
	l.ballast(15_000_000)
	time.Sleep(5 * time.Second)
}

// slowFrom lets a node have only so many bytes a second of the leader's WAL.
func (l *lab) slowFrom(node string, rate int) {
	leader := l.leader
	// The relay's own connections go to the leader's second address.
	vip := l.vip(leader)
	// A receiver begins anew with the WAL file that it was in: let that be a short one.
	l.sql(leader, "SELECT pg_switch_wal()")
	time.Sleep(2 * time.Second)
	l.relay(node, "OUTPUT", "-d "+l.ip(leader)+" --dport 5432", vip+":5432", 0, rate)
	l.sql(leader, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = '"+node+"'")
	time.Sleep(2 * time.Second)
	l.await(node+" to stream again", 20*time.Second, func() bool { return l.streams(node, leader) })
}

func (l *lab) noHistory() {
	err := l.etcd(func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.Delete(ctx, "/service/demo/history")
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	time.Sleep(time.Second)
}

func (l *lab) openTransactions() {
	leader := l.leader
	for range 5 {
		must(
			l,
			"docker",
			"exec",
			"-d",
			l.container(leader),
			"sh",
			"-c",
			"(echo 'BEGIN; SELECT 1;'; sleep 300) | psql -X -q -h /run/postgresql -U postgres",
		)
	}
	l.undo(func() { l.in(leader, "pkill -x psql; true") })
	l.await("five open transactions", 10*time.Second, func() bool {
		return l.sql(leader, "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == "5"
	})
	time.Sleep(time.Second)
}

// consumer runs pg_recvlogical on a permanent slot.
func (l *lab) consumer() {
	l.permanentLogicalSlot()
	l.sql(l.leader, "CREATE PUBLICATION everything FOR ALL TABLES")
	l.undo(func() {
		for _, n := range l.primaries() {
			l.trySQL(n, "DROP PUBLICATION IF EXISTS everything")
		}
	})
	l.run(
		l.bystander,
		"pg_recvlogical",
		"-h",
		l.ip(l.leader),
		"-d",
		"dbname=postgres user=postgres password=postgres",
		"--slot",
		"cdc",
		"--start",
		"-f",
		"/dev/null",
		"-o",
		"proto_version=1",
		"-o",
		"publication_names=everything",
		"--no-loop",
	)
	l.await("the consumer", 20*time.Second, func() bool {
		return l.sql(
			l.leader,
			"SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_recvlogical' AND state = 'streaming'",
		) == "1"
	})
	time.Sleep(2 * time.Second)
}

// cascadeCut leaves the candidate streaming from a member that streams from nobody.
func (l *lab) cascadeCut() {
	l.cascade(l.candidate, l.bystander)
	l.cutOff(l.bystander)
	l.sql(l.leader, "INSERT INTO ledger (note) SELECT 'lost' FROM generate_series(1, 1000)")
	time.Sleep(3 * time.Second)
}

// replayConflict lets the replay of a lock wait for a session that has read the table.
func (l *lab) replayConflict() {
	node := l.candidate
	l.edit("postgresql.parameters.max_standby_streaming_delay=-1")
	l.await(
		"max_standby_streaming_delay",
		20*time.Second,
		func() bool { return l.sql(node, "SHOW max_standby_streaming_delay") == "-1" },
	)
	must(
		l,
		"docker",
		"exec",
		"-d",
		l.container(node),
		"sh",
		"-c",
		"(echo 'BEGIN; SELECT count(*) FROM ballast;'; sleep 300) | psql -X -q -h /run/postgresql -U postgres",
	)
	l.undo(func() { l.in(node, "pkill -x psql; true") })
	l.await("the session", 10*time.Second, func() bool {
		return l.sql(node, "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'") == "1"
	})
	l.sql(l.leader, "BEGIN; LOCK ballast IN ACCESS EXCLUSIVE MODE; COMMIT")
	time.Sleep(3 * time.Second)
}
