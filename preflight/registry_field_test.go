package preflight

import (
	"time"
)

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
