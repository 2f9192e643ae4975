package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
)

// restOnly serves the REST API of node1, which leads, and of node2, with that
// dynamic configuration. It tells its base URL; SQL is at a closed port.
func restOnly(t *testing.T, config string) string {
	t.Helper()
	closed := func() string { return strings.TrimPrefix(closedPort(t), "127.0.0.1:") }
	sql1, sql2 := closed(), closed()
	var servers [2]*httptest.Server
	answer := func(w http.ResponseWriter, r *http.Request, name, role string) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		switch r.URL.Path {
		case "/cluster":
			member := func(name, role, state, at, sql string) string {
				return fmt.Sprintf(
					`{"name":%q,"role":%q,"state":%q,"api_url":%q,"host":"127.0.0.1","port":%s,"timeline":1}`,
					name,
					role,
					state,
					at+"/patroni",
					sql,
				)
			}
			fmt.Fprintf(
				w,
				`{"members":[%s,%s],"scope":"demo"}`,
				member("node1", "leader", "running", servers[0].URL, sql1),
				member("node2", "replica", "streaming", servers[1].URL, sql2),
			)
		case "/config":
			fmt.Fprint(w, config)
		case "/history":
			fmt.Fprint(w, "[]")
		case "/patroni":
			fmt.Fprintf(
				w,
				`{"state":"running","role":%q,"server_version":170012,"timeline":1,"xlog":{"location":83917584,`+
					`"received_location":83917584,"replayed_location":83917584},"patroni":{"version":"4.0.7","scope":"demo",`+
					`"name":%q}}`,
				role,
				name,
			)
		}
	}
	for i, role := range []string{"primary", "replica"} {
		servers[i] = httptest.NewServer(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(w, r, fmt.Sprintf("node%d", i+1), role) }),
		)
		t.Cleanup(servers[i].Close)
	}
	return servers[0].URL
}

const dynamic = `{"ttl":20,"loop_wait":2,"retry_timeout":3,"maximum_lag_on_failover":1048576%s}`

// TestUnreadStore: with a store that is not read the cluster is judged by REST and
// SQL: what they show blocks, and what they do not show is never GO.
func TestUnreadStore(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"consul", "etcd", "exhibitor", "kubernetes", "raft", "zookeeper"} {
		fine, paused := restOnly(t, fmt.Sprintf(dynamic, "")), restOnly(t, fmt.Sprintf(dynamic, `,"pause":true`))
		at := func(base string) string { return strings.TrimPrefix(base, "http://") }
		file := put(
			t,
			"patroni.yml",
			"scope: demo\n"+store+": {host: '"+blackHole(t)+"'}\nrestapi: {connect_address: '"+at(fine)+"'}\n",
		)
		for _, c := range []struct {
			args []string
			code int
			by   string
		}{
			{[]string{"-c", file}, exitcode.Unknown, "dcs.reachable"},
			{[]string{"-c", file, "--api-url", paused}, exitcode.NoGo, "maintenance.pause"},
			{[]string{"-c", file, "--leader", "node2"}, exitcode.NoGo, "dcs.leader"},
			{[]string{"-c", file, "--scope", "other", "--api-url", fine}, exitcode.Unknown, "dcs.reachable"},
			{[]string{"-c", file, "--api-url", "http://" + closedPort(t)}, exitcode.Unknown, "dcs.reachable"},
			{[]string{"-c", file, "--api-url", "http://" + closedPort(t), "--api-url", fine}, exitcode.Unknown, "dcs.reachable"},
			{[]string{"-d", store + "://localhost", "--scope", "demo", "--api-url", paused}, exitcode.NoGo, "maintenance.pause"},
		} {
			start := time.Now()
			o := runCLI(t, append([]string{"check", "-f", "json", "--candidate", "node2"}, c.args...)...)
			var r preflight.Report
			if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
				t.Fatalf("%v: %v\n%+v", c.args, err, o)
			}
			decided := false
			for _, res := range r.Results {
				decided = decided || res.Check == c.by && (res.Weight == preflight.Blocks || res.Weight == preflight.Unseen)
			}
			if o.code != c.code || !decided || !strings.Contains(o.stderr, "is not read") ||
				!strings.Contains(o.stderr, "never GO") {
				t.Errorf("%s %v: exit code %d, by %s: %t\n%s", store, c.args, o.code, c.by, decided, o.stderr)
			}
			if strings.Contains(o.stdout, `"etcd3 `) || strings.Contains(o.stdout, store+" /service") {
				t.Errorf("%s %v: a key of the store is quoted\n%s", store, c.args, o.stdout)
			}
			if took := time.Since(start); took > 8*time.Second {
				t.Errorf("%s: took %s", store, took)
			}
		}
	}
}

// TestUnreadStoreSwitchesNothing: without GO nothing is asked of Patroni.
func TestUnreadStoreSwitchesNothing(t *testing.T) {
	t.Parallel()
	base := restOnly(t, fmt.Sprintf(dynamic, "")) // fails where anything but GET comes
	o := runCLI(
		t,
		"switchover",
		"--scope",
		"demo",
		"-d",
		"consul://localhost",
		"--api-url",
		base,
		"--via",
		"rest",
		"--yes",
	)
	if o.code != exitcode.Unknown || !strings.HasPrefix(o.stdout, "UNKNOWN  switchover of demo from node1") {
		t.Errorf("%+v", o)
	}
}
