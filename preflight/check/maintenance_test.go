package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var maintenanceCases = map[string][]breakage{
	"maintenance.pause": {
		{"paused", "", func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true) }, check.Fail, ""},
		{
			"paused, no candidate",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true); s.Question.Candidate = "" },
			check.Fail,
			"",
		},
		{"paused standby cluster", "", func(s *fact.Recording) {
			facttest.Dynamic(s).Pause = fact.Known(true)
			facttest.Dynamic(s).StandbyCluster = fact.Known(true)
		}, check.Fail, ""},
		{
			"garbled",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).Pause = facttest.Unknown[bool]() },
			check.Undecided,
			"",
		},
	},
	"maintenance.member": {
		{
			"by its key",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Key.Value.Pause = fact.Known(true) },
			check.Fail,
			"",
		},
		{
			"by REST",
			"node1",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").REST.Value.Pause = fact.Known(true) },
			check.Fail,
			"",
		},
		{"garbled", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Pause = facttest.Unknown[bool]()
		}, check.Undecided, ""},
	},
}
