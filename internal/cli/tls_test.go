package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"patroni-preflight/internal/testca"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
)

// member serves a REST API over TLS.
func member(t *testing.T, name string, p testca.Pair, clients *testca.CA) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		role := "replica"
		if name == "node1" {
			role = "primary"
		}
		_, _ = fmt.Fprintf(
			w,
			`{"state":"running","role":%q,"patroni":{"version":"4.0.7","scope":"demo","name":%q}}`,
			role,
			name,
		)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = p.Server(t, clients)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL + "/patroni"
}

// TestTLS runs the whole program against servers with TLS. Whatever is wrong with
// a certificate is named with its remedy, and is never GO.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca, other := testca.New(t, "our CA"), testca.New(t, "another CA")
	good, expired, misnamed, foreign := ca.Issue(
		time.Hour,
		"127.0.0.1",
	), ca.Issue(
		-time.Hour,
		"127.0.0.1",
	), ca.Issue(
		time.Hour,
		"elsewhere.example",
	), other.Issue(
		time.Hour,
		"127.0.0.1",
	)
	files := map[string]string{
		"CA": testca.File(
			t,
			"ca.crt",
			ca.PEM,
		),
		"CERT":      testca.File(t, "c.crt", good.Cert),
		"KEY":       testca.File(t, "c.key", good.Key),
		"OTHERCERT": testca.File(t, "o.crt", foreign.Cert),
		"OTHERKEY":  testca.File(t, "o.key", foreign.Key),
	}
	const etcdTLS, restTLS = "protocol: https, cacert: CA, cert: CERT, key: KEY", "ctl: {cacert: CA, certfile: CERT, " +
		"keyfile: KEY}\n"
	for _, tc := range []struct {
		name               string
		etcd, rest         testca.Pair
		etcdKeys, restKeys string
		// want is what the report says; read is whether the DCS was read.
		want string
		read bool
	}{
		{"all well", good, good, etcdTLS, restTLS, "", true},
		{"etcd expired", expired, good, etcdTLS, restTLS, "its certificate expired at ", false},
		{
			"etcd misnamed",
			misnamed,
			good,
			etcdTLS,
			restTLS,
			"its certificate is for elsewhere.example, not for 127.0.0.1",
			false,
		},
		{"etcd of another CA", foreign, good, etcdTLS, restTLS, "give that CA in etcd3.cacert", false},
		{
			"etcd wants a certificate",
			good,
			good,
			"protocol: https, cacert: CA",
			restTLS,
			"and none is configured: give etcd3.cert",
			false,
		},
		{
			"etcd refuses ours",
			good,
			good,
			"protocol: https, cacert: CA, cert: OTHERCERT, key: OTHERKEY",
			restTLS,
			"refuses the client certificate",
			false,
		},
		{"REST expired", good, expired, etcdTLS, restTLS, "its certificate expired at ", true},
		{"REST misnamed", good, misnamed, etcdTLS, restTLS, "a certificate for elsewhere.example", true},
		{"REST of another CA", good, foreign, etcdTLS, restTLS, "give that CA in ctl.cacert", true},
		{
			"REST wants a certificate",
			good,
			good,
			etcdTLS,
			"ctl: {cacert: CA}\n",
			"and none is configured: give ctl.certfile",
			true,
		},
		{
			"REST refuses ours",
			good,
			good,
			etcdTLS,
			"ctl: {cacert: CA, certfile: OTHERCERT, keyfile: OTHERKEY}\n",
			"refuses the client certificate",
			true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			closed := "postgres://" + closedPort(t) + "/postgres"
			e := twoNodes(member(t, "node1", tc.rest, ca), closed, member(t, "node2", tc.rest, ca), closed)
			addr := e.startWith(t, grpc.Creds(credentials.NewTLS(tc.etcd.Server(t, ca))))
			text := fmt.Sprintf("scope: demo\netcd3: {host: '%s', %s}\n%s", addr, tc.etcdKeys, tc.restKeys)
			for name, path := range files {
				text = strings.NewReplacer(" "+name+",", " "+path+",", " "+name+"}", " "+path+"}").Replace(text)
			}
			o := runCLI(t, "check", "-c", put(t, "patroni.yml", text), "--candidate", "node2", "-f", "json")
			var r preflight.Report
			if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
				t.Fatalf("%v\n%s%s", err, o.stdout, o.stderr)
			}
			if r.Verdict == preflight.Go || o.code == exitcode.Go {
				t.Errorf("%s, exit code %d", r.Verdict, o.code)
			}
			verdict := preflight.UnknownState
			if tc.name == "REST misnamed" { // what answers is known, as for Patroni's nodes; and NO-GO
				verdict = preflight.NoGo
			}
			if tc.want != "" && (r.Verdict != verdict || !strings.Contains(o.stdout, tc.want)) {
				t.Errorf("%s\n%s\nwant %q", r.Verdict, o.stdout, tc.want)
			}
			if (len(r.Members) == 2) != tc.read ||
				tc.read && tc.want == "" &&
					(!strings.HasPrefix(r.Members[0].REST, "primary") || !strings.HasPrefix(r.Members[1].REST, "replica")) {
				t.Errorf("members %+v", r.Members)
			}
		})
	}
}

// TestCitusGroup: a group is a cluster of its own, and without one the message
// says how to name it.
func TestCitusGroup(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	e := etcd{keys: map[string]string{}}
	for group, leader := range map[string]string{"0": "node1", "1": "node2"} {
		one := twoNodes(
			"http://"+closed+"/patroni",
			"postgres://"+closed+"/postgres",
			"http://"+closed+"/patroni",
			"postgres://"+closed+"/postgres",
		)
		one.keys["/service/demo/leader"] = leader
		for k, v := range maps.All(one.keys) {
			e.keys[strings.Replace(k, "/demo/", "/demo/"+group+"/", 1)] = v
		}
	}
	addr := e.start(t)
	for group, leader := range map[string]string{"0": "node1", "1": "node2"} {
		o := runCLI(t, "check", "--scope", "demo", "-d", "etcd3://"+addr, "--group", group, "-f", "json")
		var r preflight.Report
		if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || r.Leader != leader || len(r.Members) != 2 {
			t.Errorf("group %s: %v, leader %q\n%s", group, err, r.Leader, o.stderr)
		}
	}
	o := runCLI(t, "switchover", "--via", "rest", "--yes", "--scope", "demo", "-d", "etcd3://"+addr, "-f", "json")
	if o.code != exitcode.NoGo || !strings.Contains(o.stdout, "--group") {
		t.Errorf("exit code %d\n%s", o.code, o.stdout)
	}
	o = runCLI(
		t,
		"switchover",
		"--via",
		"rest",
		"--yes",
		"-c",
		put(t, "patroni.yml", "scope: demo\netcd3: {host: '"+addr+"'}\ncitus: {group: 1, database: c}\n"),
	)
	if o.code != exitcode.Usage || !strings.Contains(o.stderr, "line 3: citus: ") ||
		!strings.Contains(o.stderr, "--group") {
		t.Errorf("%+v", o)
	}
}
