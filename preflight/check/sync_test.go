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
	if mode == "quorum" {
		s.DCS.Cluster.Value.Sync.Value.Quorum = 1
	}
	facttest.Kept(s)
}

// listed sets synchronous_standby_names on every member.
func listed(s *fact.Recording, names string) {
	for _, m := range s.Members {
		facttest.Set(s, m.Name, "synchronous_standby_names", names)
	}
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
	"sync.names": {
		{"empty", "node2", func(*fact.Recording) {}, check.Pass, ""},
		{"the candidate alone", "node2", func(s *fact.Recording) { listed(s, "node2") }, check.Fail, ""},
		{"the candidate alone, in capitals", "node2", func(s *fact.Recording) { listed(s, `"NODE2"`) }, check.Fail, ""},
		{"the bystander", "node2", func(s *fact.Recording) { listed(s, "node3") }, check.Pass, ""},
		{"the bystander, which does not stream", "node2", func(s *fact.Recording) {
			listed(s, "node3")
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, check.Fail, ""},
		{"any one of all", "node2", func(s *fact.Recording) { listed(s, "ANY 1 (node1,node2,node3)") }, check.Pass, ""},
		{"all three", "node2", func(s *fact.Recording) { listed(s, "3 (node1,node2,node3)") }, check.Fail, ""},
		{"two of three: the old leader has to return", "node2", func(s *fact.Recording) {
			listed(s, "FIRST 2 (node1,node2,node3)")
		}, check.Fail, check.Warning},
		{"two of two, of which one is the candidate", "node2", func(s *fact.Recording) {
			listed(s, "FIRST 2 (node2,node3)")
		}, check.Fail, ""},
		{"everybody", "node2", func(s *fact.Recording) { listed(s, "*") }, check.Pass, ""},
		{"everybody, of two nodes", "node2", func(s *fact.Recording) { alone(s); listed(s, "*") }, check.Fail, check.Warning},
		{"a client that is no member", "node2", func(s *fact.Recording) {
			facttest.Stalled(s, "barman", 0, 0)
			listed(s, "barman")
		}, check.Fail, check.Warning},
		{"no such client", "node2", func(s *fact.Recording) { listed(s, "barman") }, check.Fail, ""},
		{"in its own file alone", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "synchronous_standby_names", "node2")
		}, check.Fail, ""},
		{"in its own file alone, and it can be had", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "synchronous_standby_names", "node3")
		}, check.Fail, check.Warning},
		{"on the leader alone", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node1", "synchronous_standby_names", "node3")
		}, check.Fail, check.Warning},
		{"commits do not wait anyway", "node2", func(s *fact.Recording) {
			listed(s, "node2")
			facttest.Set(s, "node2", "synchronous_commit", "local")
		}, check.Pass, ""},
		{"Patroni 3.3.0 empties it", "node2", func(s *fact.Recording) {
			releasesAre(s, "3.3.0", "3.3.0", "3.3.0")
			facttest.Set(s, "node2", "synchronous_standby_names", "node2")
		}, check.Fail, check.Warning},
		{"Patroni maintains it", "node2", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Set(s, "node2", "synchronous_standby_names", "node2")
		}, check.Pass, ""},
		{"garbled", "node2", func(s *fact.Recording) { listed(s, "ANY (") }, check.Undecided, ""},
	},
	"sync.promised": {
		{"off", "node1", func(*fact.Recording) {}, check.Pass, ""},
		{"kept", "node1", facttest.SyncOn, check.Pass, ""},
		{"nobody is waited for", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.WaitsFor(s, "")
		}, check.Fail, ""},
		{"another one is waited for", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.WaitsFor(s, "node3")
		}, check.Fail, ""},
		{"everybody is waited for", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.WaitsFor(s, "*")
		}, check.Pass, ""},
		{"quorum mode, between two changes", "node1", func(s *fact.Recording) {
			inMode(s, "quorum", false)
			facttest.WaitsFor(s, "ANY 1 (node2)")
		}, check.Pass, ""},
		{"quorum mode, and too small a quorum", "node1", func(s *fact.Recording) {
			inMode(s, "quorum", false)
			s.DCS.Cluster.Value.Sync.Value.Quorum = 0
		}, check.Fail, ""},
		{"another one comes first", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.WaitsFor(s, "node3,node2")
			facttest.SyncRow(s, "node3", "sync")
			facttest.SyncRow(s, "node2", "potential")
		}, check.Fail, ""},
		{"quorum mode, nobody is waited for", "node1", func(s *fact.Recording) {
			inMode(s, "quorum", false)
			facttest.WaitsFor(s, "")
		}, check.Fail, ""},
		{"the leader itself is promised", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			s.DCS.Cluster.Value.Sync.Value.Standbys = []string{"node1"}
		}, check.Fail, ""},
		{"a client has the leader's name", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Stalled(s, "node1", 0, 0)
			facttest.SyncRow(s, "node1", "sync")
		}, check.Fail, ""},
		{"a client has the leader's name, and is not waited for", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.Stalled(s, "node1", 0, 0)
			facttest.SyncRow(s, "node1", "async")
		}, check.Fail, check.Warning},
		{"the settings cannot be read", "node1", func(s *fact.Recording) {
			facttest.SyncOn(s)
			facttest.LeaderSQL(s).Settings = facttest.Unknown[map[string]string]()
		}, check.Undecided, ""},
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
