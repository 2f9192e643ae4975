package preflight

import "time"

var memberCases = map[string][]breakage{
	"member.ha_loop": {
		{"stuck", "node2", func(s *Recording) { s.member("node2").Liveness = Known(503) }, Fail, ""},
		{"DCS lost", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.DCSLastSeen = Known(r.Date.Value.Add(-30 * time.Second))
		}, Fail, ""},
		{"not asked", "node2", func(s *Recording) { s.member("node2").Liveness = unknown[int]() }, Undecided, ""},
	},
}
