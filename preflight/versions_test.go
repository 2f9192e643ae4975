package preflight

import (
	"slices"
	"strings"
	"testing"
)

// runs makes every member of the snapshot one of that release of Patroni.
func runs(s *Recording, version string) {
	for i := range s.Members {
		key, answer := s.Members[i].Key.Value, s.Members[i].REST.Value
		key.Version = Known(version)
		role := "primary"
		if olderThan(version, 4, 0, 0) {
			role = "master"
		}
		if isPrimaryRole(key.Role.orZero()) {
			key.Role = Known(role)
		}
		if answer == nil {
			continue
		}
		answer.Version = Known(version)
		if isPrimaryRole(answer.Role.orZero()) {
			answer.Role = Known(role)
		}
		if olderThan(version, 3, 2, 0) {
			answer.Name = NotKnown[string](Absent, "not given")
		}
		if olderThan(version, 3, 0, 4) {
			answer.ReplicationState = Known("")
		}
	}
}

// outcome is what one release makes of a snapshot, and what we hold of it.
type outcome struct {
	stage Stage
	// printed is the end of what patronictl prints; log is in the leader's log.
	printed, log string
	winners      string
	verdict      Verdict
	// by is a check that blocks, where that differs between the releases.
	by string
}

const (
	toNode2   = `Successfully switched over to "node2"`
	toEither  = `Successfully switched over to "node2" or "node3"`
	toNode3   = `Successfully switched over to "node3"`
	failed503 = "details: 503, Switchover failed"
	unknown5  = "details: 503, Switchover status unknown"
)

var releaseRules = []struct {
	name          string
	before, since string
	candidate     string
	do            func(s *Recording)
	was, is       outcome
}{
	// patronictl
	{
		"the word for a leader", "2.1.7", "3.0.0", "node2",
		func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("") },
		outcome{StageCtl, "Error: This cluster has no master", "", "", NoGo, "dcs.leader"},
		outcome{StageCtl, "Error: This cluster has no leader", "", "", NoGo, "dcs.leader"},
	},
	{
		"a Citus cluster without a group", "2.1.7", "3.0.0", "node2",
		func(s *Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = Known(""), Known([]string{"0", "1"})
		},
		outcome{StageCtl, "Error: This cluster has no master", "", "", NoGo, "dcs.group"},
		outcome{StageCtl, "Error: For Citus clusters the --group must me specified", "", "", NoGo, "dcs.group"},
	},
	{
		"the leader as the candidate", "3.2.1", "3.2.2", "node1", nil,
		outcome{StageCtl, "Error: Switchover target and source are the same.", "", "", NoGo, "candidate.member"},
		outcome{StageCtl, "Error: Member node1 is already the leader of cluster demo", "", "", NoGo, "candidate.member"},
	},
	{
		"no such member", "3.1.2", "3.2.0", "node9", nil,
		outcome{StageCtl, "Error: Member node9 does not exist in cluster demo", "", "", NoGo, "candidate.member"},
		outcome{StageCtl, "Error: Member node9 does not exist in cluster demo or is tagged as nofailover", "", "", NoGo, "candidate.member"},
	},
	{
		"failover_priority 0", "3.1.2", "3.2.0", "node2",
		func(s *Recording) { withTags(s, "node2", Tags{"failover_priority": 0.0}) },
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageCtl, "is tagged as nofailover", "", "", NoGo, "candidate.nofailover"},
	},

	// The REST API
	{
		"the case of a name in /sync", "3.0.2", "3.0.3", "node2",
		func(s *Recording) { withSync(s, "on", 0, "NODE2") },
		outcome{StageREST, "412, candidate name does not match with sync_standby", "", "", NoGo, "candidate.sync"},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"synchronous mode in a standby cluster", "3.1.2", "3.2.0", "node2",
		func(s *Recording) { withSync(s, "on", 0, "node3"); config4(s).StandbyCluster = Known(true) },
		outcome{StageREST, "412, candidate name does not match with sync_standby", "", "", NoGo, "candidate.sync"},
		outcome{StageDone, toNode2, "", "node2", NoGo, ""},
	},
	{
		"no space in the DCS", "3.1.2", "3.2.0", "node2",
		func(s *Recording) { s.DCS.Alarms = Known([]string{"NOSPACE"}) },
		outcome{StageREST, "503, failed to write switchover key into DCS", "", "", NoGo, "dcs.alarms"},
		outcome{StageREST, "503, failed to write failover key into DCS", "", "", NoGo, "dcs.alarms"},
	},

	// The HA loop
	{
		"a limit with a unit", "3.0.2", "3.0.3", "node2",
		func(s *Recording) { config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("10MB"), true },
		outcome{StageUnknown, "", "", "", NoGo, "dcs.config"},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"a limit with a leading zero", "3.0.2", "3.0.3", "node2",
		func(s *Recording) {
			config4(s).MaximumLag, config4(s).MaximumLagIsText = Known("010"), true
			restBehind(s, "node2", 9)
		},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageLeader, failed503, "exceeds maximum replication lag", "", NoGo, "lag."},
	},
	{
		"how the log names it", "3.1.2", "3.2.0", "node2",
		func(s *Recording) { restBehind(s, "node2", DefaultMaximumLag+1) },
		outcome{StageLeader, failed503, "manual failover: no healthy members found, failover is not possible", "", NoGo, "lag.patroni"},
		outcome{StageLeader, failed503, "switchover: no healthy members found, switchover is not possible", "", NoGo, "lag.patroni"},
	},
	{
		"the candidate lags, another synchronous one does not", "3.0.4", "3.1.0", "node2",
		func(s *Recording) {
			withSync(s, "on", 0, "node2", "node3")
			restBehind(s, "node2", DefaultMaximumLag+1)
		},
		outcome{StageDone, toNode2, "", "node2", NoGo, "lag.patroni"},
		outcome{StageLeader, failed503, "Member node2 exceeds maximum replication lag", "", NoGo, "lag.patroni"},
	},
	{
		"a primary by its role only", "2.1.5", "2.1.6", "node2", primaryByRole,
		outcome{StageLeader, failed503, "exceeds maximum replication lag", "", NoGo, "identity.rest_role"},
		outcome{StageDone, toNode2, "", "node2", NoGo, "identity.rest_role"},
	},
	{
		"a primary by its role only, once more", "3.0.4", "3.1.0", "node2", primaryByRole,
		outcome{StageDone, toNode2, "", "node2", NoGo, "identity.rest_role"},
		outcome{StageLeader, failed503, "exceeds maximum replication lag", "", NoGo, "identity.rest_role"},
	},
	{
		"past the REST API, with an empty /sync", "3.1.2", "3.2.0", "node2",
		func(s *Recording) {
			config4(s).SynchronousMode = Known("on")
			s.member("node1").REST = NotKnown[REST](Refused, "refused")
		},
		outcome{StageLeader, bypassed, "Failover candidate=node2 does not match with sync_standbys=None", "", NoGo, "leader.rest"},
		outcome{StageDone, bypassed, "", "node2", NoGo, "leader.rest"},
	},
	{
		"past the REST API, for a time that is gone", "3.1.2", "3.2.0", "node2",
		func(s *Recording) {
			s.Question.ScheduledAt = "2020-01-01T00:00:00Z"
			s.member("node1").REST = NotKnown[REST](Refused, "refused")
		},
		outcome{StageLeader, bypassed, "stale failover value", "", NoGo, "leader.rest"},
		outcome{StageLeader, bypassed, "stale switchover value", "", NoGo, "leader.rest"},
	},

	// Quorum
	{
		"quorum mode, the candidate does not vote", "3.3.11", "4.0.0", "node2",
		func(s *Recording) { withSync(s, "quorum", 0, "node3") },
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageDone, unknown5, "", "", NoGo, "candidate.sync"},
	},
	{
		"quorum mode, the candidate does not vote: refused", "4.0.4", "4.0.5", "node2",
		func(s *Recording) { withSync(s, "quorum", 0, "node3") },
		outcome{StageDone, unknown5, "", "", NoGo, "candidate.sync"},
		outcome{StageLeader, failed503, "does not match with sync_standbys=node3", "", NoGo, "candidate.sync"},
	},
	{
		"quorum 1, a voter is named", "4.0.4", "4.0.5", "node2",
		func(s *Recording) { withSync(s, "quorum", 1, "node2", "node3") },
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageLeader, failed503, "no healthy members found", "", NoGo, "candidate.sync"},
	},
	{
		"quorum 1, a voter is named: mended", "4.0.5", "4.0.6", "node2",
		func(s *Recording) { withSync(s, "quorum", 1, "node2", "node3") },
		outcome{StageLeader, failed503, "no healthy members found", "", NoGo, "candidate.sync"},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"quorum 0, a voter is named", "4.0.4", "4.0.5", "node2",
		func(s *Recording) { withSync(s, "quorum", 0, "node2", "node3") },
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"quorum 1, nobody named, one voter of two", "4.0.4", "4.0.5", "",
		func(s *Recording) { withSync(s, "quorum", 1, "node2", "node3"); killed(s, 2) },
		outcome{StageDone, unknown5, "", "", NoGo, "patroni.election"},
		outcome{StageLeader, failed503, "no healthy members found", "", NoGo, "sync.quorum"},
	},
	{
		"quorum 1, nobody named, one voter of two: with the reason", "4.0.5", "4.0.6", "",
		func(s *Recording) { withSync(s, "quorum", 1, "node2", "node3"); killed(s, 2) },
		outcome{StageLeader, failed503, "no healthy members found", "", NoGo, "sync.quorum"},
		outcome{StageLeader, failed503, "Quorum requirement 1 can not be reached", "", NoGo, "sync.quorum"},
	},
	{
		"quorum mode in a standby cluster, nobody named", "4.0.4", "4.0.5", "",
		func(s *Recording) {
			withSync(s, "quorum", 2, "node2", "node3")
			config4(s).StandbyCluster = Known(true)
		},
		outcome{StageDone, unknown5, "", "", NoGo, "patroni.election"},
		outcome{StageLeader, failed503, "no healthy members found", "", NoGo, "sync.quorum"},
	},

	// Who takes the key
	{
		"who is not in /sync, nobody named", "2.1.4", "2.1.5", "",
		func(s *Recording) { withSync(s, "on", 0, "node2") },
		outcome{StageDone, toEither, "", "node2 node3", NoGo, "candidate.sync"},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"priorities", "3.1.2", "3.2.0", "",
		func(s *Recording) { withTags(s, "node3", Tags{"failover_priority": 2.0}) },
		outcome{StageDone, toEither, "", "node2 node3", Go, ""},
		outcome{StageDone, toNode3, "", "node3", Go, ""},
	},
	{
		"priorities in synchronous mode", "3.3.11", "4.0.0", "", synchronousPriority,
		outcome{StageDone, toNode3, "", "node3", Go, ""},
		outcome{StageDone, toEither, "", "node2 node3", Go, ""},
	},
	{
		"priorities in synchronous mode: mended", "4.0.7", "4.0.8", "", synchronousPriority,
		outcome{StageDone, toEither, "", "node2 node3", Go, ""},
		outcome{StageDone, toNode3, "", "node3", Go, ""},
	},
	{
		"priorities in synchronous mode: mended in 4.1 too", "4.1.0", "4.1.1", "", synchronousPriority,
		outcome{StageDone, toEither, "", "node2 node3", Go, ""},
		outcome{StageDone, toNode3, "", "node3", Go, ""},
	},
	{
		"one ahead that is not in /sync", "4.1.0", "4.1.1", "", aheadOutOfSync,
		outcome{StageDone, unknown5, "", "", NoGo, "patroni.election"},
		outcome{StageDone, toNode2, "", "node2", NoGo, "candidate.streaming"},
	},

	// The shutdown of the leader
	{
		"an archiver that fails", "2.1.1", "2.1.2", "node2",
		func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			set(s, "node2", "archive_mode", "on")
			fails1(s)
		},
		outcome{StageDone, toNode2, "", "node2", NoGo, "shutdown.archiver"},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"the key is released for whoever has the last checkpoint", "2.1.1", "2.1.2", "node2", slowerThanOther,
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageDone, toNode2, "", "node2", NoGo, "shutdown.early_release"},
	},
	{
		"the key is released for the candidate only", "3.0.4", "3.1.0", "node2", slowerThanOther,
		outcome{StageDone, toNode2, "", "node2", NoGo, "shutdown.early_release"},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},

	// The names of things
	{
		"the role of a primary", "3.3.11", "4.0.0", "node2", nil,
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"the name in the REST answer", "3.1.2", "3.2.0", "node2", nil,
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
	{
		"replication_state in the REST answer", "3.0.3", "3.0.4", "node2", nil,
		outcome{StageDone, toNode2, "", "node2", Go, ""},
		outcome{StageDone, toNode2, "", "node2", Go, ""},
	},
}

func withTags(s *Recording, member string, tags Tags) {
	s.member(member).Key.Value.Tags, s.member(member).REST.Value.Tags = Known(tags), Known(tags)
}

func withSync(s *Recording, mode string, quorum int, standbys ...string) {
	config4(s).SynchronousMode = Known(mode)
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: standbys, Quorum: quorum})
}

// restBehind is a member of whom Patroni sees that lag; by SQL it has none.
func restBehind(s *Recording, member string, bytes LSN) {
	at := Known(*s.DCS.Cluster.Value.Optime.Value - bytes)
	s.member(member).REST.Value.Received, s.member(member).REST.Value.Replayed = at, at
}

// primaryByRole is node2 with an answer that has a primary's role and a replica's positions.
func primaryByRole(s *Recording) { s.member("node2").REST.Value.Role = Known("master") }

func synchronousPriority(s *Recording) {
	withSync(s, "on", 0, "node2", "node3")
	withTags(s, "node3", Tags{"failover_priority": 2.0})
}

func aheadOutOfSync(s *Recording) {
	withSync(s, "on", 0, "node2")
	s.member("node2").SQL.Value.WalReceiver = Known(WalReceiver{})
	restBehind(s, "node2", 8)
}

// slowerThanOther is node2 some way behind node3, within the limit.
func slowerThanOther(s *Recording) {
	config4(s).MaximumLag = Known("104857600")
	lag(s, "node2", slowerBlocks+1)
}

// TestVersions: the same snapshot by two releases of Patroni, the last before a
// change and the first with it.
func TestVersions(t *testing.T) {
	for _, c := range releaseRules {
		for _, side := range []struct {
			version string
			want    outcome
		}{{c.before, c.was}, {c.since, c.is}} {
			s := healthy(t)
			s.Question.Candidate = c.candidate
			runs(s, side.version)
			if c.do != nil {
				c.do(s)
			}
			p, r, want := PredictFor(s.Snapshot, s.Question), Judge(s.Snapshot, s.Question, Policies{}), side.want
			log := strings.Join(p.Reason, "; ")
			if p.Stage != want.stage || !strings.HasSuffix(p.Printed, want.printed) || (want.log == "") != (log == "") || !strings.Contains(log, want.log) ||
				strings.Join(p.Winners, " ") != want.winners || p.Leaderless != (want.printed == unknown5) {
				t.Errorf("%s, %s: %s, %q, log %q, winners %q, unknown %q", c.name, side.version, p.Stage, p.Printed, log, p.Winners, p.Unknown)
			}
			blocked := slices.ContainsFunc(r.Results, func(res WeighedResult) bool {
				return res.Weight == Blocks && want.by != "" && strings.HasPrefix(res.Check, want.by)
			})
			if r.Verdict != want.verdict || blocked != (want.by != "") {
				t.Errorf("%s, %s: %s, want %s by %q\n%s", c.name, side.version, r.Verdict, want.verdict, want.by, fails(r))
			}
		}
	}
}
