package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// inMode is a synchronous mode in which node2 and node3 are synchronous.
func inMode(s *fact.Recording, mode string, strict bool) {
	facttest.Dynamic(s).SynchronousMode, facttest.Dynamic(s).SynchronousModeStrict = fact.Known(mode), fact.Known(strict)
	s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node2", "node3"}})
}

// alone takes node3 from the cluster.
func alone(s *fact.Recording) { s.Members = s.Members[:2] }

func tagged(s *fact.Recording, m, tag string, value any) {
	facttest.Member(s.Snapshot, m).Key.Value.Tags = fact.Known(fact.Tags{tag: value})
}

var syncCases = map[string][]breakage{
	"sync.strict": {
		{"not strict, and node3 is there", "", func(s *fact.Recording) { inMode(s, "on", false) }, check.Pass, ""},
		{"quorum mode, and node3 is there", "", func(s *fact.Recording) { inMode(s, "quorum", false) }, check.Pass, ""},
		{"strict, and the mode is off", "", func(s *fact.Recording) { inMode(s, "off", true) }, check.Pass, ""},
		{"strict, and node3 is there", "", func(s *fact.Recording) { inMode(s, "on", true) }, check.Fail, check.Warning},
		{"strict, two nodes", "", func(s *fact.Recording) { inMode(s, "on", true); alone(s) }, check.Fail, check.Warning},
		{
			"strict, two nodes of 3.0.2",
			"",
			func(s *fact.Recording) { inMode(s, "on", true); releasesAre(s, "3.0.2", "3.0.2", "3.0.2"); alone(s) },
			check.Fail,
			check.Warning,
		},
		{"two nodes", "", func(s *fact.Recording) { inMode(s, "on", false); alone(s) }, check.Fail, check.Warning},
		{"node3 does not stream", "", func(s *fact.Recording) {
			inMode(s, "on", false)
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, check.Fail, check.Warning},
		{
			"node3 may not be synchronous",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); tagged(s, "node3", "nosync", true) },
			check.Fail,
			check.Warning,
		},
		{"by its priority, since 4.1.0", "", func(s *fact.Recording) {
			inMode(s, "on", false)
			releasesAre(s, "4.1.0", "4.1.0", "4.1.0")
			tagged(s, "node3", "sync_priority", float64(0))
		}, check.Fail, check.Warning},
		{
			"the priority is no tag before",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); tagged(s, "node3", "sync_priority", float64(0)) },
			check.Pass,
			"",
		},
		{
			"node3 follows the candidate already",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); tagged(s, "node3", "replicatefrom", "node2") },
			check.Pass,
			"",
		},
		{
			"nobody named, two may be",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); s.Question.Candidate = "" },
			check.Pass,
			"",
		},
		{
			"nobody named, two nodes",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); alone(s); s.Question.Candidate = "" },
			check.Fail,
			check.Warning,
		},
		{
			"garbled",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).SynchronousModeStrict = facttest.Unknown[bool]() },
			check.Undecided,
			"",
		},
		{
			"no mode",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).SynchronousMode = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"sync.quorum": {
		{
			"a voter is dead",
			"",
			func(s *fact.Recording) { facttest.QuorumWith(s, "4.0.7"); facttest.Killed(s, 2) },
			check.Fail,
			"",
		},
		{
			"a voter is dead, 4.0.5",
			"",
			func(s *fact.Recording) { facttest.QuorumWith(s, "4.0.5"); facttest.Killed(s, 2) },
			check.Fail,
			"",
		},
		{"a voter is dead, and a candidate is named", "", func(s *fact.Recording) {
			facttest.QuorumWith(s, "4.0.7")
			facttest.Killed(s, 2)
			s.Question.Candidate = "node2"
		}, check.Pass, ""},
		{"a voter is dead, and one is enough", "", func(s *fact.Recording) {
			facttest.QuorumWith(s, "4.0.7")
			facttest.Killed(s, 2)
			s.DCS.Cluster.Value.Sync.Value.Quorum = 0
		}, check.Pass, ""},
		{"both voters", "", func(s *fact.Recording) { facttest.QuorumWith(s, "4.0.7") }, check.Pass, ""},
		{"a voter is not seen", "", func(s *fact.Recording) {
			facttest.QuorumWith(s, "4.0.7")
			facttest.Member(s.Snapshot, "node3").REST = fact.NotKnown[fact.REST](fact.Unreached, "no route")
		}, check.Undecided, ""},
		{
			"garbled",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Sync = facttest.Unknown[fact.Sync]() },
			check.Undecided,
			"",
		},
	},
	"sync.foreign": {
		{"a backup receiver", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Stalled(s, "barman", 0, 0)
			facttest.SyncRow(s, "barman", "sync")
		}, check.Fail, check.Warning},
		{"a member tagged nosync", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Member(s.Snapshot, "node3").Key.Value.Tags = fact.Known(fact.Tags{"nosync": true})
			facttest.SyncRow(s, "node3", "quorum")
		}, check.Fail, check.Warning},
		{
			"the candidate",
			"node1",
			func(s *fact.Recording) { facttest.SyncOn(s); facttest.SyncRow(s, "node2", "sync") },
			check.Pass,
			"",
		},
		{"a backup receiver that would be next", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Stalled(s, "barman", 0, 0)
			facttest.SyncRow(s, "barman", "potential")
		}, check.Pass, ""},
		{"no synchronous mode", "node1", func(s *fact.Recording) { facttest.SyncRow(s, "node3", "sync") }, check.Pass, ""},
		{"not to be had", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.LeaderSQL(s).WalSenders = facttest.Unknown[[]fact.WalSender]()
		}, check.Undecided, ""},
		{
			"not to be had, and no synchronous mode",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).WalSenders = facttest.Unknown[[]fact.WalSender]() },
			check.Pass,
			"",
		},
	},
}
