package preflight_test

import (
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

const (
	onlyIfNow = "The checks report a client that does not respond now. They cannot predict that a client which receives " +
		"WAL now will stop responding during the shutdown."
	slowStop = "The checks report how much the shutdown checkpoint has to write, and the forecast says whether " +
		"patronictl will stop waiting. The speed of the disk and the load at that time can only be estimated."
)

// decoder is a logical client that has stopped reading.
func decoder(app string, do func(s *fact.Recording)) look {
	return look{
		name: "stuck now",
		by:   "shutdown.walsenders",
		on:   "node1",
		as:   preflight.Blocks,
		says: []string{
			`"` + app + `" from 192.0.2.7, pid 4711 has been silent for 20 s`,
			"27.7 MB not confirmed",
			"pg_terminate_backend(4711)",
		},
		do: func(s *fact.Recording) {
			do(s)
			stuckDecoder(s, app, 29019272)
		},
	}
}

// slowCheckpoint leaves 3 GB to the checkpoint before the shutdown.
func slowCheckpoint(loopWait int64, seconds string, do func(s *fact.Recording)) look {
	return look{
		name: "3 GB to write",
		by:   "shutdown.checkpoint",
		on:   "node1",
		as:   preflight.Warns,
		says: []string{"up to 3.0 GB to write since the last checkpoint", "\"status unknown\" after " + seconds + " s"},
		do: func(s *fact.Recording) {
			facttest.Dynamic(s).LoopWait, facttest.Dynamic(s).TTL = fact.Known(loopWait), fact.Known[int64](60)
			level(s, 1<<40)
			do(s)
			unwritten(s, 3<<30)
		},
		more: statusUnknown,
	}
}

func statusUnknown(t *testing.T, r preflight.Report) {
	if r.Forecast == nil || r.Forecast.StatusUnknown == "no" {
		t.Errorf("the forecast does not say that patronictl may give up: %+v", r.Forecast)
	}
}

var shutdownFieldCases = []fieldCase{
	{
		id:       "R7-01",
		ref:      "patroni/patroni#3022",
		state:    inPart,
		why:      onlyIfNow,
		what:     "the old leader hangs in its shutdown until a logical client is killed",
		scenario: "logical consumer frozen with a backlog",
		looks: []look{decoder("cdc", func(s *fact.Recording) {
			runsPatroni(s, "3.0.1")
			facttest.ServerVersion(s, 150002)
			facttest.Set(s, "node1", "wal_sender_timeout", "0")
		})},
	},
	{
		id:       "R7-02",
		ref:      "patroni/patroni#2017",
		state:    inPart,
		why:      onlyIfNow,
		what:     "Debezium does not answer: the shutdown never ends; a slot in the configuration is garbled, too",
		scenario: "logical consumer frozen with a backlog",
		looks: []look{
			decoder(
				"debezium",
				func(s *fact.Recording) { runsPatroni(s, "2.1.0"); facttest.Dynamic(s).UsePgRewind = fact.Known(false) },
			),
			{
				name: "the garbled slot",
				by:   "slots.logical",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"slots in /config", "slots.debezium is a number"},
				do: func(s *fact.Recording) {
					facttest.Dynamic(s).Slots = fact.NotKnown[map[string]fact.PermanentSlot](
						fact.Malformed,
						"slots.debezium is a number",
					)
				},
			},
		},
	},
	{
		id:       "R7-03",
		ref:      "patroni/patroni#3522",
		state:    inPart,
		why:      onlyIfNow,
		what:     "the old leader keeps the leader key while walsenders of logical slots delay its shutdown",
		scenario: "logical consumer frozen with a backlog",
		looks: []look{
			decoder("subscriber", func(*fact.Recording) {}),
			{
				name: "much to decode",
				by:   "shutdown.backlog",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{"300.0 MB behind", "meanwhile the cluster has no primary"},
				do: func(s *fact.Recording) {
					level(s, 1<<40)
					facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 300<<20)
					facttest.Logically(s)
				},
			},
		},
	},
	{
		id:       "R7-04",
		ref:      "patroni/patroni#3106",
		state:    inPart,
		why:      onlyIfNow,
		what:     "since a subscriber was added, the old leader takes minutes to stop, and patronictl says status unknown",
		scenario: "logical consumer frozen with a backlog",
		looks: []look{
			decoder("sub1", func(s *fact.Recording) { facttest.ServerVersion(s, 160002) }),
			{
				name: "its slot",
				by:   "slots.logical",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"logical slot cdc (pgoutput, database app), not declared in /config"},
				do:   func(s *fact.Recording) { facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc) },
			},
		},
	},
	{
		id:       "R7-06",
		ref:      "patroni/patroni PR#2067",
		state:    named,
		what:     "before 2.1.2 a switchover waits for the archiver and its backlog",
		scenario: "archiving fails",
		looks: []look{
			{
				name: "2.1.1",
				by:   "shutdown.archiver",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{
					"the last attempt failed (000000010000000000000005, 7 failures); 120 WAL files wait",
					"Patroni before 2.1.2 waits for the archiver",
				},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.1.1")
					archiving(s, "on")
					facttest.FailedOnce(s).Ready = fact.Known(120)
				},
			},
			{
				name: "2.1.2",
				by:   "shutdown.archiver",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"120 WAL files wait", "returns later"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.1.2")
					archiving(s, "on")
					facttest.FailedOnce(s).Ready = fact.Known(120)
				},
			},
		},
	},
	{
		id:       "R7-07",
		ref:      "patroni/patroni#1905",
		state:    named,
		what:     "the shutdown takes more than half an hour; the archive command was slow",
		scenario: "archiving fails",
		looks: []look{
			{
				name: "2.0.2",
				by:   "shutdown.archiver",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{"400 WAL files wait", "meanwhile the cluster has no primary"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "2.0.2")
					archiving(s, "on")
					facttest.LeaderSQL(s).Archiver.Value.Ready = fact.Known(400)
				},
			},
		},
	},
	{
		id:    "R7-08",
		ref:   "patroni/patroni#2376",
		state: inPart,
		why:   slowStop,
		what:  "status unknown after 40 s; the switchover finishes a minute and a half later",
		looks: []look{slowCheckpoint(20, "40", func(s *fact.Recording) { runsPatroni(s, "2.1.4") })},
	},
	{
		id:    "R7-09",
		ref:   "patroni/patroni#2393",
		state: inPart,
		why:   slowStop,
		what:  "status unknown, but the switchover succeeds",
		looks: []look{slowCheckpoint(10, "20", func(s *fact.Recording) {
			runsPatroni(s, "2.0.1")
			facttest.ServerVersion(s, 130011)
			facttest.Dynamic(s).UsePgRewind = fact.Known(false)
		})},
	},
	{
		id:    "R7-10",
		ref:   "patroni/patroni#743, #962",
		state: inPart,
		why:   slowStop,
		what:  "under high load the shutdown takes more than a minute; patronictl says failed, and the switchover continues",
		looks: []look{
			slowCheckpoint(10, "20", func(s *fact.Recording) { runsPatroni(s, "1.5.3"); facttest.ServerVersion(s, 130000) }),
		},
	},
	{
		id:    "R7-12",
		ref:   "patroni/patroni#1371",
		state: inPart,
		why: "The checks report a PostgreSQL that does not answer now. They cannot predict that it will hang during " +
			"its shutdown.",
		what:     "a postmaster that does not respond delays the switchover",
		scenario: "candidate's PostgreSQL frozen",
		looks: []look{
			{
				name: "no session on the leader",
				by:   "identity.sql_role",
				on:   "node1",
				as:   preflight.Unseen,
				says: []string{"no answer within 3 s"},
				do: func(s *fact.Recording) {
					facttest.Member(s.Snapshot, "node1").SQL = fact.NotKnown[fact.SQL](
						fact.Silent,
						"SQL preflight@10.77.9.21:5432/postgres: no answer within 3 s",
					)
				},
			},
		},
	},
	{
		id:       "R7-13",
		ref:      "patroni/patroni#2596",
		state:    inPart,
		why:      onlyIfNow,
		what:     "logical connections sometimes hang the shutdown, so a hook was added",
		scenario: "logical consumer frozen with a backlog",
		looks:    []look{decoder("app_sub", func(s *fact.Recording) { runsPatroni(s, "3.0.2") })},
	},
	{
		id:    "R7-14",
		ref:   "timescale/helm-charts PR#118",
		state: named,
		what:  "the shutdown checkpoint starts after the clients have disconnected, and takes minutes",
		looks: []look{
			{
				name: "3 GB to write",
				by:   "shutdown.checkpoint",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"up to 3.0 GB to write since the last checkpoint", "CHECKPOINT;"},
				do:   func(s *fact.Recording) { level(s, 1<<40); unwritten(s, 3<<30) },
			},
		},
	},
	{
		id:    "R7-15",
		ref:   "patroni/patroni#2378",
		state: never,
		why:   "The report does not establish a cause, and shows nothing from before.",
		what:  "the demotion never finishes; the candidate's log has a record with an incorrect prev-link",
	},
	{
		id:    "R7-16",
		ref:   "CrunchyData/postgres-operator#3677",
		state: never,
		why:   "The report does not establish a cause, and shows nothing from before.",
		what:  "an update restarts the primary several times",
	},
}

const netNeeded = "Whether pg_rewind will be needed does not show beforehand; what it would need is checked, and " +
	"that the candidate keeps the WAL."

// littleWALKept is a candidate without slots for others, and the least of WAL that Patroni leaves.
func littleWALKept(s *fact.Recording) {
	facttest.Set(s, "node2", "wal_keep_size", "16")
	facttest.CandidateSQL(s).Slots = fact.Known([]fact.Slot{})
}

var returnCases = []fieldCase{
	{
		id:       "R8-01",
		ref:      "patroni/patroni#962",
		state:    inPart,
		why:      netNeeded,
		what:     "pg_rewind fails because WAL is missing, and the node continues with its old data",
		scenario: "no slots and little WAL kept",
		looks: []look{
			{
				name: "little WAL kept",
				by:   "wayback.wal_kept",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"no slot for node1, node3, and at most 16.0 MB of WAL kept"},
				do:   littleWALKept,
			},
		},
	},
	{
		id:       "R8-02",
		ref:      "patroni/patroni#941",
		state:    named,
		what:     "the former primary has diverged and, without pg_rewind, never rejoins",
		scenario: "pg_rewind off",
		looks: []look{
			{
				name: "off",
				by:   "wayback.rewind",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"use_pg_rewind is off", "it must be rebuilt"},
				do:   func(s *fact.Recording) { facttest.Dynamic(s).UsePgRewind = fact.Known(false) },
			},
			{
				name: "impossible",
				by:   "wayback.rewind",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"data_checksums and wal_log_hints are both off"},
				do: func(s *fact.Recording) {
					facttest.Set(s, "node1", "data_checksums", "off")
					facttest.Set(s, "node1", "wal_log_hints", "off")
				},
			},
		},
	},
	{
		id:       "R8-03",
		ref:      "apecloud/kubeblocks-addons#3171",
		state:    inPart,
		why:      netNeeded,
		what:     "pg_rewind fails because a WAL file is missing; the replica waits for its timeline indefinitely",
		scenario: "no slots and little WAL kept",
		looks: []look{
			{
				name: "little WAL kept",
				by:   "wayback.wal_kept",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"no slot for node1, node3, and at most 16.0 MB of WAL kept", "may be gone"},
				do:   func(s *fact.Recording) { facttest.ServerVersion(s, 180004); littleWALKept(s) },
			},
		},
	},
	{
		id:    "R8-05",
		ref:   "patroni/patroni#3672",
		state: never,
		why: "The password is in a file on that node, which neither the DCS nor PostgreSQL shows. The tool checks that " +
			"the role may log in and that pg_hba.conf allows it (wayback.role, wayback.hba).",
		what: "the old leader does not rejoin: no password supplied",
	},
	{
		id:    "R8-06",
		ref:   "patroni/patroni#1458",
		state: never,
		why:   "Two clusters share a file on one host, which neither the DCS, the REST API nor PostgreSQL shows.",
		what:  "two clusters of one user overwrite each other's password file",
	},
	{
		id:       "R8-07",
		ref:      "patroni/patroni#894",
		state:    named,
		what:     "after the first failover pg_hba.conf of the new leader rejects the old leader",
		scenario: "candidate's pg_hba.conf lets no replica in",
		looks: []look{
			{
				name: "only itself",
				by:   "wayback.hba",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"no rule accepts node1 (10.77.9.21) as replicator for replication", "node1 cannot follow it"},
				do: func(s *fact.Recording) {
					facttest.WithoutNode3(s)
					facttest.HBA(s, facttest.Rule("host", "replicator", "10.77.9.22", "255.255.255.255", "md5"))
				},
			},
		},
	},
	{
		id:    "R8-09",
		ref:   "patroni/patroni#1282",
		state: open,
		why: "The report does not establish why neither pg_rewind nor a new copy worked. The tool checks the " +
			"requirements of both.",
		what: "after a switchover both old nodes fail, and so do pg_rewind and reinit",
		looks: []look{
			{
				name: "pg_rewind",
				by:   "wayback.rewind",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"data_checksums and wal_log_hints are both off"},
				do: func(s *fact.Recording) {
					facttest.Set(s, "node1", "data_checksums", "off")
					facttest.Set(s, "node1", "wal_log_hints", "off")
				},
			},
			{
				name: "login",
				by:   "wayback.role",
				on:   "node1",
				as:   preflight.Blocks,
				says: []string{"role replicator, which the members use for streaming: NOLOGIN"},
				do:   func(s *fact.Recording) { facttest.Role(s, func(r *fact.Role) { r.CanLogin = false }) },
			},
		},
	},
	{
		id:    "R8-10",
		ref:   "patroni/patroni#2566",
		state: never,
		why: "The report does not establish a cause. The tool cannot predict the duration of a pg_rewind that may not be " +
			"needed.",
		what: "pg_rewind takes long, and the old leader has to be started manually",
	},
	{
		id:    "R8-11",
		ref:   "patroni/patroni#3367, #2073, #1336",
		state: named,
		what:  "two consecutive switchovers: pg_rewind runs before the new leader's checkpoint",
		looks: []look{
			{
				name: "right after the first",
				by:   "leader.checkpoint",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"checkpoint_after_promote: false", "Wait for its checkpoint"},
				do: func(s *fact.Recording) {
					runsPatroni(s, "3.3.2")
					facttest.ServerVersion(s, 150006)
					facttest.Member(s.Snapshot, "node1").Key.Value.CheckpointAfterPromote = fact.Known(false)
				},
			},
		},
	},
	{
		id:    "R8-13",
		ref:   "a post of 2025-05-30 on blog.gitcode.com",
		state: inPart,
		why: "The checks report a slot that has lost its WAL, and WAL that the candidate does not keep. The tool does " +
			"not look into the archive.",
		what:     "patched nodes do not rejoin: slot and WAL are gone while the cluster looks healthy",
		scenario: "slots not used",
		looks: []look{
			{
				name: "the slot",
				by:   "wayback.slot_status",
				on:   "node1",
				as:   preflight.Warns,
				says: []string{"slot node3: wal_status lost"},
				do: func(s *fact.Recording) {
					facttest.ServerVersion(s, 150000)
					(*facttest.LeaderSQL(s).Slots.Value)[1].WALStatus = fact.Known("lost")
				},
			},
			{
				name: "the WAL",
				by:   "wayback.wal_kept",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"at most 16.0 MB of WAL kept"},
				do:   littleWALKept,
			},
		},
	},
	{
		id:    "R8-14",
		ref:   "a post on blog.palark.com about a switchover between sites",
		state: open,
		why: "The post does not say why the replicas stopped. The checks report each visible reason that prevents a " +
			"replica from following.",
		what:     "asynchronous replicas in several places: after the switchover only the new primary works",
		scenario: "no slots and little WAL kept",
		looks: []look{
			{
				name: "behind, and little WAL kept",
				by:   "wayback.wal_kept",
				on:   "node2",
				as:   preflight.Warns,
				says: []string{"no slot for node1, node3"},
				do:   func(s *fact.Recording) { behindBy(s, "node3", 40<<20); littleWALKept(s) },
			},
			{
				name: "refused by the new primary",
				by:   "wayback.hba",
				on:   "node2",
				as:   preflight.Blocks,
				says: []string{"no rule accepts node3 (10.77.9.23)"},
				do: func(s *fact.Recording) {
					facttest.HBA(s, facttest.Rule("host", "all", "10.77.9.21", "255.255.255.255", "md5"))
				},
			},
		},
	},
	{
		id:    "R8-15",
		ref:   "patroni/patroni#2124",
		state: named,
		what:  "a standby decides whether to run pg_rewind while the new leader still reports its old timeline",
		looks: []look{
			{
				name: "2.1.1",
				by:   "patroni.faults",
				as:   preflight.Warns,
				says: []string{"Patroni 2.1.1, and use_pg_rewind is on", "while the new leader still shows its old timeline"},
				do:   func(s *fact.Recording) { runsPatroni(s, "2.1.1"); facttest.ServerVersion(s, 130000) },
			},
		},
	},
}

// stuckDecoder is a logical client that has stopped reading: everything has been
// sent to it, it has confirmed nothing in this session, and its slot does not move.
func stuckDecoder(s *fact.Recording, app string, unconfirmed int64) {
	facttest.Stalled(s, app, 20*time.Second, 0)
	rows := *facttest.LeaderSQL(s).WalSenders.Value
	w := &rows[len(rows)-1]
	w.ClientAddr = fact.Known(facttest.Elsewhere)
	w.WriteLSN, w.FlushLSN, w.ReplayLSN = fact.NotKnown[fact.LSN](
		fact.Absent,
		"NULL",
	), fact.NotKnown[fact.LSN](
		fact.Absent,
		"NULL",
	), fact.NotKnown[fact.LSN](
		fact.Absent,
		"NULL",
	)
	confirmed := fact.Known(*facttest.LeaderSQL(s).FlushLSN.Value - fact.LSN(unconfirmed))
	facttest.Slot(facttest.LeaderSQL(s), fact.Slot{
		Name: app, Type: "logical", Plugin: "pgoutput", Database: "app", Active: true, ActivePID: w.PID, CatalogXmin: true,
		RestartLSN: confirmed, ConfirmedFlush: confirmed,
	})
}
