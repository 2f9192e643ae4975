package preflight

import (
	"time"
)

// shownBy gives a member an https api_url, and its REST API a certificate that is
// valid for so long.
func shownBy(s *Recording, member string, valid time.Duration, change func(*Certificate)) {
	m := s.member(member)
	m.Key.Value.APIURL = Known("https://10.77.42.12:8008/patroni")
	c := Certificate{Host: "10.77.42.12", Names: []string{"10.77.42.12"}, Matches: true, NotBefore: s.TakenAt.Add(-time.Hour), NotAfter: s.TakenAt.Add(valid)}
	change(&c)
	m.REST.Value.Certificate = Known(c)
}

// shownBySQL gives a member's PostgreSQL a certificate, and replication an sslmode.
func shownBySQL(s *Recording, member, mode string, valid time.Duration, change func(*Certificate)) {
	c := Certificate{Host: "10.77.42.12", Names: []string{"10.77.42.12"}, Matches: true, NotBefore: s.TakenAt.Add(-time.Hour), NotAfter: s.TakenAt.Add(valid)}
	change(&c)
	s.member(member).SQL.Value.Certificate = Known(c)
	for _, standby := range []string{"node2", "node3"} {
		s.member(standby).SQL.Value.UpstreamSSLMode = Known(mode)
	}
}

func same(*Certificate) {}

func otherName(c *Certificate) { c.Names, c.Matches = []string{"node9.example"}, false }

func shownByEtcd(s *Recording, n int, valid time.Duration) {
	e := &s.DCS.Endpoints[n]
	e.URL = "https://10.77.42.21:2379"
	e.Certificate = Known(Certificate{Host: "10.77.42.21", Matches: true, NotBefore: s.TakenAt.Add(-time.Hour), NotAfter: s.TakenAt.Add(valid)})
}

const year = 365 * 24 * time.Hour
