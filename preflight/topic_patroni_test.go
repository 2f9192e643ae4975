package preflight

var patroniCases = map[string][]breakage{
	"patroni.decision": {
		{"a member key without api_url", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = NotKnown[string](Absent, "no api_url") }, Fail, ""},
		{"the leader is out of our reach", "node2", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Unreached, "no route") }, Undecided, ""},
		{"a blocker that says more", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Refused, "refused") }, SkippedFor, ""},
		{"for tomorrow", "node2", func(s *Recording) { s.Question.ScheduledAt = "2030-01-01T00:00:00Z" }, Pass, ""},
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
	"patroni.faults": {
		{"archiving, 2.0.1", "", by("2.0.1", func(s *Recording) { set(s, "node1", "archive_mode", "always") }), Fail, Warning},
		{"archiving, 2.0.1, and a wide limit", "", by("2.0.1", func(s *Recording) {
			set(s, "node1", "archive_mode", "always")
			config4(s).MaximumLag, config4(s).UsePgRewind = Known("16777216"), Known(false)
		}), Pass, ""},
		{"archiving not seen, 2.0.1", "", by("2.0.1", func(s *Recording) {
			leaderSQL(s).Settings = unknown[map[string]string]()
			config4(s).UsePgRewind = Known(false)
		}), Fail, Warning},
		{"archiving, 2.1.0", "", by("2.1.0", func(s *Recording) {
			set(s, "node1", "archive_mode", "always")
			config4(s).UsePgRewind = Known(false)
		}), Pass, ""},
		{"logical slots, 2.0.2", "", by("2.0.2", declare), Fail, ""},
		{"logical slots, 2.1.0", "", by("2.1.0", func(s *Recording) { declare(s); config4(s).UsePgRewind = Known(false) }), Pass, ""},
		{"rewind, 2.1.1", "", by("2.1.1", func(*Recording) {}), Fail, Warning},
		{"rewind, 2.1.2", "", by("2.1.2", func(*Recording) {}), Pass, ""},
		{"strict, 3.0.3", "", by("3.0.3", strictly), Fail, Warning},
		{"strict, 3.0.4", "", by("3.0.4", strictly), Pass, ""},
		{"standby cluster with /sync, 3.3.0", "", by("3.3.0", func(s *Recording) { syncOn(s); standbySite(s) }), Fail, Warning},
		{"standby cluster with /sync, 3.3.1", "", by("3.3.1", func(s *Recording) { syncOn(s); standbySite(s) }), Pass, ""},
		{"priorities, 4.1.0", "", by("4.1.0", unequal), Fail, Warning},
		{"priorities, 4.1.0, a candidate is named", "", by("4.1.0", func(s *Recording) { unequal(s); s.Question.Candidate = "node2" }), Pass, ""},
		{"priorities, 4.1.0, and they are equal", "", by("4.1.0", func(s *Recording) { unequal(s); s.member("node3").Key.Value.Tags = Known(Tags{}) }), Pass, ""},
		{"priorities, 4.1.1", "", by("4.1.1", unequal), Pass, ""},
		{"no version", "", func(s *Recording) { s.member("node1").Key.Value.Version = unknown[string]() }, Undecided, ""},
	},
}
