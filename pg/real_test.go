//go:build pgreal

// These tests start a real primary and a streaming standby. They need the server
// programs of PostgreSQL (Debian: postgresql-15) and fail where there are none:
//
//	go test -tags pgreal ./pg
package pg

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

const (
	password = "canary-monitor"
	secret   = "canary-replicator"
)

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 200 {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("waited in vain")
}

func ask(t *testing.T, role string, one, two *server, timeout time.Duration) (o, w fact.Observed[fact.SQL]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	url := func(s *server) string { return fmt.Sprintf("postgres://127.0.0.1:%d/postgres", s.port) }
	begin := time.Now()
	got := Collect(ctx, Config{User: role, Password: password}, []Target{{"one", url(one)}, {"two", url(two)}}, "one")
	t.Logf("%s: %s", role, time.Since(begin).Round(100*time.Microsecond))
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), "canary") {
		t.Errorf("a password is in the facts: %s", b)
	}
	return got["one"], got["two"]
}

func must(t *testing.T, o fact.Observed[fact.SQL]) fact.SQL {
	t.Helper()
	f, ok := o.Get()
	if !ok {
		t.Fatalf("unknown, %s: %s", o.Cause(), o.Reason())
	}
	return f
}

func check(t *testing.T, facts any, ok map[string]bool) {
	t.Helper()
	b, _ := json.Marshal(facts)
	for name, good := range ok {
		if !good {
			t.Errorf("%s is wrong in %s", name, b)
		}
	}
}

func TestRealCluster(t *testing.T) {
	one, two := cluster(t)
	t.Run("monitor", func(t *testing.T) { testMonitor(t, one, two) })
	t.Run("plain role", func(t *testing.T) { testPlainRole(t, one, two) })
	t.Run("replay waits for a session", func(t *testing.T) { testConflict(t, one, two) })
	t.Run("a commit waits for a standby", func(t *testing.T) { testSyncWait(t, one, two) })
	t.Run("what a switchover meets", func(t *testing.T) { testLate(t, one, two) })
	t.Run("refused logins", func(t *testing.T) { testRefused(t, one, two) })
	t.Run("order under load", func(t *testing.T) { testOrder(t, one, two) })
	t.Run("revoked function", func(t *testing.T) { testRevoked(t, one, two) })
	t.Run("replay paused", func(t *testing.T) { testPaused(t, one, two) })
	t.Run("no receiver", func(t *testing.T) { testNoReceiver(t, one, two) })
	t.Run("TLS", func(t *testing.T) { testTLS(t, one) })
	t.Run("LeastRights", func(t *testing.T) { testLeastRights(t, one) })
	t.Run("frozen", func(t *testing.T) { testFrozen(t, one, two) })
}

func testMonitor(t *testing.T, one, two *server) {
	a, b := ask(t, "monitor", one, two, 5*time.Second)
	p, s := must(t, a), must(t, b)
	start := func(s *server) time.Time {
		us, err := strconv.ParseInt(s.sql("SELECT (extract(epoch FROM pg_postmaster_start_time())*1000000)::bigint"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return time.UnixMicro(us).UTC()
	}
	version, _ := strconv.Atoi(one.sql("SHOW server_version_num"))
	for name, f := range map[string]fact.SQL{"one": p, "two": s} {
		srv := map[string]*server{"one": one, "two": two}[name]
		check(t, f, map[string]bool{
			name + " user":        f.User == "monitor",
			name + " address":     f.RemoteAddr == fmt.Sprintf("127.0.0.1:%d", srv.port),
			name + " sees stats":  fact.Equal(f.SeesStats, true),
			name + " version":     fact.Equal(f.ServerVersion, version),
			name + " system id":   fact.Equal(f.SystemID, one.sql("SELECT system_identifier FROM pg_control_system()")),
			name + " start":       f.PostmasterStart.Is(func(v time.Time) bool { return v.Equal(start(srv)) }),
			name + " recovery":    fact.Equal(f.InRecovery, name == "two"),
			name + " timeline":    fact.Equal(f.Timeline, 1),
			name + " flush":       f.FlushLSN.Known() == (name == "one"),
			name + " flush after": f.FlushLSNAfter.Known() == (name == "one"),
			name + " receive":     f.ReceiveLSN.Known() == (name == "two"),
			name + " replay":      f.ReplayLSN.Known() == (name == "two"),
			name + " paused":      f.ReplayPaused.Known() == (name == "two"),
			name + " clock":       f.At.Is(func(v time.Time) bool { return time.Since(v).Abs() < time.Minute }),
			name + " port":        f.Settings.Is(func(m map[string]string) bool { return m["port"] == strconv.Itoa(srv.port) }),
			name + " settings": f.Settings.Is(func(m map[string]string) bool {
				return len(m) > 40 && m["wal_sender_timeout"] == "60000"
			}),
		})
	}
	check(t, p, map[string]bool{
		"receiver of the primary": p.WalReceiver.Is(func(w fact.WalReceiver) bool { return !w.Running }),
		"senders": p.WalSenders.Is(func(l []fact.WalSender) bool {
			return len(l) == 1 && l[0].ApplicationName == "node 2" && l[0].User == "replicator" && l[0].PID > 0 &&
				fact.Equal(l[0].State, "streaming") && fact.Equal(l[0].ClientAddr, "127.0.0.1") &&
				l[0].FlushLSN.Known() && l[0].ReplayLSN.Known() && l[0].SentLSN.Known() && l[0].WriteLSN.Known() &&
				fact.Equal(l[0].SyncState, "async") && l[0].ReplyTime.Known()
		}),
		"application name of the primary": p.ApplicationName.Cause() == fact.Absent,
	})
	check(t, s, map[string]bool{
		"senders of the standby": s.WalSenders.Is(func(l []fact.WalSender) bool { return len(l) == 0 }),
		"application name":       fact.Equal(s.ApplicationName, "node 2"),
		"receiver": s.WalReceiver.Is(func(w fact.WalReceiver) bool {
			return w.Running && fact.Equal(w.Status, "streaming") && fact.Equal(w.Timeline, 1) &&
				fact.Equal(w.SenderHost, "127.0.0.1") && fact.Equal(w.SenderPort, one.port) &&
				fact.Equal(w.SlotName, "two") && w.FlushedLSN.Known() && w.LastMsgAt.Known()
		}),
	})
}

func testPlainRole(t *testing.T, one, two *server) {
	a, b := ask(t, "plain", one, two, 5*time.Second)
	p, s := must(t, a), must(t, b)
	hidden := func(c fact.Cause, reason string) bool {
		return c == fact.Privilege && strings.HasSuffix(reason, "GRANT pg_monitor TO plain")
	}
	check(t, p, map[string]bool{
		"sees stats": fact.Equal(p.SeesStats, false),
		"flush":      p.FlushLSN.Known() && p.SystemID.Known() && p.Timeline.Known(),
		"senders": p.WalSenders.Is(func(l []fact.WalSender) bool {
			w := l[0]
			return len(l) == 1 && w.ApplicationName == "node 2" && w.User == "replicator" &&
				hidden(w.State.Cause(), w.State.Reason()) && hidden(w.FlushLSN.Cause(), w.FlushLSN.Reason()) &&
				hidden(w.ClientAddr.Cause(), w.ClientAddr.Reason()) && hidden(w.ReplyTime.Cause(), w.ReplyTime.Reason())
		}),
	})
	check(t, s, map[string]bool{
		"receive":          s.ReceiveLSN.Known() && s.ReplayLSN.Known(),
		"application name": hidden(s.ApplicationName.Cause(), s.ApplicationName.Reason()),
		"timeline":         hidden(s.Timeline.Cause(), s.Timeline.Reason()),
		"receiver": s.WalReceiver.Is(func(w fact.WalReceiver) bool {
			return w.Running && hidden(w.Status.Cause(), w.Status.Reason()) &&
				hidden(w.FlushedLSN.Cause(), w.FlushedLSN.Reason()) &&
				hidden(w.SlotName.Cause(), w.SlotName.Reason())
		}),
	})
}

func testRefused(t *testing.T, one, two *server) {
	one.sql("ALTER ROLE plain PASSWORD 'another'")
	defer one.sql("ALTER ROLE plain PASSWORD '" + password + "'")
	for role, want := range map[string]string{
		"plain": "check the password of role plain",
		"other": "add to pg_hba.conf there: host all other 127.0.0.1/32 scram-sha-256",
		"shut":  "add to pg_hba.conf there: host all shut 127.0.0.1/32 scram-sha-256",
	} {
		a, _ := ask(t, role, one, two, 5*time.Second)
		if a.Cause() != fact.Denied || !strings.Contains(a.Reason(), want) || !strings.Contains(a.Reason(), "FATAL: ") {
			t.Errorf("%s: %s, %s; want denied, the server's words and %q", role, a.Cause(), a.Reason(), want)
		}
	}
}

// While the primary writes, no member may seem ahead of the second sample.
func testOrder(t *testing.T, one, two *server) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cmd := exec.CommandContext(
		ctx,
		filepath.Join(one.bin, "psql"),
		"-X",
		"-q",
		"-h",
		filepath.Dir(one.dir),
		"-p",
		strconv.Itoa(one.port),
		"-U",
		"postgres",
		"-d",
		"postgres",
		"-c",
		"DO $$ BEGIN LOOP INSERT INTO load SELECT repeat('x', 200) FROM generate_series(1, 50); COMMIT; END LOOP; END $$",
	)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	moved := 0
	for range 20 {
		a, b := ask(t, "monitor", one, two, 5*time.Second)
		p, s := must(t, a), must(t, b)
		before, _ := p.FlushLSN.Get()
		after, ok1 := p.FlushLSNAfter.Get()
		receive, ok2 := s.ReceiveLSN.Get()
		if !ok1 || !ok2 || after.Minus(before) < 0 || after.Minus(receive) < 0 {
			t.Errorf("leader %s, then standby %s, then leader %s", before, receive, after)
		}
		wrote, then := p.Earlier.Must(), p.FlushLSNAfterAt.Must()
		if wrote.LSN != before || !then.After(wrote.At) {
			t.Errorf("the leader's first sample %s, %+v; the second at %s", before, wrote, then)
		}
		replayed := s.Earlier.Must()
		if s.ReplayLSN.Must().Minus(replayed.LSN) < 0 || !s.At.Must().After(replayed.At) {
			t.Errorf("the standby had replayed %+v, then %s at %s", replayed, s.ReplayLSN.Must(), s.At.Must())
		}
		if after != before {
			moved++
		}
	}
	if moved == 0 {
		t.Error("the primary wrote nothing: the test shows nothing")
	}
	stop()
	_ = cmd.Wait()
}

// A site that revoked a function from PUBLIC loses that fact and no other.
func testRevoked(t *testing.T, one, two *server) {
	one.sql("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC, pg_monitor")
	defer one.sql("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
	a, _ := ask(t, "monitor", one, two, 5*time.Second)
	p := must(t, a)
	check(t, p, map[string]bool{
		"system id": p.SystemID.Cause() == fact.Privilege &&
			strings.Contains(p.SystemID.Reason(), "permission denied for function pg_control_system"),
		"others": p.FlushLSN.Known() && p.FlushLSNAfter.Known() && p.WalSenders.Known() && p.WalReceiver.Known() &&
			p.Settings.Known() && p.Timeline.Known() && p.Slots.Known(),
		"checkpoint": p.Checkpoint.Cause() == fact.Privilege,
	})
}

func testPaused(t *testing.T, one, two *server) {
	two.sql("SELECT pg_wal_replay_pause()")
	defer two.sql("SELECT pg_wal_replay_resume()")
	_, b := ask(t, "monitor", one, two, 5*time.Second)
	if s := must(t, b); !fact.Equal(s.ReplayPaused, true) {
		t.Errorf("paused %+v", s.ReplayPaused)
	}
}

func testNoReceiver(t *testing.T, one, two *server) {
	two.sql("ALTER SYSTEM SET primary_conninfo = ''")
	two.sql("SELECT pg_reload_conf()")
	waitFor(t, func() bool { return two.sql("SELECT count(*) FROM pg_stat_wal_receiver") == "0" })
	a, b := ask(t, "monitor", one, two, 5*time.Second)
	p, s := must(t, a), must(t, b)
	check(t, s, map[string]bool{
		"receiver": s.WalReceiver.Is(
			func(w fact.WalReceiver) bool { return !w.Running && w.Status.Cause() == fact.Absent },
		),
		"timeline":         fact.Equal(s.Timeline, 1),
		"application name": s.ApplicationName.Cause() == fact.Absent,
	})
	check(t, p, map[string]bool{"senders": p.WalSenders.Is(func(l []fact.WalSender) bool { return len(l) == 0 })})
}

// TLS with SCRAM's channel binding, and the server's certificate checked.
func testTLS(t *testing.T, one *server) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	crt := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	one.write("server.crt", crt)
	one.write("server.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})))
	one.sql("ALTER SYSTEM SET ssl = on")
	one.sql("SELECT pg_reload_conf()")
	waitFor(t, func() bool { return one.sql("SHOW ssl") == "on" })
	ca := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(ca, []byte(crt), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGCHANNELBINDING", "require")
	for name, tt := range map[string]struct {
		cfg  Config
		host string
		ok   bool
		why  string
	}{
		"verified": {Config{SSLMode: "verify-full", SSLRootCert: ca}, "127.0.0.1", true, ""},
		"another name": {
			Config{SSLMode: "verify-full", SSLRootCert: ca},
			"localhost",
			false,
			"its certificate is for 127.0.0.1, not for localhost",
		},
		"no root":        {Config{SSLMode: "verify-full"}, "127.0.0.1", false, "signed by a CA that is not trusted here"},
		"default prefer": {Config{}, "127.0.0.1", true, ""},
	} {
		tt.cfg.User, tt.cfg.Password = "monitor", password
		got := Collect(t.Context(), tt.cfg, []Target{{"one", fmt.Sprintf("postgres://%s:%d/postgres", tt.host, one.port)}}, "one")["one"]
		if got.Known() != tt.ok || (!tt.ok && (got.Cause() != fact.TLS || !strings.Contains(got.Reason(), tt.why))) {
			t.Errorf("%s: known %v, %q, %s", name, got.Known(), got.Cause(), got.Reason())
		}
	}
}

// A frozen postmaster completes TCP connections and nothing else.
func testFrozen(t *testing.T, one, two *server) {
	if err := syscall.Kill(two.pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(two.pid(), syscall.SIGCONT) }()
	begin := time.Now()
	a, b := ask(t, "monitor", one, two, time.Second)
	if b.Cause() != fact.Silent {
		t.Errorf("standby: %s, %s", b.Cause(), b.Reason())
	}
	if p := must(t, a); !p.FlushLSNAfter.Known() {
		t.Errorf("the leader's second sample: %s", p.FlushLSNAfter.Reason())
	}
	if took := time.Since(begin); took > 1500*time.Millisecond {
		t.Errorf("took %s", took)
	}
}
