package preflight

import (
	"slices"
	"time"
)

var candidateCases = map[string][]breakage{
	"candidate.replay_paused": {
		{"PostgreSQL 17", "node2", func(s *Recording) { candidateSQL(s).ReplayPaused = Known(true) }, Fail, Warning},
		{"PostgreSQL 12", "node2", func(s *Recording) { serverVersion(s, 120022); candidateSQL(s).ReplayPaused = Known(true) }, Fail, ""},
		{"PostgreSQL 12, not paused", "node2", func(s *Recording) { serverVersion(s, 120022) }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).ReplayPaused = unknown[bool]() }, Undecided, ""},
	},
	"candidate.cascade": {
		{"keeps up", "node2", func(s *Recording) { cascades(s) }, Fail, Warning},
		{"less than a moment behind", "node2", func(s *Recording) {
			cascades(s)
			config4(s).MaximumLag = Known("100000000")
			lag(s, "node2", cascadeBlocks)
		}, Fail, Warning},
		{"behind, and within maximum_lag_on_failover", "node2", func(s *Recording) {
			cascades(s)
			config4(s).MaximumLag = Known("100000000")
			lag(s, "node2", cascadeBlocks+1)
		}, Fail, ""},
		{"the first connection is slow", "node2", func(s *Recording) {
			cascades(s)
			config4(s).MaximumLag = Known("100000000")
			lag(s, "node3", 5<<20)
			lag(s, "node2", 5<<20)
		}, Fail, ""},
		{"the last connection is frozen", "node2", func(s *Recording) {
			cascades(s).ReplyTime = Known(s.member("node3").SQL.Value.At.Value.Add(-40 * time.Second))
		}, Fail, ""},
		{"the first connection is frozen, and its timeout is short", "node2", func(s *Recording) {
			cascades(s)
			set(s, "node1", "wal_sender_timeout", "20000")
			for i := range *leaderSQL(s).WalSenders.Value {
				(*leaderSQL(s).WalSenders.Value)[i].ReplyTime = Known(leaderSQL(s).At.Value.Add(-17 * time.Second))
			}
		}, Fail, ""},
		{"what it streams from streams from nobody", "node2", func(s *Recording) {
			cascades(s)
			s.member("node3").SQL.Value.WalReceiver = Known(WalReceiver{})
		}, Fail, ""},
		{"in a circle", "node2", func(s *Recording) {
			w := *cascades(s)
			w.ApplicationName = "node3"
			candidateSQL(s).WalSenders = Known([]WalSender{w})
			leaderSQL(s).WalSenders = Known([]WalSender{})
		}, Fail, ""},
		{"through two", "node2", func(s *Recording) {
			cascades(s)
			fourth(s)
			rows := *leaderSQL(s).WalSenders.Value
			i := slices.IndexFunc(rows, func(w WalSender) bool { return w.ApplicationName == "node3" })
			s.member("node4").SQL.Value.WalSenders = Known([]WalSender{rows[i]})
			leaderSQL(s).WalSenders = Known(slices.Delete(slices.Clone(rows), i, i+1))
		}, Fail, Warning},
		{"tagged, and streaming from the leader", "node2", func(s *Recording) {
			s.member("node2").Key.Value.Tags = Known(Tags{"replicatefrom": "node3"})
		}, Pass, ""},
		{"where the second connection begins is not seen", "node2", func(s *Recording) {
			cascades(s)
			s.member("node3").SQL.Value.WalReceiver = unknown[WalReceiver]()
		}, Undecided, ""},
		{"the clock of its upstream is not seen", "node2", func(s *Recording) {
			cascades(s)
			s.member("node3").SQL.Value.At = unknown[time.Time]()
		}, Undecided, ""},
	},
	"candidate.apply_delay": {
		{"3 s", "node2", func(s *Recording) { set(s, "node2", "recovery_min_apply_delay", "3000") }, Fail, Warning},
		{"an hour, and little to replay", "node2", func(s *Recording) {
			set(s, "node2", "recovery_min_apply_delay", "3600000")
			backlog(s, 4096)
		}, Fail, Warning},
		{"in a standby cluster", "node2", func(s *Recording) {
			set(s, "node2", "recovery_min_apply_delay", "3000")
			config4(s).StandbyCluster = Known(true)
		}, Pass, ""},
		{"PostgreSQL 11", "node2", func(s *Recording) { delete(*candidateSQL(s).Settings.Value, "recovery_min_apply_delay") }, Undecided, ""},
		{"garbled", "node2", func(s *Recording) { set(s, "node2", "recovery_min_apply_delay", "soon") }, Undecided, ""},
	},
	"candidate.conflicts": {
		{"replay waits for ever", "node2", func(s *Recording) {
			session(s, 5, "-1")
			backlog(s, 200)
			candidateSQL(s).Activity.Value.ReplayConflict = true
		}, Fail, ""},
		{"replay waits for up to an hour", "node2", func(s *Recording) {
			session(s, 5, "3600000")
			candidateSQL(s).Activity.Value.ReplayConflict = true
		}, Fail, ""},
		{"replay waits for up to half a minute", "node2", func(s *Recording) {
			session(s, 5, "30000")
			candidateSQL(s).Activity.Value.ReplayConflict = true
		}, Fail, Warning},
		{"a long query, no limit, and something to replay", "node2", func(s *Recording) { session(s, 300, "-1"); backlog(s, 200) }, Fail, Warning},
		{"a long query, no limit, and nothing to replay", "node2", func(s *Recording) { session(s, 300, "-1") }, Pass, ""},
		{"a short query, no limit", "node2", func(s *Recording) { session(s, 3, "-1"); backlog(s, 200) }, Pass, ""},
		{"a long query that PostgreSQL cancels in time", "node2", func(s *Recording) { session(s, 300, "30000"); backlog(s, 200) }, Pass, ""},
		{"in a standby cluster", "node2", func(s *Recording) {
			session(s, 300, "-1")
			candidateSQL(s).Activity.Value.ReplayConflict = true
			config4(s).StandbyCluster = Known(true)
		}, Pass, ""},
		{"no right to see", "node2", func(s *Recording) { candidateSQL(s).Activity = NotKnown[Activity](Privilege, "denied") }, Undecided, ""},
	},
	"candidate.restore_command": {
		{"the archive is ill", "node2", func(s *Recording) {
			set(s, "node2", "restore_command", "(set, sha256 123456)")
			fails1(s)
		}, Fail, Warning},
		{"a restore_command", "node2", func(s *Recording) { set(s, "node2", "restore_command", "(set, sha256 123456)") }, Pass, ""},
		{"a recovery_end_command, and the archive is ill", "node2", func(s *Recording) {
			set(s, "node2", "recovery_end_command", "(set, sha256 123456)")
			fails1(s)
		}, Pass, ""},
		{"in a standby cluster", "node2", func(s *Recording) {
			set(s, "node2", "restore_command", "(set, sha256 123456)")
			fails1(s)
			config4(s).StandbyCluster = Known(true)
		}, Pass, ""},
		{"PostgreSQL 11", "node2", func(s *Recording) { delete(*candidateSQL(s).Settings.Value, "restore_command") }, Undecided, ""},
	},
	"candidate.choice": {
		{"two equals", "", func(s *Recording) { s.Question.Candidate = "" }, Fail, Warning},
		{"one has a priority", "", func(s *Recording) {
			s.Question.Candidate = ""
			for m, priority := range map[string]float64{"node2": 1, "node3": 5} {
				s.member(m).Key.Value.Tags = Known(Tags{"failover_priority": priority})
				s.member(m).REST.Value.Tags = Known(Tags{"failover_priority": priority})
			}
		}, Pass, ""},
		{"one may not be promoted", "", func(s *Recording) {
			s.Question.Candidate = ""
			s.member("node3").Key.Value.Tags = Known(Tags{"nofailover": true})
			s.member("node3").REST.Value.Tags = Known(Tags{"nofailover": true})
		}, Pass, ""},
		{"the race cannot be foretold", "", func(s *Recording) { s.Question.Candidate = ""; s.DCS.Cluster.Value.Optime = unknown[LSN]() }, Fail, Warning},
		{"refused", "", func(s *Recording) { s.Question.Candidate = ""; config4(s).Pause = Known(true) }, Pass, ""},
		{"nobody leads", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("") }, SkippedFor, ""},
	},
	"candidate.sync_lag": {
		{"more than half of the limit behind", "node2", func(s *Recording) { syncAt(s, 16<<20, 8<<20+1) }, Fail, Warning},
		{"half of the limit behind", "node2", func(s *Recording) { syncAt(s, 16<<20, 8<<20) }, Pass, ""},
		{"a small limit", "node2", func(s *Recording) { syncAt(s, DefaultMaximumLag-1, 0) }, Fail, Warning},
		{"the only standby, behind the leader", "node2", func(s *Recording) {
			syncAt(s, 16<<20, 9<<20)
			rows := *leaderSQL(s).WalSenders.Value
			leaderSQL(s).WalSenders = Known(slices.DeleteFunc(rows, func(w WalSender) bool { return w.ApplicationName != "node2" }))
		}, Fail, Warning},
		{"flushed and not replayed, where nobody waits for the replay", "node2", func(s *Recording) {
			syncAt(s, 16<<20, 0)
			(*leaderSQL(s).WalSenders.Value)[0].ReplayLSN = Known(LSN(1))
			(*leaderSQL(s).WalSenders.Value)[1].ReplayLSN = Known(LSN(1))
		}, Pass, ""},
		{"flushed and not replayed, and remote_apply", "node2", func(s *Recording) {
			syncAt(s, 16<<20, 0)
			set(s, "node1", "synchronous_commit", "remote_apply")
			for i := range *leaderSQL(s).WalSenders.Value {
				if w := &(*leaderSQL(s).WalSenders.Value)[i]; w.ApplicationName == "node2" {
					w.ReplayLSN = Known(LSN(1))
				}
			}
		}, Fail, Warning},
		{"no position", "node2", func(s *Recording) {
			syncAt(s, 16<<20, 0)
			for i := range *leaderSQL(s).WalSenders.Value {
				(*leaderSQL(s).WalSenders.Value)[i].FlushLSN = NotKnown[LSN](Absent, "NULL")
			}
		}, Fail, Warning},
		{"tagged nosync", "node2", func(s *Recording) { syncOn(s); s.member("node2").Key.Value.Tags = Known(Tags{"nosync": true}) }, Fail, Warning},
		{"sync_priority 0", "node2", func(s *Recording) {
			syncOn(s)
			leaderVersion(s, "4.1.0")
			s.member("node2").Key.Value.Tags = Known(Tags{"sync_priority": float64(0)})
		}, Fail, Warning},
		{"sync_priority 0, before there was such a tag", "node2", func(s *Recording) {
			syncOn(s)
			s.member("node2").Key.Value.Tags = Known(Tags{"sync_priority": float64(0)})
		}, Pass, ""},
		{"no limit", "node2", func(s *Recording) { syncAt(s, -1, 100<<20) }, Pass, ""},
		{"not synchronous", "node2", func(s *Recording) { syncAt(s, 1, 100<<20); config4(s).SynchronousMode = Known("off") }, Pass, ""},
		{"garbled", "node2", func(s *Recording) { config4(s).MaximumLagOnSyncnode = unknown[int64]() }, Undecided, ""},
	},
	"candidate.rest": {
		{"refused", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Refused, "refused") }, Fail, ""},
		{"not Patroni", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Malformed, "HTML") }, Fail, ""},
		{"slow", "node2", func(s *Recording) { s.member("node2").REST.Stamp.Seconds = 1.5 }, Fail, Warning},
		{"too slow", "node2", func(s *Recording) { s.member("node2").REST.Stamp.Seconds = 2.5 }, Fail, ""},
		{"an answer without its time", "node2", func(s *Recording) { s.member("node2").REST.Stamp = nil }, Undecided, ""},
		{"no such host", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Unresolved, "no such host") }, Undecided, ""},
	},
	"candidate.running": {
		{"starting", "node2", func(s *Recording) { s.member("node2").REST.Value.State = Known("starting") }, Fail, ""},
		{"no position", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = NotKnown[LSN](Absent, "no xlog"), NotKnown[LSN](Absent, "no xlog")
		}, Fail, ""},
		{"a position of the wrong type", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = NotKnown[LSN](Malformed, "a list"), NotKnown[LSN](Malformed, "a list")
		}, Undecided, ""},
	},
	"candidate.member": {
		{"no such member", "", func(s *Recording) { s.Question.Candidate = "Node2" }, Fail, ""},
		{"the leader", "", func(s *Recording) { s.Question.Candidate = "node1" }, Fail, ""},
		{"none to choose from", "", func(s *Recording) {
			s.Question.Candidate = ""
			for _, m := range []string{"node2", "node3"} {
				s.member(m).Key.Value.Tags = Known(Tags{"nofailover": true})
			}
		}, Fail, ""},
		{"unknown cluster", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = unknown[string]() }, SkippedFor, ""},
	},
	"candidate.nofailover": {
		{"in the key", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": true}) }, Fail, ""},
		{"in REST only", "node2", func(s *Recording) { s.member("node2").REST.Value.Tags = Known(Tags{"nofailover": true}) }, Fail, ""},
		{"the text false", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": "false"}) }, Fail, ""},
		{"priority 0", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"failover_priority": float64(0)}) }, Fail, ""},
		{"no tags to be had", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = unknown[Tags]() }, Undecided, ""},
	},
	"candidate.watchdog": {
		{"failed", "node2", func(s *Recording) { s.member("node2").REST.Value.WatchdogFailed = Known(true) }, Fail, ""},
		{"garbled", "node2", func(s *Recording) { s.member("node2").REST.Value.WatchdogFailed = unknown[bool]() }, Undecided, ""},
	},
	"candidate.sync": {
		{"not synchronous", "node2", func(s *Recording) {
			config4(s).SynchronousMode = Known("on")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node3"}})
		}, Fail, ""},
		{"nobody is", "node2", func(s *Recording) { config4(s).SynchronousMode = Known("on") }, Fail, ""},
		{"not in the quorum", "node2", func(s *Recording) {
			config4(s).SynchronousMode = Known("quorum")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node3"}, Quorum: 1})
		}, Fail, ""},
		{"4.0.5", "node2", func(s *Recording) {
			config4(s).SynchronousMode = Known("quorum")
			s.member("node1").Key.Value.Version = Known("4.0.5")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2", "node3"}, Quorum: 1})
		}, Fail, ""},
		{"garbled", "node2", func(s *Recording) { config4(s).SynchronousMode = unknown[string]() }, Undecided, ""},
	},
	"candidate.streaming": {
		{"no receiver", "node2", func(s *Recording) { s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{}) }, Fail, ""},
		{"receiver waiting", "node2", func(s *Recording) { s.member("node2").SQL.Value.WalReceiver.Value.Status = Known("waiting") }, Fail, ""},
		{"no row on the leader", "node2", func(s *Recording) { s.member("node1").SQL.Value.WalSenders = Known([]WalSender{}) }, Fail, ""},
		{"in catch-up", "node2", func(s *Recording) {
			for i, w := range *s.member("node1").SQL.Value.WalSenders.Value {
				if w.ApplicationName == "node2" {
					(*s.member("node1").SQL.Value.WalSenders.Value)[i].State = Known("catchup")
				}
			}
		}, Fail, ""},
		{"cascading", "node2", func(s *Recording) { cascades(s) }, Pass, ""},
		{"cascading, in catch-up", "node2", func(s *Recording) { cascades(s).State = Known("catchup") }, Fail, ""},
		{"no row on the leader, and another member is not seen", "node2", func(s *Recording) {
			cascades(s)
			s.member("node3").SQL = unknown[SQL]()
		}, Undecided, ""},
		{"no row on the leader, which it receives from, and another member is not seen", "node2", func(s *Recording) {
			cascades(s)
			s.member("node3").SQL = unknown[SQL]()
			candidateSQL(s).WalReceiver.Value.SenderHost = Known("10.77.9.21")
		}, Fail, ""},
		{"rows without a state", "node2", func(s *Recording) {
			for i := range *s.member("node1").SQL.Value.WalSenders.Value {
				(*s.member("node1").SQL.Value.WalSenders.Value)[i].State = NotKnown[string](Privilege, "GRANT pg_monitor TO x")
			}
		}, Undecided, ""},
	},
	"candidate.timeline": {
		{"older", "node2", func(s *Recording) { s.member("node1").SQL.Value.Timeline = Known[int64](9) }, Fail, ""},
		{"older, and no receiver", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
			s.member("node1").SQL.Value.Timeline = Known[int64](9)
		}, Fail, ""},
		{"no receiver, and the control file is of an older timeline", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
			s.member("node2").SQL.Value.Timeline = Known[int64](0)
		}, Pass, ""},
		{"older by REST", "node2", func(s *Recording) {
			for _, m := range []string{"node1", "node2"} {
				s.member(m).SQL.Value.Timeline = Known[int64](9)
			}
		}, Fail, ""},
		{"null with check_timeline", "node2", func(s *Recording) {
			config4(s).CheckTimeline = Known(true)
			s.member("node2").REST.Value.Timeline = NotKnown[int64](Absent, "null")
		}, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"candidate.ahead": {
		{"a byte", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.ReceiveLSN = Known(*s.member("node1").SQL.Value.FlushLSNAfter.Value + 1)
		}, Fail, ""},
		{"no later sample", "node2", func(s *Recording) { s.member("node1").SQL.Value.FlushLSNAfter = unknown[LSN]() }, Undecided, ""},
	},
}
