package preflight

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// traps are the ways in which a naive look at a cluster goes wrong, each as a
// cluster and what has to be said of it. Numbers are never reused. Those about
// reading an answer stand with the decoders: dcs and patroniapi have a TestTrap
// of their own.
var traps = []struct {
	number int
	name   string
	do     func(s *Recording)
	want   Verdict
	// by is the check that has to decide; for GO, one that has to pass.
	by string
}{
	// False GO.
	{1, "the lag of patronictl list is 0 for a member that is ahead", func(s *Recording) {
		q := s.member("node2").SQL.Value
		q.ReceiveLSN = Known(*leaderSQL(s).FlushLSNAfter.Value + 4096)
	}, NoGo, "candidate.ahead"},
	{2, "running is not streaming", func(s *Recording) {
		s.member("node2").Key.Value.State = Known("running")
		s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
	}, NoGo, "candidate.streaming"},
	{3, "a member key that is there is not a member that lives", func(s *Recording) { s.member("node2").Lease = Known(Lease{20, 2}) }, NoGo, "dcs.member_lease"},
	{4, "an answer is not an answer of the one that was asked", func(s *Recording) { s.member("node2").REST.Value.Name = Known("node3") }, NoGo, "identity.rest_name"},
	{5, "reachable from here is not reachable from the leader", func(*Recording) {}, Go, "candidate.rest"},
	{6, "received is not replayed", func(s *Recording) {
		s.member("node2").SQL.Value.ReplayLSN = Known(*leaderSQL(s).FlushLSN.Value - 50<<20)
	}, NoGo, "lag.replay"},
	{7, "members are not the only consumers of WAL", func(s *Recording) { consumerFrom(s, elsewhere, 20*time.Second, 58<<20, 58<<20) }, NoGo, "shutdown.walsenders"},
	{8, "NULL for want of privilege is neither healthy nor ill", func(s *Recording) {
		rows := *leaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].State = NotKnown[string](Privilege, "NULL")
			rows[i].FlushLSN = NotKnown[LSN](Privilege, "NULL")
		}
	}, UnknownState, "candidate.streaming"},
	{9, "one sample on a busy leader is no lag", func(s *Recording) {
		// The candidate took more WAL between the leader's two samples.
		leaderSQL(s).FlushLSNAfter = Known(*leaderSQL(s).FlushLSN.Value + 8192)
		q := s.member("node2").SQL.Value
		q.ReceiveLSN, q.ReplayLSN = Known(*leaderSQL(s).FlushLSN.Value+4096), Known(*leaderSQL(s).FlushLSN.Value+4096)
	}, Go, "candidate.ahead"},
	{10, "past the REST API's gate is not done", func(s *Recording) {
		s.DCS.Cluster.Value.Optime = Known(*s.member("node2").REST.Value.Received.Value + 2<<20)
	}, NoGo, "lag.patroni"},
	{11, "quorum is no boolean", func(s *Recording) {
		config4(s).SynchronousMode = Known("quorum")
		s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node3"}, Quorum: 0})
	}, NoGo, "candidate.sync"},
	{12, "in /sync is not alive", func(s *Recording) {
		syncOn(s)
		s.member("node2").REST = NotKnown[REST](Refused, "connection refused")
	}, NoGo, "candidate.rest"},
	{13, "check_timeline is off by default", func(s *Recording) {
		config4(s).CheckTimeline = Known(false)
		s.member("node1").SQL.Value.Timeline = Known[int64](2)
	}, NoGo, "candidate.timeline"},
	{14, "an exit code of 0 is GO and nothing else", func(s *Recording) { config4(s).Pause = Known(true) }, NoGo, "maintenance.pause"},
	{15, "without /history check_timeline protects nobody", func(s *Recording) {
		config4(s).CheckTimeline = Known(true)
		s.DCS.Cluster.Value.History = Known([]HistoryEntry{})
		s.member("node1").SQL.Value.Timeline = Known[int64](2)
	}, NoGo, "candidate.timeline"},
	{16, "an immediate operation is pending, {} is none", func(s *Recording) {
		s.DCS.Cluster.Value.Failover = Known(Failover{Leader: "node1", Candidate: "node3"})
	}, NoGo, "dcs.failover_key"},

	// False NO-GO, and what is refused by policy alone.
	{17, "maintenance mode allows a named candidate", func(s *Recording) { config4(s).Pause = Known(true) }, NoGo, "maintenance.pause"},
	{18, "a standby cluster is never synchronous, and names match in any case", func(s *Recording) {
		config4(s).SynchronousMode = Known("on")
		s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"NODE2"}})
	}, Go, "candidate.sync"},
	{19, "a cascading candidate is not in the leader's pg_stat_replication", func(s *Recording) {
		rows := *leaderSQL(s).WalSenders.Value
		for i, w := range rows {
			if w.ApplicationName == "node2" {
				s.member("node3").SQL.Value.WalSenders = Known([]WalSender{w})
				leaderSQL(s).WalSenders = Known(append(rows[:i:i], rows[i+1:]...))
			}
		}
		s.member("node2").SQL.Value.WalReceiver.Value.SenderHost = Known(onNode3)
		s.member("node2").Key.Value.Tags = Known(Tags{"replicatefrom": "node3"})
		s.member("node2").REST.Value.Tags = Known(Tags{"replicatefrom": "node3"})
	}, Go, "candidate.timeline"},
	{21, "master is primary", func(s *Recording) {
		leaderVersion(s, "3.3.2")
		s.member("node1").Key.Value.Role = Known("master")
		s.member("node1").REST.Value.Role = Known("master")
	}, Go, "identity.rest_role"},
	{23, "two members may share a client address", func(s *Recording) {
		rows := *leaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].ClientAddr = Known("127.0.0.1")
		}
	}, Go, "candidate.streaming"},
	{24, "two members may share a host", func(s *Recording) {
		m := s.member("node3")
		m.Key.Value.ConnURL = Known("postgres://10.77.9.22:5433/postgres")
		m.Key.Value.APIURL = Known("http://10.77.9.22:8009/patroni")
	}, Go, "identity.distinct"},
	{25, "ahead of an older figure is not ahead", func(s *Recording) {
		s.DCS.Cluster.Value.Optime = Known(*s.member("node2").REST.Value.Received.Value - 1<<20)
	}, Go, "lag.patroni"},
	{26, "nothing to replay for hours is no lag", func(s *Recording) {
		rows := *leaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].ReplyTime = Known(leaderSQL(s).At.Value.Add(-10 * time.Second))
		}
	}, Go, "shutdown.walsenders"},
	{27, "received may be less than replayed after a restart", func(s *Recording) {
		q := s.member("node2").SQL.Value
		q.ReceiveLSN = Known(*q.ReplayLSN.Value - 16<<20)
	}, Go, "lag.receive"},
	{28, "a key that was written hours ago is no dead member", func(s *Recording) { s.member("node2").Key.Value.Xlog = Known(LSN(1)) }, Go, "dcs.member_lease"},
	{30, "a bystander that lags or may not lead is no obstacle", func(s *Recording) {
		lag(s, "node3", 30<<20)
		s.member("node3").Key.Value.Tags = Known(Tags{"nofailover": true})
	}, Go, "candidate.nofailover"},
	{31, "checksums do for pg_rewind, and without it there is a warning only", func(s *Recording) {
		set(s, "node1", "wal_log_hints", "off")
		config4(s).UsePgRewind = Known(false)
	}, Go, "lag.receive"},
	{32, "/sync says who is synchronous, not sync_state", func(s *Recording) {
		syncOn(s)
		set(s, "node1", "synchronous_standby_names", "*")
		rows := *leaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].SyncState = Known("potential")
		}
	}, Go, "candidate.sync"},
	{33, "503 with a body is an answer", func(s *Recording) { s.member("node2").REST.Value.HTTPStatus = 503 }, Go, "candidate.rest"},
	{34, "no timeline in the REST answer for a moment", func(s *Recording) { s.member("node2").REST.Value.Timeline = NotKnown[int64](Absent, "null") }, Go, "candidate.timeline"},
	{35, "a member may have two rows", func(s *Recording) {
		rows := *leaderSQL(s).WalSenders.Value
		old := rows[0]
		old.PID, old.State = 9, Known("backup")
		old.SentLSN, old.FlushLSN = NotKnown[LSN](Absent, "NULL"), NotKnown[LSN](Absent, "NULL")
		leaderSQL(s).WalSenders = Known(append(rows, old))
	}, Go, "candidate.streaming"},
	{36, "a store without leases cannot tell who lives", func(s *Recording) {
		s.member("node2").Lease = NotKnown[Lease](Absent, "no lease")
	}, UnknownState, "dcs.member_lease"},
}

func TestTrap(t *testing.T) {
	for _, tr := range traps {
		t.Run(fmt.Sprintf("%02d %s", tr.number, tr.name), func(t *testing.T) {
			s := healthy(t)
			tr.do(s)
			r := Judge(s.Snapshot, s.Question, Policies{})
			if r.Verdict != tr.want {
				t.Fatalf("%s, want %s\n%s", r.Verdict, tr.want, fails(r))
			}
			weight := map[Verdict]Weight{Go: Passed, NoGo: Blocks, UnknownState: Unseen}[tr.want]
			found := false
			for _, res := range r.Results {
				concerned := res.Subject == "" || res.Subject == "node1" || res.Subject == "node2"
				found = found || res.Check == tr.by && res.Weight == weight && concerned
			}
			if !found {
				t.Errorf("%s does not say so\n%s", tr.by, fails(r))
			}
		})
	}

	t.Run("05 what is said of it", func(t *testing.T) {
		c, _ := CheckByID("candidate.rest")
		if !strings.Contains(c.Why, "from this machine") {
			t.Errorf("candidate.rest does not say from where it was asked: %s", c.Why)
		}
	})
	t.Run("01 what the list shows", func(t *testing.T) {
		s := healthy(t)
		s.member("node2").SQL.Value.ReceiveLSN = Known(*leaderSQL(s).FlushLSNAfter.Value + 4096)
		for _, m := range Judge(s.Snapshot, s.Question, Policies{}).Members {
			if m.Name == "node2" && (m.DCSLag == nil || *m.DCSLag != 0) {
				t.Errorf("patronictl list would show %v", m.DCSLag)
			}
		}
	})
	t.Run("14 exit codes", func(t *testing.T) {
		for v, code := range map[Verdict]int{Go: 0, NoGo: 2, UnknownState: 3, "": 3} {
			if v.ExitCode() != code {
				t.Errorf("%q: %d, want %d", v, v.ExitCode(), code)
			}
		}
	})
	t.Run("16 an empty object", func(t *testing.T) {
		if (Failover{}).Pending() || !(Failover{Candidate: "node3"}).Pending() {
			t.Error("{} counts as pending, or an operation does not")
		}
	})
	t.Run("17 whose rule it is", func(t *testing.T) {
		s := healthy(t)
		config4(s).Pause = Known(true)
		f := resultOf(t, Judge(s.Snapshot, s.Question, Policies{}), "maintenance.pause", "").Findings[0]
		if f.Kind != Policy {
			t.Errorf("%s: with a named candidate Patroni accepts, so it is our policy", f.Kind)
		}
		s.Question.Candidate = ""
		f = resultOf(t, Judge(s.Snapshot, s.Question, Policies{}), "maintenance.pause", "").Findings[0]
		if f.Kind != PatroniRule {
			t.Errorf("%s: without one Patroni refuses", f.Kind)
		}
	})
	t.Run("18 a standby cluster", func(t *testing.T) {
		s := healthy(t)
		config4(s).SynchronousMode, config4(s).StandbyCluster = Known("on"), Known(true)
		if got := syncActive(s.Snapshot); got != "off" {
			t.Errorf("synchronous mode %s", got)
		}
	})
	t.Run("20 a standby leader is in recovery", standbyLeader)
	t.Run("22 names and slugs", func(t *testing.T) {
		long := strings.Repeat("n", 70)
		for app, member := range map[string]string{"pg 1": "pg 1", "Node-1.dc": "Node-1.dc", "n??d": "nüd", `n\xc3\xbcd`: "nüd", long[:63]: long} {
			if !sameApplicationName(app, member) {
				t.Errorf("%q is not taken for %q", app, member)
			}
		}
		if sameApplicationName("pgu00321", "pg 1") || sameApplicationName("node_1_dc", "Node-1.dc") {
			t.Error("a slot's name is taken for an application name")
		}
		if slotNameOf("pg 1") != "pgu00321" || slotNameOf("a@b") != "au0064b" {
			t.Error("the slot's name is another")
		}
	})
	t.Run("34 for good", func(t *testing.T) {
		s := healthy(t)
		s.member("node2").REST.Value.Timeline = NotKnown[int64](Absent, "null")
		s.member("node2").SQL.Value.Timeline = NotKnown[int64](Absent, "none")
		if v := Judge(s.Snapshot, s.Question, Policies{}).Verdict; v == Go {
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
