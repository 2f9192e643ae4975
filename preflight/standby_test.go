package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/forecast"
	"patroni-preflight/preflight/verify"
)

// standbySnapshot is a real standby cluster of Patroni 4.0.7: b1 leads and
// follows another cluster, b2 streams from it, and b3 from b2.
func standbySnapshot(t *testing.T, candidate string) *fact.Recording {
	s := facttest.Load(t, "../recorded/trixie-standby-cluster")
	s.Question.Candidate = candidate
	return s
}

// TestStandbyClusterPromotesNobody: what is only about a promotion says so, and
// neither blocks nor warns.
func TestStandbyClusterPromotesNobody(t *testing.T) {
	s := standbySnapshot(t, "b3")
	// Patroni writes this of a standby leader at all times.
	if !fact.Equal(check.KeyCheckpointed.Of(s.Snapshot, "b1"), false) {
		t.Fatal("the recording has no checkpoint_after_promote: false")
	}
	q := facttest.Member(s.Snapshot, "b3").SQL.Value
	q.ReplayLSN = fact.Known(q.ReceiveLSN.Must() - 64<<20)
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if r.Verdict != preflight.Go || r.Summary.Warnings != 0 {
		t.Errorf("%s with %d warnings\n%s", r.Verdict, r.Summary.Warnings, facttest.Fails(r))
	}
	for _, id := range []string{"leader.checkpoint", "lag.replay", "candidate.cascade"} {
		subject := "b3"
		if id == "leader.checkpoint" {
			subject = "b1"
		}
		if res := facttest.ResultOf(
			t,
			r,
			id,
			subject,
		); res.Status != check.Pass ||
			!strings.Contains(res.Findings[0].Sentence(), "a standby cluster: ") {
			t.Errorf("%s: %s %+v", id, res.Status, res.Findings)
		}
	}
	f := r.Forecast
	if f == nil || !f.StandbyCluster || slices.ContainsFunc(f.Parts, func(p forecast.ForecastPart) bool {
		return strings.Contains(p.Name, "promotion") || strings.Contains(p.Name, "replay")
	}) {
		t.Errorf("forecast %+v", f)
	}
	if p := preflight.PlanOf(s.Snapshot, r); !p.StandbyCluster {
		t.Errorf("plan %+v", p)
	}
}

// TestStandbyClusterStillRefuses: what the words are about differs, not the verdict.
func TestStandbyClusterStillRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		do       func(*fact.Recording)
		by, says string
		never    string
		warns    bool
	}{
		"not streaming": {func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "b2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, "candidate.streaming", "the primary of the other site", "already acknowledged to clients", false},
		"another timeline": {func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "b2").SQL.Value.Timeline = fact.Known(int64(7))
		}, "candidate.timeline", "could not follow the primary of the other site", "promoted", false},
		"replay paused": {func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "b2").SQL.Value.ReplayPaused = fact.Known(true)
		}, "candidate.replay_paused", "would lead it without replaying WAL", "The promotion", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := standbySnapshot(t, "b2")
			tc.do(s)
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			res := facttest.ResultOf(t, r, tc.by, "b2")
			want := preflight.NoGo
			if tc.warns {
				want = preflight.Go
			}
			if r.Verdict != want || res.Status != check.Fail || !strings.Contains(res.Findings[0].Effect, tc.says) ||
				strings.Contains(res.Findings[0].Effect, tc.never) {
				t.Errorf("%s, %s: %+v", r.Verdict, res.Status, res.Findings)
			}
		})
	}
}

// TestVerifyStandbyClusterWrongWinner: a standby leader is in recovery for good,
// so that alone is no reason to wait for the end of it.
func TestVerifyStandbyClusterWrongWinner(t *testing.T) {
	b := facttest.BaselineOf(standbySnapshot(t, "b2"))
	s := standbySnapshot(t, "b2")
	s.DCS.Cluster.Value.Leader = fact.Known("b3")
	if v := verify.Verify(b, s.Snapshot); v.Settled {
		t.Errorf("settled while no member follows: %s", v.Reason)
	}
	leads := facttest.Member(s.Snapshot, "b3").SQL.Value
	leads.WalSenders = fact.Known([]fact.WalSender{
		{ApplicationName: "b1", State: fact.Known("streaming")}, {ApplicationName: "b2", State: fact.Known("streaming")},
	})
	leads.Slots = facttest.Member(s.Snapshot, b.Leader).SQL.Value.Slots
	v := verify.Verify(b, s.Snapshot)
	if v.Outcome != verify.Different || !v.Settled {
		t.Errorf("%s, settled %t: %s", v.Outcome, v.Settled, v.Progress())
	}
	facttest.Member(s.Snapshot, "b3").SQL.Value.InRecovery = fact.NotKnown[bool](fact.Refused, "starting")
	if v := verify.Verify(b, s.Snapshot); v.Settled {
		t.Errorf("settled while the new leader does not answer: %s", v.Reason)
	}
}
