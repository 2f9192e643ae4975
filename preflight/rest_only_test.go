package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// restOnly is a real cluster of Patroni 4.0.7 with Raft as its store, as REST and
// SQL show it: node3 leads.
func restOnly(t *testing.T) *fact.Recording {
	return facttest.Load(t, "../recorded/trixie-raft-is-not-read")
}

// TestUnreadStoreIsNeverGo: whatever is taken for granted but the store itself.
func TestUnreadStoreIsNeverGo(t *testing.T) {
	s := restOnly(t)
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if r.Verdict != preflight.UnknownState || r.Summary.Blockers > 0 {
		t.Errorf("%s\n%s", r.Verdict, facttest.Fails(r))
	}
	c := s.DCS.Cluster.Value
	c.Initialize, c.Optime, c.Failover, c.Sync = fact.Known(
		facttest.Member(s.Snapshot, "node3").REST.Value.SystemID.Must(),
	), fact.Known(
		facttest.Member(s.Snapshot, "node3").SQL.Value.FlushLSN.Must(),
	), fact.Known(
		fact.Failover{},
	), fact.Known(
		fact.Sync{},
	)
	c.LeaderLease, s.DCS.Alarms = fact.Known(fact.Lease{GrantedSeconds: 20, RemainingSeconds: 19}), fact.Known([]string{})
	for i := range s.Members {
		m := &s.Members[i]
		m.Lease, m.Key.Value.Role = fact.Known(fact.Lease{GrantedSeconds: 20, RemainingSeconds: 19}), m.REST.Value.Role
	}
	r = preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	var open []string
	for _, res := range r.Results {
		if res.Weight == preflight.Unseen {
			open = append(open, res.Check)
		}
	}
	if r.Verdict != preflight.UnknownState || !slices.Equal(open, []string{"dcs.reachable"}) {
		t.Errorf("%s, by %q", r.Verdict, open)
	}
}

// TestUnreadStoreStillBlocks: what REST and SQL show is judged, though the checks on the
// store under it could not be.
func TestUnreadStoreStillBlocks(t *testing.T) {
	for name, tc := range map[string]struct {
		do       func(*fact.Recording)
		by, asks string
	}{
		"pause": {func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true) }, "maintenance.pause", "GET http://10.77.54.21:8008/config"},
		"not streaming": {func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, "candidate.streaming", "pg_stat_wal_receiver at"},
		"lag": {func(s *fact.Recording) {
			q := facttest.Member(s.Snapshot, "node2").SQL.Value
			q.ReceiveLSN, q.ReplayLSN = fact.Known(fact.LSN(0x1000000)), fact.Known(fact.LSN(0x1000000))
		}, "lag.receive", "by SQL"},
		"a tag": {func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		}, "candidate.nofailover", "GET http://10.77.54.21:8008/cluster, member node2"},
		"another name": {func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Name = fact.Known("node3") }, "identity.rest_name", "GET http://10.77.54.22:8008/patroni"},
		"another cluster": {
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL.Value.SystemID = fact.Known("7") },
			"identity.sql_system_id",
			"pg_control_system()",
		},
		"no leader":     {func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("") }, "dcs.leader", "GET http://10.77.54.21:8008/cluster"},
		"paused member": {func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Pause = fact.Known(true) }, "maintenance.member", "GET http://10.77.54.22:8008/patroni"},
	} {
		t.Run(name, func(t *testing.T) {
			s := restOnly(t)
			tc.do(s)
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			i := slices.IndexFunc(
				r.Results,
				func(res preflight.WeighedResult) bool { return res.Check == tc.by && res.Weight == preflight.Blocks },
			)
			if r.Verdict != preflight.NoGo || i < 0 || !strings.Contains(r.Results[i].Findings[0].Asked, tc.asks) {
				t.Fatalf("%s\n%s", r.Verdict, facttest.Fails(r))
			}
		})
	}
}

// TestGroundThatIsUnknownOtherwise: it is the unread store alone that is passed
// over, not a store that does not answer.
func TestGroundThatIsUnknownOtherwise(t *testing.T) {
	s := restOnly(t)
	s.DCS.Read = fact.NotKnown[int](fact.Silent, "no answer")
	facttest.Dynamic(s).Pause = fact.Known(true)
	if r := preflight.Judge(
		s.Snapshot,
		s.Question,
		check.Policies{},
	); facttest.ResultOf(
		t,
		r,
		"maintenance.pause",
		"",
	).Status != check.Skipped {
		t.Errorf("%+v", facttest.ResultOf(t, r, "maintenance.pause", ""))
	}
	s = restOnly(t)
	s.DCS.ByREST = ""
	facttest.Dynamic(s).Pause = fact.Known(true)
	if r := preflight.Judge(
		s.Snapshot,
		s.Question,
		check.Policies{},
	); facttest.ResultOf(
		t,
		r,
		"maintenance.pause",
		"",
	).Status != check.Skipped {
		t.Errorf("%+v", facttest.ResultOf(t, r, "maintenance.pause", ""))
	}
}
