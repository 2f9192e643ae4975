package pg

import "patroni-preflight/preflight/fact"

const activity = "pg_stat_activity"

// activityView leaves out our own session and Patroni's, which are always there:
// "Patroni", since 3.2.0 followed by the purpose of the connection. The function
// is what pg_stat_activity shows; planning the joins of that view takes longer
// than all the rest. pg_stat_progress_basebackup came with PostgreSQL 13. The startup
// process takes its locks and pins without a wait, unless a session is in the way.
var activityView = view{
	name: activity, most: 1,
	columns: []column{
		as("sessions", "count(*)"),
		as("active", "count(*) FILTER (WHERE xact_start IS NOT NULL OR state = 'active')"),
		as("xact_start", oldest("xact_start", "true")),
		as("query_start", oldest("query_start", "state = 'active'")),
		as("pg_prepared_xacts", "(SELECT count(*) FROM pg_prepared_xacts)"),
		since(13, "base backups", "(SELECT count(*) FROM pg_stat_progress_basebackup)",
			"(SELECT count(*) FROM pg_stat_replication WHERE state = 'backup')"),
		as("state", "count(*) FILTER (WHERE state = 'disabled')"),
		as("wait_event", "EXISTS (SELECT FROM pg_stat_get_activity(NULL) WHERE backend_type = 'startup' "+
			"AND (wait_event_type IN ('Lock', 'BufferPin') OR wait_event LIKE 'RecoveryConflict%'))"),
		as("SyncRep", "count(*) FILTER (WHERE wait_event = 'SyncRep')"),
		as("SyncRep, query_start", oldest("query_start", "wait_event = 'SyncRep'")),
	},
	from: constant("FROM pg_stat_get_activity(NULL) WHERE backend_type = 'client backend' " +
		"AND pid <> pg_backend_pid() AND application_name !~ '^Patroni( |$)'"),
}

// oldest is the age in seconds of the oldest session of some kind.
func oldest(start, which string) string {
	return "floor(extract(epoch FROM max(clock_timestamp() - " + start + ") FILTER (WHERE " + which + ")))::bigint"
}

func (d decoder) activity() fact.Observed[fact.Activity] {
	n := &record{cells: d.of(activityView)}
	switch {
	case n.answer.why != nil: // says more than the privilege
	case !d.seesStats:
		return fact.NotKnown[fact.Activity](fact.Privilege,
			"%s: what other roles do is hidden for want of privilege: GRANT pg_monitor TO %s", activity, ident(d.role))
	case given(n, "state", parseCount) > 0:
		return fact.NotKnown[fact.Activity](fact.Unsupport, "%s: track_activities is off", activity)
	}
	return complete(n, fact.Activity{
		Sessions:                 given(n, "sessions", parseCount),
		Active:                   given(n, "active", parseCount),
		OldestTransactionSeconds: int64(orZero(n, "xact_start", parseSeconds)),
		OldestQuerySeconds:       int64(orZero(n, "query_start", parseSeconds)),
		PreparedTransactions:     given(n, "pg_prepared_xacts", parseCount),
		BaseBackups:              given(n, "base backups", parseCount),
		ReplayConflict:           given(n, "wait_event", parseTextBool),
		SyncWaits:                given(n, "SyncRep", parseCount),
		OldestSyncWaitSeconds:    int64(orZero(n, "SyncRep, query_start", parseSeconds)),
	})
}
