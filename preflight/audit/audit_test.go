package audit_test

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/audit"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// nodeFiles are the files of three nodes as they should be.
func nodeFiles() *fact.Recording {
	s := &fact.Recording{
		Snapshot: &fact.Snapshot{Schema: fact.SnapshotSchema, Target: fact.Target{Scope: "demo", Namespace: "/service"}},
	}
	for i := 1; i <= 3; i++ {
		name := fmt.Sprintf("node%d", i)
		address := func(port int) fact.NodeAddress {
			return fact.NodeAddress{
				Listen: fact.Known([]string{"0.0.0.0"}), ListenPort: fact.Known(port),
				Connect: fact.Known(fact.HostPort{Host: fmt.Sprintf("10.0.0.2%d", i), Port: port}),
			}
		}
		at := map[string]string{}
		for line, key := range []string{
			"name",
			"scope",
			"etcd3",
			"restapi.listen",
			"restapi.connect_address",
			"postgresql.connect_address",
		} {
			at[key] = fmt.Sprintf("%s.yml, line %d", name, line+1)
		}
		s.Files = append(s.Files, fact.NodeFile{
			ID:        name,
			Path:      name + ".yml",
			At:        at,
			Name:      fact.Known(name),
			Scope:     fact.Known("demo"),
			Namespace: fact.Known("/service"),
			Group:     fact.Known(""),
			Store: fact.Known(
				fact.NodeStore{
					Kind:      "etcd3",
					Endpoints: []string{"e1:2379", "e2:2379", "e3:2379"},
					Protocol:  "http",
					Login:     fact.NodeLogin{User: "patroni", Password: 9},
				},
			),
			REST: address(
				8008,
			),
			SQL:               address(5432),
			HTTPS:             fact.Known(false),
			VerifyClient:      fact.Known("none"),
			ClientCertificate: fact.Known(false),
			RESTLogin: fact.Known(
				fact.NodeLogin{User: "admin", Password: 4},
			),
			RESTClient: fact.Known(fact.NodeLogin{User: "admin", Password: 4}),
			Superuser: fact.Known(
				fact.NodeLogin{User: "postgres", Password: 1},
			),
			Replication: fact.Known(fact.NodeLogin{User: "replicator", Password: 2}),
			Rewind:      fact.Known(fact.NodeLogin{User: "rewinder", Password: 3}),
			DataDir: fact.Known(
				"/data",
			),
			Tags:        fact.Known(fact.Tags{}),
			Parameters:  fact.Known(map[string]string{}),
			Watchdog:    fact.Known("automatic"),
			ClusterKeys: fact.Known([]string{}),
		})
	}
	return s
}

func fileIn(s *fact.Recording, id string) *fact.NodeFile {
	for i := range s.Files {
		if s.Files[i].ID == id {
			return &s.Files[i]
		}
	}
	panic("no file " + id)
}

func everyFile(s *fact.Recording, change func(f *fact.NodeFile)) {
	for i := range s.Files {
		change(&s.Files[i])
	}
}

func fileTagged(file string, tags fact.Tags) func(s *fact.Recording) {
	return func(s *fact.Recording) { fileIn(s, file).Tags = fact.Known(tags) }
}

func at(host string, port int) fact.Observed[fact.HostPort] {
	return fact.Known(fact.HostPort{Host: host, Port: port})
}

// oneMachine puts the first two nodes on one host, with ports of their own.
func oneMachine(s *fact.Recording) {
	f := fileIn(s, "node2")
	f.REST.Connect, f.SQL.Connect = at("10.0.0.21", 8009), at("10.0.0.21", 5433)
	f.REST.ListenPort, f.SQL.ListenPort = fact.Known(8009), fact.Known(5433)
	f.DataDir = fact.Known("/data2")
}

// mapped puts all nodes into containers of one host, with mapped ports.
func mapped(s *fact.Recording) {
	for i := range s.Files {
		s.Files[i].REST.Connect, s.Files[i].SQL.Connect = at("10.0.0.1", 8008+i), at("10.0.0.1", 5432+i)
	}
}

// auditCases are the breakages of each check of an audit.
var auditCases = map[string][]breakage{
	"audit.scope": {
		{"another scope", "", func(s *fact.Recording) { fileIn(s, "node3").Scope = fact.Known("test") }, check.Fail, ""},
		{
			"another namespace",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Namespace = fact.Known("/db") },
			check.Fail,
			"",
		},
		{
			"no scope",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Scope = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"audit.dcs": {
		{"another store", "", func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Kind = "etcd" }, check.Fail, ""},
		{
			"fewer servers",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Endpoints = []string{"e1:2379"} },
			check.Fail,
			check.Warning,
		},
		{
			"other servers",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Endpoints = []string{"e4:2379"} },
			check.Fail,
			check.Warning,
		},
		{"https and http", "", func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Protocol = "https" }, check.Fail, ""},
		{
			"a certificate on one",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Certificate = true },
			check.Fail,
			check.Warning,
		},
		{"each its own Consul agent", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Store.Value.Kind, f.Store.Value.Endpoints = "consul", []string{f.ID} })
		}, check.Pass, ""},
		{
			"no store",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store = facttest.Unknown[fact.NodeStore]() },
			check.Undecided,
			"",
		},
	},
	"audit.dcs_login": {
		{
			"another password",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Login.Password = 8 },
			check.Fail,
			"",
		},
		{"another user", "", func(s *fact.Recording) {
			fileIn(s, "node3").Store.Value.Login = fact.NodeLogin{User: "other", Password: 8}
		}, check.Fail, check.Warning},
		{
			"no user",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Login = fact.NodeLogin{} },
			check.Fail,
			check.Warning,
		},
		{
			"a password from elsewhere",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store.Value.Login.Password = 0 },
			check.Pass,
			"",
		},
		{
			"no store",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Store = facttest.Unknown[fact.NodeStore]() },
			check.Undecided,
			"",
		},
	},
	"audit.names": {
		{"twice", "", func(s *fact.Recording) { fileIn(s, "node3").Name = fact.Known("node1") }, check.Fail, ""},
		{"the same slot", "", func(s *fact.Recording) {
			fileIn(s, "node3").Name, fileIn(s, "node2").Name = fact.Known("pg-1"), fact.Known("PG.1")
		}, check.Fail, ""},
		{"none", "", func(s *fact.Recording) { fileIn(s, "node3").Name = facttest.Unknown[string]() }, check.Undecided, ""},
	},
	"audit.citus": {
		{"one without a group", "", func(s *fact.Recording) {
			fileIn(s, "node1").Group, fileIn(s, "node2").Group = fact.Known("0"), fact.Known("0")
		}, check.Fail, ""},
		{"two groups", "", func(s *fact.Recording) {
			fileIn(s, "node1").Group, fileIn(s, "node2").Group, fileIn(s, "node3").Group = fact.Known(
				"0",
			), fact.Known(
				"1",
			), fact.Known(
				"1",
			)
		}, check.Pass, ""},
		{
			"not seen",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Group = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"audit.address": {
		{
			"wildcard",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = at("0.0.0.0", 8008) },
			check.Fail,
			"",
		},
		{
			"wildcard of IPv6",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").SQL.Connect = at("::", 5432) },
			check.Fail,
			"",
		},
		{
			"localhost",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").SQL.Connect = at("LocalHost", 5432) },
			check.Fail,
			"",
		},
		{"no host", "node2", func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = at("", 8008) }, check.Fail, ""},
		{
			"made of several",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = at("10.0.0.22,10.1.0.22", 8008) },
			check.Fail,
			"",
		},
		{"no port", "node2", func(s *fact.Recording) {
			fileIn(s, "node2").REST.Connect = fact.Known(fact.HostPort{Host: "10.0.0.22", Port: 80, NoPort: true})
		}, check.Fail, ""},
		{"the standard port of PostgreSQL", "node2", func(s *fact.Recording) {
			fileIn(s, "node2").SQL.Connect = fact.Known(fact.HostPort{Host: "10.0.0.22", Port: 5432, NoPort: true})
		}, check.Pass, ""},
		{"all on one machine", "node2", func(s *fact.Recording) {
			for i := range s.Files {
				s.Files[i].REST.Connect, s.Files[i].SQL.Connect = at("127.0.0.1", 8008+i), at("127.0.0.1", 5432+i)
			}
		}, check.Fail, check.Warning},
		{"all on loopback, with one port", "node2", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.REST.Connect, f.SQL.Connect = at("127.0.0.1", 8008), at("localhost", 5432) })
		}, check.Fail, ""},
		{
			"not in the file",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = facttest.Unknown[fact.HostPort]() },
			check.Undecided,
			"",
		},
	},
	"audit.vip": {
		{"REST", "node2", func(s *fact.Recording) {
			s.Question.VIPs = []string{"10.0.0.100"}
			fileIn(s, "node2").REST.Connect = at("10.0.0.100", 8008)
		}, check.Fail, ""},
		{"PostgreSQL, a name", "node2", func(s *fact.Recording) {
			s.Question.VIPs = []string{"db.example"}
			fileIn(s, "node2").SQL.Connect = at("DB.example", 5432)
		}, check.Fail, ""},
		{"another address", "node2", func(s *fact.Recording) { s.Question.VIPs = []string{"10.0.0.100"} }, check.Pass, ""},
		{
			"not in the file",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = facttest.Unknown[fact.HostPort]() },
			check.Undecided,
			"",
		},
	},
	"audit.distinct": {
		{
			"the same REST address",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = at("10.0.0.21", 8008) },
			check.Fail,
			"",
		},
		{
			"the same PostgreSQL address",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").SQL.Connect = at("10.0.0.21", 5432) },
			check.Fail,
			"",
		},
		{
			"REST where another's PostgreSQL is",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = at("10.0.0.21", 5432) },
			check.Fail,
			"",
		},
		{"another's by its listen", "node2", func(s *fact.Recording) {
			fileIn(s, "node1").REST.Listen = fact.Known([]string{"10.0.0.21", "10.9.0.1"})
			fileIn(s, "node2").REST.Connect = at("10.9.0.1", 8008)
		}, check.Fail, ""},
		{"another's other network", "node2", func(s *fact.Recording) {
			fileIn(s, "node1").SQL.Connect = at("10.9.0.1", 5432)
			fileIn(s, "node2").REST.Connect = at("10.9.0.1", 8008)
		}, check.Fail, ""},
		{"IPv6 in another spelling", "node2", func(s *fact.Recording) {
			fileIn(s, "node1").REST.Connect, fileIn(s, "node2").REST.Connect = at("fd00::1", 8008), at("FD00:0:0::1", 8008)
		}, check.Fail, ""},
		{"two members on one host", "node2", oneMachine, check.Pass, ""},
		{"mapped ports", "node2", mapped, check.Pass, ""},
		{"REST on a network of its own", "node2", func(s *fact.Recording) {
			for i := range s.Files {
				s.Files[i].REST.Connect = at(fmt.Sprintf("10.9.0.%d", i), 8008)
			}
		}, check.Pass, ""},
		{
			"not in the file",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node1").REST.Connect = facttest.Unknown[fact.HostPort]() },
			check.Undecided,
			"",
		},
	},
	"audit.ports": {
		{
			"REST and PostgreSQL",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.ListenPort = fact.Known(5432) },
			check.Fail,
			"",
		},
		{"REST and PostgreSQL on different addresses", "node2", func(s *fact.Recording) {
			f := fileIn(s, "node2")
			f.REST.ListenPort, f.REST.Listen, f.SQL.Listen = fact.Known(
				5432,
			), fact.Known(
				[]string{"10.0.0.22"},
			), fact.Known(
				[]string{"10.1.0.22"},
			)
		}, check.Pass, ""},
		{"two members on one host", "node2", func(s *fact.Recording) {
			oneMachine(s)
			fileIn(s, "node2").REST.ListenPort, fileIn(s, "node2").REST.Connect = fact.Known(5432), at("10.0.0.21", 5432)
		}, check.Fail, ""},
		{"the same address in two files", "node2", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.SQL.Listen = fact.Known([]string{"127.0.0.1", "10.0.0.21"}) })
		}, check.Fail, ""},
		{"apart on one host", "node2", oneMachine, check.Pass, ""},
		{"mapped ports", "node2", mapped, check.Pass, ""},
		{
			"not in the file",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.ListenPort = facttest.Unknown[int]() },
			check.Undecided,
			"",
		},
	},
	"audit.listen": {
		{
			"another port",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").SQL.Connect = at("10.0.0.22", 6432) },
			check.Fail,
			check.Warning,
		},
		{"another address", "node2", func(s *fact.Recording) {
			fileIn(s, "node2").SQL.Listen = fact.Known([]string{"10.7.0.22", "127.0.0.1"})
		}, check.Fail, check.Warning},
		{
			"loopback alone",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Listen = fact.Known([]string{"localhost"}) },
			check.Fail,
			check.Warning,
		},
		{"one of several", "node2", func(s *fact.Recording) {
			fileIn(s, "node2").SQL.Listen = fact.Known([]string{"10.0.0.22", "127.0.0.1"})
		}, check.Pass, ""},
		{"a name", "node2", func(s *fact.Recording) {
			fileIn(s, "node2").SQL.Connect, fileIn(s, "node2").SQL.Listen = at(
				"node2.example",
				5432,
			), fact.Known(
				[]string{"10.0.0.22"},
			)
		}, check.Pass, ""},
		{
			"not in the file",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Listen = facttest.Unknown[[]string]() },
			check.Undecided,
			"",
		},
	},
	"audit.data_dir": {
		{
			"shared",
			"node2",
			func(s *fact.Recording) { oneMachine(s); fileIn(s, "node2").DataDir = fact.Known("/data/") },
			check.Fail,
			"",
		},
		{"apart", "node2", oneMachine, check.Pass, ""},
		{"mapped ports", "node2", mapped, check.Pass, ""},
		{
			"not in the file, alone",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").DataDir = facttest.Unknown[string]() },
			check.Pass,
			"",
		},
		{
			"not in the file",
			"node2",
			func(s *fact.Recording) { oneMachine(s); fileIn(s, "node1").DataDir = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"audit.rest_tls": {
		{"mixed", "", func(s *fact.Recording) { fileIn(s, "node2").HTTPS = fact.Known(true) }, check.Fail, check.Warning},
		{
			"not seen",
			"",
			func(s *fact.Recording) { fileIn(s, "node2").HTTPS = facttest.Unknown[bool]() },
			check.Undecided,
			"",
		},
	},
	"audit.client_cert": {
		{"required", "node2", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.HTTPS = fact.Known(true) })
			fileIn(s, "node1").VerifyClient = fact.Known("required")
		}, check.Fail, ""},
		{"optional", "node2", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.HTTPS, f.VerifyClient = fact.Known(true), fact.Known("optional") })
		}, check.Fail, check.Warning},
		{"required of itself alone", "node2", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.HTTPS = fact.Known(true) })
			fileIn(s, "node2").VerifyClient = fact.Known("required")
		}, check.Pass, ""},
		{"there", "node2", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) {
				f.HTTPS, f.VerifyClient, f.ClientCertificate = fact.Known(true), fact.Known("required"), fact.Known(true)
			})
		}, check.Pass, ""},
		{
			"not seen",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node1").VerifyClient = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"audit.rest_login": {
		{"another password", "", func(s *fact.Recording) { fileIn(s, "node2").RESTLogin.Value.Password = 7 }, check.Fail, ""},
		{"another user", "", func(s *fact.Recording) {
			fileIn(s, "node2").RESTLogin, fileIn(s, "node2").RESTClient = fact.Known(
				fact.NodeLogin{User: "x", Password: 7},
			), fact.Known(
				fact.NodeLogin{User: "x", Password: 7},
			)
		}, check.Fail, ""},
		{"none on one", "", func(s *fact.Recording) {
			fileIn(s, "node2").RESTLogin, fileIn(s, "node2").RESTClient = fact.Known(
				fact.NodeLogin{},
			), fact.Known(
				fact.NodeLogin{},
			)
		}, check.Fail, check.Warning},
		{"ctl has another user", "", func(s *fact.Recording) {
			fileIn(s, "node2").RESTClient = fact.Known(fact.NodeLogin{User: "x", Password: 7})
		}, check.Fail, ""},
		{"a password from elsewhere", "", func(s *fact.Recording) {
			fileIn(s, "node2").RESTLogin.Value.Password, fileIn(s, "node2").RESTClient.Value.Password = 0, 0
		}, check.Pass, ""},
		{
			"not seen",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").RESTClient = facttest.Unknown[fact.NodeLogin]() },
			check.Undecided,
			"",
		},
	},
	"audit.logins": {
		{
			"another password",
			"",
			func(s *fact.Recording) { fileIn(s, "node2").Replication.Value.Password = 7 },
			check.Fail,
			"",
		},
		{"two passwords in one file", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Rewind = fact.Known(fact.NodeLogin{User: "postgres", Password: 7}) })
		}, check.Fail, ""},
		{"another user", "", func(s *fact.Recording) {
			fileIn(s, "node2").Replication = fact.Known(fact.NodeLogin{User: "standby", Password: 7})
		}, check.Fail, check.Warning},
		{"from elsewhere", "", func(s *fact.Recording) {
			fileIn(s, "node2").Replication.Value.Password = 0
			fileIn(s, "node3").Rewind = fact.Known(fact.NodeLogin{})
		}, check.Pass, ""},
		{
			"not seen",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Rewind = facttest.Unknown[fact.NodeLogin]() },
			check.Undecided,
			"",
		},
	},
	"audit.nofailover": {
		{"all", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"nofailover": true}) })
		}, check.Fail, ""},
		{"all, by priority", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"failover_priority": 0.0}) })
		}, check.Fail, ""},
		{"all but one", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"nofailover": f.ID != "node1"}) })
		}, check.Fail, check.Warning},
		{"one", "", fileTagged("node3", fact.Tags{"nofailover": true}), check.Pass, ""},
		{"the only file", "", func(s *fact.Recording) {
			fileTagged("node1", fact.Tags{"nofailover": true})(s)
			s.Files = s.Files[:1]
		}, check.Fail, check.Warning},
		{"the only file of a Citus group", "", func(s *fact.Recording) {
			fileIn(s, "node1").Group, fileIn(s, "node2").Group, fileIn(s, "node3").Group = fact.Known(
				"0",
			), fact.Known(
				"0",
			), fact.Known(
				"1",
			)
			fileTagged("node3", fact.Tags{"nofailover": true})(s)
		}, check.Fail, check.Warning},
		{"the group not seen", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"nofailover": true, "nosync": true}) })
			fileIn(s, "node3").Group = facttest.Unknown[string]()
		}, check.Undecided, ""},
		{
			"not seen",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Tags = facttest.Unknown[fact.Tags]() },
			check.Undecided,
			"",
		},
	},
	"audit.nosync": {
		{"all", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"nosync": true}) })
		}, check.Fail, check.Warning},
		{"all, by priority", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"sync_priority": 0.0}) })
		}, check.Fail, check.Warning},
		{"all of a Citus group", "", func(s *fact.Recording) {
			fileIn(s, "node1").Group, fileIn(s, "node2").Group, fileIn(s, "node3").Group = fact.Known(
				"0",
			), fact.Known(
				"1",
			), fact.Known(
				"1",
			)
			fileTagged("node2", fact.Tags{"nosync": true})(s)
			fileTagged("node3", fact.Tags{"nosync": true})(s)
		}, check.Fail, check.Warning},
		{"all but one", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"nosync": f.ID != "node1"}) })
		}, check.Pass, ""},
		{"the only file", "", func(s *fact.Recording) {
			fileTagged("node1", fact.Tags{"nosync": true})(s)
			s.Files = s.Files[:1]
		}, check.Pass, ""},
		{"the group not seen", "", func(s *fact.Recording) {
			everyFile(s, func(f *fact.NodeFile) { f.Tags = fact.Known(fact.Tags{"nofailover": true, "nosync": true}) })
			fileIn(s, "node3").Group = facttest.Unknown[string]()
		}, check.Undecided, ""},
		{
			"not seen",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Tags = facttest.Unknown[fact.Tags]() },
			check.Undecided,
			"",
		},
	},
	"audit.tags": {
		{"a text", "node2", fileTagged("node2", fact.Tags{"nofailover": "false"}), check.Fail, check.Warning},
		{
			"nofailover and a priority",
			"node2",
			fileTagged("node2", fact.Tags{"nofailover": true, "failover_priority": 2.0}),
			check.Fail,
			check.Warning,
		},
		{
			"nofailover false and no priority",
			"node2",
			fileTagged("node2", fact.Tags{"nofailover": false, "failover_priority": 0.0}),
			check.Fail,
			check.Warning,
		},
		{
			"both say the same",
			"node2",
			fileTagged("node2", fact.Tags{"nofailover": false, "failover_priority": 2.0}),
			check.Pass,
			"",
		},
		{"nosync, a text", "node2", fileTagged("node2", fact.Tags{"nosync": "no"}), check.Fail, check.Warning},
		{
			"nosync and a priority",
			"node2",
			fileTagged("node2", fact.Tags{"nosync": true, "sync_priority": 2.0}),
			check.Fail,
			check.Warning,
		},
		{
			"a priority alone",
			"node2",
			fileTagged("node2", fact.Tags{"sync_priority": 2.0, "failover_priority": 0.0}),
			check.Pass,
			"",
		},
		{
			"not seen",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").Tags = facttest.Unknown[fact.Tags]() },
			check.Undecided,
			"",
		},
	},
	"audit.replicatefrom": {
		{"nobody", "node2", fileTagged("node2", fact.Tags{"replicatefrom": "node9"}), check.Fail, check.Warning},
		{"itself", "node2", fileTagged("node2", fact.Tags{"replicatefrom": "node2"}), check.Fail, check.Warning},
		{"a circle of two", "node2", func(s *fact.Recording) {
			fileTagged("node2", fact.Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", fact.Tags{"replicatefrom": "node2"})(s)
		}, check.Fail, ""},
		{"into a circle", "node1", func(s *fact.Recording) {
			fileTagged("node1", fact.Tags{"replicatefrom": "node2"})(s)
			fileTagged("node2", fact.Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", fact.Tags{"replicatefrom": "node2"})(s)
		}, check.Fail, ""},
		{"a circle of which one always leads", "node2", func(s *fact.Recording) {
			fileTagged("node1", fact.Tags{"nofailover": true})(s)
			fileTagged("node2", fact.Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", fact.Tags{"replicatefrom": "node2"})(s)
		}, check.Pass, ""},
		{"a chain", "node2", func(s *fact.Recording) {
			fileTagged("node2", fact.Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", fact.Tags{"replicatefrom": "node1"})(s)
		}, check.Pass, ""},
		{"a chain to nobody", "node2", func(s *fact.Recording) {
			fileTagged("node2", fact.Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", fact.Tags{"replicatefrom": "node9"})(s)
		}, check.Pass, ""},
		{
			"not seen",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node3").Tags = facttest.Unknown[fact.Tags]() },
			check.Undecided,
			"",
		},
	},
	"audit.parameters": {
		{"max_connections", "node2", func(s *fact.Recording) {
			fileIn(s, "node2").Parameters = fact.Known(map[string]string{"max_connections": "500"})
		}, check.Fail, check.Warning},
		{
			"not seen",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").Parameters = facttest.Unknown[map[string]string]() },
			check.Undecided,
			"",
		},
	},
	"audit.dynamic": {
		{
			"synchronous_mode",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").ClusterKeys = fact.Known([]string{"synchronous_mode"}) },
			check.Fail,
			check.Warning,
		},
		{
			"not seen",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").ClusterKeys = facttest.Unknown[[]string]() },
			check.Undecided,
			"",
		},
	},
	"audit.watchdog": {
		{
			"required on one",
			"",
			func(s *fact.Recording) { fileIn(s, "node2").Watchdog = fact.Known("required") },
			check.Fail,
			check.Warning,
		},
		{
			"not seen",
			"",
			func(s *fact.Recording) { fileIn(s, "node2").Watchdog = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
}

// TestEveryAuditCheckHasItsCases holds this registry to the rules of the other one.
func TestEveryAuditCheckHasItsCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range audit.AuditChecks {
		if !regexp.MustCompile(`^audit\.[a-z_]+$`).MatchString(c.ID) || seen[c.ID] {
			t.Errorf("%s: malformed or used twice", c.ID)
		}
		seen[c.ID] = true
		for what, text := range map[string]string{
			"title":  c.Title,
			"why":    c.Why,
			"source": c.Source,
			"fix":    c.Fix,
			"proof":  c.Proof,
			"since":  c.Since,
		} {
			if text == "" {
				t.Errorf("%s: no %s", c.ID, what)
			}
		}
		if c.Kind == "" || c.Severity == "" || c.Run == nil || c.Of != check.OfCluster && c.Of != check.OfFiles {
			t.Errorf("%s: kind, severity, subject or function missing", c.ID)
		}
		has := map[check.Status]bool{}
		for _, b := range auditCases[c.ID] {
			has[b.want] = true
		}
		if !has[check.Fail] || !has[check.Undecided] {
			t.Errorf("%s: wants a case that fails and one that is undecided", c.ID)
		}
	}
	for id := range auditCases {
		if !seen[id] {
			t.Errorf("cases for %s, which is no check", id)
		}
	}
}

func TestGoodFilesPassEveryAuditCheck(t *testing.T) {
	r := preflight.Audit(nodeFiles().Snapshot, fact.Question{}, check.Policies{})
	if r.Verdict != preflight.Go || r.Summary.Warnings > 0 || len(r.Files) != 3 {
		t.Fatalf("%s, %+v\n%s", r.Verdict, r.Summary, facttest.Fails(r))
	}
	judged := map[string]bool{}
	for _, res := range r.Results {
		judged[res.Check] = true
		if res.Status != check.Pass || len(res.Findings) == 0 {
			t.Errorf(
				"%s %s: %s with %d findings; a pass shows what it saw",
				res.Check,
				res.Subject,
				res.Status,
				len(res.Findings),
			)
		}
	}
	for _, c := range audit.FileChecks {
		if !judged[c.ID] {
			t.Errorf("%s was not judged", c.ID)
		}
	}
}

func TestAuditCases(t *testing.T) {
	for _, c := range audit.AuditChecks {
		for _, b := range auditCases[c.ID] {
			t.Run(c.ID+"/"+b.name, func(t *testing.T) {
				s, judge := nodeFiles(), preflight.Audit
				if _, ok := auditLiveCases[c.ID]; ok {
					s, judge = liveFiles(t), preflight.AuditLive
				}
				b.do(s)
				r := judge(s.Snapshot, s.Question, check.Policies{})
				res := facttest.ResultOf(t, r, c.ID, b.subject)
				if res.Status != b.want {
					t.Fatalf("status %s, want %s: %+v\n%s", res.Status, b.want, res.Findings, facttest.Fails(r))
				}
				severity := b.severity
				if severity == "" {
					severity = check.Blocker
				}
				if b.want == check.Fail && res.Severity != severity {
					t.Errorf("severity %s, want %s", res.Severity, severity)
				}
				if blocks := b.want == check.Fail && severity == check.Blocker; blocks && r.Verdict != preflight.NoGo {
					t.Errorf("%s, want NO-GO", r.Verdict)
				}
				for _, f := range res.Findings {
					if f.Severity != check.Evidence &&
						(f.Asked == "" || f.Observed == "" || f.Expected == "" || f.Effect == "" || f.Remedy == "") {
						t.Errorf("a finding without question, answer, expectation, effect or remedy: %+v", f)
					}
				}
			})
		}
	}
}

// TestNoFactTakenAwayMakesAnAuditGo: whatever of the files was not seen, what is
// not GO with it is not GO without.
func TestNoFactTakenAwayMakesAnAuditGo(t *testing.T) {
	spoilt := []func(s *fact.Recording){func(*fact.Recording) {}}
	for _, c := range audit.FileChecks {
		for _, b := range auditCases[c.ID] {
			if b.want == check.Fail && (b.severity == "" || b.severity == check.Blocker) && c.Essential {
				spoilt = append(spoilt, b.do)
			}
		}
	}
	taken := 0
	for _, spoil := range spoilt {
		whole := nodeFiles()
		spoil(whole)
		before := preflight.Audit(whole.Snapshot, whole.Question, check.Policies{}).Verdict
		for i := range len(facttest.FactsIn(whole)) {
			s := nodeFiles()
			spoil(s)
			facts := facttest.FactsIn(s)
			facts[i].Forget()
			taken++
			if after := preflight.Audit(
				s.Snapshot,
				s.Question,
				check.Policies{},
			).Verdict; after == preflight.Go &&
				before != preflight.Go {
				t.Errorf("%s without %s, %s with it", after, facts[i].Path, before)
			}
		}
	}
	if taken < 500 {
		t.Errorf("only %d facts were taken away", taken)
	}
}

// TestAuditFindingsSayWhere: of the founding incident the file, its line, the key,
// the VIP and the remedy.
func TestAuditFindingsSayWhere(t *testing.T) {
	s := nodeFiles()
	s.Question.VIPs = []string{"10.0.0.100"}
	fileIn(s, "node2").REST.Connect = at("10.0.0.100", 8008)
	res := facttest.ResultOf(t, preflight.Audit(s.Snapshot, s.Question, check.Policies{}), "audit.vip", "node2")
	text := res.Findings[0].Sentence()
	for _, want := range []string{
		"node2.yml, line 5, restapi.connect_address",
		"10.0.0.100 is a VIP",
		"Set restapi.connect_address in node2.yml",
		"patronictl reload demo node2",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

// TestAuditIsRepeatable: the same files give the same report, word for word.
func TestAuditIsRepeatable(t *testing.T) {
	spoilt := func() preflight.Report {
		s := nodeFiles()
		for _, c := range audit.FileChecks {
			for _, b := range auditCases[c.ID] {
				if b.want == check.Fail {
					b.do(s)
					break
				}
			}
		}
		return preflight.Audit(s.Snapshot, s.Question, check.Policies{})
	}
	want := spoilt()
	for range 20 {
		if got := spoilt(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v\n%+v", got.Results, want.Results)
		}
	}
}

// A breakage is one way in which a healthy cluster is spoilt, and what the check
// under test has to say then.
type breakage struct {
	name    string
	subject string // whom the result is about
	do      func(s *fact.Recording)
	want    check.Status
	// severity of the worst finding; Blocker where empty
	severity check.Severity
}
