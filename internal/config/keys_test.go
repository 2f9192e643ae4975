package config

import (
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/internal/secure"
)

var update = flag.Bool("update", false, "write docs/configuration.md anew")

// shown is all that a configuration makes of its values, or the error.
func shown(c Config, err error) string {
	if err != nil {
		return err.Error()
	}
	client := func(s *secure.Client) string {
		if s == nil {
			return "none"
		}
		return fmt.Sprint(s.Roots != nil, s.Certificate != nil, s.NoVerify, s.AnyName)
	}
	certificate := func(p *tls.Certificate) bool { return p != nil }
	e, p := c.Etcd3, c.Postgres
	return fmt.Sprint(
		c.Store,
		c.APIURLs,
		c.Scope,
		c.Namespace,
		c.Group,
		c.VIPs,
		"|",
		e.Endpoints,
		e.SRV,
		e.SRVSuffix,
		e.User,
		e.Password,
		client(e.TLS),
		e.Secure,
		"|",
		client(&c.REST),
		c.RESTOverTLS,
		c.RESTAPI,
		"|",
		p.User,
		p.Password,
		p.Database,
		p.SSLMode,
		p.SSLRootCert,
		p.SSLNegotiation,
		p.ChannelBinding,
		certificate(p.Certificate),
	)
}

// examples are, for each key, what has to stand beside it and a value that
// changes something; where nothing is said the base is minimal.
var examples = map[string]struct{ beside, value string }{
	"scope":     {"etcd3: {host: e}\n", "other"},
	"namespace": {minimal, "other"},
	"name":      {minimal, "node1"},
	"etcd3.proxy": {
		minimal,
		"http://p",
	},
	"etcd3.url":           {minimal, "http://u"},
	"etcd3.srv":           {minimal, "x"},
	"etcd3.discovery_srv": {minimal, "x"},
	"etcd3.srv_domain": {
		minimal,
		"x",
	},
	"etcd3.srv_suffix": {"scope: d\netcd3: {srv: x}\n", "prod"},
	"etcd3.hosts":      {minimal, "[a, b]"},
	"etcd3.host": {
		minimal,
		"other",
	},
	"etcd3.port":        {"scope: d\netcd3: {host: e}\n", "1"},
	"etcd3.protocol":    {minimal, "https"},
	"etcd3.use_proxies": {minimal, "true"},
	"etcd3.cacert": {
		https,
		"CRT",
	},
	"etcd3.ca_cert": {https, "CRT"},
	"etcd3.cert":    {https, "PAIR"},
	"etcd3.key":     {"scope: d\netcd3: {host: e, protocol: https, cert: CRT}\n", "OPEN"},
	"etcd3.username": {
		"scope: d\netcd3: {host: e, username: u, password: p}\n",
		"other",
	},
	"etcd3.password": {"scope: d\netcd3: {host: e, username: u, password: p}\n", "other"},
	"ctl.insecure": {
		minimal,
		"true",
	},
	"ctl.cacert":   {minimal, "CRT"},
	"ctl.certfile": {minimal, "PAIR"},
	"ctl.keyfile":  {minimal + "ctl: {certfile: CRT}\n", "OPEN"},
	"ctl.keyfile_password": {
		minimal + "ctl: {certfile: CRT, keyfile: KEY}\n",
		"open-sesame",
	},
	"ctl.authentication.username": {minimal + "ctl: {authentication: {password: p}}\n", "u"},
	"ctl.authentication.password": {minimal + "ctl: {authentication: {username: u}}\n", "p"},
	"restapi.cafile": {
		minimal,
		"CRT",
	},
	"restapi.certfile":                {consul + "restapi: {connect_address: 'a:8008'}\n", "CRT"},
	"restapi.connect_address":         {consul, "a:8008"},
	"restapi.verify_client":           {minimal, "required"},
	"restapi.authentication.username": {minimal + "restapi: {authentication: {password: p}}\n", "u"},
	"restapi.authentication.password": {minimal + "restapi: {authentication: {username: u}}\n", "p"},
	superuser + ".username": {
		minimal,
		"u",
	},
	superuser + ".password":    {minimal, "p"},
	superuser + ".sslmode":     {minimal, "require"},
	superuser + ".sslrootcert": {minimal, "CRT"},
	superuser + ".sslcert": {
		minimal + "postgresql: {authentication: {superuser: {sslkey: OPEN}}}\n",
		"CRT",
	},
	superuser + ".sslkey": {minimal + "postgresql: {authentication: {superuser: {sslcert: CRT}}}\n", "OPEN"},
	superuser + ".sslpassword": {
		minimal + "postgresql: {authentication: {superuser: {sslcert: CRT, sslkey: KEY}}}\n",
		"open-sesame",
	},
	superuser + ".sslcrl": {
		minimal + "postgresql: {authentication: {superuser: {sslmode: verify-ca}}}\n",
		"/r",
	},
	superuser + ".sslcrldir": {minimal + "postgresql: {authentication: {superuser: {sslmode: verify-ca}}}\n", "/r"},
	superuser + ".gssencmode": {
		minimal,
		"require",
	},
	superuser + ".channel_binding": {minimal, "require"},
	superuser + ".sslnegotiation":  {minimal, "direct"},
	"citus.group": {
		minimal + "citus: {database: citus}\n",
		"1",
	},
	"citus.database": {minimal + "citus: {group: 1}\n", "citus"},
	"preflight.api_urls": {
		consul,
		"['http://b:8008']",
	},
	"preflight.vips":                {minimal, "[10.0.0.1]"},
	"preflight.postgresql.username": {minimal, "u"},
	"preflight.postgresql.password": {minimal + "preflight: {postgresql: {username: u}}\n", "p"},
	"preflight.postgresql.database": {
		minimal,
		"d",
	},
	"preflight.postgresql.sslcert": {minimal + "preflight: {postgresql: {username: u, sslkey: OPEN}}\n", "CRT"},
	"preflight.postgresql.sslkey":  {minimal + "preflight: {postgresql: {username: u, sslcert: CRT}}\n", "OPEN"},
	"preflight.postgresql.sslpassword": {
		minimal + "preflight: {postgresql: {username: u, sslcert: CRT, sslkey: KEY}}\n",
		"open-sesame",
	},
}

const consul = "scope: d\nconsul: {host: c}\n"

const https = "scope: d\netcd3: {host: e, protocol: https}\n"

// TestEveryKey holds the table against the code: what is said to be used changes
// the outcome, in the file and by its variable alike, and what is not does not.
func TestEveryKey(t *testing.T) {
	pair := newWorld(t)
	one := ""
	for _, name := range []string{"rsa.crt", "rsa.key"} {
		text, err := os.ReadFile(filepath.Join("..", "secure", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		one += string(text)
	}
	onePath := pair.put("pair.pem", one)
	for _, k := range Keys {
		t.Run(k.Name, func(t *testing.T) {
			ex, ok := examples[k.Name]
			if !ok {
				t.Fatal("there is no example")
			}
			value := strings.ReplaceAll(withFiles(t, ex.value), "PAIR", onePath)
			w, flags := file(t, withFiles(t, ex.beside))
			before := shown(w.load(flags))

			// The key in a file of its own, laid upon the other, so that it stands beside what is there.
			w.put("conf/1.yml", withFiles(t, ex.beside))
			w.put("conf/2.yml", alone(k.Name, value))
			inFile := shown(w.load(Flags{File: filepath.Join(w.dir, "conf")}))
			outcomes := map[string]string{"the file": inFile}
			if k.Variable != "" {
				w.vars[k.Variable] = value
				outcomes[k.Variable] = shown(w.load(flags))
			}
			unused := strings.HasPrefix(k.Use, "Not used")
			for where, after := range outcomes {
				if (before == after) != unused {
					t.Errorf("%s says: %s\nwithout: %s\nwith:    %s", where, k.Use, before, after)
				}
			}
		})
	}
	if len(examples) != len(Keys) {
		t.Errorf("%d examples for %d keys", len(examples), len(Keys))
	}
}

// alone writes a value at a dotted path and nothing else.
func alone(path, text string) string {
	keys := strings.Split(path, ".")
	return strings.Join(keys, ": {") + ": " + text + strings.Repeat("}", len(keys)-1) + "\n"
}

// TestKeysAreComplete: whatever is looked at, in any of the configurations of
// these tests, stands in the table, or is a section of what does, or a store.
func TestKeysAreComplete(t *testing.T) {
	asked := map[string]bool{}
	for _, ex := range examples {
		w, flags := file(t, withFiles(t, ex.beside))
		w.asked = func(path string) { asked[path] = true }
		_, _ = w.load(flags)
	}
	for path := range asked {
		known := slices.Contains(stores, path) || slices.ContainsFunc(Keys, func(k Key) bool {
			return k.Name == path || strings.HasPrefix(k.Name, path+".")
		})
		if !known {
			t.Errorf("%s is read, and not in the table", path)
		}
	}
	if len(asked) < 30 {
		t.Errorf("only %d keys were looked at", len(asked))
	}
}

// TestDocument: docs/configuration.md has a row for every key, as in the code.
func TestDocument(t *testing.T) {
	const begin, end = "<!-- keys: generated by make docs -->\n", "<!-- end of keys -->\n"
	path := filepath.Join("..", "..", "docs", "configuration.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the marks of the table are not there")
	}
	var b strings.Builder
	b.WriteString("| key | environment | what is done with it |\n|---|---|---|\n")
	for _, k := range Keys {
		variable := ""
		if k.Variable != "" {
			variable = "`" + k.Variable + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, variable, k.Use)
	}
	want := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Error("docs/configuration.md is not what the table says. Write it anew: make docs")
	}
	for _, s := range stores {
		if s != "etcd3" && !strings.Contains(before+after, "`"+s+"`") {
			t.Errorf("docs/configuration.md does not say that %s is refused", s)
		}
	}
}
