package pg

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

func TestParseConnURL(t *testing.T) {
	tests := map[string]place{
		"postgres://10.0.0.7:5433/postgres":            {[]string{"10.0.0.7"}, []string{"5433"}, "postgres"},
		"postgresql://server-5.example:5432/app?x=y#z": {[]string{"server-5.example"}, []string{"5432"}, "app"},
		"postgres://h/":                                   {[]string{"h"}, []string{"5432"}, ""},
		"postgres://h":                                    {[]string{"h"}, []string{"5432"}, ""},
		"postgres://[2001:db8::7]:5433/postgres":          {[]string{"2001:db8::7"}, []string{"5433"}, "postgres"},
		"postgres://[fe80::7%eth0]/p":                     {[]string{"fe80::7%eth0"}, []string{"5432"}, "p"},
		"postgres://a:1,b:2,[::1]:3/postgres":             {[]string{"a", "b", "::1"}, []string{"1", "2", "3"}, "postgres"},
		"postgres://u:canary@h:5432/my%20db":              {[]string{"h"}, []string{"5432"}, "my db"},
		"postgres://u:can@ry@h:5432/db?password=canary":   {[]string{"h"}, []string{"5432"}, "db"},
		"postgres://u:canary@h_1:5432/it's?sslmode=allow": {[]string{"h_1"}, []string{"5432"}, "it's"},
	}
	for s, want := range tests {
		got, why := parseConnURL(s)
		if why != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", s, got, why, want)
		}
	}
	for _, s := range []string{
		"http://u:canary@h:1/p", "u:canary@h:1/p", "postgres:///canary", "postgres://u:canary@/p", "postgres://:5432/canary",
		"postgres://h:0/canary", "postgres://h:65536/canary", "postgres://h:/canary", "postgres://h:x/canary", "postgres://h:1:2/canary",
		"postgres://2001:db8::7/canary", "postgres://[::1/canary", "postgres://[canary]/p", "postgres://[::1]5/canary",
		"postgres://%2Ftmp/canary", "postgres:///tmp:5432/canary", "postgres://h,/canary", "postgres://h,,g/canary",
		"postgres://h%00/canary", "postgres://h/canary%00", "postgres://h/canary%zz", "postgres://h x/canary", "postgres://h'x/canary",
		"postgres://-h/canary", "postgres://" + strings.Repeat("h,", 10) + "h/canary",
	} {
		got, why := parseConnURL(s)
		if why == nil || why.Cause != fact.Malformed || strings.Contains(why.Reason, "canary") || got.hosts != nil {
			t.Errorf("%s: %+v, %+v; want malformed, and no credentials in the reason", s, got, why)
		}
	}
	if _, why := parseConnURL(""); why == nil || why.Cause != fact.NotAsked {
		t.Errorf("no conn_url: %+v, want not asked", why)
	}
}

// cleanEnv removes what this machine has in its environment for libpq.
func cleanEnv(t *testing.T) string {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "PG") {
			t.Setenv(name, "") // so that it comes back
			os.Unsetenv(name)
		}
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("PGPASSFILE", filepath.Join(home, "none"))
	return home
}

func TestConfigFallsBackToTheEnvironment(t *testing.T) {
	home := cleanEnv(t)
	passfile := filepath.Join(home, "passfile")
	if err := os.WriteFile(passfile, []byte("10.0.0.7:5433:app:it's \\\\ me:canary-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name     string
		env      map[string]string
		cfg      Config
		url      string
		user     string
		password string
		database string
	}{
		{
			"configured",
			map[string]string{"PGUSER": "e", "PGPASSWORD": "e", "PGDATABASE": "e"},
			Config{User: "it's \\ me", Password: "p'\\ q", Database: "d b"},
			"postgres://h/x",
			"it's \\ me",
			"p'\\ q",
			"d b",
		},
		{
			"environment",
			map[string]string{"PGUSER": "e", "PGPASSWORD": "canary", "PGDATABASE": "edb"},
			Config{},
			"postgres://h",
			"e",
			"canary",
			"edb",
		},
		{
			"conn_url before PGDATABASE",
			map[string]string{"PGUSER": "e", "PGDATABASE": "edb"},
			Config{},
			"postgres://h/app",
			"e",
			"",
			"app",
		},
		{"default database", map[string]string{"PGUSER": "e"}, Config{}, "postgres://h", "e", "", "postgres"},
		{
			"password file",
			map[string]string{"PGPASSFILE": passfile},
			Config{User: "it's \\ me"},
			"postgres://10.0.0.7:5433/app",
			"it's \\ me",
			"canary-file",
			"app",
		},
		{"not the conn_url's user", map[string]string{"PGUSER": "e"}, Config{}, "postgres://u:canary@h/app", "e", "", "app"},
		{
			"another host of the environment",
			map[string]string{
				"PGUSER":               "e",
				"PGHOST":               "elsewhere",
				"PGPORT":               "1",
				"PGTARGETSESSIONATTRS": "read-write",
				"PGAPPNAME":            "x",
			},
			Config{},
			"postgres://h/app",
			"e",
			"",
			"app",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for k, v := range tt.env {
				t.Setenv(k, v)
			}
			where, why := parseConnURL(tt.url)
			if why != nil {
				t.Fatal(why.Reason)
			}
			cc, err := where.config(t.Context(), tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if cc.User != tt.user || cc.Password != tt.password || cc.Database != tt.database {
				t.Errorf("user %q password %q database %q", cc.User, cc.Password, cc.Database)
			}
			if cc.Host != where.hosts[0] || fmt.Sprint(cc.Port) != where.ports[0] || cc.ValidateConnect != nil {
				t.Errorf("host %s:%d, validated %v", cc.Host, cc.Port, cc.ValidateConnect != nil)
			}
			if cc.RuntimeParams["application_name"] != "patroni-preflight" || cc.MaxProtocolMessageBodyLen != maxMessage {
				t.Errorf("parameters %v, longest message %d", cc.RuntimeParams, cc.MaxProtocolMessageBodyLen)
			}
		})
	}
}

func TestConfigOfSeveralHosts(t *testing.T) {
	cleanEnv(t)
	where, _ := parseConnURL("postgres://a:1,[::1]:2/db")
	cc, err := where.config(t.Context(), Config{User: "u", SSLMode: "disable"})
	if err != nil {
		t.Fatal(err)
	}
	if cc.Host != "a" || cc.Port != 1 || cc.TLSConfig != nil || len(cc.Fallbacks) != 1 || cc.Fallbacks[0].Host != "::1" ||
		cc.Fallbacks[0].Port != 2 {
		t.Errorf("%s:%d and %+v", cc.Host, cc.Port, cc.Fallbacks)
	}
	if cc.ConnectTimeout <= 0 || cc.ConnectTimeout > defaultTimeout/2 {
		t.Errorf("connect timeout %s: the first host may take all the time", cc.ConnectTimeout)
	}
	if got := where.address(); got != "a:1,[::1]:2" {
		t.Errorf("address %s", got)
	}
}

// ParseConfigError and ConnectError hold the password in clear text.
func TestBadSettingsShowNoPassword(t *testing.T) {
	cleanEnv(t)
	t.Setenv("PGPASSWORD", "canary-env")
	for _, cfg := range []Config{
		{User: "u", Password: "canary", SSLMode: "nonsense"},
		{User: "u", Password: "canary", SSLMode: "verify-full", SSLRootCert: "/nonexistent"},
		{User: "u\x00", Password: "canary"},
	} {
		s := begin(t.Context(), cfg, Target{"m", "postgres://x:canary@127.0.0.1:1/db"})
		b, err := json.Marshal(s.observed())
		if err != nil {
			t.Fatal(err)
		}
		if s.why == nil || s.conn != nil || strings.Contains(string(b), "canary") {
			t.Errorf("%q: %s", cfg.SSLMode, b)
		}
	}
}

func TestHBALine(t *testing.T) {
	for message, want := range map[string]string{
		`no pg_hba.conf entry for host "10.0.0.9", user "mon-itor", database "postgres", no encryption`: `host all ` +
			`"mon-itor" 10.0.0.9/32 scram-sha-256, or give sslmode require or more, where a hostssl rule is there for it`,
		`no pg_hba.conf entry for host "2001:db8::9", user "u", database "p", SSL encryption`: `hostssl all ` +
			`"mon-itor" 2001:db8::9/128 scram-sha-256`,
		`no pg_hba.conf entry for host "fe80::1%eth0", user "u"`: `host all ` +
			`"mon-itor" fe80::1/128 scram-sha-256`,
		`kein pg_hba.conf-Eintrag für Host »10.0.0.9«, Benutzer »u«`: `host all ` +
			`"mon-itor" <address of this machine> scram-sha-256`,
		`no pg_hba.conf entry for host "face", user "u"`: `host all ` +
			`"mon-itor" <address of this machine> scram-sha-256`,
	} {
		if got := hbaLine("mon-itor", message); got != want {
			t.Errorf("%s: %s, want %s", message, got, want)
		}
	}
	for name, want := range map[string]string{
		"monitor": "monitor",
		"Monitor": `"Monitor"`,
		`a"b`:     `"a""b"`,
		"1a":      `"1a"`,
	} {
		if got := ident(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestOneLine(t *testing.T) {
	if got := foreign.OneLine("a\n\t b\x1b[31m\u202e c\x00", maxReason); got != "a b [31m c" {
		t.Errorf("%q", got)
	}
	if got := foreign.OneLine(strings.Repeat("é", 5000), maxReason); len([]rune(got)) != 403 {
		t.Errorf("%d runes", len([]rune(got)))
	}
}

func TestRemaining(t *testing.T) {
	if got := remaining(t.Context()); got != defaultTimeout {
		t.Errorf("without a deadline: %s, want %s", got, time.Duration(defaultTimeout))
	}
}
