package preflight

import (
	"strings"
	"testing"
	"time"
)

// leaderSQL is the leader's session, for a test to change.
func leaderSQL(s *Recording) *SQL { return s.member("node1").SQL.Value }

// consumerFrom adds a consumer of the leader's WAL on a machine.
func consumerFrom(s *Recording, addr string, age time.Duration, unsent, unconfirmed int64) {
	stalled(s, "cdc", age, unsent)
	rows := *leaderSQL(s).WalSenders.Value
	w := &rows[len(rows)-1]
	if addr != "" {
		w.ClientAddr = Known(addr)
	}
	have := Known(*leaderSQL(s).FlushLSN.Value - LSN(unconfirmed))
	w.WriteLSN, w.FlushLSN = have, have
}

// logically makes the last consumer that of a logical slot.
func logically(s *Recording) {
	rows := *leaderSQL(s).WalSenders.Value
	*leaderSQL(s).Slots.Value = append(*leaderSQL(s).Slots.Value, Slot{Name: "cdc", Type: "logical", Plugin: "pgoutput", Database: "postgres", Active: true, ActivePID: rows[len(rows)-1].PID, CatalogXmin: true})
}

// unconfirmedYet is what PostgreSQL 18 showed of a pg_recvlogical that was stopped
// before its first reply, while a transaction of 61 MB was decoded for it: sent_lsn
// is at the end, the confirmed positions are NULL, and the slot knows better.
func unconfirmedYet(s *Recording, silence time.Duration) {
	consumerFrom(s, elsewhere, silence, 0, 0)
	logically(s)
	rows, slots := *leaderSQL(s).WalSenders.Value, *leaderSQL(s).Slots.Value
	w := &rows[len(rows)-1]
	w.SentLSN = Known(*leaderSQL(s).FlushLSN.Value - 0x68)
	w.WriteLSN, w.FlushLSN, w.ReplayLSN = NotKnown[LSN](Absent, "NULL"), NotKnown[LSN](Absent, "NULL"), NotKnown[LSN](Absent, "NULL")
	slots[len(slots)-1].ConfirmedFlush = Known(*leaderSQL(s).FlushLSN.Value - 0x3ACB108)
}

const (
	elsewhere = "192.0.2.7"
	onNode3   = "10.77.9.23"
)

func leaderVersion(s *Recording, v string) { s.member("node1").Key.Value.Version = Known(v) }

func syncOn(s *Recording) {
	config4(s).SynchronousMode = Known("on")
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2"}})
}

func fails1(s *Recording) *Archiver {
	a := leaderSQL(s).Archiver.Value
	a.LastFailedAt, a.FailedCount, a.LastFailedWAL = Known(s.TakenAt), 7, "000000010000000000000005"
	return a
}

func schedule(s *Recording, at string) { s.Question.ScheduledAt = at }

func in(s *Recording, d time.Duration) string { return s.TakenAt.Add(d).UTC().Format(time.RFC3339) }

// TestConsumersByName: the finding names the client, so that it can be found.
func TestConsumersByName(t *testing.T) {
	s := healthy(t)
	consumerFrom(s, elsewhere, 13*time.Second, 58<<20, 58<<20)
	text := resultOf(t, Judge(s.Snapshot, s.Question, Policies{}), "shutdown.walsenders", "node1").Findings[0].Sentence()
	for _, want := range []string{`"cdc" from 192.0.2.7, pid 4711`, "58.0 MB not sent", "pg_terminate_backend(4711)", "60 s (wal_sender_timeout)"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %s", want, text)
		}
	}
}

func TestParseSchedule(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-01T03:00:00+00:00": "2026-12-01T03:00:00Z", "2026-12-01T03:00Z": "2026-12-01T03:00:00Z",
		"2026-12-01 03:00:00.5+01:00": "2026-12-01T02:00:00.5Z", "2026-12-01T03:00+0530": "2026-11-30T21:30:00Z",
	} {
		at, zoned, ok := parseSchedule(text)
		if !ok || !zoned || at.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %s, %t, %t", text, at.UTC(), zoned, ok)
		}
	}
	if _, zoned, ok := parseSchedule("2026-12-01 03:00"); !ok || zoned {
		t.Error("a time without a zone")
	}
	if _, _, ok := parseSchedule("3 am"); ok {
		t.Error("no time at all")
	}
}
