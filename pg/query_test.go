package pg

import (
	"regexp"
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
		want := 18
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
		1500 * time.Millisecond: "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 1500;\nSET LOCAL lock_timeout = 1000;\nSET LOCAL search_path = pg_catalog;\n",
		200 * time.Millisecond:  "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 200;\nSET LOCAL lock_timeout = 200;\nSET LOCAL search_path = pg_catalog;\n",
		// 0 would mean no limit.
		0:          "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 1;\nSET LOCAL lock_timeout = 1;\nSET LOCAL search_path = pg_catalog;\n",
		-time.Hour: "BEGIN READ ONLY;\nSET LOCAL statement_timeout = 1;\nSET LOCAL lock_timeout = 1;\nSET LOCAL search_path = pg_catalog;\n",
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
