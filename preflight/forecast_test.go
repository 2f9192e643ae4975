package preflight

import (
	"strings"
	"testing"
	"time"
)

// stalled freezes a consumer of the leader's WAL.
func stalled(s *Recording, app string, age time.Duration, unsent int64) {
	q := s.member("node1").SQL.Value
	flush := *q.FlushLSN.Value
	sent := Known(flush - LSN(unsent))
	*q.WalSenders.Value = append(*q.WalSenders.Value, WalSender{
		PID: 4711, User: "replicator", ApplicationName: app, State: Known("streaming"),
		SentLSN: sent, WriteLSN: sent, FlushLSN: sent, ReplyTime: Known(q.At.Value.Add(-age)),
	})
}

func set(s *Recording, member, name, value string) {
	(*s.member(member).SQL.Value.Settings.Value)[name] = value
}

func TestForecast(t *testing.T) {
	for _, c := range []struct {
		name  string
		do    func(s *Recording)
		least float64 // the interruption is at least that
		most  float64 // and at most that; 0: without a limit
		knows string  // status unknown
		part  string  // the longest part's name begins so
		asks  string  // advice
	}{
		{"healthy", func(*Recording) {}, 0.5, 10, "no", "", ""},
		{"a consumer that is stuck", func(s *Recording) { stalled(s, "pg_receivewal", 20*time.Second, 58<<20) }, 30, 80, "expected", "a consumer", "pg_terminate_backend(4711)"},
		{"a consumer that is stuck, for ever", func(s *Recording) {
			set(s, "node1", "wal_sender_timeout", "0")
			stalled(s, "cdc", 20*time.Second, 58<<20)
		}, 0.5, 0, "possible", "a consumer", "pg_terminate_backend(4711)"},
		{"a consumer that is silent, all sent", func(s *Recording) { stalled(s, "pg_receivewal", 40*time.Second, 0) }, 0.5, 10, "no", "a consumer", "pg_terminate_backend(4711)"},
		{"two that are stuck are waited for at once", func(s *Recording) {
			stalled(s, "a", 20*time.Second, 58<<20)
			stalled(s, "b", 20*time.Second, 58<<20)
		}, 30, 80, "expected", "a consumer", "pg_terminate_backend"},
		{"a base backup is no stall", func(s *Recording) {
			stalled(s, "pg_basebackup", time.Hour, 1<<30)
			rows := *s.member("node1").SQL.Value.WalSenders.Value
			rows[len(rows)-1].State = Known("backup")
		}, 0.5, 10, "no", "", ""},
		{"a replay backlog", func(s *Recording) {
			q := s.member("node2").SQL.Value
			q.ReplayLSN = Known(*s.member("node1").SQL.Value.FlushLSN.Value - 1<<30)
		}, 2, 200, "possible", "replay", "Wait"},
		{"replay waits for a session, for ever", func(s *Recording) {
			session(s, 5, "-1")
			candidateSQL(s).Activity.Value.ReplayConflict = true
		}, 0.5, 0, "possible", "replay", "End the session on node2"},
		{"replay waits for a session, for half a minute", func(s *Recording) {
			session(s, 5, "30000")
			candidateSQL(s).Activity.Value.ReplayConflict = true
		}, 0.5, 40, "possible", "replay", "End the session on node2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := healthy(t)
			c.do(s)
			f := ForecastFor(s.Snapshot, "node2")
			if f.Interruption.Least < c.least || (f.Interruption.Most == nil) != (c.most == 0) || (c.most > 0 && *f.Interruption.Most > c.most) {
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
	f := ForecastFor(&Snapshot{}, "")
	if f.Interruption.Most != nil || len(f.Unseen) == 0 {
		t.Errorf("%s, unseen %v", f.Interruption, f.Unseen)
	}
}

func TestSecondsAsText(t *testing.T) {
	for want, r := range map[string]Seconds{"2 to 6 s": upTo(2.3, 5.5), "1 s": upTo(1, 1), "57 s or more": {Least: 57}} {
		if r.String() != want {
			t.Errorf("%q, want %q", r, want)
		}
	}
}
