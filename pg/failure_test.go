package pg

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"patroni-preflight/preflight/fact"
)

// hostile says what a server does instead of answering one part.
func hostile(bad string, do func(*pgproto3.Backend, net.Conn)) *fake {
	return &fake{rows: primaryRows(), before: func(part string, b *pgproto3.Backend, c net.Conn) bool {
		if part == bad {
			do(b, c)
		}
		return true
	}}
}

func stall(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// Sessions that break in the middle keep what came before.
func TestBrokenSessions(t *testing.T) {
	tests := map[string]struct {
		do     func(*pgproto3.Backend, net.Conn)
		cause  fact.Cause
		reason string
	}{
		"stalls in the middle of an answer": {func(b *pgproto3.Backend, c net.Conn) {
			b.Send(&pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, 11)})
			_ = b.Flush()
			_, _ = c.Write([]byte{'D', 0, 0, 1, 0, 0, 11})
			stall(c)
		}, fact.Silent, "no complete answer within"},
		"hangs up": {
			func(b *pgproto3.Backend, c net.Conn) { _ = b.Flush(); c.Close() },
			fact.Failed,
			"closed the connection",
		},
		"is shut down": {func(b *pgproto3.Backend, c net.Conn) {
			b.Send(serverError("FATAL", "57P01", "terminating connection due to administrator command", "ProcessInterrupts"))
			_ = b.Flush()
			c.Close()
		}, fact.Failed, "terminating connection due to administrator command"},
		"sends garbage": {func(b *pgproto3.Backend, c net.Conn) {
			_ = b.Flush()
			_, _ = c.Write([]byte("\x01\x00\x00\x00\x08garbage"))
			stall(c)
		}, fact.Malformed, "not of PostgreSQL's protocol"},
		"sends an enormous row": {func(b *pgproto3.Backend, c net.Conn) {
			b.Send(&pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, 11)})
			_ = b.Flush()
			_, _ = c.Write([]byte{'D', 0x7f, 0xff, 0xff, 0xff})
			for range 1 << 10 {
				if _, err := c.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		}, fact.Malformed, "a message of 2147483643 bytes"},
		"sends endless rows": {func(b *pgproto3.Backend, c net.Conn) {
			b.Send(&pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, 11)})
			for b.Flush() == nil {
				b.Send(&pgproto3.DataRow{Values: make([][]byte, 11)})
			}
		}, fact.Malformed, "more than 2001 rows"},
		"sends large rows": {func(b *pgproto3.Backend, c net.Conn) {
			b.Send(&pgproto3.RowDescription{Fields: make([]pgproto3.FieldDescription, 11)})
			for b.Flush() == nil {
				b.Send(&pgproto3.DataRow{Values: append(make([][]byte, 10), make([]byte, 1<<19))})
			}
		}, fact.Malformed, "more than 4194304 bytes"},
		"sends other columns": {func(b *pgproto3.Backend, c net.Conn) {
			sendRows(b, [][]any{{"1", "2"}})
			_ = b.Flush()
		}, fact.Malformed, "gave 2 columns, not 11"},
		"answers once more than asked": {func(b *pgproto3.Backend, c net.Conn) {
			sendRows(b, primaryRows()[senders])
			sendRows(b, nil)
			_ = b.Flush()
		}, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := one(t, time.Second, hostile(senders, tt.do).start(t).url)
			sql, ok := got.Get()
			if !ok {
				t.Fatalf("what came before is lost: %s", got.Reason())
			}
			if !fact.Equal(sql.SystemID, system) || !fact.Equal(sql.FlushLSN, 0x5000000) {
				t.Errorf("what came before is lost: %s", asJSON(t, sql))
			}
			if tt.cause == "" {
				return
			}
			for what, observation := range map[string]observation{
				"senders":                    sql.WalSenders,
				"receiver, asked after them": sql.WalReceiver,
			} {
				if observation.Cause() != tt.cause || !strings.Contains(observation.Reason(), tt.reason) ||
					!strings.HasPrefix(observation.Reason(), "SQL monitor@") {
					t.Errorf("%s: %q, %s; want %q, %s", what, observation.Cause(), observation.Reason(), tt.cause, tt.reason)
				}
			}
		})
	}
}

// A list that is too long is unknown, and hides nothing but itself.
func TestManyWalsenders(t *testing.T) {
	rows := primaryRows()
	rows[senders] = slices.Repeat(rows[senders][:1], manyRows+1)
	sql := one(t, 10*time.Second, (&fake{rows: rows}).start(t).url).Must()
	if got := sql.WalSenders; got.Cause() != fact.Unsupport ||
		got.Reason() != "pg_stat_replication has more than 2000 rows" {
		t.Errorf("%q, %s", got.Cause(), got.Reason())
	}
	if !sql.WalReceiver.Known() || !sql.Slots.Known() {
		t.Errorf("what was asked after it: %s, %s", sql.WalReceiver.Reason(), sql.Slots.Reason())
	}
}

// fullListener accepts no connection any more: its backlog is full, so that SYNs
// are dropped as by a firewall.
func fullListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var again error
	if err := raw.Control(func(fd uintptr) { again = syscall.Listen(int(fd), 0) }); err != nil || again != nil {
		t.Fatalf("listen again: %v, %v", err, again)
	}
	for range 20 {
		c, err := net.DialTimeout("tcp", l.Addr().String(), 100*time.Millisecond)
		if err != nil {
			return fmt.Sprintf("postgres://%s/postgres", l.Addr())
		}
		t.Cleanup(func() { c.Close() })
	}
	t.Fatal("the listener went on accepting connections")
	return ""
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return fmt.Sprintf("postgres://%s/postgres", l.Addr())
}

// refusing answers the startup message with an error.
func refusing(t *testing.T, code, message, routine string) string {
	t.Helper()
	return (&fake{login: func(b *pgproto3.Backend, _ net.Conn) bool {
		b.Send(serverError("FATAL", code, message, routine))
		_ = b.Flush()
		return false
	}}).start(t).url
}

// echoing asks for the password in clear text and repeats it.
func echoing(t *testing.T, got *atomic.Bool) string {
	t.Helper()
	return (&fake{login: func(b *pgproto3.Backend, _ net.Conn) bool {
		b.Send(&pgproto3.AuthenticationCleartextPassword{})
		_ = b.SetAuthType(pgproto3.AuthTypeCleartextPassword)
		if b.Flush() != nil {
			return false
		}
		m, err := b.Receive()
		if p, ok := m.(*pgproto3.PasswordMessage); err == nil && ok {
			got.Store(true)
			b.Send(serverError("FATAL", "28P01", "wrong password "+p.Password+"\n\x1b[31m", "auth_failed"))
			_ = b.Flush()
		}
		return false
	}}).start(t).url
}

// TestClearText: where there may be no TLS the password is not sent, and where
// somebody wants it sent, it does not come back in a reason.
func TestClearText(t *testing.T) {
	var sent atomic.Bool
	url := echoing(t, &sent)
	cfg := Config{User: "monitor", Password: "hunter2hunter2"}
	for _, mode := range []string{"", "disable", "allow", "prefer"} {
		cleanEnv(t)
		cfg.SSLMode = mode
		got := Collect(t.Context(), cfg, []Target{{"m", url}}, "m")["m"]
		if got.Cause() != fact.Denied || !strings.Contains(got.Reason(), "nothing was sent") || sent.Load() {
			t.Errorf("sslmode %q: %q, %s, sent %v", mode, got.Cause(), got.Reason(), sent.Load())
		}
	}
	t.Setenv("PGREQUIREAUTH", "password")
	got := Collect(t.Context(), cfg, []Target{{"m", url}}, "m")["m"]
	if got.Cause() != fact.Denied || !strings.Contains(got.Reason(), "wrong password ******** [31m") || !sent.Load() {
		t.Errorf("%q, %s, sent %v", got.Cause(), got.Reason(), sent.Load())
	}
}

func TestNoSession(t *testing.T) {
	tests := []struct {
		name, url string
		cause     fact.Cause
		reason    string
	}{
		{"no conn_url", "", fact.NotAsked, "no conn_url"},
		{"bad conn_url", "postgres:///postgres", fact.Malformed, "not of the form"},
		{"refused", closedPort(t), fact.Refused, "connection refused"},
		{"black hole", fullListener(t), fact.Unreached, "no connection within"},
		{"unresolved", "postgres://member.invalid:5432/postgres", fact.Unresolved, "member.invalid"},
		{"frozen", listen(t, stall), fact.Silent, "connected, but no complete answer within"},
		{
			"frozen after login",
			(&fake{login: func(b *pgproto3.Backend, c net.Conn) bool { stall(c); return false }}).start(t).url,
			fact.Silent,
			"no complete answer",
		},
		{
			"frozen at the first question",
			hostile(identity, func(_ *pgproto3.Backend, c net.Conn) { stall(c) }).start(t).url,
			fact.Silent,
			identity,
		},
		{"hangs up", listen(t, func(net.Conn) {}), fact.Failed, "closed the connection"},
		{
			"wrong password",
			refusing(t, "28P01", `password authentication failed for user "monitor"`, "auth_failed"),
			fact.Denied,
			"check the password of role monitor",
		},
		{
			"pg_hba.conf",
			refusing(
				t,
				"28000",
				`no pg_hba.conf entry for host "10.0.0.9", user "monitor", database "postgres", no encryption`,
				"ClientAuthentication",
			),
			fact.Denied,
			"no encryption (SQLSTATE 28000); add to pg_hba.conf there: host all monitor 10.0.0.9/32 scram-sha-256, or give " +
				"sslmode require or more, where a hostssl rule is there for it",
		},
		{
			"pg_hba.conf in German", refusing(t, "28000", `kein Eintrag für Host »10.0.0.9«`, "ClientAuthentication"),
			fact.Denied, "host all monitor <address of this machine> scram-sha-256",
		},
		{
			"no such role",
			refusing(t, "28000", `role "monitor" does not exist`, "InitializeSessionUserId"),
			fact.Denied,
			`role "monitor" does not exist (SQLSTATE 28000)`,
		},
		{
			"no CONNECT",
			refusing(t, "42501", "permission denied for database", "CheckMyDatabase"),
			fact.Denied,
			"permission denied",
		},
		{
			"starting up",
			refusing(t, "57P03", "the database system is starting up", "ProcessStartupPacket"),
			fact.Failed,
			"starting up",
		},
		{"full", refusing(t, "53300", "sorry, too many clients already", "InitProcess"), fact.Failed, "too many clients"},
		{
			"no such database",
			refusing(t, "3D000", `database "postgres" does not exist`, "InitPostgres"),
			fact.Failed,
			"does not exist",
		},
		{"SSH", listen(t, func(c net.Conn) { fmt.Fprint(c, "SSH-2.0-x\r\n"); stall(c) }), fact.Malformed, "not PostgreSQL"},
		{"HTTP", listen(t, func(c net.Conn) {
			fmt.Fprint(c, "HTTP/1.1 400 Bad Request\r\n\r\n"+strings.Repeat("x", 100))
			stall(c)
		}), fact.Malformed, "not PostgreSQL"},
		{"another version", (&fake{version: "9.6.24"}).start(t).url, fact.Unsupport, "PostgreSQL 9.6.24"},
		{"no version", (&fake{version: "one"}).start(t).url, fact.Malformed, `"one"`},
		{
			"no recovery state",
			(&fake{rows: map[string][][]any{identity: {{"monitor", "t", "t", "150020", "maybe", start}}}}).start(t).url,
			fact.Malformed,
			"pg_is_in_recovery()",
		},
		{"no identity", (&fake{}).start(t).url, fact.Malformed, identity},
		{"identity refused", hostile(identity, func(b *pgproto3.Backend, c net.Conn) {
			b.Send(serverError("FATAL", "57P01", "terminating", "x"))
			_ = b.Flush()
			c.Close()
		}).start(t).url, fact.Failed, "terminating"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := one(t, 500*time.Millisecond, tt.url)
			if got.Known() || got.Cause() != tt.cause || !strings.Contains(got.Reason(), tt.reason) ||
				strings.ContainsAny(got.Reason(), "\n\x1b") {
				t.Errorf("%q, %q; want %q, %q", got.Cause(), got.Reason(), tt.cause, tt.reason)
			}
			if got.Stamp == nil || got.Stamp.At.IsZero() {
				t.Errorf("stamp %+v", got.Stamp)
			}
		})
	}
}

func TestNoPasswordGiven(t *testing.T) {
	cleanEnv(t)
	got := Collect(t.Context(), Config{User: "monitor"}, []Target{{
		"m",
		refusing(t, "28P01", "failed", "auth_failed"),
	}}, "m")["m"]
	if got.Cause() != fact.Denied ||
		!strings.HasSuffix(got.Reason(), "no password was given: set PGPASSWORD or the password file") {
		t.Errorf("%q, %s", got.Cause(), got.Reason())
	}
}

// Of several hosts, dead ones before the living one do not cost its answer.
func TestSeveralHosts(t *testing.T) {
	addr := func(url string) string {
		return strings.TrimSuffix(strings.TrimPrefix(url, "postgres://"), "/postgres")
	}
	f := (&fake{rows: primaryRows()}).start(t)
	for name, dead := range map[string]string{
		"refused":    closedPort(t),
		"black hole": fullListener(t),
		"frozen":     listen(t, stall),
	} {
		got := one(t, 2*time.Second, "postgres://"+addr(dead)+","+addr(f.url)+"/postgres")
		if sql, ok := got.Get(); !ok || sql.RemoteAddr != addr(f.url) {
			t.Errorf("%s: %s", name, asJSON(t, got))
		}
	}
}
