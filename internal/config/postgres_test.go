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
		{"no password, so that the password file applies", "postgresql: {authentication: {superuser: {username: boss}}}", nil, Postgres{User: "boss"}},
		{"password for libpq's default user", "postgresql: {authentication: {superuser: {password: p}}}", nil, Postgres{Password: "p"}},
		{"only the replication user", "postgresql: {authentication: {replication: {username: r, password: p}}}", nil, Postgres{}},
		{"old style", "postgresql: {superuser: {username: boss, password: p}, replication: {username: r}}", nil, Postgres{User: "boss", Password: "p"}},
		{"old style beside null", "postgresql: {authentication: null, superuser: {username: boss}}", nil, Postgres{User: "boss"}},
		{"old style beside new style does not count", "postgresql: {authentication: {replication: {username: r}}, superuser: {username: boss}}", nil, Postgres{}},
		{
			"environment, one key at a time", "postgresql: {authentication: {superuser: {username: boss, password: p}}}",
			map[string]string{"PATRONI_SUPERUSER_PASSWORD": "env", "PATRONI_SUPERUSER_USERNAME": "", "PATRONI_SUPERUSER_SSLMODE": "allow"},
			Postgres{User: "boss", Password: "env", SSLMode: "allow"},
		},
		{
			"environment makes new style of old style", "postgresql: {superuser: {username: boss, password: p}}",
			map[string]string{"PATRONI_SUPERUSER_USERNAME": "env"},
			Postgres{User: "env"},
		},
		{
			"the environment's other users", "", map[string]string{"PATRONI_REPLICATION_USERNAME": "r", "PATRONI_REPLICATION_PASSWORD": "p"}, Postgres{},
		},
		{
			"own role", "preflight: {postgresql: {username: watch, password: p, database: db}}", nil,
			Postgres{User: "watch", Password: "p", Database: "db"},
		},
		{
			"own role before the superuser, even in the environment",
			"preflight: {postgresql: {username: watch, password: w}}\npostgresql: {authentication: {superuser: {username: boss, password: p, sslmode: allow}}}",
			map[string]string{"PATRONI_SUPERUSER_PASSWORD": "env"},
			Postgres{User: "watch", Password: "w", SSLMode: "allow"},
		},
		{
			"no password of the superuser for the own role",
			"preflight: {postgresql: {username: watch}}\npostgresql: {authentication: {superuser: {username: boss, password: p}}}",
			nil,
			Postgres{User: "watch"},
		},
		{
			"own database for the superuser",
			"preflight: {postgresql: {database: db}}\npostgresql: {authentication: {superuser: {username: boss, password: p}}}",
			nil,
			Postgres{User: "boss", Password: "p", Database: "db"},
		},
		{"empty sections", "preflight: {postgresql: {}, vips: null}\npostgresql: {authentication: {superuser: {}}}", nil, Postgres{}},
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

func TestOwnSection(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"preflight: {vip: [10.0.0.1]}", "line 3: preflight: vip is not known here; the keys are postgresql, vips"},
		{"preflight:\n  postgresql:\n    user: u", "line 5: preflight.postgresql: user is not known here; the keys are database, password, username"},
		{"preflight: {postgresql: {username: u, sslmode: require}}", "sslmode is not known here"},
		{"preflight: {zzz: 1, aaa: 2}", "preflight: aaa is not known here"},
		{"preflight: {\"a\\nb\": 1}", "preflight: a key that is not printed here is not known here"},
		{"preflight: {postgresql: {password: " + secret + "}}", "preflight.postgresql.password: has no username beside it"},
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
		{"file", nil, "[10.0.0.1, pg.example, '2001:db8::1', my_vip]", []string{"10.0.0.1", "pg.example", "2001:db8::1", "my_vip"}},
		{"both, each once", []string{"10.0.0.2", " 10.0.0.1 "}, "[10.0.0.1, 10.0.0.3]", []string{"10.0.0.2", "10.0.0.1", "10.0.0.3"}},
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
		"10.0.0.1": "want a list, found text", "{a: b}": "want a list, found a mapping", "[[a]]": "want text, found a list",
		"[~]": "want text, found nothing", "[1.5]": "want text, found a number",
	} {
		w, flags := file(t, minimal+"preflight: {vips: "+text+"}\n")
		w.mustFail(flags, "line 3: preflight.vips", want)
	}
}
