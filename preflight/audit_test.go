package preflight

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// nodeFiles are the files of three nodes as they should be.
func nodeFiles() *Recording {
	s := &Recording{Snapshot: &Snapshot{Schema: SnapshotSchema, Target: Target{Scope: "demo", Namespace: "/service"}}}
	for i := 1; i <= 3; i++ {
		name := fmt.Sprintf("node%d", i)
		address := func(port int) NodeAddress {
			return NodeAddress{
				Listen: Known([]string{"0.0.0.0"}), ListenPort: Known(port),
				Connect: Known(HostPort{Host: fmt.Sprintf("10.0.0.2%d", i), Port: port}),
			}
		}
		at := map[string]string{}
		for line, key := range []string{"name", "scope", "etcd3", "restapi.listen", "restapi.connect_address", "postgresql.connect_address"} {
			at[key] = fmt.Sprintf("%s.yml, line %d", name, line+1)
		}
		s.Files = append(s.Files, NodeFile{
			ID: name, Path: name + ".yml", At: at,
			Name: Known(name), Scope: Known("demo"), Namespace: Known("/service"), Group: Known(""),
			Store: Known(NodeStore{Kind: "etcd3", Endpoints: []string{"e1:2379", "e2:2379", "e3:2379"}, Protocol: "http", Login: NodeLogin{"patroni", 9}}),
			REST:  address(8008), SQL: address(5432), HTTPS: Known(false), VerifyClient: Known("none"), ClientCertificate: Known(false),
			RESTLogin: Known(NodeLogin{"admin", 4}), RESTClient: Known(NodeLogin{"admin", 4}),
			Superuser: Known(NodeLogin{"postgres", 1}), Replication: Known(NodeLogin{"replicator", 2}), Rewind: Known(NodeLogin{"rewinder", 3}),
			DataDir: Known("/data"), Tags: Known(Tags{}), Parameters: Known(map[string]string{}), Watchdog: Known("automatic"),
			ClusterKeys: Known([]string{}),
		})
	}
	return s
}

func (s *Recording) file(id string) *NodeFile {
	for i := range s.Files {
		if s.Files[i].ID == id {
			return &s.Files[i]
		}
	}
	panic("no file " + id)
}

func everyFile(s *Recording, change func(f *NodeFile)) {
	for i := range s.Files {
		change(&s.Files[i])
	}
}

func fileTagged(file string, tags Tags) func(s *Recording) {
	return func(s *Recording) { s.file(file).Tags = Known(tags) }
}

func at(host string, port int) Observed[HostPort] { return Known(HostPort{Host: host, Port: port}) }

// oneMachine puts the first two nodes on one host, with ports of their own.
func oneMachine(s *Recording) {
	f := s.file("node2")
	f.REST.Connect, f.SQL.Connect = at("10.0.0.21", 8009), at("10.0.0.21", 5433)
	f.REST.ListenPort, f.SQL.ListenPort = Known(8009), Known(5433)
	f.DataDir = Known("/data2")
}

// mapped puts all nodes into containers of one host, with mapped ports.
func mapped(s *Recording) {
	for i := range s.Files {
		s.Files[i].REST.Connect, s.Files[i].SQL.Connect = at("10.0.0.1", 8008+i), at("10.0.0.1", 5432+i)
	}
}

// auditCases are the breakages of each check of an audit.
var auditCases = map[string][]breakage{
	"audit.scope": {
		{"another scope", "", func(s *Recording) { s.file("node3").Scope = Known("test") }, Fail, ""},
		{"another namespace", "", func(s *Recording) { s.file("node3").Namespace = Known("/db") }, Fail, ""},
		{"no scope", "", func(s *Recording) { s.file("node3").Scope = unknown[string]() }, Undecided, ""},
	},
	"audit.dcs": {
		{"another store", "", func(s *Recording) { s.file("node3").Store.Value.Kind = "etcd" }, Fail, ""},
		{"fewer servers", "", func(s *Recording) { s.file("node3").Store.Value.Endpoints = []string{"e1:2379"} }, Fail, Warning},
		{"other servers", "", func(s *Recording) { s.file("node3").Store.Value.Endpoints = []string{"e4:2379"} }, Fail, Warning},
		{"https and http", "", func(s *Recording) { s.file("node3").Store.Value.Protocol = "https" }, Fail, ""},
		{"a certificate on one", "", func(s *Recording) { s.file("node3").Store.Value.Certificate = true }, Fail, Warning},
		{"each its own Consul agent", "", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.Store.Value.Kind, f.Store.Value.Endpoints = "consul", []string{f.ID} })
		}, Pass, ""},
		{"no store", "", func(s *Recording) { s.file("node3").Store = unknown[NodeStore]() }, Undecided, ""},
	},
	"audit.dcs_login": {
		{"another password", "", func(s *Recording) { s.file("node3").Store.Value.Login.Password = 8 }, Fail, ""},
		{"another user", "", func(s *Recording) { s.file("node3").Store.Value.Login = NodeLogin{"other", 8} }, Fail, Warning},
		{"no user", "", func(s *Recording) { s.file("node3").Store.Value.Login = NodeLogin{} }, Fail, Warning},
		{"a password from elsewhere", "", func(s *Recording) { s.file("node3").Store.Value.Login.Password = 0 }, Pass, ""},
		{"no store", "", func(s *Recording) { s.file("node3").Store = unknown[NodeStore]() }, Undecided, ""},
	},
	"audit.names": {
		{"twice", "", func(s *Recording) { s.file("node3").Name = Known("node1") }, Fail, ""},
		{"the same slot", "", func(s *Recording) { s.file("node3").Name, s.file("node2").Name = Known("pg-1"), Known("PG.1") }, Fail, ""},
		{"none", "", func(s *Recording) { s.file("node3").Name = unknown[string]() }, Undecided, ""},
	},
	"audit.citus": {
		{"one without a group", "", func(s *Recording) { s.file("node1").Group, s.file("node2").Group = Known("0"), Known("0") }, Fail, ""},
		{"two groups", "", func(s *Recording) {
			s.file("node1").Group, s.file("node2").Group, s.file("node3").Group = Known("0"), Known("1"), Known("1")
		}, Pass, ""},
		{"not seen", "", func(s *Recording) { s.file("node3").Group = unknown[string]() }, Undecided, ""},
	},
	"audit.address": {
		{"wildcard", "node2", func(s *Recording) { s.file("node2").REST.Connect = at("0.0.0.0", 8008) }, Fail, ""},
		{"wildcard of IPv6", "node2", func(s *Recording) { s.file("node2").SQL.Connect = at("::", 5432) }, Fail, ""},
		{"localhost", "node2", func(s *Recording) { s.file("node2").SQL.Connect = at("LocalHost", 5432) }, Fail, ""},
		{"no host", "node2", func(s *Recording) { s.file("node2").REST.Connect = at("", 8008) }, Fail, ""},
		{"made of several", "node2", func(s *Recording) { s.file("node2").REST.Connect = at("10.0.0.22,10.1.0.22", 8008) }, Fail, ""},
		{"no port", "node2", func(s *Recording) {
			s.file("node2").REST.Connect = Known(HostPort{Host: "10.0.0.22", Port: 80, NoPort: true})
		}, Fail, ""},
		{"the standard port of PostgreSQL", "node2", func(s *Recording) {
			s.file("node2").SQL.Connect = Known(HostPort{Host: "10.0.0.22", Port: 5432, NoPort: true})
		}, Pass, ""},
		{"all on one machine", "node2", func(s *Recording) {
			for i := range s.Files {
				s.Files[i].REST.Connect, s.Files[i].SQL.Connect = at("127.0.0.1", 8008+i), at("127.0.0.1", 5432+i)
			}
		}, Fail, Warning},
		{"all on loopback, with one port", "node2", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.REST.Connect, f.SQL.Connect = at("127.0.0.1", 8008), at("localhost", 5432) })
		}, Fail, ""},
		{"not in the file", "node2", func(s *Recording) { s.file("node2").REST.Connect = unknown[HostPort]() }, Undecided, ""},
	},
	"audit.vip": {
		{"REST", "node2", func(s *Recording) {
			s.Question.VIPs = []string{"10.0.0.100"}
			s.file("node2").REST.Connect = at("10.0.0.100", 8008)
		}, Fail, ""},
		{"PostgreSQL, a name", "node2", func(s *Recording) {
			s.Question.VIPs = []string{"db.example"}
			s.file("node2").SQL.Connect = at("DB.example", 5432)
		}, Fail, ""},
		{"another address", "node2", func(s *Recording) { s.Question.VIPs = []string{"10.0.0.100"} }, Pass, ""},
		{"not in the file", "node2", func(s *Recording) { s.file("node2").REST.Connect = unknown[HostPort]() }, Undecided, ""},
	},
	"audit.distinct": {
		{"the same REST address", "node2", func(s *Recording) { s.file("node2").REST.Connect = at("10.0.0.21", 8008) }, Fail, ""},
		{"the same PostgreSQL address", "node2", func(s *Recording) { s.file("node2").SQL.Connect = at("10.0.0.21", 5432) }, Fail, ""},
		{"REST where another's PostgreSQL is", "node2", func(s *Recording) { s.file("node2").REST.Connect = at("10.0.0.21", 5432) }, Fail, ""},
		{"another's by its listen", "node2", func(s *Recording) {
			s.file("node1").REST.Listen = Known([]string{"10.0.0.21", "10.9.0.1"})
			s.file("node2").REST.Connect = at("10.9.0.1", 8008)
		}, Fail, ""},
		{"another's other network", "node2", func(s *Recording) {
			s.file("node1").SQL.Connect = at("10.9.0.1", 5432)
			s.file("node2").REST.Connect = at("10.9.0.1", 8008)
		}, Fail, ""},
		{"IPv6 in another spelling", "node2", func(s *Recording) {
			s.file("node1").REST.Connect, s.file("node2").REST.Connect = at("fd00::1", 8008), at("FD00:0:0::1", 8008)
		}, Fail, ""},
		{"two members on one host", "node2", oneMachine, Pass, ""},
		{"mapped ports", "node2", mapped, Pass, ""},
		{"REST on a network of its own", "node2", func(s *Recording) {
			for i := range s.Files {
				s.Files[i].REST.Connect = at(fmt.Sprintf("10.9.0.%d", i), 8008)
			}
		}, Pass, ""},
		{"not in the file", "node2", func(s *Recording) { s.file("node1").REST.Connect = unknown[HostPort]() }, Undecided, ""},
	},
	"audit.ports": {
		{"REST and PostgreSQL", "node2", func(s *Recording) { s.file("node2").REST.ListenPort = Known(5432) }, Fail, ""},
		{"REST and PostgreSQL on different addresses", "node2", func(s *Recording) {
			f := s.file("node2")
			f.REST.ListenPort, f.REST.Listen, f.SQL.Listen = Known(5432), Known([]string{"10.0.0.22"}), Known([]string{"10.1.0.22"})
		}, Pass, ""},
		{"two members on one host", "node2", func(s *Recording) {
			oneMachine(s)
			s.file("node2").REST.ListenPort, s.file("node2").REST.Connect = Known(5432), at("10.0.0.21", 5432)
		}, Fail, ""},
		{"the same address in two files", "node2", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.SQL.Listen = Known([]string{"127.0.0.1", "10.0.0.21"}) })
		}, Fail, ""},
		{"apart on one host", "node2", oneMachine, Pass, ""},
		{"mapped ports", "node2", mapped, Pass, ""},
		{"not in the file", "node2", func(s *Recording) { s.file("node2").REST.ListenPort = unknown[int]() }, Undecided, ""},
	},
	"audit.listen": {
		{"another port", "node2", func(s *Recording) { s.file("node2").SQL.Connect = at("10.0.0.22", 6432) }, Fail, Warning},
		{"another address", "node2", func(s *Recording) { s.file("node2").SQL.Listen = Known([]string{"10.7.0.22", "127.0.0.1"}) }, Fail, Warning},
		{"loopback alone", "node2", func(s *Recording) { s.file("node2").REST.Listen = Known([]string{"localhost"}) }, Fail, Warning},
		{"one of several", "node2", func(s *Recording) { s.file("node2").SQL.Listen = Known([]string{"10.0.0.22", "127.0.0.1"}) }, Pass, ""},
		{"a name", "node2", func(s *Recording) {
			s.file("node2").SQL.Connect, s.file("node2").SQL.Listen = at("node2.example", 5432), Known([]string{"10.0.0.22"})
		}, Pass, ""},
		{"not in the file", "node2", func(s *Recording) { s.file("node2").REST.Listen = unknown[[]string]() }, Undecided, ""},
	},
	"audit.data_dir": {
		{"shared", "node2", func(s *Recording) { oneMachine(s); s.file("node2").DataDir = Known("/data/") }, Fail, ""},
		{"apart", "node2", oneMachine, Pass, ""},
		{"mapped ports", "node2", mapped, Pass, ""},
		{"not in the file, alone", "node2", func(s *Recording) { s.file("node2").DataDir = unknown[string]() }, Pass, ""},
		{"not in the file", "node2", func(s *Recording) { oneMachine(s); s.file("node1").DataDir = unknown[string]() }, Undecided, ""},
	},
	"audit.rest_tls": {
		{"mixed", "", func(s *Recording) { s.file("node2").HTTPS = Known(true) }, Fail, Warning},
		{"not seen", "", func(s *Recording) { s.file("node2").HTTPS = unknown[bool]() }, Undecided, ""},
	},
	"audit.client_cert": {
		{"required", "node2", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.HTTPS = Known(true) })
			s.file("node1").VerifyClient = Known("required")
		}, Fail, ""},
		{"optional", "node2", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.HTTPS, f.VerifyClient = Known(true), Known("optional") })
		}, Fail, Warning},
		{"required of itself alone", "node2", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.HTTPS = Known(true) })
			s.file("node2").VerifyClient = Known("required")
		}, Pass, ""},
		{"there", "node2", func(s *Recording) {
			everyFile(s, func(f *NodeFile) {
				f.HTTPS, f.VerifyClient, f.ClientCertificate = Known(true), Known("required"), Known(true)
			})
		}, Pass, ""},
		{"not seen", "node2", func(s *Recording) { s.file("node1").VerifyClient = unknown[string]() }, Undecided, ""},
	},
	"audit.rest_login": {
		{"another password", "", func(s *Recording) { s.file("node2").RESTLogin.Value.Password = 7 }, Fail, ""},
		{"another user", "", func(s *Recording) {
			s.file("node2").RESTLogin, s.file("node2").RESTClient = Known(NodeLogin{"x", 7}), Known(NodeLogin{"x", 7})
		}, Fail, ""},
		{"none on one", "", func(s *Recording) {
			s.file("node2").RESTLogin, s.file("node2").RESTClient = Known(NodeLogin{}), Known(NodeLogin{})
		}, Fail, Warning},
		{"ctl has another user", "", func(s *Recording) { s.file("node2").RESTClient = Known(NodeLogin{"x", 7}) }, Fail, ""},
		{"a password from elsewhere", "", func(s *Recording) {
			s.file("node2").RESTLogin.Value.Password, s.file("node2").RESTClient.Value.Password = 0, 0
		}, Pass, ""},
		{"not seen", "", func(s *Recording) { s.file("node3").RESTClient = unknown[NodeLogin]() }, Undecided, ""},
	},
	"audit.logins": {
		{"another password", "", func(s *Recording) { s.file("node2").Replication.Value.Password = 7 }, Fail, ""},
		{"two passwords in one file", "", func(s *Recording) { everyFile(s, func(f *NodeFile) { f.Rewind = Known(NodeLogin{"postgres", 7}) }) }, Fail, ""},
		{"another user", "", func(s *Recording) { s.file("node2").Replication = Known(NodeLogin{"standby", 7}) }, Fail, Warning},
		{"from elsewhere", "", func(s *Recording) {
			s.file("node2").Replication.Value.Password = 0
			s.file("node3").Rewind = Known(NodeLogin{})
		}, Pass, ""},
		{"not seen", "", func(s *Recording) { s.file("node3").Rewind = unknown[NodeLogin]() }, Undecided, ""},
	},
	"audit.nofailover": {
		{"all", "", func(s *Recording) { everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"nofailover": true}) }) }, Fail, ""},
		{"all, by priority", "", func(s *Recording) { everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"failover_priority": 0.0}) }) }, Fail, ""},
		{"all but one", "", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"nofailover": f.ID != "node1"}) })
		}, Fail, Warning},
		{"one", "", fileTagged("node3", Tags{"nofailover": true}), Pass, ""},
		{"the only file", "", func(s *Recording) {
			fileTagged("node1", Tags{"nofailover": true})(s)
			s.Files = s.Files[:1]
		}, Fail, Warning},
		{"the only file of a Citus group", "", func(s *Recording) {
			s.file("node1").Group, s.file("node2").Group, s.file("node3").Group = Known("0"), Known("0"), Known("1")
			fileTagged("node3", Tags{"nofailover": true})(s)
		}, Fail, Warning},
		{"the group not seen", "", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"nofailover": true, "nosync": true}) })
			s.file("node3").Group = unknown[string]()
		}, Undecided, ""},
		{"not seen", "", func(s *Recording) { s.file("node3").Tags = unknown[Tags]() }, Undecided, ""},
	},
	"audit.nosync": {
		{"all", "", func(s *Recording) { everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"nosync": true}) }) }, Fail, Warning},
		{"all, by priority", "", func(s *Recording) { everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"sync_priority": 0.0}) }) }, Fail, Warning},
		{"all of a Citus group", "", func(s *Recording) {
			s.file("node1").Group, s.file("node2").Group, s.file("node3").Group = Known("0"), Known("1"), Known("1")
			fileTagged("node2", Tags{"nosync": true})(s)
			fileTagged("node3", Tags{"nosync": true})(s)
		}, Fail, Warning},
		{"all but one", "", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"nosync": f.ID != "node1"}) })
		}, Pass, ""},
		{"the only file", "", func(s *Recording) {
			fileTagged("node1", Tags{"nosync": true})(s)
			s.Files = s.Files[:1]
		}, Pass, ""},
		{"the group not seen", "", func(s *Recording) {
			everyFile(s, func(f *NodeFile) { f.Tags = Known(Tags{"nofailover": true, "nosync": true}) })
			s.file("node3").Group = unknown[string]()
		}, Undecided, ""},
		{"not seen", "", func(s *Recording) { s.file("node3").Tags = unknown[Tags]() }, Undecided, ""},
	},
	"audit.tags": {
		{"a text", "node2", fileTagged("node2", Tags{"nofailover": "false"}), Fail, Warning},
		{"nofailover and a priority", "node2", fileTagged("node2", Tags{"nofailover": true, "failover_priority": 2.0}), Fail, Warning},
		{"nofailover false and no priority", "node2", fileTagged("node2", Tags{"nofailover": false, "failover_priority": 0.0}), Fail, Warning},
		{"both say the same", "node2", fileTagged("node2", Tags{"nofailover": false, "failover_priority": 2.0}), Pass, ""},
		{"nosync, a text", "node2", fileTagged("node2", Tags{"nosync": "no"}), Fail, Warning},
		{"nosync and a priority", "node2", fileTagged("node2", Tags{"nosync": true, "sync_priority": 2.0}), Fail, Warning},
		{"a priority alone", "node2", fileTagged("node2", Tags{"sync_priority": 2.0, "failover_priority": 0.0}), Pass, ""},
		{"not seen", "node2", func(s *Recording) { s.file("node2").Tags = unknown[Tags]() }, Undecided, ""},
	},
	"audit.replicatefrom": {
		{"nobody", "node2", fileTagged("node2", Tags{"replicatefrom": "node9"}), Fail, Warning},
		{"itself", "node2", fileTagged("node2", Tags{"replicatefrom": "node2"}), Fail, Warning},
		{"a circle of two", "node2", func(s *Recording) {
			fileTagged("node2", Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", Tags{"replicatefrom": "node2"})(s)
		}, Fail, ""},
		{"into a circle", "node1", func(s *Recording) {
			fileTagged("node1", Tags{"replicatefrom": "node2"})(s)
			fileTagged("node2", Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", Tags{"replicatefrom": "node2"})(s)
		}, Fail, ""},
		{"a circle of which one always leads", "node2", func(s *Recording) {
			fileTagged("node1", Tags{"nofailover": true})(s)
			fileTagged("node2", Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", Tags{"replicatefrom": "node2"})(s)
		}, Pass, ""},
		{"a chain", "node2", func(s *Recording) {
			fileTagged("node2", Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", Tags{"replicatefrom": "node1"})(s)
		}, Pass, ""},
		{"a chain to nobody", "node2", func(s *Recording) {
			fileTagged("node2", Tags{"replicatefrom": "node3"})(s)
			fileTagged("node3", Tags{"replicatefrom": "node9"})(s)
		}, Pass, ""},
		{"not seen", "node2", func(s *Recording) { s.file("node3").Tags = unknown[Tags]() }, Undecided, ""},
	},
	"audit.parameters": {
		{"max_connections", "node2", func(s *Recording) { s.file("node2").Parameters = Known(map[string]string{"max_connections": "500"}) }, Fail, Warning},
		{"not seen", "node2", func(s *Recording) { s.file("node2").Parameters = unknown[map[string]string]() }, Undecided, ""},
	},
	"audit.dynamic": {
		{"synchronous_mode", "node2", func(s *Recording) { s.file("node2").ClusterKeys = Known([]string{"synchronous_mode"}) }, Fail, Warning},
		{"not seen", "node2", func(s *Recording) { s.file("node2").ClusterKeys = unknown[[]string]() }, Undecided, ""},
	},
	"audit.watchdog": {
		{"required on one", "", func(s *Recording) { s.file("node2").Watchdog = Known("required") }, Fail, Warning},
		{"not seen", "", func(s *Recording) { s.file("node2").Watchdog = unknown[string]() }, Undecided, ""},
	},
}

// TestEveryAuditCheckHasItsCases holds this registry to the rules of the other one.
func TestEveryAuditCheckHasItsCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range AuditChecks {
		if !regexp.MustCompile(`^audit\.[a-z_]+$`).MatchString(c.ID) || seen[c.ID] {
			t.Errorf("%s: malformed or used twice", c.ID)
		}
		seen[c.ID] = true
		for what, text := range map[string]string{"title": c.Title, "why": c.Why, "source": c.Source, "fix": c.Fix, "proof": c.Proof, "since": c.Since} {
			if text == "" {
				t.Errorf("%s: no %s", c.ID, what)
			}
		}
		if c.Kind == "" || c.Severity == "" || c.Run == nil || c.Of != OfCluster && c.Of != OfFiles {
			t.Errorf("%s: kind, severity, subject or function missing", c.ID)
		}
		has := map[Status]bool{}
		for _, b := range auditCases[c.ID] {
			has[b.want] = true
		}
		if !has[Fail] || !has[Undecided] {
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
	r := Audit(nodeFiles().Snapshot, Question{}, Policies{})
	if r.Verdict != Go || r.Summary.Warnings > 0 || len(r.Files) != 3 {
		t.Fatalf("%s, %+v\n%s", r.Verdict, r.Summary, fails(r))
	}
	judged := map[string]bool{}
	for _, res := range r.Results {
		judged[res.Check] = true
		if res.Status != Pass || len(res.Findings) == 0 {
			t.Errorf("%s %s: %s with %d findings; a pass shows what it saw", res.Check, res.Subject, res.Status, len(res.Findings))
		}
	}
	for _, c := range fileChecks {
		if !judged[c.ID] {
			t.Errorf("%s was not judged", c.ID)
		}
	}
}

func TestAuditCases(t *testing.T) {
	for _, c := range AuditChecks {
		for _, b := range auditCases[c.ID] {
			t.Run(c.ID+"/"+b.name, func(t *testing.T) {
				s, judge := nodeFiles(), Audit
				if _, ok := auditLiveCases[c.ID]; ok {
					s, judge = liveFiles(t), AuditLive
				}
				b.do(s)
				r := judge(s.Snapshot, s.Question, Policies{})
				res := resultOf(t, r, c.ID, b.subject)
				if res.Status != b.want {
					t.Fatalf("status %s, want %s: %+v\n%s", res.Status, b.want, res.Findings, fails(r))
				}
				severity := b.severity
				if severity == "" {
					severity = Blocker
				}
				if b.want == Fail && res.Severity != severity {
					t.Errorf("severity %s, want %s", res.Severity, severity)
				}
				if blocks := b.want == Fail && severity == Blocker; blocks && r.Verdict != NoGo {
					t.Errorf("%s, want NO-GO", r.Verdict)
				}
				for _, f := range res.Findings {
					if f.Severity != Evidence && (f.Asked == "" || f.Observed == "" || f.Expected == "" || f.Effect == "" || f.Remedy == "") {
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
	spoilt := []func(s *Recording){func(*Recording) {}}
	for _, c := range fileChecks {
		for _, b := range auditCases[c.ID] {
			if b.want == Fail && (b.severity == "" || b.severity == Blocker) && c.Essential {
				spoilt = append(spoilt, b.do)
			}
		}
	}
	taken := 0
	for _, spoil := range spoilt {
		whole := nodeFiles()
		spoil(whole)
		before := Audit(whole.Snapshot, whole.Question, Policies{}).Verdict
		for i := range len(factsIn(whole)) {
			s := nodeFiles()
			spoil(s)
			facts := factsIn(s)
			facts[i].forget()
			taken++
			if after := Audit(s.Snapshot, s.Question, Policies{}).Verdict; after == Go && before != Go {
				t.Errorf("%s without %s, %s with it", after, facts[i].path, before)
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
	s.file("node2").REST.Connect = at("10.0.0.100", 8008)
	res := resultOf(t, Audit(s.Snapshot, s.Question, Policies{}), "audit.vip", "node2")
	text := res.Findings[0].Sentence()
	for _, want := range []string{"node2.yml, line 5, restapi.connect_address", "10.0.0.100 is a VIP", "Set restapi.connect_address in node2.yml", "patronictl reload demo node2"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

// TestAuditIsRepeatable: the same files give the same report, word for word.
func TestAuditIsRepeatable(t *testing.T) {
	spoilt := func() Report {
		s := nodeFiles()
		for _, c := range fileChecks {
			for _, b := range auditCases[c.ID] {
				if b.want == Fail {
					b.do(s)
					break
				}
			}
		}
		return Audit(s.Snapshot, s.Question, Policies{})
	}
	want := spoilt()
	for range 20 {
		if got := spoilt(); !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v\n%+v", got.Results, want.Results)
		}
	}
}
