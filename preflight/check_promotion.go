package preflight

import (
	"fmt"
	"strconv"
	"strings"
)

// What stands between the WAL that a candidate has and its first write. None of
// it matters in a standby cluster, whose new leader stays in recovery.

var candidateApplyDelay = Check{
	ID:          "candidate.apply_delay",
	Title:       "the candidate does not hold back its replay",
	Since:       "0.2.0",
	Why:         "A promotion does not wait for recovery_min_apply_delay, it replays at once what was held back; until that is done there is no primary. lag.replay judges how much it is. A delayed replica is there to undo mistakes, and as a leader it no longer is one.",
	Source:      "recovery_min_apply_delay in pg_settings of the candidate, PostgreSQL 12 and later; postgres: recoveryApplyDelay, which ends when a promotion is asked for",
	Fix:         "Choose another candidate, or take the setting from this one.",
	Proof:       "docs/accuracy.md: \"candidate with recovery_min_apply_delay\"; measured on PostgreSQL 15: with a delay of an hour a promotion took 0.5 s.",
	Kind:        Policy,
	Severity:    Warning,
	Optional:    true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []Need{standbyCluster, applyDelay},
	Run:         runApplyDelay,
}

var candidateConflicts = Check{
	ID:          "candidate.conflicts",
	Title:       "no session on the candidate holds up its replay",
	Since:       "0.2.0",
	Why:         "Where WAL removes what a session on a standby still sees or locks, replay waits for that session for up to max_standby_streaming_delay, with -1 for ever. A promotion does not end that: the WAL has to be replayed first, and there is no primary meanwhile.",
	Source:      "pg_stat_activity, max_standby_streaming_delay and the replayed position on the candidate; postgres: ResolveRecoveryConflictWithVirtualXIDs, GetStandbyLimitTime",
	Fix:         "End the session on the candidate, or set max_standby_streaming_delay to some seconds.",
	Proof:       "docs/accuracy.md: \"replay on the candidate waits for a session, without a limit\", and \"a session in a long query on the candidate\", which holds up nothing.",
	Kind:        Policy,
	Severity:    Warning,
	Optional:    true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []Need{standbyCluster, sqlActivity, streamingDelay, sqlReceived, sqlReplay},
	Run:         runConflicts,
}

var candidateRestoreCommand = Check{
	ID:          "candidate.restore_command",
	Title:       "no command holds up the candidate's promotion",
	Since:       "0.2.0",
	Why:         "At the end of recovery PostgreSQL asks restore_command for some files, of the next timelines too, one after the other, and runs recovery_end_command. Neither has a time limit: if the archive hangs, so does the promotion, and there is no primary. How long they take shows only when they are run.",
	Source:      "restore_command and recovery_end_command in pg_settings of the candidate, PostgreSQL 12 and later; pg_stat_archiver on the leader; postgres: findNewestTimeLine, RestoreArchivedFile",
	Fix:         "See that the command answers at once for a file that is not there.",
	Proof:       "docs/accuracy.md: \"candidate has a restore_command\", which answers at once; measured on PostgreSQL 15: with one that takes 6 s a promotion took 31 s.",
	Kind:        Policy,
	Severity:    Warning,
	Optional:    true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []Need{standbyCluster, restoreCommand, endCommand},
	Run:         runRestoreCommand,
}

// ofSetting is one of the settings as text. PostgreSQL shows it to every role,
// but before version 12 what is about recovery is no setting.
func ofSetting(name string) fact[string] {
	return ofSQL(name+" in pg_settings", func(q SQL) Observed[string] {
		return within(q.Settings, func(all map[string]string) Observed[string] {
			if v, ok := all[name]; ok {
				return Known(v)
			}
			return NotKnown[string](Unsupport, "pg_settings does not show %s", name)
		})
	})
}

// ofMillis is one of the settings in seconds that PostgreSQL counts in milliseconds.
func ofMillis(name string) fact[float64] {
	text := ofSetting(name)
	return fact[float64]{text.name, func(s *Snapshot, m string) Observed[float64] {
		return within(text.of(s, m), func(v string) Observed[float64] {
			ms, err := strconv.ParseFloat(v, 64)
			if err != nil {
				return NotKnown[float64](Malformed, "%s is %q", name, v)
			}
			return Known(ms / 1000)
		})
	}}
}

var (
	applyDelay     = ofMillis("recovery_min_apply_delay")
	streamingDelay = ofMillis("max_standby_streaming_delay")
	restoreCommand = ofSetting("restore_command")
	endCommand     = ofSetting("recovery_end_command")
)

// follows reports whether the cluster is known to follow another one: nobody is
// promoted then, and what a candidate lacks comes from that one.
func (s *Snapshot) follows() bool { return Equal(standbyCluster.of(s, ""), true) }

// staysInRecovery is the finding of a standby cluster.
func staysInRecovery(s *Snapshot) []Finding {
	return evidence(s.key("/config"), "a standby cluster: its new leader stays in recovery")
}

// held is how much a standby has received and not replayed, in bytes.
func held(s *Snapshot, m string) int64 {
	return max(0, sqlReceived.of(s, m).orZero().Minus(sqlReplay.of(s, m).orZero()))
}

func runApplyDelay(s *Snapshot, _ Question, m string) []Finding {
	asked, delay := s.askedSQL(m, "pg_settings"), applyDelay.get(s, m)
	switch {
	case standbyCluster.get(s, m):
		return staysInRecovery(s)
	case delay <= 0:
		return evidence(asked, "recovery_min_apply_delay is 0")
	}
	f := Finding{
		Asked: asked, Observed: fmt.Sprintf("recovery_min_apply_delay is %s s", strconv.FormatFloat(delay, 'f', -1, 64)), Expected: "0",
		Effect: fmt.Sprintf("A promotion does not wait for that: %s then replays at once what it holds back, and is no delayed copy any more.", m),
		Remedy: fmt.Sprintf("If %s is kept behind on purpose, choose another candidate; else take recovery_min_apply_delay out of its patroni.yml and reload Patroni there.", m),
	}
	if n := held(s, m); n > 0 {
		f.Observed += fmt.Sprintf("; %s are received and not replayed", Size(n))
	}
	return []Finding{f}
}

// longHold is for how long a conflict may hold up a promotion before we take the
// cluster for one without a primary, in seconds.
const longHold = 60

func runConflicts(s *Snapshot, _ Question, m string) []Finding {
	a, delay, backlog := sqlActivity.get(s, m), streamingDelay.get(s, m), held(s, m)
	asked := s.askedSQL(m, "pg_stat_activity")
	limit := fmt.Sprintf("for up to %s s (max_standby_streaming_delay)", strconv.FormatFloat(delay, 'f', -1, 64))
	if delay < 0 {
		limit = "for ever, since max_standby_streaming_delay is -1"
	}
	oldest := max(a.OldestTransactionSeconds, a.OldestQuerySeconds)
	long := delay < 0 || delay > longHold
	f := Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("a session has been in a transaction for %d s, and %s are received and not replayed", oldest, Size(backlog)),
		Effect:   fmt.Sprintf("Where that WAL removes what the session sees, replay waits for it %s; a promotion then waits too, and there is no primary.", limit),
		Remedy:   fmt.Sprintf("On %s, end it: SELECT pid, query FROM pg_stat_activity WHERE backend_type = 'client backend' ORDER BY xact_start; SELECT pg_terminate_backend(PID);", m),
	}
	switch {
	case standbyCluster.get(s, m):
		return staysInRecovery(s)
	case a.ReplayConflict:
		f.Observed = fmt.Sprintf("replay waits for a session, the oldest of which has been in a transaction for %d s; %s are received and not replayed", oldest, Size(backlog))
		f.Effect = fmt.Sprintf("It waits %s. A promotion waits too, and there is no primary meanwhile.", limit)
		if long {
			f.Severity = Blocker
		}
		return []Finding{f}
	case long && backlog > 0 && oldest > longTransaction:
		return []Finding{f}
	}
	return evidence(asked, "the oldest transaction is %d s old, %s are received and not replayed; replay waits for no session, and would %s", oldest, Size(backlog), limit)
}

func runRestoreCommand(s *Snapshot, _ Question, m string) []Finding {
	asked := s.askedSQL(m, "pg_settings")
	var set []string
	for _, f := range []fact[string]{restoreCommand, endCommand} {
		if f.get(s, m) != "" {
			set = append(set, strings.TrimSuffix(f.name, " in pg_settings"))
		}
	}
	switch {
	case standbyCluster.get(s, m):
		return staysInRecovery(s)
	case set == nil:
		return evidence(asked, "no restore_command and no recovery_end_command")
	}
	f := Finding{
		Severity: Info, Asked: asked, Observed: strings.Join(set, " and ") + " set",
		Effect: "The promotion waits for it, without a time limit.",
		Remedy: fmt.Sprintf("On %s, time it for a file that is not there: it has to fail at once.", m),
	}
	if a, ok := archiverState.of(s, s.Leader()).Get(); ok && a.failing() && restoreCommand.get(s, m) != "" {
		f.Severity = Warning
		f.Observed += fmt.Sprintf(", and the archive takes nothing from %s (%d failures)", s.Leader(), a.FailedCount)
		f.Effect = "If the archive hangs, so does the promotion: it waits for restore_command without a time limit, and there is no primary."
	}
	return []Finding{f}
}
