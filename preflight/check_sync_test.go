package preflight

import "maps"

func init() { maps.Copy(cases, syncCases) }

// inMode is a synchronous mode in which node2 and node3 are synchronous.
func inMode(s *Recording, mode string, strict bool) {
	config4(s).SynchronousMode, config4(s).SynchronousModeStrict = Known(mode), Known(strict)
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2", "node3"}})
}

// alone takes node3 from the cluster.
func alone(s *Recording) { s.Members = s.Members[:2] }

func tagged(s *Recording, m, tag string, value any) {
	s.member(m).Key.Value.Tags = Known(Tags{tag: value})
}

var syncCases = map[string][]breakage{
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
}
