package check

import (
	"fmt"
	"math"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/forecast"
	"patroni-preflight/preflight/patroni"
)

var shutdownWalsenders = Check{
	ID:    "shutdown.walsenders",
	Title: "every consumer of the leader's WAL answers",
	Since: "0.2.0",
	Why: "A fast shutdown of PostgreSQL waits for every walsender, of a member or not, until its client has " +
		"confirmed all WAL or wal_sender_timeout has passed; with wal_sender_timeout = 0 it waits indefinitely. Meanwhile " +
		"Patroni keeps the leader key: the cluster has no primary, and patronictl says \"status unknown\".",
	Source: "pg_stat_replication on the leader: sent_lsn, flush_lsn, reply_time; postgres: ShutdownXLOG, " +
		"WalSndWaitStopping, WalSndDone; patroni/postgresql/__init__.py _do_stop",
	Fix: "Stop or repair that client, or end its walsender: SELECT pg_terminate_backend(pid).",
	Proof: "docs/accuracy.md: pg_receivewal, a standby and a logical consumer, each frozen with a backlog, kept " +
		"real clusters without a primary for 20 to 35 s.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.WALSenders, fact.SQLNow, fact.LeaderBefore},
	Run:       runWalsenders,
}

var shutdownBacklog = Check{
	ID:    "shutdown.backlog",
	Title: "no consumer of the leader's WAL is far behind",
	Since: "0.2.0",
	Why: "The old leader stops when every consumer has received all WAL. A logical consumer has to finish before " +
		"the last checkpoint, so the cluster has no primary meanwhile; a physical one delays the return of the old leader.",
	Source: "pg_stat_replication on the leader: flush_lsn, or write_lsn if the client does not flush; " +
		"pg_replication_slots.slot_type; postgres: XLogSendLogical",
	Fix: "Wait until it has caught up.",
	Proof: "docs/accuracy.md: \"bystander behind a slow line\"; the case of a logical consumer follows PostgreSQL's " +
		"source.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.WALSenders, fact.LeaderBefore},
	Run:      runBacklog,
}

var shutdownArchiver = Check{
	ID:    "shutdown.archiver",
	Title: "the leader's archiver keeps up",
	Since: "0.2.0",
	Why: "Before it stops, PostgreSQL archives the remaining WAL. Since 2.1.2 Patroni releases the leader key " +
		"before that; the old leader returns later, and WAL that it could not archive is missing in the archive.",
	Source:   "pg_stat_archiver, pg_ls_archive_statusdir() on the leader; patroni/postgresql/__init__.py _do_stop",
	Fix:      "Make archive_command work, and wait until no file waits to be archived.",
	Proof:    "docs/accuracy.md: \"archiving fails\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.ArchiverState, fact.KeyVersion},
	Run:      runArchiver,
}

var shutdownCheckpoint = Check{
	ID:    "shutdown.checkpoint",
	Title: "the checkpoint before the shutdown has little to write",
	Since: "0.2.0",
	Why: "Patroni runs CHECKPOINT before it stops the leader, without a time limit. The leader serves meanwhile, " +
		"but patronictl may stop waiting and say \"status unknown\".",
	Source:   "pg_control_checkpoint().redo_lsn and shared_buffers on the leader; patroni/postgresql/__init__.py _do_stop",
	Fix:      "Run CHECKPOINT on the leader right before the switchover.",
	Proof:    "Cases on a recorded snapshot, and Patroni's source; how long it takes depends on the storage.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.CheckpointWork, fact.LeaderBefore, fact.SQLSettings},
	Run:      runCheckpoint,
}

var shutdownSessions = Check{
	ID:    "shutdown.sessions",
	Title: "the shutdown harms nothing that runs on the leader",
	Since: "0.2.0",
	Why: "A fast shutdown ends every session. Transactions are rolled back, and a base backup in progress is lost; " +
		"prepared transactions survive, with their locks.",
	Source:   "pg_stat_activity, pg_prepared_xacts and pg_stat_progress_basebackup on the leader",
	Fix:      "Let it finish, or end it.",
	Proof:    "docs/accuracy.md: \"a base backup is being taken\", \"a prepared transaction\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLActivity},
	Run:      runSessions,
}

var shutdownStopTimeout = Check{
	ID:    "shutdown.stop_timeout",
	Title: "PostgreSQL is given enough time to shut down",
	Since: "0.2.0",
	Why: "In synchronous mode Patroni kills PostgreSQL after primary_stop_timeout. The old leader then needs crash " +
		"recovery, and pg_rewind if it has WAL that the new leader lacks.",
	Source:   "patroni/ha.py primary_stop_timeout; patroni/postgresql/__init__.py _do_stop",
	Fix:      "Set primary_stop_timeout to 0, or to more than a shutdown takes.",
	Proof:    "docs/accuracy.md: \"primary_stop_timeout in synchronous mode\".",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{stopTimeout, fact.SyncMode, fact.StandbyCluster},
	Run:      runStopTimeout,
}

var shutdownEarlyRelease = Check{
	ID:    "shutdown.early_release",
	Title: "the leader keeps its key until the candidate has all WAL",
	Since: "0.2.0",
	Why: "Patroni 2.1.2 to 3.0.4 releases the leader key as soon as any member has the last checkpoint, not only " +
		"the candidate: a candidate slower than another member is promoted without the leader's last WAL, and acknowledged " +
		"commits are lost.",
	Source: "patroni/ha.py demote, is_failover_possible; release notes of 3.1.0: \"on switchover\" shutdown checks",
	Fix:    "Wait until the candidate has caught up with the other members, or update Patroni to 3.1.0 or later.",
	Proof: "e2e/release_test.go: on a cluster of 3.0.4 a candidate 600 kB slower than the bystander was promoted " +
		"without 1000 committed rows; cases by version. On 3.0.2 it never happened while the candidate kept up.",
	Kind:      PatroniRule,
	Severity:  Warning,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader", "lag.receive", "candidate.streaming"},
	Needs:     []fact.Need{fact.KeyVersion.OnLeader(), fact.LeaderBefore, fact.SQLReceived, othersReceived},
	Run:       runEarlyRelease,
}

var stopTimeout = fact.OfConfig(
	"primary_stop_timeout in /config",
	func(c fact.DynamicConfig) fact.Observed[int64] { return c.PrimaryStopTimeout },
)

func runWalsenders(s *fact.Snapshot, q fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_stat_replication")
	consumers := fact.ConsumersOf(s, fact.WALSenders.Get(s, m))
	var out []Finding
	for _, c := range consumers {
		seen, watched := c.Confirmed.Get()
		unconfirmed := watched && c.Member && !seen.Reached()
		if !c.Stalled() && !c.Doubtful() || unconfirmed && fact.SameApplicationName(c.ApplicationName, q.Candidate) {
			continue // candidate.confirms reports the candidate
		}
		f := Finding{
			Asked: asked,
			Observed: fmt.Sprintf(
				"%s has been silent for %.0f s; %s not sent, %s not confirmed",
				c.Who(),
				c.Silence,
				fact.Size(c.Unsent),
				fact.Size(c.Unconfirmed),
			),
			Expected: "a reply every 10 s",
			Effect:   "PostgreSQL does not stop before it answers. Meanwhile the cluster has no primary" + consumerUntil(c),
			Remedy:   fmt.Sprintf("Stop or repair that client, or on %s: SELECT pg_terminate_backend(%d);", m, c.PID),
		}
		if unconfirmed {
			f.Observed = fmt.Sprintf(
				"%s has confirmed %s, and not %s, which %s had flushed %.1f s before; %s missing",
				c.Who(), seen.Last, seen.Target, m, seen.Seconds, fact.Size(seen.Left()),
			)
			f.Expected = "a confirmation within milliseconds"
		}
		if c.Unbounded() {
			f.Observed = fmt.Sprintf(
				"%s has written %s and confirmed %s, and wal_sender_timeout is 0",
				c.Who(), c.WriteLSN.Must(), c.FlushLSN.Must(),
			)
			f.Expected = ""
		}
		if c.Mute {
			f.Observed = c.Who() + " has not reported how much WAL it has, or when it last reported"
		}
		if c.Doubtful() {
			f.Severity = Warning
			f.Effect = "If it no longer receives WAL, the shutdown waits for it" + consumerUntil(
				c,
			) + " It may also reply rarely, or its clock may be wrong: the client stamps the reply."
			if c.Unbounded() {
				f.Effect = "PostgreSQL does not stop before it has confirmed everything, and never gives up on it."
				f.Remedy = fmt.Sprintf(
					"patronictl edit-config %s -s postgresql.parameters.wal_sender_timeout=60s, or stop that client.",
					s.Target.Scope,
				)
			}
			if seconds, ok := c.ToldIn(); ok {
				f.Effect += fmt.Sprintf(" In %.0f s PostgreSQL will have asked it for a reply.", math.Ceil(seconds))
				f.Remedy = fmt.Sprintf("Check again in %.0f s. ", math.Ceil(seconds)) + f.Remedy
			}
		} else if c.Timeout > 0 && c.Timeout <= fact.ShortTimeout {
			f.Severity = Warning
		}
		out = append(out, f.secondsOf(int64(c.Silence), int64(c.Timeout)))
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "%d consumers, and each answers", len(consumers))
}

// consumerUntil says when PostgreSQL gives up waiting for the consumer.
func consumerUntil(c fact.Consumer) string {
	if c.Timeout <= 0 {
		return ": indefinitely, since wal_sender_timeout is 0."
	}
	return fmt.Sprintf(", for up to %.0f s (wal_sender_timeout).", c.Timeout)
}

// A backlog that matters, in bytes: a logical consumer takes tens of MB a second
// at best, a physical one hundreds.
const (
	logicalBlocks = 256 << 20
	backlogWarns  = 8 << 20
)

func runBacklog(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_stat_replication")
	early := !fact.OlderThan(fact.KeyVersion.Of(s, m).OrZero(), 2, 1, 2)
	var out []Finding
	for _, c := range fact.ConsumersOf(s, fact.WALSenders.Get(s, m)) {
		if c.Stalled() || c.Unconfirmed <= backlogWarns {
			continue
		}
		f := Finding{
			Asked: asked, Observed: fmt.Sprintf("%s is %s behind", c.Who(), fact.Size(c.Unconfirmed)),
			Remedy: "Wait until it has caught up.",
		}
		switch {
		case c.Logical:
			f.Effect = "It has to receive all of that before PostgreSQL writes its last checkpoint; meanwhile the cluster has " +
				"no primary."
			if c.Unconfirmed > logicalBlocks {
				f.Severity = Blocker
			}
		case early:
			f.Effect = "Patroni releases the leader key as soon as the candidate has all WAL, but the old leader stops, and " +
				"returns, only after this consumer."
		default:
			f.Effect = "Patroni before 2.1.2 releases the leader key only when PostgreSQL has stopped, which waits for this " +
				"consumer."
		}
		out = append(out, f.bytesOf(c.Unconfirmed, backlogWarns))
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "no consumer is more than %s behind", fact.Size(backlogWarns))
}

// manyFiles is how many WAL files may wait for the archiver in normal service.
const manyFiles = 10

func runArchiver(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	a := fact.ArchiverState.Get(s, m)
	asked := s.SQLQuery(m, "pg_stat_archiver")
	if settings, ok := fact.SQLSettings.Of(s, m).Get(); ok && settings["archive_mode"] == "off" {
		return Witnessed(asked, "archive_mode is off")
	}
	var what []string
	if a.Failing() {
		what = append(what, fmt.Sprintf("the last attempt failed (%s, %d failures)", a.LastFailedWAL, a.FailedCount))
	}
	ready, seen := a.Ready.Get()
	if seen && ready > manyFiles {
		what = append(what, fmt.Sprintf("%d WAL files wait", ready))
	}
	if len(what) == 0 {
		if !seen {
			return Witnessed(asked, "the last attempt did not fail")
		}
		return Witnessed(asked, "the last attempt did not fail, %d WAL files wait", ready)
	}
	f := Finding{
		Asked:    asked,
		Observed: strings.Join(what, "; "),
		Effect: fmt.Sprintf(
			"%s does not stop before its archiver has tried the remaining files, and returns later; files that it cannot "+
				"archive are missing in the archive.",
			m,
		),
		Remedy: fmt.Sprintf(
			"Make archive_command on %s work (its PostgreSQL log says why it fails), and wait until pg_stat_archiver shows no "+
				"new failure.",
			m,
		),
	}
	if fact.OlderThan(fact.KeyVersion.Get(s, m), 2, 1, 2) {
		f.Severity = Blocker
		f.Effect = "Patroni before 2.1.2 waits for the archiver before it releases the leader key: meanwhile the cluster " +
			"has no primary. " + f.Effect
	}
	return []Finding{f}
}

// checkpointWarns is what slow storage writes in half a minute, in bytes.
const checkpointWarns = 30 * forecast.SlowWrite

func runCheckpoint(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	bytes := max(0, fact.LeaderBefore.Get(s, m).Minus(fact.CheckpointWork.Get(s, m).RedoLSN))
	buffers, ok := fact.SharedBuffers(s, m)
	if ok {
		bytes = min(bytes, buffers)
	}
	asked := s.SQLQuery(m, "pg_control_checkpoint()")
	if bytes <= checkpointWarns {
		return Witnessed(asked, "at most %s to write", fact.Size(bytes))
	}
	return []Finding{Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("up to %s to write since the last checkpoint", fact.Size(bytes)),
		Effect: fmt.Sprintf(
			"Patroni runs CHECKPOINT before it stops the leader and waits for it without a limit; patronictl may say \"status "+
				"unknown\" after %.0f s. The leader serves meanwhile.",
			forecast.AnswerLimit(s),
		),
		Remedy: fmt.Sprintf("On %s, right before the switchover: CHECKPOINT;", m),
	}.bytesOf(bytes, checkpointWarns)}
}

// longTransaction is what a user will miss, in seconds.
const longTransaction = 60

func runSessions(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	a := fact.SQLActivity.Get(s, m)
	var out []Finding
	add := func(view, observed, effect, remedy string) {
		out = append(out, Finding{Asked: s.SQLQuery(m, view), Observed: observed, Effect: effect, Remedy: remedy})
	}
	if a.BaseBackups > 0 {
		add("pg_stat_progress_basebackup", fmt.Sprintf("%d base backups are in progress", a.BaseBackups),
			"The shutdown cuts it off: it has to be repeated.", "Wait until it is complete.")
	}
	if a.PreparedTransactions > 0 {
		add(
			"pg_prepared_xacts",
			fmt.Sprintf("%d prepared transactions", a.PreparedTransactions),
			"They survive, with their locks, and wait on the new leader for their COMMIT PREPARED; the transaction manager "+
				"has to reach it there.",
			"Make sure that the transaction manager follows the leader, or let it finish first.",
		)
	}
	if a.OldestTransactionSeconds > longTransaction {
		add(
			"pg_stat_activity",
			fmt.Sprintf("a transaction has been open for %d s", a.OldestTransactionSeconds),
			"The shutdown ends it: its work is rolled back.",
			"Wait for it, or end it: SELECT pid, query FROM pg_stat_activity ORDER BY xact_start;",
		)
		out[len(out)-1] = out[len(out)-1].secondsOf(a.OldestTransactionSeconds, longTransaction)
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(
		s.SQLQuery(m, "pg_stat_activity"),
		"%d sessions, %d of them active; no long transaction, no base backup, no prepared transaction",
		a.Sessions,
		a.Active,
	)
}

func runStopTimeout(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	seconds, mode := stopTimeout.Get(s, ""), patroni.SyncActive(s)
	asked := s.KeyName("/config")
	if seconds <= 0 || mode == "off" {
		return Witnessed(asked, "primary_stop_timeout %d, synchronous mode %s: PostgreSQL has enough time", seconds, mode)
	}
	return []Finding{Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("primary_stop_timeout is %d s in synchronous mode", seconds),
		Effect: "If the shutdown takes longer, Patroni kills PostgreSQL: crash recovery on the old leader, and pg_rewind " +
			"if it has diverged.",
		Remedy: fmt.Sprintf(
			"patronictl edit-config %s -s primary_stop_timeout=0, or make sure that a shutdown takes less (see the forecast).",
			s.Target.Scope,
		),
	}.secondsOf(seconds, 0)}
}

// How much slower than another member a candidate may be, in bytes. They are not
// asked at one instant, so what the leader wrote meanwhile may be all of it; what is
// more than that and a page is not.
const (
	slowerSurely = 8 << 10
	slowerWarns  = 64 << 10
	SlowerBlocks = 1 << 20
)

// othersReceived is how far the other replicas are, where the leader's release
// makes that matter: by SQL, else by the leader's account of them. One that the
// leader has no row of is not connected, and gets no last checkpoint.
var othersReceived = fact.Fact[map[string]fact.LSN]{
	Label: "the positions of the other members",
	Of: func(s *fact.Snapshot, m string) fact.Observed[map[string]fact.LSN] {
		out := map[string]fact.LSN{}
		version, ok := fact.KeyVersion.Of(s, s.Leader()).Get()
		if ok && (fact.OlderThan(version, 2, 1, 2) || !fact.OlderThan(version, 3, 1, 0)) {
			return fact.Known(out)
		}
		rows := fact.WALSenders.Of(s, s.Leader())
		for _, other := range s.Replicas() {
			if other == m {
				continue
			}
			if at, ok := fact.SQLReceived.Of(s, other).Get(); ok {
				out[other] = at
				continue
			}
			if !rows.Known() {
				return fact.Because[map[string]fact.LSN](rows)
			}
			for _, w := range *rows.Value {
				switch at, ok := w.FlushLSN.Get(); {
				case !fact.SameApplicationName(w.ApplicationName, other):
				case !ok:
					return fact.NotKnown[map[string]fact.LSN](w.FlushLSN.Cause(), "%s, flush_lsn: %s", other, w.FlushLSN.Reason())
				default:
					out[other] = max(out[other], at)
				}
			}
		}
		return fact.Known(out)
	},
}

func runEarlyRelease(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	version := fact.KeyVersion.Of(s, s.Leader()).Must()
	asked := s.KeyName("/members/" + s.Leader())
	if fact.OlderThan(version, 2, 1, 2) || !fact.OlderThan(version, 3, 1, 0) {
		return Witnessed(asked, "Patroni %s waits for the candidate itself", version)
	}
	have := fact.SQLReceived.Get(s, m)
	ahead, by := "", int64(0)
	for other, at := range othersReceived.Get(s, m) {
		if lead := at.Minus(have); lead > by || lead == by && lead > 0 && other < ahead {
			ahead, by = other, lead
		}
	}
	surely := by > SlowerBlocks
	if after, ok := fact.LeaderAfter.Of(s, m).Get(); ok && after != fact.NoLimit {
		surely = surely || by-after.Minus(fact.LeaderBefore.Get(s, m)) > slowerSurely
	}
	if by <= slowerWarns && !surely {
		return Witnessed(asked, "Patroni %s, and no other member is ahead of %s", version, m)
	}
	f := Finding{
		Asked:    s.SQLQuery(m, "pg_last_wal_receive_lsn()"),
		Observed: fmt.Sprintf("%s is %s behind %s, and the leader runs Patroni %s", m, fact.Size(by), ahead, version),
		Effect: fmt.Sprintf(
			"This version releases the leader key as soon as any member has the last checkpoint. %s would be promoted without "+
				"the WAL that it lacks: acknowledged commits are lost.",
			m,
		),
		Remedy: fmt.Sprintf("Wait until %s has caught up with %s, or switch over to %s.", m, ahead, ahead),
	}.bytesOf(by, slowerSurely)
	if surely {
		f.Severity = Blocker
	}
	return []Finding{f}
}
