package check

import (
	"fmt"
	"strconv"
	"strings"

	"patroni-preflight/preflight/fact"
)

var candidateReplayPaused = Check{
	ID:    "candidate.replay_paused",
	Title: "replay is not paused on the candidate",
	Since: "0.2.0",
	Why: "Before PostgreSQL 13 a promotion waits for pg_wal_replay_resume(), which nothing calls: the candidate " +
		"holds the leader key and accepts no writes. PostgreSQL 13 and later end the pause at the promotion.",
	Source: "pg_is_wal_replay_paused() on the candidate; PostgreSQL 13 release notes; patroni/patroni issue 1691. " +
		"Since 2.1.0 Patroni itself resumes replay on PostgreSQL 14 and later, outside of maintenance mode",
	Fix: "Run SELECT pg_wal_replay_resume() on the candidate.",
	Proof: "docs/accuracy.md: \"replay paused with a backlog\" for PostgreSQL 17; earlier releases by cases on a " +
		"recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.ReplayPaused, fact.SQLVersion},
	Run:      runReplayPaused,
}

func runReplayPaused(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_is_wal_replay_paused()")
	if !fact.ReplayPaused.Get(s, m) {
		return Witnessed(asked, "false")
	}
	if s.IsStandbyCluster() {
		return []Finding{{
			Asked: asked, Observed: "true", Expected: "false",
			Effect: fmt.Sprintf("No member is promoted in a standby cluster: %s would lead it without replaying WAL.", m),
			Remedy: fmt.Sprintf("On %s: SELECT pg_wal_replay_resume();", m),
		}}
	}
	f := Finding{
		Asked:    asked,
		Observed: "true, on " + fact.Release(fact.SQLVersion.Get(s, m)),
		Expected: "false",
		Effect: "The promotion ends the pause; WAL that has not been replayed by then is replayed while the cluster has " +
			"no primary.",
		Remedy: fmt.Sprintf("On %s: SELECT pg_wal_replay_resume();", m),
	}
	if fact.SQLVersion.Get(s, m) < 130000 {
		f.Severity = Blocker
		f.Effect = fmt.Sprintf(
			"PostgreSQL before 13 does not promote while replay is paused: %s would hold the leader key without being a "+
				"primary until an operator resumes replay.",
			m,
		)
	}
	return []Finding{f}
}

// What stands between the WAL that a candidate has and its first write. None of
// it matters in a standby cluster, whose new leader stays in recovery.

var candidateApplyDelay = Check{
	ID:    "candidate.apply_delay",
	Title: "the candidate does not delay its replay",
	Since: "0.2.0",
	Why: "A promotion does not wait for recovery_min_apply_delay: it replays the delayed WAL at once, and the " +
		"cluster has no primary until that is done. lag.replay judges the amount. A delayed replica exists to undo " +
		"mistakes; as leader it no longer can.",
	Source: "recovery_min_apply_delay in pg_settings of the candidate, PostgreSQL 12 and later; postgres: " +
		"recoveryApplyDelay, which ends when a promotion is requested",
	Fix: "Choose another candidate, or remove the setting from this one.",
	Proof: "docs/accuracy.md: \"candidate with recovery_min_apply_delay\"; measured on PostgreSQL 15: with a " +
		"delay of an hour a promotion took 0.5 s.",
	Kind:        Policy,
	Severity:    Warning,
	Optional:    true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []fact.Need{fact.StandbyCluster, applyDelay},
	Run:         runApplyDelay,
}

var candidateConflicts = Check{
	ID:    "candidate.conflicts",
	Title: "no session on the candidate blocks its replay",
	Since: "0.2.0",
	Why: "If WAL removes rows that a session on a standby still sees, or needs a lock that it holds, replay " +
		"waits for that session for up to max_standby_streaming_delay; with -1 it waits indefinitely. A promotion does not " +
		"end the wait: the WAL has to be replayed first, and the cluster has no primary meanwhile.",
	Source: "pg_stat_activity, max_standby_streaming_delay and the replayed position on the candidate; postgres: " +
		"ResolveRecoveryConflictWithVirtualXIDs, GetStandbyLimitTime",
	Fix: "End the session on the candidate, or set max_standby_streaming_delay to a few seconds.",
	Proof: "docs/accuracy.md: \"replay on the candidate waits for a session, without a limit\", and \"a session " +
		"in a long query on the candidate\", which blocks nothing.",
	Kind:        Policy,
	Severity:    Warning,
	Optional:    true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []fact.Need{fact.StandbyCluster, fact.SQLActivity, streamingDelay, fact.SQLReceived, fact.SQLReplay},
	Run:         runConflicts,
}

var candidateRestoreCommand = Check{
	ID:    "candidate.restore_command",
	Title: "no command delays the candidate's promotion",
	Since: "0.2.0",
	Why: "At the end of recovery PostgreSQL requests some files from restore_command, including those of the " +
		"next timelines, one after the other, and runs recovery_end_command. Neither has a time limit: if the archive " +
		"hangs, the promotion hangs, and the cluster has no primary. Only running the commands shows how long they take.",
	Source: "restore_command and recovery_end_command in pg_settings of the candidate, PostgreSQL 12 and later; " +
		"pg_stat_archiver on the leader; postgres: findNewestTimeLine, RestoreArchivedFile",
	Fix: "Make sure that the command returns at once for a file that does not exist.",
	Proof: "docs/accuracy.md: \"candidate has a restore_command\", which returns at once; measured on PostgreSQL " +
		"15: with a command that takes 6 s a promotion took 31 s.",
	Kind:        Policy,
	Severity:    Warning,
	Optional:    true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []fact.Need{fact.StandbyCluster, restoreCommand, endCommand},
	Run:         runRestoreCommand,
}

var (
	applyDelay     = fact.OfMillis("recovery_min_apply_delay")
	streamingDelay = fact.OfMillis("max_standby_streaming_delay")
	restoreCommand = fact.OfSetting("restore_command")
	endCommand     = fact.OfSetting("recovery_end_command")
)

// staysInRecovery is the finding of a standby cluster.
func staysInRecovery(s *fact.Snapshot) []Finding {
	return Witnessed(s.KeyName("/config"), "a standby cluster: its new leader stays in recovery")
}

// unreplayed is how much a standby has received and not replayed, in bytes.
func unreplayed(s *fact.Snapshot, m string) int64 {
	return max(0, fact.SQLReceived.Of(s, m).OrZero().Minus(fact.SQLReplay.Of(s, m).OrZero()))
}

func runApplyDelay(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked, delay := s.SQLQuery(m, "pg_settings"), applyDelay.Get(s, m)
	switch {
	case fact.StandbyCluster.Get(s, m):
		return staysInRecovery(s)
	case delay <= 0:
		return Witnessed(asked, "recovery_min_apply_delay is 0")
	}
	f := Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("recovery_min_apply_delay is %s s", strconv.FormatFloat(delay, 'f', -1, 64)),
		Expected: "0",
		Effect: fmt.Sprintf(
			"A promotion does not wait for the delay: %s then replays the delayed WAL at once and is no longer a delayed copy.",
			m,
		),
		Remedy: fmt.Sprintf(
			"If %s is delayed on purpose, choose another candidate; otherwise remove recovery_min_apply_delay from its "+
				"patroni.yml and reload Patroni there.",
			m,
		),
	}
	if n := unreplayed(s, m); n > 0 {
		f.Observed += fmt.Sprintf("; %s received but not replayed", fact.Size(n))
	}
	return []Finding{f}
}

// longHold is for how long a conflict may hold up a promotion before we take the
// cluster for one without a primary, in seconds.
const longHold = 60

func runConflicts(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	a, delay, backlog := fact.SQLActivity.Get(s, m), streamingDelay.Get(s, m), unreplayed(s, m)
	asked := s.SQLQuery(m, "pg_stat_activity")
	limit := fmt.Sprintf("for up to %s s (max_standby_streaming_delay)", strconv.FormatFloat(delay, 'f', -1, 64))
	if delay < 0 {
		limit = "indefinitely, since max_standby_streaming_delay is -1"
	}
	oldest := max(a.OldestTransactionSeconds, a.OldestQuerySeconds)
	long := delay < 0 || delay > longHold
	f := Finding{
		Asked: asked,
		Observed: fmt.Sprintf(
			"a session has been in a transaction for %d s, and %s received but not replayed",
			oldest,
			fact.Size(backlog),
		),
		Effect: fmt.Sprintf(
			"If that WAL removes rows that the session sees, replay waits for it %s; a promotion then waits too, and the "+
				"cluster has no primary.",
			limit,
		),
		Remedy: fmt.Sprintf(
			"On %s, find and end it: SELECT pid, query FROM pg_stat_activity WHERE backend_type = 'client backend' ORDER BY "+
				"xact_start; SELECT pg_terminate_backend(PID);",
			m,
		),
	}
	switch {
	case fact.StandbyCluster.Get(s, m):
		return staysInRecovery(s)
	case a.ReplayConflict:
		f.Observed = fmt.Sprintf(
			"replay waits for a session; the oldest has been in a transaction for %d s; %s received but not replayed",
			oldest,
			fact.Size(backlog),
		)
		f.Effect = fmt.Sprintf("It waits %s. A promotion waits too, and the cluster has no primary meanwhile.", limit)
		if long {
			f.Severity = Blocker
		}
		return []Finding{f}
	case long && backlog > 0 && oldest > longTransaction:
		return []Finding{f}
	}
	return Witnessed(
		asked,
		"the oldest transaction is %d s old, %s received but not replayed; replay does not wait for a session, and would %s",
		oldest,
		fact.Size(backlog),
		limit,
	)
}

func runRestoreCommand(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_settings")
	var set []string
	for _, f := range []fact.Fact[string]{restoreCommand, endCommand} {
		if f.Get(s, m) != "" {
			set = append(set, strings.TrimSuffix(f.Label, " in pg_settings"))
		}
	}
	switch {
	case fact.StandbyCluster.Get(s, m):
		return staysInRecovery(s)
	case set == nil:
		return Witnessed(asked, "no restore_command and no recovery_end_command")
	}
	f := Finding{
		Severity: Info, Asked: asked, Observed: strings.Join(set, " and ") + " set",
		Effect: "The promotion waits for it without a time limit.",
		Remedy: fmt.Sprintf("On %s, time it with a file that does not exist: it has to fail at once.", m),
	}
	if a, ok := fact.ArchiverState.Of(s, s.Leader()).Get(); ok && a.Failing() && restoreCommand.Get(s, m) != "" {
		f.Severity = Warning
		f.Observed += fmt.Sprintf(", and the archive rejects files from %s (%d failures)", s.Leader(), a.FailedCount)
		f.Effect = "If the archive hangs, the promotion hangs: it waits for restore_command without a time limit, and the " +
			"cluster has no primary."
	}
	return []Finding{f}
}
