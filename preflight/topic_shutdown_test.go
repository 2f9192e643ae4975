package preflight

import "time"

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
}
