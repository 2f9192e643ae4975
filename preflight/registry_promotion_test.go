package preflight

import (
	"maps"
	"slices"
	"testing"
	"time"
)

func init() { maps.Copy(cases, promotionCases) }

// cascades lets node2 stream from node3, and returns its row there.
func cascades(s *Recording) *WalSender {
	rows := *leaderSQL(s).WalSenders.Value
	i := slices.IndexFunc(rows, func(w WalSender) bool { return w.ApplicationName == "node2" })
	via := s.member("node3").SQL.Value
	via.WalSenders = Known([]WalSender{rows[i]})
	leaderSQL(s).WalSenders = Known(slices.Delete(slices.Clone(rows), i, i+1))
	candidateSQL(s).WalReceiver.Value.SenderHost = Known(onNode3)
	return &(*via.WalSenders.Value)[0]
}

// fourth is a member more, with node3's facts, that streams from the leader.
func fourth(s *Recording) {
	m := *s.member("node3")
	m.Name = "node4"
	q := *m.SQL.Value
	m.SQL = Known(q)
	s.Members = append(s.Members, m)
	rows := *leaderSQL(s).WalSenders.Value
	row := rows[slices.IndexFunc(rows, func(w WalSender) bool { return w.ApplicationName == "node3" })]
	row.ApplicationName = "node4"
	leaderSQL(s).WalSenders = Known(append(slices.Clone(rows), row))
}

// backlog lets node2 have received more than it has replayed.
func backlog(s *Recording, bytes int64) {
	candidateSQL(s).ReplayLSN = Known(*candidateSQL(s).ReceiveLSN.Value - LSN(bytes))
}

func session(s *Recording, seconds int64, delay string) {
	candidateSQL(s).Activity.Value.OldestTransactionSeconds = seconds
	set(s, "node2", "max_standby_streaming_delay", delay)
}

// syncAt is synchronous mode in which node2 is that far behind node3.
func syncAt(s *Recording, limit, behind int64) {
	syncOn(s)
	config4(s).MaximumLagOnSyncnode = Known(limit)
	for i := range *leaderSQL(s).WalSenders.Value {
		if w := &(*leaderSQL(s).WalSenders.Value)[i]; w.ApplicationName == "node2" {
			w.FlushLSN = Known(*leaderSQL(s).FlushLSN.Value - LSN(behind))
		}
	}
}

var promotionCases = map[string][]breakage{
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
}

// TestCascade: one finding, by candidate.cascade, on a candidate that streams
// from another member, none where that is a bystander's way, and no verdict where
// it cannot be seen from whom it streams.
func TestCascade(t *testing.T) {
	s := healthy(t)
	cascades(s)
	r := Judge(s.Snapshot, s.Question, Policies{})
	if r.Verdict != Go || r.Summary.Warnings != 1 {
		t.Errorf("%s with %d warnings\n%s", r.Verdict, r.Summary.Warnings, fails(r))
	}
	if res := resultOf(t, r, "candidate.streaming", "node2"); res.Status != Pass {
		t.Errorf("candidate.streaming is %s", res.Status)
	}
	s.Question.Candidate = "node3"
	if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict != Go || r.Summary.Warnings != 0 {
		t.Errorf("to the upstream: %s with %d warnings\n%s", r.Verdict, r.Summary.Warnings, fails(r))
	}
	s.Question.Candidate = "node2"
	s.member("node3").SQL = unknown[SQL]()
	if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict != UnknownState {
		t.Errorf("without node3's pg_stat_replication: %s", r.Verdict)
	}
}

// TestCascadeKnowingLess takes away every fact of a cascade: that never makes it
// a NO-GO, and nothing that says where the WAL comes from may be missing from a GO.
func TestCascadeKnowingLess(t *testing.T) {
	s := healthy(t)
	cascades(s)
	var without []string
	withoutEach(s, func(path string) {
		switch Judge(s.Snapshot, s.Question, Policies{}).Verdict {
		case NoGo:
			t.Errorf("NO-GO without %s", path)
		case UnknownState:
			without = append(without, path)
		}
	})
	for _, path := range []string{".Members[node3].SQL", ".Members[node3].SQL.WalSenders", ".Members[node3].SQL.WalReceiver", ".Members[node3].SQL.WalReceiver.Status", ".Members[node3].SQL.WalSenders[node2].State", ".Members[node3].SQL.At"} {
		if !slices.Contains(without, path) {
			t.Errorf("GO without %s", path)
		}
	}
}

// TestDelayDoesNotHideABacklog: what a delay holds back has to be replayed, and
// lag.replay says so.
func TestDelayDoesNotHideABacklog(t *testing.T) {
	s := healthy(t)
	set(s, "node2", "recovery_min_apply_delay", "3600000")
	backlog(s, 2*DefaultMaximumLag)
	r := Judge(s.Snapshot, s.Question, Policies{})
	if res := resultOf(t, r, "lag.replay", "node2"); r.Verdict != NoGo || res.Weight != Blocks {
		t.Errorf("%s, lag.replay %s", r.Verdict, res.Weight)
	}
}

// TestABystandersReplayIsItsOwn: a delayed or reporting replica is no fault.
func TestABystandersReplayIsItsOwn(t *testing.T) {
	s := healthy(t)
	s.Question.Candidate = "node3"
	set(s, "node2", "recovery_min_apply_delay", "3600000")
	session(s, 300, "-1")
	backlog(s, 4096)
	candidateSQL(s).Activity.Value.ReplayConflict = true
	if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict != Go || r.Summary.Warnings != 0 {
		t.Errorf("%s with %d warnings\n%s", r.Verdict, r.Summary.Warnings, fails(r))
	}
}
