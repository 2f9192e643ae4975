package preflight_test

import (
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var slotCases = []fieldCase{
	{
		id:       "R9-01",
		ref:      "patroni/patroni#1691",
		state:    named,
		what:     "replay is paused: before PostgreSQL 13 the promotion does not happen",
		scenario: "replay paused with a backlog",
		looks: []look{
			{
				name: "PostgreSQL 12, nothing unreplayed",
				by:   "candidate.replay_paused",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"true, on PostgreSQL 12.22", "does not promote while replay is paused"},
				do: func(s *fact.Recording) {
					facttest.ServerVersion(s, 120022)
					facttest.CandidateSQL(s).ReplayPaused = fact.Known(true)
					facttest.Member(s.Snapshot, "node2").REST.Value.ReplayPaused = fact.Known(true)
				},
			},
			{
				name: "PostgreSQL 15, 38920792 bytes unreplayed",
				by:   "lag.replay",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"38920792 bytes", "Its replay is paused"},
				do: func(s *fact.Recording) {
					level(s, 102593328)
					facttest.ServerVersion(s, 150020)
					q, r := facttest.CandidateSQL(s), facttest.Member(s.Snapshot, "node2").REST.Value
					q.ReplayLSN, q.ReplayPaused = fact.Known(fact.LSN(63672536)), fact.Known(true)
					r.Replayed, r.ReplayPaused = fact.Known(fact.LSN(63672536)), fact.Known(true)
				},
			},
			{
				name: "recorded, PostgreSQL 17",
				by:   "candidate.replay_paused",
				on:   theCandidate,
				as:   preflight.Warns,
				want: preflight.NoGo,
				says: []string{"true, on PostgreSQL 17"},
				from: "trixie-replay-paused-with-a-backlog",
			},
		},
	},
	{
		id:    "R9-02",
		ref:   "patroni/patroni#3306",
		state: open,
		why: "The report does not establish what delayed the promotion for half an hour. Its log shows maintenance " +
			"mode, which the checks report, as they do WAL that is not replayed.",
		what:     "the new leader is read-only for half an hour, then releases the leader key",
		scenario: "maintenance mode",
		looks: []look{
			{
				name: "maintenance mode",
				by:   "maintenance.pause",
				as:   preflight.Blocks,
				says: []string{"pause is true: maintenance mode", "if the promotion fails, the cluster has no primary"},
				do:   func(s *fact.Recording) { runsPatroni(s, "4.0.4"); facttest.Dynamic(s).Pause = fact.Known(true) },
			},
			{
				name: "much to replay",
				by:   "lag.replay",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"52428800 bytes", "must replay it all before it accepts a write"},
				do: func(s *fact.Recording) {
					facttest.CandidateSQL(s).ReplayLSN = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value - 50<<20)
				},
			},
		},
	},
	{
		id:    "R9-04",
		ref:   "patroni/patroni#2738",
		state: named,
		what:  "strict synchronous mode: the new primary waits for a missing standby and does not answer",
		looks: []look{
			{
				name: "3.0.3, two nodes",
				by:   "patroni.faults",
				as:   preflight.Warns,
				says: []string{"Patroni 3.0.3, and synchronous_mode_strict is on, and there is no third member", "3.0.4 or later"},
				do:   func(s *fact.Recording) { facttest.Strictly(s); runsPatroni(s, "3.0.3") },
			},
		},
	},
	{
		id:    "R9-05",
		ref:   "patroni/patroni#2340",
		state: never,
		why:   "The new primary crashed; nothing is visible before.",
		what:  "crash recovery takes minutes while the member holds the leader key",
	},
	{
		id:       "R10-01",
		ref:      "patroni/patroni#2539",
		state:    named,
		what:     "logical slots that Patroni does not know are dropped",
		scenario: "logical slot that nobody declared",
		looks: []look{
			{
				name: "2.1.3",
				by:   "slots.logical",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"logical slot cdc (pgoutput, database app), not declared in /config", "Patroni drops it on node1"},
				do:   func(s *fact.Recording) { runsPatroni(s, "2.1.3"); facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc) },
			},
		},
	},
	{
		id:    "R10-03",
		ref:   "patroni/patroni#1749, #1056",
		state: named,
		what: "before 2.1.0 Patroni creates a permanent logical slot again on the new primary: changes are lost without " +
			"an error",
		looks: []look{
			{
				name: "2.0.2",
				by:   "patroni.faults",
				as:   preflight.Blocks,
				says: []string{"Patroni 2.0.2, and /config declares logical slots: cdc", "never reach their consumers"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.0.2")
					facttest.Declare(s)
					facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
				},
			},
		},
	},
	{
		id:    "R10-04",
		ref:   "patroni/patroni#3150",
		state: named,
		what:  "the slot on the standby is invalidated by a recovery conflict",
		looks: []look{
			{
				name: "invalid",
				by:   "slots.logical_ready",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"the declared logical slot cdc: invalid (rows_removed)", "hot_standby_feedback on"},
				do: func(s *fact.Recording) {
					syncMembers(s, "on", "node2")
					facttest.Declare(s)
					facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
					c := facttest.Cdc
					c.Invalid = "rows_removed"
					facttest.Slot(facttest.CandidateSQL(s), c)
				},
			},
		},
	},
	{
		id:       "R10-05",
		ref:      "patroni/patroni#3237",
		state:    open,
		why:      "The report does not establish the cause. The checks report a slot that would be missing or unusable.",
		what:     "a logical slot is dropped in synchronous mode",
		scenario: "logical slot that nobody declared",
		looks: []look{
			{
				name: "undeclared",
				by:   "slots.logical",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"not declared in /config"},
				do: func(s *fact.Recording) {
					syncMembers(s, "on", "node2")
					facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
				},
			},
			{
				name: "not copied",
				by:   "slots.logical_ready",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"the declared logical slot cdc: not there yet"},
				do: func(s *fact.Recording) {
					syncMembers(s, "on", "node2")
					facttest.Declare(s)
					facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
				},
			},
		},
	},
	{
		id:    "R10-06",
		ref:   "patroni/patroni#3523",
		state: later,
		why:   "Subscriptions to other clusters are visible in pg_subscription, which the tool does not read yet.",
		what:  "after a switchover of the subscriber's cluster, its remote slot is not used any more",
	},
}

var otherCases = []fieldCase{
	{
		id:    "R11-01",
		ref:   "patroni/patroni#1804",
		state: inPart,
		why: "Two nodes write one key in turns. The check sees it only if the key has the second node's addresses at " +
			"that moment.",
		what:     "a second node is started under the leader's name, and becomes a second primary",
		scenario: "candidate's conn_url = the leader's",
		looks: []look{
			{
				name: "the other's addresses",
				by:   "identity.sql_role",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{"pg_is_in_recovery() at postgres://10.77.9.24:5432/postgres", "true, expected false"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.0.1")
					m := facttest.Member(s.Snapshot, "node1")
					m.Key.Value.ConnURL = fact.Known("postgres://10.77.9.24:5432/postgres")
					m.SQL.Value.InRecovery = fact.Known(true)
				},
			},
			{
				name: "one of each",
				by:   "identity.one_instance",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{"Two different servers answer for node1"},
				do: func(s *fact.Recording) {
					at := facttest.Member(s.Snapshot, "node1").SQL.Value.PostmasterStart.Must()
					facttest.Member(s.Snapshot, "node1").SQL.Value.PostmasterStart = fact.Known(at.Add(1e9))
				},
			},
		},
	},
	{
		id:    "R11-03",
		ref:   "patroni/patroni#2919",
		state: open,
		why: "The report does not establish what changed the roles. The checks report maintenance mode and its " +
			"consequences.",
		what:     "roles change in maintenance mode, or every request ends in 503",
		scenario: "maintenance mode, no candidate named",
		looks: []look{
			{
				name: "with a name",
				by:   "maintenance.pause",
				as:   preflight.Blocks,
				says: []string{"pause is true: maintenance mode", "Patroni would accept a switchover to node2"},
				do:   func(s *fact.Recording) { runsPatroni(s, "2.1.3"); facttest.Dynamic(s).Pause = fact.Known(true) },
			},
			{
				name: "without",
				by:   "maintenance.pause",
				as:   preflight.Blocks,
				says: []string{"only to a specific candidate in a paused state"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.1.3")
					facttest.Dynamic(s).Pause = fact.Known(true)
					s.Question.Candidate = ""
				},
			},
		},
	},
	{
		id:    "R11-04",
		ref:   "patroni/patroni#1828",
		state: never,
		why:   "A race inside Patroni.",
		what:  "an exception in the middle of the switchover, and 10 s without a primary",
	},
	{
		id:    "R11-06",
		ref:   "patroni/patroni#2997, #2841",
		state: inPart,
		why: "Free disk space is not visible in SQL. The checks report what fills the disk: an archiver that fails, " +
			"or a slot without a consumer.",
		what:     "WAL fills the primary's disk, and the primary keeps the leader key",
		scenario: "archiving fails",
		looks: []look{
			{
				name: "the archiver",
				by:   "shutdown.archiver",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"7 failures", "900 WAL files wait"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.1.3")
					facttest.ServerVersion(s, 140010)
					archiving(s, "on")
					facttest.FailedOnce(s).Ready = fact.Known(900)
				},
			},
			{
				name: "the slot",
				by:   "slots.foreign",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"physical slots that belong to no member and are not declared in /config: old_site"},
				do: func(s *fact.Recording) {
					facttest.Slot(
						facttest.LeaderSQL(s),
						fact.Slot{
							Name:       "old_site",
							Type:       "physical",
							RestartLSN: fact.Known(fact.LSN(1)),
							WALStatus:  fact.Known("extended"),
						},
					)
				},
			},
		},
	},
	{
		id:    "R12-02",
		ref:   "patroni/patroni#1747",
		state: never,
		why: "A race between the archiving of the new timeline's history file and another site's restore_command, after " +
			"the promotion.",
		what: "a standby cluster requests a WAL file that will never exist",
	},
	{
		id:    "R12-03",
		ref:   "patroni/patroni#1708",
		state: open,
		why: "The accessible part of the report does not establish the cause. PostgreSQL before 13 behaves like this, " +
			"and the checks report it.",
		what: "the third node restarts although the switchover does not concern it, and its clients are disconnected",
		looks: []look{
			{
				name: "PostgreSQL 12",
				by:   "wayback.restart",
				as:   preflight.Warns,
				says: []string{"PostgreSQL 12.4, and there are other replicas: node3", "its sessions are cut off"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.0.1")
					facttest.Dynamic(s).UsePgRewind = fact.Known(false)
					facttest.ServerVersion(s, 120004)
				},
			},
		},
	},
	{
		id:    "R12-05",
		ref:   "patroni/patroni#2591",
		state: never,
		why:   "How clients handle an interruption is outside the cluster. The forecast says how long it takes.",
		what:  "clients get errors during the switchover, where only a delay was expected",
	},
	{
		id:       "R13-01",
		ref:      "apecloud/kubeblocks-addons#3007",
		state:    named,
		what:     "a script treats every answer of Patroni as success",
		scenario: "candidate tagged nofailover",
		looks: []look{
			{
				name: "nobody is eligible",
				by:   "candidate.member",
				as:   preflight.Blocks,
				says: []string{"no member may be promoted"},
				more: exitsWith2,
				do: func(s *fact.Recording) {
					s.Question.Candidate = ""
					tag(s, "node2", fact.Tags{"nofailover": true})
					tag(s, "node3", fact.Tags{"nofailover": true})
				},
			},
			{
				name: "the replica lags",
				by:   "lag.receive",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"2097152 bytes"},
				more: exitsWith2,
				do:   func(s *fact.Recording) { behindBy(s, "node2", 2<<20) },
			},
		},
	},
	{
		id:    "R13-02",
		ref:   "autobase-tech/autobase#338",
		state: never,
		why:   "The report does not establish why the replica did not start, and shows nothing from before.",
		what:  "a playbook waits in vain for a healthy replica after the switchover",
	},
	{
		id:    "R13-03",
		ref:   "autobase-tech/autobase PR#596",
		state: never,
		why:   "The script matched the wording of patronictl's prompts.",
		what:  "patronictl now prompts for the primary instead of the master",
	},
	{
		id:       "R13-04",
		ref:      "autobase-tech/autobase#644",
		state:    open,
		why:      "The report does not say why one replica was missing. The checks report that it is missing.",
		what:     "one of two replicas is not connected to the leader, and the update continues",
		scenario: "candidate not streaming, less than 1 MiB behind",
		looks: []look{
			{
				name: "no row",
				by:   "candidate.streaming",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"pg_stat_replication", "no row for node2"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "3.2.2")
					facttest.ServerVersion(s, 150006)
					receiver := *facttest.CandidateSQL(s).WalReceiver.Value
					cutOff(s, "node2")
					facttest.CandidateSQL(s).WalReceiver = fact.Known(receiver)
				},
			},
		},
	},
	{
		id:    "R13-05",
		ref:   "CrunchyData/postgres-operator#3254",
		state: never,
		why:   "That release of the operator has no such feature.",
		what:  "an annotation that asks for a switchover is ignored",
	},
}

func exitsWith2(t *testing.T, r preflight.Report) {
	if r.ExitCode != exitcode.NoGo {
		t.Errorf("exit code %d", r.ExitCode)
	}
}

var sourceCases = []fieldCase{
	{
		id:    "T1",
		ref:   "patroni/api.py do_POST_failover, patroni/ha.py should_run_scheduled_action",
		state: named,
		what: "Patroni accepts a scheduled switchover without checking it, and drops it without a message if the " +
			"leader is late",
		scenario: "scheduled for tomorrow",
		looks: []look{
			{
				name: "in an hour",
				by:   "schedule.unjudged",
				as:   preflight.Warns,
				says: []string{"only Patroni's own checks run", "the switchover is dropped"},
				do:   func(s *fact.Recording) { facttest.Schedule(s, facttest.TimeIn(s, 3600e9)) },
			},
		},
	},
	{
		id:       "T2",
		ref:      "patroni/ctl.py _do_failover_or_switchover",
		state:    named,
		what:     "patronictl exits with 0 after a refusal",
		scenario: "candidate's Patroni killed",
		looks: []look{
			{
				name: "412",
				by:   "candidate.rest",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"412"},
				do:   func(s *fact.Recording) { apiURL(s, "node2", "http://10.77.9.22:8009/patroni", "") },
				more: func(t *testing.T, r preflight.Report) {
					exitsWith2(t, r)
					if !strings.Contains(r.Prediction.Printed, "Switchover failed, details: 412") {
						t.Errorf("predicted: %q", r.Prediction.Printed)
					}
				},
			},
		},
	},
	{
		id:    "T3",
		ref:   "patroni/ctl.py _do_failover_or_switchover",
		state: named,
		what: "if the leader's REST API refuses connections, patronictl writes the request to the DCS itself and " +
			"bypasses every check",
		scenario: "the leader's REST port is closed to the others",
		looks: []look{
			{
				name: "refused",
				by:   "leader.rest",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{"every check of the REST API"},
				do:   func(s *fact.Recording) { apiURL(s, "node1", "http://10.77.9.21:8008/patroni", "") },
			},
		},
	},
	{
		id:       "T4",
		ref:      "patroni/ha.py fetch_node_status",
		state:    named,
		what:     "the candidate has two seconds to answer, once",
		scenario: "candidate's REST API answers after 2.6 s",
		looks: []look{
			{
				name: "2.6 s",
				by:   "candidate.rest",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"answered after 2.6 s", "2 s and does not retry"},
				do:   func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Stamp.Seconds = 2.6 },
			},
			{
				name: "1.2 s",
				by:   "candidate.rest",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"answered after 1.2 s"},
				do:   func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Stamp.Seconds = 1.2 },
			},
		},
	},
	{
		id:       "T5",
		ref:      "patroni/ha.py _MemberStatus.from_api_response",
		state:    named,
		what:     "Patroni compares received WAL and not replayed WAL",
		scenario: "replay paused with a backlog",
		looks: []look{
			{
				name: "20 MB received and not replayed",
				by:   "lag.replay",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"20971520 bytes", "Patroni does not check this"},
				do: func(s *fact.Recording) {
					facttest.CandidateSQL(s).ReplayLSN = fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value - 20<<20)
				},
			},
		},
	},
	{
		id:       "T6",
		ref:      "patroni/ha.py is_failover_possible",
		state:    named,
		what:     "check_timeline is off by default: Patroni accepts a member with enough WAL of an older timeline",
		scenario: "candidate on an older timeline",
		looks: []look{
			{
				name: "level, on timeline 1 of 2",
				by:   "candidate.timeline",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"timeline 1, expected 2"},
				do:   oldTimeline("node2", 1, 2, 0),
			},
		},
	},
	{
		id:       "T7",
		ref:      "patroni/api.py poll_failover_result",
		state:    named,
		what:     "status unknown after 20 s, and the switchover continues",
		scenario: "pg_receivewal frozen with a backlog",
		looks: []look{
			{
				name: "a consumer that is stuck",
				by:   "shutdown.walsenders",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{"for up to 60 s (wal_sender_timeout)"},
				do:   func(s *fact.Recording) { facttest.ConsumerFrom(s, facttest.Elsewhere, 20e9, 58<<20, 58<<20) },
				more: statusUnknown,
			},
		},
	},
	{
		id:    "T8",
		ref:   "patroni/api.py poll_failover_result",
		state: inPart,
		why: "A failure of the candidate after the leader has stepped down is not visible before. The prediction names " +
			"the member that would take over.",
		what: "Patroni reports success although another member became leader",
		looks: []look{
			{
				name: "who else",
				by:   "patroni.election",
				as:   preflight.Passed,
				says: []string{"node2 takes the leader key"},
				do:   func(*fact.Recording) {},
				more: func(t *testing.T, r preflight.Report) {
					if f := r.Prediction.Fallback; f == nil || len(f.Winners) == 0 {
						t.Errorf("nobody would take over: %+v", r.Prediction)
					}
				},
			},
		},
	},
	{
		id:       "T9",
		ref:      "patroni/ha.py _MemberStatus.from_api_response",
		state:    named,
		what:     "an answer without a WAL position counts as no answer",
		scenario: "candidate's PostgreSQL stopped",
		looks: []look{
			{
				name: "recorded",
				by:   "candidate.running",
				on:   theCandidate,
				as:   preflight.Blocks,
				says: []string{"no WAL position", "not reachable"},
				from: "trixie-candidate-s-postgresql-stopped",
			},
		},
	},
	{
		id:       "T10",
		ref:      "patroni/dcs/ manual_failover",
		state:    named,
		what:     "a new request overwrites one that is pending or scheduled",
		scenario: "a switchover scheduled for tomorrow",
		looks: []look{
			{
				name: "scheduled",
				by:   "dcs.failover_key",
				as:   preflight.Warns,
				says: []string{"from node1 to node3, scheduled for 2030-01-01T00:00:00+00:00", "silently overwrites it"},
				do: func(s *fact.Recording) {
					s.DCS.Cluster.Value.Failover = fact.Known(
						fact.Failover{Leader: "node1", Candidate: "node3", ScheduledAt: "2030-01-01T00:00:00+00:00"},
					)
				},
			},
			{
				name: "under way",
				by:   "dcs.failover_key",
				as:   preflight.Blocks,
				says: []string{"from node1 to node3, not yet executed"},
				do: func(s *fact.Recording) {
					s.DCS.Cluster.Value.Failover = fact.Known(fact.Failover{Leader: "node1", Candidate: "node3"})
				},
			},
		},
	},
	{
		id:    "T11",
		ref:   "patroni/ha.py touch_member",
		state: named,
		what:  "the leader has not finished the checkpoint after its promotion",
		looks: []look{
			{
				name: "promoted moments ago",
				by:   "leader.checkpoint",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"checkpoint_after_promote: false"},
				do: func(s *fact.Recording) {
					facttest.Member(s.Snapshot, "node1").Key.Value.CheckpointAfterPromote = fact.Known(false)
				},
			},
		},
	},
	{
		id:       "T12",
		ref:      "patroni/api.py, release notes 2.1.2, 3.0.4, 3.2.0, 4.0.0",
		state:    named,
		what:     "older releases report less: no name, no replication_state, master instead of primary",
		scenario: "healthy",
		looks: []look{
			{
				name: "recorded, Patroni 3.0",
				by:   "identity.rest_name",
				on:   theCandidate,
				as:   preflight.Passed,
				says: []string{"no name, as with every Patroni before 3.2.0"},
				from: "bookworm-healthy",
			},
			{
				name: "a primary under its old name",
				by:   "identity.rest_role",
				on:   "node1",
				as:   preflight.Passed,
				says: []string{"role master"},
				do:   func(s *fact.Recording) { runsPatroni(s, "3.0.2") },
			},
		},
	},
}
