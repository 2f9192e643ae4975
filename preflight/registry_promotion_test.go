package preflight

import (
	"slices"
	"testing"
)

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
