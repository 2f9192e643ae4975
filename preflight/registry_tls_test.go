package preflight

import (
	"maps"
	"time"
)

func init() { maps.Copy(cases, tlsCases) }

// shownBy gives a member an https api_url, and its REST API a certificate that is
// valid for so long.
func shownBy(s *Snapshot, member string, valid time.Duration, change func(*Certificate)) {
	m := s.member(member)
	m.Key.Value.APIURL = Known("https://10.77.42.12:8008/patroni")
	c := Certificate{Host: "10.77.42.12", Names: []string{"10.77.42.12"}, Matches: true, NotBefore: s.TakenAt.Add(-time.Hour), NotAfter: s.TakenAt.Add(valid)}
	change(&c)
	m.REST.Value.Certificate = Known(c)
}

func shownByEtcd(s *Snapshot, n int, valid time.Duration) {
	e := &s.DCS.Endpoints[n]
	e.URL = "https://10.77.42.21:2379"
	e.Certificate = Known(Certificate{Host: "10.77.42.21", Matches: true, NotBefore: s.TakenAt.Add(-time.Hour), NotAfter: s.TakenAt.Add(valid)})
}

const year = 365 * 24 * time.Hour

var tlsCases = map[string][]breakage{
	"tls.etcd_certificate": {
		{"valid for a year", "", func(s *Snapshot) { shownByEtcd(s, 0, year) }, Pass, ""},
		{"a day left", "", func(s *Snapshot) { shownByEtcd(s, 0, year); shownByEtcd(s, 1, 25*time.Hour) }, Fail, Warning},
		{"expired, and not verified", "", func(s *Snapshot) { shownByEtcd(s, 1, -time.Hour) }, Fail, Warning},
		{"one did not show its", "", func(s *Snapshot) { shownByEtcd(s, 0, year); s.DCS.Endpoints[1].URL = "https://b:2379" }, Pass, ""},
		{"none showed any", "", func(s *Snapshot) {
			for i := range s.DCS.Endpoints {
				s.DCS.Endpoints[i].URL = "https://b:2379"
			}
		}, Undecided, ""},
	},
	"tls.rest_certificate": {
		{"valid for a year", "node2", func(s *Snapshot) { shownBy(s, "node2", year, func(*Certificate) {}) }, Pass, ""},
		{"thirteen days left", "node2", func(s *Snapshot) { shownBy(s, "node2", 13*24*time.Hour, func(*Certificate) {}) }, Fail, Warning},
		{"fifteen days left", "node2", func(s *Snapshot) { shownBy(s, "node2", 15*24*time.Hour, func(*Certificate) {}) }, Pass, ""},
		{"expired, and not verified", "node2", func(s *Snapshot) { shownBy(s, "node2", -time.Hour, func(*Certificate) {}) }, Fail, Warning},
		{"not valid yet", "node2", func(s *Snapshot) {
			shownBy(s, "node2", year, func(c *Certificate) { c.NotBefore = s.TakenAt.Add(time.Hour) })
		}, Fail, Warning},
		{"another name", "node2", func(s *Snapshot) {
			shownBy(s, "node2", year, func(c *Certificate) { c.Names, c.Matches = []string{"node9.example"}, false })
		}, Fail, Warning},
		{"no name", "node1", func(s *Snapshot) { shownBy(s, "node1", year, func(c *Certificate) { c.Names, c.Matches = nil, false }) }, Fail, Warning},
		{"not seen", "node2", func(s *Snapshot) {
			shownBy(s, "node2", year, func(*Certificate) {})
			s.member("node2").REST.Value.Certificate = Observed[Certificate]{}
		}, Undecided, ""},
	},
}
