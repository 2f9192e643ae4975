//go:build e2e

package e2e

import (
	"fmt"
	"strconv"
	"time"
)

func init() {
	scenarios = append(scenarios, walPath...)
	for _, f := range frozen {
		scenarios = append(scenarios, f.scenario())
	}
}

// walPath has ways of WAL that are slow and good.
var walPath = []scenario{
	{
		name:    "busy leader, 5 MB of WAL a second",
		on:      "sid",
		arrange: (*lab).busy,
		want:    goes,
		because: "the candidate confirms the WAL within milliseconds",
	},
	{
		name:    "candidate 100 ms away, under light writes",
		arrange: func(l *lab) { l.far(l.candidate, 100*time.Millisecond); l.writes() },
		want:    goes,
		because: "the candidate confirms the WAL a round trip later",
	},
	{
		name:    "candidate on a slow disk, under light writes",
		on:      "sid",
		arrange: func(l *lab) { l.slowDisk(l.candidate); l.writes() },
		want:    goes,
		because: "the candidate confirms the WAL within a second",
	},
	{
		name:    "pg_receivewal that reports once a minute",
		arrange: (*lab).rareReports,
		want:    goes,
		because: "it has been sent everything, and answers when PostgreSQL asks",
	},
	{
		name:    "candidate restarted, no write since",
		on:      "sid",
		arrange: (*lab).restartedCandidate,
		want:    goes,
		because: "it has replayed all WAL, although its receive position is the beginning of a segment",
	},
}

// busy is about 5 MB of WAL a second.
func (l *lab) busy() {
	l.keepWriting("INSERT INTO ledger (note) SELECT repeat(md5(n::text), 30) FROM generate_series(1, 500) n RETURNING 1")
	l.await("5 MB of WAL a second", 30*time.Second, func() bool {
		began := time.Now()
		from := l.sql(l.leader, "SELECT pg_current_wal_lsn()")
		time.Sleep(2 * time.Second)
		n, _ := strconv.ParseFloat(l.sql(l.leader, "SELECT pg_current_wal_lsn() - '"+from+"'::pg_lsn"), 64)
		rate := n / time.Since(began).Seconds() / 1e6
		l.t.Logf("%.1f MB of WAL a second", rate)
		return rate >= 5
	})
}

// far lets whatever passes between a node and the leader's PostgreSQL take its time.
func (l *lab) far(node string, latency time.Duration) {
	leader := l.leader
	// The relay's own connections go to the leader's second address.
	vip := l.vip(leader)
	l.relay(node, "OUTPUT", "-d "+l.ip(leader)+" --dport 5432", vip+":5432", 0, 0, latency)
	l.sql(leader, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = '"+node+"'")
	time.Sleep(3 * time.Second)
	l.await(node+" to stream again", 20*time.Second, func() bool { return l.streams(node, leader) })
	time.Sleep(2 * time.Second)
}

// slowDisk lets a node's WAL receiver stand still for half of the time.
func (l *lab) slowDisk(node string) {
	must(l, "docker", "exec", "-d", l.container(node), "sh", "-c",
		"echo $$ >/tmp/slow.pid; while sleep 0.3; do pkill -STOP -f '[w]alreceiver'; sleep 0.4; "+
			"pkill -CONT -f '[w]alreceiver'; done")
	l.undo(func() { l.in(node, "kill $(cat /tmp/slow.pid); pkill -CONT -f '[w]alreceiver'; true") })
	time.Sleep(time.Second)
}

// rareReports is a pg_receivewal that has been sent everything and says so rarely.
func (l *lab) rareReports() {
	bystander := l.bystander
	l.sh(bystander, "mkdir -p /tmp/wal")
	l.undo(func() { l.in(bystander, "rm -rf /tmp/wal") })
	l.run(bystander, "pg_receivewal", "-h", l.ip(l.leader), "-U", "replicator", "-D", "/tmp/wal",
		"--no-loop", "--status-interval=60")
	l.await("pg_receivewal to stream", 20*time.Second, func() bool {
		return l.sql(l.leader, "SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_receivewal' "+
			"AND state = 'streaming'") == "1"
	})
	l.sql(l.leader, "INSERT INTO ledger (note) VALUES ('for pg_receivewal')")
	time.Sleep(15 * time.Second)
}

// still is a way of WAL on which nothing moves any more.
type still struct {
	// of is the candidate or the bystander, cut whether its line is cut, else its
	// WAL receiver is frozen.
	of      string
	cut     bool
	seconds int
	bytes   int
	on      string
}

var frozen = []still{
	{"candidate", false, 1, 900_000, ""},
	{"candidate", true, 1, 5_000, ""},
	{"candidate", false, 3, 5_000, "sid"},
	{"candidate", true, 8, 900_000, "sid"},
	{"bystander", false, 3, 900_000, ""},
	{"candidate", false, 8, 900_000, ""},
	{"bystander", false, 1, 5_000, "sid"},
	{"bystander", true, 3, 5_000, ""},
	{"candidate", false, 20, 5_000, "sid"},
	{"bystander", true, 8, 900_000, "sid"},
	{"candidate", false, 35, 0, ""},
	{"bystander", false, 35, 0, ""},
}

func (s still) scenario() scenario {
	what := "WAL receiver frozen"
	if s.cut {
		what = "line to the leader cut"
	}
	outstanding := "nothing outstanding"
	if s.bytes > 0 {
		outstanding = fmt.Sprintf("%d kB outstanding", s.bytes/1000)
	}
	sc := scenario{
		name: fmt.Sprintf("%s's %s for %d s, %s", s.of, what, s.seconds, outstanding),
		on:   s.on,
		arrange: func(l *lab) {
			node := l.candidate
			if s.of == "bystander" {
				node = l.bystander
			}
			if s.cut {
				l.dropLine(node)
			} else {
				l.freeze(node, "-f '[w]alreceiver'")
			}
			began := time.Now()
			if s.bytes > 0 {
				l.ballast(s.bytes)
			}
			time.Sleep(time.Duration(s.seconds)*time.Second - time.Since(began))
		},
		want:    noGo,
		by:      "candidate.confirms",
		because: "the candidate does not get the end of the leader's WAL",
	}
	if s.of == "bystander" {
		sc.by = "shutdown.walsenders"
		sc.policy = true
		sc.because = "the old leader waits for it until wal_sender_timeout"
	}
	return sc
}

// dropLine drops all packets between a node and the leader's PostgreSQL.
func (l *lab) dropLine(node string) {
	l.t.Helper()
	ip := l.ip(l.leader)
	l.sh(node, "iptables -A INPUT -p tcp -s "+ip+" --sport 5432 -j DROP; "+
		"iptables -A OUTPUT -p tcp -d "+ip+" --dport 5432 -j DROP")
	l.undo(func() { l.in(node, "iptables -F") })
}

// restartedCandidate restarts the candidate's PostgreSQL after the last write.
func (l *lab) restartedCandidate() {
	l.ballast(200_000)
	time.Sleep(time.Second)
	if out, code := l.patronictl(l.bystander, 50*time.Second, "restart", "demo", l.candidate, "--force"); code != 0 {
		l.t.Fatalf("restart: exit %d\n%s", code, out)
	}
	l.await("the candidate to stream", 40*time.Second, func() bool { return l.streams(l.candidate, l.leader) })
	time.Sleep(3 * time.Second)
}
