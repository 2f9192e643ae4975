package check_test

import (
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// shownBySQL gives a member's PostgreSQL a certificate, and replication an sslmode.
func shownBySQL(s *fact.Recording, member, mode string, valid time.Duration, change func(*fact.Certificate)) {
	c := fact.Certificate{
		Host:      "10.77.42.12",
		Names:     []string{"10.77.42.12"},
		Matches:   true,
		NotBefore: s.TakenAt.Add(-time.Hour),
		NotAfter:  s.TakenAt.Add(valid),
	}
	change(&c)
	facttest.Member(s.Snapshot, member).SQL.Value.Certificate = fact.Known(c)
	for _, standby := range []string{"node2", "node3"} {
		facttest.Member(s.Snapshot, standby).SQL.Value.UpstreamSSLMode = fact.Known(mode)
	}
}

func same(*fact.Certificate) {}

func otherName(c *fact.Certificate) { c.Names, c.Matches = []string{"node9.example"}, false }

func shownByEtcd(s *fact.Recording, n int, valid time.Duration) {
	e := &s.DCS.Endpoints[n]
	e.URL = "https://10.77.42.21:2379"
	e.Certificate = fact.Known(
		fact.Certificate{
			Host:      "10.77.42.21",
			Matches:   true,
			NotBefore: s.TakenAt.Add(-time.Hour),
			NotAfter:  s.TakenAt.Add(valid),
		},
	)
}

var tlsCases = map[string][]breakage{
	"tls.etcd_certificate": {
		{"valid for a year", "", func(s *fact.Recording) { shownByEtcd(s, 0, facttest.Year) }, check.Pass, ""},
		{
			"a day left",
			"",
			func(s *fact.Recording) { shownByEtcd(s, 0, facttest.Year); shownByEtcd(s, 1, 25*time.Hour) },
			check.Fail,
			check.Warning,
		},
		{
			"expired, and not verified",
			"",
			func(s *fact.Recording) { shownByEtcd(s, 1, -time.Hour) },
			check.Fail,
			check.Warning,
		},
		{
			"one did not show its",
			"",
			func(s *fact.Recording) { shownByEtcd(s, 0, facttest.Year); s.DCS.Endpoints[1].URL = "https://b:2379" },
			check.Pass,
			"",
		},
		{"none showed any", "", func(s *fact.Recording) {
			for i := range s.DCS.Endpoints {
				s.DCS.Endpoints[i].URL = "https://b:2379"
			}
		}, check.Undecided, ""},
	},
	"tls.rest_certificate": {
		{
			"valid for a year",
			"node2",
			func(s *fact.Recording) { facttest.ShownBy(s, "node2", facttest.Year, func(*fact.Certificate) {}) },
			check.Pass,
			"",
		},
		{
			"thirteen days left",
			"node2",
			func(s *fact.Recording) { facttest.ShownBy(s, "node2", 13*24*time.Hour, func(*fact.Certificate) {}) },
			check.Fail,
			check.Warning,
		},
		{
			"fifteen days left",
			"node2",
			func(s *fact.Recording) { facttest.ShownBy(s, "node2", 15*24*time.Hour, func(*fact.Certificate) {}) },
			check.Pass,
			"",
		},
		{
			"expired, and not verified here",
			"node2",
			func(s *fact.Recording) { facttest.ShownBy(s, "node2", -time.Hour, func(*fact.Certificate) {}) },
			check.Fail,
			check.Blocker,
		},
		{
			"expired, of the leader",
			"node1",
			func(s *fact.Recording) { facttest.ShownBy(s, "node1", -time.Hour, func(*fact.Certificate) {}) },
			check.Fail,
			check.Warning,
		},
		{"not valid yet", "node2", func(s *fact.Recording) {
			facttest.ShownBy(s, "node2", facttest.Year, func(c *fact.Certificate) { c.NotBefore = s.TakenAt.Add(time.Hour) })
		}, check.Fail, check.Blocker},
		{"another name", "node2", func(s *fact.Recording) {
			facttest.ShownBy(
				s,
				"node2",
				facttest.Year,
				func(c *fact.Certificate) { c.Names, c.Matches = []string{"node9.example"}, false },
			)
		}, check.Fail, check.Warning},
		{"another name, and it has to match", "node2", func(s *fact.Recording) {
			facttest.ShownBy(s, "node2", facttest.Year, func(c *fact.Certificate) { otherName(c); c.NameRequired = true })
		}, check.Fail, check.Blocker},
		{
			"plain text where TLS is configured",
			"node2",
			func(s *fact.Recording) { s.Target.RESTOverTLS = true },
			check.Fail,
			check.Warning,
		},
		{"no name", "node1", func(s *fact.Recording) {
			facttest.ShownBy(s, "node1", facttest.Year, func(c *fact.Certificate) { c.Names, c.Matches = nil, false })
		}, check.Fail, check.Warning},
		{"not seen", "node2", func(s *fact.Recording) {
			facttest.ShownBy(s, "node2", facttest.Year, func(*fact.Certificate) {})
			facttest.Member(s.Snapshot, "node2").REST.Value.Certificate = fact.Observed[fact.Certificate]{}
		}, check.Undecided, ""},
	},
	"tls.postgresql_certificate": {
		{
			"valid for a year",
			"node2",
			func(s *fact.Recording) { shownBySQL(s, "node2", "verify-full", facttest.Year, same) },
			check.Pass,
			"",
		},
		{
			"thirteen days left",
			"node2",
			func(s *fact.Recording) { shownBySQL(s, "node2", "verify-full", 13*24*time.Hour, same) },
			check.Fail,
			check.Warning,
		},
		{
			"expired, and replication verifies",
			"node2",
			func(s *fact.Recording) { shownBySQL(s, "node2", "verify-ca", -time.Hour, same) },
			check.Fail,
			check.Blocker,
		},
		{
			"expired, of the leader",
			"node1",
			func(s *fact.Recording) { shownBySQL(s, "node1", "verify-ca", -time.Hour, same) },
			check.Fail,
			check.Warning,
		},
		{
			"expired, and nobody verifies",
			"node2",
			func(s *fact.Recording) { shownBySQL(s, "node2", "require", -time.Hour, same) },
			check.Fail,
			check.Warning,
		},
		{"not valid yet, and replication verifies", "node2", func(s *fact.Recording) {
			shownBySQL(
				s,
				"node2",
				"verify-full",
				facttest.Year,
				func(c *fact.Certificate) { c.NotBefore = s.TakenAt.Add(time.Hour) },
			)
		}, check.Fail, check.Blocker},
		{
			"another name, and replication looks at it",
			"node2",
			func(s *fact.Recording) { shownBySQL(s, "node2", "verify-full", facttest.Year, otherName) },
			check.Fail,
			check.Blocker,
		},
		{
			"another name, of the leader",
			"node1",
			func(s *fact.Recording) { shownBySQL(s, "node1", "verify-full", facttest.Year, otherName) },
			check.Fail,
			check.Warning,
		},
		{
			"another name, and nobody looks at it",
			"node2",
			func(s *fact.Recording) { shownBySQL(s, "node2", "verify-ca", facttest.Year, otherName) },
			check.Pass,
			"",
		},
		{"no TLS", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Certificate = fact.Known(fact.Certificate{})
		}, check.Pass, ""},
		{"not recorded", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Certificate = fact.Observed[fact.Certificate]{}
		}, check.Undecided, ""},
	},
}
