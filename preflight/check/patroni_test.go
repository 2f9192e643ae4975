package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

func unequal(s *fact.Recording) {
	facttest.SyncOn(s)
	s.Question.Candidate = ""
	s.DCS.Cluster.Value.Sync.Value.Standbys = []string{"node2", "node3"}
	facttest.Dynamic(s).SynchronousNodeCount = fact.Known[int64](2)
	facttest.Member(s.Snapshot, "node3").Key.Value.Tags = fact.Known(fact.Tags{"failover_priority": float64(7)})
}

// by gives a release to the leader, whatever else is done.
func by(version string, do func(s *fact.Recording)) func(s *fact.Recording) {
	return func(s *fact.Recording) { do(s); facttest.LeaderVersion(s, version) }
}

// feedback turns hot_standby_feedback on everywhere.
func feedback(s *fact.Recording) {
	for _, m := range s.Members {
		facttest.Set(s, m.Name, "hot_standby_feedback", "on")
	}
	facttest.Dynamic(s).Slots = fact.Known(map[string]fact.PermanentSlot{"barman": {Type: "physical"}})
}

var patroniCases = map[string][]breakage{
	"patroni.decision": {
		{"a member key without api_url", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = fact.NotKnown[string](fact.Absent, "no api_url")
		}, check.Fail, ""},
		{"the leader is out of our reach", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Unreached, "no route")
		}, check.Undecided, ""},
		{"a blocker that says more", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		}, check.Skipped, ""},
		{
			"for tomorrow",
			"node2",
			func(s *fact.Recording) { s.Question.ScheduledAt = "2030-01-01T00:00:00Z" },
			check.Pass,
			"",
		},
	},
	"patroni.election": {
		{
			"too few votes, and the leader does not count before 4.0.5",
			"",
			func(s *fact.Recording) { facttest.QuorumWith(s, "4.0.4"); facttest.Killed(s, 2) },
			check.Fail,
			"",
		},
		{"both voters", "", func(s *fact.Recording) { facttest.QuorumWith(s, "4.0.4") }, check.Pass, ""},
		{"said by candidate.sync", "", func(s *fact.Recording) {
			facttest.QuorumWith(s, "4.0.4")
			s.Question.Candidate = "node2"
			s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node3"}})
		}, check.Pass, ""},
		{
			"no optime",
			"",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Optime = facttest.Unknown[fact.LSN]() },
			check.Undecided,
			"",
		},
	},
	"patroni.release": {
		{"the newest that was compared", "node1", by(patroni.Newest, func(*fact.Recording) {}), check.Pass, ""},
		{"a newer one", "node1", by("5.1.0", func(*fact.Recording) {}), check.Fail, check.Warning},
		{"a newer patch", "node1", by("4.2.1", func(*fact.Recording) {}), check.Fail, check.Warning},
		{"no version", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Key.Value.Version = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"patroni.faults": {
		{
			"archiving, 2.0.1",
			"",
			by("2.0.1", func(s *fact.Recording) { facttest.Set(s, "node1", "archive_mode", "always") }),
			check.Fail,
			check.Warning,
		},
		{"archiving, 2.0.1, and a wide limit", "", by("2.0.1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "always")
			facttest.Dynamic(s).MaximumLag, facttest.Dynamic(s).UsePgRewind = fact.Known("16777216"), fact.Known(false)
		}), check.Pass, ""},
		{"archiving not seen, 2.0.1", "", by("2.0.1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Settings = facttest.Unknown[map[string]string]()
			facttest.Dynamic(s).UsePgRewind = fact.Known(false)
		}), check.Fail, check.Warning},
		{"archiving, 2.1.0", "", by("2.1.0", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "always")
			facttest.Dynamic(s).UsePgRewind = fact.Known(false)
		}), check.Pass, ""},
		{"logical slots, 2.0.2", "", by("2.0.2", facttest.Declare), check.Fail, ""},
		{
			"logical slots, 2.1.0",
			"",
			by("2.1.0", func(s *fact.Recording) { facttest.Declare(s); facttest.Dynamic(s).UsePgRewind = fact.Known(false) }),
			check.Pass,
			"",
		},
		{"rewind, 2.1.1", "", by("2.1.1", func(*fact.Recording) {}), check.Fail, check.Warning},
		{"rewind, 2.1.2", "", by("2.1.2", func(*fact.Recording) {}), check.Pass, ""},
		{"strict, 3.0.3", "", by("3.0.3", facttest.Strictly), check.Fail, check.Warning},
		{"strict, 3.0.4", "", by("3.0.4", facttest.Strictly), check.Pass, ""},
		{
			"standby cluster with /sync, 3.3.0",
			"",
			by("3.3.0", func(s *fact.Recording) { facttest.SyncOn(s); facttest.StandbySite(s) }),
			check.Fail,
			check.Warning,
		},
		{
			"standby cluster with /sync, 3.3.1",
			"",
			by("3.3.1", func(s *fact.Recording) { facttest.SyncOn(s); facttest.StandbySite(s) }),
			check.Pass,
			"",
		},
		{"priorities, 4.1.0", "", by("4.1.0", unequal), check.Fail, check.Warning},
		{
			"priorities, 4.1.0, a candidate is named",
			"",
			by("4.1.0", func(s *fact.Recording) { unequal(s); s.Question.Candidate = "node2" }),
			check.Pass,
			"",
		},
		{"priorities, 4.1.0, and they are equal", "", by("4.1.0", func(s *fact.Recording) {
			unequal(s)
			facttest.Member(s.Snapshot, "node3").Key.Value.Tags = fact.Known(fact.Tags{})
		}), check.Pass, ""},
		{"priorities, 4.1.1", "", by("4.1.1", unequal), check.Pass, ""},
		{"priorities, 4.0.7", "", by("4.0.7", unequal), check.Fail, check.Warning},
		{"priorities, 4.0.8, which has the backport", "", by("4.0.8", unequal), check.Pass, ""},
		{"priorities, 3.3.8, which never had it", "", by("3.3.8", unequal), check.Pass, ""},
		{"a cascade, 2.1.2", "", by("2.1.2", func(s *fact.Recording) {
			tagged(s, "node3", "replicatefrom", "node2")
		}), check.Fail, check.Warning},
		{"a cascade, 2.1.3", "", by("2.1.3", func(s *fact.Recording) {
			tagged(s, "node3", "replicatefrom", "node2")
		}), check.Pass, ""},
		{"hot_standby_feedback, 3.3.2", "", by("3.3.2", feedback), check.Fail, check.Warning},
		{"hot_standby_feedback, 3.3.2, no permanent slots", "", by("3.3.2", func(s *fact.Recording) {
			feedback(s)
			facttest.Dynamic(s).Slots = fact.Known(map[string]fact.PermanentSlot{})
		}), check.Pass, ""},
		{"hot_standby_feedback, 3.3.3", "", by("3.3.3", feedback), check.Pass, ""},
		{"hot_standby_feedback, 4.0.1", "", by("4.0.1", feedback), check.Fail, check.Warning},
		{"hot_standby_feedback, 4.0.2", "", by("4.0.2", feedback), check.Pass, ""},
		{"hot_standby_feedback, 3.1.2", "", by("3.1.2", feedback), check.Pass, ""},
		{"a replica of 4.0.1 beside a leader of 3.3.3", "", func(s *fact.Recording) {
			releasesAre(s, "3.3.3", "4.0.1", "3.3.3")
		}, check.Fail, check.Warning},
		{"a replica of 4.0.3 beside a leader of 3.3.3", "", func(s *fact.Recording) {
			releasesAre(s, "3.3.3", "4.0.3", "3.3.3")
		}, check.Pass, ""},
		{"no version", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Key.Value.Version = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
}
