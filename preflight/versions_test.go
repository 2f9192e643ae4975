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

// runs makes every member of the snapshot one of that release of Patroni.
func runs(s *fact.Recording, version string) {
	for i := range s.Members {
		key, answer := s.Members[i].Key.Value, s.Members[i].REST.Value
		key.Version = fact.Known(version)
		role := "primary"
		if fact.OlderThan(version, 4, 0, 0) {
			role = "master"
		}
		if fact.IsPrimaryRole(key.Role.OrZero()) {
			key.Role = fact.Known(role)
		}
		if answer == nil {
			continue
		}
		answer.Version = fact.Known(version)
		if fact.IsPrimaryRole(answer.Role.OrZero()) {
			answer.Role = fact.Known(role)
		}
		if fact.OlderThan(version, 3, 2, 0) {
			answer.Name = fact.NotKnown[string](fact.Absent, "not given")
		}
		if fact.OlderThan(version, 3, 0, 4) {
			answer.ReplicationState = fact.Known("")
		}
	}
}

// outcome is what one release makes of a snapshot, and what we hold of it.
type outcome struct {
	stage patroni.Stage
	// printed is the end of what patronictl prints; log is in the leader's log.
	printed, log string
	winners      string
	verdict      preflight.Verdict
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
	do            func(s *fact.Recording)
	was, is       outcome
}{
	// patronictl
	{
		"the word for a leader", "2.1.7", "3.0.0", "node2",
		func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("") },
		outcome{patroni.StageCtl, "Error: This cluster has no master", "", "", preflight.NoGo, "dcs.leader"},
		outcome{patroni.StageCtl, "Error: This cluster has no leader", "", "", preflight.NoGo, "dcs.leader"},
	},
	{
		"a Citus cluster without a group",
		"2.1.7",
		"3.0.0",
		"node2",
		func(s *fact.Recording) {
			s.DCS.Cluster.Value.Leader, s.DCS.Cluster.Value.Groups = fact.Known(""), fact.Known([]string{"0", "1"})
		},
		outcome{patroni.StageCtl, "Error: This cluster has no master", "", "", preflight.NoGo, "dcs.group"},
		outcome{
			patroni.StageCtl,
			"Error: For Citus clusters the --group must me specified",
			"",
			"",
			preflight.NoGo,
			"dcs.group",
		},
	},
	{
		"the leader as the candidate",
		"3.2.1",
		"3.2.2",
		"node1",
		nil,
		outcome{
			patroni.StageCtl,
			"Error: Switchover target and source are the same.",
			"",
			"",
			preflight.NoGo,
			"candidate.member",
		},
		outcome{
			patroni.StageCtl,
			"Error: Member node1 is already the leader of cluster demo",
			"",
			"",
			preflight.NoGo,
			"candidate.member",
		},
	},
	{
		"no such member",
		"3.1.2",
		"3.2.0",
		"node9",
		nil,
		outcome{
			patroni.StageCtl,
			"Error: Member node9 does not exist in cluster demo",
			"",
			"",
			preflight.NoGo,
			"candidate.member",
		},
		outcome{
			patroni.StageCtl,
			"Error: Member node9 does not exist in cluster demo or is tagged as nofailover",
			"",
			"",
			preflight.NoGo,
			"candidate.member",
		},
	},
	{
		"failover_priority 0", "3.1.2", "3.2.0", "node2",
		func(s *fact.Recording) { withTags(s, "node2", fact.Tags{"failover_priority": 0.0}) },
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageCtl, "is tagged as nofailover", "", "", preflight.NoGo, "candidate.nofailover"},
	},

	// The REST API
	{
		"the case of a name in /sync",
		"3.0.2",
		"3.0.3",
		"node2",
		func(s *fact.Recording) { withSync(s, "on", 0, "NODE2") },
		outcome{
			patroni.StageREST,
			"412, candidate name does not match with sync_standby",
			"",
			"",
			preflight.NoGo,
			"candidate.sync",
		},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"synchronous mode in a standby cluster",
		"3.1.2",
		"3.2.0",
		"node2",
		func(s *fact.Recording) {
			withSync(s, "on", 0, "node3")
			facttest.Dynamic(s).StandbyCluster = fact.Known(true)
		},
		outcome{
			patroni.StageREST,
			"412, candidate name does not match with sync_standby",
			"",
			"",
			preflight.NoGo,
			"candidate.sync",
		},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, ""},
	},
	{
		"no space in the DCS", "3.1.2", "3.2.0", "node2",
		func(s *fact.Recording) { s.DCS.Alarms = fact.Known([]string{"NOSPACE"}) },
		outcome{patroni.StageREST, "503, failed to write switchover key into DCS", "", "", preflight.NoGo, "dcs.alarms"},
		outcome{patroni.StageREST, "503, failed to write failover key into DCS", "", "", preflight.NoGo, "dcs.alarms"},
	},

	// The HA loop
	{
		"a limit with a unit", "3.0.2", "3.0.3", "node2",
		func(s *fact.Recording) {
			facttest.Dynamic(s).MaximumLag, facttest.Dynamic(s).MaximumLagIsText = fact.Known("10MB"), true
		},
		outcome{patroni.StageUnknown, "", "", "", preflight.NoGo, "dcs.config"},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"a limit with a leading zero", "3.0.2", "3.0.3", "node2",
		func(s *fact.Recording) {
			facttest.Dynamic(s).MaximumLag, facttest.Dynamic(s).MaximumLagIsText = fact.Known("010"), true
			facttest.RESTBehind(s, "node2", 9)
		},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageLeader, failed503, "exceeds maximum replication lag", "", preflight.NoGo, "lag."},
	},
	{
		"how the log names it",
		"3.1.2",
		"3.2.0",
		"node2",
		func(s *fact.Recording) { facttest.RESTBehind(s, "node2", patroni.DefaultMaximumLag+1) },
		outcome{
			patroni.StageLeader,
			failed503,
			"manual failover: no healthy members found, failover is not possible",
			"",
			preflight.NoGo,
			"lag.patroni",
		},
		outcome{
			patroni.StageLeader,
			failed503,
			"switchover: no healthy members found, switchover is not possible",
			"",
			preflight.NoGo,
			"lag.patroni",
		},
	},
	{
		"the candidate lags, another synchronous one does not",
		"3.0.4",
		"3.1.0",
		"node2",
		func(s *fact.Recording) {
			withSync(s, "on", 0, "node2", "node3")
			facttest.RESTBehind(s, "node2", patroni.DefaultMaximumLag+1)
		},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, "lag.patroni"},
		outcome{
			patroni.StageLeader,
			failed503,
			"Member node2 exceeds maximum replication lag",
			"",
			preflight.NoGo,
			"lag.patroni",
		},
	},
	{
		"a primary by its role only", "2.1.5", "2.1.6", "node2", primaryByRole,
		outcome{patroni.StageLeader, failed503, "exceeds maximum replication lag", "", preflight.NoGo, "identity.rest_role"},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, "identity.rest_role"},
	},
	{
		"a primary by its role only, once more", "3.0.4", "3.1.0", "node2", primaryByRole,
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, "identity.rest_role"},
		outcome{patroni.StageLeader, failed503, "exceeds maximum replication lag", "", preflight.NoGo, "identity.rest_role"},
	},
	{
		"past the REST API, with an empty /sync",
		"3.1.2",
		"3.2.0",
		"node2",
		func(s *fact.Recording) {
			facttest.Dynamic(s).SynchronousMode = fact.Known("on")
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		},
		outcome{
			patroni.StageLeader,
			patroni.Bypassed,
			"Failover candidate=node2 does not match with sync_standbys=None",
			"",
			preflight.NoGo,
			"leader.rest",
		},
		outcome{patroni.StageDone, patroni.Bypassed, "", "node2", preflight.NoGo, "leader.rest"},
	},
	{
		"past the REST API, for a time that is gone", "3.1.2", "3.2.0", "node2",
		func(s *fact.Recording) {
			s.Question.ScheduledAt = "2020-01-01T00:00:00Z"
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		},
		outcome{patroni.StageLeader, patroni.Bypassed, "stale failover value", "", preflight.NoGo, "leader.rest"},
		outcome{patroni.StageLeader, patroni.Bypassed, "stale switchover value", "", preflight.NoGo, "leader.rest"},
	},

	// Quorum
	{
		"quorum mode, the candidate does not vote", "3.3.11", "4.0.0", "node2",
		func(s *fact.Recording) { withSync(s, "quorum", 0, "node3") },
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageDone, unknown5, "", "", preflight.NoGo, "candidate.sync"},
	},
	{
		"quorum mode, the candidate does not vote: refused",
		"4.0.4",
		"4.0.5",
		"node2",
		func(s *fact.Recording) { withSync(s, "quorum", 0, "node3") },
		outcome{patroni.StageDone, unknown5, "", "", preflight.NoGo, "candidate.sync"},
		outcome{
			patroni.StageLeader,
			failed503,
			"does not match with sync_standbys=node3",
			"",
			preflight.NoGo,
			"candidate.sync",
		},
	},
	{
		"quorum 1, a voter is named", "4.0.4", "4.0.5", "node2",
		func(s *fact.Recording) { withSync(s, "quorum", 1, "node2", "node3") },
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageLeader, failed503, "no healthy members found", "", preflight.NoGo, "candidate.sync"},
	},
	{
		"quorum 1, a voter is named: mended", "4.0.5", "4.0.6", "node2",
		func(s *fact.Recording) { withSync(s, "quorum", 1, "node2", "node3") },
		outcome{patroni.StageLeader, failed503, "no healthy members found", "", preflight.NoGo, "candidate.sync"},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"quorum 0, a voter is named", "4.0.4", "4.0.5", "node2",
		func(s *fact.Recording) { withSync(s, "quorum", 0, "node2", "node3") },
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"quorum 1, nobody named, one voter of two", "4.0.4", "4.0.5", "",
		func(s *fact.Recording) { withSync(s, "quorum", 1, "node2", "node3"); facttest.Killed(s, 2) },
		outcome{patroni.StageDone, unknown5, "", "", preflight.NoGo, "patroni.election"},
		outcome{patroni.StageLeader, failed503, "no healthy members found", "", preflight.NoGo, "sync.quorum"},
	},
	{
		"quorum 1, nobody named, one voter of two: with the reason", "4.0.5", "4.0.6", "",
		func(s *fact.Recording) { withSync(s, "quorum", 1, "node2", "node3"); facttest.Killed(s, 2) },
		outcome{patroni.StageLeader, failed503, "no healthy members found", "", preflight.NoGo, "sync.quorum"},
		outcome{patroni.StageLeader, failed503, "Quorum requirement 1 can not be reached", "", preflight.NoGo, "sync.quorum"},
	},
	{
		"quorum mode in a standby cluster, nobody named", "4.0.4", "4.0.5", "",
		func(s *fact.Recording) {
			withSync(s, "quorum", 2, "node2", "node3")
			facttest.Dynamic(s).StandbyCluster = fact.Known(true)
		},
		outcome{patroni.StageDone, unknown5, "", "", preflight.NoGo, "patroni.election"},
		outcome{patroni.StageLeader, failed503, "no healthy members found", "", preflight.NoGo, "sync.quorum"},
	},

	// Who takes the key
	{
		"who is not in /sync, nobody named", "2.1.4", "2.1.5", "",
		func(s *fact.Recording) { withSync(s, "on", 0, "node2") },
		outcome{patroni.StageDone, toEither, "", "node2 node3", preflight.NoGo, "candidate.sync"},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"priorities", "3.1.2", "3.2.0", "",
		func(s *fact.Recording) { withTags(s, "node3", fact.Tags{"failover_priority": 2.0}) },
		outcome{patroni.StageDone, toEither, "", "node2 node3", preflight.Go, ""},
		outcome{patroni.StageDone, toNode3, "", "node3", preflight.Go, ""},
	},
	{
		"priorities in synchronous mode", "3.3.11", "4.0.0", "", synchronousPriority,
		outcome{patroni.StageDone, toNode3, "", "node3", preflight.Go, ""},
		outcome{patroni.StageDone, toEither, "", "node2 node3", preflight.Go, ""},
	},
	{
		"priorities in synchronous mode: mended", "4.0.7", "4.0.8", "", synchronousPriority,
		outcome{patroni.StageDone, toEither, "", "node2 node3", preflight.Go, ""},
		outcome{patroni.StageDone, toNode3, "", "node3", preflight.Go, ""},
	},
	{
		"priorities in synchronous mode: mended in 4.1 too", "4.1.0", "4.1.1", "", synchronousPriority,
		outcome{patroni.StageDone, toEither, "", "node2 node3", preflight.Go, ""},
		outcome{patroni.StageDone, toNode3, "", "node3", preflight.Go, ""},
	},
	{
		"one ahead that is not in /sync", "4.1.0", "4.1.1", "", aheadOutOfSync,
		outcome{patroni.StageDone, unknown5, "", "", preflight.NoGo, "patroni.election"},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, "candidate.streaming"},
	},

	// The shutdown of the leader
	{
		"an archiver that fails", "2.1.1", "2.1.2", "node2",
		func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "on")
			facttest.Set(s, "node2", "archive_mode", "on")
			facttest.FailedOnce(s)
		},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, "shutdown.archiver"},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"the key is released for whoever has the last checkpoint", "2.1.1", "2.1.2", "node2", slowerThanOther,
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, "shutdown.early_release"},
	},
	{
		"the key is released for the candidate only", "3.0.4", "3.1.0", "node2", slowerThanOther,
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.NoGo, "shutdown.early_release"},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},

	// The names of things
	{
		"the role of a primary", "3.3.11", "4.0.0", "node2", nil,
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"the name in the REST answer", "3.1.2", "3.2.0", "node2", nil,
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
	{
		"replication_state in the REST answer", "3.0.3", "3.0.4", "node2", nil,
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
		outcome{patroni.StageDone, toNode2, "", "node2", preflight.Go, ""},
	},
}

func withTags(s *fact.Recording, member string, tags fact.Tags) {
	facttest.Member(s.Snapshot, member).Key.Value.Tags, facttest.Member(s.Snapshot, member).REST.Value.Tags = fact.Known(
		tags,
	), fact.Known(
		tags,
	)
}

func withSync(s *fact.Recording, mode string, quorum int, standbys ...string) {
	facttest.Dynamic(s).SynchronousMode = fact.Known(mode)
	s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: standbys, Quorum: quorum})
	facttest.Kept(s)
}

// primaryByRole is node2 with an answer that has a primary's role and a replica's positions.
func primaryByRole(s *fact.Recording) {
	facttest.Member(s.Snapshot, "node2").REST.Value.Role = fact.Known("master")
}

func synchronousPriority(s *fact.Recording) {
	withSync(s, "on", 0, "node2", "node3")
	withTags(s, "node3", fact.Tags{"failover_priority": 2.0})
}

func aheadOutOfSync(s *fact.Recording) {
	withSync(s, "on", 0, "node2")
	facttest.Member(s.Snapshot, "node2").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
	facttest.RESTBehind(s, "node2", 8)
}

// slowerThanOther is node2 some way behind node3, within the limit.
func slowerThanOther(s *fact.Recording) {
	facttest.Dynamic(s).MaximumLag = fact.Known("104857600")
	facttest.Lag(s, "node2", check.SlowerBlocks+1)
}

// TestVersions: the same snapshot by two releases of Patroni, the last before a
// change and the first with it.
func TestVersions(t *testing.T) {
	for _, c := range releaseRules {
		for _, side := range []struct {
			version string
			want    outcome
		}{{c.before, c.was}, {c.since, c.is}} {
			s := facttest.Healthy(t)
			s.Question.Candidate = c.candidate
			runs(s, side.version)
			if c.do != nil {
				c.do(s)
			}
			p, r, want := patroni.PredictFor(
				s.Snapshot,
				s.Question,
			), preflight.Judge(
				s.Snapshot,
				s.Question,
				check.Policies{},
			), side.want
			log := strings.Join(p.Reason, "; ")
			if p.Stage != want.stage || !strings.HasSuffix(p.Printed, want.printed) || (want.log == "") != (log == "") ||
				!strings.Contains(log, want.log) ||
				strings.Join(p.Winners, " ") != want.winners ||
				p.Leaderless != (want.printed == unknown5) {
				t.Errorf(
					"%s, %s: %s, %q, log %q, winners %q, unknown %q",
					c.name,
					side.version,
					p.Stage,
					p.Printed,
					log,
					p.Winners,
					p.Unknown,
				)
			}
			blocked := slices.ContainsFunc(r.Results, func(res preflight.WeighedResult) bool {
				return res.Weight == preflight.Blocks && want.by != "" && strings.HasPrefix(res.Check, want.by)
			})
			if r.Verdict != want.verdict || blocked != (want.by != "") {
				t.Errorf("%s, %s: %s, want %s by %q\n%s", c.name, side.version, r.Verdict, want.verdict, want.by, facttest.Fails(r))
			}
		}
	}
}
