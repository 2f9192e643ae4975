package check_test

import (
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var memberCases = map[string][]breakage{
	"member.ha_loop": {
		{
			"stuck",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Liveness = fact.Known(503) },
			check.Fail,
			"",
		},
		{"DCS lost", "node2", func(s *fact.Recording) {
			r := facttest.Member(s.Snapshot, "node2").REST.Value
			r.DCSLastSeen = fact.Known(r.Date.Value.Add(-30 * time.Second))
		}, check.Fail, ""},
		{
			"not asked",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Liveness = facttest.Unknown[int]() },
			check.Undecided,
			"",
		},
	},
}
