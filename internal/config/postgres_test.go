package config

import (
	"slices"
	"testing"
)

func TestPostgres(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		vars       map[string]string
		want       Postgres
	}{
		{"nothing, so that PG* and the password file apply", "", nil, Postgres{}},
		{
			"superuser", "postgresql: {authentication: {superuser: {username: boss, password: p, sslmode: Disable}}}", nil,
			Postgres{User: "boss", Password: "p", SSLMode: "disable"},
		},
		{
			"no password, so that the password file applies",
			"postgresql: {authentication: {superuser: {username: boss}}}",
			nil,
			Postgres{User: "boss"},
		},
		{
			"password for libpq's default user",
			"postgresql: {authentication: {superuser: {password: p}}}",
			nil,
			Postgres{Password: "p"},
		},
		{
			"only the replication user",
			"postgresql: {authentication: {replication: {username: r, password: p}}}",
			nil,
			Postgres{},
		},
		{
			"old style",
			"postgresql: {superuser: {username: boss, password: p}, replication: {username: r}}",
			nil,
			Postgres{User: "boss", Password: "p"},
		},
		{
			"old style beside null",
			"postgresql: {authentication: null, superuser: {username: boss}}",
			nil,
			Postgres{User: "boss"},
		},
		{
			"old style beside new style does not count",
			"postgresql: {authentication: {replication: {username: r}}, superuser: {username: boss}}",
			nil,
			Postgres{},
		},
		{
			"environment, one key at a time",
			"postgresql: {authentication: {superuser: {username: boss, password: p}}}",
			map[string]string{
				"PATRONI_SUPERUSER_PASSWORD": "env",
				"PATRONI_SUPERUSER_USERNAME": "",
				"PATRONI_SUPERUSER_SSLMODE":  "allow",
			},
			Postgres{User: "boss", Password: "env", SSLMode: "allow"},
		},
		{
			"environment makes new style of old style", "postgresql: {superuser: {username: boss, password: p}}",
			map[string]string{"PATRONI_SUPERUSER_USERNAME": "env"},
			Postgres{User: "env"},
		},
		{
			"the environment's other users",
			"",
			map[string]string{"PATRONI_REPLICATION_USERNAME": "r", "PATRONI_REPLICATION_PASSWORD": "p"},
			Postgres{},
		},
		{
			"own role", "preflight: {postgresql: {username: watch, password: p, database: db}}", nil,
			Postgres{User: "watch", Password: "p", Database: "db"},
		},
		{
			"own role before the superuser, even in the environment",
			"preflight: {postgresql: {username: watch, password: w}}\npostgresql: {authentication: {superuser: {username: " +
				"boss, password: p, sslmode: allow}}}",
			map[string]string{"PATRONI_SUPERUSER_PASSWORD": "env"},
			Postgres{User: "watch", Password: "w", SSLMode: "allow"},
		},
		{
			"no password of the superuser for the own role",
			"preflight: {postgresql: {username: watch}}\npostgresql: {authentication: {superuser: {username: boss, password: " +
				"p}}}",
			nil,
			Postgres{User: "watch"},
		},
		{
			"own database for the superuser",
			"preflight: {postgresql: {database: db}}\npostgresql: {authentication: {superuser: {username: boss, password: p}}}",
			nil,
			Postgres{User: "boss", Password: "p", Database: "db"},
		},
		{
			"the oldest style",
			"postgresql: {pg_rewind: {username: boss, password: p}}",
			nil,
			Postgres{User: "boss", Password: "p"},
		},
		{
			"the oldest style behind the newest",
			"postgresql: {authentication: {superuser: {username: boss}}, pg_rewind: {username: u, password: p}}",
			nil,
			Postgres{User: "boss"},
		},
		{
			"what libpq has for the server's side, for our own role too",
			"preflight: {postgresql: {username: watch}}\npostgresql: {authentication: {superuser: {sslmode: verify-full, " +
				"sslrootcert: system, sslnegotiation: direct, channel_binding: require}}}",
			nil,
			Postgres{
				User:           "watch",
				SSLMode:        "verify-full",
				SSLRootCert:    "system",
				SSLNegotiation: "direct",
				ChannelBinding: "require",
			},
		},
		{
			"empty sections",
			"preflight: {postgresql: {}, vips: null}\npostgresql: {authentication: {superuser: {}}}",
			nil,
			Postgres{},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, minimal+tc.text+"\n")
			for k, v := range tc.vars {
				w.vars[k] = v
			}
			if c := w.must(flags); c.Postgres != tc.want {
				t.Errorf("%+v, want %+v", c.Postgres, tc.want)
			}
		})
	}
}

// TestPostgresCertificate: a certificate is its role's, and nobody else's.
func TestPostgresCertificate(t *testing.T) {
	const super = "postgresql: {authentication: {superuser: {sslcert: CRT, sslkey: KEY, sslpassword: open-sesame}}}\n"
	for _, tc := range []struct {
		name, text string
		there      bool
		err        string
	}{
		{"superuser", super, true, ""},
		{"superuser's, not our role's", super + "preflight: {postgresql: {username: u}}\n", false, ""},
		{
			"our role's",
			"preflight: {postgresql: {username: u, sslcert: CRT, sslkey: KEY, sslpassword: open-sesame}}\n",
			true,
			"",
		},
		{
			"no key",
			"postgresql: {authentication: {superuser: {sslcert: CRT}}}\n",
			false,
			superuser + ".sslcert: is set without sslkey; add " + superuser + ".sslkey",
		},
		{
			"no certificate",
			"postgresql: {authentication: {superuser: {sslkey: KEY}}}\n",
			false,
			superuser + ".sslkey: is set without sslcert",
		},
		{
			"no passphrase",
			"postgresql: {authentication: {superuser: {sslcert: CRT, sslkey: KEY}}}\n",
			false,
			superuser + ".sslkey: names a file that is encrypted, and no passphrase is given; give it " +
				"in " + superuser + ".sslpassword",
		},
		{
			"wrong passphrase",
			"postgresql: {authentication: {superuser: {sslcert: CRT, sslkey: KEY, sslpassword: " + secret + "}}}\n",
			false,
			"the passphrase does not open it; correct " + superuser + ".sslpassword",
		},
		{
			"certificate without a role",
			"preflight: {postgresql: {sslcert: CRT, sslkey: KEY}}\n",
			false,
			"preflight.postgresql.sslcert: is set without a username",
		},
		{
			"no CA",
			"postgresql: {authentication: {superuser: {sslrootcert: /nowhere/ca.crt}}}\n",
			false,
			superuser + ".sslrootcert: names a file that does not exist",
		},
		{
			"unknown mode",
			"postgresql: {authentication: {superuser: {sslmode: " + secret + "}}}\n",
			false,
			superuser + ".sslmode: is not a value that libpq knows; write one of disable, allow, ",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, minimal+withFiles(t, tc.text))
			if tc.err != "" {
				w.mustFail(flags, flags.File+", line 3: ", tc.err)
				return
			}
			if c := w.must(flags); (c.Postgres.Certificate != nil) != tc.there {
				t.Errorf("certificate %v", c.Postgres.Certificate)
			}
		})
	}
}

func TestOwnSection(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{
			"preflight: {vip: [10.0.0.1]}",
			"line 3: preflight: vip is not a known key; the keys are api_urls, postgresql, vips",
		},
		{
			"preflight:\n  postgresql:\n    user: u",
			"line 5: preflight.postgresql: user is not a known key; the keys are database, password, sslcert, sslkey, " +
				"sslpassword, username",
		},
		{"preflight: {postgresql: {username: u, sslmode: require}}", "sslmode is not a known key"},
		{"preflight: {zzz: 1, aaa: 2}", "preflight: aaa is not a known key"},
		{"preflight: {\"a\\nb\": 1}", "preflight: a key that is not printed here is not a known key"},
		{"preflight: {postgresql: {password: " + secret + "}}", "preflight.postgresql.password: is set without a username"},
	} {
		w, flags := file(t, minimal+tc.text+"\n")
		w.mustFail(flags, flags.File, tc.want)
	}
}

func TestVIPs(t *testing.T) {
	for _, tc := range []struct {
		name  string
		flags []string
		file  string
		want  []string
	}{
		{"none", nil, "", nil},
		{"flag", []string{"10.0.0.1"}, "", []string{"10.0.0.1"}},
		{
			"file",
			nil,
			"[10.0.0.1, pg.example, '2001:db8::1', my_vip]",
			[]string{"10.0.0.1", "pg.example", "2001:db8::1", "my_vip"},
		},
		{
			"both, each once",
			[]string{"10.0.0.2", " 10.0.0.1 "},
			"[10.0.0.1, 10.0.0.3]",
			[]string{"10.0.0.2", "10.0.0.1", "10.0.0.3"},
		},
		{"empty list", nil, "[]", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := minimal
			if tc.file != "" {
				text += "preflight: {vips: " + tc.file + "}\n"
			}
			w, flags := file(t, text)
			flags.VIPs = tc.flags
			if c := w.must(flags); !slices.Equal(c.VIPs, tc.want) {
				t.Errorf("%q, want %q", c.VIPs, tc.want)
			}
		})
	}
}

func TestBadVIPs(t *testing.T) {
	for _, tc := range []struct{ vip, want string }{
		{"", "is empty"},
		{" ", "is empty"},
		{"10.0.0.1:5432", "has a port"},
		{"pg.example:5432", "has a port"},
		{"[::1]", "has a port, or is not an IP address"},
		{"[::1]:5432", "has a port"},
		{"postgres://u:" + secret + "@10.0.0.1/db", "has a scheme"},
		{"10.0.0.1/24", "netmask"},
		{"10.0.0.300", "neither an IP address nor a host name"},
		{"10.0.0.1,10.0.0.2", "neither an IP address nor a host name"},
		{"u@" + secret, "neither an IP address nor a host name"},
		{"fe80::1%eth0", "zone"},
		{"a b", "neither an IP address nor a host name"},
		{"a..b", "neither an IP address nor a host name"},
		{"-a", "neither an IP address nor a host name"},
		{"a\nb", "neither an IP address nor a host name"},
	} {
		w, flags := file(t, minimal)
		flags.VIPs = []string{tc.vip}
		w.mustFail(flags, "flag --vip: preflight.vips: ", tc.want)
		flags.VIPs = []string{"10.0.0.9", tc.vip}
		w.mustFail(flags, "flag --vip, number 2: preflight.vips: ", tc.want)
		if tc.vip != "a\nb" {
			w, flags = file(t, minimal+"preflight:\n  vips:\n  - ok\n  - '"+tc.vip+"'\n")
			w.mustFail(flags, "line 6: preflight.vips[1]: ", tc.want)
		}
	}
	for text, want := range map[string]string{
		"10.0.0.1": "expected a list, found text",
		"{a: b}":   "expected a list, found a mapping",
		"[[a]]":    "expected text, found a list",
		"[~]":      "expected text, found nothing",
		"[1.5]":    "expected text, found a number",
	} {
		w, flags := file(t, minimal+"preflight: {vips: "+text+"}\n")
		w.mustFail(flags, "line 3: preflight.vips", want)
	}
}
