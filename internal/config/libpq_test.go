package config

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLibpq: what libpq would find elsewhere is honoured or refused by name, and
// never passed over.
func TestLibpq(t *testing.T) {
	const verify = "postgresql: {authentication: {superuser: {sslmode: verify-full}}}\n"
	for _, tc := range []struct {
		name, text string
		vars       map[string]string
		service    string
		want       Postgres
		there      bool // a client certificate
		err        string
	}{
		{"nothing", "", nil, "", Postgres{}, false, ""},
		{"requiressl", "", map[string]string{"PGREQUIRESSL": "1"}, "", Postgres{SSLMode: "require"}, false, ""},
		{
			"requiressl beside a mode",
			"",
			map[string]string{"PGREQUIRESSL": "1", "PGSSLMODE": "prefer"},
			"",
			Postgres{},
			false,
			"",
		},
		{
			"requiressl beside a mode of the file",
			verify,
			map[string]string{"PGREQUIRESSL": "1"},
			"",
			Postgres{SSLMode: "verify-full"},
			false,
			"",
		},
		{"requiressl that does not", "", map[string]string{"PGREQUIRESSL": "0"}, "", Postgres{}, false, ""},
		{
			"versions",
			"",
			map[string]string{"PGSSLMINPROTOCOLVERSION": "TLSv1.3", "PGSSLMAXPROTOCOLVERSION": "TLSv1.3"},
			"",
			Postgres{MinTLS: tls.VersionTLS13, MaxTLS: tls.VersionTLS13},
			false,
			"",
		},
		{"a version that is raised", "", map[string]string{"PGSSLMINPROTOCOLVERSION": "TLSv1"}, "", Postgres{}, false, ""},
		{
			"versions of a service",
			"",
			nil,
			"ssl_min_protocol_version=TLSv1.3\nssl_max_protocol_version=tlsv1.3",
			Postgres{MinTLS: tls.VersionTLS13, MaxTLS: tls.VersionTLS13},
			false,
			"",
		},
		{
			"a service before the environment",
			"",
			map[string]string{"PGSSLMINPROTOCOLVERSION": "TLSv1.2"},
			"ssl_min_protocol_version=TLSv1.3",
			Postgres{MinTLS: tls.VersionTLS13},
			false,
			"",
		},
		{
			"no such version",
			"",
			map[string]string{"PGSSLMINPROTOCOLVERSION": secret},
			"",
			Postgres{},
			false,
			"environment variable PGSSLMINPROTOCOLVERSION: ssl_min_protocol_version: is not a value that libpq knows",
		},
		{
			"a greatest version that is too low",
			"",
			map[string]string{"PGSSLMAXPROTOCOLVERSION": "TLSv1.1"},
			"",
			Postgres{},
			false,
			"PGSSLMAXPROTOCOLVERSION: ssl_max_protocol_version: is below TLS 1.2",
		},
		{
			"GSSAPI",
			"",
			map[string]string{"PGGSSENCMODE": "require"},
			"",
			Postgres{},
			false,
			"environment variable PGGSSENCMODE: gssencmode: " + noGSSAPI,
		},
		{
			"GSSAPI of a service",
			"",
			nil,
			"gssencmode=require",
			Postgres{},
			false,
			"the service of environment variable PGSERVICE: gssencmode: " + noGSSAPI,
		},
		{"GSSAPI where it can be had", "", map[string]string{"PGGSSENCMODE": "prefer"}, "", Postgres{}, false, ""},
		{"no GSSAPI", "", map[string]string{"PGGSSENCMODE": "disable"}, "", Postgres{}, false, ""},
		{
			"revoked",
			verify,
			map[string]string{"PGSSLCRL": "/r"},
			"",
			Postgres{},
			false,
			"environment variable PGSSLCRL: sslcrl: " + sqlRevoked,
		},
		{
			"revoked, by the environment's mode",
			"",
			map[string]string{"PGSSLCRLDIR": "/r", "PGSSLMODE": "verify-ca"},
			"",
			Postgres{},
			false,
			"PGSSLCRLDIR: sslcrldir: " + sqlRevoked,
		},
		{"revoked, by the service", "", nil, "sslcrl=/r\nsslmode=verify-ca", Postgres{}, false, "sslcrl: " + sqlRevoked},
		{
			"revoked, require with a root",
			"",
			map[string]string{"PGSSLCRL": "/r", "PGSSLMODE": "require", "PGSSLROOTCERT": "/root"},
			"",
			Postgres{},
			false,
			"sslcrl: " + sqlRevoked,
		},
		{
			"revoked, and nothing is verified",
			"",
			map[string]string{"PGSSLCRL": "/r", "PGSSLMODE": "require"},
			"",
			Postgres{},
			false,
			"",
		},
		{
			"revoked, and no TLS",
			"",
			map[string]string{"PGSSLCRL": "/r", "PGSSLMODE": "disable", "PGSSLROOTCERT": "/root"},
			"",
			Postgres{},
			false,
			"",
		},
		{
			"a certificate",
			"",
			map[string]string{"PGSSLCERT": "CRT", "PGSSLKEY": "KEY", "PGSSLPASSWORD": "open-sesame"},
			"",
			Postgres{},
			true,
			"",
		},
		{"a certificate of a service", "", nil, "sslcert=CRT\nsslkey=KEY\nsslpassword=open-sesame", Postgres{}, true, ""},
		{
			"a certificate, and the wrong passphrase",
			"",
			map[string]string{"PGSSLCERT": "CRT", "PGSSLKEY": "KEY", "PGSSLPASSWORD": secret},
			"",
			Postgres{},
			false,
			"environment variable PGSSLKEY: sslkey: names a file that is encrypted, and the passphrase does not open it; " +
				"correct sslpassword",
		},
		{
			"a certificate, and no passphrase",
			"",
			map[string]string{"PGSSLCERT": "CRT", "PGSSLKEY": "KEY"},
			"",
			Postgres{},
			false,
			"sslkey: names a file that is encrypted, and no passphrase is given; give it in sslpassword",
		},
		{
			"a certificate without a key",
			"",
			map[string]string{"PGSSLCERT": "CRT"},
			"",
			Postgres{},
			false,
			"environment variable PGSSLCERT: sslcert: is set without sslkey; add PGSSLKEY",
		},
		{
			"a key without a certificate",
			"",
			map[string]string{"PGSSLKEY": "KEY"},
			"",
			Postgres{},
			false,
			"PGSSLKEY: sslkey: is set without sslcert",
		},
		{
			"a certificate that is not to be shown",
			"",
			map[string]string{"PGSSLCERT": "/nowhere", "PGSSLCERTMODE": "disable"},
			"",
			Postgres{},
			false,
			"",
		},
		{
			"a certificate, and no TLS",
			"",
			map[string]string{"PGSSLCERT": "/nowhere", "PGSSLMODE": "disable"},
			"",
			Postgres{},
			false,
			"",
		},
		{
			"a certificate of the file before",
			"postgresql: {authentication: {superuser: {sslcert: CRT, sslkey: KEY, sslpassword: open-sesame}}}\n",
			map[string]string{"PGSSLCERT": "/nowhere"},
			"",
			Postgres{},
			true,
			"",
		},
		{
			"no such service",
			"",
			map[string]string{"PGSERVICE": secret, "PGSERVICEFILE": "SERVICES"},
			"",
			Postgres{},
			false,
			"environment variable PGSERVICE: names a service that is not in environment variable PGSERVICEFILE",
		},
		{
			"no file of services",
			"",
			map[string]string{"PGSERVICE": "x"},
			"",
			Postgres{},
			false,
			"environment variable PGSERVICE: the service file (~/.pg_service.conf) does not exist",
		},
		{
			"no file of that form",
			"",
			map[string]string{"PGSERVICE": "x", "PGSERVICEFILE": "CRT"},
			"",
			Postgres{},
			false,
			"environment variable PGSERVICEFILE: is not a valid service file",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, withFiles(t, minimal+tc.text))
			for k, v := range tc.vars {
				w.vars[k] = strings.ReplaceAll(withFiles(t, v), "SERVICES", w.put("services", "[other]\n"))
			}
			if tc.service != "" {
				w.vars["PGSERVICE"] = "mine"
				w.put("home/.pg_service.conf", withFiles(t, "[other]\nsslcrl=/r\nsslmode=verify-full\n[mine]\n"+tc.service+"\n"))
			}
			if tc.err != "" {
				w.mustFail(flags, tc.err)
				return
			}
			c := w.must(flags).Postgres
			there := c.Certificate != nil
			if c.Certificate = nil; c != tc.want || there != tc.there {
				t.Errorf("%+v, want %+v; certificate: %t, want %t", c, tc.want, there, tc.there)
			}
		})
	}
}

// TestLibpqFiles: ~/.postgresql counts as libpq has it.
func TestLibpqFiles(t *testing.T) {
	put := func(w *world, as, name string) {
		raw, err := os.ReadFile(filepath.Join("..", "secure", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		w.put("home/.postgresql/"+as, string(raw))
	}
	w, flags := file(t, minimal)
	put(w, "postgresql.crt", "rsa.crt")
	if c := w.must(flags); c.Postgres.Certificate != nil {
		t.Error("a certificate without its key")
	}
	put(w, "postgresql.key", "rsa-pkcs8-aes256.key")
	w.mustFail(flags, "~/.postgresql/postgresql.key: sslkey: names a file that is encrypted, and no passphrase is given")
	w.vars["PGSSLPASSWORD"] = "open-sesame"
	if c := w.must(flags); c.Postgres.Certificate == nil {
		t.Error("no certificate")
	}
	w.vars["PGSSLCERT"] = withFiles(t, "CRT")
	if err := os.Remove(filepath.Join(w.vars["HOME"], ".postgresql", "postgresql.crt")); err != nil {
		t.Fatal(err)
	}
	if c := w.must(flags); c.Postgres.Certificate == nil {
		t.Error("no certificate, with the key that is there by default")
	}
	put(w, "root.crl", "rsa.crt")
	w.must(flags) // nothing is verified
	put(w, "root.crt", "rsa.crt")
	w.vars["PGSSLMODE"] = "require"
	w.mustFail(flags, "~/.postgresql/root.crl: sslcrl: "+sqlRevoked)
}
