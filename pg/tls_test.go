package pg

import (
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"patroni-preflight/internal/testca"
	"patroni-preflight/preflight/fact"
)

// secured is the conn_url of a PostgreSQL that has TLS as configured.
func secured(t *testing.T, config *tls.Config) string {
	f := &fake{}
	return listen(t, func(c net.Conn) {
		m, err := pgproto3.NewBackend(c, c).ReceiveStartupMessage()
		if _, ok := m.(*pgproto3.SSLRequest); err != nil || !ok {
			return // nobody gets in without TLS
		}
		if _, err := c.Write([]byte("S")); err == nil {
			f.serve(tls.Server(c, config))
		}
	})
}

// TestTLS connects by libpq's modes, or says why not.
func TestTLS(t *testing.T) {
	cleanEnv(t)
	ca, other := testca.New(t, "our CA"), testca.New(t, "another CA")
	root, otherRoot := testca.File(t, "ca.crt", ca.PEM), testca.File(t, "ca.crt", other.PEM)
	good, mine, foreign := ca.Issue(
		time.Hour,
		"127.0.0.1",
	), ca.Issue(time.Hour, "me").
		TLS(t),
		other.Issue(time.Hour, "me").
			TLS(t)
	named := ca.Issue(time.Hour, "db.example")
	for _, tc := range []struct {
		name   string
		server *tls.Config
		cfg    Config
		why    string // "" for a session
	}{
		{"verify-full", good.Server(t, nil), Config{SSLMode: "verify-full", SSLRootCert: root}, ""},
		{"verify-ca does not look at the name", named.Server(t, nil), Config{SSLMode: "verify-ca", SSLRootCert: root}, ""},
		{
			"require without a root verifies nothing",
			other.Issue(-time.Hour, "x").Server(t, nil),
			Config{SSLMode: "require"},
			"",
		},
		{"prefer verifies nothing", other.Issue(-time.Hour, "x").Server(t, nil), Config{}, ""},
		{"client certificate", good.Server(t, ca), Config{SSLMode: "verify-full", SSLRootCert: root, Certificate: &mine}, ""},
		{
			"expired",
			ca.Issue(-time.Hour, "127.0.0.1").Server(t, nil),
			Config{SSLMode: "verify-full", SSLRootCert: root},
			"its certificate expired at ",
		},
		{
			"expired, verify-ca",
			ca.Issue(-time.Hour, "x").Server(t, nil),
			Config{SSLMode: "verify-ca", SSLRootCert: root},
			"its certificate expired at ",
		},
		{
			"wrong name",
			named.Server(t, nil),
			Config{SSLMode: "verify-full", SSLRootCert: root},
			"its certificate is for db.example, not for 127.0.0.1",
		},
		{
			"unknown CA",
			good.Server(t, nil),
			Config{SSLMode: "verify-ca", SSLRootCert: otherRoot},
			"give that CA in sslrootcert",
		},
		{
			"require with a root",
			good.Server(t, nil),
			Config{SSLMode: "require", SSLRootCert: otherRoot},
			"give that CA in sslrootcert",
		},
		{
			"no client certificate",
			good.Server(t, ca),
			Config{SSLMode: "require"},
			"and none is configured: give sslcert and sslkey",
		},
		{
			"another client certificate",
			good.Server(t, ca),
			Config{SSLMode: "require", Certificate: &foreign},
			"refuses the client certificate",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.cfg.User, tc.cfg.Password = "monitor", "hunter2"
			url := secured(t, tc.server)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			got := Collect(ctx, tc.cfg, []Target{{Member: "one", ConnURL: url}}, "")["one"]
			// The fake has no rows: a session that came about ends at the first of them.
			if tc.why == "" {
				if got.Cause() != fact.Malformed || !strings.Contains(got.Reason(), identity) {
					t.Errorf("%q: %s", got.Cause(), got.Reason())
				}
				return
			}
			if got.Cause() != fact.TLS || !strings.Contains(got.Reason(), tc.why) || strings.Contains(got.Reason(), "hunter2") {
				t.Errorf("%q: %s, want %s", got.Cause(), got.Reason(), tc.why)
			}
		})
	}
}

// TestNoTLSThere: a mode that wants TLS never goes on without.
func TestNoTLSThere(t *testing.T) {
	cleanEnv(t)
	f := (&fake{}).start(t)
	got := Collect(t.Context(), Config{
		User:    "monitor",
		SSLMode: "require",
	}, []Target{{Member: "one", ConnURL: f.url}}, "")["one"]
	if got.Cause() != fact.TLS || len(f.statements()) > 0 {
		t.Errorf("%q: %s; %q", got.Cause(), got.Reason(), f.statements())
	}
}

// TestEnvironmentAndService: what the configuration leaves open is libpq's, from
// the environment or a service file, and what it says comes first.
func TestEnvironmentAndService(t *testing.T) {
	home := cleanEnv(t)
	ca := testca.New(t, "our CA")
	root := testca.File(t, "ca.crt", ca.PEM)
	pair := ca.Issue(time.Hour, "me")
	service := filepath.Join(home, "services.conf")
	text := "[preflight]\nuser=watch\nsslmode=verify-full\nsslrootcert=" + root + "\nchannel_binding=require\n"
	if err := os.WriteFile(service, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := place{hosts: []string{"db.example"}, ports: []string{"5432"}, database: "postgres"}
	t.Setenv("PGSERVICEFILE", service)
	t.Setenv("PGSERVICE", "preflight")
	t.Setenv("PGSSLCERT", testca.File(t, "c.crt", pair.Cert))
	t.Setenv("PGSSLKEY", testca.File(t, "c.key", pair.Key))
	cc, err := p.config(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	if cc.User != "watch" || cc.Host != "db.example" || cc.ChannelBinding != "require" ||
		cc.TLSConfig.ServerName != "db.example" || cc.TLSConfig.InsecureSkipVerify ||
		cc.TLSConfig.RootCAs == nil || len(cc.TLSConfig.Certificates) != 1 ||
		cc.TLSConfig.MinVersion != tls.VersionTLS12 {
		t.Errorf("%q@%q, %q, %+v", cc.User, cc.Host, cc.ChannelBinding, cc.TLSConfig)
	}
	own := pair.TLS(t)
	cc, err = p.config(t.Context(), Config{User: "boss", SSLMode: "prefer", ChannelBinding: "disable", Certificate: &own})
	if err != nil {
		t.Fatal(err)
	}
	if cc.User != "boss" || cc.ChannelBinding != "disable" || !cc.TLSConfig.InsecureSkipVerify || len(cc.Fallbacks) == 0 {
		t.Errorf("%q, %q, %+v", cc.User, cc.ChannelBinding, cc.TLSConfig)
	}
}
