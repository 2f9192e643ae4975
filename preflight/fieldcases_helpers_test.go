package preflight_test

import (
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// Helpers that bring a healthy cluster to the state that a report shows. The
// report's figures are theirs; node1 leads, node2 is the candidate.

// runsPatroni makes all members run that release, which shows less of itself the
// older it is.
func runsPatroni(s *fact.Recording, version string) {
	for _, m := range s.Members {
		m.Key.Value.Version, m.REST.Value.Version = fact.Known(version), fact.Known(version)
		if fact.OlderThan(version, 3, 2, 0) {
			m.REST.Value.Name = fact.NotKnown[string](fact.Absent, "no patroni.name in the answer")
		}
		if fact.OlderThan(version, 3, 0, 4) {
			m.Key.Value.ReplicationState, m.REST.Value.ReplicationState = fact.Known(""), fact.Known("")
		}
		if fact.OlderThan(version, 4, 0, 0) && m.Name == s.Leader() && fact.IsPrimaryRole(m.Key.Value.Role.OrZero()) {
			m.Key.Value.Role, m.REST.Value.Role = fact.Known("master"), fact.Known("master")
		}
	}
}

// level puts every member at one position, with nothing left to write.
func level(s *fact.Recording, at fact.LSN) {
	lsn := fact.Known(at)
	s.DCS.Cluster.Value.Optime = lsn
	for _, m := range s.Members {
		m.Key.Value.Xlog = lsn
		r, q := m.REST.Value, m.SQL.Value
		if m.Name == s.Leader() {
			r.Location, q.FlushLSN, q.FlushLSNAfter = lsn, lsn, lsn
			q.Earlier.Value.LSN, q.Checkpoint.Value.RedoLSN = at, at
			for i := range *q.WalSenders.Value {
				w := &(*q.WalSenders.Value)[i]
				w.SentLSN, w.WriteLSN, w.FlushLSN, w.ReplayLSN = lsn, lsn, lsn, lsn
			}
			continue
		}
		r.Received, r.Replayed, q.ReceiveLSN, q.ReplayLSN = lsn, lsn, lsn, lsn
	}
}

// behindBy puts a replica that many bytes behind, by every account.
func behindBy(s *fact.Recording, member string, bytes int64) {
	m := facttest.Member(s.Snapshot, member)
	at := fact.Known(fact.LeaderBefore.Get(s.Snapshot, member) - fact.LSN(bytes))
	m.Key.Value.Xlog = at
	m.REST.Value.Received, m.REST.Value.Replayed = at, at
	m.SQL.Value.ReceiveLSN, m.SQL.Value.ReplayLSN = at, at
}

// atTimeline gives a member its timeline, by every account.
func atTimeline(s *fact.Recording, member string, timeline int64) {
	m, t := facttest.Member(s.Snapshot, member), fact.Known(timeline)
	m.Key.Value.Timeline, m.REST.Value.Timeline, m.SQL.Value.Timeline = t, t, t
	if m.SQL.Value.WalReceiver.Value.Running {
		m.SQL.Value.WalReceiver.Value.Timeline = t
	}
}

// cutOff ends a replica's stream: no WAL receiver there, no row on the leader.
func cutOff(s *fact.Recording, member string) {
	m := facttest.Member(s.Snapshot, member)
	m.SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
	m.Key.Value.ReplicationState, m.REST.Value.ReplicationState = fact.Known(""), fact.Known("")
	var rows []fact.WalSender
	for _, w := range *facttest.LeaderSQL(s).WalSenders.Value {
		if w.ApplicationName != member {
			rows = append(rows, w)
		}
	}
	facttest.LeaderSQL(s).WalSenders = fact.Known(rows)
}

// apiURL is the REST address of a member, at which another one answers; "" where
// nobody does.
func apiURL(s *fact.Recording, member, url, answers string) {
	m := facttest.Member(s.Snapshot, member)
	m.Key.Value.APIURL = fact.Known(url)
	if answers == "" {
		m.REST, m.Liveness = fact.NotKnown[fact.REST](
			fact.Refused,
			"GET %s: connection refused",
			url,
		), fact.NotKnown[int](
			fact.Refused,
			"connection refused",
		)
		return
	}
	r := *facttest.Member(s.Snapshot, answers).REST.Value
	m.REST.Value = &r
}

// syncMembers puts those members into /sync, in that mode.
func syncMembers(s *fact.Recording, mode string, standbys ...string) {
	facttest.Dynamic(s).SynchronousMode = fact.Known(mode)
	s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: s.Leader(), Standbys: standbys})
	if mode == "quorum" {
		s.DCS.Cluster.Value.Sync.Value.Quorum = len(standbys) / 2
	}
	facttest.Kept(s)
}

// tag gives a member tags, in its key and in its answer.
func tag(s *fact.Recording, member string, tags fact.Tags) {
	facttest.Member(s.Snapshot, member).Key.Value.Tags, facttest.Member(s.Snapshot, member).REST.Value.Tags = fact.Known(
		tags,
	), fact.Known(
		tags,
	)
}

// archiving turns archiving on, on every member.
func archiving(s *fact.Recording, mode string) {
	for _, m := range s.Members {
		facttest.Set(s, m.Name, "archive_mode", mode)
		facttest.Set(s, m.Name, "archive_command", "(set, md5 1)")
	}
}

// unwritten leaves that many bytes to the checkpoint before the shutdown.
func unwritten(s *fact.Recording, bytes int64) {
	facttest.Set(s, "node1", "shared_buffers", "4194304") // 32 GB
	facttest.LeaderSQL(s).Checkpoint.Value.RedoLSN = *facttest.LeaderSQL(s).FlushLSN.Value - fact.LSN(bytes)
}
