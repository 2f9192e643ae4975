package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

const aNode = `scope: demo
name: node1
etcd3:
  hosts: [e2:2379, 'e1:2379']
  username: patroni
  password: s3cretPW
restapi:
  listen: 0.0.0.0:8008
  connect_address: 10.0.0.21:8008
  authentication: {username: admin, password: s3cretPW}
postgresql:
  listen: 10.0.0.21,127.0.0.1:5432
  connect_address: 10.0.0.21:5432
  data_dir: /data
  parameters: {max_connections: 200, wal_log_hints: on, archive_command: 'x s3cretPW'}
  authentication:
    superuser: {username: postgres, password: s3cretPW}
    replication: {username: replicator, password: other}
tags: {nofailover: no, failover_priority: 2, replicatefrom: node2, mine: s3cretPW}
watchdog: {mode: off}
`

// audit reads files for an audit.
func (w *world) audit(texts ...string) (Audited, error) {
	w.t.Helper()
	var paths []string
	for i, text := range texts {
		paths = append(paths, w.put(fmt.Sprintf("n%d.yml", i+1), text))
	}
	a, err := auditFiles(paths, nil, host{files: w.files, goos: w.goos, sections: auditing})
	for _, line := range a.Warnings {
		oneLine(w.t, line)
	}
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			w.t.Fatalf("error %q is %T, want *Error", err, err)
		}
		oneLine(w.t, err.Error())
	}
	return a, err
}

func (w *world) mustAudit(text string) fact.NodeFile {
	w.t.Helper()
	a, err := w.audit(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Files[0]
}

func TestAuditedFile(t *testing.T) {
	w := newWorld(t)
	f := w.mustAudit(aNode)
	for what, pair := range map[string][2]any{
		"id":        {f.ID, "node1"},
		"name":      {*f.Name.Value, "node1"},
		"scope":     {*f.Scope.Value, "demo"},
		"namespace": {*f.Namespace.Value, "/service"},
		"group":     {*f.Group.Value, ""},
		"store": {
			*f.Store.Value,
			fact.NodeStore{
				Kind:      "etcd3",
				Endpoints: []string{"e1:2379", "e2:2379"},
				Protocol:  "http",
				Login:     fact.NodeLogin{User: "patroni", Password: 1},
			},
		},
		"REST listen":  {*f.REST.Listen.Value, []string{"0.0.0.0"}},
		"REST port":    {*f.REST.ListenPort.Value, 8008},
		"REST address": {*f.REST.Connect.Value, fact.HostPort{Host: "10.0.0.21", Port: 8008}},
		"SQL listen":   {*f.SQL.Listen.Value, []string{"10.0.0.21", "127.0.0.1"}},
		"SQL address":  {*f.SQL.Connect.Value, fact.HostPort{Host: "10.0.0.21", Port: 5432}},
		"REST login":   {*f.RESTLogin.Value, fact.NodeLogin{User: "admin", Password: 1}},
		"ctl login":    {*f.RESTClient.Value, fact.NodeLogin{User: "admin", Password: 1}},
		"superuser":    {*f.Superuser.Value, fact.NodeLogin{User: "postgres", Password: 1}},
		"replication":  {*f.Replication.Value, fact.NodeLogin{User: "replicator", Password: 2}},
		"rewind":       {*f.Rewind.Value, fact.NodeLogin{}},
		"tags":         {*f.Tags.Value, fact.Tags{"nofailover": false, "failover_priority": 2.0, "replicatefrom": "node2"}},
		"parameters":   {*f.Parameters.Value, map[string]string{"max_connections": "200", "wal_log_hints": "true"}},
		"watchdog":     {*f.Watchdog.Value, "off"},
		"place":        {strings.HasSuffix(f.At["restapi.connect_address"], "n1.yml, line 9"), true},
	} {
		if !reflect.DeepEqual(pair[0], pair[1]) {
			t.Errorf("%s is %#v, want %#v", what, pair[0], pair[1])
		}
	}
}

// TestAuditedAddresses: what Patroni makes of listen and connect_address.
func TestAuditedAddresses(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		rest, sql     string
		derived       bool
		noPort, https bool
	}{
		{
			"IPv6",
			"restapi: {listen: '[::]:8008', connect_address: '[fd00::1]:8008'}\npostgresql: {listen: '*:5432', " +
				"connect_address: '[fd00::1]:5432'}",
			"[fd00::1]:8008",
			"[fd00::1]:5432",
			false,
			false,
			false,
		},
		{
			"no connect_address",
			"restapi: {listen: '10.0.0.1:8008'}\npostgresql: {listen: '10.0.0.1:5433'}",
			"10.0.0.1:8008",
			"10.0.0.1:5433",
			true,
			false,
			false,
		},
		{
			"no connect_address, wildcard",
			"restapi: {listen: '0.0.0.0:8008'}\npostgresql: {listen: '0.0.0.0'}",
			"0.0.0.0:8008",
			"localhost:5432",
			true,
			false,
			false,
		},
		{
			"no port",
			"restapi: {listen: '0.0.0.0:8008', connect_address: 10.0.0.1}\npostgresql: {listen: '0.0.0.0:5432', " +
				"connect_address: 10.0.0.1}",
			"10.0.0.1:80",
			"10.0.0.1:5432",
			false,
			true,
			false,
		},
		{
			"no port, https",
			"restapi: {listen: '0.0.0.0:8008', connect_address: 10.0.0.1, certfile: /nonexistent.pem}\npostgresql: {listen: " +
				"'0.0.0.0:5432', connect_address: '10.0.0.1:5432'}",
			"10.0.0.1:443",
			"10.0.0.1:5432",
			false,
			true,
			true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newWorld(t).mustAudit(c.text)
			rest, sql := *f.REST.Connect.Value, *f.SQL.Connect.Value
			if rest.String() != c.rest || sql.String() != c.sql || rest.Derived != c.derived || rest.NoPort != c.noPort ||
				*f.HTTPS.Value != c.https {
				t.Errorf("REST %s %+v, SQL %s %+v, https %t", rest, rest, sql, sql, *f.HTTPS.Value)
			}
		})
	}
}

// TestAuditedStores: what is compared of each store. A login is no part of it.
func TestAuditedStores(t *testing.T) {
	for text, want := range map[string]string{
		"etcd: {host: 'e1:2379'}":                                                     "etcd http e1:2379",
		"etcd3: {url: 'https://u:s3cretPW@E1:2379/x'}":                                "etcd3 https e1:2379",
		"etcd3: {proxy: 'http://p:2379', url: 'https://e1:2379'}":                     "etcd3 http p:2379",
		"etcd3: {srv: example.org}":                                                   "etcd3 http SRV example.org",
		"etcd3: {hosts: 'e2:1,e1'}":                                                   "etcd3 http e1:2379 e2:1",
		"consul: {url: 'http://u:s3cretPW@c:8500', token: s3cretPW}":                  "consul  c:8500",
		"zookeeper: {hosts: ['z2:2181', 'z1:2181']}":                                  "zookeeper  z1:2181 z2:2181",
		"zookeeper: {hosts: \"'z2:2181', 'z1:2181'\"}":                                "zookeeper  z1:2181 z2:2181",
		"raft: {self_addr: 'a:1', partner_addrs: ['b:1', 'c:1'], password: s3cretPW}": "raft  a:1 b:1 c:1",
		"kubernetes: {namespace: x}":                                                  "kubernetes ",
		"consul: {host: c}\netcd3: {host: 'e1:2379'}":                                 "consul  c",
	} {
		s := *newWorld(t).mustAudit(text).Store.Value
		if got := strings.Join(
			append([]string{s.Kind, s.Protocol}, s.Endpoints...),
			" ",
		); strings.TrimRight(
			got,
			" ",
		) != strings.TrimRight(
			want,
			" ",
		) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// TestAuditedAbsent: what the node's environment may supply is unknown, and says so.
func TestAuditedAbsent(t *testing.T) {
	f := newWorld(t).mustAudit("tags: {}\n")
	if f.ID != f.Path || f.Name.Known() || f.Scope.Known() || f.Store.Known() || f.REST.Connect.Known() ||
		f.REST.Listen.Known() ||
		f.DataDir.Known() {
		t.Errorf("%+v", f)
	}
	if reason := f.Scope.Reason(); !strings.Contains(reason, "PATRONI_SCOPE") {
		t.Errorf("the reason %q does not name the variable", reason)
	}
	if !f.Tags.Known() || !f.Watchdog.Known() || !f.Namespace.Known() {
		t.Errorf("defaults are unknown: %+v", f)
	}
}

// TestAuditedClusterKeys: what Patroni reads in the DCS alone is named where it
// stands in the file itself, and not below bootstrap.dcs, which is its place.
func TestAuditedClusterKeys(t *testing.T) {
	for text, want := range map[string][]string{
		"name: a": {},
		"bootstrap: {dcs: {ttl: 30, synchronous_mode: true, postgresql: {use_slots: false}}}": {},
		"synchronous_mode: true\nttl: 30\nslots: {a: {type: physical}}": {
			"ttl",
			"synchronous_mode",
			"slots",
		},
		"postgresql: {use_slots: false, use_pg_rewind: true}": {"postgresql.use_slots"},
		"ttl: null": {},
	} {
		f := newWorld(t).mustAudit(text)
		if got := *f.ClusterKeys.Value; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	if f := newWorld(t).mustAudit("name: a\nttl: 60\n"); !strings.HasSuffix(f.At["ttl"], "n1.yml, line 2") {
		t.Errorf("ttl is at %q", f.At["ttl"])
	}
}

func TestAuditedWatchdog(t *testing.T) {
	for text, want := range map[string]string{
		"off":      "off",
		"'off'":    "off",
		"false":    "off",
		"disabled": "off",
		"auto":     "automatic",
		"Required": "required",
		"require":  "required",
		"null":     "automatic",
	} {
		if got := *newWorld(t).mustAudit("watchdog: {mode: " + text + "}\n").Watchdog.Value; got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for _, text := range []string{"on", "true", "always", "[required]"} {
		if _, err := newWorld(t).audit("watchdog: {mode: " + text + "}\n"); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}

// TestAuditedOldStyle: the logins where they stood before there was a section for them.
func TestAuditedOldStyle(t *testing.T) {
	f := newWorld(
		t,
	).mustAudit("postgresql: {superuser: {username: a, password: b}, replication: {username: c, password: d}}\n")
	if f.Superuser.Value.User != "a" || *f.Replication.Value != (fact.NodeLogin{User: "c", Password: 2}) {
		t.Errorf("%+v, %+v", *f.Superuser.Value, *f.Replication.Value)
	}
}

// TestAuditIDs: two files of one name are told apart by their paths.
func TestAuditIDs(t *testing.T) {
	a, err := newWorld(t).audit("name: a\n", "name: b\n", "name: a\n")
	if err != nil {
		t.Fatal(err)
	}
	if a.Files[0].ID != a.Files[0].Path || a.Files[1].ID != "b" || a.Files[2].ID != a.Files[2].Path {
		t.Errorf("%s, %s, %s", a.Files[0].ID, a.Files[1].ID, a.Files[2].ID)
	}
}

// TestAuditIgnoresEnvironment: the files are other machines'.
func TestAuditIgnoresEnvironment(t *testing.T) {
	for name, value := range map[string]string{
		"PATRONI_SCOPE":                   "wrong",
		"PATRONI_NAME":                    "wrong",
		"PATRONI_ETCD3_HOSTS":             "wrong:1",
		"PATRONI_RESTAPI_CONNECT_ADDRESS": "wrong:1",
		"PATRONI_CONFIGURATION":           "scope: wrong",
		"PATRONICTL_CONFIG_FILE":          "/nonexistent",
		"DCS_URL":                         "etcd3://wrong:1",
	} {
		t.Setenv(name, value)
	}
	w := newWorld(t)
	a, err := Files([]string{w.put("node1.yml", aNode)}, []string{"10.0.0.100"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "wrong") {
		t.Errorf("%s", raw)
	}
	if !reflect.DeepEqual(a.VIPs, []string{"10.0.0.100"}) {
		t.Errorf("VIPs %v", a.VIPs)
	}
}

// TestAuditRefuses: a file that is wrong in itself names file, line, key and what
// was expected.
func TestAuditRefuses(t *testing.T) {
	for text, words := range map[string][]string{
		"":                                    {"n1.yml", "is empty"},
		"- a\n":                               {"n1.yml", "a list instead of a mapping"},
		"scope: {{ scope }}\n":                {"n1.yml", "line 1"},
		"scope: [a]\n":                        {"line 1", "scope", "expected text"},
		"name: {a: b}\n":                      {"line 1", "name", "expected text"},
		"a: b\nrestapi: here\n":               {"line 2", "restapi", "expected a mapping"},
		"restapi:\n  listen: 0.0.0.0\n":       {"line 2", "restapi.listen", "no port"},
		"restapi:\n  listen: 0.0.0.0:99999\n": {"line 2", "restapi.listen", "port"},
		"restapi:\n  connect_address: http://10.0.0.1:8008\n":   {"line 2", "restapi.connect_address", "host:port"},
		"postgresql:\n  connect_address: 'u:s3cretPW@h:5432'\n": {"line 2", "postgresql.connect_address", "host:port"},
		"postgresql:\n  connect_address: 10.0.0.1:s3cretPW\n":   {"line 2", "postgresql.connect_address", "port"},
		"etcd:\n  hosts: ['u:s3cretPW@h:1']\n":                  {"line 2", "etcd.hosts", "@"},
		"etcd3: {}\n":                                           {"line 1", "etcd3", "names no server"},
		"tags:\n  nofailover: [true]\n":                         {"line 2", "tags.nofailover", "expected one value"},
		"watchdog:\n  mode: s3cretPW\n":                         {"line 2", "watchdog.mode", "off, automatic or required"},
		"preflight: {vips: ['10.0.0.1/24']}\n":                  {"line 1", "preflight.vips[0]", "slash"},
		"postgresql: {authentication: {replication: s3cretPW}}\n": {
			"line 1",
			"postgresql.authentication.replication",
			"expected a mapping",
		},
		"postgresql: {parameters: [s3cretPW]}\n": {"line 1", "postgresql.parameters", "expected a mapping"},
	} {
		_, err := newWorld(t).audit(text)
		if err == nil {
			t.Errorf("%q is accepted", text)
			continue
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q: %q does not say %q", text, err, word)
			}
		}
	}
}

// TestNoSecretInAudit plants a password in every place that can hold one; no fact,
// no finding, no error and no warning has it. Its number is a fact.
func TestNoSecretInAudit(t *testing.T) {
	keys := []string{
		"postgresql.authentication.superuser.password",
		"postgresql.authentication.superuser.sslpassword",
		"postgresql.authentication.replication.password",
		"postgresql.authentication.rewind.password",
		"postgresql.superuser.password",
		"postgresql.pg_rewind.password",
		"postgresql.parameters.archive_command",
		"postgresql.parameters.primary_conninfo",
		"postgresql.parameters.restore_command",
		"postgresql.parameters.ssl_passphrase_command",
		"postgresql.recovery_conf.restore_command",
		"postgresql.pgpass",
		"bootstrap.users.admin.password",
		"bootstrap.dcs.postgresql.parameters.archive_command",
		"restapi.authentication.password",
		"restapi.keyfile_password",
		"restapi.http_extra_headers.X-Token",
		"ctl.authentication.password",
		"ctl.keyfile_password",
		"standby_cluster.restore_command",
		"slots.a.token",
		"synchronous_mode",
		"postgresql.use_slots",
		"etcd.password",
		"etcd3.password",
		"consul.token",
		"raft.password",
		"kubernetes.token",
		"zookeeper.key_password",
		"zookeeper.auth_data.user",
		"preflight.postgresql.password",
	}
	for _, row := range Keys {
		if strings.Contains(row.Name, "password") {
			keys = append(keys, row.Name)
		}
	}
	shapes := []string{
		"%s",
		"'%s'",
		"[%s]",
		"{a: %s}",
		"'http://u:%s@h:1'",
		"'u:%s@h:1'",
		"!vault %s",
		"*%s",
		"&%s x",
		"'%s",
		"{%[1]s: [%[1]s]}",
		"\"%s\\q\"",
		"|\n  %s",
	}
	told := 0
	for _, key := range keys {
		for _, shape := range shapes {
			w := newWorld(t)
			a, err := w.audit(nest(key, fmt.Sprintf(shape, secret)), aNode)
			if err != nil {
				continue
			}
			told++
			report := preflight.Audit(&fact.Snapshot{Files: a.Files}, fact.Question{}, check.Policies{})
			for _, v := range []any{a, report} {
				raw, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(raw), secret) {
					t.Fatalf("%s as %s: %s", key, shape, raw)
				}
			}
		}
	}
	if told < 150 {
		t.Errorf("only %d files were read", told)
	}
}

// TestAuditReadsNoOtherFile: certificates are on the nodes, not here.
func TestAuditReadsNoOtherFile(t *testing.T) {
	w := newWorld(t)
	path := w.put("key.pem", "x")
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	f := w.mustAudit(
		"etcd3: {host: 'e:1', protocol: https, cacert: /nonexistent, cert: " + path + ", key: " + path + "}\nrestapi: " +
			"{listen: '0.0.0.0:8008', certfile: /nonexistent, verify_client: Required}\nctl: {certfile: /nonexistent, " +
			"keyfile: /nonexistent}\n",
	)
	if s := f.Store.Value; !s.Certificate || s.Protocol != "https" || *f.VerifyClient.Value != "required" ||
		!*f.ClientCertificate.Value {
		t.Errorf("%+v", f)
	}
}

// styles are files as people have them, one of each node.
var styles = map[string]struct {
	node string // with %[1]d for the node's number
	want preflight.Verdict
	// words of the findings, "" for none
	words string
}{
	"secrets by the environment": {
		`
scope: pg
namespace: /db/
name: pg-%[1]d
etcd3: {hosts: "10.1.0.1:2379,10.1.0.2:2379,10.1.0.3:2379", protocol: https, cacert: /etc/ssl/etcd.pem, cert: /etc/ssl/me.pem, key: /etc/ssl/me.key}
restapi: {listen: 10.1.0.1%[1]d:8008, connect_address: 10.1.0.1%[1]d:8008, certfile: /etc/ssl/me.pem, keyfile: /etc/ssl/me.key, cafile: /etc/ssl/ca.pem, verify_client: required}
ctl: {cacert: /etc/ssl/ca.pem, certfile: /etc/ssl/me.pem, keyfile: /etc/ssl/me.key}
postgresql:
  listen: 10.1.0.1%[1]d,127.0.0.1:5432
  connect_address: 10.1.0.1%[1]d:5432
  data_dir: /var/lib/postgresql/17/main
  authentication: {superuser: {username: postgres}, replication: {username: replicator}}
  parameters: {unix_socket_directories: /var/run/postgresql, password_encryption: scram-sha-256}
tags: {nofailover: false, noloadbalance: false, clonefrom: false, nosync: false}
watchdog: {mode: automatic, device: /dev/watchdog, safety_margin: 5}
`,
		preflight.Go,
		"",
	},
	"Debian's, names for addresses": {`
scope: "17-main"
namespace: "/postgresql-common/"
name: "db%[1]d"
etcd3: {host: "etcd.example:2379"}
restapi: {listen: "0.0.0.0:8008", connect_address: "db%[1]d.example:8008"}
bootstrap: {dcs: {postgresql: {parameters: {max_connections: 100}}}}
postgresql:
  create_replica_methods: [pg_clonecluster]
  pg_clonecluster: {command: /usr/share/patroni/pg_clonecluster_patroni}
  listen: "*:5432"
  connect_address: "db%[1]d.example:5432"
  use_unix_socket: true
  data_dir: /var/lib/postgresql/17/main
  authentication:
    superuser: &super {username: "postgres", password: "x"}
    replication: {<<: *super, username: "replicator"}
  parameters: {port: 5432}
`, preflight.Go, "audit.parameters"},
	"a test bed on one machine": {
		`
scope: batman
name: postgresql%[1]d
restapi: {listen: 127.0.0.1:800%[1]d, connect_address: 127.0.0.1:800%[1]d, authentication: {username: u, password: p}}
etcd: {host: 127.0.0.1:2379}
postgresql:
  listen: 127.0.0.1,::1:543%[1]d
  connect_address: 127.0.0.1:543%[1]d
  data_dir: data/postgresql%[1]d
  authentication: {replication: {username: replicator, password: rep-pass}, superuser: {username: postgres, password: patroni}}
tags: {noloadbalance: false, clonefrom: false, nostream: false}
`,
		preflight.Go,
		"audit.address",
	},
	"containers behind the ports of one host": {`
scope: c
name: c%[1]d
etcd3: {hosts: [e1, e2, e3]}
restapi: {listen: 0.0.0.0:8008, connect_address: 192.0.2.1:1800%[1]d}
postgresql: {listen: 0.0.0.0:5432, connect_address: 192.0.2.1:1543%[1]d, data_dir: /data}
`, preflight.Go, "audit.listen"},
	"everything by the environment": {"name: n%[1]d\n", preflight.UnknownState, ""},
	"loopback on every node": {`
scope: c
name: c%[1]d
etcd3: {hosts: [e1, e2, e3]}
restapi: {listen: 0.0.0.0:8008, connect_address: 127.0.0.1:8008}
postgresql: {listen: 0.0.0.0:5432, connect_address: 192.0.2.%[1]d:5432, data_dir: /data}
`, preflight.NoGo, "audit.address"},
	"no connect_address": {`
scope: c
name: c%[1]d
etcd3: {hosts: [e1, e2, e3]}
restapi: {listen: 0.0.0.0:8008}
postgresql: {listen: 192.0.2.%[1]d:5432, data_dir: /data}
`, preflight.NoGo, "audit.address"},
}

// TestStyles: no word on files that are right, one that fits on those that are not.
func TestStyles(t *testing.T) {
	for name, style := range styles {
		t.Run(name, func(t *testing.T) {
			var texts []string
			for i := range 3 {
				texts = append(texts, fmt.Sprintf(style.node, i+1))
			}
			a, err := newWorld(t).audit(texts...)
			if err != nil {
				t.Fatal(err)
			}
			r := preflight.Audit(&fact.Snapshot{Files: a.Files}, fact.Question{}, check.Policies{})
			if r.Verdict != style.want {
				t.Errorf("%s, want %s", r.Verdict, style.want)
			}
			for _, res := range r.Results {
				for _, f := range res.Findings {
					if f.Severity != check.Evidence && res.Check != style.words {
						t.Errorf("%s: %s", res.Check, f.Sentence())
					}
				}
			}
			if style.words != "" && r.Summary.Warnings+r.Summary.Blockers == 0 {
				t.Errorf("%s says nothing", style.words)
			}
		})
	}
}

// FuzzAudit: whatever a file says, there are facts that can be judged, or an *Error.
func FuzzAudit(f *testing.F) {
	f.Add(aNode)
	f.Add("name: &a b\n<<: {scope: *a}\ntags: {replicatefrom: b, nofailover: 'false'}\n")
	f.Add("restapi: {listen: '[::]:1', connect_address: ':1'}\npostgresql: {listen: ',:1', connect_address: '[:1'}\n")
	f.Add("etcd: {srv: a.b}\ncitus: {group: 1, database: x}\nwatchdog: {mode: no}\n")
	f.Add("kubernetes: 1\nraft: {self_addr: [a, {b: c}], partner_addrs: '@/'}\n")
	for _, style := range styles {
		f.Add(fmt.Sprintf(style.node, 1))
	}
	f.Fuzz(func(t *testing.T, text string) {
		w := newWorld(t)
		a, err := w.audit(text, strings.ReplaceAll(aNode, "node1", "node2"), aNode)
		if err != nil {
			return
		}
		for _, judge := range []func(*fact.Snapshot, fact.Question, check.Policies) preflight.Report{
			preflight.Audit,
			preflight.AuditLive,
		} {
			for _, res := range judge(&fact.Snapshot{Files: a.Files}, fact.Question{}, check.Policies{}).Results {
				for _, m := range res.Missing {
					if strings.Contains(m.Reason, "internal error") {
						t.Errorf("%s: %s", res.Check, m.Reason)
					}
				}
			}
		}
	})
}
