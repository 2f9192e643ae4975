package check_test

import (
	"slices"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

// TestCascade: one finding, by candidate.cascade, on a candidate that streams
// from another member, none where that is a bystander's way, and no verdict where
// it cannot be seen from whom it streams.
func TestCascade(t *testing.T) {
	s := facttest.Healthy(t)
	cascades(s)
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if r.Verdict != preflight.Go || r.Summary.Warnings != 1 {
		t.Errorf("%s with %d warnings\n%s", r.Verdict, r.Summary.Warnings, facttest.Fails(r))
	}
	if res := facttest.ResultOf(t, r, "candidate.streaming", "node2"); res.Status != check.Pass {
		t.Errorf("candidate.streaming is %s", res.Status)
	}
	s.Question.Candidate = "node3"
	if r := preflight.Judge(
		s.Snapshot,
		s.Question,
		check.Policies{},
	); r.Verdict != preflight.Go ||
		r.Summary.Warnings != 0 {
		t.Errorf("to the upstream: %s with %d warnings\n%s", r.Verdict, r.Summary.Warnings, facttest.Fails(r))
	}
	s.Question.Candidate = "node2"
	facttest.Member(s.Snapshot, "node3").SQL = facttest.Unknown[fact.SQL]()
	if r := preflight.Judge(s.Snapshot, s.Question, check.Policies{}); r.Verdict != preflight.UnknownState {
		t.Errorf("without node3's pg_stat_replication: %s", r.Verdict)
	}
}

// TestCascadeKnowingLess takes away every fact of a cascade: that never makes it
// a NO-GO, and nothing that says where the WAL comes from may be missing from a GO.
func TestCascadeKnowingLess(t *testing.T) {
	s := facttest.Healthy(t)
	cascades(s)
	var without []string
	facttest.WithoutEach(s, func(path string) {
		switch preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Verdict {
		case preflight.NoGo:
			t.Errorf("NO-GO without %s", path)
		case preflight.UnknownState:
			without = append(without, path)
		}
	})
	for _, path := range []string{
		".Members[node3].SQL",
		".Members[node3].SQL.WalSenders",
		".Members[node3].SQL.WalReceiver",
		".Members[node3].SQL.WalReceiver.Status",
		".Members[node3].SQL.WalSenders[node2].State",
		".Members[node3].SQL.At",
	} {
		if !slices.Contains(without, path) {
			t.Errorf("GO without %s", path)
		}
	}
}

// TestDelayDoesNotHideABacklog: what a delay holds back has to be replayed, and
// lag.replay says so.
func TestDelayDoesNotHideABacklog(t *testing.T) {
	s := facttest.Healthy(t)
	facttest.Set(s, "node2", "recovery_min_apply_delay", "3600000")
	backlog(s, 2*patroni.DefaultMaximumLag)
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if res := facttest.ResultOf(
		t,
		r,
		"lag.replay",
		"node2",
	); r.Verdict != preflight.NoGo ||
		res.Weight != preflight.Blocks {
		t.Errorf("%s, lag.replay %s", r.Verdict, res.Weight)
	}
}

// TestABystandersReplayIsItsOwn: a delayed or reporting replica is no fault.
func TestABystandersReplayIsItsOwn(t *testing.T) {
	s := facttest.Healthy(t)
	s.Question.Candidate = "node3"
	facttest.Set(s, "node2", "recovery_min_apply_delay", "3600000")
	facttest.Session(s, 300, "-1")
	backlog(s, 4096)
	facttest.CandidateSQL(s).Activity.Value.ReplayConflict = true
	if r := preflight.Judge(
		s.Snapshot,
		s.Question,
		check.Policies{},
	); r.Verdict != preflight.Go ||
		r.Summary.Warnings != 0 {
		t.Errorf("%s with %d warnings\n%s", r.Verdict, r.Summary.Warnings, facttest.Fails(r))
	}
}
