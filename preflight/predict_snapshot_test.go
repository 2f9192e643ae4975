package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

func TestPredictFor(t *testing.T) {
	const bypass = "Could not switchover using Patroni api, falling back to DCS"
	for _, c := range []struct {
		name, candidate string
		do              func(s *fact.Recording)
		stage           patroni.Stage
		printed         string // the end of it
		winners         string
	}{
		{"fit", "node2", func(*fact.Recording) {}, patroni.StageDone, `over to "node2"`, "node2"},
		{"nobody named", "", func(*fact.Recording) {}, patroni.StageDone, `over to "node2" or "node3"`, "node2 node3"},
		{"one is dead", "", func(s *fact.Recording) { facttest.Killed(s, 2) }, patroni.StageDone, `over to "node2"`, "node2"},
		{"one may be dead", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").REST = fact.NotKnown[fact.REST](fact.Unreached, "no route")
		}, patroni.StageDone, `over to "node2" or "node3"`, "node2 node3"},
		{"one has the higher priority", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").REST.Value.Tags = fact.Known(fact.Tags{"failover_priority": 2.0})
		}, patroni.StageDone, `over to "node3"`, "node3"},
		{"the candidate may be dead", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Unreached, "no route")
		}, patroni.StageUnknown, "", ""},
		{"the leader answers nobody", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		}, patroni.StageDone, bypass, "node2"},
		{"the leader answers nobody, and the candidate has died", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		}, patroni.StageLeader, bypass, ""},
		{"the leader answers nobody, maintenance mode, nobody named", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
			facttest.Dynamic(s).Pause = fact.Known(true)
		}, patroni.StageLeader, bypass, ""},
		{"the leader answers nobody, yesterday", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
			s.Question.ScheduledAt = "2020-01-01T00:00:00Z"
		}, patroni.StageLeader, bypass, ""},
		{"the leader answers nobody, no space", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
			s.DCS.Alarms = fact.Known([]string{"NOSPACE"})
		}, patroni.StageCtl, bypass, ""},
		{"the leader is frozen", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Silent, "silent")
		}, patroni.StageSilent, "", ""},
		{"we do not reach the leader", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Unreached, "no route")
		}, patroni.StageUnknown, "", ""},
		{
			"the leader's loop stands",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").Liveness = fact.Known(503) },
			patroni.StageQueued,
			"503, Switchover status unknown",
			"",
		},
		{"the leader's lease is old", "node2", func(s *fact.Recording) {
			s.DCS.Cluster.Value.LeaderLease = fact.Known(fact.Lease{GrantedSeconds: 60, RemainingSeconds: 1})
		}, patroni.StageQueued, "503, Switchover status unknown", ""},
		{
			"no space",
			"node2",
			func(s *fact.Recording) { s.DCS.Alarms = fact.Known([]string{"NOSPACE"}) },
			patroni.StageREST,
			"503, failed to write failover key into DCS",
			"",
		},
		{
			"slow",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Stamp.Seconds = 2 },
			patroni.StageREST,
			"no good candidates have been found",
			"",
		},
		{
			"tomorrow",
			"node2",
			func(s *fact.Recording) { s.Question.ScheduledAt = "2030-01-01T00:00:00+01:00" },
			patroni.StageScheduled,
			"Switchover scheduled",
			"",
		},
		{
			"yesterday",
			"node2",
			func(s *fact.Recording) { s.Question.ScheduledAt = "2020-01-01T00:00:00Z" },
			patroni.StageREST,
			"422, Cannot schedule switchover in the past",
			"",
		},
		{
			"some time",
			"node2",
			func(s *fact.Recording) { s.Question.ScheduledAt = "next tuesday" },
			patroni.StageUnknown,
			"",
			"",
		},
		{"Citus", "node2", func(s *fact.Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = fact.Known(""), fact.Known([]string{"0", "1"})
		}, patroni.StageCtl, "For Citus clusters the --group must me specified", ""},
		{"the same wrong answer", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST = facttest.Member(s.Snapshot, "node1").REST
		}, patroni.StageLeader, "503, Switchover failed", ""},
		{"a loopback address, at which nobody answers us", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.APIURL = fact.Known("http://127.0.0.1:8008/patroni")
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		}, patroni.StageLeader, "503, Switchover failed", ""},
		{
			"check_timeline, and no history",
			"node2",
			func(s *fact.Recording) {
				facttest.Dynamic(
					s,
				).CheckTimeline, s.DCS.Cluster.Value.History = fact.Known(true), facttest.Unknown[[]fact.HistoryEntry]()
			},
			patroni.StageUnknown,
			"",
			"",
		},
	} {
		s := facttest.Healthy(t)
		s.Question.Candidate = c.candidate
		c.do(s)
		p := patroni.PredictFor(s.Snapshot, s.Question)
		if p.Stage != c.stage || !strings.HasSuffix(p.Printed, c.printed) || strings.Join(p.Winners, " ") != c.winners {
			t.Errorf("%s: %s, %q, %q", c.name, p.Stage, p.Printed, p.Winners)
		}
		if (p.Stage == patroni.StageUnknown) != (p.Accepted == nil && len(p.Unknown) > 0) {
			t.Errorf("%s: accepted %v, unknown %q", c.name, p.Accepted, p.Unknown)
		}
	}
}

// TestPredictionKnowsWhatItHangsOn: with a fact taken away the prediction is the
// same, or unknown; it is never another one.
func TestPredictionKnowsWhatItHangsOn(t *testing.T) {
	for name, do := range map[string]func(*fact.Recording){
		"fit":          func(*fact.Recording) {},
		"nobody named": func(s *fact.Recording) { s.Question.Candidate = "" },
		"no space":     func(s *fact.Recording) { s.DCS.Alarms = fact.Known([]string{"NOSPACE"}) },
		"paused":       func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true); s.Question.Candidate = "" },
		"not in /sync": func(s *fact.Recording) { facttest.Dynamic(s).SynchronousMode = fact.Known("on") },
		"too far behind": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.Received = fact.Known(fact.LSN(1))
			facttest.Member(s.Snapshot, "node2").REST.Value.Replayed = fact.Known(fact.LSN(1))
		},
		"nofailover": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		},
		"watchdog": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.WatchdogFailed = fact.Known(true)
		},
		"older timeline": func(s *fact.Recording) {
			facttest.Dynamic(s).CheckTimeline = fact.Known(true)
			s.DCS.Cluster.Value.History = fact.Known([]fact.HistoryEntry{{Timeline: 8}})
		},
		"quorum": func(s *fact.Recording) { facttest.QuorumWith(s, "4.0.7"); facttest.Killed(s, 2) },
	} {
		s := facttest.Healthy(t)
		do(s)
		want := patroni.PredictFor(s.Snapshot, s.Question)
		if want.Stage == patroni.StageUnknown {
			t.Errorf("%s: unknown from the start: %q", name, want.Unknown)
		}
		facttest.WithoutEach(s, func(path string) {
			if got := patroni.PredictFor(s.Snapshot, s.Question); got.Stage != want.Stage && got.Stage != patroni.StageUnknown {
				t.Errorf("%s: %s without %s, %s with it", name, got.Stage, path, want.Stage)
			}
		})
	}
}

func TestFallback(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(s *fact.Recording)
		winners string
		lost    int64
	}{
		{"the other one", func(*fact.Recording) {}, "node3", 0},
		{"the other one, which is behind", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
			facttest.Lag(s, "node3", 4096)
		}, "node3", 4096},
		{"the other one is dead", func(s *fact.Recording) { facttest.Killed(s, 2) }, "node1", 0},
		{
			"the other one may not",
			func(s *fact.Recording) {
				facttest.Member(
					s.Snapshot,
					"node3",
				).Key.Value.Tags, facttest.Member(
					s.Snapshot,
					"node3",
				).REST.Value.Tags = fact.Known(fact.Tags{"nofailover": true}), fact.Known(fact.Tags{"nofailover": true})
			},
			"node1",
			0,
		},
		{"maintenance mode", func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true) }, "", -1},
		{"4.0.5: the old leader races beside the other one", func(s *fact.Recording) { runs(s, "4.0.5") }, "node3 node1", 0},
	} {
		s := facttest.Healthy(t)
		c.do(s)
		f := patroni.PredictFor(s.Snapshot, s.Question.About("node2")).Fallback
		if f == nil || strings.Join(f.Winners, " ") != c.winners || (f.Lost == nil) != (c.lost < 0) ||
			f.Lost != nil && *f.Lost != c.lost {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// TestObjection: prediction and policy stand apart.
func TestObjection(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *fact.Recording)
		want string
	}{
		{"fit", func(*fact.Recording) {}, ""},
		{"refused by Patroni", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST.Value.WatchdogFailed = fact.Known(true)
		}, ""},
		{"not streaming", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
			facttest.Lag(s, "node2", 4096)
		}, "node2 is not streaming; 4.0 kB of WAL with acknowledged commits would be lost"},
		{"not streaming, idle", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
			facttest.Member(s.Snapshot, "node2").SQL.Value.ReceiveLSN = facttest.Member(s.Snapshot, "node1").SQL.Value.FlushLSN
		}, "node2 is not streaming; commits until the leader stops would be lost"},
		{
			"ahead",
			func(s *fact.Recording) {
				facttest.Member(
					s.Snapshot,
					"node2",
				).SQL.Value.ReceiveLSN = fact.Known(*facttest.Member(s.Snapshot, "node1").SQL.Value.FlushLSNAfter.Value + 1)
			},
			"node2 has diverged from the leader; commits of the leader since then would be lost",
		},
		{
			"maintenance mode",
			func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true) },
			"in maintenance mode no other member takes over if the promotion fails",
		},
	} {
		s := facttest.Healthy(t)
		c.do(s)
		r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
		if r.Objection != c.want {
			t.Errorf("%s: %q, want %q", c.name, r.Objection, c.want)
		}
		i := slices.IndexFunc(r.Candidates, func(c preflight.CandidateReport) bool { return c.Name == "node2" })
		if got := r.Candidates[i]; got.Objection != c.want || got.Prediction.Stage != r.Prediction.Stage {
			t.Errorf("%s: of the candidate %q, %s", c.name, got.Objection, got.Prediction.Stage)
		}
	}
}
