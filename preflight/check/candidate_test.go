package check_test

import (
	"slices"
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

// fourth is a member more, with node3's facts, that streams from the leader.
func fourth(s *fact.Recording) {
	m := *facttest.Member(s.Snapshot, "node3")
	m.Name = "node4"
	q := *m.SQL.Value
	m.SQL = fact.Known(q)
	s.Members = append(s.Members, m)
	rows := *facttest.LeaderSQL(s).WalSenders.Value
	row := rows[slices.IndexFunc(rows, func(w fact.WalSender) bool { return w.ApplicationName == "node3" })]
	row.ApplicationName = "node4"
	facttest.LeaderSQL(s).WalSenders = fact.Known(append(slices.Clone(rows), row))
}

// syncAt is synchronous mode in which node2 is that far behind node3.
func syncAt(s *fact.Recording, limit, behind int64) {
	facttest.SyncOn(s)
	facttest.Dynamic(s).MaximumLagOnSyncnode = fact.Known(limit)
	for i := range *facttest.LeaderSQL(s).WalSenders.Value {
		if w := &(*facttest.LeaderSQL(s).WalSenders.Value)[i]; w.ApplicationName == "node2" {
			w.FlushLSN = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value - fact.LSN(behind))
		}
	}
}

var candidateCases = map[string][]breakage{
	"candidate.replay_paused": {
		{
			"PostgreSQL 17",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).ReplayPaused = fact.Known(true) },
			check.Fail,
			check.Warning,
		},
		{"PostgreSQL 12", "node2", func(s *fact.Recording) {
			facttest.ServerVersion(s, 120022)
			facttest.CandidateSQL(s).ReplayPaused = fact.Known(true)
		}, check.Fail, ""},
		{"PostgreSQL 12, not paused", "node2", func(s *fact.Recording) { facttest.ServerVersion(s, 120022) }, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).ReplayPaused = facttest.Unknown[bool]() },
			check.Undecided,
			"",
		},
	},
	"candidate.cascade": {
		{"keeps up", "node2", func(s *fact.Recording) { cascades(s) }, check.Fail, check.Warning},
		{"less than a moment behind", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Dynamic(s).MaximumLag = fact.Known("100000000")
			facttest.Lag(s, "node2", check.CascadeBlocks)
		}, check.Fail, check.Warning},
		{"behind, and within maximum_lag_on_failover", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Dynamic(s).MaximumLag = fact.Known("100000000")
			facttest.Lag(s, "node2", check.CascadeBlocks+1)
		}, check.Fail, ""},
		{"the first connection is slow", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Dynamic(s).MaximumLag = fact.Known("100000000")
			facttest.Lag(s, "node3", 5<<20)
			facttest.Lag(s, "node2", 5<<20)
		}, check.Fail, ""},
		{"the last connection is frozen", "node2", func(s *fact.Recording) {
			cascades(s).ReplyTime = fact.Known(facttest.Member(s.Snapshot, "node3").SQL.Value.At.Value.Add(-40 * time.Second))
		}, check.Fail, ""},
		{"the first connection is frozen, and its timeout is short", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Set(s, "node1", "wal_sender_timeout", "20000")
			for i := range *facttest.LeaderSQL(s).WalSenders.Value {
				(*facttest.LeaderSQL(s).WalSenders.Value)[i].ReplyTime = fact.Known(
					facttest.LeaderSQL(s).At.Value.Add(-17 * time.Second),
				)
			}
		}, check.Fail, ""},
		{"what it streams from streams from nobody", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, check.Fail, ""},
		{"in a circle", "node2", func(s *fact.Recording) {
			w := *cascades(s)
			w.ApplicationName = "node3"
			facttest.CandidateSQL(s).WalSenders = fact.Known([]fact.WalSender{w})
			facttest.LeaderSQL(s).WalSenders = fact.Known([]fact.WalSender{})
		}, check.Fail, ""},
		{"through two", "node2", func(s *fact.Recording) {
			cascades(s)
			fourth(s)
			rows := *facttest.LeaderSQL(s).WalSenders.Value
			i := slices.IndexFunc(rows, func(w fact.WalSender) bool { return w.ApplicationName == "node3" })
			facttest.Member(s.Snapshot, "node4").SQL.Value.WalSenders = fact.Known([]fact.WalSender{rows[i]})
			facttest.LeaderSQL(s).WalSenders = fact.Known(slices.Delete(slices.Clone(rows), i, i+1))
		}, check.Fail, check.Warning},
		{"tagged, and streaming from the leader", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"replicatefrom": "node3"})
		}, check.Pass, ""},
		{"where the second connection begins is not seen", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = facttest.Unknown[fact.WalReceiver]()
		}, check.Undecided, ""},
		{"the clock of its upstream is not seen", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Member(s.Snapshot, "node3").SQL.Value.At = facttest.Unknown[time.Time]()
		}, check.Undecided, ""},
	},
	"candidate.apply_delay": {
		{
			"3 s",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "recovery_min_apply_delay", "3000") },
			check.Fail,
			check.Warning,
		},
		{"an hour, and little to replay", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "recovery_min_apply_delay", "3600000")
			backlog(s, 4096)
		}, check.Fail, check.Warning},
		{"in a standby cluster", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "recovery_min_apply_delay", "3000")
			facttest.Dynamic(s).StandbyCluster = fact.Known(true)
		}, check.Pass, ""},
		{
			"PostgreSQL 11",
			"node2",
			func(s *fact.Recording) { delete(*facttest.CandidateSQL(s).Settings.Value, "recovery_min_apply_delay") },
			check.Undecided,
			"",
		},
		{
			"garbled",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "recovery_min_apply_delay", "soon") },
			check.Undecided,
			"",
		},
	},
	"candidate.conflicts": {
		{"replay waits for ever", "node2", func(s *fact.Recording) {
			facttest.Session(s, 5, "-1")
			backlog(s, 200)
			facttest.CandidateSQL(s).Activity.Value.ReplayConflict = true
		}, check.Fail, ""},
		{"replay waits for up to an hour", "node2", func(s *fact.Recording) {
			facttest.Session(s, 5, "3600000")
			facttest.CandidateSQL(s).Activity.Value.ReplayConflict = true
		}, check.Fail, ""},
		{"replay waits for up to half a minute", "node2", func(s *fact.Recording) {
			facttest.Session(s, 5, "30000")
			facttest.CandidateSQL(s).Activity.Value.ReplayConflict = true
		}, check.Fail, check.Warning},
		{
			"a long query, no limit, and something to replay",
			"node2",
			func(s *fact.Recording) { facttest.Session(s, 300, "-1"); backlog(s, 200) },
			check.Fail,
			check.Warning,
		},
		{
			"a long query, no limit, and nothing to replay",
			"node2",
			func(s *fact.Recording) { facttest.Session(s, 300, "-1") },
			check.Pass,
			"",
		},
		{
			"a short query, no limit",
			"node2",
			func(s *fact.Recording) { facttest.Session(s, 3, "-1"); backlog(s, 200) },
			check.Pass,
			"",
		},
		{
			"a long query that PostgreSQL cancels in time",
			"node2",
			func(s *fact.Recording) { facttest.Session(s, 300, "30000"); backlog(s, 200) },
			check.Pass,
			"",
		},
		{"in a standby cluster", "node2", func(s *fact.Recording) {
			facttest.Session(s, 300, "-1")
			facttest.CandidateSQL(s).Activity.Value.ReplayConflict = true
			facttest.Dynamic(s).StandbyCluster = fact.Known(true)
		}, check.Pass, ""},
		{"no right to see", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).Activity = fact.NotKnown[fact.Activity](fact.Privilege, "denied")
		}, check.Undecided, ""},
	},
	"candidate.restore_command": {
		{"the archive is ill", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "restore_command", "(set, sha256 123456)")
			facttest.FailedOnce(s)
		}, check.Fail, check.Warning},
		{
			"a restore_command",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "restore_command", "(set, sha256 123456)") },
			check.Pass,
			"",
		},
		{"a recovery_end_command, and the archive is ill", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "recovery_end_command", "(set, sha256 123456)")
			facttest.FailedOnce(s)
		}, check.Pass, ""},
		{"in a standby cluster", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "restore_command", "(set, sha256 123456)")
			facttest.FailedOnce(s)
			facttest.Dynamic(s).StandbyCluster = fact.Known(true)
		}, check.Pass, ""},
		{
			"PostgreSQL 11",
			"node2",
			func(s *fact.Recording) { delete(*facttest.CandidateSQL(s).Settings.Value, "restore_command") },
			check.Undecided,
			"",
		},
	},
	"candidate.choice": {
		{"two equals", "", func(s *fact.Recording) { s.Question.Candidate = "" }, check.Fail, check.Warning},
		{"one has a priority", "", func(s *fact.Recording) {
			s.Question.Candidate = ""
			for m, priority := range map[string]float64{"node2": 1, "node3": 5} {
				facttest.Member(s.Snapshot, m).Key.Value.Tags = fact.Known(fact.Tags{"failover_priority": priority})
				facttest.Member(s.Snapshot, m).REST.Value.Tags = fact.Known(fact.Tags{"failover_priority": priority})
			}
		}, check.Pass, ""},
		{"one may not be promoted", "", func(s *fact.Recording) {
			s.Question.Candidate = ""
			facttest.Member(s.Snapshot, "node3").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
			facttest.Member(s.Snapshot, "node3").REST.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		}, check.Pass, ""},
		{"the race cannot be foretold", "", func(s *fact.Recording) {
			s.Question.Candidate = ""
			s.DCS.Cluster.Value.Optime = facttest.Unknown[fact.LSN]()
		}, check.Fail, check.Warning},
		{
			"refused",
			"",
			func(s *fact.Recording) { s.Question.Candidate = ""; facttest.Dynamic(s).Pause = fact.Known(true) },
			check.Pass,
			"",
		},
		{"nobody leads", "", func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("") }, check.Skipped, ""},
	},
	"candidate.sync_lag": {
		{
			"more than half of the limit behind",
			"node2",
			func(s *fact.Recording) { syncAt(s, 16<<20, 8<<20+1) },
			check.Fail,
			check.Warning,
		},
		{"half of the limit behind", "node2", func(s *fact.Recording) { syncAt(s, 16<<20, 8<<20) }, check.Pass, ""},
		{
			"a small limit",
			"node2",
			func(s *fact.Recording) { syncAt(s, patroni.DefaultMaximumLag-1, 0) },
			check.Fail,
			check.Warning,
		},
		{"the only standby, behind the leader", "node2", func(s *fact.Recording) {
			syncAt(s, 16<<20, 9<<20)
			rows := *facttest.LeaderSQL(s).WalSenders.Value
			facttest.LeaderSQL(s).WalSenders = fact.Known(
				slices.DeleteFunc(rows, func(w fact.WalSender) bool { return w.ApplicationName != "node2" }),
			)
		}, check.Fail, check.Warning},
		{"flushed and not replayed, where nobody waits for the replay", "node2", func(s *fact.Recording) {
			syncAt(s, 16<<20, 0)
			(*facttest.LeaderSQL(s).WalSenders.Value)[0].ReplayLSN = fact.Known(fact.LSN(1))
			(*facttest.LeaderSQL(s).WalSenders.Value)[1].ReplayLSN = fact.Known(fact.LSN(1))
		}, check.Pass, ""},
		{"flushed and not replayed, and remote_apply", "node2", func(s *fact.Recording) {
			syncAt(s, 16<<20, 0)
			facttest.Set(s, "node1", "synchronous_commit", "remote_apply")
			for i := range *facttest.LeaderSQL(s).WalSenders.Value {
				if w := &(*facttest.LeaderSQL(s).WalSenders.Value)[i]; w.ApplicationName == "node2" {
					w.ReplayLSN = fact.Known(fact.LSN(1))
				}
			}
		}, check.Fail, check.Warning},
		{"no position", "node2", func(s *fact.Recording) {
			syncAt(s, 16<<20, 0)
			for i := range *facttest.LeaderSQL(s).WalSenders.Value {
				(*facttest.LeaderSQL(s).WalSenders.Value)[i].FlushLSN = fact.NotKnown[fact.LSN](fact.Absent, "NULL")
			}
		}, check.Fail, check.Warning},
		{"tagged nosync", "node2", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nosync": true})
		}, check.Fail, check.Warning},
		{"sync_priority 0", "node2", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.LeaderVersion(s, "4.1.0")
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"sync_priority": float64(0)})
		}, check.Fail, check.Warning},
		{"sync_priority 0, before there was such a tag", "node2", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"sync_priority": float64(0)})
		}, check.Pass, ""},
		{"no limit", "node2", func(s *fact.Recording) { syncAt(s, -1, 100<<20) }, check.Pass, ""},
		{"not synchronous", "node2", func(s *fact.Recording) {
			syncAt(s, 1, 100<<20)
			facttest.Dynamic(s).SynchronousMode = fact.Known("off")
		}, check.Pass, ""},
		{
			"garbled",
			"node2",
			func(s *fact.Recording) { facttest.Dynamic(s).MaximumLagOnSyncnode = facttest.Unknown[int64]() },
			check.Undecided,
			"",
		},
	},
	"candidate.rest": {
		{"refused", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		}, check.Fail, ""},
		{"not Patroni", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Malformed, "HTML")
		}, check.Fail, ""},
		{
			"slow",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Stamp.Seconds = 1.5 },
			check.Fail,
			check.Warning,
		},
		{
			"too slow",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Stamp.Seconds = 2.5 },
			check.Fail,
			"",
		},
		{
			"an answer without its time",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Stamp = nil },
			check.Undecided,
			"",
		},
		{"no such host", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Unresolved, "no such host")
		}, check.Undecided, ""},
	},
	"candidate.running": {
		{"starting", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.State = fact.Known("starting")
		}, check.Fail, ""},
		{"no position", "node2", func(s *fact.Recording) {
			r := facttest.Member(s.Snapshot, "node2").REST.Value
			r.Received, r.Replayed = fact.NotKnown[fact.LSN](
				fact.Absent,
				"no xlog",
			), fact.NotKnown[fact.LSN](
				fact.Absent,
				"no xlog",
			)
		}, check.Fail, ""},
		{"a position of the wrong type", "node2", func(s *fact.Recording) {
			r := facttest.Member(s.Snapshot, "node2").REST.Value
			r.Received, r.Replayed = fact.NotKnown[fact.LSN](
				fact.Malformed,
				"a list",
			), fact.NotKnown[fact.LSN](
				fact.Malformed,
				"a list",
			)
		}, check.Undecided, ""},
	},
	"candidate.member": {
		{"no such member", "", func(s *fact.Recording) { s.Question.Candidate = "Node2" }, check.Fail, ""},
		{"the leader", "", func(s *fact.Recording) { s.Question.Candidate = "node1" }, check.Fail, ""},
		{"none to choose from", "", func(s *fact.Recording) {
			s.Question.Candidate = ""
			for _, m := range []string{"node2", "node3"} {
				facttest.Member(s.Snapshot, m).Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
			}
		}, check.Fail, ""},
		{
			"unknown cluster",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = facttest.Unknown[string]() },
			check.Skipped,
			"",
		},
	},
	"candidate.nofailover": {
		{"in the key", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		}, check.Fail, ""},
		{"in REST only", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		}, check.Fail, ""},
		{"the text false", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": "false"})
		}, check.Fail, ""},
		{"priority 0", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"failover_priority": float64(0)})
		}, check.Fail, ""},
		{"no tags to be had", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = facttest.Unknown[fact.Tags]()
		}, check.Undecided, ""},
	},
	"candidate.watchdog": {
		{"failed", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.WatchdogFailed = fact.Known(true)
		}, check.Fail, ""},
		{"garbled", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.WatchdogFailed = facttest.Unknown[bool]()
		}, check.Undecided, ""},
	},
	"candidate.sync": {
		{"not synchronous", "node2", func(s *fact.Recording) {
			facttest.Dynamic(s).SynchronousMode = fact.Known("on")
			s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node3"}})
		}, check.Fail, ""},
		{
			"nobody is",
			"node2",
			func(s *fact.Recording) { facttest.Dynamic(s).SynchronousMode = fact.Known("on") },
			check.Fail,
			"",
		},
		{"not in the quorum", "node2", func(s *fact.Recording) {
			facttest.Dynamic(s).SynchronousMode = fact.Known("quorum")
			s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node3"}, Quorum: 1})
		}, check.Fail, ""},
		{"4.0.5", "node2", func(s *fact.Recording) {
			facttest.Dynamic(s).SynchronousMode = fact.Known("quorum")
			facttest.Member(s.Snapshot, "node1").Key.Value.Version = fact.Known("4.0.5")
			s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node2", "node3"}, Quorum: 1})
		}, check.Fail, ""},
		{
			"garbled",
			"node2",
			func(s *fact.Recording) { facttest.Dynamic(s).SynchronousMode = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"candidate.confirms": {
		{"at once", "node2", func(*fact.Recording) {}, check.Pass, ""},
		{"nothing arrives, 660 kB behind", "node2", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node2", 660<<10, 0)
		}, check.Fail, ""},
		{"nothing arrives, 5 kB behind", "node2", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node2", 5<<10, 0)
		}, check.Fail, ""},
		{"it arrives, 3 s to go", "node2", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node2", 600<<10, 300<<10)
		}, check.Fail, check.Warning},
		{"it arrives, two minutes to go", "node2", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node2", 8<<20, 100<<10)
		}, check.Fail, ""},
		{"the leader had it confirmed, and it is not there", "node2", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node2", 660<<10, 0)
			(*facttest.LeaderSQL(s).WalSenders.Value)[0].Confirmed = (*facttest.LeaderSQL(s).WalSenders.Value)[1].Confirmed
		}, check.Fail, ""},
		{"a cascade, by its own account", "node2", func(s *fact.Recording) { cascades(s) }, check.Pass, ""},
		{"a cascade where nothing arrives", "node2", func(s *fact.Recording) {
			facttest.Unconfirmed(s, "node2", 660<<10, 0)
			cascades(s)
		}, check.Fail, ""},
		{"no time was left to look", "node2", func(s *fact.Recording) {
			(*facttest.LeaderSQL(s).WalSenders.Value)[0].Confirmed = facttest.Unknown[fact.Confirmation]()
		}, check.Undecided, ""},
		{"no receiver", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, check.Skipped, ""},
	},
	"candidate.streaming": {
		{"no receiver", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, check.Fail, ""},
		{"receiver waiting", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver.Value.Status = fact.Known("waiting")
		}, check.Fail, ""},
		{"no row on the leader", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").SQL.Value.WalSenders = fact.Known([]fact.WalSender{})
		}, check.Fail, ""},
		{"in catch-up", "node2", func(s *fact.Recording) {
			for i, w := range *facttest.Member(s.Snapshot, "node1").SQL.Value.WalSenders.Value {
				if w.ApplicationName == "node2" {
					(*facttest.Member(s.Snapshot, "node1").SQL.Value.WalSenders.Value)[i].State = fact.Known("catchup")
				}
			}
		}, check.Fail, ""},
		{"cascading", "node2", func(s *fact.Recording) { cascades(s) }, check.Pass, ""},
		{
			"cascading, in catch-up",
			"node2",
			func(s *fact.Recording) { cascades(s).State = fact.Known("catchup") },
			check.Fail,
			"",
		},
		{"no row on the leader, and another member is not seen", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
		}, check.Undecided, ""},
		{"no row on the leader, which it receives from, and another member is not seen", "node2", func(s *fact.Recording) {
			cascades(s)
			facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
			facttest.CandidateSQL(s).WalReceiver.Value.SenderHost = fact.Known("10.77.9.21")
		}, check.Fail, ""},
		{"rows without a state", "node2", func(s *fact.Recording) {
			for i := range *facttest.Member(s.Snapshot, "node1").SQL.Value.WalSenders.Value {
				(*facttest.Member(s.Snapshot, "node1").SQL.Value.WalSenders.Value)[i].State = fact.NotKnown[string](
					fact.Privilege,
					"GRANT pg_monitor TO x",
				)
			}
		}, check.Undecided, ""},
	},
	"candidate.timeline": {
		{"older", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").SQL.Value.Timeline = fact.Known[int64](9)
		}, check.Fail, ""},
		{"older, and no receiver", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
			facttest.Member(s.Snapshot, "node1").SQL.Value.Timeline = fact.Known[int64](9)
		}, check.Fail, ""},
		{"no receiver, and the control file is of an older timeline", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
			facttest.Member(s.Snapshot, "node2").SQL.Value.Timeline = fact.Known[int64](0)
		}, check.Pass, ""},
		{"older by REST", "node2", func(s *fact.Recording) {
			for _, m := range []string{"node1", "node2"} {
				facttest.Member(s.Snapshot, m).SQL.Value.Timeline = fact.Known[int64](9)
			}
		}, check.Fail, ""},
		{"null with check_timeline", "node2", func(s *fact.Recording) {
			facttest.Dynamic(s).CheckTimeline = fact.Known(true)
			facttest.Member(s.Snapshot, "node2").REST.Value.Timeline = fact.NotKnown[int64](fact.Absent, "null")
		}, check.Fail, ""},
		{
			"no session",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Unknown[fact.SQL]() },
			check.Undecided,
			"",
		},
	},
	"candidate.ahead": {
		{"a byte", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.ReceiveLSN = fact.Known(
				*facttest.Member(s.Snapshot, "node1").SQL.Value.FlushLSNAfter.Value + 1,
			)
		}, check.Fail, ""},
		{"no later sample", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").SQL.Value.FlushLSNAfter = facttest.Unknown[fact.LSN]()
		}, check.Undecided, ""},
	},
}
