package preflight

import "maps"

func init() { maps.Copy(cases, decisionCases) }

// quorumWith is quorum mode with both replicas as voters, by a leader of that version.
func quorumWith(s *Recording, version string) {
	s.Question.Candidate = ""
	config4(s).SynchronousMode = Known("quorum")
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2", "node3"}, Quorum: 1})
	for _, m := range s.Members {
		m.Key.Value.Version = Known(version)
	}
}

var decisionCases = map[string][]breakage{
	"patroni.decision": {
		{"a member key without api_url", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = NotKnown[string](Absent, "no api_url") }, Fail, ""},
		{"the leader is out of our reach", "node2", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Unreached, "no route") }, Undecided, ""},
		{"a blocker that says more", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Refused, "refused") }, SkippedFor, ""},
		{"for tomorrow", "node2", func(s *Recording) { s.Question.ScheduledAt = "2030-01-01T00:00:00Z" }, Pass, ""},
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
	"patroni.election": {
		{"too few votes, and the leader does not count before 4.0.5", "", func(s *Recording) { quorumWith(s, "4.0.4"); killed(s, 2) }, Fail, ""},
		{"both voters", "", func(s *Recording) { quorumWith(s, "4.0.4") }, Pass, ""},
		{"said by candidate.sync", "", func(s *Recording) {
			quorumWith(s, "4.0.4")
			s.Question.Candidate = "node2"
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node3"}})
		}, Pass, ""},
		{"no optime", "", func(s *Recording) { s.DCS.Cluster.Value.Optime = unknown[LSN]() }, Undecided, ""},
	},
}
