package preflight

// Helpers that bring a healthy cluster to the state that a report shows. The
// report's figures are theirs; node1 leads, node2 is the candidate.

// runsPatroni makes all members run that release, which shows less of itself the
// older it is.
func runsPatroni(s *Recording, version string) {
	for _, m := range s.Members {
		m.Key.Value.Version, m.REST.Value.Version = Known(version), Known(version)
		if olderThan(version, 3, 2, 0) {
			m.REST.Value.Name = NotKnown[string](Absent, "no patroni.name in the answer")
		}
		if olderThan(version, 3, 0, 4) {
			m.Key.Value.ReplicationState, m.REST.Value.ReplicationState = Known(""), Known("")
		}
		if olderThan(version, 4, 0, 0) && m.Name == s.Leader() && isPrimaryRole(m.Key.Value.Role.orZero()) {
			m.Key.Value.Role, m.REST.Value.Role = Known("master"), Known("master")
		}
	}
}

// level puts every member at one position, with nothing left to write.
func level(s *Recording, at LSN) {
	lsn := Known(at)
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
func behindBy(s *Recording, member string, bytes int64) {
	m := s.member(member)
	at := Known(leaderBefore.get(s.Snapshot, member) - LSN(bytes))
	m.Key.Value.Xlog = at
	m.REST.Value.Received, m.REST.Value.Replayed = at, at
	m.SQL.Value.ReceiveLSN, m.SQL.Value.ReplayLSN = at, at
}

// atTimeline gives a member its timeline, by every account.
func atTimeline(s *Recording, member string, timeline int64) {
	m, t := s.member(member), Known(timeline)
	m.Key.Value.Timeline, m.REST.Value.Timeline, m.SQL.Value.Timeline = t, t, t
	if m.SQL.Value.WalReceiver.Value.Running {
		m.SQL.Value.WalReceiver.Value.Timeline = t
	}
}

// cutOff ends a replica's stream: no WAL receiver there, no row on the leader.
func cutOff(s *Recording, member string) {
	m := s.member(member)
	m.SQL.Value.WalReceiver = Known(WalReceiver{})
	m.Key.Value.ReplicationState, m.REST.Value.ReplicationState = Known(""), Known("")
	var rows []WalSender
	for _, w := range *leaderSQL(s).WalSenders.Value {
		if w.ApplicationName != member {
			rows = append(rows, w)
		}
	}
	leaderSQL(s).WalSenders = Known(rows)
}

// apiURL is the REST address of a member, at which another one answers; "" where
// nobody does.
func apiURL(s *Recording, member, url, answers string) {
	m := s.member(member)
	m.Key.Value.APIURL = Known(url)
	if answers == "" {
		m.REST, m.Liveness = NotKnown[REST](Refused, "GET %s: connection refused", url), NotKnown[int](Refused, "connection refused")
		return
	}
	r := *s.member(answers).REST.Value
	m.REST.Value = &r
}

// syncMembers puts those members into /sync, in that mode.
func syncMembers(s *Recording, mode string, standbys ...string) {
	config4(s).SynchronousMode = Known(mode)
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: s.Leader(), Standbys: standbys})
	if mode == "quorum" {
		s.DCS.Cluster.Value.Sync.Value.Quorum = len(standbys) / 2
	}
}

// tag gives a member tags, in its key and in its answer.
func tag(s *Recording, member string, tags Tags) {
	s.member(member).Key.Value.Tags, s.member(member).REST.Value.Tags = Known(tags), Known(tags)
}

// archiving turns archiving on, on every member.
func archiving(s *Recording, mode string) {
	for _, m := range s.Members {
		set(s, m.Name, "archive_mode", mode)
		set(s, m.Name, "archive_command", "(set, md5 1)")
	}
}

// unwritten leaves that many bytes to the checkpoint before the shutdown.
func unwritten(s *Recording, bytes int64) {
	set(s, "node1", "shared_buffers", "4194304") // 32 GB
	leaderSQL(s).Checkpoint.Value.RedoLSN = *leaderSQL(s).FlushLSN.Value - LSN(bytes)
}
