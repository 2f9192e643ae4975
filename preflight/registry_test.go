package preflight

import (
	"regexp"
	"testing"
	"time"
)

// A breakage is one way in which a healthy cluster is spoilt, and what the check
// under test has to say then.
type breakage struct {
	name    string
	subject string // whom the result is about
	do      func(s *Recording)
	want    Status
	// severity of the worst finding; Blocker where empty
	severity Severity
}

func lag(s *Recording, member string, bytes int64) {
	m := s.member(member)
	leader := *s.member("node1").SQL.Value.FlushLSN.Value
	m.SQL.Value.ReceiveLSN = Known(leader - LSN(bytes))
	m.SQL.Value.ReplayLSN = Known(leader - LSN(bytes))
}

func config4(s *Recording) *Config { return s.DCS.Cluster.Value.Config.Value }

func unknown[T any]() Observed[T] { return NotKnown[T](Failed, "not to be had") }

// cases holds, for each check, at least one cluster on which it fails and one on
// which it cannot tell. That it passes is shown by the healthy cluster.
var cases = map[string][]breakage{
	"dcs.reachable": {
		{"no quorum", "", func(s *Recording) {
			s.DCS.Read = NotKnown[int](Silent, "no answer")
			s.DCS.Cluster = Because[Cluster](s.DCS.Read)
		}, Undecided, ""},
	},
	"dcs.scope": {
		{"bootstrapping", "", func(s *Recording) { s.DCS.Cluster.Value.Initialize = Known("") }, Fail, ""},
		{"no key", "", func(s *Recording) { s.DCS.Cluster = NotKnown[Cluster](Absent, "no key") }, Undecided, ""},
	},
	"dcs.stable": {
		{"moved", "", func(s *Recording) { s.Moved = Known([]string{"leader"}) }, Fail, ""},
		{"moved twice", "", func(s *Recording) { s.Moved = unknown[[]string]() }, Undecided, ""},
	},
	"dcs.alarms": {
		{"no space", "", func(s *Recording) { s.DCS.Alarms = Known([]string{"NOSPACE"}) }, Fail, ""},
		{"denied", "", func(s *Recording) { s.DCS.Alarms = unknown[[]string]() }, Undecided, ""},
	},
	"dcs.endpoints": {
		{"one of three down", "", func(s *Recording) { s.DCS.Endpoints[1].Status = unknown[EndpointStatus]() }, Fail, Warning},
		{"no raft leader", "", func(s *Recording) { s.DCS.Endpoints[1].Status.Value.HasLeader = false }, Fail, Warning},
		{"no answer of the store", "", func(s *Recording) { s.DCS.Read = unknown[int]() }, SkippedFor, ""},
	},
	"dcs.config": {
		{"a size with a unit", "", func(s *Recording) { config4(s).MaximumLag = Known("10MB") }, Fail, Warning},
		{"a size with a unit, old Patroni", "", func(s *Recording) {
			config4(s).MaximumLag = Known("10MB")
			s.member("node1").Key.Value.Version = Known("3.0.2")
		}, Fail, ""},
		{"text that 3.0.2 cannot read, though it is a number", "", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("0x400"), true
		}, Fail, ""},
		{"the same since", "", func(s *Recording) { config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("0x400"), true }, Pass, ""},
		{"ttl too tight", "", func(s *Recording) { config4(s).TTL = Known[int64](5) }, Fail, Warning},
		{"no config", "", func(s *Recording) { s.DCS.Cluster.Value.Config = unknown[Config]() }, Undecided, ""},
	},
	"dcs.leader": {
		{"nobody", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("") }, Fail, ""},
		{"another than expected", "", func(s *Recording) { s.Question.ExpectedLeader = "node3" }, Fail, ""},
		{"not a member", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("node9") }, Fail, ""},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = unknown[string]() }, Undecided, ""},
	},
	"dcs.leader_lease": {
		{"expired", "node1", func(s *Recording) { s.DCS.Cluster.Value.LeaderLease = Known(Lease{20, -1}) }, Fail, ""},
		{"not renewed", "node1", func(s *Recording) { s.DCS.Cluster.Value.LeaderLease = Known(Lease{20, 3}) }, Fail, ""},
		{"not seen", "node1", func(s *Recording) { s.DCS.Cluster.Value.LeaderLease = unknown[Lease]() }, Undecided, ""},
	},
	"dcs.member_lease": {
		{"not renewed", "node2", func(s *Recording) { s.member("node2").Lease = Known(Lease{20, 3}) }, Fail, ""},
		{"not seen", "node2", func(s *Recording) { s.member("node2").Lease = unknown[Lease]() }, Undecided, ""},
	},
	"dcs.failover_key": {
		{"under way", "", func(s *Recording) {
			s.DCS.Cluster.Value.Failover = Known(Failover{Leader: "node1", Candidate: "node3"})
		}, Fail, ""},
		{"scheduled", "", func(s *Recording) {
			s.DCS.Cluster.Value.Failover = Known(Failover{"node1", "node3", "2030-01-01T00:00:00+00:00"})
		}, Fail, Warning},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.Failover = unknown[Failover]() }, Undecided, ""},
	},
	"maintenance.pause": {
		{"paused", "", func(s *Recording) { config4(s).Pause = Known(true) }, Fail, ""},
		{"paused, no candidate", "", func(s *Recording) { config4(s).Pause = Known(true); s.Question.Candidate = "" }, Fail, ""},
		{"paused standby cluster", "", func(s *Recording) { config4(s).Pause = Known(true); config4(s).StandbyCluster = Known(true) }, Fail, ""},
		{"garbled", "", func(s *Recording) { config4(s).Pause = unknown[bool]() }, Undecided, ""},
	},
	"maintenance.member": {
		{"by its key", "node2", func(s *Recording) { s.member("node2").Key.Value.Pause = Known(true) }, Fail, ""},
		{"by REST", "node1", func(s *Recording) { s.member("node1").REST.Value.Pause = Known(true) }, Fail, ""},
		{"garbled", "node2", func(s *Recording) { s.member("node2").Key.Value.Pause = unknown[bool]() }, Undecided, ""},
	},
	"leader.rest": {
		{"refused", "node1", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Refused, "refused") }, Fail, ""},
		{"silent", "node1", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Silent, "silent") }, Fail, ""},
		{"no route", "node1", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Unreached, "no route") }, Undecided, ""},
	},
	"candidate.rest": {
		{"refused", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Refused, "refused") }, Fail, ""},
		{"not Patroni", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Malformed, "HTML") }, Fail, ""},
		{"slow", "node2", func(s *Recording) { s.member("node2").REST.Stamp.Seconds = 1.5 }, Fail, Warning},
		{"too slow", "node2", func(s *Recording) { s.member("node2").REST.Stamp.Seconds = 2.5 }, Fail, ""},
		{"an answer without its time", "node2", func(s *Recording) { s.member("node2").REST.Stamp = nil }, Undecided, ""},
		{"no such host", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Unresolved, "no such host") }, Undecided, ""},
	},
	"leader.running": {
		{"stopping", "node1", func(s *Recording) { s.member("node1").REST.Value.State = Known("stopping") }, Fail, ""},
		{"no state", "node1", func(s *Recording) { s.member("node1").REST.Value.State = unknown[string]() }, Undecided, ""},
	},
	"candidate.running": {
		{"starting", "node2", func(s *Recording) { s.member("node2").REST.Value.State = Known("starting") }, Fail, ""},
		{"no position", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = NotKnown[LSN](Absent, "no xlog"), NotKnown[LSN](Absent, "no xlog")
		}, Fail, ""},
		{"a position of the wrong type", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = NotKnown[LSN](Malformed, "a list"), NotKnown[LSN](Malformed, "a list")
		}, Undecided, ""},
	},
	"leader.dcs_view": {
		{"failsafe", "node1", func(s *Recording) { s.member("node1").REST.Value.FailsafeActive = Known(true) }, Fail, ""},
		{"unlocked", "node1", func(s *Recording) { s.member("node1").REST.Value.ClusterUnlocked = Known(true) }, Fail, ""},
		{"garbled", "node1", func(s *Recording) { s.member("node1").REST.Value.FailsafeActive = unknown[bool]() }, Undecided, ""},
	},
	"member.ha_loop": {
		{"stuck", "node2", func(s *Recording) { s.member("node2").Liveness = Known(503) }, Fail, ""},
		{"DCS lost", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.DCSLastSeen = Known(r.Date.Value.Add(-30 * time.Second))
		}, Fail, ""},
		{"not asked", "node2", func(s *Recording) { s.member("node2").Liveness = unknown[int]() }, Undecided, ""},
	},
	"identity.address": {
		{"wildcard", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://0.0.0.0:8008/patroni") }, Fail, ""},
		{"wildcard, IPv6", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://[::]:8008/patroni") }, Fail, ""},
		{"loopback", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://127.0.0.1:8008/patroni") }, Fail, ""},
		{"no host", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = Known("http://:8008/patroni") }, Fail, ""},
		{"conn_url", "node2", func(s *Recording) { s.member("node2").Key.Value.ConnURL = Known("postgres://localhost:5432/postgres") }, Fail, ""},
		{"no address", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = unknown[string]() }, Undecided, ""},
	},
	"identity.vip": {
		{"of the leader, still right", "node1", func(s *Recording) { s.Question.VIPs = bareHosts(*s.member("node1").Key.Value.APIURL.Value) }, Fail, ""},
		{"of the candidate", "node2", func(s *Recording) { s.Question.VIPs = bareHosts(*s.member("node2").Key.Value.ConnURL.Value) }, Fail, ""},
		{"behind a name", "node2", func(s *Recording) {
			s.Question.VIPs = []string{"10.9.9.9"}
			s.member("node2").REST.Value.RemoteAddr = "10.9.9.9:8008"
		}, Fail, ""},
		{"no address", "node2", func(s *Recording) { s.member("node2").Key.Value.APIURL = unknown[string]() }, Undecided, ""},
	},
	"identity.rest_name": {
		{"the leader answers", "node2", func(s *Recording) { s.member("node2").REST.Value.Name = Known("node1") }, Fail, ""},
		{"another replica answers", "node2", func(s *Recording) { s.member("node2").REST.Value.Name = Known("node3") }, Fail, ""},
		{"no name where there should be one", "node2", func(s *Recording) { s.member("node2").REST.Value.Name = NotKnown[string](Absent, "no name") }, Undecided, ""},
	},
	"identity.rest_scope": {
		{"another cluster", "node2", func(s *Recording) { s.member("node2").REST.Value.Scope = Known("other") }, Fail, ""},
		{"no scope", "node2", func(s *Recording) { s.member("node2").REST.Value.Scope = unknown[string]() }, Undecided, ""},
	},
	"identity.rest_system_id": {
		{"another cluster", "node2", func(s *Recording) { s.member("node2").REST.Value.SystemID = Known("1") }, Fail, ""},
		{"none", "node2", func(s *Recording) { s.member("node2").REST.Value.SystemID = unknown[string]() }, Undecided, ""},
	},
	"identity.sql_system_id": {
		{"another cluster", "node2", func(s *Recording) { s.member("node2").SQL.Value.SystemID = Known("1") }, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"identity.one_instance": {
		{"two servers", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.PostmasterStart = s.member("node3").SQL.Value.PostmasterStart
		}, Fail, ""},
		{"a microsecond", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.PostmasterStart = Known(s.member("node2").SQL.Value.PostmasterStart.Value.Add(time.Microsecond))
		}, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"identity.distinct": {
		{"one api_url", "node2", func(s *Recording) {
			s.member("node2").Key.Value.APIURL = s.member("node1").Key.Value.APIURL
			s.member("node2").REST.Value.Version = Known("3.0.2")
			s.member("node2").REST.Value.Name = NotKnown[string](Absent, "no name before 3.2.0")
		}, Fail, ""},
		{"one server by SQL", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.PostmasterStart = s.member("node3").SQL.Value.PostmasterStart
		}, Fail, ""},
		{"no address", "node2", func(s *Recording) { s.member("node2").Key.Value.ConnURL = unknown[string]() }, Undecided, ""},
	},
	"identity.sql_name": {
		{"another's server", "node2", func(s *Recording) { s.member("node2").SQL.Value.ApplicationName = Known("node3") }, Fail, ""},
		{"no name and no other proof", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.ApplicationName = unknown[string]()
			s.member("node2").REST.Value.Name = unknown[string]()
		}, Undecided, ""},
	},
	"identity.key_role": {
		{"promoted", "node2", func(s *Recording) { s.member("node2").Key.Value.Role = Known("promoted") }, Fail, ""},
		{"none", "node2", func(s *Recording) { s.member("node2").Key.Value.Role = unknown[string]() }, Undecided, ""},
	},
	"identity.rest_role": {
		{"a primary answers for the candidate", "node2", func(s *Recording) { s.member("node2").REST.Value.Role = Known("master") }, Fail, ""},
		{"the leader is none", "node1", func(s *Recording) { s.member("node1").REST.Value.Role = Known("replica") }, Fail, ""},
		{"none", "node2", func(s *Recording) { s.member("node2").REST.Value.Role = unknown[string]() }, Undecided, ""},
	},
	"identity.sql_role": {
		{"a second primary", "node3", func(s *Recording) { s.member("node3").SQL.Value.InRecovery = Known(false) }, Fail, ""},
		{"the leader in recovery", "node1", func(s *Recording) { s.member("node1").SQL.Value.InRecovery = Known(true) }, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"lag.patroni": {
		{"4 bytes, and 3.5 is 3 before 3.0.3", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			config4(s).MaximumLag = Known("3.5")
			restBehind(s, "node2", 4)
		}, Fail, ""},
		{"4 bytes, and 3.5 is 4 since", "node2", func(s *Recording) {
			config4(s).MaximumLag = Known("3.5")
			restBehind(s, "node2", 4)
		}, Pass, ""},
		{"a limit that 3.0.2 cannot read", "node2", func(s *Recording) {
			leaderVersion(s, "3.0.2")
			config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("0x400"), true
		}, Undecided, ""},
		{"too far behind", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = Known(*s.DCS.Cluster.Value.Optime.Value-1048577), Known(LSN(1))
		}, Fail, ""},
		{"limit -1 at lag 0", "node2", func(s *Recording) {
			config4(s).MaximumLag = Known("-1")
			r := s.member("node2").REST.Value
			r.Received, r.Replayed = Known(*s.DCS.Cluster.Value.Optime.Value), Known(LSN(1))
		}, Fail, ""},
		{"limit -1, and ahead of the older figure", "node2", func(s *Recording) {
			config4(s).MaximumLag = Known("-1")
			r := s.member("node2").REST.Value
			r.Received = Known(*s.DCS.Cluster.Value.Optime.Value + 4096)
		}, Fail, ""},
		{"no optime", "node2", func(s *Recording) { s.DCS.Cluster.Value.Optime = unknown[LSN]() }, Undecided, ""},
	},
	"lag.receive": {
		{"a byte too much", "node2", func(s *Recording) { lag(s, "node2", DefaultMaximumLag+1) }, Fail, ""},
		{"limit 0 and a few bytes", "node2", func(s *Recording) { config4(s).MaximumLag = Known("0"); lag(s, "node2", 8) }, Fail, Warning},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
		{"no session on the leader", "node2", func(s *Recording) { s.member("node1").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"lag.replay": {
		{"received and not replayed", "node2", func(s *Recording) {
			q := s.member("node2").SQL.Value
			q.ReplayLSN = Known(*q.ReplayLSN.Value - 2*DefaultMaximumLag)
			q.ReplayPaused = Known(true)
		}, Fail, ""},
		{"no position", "node2", func(s *Recording) { s.member("node2").SQL.Value.ReplayLSN = unknown[LSN]() }, Undecided, ""},
	},
	"candidate.member": {
		{"no such member", "", func(s *Recording) { s.Question.Candidate = "Node2" }, Fail, ""},
		{"the leader", "", func(s *Recording) { s.Question.Candidate = "node1" }, Fail, ""},
		{"none to choose from", "", func(s *Recording) {
			s.Question.Candidate = ""
			for _, m := range []string{"node2", "node3"} {
				s.member(m).Key.Value.Tags = Known(Tags{"nofailover": true})
			}
		}, Fail, ""},
		{"unknown cluster", "", func(s *Recording) { s.DCS.Cluster.Value.Leader = unknown[string]() }, SkippedFor, ""},
	},
	"candidate.nofailover": {
		{"in the key", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": true}) }, Fail, ""},
		{"in REST only", "node2", func(s *Recording) { s.member("node2").REST.Value.Tags = Known(Tags{"nofailover": true}) }, Fail, ""},
		{"the text false", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": "false"}) }, Fail, ""},
		{"priority 0", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"failover_priority": float64(0)}) }, Fail, ""},
		{"no tags to be had", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = unknown[Tags]() }, Undecided, ""},
	},
	"candidate.watchdog": {
		{"failed", "node2", func(s *Recording) { s.member("node2").REST.Value.WatchdogFailed = Known(true) }, Fail, ""},
		{"garbled", "node2", func(s *Recording) { s.member("node2").REST.Value.WatchdogFailed = unknown[bool]() }, Undecided, ""},
	},
	"candidate.sync": {
		{"not synchronous", "node2", func(s *Recording) {
			config4(s).SynchronousMode = Known("on")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node3"}})
		}, Fail, ""},
		{"nobody is", "node2", func(s *Recording) { config4(s).SynchronousMode = Known("on") }, Fail, ""},
		{"not in the quorum", "node2", func(s *Recording) {
			config4(s).SynchronousMode = Known("quorum")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node3"}, Quorum: 1})
		}, Fail, ""},
		{"4.0.5", "node2", func(s *Recording) {
			config4(s).SynchronousMode = Known("quorum")
			s.member("node1").Key.Value.Version = Known("4.0.5")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2", "node3"}, Quorum: 1})
		}, Fail, ""},
		{"garbled", "node2", func(s *Recording) { config4(s).SynchronousMode = unknown[string]() }, Undecided, ""},
	},
	"candidate.streaming": {
		{"no receiver", "node2", func(s *Recording) { s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{}) }, Fail, ""},
		{"receiver waiting", "node2", func(s *Recording) { s.member("node2").SQL.Value.WalReceiver.Value.Status = Known("waiting") }, Fail, ""},
		{"no row on the leader", "node2", func(s *Recording) { s.member("node1").SQL.Value.WalSenders = Known([]WalSender{}) }, Fail, ""},
		{"in catch-up", "node2", func(s *Recording) {
			for i, w := range *s.member("node1").SQL.Value.WalSenders.Value {
				if w.ApplicationName == "node2" {
					(*s.member("node1").SQL.Value.WalSenders.Value)[i].State = Known("catchup")
				}
			}
		}, Fail, ""},
		{"cascading", "node2", func(s *Recording) { cascades(s) }, Pass, ""},
		{"cascading, in catch-up", "node2", func(s *Recording) { cascades(s).State = Known("catchup") }, Fail, ""},
		{"no row on the leader, and another member is not seen", "node2", func(s *Recording) {
			cascades(s)
			s.member("node3").SQL = unknown[SQL]()
		}, Undecided, ""},
		{"no row on the leader, which it receives from, and another member is not seen", "node2", func(s *Recording) {
			cascades(s)
			s.member("node3").SQL = unknown[SQL]()
			candidateSQL(s).WalReceiver.Value.SenderHost = Known("10.77.9.21")
		}, Fail, ""},
		{"rows without a state", "node2", func(s *Recording) {
			for i := range *s.member("node1").SQL.Value.WalSenders.Value {
				(*s.member("node1").SQL.Value.WalSenders.Value)[i].State = NotKnown[string](Privilege, "GRANT pg_monitor TO x")
			}
		}, Undecided, ""},
	},
	"candidate.timeline": {
		{"older", "node2", func(s *Recording) { s.member("node1").SQL.Value.Timeline = Known[int64](9) }, Fail, ""},
		{"older, and no receiver", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
			s.member("node1").SQL.Value.Timeline = Known[int64](9)
		}, Fail, ""},
		{"no receiver, and the control file is of an older timeline", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
			s.member("node2").SQL.Value.Timeline = Known[int64](0)
		}, Pass, ""},
		{"older by REST", "node2", func(s *Recording) {
			for _, m := range []string{"node1", "node2"} {
				s.member(m).SQL.Value.Timeline = Known[int64](9)
			}
		}, Fail, ""},
		{"null with check_timeline", "node2", func(s *Recording) {
			config4(s).CheckTimeline = Known(true)
			s.member("node2").REST.Value.Timeline = NotKnown[int64](Absent, "null")
		}, Fail, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"candidate.ahead": {
		{"a byte", "node2", func(s *Recording) {
			s.member("node2").SQL.Value.ReceiveLSN = Known(*s.member("node1").SQL.Value.FlushLSNAfter.Value + 1)
		}, Fail, ""},
		{"no later sample", "node2", func(s *Recording) { s.member("node1").SQL.Value.FlushLSNAfter = unknown[LSN]() }, Undecided, ""},
	},
}

// TestEveryCheckHasItsCases holds the registry to its rules: a well-formed ID,
// every word of documentation, firm ground before the check, and cases of each kind.
func TestEveryCheckHasItsCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks {
		if !regexp.MustCompile(`^[a-z]+\.[a-z_]+$`).MatchString(c.ID) || seen[c.ID] {
			t.Errorf("%s: malformed or used twice", c.ID)
		}
		for _, id := range c.After {
			if !seen[id] {
				t.Errorf("%s: builds on %s, which does not stand before it", c.ID, id)
			}
			if ground, _ := CheckByID(id); !ground.Essential {
				t.Errorf("%s: builds on %s, which is not essential: skipping it could end in GO", c.ID, id)
			}
		}
		seen[c.ID] = true
		for what, text := range map[string]string{"title": c.Title, "why": c.Why, "source": c.Source, "fix": c.Fix, "proof": c.Proof, "since": c.Since} {
			if text == "" {
				t.Errorf("%s: no %s", c.ID, what)
			}
		}
		if c.Kind == "" || c.Severity == "" || c.Of == "" || c.Run == nil {
			t.Errorf("%s: kind, severity, subject or function missing", c.ID)
		}
		has := map[Status]bool{}
		for _, b := range cases[c.ID] {
			has[b.want] = true
		}
		// dcs.reachable cannot fail: no answer is unknown, never a finding.
		if !has[Fail] && c.ID != "dcs.reachable" {
			t.Errorf("%s: no case that fails", c.ID)
		}
		if !has[Undecided] && !has[SkippedFor] {
			t.Errorf("%s: no case that is undecided", c.ID)
		}
	}
	for id := range cases {
		if !seen[id] {
			t.Errorf("cases for %s, which is no check", id)
		}
	}
}

func TestHealthyPassesEveryCheck(t *testing.T) {
	r := judgeOf(healthy(t))
	if r.Verdict != Go || r.Summary.Warnings > 0 || r.Summary.Skipped > 0 {
		t.Fatalf("%s, %+v\n%s", r.Verdict, r.Summary, fails(r))
	}
	judged := map[string]bool{}
	for _, res := range r.Results {
		judged[res.Check] = true
		if res.Status != Pass || len(res.Findings) == 0 {
			t.Errorf("%s %s: %s with %d findings; a pass shows what it saw", res.Check, res.Subject, res.Status, len(res.Findings))
		}
	}
	for _, c := range Checks {
		if !judged[c.ID] {
			t.Errorf("%s was not judged", c.ID)
		}
	}
}

func TestBreakages(t *testing.T) {
	for _, c := range Checks {
		for _, b := range cases[c.ID] {
			t.Run(c.ID+"/"+b.name, func(t *testing.T) {
				s := healthy(t)
				b.do(s)
				r := Judge(s.Snapshot, s.Question, Policies{})
				res := resultOf(t, r, c.ID, b.subject)
				if res.Status != b.want {
					t.Fatalf("status %s, want %s\n%s", res.Status, b.want, fails(r))
				}
				severity := b.severity
				if severity == "" {
					severity = Blocker
				}
				if b.want == Fail && res.Severity != severity {
					t.Errorf("severity %s, want %s", res.Severity, severity)
				}
				for _, f := range res.Findings {
					if f.Severity != Evidence && (f.Asked == "" || f.Observed == "" || f.Effect == "" && f.Remedy == "") {
						t.Errorf("a finding without question, answer or remedy: %+v", f)
					}
				}
				if b.want != Pass && (severity == Blocker || b.want != Fail) && r.Verdict == Go && c.Essential {
					t.Errorf("GO all the same")
				}
			})
		}
	}
}
