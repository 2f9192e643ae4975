package preflight

import (
	"maps"
	"time"
)

func init() { maps.Copy(cases, fieldChecksCases) }

// standbySite makes the cluster a standby cluster, whose leader is in recovery.
func standbySite(s *Recording) {
	config4(s).StandbyCluster = Known(true)
	l := s.member("node1")
	l.Key.Value.Role, l.REST.Value.Role = Known("standby_leader"), Known("standby_leader")
	none := NotKnown[LSN](Absent, "in recovery")
	q, r := l.SQL.Value, l.REST.Value
	q.InRecovery, q.ReceiveLSN, q.ReplayLSN = Known(true), q.FlushLSN, q.FlushLSN
	q.FlushLSN, q.FlushLSNAfter = none, none
	r.Received, r.Replayed, r.Location = q.ReceiveLSN, q.ReplayLSN, none
	q.WalReceiver = Known(WalReceiver{Running: true, Status: Known("streaming"), Timeline: q.Timeline, SenderHost: Known(elsewhere)})
}

// syncRow changes sync_state of a row in the leader's pg_stat_replication.
func syncRow(s *Recording, app, state string) {
	rows := *leaderSQL(s).WalSenders.Value
	for i := range rows {
		if rows[i].ApplicationName == app {
			rows[i].SyncState = Known(state)
		}
	}
}

// serverVersion is that of every member, by SQL and by REST.
func serverVersion(s *Recording, num int) {
	for _, m := range s.Members {
		m.SQL.Value.ServerVersion, m.REST.Value.ServerVersion = Known(num), Known(num)
	}
}

func without3(s *Recording) {
	s.Members = s.Members[:2]
	leaderSQL(s).WalSenders = Known((*leaderSQL(s).WalSenders.Value)[:1])
}

func strictly(s *Recording) {
	syncOn(s)
	without3(s)
	config4(s).SynchronousModeStrict = Known(true)
}

func unequal(s *Recording) {
	syncOn(s)
	s.Question.Candidate = ""
	s.DCS.Cluster.Value.Sync.Value.Standbys = []string{"node2", "node3"}
	config4(s).SynchronousNodeCount = Known[int64](2)
	s.member("node3").Key.Value.Tags = Known(Tags{"failover_priority": float64(7)})
}

// by gives a release to the leader, whatever else is done.
func by(version string, do func(s *Recording)) func(s *Recording) {
	return func(s *Recording) { do(s); leaderVersion(s, version) }
}

// stuckDecoder is a logical client that has stopped reading: everything has been
// sent to it, it has confirmed nothing in this session, and its slot does not move.
func stuckDecoder(s *Recording, app string, unconfirmed int64) {
	stalled(s, app, 20*time.Second, 0)
	rows := *leaderSQL(s).WalSenders.Value
	w := &rows[len(rows)-1]
	w.ClientAddr = Known(elsewhere)
	w.WriteLSN, w.FlushLSN, w.ReplayLSN = NotKnown[LSN](Absent, "NULL"), NotKnown[LSN](Absent, "NULL"), NotKnown[LSN](Absent, "NULL")
	confirmed := Known(*leaderSQL(s).FlushLSN.Value - LSN(unconfirmed))
	slot(leaderSQL(s), Slot{
		Name: app, Type: "logical", Plugin: "pgoutput", Database: "app", Active: true, ActivePID: w.PID, CatalogXmin: true,
		RestartLSN: confirmed, ConfirmedFlush: confirmed,
	})
}

var fieldChecksCases = map[string][]breakage{
	"candidate.replay_paused": {
		{"PostgreSQL 17", "node2", func(s *Recording) { candidateSQL(s).ReplayPaused = Known(true) }, Fail, Warning},
		{"PostgreSQL 12", "node2", func(s *Recording) { serverVersion(s, 120022); candidateSQL(s).ReplayPaused = Known(true) }, Fail, ""},
		{"PostgreSQL 12, not paused", "node2", func(s *Recording) { serverVersion(s, 120022) }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).ReplayPaused = unknown[bool]() }, Undecided, ""},
	},
	"leader.upstream": {
		{"no receiver", "node1", func(s *Recording) { standbySite(s); leaderSQL(s).WalReceiver = Known(WalReceiver{}) }, Fail, Warning},
		{"waiting", "node1", func(s *Recording) { standbySite(s); leaderSQL(s).WalReceiver.Value.Status = Known("waiting") }, Fail, Warning},
		{"streaming", "node1", standbySite, Pass, ""},
		{"not to be had", "node1", func(s *Recording) { standbySite(s); leaderSQL(s).WalReceiver = unknown[WalReceiver]() }, Undecided, ""},
		{"not to be had, and no standby cluster", "node1", func(s *Recording) { leaderSQL(s).WalReceiver = unknown[WalReceiver]() }, Pass, ""},
	},
	"sync.foreign": {
		{"a backup receiver", "node1", func(s *Recording) {
			syncOn(s)
			stalled(s, "barman", 0, 0)
			syncRow(s, "barman", "sync")
		}, Fail, Warning},
		{"a member tagged nosync", "node1", func(s *Recording) {
			syncOn(s)
			s.member("node3").Key.Value.Tags = Known(Tags{"nosync": true})
			syncRow(s, "node3", "quorum")
		}, Fail, Warning},
		{"the candidate", "node1", func(s *Recording) { syncOn(s); syncRow(s, "node2", "sync") }, Pass, ""},
		{"a backup receiver that would be next", "node1", func(s *Recording) {
			syncOn(s)
			stalled(s, "barman", 0, 0)
			syncRow(s, "barman", "potential")
		}, Pass, ""},
		{"no synchronous mode", "node1", func(s *Recording) { syncRow(s, "node3", "sync") }, Pass, ""},
		{"not to be had", "node1", func(s *Recording) { syncOn(s); leaderSQL(s).WalSenders = unknown[[]WalSender]() }, Undecided, ""},
		{"not to be had, and no synchronous mode", "node1", func(s *Recording) { leaderSQL(s).WalSenders = unknown[[]WalSender]() }, Pass, ""},
	},
	"wayback.restart": {
		{"PostgreSQL 12", "", func(s *Recording) { serverVersion(s, 120022) }, Fail, Warning},
		{"PostgreSQL 12, nobody named", "", func(s *Recording) { serverVersion(s, 120022); s.Question.Candidate = "" }, Fail, Warning},
		{"PostgreSQL 12, two members", "", func(s *Recording) { serverVersion(s, 120022); without3(s) }, Pass, ""},
		{"PostgreSQL 12, two members, nobody named", "", func(s *Recording) {
			serverVersion(s, 120022)
			without3(s)
			s.Question.Candidate = ""
		}, Pass, ""},
		{"PostgreSQL 13", "", func(s *Recording) { serverVersion(s, 130000) }, Pass, ""},
		{"PostgreSQL 12 by REST alone", "", func(s *Recording) { serverVersion(s, 120022); leaderSQL(s).ServerVersion = unknown[int]() }, Fail, Warning},
		{"not to be had", "", func(s *Recording) {
			leaderSQL(s).ServerVersion = unknown[int]()
			s.member("node1").REST.Value.ServerVersion = unknown[int]()
		}, Undecided, ""},
	},
	"patroni.faults": {
		{"archiving, 2.0.1", "", by("2.0.1", func(s *Recording) { set(s, "node1", "archive_mode", "always") }), Fail, Warning},
		{"archiving, 2.0.1, and a wide limit", "", by("2.0.1", func(s *Recording) {
			set(s, "node1", "archive_mode", "always")
			config4(s).MaximumLag, config4(s).UsePgRewind = Known("16777216"), Known(false)
		}), Pass, ""},
		{"archiving not seen, 2.0.1", "", by("2.0.1", func(s *Recording) {
			leaderSQL(s).Settings = unknown[map[string]string]()
			config4(s).UsePgRewind = Known(false)
		}), Fail, Warning},
		{"archiving, 2.1.0", "", by("2.1.0", func(s *Recording) {
			set(s, "node1", "archive_mode", "always")
			config4(s).UsePgRewind = Known(false)
		}), Pass, ""},
		{"logical slots, 2.0.2", "", by("2.0.2", declare), Fail, ""},
		{"logical slots, 2.1.0", "", by("2.1.0", func(s *Recording) { declare(s); config4(s).UsePgRewind = Known(false) }), Pass, ""},
		{"rewind, 2.1.1", "", by("2.1.1", func(*Recording) {}), Fail, Warning},
		{"rewind, 2.1.2", "", by("2.1.2", func(*Recording) {}), Pass, ""},
		{"strict, 3.0.3", "", by("3.0.3", strictly), Fail, Warning},
		{"strict, 3.0.4", "", by("3.0.4", strictly), Pass, ""},
		{"standby cluster with /sync, 3.3.0", "", by("3.3.0", func(s *Recording) { syncOn(s); standbySite(s) }), Fail, Warning},
		{"standby cluster with /sync, 3.3.1", "", by("3.3.1", func(s *Recording) { syncOn(s); standbySite(s) }), Pass, ""},
		{"priorities, 4.1.0", "", by("4.1.0", unequal), Fail, Warning},
		{"priorities, 4.1.0, a candidate is named", "", by("4.1.0", func(s *Recording) { unequal(s); s.Question.Candidate = "node2" }), Pass, ""},
		{"priorities, 4.1.0, and they are equal", "", by("4.1.0", func(s *Recording) { unequal(s); s.member("node3").Key.Value.Tags = Known(Tags{}) }), Pass, ""},
		{"priorities, 4.1.1", "", by("4.1.1", unequal), Pass, ""},
		{"no version", "", func(s *Recording) { s.member("node1").Key.Value.Version = unknown[string]() }, Undecided, ""},
	},
}
