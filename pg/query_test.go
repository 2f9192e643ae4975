package pg

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func find(t *testing.T, major int, name string) part {
	t.Helper()
	for _, p := range allParts(major) {
		if p.name == name {
			return p
		}
	}
	t.Fatalf("PostgreSQL %d: no part %s", major, name)
	return part{}
}

// Columns that a version does not have must not be asked of it.
func TestPartsByVersion(t *testing.T) {
	tests := []struct {
		part, column string
		first, last  int
	}{
		{senders, "reply_time", 12, 18},
		{receiver, "sender_host", 11, 18},
		{receiver, "sender_port", 11, 18},
		{receiver, "flushed_lsn", 13, 18},
		{receiver, "received_lsn", 10, 12},
		{conninfo, "current_setting('primary_conninfo', true)", 12, 18},
		{conninfo, "FROM pg_stat_wal_receiver", 10, 11},
		{receiver, "received_tli", 10, 18},
		{senders, "sync_state", 10, 18},
		{control, "pg_control_system()", 10, 18},
		{positions, "pg_is_wal_replay_paused()", 10, 18},
		{slots, "wal_status", 13, 18},
		{slots, "CASE WHEN conflicting THEN 'conflicting' END", 16, 16},
		{slots, "invalidation_reason", 17, 18},
		{slots, "failover, synced", 17, 18},
		{activity, "pg_stat_progress_basebackup", 13, 18},
		{activity, "pg_stat_replication WHERE state = 'backup'", 10, 12},
		{activity, "backend_type = 'client backend'", 10, 18},
		{collations, "datcollversion", 15, 18},
		{collations, "collversion <> pg_collation_actual_version(c.oid)", 10, 18},
		{settings, "sha256(", 11, 18},
		{settings, "md5(", 10, 10},
		{control, "redo_lsn", 10, 18},
	}
	for _, tt := range tests {
		for major := 10; major <= 18; major++ {
			want := major >= tt.first && major <= tt.last
			if got := strings.Contains(find(t, major, tt.part).sql, tt.column); got != want {
				t.Errorf("PostgreSQL %d, %s: asks for %s: %v, want %v", major, tt.part, tt.column, got, want)
			}
		}
	}
}

// Parts that a version does not have, or that the role may not read, are not asked.
func TestPartsLeftOut(t *testing.T) {
	asked := func(major int, may allowed, name string) bool {
		return slices.ContainsFunc(lateParts(major, may), func(p part) bool { return p.name == name })
	}
	for major := 10; major <= 18; major++ {
		for _, tt := range []struct {
			part  string
			may   allowed
			since int
		}{
			{ready, allowed{ready: true}, 12},
			{ready, allowed{hba: true}, 99},
			{hba, allowed{hba: true}, 10},
			{hba, allowed{ready: true}, 99},
			{collation, allowed{}, 15},
			{slots, allowed{}, 10},
			{unlogged, allowed{}, 10},
		} {
			if got := asked(major, tt.may, tt.part); got != (major >= tt.since) {
				t.Errorf("PostgreSQL %d, %+v: %s asked: %v", major, tt.may, tt.part, got)
			}
		}
		all := lateParts(major, allowed{ready: true, hba: true})
		if last := all[len(all)-1].name; last != hba {
			t.Errorf("PostgreSQL %d: the last is %s, not %s", major, last, hba)
		}
	}
}

// What may hold a secret is nowhere read as it stands.
func TestSecretsStayOnTheServer(t *testing.T) {
	for major := 10; major <= 18; major++ {
		sql := find(t, major, settings).sql
		masked := regexp.MustCompile(
			`CASE WHEN name IN \('([^)]*)'\) AND setting NOT IN \('', '\(disabled\)'\) THEN '\(set, '`,
		).
			FindStringSubmatch(sql)
		if masked == nil {
			t.Fatalf("PostgreSQL %d: nothing is masked: %s", major, sql)
		}
		for _, name := range settingNames {
			if strings.HasSuffix(name, "_command") && !slices.Contains(strings.Split(masked[1], "', '"), name) {
				t.Errorf("PostgreSQL %d: %s is read in clear text", major, name)
			}
		}
		for _, p := range allParts(major) {
			if p.name == hba && strings.Contains(p.sql, "options") {
				t.Error("the options of a rule in pg_hba.conf may hold secrets of LDAP and RADIUS")
			}
		}
	}
	if slices.Contains(settingNames, "primary_conninfo") {
		t.Error("primary_conninfo is read in clear text")
	}
	if !slices.IsSorted(settingNames) || len(slices.Compact(slices.Clone(settingNames))) != len(settingNames) {
		t.Error("settingNames are not sorted, or one is there twice")
	}
}

func TestPartsAreSingleQueries(t *testing.T) {
	for major := 10; major <= 18; major++ {
		seen := map[string]bool{}
		for _, p := range allParts(major) {
			if seen[p.name] {
				t.Errorf("PostgreSQL %d: %s twice", major, p.name)
			}
			seen[p.name] = true
			if !strings.HasPrefix(p.sql, "SELECT ") || strings.Contains(p.sql, ";") || p.most < 1 {
				t.Errorf("PostgreSQL %d, %s: %q, at most %d rows", major, p.name, p.sql, p.most)
			}
			if got := selected(p.sql); got != p.columns {
				t.Errorf("PostgreSQL %d, %s: %d columns, %d expected: %s", major, p.name, got, p.columns, p.sql)
			}
		}
		want := 21
		for _, since := range []int{12, 15} {
			if major >= since {
				want++
			}
		}
		if len(seen) != want {
			t.Errorf("PostgreSQL %d: %d parts, want %d", major, len(seen), want)
		}
	}
}

// selected counts the columns of a SELECT: the commas outside brackets and quotes.
func selected(sql string) int {
	sql = regexp.MustCompile(`'[^']*'`).ReplaceAllString(sql, "''")
	n, depth := 1, 0
	for i := range len(sql) {
		switch sql[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				n++
			}
		}
		if depth == 0 && strings.HasPrefix(sql[i:], " FROM ") {
			break
		}
	}
	return n
}

func TestLaterVersionsAreAskedAs18(t *testing.T) {
	for i, p := range allParts(19) {
		if p != allParts(18)[i] {
			t.Errorf("%s differs", p.name)
		}
	}
}

func TestBegin(t *testing.T) {
	for timeout, want := range map[time.Duration]string{
		1500 * time.Millisecond: "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 1500;\nSET LOCAL lock_timeout = 1000;\n" +
			"SET LOCAL search_path = pg_catalog;\n",
		200 * time.Millisecond: "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 200;\nSET LOCAL lock_timeout = 200;\nSET " +
			"LOCAL search_path = pg_catalog;\n",
		// 0 would mean no limit.
		0: "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 1;\nSET LOCAL lock_timeout = 1;\nSET LOCAL " +
			"search_path = pg_catalog;\n",
		-time.Hour: "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 1;\nSET LOCAL lock_timeout = 1;\nSET LOCAL " +
			"search_path = pg_catalog;\n",
	} {
		if got := beginSQL(timeout); got != want {
			t.Errorf("%s: %q, want %q", timeout, got, want)
		}
	}
}

func TestMajorVersion(t *testing.T) {
	for s, want := range map[string]int{
		"15.20 (Debian 15.20-0+deb12u1)": 15, "18beta1": 18, "9.6.24": 9, "10": 10, "19devel": 19,
		"": 0, "PgBouncer 1.21": 0, "0.1": 0, "-5": 0, "99999999999999999999": 0, "1000": 0,
	} {
		got, ok := majorVersion(s)
		if ok != (want != 0) || (ok && got != want) {
			t.Errorf("%q: %d %v, want %d", s, got, ok, want)
		}
	}
}
