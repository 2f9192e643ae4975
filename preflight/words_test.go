package preflight_test

import (
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/audit"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/forecast"
	"patroni-preflight/preflight/patroni"
)

// TestRequestRefused: what a rehearsed request tells a drill before its first leg.
func TestRequestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		answer fact.Observed[fact.RequestAnswer]
		code   int
		why    string
	}{
		"none was tried": {fact.Observed[fact.RequestAnswer]{}, exitcode.Go, ""},
		"no answer":      {facttest.Silent[fact.RequestAnswer](), exitcode.Unknown, "no answer"},
		"no login":       {fact.Known(fact.RequestAnswer{HTTPStatus: 401, Text: "no auth"}), exitcode.NoGo, "401"},
		"accepted":       {fact.Known(fact.RequestAnswer{HTTPStatus: 400}), exitcode.Go, ""},
	} {
		s := facttest.Healthy(t)
		facttest.Member(s.Snapshot, "node1").Request = c.answer
		code, why := preflight.RequestRefused(s.Snapshot, "node1")
		if code != c.code || !strings.Contains(why, c.why) {
			t.Errorf("%s: %d, %q; want %d, %q", name, code, why, c.code, c.why)
		}
	}
}

// TestWords: the names of facts, and what an interruption misses.
func TestWords(t *testing.T) {
	if got := fact.Config.Name(); got != "/config" {
		t.Errorf("the fact is called %q", got)
	}
	asked := fact.Asked[bool]{Label: "whether it is asked"}
	if got := asked.Name(); got != asked.Label {
		t.Errorf("the fact is called %q", got)
	}
	primary, site := forecast.Forecast{}.Missed(), forecast.Forecast{StandbyCluster: true}.Missed()
	if primary == site {
		t.Errorf("a standby cluster misses %q, as any other", site)
	}
	if !audit.AuditedTag("nofailover") || audit.AuditedTag("site") {
		t.Error("nofailover is a tag of Patroni, site is not")
	}
	if !audit.AuditedParameter("wal_level") || audit.AuditedParameter("primary_conninfo") {
		t.Error("an audit reads wal_level, and not what may hold a password")
	}
}

// TestUnknownStatus: Patroni 4.2 says how long it waited, by loop_wait.
func TestUnknownStatus(t *testing.T) {
	for _, c := range []struct {
		version  string
		loopWait int64
		want     string
	}{
		{"4.1.4", 30, "Switchover failed, details: 503, Switchover status unknown"},
		{"4.2.0", 10, "Switchover result unknown, details: 503, Switchover status unknown after 20 seconds; " +
			"operation may still be in progress"},
		{"4.2.0", 30, "Switchover result unknown, details: 503, Switchover status unknown after 60 seconds; " +
			"operation may still be in progress"},
	} {
		s := facttest.Healthy(t)
		for i := range s.Members {
			s.Members[i].Key.Value.Version = fact.Known(c.version)
		}
		facttest.Dynamic(s).LoopWait, facttest.Dynamic(s).RetryTimeout = fact.Known(c.loopWait), fact.Known(int64(10))
		// The leader's HA loop stands still.
		facttest.Member(s.Snapshot, "node1").Liveness = fact.Known(503)
		if got := patroni.PredictFor(s.Snapshot, s.Question).Printed; got != c.want {
			t.Errorf("%s, loop_wait %d: %q, want %q", c.version, c.loopWait, got, c.want)
		}
	}
	s := facttest.Healthy(t)
	facttest.LeaderVersion(s, "5.0.0")
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if r.Verdict != preflight.Go {
		t.Errorf("a newer release: %s", r.Verdict)
	}
}
