//go:build pgreal

package pg

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"patroni-preflight/preflight/fact"
)

// session opens a session that ends with the test. statements may be open
// transactions; the last one may go on.
func (s *server) session(t *testing.T, application string, statements string) {
	t.Helper()
	c, err := pgconn.Connect(
		t.Context(),
		fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres application_name='%s'",
			filepath.Dir(s.dir), s.port, application),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Conn().Close() })
	if statements == "" {
		return
	}
	c.Frontend().Send(&pgproto3.Query{String: statements})
	if err := c.Frontend().Flush(); err != nil {
		t.Fatal(err)
	}
}

// errors counts the errors in the server's log.
func (s *server) errors() int {
	s.t.Helper()
	b, err := os.ReadFile(s.dir + ".log")
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Count(string(b), " ERROR: ")
}

func testLate(t *testing.T, one, two *server) {
	major, _ := strconv.Atoi(one.sql("SELECT current_setting('server_version_num')::int / 10000"))
	for _, q := range []string{
		"CREATE UNLOGGED TABLE u1 (i int)",
		"CREATE UNLOGGED TABLE u2 (i int PRIMARY KEY)",
		"SELECT pg_create_logical_replication_slot('cdc', 'pgoutput'" + map[bool]string{true: ", failover => " +
			"true"}[major >= 17] + ")",
		"SELECT pg_create_physical_replication_slot('unused')",
		"CREATE ROLE expired LOGIN REPLICATION VALID UNTIL '2001-02-03 04:05:06+00'",
		"CREATE ROLE forever NOLOGIN REPLICATION VALID UNTIL 'infinity'",
		"CREATE ROLE never LOGIN REPLICATION VALID UNTIL '-infinity'",
		"CREATE ROLE long LOGIN REPLICATION VALID UNTIL '99999-12-31'",
		`CREATE TABLE c (t text COLLATE "de-x-icu")`,
		// fr-x-icu is not used.
		"UPDATE pg_collation SET collversion = '0' WHERE collname IN ('de-x-icu', 'fr-x-icu')",
		"UPDATE pg_extension SET extversion = '0.9'",
		"BEGIN; INSERT INTO load VALUES ('prepared'); PREPARE TRANSACTION 'p1'",
		"SELECT pg_switch_wal()",
		"CHECKPOINT",
	} {
		one.sql(q)
	}
	one.sql("ALTER ROLE monitor SET default_transaction_read_only = on")
	one.sql("ALTER ROLE monitor SET wal_sender_timeout = 0")
	defer func() {
		one.sql("ALTER ROLE monitor RESET default_transaction_read_only")
		one.sql("ALTER ROLE monitor RESET wal_sender_timeout")
		one.sql("ROLLBACK PREPARED 'p1'")
		one.sql("UPDATE pg_extension SET extversion = '1.0'")
		one.sql("SELECT pg_drop_replication_slot('cdc'), pg_drop_replication_slot('unused')")
	}()
	if major >= 15 {
		one.sql("CREATE DATABASE icu TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C'")
		one.sql("UPDATE pg_database SET datcollversion = '0' WHERE datname = 'icu'")
	}
	one.session(t, "Patroni heartbeat", "")
	one.session(t, "idle", "")
	one.session(t, "app", "BEGIN; SELECT 1")
	one.session(t, "Patronize", "SELECT pg_sleep(60)")
	two.session(t, "Patroni", "BEGIN; SELECT pg_sleep(60)")
	two.session(t, "report", "SELECT pg_sleep(60)")
	one.baseBackup(t)
	for _, wait := range []struct {
		on  *server
		sql string
	}{
		{
			one,
			"SELECT count(*) = 2 AND min(now() - xact_start) > '1.1 s' FROM pg_stat_activity WHERE application_name IN ('app'," +
				" 'Patronize')",
		},
		{two, "SELECT now() - xact_start > '1.1 s' FROM pg_stat_activity WHERE application_name = 'report'"},
		{one, "SELECT failed_count > 0 FROM pg_stat_archiver"},
		{one, "SELECT count(*) = 1 FROM pg_stat_progress_basebackup"},
		{
			one,
			"SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication WHERE application_name = 'node 2'",
		},
	} {
		waitFor(t, func() bool { return wait.on.sql(wait.sql) == "t" })
	}

	t.Run("monitor", func(t *testing.T) {
		a, b := ask(t, "monitor", one, two, 5*time.Second)
		p, s := must(t, a), must(t, b)
		checkLate(t, major, one, two, p, s)
		for _, f := range []fact.SQL{p, s} {
			if f.HBA.Cause() != fact.Privilege {
				t.Errorf("pg_hba_file_rules: %s", asJSON(t, f.HBA))
			}
		}
	})
	t.Run("superuser", func(t *testing.T) {
		a, b := ask(t, "root", one, two, 5*time.Second)
		p, s := must(t, a), must(t, b)
		checkLate(t, major, one, two, p, s)
		checkHBA(t, p, s)
	})
	t.Run("plain", func(t *testing.T) { testLatePlain(t, one, two) })
	t.Run("granted", func(t *testing.T) { testGranted(t, one, two) })
	t.Run("locked", func(t *testing.T) { testLocked(t, one, two) })
	t.Run("no errors in the log", func(t *testing.T) {
		for _, role := range []string{"monitor", "plain", "root"} {
			before := one.errors()
			ask(t, role, one, two, 5*time.Second)
			if after := one.errors(); after != before {
				t.Errorf("%s: a run leaves %d errors in the server's log", role, after-before)
			}
		}
	})
}

func checkLate(t *testing.T, major int, one, two *server, p, s fact.SQL) {
	t.Helper()
	redo := func(s *server) string { return s.sql("SELECT redo_lsn FROM pg_control_checkpoint()") }
	slot := func(f fact.SQL, name string) fact.Slot {
		for _, s := range f.Slots.Must() {
			if s.Name == name {
				return s
			}
		}
		return fact.Slot{}
	}
	cdc, mine, unused := slot(p, "cdc"), slot(p, "two"), slot(p, "unused")
	ready, _ := strconv.Atoi(one.sql("SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'"))
	archiver := p.Archiver.Must()
	check(t, p, map[string]bool{
		"slots": len(p.Slots.Must()) >= 3,
		"cdc": cdc.Type == "logical" && cdc.Plugin == "pgoutput" && cdc.Database == "postgres" && !cdc.Active &&
			cdc.CatalogXmin &&
			cdc.ConfirmedFlush.Known() &&
			cdc.RestartLSN.Known() &&
			fact.Equal(cdc.WALStatus, "reserved"),
		"failover": cdc.Failover == (major >= 17) && !cdc.Synced && cdc.Invalid == "",
		"two": mine.Type == "physical" && mine.Active && mine.ActivePID > 0 && !mine.CatalogXmin &&
			mine.ConfirmedFlush.Cause() == fact.Absent,
		"unused": unused.Type == "physical" && unused.RestartLSN.Cause() == fact.Absent &&
			unused.WALStatus.Cause() == fact.Absent,
		"archiver": archiver.FailedCount > 0 && archiver.LastFailedAt.Known() &&
			archiver.LastArchivedAt.Cause() == fact.Absent &&
			len(archiver.LastFailedWAL) >= 24 &&
			ready > 0 &&
			fact.Equal(archiver.Ready, ready),
		"checkpoint": p.Checkpoint.Is(func(c fact.Checkpoint) bool {
			return c.RedoLSN.String() == redo(one) && time.Since(c.At) < time.Hour
		}),
		"activity": p.Activity.Is(func(a fact.Activity) bool {
			return a.Sessions == 3 && a.Active == 2 && a.OldestTransactionSeconds >= 1 && a.OldestQuerySeconds >= 1 &&
				a.PreparedTransactions == 1 && a.BaseBackups == 1
		}),
		"roles":    rolesAreRight(p.Roles.Must()),
		"database": fact.Equal(p.Database, "postgres"),
		"unlogged": fact.Equal(p.UnloggedTables, 2),
		"position": p.Earlier.Is(func(e fact.Position) bool { return fact.Equal(p.FlushLSN, e.LSN) }),
	})
	checkpoint := redo(two)
	check(t, s, map[string]bool{
		"slots":      s.Slots.Known(),
		"archiver":   s.Archiver.Is(func(a fact.Archiver) bool { return a.Ready.Known() }),
		"checkpoint": s.Checkpoint.Is(func(c fact.Checkpoint) bool { return c.RedoLSN.String() == checkpoint }),
		"activity": s.Activity.Is(func(a fact.Activity) bool {
			return a.Sessions == 1 && a.Active == 1 && a.OldestTransactionSeconds >= 1 && a.OldestQuerySeconds >= 1 &&
				a.BaseBackups == 0
		}),
		"roles":    rolesAreRight(s.Roles.Must()),
		"unlogged": fact.Equal(s.UnloggedTables, 2),
		"position": s.Earlier.Known(),
	})
	collations := []string{"/pg_catalog.de-x-icu"}
	if major >= 15 {
		collations = append(collations, "icu/")
	}
	for _, f := range []fact.SQL{p, s} {
		var got []string
		for _, c := range f.Collations.Must() {
			got = append(got, c.Database+"/"+c.Name)
			if c.Recorded != "0" || c.Actual == "" || c.Actual == "0" {
				t.Errorf("collation %+v", c)
			}
		}
		settings := f.Settings.Must()
		check(t, f, map[string]bool{
			"collations": slices.Equal(got, collations),
			"extensions": maps.Equal(f.Extensions.Must(), map[string]string{"plpgsql": "0.9"}),
			"available": maps.Equal(f.AvailableExtensions.Must(), map[string]bool{"plpgsql": false}) &&
				maps.Equal(f.PresentExtensions.Must(), map[string]bool{"plpgsql": true}),
			"commands": strings.HasPrefix(settings["archive_command"], "(set, sha256 ") &&
				strings.HasPrefix(settings["restore_command"], "(set, sha256 ") &&
				settings["archive_command"] != settings["restore_command"],
			"units": settings["wal_segment_size"] == "16777216" && settings["shared_buffers"] == "16384" &&
				settings["wal_keep_size"] == "64",
			"preloaded": settings["shared_preload_libraries"] == "" && hasKey(settings, "shared_preload_libraries"),
			"of our role": !hasKey(settings, "wal_sender_timeout") == (f.User == "monitor") &&
				settings["default_transaction_read_only"] == map[bool]string{false: "off"}[f.User == "monitor"],
			"no conninfo": !hasKey(settings, "primary_conninfo") && !hasKey(settings, "data_directory"),
		})
	}
	if p.Settings.Must()["archive_command"] != s.Settings.Must()["archive_command"] {
		t.Error("the same command on two nodes cannot be told to be the same")
	}
}

func hasKey(m map[string]string, name string) bool {
	_, ok := m[name]
	return ok
}

func rolesAreRight(l []fact.Role) bool {
	by := map[string]fact.Role{}
	for _, r := range l {
		by[r.Name] = r
	}
	_, monitor := by["monitor"]
	expired, forever, never, long := by["expired"], by["forever"], by["never"], by["long"]
	return !monitor && by["postgres"].Superuser && by["replicator"].CanLogin && by["replicator"].Replication &&
		fact.Equal(expired.ValidUntil, time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)) &&
		forever.Replication && !forever.CanLogin && forever.ValidUntil.Cause() == fact.Absent &&
		fact.Equal(never.ValidUntil, time.Unix(0, 0).UTC()) && long.ValidUntil.Cause() == fact.Absent
}

func checkHBA(t *testing.T, facts ...fact.SQL) {
	t.Helper()
	for _, f := range facts {
		check(t, f, map[string]bool{
			"rules": f.HBA.Is(func(l []fact.HBARule) bool {
				return len(l) == 4 &&
					l[0].Line == 1 && l[0].Type == "local" && slices.Equal(l[0].Databases, []string{"all"}) && l[0].Address == "" &&
					l[1].Type == "host" && slices.Equal(l[1].Databases, []string{"replication"}) &&
					slices.Equal(l[1].Users, []string{"replicator"}) &&
					l[1].Address == "127.0.0.1" && l[1].Netmask == "255.255.255.255" && l[1].Method == "scram-sha-256" &&
					l[1].Error == "" &&
					slices.Equal(l[2].Users, []string{"monitor", "plain", "root"}) && l[3].Method == "reject"
			}),
		})
	}
}

func testLatePlain(t *testing.T, one, two *server) {
	a, b := ask(t, "plain", one, two, 5*time.Second)
	for _, f := range []fact.SQL{must(t, a), must(t, b)} {
		ready := f.Archiver.Must().Ready
		_, preloaded := f.Settings.Must()["shared_preload_libraries"]
		check(t, f, map[string]bool{
			"activity": f.Activity.Cause() == fact.Privilege &&
				strings.HasSuffix(f.Activity.Reason(), "GRANT pg_monitor TO plain"),
			"ready": ready.Cause() == fact.Privilege &&
				strings.HasSuffix(ready.Reason(), "GRANT pg_monitor TO plain"),
			"hba":       f.HBA.Cause() == fact.Privilege && strings.Contains(f.HBA.Reason(), "TO plain; GRANT SELECT"),
			"preloaded": !preloaded,
			"for all": f.Slots.Known() && f.Roles.Known() && f.Database.Known() && f.UnloggedTables.Known() &&
				f.Extensions.Known(),
			"for all too": f.AvailableExtensions.Known() && f.Collations.Known() && f.Checkpoint.Known() && f.Earlier.Known(),
		})
	}
}

// The GRANT that a reason names is enough.
func testGranted(t *testing.T, one, two *server) {
	a, _ := ask(t, "monitor", one, two, 5*time.Second)
	_, grants, found := strings.Cut(must(t, a).HBA.Reason(), "in database postgres: ")
	if !found {
		t.Fatal(must(t, a).HBA.Reason())
	}
	for grant := range strings.SplitSeq(grants, "; ") {
		one.sql(grant)
		defer one.sql(strings.NewReplacer("GRANT", "REVOKE", " TO ", " FROM ").Replace(grant))
	}
	waitFor(
		t,
		func() bool {
			return two.sql(
				"SELECT has_function_privilege('monitor', 'pg_hba_file_rules()', 'EXECUTE') AND has_table_privilege('monitor', "+
					"'pg_hba_file_rules', 'SELECT')",
			) == "t"
		},
	)
	a, b := ask(t, "monitor", one, two, 5*time.Second)
	checkHBA(t, must(t, a), must(t, b))
}

// What waits for a lock hides nothing else.
func testLocked(t *testing.T, one, two *server) {
	one.session(t, "locker", "BEGIN; LOCK pg_extension IN ACCESS EXCLUSIVE MODE")
	waitFor(
		t,
		func() bool {
			return one.sql(
				"SELECT count(*) FROM pg_locks WHERE relation = 'pg_extension'::regclass AND mode = 'AccessExclusiveLock' AND "+
					"granted",
			) == "1"
		},
	)
	begin := time.Now()
	a, b := ask(t, "root", one, two, 1500*time.Millisecond)
	p, s := must(t, a), must(t, b)
	check(t, p, map[string]bool{
		"extensions": p.Extensions.Cause() == fact.Failed && p.AvailableExtensions.Cause() == fact.Failed,
		"others":     p.FlushLSNAfter.Known() && p.Collations.Known() && p.UnloggedTables.Known() && p.HBA.Known(),
	})
	check(t, s, map[string]bool{"hba": s.HBA.Known()})
	if took := time.Since(begin); took > 1700*time.Millisecond {
		t.Errorf("took %s", took)
	}
}

// testSyncWait lets a commit wait for a standby that does not exist. wait_event is SyncRep
// in every version.
func testSyncWait(t *testing.T, one, two *server) {
	waits := func() int {
		a, _ := ask(t, "monitor", one, two, 5*time.Second)
		return must(t, a).Activity.Must().SyncWaits
	}
	one.sql("CREATE TABLE waits (x int)")
	if n := waits(); n != 0 {
		t.Errorf("%d sessions wait, and there is no list", n)
	}
	one.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	one.sql("SELECT pg_reload_conf()")
	waitFor(t, func() bool { return one.sql("SHOW synchronous_standby_names") == "nobody" })
	one.session(t, "writer", "INSERT INTO waits VALUES (1)")
	waitFor(t, func() bool { return waits() == 1 })
	waitFor(t, func() bool {
		a, _ := ask(t, "monitor", one, two, 5*time.Second)
		f := must(t, a)
		return f.Activity.Must().OldestSyncWaitSeconds >= 1 && f.Settings.Must()["synchronous_standby_names"] == "nobody"
	})
	one.sql("ALTER SYSTEM RESET synchronous_standby_names")
	one.sql("SELECT pg_reload_conf()")
	waitFor(t, func() bool { return waits() == 0 })
}

// testConflict lets a session on the standby stand in the way of its replay: by a
// lock, which every version shows, and by a snapshot.
func testConflict(t *testing.T, one, two *server) {
	version, _ := strconv.Atoi(one.sql("SHOW server_version_num"))
	seen := func() bool {
		_, b := ask(t, "monitor", one, two, 5*time.Second)
		return must(t, b).Activity.Must().ReplayConflict
	}
	if seen() {
		t.Error("a conflict, and there is none")
	}
	one.sql("CREATE TABLE busy AS SELECT generate_series(1, 1000) AS x")
	waitFor(t, func() bool {
		return one.sql(
			"SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication WHERE application_name = 'node 2'",
		) == "t"
	})
	for _, c := range []struct {
		what, holds string
		clash       []string
		since       int
	}{
		{"a lock", "BEGIN; SELECT count(*) FROM busy", []string{"BEGIN; LOCK busy IN ACCESS EXCLUSIVE MODE; COMMIT"}, 10},
		{"a snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1", []string{"DELETE FROM busy", "VACUUM busy"}, 13},
	} {
		if version/10000 < c.since {
			continue
		}
		two.session(t, c.what, c.holds)
		waitFor(t, func() bool {
			return two.sql(
				"SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND "+
					"application_name = '"+c.what+"'",
			) == "1"
		})
		for _, q := range c.clash {
			one.sql(q)
		}
		waitFor(t, seen)
		two.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + c.what + "'")
		waitFor(t, func() bool { return !seen() })
	}
	one.sql("DROP TABLE busy")
}

// baseBackup begins one that is too slow to end.
func (s *server) baseBackup(t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(
		t.Context(),
		filepath.Join(s.bin, "pg_basebackup"),
		"-h",
		"127.0.0.1",
		"-p",
		strconv.Itoa(s.port),
		"-U",
		"replicator",
		"-D",
		"-",
		"-F",
		"tar",
		"-X",
		"none",
		"-c",
		"fast",
		"-r",
		"32",
	)
	cmd.Env = append(os.Environ(), "PGPASSWORD="+secret+" application_name=wrong")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}
