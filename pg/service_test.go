package pg

import (
	"context"
	"crypto/tls"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"patroni-preflight/internal/testca"
)

// TestServiceIsNotForTheServer: a setting of libpq's own in a service is no
// parameter of the session, at which the server would end it.
func TestServiceIsNotForTheServer(t *testing.T) {
	service := filepath.Join(cleanEnv(t), "services.conf")
	text := "[mine]\nuser=watch\nstatement_timeout=4s\n"
	for _, key := range clientOnly {
		text += key + "=1\n"
	}
	if err := os.WriteFile(service, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSERVICEFILE", service)
	t.Setenv("PGSERVICE", "mine")
	sent := make(chan []string, 9) // it may connect more than once
	url := listen(t, func(c net.Conn) {
		if params, ok := startup(pgproto3.NewBackend(c, c), c); ok {
			sent <- slices.Sorted(maps.Keys(params))
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	Collect(ctx, Config{}, []Target{{Member: "one", ConnURL: url}}, "")
	want := []string{"application_name", "client_encoding", "database", "statement_timeout", "user"}
	select {
	case got := <-sent:
		if !slices.Equal(got, want) {
			t.Errorf("sent %v, want %v", got, want)
		}
	case <-ctx.Done():
		t.Error("nobody connected")
	}
}

// TestTLSBounds: the versions that are asked for, from TLS 1.2 up.
func TestTLSBounds(t *testing.T) {
	cleanEnv(t)
	own := testca.New(t, "our CA").Issue(time.Hour, "me").TLS(t)
	// Whatever the environment names, which pgx may not be able to read, ours counts.
	t.Setenv("PGSSLCERT", "/nowhere/client.crt")
	t.Setenv("PGSSLKEY", "/nowhere/client.key")
	p := place{hosts: []string{"db.example"}, ports: []string{"5432"}}
	for _, tc := range []struct{ least, most, wantLeast, wantMost uint16 }{
		{0, 0, tls.VersionTLS12, 0},
		{tls.VersionTLS13, 0, tls.VersionTLS13, 0},
		{tls.VersionTLS12, tls.VersionTLS12, tls.VersionTLS12, tls.VersionTLS12},
	} {
		cc, err := p.config(t.Context(), Config{SSLMode: "require", MinTLS: tc.least, MaxTLS: tc.most, Certificate: &own})
		if err != nil {
			t.Fatal(err)
		}
		if c := cc.TLSConfig; c.MinVersion != tc.wantLeast || c.MaxVersion != tc.wantMost || len(c.Certificates) != 1 {
			t.Errorf("%x to %x, %d certificates", c.MinVersion, c.MaxVersion, len(c.Certificates))
		}
	}
}
