//go:build pgreal

// These tests start a real primary and a streaming standby. They need the server
// programs of PostgreSQL (Debian: postgresql-15) and fail where there are none:
//
//	go test -tags pgreal ./pg
package pg

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/preflight"
)

const (
	password = "canary-monitor"
	secret   = "canary-replicator"
)

// server is one data directory and the port it listens on.
type server struct {
	t    *testing.T
	bin  string
	dir  string
	port int
	cred *syscall.Credential
}

func (s *server) run(program string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *server) sql(statement string) string {
	s.t.Helper()
	return s.run("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", filepath.Dir(s.dir),
		"-p", strconv.Itoa(s.port), "-U", "postgres", "-d", "postgres", "-c", statement)
}

func (s *server) write(file, text string) {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.dir, file), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
	if s.cred != nil {
		if err := f.Chown(int(s.cred.Uid), int(s.cred.Gid)); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *server) start() {
	s.t.Helper()
	s.run("pg_ctl", "-D", s.dir, "-w", "-t", "60", "-l", filepath.Join(filepath.Dir(s.dir), filepath.Base(s.dir)+".log"), "start")
	s.t.Cleanup(func() { s.run("pg_ctl", "-D", s.dir, "-w", "-m", "immediate", "stop") })
}

func (s *server) pid() int {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, "postmaster.pid"))
	if err != nil {
		s.t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// cluster starts a primary "one" and a standby "two".
func cluster(t *testing.T) (one, two *server) {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		t.Fatal("no PostgreSQL server found in /usr/lib/postgresql/*/bin, and the tag pgreal asks for one")
	}
	slices.Sort(found)
	bin := filepath.Dir(found[len(found)-1])
	top, err := os.MkdirTemp("/tmp", "pgreal")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	var cred *syscall.Credential
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			t.Fatal(err)
		}
		uid, _ := strconv.ParseUint(u.Uid, 10, 32)
		gid, _ := strconv.ParseUint(u.Gid, 10, 32)
		cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(top, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
	one = &server{t: t, bin: bin, dir: filepath.Join(top, "one"), port: freePort(t), cred: cred}
	two = &server{t: t, bin: bin, dir: filepath.Join(top, "two"), port: freePort(t), cred: cred}

	one.run("initdb", "-D", one.dir, "-U", "postgres", "-A", "trust", "--no-sync")
	conf := func(s *server) string {
		return fmt.Sprintf("port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\nfsync = off\n"+
			"cluster_name = 'pay'\nwal_keep_size = 64\n", s.port, top)
	}
	one.write("postgresql.conf", conf(one))
	if err := os.Remove(filepath.Join(one.dir, "pg_hba.conf")); err != nil {
		t.Fatal(err)
	}
	one.write("pg_hba.conf", "local all all trust\nhost replication replicator 127.0.0.1/32 scram-sha-256\n"+
		"host all monitor,plain 127.0.0.1/32 scram-sha-256\nhost all shut 127.0.0.1/32 reject\n")
	one.start()
	for _, q := range []string{
		"CREATE ROLE monitor LOGIN PASSWORD '" + password + "'", "GRANT pg_monitor TO monitor",
		"CREATE ROLE plain LOGIN PASSWORD '" + password + "'",
		"CREATE ROLE other LOGIN", "CREATE ROLE shut LOGIN",
		"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '" + secret + "'",
		"SELECT pg_create_physical_replication_slot('two')",
		"CREATE TABLE load (t text)",
		// A role's own settings must not change what we read.
		"ALTER ROLE monitor SET search_path = public, pg_catalog", "ALTER ROLE monitor SET datestyle = 'SQL, DMY'",
		"ALTER ROLE monitor SET timezone = 'Asia/Kolkata'",
		"CREATE FUNCTION public.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT NULL::bool'",
	} {
		one.sql(q)
	}
	one.run("pg_basebackup", "-D", two.dir, "-d", fmt.Sprintf("host=127.0.0.1 port=%d user=replicator password=%s", one.port, secret), "--no-sync")
	two.write("postgresql.conf", conf(two))
	two.write("postgresql.auto.conf", fmt.Sprintf("primary_conninfo = 'user=replicator password=''%s application_name=wrong'' host=127.0.0.1 port=%d "+
		`application_name=node\\ 2 sslmode=disable'`+"\nprimary_slot_name = 'two'\n", secret, one.port))
	one.sql("ALTER ROLE replicator PASSWORD '" + secret + " application_name=wrong'")
	two.write("standby.signal", "")
	two.start()
	waitFor(t, func() bool {
		return one.sql("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn = pg_current_wal_flush_lsn()") == "1"
	})
	return one, two
}

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

func ask(t *testing.T, role string, one, two *server, timeout time.Duration) (o, w preflight.Observed[preflight.SQL]) {
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

func must(t *testing.T, o preflight.Observed[preflight.SQL]) preflight.SQL {
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
	t.Run("refused logins", func(t *testing.T) { testRefused(t, one, two) })
	t.Run("order under load", func(t *testing.T) { testOrder(t, one, two) })
	t.Run("revoked function", func(t *testing.T) { testRevoked(t, one, two) })
	t.Run("replay paused", func(t *testing.T) { testPaused(t, one, two) })
	t.Run("no receiver", func(t *testing.T) { testNoReceiver(t, one, two) })
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
	for name, f := range map[string]preflight.SQL{"one": p, "two": s} {
		srv := map[string]*server{"one": one, "two": two}[name]
		check(t, f, map[string]bool{
			name + " user":        f.User == "monitor",
			name + " address":     f.RemoteAddr == fmt.Sprintf("127.0.0.1:%d", srv.port),
			name + " sees stats":  preflight.Equal(f.SeesStats, true),
			name + " version":     preflight.Equal(f.ServerVersion, version),
			name + " system id":   preflight.Equal(f.SystemID, one.sql("SELECT system_identifier FROM pg_control_system()")),
			name + " start":       f.PostmasterStart.Is(func(v time.Time) bool { return v.Equal(start(srv)) }),
			name + " recovery":    preflight.Equal(f.InRecovery, name == "two"),
			name + " timeline":    preflight.Equal(f.Timeline, 1),
			name + " flush":       f.FlushLSN.Known() == (name == "one"),
			name + " flush after": f.FlushLSNAfter.Known() == (name == "one"),
			name + " receive":     f.ReceiveLSN.Known() == (name == "two"),
			name + " replay":      f.ReplayLSN.Known() == (name == "two"),
			name + " paused":      f.ReplayPaused.Known() == (name == "two"),
			name + " clock":       f.At.Is(func(v time.Time) bool { return time.Since(v).Abs() < time.Minute }),
			name + " port":        f.Settings.Is(func(m map[string]string) bool { return m["port"] == strconv.Itoa(srv.port) }),
			name + " settings": f.Settings.Is(func(m map[string]string) bool {
				return len(m) == len(settingNames) && m["wal_sender_timeout"] == "60000"
			}),
		})
	}
	check(t, p, map[string]bool{
		"receiver of the primary": p.WalReceiver.Is(func(w preflight.WalReceiver) bool { return !w.Running }),
		"senders": p.WalSenders.Is(func(l []preflight.WalSender) bool {
			return len(l) == 1 && l[0].ApplicationName == "node 2" && l[0].User == "replicator" && l[0].PID > 0 &&
				preflight.Equal(l[0].State, "streaming") && preflight.Equal(l[0].ClientAddr, "127.0.0.1") &&
				l[0].FlushLSN.Known() && l[0].ReplayLSN.Known() && l[0].SentLSN.Known() && l[0].WriteLSN.Known() &&
				preflight.Equal(l[0].SyncState, "async") && l[0].ReplyTime.Known()
		}),
		"application name of the primary": p.ApplicationName.Cause() == preflight.Absent,
	})
	check(t, s, map[string]bool{
		"senders of the standby": s.WalSenders.Is(func(l []preflight.WalSender) bool { return len(l) == 0 }),
		"application name":       preflight.Equal(s.ApplicationName, "node 2"),
		"receiver": s.WalReceiver.Is(func(w preflight.WalReceiver) bool {
			return w.Running && preflight.Equal(w.Status, "streaming") && preflight.Equal(w.Timeline, 1) &&
				preflight.Equal(w.SenderHost, "127.0.0.1") && preflight.Equal(w.SenderPort, one.port) &&
				preflight.Equal(w.SlotName, "two") && w.FlushedLSN.Known() && w.LastMsgAt.Known()
		}),
	})
}

func testPlainRole(t *testing.T, one, two *server) {
	a, b := ask(t, "plain", one, two, 5*time.Second)
	p, s := must(t, a), must(t, b)
	hidden := func(c preflight.Cause, reason string) bool {
		return c == preflight.Privilege && strings.HasSuffix(reason, "GRANT pg_monitor TO plain")
	}
	check(t, p, map[string]bool{
		"sees stats": preflight.Equal(p.SeesStats, false),
		"flush":      p.FlushLSN.Known() && p.SystemID.Known() && p.Timeline.Known(),
		"senders": p.WalSenders.Is(func(l []preflight.WalSender) bool {
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
		"receiver": s.WalReceiver.Is(func(w preflight.WalReceiver) bool {
			return w.Running && hidden(w.Status.Cause(), w.Status.Reason()) && hidden(w.FlushedLSN.Cause(), w.FlushedLSN.Reason()) &&
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
		if a.Cause() != preflight.Denied || !strings.Contains(a.Reason(), want) || !strings.Contains(a.Reason(), "FATAL: ") {
			t.Errorf("%s: %s, %s; want denied, the server's words and %q", role, a.Cause(), a.Reason(), want)
		}
	}
}

// While the primary writes, no member may seem ahead of the second sample.
func testOrder(t *testing.T, one, two *server) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cmd := exec.CommandContext(ctx, filepath.Join(one.bin, "psql"), "-X", "-q", "-h", filepath.Dir(one.dir), "-p", strconv.Itoa(one.port),
		"-U", "postgres", "-d", "postgres", "-c", "DO $$ BEGIN LOOP INSERT INTO load SELECT repeat('x', 200) FROM generate_series(1, 50); COMMIT; END LOOP; END $$")
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
		"system id": p.SystemID.Cause() == preflight.Privilege && strings.Contains(p.SystemID.Reason(), "permission denied for function pg_control_system"),
		"others": p.FlushLSN.Known() && p.FlushLSNAfter.Known() && p.WalSenders.Known() && p.WalReceiver.Known() &&
			p.Settings.Known() && p.Timeline.Known(),
	})
}

func testPaused(t *testing.T, one, two *server) {
	two.sql("SELECT pg_wal_replay_pause()")
	defer two.sql("SELECT pg_wal_replay_resume()")
	_, b := ask(t, "monitor", one, two, 5*time.Second)
	if s := must(t, b); !preflight.Equal(s.ReplayPaused, true) {
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
		"receiver":         s.WalReceiver.Is(func(w preflight.WalReceiver) bool { return !w.Running && w.Status.Cause() == preflight.Absent }),
		"timeline":         preflight.Equal(s.Timeline, 1),
		"application name": s.ApplicationName.Cause() == preflight.Absent,
	})
	check(t, p, map[string]bool{"senders": p.WalSenders.Is(func(l []preflight.WalSender) bool { return len(l) == 0 })})
}

// A frozen postmaster completes TCP connections and nothing else.
func testFrozen(t *testing.T, one, two *server) {
	if err := syscall.Kill(two.pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(two.pid(), syscall.SIGCONT) }()
	begin := time.Now()
	a, b := ask(t, "monitor", one, two, time.Second)
	if b.Cause() != preflight.Silent {
		t.Errorf("standby: %s, %s", b.Cause(), b.Reason())
	}
	if p := must(t, a); !p.FlushLSNAfter.Known() {
		t.Errorf("the leader's second sample: %s", p.FlushLSNAfter.Reason())
	}
	if took := time.Since(begin); took > 1500*time.Millisecond {
		t.Errorf("took %s", took)
	}
}
