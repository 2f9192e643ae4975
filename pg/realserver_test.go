//go:build pgreal

package pg

import (
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
	s.run(
		"pg_ctl",
		"-D",
		s.dir,
		"-w",
		"-t",
		"60",
		"-l",
		filepath.Join(filepath.Dir(s.dir), filepath.Base(s.dir)+".log"),
		"start",
	)
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
		return fmt.Sprintf(
			"port = %d\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\nfsync = off\n"+
				"cluster_name = 'pay'\nwal_keep_size = 64\nwal_level = logical\nmax_prepared_transactions = 5\n"+
				// Both fail, and name what must not be seen.
				"archive_mode = on\narchive_command = 'test -z canary-archive'\nrestore_command = 'test -z canary-restore'\n",
			s.port,
			top,
		)
	}
	one.write("postgresql.conf", conf(one))
	if err := os.Remove(filepath.Join(one.dir, "pg_hba.conf")); err != nil {
		t.Fatal(err)
	}
	one.write("pg_hba.conf", "local all all trust\nhost replication replicator 127.0.0.1/32 scram-sha-256\n"+
		"host all monitor,plain,root 127.0.0.1/32 scram-sha-256\nhost all shut 127.0.0.1/32 reject\n")
	one.start()
	for _, q := range []string{
		"CREATE ROLE monitor LOGIN PASSWORD '" + password + "'", "GRANT pg_monitor TO monitor",
		"CREATE ROLE plain LOGIN PASSWORD '" + password + "'",
		"CREATE ROLE root SUPERUSER LOGIN PASSWORD '" + password + "'",
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
	one.run(
		"pg_basebackup",
		"-D",
		two.dir,
		"-d",
		fmt.Sprintf("host=127.0.0.1 port=%d user=replicator password=%s", one.port, secret),
		"--no-sync",
	)
	two.write("postgresql.conf", conf(two))
	two.write(
		"postgresql.auto.conf",
		fmt.Sprintf("primary_conninfo = 'user=replicator password=''%s application_name=wrong'' host=127.0.0.1 port=%d "+
			`application_name=node\\ 2 sslmode=disable'`+"\nprimary_slot_name = 'two'\n", secret, one.port),
	)
	one.sql("ALTER ROLE replicator PASSWORD '" + secret + " application_name=wrong'")
	two.write("standby.signal", "")
	two.start()
	waitFor(t, func() bool {
		return one.sql(
			"SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND flush_lsn = pg_current_wal_flush_lsn()",
		) == "1"
	})
	return one, two
}
