package preflight

import "time"

var tlsCases = map[string][]breakage{
	"tls.etcd_certificate": {
		{"valid for a year", "", func(s *Recording) { shownByEtcd(s, 0, year) }, Pass, ""},
		{"a day left", "", func(s *Recording) { shownByEtcd(s, 0, year); shownByEtcd(s, 1, 25*time.Hour) }, Fail, Warning},
		{"expired, and not verified", "", func(s *Recording) { shownByEtcd(s, 1, -time.Hour) }, Fail, Warning},
		{"one did not show its", "", func(s *Recording) { shownByEtcd(s, 0, year); s.DCS.Endpoints[1].URL = "https://b:2379" }, Pass, ""},
		{"none showed any", "", func(s *Recording) {
			for i := range s.DCS.Endpoints {
				s.DCS.Endpoints[i].URL = "https://b:2379"
			}
		}, Undecided, ""},
	},
	"tls.rest_certificate": {
		{"valid for a year", "node2", func(s *Recording) { shownBy(s, "node2", year, func(*Certificate) {}) }, Pass, ""},
		{"thirteen days left", "node2", func(s *Recording) { shownBy(s, "node2", 13*24*time.Hour, func(*Certificate) {}) }, Fail, Warning},
		{"fifteen days left", "node2", func(s *Recording) { shownBy(s, "node2", 15*24*time.Hour, func(*Certificate) {}) }, Pass, ""},
		{"expired, and not verified here", "node2", func(s *Recording) { shownBy(s, "node2", -time.Hour, func(*Certificate) {}) }, Fail, Blocker},
		{"expired, of the leader", "node1", func(s *Recording) { shownBy(s, "node1", -time.Hour, func(*Certificate) {}) }, Fail, Warning},
		{"not valid yet", "node2", func(s *Recording) {
			shownBy(s, "node2", year, func(c *Certificate) { c.NotBefore = s.TakenAt.Add(time.Hour) })
		}, Fail, Blocker},
		{"another name", "node2", func(s *Recording) {
			shownBy(s, "node2", year, func(c *Certificate) { c.Names, c.Matches = []string{"node9.example"}, false })
		}, Fail, Warning},
		{"another name, and it has to match", "node2", func(s *Recording) {
			shownBy(s, "node2", year, func(c *Certificate) { otherName(c); c.NameRequired = true })
		}, Fail, Blocker},
		{"plain text where TLS is configured", "node2", func(s *Recording) { s.Target.RESTOverTLS = true }, Fail, Warning},
		{"no name", "node1", func(s *Recording) {
			shownBy(s, "node1", year, func(c *Certificate) { c.Names, c.Matches = nil, false })
		}, Fail, Warning},
		{"not seen", "node2", func(s *Recording) {
			shownBy(s, "node2", year, func(*Certificate) {})
			s.member("node2").REST.Value.Certificate = Observed[Certificate]{}
		}, Undecided, ""},
	},
	"tls.postgresql_certificate": {
		{"valid for a year", "node2", func(s *Recording) { shownBySQL(s, "node2", "verify-full", year, same) }, Pass, ""},
		{"thirteen days left", "node2", func(s *Recording) { shownBySQL(s, "node2", "verify-full", 13*24*time.Hour, same) }, Fail, Warning},
		{"expired, and replication verifies", "node2", func(s *Recording) { shownBySQL(s, "node2", "verify-ca", -time.Hour, same) }, Fail, Blocker},
		{"expired, of the leader", "node1", func(s *Recording) { shownBySQL(s, "node1", "verify-ca", -time.Hour, same) }, Fail, Warning},
		{"expired, and nobody verifies", "node2", func(s *Recording) { shownBySQL(s, "node2", "require", -time.Hour, same) }, Fail, Warning},
		{"not valid yet, and replication verifies", "node2", func(s *Recording) {
			shownBySQL(s, "node2", "verify-full", year, func(c *Certificate) { c.NotBefore = s.TakenAt.Add(time.Hour) })
		}, Fail, Blocker},
		{"another name, and replication looks at it", "node2", func(s *Recording) { shownBySQL(s, "node2", "verify-full", year, otherName) }, Fail, Blocker},
		{"another name, of the leader", "node1", func(s *Recording) { shownBySQL(s, "node1", "verify-full", year, otherName) }, Fail, Warning},
		{"another name, and nobody looks at it", "node2", func(s *Recording) { shownBySQL(s, "node2", "verify-ca", year, otherName) }, Pass, ""},
		{"no TLS", "node2", func(s *Recording) { s.member("node2").SQL.Value.Certificate = Known(Certificate{}) }, Pass, ""},
		{"not recorded", "node2", func(s *Recording) { s.member("node2").SQL.Value.Certificate = Observed[Certificate]{} }, Undecided, ""},
	},
}
