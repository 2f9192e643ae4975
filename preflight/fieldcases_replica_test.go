package preflight_test

import (
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// oldTimeline is a replica left on an older timeline: it does not stream.
func oldTimeline(member string, timeline, leaders, bytes int64) func(s *fact.Recording) {
	return func(s *fact.Recording) {
		level(s, 1<<40)
		for _, m := range []string{"node1", "node2", "node3"} {
			atTimeline(s, m, leaders)
		}
		s.DCS.Cluster.Value.History = fact.Known(
			[]fact.HistoryEntry{
				{Timeline: leaders - 1, SwitchLSN: 1 << 39, Reason: "no recovery target specified", NewLeader: "node1"},
			},
		)
		cutOff(s, member)
		atTimeline(s, member, timeline)
		behindBy(s, member, bytes)
		s.Question.Candidate = member
	}
}

var replicaCases = []fieldCase{
	{
		id:       "R4-01",
		ref:      "patroni/patroni#2072",
		state:    named,
		what:     "a running replica on timeline 8 of 95, always 28460 MB behind",
		scenario: "candidate on an older timeline",
		looks: []look{
			{
				name: "the timeline",
				by:   "candidate.timeline",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"timeline 8, expected 95, as on the leader"},
				do:   oldTimeline("node2", 8, 95, 28460<<20),
			},
			{
				name: "the lag",
				by:   "lag.receive",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"29842472960 bytes"},
				do:   oldTimeline("node2", 8, 95, 28460<<20),
			},
			{
				name: "the stream",
				by:   "candidate.streaming",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"no WAL receiver is running"},
				do:   oldTimeline("node2", 8, 95, 28460<<20),
			},
		},
	},
	{
		id:       "R4-02",
		ref:      "patroni/patroni#2711",
		state:    open,
		why:      "The report does not establish why the reinit had no effect. The checks report the older timeline.",
		what:     "the third member is on timeline 4 of 8 after a restore, and a reinit is said to have worked",
		scenario: "candidate on an older timeline",
		looks: []look{
			{
				name: "as the candidate",
				by:   "candidate.timeline",
				on:   "node3",
				as:   preflight.Blocks,
				says: []string{"timeline 4, expected 8, as on the leader"},
				do:   oldTimeline("node3", 4, 8, 128<<20),
			},
			{
				name: "as another member",
				by:   "candidate.timeline",
				on:   "node3",
				as:   preflight.Warns,
				says: []string{"timeline 4, expected 8"},
				do: func(s *fact.Recording) {
					oldTimeline("node3", 4, 8, 128<<20)(s)
					s.Question.Candidate = "node2"
				},
			},
		},
	},
	{
		id:       "R4-03",
		ref:      "patroni/patroni#3147",
		state:    named,
		what:     "after a point-in-time recovery the replica shows lag 0 and can not follow",
		scenario: "candidate on an older timeline",
		looks: []look{
			{
				name: "the timeline",
				by:   "candidate.timeline",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"timeline 3, expected 4, as on the leader"},
				do:   recovered,
			},
			{
				name: "the stream",
				by:   "candidate.streaming",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"no WAL receiver is running"},
				do:   recovered,
			},
			{
				name: "ahead of what was recovered",
				by:   "candidate.ahead",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"16777216 bytes ahead of the leader"},
				do:   recovered,
			},
		},
	},
	{
		id:       "R4-05",
		ref:      "patroni/patroni#1462",
		state:    named,
		what:     "the REST API says running, and pg_stat_wal_receiver is empty",
		scenario: "candidate not streaming, less than 1 MiB behind",
		looks: []look{
			{
				name: "Patroni 1.6",
				by:   "candidate.streaming",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"pg_stat_wal_receiver", "no WAL receiver is running"},
				do:   func(s *fact.Recording) { runsPatroni(s, "1.6.4"); cutOff(s, "node2") },
			},
			{
				name: "recorded, Patroni 3.0",
				by:   "candidate.streaming",
				on:   theCandidate,
				as:   preflight.Blocks,
				says: []string{"no WAL receiver is running"},
				from: "bookworm-candidate-not-streaming-less-than-1-mib-behind",
			},
		},
	},
	{
		id:    "R4-06",
		ref:   "patroni/patroni#2875",
		state: inPart,
		why: "The checks report that the standby leader is disconnected. How far the other site is ahead is known only " +
			"there.",
		what: "a standby site is disconnected for hours without any sign",
		looks: []look{
			{
				name: "no receiver",
				by:   "leader.upstream",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"no WAL receiver is running, expected streaming from the primary of this standby cluster"},
				do: func(s *fact.Recording) {
					facttest.ServerVersion(s, 130004)
					facttest.StandbySite(s)
					facttest.LeaderSQL(s).WalReceiver = fact.Known(fact.WalReceiver{})
				},
			},
		},
	},
	{
		id:       "R4-07",
		ref:      "patroni/patroni#890",
		state:    named,
		what:     "a node is promoted from before the end of the newest timeline",
		scenario: "check_timeline on, candidate on an older timeline",
		looks: []look{
			{
				name: "check_timeline off",
				by:   "candidate.timeline",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"timeline 4, expected 5", "only if check_timeline is on"},
				do:   oldTimeline("node2", 4, 5, 0),
			},
			{
				name: "check_timeline on",
				by:   "candidate.timeline",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"timeline 4, expected 5"},
				do: func(s *fact.Recording) {
					oldTimeline("node2", 4, 5, 0)(s)
					facttest.Dynamic(s).CheckTimeline = fact.Known(true)
				},
			},
		},
	},
	{
		id:    "R4-08",
		ref:   "patroni/patroni#1251",
		state: inPart,
		why: "The checks report a second primary, and a candidate with WAL that the leader never had. They cannot see a " +
			"member that has diverged and is behind on a timeline of the same number, because the tool does not read the " +
			"history file on disk.",
		what: "a manual promotion: two histories with one timeline number",
		looks: []look{
			{
				name: "two primaries",
				by:   "identity.sql_role",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"pg_is_in_recovery()", "false, expected true"},
				do: func(s *fact.Recording) {
					atTimeline(s, "node1", 2)
					atTimeline(s, "node2", 2)
					facttest.CandidateSQL(s).InRecovery = fact.Known(false)
				},
			},
			{
				name: "the more written",
				by:   "candidate.ahead",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"8192 bytes ahead of the leader", "node2 has diverged"},
				do: func(s *fact.Recording) {
					atTimeline(s, "node1", 2)
					atTimeline(s, "node2", 2)
					behindBy(s, "node2", -8192)
				},
			},
		},
	},
}

// recovered: the leader has gone back in time, its replica has not.
func recovered(s *fact.Recording) {
	runsPatroni(s, "3.3.0")
	oldTimeline("node2", 3, 4, 0)(s)
	behindBy(s, "node2", -16<<20)
}

// notInSync is a candidate that is not the synchronous standby.
func notInSync(s *fact.Recording) {
	syncMembers(s, "on", "node3")
	facttest.SyncRow(s, "node3", "sync")
}

var notSynchronous = []string{"synchronous standbys: node3, expected node2 in /sync"}

var syncReports = []fieldCase{
	{
		id:    "R5-01",
		ref:   "patroni/patroni#2892",
		state: named,
		what:  "a standby cluster with synchronous_mode: 412, no sync_standby, before 3.2.0",
		looks: []look{
			{
				name: "3.1.2",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{
					"this is a standby cluster, and synchronous mode is on",
					"can not find sync_standby",
					"synchronous_mode=false",
				},
				do: func(s *fact.Recording) {
					facttest.ServerVersion(s, 130012)
					facttest.StandbySite(s)
					runsPatroni(s, "3.1.2")
					facttest.Dynamic(s).SynchronousMode = fact.Known("on")
					s.Question.Candidate = ""
				},
			},
		},
	},
	{
		id:    "R5-02",
		ref:   "patroni/patroni#3307",
		state: named,
		what:  "4.0.5 refuses every candidate that is named in quorum mode",
		looks: []look{
			{
				name: "4.0.5",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"quorum is 1, and the leader runs Patroni 4.0.5", "4.0.6"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "4.0.5")
					facttest.ServerVersion(s, 160008)
					syncMembers(s, "quorum", "node2", "node3")
				},
			},
		},
	},
	{
		id:    "R5-04",
		ref:   "patroni/patroni#2405, #2074",
		state: named,
		what:  "no candidate named in synchronous mode: an asynchronous replica is promoted",
		looks: []look{
			{
				name: "2.1.1",
				by:   "candidate.sync",
				on:   "node3",
				as:   preflight.Blocks,
				says: []string{"synchronous standbys: node2, expected node3 in /sync"},
				do:   func(s *fact.Recording) { anyone(s, "2.1.1") },
			},
			{
				name: "2.1.4",
				by:   "candidate.sync",
				on:   "node3",
				as:   preflight.Blocks,
				says: []string{"synchronous standbys: node2, expected node3 in /sync"},
				do:   func(s *fact.Recording) { anyone(s, "2.1.4") },
			},
			{
				name: "mended in 2.1.5",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Passed,
				says: []string{"node2 is in /sync"},
				do:   func(s *fact.Recording) { anyone(s, "2.1.5") },
			},
		},
	},
	{
		id:       "R5-06",
		ref:      "patroni/patroni#1699",
		state:    named,
		what:     "synchronous mode, and every member is tagged nosync",
		scenario: "synchronous mode, nobody may be synchronous",
		looks: []look{
			{
				name: "all nosync",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"node2 is tagged nosync", "Remove nosync"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.1.2")
					syncMembers(s, "on")
					for _, m := range []string{"node1", "node2", "node3"} {
						tag(s, m, fact.Tags{"nosync": true})
					}
				},
			},
		},
	},
	{
		id:    "R5-07",
		ref:   "patroni/patroni#789",
		state: named,
		what: "any standby may be synchronous: a backup receiver or a nosync member is synchronous, and no member is in " +
			"/sync",
		looks: []look{
			{
				name: "Barman",
				by:   "sync.foreign",
				on:   "node1",
				as:   preflight.Warns,
				want: preflight.NoGo,
				says: []string{"barman, no member, is sync", "synchronous_standby_names is *"},
				do: func(s *fact.Recording) {
					anyStandby(s)
					facttest.Stalled(s, "barman", 0, 0)
					facttest.SyncRow(s, "barman", "sync")
				},
			},
			{
				name: "a nosync member",
				by:   "sync.foreign",
				on:   "node1",
				as:   preflight.Warns,
				want: preflight.NoGo,
				says: []string{"node3, tagged nosync, is sync"},
				do: func(s *fact.Recording) {
					anyStandby(s)
					tag(s, "node3", fact.Tags{"nosync": true})
					facttest.SyncRow(s, "node3", "sync")
				},
			},
			{
				name: "what follows",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"synchronous standbys: none, expected node2 in /sync"},
				do:   anyStandby,
			},
		},
	},
	{
		id:    "R5-08",
		ref:   "patroni/patroni#1252",
		state: named,
		what:  "/sync has the name in lower case, and names are compared exactly",
		looks: []look{
			{
				name: "1.6.0",
				by:   "candidate.sync",
				on:   "Node2",
				as:   preflight.Blocks,
				says: []string{"synchronous standbys: node2, expected Node2 in /sync"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "1.6.0")
					facttest.Dynamic(s).UsePgRewind = fact.Known(false)
					syncMembers(s, "on", "node2")
					facttest.Member(s.Snapshot, "node2").Name = "Node2"
					s.Question.Candidate = "Node2"
					s.Sort()
				},
			},
		},
	},
	{
		id:       "R5-09",
		ref:      "zalando/postgres-operator#2276",
		state:    named,
		what:     "a replica that has just been rebuilt is chosen before it is synchronous",
		scenario: "synchronous mode, candidate is not the synchronous standby",
		looks: []look{
			{
				name: "nobody is yet",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"synchronous standbys: none, expected node2 in /sync", "Wait until a member is synchronous"},
				do: func(s *fact.Recording) {
					facttest.WithoutNode3(s)
					syncMembers(s, "on")
				},
			},
		},
	},
	{
		id:       "R5-10",
		ref:      "zalando/postgres-operator#1686",
		state:    named,
		what:     "the target is chosen at random, and is the asynchronous replica",
		scenario: "synchronous mode, candidate is not the synchronous standby",
		looks: []look{
			{name: "asynchronous", by: "candidate.sync", on: "node2", as: preflight.Blocks, says: notSynchronous, do: notInSync},
		},
	},
	{
		id:       "R5-11",
		ref:      "zalando/postgres-operator#2248, #1983",
		state:    named,
		what:     "a node is drained repeatedly, each time to a member that is not the synchronous standby",
		scenario: "synchronous mode, candidate is not the synchronous standby",
		looks: []look{
			{
				name: "the one to choose",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: append(notSynchronous, "Choose node3, or wait"),
				do:   notInSync,
			},
		},
	},
	{
		id:    "R5-12",
		ref:   "zalando/postgres-operator#1992",
		state: open,
		why: "The report does not say why the operator found no candidate. The checks report which members are " +
			"eligible.",
		what:     "an update never switches to the one synchronous replica",
		scenario: "synchronous mode, candidate is the synchronous standby",
		looks: []look{
			{
				name: "it is fit",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Passed,
				says: []string{"node2 is in /sync"},
				do:   func(s *fact.Recording) { facttest.WithoutNode3(s); syncMembers(s, "on", "node2") },
			},
			{
				name: "it is not",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"expected node2 in /sync"},
				do:   func(s *fact.Recording) { facttest.WithoutNode3(s); syncMembers(s, "on") },
			},
		},
	},
	{
		id:    "R5-13",
		ref:   "autobase-tech/autobase#1431",
		state: open,
		why: "The accessible part of the report does not say what emptied /sync. The checks report that it is empty, " +
			"and tags that have this effect.",
		what:     "412, no sync_standby, in the middle of a rolling update",
		scenario: "synchronous mode, nobody may be synchronous",
		looks: []look{
			{
				name: "nobody in /sync",
				by:   "candidate.member",
				as:   preflight.Blocks,
				says: []string{"node2: not in /sync; node3: not in /sync", "can not find sync_standby"},
				do: func(s *fact.Recording) {
					syncMembers(s, "on")
					s.Question.Candidate = ""
				},
			},
			{
				name: "tagged",
				by:   "candidate.sync",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"node2 is tagged nosync"},
				do:   func(s *fact.Recording) { syncMembers(s, "on"); tag(s, "node2", fact.Tags{"nosync": true}) },
			},
		},
	},
	{
		id:    "R5-14",
		ref:   "patroni/patroni#2972",
		state: never,
		why: "It requires a stale read of Consul immediately after the change, so nothing is visible before. The tool " +
			"reads etcd only.",
		what: "the promotion is delayed by one HA loop because another member changed /sync",
	},
	{
		id:    "R5-16",
		ref:   "patroni/patroni#3078",
		state: named,
		what:  "a standby cluster shows a Sync Standby although every standby is asynchronous",
		looks: []look{
			{
				name: "3.3.0",
				by:   "patroni.faults",
				as:   preflight.Warns,
				says: []string{
					"Patroni 3.3.0, and this is a standby cluster, and /sync names node2",
					"every standby is asynchronous",
				},
				do: func(s *fact.Recording) {
					facttest.StandbySite(s)
					runsPatroni(s, "3.3.0")
					syncMembers(s, "on", "node2")
				},
			},
		},
	},
	{
		id:    "R5-18",
		ref:   "patroni/patroni#3093",
		state: named,
		what: "synchronous_standby_names set by hand is emptied on the primary after each promotion: commits are " +
			"asynchronous",
		looks: []look{
			{
				name: "3.3.0, emptied on the leader",
				by:   "sync.names",
				on:   "node2",
				as:   preflight.Warns,
				want: preflight.Go,
				says: []string{"synchronous_standby_names is *; on node1 it is empty", "Patroni 3.3.0 empties the list"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "3.3.0")
					facttest.Set(s, "node2", "synchronous_standby_names", "*")
					facttest.Set(s, "node3", "synchronous_standby_names", "*")
				},
			},
			{
				name: "3.2.1, before the first promotion",
				by:   "sync.names",
				on:   "node2",
				as:   preflight.Warns,
				want: preflight.Go,
				says: []string{"Patroni 3.2.1 empties the list"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "3.2.1")
					for _, m := range []string{"node1", "node2", "node3"} {
						facttest.Set(s, m, "synchronous_standby_names", "*")
					}
				},
			},
		},
	},
	{
		id:       "R6-01",
		ref:      "patroni/patroni#2979",
		state:    named,
		what:     "the request names the leader as the candidate",
		scenario: "the candidate is the leader",
		looks: []look{
			{
				name: "3.2.1",
				by:   "candidate.member",
				as:   preflight.Blocks,
				says: []string{"node1, expected a member other than the leader"},
				do:   func(s *fact.Recording) { runsPatroni(s, "3.2.1"); s.Question.Candidate = "node1" },
			},
		},
	},
	{
		id:       "R6-03",
		ref:      "patroni/patroni#769, #1428",
		state:    named,
		what:     "the candidate is tagged nofailover",
		scenario: "candidate tagged nofailover",
		looks: []look{
			{
				name: "tagged",
				by:   "candidate.nofailover",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"tag nofailover", "patronictl does not offer the member"},
				do:   func(s *fact.Recording) { tag(s, "node2", fact.Tags{"nofailover": true}) },
			},
		},
	},
	{
		id:    "R6-04",
		ref:   "patroni/patroni#3496",
		state: named,
		what:  "failover_priority is not respected among several synchronous standbys",
		looks: []look{
			{
				name: "4.1.0",
				by:   "patroni.faults",
				as:   preflight.Warns,
				says: []string{
					"Patroni 4.1.0, and no candidate is named, synchronous_node_count is 2, and failover_priority differs",
					"4.1.1 or later",
				},
				do: func(s *fact.Recording) {
					runsPatroni(s, "4.1.0")
					syncMembers(s, "on", "node2", "node3")
					facttest.Dynamic(s).SynchronousNodeCount = fact.Known[int64](2)
					s.Question.Candidate = ""
					tag(s, "node2", fact.Tags{"failover_priority": 1.0})
					tag(s, "node3", fact.Tags{"failover_priority": 2.0})
				},
			},
		},
	},
	{
		id:    "R6-05",
		ref:   "kostiantyn-nemchenko/ansible-role-patroni#24, patroni/patroni#2265",
		state: named,
		what:  "the watchdog is required, and after a reboot its device belongs to root again",
		looks: []look{
			{
				name: "2.1.3",
				by:   "candidate.watchdog",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"the watchdog is required and cannot be used", "let the user that runs Patroni write to the device"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.1.3")
					facttest.ServerVersion(s, 140001)
					facttest.Member(s.Snapshot, "node2").REST.Value.WatchdogFailed = fact.Known(true)
				},
			},
		},
	},
}

// anyone: nobody is named while node2 is the synchronous standby.
func anyone(s *fact.Recording, version string) {
	runsPatroni(s, version)
	facttest.Dynamic(s).UsePgRewind = fact.Known(false)
	syncMembers(s, "on", "node2")
	s.Question.Candidate = ""
}

// anyStandby is what synchronous_standby_names = '*' makes of synchronous mode.
func anyStandby(s *fact.Recording) {
	runsPatroni(s, "1.4.6")
	syncMembers(s, "on")
	facttest.Set(s, "node1", "synchronous_standby_names", "*")
}
