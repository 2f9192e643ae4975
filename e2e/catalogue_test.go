//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

func init() { scenarios = append(scenarios, catalogue...) }

// catalogue has a scenario for what the catalogue of failures adds to the first
// ones, and many odd clusters that are fine.
var catalogue = []scenario{
	// Odd, and fine.
	{name: "quorum mode, candidate is a quorum standby", arrange: (*lab).quorum, want: goes, because: "it is in /sync"},
	{
		name:      "quorum mode, no candidate named",
		on:        "sid",
		arrange:   (*lab).quorum,
		candidate: noCandidate,
		want:      goes,
		because:   "both voters are healthy",
	},
	{
		name:    "synchronous mode, strict",
		arrange: func(l *lab) { l.edit("synchronous_mode_strict=on"); l.synchronous() },
		want:    goes,
		warns:   "sync.strict",
		because: "the candidate is in /sync; commits wait until a standby has rejoined",
	},
	{
		name:    "candidate cascades from the bystander",
		arrange: func(l *lab) { l.cascade(l.candidate, l.bystander) },
		want:    goes,
		warns:   "candidate.cascade",
		because: "it streams, from the bystander",
	},
	{
		name:    "bystander cascades from the candidate",
		arrange: func(l *lab) { l.cascade(l.bystander, l.candidate) },
		want:    goes,
		because: "it continues to follow its upstream",
	},
	{
		name:    "bystander's Patroni killed",
		arrange: func(l *lab) { l.kill(l.bystander) },
		want:    goes,
		because: "it is not the candidate, and its PostgreSQL continues to stream",
	},
	{
		name:    "bystander cut off, not streaming",
		arrange: func(l *lab) { l.cutOff(l.bystander) },
		want:    goes,
		because: "it is not the candidate",
	},
	{
		name:      "no candidate named, one member's Patroni killed",
		arrange:   func(l *lab) { l.kill(l.bystander); time.Sleep(6 * time.Second) },
		candidate: noCandidate,
		want:      goes,
		because:   "Patroni leaves out a member that does not answer",
	},
	{
		name:    "pg_receivewal takes WAL",
		on:      "bookworm",
		arrange: func(l *lab) { l.receivewal("") },
		want:    goes,
		because: "the client responds",
	},
	{name: "permanent logical slot", arrange: (*lab).permanentLogicalSlot, want: goes, because: "Patroni copies it"},
	{
		name:    "permanent physical slot",
		on:      "sid",
		arrange: func(l *lab) { l.edit("slots.dr.type=physical") },
		want:    goes,
		because: "Patroni keeps it",
	},
	{name: "candidate with recovery_min_apply_delay", arrange: func(l *lab) {
		l.set(l.candidate, "postgresql.recovery_conf", "{recovery_min_apply_delay: 3s}", "")
		l.await(
			"the delay",
			20*time.Second,
			func() bool { return l.sql(l.candidate, "SHOW recovery_min_apply_delay") == "3s" },
		)
	}, want: goes, warns: "candidate.apply_delay", because: "a promotion does not wait for the delay"},
	{
		name:    "check_timeline on",
		arrange: func(l *lab) { l.edit("check_timeline=true") },
		want:    goes,
		because: "the timelines agree",
	},
	{
		name:    "a prepared transaction",
		arrange: (*lab).prepared,
		want:    goes,
		warns:   "shutdown.sessions",
		because: "it survives",
	},
	{
		name:    "unlogged tables",
		on:      "bookworm",
		arrange: (*lab).unlogged,
		want:    goes,
		warns:   "data.unlogged",
		because: "they are emptied, as intended for unlogged tables",
	},
	{name: "settings wait for a restart", arrange: func(l *lab) {
		l.edit("postgresql.parameters.max_connections=60")
		l.await(
			"pending_restart",
			20*time.Second,
			func() bool { return strings.Contains(l.key("members/"+l.candidate), "pending_restart") },
		)
	}, want: goes, warns: "settings.pending_restart", because: "PostgreSQL runs with the old values"},
	{
		name:    "pg_rewind off",
		on:      "sid",
		arrange: func(l *lab) { l.edit("postgresql.use_pg_rewind=false") },
		want:    goes,
		warns:   "wayback.rewind",
		because: "a clean switchover does not need pg_rewind",
	},
	{name: "different failover priorities", arrange: func(l *lab) {
		l.tag(l.candidate, "failover_priority", "1")
		l.tag(l.bystander, "failover_priority", "5")
	}, want: goes, because: "the candidate is named"},
	{
		name:    "candidate tagged noloadbalance",
		on:      "bookworm",
		arrange: func(l *lab) { l.tag(l.candidate, "noloadbalance", "true") },
		want:    goes,
		because: "503 from /replica is not a fault",
	},
	{
		name:    "slots not used",
		on:      "sid",
		arrange: func(l *lab) { l.edit("postgresql.use_slots=false"); time.Sleep(4 * time.Second) },
		want:    goes,
		because: "wal_keep_size holds the WAL",
	},
	{
		name:    "failsafe mode configured",
		arrange: func(l *lab) { l.edit("failsafe_mode=true") },
		want:    goes,
		because: "it is not active",
	},
	{
		name:    "ttl too short for loop_wait",
		on:      "sid",
		arrange: func(l *lab) { l.edit("ttl=20", "loop_wait=10", "retry_timeout=8") },
		want:    goes,
		warns:   "dcs.config",
		because: "Patroni adjusts it since 3.2.0",
	},
	{
		name:    "a base backup is being taken",
		arrange: (*lab).baseBackup,
		want:    goes,
		warns:   "shutdown.sessions",
		because: "the switchover ends it, without other damage",
	},
	{
		name:    "collation versions as of another C library",
		arrange: (*lab).collation,
		want:    goes,
		warns:   "data.collations",
		because: "leader and candidate have the same C library",
	},
	{
		name:    "healthy, under heavier writes",
		on:      "sid",
		arrange: (*lab).heavierWrites,
		want:    goes,
		because: "the candidate keeps up",
	},
	{
		name:      "scheduled for tomorrow",
		arrange:   func(*lab) {},
		scheduled: "tomorrow",
		want:      goes,
		warns:     "schedule.unjudged",
		because:   "Patroni accepts and stores the request",
	},
	{
		name:    "archiving fails",
		on:      "bookworm",
		arrange: (*lab).failingArchiver,
		want:    goes,
		warns:   "shutdown.archiver",
		because: "Patroni releases the leader key before the archiver has finished",
	},
	{
		name:    "a session in a long query on the candidate",
		arrange: (*lab).longQuery,
		want:    goes,
		because: "nothing is left to replay",
	},
	{
		name:       "a member to be removed: bystander stopped, key still there",
		arrange:    (*lab).stoppedBystander,
		fromLeader: true,
		want:       goes,
		because:    "it is not the candidate",
	},
	{
		name:    "synchronous mode with two synchronous standbys",
		on:      "bookworm",
		arrange: func(l *lab) { l.edit("synchronous_node_count=2"); l.synchronous() },
		want:    goes,
		because: "the candidate is in /sync",
	},

	// What holds up the shutdown.
	{
		name:    "pg_receivewal frozen with a backlog",
		arrange: func(l *lab) { l.receivewal("backlog") },
		limit:   70 * time.Second,
		want:    noGo,
		by:      "shutdown.walsenders",
		because: "PostgreSQL waits until wal_sender_timeout, meanwhile without a primary",
	},
	{
		name:    "pg_receivewal frozen, nothing unsent",
		on:      "sid",
		arrange: func(l *lab) { l.receivewal("frozen") },
		limit:   70 * time.Second,
		want:    noGo,
		by:      "shutdown.walsenders",
		policy:  true,
		because: "the old leader cannot stop before wal_sender_timeout",
	},
	{
		name:    "pg_receivewal frozen with a backlog, no wal_sender_timeout",
		on:      "bookworm",
		arrange: func(l *lab) { l.receivewal("unlimited") },
		limit:   40 * time.Second,
		want:    noGo,
		by:      "shutdown.walsenders",
		because: "PostgreSQL waits indefinitely",
	},
	{
		name:    "bystander's WAL receiver frozen with a backlog",
		arrange: (*lab).frozenBystander,
		limit:   70 * time.Second,
		want:    noGo,
		by:      "shutdown.walsenders",
		because: "PostgreSQL waits for it, too",
	},
	{
		name:    "logical consumer frozen with a backlog",
		on:      "sid",
		arrange: (*lab).frozenLogical,
		limit:   70 * time.Second,
		want:    noGo,
		by:      "shutdown.walsenders",
		because: "PostgreSQL waits for it, too",
	},

	// What is left behind.
	{
		name:    "logical slot that nobody declared",
		arrange: func(l *lab) { l.logicalSlot("cdc") },
		want:    noGo,
		by:      "slots.logical",
		because: "the slot is lost after the switchover",
	},
	{
		name:    "logical slot that nobody declared, Patroni 3.0",
		on:      "bookworm",
		arrange: func(l *lab) { l.logicalSlot("cdc") },
		want:    noGo,
		by:      "slots.logical",
		because: "the slot is lost after the switchover",
	},
	{
		name:    "candidate's pg_hba.conf lets no replica in",
		arrange: (*lab).hbaRefusesReplicas,
		want:    noGo,
		by:      "wayback.hba",
		because: "the old leader cannot follow",
	},
	{
		name:    "replication role may not log in",
		on:      "sid",
		arrange: (*lab).replicatorNoLogin,
		want:    noGo,
		by:      "wayback.role",
		because: "no member can follow the new leader",
	},
	{
		name:    "an extension's files are missing on the candidate",
		arrange: (*lab).missingExtension,
		want:    noGo,
		by:      "data.extensions",
		policy:  true,
		because: "its functions fail after the switchover",
	},
	{
		name:    "archiving on the leader, none on the candidate",
		on:      "sid",
		arrange: (*lab).archiveDiffers,
		want:    noGo,
		by:      "settings.differ",
		policy:  true,
		because: "the archive ends with the switchover",
	},

	// What Patroni refuses.
	{name: "quorum mode, candidate tagged nosync", arrange: func(l *lab) {
		l.tag(l.candidate, "nosync", "true")
		l.edit("synchronous_mode=quorum")
		l.await(
			"the bystander in /sync",
			30*time.Second,
			func() bool { return strings.Contains(l.key("sync"), `"sync_standby":"`+l.bystander+`"`) },
		)
		time.Sleep(2 * time.Second)
	}, want: noGo, by: "candidate.sync", because: "the leader refuses a candidate outside /sync"},
	{name: "synchronous mode, nobody may be synchronous", arrange: func(l *lab) {
		l.tag(l.candidate, "nosync", "true")
		l.tag(l.bystander, "nosync", "true")
		l.edit("synchronous_mode=on")
		l.await("/sync", 20*time.Second, func() bool { return l.key("sync") != "" })
	}, want: noGo, by: "candidate.sync", because: "Patroni refuses with 412"},
	{
		name:    "check_timeline on, candidate on an older timeline",
		on:      "sid",
		arrange: func(l *lab) { l.edit("check_timeline=true"); l.olderTimeline() },
		want:    noGo,
		by:      "candidate.timeline",
		because: "the leader refuses it",
	},
	{
		name:      "scheduled for yesterday",
		arrange:   func(*lab) {},
		scheduled: "yesterday",
		want:      noGo,
		by:        "schedule.time",
		because:   "Patroni refuses with 422",
	},
	{
		name:      "scheduled in maintenance mode",
		on:        "bookworm",
		arrange:   (*lab).pause,
		scheduled: "tomorrow",
		want:      noGo,
		by:        "schedule.time",
		because:   "patronictl refuses",
	},
	{
		name:    "etcd out of space",
		on:      "sid",
		arrange: (*lab).noSpace,
		want:    noGo,
		by:      "dcs.alarms",
		because: "etcd cannot store the request",
	},
	{name: "the leader's REST port is closed to the others", arrange: func(l *lab) {
		leader := l.leader
		l.sh(leader, "iptables -A INPUT -p tcp --dport 8008 ! -i lo -j REJECT --reject-with tcp-reset")
		l.undo(func() { l.in(leader, "iptables -F") })
	}, want: noGo, by: "leader.rest", policy: true, because: "patronictl then writes the request to the DCS itself, " +
		"without any check"},
	{
		name:    "maximum_lag_on_failover \"10MB\", Patroni 3.0",
		on:      "bookworm",
		arrange: func(l *lab) { l.edit("maximum_lag_on_failover=10MB") },
		want:    noGo,
		by:      "dcs.config",
		policy:  true,
		because: "Patroni before 3.0.3 then ignores the whole configuration",
	},

	// Candidates that lose rows.
	{
		name:    "candidate tagged nostream",
		on:      "sid",
		arrange: (*lab).noStream,
		want:    noGo,
		by:      "candidate.streaming",
		because: "it reads WAL from an archive only, and the cluster has no archive",
	},
	{
		name:    "a restart of the candidate is due in five minutes",
		arrange: (*lab).restartSoon,
		want:    noGo,
		by:      "restart.scheduled",
		policy:  true,
		because: "the new leader would restart shortly after the switchover",
	},
}

func (l *lab) quorum() {
	l.edit("synchronous_mode=quorum", "synchronous_node_count=1")
	l.await("both in /sync", 30*time.Second, func() bool {
		s := l.key("sync")
		return strings.Contains(s, "node1") && strings.Contains(s, "node2") && strings.Contains(s, "node3")
	})
	time.Sleep(3 * time.Second)
}

func (l *lab) cascade(node, upstream string) {
	l.tag(node, "replicatefrom", upstream)
	l.await(node+" to stream from "+upstream, 40*time.Second, func() bool { return l.streams(node, upstream) })
	time.Sleep(3 * time.Second)
}

func (l *lab) cutOff(node string) {
	leader := l.leader
	l.cut(node)
	l.sql(leader, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = '"+node+"'")
	l.await("it not to stream", 20*time.Second, func() bool { return !l.streams(node, leader) })
	time.Sleep(3 * time.Second)
}

// run starts a program in a node's container that goes on in the background.
func (l *lab) run(node, name string, args ...string) {
	l.t.Helper()
	must(l, "docker", append([]string{"exec", "-d", "-e", "PGPASSWORD=replicator", l.container(node), name}, args...)...)
	l.undo(func() { l.in(node, "pkill -CONT -x "+name+"; pkill -KILL -x "+name+"; true") })
}

// receivewal runs pg_receivewal on the bystander, frozen on demand.
func (l *lab) receivewal(how string) {
	timeout := "50s"
	if how == "unlimited" {
		timeout = "0"
	}
	if how != "" {
		l.edit("postgresql.parameters.wal_sender_timeout=" + timeout)
		l.await(
			"wal_sender_timeout",
			20*time.Second,
			func() bool { return l.sql(l.leader, "SHOW wal_sender_timeout") == timeout },
		)
	}
	l.sh(l.bystander, "mkdir -p /tmp/wal")
	l.run(
		l.bystander,
		"pg_receivewal",
		"-h",
		l.ip(l.leader),
		"-U",
		"replicator",
		"-D",
		"/tmp/wal",
		"--no-loop",
		"--synchronous",
	)
	bystander := l.bystander
	l.undo(func() { l.in(bystander, "rm -rf /tmp/wal") })
	l.await("pg_receivewal to stream", 20*time.Second, func() bool {
		return l.sql(
			l.leader,
			"SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND state = 'streaming' AND "+
				"flush_lsn IS NOT NULL",
		) == "1"
	})
	if how == "" {
		time.Sleep(2 * time.Second)
		return
	}
	l.signal(l.bystander, "STOP", "-x pg_receivewal")
	if how == "frozen" {
		time.Sleep(26 * time.Second)
		return
	}
	l.ballast(60_000_000)
	time.Sleep(13 * time.Second)
}

func (l *lab) frozenBystander() {
	l.edit("postgresql.parameters.wal_sender_timeout=50s")
	l.await(
		"wal_sender_timeout",
		20*time.Second,
		func() bool { return l.sql(l.leader, "SHOW wal_sender_timeout") == "50s" },
	)
	l.freeze(l.bystander, "-f '[w]alreceiver'")
	l.ballast(60_000_000)
	time.Sleep(13 * time.Second)
}

func (l *lab) logicalSlot(name string) {
	l.sql(l.leader, "SELECT pg_create_logical_replication_slot('"+name+"', 'pgoutput')")
	l.undo(func() { l.dropSlot(name) })
	time.Sleep(3 * time.Second)
}

func (l *lab) dropSlot(name string) {
	for _, n := range nodes {
		l.trySQL(
			n,
			"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '"+name+"' AND NOT active",
		)
	}
}

func (l *lab) permanentLogicalSlot() {
	l.edit("slots.cdc.type=logical", "slots.cdc.database=postgres", "slots.cdc.plugin=pgoutput")
	l.undo(func() { l.dropSlot("cdc") })
	leader, candidate := l.leader, l.candidate
	ready := func(n string) string {
		out, _ := l.trySQL(
			n,
			"SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'cdc' AND catalog_xmin IS NOT NULL",
		)
		return out
	}
	l.await("the slot on the leader", 30*time.Second, func() bool { return ready(leader) == "1" })
	// Patroni copies a slot once the standby's feedback has arrived.
	l.await("the slot on the candidate", 60*time.Second, func() bool { return ready(candidate) == "1" })
	time.Sleep(5 * time.Second)
}

// frozenLogical is a logical consumer of a permanent slot that takes nothing more.
func (l *lab) frozenLogical() {
	l.edit("postgresql.parameters.wal_sender_timeout=50s")
	l.await(
		"wal_sender_timeout",
		20*time.Second,
		func() bool { return l.sql(l.leader, "SHOW wal_sender_timeout") == "50s" },
	)
	l.consumer()
	l.signal(l.bystander, "STOP", "-x pg_recvlogical")
	l.ballast(60_000_000)
	time.Sleep(14 * time.Second)
}

func (l *lab) prepared() {
	l.sql(l.leader, "BEGIN; INSERT INTO ballast VALUES ('two phases'); PREPARE TRANSACTION 'e2e'")
	l.undo(func() {
		for _, n := range l.primaries() {
			l.trySQL(n, "ROLLBACK PREPARED 'e2e'")
		}
	})
	time.Sleep(time.Second)
}

func (l *lab) unlogged() {
	l.sql(l.leader, "CREATE UNLOGGED TABLE IF NOT EXISTS scratch (x int)")
	l.undo(func() {
		for _, n := range l.primaries() {
			l.trySQL(n, "DROP TABLE scratch")
		}
	})
	time.Sleep(time.Second)
}

func (l *lab) baseBackup() {
	l.ballast(30_000_000)
	bystander := l.bystander
	l.undo(func() { l.in(bystander, "rm -rf /tmp/backup") })
	l.run(
		bystander,
		"pg_basebackup",
		"-h",
		l.ip(l.leader),
		"-U",
		"replicator",
		"-D",
		"/tmp/backup",
		"--max-rate=1M",
		"--checkpoint=fast",
		"-X",
		"none",
	)
	l.await("the backup", 20*time.Second, func() bool {
		return l.sql(l.leader, "SELECT count(*) FROM pg_stat_progress_basebackup") == "1"
	})
	time.Sleep(2 * time.Second)
}

func (l *lab) collation() {
	l.sql(
		l.leader,
		"UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'postgres' AND datcollversion IS NOT NULL",
	)
	if l.sql(l.leader, "SELECT count(*) FROM pg_database WHERE datcollversion = '1.0'") == "0" {
		// The C locale has no version: a collation of ICU that a column uses has one.
		l.sql(
			l.leader,
			"CREATE TABLE sorted (x text COLLATE \"de-x-icu\"); UPDATE pg_collation SET collversion = '1.0' WHERE collname = "+
				"'de-x-icu'",
		)
	}
	l.undo(func() {
		for _, n := range l.primaries() {
			l.trySQL(n, "DROP TABLE IF EXISTS sorted")
			l.trySQL(n, "UPDATE pg_collation SET collversion = pg_collation_actual_version(oid) WHERE collversion = '1.0'")
			l.trySQL(
				n,
				"UPDATE pg_database SET datcollversion = pg_database_collation_actual_version(oid) WHERE datcollversion = '1.0'",
			)
		}
	})
	time.Sleep(time.Second)
}

// heavierWrites is about 2 MB a second.
func (l *lab) heavierWrites() {
	l.keepWriting("INSERT INTO ledger (note) SELECT repeat(md5(n::text), 30) FROM generate_series(1, 100) n RETURNING 1")
	time.Sleep(time.Second)
}

// restartAll restarts PostgreSQL everywhere, for settings that need it.
func (l *lab) restartAll() {
	l.t.Helper()
	leader := l.leader
	l.await(
		"pending_restart",
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+leader), "pending_restart") },
	)
	for _, n := range []string{l.bystander, l.candidate, leader} {
		if out, code := l.patronictl(n, 50*time.Second, "restart", "demo", n, "--force"); code != 0 {
			l.t.Fatalf("restart: exit %d\n%s", code, out)
		}
	}
	l.await(
		"all stream again",
		40*time.Second,
		func() bool { return l.streams(l.candidate, leader) && l.streams(l.bystander, leader) },
	)
	time.Sleep(2 * time.Second)
}

// withArchive turns archiving on. Going back needs restarts too, so the cluster
// is set up anew afterwards.
func (l *lab) withArchive(command string) {
	l.spoilt = true
	l.edit("postgresql.parameters.archive_mode=on", "postgresql.parameters.archive_command="+command)
	l.restartAll()
}

func (l *lab) failingArchiver() {
	l.withArchive("/bin/false")
	l.sql(l.leader, "SELECT pg_switch_wal()")
	l.await(
		"a failure",
		20*time.Second,
		func() bool { return l.sql(l.leader, "SELECT failed_count > 0 FROM pg_stat_archiver") == "t" },
	)
}

func (l *lab) archiveDiffers() {
	l.withArchive("/bin/true")
	l.set(l.candidate, "postgresql.parameters.archive_command", `""`, "")
	l.await("archive_command to be empty", 20*time.Second, func() bool {
		out, _ := l.trySQL(l.candidate, "SELECT setting FROM pg_settings WHERE name = 'archive_command'")
		return out == ""
	})
	time.Sleep(3 * time.Second)
}

func (l *lab) longQuery() {
	node := l.candidate
	must(
		l,
		"docker",
		"exec",
		"-d",
		l.container(node),
		"psql",
		"-X",
		"-q",
		"-h",
		"/run/postgresql",
		"-U",
		"postgres",
		"-c",
		"SELECT pg_sleep(300)",
	)
	l.undo(func() {
		for _, n := range nodes {
			l.trySQL(n, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(300)%'")
		}
	})
	time.Sleep(3 * time.Second)
}

// stoppedBystander is a machine that has just died: its key lives on for up to ttl.
func (l *lab) stoppedBystander() {
	bystander := l.bystander
	must(l, "docker", "kill", l.container(bystander))
	l.undo(func() { l.compose("start", bystander) })
	time.Sleep(time.Second)
}

func (l *lab) hbaRefusesReplicas() {
	grant := "GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO preflight; GRANT SELECT ON pg_hba_file_rules TO preflight"
	l.sql(l.leader, grant)
	l.undo(func() {
		for _, n := range l.primaries() {
			l.trySQL(n, strings.NewReplacer("GRANT", "REVOKE", " TO ", " FROM ").Replace(grant))
		}
	})
	hba := fmt.Sprintf(
		`["local all all trust", "host all all 127.0.0.1/32 scram-sha-256", "host all all %[1]s.0/24 scram-sha-256", "host `+
			`replication all 127.0.0.1/32 scram-sha-256"]`,
		l.net,
	)
	candidate := l.candidate
	l.set(candidate, "postgresql.pg_hba", hba, l.hba())
	l.await("the rules", 20*time.Second, func() bool {
		return l.sql(candidate, "SELECT count(*) FROM pg_hba_file_rules WHERE 'replication' = ANY (database)") == "1"
	})
	time.Sleep(2 * time.Second)
}

func (l *lab) replicatorNoLogin() {
	l.sql(l.leader, "ALTER ROLE replicator NOLOGIN")
	l.undo(func() {
		for _, n := range l.primaries() {
			l.trySQL(n, "ALTER ROLE replicator LOGIN")
		}
	})
	time.Sleep(2 * time.Second)
}

func (l *lab) missingExtension() {
	l.sql(l.leader, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
	node := l.candidate
	l.sh(node, "cd /usr/share/postgresql/*/extension && mkdir /tmp/away && mv pg_trgm* /tmp/away/")
	l.undo(func() {
		l.in(node, "mv /tmp/away/* /usr/share/postgresql/*/extension/ && rmdir /tmp/away")
		for _, n := range l.primaries() {
			l.trySQL(n, "DROP EXTENSION pg_trgm")
		}
	})
	time.Sleep(time.Second)
}

func (l *lab) noStream() {
	// It takes no WAL from now on, so that it can only be made anew.
	l.spoilt = true
	l.tag(l.candidate, "nostream", "true")
	candidate, leader := l.candidate, l.leader
	l.await("it not to stream", 40*time.Second, func() bool { return !l.streams(candidate, leader) })
	l.sql(leader, "INSERT INTO ledger (note) SELECT 'lost' FROM generate_series(1, 1000)")
	time.Sleep(3 * time.Second)
}

func (l *lab) restartSoon() {
	at := time.Now().Add(5 * time.Minute).UTC().Format("2006-01-02T15:04:05+00:00")
	candidate := l.candidate
	if out, code := l.patronictl(
		l.bystander,
		20*time.Second,
		"restart",
		"demo",
		candidate,
		"--force",
		"--scheduled",
		at,
	); code != 0 {
		l.t.Fatalf("schedule a restart: exit %d\n%s", code, out)
	}
	l.undo(func() { l.patronictl(l.bystander, 20*time.Second, "flush", "demo", candidate, "restart", "--force") })
	l.await(
		"the restart in the member key",
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+candidate), "scheduled_restart") },
	)
}

// noSpace raises etcd's alarm as a full database would.
func (l *lab) noSpace() {
	alarm := func(action pb.AlarmRequest_AlarmAction) error {
		return l.etcd(func(ctx context.Context, c *clientv3.Client) error {
			list, err := c.MemberList(ctx)
			if err != nil {
				return err
			}
			for _, m := range list.Members {
				r := &pb.AlarmRequest{Action: action, MemberID: m.ID, Alarm: pb.AlarmType_NOSPACE}
				if _, err := pb.NewMaintenanceClient(c.ActiveConnection()).Alarm(ctx, r); err != nil {
					return err
				}
			}
			return nil
		})
	}
	l.undo(func() {
		if err := alarm(pb.AlarmRequest_DEACTIVATE); err != nil {
			l.t.Errorf("disarm: %v", err)
		}
	})
	if err := alarm(pb.AlarmRequest_ACTIVATE); err != nil {
		l.t.Fatal(err)
	}
	time.Sleep(time.Second)
}
