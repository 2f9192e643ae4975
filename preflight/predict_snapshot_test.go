package preflight

import (
	"slices"
	"strings"
	"testing"
)

func TestPredictFor(t *testing.T) {
	const bypass = "Could not switchover using Patroni api, falling back to DCS"
	for _, c := range []struct {
		name, candidate string
		do              func(s *Recording)
		stage           Stage
		printed         string // the end of it
		winners         string
	}{
		{"fit", "node2", func(*Recording) {}, StageDone, `over to "node2"`, "node2"},
		{"nobody named", "", func(*Recording) {}, StageDone, `over to "node2" or "node3"`, "node2 node3"},
		{"one is dead", "", func(s *Recording) { killed(s, 2) }, StageDone, `over to "node2"`, "node2"},
		{"one may be dead", "", func(s *Recording) { s.member("node3").REST = NotKnown[REST](Unreached, "no route") }, StageDone, `over to "node2" or "node3"`, "node2 node3"},
		{"one has the higher priority", "", func(s *Recording) {
			s.member("node3").REST.Value.Tags = Known(Tags{"failover_priority": 2.0})
		}, StageDone, `over to "node3"`, "node3"},
		{"the candidate may be dead", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Unreached, "no route") }, StageUnknown, "", ""},
		{"the leader answers nobody", "node2", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Refused, "refused") }, StageDone, bypass, "node2"},
		{"the leader answers nobody, and the candidate has died", "node2", func(s *Recording) {
			s.member("node1").REST = NotKnown[REST](Refused, "refused")
			s.member("node2").REST = NotKnown[REST](Refused, "refused")
		}, StageLeader, bypass, ""},
		{"the leader answers nobody, maintenance mode, nobody named", "", func(s *Recording) {
			s.member("node1").REST = NotKnown[REST](Refused, "refused")
			config4(s).Pause = Known(true)
		}, StageLeader, bypass, ""},
		{"the leader answers nobody, yesterday", "node2", func(s *Recording) {
			s.member("node1").REST = NotKnown[REST](Refused, "refused")
			s.Question.ScheduledAt = "2020-01-01T00:00:00Z"
		}, StageLeader, bypass, ""},
		{"the leader answers nobody, no space", "node2", func(s *Recording) {
			s.member("node1").REST = NotKnown[REST](Refused, "refused")
			s.DCS.Alarms = Known([]string{"NOSPACE"})
		}, StageCtl, bypass, ""},
		{"the leader is frozen", "node2", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Silent, "silent") }, StageSilent, "", ""},
		{"we do not reach the leader", "node2", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Unreached, "no route") }, StageUnknown, "", ""},
		{"the leader's loop stands", "node2", func(s *Recording) { s.member("node1").Liveness = Known(503) }, StageQueued, "503, Switchover status unknown", ""},
		{"the leader's lease is old", "node2", func(s *Recording) { s.DCS.Cluster.Value.LeaderLease = Known(Lease{60, 1}) }, StageQueued, "503, Switchover status unknown", ""},
		{"no space", "node2", func(s *Recording) { s.DCS.Alarms = Known([]string{"NOSPACE"}) }, StageREST, "503, failed to write failover key into DCS", ""},
		{"slow", "node2", func(s *Recording) { s.member("node2").REST.Stamp.Seconds = 2 }, StageREST, "no good candidates have been found", ""},
		{"tomorrow", "node2", func(s *Recording) { s.Question.ScheduledAt = "2030-01-01T00:00:00+01:00" }, StageScheduled, "Switchover scheduled", ""},
		{"yesterday", "node2", func(s *Recording) { s.Question.ScheduledAt = "2020-01-01T00:00:00Z" }, StageREST, "422, Cannot schedule switchover in the past", ""},
		{"some time", "node2", func(s *Recording) { s.Question.ScheduledAt = "next tuesday" }, StageUnknown, "", ""},
		{"Citus", "node2", func(s *Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = Known(""), Known([]string{"0", "1"})
		}, StageCtl, "For Citus clusters the --group must me specified", ""},
		{"the same wrong answer", "node2", func(s *Recording) { s.member("node2").REST = s.member("node1").REST }, StageLeader, "503, Switchover failed", ""},
		{"a loopback address, at which nobody answers us", "node2", func(s *Recording) {
			s.member("node2").Key.Value.APIURL = Known("http://127.0.0.1:8008/patroni")
			s.member("node2").REST = NotKnown[REST](Refused, "refused")
		}, StageLeader, "503, Switchover failed", ""},
		{"check_timeline, and no history", "node2", func(s *Recording) {
			config4(s).CheckTimeline, s.DCS.Cluster.Value.History = Known(true), unknown[[]HistoryEntry]()
		}, StageUnknown, "", ""},
	} {
		s := healthy(t)
		s.Question.Candidate = c.candidate
		c.do(s)
		p := PredictFor(s.Snapshot, s.Question)
		if p.Stage != c.stage || !strings.HasSuffix(p.Printed, c.printed) || strings.Join(p.Winners, " ") != c.winners {
			t.Errorf("%s: %s, %q, %q", c.name, p.Stage, p.Printed, p.Winners)
		}
		if (p.Stage == StageUnknown) != (p.Accepted == nil && len(p.Unknown) > 0) {
			t.Errorf("%s: accepted %v, unknown %q", c.name, p.Accepted, p.Unknown)
		}
	}
}

// TestPredictionKnowsWhatItHangsOn: with a fact taken away the prediction is the
// same, or unknown; it is never another one.
func TestPredictionKnowsWhatItHangsOn(t *testing.T) {
	for name, do := range map[string]func(*Recording){
		"fit":          func(*Recording) {},
		"nobody named": func(s *Recording) { s.Question.Candidate = "" },
		"no space":     func(s *Recording) { s.DCS.Alarms = Known([]string{"NOSPACE"}) },
		"paused":       func(s *Recording) { config4(s).Pause = Known(true); s.Question.Candidate = "" },
		"not in /sync": func(s *Recording) { config4(s).SynchronousMode = Known("on") },
		"too far behind": func(s *Recording) {
			s.member("node2").REST.Value.Received = Known(LSN(1))
			s.member("node2").REST.Value.Replayed = Known(LSN(1))
		},
		"nofailover": func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": true}) },
		"watchdog":   func(s *Recording) { s.member("node2").REST.Value.WatchdogFailed = Known(true) },
		"older timeline": func(s *Recording) {
			config4(s).CheckTimeline = Known(true)
			s.DCS.Cluster.Value.History = Known([]HistoryEntry{{Timeline: 8}})
		},
		"quorum": func(s *Recording) { quorumWith(s, "4.0.7"); killed(s, 2) },
	} {
		s := healthy(t)
		do(s)
		want := PredictFor(s.Snapshot, s.Question)
		if want.Stage == StageUnknown {
			t.Errorf("%s: unknown from the start: %q", name, want.Unknown)
		}
		withoutEach(s, func(path string) {
			if got := PredictFor(s.Snapshot, s.Question); got.Stage != want.Stage && got.Stage != StageUnknown {
				t.Errorf("%s: %s without %s, %s with it", name, got.Stage, path, want.Stage)
			}
		})
	}
}

func TestFallback(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      func(s *Recording)
		winners string
		lost    int64
	}{
		{"the other one", func(*Recording) {}, "node3", 0},
		{"the other one, which is behind", func(s *Recording) {
			s.member("node3").SQL.Value.WalReceiver = Known(WalReceiver{})
			lag(s, "node3", 4096)
		}, "node3", 4096},
		{"the other one is dead", func(s *Recording) { killed(s, 2) }, "node1", 0},
		{"the other one may not", func(s *Recording) {
			s.member("node3").Key.Value.Tags, s.member("node3").REST.Value.Tags = Known(Tags{"nofailover": true}), Known(Tags{"nofailover": true})
		}, "node1", 0},
		{"maintenance mode", func(s *Recording) { config4(s).Pause = Known(true) }, "", -1},
		{"4.0.5: the old leader races beside the other one", func(s *Recording) { runs(s, "4.0.5") }, "node3 node1", 0},
	} {
		s := healthy(t)
		c.do(s)
		f := PredictFor(s.Snapshot, s.Question.About("node2")).Fallback
		if f == nil || strings.Join(f.Winners, " ") != c.winners || (f.Lost == nil) != (c.lost < 0) || f.Lost != nil && *f.Lost != c.lost {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}

// TestObjection: prediction and policy stand apart.
func TestObjection(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(s *Recording)
		want string
	}{
		{"fit", func(*Recording) {}, ""},
		{"refused by Patroni", func(s *Recording) { s.member("node2").REST.Value.WatchdogFailed = Known(true) }, ""},
		{"not streaming", func(s *Recording) {
			s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
			lag(s, "node2", 4096)
		}, "node2 is not streaming; 4.0 kB that clients were told are safe would be lost"},
		{"not streaming, idle", func(s *Recording) {
			s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
			s.member("node2").SQL.Value.ReceiveLSN = s.member("node1").SQL.Value.FlushLSN
		}, "node2 is not streaming; what is committed until the leader stops would be lost"},
		{"ahead", func(s *Recording) {
			s.member("node2").SQL.Value.ReceiveLSN = Known(*s.member("node1").SQL.Value.FlushLSNAfter.Value + 1)
		}, "node2 has diverged from the leader; what the leader committed since would be lost"},
		{"maintenance mode", func(s *Recording) { config4(s).Pause = Known(true) }, "in maintenance mode nobody takes over if the promotion fails"},
	} {
		s := healthy(t)
		c.do(s)
		r := Judge(s.Snapshot, s.Question, Policies{})
		if r.Objection != c.want {
			t.Errorf("%s: %q, want %q", c.name, r.Objection, c.want)
		}
		i := slices.IndexFunc(r.Candidates, func(c CandidateReport) bool { return c.Name == "node2" })
		if got := r.Candidates[i]; got.Objection != c.want || got.Prediction.Stage != r.Prediction.Stage {
			t.Errorf("%s: of the candidate %q, %s", c.name, got.Objection, got.Prediction.Stage)
		}
	}
}
