package verify

import (
	"fmt"
	"strings"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

var outcomeCommit = outcomeCheck{check.Check{
	ID:    "outcome.commit",
	Title: "a commit on the new leader goes through",
	Why: "If synchronous_standby_names on the new leader asks for standbys that do not stream, PostgreSQL acknowledges " +
		"no commit: clients hang, although the switchover succeeded. The tool does not write; it compares the list with " +
		"the standbys that are connected.",
	Source: "PostgreSQL: synchronous_standby_names, sync_state in pg_stat_replication, wait event SyncRep in " +
		"pg_stat_activity on the new leader",
	Fix: "Make one of the standbys in the list stream, or correct the list:\n" +
		"patronictl edit-config SCOPE",
	Proof:     outcomeProof,
	Since:     "0.3.0",
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfOutcome,
	Needs:     []fact.Need{fact.StandbyNames, fact.WALSenders},
}, judgeCommit}

// slowCommit is how many seconds a commit may wait for standbys that stream. They confirm
// within milliseconds, and the cluster is read again before the outcome is final.
const slowCommit = 10

func judgeCommit(b Baseline, after *fact.Snapshot, n string) answer {
	a := answer{
		asked: after.SQLQuery(n, "synchronous_standby_names"),
		look: fmt.Sprintf(`pg_stat_activity on %s: sessions with the wait event SyncRep; synchronous_standby_names there `+
			`and sync_state in pg_stat_replication`, n),
	}
	const question = "whether a commit goes through"
	settings, list := fact.SQLSettings.Of(after, n), fact.StandbyNames.Of(after, n)
	rows := fact.WALSenders.Of(after, n)
	shown := fact.Shown(settings.OrZero()["synchronous_standby_names"])
	commit := settings.OrZero()["synchronous_commit"]
	switch {
	case b.standby():
		return a.passed("a standby cluster", "a standby cluster takes no commits")
	case !list.Known():
		return a.unknown(list.Reason(), question)
	case list.Value.Num == 0:
		return a.passed("empty", "a commit waits for no standby (synchronous_standby_names is empty)")
	case commit == "local" || commit == "off":
		return a.passed(shown, "a commit waits for no standby (synchronous_commit is "+commit+")")
	case !rows.Known():
		return a.unknown(rows.Reason(), question)
	}
	a.expected = fmt.Sprintf("%d of its standbys stream", list.Value.Num)
	var stream []string
	for _, w := range *rows.Value {
		if fact.Equal(w.State, "streaming") && list.Value.Lists(w.ApplicationName) {
			stream = append(stream, w.ApplicationName)
		}
	}
	waiting, oldest := "", int64(0)
	if activity, ok := fact.SQLActivity.Of(after, n).Get(); ok && activity.SyncWaits > 0 {
		waiting, oldest = fmt.Sprintf("; %d sessions wait for that", activity.SyncWaits), activity.OldestSyncWaitSeconds
	}
	if len(stream) < list.Value.Num {
		return a.failed(fmt.Sprintf("%s, and %d of its standbys stream%s", shown, len(stream), waiting),
			fmt.Sprintf("a commit on %s hangs: it waits for %d standbys of %s, of which %d stream%s",
				n, list.Value.Num, shown, len(stream), waiting))
	}
	// A standby that is frozen, or that replays nothing with remote_apply, is connected too.
	if oldest > slowCommit {
		return a.failed(fmt.Sprintf("%s, and %s stream, but a session has waited for up to %d s%s", shown,
			strings.Join(stream, ", "), oldest, waiting),
			fmt.Sprintf("a commit on %s hangs: %s confirm nothing, and a session has waited for up to %d s%s",
				n, fact.Names(stream), oldest, waiting))
	}
	return a.passed(fmt.Sprintf("%s, and %s stream", shown, strings.Join(stream, ", ")),
		"a commit is confirmed by "+fact.Names(stream))
}
