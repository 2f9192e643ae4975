package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// onTimeline puts the leader on a timeline, by SQL, and ends others in /history.
func onTimeline(s *fact.Recording, timeline int64, ended ...int64) {
	facttest.LeaderSQL(s).Timeline = fact.Known(timeline)
	var lines []fact.HistoryEntry
	for _, t := range ended {
		lines = append(lines, fact.HistoryEntry{Timeline: t, SwitchLSN: 1, Reason: "no recovery target specified"})
	}
	s.DCS.Cluster.Value.History = fact.Known(lines)
}

// ofClusters gives each server of etcd the ID of its cluster, and one raft leader.
func ofClusters(s *fact.Recording, ids ...string) {
	s.DCS.ClusterID = ids[0]
	for i, id := range ids {
		st := s.DCS.Endpoints[i].Status.Value
		st.ClusterID, st.Leader, st.Revision = id, "1", 42
	}
}

var dcsCases = map[string][]breakage{
	"dcs.history": {
		{"timeline 1 has none", "", func(s *fact.Recording) { onTimeline(s, 1) }, check.Pass, ""},
		{"the last two of many", "", func(s *fact.Recording) { onTimeline(s, 9, 7, 8) }, check.Pass, ""},
		{"gone", "", func(s *fact.Recording) { onTimeline(s, 3) }, check.Fail, check.Warning},
		{"behind", "", func(s *fact.Recording) { onTimeline(s, 3, 1) }, check.Fail, check.Warning},
		{
			"behind, and check_timeline is on",
			"",
			func(s *fact.Recording) { onTimeline(s, 3, 1); facttest.Dynamic(s).CheckTimeline = fact.Known(true) },
			check.Fail,
			check.Warning,
		},
		{
			"of a cluster that was here before",
			"",
			func(s *fact.Recording) { onTimeline(s, 1, 1, 2) },
			check.Fail,
			check.Warning,
		},
		{"ahead, and check_timeline is on", "", func(s *fact.Recording) {
			onTimeline(s, 3, 1, 2, 3)
			facttest.Dynamic(s).CheckTimeline = fact.Known(true)
		}, check.Fail, check.Warning},
		{
			"a standby cluster writes none",
			"",
			func(s *fact.Recording) { onTimeline(s, 3); facttest.Dynamic(s).StandbyCluster = fact.Known(true) },
			check.Pass,
			"",
		},
		{"behind, by REST", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").SQL = fact.NotKnown[fact.SQL](fact.Denied, "password")
			facttest.Member(s.Snapshot, "node1").REST.Value.Timeline = fact.Known[int64](2)
		}, check.Fail, check.Warning},
		{
			"garbled",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.History = facttest.Unknown[[]fact.HistoryEntry]() },
			check.Undecided,
			"",
		},
		{
			"which timeline the leader is on is not known",
			"",
			func(s *fact.Recording) {
				facttest.Member(
					s.Snapshot,
					"node1",
				).SQL, facttest.Member(s.Snapshot, "node1").REST = facttest.Unknown[fact.SQL](), facttest.Unknown[fact.REST]()
			},
			check.Undecided,
			"",
		},
	},
	"dcs.group": {
		{"none named", "", func(s *fact.Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = fact.Known(""), fact.Known([]string{"0", "1"})
		}, check.Fail, ""},
		{"one named", "", func(s *fact.Recording) { s.Target.Group = "1" }, check.Pass, ""},
		{
			"a cluster of its own beside others' numbers",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Groups = fact.Known([]string{"0"}) },
			check.Pass,
			"",
		},
		{
			"no key at all is said by dcs.scope",
			"",
			func(s *fact.Recording) { s.DCS.Cluster = fact.NotKnown[fact.Cluster](fact.Absent, "no key") },
			check.Pass,
			"",
		},
		{
			"too many keys",
			"",
			func(s *fact.Recording) { s.DCS.Cluster = fact.NotKnown[fact.Cluster](fact.Malformed, "too many keys") },
			check.Undecided,
			"",
		},
		{"no leader, and groups not looked at", "", func(s *fact.Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = fact.Known(""), facttest.Unknown[[]string]()
		}, check.Undecided, ""},
	},
	"dcs.sync_leader": {
		{
			"another's name",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); s.DCS.Cluster.Value.Sync.Value.Leader = "node9" },
			check.Fail,
			"",
		},
		{
			"another's name, in quorum mode",
			"",
			func(s *fact.Recording) { inMode(s, "quorum", false); s.DCS.Cluster.Value.Sync.Value.Leader = "node2" },
			check.Fail,
			"",
		},
		{
			"in another case",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); s.DCS.Cluster.Value.Sync.Value.Leader = "NODE1" },
			check.Pass,
			"",
		},
		{"in another case before 3.0.3", "", func(s *fact.Recording) {
			releasesAre(s, "3.0.2", "3.0.2", "3.0.2")
			inMode(s, "on", false)
			s.DCS.Cluster.Value.Sync.Value.Leader = "NODE1"
		}, check.Fail, ""},
		{
			"left over, and the mode is off",
			"",
			func(s *fact.Recording) { inMode(s, "off", false); s.DCS.Cluster.Value.Sync.Value.Leader = "node9" },
			check.Pass,
			"",
		},
		{"a standby cluster has no mode", "", func(s *fact.Recording) {
			inMode(s, "on", false)
			s.DCS.Cluster.Value.Sync.Value.Leader = "node9"
			facttest.Dynamic(s).StandbyCluster = fact.Known(true)
		}, check.Pass, ""},
		{
			"nobody yet",
			"",
			func(s *fact.Recording) { inMode(s, "on", false); s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{}) },
			check.Pass,
			"",
		},
		{
			"garbled",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Sync = facttest.Unknown[fact.Sync]() },
			check.Undecided,
			"",
		},
	},
	"dcs.reachable": {
		{"no quorum", "", func(s *fact.Recording) {
			s.DCS.Read = fact.NotKnown[int](fact.Silent, "no answer")
			s.DCS.Cluster = fact.Because[fact.Cluster](s.DCS.Read)
		}, check.Undecided, ""},
	},
	"dcs.scope": {
		{"bootstrapping", "", func(s *fact.Recording) { s.DCS.Cluster.Value.Initialize = fact.Known("") }, check.Fail, ""},
		{
			"no key",
			"",
			func(s *fact.Recording) { s.DCS.Cluster = fact.NotKnown[fact.Cluster](fact.Absent, "no key") },
			check.Undecided,
			"",
		},
	},
	"dcs.stable": {
		{"moved", "", func(s *fact.Recording) { s.Moved = fact.Known([]string{"leader"}) }, check.Fail, ""},
		{"moved twice", "", func(s *fact.Recording) { s.Moved = facttest.Unknown[[]string]() }, check.Undecided, ""},
	},
	"dcs.alarms": {
		{"no space", "", func(s *fact.Recording) { s.DCS.Alarms = fact.Known([]string{"NOSPACE"}) }, check.Fail, ""},
		{"denied", "", func(s *fact.Recording) { s.DCS.Alarms = facttest.Unknown[[]string]() }, check.Undecided, ""},
	},
	"dcs.endpoints": {
		{
			"one of three down",
			"",
			func(s *fact.Recording) { s.DCS.Endpoints[1].Status = facttest.Unknown[fact.EndpointStatus]() },
			check.Fail,
			check.Warning,
		},
		{
			"no raft leader",
			"",
			func(s *fact.Recording) { s.DCS.Endpoints[1].Status.Value.HasLeader = false },
			check.Fail,
			check.Warning,
		},
		{"no answer of the store", "", func(s *fact.Recording) { s.DCS.Read = facttest.Unknown[int]() }, check.Skipped, ""},
	},
	"dcs.one_cluster": {
		{"recorded before the IDs were read", "", func(s *fact.Recording) {
			ofClusters(s, "", "", "")
		}, check.Undecided, ""},
		{"one cluster, one leader", "", func(s *fact.Recording) { ofClusters(s, "a", "a", "a") }, check.Pass, ""},
		{"one is of another cluster", "", func(s *fact.Recording) { ofClusters(s, "a", "a", "b") }, check.Fail, ""},
		{"the read is of another cluster", "", func(s *fact.Recording) {
			ofClusters(s, "a", "a", "a")
			s.DCS.ClusterID = "b"
		}, check.Fail, ""},
		{"two leaders", "", func(s *fact.Recording) {
			ofClusters(s, "a", "a", "a")
			s.DCS.Endpoints[2].Status.Value.Leader = "2"
		}, check.Fail, ""},
		{"one knows no leader, which dcs.endpoints reports", "", func(s *fact.Recording) {
			ofClusters(s, "a", "a", "a")
			s.DCS.Endpoints[2].Status.Value.Leader = ""
		}, check.Pass, ""},
		{"no answer of the store", "", func(s *fact.Recording) { s.DCS.Read = facttest.Unknown[int]() }, check.Skipped, ""},
	},
	"dcs.initialize": {
		{"right", "", func(*fact.Recording) {}, check.Pass, ""},
		{"stale", "", func(s *fact.Recording) {
			s.DCS.Cluster.Value.Initialize = fact.Known("7700000000000000001")
		}, check.Fail, ""},
		{"the members differ, which the checks of identity report", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").SQL.Value.SystemID = fact.Known("7700000000000000001")
		}, check.Pass, ""},
		{"not to be had", "", func(s *fact.Recording) {
			s.DCS.Cluster.Value.Initialize = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"dcs.config": {
		{
			"a size with a unit",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).MaximumLag = fact.Known("10MB") },
			check.Fail,
			check.Warning,
		},
		{"a size with a unit, old Patroni", "", func(s *fact.Recording) {
			facttest.Dynamic(s).MaximumLag = fact.Known("10MB")
			facttest.Member(s.Snapshot, "node1").Key.Value.Version = fact.Known("3.0.2")
		}, check.Fail, ""},
		{"text that 3.0.2 cannot read, though it is a number", "", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Dynamic(s).MaximumLag, facttest.Dynamic(s).MaximumLagIsText = fact.Known("0x400"), true
		}, check.Fail, ""},
		{"the same since", "", func(s *fact.Recording) {
			facttest.Dynamic(s).MaximumLag, facttest.Dynamic(s).MaximumLagIsText = fact.Known("0x400"), true
		}, check.Pass, ""},
		{
			"ttl too tight",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).TTL = fact.Known[int64](5) },
			check.Fail,
			check.Warning,
		},
		{
			"no config",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Config = facttest.Unknown[fact.DynamicConfig]() },
			check.Undecided,
			"",
		},
	},
	"dcs.leader": {
		{"nobody", "", func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("") }, check.Fail, ""},
		{"another than expected", "", func(s *fact.Recording) { s.Question.ExpectedLeader = "node3" }, check.Fail, ""},
		{"not a member", "", func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("node9") }, check.Fail, ""},
		{
			"garbled",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"dcs.leader_lease": {
		{"expired", "node1", func(s *fact.Recording) {
			s.DCS.Cluster.Value.LeaderLease = fact.Known(fact.Lease{GrantedSeconds: 20, RemainingSeconds: -1})
		}, check.Fail, ""},
		{"not renewed", "node1", func(s *fact.Recording) {
			s.DCS.Cluster.Value.LeaderLease = fact.Known(fact.Lease{GrantedSeconds: 20, RemainingSeconds: 3})
		}, check.Fail, ""},
		{
			"not seen",
			"node1",
			func(s *fact.Recording) { s.DCS.Cluster.Value.LeaderLease = facttest.Unknown[fact.Lease]() },
			check.Undecided,
			"",
		},
	},
	"dcs.member_lease": {
		{"not renewed", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Lease = fact.Known(fact.Lease{GrantedSeconds: 20, RemainingSeconds: 3})
		}, check.Fail, ""},
		{
			"not seen",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Lease = facttest.Unknown[fact.Lease]() },
			check.Undecided,
			"",
		},
	},
	"dcs.failover_key": {
		{"under way", "", func(s *fact.Recording) {
			s.DCS.Cluster.Value.Failover = fact.Known(fact.Failover{Leader: "node1", Candidate: "node3"})
		}, check.Fail, ""},
		{"scheduled", "", func(s *fact.Recording) {
			s.DCS.Cluster.Value.Failover = fact.Known(
				fact.Failover{Leader: "node1", Candidate: "node3", ScheduledAt: "2030-01-01T00:00:00+00:00"},
			)
		}, check.Fail, check.Warning},
		{
			"garbled",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Failover = facttest.Unknown[fact.Failover]() },
			check.Undecided,
			"",
		},
	},
}
