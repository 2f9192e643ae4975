package check

// Failure is one way in which a switchover fails or does harm, and where it is
// seen beforehand.
type Failure struct {
	// Number counts the catalogue's rows from 1.
	Number int
	// Stage is when it shows: see Stages.
	Stage string
	// What goes wrong, in a few words.
	What string
	// Checks are the IDs of the checks that see it; empty where none can.
	Checks []string
	// NotVisible is why it is not, or not fully, visible from outside, and what to
	// do instead; "" where the checks see all of it.
	NotVisible string
}

// Stages are the moments at which a failure shows, in their order.
var Stages = []struct{ ID, Title string }{
	{"a", "Refused by patronictl"},
	{"b", "Refused by the REST API"},
	{"c", "Accepted, then abandoned without a demotion"},
	{"d", "The leader is demoted, then the switchover runs into trouble"},
	{"e", "Done, with damage left behind"},
}

func seen(n int, stage, what string, checks ...string) Failure {
	return Failure{Number: n, Stage: stage, What: what, Checks: checks}
}

func unseen(n int, stage, what, why string, checks ...string) Failure {
	return Failure{Number: n, Stage: stage, What: what, Checks: checks, NotVisible: why}
}

// Failures is the catalogue. Rows are never renumbered; new ones go to the end.
var Failures = []Failure{
	unseen(
		1,
		"a",
		"patronictl has no configuration, or a configuration for another store",
		"This tool ends with exit code 4 before it contacts a cluster. It cannot know what patronictl on another machine "+
			"would find.",
		"dcs.scope",
		"dcs.one_cluster",
	),
	seen(2, "a", "the DCS is unreachable, has no quorum or refuses the login", "dcs.reachable", "tls.etcd_certificate"),
	seen(3, "a", "wrong scope or namespace", "dcs.scope"),
	seen(4, "a", "no member holds the leader key", "dcs.leader"),
	seen(5, "a", "another member leads than the request names", "dcs.leader"),
	seen(6, "a", "no member may be promoted", "candidate.member"),
	seen(
		7,
		"a",
		"the candidate is unknown, is the leader, or is tagged nofailover",
		"candidate.member",
		"candidate.nofailover",
	),
	seen(8, "a", "a Citus cluster, and the request names no group", "dcs.group"),
	seen(9, "a", "scheduled in maintenance mode, in the past, or without a time zone", "schedule.time"),
	seen(
		10,
		"b",
		"the REST API refuses the request: password, allowlist, client certificate",
		"leader.request",
	),
	seen(11, "b", "maintenance mode, and no candidate named", "maintenance.pause"),
	seen(12, "b", "synchronous mode, and the candidate is not synchronous", "candidate.sync"),
	seen(13, "b", "synchronous mode, no standby is synchronous yet", "candidate.sync", "sync.foreign", "sync.promised"),
	seen(14, "b", "another member has become leader since", "dcs.stable", "dcs.leader"),
	seen(
		15,
		"b",
		"the candidate's REST API does not answer within 2 s, or answers with something else",
		"candidate.rest",
		"tls.rest_certificate",
	),
	seen(16, "b", "the candidate's PostgreSQL is not running", "candidate.running"),
	seen(17, "b", "tagged nofailover in the REST answer, not yet in the DCS", "candidate.nofailover"),
	seen(18, "b", "the watchdog is required and cannot be used", "candidate.watchdog"),
	unseen(
		19,
		"b",
		"the DCS accepts no writes",
		"The tool sees alarms and a lost quorum. It cannot see whether Patroni's own etcd role may write, since it writes "+
			"nothing.",
		"dcs.alarms",
		"dcs.reachable",
	),
	seen(20, "b", "the leader's REST API is down, and patronictl writes the request itself", "leader.rest"),
	seen(21, "c", "the candidate lags more than maximum_lag_on_failover", "lag.patroni", "lag.receive"),
	seen(22, "c", "maximum_lag_on_failover below 0", "lag.patroni", "dcs.config"),
	seen(23, "c", "maximum_lag_on_failover of 0 on a busy leader", "lag.receive", "patroni.decision"),
	seen(24, "c", "maximum_lag_on_failover with a unit", "dcs.config"),
	seen(
		25,
		"c",
		"the leader answers at the candidate's api_url",
		"identity.rest_name",
		"identity.rest_role",
		"identity.one_instance",
		"identity.distinct",
		"identity.address",
	),
	seen(26, "c", "quorum mode, and the candidate is not in /sync", "candidate.sync", "patroni.election"),
	seen(27, "c", "quorum mode, and too few healthy members for the quorum", "sync.quorum"),
	seen(28, "c", "Patroni 4.0.5 in quorum mode with a candidate", "candidate.sync", "sync.quorum"),
	seen(29, "c", "check_timeline, and the candidate is on an older timeline", "candidate.timeline"),
	seen(30, "c", "the leader's HA loop is stuck", "member.ha_loop", "dcs.leader_lease"),
	seen(31, "c", "a paused standby cluster: the request waits and is executed at resume", "maintenance.pause"),
	seen(32, "c", "a switchover is already pending or scheduled", "dcs.failover_key"),
	seen(
		33,
		"c",
		"scheduled: not checked when it is due, and executed by the leader's clock",
		"schedule.unjudged",
		"schedule.clock",
		"schedule.time",
	),
	seen(34, "c", "a restart of leader or candidate is due", "restart.scheduled"),
	seen(35, "d", "the candidate does not stream: acknowledged commits are lost", "candidate.streaming"),
	seen(36, "d", "the candidate is on an older timeline or has diverged", "candidate.timeline", "candidate.ahead"),
	seen(37, "d", "the candidate receives WAL from the archive only", "candidate.streaming"),
	seen(38, "d", "Patroni before 3.1.0 releases the key before the candidate has all WAL", "shutdown.early_release"),
	seen(39, "d", "the candidate cascades from another member", "candidate.cascade"),
	seen(40, "d", "a stalled WAL consumer delays the shutdown", "shutdown.walsenders", "candidate.confirms"),
	seen(41, "d", "another member lags, and the shutdown waits for it", "shutdown.walsenders", "shutdown.backlog"),
	seen(42, "d", "a logical consumer has a large backlog", "shutdown.backlog"),
	seen(43, "d", "archiving fails or is behind", "shutdown.archiver"),
	seen(44, "d", "the checkpoint takes long", "shutdown.checkpoint"),
	unseen(
		45,
		"d",
		"before_stop, pre_promote or on_role_change hangs or fails",
		"The scripts are named in each node's patroni.yml, which neither the DCS nor REST shows. Run them by hand on the "+
			"candidate, or run a drill.",
	),
	seen(46, "d", "maintenance mode: a failed promotion leaves the cluster without a primary", "maintenance.pause"),
	seen(47, "d", "the candidate cannot reach the DCS", "dcs.member_lease", "member.ha_loop"),
	seen(48, "d", "the candidate's HA loop is stuck, but its REST API answers", "member.ha_loop", "dcs.member_lease"),
	seen(
		49,
		"d",
		"another replica answers at the candidate's api_url",
		"identity.rest_name",
		"identity.one_instance",
		"identity.distinct",
	),
	unseen(
		50,
		"d",
		"the candidate leaves /sync after the demotion has begun",
		"It happens after the check. The tool sees what makes it likely: a small maximum_lag_on_syncnode, or a tag.",
		"candidate.sync_lag",
		"dcs.stable",
	),
	unseen(
		51,
		"d",
		"the watchdog device exists and cannot be activated",
		"Patroni opens the device when it promotes, not before. Read Patroni's log of the last promotion on that node, or "+
			"run a drill.",
		"candidate.watchdog",
	),
	seen(52, "d", "much WAL is received but not replayed: minutes without a primary", "lag.replay"),
	seen(53, "d", "replay is paused on the candidate", "candidate.replay_paused", "lag.replay"),
	seen(54, "d", "recovery_min_apply_delay on the candidate", "candidate.apply_delay"),
	seen(55, "d", "a long query on the candidate blocks the replay", "candidate.conflicts"),
	unseen(
		56,
		"d",
		"a slow restore_command delays the end of recovery",
		"The tool sees that the command is set and whether the archive accepts files, not how long the command takes. On "+
			"the candidate, time it with a file that does not exist.",
		"candidate.restore_command",
	),
	seen(
		57,
		"d",
		"the candidate's conn_url is wrong: no member can follow it",
		"identity.sql_system_id",
		"identity.one_instance",
		"identity.sql_name",
		"identity.address",
	),
	seen(58, "d", "two primaries are running", "identity.sql_role", "identity.rest_role"),
	seen(
		59,
		"d",
		"the holder of the leader key is not a primary",
		"identity.sql_role",
		"identity.rest_role",
		"identity.key_role",
		"leader.running",
	),
	seen(60, "d", "failsafe mode is active, or the DCS is unstable", "leader.dcs_view", "dcs.endpoints"),
	seen(61, "d", "primary_stop_timeout kills PostgreSQL", "shutdown.stop_timeout"),
	seen(62, "d", "strict synchronous mode: writes wait until a standby is back", "sync.strict"),
	unseen(
		63,
		"d",
		"the new leader postpones its promotion over /sync",
		"It lasts one HA loop and ends by itself; the forecast includes it.",
	),
	seen(64, "d", "sessions, transactions and base backups are cut off", "shutdown.sessions"),
	seen(65, "d", "no candidate named: another member than expected is elected", "candidate.choice", "patroni.election"),
	seen(66, "d", "a hard limit is lower on the candidate", "settings.hard_limits"),
	seen(67, "d", "too few walsenders or slots on the candidate", "wayback.walsenders"),
	unseen(
		68,
		"d",
		"Citus: the worker waits for its coordinator",
		"The coordinator is another group, with a DCS prefix of its own: check group 0 before a switchover of a worker.",
	),
	seen(69, "d", "releases of Patroni that do not work together", "version.mixed"),
	seen(70, "d", "ttl is too short for loop_wait and retry_timeout", "dcs.config"),
	seen(71, "d", "the candidate's REST API takes more than a second", "candidate.rest"),
	seen(72, "d", "another system identifier than the cluster's", "identity.rest_system_id", "identity.sql_system_id"),
	seen(73, "e", "pg_rewind is off or impossible", "wayback.rewind"),
	seen(74, "e", "a diverged old leader never comes back", "wayback.rewind"),
	unseen(
		75,
		"e",
		"the rewind role may not log in or lacks its functions",
		"Only patroni.yml names that role. As a superuser, run: SELECT has_function_privilege('ROLE', "+
			"'pg_read_binary_file(text, bigint, bigint, boolean)', 'EXECUTE').",
		"wayback.rewind",
	),
	seen(
		76,
		"e",
		"pg_hba.conf or the role keeps the other members from following",
		"wayback.hba",
		"wayback.role",
		"tls.postgresql_certificate",
	),
	unseen(
		77,
		"e",
		"the data directory of a diverged old leader is removed",
		"That is the purpose of the setting, and a clean switchover does not trigger it; patronictl show-config shows "+
			"whether it is on.",
	),
	seen(78, "e", "a second switchover right after the first: the leader has no checkpoint yet", "leader.checkpoint"),
	seen(79, "e", "WAL that other members need is missing on the new leader", "wayback.wal_kept"),
	seen(80, "e", "a slot has lost its WAL", "wayback.slot_status", "slots.lost"),
	seen(81, "e", "logical slots are missing on the new leader", "slots.logical"),
	seen(82, "e", "a declared logical slot is not ready on the candidate", "slots.logical_ready"),
	seen(83, "e", "physical slots that belong to no member are missing on the new leader", "slots.foreign"),
	seen(84, "e", "members with certain tags have no permanent slots", "slots.carriers"),
	seen(85, "e", "settings wait for a restart", "settings.pending_restart"),
	seen(86, "e", "the candidate's own settings differ: archiving, libraries, wal_level", "settings.differ"),
	seen(87, "e", "unlogged tables are emptied", "data.unlogged"),
	seen(88, "e", "another C library sorts text differently", "data.collations"),
	seen(89, "e", "an extension's files are missing, or PostgreSQL is older", "data.extensions", "data.server_version"),
	seen(90, "e", "a timeline number is used twice", "candidate.timeline", "candidate.ahead"),
	seen(91, "e", "/history is missing or behind", "dcs.history"),
	seen(92, "e", "two members share a slot name", "slots.names"),
	seen(93, "e", "/sync names another leader than /leader", "dcs.sync_leader"),
	seen(94, "e", "a member has not noticed the start or the end of maintenance mode", "maintenance.member"),
	unseen(
		95,
		"e",
		"VIPs, proxies, DNS and other callbacks do not follow",
		"Patroni shows nothing about what happens outside of it. After the switchover, check that the service's address "+
			"leads to a primary.",
		"identity.vip",
	),
	seen(96, "e", "a standby cluster has lost its primary and keeps running without it", "leader.upstream"),
	seen(97, "e", "before PostgreSQL 13 every other replica restarts", "wayback.restart"),
	seen(98, "e", "a fault of the leader's Patroni that a later release has fixed", "patroni.faults"),
	seen(99, "e", "the switchover takes longer than the change window allows", "schedule.interruption"),
	seen(100, "e", "commits on the new leader wait for a standby that it does not have", "sync.names"),
	seen(101, "e", "the list in synchronized_standby_slots stops logical consumers", "slots.synchronized"),
	seen(102, "e", "a slot of the old leader stops slot synchronisation there", "slots.leftover"),
	unseen(
		103,
		"e",
		"a publisher does not accept the new leader of a subscriber",
		"Only the publisher shows whom it accepts. slots.subscriptions lists what connects from a new address.",
		"slots.subscriptions",
	),
	seen(104, "e", "a release of Patroni that decides otherwise than the ones compared", "patroni.release"),
	seen(105, "e", "the key /initialize is stale: a member that restarts does not start again", "dcs.initialize"),
}
