//go:build e2e

package e2e

import (
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"patroni-preflight/internal/testca"
)

// access is what the secured lab is reached with: docker/secure.yml.
type access struct {
	ca *testca.CA
	// dir holds ca.crt, and certificates and keys of the clients, for the tool.
	dir string
	// client asks the REST APIs, root is etcd's root. Both verify nothing: some
	// certificates are wrong on purpose.
	client *http.Client
	root   *tls.Config
}

// newSecureLab starts the secured lab. Nothing is done yet for the tool.
func newSecureLab(t testing.TB, name, suite, net string) *lab {
	l := &lab{t: t, project: "preflight-e2e-" + name, suite: suite, net: net, secure: &access{dir: t.TempDir()}}
	t.Cleanup(l.down)
	began := time.Now()
	l.up()
	t.Logf("%s: cluster up after %.0f s", name, time.Since(began).Seconds())
	return l
}

// fetchKeys copies the CA and the clients' keys, as an operator would to the
// machine that the tool runs on.
func (l *lab) fetchKeys() {
	l.t.Helper()
	k := l.secure
	for _, name := range []string{"ca.crt", "preflight.crt", "preflight.key", "preflight-ctl.key"} {
		l.file(name, []byte(l.sh("node1", "cat /tls/"+name)+"\n"))
	}
	k.ca = testca.Read(l.t, []byte(l.sh("node1", "cat /tls/ca.crt")), []byte(l.sh("node1", "cat /tls/ca.key")))
	pair := func(name string) tls.Certificate {
		return testca.Pair{
			Cert: []byte(l.sh("node1", "cat /tls/"+name+".crt")),
			Key:  []byte(l.sh("node1", "cat /tls/"+name+".key")),
		}.TLS(
			l.t,
		)
	}
	asking := &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair("patroni")}}
	k.client = &http.Client{
		Timeout:   3 * time.Second,
		Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: asking},
	}
	k.root = &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair("root")}}
}

// file writes a file beside the tool's configuration, and returns its path.
func (l *lab) file(name string, text []byte) string {
	l.t.Helper()
	path := filepath.Join(l.secure.dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// settings are a patroni.yml, changed by dotted keys.
type settings map[string]any

// with returns a copy in which a key has another value; nil takes it out.
func (s settings) with(key string, value any) settings {
	raw, _ := yaml.Marshal(s)
	var out settings
	_ = yaml.Unmarshal(raw, &out)
	parent := map[string]any(out)
	path := strings.Split(key, ".")
	for _, p := range path[:len(path)-1] {
		switch next := parent[p].(type) {
		case settings:
			parent = next
		case map[string]any:
			parent = next
		default:
			made := map[string]any{}
			parent[p], parent = made, made
		}
	}
	if parent[path[len(path)-1]] = value; value == nil {
		delete(parent, path[len(path)-1])
	}
	return out
}

// configure makes the settings the tool's configuration.
func (l *lab) configure(s settings) {
	l.t.Helper()
	raw, err := yaml.Marshal(s)
	if err != nil {
		l.t.Fatal(err)
	}
	l.config = l.file("patroni.yml", raw)
}

// settings are those of the tool on the secured lab, with every certificate
// verified, its name too, and the least rights.
func (l *lab) settings() settings {
	dir := l.secure.dir
	var s settings
	err := yaml.Unmarshal(
		fmt.Appendf(
			nil,
			`
scope: demo
etcd3: {hosts: [%[2]s:2379, %[3]s:2379, %[4]s:2379], protocol: https, cacert: %[1]s/ca.crt, cert: %[1]s/preflight.crt, key: %[1]s/preflight.key, username: preflight, password: change-me}
ctl: {cacert: %[1]s/ca.crt, certfile: %[1]s/preflight.crt, keyfile: %[1]s/preflight-ctl.key, keyfile_password: open-sesame}
postgresql: {authentication: {superuser: {sslmode: verify-full, sslrootcert: %[1]s/ca.crt}}}
preflight: {postgresql: {username: preflight, password: change-me}}
`,
			dir,
			l.ip("etcd1"),
			l.ip("etcd2"),
			l.ip("etcd3"),
		),
		&s,
	)
	if err != nil {
		l.t.Fatal(err)
	}
	return s
}

// put writes a certificate and its key to /tls, where the servers read them.
func (l *lab) put(name string, pair testca.Pair) {
	l.t.Helper()
	write := func(file string, text []byte) string {
		return fmt.Sprintf("echo %s | base64 -d >%s && ", base64.StdEncoding.EncodeToString(text), file)
	}
	l.sh("node1", fmt.Sprintf("cd /tls && %s%schown postgres:postgres %[3]s.key && chmod 600 %[3]s.key",
		write(name+".key", pair.Key), write(name+".crt", pair.Cert), name))
}

// etcdShows gives etcd3 another certificate; it reads it with the next connection.
func (l *lab) etcdShows(pair testca.Pair) {
	old := testca.Pair{
		Cert: []byte(l.sh("etcd3", "cat /tls/etcd3.crt") + "\n"),
		Key:  []byte(l.sh("etcd3", "cat /tls/etcd3.key") + "\n"),
	}
	l.undo(func() { l.put("etcd3", old) })
	l.put("etcd3", pair)
}

// restShows gives a node's REST API another certificate, "" for none and plain http.
func (l *lab) restShows(node, name string) {
	l.t.Helper()
	certificate := "/tls/" + node
	l.undo(func() {
		l.in(node, "lab-set restapi.keyfile "+certificate+".key restapi.certfile "+certificate+".crt")
		until(20*time.Second, func() bool {
			return l.showsName(l.ip(node)+":8008", node) && strings.Contains(l.key("members/"+node), "https://")
		})
	})
	if name == "" {
		l.sh(node, "lab-set -d restapi.certfile restapi.verify_client")
		l.undo(func() { l.in(node, "lab-set restapi.verify_client required") })
		l.await(
			"the key to say http",
			20*time.Second,
			func() bool { return strings.Contains(l.key("members/"+node), "http://"+l.ip(node)+":8008") },
		)
		time.Sleep(time.Second)
		return
	}
	l.sh(node, fmt.Sprintf("lab-set restapi.keyfile /tls/%[1]s.key restapi.certfile /tls/%[1]s.crt", name))
	l.await("the REST API to show it", 20*time.Second, func() bool { return !l.showsName(l.ip(node)+":8008", node) })
	time.Sleep(time.Second)
}

// showsName reports whether a TLS server shows a certificate of that common name.
func (l *lab) showsName(address, name string) bool {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Second}, "tcp", address, l.secure.root)
	if err != nil {
		return false
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName == name
}

// postgresShows gives a node's PostgreSQL another certificate.
func (l *lab) postgresShows(node, name string) {
	l.t.Helper()
	set := func(name string) string {
		return fmt.Sprintf(
			"lab-set postgresql.parameters.ssl_key_file /tls/%[1]s.key postgresql.parameters.ssl_cert_file "+
				"/tls/%[1]s.crt",
			name,
		)
	}
	shows := func(name string) func() bool {
		return func() bool {
			out, _ := l.trySQL(node, "SHOW ssl_cert_file")
			key, _ := l.trySQL(node, "SHOW ssl_key_file")
			return out == "/tls/"+name+".crt" && key == "/tls/"+name+".key"
		}
	}
	l.undo(func() { l.in(node, set(node)); until(20*time.Second, shows(node)) })
	l.sh(node, set(name))
	l.await("PostgreSQL to show it", 20*time.Second, shows(name))
}

// block is the n-th code block of a language in a text; "" is a language too.
func block(t testing.TB, text, language string, n int) string {
	t.Helper()
	parts := strings.Split(text, "```") // those with odd numbers are the blocks
	for i := 1; i < len(parts); i += 2 {
		if l, code, ok := strings.Cut(parts[i], "\n"); ok && l == language {
			if n--; n < 0 {
				return code
			}
		}
	}
	t.Fatalf("block %d of language %q is not there", n+1, language)
	return ""
}

// document reads a document of the repository.
func document(t testing.TB, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// psql runs statements as they stand in a document.
func (l *lab) psql(node, statements string) {
	l.t.Helper()
	l.sh(node, "psql -X -q -v ON_ERROR_STOP=1 -h /run/postgresql -U postgres <<'SQL'\n"+statements+"\nSQL")
}
