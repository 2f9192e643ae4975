package preflight

import (
	"maps"
	"strings"
	"testing"
	"time"
)

func init() { maps.Copy(cases, shutdownCases) }

// leaderSQL is the leader's session, for a test to change.
func leaderSQL(s *Recording) *SQL { return s.member("node1").SQL.Value }

// consumerFrom adds a consumer of the leader's WAL on a machine.
func consumerFrom(s *Recording, addr string, age time.Duration, unsent, unconfirmed int64) {
	stalled(s, "cdc", age, unsent)
	rows := *leaderSQL(s).WalSenders.Value
	w := &rows[len(rows)-1]
	if addr != "" {
		w.ClientAddr = Known(addr)
	}
	have := Known(*leaderSQL(s).FlushLSN.Value - LSN(unconfirmed))
	w.WriteLSN, w.FlushLSN = have, have
}

// logically makes the last consumer that of a logical slot.
func logically(s *Recording) {
	rows := *leaderSQL(s).WalSenders.Value
	*leaderSQL(s).Slots.Value = append(*leaderSQL(s).Slots.Value, Slot{Name: "cdc", Type: "logical", Plugin: "pgoutput", Database: "postgres", Active: true, ActivePID: rows[len(rows)-1].PID, CatalogXmin: true})
}

// unconfirmedYet is what PostgreSQL 18 showed of a pg_recvlogical that was stopped
// before its first reply, while a transaction of 61 MB was decoded for it: sent_lsn
// is at the end, the confirmed positions are NULL, and the slot knows better.
func unconfirmedYet(s *Recording, silence time.Duration) {
	consumerFrom(s, elsewhere, silence, 0, 0)
	logically(s)
	rows, slots := *leaderSQL(s).WalSenders.Value, *leaderSQL(s).Slots.Value
	w := &rows[len(rows)-1]
	w.SentLSN = Known(*leaderSQL(s).FlushLSN.Value - 0x68)
	w.WriteLSN, w.FlushLSN, w.ReplayLSN = NotKnown[LSN](Absent, "NULL"), NotKnown[LSN](Absent, "NULL"), NotKnown[LSN](Absent, "NULL")
	slots[len(slots)-1].ConfirmedFlush = Known(*leaderSQL(s).FlushLSN.Value - 0x3ACB108)
}

const (
	elsewhere = "192.0.2.7"
	onNode3   = "10.77.9.23"
)

func leaderVersion(s *Recording, v string) { s.member("node1").Key.Value.Version = Known(v) }

func syncOn(s *Recording) {
	config4(s).SynchronousMode = Known("on")
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2"}})
}

func fails1(s *Recording) *Archiver {
	a := leaderSQL(s).Archiver.Value
	a.LastFailedAt, a.FailedCount, a.LastFailedWAL = Known(s.TakenAt), 7, "000000010000000000000005"
	return a
}

func schedule(s *Recording, at string) { s.Question.ScheduledAt = at }

func in(s *Recording, d time.Duration) string { return s.TakenAt.Add(d).UTC().Format(time.RFC3339) }

var shutdownCases = map[string][]breakage{
	"shutdown.walsenders": {
		{"a backlog not sent, silent for 13 s", "node1", func(s *Recording) { consumerFrom(s, elsewhere, 13*time.Second, 58<<20, 58<<20) }, Fail, ""},
		{"a backlog not confirmed, silent for 13 s", "node1", func(s *Recording) { consumerFrom(s, elsewhere, 13*time.Second, 0, 2<<20) }, Fail, ""},
		{"silent for longer than half the timeout, on a member's machine", "node1", func(s *Recording) { consumerFrom(s, onNode3, 40*time.Second, 0, 0) }, Fail, ""},
		{"the same on a machine of which the clock is not known", "node1", func(s *Recording) { consumerFrom(s, elsewhere, 40*time.Second, 0, 0) }, Fail, Warning},
		{"silent for 16 s with little to confirm", "node1", func(s *Recording) { consumerFrom(s, onNode3, 16*time.Second, 0, 100) }, Fail, Warning},
		{"a backlog, and a short timeout", "node1", func(s *Recording) {
			set(s, "node1", "wal_sender_timeout", "15000")
			consumerFrom(s, elsewhere, 13*time.Second, 58<<20, 58<<20)
		}, Fail, Warning},
		{"no timeout", "node1", func(s *Recording) {
			set(s, "node1", "wal_sender_timeout", "0")
			consumerFrom(s, elsewhere, 13*time.Second, 58<<20, 58<<20)
		}, Fail, ""},
		{"a member", "node1", func(s *Recording) {
			w := &(*leaderSQL(s).WalSenders.Value)[1]
			w.SentLSN, w.FlushLSN = Known(*leaderSQL(s).FlushLSN.Value-60<<20), Known(*leaderSQL(s).FlushLSN.Value-60<<20)
			w.ReplyTime = Known(leaderSQL(s).At.Value.Add(-13 * time.Second))
		}, Fail, ""},
		{"a backlog, and it answers", "node1", func(s *Recording) { consumerFrom(s, elsewhere, 3*time.Second, 58<<20, 58<<20) }, Pass, ""},
		{"idle, and replies every 10 s", "node1", func(s *Recording) { consumerFrom(s, elsewhere, 10*time.Second, 0, 0) }, Pass, ""},
		{"idle, and replies when it is asked to", "node1", func(s *Recording) { consumerFrom(s, elsewhere, 29*time.Second, 0, 0) }, Pass, ""},
		{"a member's clock is behind by a minute", "node1", func(s *Recording) {
			consumerFrom(s, onNode3, 65*time.Second, 0, 0)
			s.member("node3").SQL.Value.At = Known(s.member("node3").SQL.Value.At.Must().Add(-time.Minute))
		}, Pass, ""},
		{"a base backup", "node1", func(s *Recording) {
			consumerFrom(s, elsewhere, time.Hour, 1<<30, 1<<30)
			rows := *leaderSQL(s).WalSenders.Value
			rows[len(rows)-1].State = Known("backup")
		}, Pass, ""},
		{"a client that does not flush", "node1", func(s *Recording) {
			consumerFrom(s, elsewhere, 12*time.Second, 0, 0)
			rows := *leaderSQL(s).WalSenders.Value
			rows[len(rows)-1].FlushLSN = NotKnown[LSN](Absent, "NULL")
		}, Pass, ""},
		{"one large transaction for a logical client that has confirmed nothing yet", "node1", func(s *Recording) { unconfirmedYet(s, 16*time.Second) }, Fail, ""},
		{"the same, and it answers", "node1", func(s *Recording) { unconfirmedYet(s, time.Second) }, Pass, ""},
		{"it never said what it has", "node1", func(s *Recording) { unconfirmedYet(s, time.Second); *leaderSQL(s).Slots.Value = nil }, Fail, Warning},
		{"a backlog, and a server that does not tell when it replied", "node1", func(s *Recording) {
			consumerFrom(s, elsewhere, time.Second, 58<<20, 58<<20)
			rows := *leaderSQL(s).WalSenders.Value
			rows[len(rows)-1].ReplyTime = NotKnown[time.Time](Unsupport, "PostgreSQL 11")
		}, Fail, Warning},
		{"no right to see", "node1", func(s *Recording) { leaderSQL(s).WalSenders = NotKnown[[]WalSender](Privilege, "denied") }, Undecided, ""},
	},
	"shutdown.backlog": {
		{"a physical consumer", "node1", func(s *Recording) { consumerFrom(s, elsewhere, time.Second, 0, 9<<20) }, Fail, Warning},
		{"a physical one, far behind", "node1", func(s *Recording) { consumerFrom(s, elsewhere, time.Second, 0, 9<<30) }, Fail, Warning},
		{"a logical one", "node1", func(s *Recording) { consumerFrom(s, elsewhere, time.Second, 0, 9<<20); logically(s) }, Fail, Warning},
		{"a logical one, far behind", "node1", func(s *Recording) { consumerFrom(s, elsewhere, time.Second, 0, 300<<20); logically(s) }, Fail, ""},
		{"old Patroni", "node1", func(s *Recording) { leaderVersion(s, "2.1.1"); consumerFrom(s, elsewhere, time.Second, 0, 9<<20) }, Fail, Warning},
		{"8 MB", "node1", func(s *Recording) { consumerFrom(s, elsewhere, time.Second, 0, 8<<20) }, Pass, ""},
		{"no right to see", "node1", func(s *Recording) { leaderSQL(s).WalSenders = NotKnown[[]WalSender](Privilege, "denied") }, Undecided, ""},
	},
	"shutdown.archiver": {
		{"failing", "node1", func(s *Recording) { set(s, "node1", "archive_mode", "on"); fails1(s) }, Fail, Warning},
		{"failing after a success", "node1", func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			fails1(s).LastArchivedAt = Known(s.TakenAt.Add(-time.Second))
		}, Fail, Warning},
		{"failing, old Patroni", "node1", func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			fails1(s)
			leaderVersion(s, "2.1.1")
		}, Fail, ""},
		{"many wait", "node1", func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			leaderSQL(s).Archiver.Value.Ready = Known(11)
		}, Fail, Warning},
		{"works again", "node1", func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			fails1(s).LastArchivedAt = Known(s.TakenAt.Add(time.Second))
		}, Pass, ""},
		{"off since it failed", "node1", func(s *Recording) { fails1(s) }, Pass, ""},
		{"not seen how many wait", "node1", func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			leaderSQL(s).Archiver.Value.Ready = unknown[int]()
		}, Pass, ""},
		{"not to be had", "node1", func(s *Recording) { leaderSQL(s).Archiver = unknown[Archiver]() }, Undecided, ""},
	},
	"shutdown.checkpoint": {
		{"much to write", "node1", func(s *Recording) {
			set(s, "node1", "shared_buffers", "1048576")
			leaderSQL(s).FlushLSN = Known(LSN(20 << 30))
		}, Fail, Warning},
		{"no more than the buffers hold", "node1", func(s *Recording) { leaderSQL(s).FlushLSN = Known(LSN(20 << 30)) }, Pass, ""},
		{"not to be had", "node1", func(s *Recording) { leaderSQL(s).Checkpoint = unknown[Checkpoint]() }, Undecided, ""},
	},
	"shutdown.sessions": {
		{"a base backup", "node1", func(s *Recording) { leaderSQL(s).Activity.Value.BaseBackups = 1 }, Fail, Warning},
		{"prepared transactions", "node1", func(s *Recording) { leaderSQL(s).Activity.Value.PreparedTransactions = 2 }, Fail, Warning},
		{"a long transaction", "node1", func(s *Recording) { leaderSQL(s).Activity.Value.OldestTransactionSeconds = 61 }, Fail, Warning},
		{"a busy leader", "node1", func(s *Recording) {
			leaderSQL(s).Activity = Known(Activity{Sessions: 90, Active: 40, OldestTransactionSeconds: 60, OldestQuerySeconds: 60})
		}, Pass, ""},
		{"no right to see", "node1", func(s *Recording) { leaderSQL(s).Activity = NotKnown[Activity](Privilege, "denied") }, Undecided, ""},
	},
	"shutdown.stop_timeout": {
		{"in synchronous mode", "", func(s *Recording) { syncOn(s); config4(s).PrimaryStopTimeout = Known[int64](5) }, Fail, Warning},
		{"without", "", func(s *Recording) { config4(s).PrimaryStopTimeout = Known[int64](5) }, Pass, ""},
		{"garbled", "", func(s *Recording) { config4(s).PrimaryStopTimeout = unknown[int64]() }, Undecided, ""},
	},
	"shutdown.early_release": {
		{"3.0.2, slower than another", "node2", func(s *Recording) { leaderVersion(s, "3.0.2"); lag(s, "node2", 10<<10) }, Fail, ""},
		{"3.0.2, slower by what the leader may have written meanwhile", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			lag(s, "node2", 100<<10)
			leaderSQL(s).FlushLSNAfter = Known(*leaderSQL(s).FlushLSN.Value + 100<<10)
		}, Fail, Warning},
		{"3.0.2, slower, and how much the leader wrote is not known", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			lag(s, "node2", 100<<10)
			leaderSQL(s).FlushLSNAfter = unknown[LSN]()
		}, Fail, Warning},
		{"3.0.2, much slower than another", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			config4(s).MaximumLag = Known("10000000")
			lag(s, "node2", 2<<20)
		}, Fail, ""},
		{"3.0.2, both behind", "node2", func(s *Recording) { leaderVersion(s, "3.0.2"); lag(s, "node2", 500<<10); lag(s, "node3", 500<<10) }, Pass, ""},
		{"3.0.2, slower than another that only the leader sees", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			lag(s, "node2", 10<<10)
			s.member("node3").SQL = unknown[SQL]()
		}, Fail, ""},
		{"3.0.2, level with another that only the leader sees", "node2", func(s *Recording) { leaderVersion(s, "3.0.2"); s.member("node3").SQL = unknown[SQL]() }, Pass, ""},
		{"3.0.2, and another that is not there at all", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			s.member("node3").SQL = unknown[SQL]()
			*leaderSQL(s).WalSenders.Value = (*leaderSQL(s).WalSenders.Value)[:1]
		}, Pass, ""},
		{"3.0.2, and how far another is was not seen", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			s.member("node3").SQL = unknown[SQL]()
			(*leaderSQL(s).WalSenders.Value)[1].FlushLSN = NotKnown[LSN](Absent, "NULL")
		}, Undecided, ""},
		{"3.1.0, and how far another is was not seen", "node2", func(s *Recording) {
			leaderVersion(s, "3.1.0")
			s.member("node3").SQL = unknown[SQL]()
			(*leaderSQL(s).WalSenders.Value)[1].FlushLSN = NotKnown[LSN](Absent, "NULL")
		}, Pass, ""},
		{"3.1.0", "node2", func(s *Recording) { leaderVersion(s, "3.1.0"); lag(s, "node2", 500<<10) }, Pass, ""},
		{"2.1.1", "node2", func(s *Recording) { leaderVersion(s, "2.1.1"); lag(s, "node2", 500<<10) }, Pass, ""},
		{"no position", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, SkippedFor, ""},
		{"no version", "node2", func(s *Recording) { s.member("node1").Key.Value.Version = unknown[string]() }, Undecided, ""},
	},
	"leader.checkpoint": {
		{"just promoted", "node1", func(s *Recording) { s.member("node1").Key.Value.CheckpointAfterPromote = Known(false) }, Fail, Warning},
		{"garbled", "node1", func(s *Recording) { s.member("node1").Key.Value.CheckpointAfterPromote = unknown[bool]() }, Undecided, ""},
	},
	"schedule.time": {
		{"in the past", "", func(s *Recording) { schedule(s, in(s, -time.Minute)) }, Fail, ""},
		{"in maintenance mode", "", func(s *Recording) { schedule(s, in(s, time.Hour)); config4(s).Pause = Known(true) }, Fail, ""},
		{"no time", "", func(s *Recording) { schedule(s, "tomorrow at noon") }, Fail, ""},
		{"no zone", "", func(s *Recording) { schedule(s, "2027-01-01T03:00") }, Fail, Warning},
		{"in the future", "", func(s *Recording) { schedule(s, in(s, time.Minute)) }, Pass, ""},
		{"with a space and no colon", "", func(s *Recording) { schedule(s, "2027-01-01 03:00 +0100") }, Pass, ""},
		{"now", "", func(s *Recording) { schedule(s, "now"); config4(s).Pause = Known(true) }, Pass, ""},
		{"no pause to be had", "", func(s *Recording) { schedule(s, in(s, time.Hour)); config4(s).Pause = unknown[bool]() }, Undecided, ""},
	},
	"schedule.unjudged": {
		{"scheduled", "", func(s *Recording) { schedule(s, in(s, time.Hour)) }, Fail, Warning},
		{"no answer of the DCS", "", func(s *Recording) { s.DCS.Read = unknown[int]() }, SkippedFor, ""},
	},
	"schedule.clock": {
		{"ahead", "node1", func(s *Recording) {
			schedule(s, in(s, time.Hour))
			s.member("node1").REST.Value.Date = Known(s.member("node1").REST.Stamp.At.Add(time.Minute))
		}, Fail, Warning},
		{"behind", "node1", func(s *Recording) {
			schedule(s, in(s, time.Hour))
			s.member("node1").REST.Value.Date = Known(s.member("node1").REST.Stamp.At.Add(-time.Minute))
		}, Fail, Warning},
		{"right", "node1", func(s *Recording) { schedule(s, in(s, time.Hour)) }, Pass, ""},
		{"no date", "node1", func(s *Recording) { s.member("node1").REST.Value.Date = unknown[time.Time]() }, Undecided, ""},
	},
	"restart.scheduled": {
		{"of the candidate, soon", "node2", func(s *Recording) { s.member("node2").Key.Value.ScheduledRestart = Known(in(s, 5*time.Minute)) }, Fail, ""},
		{"of the leader, soon", "node1", func(s *Recording) { s.member("node1").Key.Value.ScheduledRestart = Known(in(s, 5*time.Minute)) }, Fail, ""},
		{"later", "node2", func(s *Recording) { s.member("node2").Key.Value.ScheduledRestart = Known(in(s, time.Hour)) }, Fail, Warning},
		{"when a switchover is scheduled", "node2", func(s *Recording) {
			schedule(s, in(s, time.Hour))
			s.member("node2").Key.Value.ScheduledRestart = Known(in(s, 65*time.Minute))
		}, Fail, ""},
		{"garbled", "node2", func(s *Recording) { s.member("node2").Key.Value.ScheduledRestart = unknown[string]() }, Undecided, ""},
	},
}

// TestConsumersByName: the finding names the client, so that it can be found.
func TestConsumersByName(t *testing.T) {
	s := healthy(t)
	consumerFrom(s, elsewhere, 13*time.Second, 58<<20, 58<<20)
	text := resultOf(t, Judge(s.Snapshot, s.Question, Policies{}), "shutdown.walsenders", "node1").Findings[0].Sentence()
	for _, want := range []string{`"cdc" from 192.0.2.7, pid 4711`, "58.0 MB not sent", "pg_terminate_backend(4711)", "60 s (wal_sender_timeout)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}

func TestParseSchedule(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-01T03:00:00+00:00": "2026-12-01T03:00:00Z", "2026-12-01T03:00Z": "2026-12-01T03:00:00Z",
		"2026-12-01 03:00:00.5+01:00": "2026-12-01T02:00:00.5Z", "2026-12-01T03:00+0530": "2026-11-30T21:30:00Z",
	} {
		at, zoned, ok := parseSchedule(text)
		if !ok || !zoned || at.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %s, %t, %t", text, at.UTC(), zoned, ok)
		}
	}
	if _, zoned, ok := parseSchedule("2026-12-01 03:00"); !ok || zoned {
		t.Error("a time without a zone")
	}
	if _, _, ok := parseSchedule("3 am"); ok {
		t.Error("no time at all")
	}
}
