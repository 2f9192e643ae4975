package preflight

var syncCases = map[string][]breakage{
	"sync.strict": {
		{"not strict, and node3 is there", "", func(s *Recording) { inMode(s, "on", false) }, Pass, ""},
		{"quorum mode, and node3 is there", "", func(s *Recording) { inMode(s, "quorum", false) }, Pass, ""},
		{"strict, and the mode is off", "", func(s *Recording) { inMode(s, "off", true) }, Pass, ""},
		{"strict, and node3 is there", "", func(s *Recording) { inMode(s, "on", true) }, Fail, Warning},
		{"strict, two nodes", "", func(s *Recording) { inMode(s, "on", true); alone(s) }, Fail, Warning},
		{"strict, two nodes of 3.0.2", "", func(s *Recording) { inMode(s, "on", true); releasesAre(s, "3.0.2", "3.0.2", "3.0.2"); alone(s) }, Fail, Warning},
		{"two nodes", "", func(s *Recording) { inMode(s, "on", false); alone(s) }, Fail, Warning},
		{"node3 does not stream", "", func(s *Recording) {
			inMode(s, "on", false)
			s.member("node3").SQL.Value.WalReceiver = Known(WalReceiver{})
		}, Fail, Warning},
		{"node3 may not be synchronous", "", func(s *Recording) { inMode(s, "on", false); tagged(s, "node3", "nosync", true) }, Fail, Warning},
		{"by its priority, since 4.1.0", "", func(s *Recording) {
			inMode(s, "on", false)
			releasesAre(s, "4.1.0", "4.1.0", "4.1.0")
			tagged(s, "node3", "sync_priority", float64(0))
		}, Fail, Warning},
		{"the priority is no tag before", "", func(s *Recording) { inMode(s, "on", false); tagged(s, "node3", "sync_priority", float64(0)) }, Pass, ""},
		{"node3 follows the candidate already", "", func(s *Recording) { inMode(s, "on", false); tagged(s, "node3", "replicatefrom", "node2") }, Pass, ""},
		{"nobody named, two may be", "", func(s *Recording) { inMode(s, "on", false); s.Question.Candidate = "" }, Pass, ""},
		{"nobody named, two nodes", "", func(s *Recording) { inMode(s, "on", false); alone(s); s.Question.Candidate = "" }, Fail, Warning},
		{"garbled", "", func(s *Recording) { config4(s).SynchronousModeStrict = unknown[bool]() }, Undecided, ""},
		{"no mode", "", func(s *Recording) { config4(s).SynchronousMode = unknown[string]() }, Undecided, ""},
	},
	"sync.quorum": {
		{"a voter is dead", "", func(s *Recording) { quorumWith(s, "4.0.7"); killed(s, 2) }, Fail, ""},
		{"a voter is dead, 4.0.5", "", func(s *Recording) { quorumWith(s, "4.0.5"); killed(s, 2) }, Fail, ""},
		{"a voter is dead, and a candidate is named", "", func(s *Recording) { quorumWith(s, "4.0.7"); killed(s, 2); s.Question.Candidate = "node2" }, Pass, ""},
		{"a voter is dead, and one is enough", "", func(s *Recording) {
			quorumWith(s, "4.0.7")
			killed(s, 2)
			s.DCS.Cluster.Value.Sync.Value.Quorum = 0
		}, Pass, ""},
		{"both voters", "", func(s *Recording) { quorumWith(s, "4.0.7") }, Pass, ""},
		{"a voter is not seen", "", func(s *Recording) {
			quorumWith(s, "4.0.7")
			s.member("node3").REST = NotKnown[REST](Unreached, "no route")
		}, Undecided, ""},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.Sync = unknown[Sync]() }, Undecided, ""},
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
}
