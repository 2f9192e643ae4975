package preflight

import "time"

var identityCases = map[string][]breakage{
	"identity.address": {
		{"wildcard", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://0.0.0.0:8008/patroni") }, Fail, ""},
		{"wildcard, IPv6", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://[::]:8008/patroni") }, Fail, ""},
		{"loopback", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://127.0.0.1:8008/patroni") }, Fail, ""},
		{"no host", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://:8008/patroni") }, Fail, ""},
		{"conn_url", "node2", func(s *Recording) { s.member("node2").Key.Value.ConnURL = Known("postgres://localhost:5432/postgres") }, Fail, ""},
		{"no address", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = unknown[string]() }, Undecided, ""},
	},
	"identity.vip": {
		{"of the leader, still right", "node1", func(s *Recording) { s.Question.VIPs = bareHosts(*s.member("node1").Key.Value.APIURL.Value) }, Fail, ""},
		{"of the candidate", "node2", func(s *Recording) { s.Question.VIPs = bareHosts(*s.member("node2").Key.Value.ConnURL.Value) }, Fail, ""},
		{"behind a name", "node2", func(s *Recording) {
			s.Question.VIPs = []string{"10.9.9.9"}
			s.member("node2").REST.Value.RemoteAddr = "10.9.9.9:8008"
		}, Fail, ""},
		{"no address", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = unknown[string]() }, Undecided, ""},
	},
	"identity.rest_name": {
		{"the leader answers", "node2", func(s *Recording) { s.member("node2").REST.Value.Name = Known("node1") }, Fail, ""},
		{"another replica answers", "node2", func(s *Recording) { s.member("node2").REST.Value.Name = Known("node3") }, Fail, ""},
		{"no name where there should be one", "node2", func(s *Recording) { s.member("node2").REST.Value.Name = NotKnown[string](Absent, "no name") }, Undecided, ""},
	},
	"identity.rest_scope": {
		{"another cluster", "node2", func(s *Recording) { s.member("node2").REST.Value.Scope = Known("other") }, Fail, ""},
		{"no scope", "node2", func(s *Recording) { s.member("node2").REST.Value.Scope = unknown[string]() }, Undecided, ""},
	},
	"identity.rest_system_id": {
		{"another cluster", "node2", func(s *Recording) { s.member("node2").REST.Value.SystemID = Known("1") }, Fail, ""},
		{"none", "node2", func(s *Recording) { s.member("node2").REST.Value.SystemID = unknown[string]() }, Undecided, ""},
	},
	"identity.sql_system_id": {
		{"another cluster", "node2", func(s *Recording) { s.member("node2").SQL.Value.SystemID = Known("1") }, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"identity.one_instance": {
		{"two servers", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.PostmasterStart = s.member("node3").SQL.Value.PostmasterStart
		}, Fail, ""},
		{"a microsecond", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.PostmasterStart = Known(s.member("node2").SQL.Value.PostmasterStart.Value.Add(time.Microsecond))
		}, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"identity.distinct": {
		{"one api_url", "node2", func(s *Recording) {
			s.member("node2").Key.Value.APIURL = s.member("node1").Key.Value.APIURL
			s.member("node2").REST.Value.Version = Known("3.0.2")
			s.member("node2").REST.Value.Name = NotKnown[string](Absent, "no name before 3.2.0")
		}, Fail, ""},
		{"one server by SQL", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.PostmasterStart = s.member("node3").SQL.Value.PostmasterStart
		}, Fail, ""},
		{"no address", "node2", func(s *Recording) { s.member("node2").Key.Value.ConnURL = unknown[string]() }, Undecided, ""},
	},
	"identity.sql_name": {
		{"another's server", "node2", func(s *Recording) { s.member("node2").SQL.Value.ApplicationName = Known("node3") }, Fail, ""},
		{"no name and no other proof", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.ApplicationName = unknown[string]()
			s.member("node2").REST.Value.Name = unknown[string]()
		}, Undecided, ""},
	},
	"identity.key_role": {
		{"promoted", "node2", func(s *Recording) { s.member("node2").Key.Value.Role = Known("promoted") }, Fail, ""},
		{"none", "node2", func(s *Recording) { s.member("node2").Key.Value.Role = unknown[string]() }, Undecided, ""},
	},
	"identity.rest_role": {
		{"a primary answers for the candidate", "node2", func(s *Recording) { s.member("node2").REST.Value.Role = Known("master") }, Fail, ""},
		{"the leader is none", "node1", func(s *Recording) { s.member("node1").REST.Value.Role = Known("replica") }, Fail, ""},
		{"none", "node2", func(s *Recording) { s.member("node2").REST.Value.Role = unknown[string]() }, Undecided, ""},
	},
	"identity.sql_role": {
		{"a second primary", "node3", func(s *Recording) { s.member("node3").SQL.Value.InRecovery = Known(false) }, Fail, ""},
		{"the leader in recovery", "node1", func(s *Recording) { s.member("node1").SQL.Value.InRecovery = Known(true) }, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
}
