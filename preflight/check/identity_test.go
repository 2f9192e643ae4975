package check_test

import (
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var identityCases = map[string][]breakage{
	"identity.address": {
		{"wildcard", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = fact.Known("http://0.0.0.0:8008/patroni")
		}, check.Fail, ""},
		{"wildcard, IPv6", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = fact.Known("http://[::]:8008/patroni")
		}, check.Fail, ""},
		{"loopback", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = fact.Known("http://127.0.0.1:8008/patroni")
		}, check.Fail, ""},
		{"no host", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = fact.Known("http://:8008/patroni")
		}, check.Fail, ""},
		{"conn_url", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.ConnURL = fact.Known("postgres://localhost:5432/postgres")
		}, check.Fail, ""},
		{"no address", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.vip": {
		{"of the leader, still right", "node1", func(s *fact.Recording) {
			s.Question.VIPs = fact.BareHosts(*facttest.Member(s.Snapshot, "node1").Key.Value.APIURL.Value)
		}, check.Fail, ""},
		{"of the candidate", "node2", func(s *fact.Recording) {
			s.Question.VIPs = fact.BareHosts(*facttest.Member(s.Snapshot, "node2").Key.Value.ConnURL.Value)
		}, check.Fail, ""},
		{"behind a name", "node2", func(s *fact.Recording) {
			s.Question.VIPs = []string{"10.9.9.9"}
			facttest.Member(s.Snapshot, "node2").REST.Value.RemoteAddr = "10.9.9.9:8008"
		}, check.Fail, ""},
		{"no address", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.rest_name": {
		{
			"the leader answers",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Name = fact.Known("node1") },
			check.Fail,
			"",
		},
		{
			"another replica answers",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Name = fact.Known("node3") },
			check.Fail,
			"",
		},
		{"no name where there should be one", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.Name = fact.NotKnown[string](fact.Absent, "no name")
		}, check.Undecided, ""},
	},
	"identity.rest_scope": {
		{
			"another cluster",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Scope = fact.Known("other") },
			check.Fail,
			"",
		},
		{"no scope", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.Scope = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.rest_system_id": {
		{
			"another cluster",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.SystemID = fact.Known("1") },
			check.Fail,
			"",
		},
		{"none", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.SystemID = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.sql_system_id": {
		{
			"another cluster",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL.Value.SystemID = fact.Known("1") },
			check.Fail,
			"",
		},
		{
			"no session",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Unknown[fact.SQL]() },
			check.Undecided,
			"",
		},
	},
	"identity.one_instance": {
		{"two servers", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.PostmasterStart = facttest.Member(
				s.Snapshot,
				"node3",
			).SQL.Value.PostmasterStart
		}, check.Fail, ""},
		{"a microsecond", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.PostmasterStart = fact.Known(
				facttest.Member(s.Snapshot, "node2").SQL.Value.PostmasterStart.Value.Add(time.Microsecond),
			)
		}, check.Fail, ""},
		{
			"no session",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Unknown[fact.SQL]() },
			check.Undecided,
			"",
		},
	},
	"identity.distinct": {
		{"one api_url", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = facttest.Member(s.Snapshot, "node1").Key.Value.APIURL
			facttest.Member(s.Snapshot, "node2").REST.Value.Version = fact.Known("3.0.2")
			facttest.Member(s.Snapshot, "node2").REST.Value.Name = fact.NotKnown[string](fact.Absent, "no name before 3.2.0")
		}, check.Fail, ""},
		{"one server by SQL", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.PostmasterStart = facttest.Member(
				s.Snapshot,
				"node3",
			).SQL.Value.PostmasterStart
		}, check.Fail, ""},
		{"no address", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.ConnURL = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.sql_name": {
		{"another's server", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.ApplicationName = fact.Known("node3")
		}, check.Fail, ""},
		{"no name and no other proof", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.ApplicationName = facttest.Unknown[string]()
			facttest.Member(s.Snapshot, "node2").REST.Value.Name = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.key_role": {
		{
			"promoted",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Key.Value.Role = fact.Known("promoted") },
			check.Fail,
			"",
		},
		{"none", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Role = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.rest_role": {
		{
			"a primary answers for the candidate",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Role = fact.Known("master") },
			check.Fail,
			"",
		},
		{
			"the leader is none",
			"node1",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").REST.Value.Role = fact.Known("replica") },
			check.Fail,
			"",
		},
		{"none", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.Role = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"identity.sql_role": {
		{
			"a second primary",
			"node3",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node3").SQL.Value.InRecovery = fact.Known(false) },
			check.Fail,
			"",
		},
		{
			"the leader in recovery",
			"node1",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").SQL.Value.InRecovery = fact.Known(true) },
			check.Fail,
			"",
		},
		{
			"no session",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Unknown[fact.SQL]() },
			check.Undecided,
			"",
		},
	},
}
