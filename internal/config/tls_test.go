package config

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patroni-preflight/internal/testca"
)

// withFiles puts the paths of real files into a configuration: CRT and KEY are a
// certificate and its encrypted key, OPEN the key as it is, EC another key.
func withFiles(t *testing.T, text string) string {
	t.Helper()
	for placeholder, name := range map[string]string{
		"CRT":  "rsa.crt",
		"KEY":  "rsa-pkcs8-aes256.key",
		"OPEN": "rsa.key",
		"EC":   "ec.key",
	} {
		if !strings.Contains(text, placeholder) {
			continue
		}
		raw, err := os.ReadFile(filepath.Join("..", "secure", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		// A copy, since a working copy of the repository is open to everybody.
		text = strings.ReplaceAll(text, placeholder, testca.File(t, "pem", raw))
	}
	return text
}

// TestOpenKeyFile: a private key that everybody can read is worth a warning.
func TestOpenKeyFile(t *testing.T) {
	pair := testca.New(t, "x").Issue(time.Hour, "x")
	w := newWorld(t)
	cert, key := w.put("c.pem", string(pair.Cert)), w.put("k.pem", string(pair.Key))
	flags := Flags{
		File: w.put(
			"patroni.yml",
			fmt.Sprintf("scope: demo\netcd3: {host: e, protocol: https, cert: %s, key: %s}\n", cert, key),
		),
	}
	for mode, warn := range map[fs.FileMode]bool{0o600: false, 0o640: false, 0o604: true, 0o644: true} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		c := w.must(flags)
		if (len(c.Warnings) == 1) != warn ||
			warn &&
				!strings.Contains(c.Warnings[0], "line 2: etcd3.key names a file with a private key that everyone can read") {
			t.Errorf("%04o: warnings %q", mode, c.Warnings)
		}
	}
}

func TestEtcdTLS(t *testing.T) {
	both := string(testca.New(t, "x").PEM)
	for _, tc := range []struct {
		name, etcd3                  string
		endpoint                     string
		tls, strict, ca, certificate bool
		warn, err                    string
	}{
		{"plain", "{host: e}", "http://e:2379", false, false, false, false, "", ""},
		{"https", "{host: e, protocol: https}", "https://e:2379", true, false, false, false, "", ""},
		{"https in hosts", "{hosts: [e, f], protocol: HTTPS, cacert: CRT}", "https://e:2379", true, true, true, false, "", ""},
		{"https in a url", "{url: 'HTTPS://e:1', cacert: CRT}", "https://e:1", true, true, true, false, "", ""},
		{"https by a proxy", "{proxy: 'https://e:1', cacert: CRT}", "https://e:1", true, true, true, false, "", ""},
		{"the url's protocol wins", "{url: 'https://e:1', protocol: http, cacert: CRT}", "https://e:1", true, true, true, false, "", ""},
		{"another name for the CA", "{host: e, protocol: https, ca_cert: CRT}", "https://e:2379", true, true, true, false, "", ""},
		{"client certificate", "{host: e, protocol: https, cert: CRT, key: OPEN}", "https://e:2379", true, true, false, true, "", ""},
		{"key without certificate", "{host: e, protocol: https, key: OPEN}", "https://e:2379", true, false, false, false, "etcd3.key is not used, since it has no etcd3.cert", ""},
		{
			"CA over http",
			"{host: e, cacert: CRT}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.cacert: is set, but the connection to etcd is http, without encryption; set etcd3.protocol to https",
		},
		{"other CA over http", "{host: e, ca_cert: CRT}", "", false, false, false, false, "", "etcd3.ca_cert: is set, but"},
		{"certificate over http", "{url: 'http://e', protocol: https, cert: CRT}", "", false, false, false, false, "", "etcd3.cert: is set, but"},
		{"key over http", "{hosts: [e], key: OPEN}", "", false, false, false, false, "", "etcd3.key: is set, but"},
		{
			"no such CA",
			"{host: e, protocol: https, cacert: /nowhere}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.cacert: names a file that does not exist; check the path",
		},
		{
			"CA is no certificate",
			"{host: e, protocol: https, cacert: OPEN}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.cacert: names a file that holds no certificate in PEM",
		},
		{
			"CA is a directory",
			"{host: e, protocol: https, cacert: /}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.cacert: names a file that is not a file",
		},
		{
			"no key",
			"{host: e, protocol: https, cert: CRT}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.cert: names a file that holds no private key in PEM; add the key to that file, or name its file in etcd3.key",
		},
		{
			"no such key",
			"{host: e, protocol: https, cert: CRT, key: /nowhere}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.key: names a file that does not exist",
		},
		{
			"another key",
			"{host: e, protocol: https, cert: CRT, key: EC}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.key: names a file that is not the key of the certificate; name the key that belongs to etcd3.cert",
		},
		{
			"encrypted key",
			"{host: e, protocol: https, cert: CRT, key: KEY}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.key: names a file that is encrypted, and no passphrase is given; use a key without a passphrase",
		},
		{
			"certificate is a key",
			"{host: e, protocol: https, cert: OPEN}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.cert: names a file that holds no certificate in PEM",
		},
		{
			"list of CAs",
			"{host: e, protocol: https, cacert: [CRT]}",
			"",
			false,
			false,
			false,
			false,
			"",
			"etcd3.cacert: expected text, found a list",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, "scope: demo\netcd3: "+withFiles(t, tc.etcd3)+"\n")
			if tc.err != "" {
				w.mustFail(flags, flags.File+", line 2: "+tc.err)
				return
			}
			c := w.must(flags)
			if c.Etcd3.Endpoints[0] != tc.endpoint || (c.Etcd3.TLS != nil) != tc.tls || c.Etcd3.Secure != tc.strict {
				t.Errorf("%+v", c.Etcd3)
			}
			if tc.tls && ((c.Etcd3.TLS.Roots != nil) != tc.ca || (c.Etcd3.TLS.Certificate != nil) != tc.certificate) {
				t.Errorf("%+v", c.Etcd3.TLS)
			}
			if tc.warn == "" && len(c.Warnings) > 0 ||
				tc.warn != "" && (len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], tc.warn)) {
				t.Errorf("warnings %q, want %q", c.Warnings, tc.warn)
			}
		})
	}

	// Certificate and key in one file, and a file that is not ours to read.
	w := newWorld(t)
	pair := testca.New(t, "x").Issue(1, "x")
	one := w.put("one.pem", string(pair.Cert)+string(pair.Key))
	ca := w.put("ca.pem", both)
	flags := Flags{
		File: w.put(
			"patroni.yml",
			fmt.Sprintf("scope: demo\netcd3: {host: e, protocol: https, cert: %s, cacert: %s}\n", one, ca),
		),
	}
	if c := w.must(flags); c.Etcd3.TLS.Certificate == nil {
		t.Error("the key in the certificate's file is not read")
	}
	w.files = denied{open: map[string]error{one: fs.ErrPermission}}
	w.mustFail(flags, "etcd3.cert: names a file that may not be read by this user; check the path and its permissions")
}

func TestEtcdLogin(t *testing.T) {
	for _, tc := range []struct {
		name, etcd3, user, password, warn, err string
		vars                                   map[string]string
	}{
		{"none", "{host: e}", "", "", "", "", nil},
		{"both", "{host: e, username: u, password: p}", "u", "p", "", "", nil},
		{
			"the environment's password",
			"{host: e, username: u, password: p}",
			"u",
			"q",
			"",
			"",
			map[string]string{"PASSWORD": "q", "USERNAME": ""},
		},
		{"in a url, not decoded, as in Python", "{url: 'http://u:p%40:x@e:1'}", "u", "p%40:x", "", "", nil},
		{"an at sign in the password", "{url: 'http://u:p@q@e:1'}", "u", "p@q", "", "", nil},
		{"a url takes the login away", "{url: 'http://e:1', username: u, password: p}", "", "", "", "", nil},
		{"a proxy takes the login away", "{proxy: 'http://e:1', username: u, password: p}", "", "", "", "", nil},
		{
			"user alone",
			"{host: e, username: u}",
			"",
			"",
			"etcd3.username is set without a password: Patroni does not use it, nor does this tool",
			"",
			nil,
		},
		{
			"password alone",
			"{host: e, password: " + secret + "}",
			"",
			"",
			"",
			"etcd3.password: is set without a username; add etcd3.username",
			nil,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, "scope: demo\netcd3: "+tc.etcd3+"\n")
			for k, v := range tc.vars {
				w.vars["PATRONI_ETCD3_"+k] = v
			}
			if tc.err != "" {
				w.mustFail(flags, tc.err)
				return
			}
			c := w.must(flags)
			if c.Etcd3.User != tc.user || c.Etcd3.Password != tc.password {
				t.Errorf("%q %q, want %q %q", c.Etcd3.User, c.Etcd3.Password, tc.user, tc.password)
			}
			if got := strings.Join(c.Warnings, "\n"); !strings.Contains(got, tc.warn) || tc.warn == "" && got != "" {
				t.Errorf("warnings %q, want %q", got, tc.warn)
			}
		})
	}
}

func TestSRV(t *testing.T) {
	for _, tc := range []struct{ etcd3, srv, suffix, endpoints, warn, err string }{
		{"{srv: x.example}", "x.example", "", "", "", ""},
		{"{srv: a, discovery_srv: b}", "b", "", "", "", ""},
		{"{srv: a, discovery_srv: b, srv_domain: c, srv_suffix: prod}", "c", "prod", "", "", ""},
		{"{srv: x, hosts: [h]}", "x", "", "http://h:2379", "", ""},
		{"{srv: x, url: 'http://u'}", "x", "", "http://u:2379", "", ""},
		{"{srv: x, cacert: CRT}", "x", "", "", "", ""},
		{"{srv: x, proxy: 'http://p'}", "", "", "http://p:2379", "etcd3.srv is not used, since etcd3.proxy is set", ""},
		{"{srv_suffix: s, host: h}", "", "", "http://h:2379", "etcd3.srv_suffix is not used", ""},
		{"{srv: 'x y'}", "", "", "", "", "etcd3.srv: is not a domain"},
		{"{srv: '::1'}", "", "", "", "", "etcd3.srv: is not a domain"},
		{"{srv: x, srv_suffix: '" + secret + "/'}", "", "", "", "", "etcd3.srv_suffix: is not part of a name"},
		{"{srv: ''}", "", "", "", "", "etcd3: names no server"},
	} {
		w, flags := file(t, "scope: demo\netcd3: "+withFiles(t, tc.etcd3)+"\n")
		if tc.err != "" {
			w.mustFail(flags, "line 2: "+tc.err)
			continue
		}
		c := w.must(flags)
		e := c.Etcd3
		if e.SRV != tc.srv || e.SRVSuffix != tc.suffix || strings.Join(e.Endpoints, " ") != tc.endpoints ||
			(e.TLS != nil) != (tc.srv != "") ||
			e.Secure != strings.Contains(tc.etcd3, "CRT") {
			t.Errorf("%s: %+v", tc.etcd3, e)
		}
		if got := strings.Join(c.Warnings, "\n"); !strings.Contains(got, tc.warn) || tc.warn == "" && got != "" {
			t.Errorf("%s: warnings %q, want %q", tc.etcd3, got, tc.warn)
		}
	}
}

func TestREST(t *testing.T) {
	for _, tc := range []struct {
		name, text                         string
		ca, certificate, noVerify, anyName bool
		err                                string
	}{
		{"nothing", "ctl: {}", false, false, false, false, ""},
		{"CA", "ctl: {cacert: CRT}", true, false, false, false, ""},
		{"CA of the REST API", "restapi: {cafile: CRT}", true, false, false, false, ""},
		{"CA of ctl first", "ctl: {cacert: CRT}\nrestapi: {cafile: /nowhere}", true, false, false, false, ""},
		{"certificate, never the server's", "restapi: {certfile: CRT, keyfile: OPEN}", false, false, false, false, ""},
		{"certificate", "ctl: {certfile: CRT, keyfile: KEY, keyfile_password: open-sesame}", false, true, false, false, ""},
		{"insecure", "ctl: {insecure: 'on'}", false, false, true, false, ""},
		{"insecure by what is no boolean", "ctl: {insecure: perhaps}", false, false, true, false, ""},
		{
			"insecure with a certificate",
			"ctl: {insecure: true, certfile: CRT, keyfile: OPEN, cacert: CRT}",
			true,
			true,
			false,
			true,
			"",
		},
		{
			"no passphrase",
			"ctl: {certfile: CRT, keyfile: KEY}",
			false,
			false,
			false,
			false,
			"ctl.keyfile: names a file that is encrypted, and no passphrase is given; give it in ctl.keyfile_password",
		},
		{
			"wrong passphrase",
			"ctl: {certfile: CRT, keyfile: KEY, keyfile_password: " + secret + "}",
			false,
			false,
			false,
			false,
			"ctl.keyfile: names a file that is encrypted, and the passphrase does not open it; correct ctl.keyfile_password",
		},
		{
			"no such CA",
			"restapi: {cafile: /nowhere}",
			false,
			false,
			false,
			false,
			"restapi.cafile: names a file that does not exist",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, minimal+withFiles(t, tc.text)+"\n")
			if tc.err != "" {
				w.mustFail(flags, tc.err)
				return
			}
			r := w.must(flags).REST
			if (r.Roots != nil) != tc.ca || (r.Certificate != nil) != tc.certificate || r.NoVerify != tc.noVerify ||
				r.AnyName != tc.anyName {
				t.Errorf("%+v", r)
			}
		})
	}
	w, flags := file(t, minimal)
	flags.Insecure = true
	if r := w.must(flags).REST; !r.NoVerify {
		t.Errorf("-k: %+v", r)
	}
	for text, want := range map[string]bool{"true": true, "1": true, "off": false, "perhaps": false, "": false} {
		w, flags := file(t, minimal)
		w.vars["PATRONI_CTL_INSECURE"] = text
		if r := w.must(flags).REST; r.NoVerify != want {
			t.Errorf("PATRONI_CTL_INSECURE=%s: %+v", text, r)
		}
	}
}

// TestCitus: a group is named on the command line, as for patronictl switchover.
func TestCitus(t *testing.T) {
	w, flags := file(t, minimal+"citus: {group: 3, database: citus}\n")
	w.mustFail(
		flags,
		"line 3: citus: the cluster has several groups, each with a leader of its own; name the group with --group",
	)
	flags.Group = "1"
	if c := w.must(flags); c.Group != "1" {
		t.Errorf("group %q", c.Group)
	}
	w.vars["PATRONI_CITUS_GROUP"], w.vars["PATRONI_CITUS_DATABASE"] = "0", "citus"
	w.put("patroni.yml", minimal)
	flags.Group = ""
	w.mustFail(flags, "environment variable PATRONI_CITUS_GROUP: citus: the cluster has several groups")
	flags.EveryGroup = true
	if c := w.must(flags); c.Group != "" || !c.Citus {
		t.Errorf("group %q, Citus %t", c.Group, c.Citus)
	}
	flags.EveryGroup = false
	w.vars["PATRONI_CITUS_GROUP"] = "none"
	if c := w.must(flags); c.Citus {
		t.Error("a section that Patroni drops counts")
	}

	// Without a section the flag is enough, as for patronictl.
	w, flags = file(t, minimal)
	flags.Group = "0"
	if c := w.must(flags); c.Group != "0" {
		t.Errorf("group %q", c.Group)
	}
	for _, group := range []string{"-1", "01", "a", "1.0", "1 ", "1234567890123"} {
		flags.Group = group
		w.mustFail(flags, "flag --group: citus.group: is not a group number")
	}
}
