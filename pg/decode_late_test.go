package pg

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
)

func TestDecodeSlots(t *testing.T) {
	none := func(column string) fact.Observed[fact.LSN] {
		return fact.NotKnown[fact.LSN](fact.Absent, "pg_replication_slots, %s: NULL", column)
	}
	want := []fact.Slot{
		{
			Name: "cdc", Type: "logical", Plugin: "pgoutput", Database: "app", CatalogXmin: true,
			RestartLSN: fact.Known(fact.LSN(0x4000000)), ConfirmedFlush: fact.Known(fact.LSN(0x4000100)),
			WALStatus: fact.Known("extended"),
		},
		{
			Name: "old", Type: "physical", RestartLSN: none("restart_lsn"), ConfirmedFlush: none("confirmed_flush_lsn"),
			WALStatus: fact.NotKnown[string](fact.Absent, "pg_replication_slots, wal_status: NULL"),
		},
		{
			Name: "two", Type: "physical", Active: true, ActivePID: 12,
			RestartLSN: fact.Known(fact.LSN(0x4FFFF00)), ConfirmedFlush: none("confirmed_flush_lsn"),
			WALStatus: fact.Known("reserved"),
		},
	}
	if got := mustDecode(t, 15, primaryRows()).Slots.Must(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
	rows := primaryRows()
	rows[slots] = [][]any{
		{"s", "logical", "pgoutput", "app", "f", nil, "f", nil, "0/1", "t", "lost", "wal_removed", "t", "t"},
	}
	got := mustDecode(t, 18, rows).Slots.Must()[0]
	if got.Invalid != "wal_removed" || !got.Failover || !got.Synced || !fact.Equal(got.WALStatus, "lost") {
		t.Errorf("%s", asJSON(t, got))
	}
	for _, major := range []int{10, 12, 13} {
		status := mustDecode(t, major, primaryRows()).Slots.Must()[0].WALStatus
		if old := status.Cause() == fact.Unsupport; old != (major < 13) {
			t.Errorf("PostgreSQL %d: %s", major, asJSON(t, status))
		}
	}
}

func TestDecodeArchiver(t *testing.T) {
	want := fact.Archiver{
		LastArchivedAt: fact.Known(micro(earlier)), LastFailedAt: fact.Known(micro(clock)),
		LastFailedWAL: "000000040000000000000004", ArchivedCount: 7, FailedCount: 2, Ready: fact.Known(3),
	}
	if got := mustDecode(t, 15, primaryRows()).Archiver.Must(); !reflect.DeepEqual(got, want) {
		t.Errorf("%s", asJSON(t, got))
	}
	never := mustDecode(t, 15, standbyRows()).Archiver.Must()
	if never.LastArchivedAt.Cause() != fact.Absent || never.LastFailedAt.Cause() != fact.Absent ||
		never.LastFailedWAL != "" {
		t.Errorf("%s", asJSON(t, never))
	}
	for _, major := range []int{10, 11, 12} {
		ready := mustDecode(t, major, primaryRows()).Archiver.Must().Ready
		if old := ready.Cause() == fact.Unsupport; old != (major < 12) {
			t.Errorf("PostgreSQL %d: %s", major, asJSON(t, ready))
		}
	}
}

func TestDecodeRolesAndHBA(t *testing.T) {
	f := mustDecode(t, 15, primaryRows())
	roles := f.Roles.Must()
	if len(roles) != 2 || roles[0].Name != "postgres" || !roles[0].Superuser ||
		!fact.Equal(roles[0].ValidUntil, micro(clock)) ||
		!roles[1].Replication || !roles[1].CanLogin ||
		roles[1].ValidUntil.Cause() != fact.Absent {
		t.Errorf("%s", asJSON(t, roles))
	}
	rows := primaryRows()
	rows[rights] = [][]any{{"app", "t", "t"}}
	want := []fact.HBARule{
		{Line: 90, Type: "local", Databases: []string{"all"}, Users: []string{"all"}, Method: "peer"},
		{
			Line: 95, Type: "host", Databases: []string{"replication", "a b"}, Users: []string{"replicator", "+dba"},
			Address: "10.0.0.0", Netmask: "255.0.0.0", Method: "scram-sha-256",
		},
		{Line: 97, Error: "end-of-line before authentication method"},
	}
	if got := mustDecode(t, 15, rows).HBA.Must(); !reflect.DeepEqual(got, want) {
		t.Errorf("%s", asJSON(t, got))
	}
}

func TestDecodeActivity(t *testing.T) {
	rows := primaryRows()
	// A statement that began after our clock was read.
	rows[activity] = [][]any{{"1", "1", "-1", "-1", "0", "2", "0", "t", "3", "-1"}}
	if got := mustDecode(
		t,
		15,
		rows,
	).Activity.Must(); got != (fact.Activity{Sessions: 1, Active: 1, BaseBackups: 2, ReplayConflict: true, SyncWaits: 3}) {
		t.Errorf("%+v", got)
	}
	// What a session without track_activities does is not seen.
	rows[activity] = [][]any{{"2", "0", nil, nil, "0", "0", "1", "f", "0", nil}}
	if got := mustDecode(
		t,
		15,
		rows,
	).Activity; got.Cause() != fact.Unsupport ||
		!strings.Contains(got.Reason(), "track_activities is off") {
		t.Errorf("%s", asJSON(t, got))
	}
	// Without pg_read_all_stats the others' rows have no backend_type: nothing is
	// counted, and that nothing is no evidence.
	rows[identity][0][1] = "f"
	rows[activity] = [][]any{{"0", "0", nil, nil, "0", "0", "0", "f", "0", nil}}
	if got := mustDecode(
		t,
		15,
		rows,
	).Activity; got.Cause() != fact.Privilege ||
		!strings.HasSuffix(got.Reason(), "GRANT pg_monitor TO monitor") {
		t.Errorf("%s", asJSON(t, got))
	}
}

func TestDecodePosition(t *testing.T) {
	want := fact.Position{LSN: 0x4000000, At: micro(earlier)}
	if got := mustDecode(t, 15, standbyRows()).Earlier; !fact.Equal(got, want) {
		t.Errorf("%s", asJSON(t, got))
	}
	rows := standbyRows()
	rows[sample] = [][]any{{nil, nil, earlier}} // nothing replayed yet
	if got := mustDecode(t, 15, rows).Earlier; got.Cause() != fact.Absent {
		t.Errorf("%s", asJSON(t, got))
	}
}

func TestDecodeCollationVersion(t *testing.T) {
	for _, major := range []int{14, 15} {
		got := mustDecode(t, major, primaryRows()).CollationVersion
		if old := got.Cause() == fact.Unsupport; old != (major < 15) {
			t.Errorf("PostgreSQL %d: %s", major, asJSON(t, got))
		}
	}
	rows := primaryRows()
	rows[collation] = [][]any{{nil}} // the locale C
	if got := mustDecode(
		t,
		15,
		rows,
	).CollationVersion; got.Cause() != fact.Absent ||
		!strings.Contains(got.Reason(), "has no versions") {
		t.Errorf("%s", asJSON(t, got))
	}
}

// A list that is cut short, or has a row that makes no sense, is unknown as a whole.
func TestDecodeRefusesBadLists(t *testing.T) {
	facts := map[string]func(fact.SQL) observation{
		slots:      func(f fact.SQL) observation { return f.Slots },
		roles:      func(f fact.SQL) observation { return f.Roles },
		hba:        func(f fact.SQL) observation { return f.HBA },
		extensions: func(f fact.SQL) observation { return f.Extensions },
		available:  func(f fact.SQL) observation { return f.AvailableExtensions },
		collations: func(f fact.SQL) observation { return f.Collations },
	}
	bad := map[string]int{slots: 4, roles: 1, hba: 2, extensions: 1, available: 1, collations: 2}
	for name, get := range facts {
		rows := primaryRows()
		rows[rights][0][2] = "t"
		good := rows[name]
		rows[name] = slices.Repeat(good[:1], manyRows)
		if got := get(mustDecode(t, 15, rows)); !got.Known() {
			t.Errorf("%s: %d rows are unknown: %s", name, manyRows, got.Reason())
		}
		rows[name] = slices.Repeat(good[:1], manyRows+1)
		if got := get(
			mustDecode(t, 15, rows),
		); got.Cause() != fact.Unsupport ||
			!strings.Contains(got.Reason(), "more than 2000 rows") {
			t.Errorf("%s: %d rows: %q, %s", name, manyRows+1, got.Cause(), got.Reason())
		}
		row := slices.Clone(good[1])
		row[bad[name]] = "{nonsense"
		if name == extensions {
			row[bad[name]] = strings.Repeat("9", 100<<10)
		}
		rows[name] = [][]any{good[0], row}
		got := get(mustDecode(t, 15, rows))
		if want := name != collations; want == got.Known() || (want && got.Cause() != fact.Malformed) {
			t.Errorf("%s with a bad row: known %v, %q, %s", name, got.Known(), got.Cause(), got.Reason())
		}
	}
	rows := primaryRows()
	rows[collations][0][3] = nil
	if got := mustDecode(t, 15, rows).Collations; got.Known() {
		t.Error("a mismatch without the actual version is known")
	}
	for column, part := range map[string]string{"-1": unlogged, "x": control, "NaN": archiver} {
		rows := primaryRows()
		rows[part][0][len(rows[part][0])-1] = column
		f := mustDecode(t, 15, rows)
		got := map[string]observation{unlogged: f.UnloggedTables, control: f.Checkpoint}[part]
		if part == archiver {
			got = f.Archiver.Must().LastFailedAt
		}
		if got.Cause() != fact.Malformed {
			t.Errorf("%s = %s: %q, %s", part, column, got.Cause(), got.Reason())
		}
	}
}
