//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"patroni-preflight/internal/testca"
)

// TestSecure is the secured lab: TLS everywhere by a CA of its own, client
// certificates, users and roles. A new user follows the README there, then the
// document on the least rights as it stands; the core scenarios are played, and
// every fault in a certificate, a password or a right is found.
func TestSecure(t *testing.T) {
	t.Parallel()
	l := newSecureLab(t, "secure", secureSuite(), "10.77.51")
	t.Run("the README", l.readme)
	// A cluster that is set up anew needs them again.
	l.prepare = func() { l.grant(); l.configure(l.settings()) }
	t.Run("the least rights, as written", l.leastRights)
	l.configure(l.settings())
	t.Run("the tool writes nothing", l.writesNothing)
	for _, name := range []string{
		"healthy", "maintenance mode", "the founding incident: candidate's api_url is a VIP on the leader",
		"candidate not streaming, less than 1 MiB behind", "maximum_lag_on_failover 1024, 5 kB behind",
	} {
		i := slices.IndexFunc(scenarios, func(sc scenario) bool { return sc.name == name })
		if i < 0 {
			t.Fatalf("no scenario %q", name)
		}
		if chosen(name) {
			t.Run(name, func(t *testing.T) { l.play(t, scenarios[i]) })
		}
	}
	l.t = t
	l.roles()
	l.badCertificates()
	for _, f := range faults {
		if chosen(f.name) {
			t.Run(f.name, func(t *testing.T) { l.find(t, f) })
		}
	}
	t.Run("plain text beside TLS", l.plainText)
	t.Run("nobody follows a certificate that expired", l.unfollowed)
}

// secureSuite is trixie, or another image of the lab for this test.
func secureSuite() string {
	if s := os.Getenv("PREFLIGHT_SECURE_SUITE"); s != "" {
		return s
	}
	return "trixie"
}

// readme follows "On your own cluster" to the letter, on a node.
func (l *lab) readme(t *testing.T) {
	l.t = t
	_, section, _ := strings.Cut(document(t, "README.md"), "## On your own cluster\n")
	section, _, _ = strings.Cut(section, "\n## ")
	l.psql("node1", block(t, section, "sql", 0))
	l.sh("node3", "ln -s /opt/preflight/patroni-preflight /usr/local/bin/")
	l.sh("node3", "cat >>/etc/patroni/patroni.yml <<'YAML'\n"+block(t, section, "yaml", 0)+"YAML")
	out, code := l.in("node3", block(t, section, "", 0))
	if code != 0 || !strings.Contains(out, "GO  switchover of demo from node1 to node2\n0 blockers, 0 warnings, ") {
		t.Errorf("exit %d\n%s", code, out)
	}
	l.psql("node1", "DROP ROLE preflight")
}

// leastRights does what docs/least-privilege.md says, with our addresses and paths
// in place of its own.
func (l *lab) leastRights(t *testing.T) {
	l.t = t
	l.grant()
	text := document(t, "docs/least-privilege.md")
	file := strings.NewReplacer("10.0.0.", l.net+".", "/etc/patroni/", l.secure.dir+"/").Replace(block(t, text, "yaml", 0))
	l.config = l.file("least.yml", []byte(file))
	r, exit, _, report := l.check(nil, "--candidate", "node2")
	if r.Verdict != goes || exit != 0 || len(r.by("warns")) > 0 {
		t.Errorf("%s, exit %d\n%s", r.Verdict, exit, report)
	}
	// Both optional grants are of use.
	for _, res := range r.Results {
		if res.Check == "wayback.hba" && res.Subject == "node2" && res.Weight != "passed" {
			t.Errorf("%s of node2 is %s", res.Check, res.Weight)
		}
	}
}

// grant runs the statements of the document.
func (l *lab) grant() {
	l.t.Helper()
	text := document(l.t, "docs/least-privilege.md")
	l.psql("node1", block(l.t, text, "sql", 0)+block(l.t, text, "sql", 1))
	l.sh("etcd1", "set -e\n"+block(l.t, text, "sh", 0)) // as root, by its certificate
	rule := strings.ReplaceAll(strings.TrimSpace(block(l.t, text, "", 0)), "10.0.0.", l.net+".")
	hba := fmt.Sprintf(
		`["local all all trust", %q, "hostssl all postgres,rewinder %[2]s.0/24 scram-sha-256", "hostssl all `+
			`postgres,rewinder 127.0.0.1/32 scram-sha-256", "hostssl replication all %[2]s.0/24 scram-sha-256", "hostssl `+
			`replication all 127.0.0.1/32 scram-sha-256"]`,
		rule,
		l.net,
	)
	for _, n := range nodes {
		l.sh(n, "lab-set postgresql.pg_hba '"+hba+"'")
		l.await("the rule", 20*time.Second, func() bool {
			return l.sql(n, "SELECT count(*) FROM pg_hba_file_rules WHERE user_name = '{preflight}'") == "1"
		})
	}
}

// badCertificates puts pairs to /tls for the faults.
func (l *lab) badCertificates() {
	l.t.Helper()
	ca, at := l.secure.ca, l.ip(l.candidate)
	l.put("expired", ca.Issue(-time.Hour, "expired", at, "localhost", "127.0.0.1"))
	l.put("misnamed", ca.Issue(time.Hour*24*60, "node9.example", "localhost"))
	l.put("soon", ca.Issue(time.Hour*24*6, "soon", at, "localhost", "127.0.0.1"))
	other := testca.New(l.t, "another CA")
	foreign := other.Issue(time.Hour, "preflight")
	l.file("other.crt", other.PEM)
	l.file("foreign.crt", foreign.Cert)
	l.file("foreign.key", foreign.Key)
}

// fault is one thing wrong in a secured cluster, or in the tool's file for it.
type fault struct {
	name string
	// arrange breaks the cluster, settings the file: pairs of key and value, of which
	// CA stands for a wrong one, DIR for the folder of the keys, nil for no value.
	arrange  func(l *lab)
	settings []any
	// want is the verdict, by the check that has to be among those that decide it,
	// says what the report has to say.
	want, by, says string
}

const superuser = "postgresql.authentication.superuser"

var faults = []fault{
	{
		name:     "etcd: expired",
		arrange:  func(l *lab) { l.etcdShows(l.secure.ca.Issue(-time.Hour, "etcd3", l.ip("etcd3"))) },
		settings: []any{"etcd3.hosts", "ETCD3"},
		want:     unknown,
		by:       "dcs.reachable",
		says:     "its certificate expired at",
	},
	{
		name:    "etcd: one of three expired",
		arrange: func(l *lab) { l.etcdShows(l.secure.ca.Issue(-time.Hour, "etcd3", l.ip("etcd3"))) },
		want:    goes,
		by:      "tls.etcd_certificate",
		says:    "Renew the certificate of https://",
	},
	{
		name:     "etcd: another name",
		arrange:  func(l *lab) { l.etcdShows(l.secure.ca.Issue(time.Hour, "etcd9.example")) },
		settings: []any{"etcd3.hosts", "ETCD3"},
		want:     unknown,
		by:       "dcs.reachable",
		says:     "its certificate is for etcd9.example, not for",
	},
	{
		name:     "etcd: another CA",
		settings: []any{"etcd3.cacert", "DIR/other.crt"},
		want:     unknown,
		by:       "dcs.reachable",
		says:     "give that CA in etcd3.cacert",
	},
	{
		name:     "etcd: no client certificate",
		settings: []any{"etcd3.cert", nil, "etcd3.key", nil},
		want:     unknown,
		by:       "dcs.reachable",
		says:     "and none is configured: give etcd3.cert and etcd3.key",
	},
	{
		name:     "etcd: a client certificate of another CA",
		settings: []any{"etcd3.cert", "DIR/foreign.crt", "etcd3.key", "DIR/foreign.key"},
		want:     unknown,
		by:       "dcs.reachable",
		says:     "refuses the client certificate",
	},
	{
		name:     "etcd: wrong password",
		settings: []any{"etcd3.password", "wrong-etcd"},
		want:     unknown,
		by:       "dcs.reachable",
		says:     "check etcd3.username and etcd3.password",
	},
	{
		name:     "etcd: the user's certificate does without a password",
		settings: []any{"etcd3.username", nil, "etcd3.password", nil},
		want:     goes,
	},
	{
		name:    "etcd: no permission",
		arrange: (*lab).noEtcdPermission,
		want:    unknown,
		by:      "dcs.reachable",
		says:    "etcdctl role grant-permission ROLE --prefix=true read /service/demo/",
	},

	{
		name:    "REST: expired",
		arrange: func(l *lab) { l.restShows(l.candidate, "expired") },
		want:    unknown,
		by:      "candidate.rest",
		says:    "its certificate expired at",
	},
	{
		name:    "REST: another name",
		arrange: func(l *lab) { l.restShows(l.candidate, "misnamed") },
		want:    noGo,
		by:      "tls.rest_certificate",
		says:    "a certificate for localhost, node9.example, expected a certificate for",
	},
	{
		name:     "REST: another name, and the file does not look at it",
		arrange:  func(l *lab) { l.restShows(l.candidate, "misnamed") },
		settings: []any{"ctl.insecure", true},
		want:     goes,
		by:       "tls.rest_certificate",
		says:     "Issue a certificate for",
	},
	{
		name:    "REST: expires soon",
		arrange: func(l *lab) { l.restShows(l.candidate, "soon") },
		want:    goes,
		by:      "tls.rest_certificate",
		says:    "in 5 days",
	},
	{
		name:     "REST: another CA",
		settings: []any{"ctl.cacert", "DIR/other.crt"},
		want:     unknown,
		by:       "candidate.rest",
		says:     "give that CA in ctl.cacert",
	},
	{
		name:     "REST: no client certificate",
		settings: []any{"ctl.certfile", nil, "ctl.keyfile", nil, "ctl.keyfile_password", nil},
		want:     unknown,
		by:       "candidate.rest",
		says:     "and none is configured: give ctl.certfile and ctl.keyfile",
	},
	{
		name:     "REST: a client certificate of another CA",
		settings: []any{"ctl.certfile", "DIR/foreign.crt", "ctl.keyfile", "DIR/foreign.key", "ctl.keyfile_password", nil},
		want:     unknown,
		by:       "candidate.rest",
		says:     "refuses the client certificate",
	},
	{
		name:    "REST: plain text on one node",
		arrange: func(l *lab) { l.restShows(l.candidate, "") },
		want:    goes,
		by:      "tls.rest_certificate",
		says:    "http, without encryption, expected https",
	},

	{
		name:    "PostgreSQL: expired",
		arrange: func(l *lab) { l.postgresShows(l.candidate, "expired") },
		want:    unknown,
		by:      "lag.receive",
		says:    "its certificate expired at",
	},
	{
		name:    "PostgreSQL: another name",
		arrange: func(l *lab) { l.postgresShows(l.candidate, "misnamed") },
		want:    unknown,
		by:      "lag.receive",
		says:    "its certificate is for localhost, node9.example, not for",
	},
	{
		name:     "PostgreSQL: another name, and the file does not look at it",
		arrange:  func(l *lab) { l.postgresShows(l.candidate, "misnamed") },
		settings: []any{superuser + ".sslmode", "verify-ca"},
		want:     noGo,
		by:       "tls.postgresql_certificate",
		says:     "verify-full",
	},
	{
		name:    "PostgreSQL: expires soon",
		arrange: func(l *lab) { l.postgresShows(l.candidate, "soon") },
		want:    goes,
		by:      "tls.postgresql_certificate",
		says:    "in 5 days",
	},
	{
		name:     "PostgreSQL: another CA",
		settings: []any{superuser + ".sslrootcert", "DIR/other.crt"},
		want:     unknown,
		by:       "lag.receive",
		says:     "give that CA in sslrootcert",
	},
	{
		name:     "PostgreSQL: no TLS on our side",
		settings: []any{superuser + ".sslmode", "disable", superuser + ".sslrootcert", nil},
		want:     unknown,
		by:       "lag.receive",
		says:     "sslmode",
	},
	{
		name:     "PostgreSQL: wrong password",
		settings: []any{"preflight.postgresql.password", "wrong-sql"},
		want:     unknown,
		by:       "lag.receive",
		says:     "check the password of role preflight",
	},
	{
		name:    "PostgreSQL: no pg_monitor",
		arrange: (*lab).noMonitor,
		want:    unknown,
		by:      "candidate.streaming",
		says:    "GRANT pg_monitor TO preflight",
	},
}

// find runs the tool on a fault.
func (l *lab) find(t *testing.T, f fault) {
	l.t = t
	defer l.restore()
	s := l.settings()
	for i := 0; i < len(f.settings); i += 2 {
		value := f.settings[i+1]
		switch v := value.(type) {
		case string:
			value = strings.Replace(v, "DIR", l.secure.dir, 1)
			if v == "ETCD3" {
				value = []string{l.ip("etcd3") + ":2379"}
			}
		}
		s = s.with(f.settings[i].(string), value)
	}
	l.configure(s)
	if f.arrange != nil {
		f.arrange(l)
	}
	r, exit, took, text := l.check(nil, "--candidate", l.candidate)
	if exit != map[string]int{goes: 0, noGo: 2, unknown: 3}[f.want] || r.Verdict != f.want {
		t.Errorf("%s, exit %d, want %s\n%s", r.Verdict, exit, f.want, text)
	}
	by := r.by(map[string]string{noGo: "blocks", unknown: "unknown", goes: "warns"}[f.want])
	if f.by != "" && !slices.Contains(by, f.by) || !strings.Contains(strings.Join(strings.Fields(text), " "), f.says) {
		t.Errorf("%s by %v, want %s, saying %q\n%s", r.Verdict, by, f.by, f.says, text)
	}
	if f.by == "" && len(by) > 0 {
		t.Errorf("warnings by %v\n%s", by, text)
	}
	if took > 10 {
		t.Errorf("took %.1f s", took)
	}
	for _, secret := range []string{"change-me", "open-sesame", "wrong-etcd", "wrong-sql"} {
		if strings.Contains(text, secret) || strings.Contains(fmt.Sprint(r), secret) {
			t.Errorf("%q stands in the report", secret)
		}
	}
}

func (l *lab) noEtcdPermission() {
	const permission = " preflight --prefix=true "
	l.undo(func() { l.in("etcd1", "etcdctl role grant-permission"+permission+"read /service/demo/") })
	l.sh("etcd1", "etcdctl role revoke-permission"+permission+"/service/demo/")
}

// plainText: nothing goes out over http where TLS is configured.
func (l *lab) plainText(t *testing.T) {
	l.t = t
	refused := func(err error, out []byte) {
		t.Helper()
		want := []byte("the connection to etcd is http, without encryption")
		if code := exitCode(err); code != 4 || !bytes.Contains(out, want) {
			t.Errorf("exit %d: %s", code, out)
		}
	}
	l.configure(l.settings().with("etcd3.protocol", "http"))
	out, err := exec.Command(tool, "check", "-c", l.config, "--candidate", l.candidate).CombinedOutput()
	refused(err, out)
	l.configure(
		l.settings().with("etcd3.protocol", nil).with("etcd3.hosts", nil).with("etcd3.url", "http://"+l.ip("etcd1")+":2379"),
	)
	out, err = exec.Command(tool, "check", "-c", l.config, "--candidate", l.candidate).CombinedOutput()
	refused(err, out)
}

func exitCode(err error) int {
	if e, ok := err.(*exec.ExitError); ok {
		return e.ExitCode()
	}
	return -1
}

// unfollowed is the proof of tls.postgresql_certificate: the tool says NO-GO,
// Patroni switches over, and nobody follows. It ends the cluster.
func (l *lab) unfollowed(t *testing.T) {
	l.t = t
	l.configure(l.settings().with(superuser+".sslmode", "require").with(superuser+".sslrootcert", nil))
	l.postgresShows(l.candidate, "expired")
	r, exit, _, text := l.check(nil, "--candidate", l.candidate)
	if exit != 2 || !slices.Equal(r.by("blocks"), []string{"tls.postgresql_certificate"}) {
		t.Errorf("%s by %v, exit %d\n%s", r.Verdict, r.by("blocks"), exit, text)
	}
	out, _ := l.patronictl(
		l.bystander,
		time.Minute,
		"switchover",
		"demo",
		"--force",
		"--leader",
		l.leader,
		"--candidate",
		l.candidate,
	)
	if !strings.Contains(out, "Successfully") {
		t.Errorf("Patroni refused: %s", out)
	}
	l.await(
		"the candidate to lead",
		20*time.Second,
		func() bool { return slices.Equal(l.primaries(), []string{l.candidate}) },
	)
	if until(
		12*time.Second,
		func() bool { return l.streams(l.leader, l.candidate) || l.streams(l.bystander, l.candidate) },
	) {
		t.Error("somebody follows")
	}
}
