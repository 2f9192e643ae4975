//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"patroni-preflight/dcs"
	"patroni-preflight/internal/secure"
	"patroni-preflight/internal/testca"
	"patroni-preflight/preflight"
)

// TestSecureEtcd reads a real etcd that has TLS, wants client certificates and
// has users, with the rights of docs/least-privilege.md and with less.
func TestSecureEtcd(t *testing.T) {
	t.Parallel()
	ca, other := testca.New(t, "our CA"), testca.New(t, "another CA")
	pair := ca.Issue(time.Hour, "127.0.0.1", "localhost")
	dir := t.TempDir()
	for name, text := range map[string][]byte{"ca.crt": ca.PEM, "etcd.crt": pair.Cert, "etcd.key": pair.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	id := docker(t, "run", "-d", "--rm", "-p", "127.0.0.1::2379", "-v", dir+":/tls:ro", "-e", "ETCD_UNSUPPORTED_ARCH=arm64", "--entrypoint", "etcd", "patroni-preflight-lab:trixie",
		"--data-dir=/tmp/etcd", "--listen-client-urls=https://0.0.0.0:2379", "--advertise-client-urls=https://127.0.0.1:2379",
		"--cert-file=/tls/etcd.crt", "--key-file=/tls/etcd.key", "--trusted-ca-file=/tls/ca.crt", "--client-cert-auth")
	t.Cleanup(func() { docker(t, "rm", "-f", id) })
	url := "https://" + docker(t, "port", id, "2379/tcp")

	// A cluster, then the statements of the document, then authentication.
	const root = "export ETCDCTL_API=3 ETCDCTL_CACERT=/tls/ca.crt ETCDCTL_CERT=/tls/etcd.crt ETCDCTL_KEY=/tls/etcd.key ETCDCTL_ENDPOINTS=https://127.0.0.1:2379\n"
	text, err := os.ReadFile(filepath.Join("..", "docs", "least-privilege.md"))
	if err != nil {
		t.Fatal(err)
	}
	statements := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(text)
	if statements == nil {
		t.Fatal("docs/least-privilege.md has no statements for etcd")
	}
	docker(t, "exec", id, "sh", "-ec", root+`
for i in 1 2 3 4 5 6 7 8 9 10; do etcdctl endpoint health && break; sleep 1; done
lease=$(etcdctl lease grant 600 | cut -d' ' -f2)
etcdctl put --lease=$lease /service/demo/leader node1
etcdctl put --lease=$lease /service/demo/members/node1 '{"role":"primary","state":"running"}'
etcdctl put /service/demo/config '{"ttl":30}'
etcdctl put /service/demo/initialize 7711126607369158693
`+string(statements[1])+`
etcdctl user add root:root
etcdctl user add nobody:nobody
etcdctl auth enable
`)

	good, named, foreign := pair.TLS(t), ca.Issue(time.Hour, "preflight").TLS(t), other.Issue(time.Hour, "me").TLS(t)
	client := secure.Client{Roots: ca.Pool(), Certificate: &good, CAKey: "etcd3.cacert", CertKey: "etcd3.cert and etcd3.key"}
	for _, tc := range []struct {
		name, user, password string
		change               func(*secure.Client)
		cause                preflight.Cause
		why                  string
	}{
		{"least rights", "preflight", "change-me", nil, "", ""},
		{"wrong password", "preflight", "no", nil, preflight.Denied, "check etcd3.username and etcd3.password"},
		// etcd takes the common name of a client certificate for a user.
		{"no user", "", "", nil, preflight.Privilege, "etcdctl role grant-permission ROLE --prefix=true read /service/demo/"},
		{"the user's certificate", "", "", func(c *secure.Client) { c.Certificate = &named }, "", ""},
		{"a user without a role", "nobody", "nobody", nil, preflight.Privilege, "etcdctl role grant-permission ROLE --prefix=true read /service/demo/"},
		{"no client certificate", "preflight", "change-me", func(c *secure.Client) { c.Certificate = nil }, preflight.TLS, "and none is configured: give etcd3.cert and etcd3.key"},
		{"another client certificate", "preflight", "change-me", func(c *secure.Client) { c.Certificate = &foreign }, preflight.TLS, "refuses the client certificate"},
		{"another CA", "preflight", "change-me", func(c *secure.Client) { c.Roots = other.Pool() }, preflight.TLS, "give that CA in etcd3.cacert"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := client
			if tc.change != nil {
				tc.change(&c)
			}
			e, err := dcs.Open(dcs.Config{Endpoints: []string{url}, TLS: &c, Secure: true, User: tc.user, Password: tc.password})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			d, members := e.Read(ctx, "/service", "demo", "")
			if d.Read.Cause() != tc.cause || !strings.Contains(d.Read.Reason(), tc.why) {
				t.Fatalf("%q: %s, want %q: %s", d.Read.Cause(), d.Read.Reason(), tc.cause, tc.why)
			}
			if tc.cause != "" {
				return
			}
			cluster, ok := d.Cluster.Get()
			if !ok || !preflight.Equal(cluster.Leader, "node1") || !cluster.LeaderLease.Is(func(l preflight.Lease) bool { return l.GrantedSeconds == 600 && l.RemainingSeconds > 500 }) ||
				len(members) != 1 || !d.Alarms.Known() || !d.Endpoints[0].Status.Known() || !d.Endpoints[0].Certificate.Known() {
				t.Errorf("%+v\n%s; alarms %s; status %s", cluster, cluster.LeaderLease.Reason(), d.Alarms.Reason(), d.Endpoints[0].Status.Reason())
			}
		})
	}
}

// docker runs the docker command and returns what it prints.
func docker(t *testing.T, args ...string) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command("docker", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(fmt.Errorf("docker %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String()))
	}
	return strings.TrimSpace(string(out))
}
