package preflight_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

// traps are the ways in which a naive look at a cluster goes wrong, each as a
// cluster and what has to be said of it. Numbers are never reused. Those about
// reading an answer stand with the decoders: dcs and patroniapi have a TestTrap
// of their own.
var traps = []struct {
	number int
	name   string
	do     func(s *fact.Recording)
	want   preflight.Verdict
	// by is the check that has to decide; for GO, one that has to pass.
	by string
}{
	// False GO.
	{1, "the lag of patronictl list is 0 for a member that is ahead", func(s *fact.Recording) {
		q := facttest.Member(s.Snapshot, "node2").SQL.Value
		q.ReceiveLSN = fact.Known(*facttest.LeaderSQL(s).FlushLSNAfter.Value + 4096)
	}, preflight.NoGo, "candidate.ahead"},
	{2, "running is not streaming", func(s *fact.Recording) {
		facttest.Member(s.Snapshot, "node2").Key.Value.State = fact.Known("running")
		facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
	}, preflight.NoGo, "candidate.streaming"},
	{3, "a member key that is there is not a member that lives", func(s *fact.Recording) {
		facttest.Member(s.Snapshot, "node2").Lease = fact.Known(fact.Lease{GrantedSeconds: 20, RemainingSeconds: 2})
	}, preflight.NoGo, "dcs.member_lease"},
	{
		4,
		"an answer is not an answer of the one that was asked",
		func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Name = fact.Known("node3") },
		preflight.NoGo,
		"identity.rest_name",
	},
	{5, "reachable from here is not reachable from the leader", func(*fact.Recording) {}, preflight.Go, "candidate.rest"},
	{6, "received is not replayed", func(s *fact.Recording) {
		facttest.Member(s.Snapshot, "node2").SQL.Value.ReplayLSN = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value - 50<<20)
	}, preflight.NoGo, "lag.replay"},
	{
		7,
		"members are not the only consumers of WAL",
		func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 20*time.Second, 58<<20, 58<<20) },
		preflight.NoGo,
		"shutdown.walsenders",
	},
	{8, "NULL for want of privilege is neither healthy nor ill", func(s *fact.Recording) {
		rows := *facttest.LeaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].State = fact.NotKnown[string](fact.Privilege, "NULL")
			rows[i].FlushLSN = fact.NotKnown[fact.LSN](fact.Privilege, "NULL")
		}
	}, preflight.UnknownState, "candidate.streaming"},
	{9, "one sample on a busy leader is no lag", func(s *fact.Recording) {
		// The candidate took more WAL between the leader's two samples.
		facttest.LeaderSQL(s).FlushLSNAfter = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value + 8192)
		q := facttest.Member(s.Snapshot, "node2").SQL.Value
		q.ReceiveLSN, q.ReplayLSN = fact.Known(
			*facttest.LeaderSQL(s).FlushLSN.Value+4096,
		), fact.Known(
			*facttest.LeaderSQL(s).FlushLSN.Value+4096,
		)
	}, preflight.Go, "candidate.ahead"},
	{10, "past the REST API's gate is not done", func(s *fact.Recording) {
		s.DCS.Cluster.Value.Optime = fact.Known(*facttest.Member(s.Snapshot, "node2").REST.Value.Received.Value + 2<<20)
	}, preflight.NoGo, "lag.patroni"},
	{11, "quorum is no boolean", func(s *fact.Recording) {
		facttest.Dynamic(s).SynchronousMode = fact.Known("quorum")
		s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node3"}, Quorum: 0})
		facttest.Kept(s)
	}, preflight.NoGo, "candidate.sync"},
	{12, "in /sync is not alive", func(s *fact.Recording) {
		facttest.SyncOn(s)
		facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Refused, "connection refused")
	}, preflight.NoGo, "candidate.rest"},
	{13, "check_timeline is off by default", func(s *fact.Recording) {
		facttest.Dynamic(s).CheckTimeline = fact.Known(false)
		facttest.Member(s.Snapshot, "node1").SQL.Value.Timeline = fact.Known[int64](2)
	}, preflight.NoGo, "candidate.timeline"},
	{
		14,
		"an exit code of 0 is GO and nothing else",
		func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true) },
		preflight.NoGo,
		"maintenance.pause",
	},
	{15, "without /history check_timeline protects nobody", func(s *fact.Recording) {
		facttest.Dynamic(s).CheckTimeline = fact.Known(true)
		s.DCS.Cluster.Value.History = fact.Known([]fact.HistoryEntry{})
		facttest.Member(s.Snapshot, "node1").SQL.Value.Timeline = fact.Known[int64](2)
	}, preflight.NoGo, "candidate.timeline"},
	{16, "an immediate operation is pending, {} is none", func(s *fact.Recording) {
		s.DCS.Cluster.Value.Failover = fact.Known(fact.Failover{Leader: "node1", Candidate: "node3"})
	}, preflight.NoGo, "dcs.failover_key"},

	// False NO-GO, and what is refused by policy alone.
	{
		17,
		"maintenance mode allows a named candidate",
		func(s *fact.Recording) { facttest.Dynamic(s).Pause = fact.Known(true) },
		preflight.NoGo,
		"maintenance.pause",
	},
	{18, "a standby cluster is never synchronous, and names match in any case", func(s *fact.Recording) {
		facttest.Dynamic(s).SynchronousMode = fact.Known("on")
		s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"NODE2"}})
		facttest.Kept(s)
	}, preflight.Go, "candidate.sync"},
	{19, "a cascading candidate is not in the leader's pg_stat_replication", func(s *fact.Recording) {
		rows := *facttest.LeaderSQL(s).WalSenders.Value
		for i, w := range rows {
			if w.ApplicationName == "node2" {
				facttest.Member(s.Snapshot, "node3").SQL.Value.WalSenders = fact.Known([]fact.WalSender{w})
				facttest.LeaderSQL(s).WalSenders = fact.Known(append(rows[:i:i], rows[i+1:]...))
			}
		}
		facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver.Value.SenderHost = fact.Known(facttest.OnNode3)
		facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"replicatefrom": "node3"})
		facttest.Member(s.Snapshot, "node2").REST.Value.Tags = fact.Known(fact.Tags{"replicatefrom": "node3"})
	}, preflight.Go, "candidate.timeline"},
	{21, "master is primary", func(s *fact.Recording) {
		facttest.LeaderVersion(s, "3.3.2")
		facttest.Member(s.Snapshot, "node1").Key.Value.Role = fact.Known("master")
		facttest.Member(s.Snapshot, "node1").REST.Value.Role = fact.Known("master")
	}, preflight.Go, "identity.rest_role"},
	{23, "two members may share a client address", func(s *fact.Recording) {
		rows := *facttest.LeaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].ClientAddr = fact.Known("127.0.0.1")
		}
	}, preflight.Go, "candidate.streaming"},
	{24, "two members may share a host", func(s *fact.Recording) {
		m := facttest.Member(s.Snapshot, "node3")
		m.Key.Value.ConnURL = fact.Known("postgres://10.77.9.22:5433/postgres")
		m.Key.Value.APIURL = fact.Known("http://10.77.9.22:8009/patroni")
	}, preflight.Go, "identity.distinct"},
	{25, "ahead of an older figure is not ahead", func(s *fact.Recording) {
		s.DCS.Cluster.Value.Optime = fact.Known(*facttest.Member(s.Snapshot, "node2").REST.Value.Received.Value - 1<<20)
	}, preflight.Go, "lag.patroni"},
	{26, "nothing to replay for hours is no lag", func(s *fact.Recording) {
		rows := *facttest.LeaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].ReplyTime = fact.Known(facttest.LeaderSQL(s).At.Value.Add(-10 * time.Second))
		}
	}, preflight.Go, "shutdown.walsenders"},
	{27, "received may be less than replayed after a restart", func(s *fact.Recording) {
		q := facttest.Member(s.Snapshot, "node2").SQL.Value
		q.ReceiveLSN = fact.Known(*q.ReplayLSN.Value - 16<<20)
	}, preflight.Go, "lag.receive"},
	{
		28,
		"a key that was written hours ago is no dead member",
		func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Key.Value.Xlog = fact.Known(fact.LSN(1)) },
		preflight.Go,
		"dcs.member_lease",
	},
	{30, "a bystander that lags or may not lead is no obstacle", func(s *fact.Recording) {
		facttest.Lag(s, "node3", 30<<20)
		facttest.Member(s.Snapshot, "node3").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
	}, preflight.Go, "candidate.nofailover"},
	{31, "checksums do for pg_rewind, and without it there is a warning only", func(s *fact.Recording) {
		facttest.Set(s, "node1", "wal_log_hints", "off")
		facttest.Dynamic(s).UsePgRewind = fact.Known(false)
	}, preflight.Go, "lag.receive"},
	{32, "/sync says who is synchronous, not sync_state", func(s *fact.Recording) {
		facttest.SyncOn(s)
		facttest.Set(s, "node1", "synchronous_standby_names", "*")
		rows := *facttest.LeaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].SyncState = fact.Known("potential")
		}
	}, preflight.Go, "candidate.sync"},
	{
		33,
		"503 with a body is an answer",
		func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.HTTPStatus = 503 },
		preflight.Go,
		"candidate.rest",
	},
	{34, "no timeline in the REST answer for a moment", func(s *fact.Recording) {
		facttest.Member(s.Snapshot, "node2").REST.Value.Timeline = fact.NotKnown[int64](fact.Absent, "null")
	}, preflight.Go, "candidate.timeline"},
	{35, "a member may have two rows", func(s *fact.Recording) {
		rows := *facttest.LeaderSQL(s).WalSenders.Value
		old := rows[0]
		old.PID, old.State = 9, fact.Known("backup")
		old.SentLSN, old.FlushLSN = fact.NotKnown[fact.LSN](fact.Absent, "NULL"), fact.NotKnown[fact.LSN](fact.Absent, "NULL")
		facttest.LeaderSQL(s).WalSenders = fact.Known(append(rows, old))
	}, preflight.Go, "candidate.streaming"},
	{36, "a store without leases cannot tell who lives", func(s *fact.Recording) {
		facttest.Member(s.Snapshot, "node2").Lease = fact.NotKnown[fact.Lease](fact.Absent, "no lease")
	}, preflight.UnknownState, "dcs.member_lease"},
}

func TestTrap(t *testing.T) {
	for _, tr := range traps {
		t.Run(fmt.Sprintf("%02d %s", tr.number, tr.name), func(t *testing.T) {
			s := facttest.Healthy(t)
			tr.do(s)
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			if r.Verdict != tr.want {
				t.Fatalf("%s, want %s\n%s", r.Verdict, tr.want, facttest.Fails(r))
			}
			weight := map[preflight.Verdict]preflight.Weight{
				preflight.Go:           preflight.Passed,
				preflight.NoGo:         preflight.Blocks,
				preflight.UnknownState: preflight.Unseen,
			}[tr.want]
			found := false
			for _, res := range r.Results {
				concerned := res.Subject == "" || res.Subject == "node1" || res.Subject == "node2"
				found = found || res.Check == tr.by && res.Weight == weight && concerned
			}
			if !found {
				t.Errorf("%s does not say so\n%s", tr.by, facttest.Fails(r))
			}
		})
	}

	t.Run("05 what is said of it", func(t *testing.T) {
		c, _ := preflight.CheckByID("candidate.rest")
		if !strings.Contains(c.Why, "this machine") {
			t.Errorf("candidate.rest does not say from where it was asked: %s", c.Why)
		}
	})
	t.Run("01 what the list shows", func(t *testing.T) {
		s := facttest.Healthy(t)
		facttest.Member(s.Snapshot, "node2").SQL.Value.ReceiveLSN = fact.Known(
			*facttest.LeaderSQL(s).FlushLSNAfter.Value + 4096,
		)
		for _, m := range preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Members {
			if m.Name == "node2" && (m.DCSLag == nil || *m.DCSLag != 0) {
				t.Errorf("patronictl list would show %v", m.DCSLag)
			}
		}
	})
	t.Run("14 exit codes", func(t *testing.T) {
		for v, code := range map[preflight.Verdict]int{preflight.Go: 0, preflight.NoGo: 2, preflight.UnknownState: 3, "": 3} {
			if v.ExitCode() != code {
				t.Errorf("%q: %d, want %d", v, v.ExitCode(), code)
			}
		}
	})
	t.Run("16 an empty object", func(t *testing.T) {
		if (fact.Failover{}).Pending() || !(fact.Failover{Candidate: "node3"}).Pending() {
			t.Error("{} counts as pending, or an operation does not")
		}
	})
	t.Run(
		"17 whose rule it is",
		func(t *testing.T) {
			s := facttest.Healthy(t)
			facttest.Dynamic(s).Pause = fact.Known(true)
			f := facttest.ResultOf(
				t,
				preflight.Judge(s.Snapshot, s.Question, check.Policies{}),
				"maintenance.pause",
				"",
			).Findings[0]
			if f.Kind != check.Policy {
				t.Errorf("%s: with a named candidate Patroni accepts, so it is our policy", f.Kind)
			}
			s.Question.Candidate = ""
			f = facttest.ResultOf(
				t,
				preflight.Judge(s.Snapshot, s.Question, check.Policies{}),
				"maintenance.pause",
				"",
			).Findings[0]
			if f.Kind != check.PatroniRule {
				t.Errorf("%s: without one Patroni refuses", f.Kind)
			}
		},
	)
	t.Run("18 a standby cluster", func(t *testing.T) {
		s := facttest.Healthy(t)
		facttest.Dynamic(s).SynchronousMode, facttest.Dynamic(s).StandbyCluster = fact.Known("on"), fact.Known(true)
		if got := patroni.SyncActive(s.Snapshot); got != "off" {
			t.Errorf("synchronous mode %s", got)
		}
	})
	t.Run("20 a standby leader is in recovery", standbyLeader)
	t.Run("22 names and slugs", func(t *testing.T) {
		long := strings.Repeat("n", 70)
		for app, member := range map[string]string{
			"pg 1":       "pg 1",
			"Node-1.dc":  "Node-1.dc",
			"n??d":       "nüd",
			`n\xc3\xbcd`: "nüd",
			long[:63]:    long,
		} {
			if !fact.SameApplicationName(app, member) {
				t.Errorf("%q is not taken for %q", app, member)
			}
		}
		if fact.SameApplicationName("pgu00321", "pg 1") || fact.SameApplicationName("node_1_dc", "Node-1.dc") {
			t.Error("a slot's name is taken for an application name")
		}
		if fact.SlotNameOf("pg 1") != "pgu00321" || fact.SlotNameOf("a@b") != "au0064b" {
			t.Error("the slot's name is another")
		}
	})
	t.Run("34 for good", func(t *testing.T) {
		s := facttest.Healthy(t)
		facttest.Member(s.Snapshot, "node2").REST.Value.Timeline = fact.NotKnown[int64](fact.Absent, "null")
		facttest.Member(s.Snapshot, "node2").SQL.Value.Timeline = fact.NotKnown[int64](fact.Absent, "none")
		if v := preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Verdict; v == preflight.Go {
			t.Error("GO without any timeline")
		}
	})
}

// TestEveryTrapIsTested counts those in the table, 20 and 22, which are tests of
// their own, and 29, which is about decoding (dcs, patroniapi).
func TestEveryTrapIsTested(t *testing.T) {
	has := map[int]bool{20: true, 22: true, 29: true}
	for _, tr := range traps {
		if has[tr.number] {
			t.Errorf("%d is there twice", tr.number)
		}
		has[tr.number] = true
	}
	for n := 1; n <= 36; n++ {
		if !has[n] {
			t.Errorf("trap %d is not tested", n)
		}
	}
}
