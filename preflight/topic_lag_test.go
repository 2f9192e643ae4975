package preflight

var lagCases = map[string][]breakage{
	"lag.patroni": {
		{"4 bytes, and 3.5 is 3 before 3.0.3", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			config4(s).MaximumLag = Known("3.5")
			restBehind(s, "node2", 4)
		}, Fail, ""},
		{"4 bytes, and 3.5 is 4 since", "node2", func(s *Recording) {
			config4(s).MaximumLag = Known("3.5")
			restBehind(s, "node2", 4)
		}, Pass, ""},
		{"a limit that 3.0.2 cannot read", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("0x400"), true
		}, Undecided, ""},
		{"too far behind", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = Known(*s.DCS.Cluster.Value.Optime.Value-1048577), Known(LSN(1))
		}, Fail, ""},
		{"limit -1 at lag 0", "node2", func(s *Recording) {
			config4(s).MaximumLag = Known("-1")
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = Known(*s.DCS.Cluster.Value.Optime.Value), Known(LSN(1))
		}, Fail, ""},
		{"limit -1, and ahead of the older figure", "node2", func(s *Recording) {
			config4(s).MaximumLag = Known("-1")
			r := s.member("node2").REST.Value
			r.Received = Known(*s.DCS.Cluster.Value.Optime.Value + 4096)
		}, Fail, ""},
		{"no optime", "node2", func(s *Recording) { s.DCS.Cluster.Value.Optime = unknown[LSN]() }, Undecided, ""},
	},
	"lag.receive": {
		{"a byte too much", "node2", func(s *Recording) { lag(s, "node2", DefaultMaximumLag+1) }, Fail, ""},
		{"limit 0 and a few bytes", "node2", func(s *Recording) { config4(s).MaximumLag = Known("0"); lag(s, "node2", 8) }, Fail, Warning},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
		{"no session on the leader", "node2", func(s *Recording) { s.member("node1").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"lag.replay": {
		{"received and not replayed", "node2", func(s *Recording) {
			q := s.member("node2").SQL.Value
			q.ReplayLSN = Known(*q.ReplayLSN.Value - 2*DefaultMaximumLag)
			q.ReplayPaused = Known(true)
		}, Fail, ""},
		{"no position", "node2", func(s *Recording) { s.member("node2").SQL.Value.ReplayLSN = unknown[LSN]() }, Undecided, ""},
	},
}
