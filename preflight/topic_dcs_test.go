package preflight

var dcsCases = map[string][]breakage{
	"dcs.history": {
		{"timeline 1 has none", "", func(s *Recording) { onTimeline(s, 1) }, Pass, ""},
		{"the last two of many", "", func(s *Recording) { onTimeline(s, 9, 7, 8) }, Pass, ""},
		{"gone", "", func(s *Recording) { onTimeline(s, 3) }, Fail, Warning},
		{"behind", "", func(s *Recording) { onTimeline(s, 3, 1) }, Fail, Warning},
		{"behind, and check_timeline is on", "", func(s *Recording) { onTimeline(s, 3, 1); config4(s).CheckTimeline = Known(true) }, Fail, Warning},
		{"of a cluster that was here before", "", func(s *Recording) { onTimeline(s, 1, 1, 2) }, Fail, Warning},
		{"ahead, and check_timeline is on", "", func(s *Recording) { onTimeline(s, 3, 1, 2, 3); config4(s).CheckTimeline = Known(true) }, Fail, Warning},
		{"a standby cluster writes none", "", func(s *Recording) { onTimeline(s, 3); config4(s).StandbyCluster = Known(true) }, Pass, ""},
		{"behind, by REST", "", func(s *Recording) {
			s.member("node1").SQL = NotKnown[SQL](Denied, "password")
			s.member("node1").REST.Value.Timeline = Known[int64](2)
		}, Fail, Warning},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.History = unknown[[]HistoryEntry]() }, Undecided, ""},
		{"which timeline the leader is on is not known", "", func(s *Recording) {
			s.member("node1").SQL, s.member("node1").REST = unknown[SQL](), unknown[REST]()
		}, Undecided, ""},
	},
	"dcs.group": {
		{"none named", "", func(s *Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = Known(""), Known([]string{"0", "1"})
		}, Fail, ""},
		{"one named", "", func(s *Recording) { s.Target.Group = "1" }, Pass, ""},
		{"a cluster of its own beside others' numbers", "", func(s *Recording) { s.DCS.Cluster.Value.Groups = Known([]string{"0"}) }, Pass, ""},
		{"no key at all is said by dcs.scope", "", func(s *Recording) { s.DCS.Cluster = NotKnown[Cluster](Absent, "no key") }, Pass, ""},
		{"too many keys", "", func(s *Recording) { s.DCS.Cluster = NotKnown[Cluster](Malformed, "too many keys") }, Undecided, ""},
		{"no leader, and groups not looked at", "", func(s *Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = Known(""), unknown[[]string]()
		}, Undecided, ""},
	},
	"dcs.sync_leader": {
		{"another's name", "", func(s *Recording) { inMode(s, "on", false); s.DCS.Cluster.Value.Sync.Value.Leader = "node9" }, Fail, ""},
		{"another's name, in quorum mode", "", func(s *Recording) { inMode(s, "quorum", false); s.DCS.Cluster.Value.Sync.Value.Leader = "node2" }, Fail, ""},
		{"in another case", "", func(s *Recording) { inMode(s, "on", false); s.DCS.Cluster.Value.Sync.Value.Leader = "NODE1" }, Pass, ""},
		{"in another case before 3.0.3", "", func(s *Recording) {
			releasesAre(s, "3.0.2", "3.0.2", "3.0.2")
			inMode(s, "on", false)
			s.DCS.Cluster.Value.Sync.Value.Leader = "NODE1"
		}, Fail, ""},
		{"left over, and the mode is off", "", func(s *Recording) { inMode(s, "off", false); s.DCS.Cluster.Value.Sync.Value.Leader = "node9" }, Pass, ""},
		{"a standby cluster has no mode", "", func(s *Recording) {
			inMode(s, "on", false)
			s.DCS.Cluster.Value.Sync.Value.Leader = "node9"
			config4(s).StandbyCluster = Known(true)
		}, Pass, ""},
		{"nobody yet", "", func(s *Recording) { inMode(s, "on", false); s.DCS.Cluster.Value.Sync = Known(Sync{}) }, Pass, ""},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.Sync = unknown[Sync]() }, Undecided, ""},
	},
	"dcs.reachable": {
		{"no quorum", "", func(s *Recording) {
			s.DCS.Read = NotKnown[int](Silent, "no answer")
			s.DCS.Cluster = Because[Cluster](s.DCS.Read)
		}, Undecided, ""},
	},
	"dcs.scope": {
		{"bootstrapping", "", func(s *Recording) { s.DCS.Cluster.Value.Initialize = Known("") }, Fail, ""},
		{"no key", "", func(s *Recording) { s.DCS.Cluster = NotKnown[Cluster](Absent, "no key") }, Undecided, ""},
	},
	"dcs.stable": {
		{"moved", "", func(s *Recording) { s.Moved = Known([]string{"leader"}) }, Fail, ""},
		{"moved twice", "", func(s *Recording) { s.Moved = unknown[[]string]() }, Undecided, ""},
	},
	"dcs.alarms": {
		{"no space", "", func(s *Recording) { s.DCS.Alarms = Known([]string{"NOSPACE"}) }, Fail, ""},
		{"denied", "", func(s *Recording) { s.DCS.Alarms = unknown[[]string]() }, Undecided, ""},
	},
	"dcs.endpoints": {
		{"one of three down", "", func(s *Recording) { s.DCS.Endpoints[1].Status = unknown[EndpointStatus]() }, Fail, Warning},
		{"no raft leader", "", func(s *Recording) { s.DCS.Endpoints[1].Status.Value.HasLeader = false }, Fail, Warning},
		{"no answer of the store", "", func(s *Recording) { s.DCS.Read = unknown[int]() }, SkippedFor, ""},
	},
	"dcs.config": {
		{"a size with a unit", "", func(s *Recording) { config4(s).MaximumLag = Known("10MB") }, Fail, Warning},
		{"a size with a unit, old Patroni", "", func(s *Recording) {
			config4(s).MaximumLag = Known("10MB")
			s.member("node1").Key.Value.Version = Known("3.0.2")
		}, Fail, ""},
		{"text that 3.0.2 cannot read, though it is a number", "", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("0x400"), true
		}, Fail, ""},
		{"the same since", "", func(s *Recording) { config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("0x400"), true }, Pass, ""},
		{"ttl too tight", "", func(s *Recording) { config4(s).TTL = Known[int64](5) }, Fail, Warning},
		{"no config", "", func(s *Recording) { s.DCS.Cluster.Value.Config = unknown[Config]() }, Undecided, ""},
	},
	"dcs.leader": {
		{"nobody", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("") }, Fail, ""},
		{"another than expected", "", func(s *Recording) { s.Question.ExpectedLeader = "node3" }, Fail, ""},
		{"not a member", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("node9") }, Fail, ""},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = unknown[string]() }, Undecided, ""},
	},
	"dcs.leader_lease": {
		{"expired", "node1", func(s *Recording) { s.DCS.Cluster.Value.LeaderLease = Known(Lease{20, -1}) }, Fail, ""},
		{"not renewed", "node1", func(s *Recording) { s.DCS.Cluster.Value.LeaderLease = Known(Lease{20, 3}) }, Fail, ""},
		{"not seen", "node1", func(s *Recording) { s.DCS.Cluster.Value.LeaderLease = unknown[Lease]() }, Undecided, ""},
	},
	"dcs.member_lease": {
		{"not renewed", "node2", func(s *Recording) { s.member("node2").Lease = Known(Lease{20, 3}) }, Fail, ""},
		{"not seen", "node2", func(s *Recording) { s.member("node2").Lease = unknown[Lease]() }, Undecided, ""},
	},
	"dcs.failover_key": {
		{"under way", "", func(s *Recording) {
			s.DCS.Cluster.Value.Failover = Known(Failover{Leader: "node1", Candidate: "node3"})
		}, Fail, ""},
		{"scheduled", "", func(s *Recording) {
			s.DCS.Cluster.Value.Failover = Known(Failover{"node1", "node3", "2030-01-01T00:00:00+00:00"})
		}, Fail, Warning},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.Failover = unknown[Failover]() }, Undecided, ""},
	},
}
