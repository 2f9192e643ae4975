package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

var lagCases = map[string][]breakage{
	"lag.patroni": {
		{"4 bytes, and 3.5 is 3 before 3.0.3", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Dynamic(s).MaximumLag = fact.Known("3.5")
			facttest.RESTBehind(s, "node2", 4)
		}, check.Fail, ""},
		{"4 bytes, and 3.5 is 4 since", "node2", func(s *fact.Recording) {
			facttest.Dynamic(s).MaximumLag = fact.Known("3.5")
			facttest.RESTBehind(s, "node2", 4)
		}, check.Pass, ""},
		{"a limit that 3.0.2 cannot read", "node2", func(s *fact.Recording) {
			facttest.LeaderVersion(s, "3.0.2")
			facttest.Dynamic(s).MaximumLag, facttest.Dynamic(s).MaximumLagIsText = fact.Known("0x400"), true
		}, check.Undecided, ""},
		{"too far behind", "node2", func(s *fact.Recording) {
			r := facttest.Member(s.Snapshot, "node2").REST.Value
			r.Received, r.Replayed = fact.Known(*s.DCS.Cluster.Value.Optime.Value-1048577), fact.Known(fact.LSN(1))
		}, check.Fail, ""},
		{"limit -1 at lag 0", "node2", func(s *fact.Recording) {
			facttest.Dynamic(s).MaximumLag = fact.Known("-1")
			r := facttest.Member(s.Snapshot, "node2").REST.Value
			r.Received, r.Replayed = fact.Known(*s.DCS.Cluster.Value.Optime.Value), fact.Known(fact.LSN(1))
		}, check.Fail, ""},
		{"limit -1, and ahead of the older figure", "node2", func(s *fact.Recording) {
			facttest.Dynamic(s).MaximumLag = fact.Known("-1")
			r := facttest.Member(s.Snapshot, "node2").REST.Value
			r.Received = fact.Known(*s.DCS.Cluster.Value.Optime.Value + 4096)
		}, check.Fail, ""},
		{
			"no optime",
			"node2",
			func(s *fact.Recording) { s.DCS.Cluster.Value.Optime = facttest.Unknown[fact.LSN]() },
			check.Undecided,
			"",
		},
	},
	"lag.receive": {
		{
			"a byte too much",
			"node2",
			func(s *fact.Recording) { facttest.Lag(s, "node2", patroni.DefaultMaximumLag+1) },
			check.Fail,
			"",
		},
		{
			"limit 0 and a few bytes",
			"node2",
			func(s *fact.Recording) { facttest.Dynamic(s).MaximumLag = fact.Known("0"); facttest.Lag(s, "node2", 8) },
			check.Fail,
			check.Warning,
		},
		{
			"no session",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Unknown[fact.SQL]() },
			check.Undecided,
			"",
		},
		{
			"no session on the leader",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").SQL = facttest.Unknown[fact.SQL]() },
			check.Undecided,
			"",
		},
	},
	"lag.replay": {
		{"received and not replayed", "node2", func(s *fact.Recording) {
			q := facttest.Member(s.Snapshot, "node2").SQL.Value
			q.ReplayLSN = fact.Known(*q.ReplayLSN.Value - 2*patroni.DefaultMaximumLag)
			q.ReplayPaused = fact.Known(true)
		}, check.Fail, ""},
		{"no position", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.ReplayLSN = facttest.Unknown[fact.LSN]()
		}, check.Undecided, ""},
	},
}
