package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/internal/testca"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/report"
)

// shortest is the shortest --timeout that is allowed, and a little.
const shortest = 2100 * time.Millisecond

// TestDeadline: a black hole for a store costs one step, not more, and is
// UNKNOWN with the reason.
func TestDeadline(t *testing.T) {
	t.Parallel()
	hole := blackHole(t)
	for name, urls := range map[string]string{
		"one server":    hole,
		"three servers": hole + "," + blackHole(t) + "," + blackHole(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := world{env: map[string]string{"PATRONI_ETCD3_HOSTS": urls, "PATRONI_SCOPE": "demo"}}
			start := time.Now()
			o := w.run(t, "check", "--timeout", shortest.String(), "--candidate", "node2")
			took := time.Since(start)
			if o.code != exitcode.Unknown || !strings.HasPrefix(o.stdout, "UNKNOWN  switchover of demo") {
				t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
			}
			if !strings.Contains(o.stdout, hole) {
				t.Errorf("the store's address is not named in\n%s", o.stdout)
			}
			if took < shortest-100*time.Millisecond || took > 2*shortest {
				t.Errorf("took %s with a deadline of %s", took, shortest)
			}
		})
	}
}

// TestSignals: a run that is stopped ends at once with the signal's exit code
// and without anything that looks like a report.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		signal syscall.Signal
		want   int
	}{{syscall.SIGINT, exitcode.Interrupted}, {syscall.SIGTERM, exitcode.Terminated}} {
		for _, format := range report.Formats {
			t.Run(c.signal.String()+" "+format, func(t *testing.T) {
				t.Parallel()
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(200*time.Millisecond, func() { cancel(Signalled{c.signal}) })
				record := filepath.Join(t.TempDir(), "snapshot.json")
				start := time.Now()
				o := world{
					ctx: ctx,
				}.run(
					t,
					"check",
					"--scope",
					"demo",
					"-d",
					"etcd3://"+blackHole(t),
					"--timeout",
					"30s",
					"-f",
					format,
					"--record",
					record,
				)
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("ended after %s", took)
				}
				if o.code != c.want || o.stdout != "" || strings.Count(o.stderr, "\n") != 1 ||
					!strings.Contains(o.stderr, "stopped by "+c.signal.String()) {
					t.Errorf("%+v", o)
				}
				if _, err := os.Stat(record); err == nil {
					t.Error("a snapshot of which half is missing was recorded")
				}
			})
		}
	}
}

// TestNothingReached: a cluster of which only the DCS answers. Everything else
// is unknown by name, and never GO.
func TestNothingReached(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	e := twoNodes(
		"http://"+closed+"/patroni",
		"postgres://"+closed+"/postgres",
		"http://"+closed+"/patroni",
		"postgres://"+closed+"/postgres",
	)
	record := filepath.Join(t.TempDir(), "snapshot.json")
	o := runCLI(
		t,
		"check",
		"--scope",
		"demo",
		"-d",
		"etcd3://"+e.start(t),
		"--candidate",
		"node2",
		"-f",
		"json",
		"--record",
		record,
	)
	var r preflight.Report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
		t.Fatalf("%v\n%s%s", err, o.stdout, o.stderr)
	}
	if o.code == exitcode.Go || r.Leader != "node1" || len(r.Members) != 2 || r.Members[1].REST != "? refused" ||
		r.Members[1].SQL != "? refused" {
		t.Errorf("exit code %d, members %+v", o.code, r.Members)
	}
	if len(r.Candidates) != 1 || r.Candidates[0].Verdict == preflight.Go || r.Best != "" {
		t.Errorf("candidates %+v", r.Candidates)
	}

	// What was recorded gives the same report, and only its owner reads it.
	again := runCLI(t, "replay", "-f", "json", record)
	if again.code != o.code || again.stdout != o.stdout {
		t.Errorf("replay gives another report, exit codes %d and %d", o.code, again.code)
	}
	if info, err := os.Stat(record); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestRecordIntoNowhere(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "missing", "snapshot.json")
	o := runCLI(t, "check", "--scope", "demo", "-d", "etcd3://"+closedPort(t), "--record", file)
	if o.code != exitcode.Usage || o.stdout != "" || !strings.Contains(o.stderr, "--record") ||
		!strings.Contains(o.stderr, file) {
		t.Errorf("%+v", o)
	}
}

// TestTimeoutHoldsForREST: a member that answers too late for Patroni, but within
// --timeout, is heard; so the report can say how late.
func TestTimeoutHoldsForREST(t *testing.T) {
	t.Parallel()
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(3200 * time.Millisecond)
		_, _ = w.Write(
			[]byte(`{"state":"running","role":"replica","patroni":{"version":"4.0.7","scope":"demo","name":"node2"}}`),
		)
	}))
	t.Cleanup(slow.Close)
	closed := closedPort(t)
	e := twoNodes(
		"http://"+closed+"/patroni",
		"postgres://"+closed+"/postgres",
		slow.URL+"/patroni",
		"postgres://"+closed+"/postgres",
	)
	o := runCLI(t, "check", "--scope", "demo", "-d", "etcd3://"+e.start(t), "--timeout", "8s", "-f", "json")
	var r preflight.Report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil || len(r.Members) != 2 {
		t.Fatalf("%v\n%s%s", err, o.stdout, o.stderr)
	}
	if !strings.HasPrefix(r.Members[1].REST, "replica") {
		t.Errorf("REST of node2 is %q", r.Members[1].REST)
	}
}

// TestSecrets plants a password of its own wherever one can stand, and looks for
// them in all that is printed and recorded. The servers are made to repeat what
// they are told.
func TestSecrets(t *testing.T) {
	plant := func(place string) string { return "s3cret-of-" + place }
	config := fmt.Sprintf(`scope: demo
restapi: {authentication: {username: patroni, password: %s}}
postgresql:
  authentication:
    superuser: {username: postgres, password: %s}
    replication: {username: replicator, password: %s}
    rewind: {username: rewind, password: %s}
`, plant("restapi"), plant("yml"), plant("replication"), plant("rewind"))

	for _, c := range []struct {
		name string
		env  map[string]string
		// sent is the password that goes to PostgreSQL.
		sent string
	}{
		{"patroni.yml", nil, plant("yml")},
		{
			"PATRONI_SUPERUSER_PASSWORD",
			map[string]string{"PATRONI_SUPERUSER_PASSWORD": plant("environment"), "PATRONI_SUPERUSER_USERNAME": "postgres"},
			plant("environment"),
		},
		{"PGPASSWORD", map[string]string{"PGPASSWORD": plant("libpq")}, plant("libpq")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("PGREQUIREAUTH", "password") // else it is not sent without TLS
			var mu sync.Mutex
			var sent []string
			bird := parrot(t, func(p string) { mu.Lock(); sent = append(sent, p); mu.Unlock() })
			echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = fmt.Fprintf(w, "%s %v", r.URL, r.Header)
			}))
			t.Cleanup(echo.Close)
			withUser := func(place, rest string) string { return "://user:" + plant(place) + "@" + rest }
			e := twoNodes(
				"http"+withUser(
					"api_url",
					strings.TrimPrefix(echo.URL, "http://")+"/patroni",
				),
				"postgres"+withUser("conn_url", bird+"/postgres"),
				"http"+withUser(
					"api_url",
					closedPort(t)+"/patroni",
				),
				"postgres"+withUser("conn_url", bird+"/postgres?password="+plant("query")),
			)
			addr := e.start(t)

			env := map[string]string{"PATRONI_ETCD3_HOSTS": addr}
			args := []string{"check", "--scope", "demo", "--verbose"}
			for k, v := range c.env {
				env[k] = v
				t.Setenv(k, v) // libpq's variables are read from the process
			}
			if c.sent == plant("yml") {
				args = append(args, "-c", put(t, "patroni.yml", config))
			}
			seen := ""
			for _, format := range report.Formats {
				record := filepath.Join(t.TempDir(), "snapshot.json")
				o := world{env: env}.run(t, append(args, "-f", format, "--record", record)...)
				recorded, err := os.ReadFile(record)
				if err != nil {
					t.Fatalf("%v: %+v", err, o)
				}
				seen += o.stdout + o.stderr + string(recorded)
			}
			if i := strings.Index(seen, "s3cret"); i >= 0 {
				t.Errorf("shown: ...%s", seen[max(0, i-200):min(len(seen), i+100)])
			}
			if !strings.Contains(seen, "password ******** is wrong") {
				t.Error("what the server repeated is not in the reports, so this test proves nothing")
			}
			mu.Lock()
			defer mu.Unlock()
			if len(sent) == 0 {
				t.Errorf("no password was sent, so this test proves nothing:\n%s", seen)
			}
			for _, p := range sent {
				if p != c.sent {
					t.Errorf("sent %q, want %q", p, c.sent)
				}
			}
		})
	}

	// A configuration that is refused, or a store that is not there, shows none either.
	for name, c := range map[string]struct {
		yml  string
		args []string
	}{
		"user of etcd": {
			config + "etcd3: {host: 'localhost:2379', username: root, password: " + plant("etcd") + "}\n",
			nil,
		},
		"password in a URL": {config + "etcd3: {url: 'http://root:" + plant("etcd") + "@localhost:2379'}\n", nil},
		"password in --dcs": {config, []string{"-d", "etcd3://root:" + plant("flag") + "@localhost:2379"}},
		"no YAML":           {config + "etcd3: [" + plant("yaml") + "\n", nil},
		"a list as password": {
			strings.Replace(config, plant("yml"), "["+plant("list")+"]", 1) + "etcd3: {host: 'localhost:1'}\n",
			nil,
		},
		"closed port": {config + "etcd3: {host: '" + closedPort(t) + "'}\n", nil},
		"black hole":  {config + "etcd3: {host: '" + blackHole(t) + "'}\n", []string{"--timeout", shortest.String()}},
	} {
		t.Run(name, func(t *testing.T) {
			record := filepath.Join(t.TempDir(), "snapshot.json")
			o := runCLI(
				t,
				append([]string{"check", "--verbose", "--record", record, "-c", put(t, "patroni.yml", c.yml)}, c.args...)...)
			recorded, _ := os.ReadFile(record)
			if all := o.stdout + o.stderr + string(recorded); strings.Contains(all, "s3cret") || all == "" {
				t.Errorf("shown: %s", all)
			}
			if o.code != exitcode.Usage && o.code != exitcode.Unknown {
				t.Errorf("exit code %d: %s", o.code, o.stderr)
			}
		})
	}
}

// TestSecretsOfTLSAndEtcd plants a password of its own in every key that can hold
// one, and in the files that they name, and looks for them in all that comes out.
// The store repeats what it is told; what is wrong with the files is found.
func TestSecretsOfTLSAndEtcd(t *testing.T) {
	t.Parallel()
	plant := func(place string) string { return "s3cret-of-" + place }
	var sent []string
	var mu sync.Mutex
	e := twoNodes("http://h/patroni", "postgres://h/postgres", "http://h/patroni", "postgres://h/postgres")
	e.login = func(p string) { mu.Lock(); sent = append(sent, p); mu.Unlock() }
	addr := e.start(t)
	ca := testca.New(t, "our CA")
	pair := ca.Issue(time.Hour, "me")
	broken := testca.File(
		t,
		"broken.pem",
		[]byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"+plant("file")+"\n-----END ENCRYPTED PRIVATE KEY-----\n"),
	)
	cert, key := testca.File(
		t,
		"c.crt",
		pair.Cert,
	), filepath.Join(
		"internal",
		"secure",
		"testdata",
		"rsa-pkcs8-aes256.key",
	)
	super := "postgresql: {authentication: {superuser: {username: u, password: " + plant("superuser") + ", "

	for _, tc := range []struct {
		name, yml string
		env       map[string]string
		args      []string
		code      int
		says      string
	}{
		{
			"etcd3.password",
			"etcd3: {host: '" + addr + "', username: root, password: " + plant("etcd") + "}",
			nil,
			nil,
			exitcode.Unknown,
			"password ******** of root is wrong",
		},
		{"etcd3.url", "etcd3: {url: 'http://root:" + plant("url") + "@" + addr + "'}", nil, nil, exitcode.Unknown, "password ******** of root is wrong"},
		{"etcd3.proxy", "etcd3: {proxy: 'http://root:" + plant("proxy") + "@" + addr + "'}", nil, nil, exitcode.Unknown, "password ******** of root is wrong"},
		{
			"PATRONI_ETCD3_PASSWORD",
			"etcd3: {host: '" + addr + "', username: root}",
			map[string]string{"PATRONI_ETCD3_PASSWORD": plant("environment")},
			nil,
			exitcode.Unknown,
			"password ******** of root is wrong",
		},
		{"DCS_URL", "", map[string]string{"DCS_URL": "etcd3://root:" + plant("dcsurl") + "@" + addr}, nil, exitcode.Usage, "DCS_URL"},
		{"--dcs-url", "", nil, []string{"-d", "etcd3://root:" + plant("flag") + "@" + addr}, exitcode.Usage, "--dcs-url"},
		{
			"ctl.keyfile_password",
			"etcd3: {host: e}\nctl: {certfile: " + cert + ", keyfile: " + key + ", keyfile_password: " + plant("keyfile") + "}",
			nil,
			nil,
			exitcode.Usage,
			"ctl.keyfile_password",
		},
		{
			"PATRONI_CTL_KEYFILE_PASSWORD",
			"etcd3: {host: e}\nctl: {certfile: " + cert + ", keyfile: " + key + "}",
			map[string]string{"PATRONI_CTL_KEYFILE_PASSWORD": plant("keyfile")},
			nil,
			exitcode.Usage,
			"ctl.keyfile_password",
		},
		{
			"sslpassword",
			"etcd3: {host: e}\n" + super + "sslcert: " + cert + ", sslkey: " + key + ", sslpassword: " + plant("ssl") + "}}}",
			nil,
			nil,
			exitcode.Usage,
			".sslpassword",
		},
		{
			"PATRONI_SUPERUSER_SSLPASSWORD",
			"etcd3: {host: e}\n" + super + "sslcert: " + cert + ", sslkey: " + key + "}}}",
			map[string]string{"PATRONI_SUPERUSER_SSLPASSWORD": plant("ssl")},
			nil,
			exitcode.Usage,
			".sslpassword",
		},
		{
			"a broken key",
			"etcd3: {host: e, protocol: https, cert: " + cert + ", key: " + broken + "}",
			nil,
			nil,
			exitcode.Usage,
			"etcd3.key",
		},
		{
			"a key for a CA",
			"etcd3: {host: e, protocol: https, cacert: " + broken + "}",
			nil,
			nil,
			exitcode.Usage,
			"etcd3.cacert",
		},
		{
			"a password for a file",
			"etcd3: {host: e, protocol: https, cacert: " + plant("path") + "}",
			nil,
			nil,
			exitcode.Usage,
			"etcd3.cacert",
		},
		{
			"a password for a mode",
			"etcd3: {host: e}\n" + super + "sslmode: " + plant("mode") + "}}}",
			nil,
			nil,
			exitcode.Usage,
			".sslmode",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			record := filepath.Join(t.TempDir(), "snapshot.json")
			args := append(
				[]string{
					"check",
					"--verbose",
					"--record",
					record,
					"-f",
					"json",
					"-c",
					put(t, "patroni.yml", "scope: demo\n"+tc.yml+"\n"),
				},
				tc.args...)
			o := world{env: tc.env}.run(t, args...)
			recorded, err := os.ReadFile(record)
			if (err == nil) != (tc.code == exitcode.Unknown) {
				t.Errorf("recorded: %v", err)
			}
			all := o.stdout + o.stderr + string(recorded)
			if i := strings.Index(all, "s3cret"); i >= 0 {
				t.Errorf("shown: ...%s", all[max(0, i-200):min(len(all), i+100)])
			}
			if o.code != tc.code || !strings.Contains(all, tc.says) {
				t.Errorf("exit code %d, want %d with %q:\n%s", o.code, tc.code, tc.says, all)
			}
		})
	}
	t.Cleanup(func() {
		if len(sent) < 4 {
			t.Errorf("%d passwords were sent, so this test proves little", len(sent))
		}
	})
}
