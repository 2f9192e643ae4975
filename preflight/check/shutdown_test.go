package check_test

import (
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// unconfirmedYet is what PostgreSQL 18 showed of a pg_recvlogical that was stopped
// before its first reply, while a transaction of 61 MB was decoded for it: sent_lsn
// is at the end, the confirmed positions are NULL, and the slot knows better.
func unconfirmedYet(s *fact.Recording, silence time.Duration) {
	facttest.ConsumerFrom(s, facttest.Elsewhere, silence, 0, 0)
	facttest.Logically(s)
	rows, slots := *facttest.LeaderSQL(s).WalSenders.Value, *facttest.LeaderSQL(s).Slots.Value
	w := &rows[len(rows)-1]
	w.SentLSN = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value - 0x68)
	w.WriteLSN, w.FlushLSN, w.ReplayLSN = fact.NotKnown[fact.LSN](
		fact.Absent,
		"NULL",
	), fact.NotKnown[fact.LSN](
		fact.Absent,
		"NULL",
	), fact.NotKnown[fact.LSN](
		fact.Absent,
		"NULL",
	)
	slots[len(slots)-1].ConfirmedFlush = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value - 0x3ACB108)
}

// TestConsumersByName: the finding names the client, so that it can be found.
func TestConsumersByName(t *testing.T) {
	s := facttest.Healthy(t)
	facttest.ConsumerFrom(s, facttest.Elsewhere, 13*time.Second, 58<<20, 58<<20)
	text := facttest.ResultOf(
		t,
		preflight.Judge(s.Snapshot, s.Question, check.Policies{}),
		"shutdown.walsenders",
		"node1",
	).Findings[0].Sentence()
	for _, want := range []string{
		`"cdc" from 192.0.2.7, pid 4711`,
		"58.0 MB not sent",
		"pg_terminate_backend(4711)",
		"60 s (wal_sender_timeout)",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}

// watched says what was seen of the last walsender: the bytes that were sent to it
// meanwhile, and whether it replied.
func watched(s *fact.Recording, sent int64, replied bool) {
	rows := *facttest.LeaderSQL(s).WalSenders.Value
	w := &rows[len(rows)-1]
	at := w.SentLSN.Must()
	have := w.FlushLSN.OrZero()
	w.Confirmed = fact.Known(fact.Confirmation{
		Target: facttest.LeaderSQL(s).FlushLSN.Must(), First: have, Last: have, Seconds: 1.5,
		SentFirst: at, SentLast: at + fact.LSN(sent), Replied: replied,
	})
}

var shutdownCases = map[string][]breakage{
	"shutdown.walsenders": {
		{
			"a backlog not sent, silent for 13 s",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 13*time.Second, 58<<20, 58<<20) },
			check.Fail,
			"",
		},
		{
			"a backlog not confirmed, silent for 13 s, and nobody watched",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 13*time.Second, 0, 2<<20) },
			check.Fail,
			"",
		},
		{"all is sent, and it replies once a minute", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.OnNode3, 24*time.Second, 0, 2<<20)
			watched(s, 0, false)
		}, check.Fail, check.Warning},
		{"all is sent to a logical consumer, which confirms nothing for 17 s", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.OnNode3, 17*time.Second, 0, 58<<20)
			facttest.Logically(s)
			watched(s, 0, false)
		}, check.Fail, ""},
		{"a logical consumer whose clock is an hour off", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Hour, 0, 2<<20)
			facttest.Logically(s)
			watched(s, 0, false)
		}, check.Fail, check.Warning},
		{"all is sent, and it did not reply when it was asked", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.OnNode3, 40*time.Second, 0, 2<<20)
			watched(s, 0, false)
		}, check.Fail, ""},
		{"much is unsent, and nothing goes", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, 3*time.Second, 58<<20, 58<<20)
			watched(s, 0, false)
		}, check.Fail, ""},
		{"much is unsent, and it goes", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, 3*time.Second, 58<<20, 58<<20)
			watched(s, 1<<20, false)
		}, check.Pass, ""},
		{"a clock an hour off, and it replies", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Hour, 0, 2<<20)
			watched(s, 0, true)
		}, check.Pass, ""},
		{"a clock an hour off, and no reply was seen", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Hour, 0, 2<<20)
			watched(s, 0, false)
		}, check.Fail, check.Warning},
		{"no limit, and it confirms whole files", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "wal_sender_timeout", "0")
			facttest.ConsumerFrom(s, facttest.OnNode3, 3*time.Second, 0, 2<<20)
			rows := *facttest.LeaderSQL(s).WalSenders.Value
			rows[len(rows)-1].WriteLSN = rows[len(rows)-1].SentLSN
			watched(s, 0, false)
		}, check.Fail, check.Warning},
		{"a bystander to which nothing arrives", "node1", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node3", 660<<10, 0)
		}, check.Fail, ""},
		{"a bystander to which it arrives slowly", "node1", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node3", 660<<10, 300<<10)
		}, check.Pass, ""},
		{"the candidate, which candidate.confirms reports", "node1", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node2", 660<<10, 0)
		}, check.Pass, ""},
		{
			"silent for longer than half the timeout, on a member's machine",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.OnNode3, 40*time.Second, 0, 0) },
			check.Fail,
			"",
		},
		{
			"the same on a machine of which the clock is not known",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 40*time.Second, 0, 0) },
			check.Fail,
			check.Warning,
		},
		{
			"silent for 16 s with little to confirm",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.OnNode3, 16*time.Second, 0, 100) },
			check.Fail,
			check.Warning,
		},
		{"a backlog, and a short timeout", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "wal_sender_timeout", "15000")
			facttest.ConsumerFrom(s, facttest.Elsewhere, 13*time.Second, 58<<20, 58<<20)
		}, check.Fail, check.Warning},
		{"no timeout", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "wal_sender_timeout", "0")
			facttest.ConsumerFrom(s, facttest.Elsewhere, 13*time.Second, 58<<20, 58<<20)
		}, check.Fail, ""},
		{"a member, and nobody watched", "node1", func(s *fact.Recording) {
			w := &(*facttest.LeaderSQL(s).WalSenders.Value)[1]
			w.Confirmed = fact.Observed[fact.Confirmation]{}
			w.SentLSN, w.FlushLSN = fact.Known(
				*facttest.LeaderSQL(s).FlushLSN.Value-60<<20,
			), fact.Known(
				*facttest.LeaderSQL(s).FlushLSN.Value-60<<20,
			)
			w.ReplyTime = fact.Known(facttest.LeaderSQL(s).At.Value.Add(-13 * time.Second))
		}, check.Fail, ""},
		{
			"a backlog, and it answers",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 3*time.Second, 58<<20, 58<<20) },
			check.Pass,
			"",
		},
		{
			"idle, and replies every 10 s",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 10*time.Second, 0, 0) },
			check.Pass,
			"",
		},
		{
			"idle, and replies when it is asked to",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 29*time.Second, 0, 0) },
			check.Pass,
			"",
		},
		{"a member's clock is behind by a minute", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.OnNode3, 65*time.Second, 0, 0)
			facttest.Member(s.Snapshot, "node3").SQL.Value.At = fact.Known(
				facttest.Member(s.Snapshot, "node3").SQL.Value.At.Must().Add(-time.Minute),
			)
		}, check.Pass, ""},
		{"a base backup", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Hour, 1<<30, 1<<30)
			rows := *facttest.LeaderSQL(s).WalSenders.Value
			rows[len(rows)-1].State = fact.Known("backup")
		}, check.Pass, ""},
		{"a client that does not flush", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, 12*time.Second, 0, 0)
			rows := *facttest.LeaderSQL(s).WalSenders.Value
			rows[len(rows)-1].FlushLSN = fact.NotKnown[fact.LSN](fact.Absent, "NULL")
		}, check.Pass, ""},
		{
			"one large transaction for a logical client that has confirmed nothing yet",
			"node1",
			func(s *fact.Recording) { unconfirmedYet(s, 16*time.Second) },
			check.Fail,
			"",
		},
		{"the same, and it answers", "node1", func(s *fact.Recording) { unconfirmedYet(s, time.Second) }, check.Pass, ""},
		{
			"it never said what it has",
			"node1",
			func(s *fact.Recording) { unconfirmedYet(s, time.Second); *facttest.LeaderSQL(s).Slots.Value = nil },
			check.Fail,
			check.Warning,
		},
		{"a backlog, and a server that does not tell when it replied", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 58<<20, 58<<20)
			rows := *facttest.LeaderSQL(s).WalSenders.Value
			rows[len(rows)-1].ReplyTime = fact.NotKnown[time.Time](fact.Unsupport, "PostgreSQL 11")
		}, check.Fail, check.Warning},
		{"no right to see", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).WalSenders = fact.NotKnown[[]fact.WalSender](fact.Privilege, "denied")
		}, check.Undecided, ""},
	},
	"shutdown.backlog": {
		{
			"a physical consumer",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 9<<20) },
			check.Fail,
			check.Warning,
		},
		{
			"a physical one, far behind",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 9<<30) },
			check.Fail,
			check.Warning,
		},
		{"a logical one", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 9<<20)
			facttest.Logically(s)
		}, check.Fail, check.Warning},
		{"a logical one, far behind", "node1", func(s *fact.Recording) {
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 300<<20)
			facttest.Logically(s)
		}, check.Fail, ""},
		{"old Patroni", "node1", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "2.1.1")
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 9<<20)
		}, check.Fail, check.Warning},
		{
			"8 MB",
			"node1",
			func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 8<<20) },
			check.Pass,
			"",
		},
		{"no right to see", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).WalSenders = fact.NotKnown[[]fact.WalSender](fact.Privilege, "denied")
		}, check.Undecided, ""},
	},
	"shutdown.archiver": {
		{
			"failing",
			"node1",
			func(s *fact.Recording) { facttest.Set(s, "node1", "archive_mode", "on"); facttest.FailedOnce(s) },
			check.Fail,
			check.Warning,
		},
		{"failing after a success", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "on")
			facttest.FailedOnce(s).LastArchivedAt = fact.Known(s.TakenAt.Add(-time.Second))
		}, check.Fail, check.Warning},
		{"failing, old Patroni", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "on")
			facttest.FailedOnce(s)
			facttest.LeaderVersion(s, "2.1.1")
		}, check.Fail, ""},
		{"many wait", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "on")
			facttest.LeaderSQL(s).Archiver.Value.Ready = fact.Known(11)
		}, check.Fail, check.Warning},
		{"works again", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "on")
			facttest.FailedOnce(s).LastArchivedAt = fact.Known(s.TakenAt.Add(time.Second))
		}, check.Pass, ""},
		{"off since it failed", "node1", func(s *fact.Recording) { facttest.FailedOnce(s) }, check.Pass, ""},
		{"not seen how many wait", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "on")
			facttest.LeaderSQL(s).Archiver.Value.Ready = facttest.Unknown[int]()
		}, check.Pass, ""},
		{
			"not to be had",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Archiver = facttest.Unknown[fact.Archiver]() },
			check.Undecided,
			"",
		},
	},
	"shutdown.checkpoint": {
		{"much to write", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "shared_buffers", "1048576")
			facttest.LeaderSQL(s).FlushLSN = fact.Known(fact.LSN(20 << 30))
		}, check.Fail, check.Warning},
		{
			"no more than the buffers hold",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).FlushLSN = fact.Known(fact.LSN(20 << 30)) },
			check.Pass,
			"",
		},
		{
			"not to be had",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Checkpoint = facttest.Unknown[fact.Checkpoint]() },
			check.Undecided,
			"",
		},
	},
	"shutdown.sessions": {
		{
			"a base backup",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Activity.Value.BaseBackups = 1 },
			check.Fail,
			check.Warning,
		},
		{
			"prepared transactions",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Activity.Value.PreparedTransactions = 2 },
			check.Fail,
			check.Warning,
		},
		{
			"a long transaction",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Activity.Value.OldestTransactionSeconds = 61 },
			check.Fail,
			check.Warning,
		},
		{"a busy leader", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Activity = fact.Known(
				fact.Activity{Sessions: 90, Active: 40, OldestTransactionSeconds: 60, OldestQuerySeconds: 60},
			)
		}, check.Pass, ""},
		{"no right to see", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Activity = fact.NotKnown[fact.Activity](fact.Privilege, "denied")
		}, check.Undecided, ""},
	},
	"shutdown.stop_timeout": {
		{"in synchronous mode", "", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Dynamic(s).PrimaryStopTimeout = fact.Known[int64](5)
		}, check.Fail, check.Warning},
		{
			"without",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).PrimaryStopTimeout = fact.Known[int64](5) },
			check.Pass,
			"",
		},
		{
			"garbled",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).PrimaryStopTimeout = facttest.Unknown[int64]() },
			check.Undecided,
			"",
		},
	},
	"shutdown.early_release": {
		{
			"3.0.2, slower than another",
			"node2",
			func(s *fact.Recording) { facttest.LeaderVersion(s, "3.0.2"); facttest.Lag(s, "node2", 10<<10) },
			check.Fail,
			"",
		},
		{"3.0.2, slower by what the leader may have written meanwhile", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Lag(s, "node2", 100<<10)
			facttest.LeaderSQL(s).FlushLSNAfter = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value + 100<<10)
		}, check.Fail, check.Warning},
		{"3.0.2, slower, and how much the leader wrote is not known", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Lag(s, "node2", 100<<10)
			facttest.LeaderSQL(s).FlushLSNAfter = facttest.Unknown[fact.LSN]()
		}, check.Fail, check.Warning},
		{"3.0.2, much slower than another", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Dynamic(s).MaximumLag = fact.Known("10000000")
			facttest.Lag(s, "node2", 2<<20)
		}, check.Fail, ""},
		{"3.0.2, both behind", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Lag(s, "node2", 500<<10)
			facttest.Lag(s, "node3", 500<<10)
		}, check.Pass, ""},
		{"3.0.2, slower than another that only the leader sees", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Lag(s, "node2", 10<<10)
			facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
		}, check.Fail, ""},
		{"3.0.2, level with another that only the leader sees", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
		}, check.Pass, ""},
		{"3.0.2, and another that is not there at all", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
			*facttest.LeaderSQL(s).WalSenders.Value = (*facttest.LeaderSQL(s).WalSenders.Value)[:1]
		}, check.Pass, ""},
		{"3.0.2, and how far another is was not seen", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
			(*facttest.LeaderSQL(s).WalSenders.Value)[1].FlushLSN = fact.NotKnown[fact.LSN](fact.Absent, "NULL")
		}, check.Undecided, ""},
		{"3.1.0, and how far another is was not seen", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.1.0")
			facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
			(*facttest.LeaderSQL(s).WalSenders.Value)[1].FlushLSN = fact.NotKnown[fact.LSN](fact.Absent, "NULL")
		}, check.Pass, ""},
		{
			"3.1.0",
			"node2",
			func(s *fact.Recording) { facttest.LeaderVersion(s, "3.1.0"); facttest.Lag(s, "node2", 500<<10) },
			check.Pass,
			"",
		},
		{
			"2.1.1",
			"node2",
			func(s *fact.Recording) { facttest.LeaderVersion(s, "2.1.1"); facttest.Lag(s, "node2", 500<<10) },
			check.Pass,
			"",
		},
		{
			"no position",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Unknown[fact.SQL]() },
			check.Skipped,
			"",
		},
		{"no version", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Key.Value.Version = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
}
