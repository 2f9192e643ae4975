package forecast_test

import (
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/forecast"
)

func TestForecast(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(s *fact.Recording)
		least float64 // the interruption is at least that
		most  float64 // and at most that; 0: without a limit
		knows string  // status unknown
		part  string  // the longest part's name begins so
		asks  string  // advice
	}{
		{"healthy", func(*fact.Recording) {}, 0.5, 10, "no", "", ""},
		{
			"a consumer that is stuck",
			func(s *fact.Recording) { facttest.Stalled(s, "pg_receivewal", 20*time.Second, 58<<20) },
			30,
			80,
			"expected",
			"a WAL consumer",
			"pg_terminate_backend(4711)",
		},
		{"a consumer that is stuck, for ever", func(s *fact.Recording) {
			facttest.Set(s, "node1", "wal_sender_timeout", "0")
			facttest.Stalled(s, "cdc", 20*time.Second, 58<<20)
		}, 0.5, 0, "possible", "a WAL consumer", "pg_terminate_backend(4711)"},
		{
			"a consumer that is silent, all sent",
			func(s *fact.Recording) { facttest.Stalled(s, "pg_receivewal", 40*time.Second, 0) },
			0.5,
			10,
			"no",
			"a WAL consumer",
			"pg_terminate_backend(4711)",
		},
		{"two that are stuck are waited for at once", func(s *fact.Recording) {
			facttest.Stalled(s, "a", 20*time.Second, 58<<20)
			facttest.Stalled(s, "b", 20*time.Second, 58<<20)
		}, 30, 80, "expected", "a WAL consumer", "pg_terminate_backend"},
		{"a base backup is no stall", func(s *fact.Recording) {
			facttest.Stalled(s, "pg_basebackup", time.Hour, 1<<30)
			rows := *facttest.Member(s.Snapshot, "node1").SQL.Value.WalSenders.Value
			rows[len(rows)-1].State = fact.Known("backup")
		}, 0.5, 10, "no", "", ""},
		{"a replay backlog", func(s *fact.Recording) {
			q := facttest.Member(s.Snapshot, "node2").SQL.Value
			q.ReplayLSN = fact.Known(*facttest.Member(s.Snapshot, "node1").SQL.Value.FlushLSN.Value - 1<<30)
		}, 2, 200, "possible", "replay", "Wait"},
		{"replay waits for a session, for ever", func(s *fact.Recording) {
			facttest.Session(s, 5, "-1")
			facttest.CandidateSQL(s).Activity.Value.ReplayConflict = true
		}, 0.5, 0, "possible", "replay", "End the session on node2"},
		{"replay waits for a session, for half a minute", func(s *fact.Recording) {
			facttest.Session(s, 5, "30000")
			facttest.CandidateSQL(s).Activity.Value.ReplayConflict = true
		}, 0.5, 40, "possible", "replay", "End the session on node2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := facttest.Healthy(t)
			c.do(s)
			f := forecast.ForecastFor(s.Snapshot, "node2")
			if f.Interruption.Least < c.least || (f.Interruption.Most == nil) != (c.most == 0) ||
				(c.most > 0 && *f.Interruption.Most > c.most) {
				t.Errorf("interruption %s", f.Interruption)
			}
			if f.StatusUnknown != c.knows {
				t.Errorf("status unknown: %s", f.StatusUnknown)
			}
			if c.part != "" && !strings.HasPrefix(f.Parts[0].Name, c.part) {
				t.Errorf("the longest part is %q", f.Parts[0].Name)
			}
			if !strings.Contains(f.Advice, c.asks) || (c.asks == "" && f.Advice != "") {
				t.Errorf("advice %q", f.Advice)
			}
		})
	}
}

// TestForecastOfNothing: of nothing, nothing is forecast too well.
func TestForecastOfNothing(t *testing.T) {
	f := forecast.ForecastFor(&fact.Snapshot{}, "")
	if f.Interruption.Most != nil || len(f.Unseen) == 0 {
		t.Errorf("%s, unseen %v", f.Interruption, f.Unseen)
	}
}

// TestRaceBackoff: Patroni 4.2 may let the members wait where no candidate is named.
func TestRaceBackoff(t *testing.T) {
	for _, c := range []struct {
		version, candidate string
		backoff            int64
		waits              bool
	}{
		{"4.2.0", "", 15, true},
		{"4.2.0", "node2", 15, false},
		{"4.2.0", "", 0, false},
		{"4.1.4", "", 15, false},
	} {
		s := facttest.Healthy(t)
		facttest.LeaderVersion(s, c.version)
		facttest.Dynamic(s).PrimaryRaceBackoff = fact.Known(c.backoff)
		before := forecast.ForecastFor(facttest.Healthy(t).Snapshot, c.candidate).Interruption
		after := forecast.ForecastFor(s.Snapshot, c.candidate).Interruption
		if wait := *after.Most - *before.Most; (wait == float64(c.backoff)) != c.waits && c.backoff > 0 {
			t.Errorf("%+v: %.1f s more", c, wait)
		}
	}
}
