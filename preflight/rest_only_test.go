package preflight

import (
	"slices"
	"strings"
	"testing"
)

// restOnly is a real cluster of Patroni 4.0.7 with Raft as its store, as REST and
// SQL show it: node3 leads.
func restOnly(t *testing.T) *Recording { return load(t, "../recorded/trixie-raft-is-not-read") }

// TestUnreadStoreIsNeverGo: whatever is taken for granted but the store itself.
func TestUnreadStoreIsNeverGo(t *testing.T) {
	s := restOnly(t)
	r := Judge(s.Snapshot, s.Question, Policies{})
	if r.Verdict != UnknownState || r.Summary.Blockers > 0 {
		t.Errorf("%s\n%s", r.Verdict, fails(r))
	}
	c := s.DCS.Cluster.Value
	c.Initialize, c.Optime, c.Failover, c.Sync = Known(s.member("node3").REST.Value.SystemID.Must()), Known(s.member("node3").SQL.Value.FlushLSN.Must()), Known(Failover{}), Known(Sync{})
	c.LeaderLease, s.DCS.Alarms = Known(Lease{20, 19}), Known([]string{})
	for i := range s.Members {
		m := &s.Members[i]
		m.Lease, m.Key.Value.Role = Known(Lease{20, 19}), m.REST.Value.Role
	}
	r = Judge(s.Snapshot, s.Question, Policies{})
	var open []string
	for _, res := range r.Results {
		if res.Weight == Unseen {
			open = append(open, res.Check)
		}
	}
	if r.Verdict != UnknownState || !slices.Equal(open, []string{"dcs.reachable"}) {
		t.Errorf("%s, by %q", r.Verdict, open)
	}
}

// TestUnreadStoreStillBlocks: what REST and SQL show is judged, though the checks on the
// store under it could not be.
func TestUnreadStoreStillBlocks(t *testing.T) {
	for name, tc := range map[string]struct {
		do       func(*Recording)
		by, asks string
	}{
		"pause":         {func(s *Recording) { config4(s).Pause = Known(true) }, "maintenance.pause", "GET http://10.77.54.21:8008/config"},
		"not streaming": {func(s *Recording) { s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{}) }, "candidate.streaming", "pg_stat_wal_receiver at"},
		"lag": {func(s *Recording) {
			q := s.member("node2").SQL.Value
			q.ReceiveLSN, q.ReplayLSN = Known(LSN(0x1000000)), Known(LSN(0x1000000))
		}, "lag.receive", "by SQL"},
		"a tag":           {func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": true}) }, "candidate.nofailover", "GET http://10.77.54.21:8008/cluster, member node2"},
		"another name":    {func(s *Recording) { s.member("node2").REST.Value.Name = Known("node3") }, "identity.rest_name", "GET http://10.77.54.22:8008/patroni"},
		"another cluster": {func(s *Recording) { s.member("node2").SQL.Value.SystemID = Known("7") }, "identity.sql_system_id", "pg_control_system()"},
		"no leader":       {func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("") }, "dcs.leader", "GET http://10.77.54.21:8008/cluster"},
		"paused member":   {func(s *Recording) { s.member("node2").REST.Value.Pause = Known(true) }, "maintenance.member", "GET http://10.77.54.22:8008/patroni"},
	} {
		t.Run(name, func(t *testing.T) {
			s := restOnly(t)
			tc.do(s)
			r := Judge(s.Snapshot, s.Question, Policies{})
			i := slices.IndexFunc(r.Results, func(res WeighedResult) bool { return res.Check == tc.by && res.Weight == Blocks })
			if r.Verdict != NoGo || i < 0 || !strings.Contains(r.Results[i].Findings[0].Asked, tc.asks) {
				t.Fatalf("%s\n%s", r.Verdict, fails(r))
			}
		})
	}
}

// TestGroundThatIsUnknownOtherwise: it is the unread store alone that is passed
// over, not a store that does not answer.
func TestGroundThatIsUnknownOtherwise(t *testing.T) {
	s := restOnly(t)
	s.DCS.Read = NotKnown[int](Silent, "no answer")
	config4(s).Pause = Known(true)
	if r := Judge(s.Snapshot, s.Question, Policies{}); resultOf(t, r, "maintenance.pause", "").Status != SkippedFor {
		t.Errorf("%+v", resultOf(t, r, "maintenance.pause", ""))
	}
	s = restOnly(t)
	s.DCS.ByREST = ""
	config4(s).Pause = Known(true)
	if r := Judge(s.Snapshot, s.Question, Policies{}); resultOf(t, r, "maintenance.pause", "").Status != SkippedFor {
		t.Errorf("%+v", resultOf(t, r, "maintenance.pause", ""))
	}
}
