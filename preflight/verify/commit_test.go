package verify_test

import (
	"testing"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

// TestOutcomeCommit changes what commits wait for on node2, from which node1 and node3
// stream after the switchover.
func TestOutcomeCommit(t *testing.T) {
	set := func(s *fact.Recording, name, value string) { (*sqlOf(s, "node2").Settings.Value)[name] = value }
	waiting := func(s *fact.Recording, sessions int, seconds int64) {
		sqlOf(s, "node2").Activity = fact.Known(fact.Activity{SyncWaits: sessions, OldestSyncWaitSeconds: seconds})
	}
	for _, c := range []struct {
		name, list string
		also       func(*fact.Recording)
		want       check.Status
	}{
		{"no list", "", nil, check.Pass},
		{"a member that streams", "node3", nil, check.Pass},
		{"the old leader, back", `"NODE1"`, nil, check.Pass},
		{"any of all", "ANY 2 (node1,node2,node3)", nil, check.Pass},
		{"every standby", "*", nil, check.Pass},
		{"commits pass at the moment", "*", func(s *fact.Recording) { waiting(s, 3, 2) }, check.Pass},
		{"commits are asynchronous", "node2", func(s *fact.Recording) { set(s, "synchronous_commit", "off") }, check.Pass},
		{"itself", "node2", nil, check.Fail},
		{"itself, and sessions wait", "node2", func(s *fact.Recording) { waiting(s, 3, 2) }, check.Fail},
		{"one too many", "ANY 3 (*)", nil, check.Fail},
		{"a stranger", "barman", nil, check.Fail},
		{"the old leader, away", "node1", func(s *fact.Recording) {
			rows := *sqlOf(s, "node2").WalSenders.Value
			sqlOf(s, "node2").WalSenders = fact.Known(rows[1:])
		}, check.Fail},
		{"it catches up", "node3", func(s *fact.Recording) {
			for i := range *sqlOf(s, "node2").WalSenders.Value {
				(*sqlOf(s, "node2").WalSenders.Value)[i].State = fact.Known("catchup")
			}
		}, check.Fail},
		{"a standby that is frozen", "node3", func(s *fact.Recording) { waiting(s, 3, 20) }, check.Fail},
		{"not a list", "node-2", nil, check.Undecided},
		{"the walsenders cannot be read", "*", func(s *fact.Recording) {
			sqlOf(s, "node2").WalSenders = facttest.Silent[[]fact.WalSender]()
		}, check.Undecided},
		{"the settings cannot be read", "", func(s *fact.Recording) {
			sqlOf(s, "node2").Settings = facttest.Silent[map[string]string]()
		}, check.Undecided},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := facttest.Healthy(t)
			s := switched(t, "node2")
			set(s, "synchronous_standby_names", c.list)
			if c.also != nil {
				c.also(s)
			}
			v := verify.Verify(verify.BaselineOf(before.Snapshot, before.Question), s.Snapshot)
			for _, p := range v.Points {
				if p.ID == "outcome.commit" {
					if p.Status != c.want || p.Observed == "" || (c.want == check.Pass) != (v.Outcome == verify.Done) {
						t.Errorf("%s, want %s; %s: %s: %s", p.Status, c.want, v.Outcome, v.Reason, p.Observed)
					}
					return
				}
			}
			t.Error("no such point")
		})
	}
}
