package check

import (
	"fmt"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

var lagPatroni = Check{
	ID:    "lag.patroni",
	Title: "Patroni's own figure for the lag is within its limit",
	Since: "0.1.0",
	Why: "The leader asks the candidate for its position. It refuses the candidate if that position is more than " +
		"maximum_lag_on_failover behind the position that the leader last wrote to the DCS. The client sees 503 " +
		"\"Switchover failed\" without a reason; the leader's log says \"exceeds maximum replication lag\".",
	Source: "patroni/ha.py is_failover_possible, is_lagging: optime - max(received, replayed) > " +
		"maximum_lag_on_failover; -1 does not mean \"unlimited\"",
	Fix: "Wait until the candidate has caught up, or find out why it does not.",
	Proof: "docs/accuracy.md: \"maximum_lag_on_failover -1\", \"maximum_lag_on_failover 1024, idle\", " +
		"\"maximum_lag_on_failover 0, idle\"; e2e/oracle_test.go compares the formula with Patroni itself.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"candidate.rest", "candidate.running", "identity.rest_role"},
	Needs:     []fact.Need{fact.Optime, patroni.MaxLag, fact.RESTPosition},
	Run:       runPatroniLag,
}

var lagReceive = Check{
	ID:    "lag.receive",
	Title: "the candidate has received what the leader has flushed",
	Since: "0.1.0",
	Why: "The lag that Patroni and patronictl list show comes from the DCS and is up to loop_wait old; this " +
		"figure is live.",
	Source: "pg_current_wal_flush_lsn() on the leader, sampled before pg_last_wal_receive_lsn() on the candidate",
	Fix:    "Find out why WAL does not arrive: the network, or the candidate's WAL receiver.",
	Proof: "docs/accuracy.md: \"candidate's WAL receiver frozen, 20 MB behind\", \"maximum_lag_on_failover 1024, 5 " +
		"kB behind\": no primary, while the list showed lag 0.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{patroni.MaxLag, fact.LeaderBefore, fact.SQLReceived},
	Run:       runReceiveLag,
}

var lagReplay = Check{
	ID:    "lag.replay",
	Title: "the candidate has replayed what the leader has flushed",
	Since: "0.1.0",
	Why: "Patroni uses the higher of received and replayed, so WAL that is received but not replayed counts as " +
		"lag 0. The candidate has to replay it before it accepts a write; meanwhile the cluster has no primary.",
	Source:    "pg_current_wal_flush_lsn() on the leader, sampled before pg_last_wal_replay_lsn() on the candidate",
	Fix:       "Wait for the replay; find out whether it is paused, delayed or blocked by queries.",
	Proof:     "docs/accuracy.md: \"replay paused with a backlog\", \"candidate with recovery_min_apply_delay\".",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader", "lag.receive"},
	Needs:     []fact.Need{patroni.MaxLag, fact.LeaderBefore, fact.SQLReplay},
	Run:       runReplayLag,
}

func runPatroniLag(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	position, base, limit := fact.RESTPosition.Get(s, m), fact.Optime.Get(s, m), patroni.MaxLag.Get(s, m)
	lag := base.Minus(position)
	asked := fmt.Sprintf("optime in the DCS (%s) minus the position in %s", base, s.RESTCall(m))
	// A limit below 0 lets a candidate pass only in the moments in which it is ahead
	// of the older figure: that is chance, not fitness.
	if lag <= limit && limit >= 0 {
		return Witnessed(asked, "%d bytes, limit %d", lag, limit)
	}
	f := Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("%d bytes", lag),
		Expected: fmt.Sprintf("at most maximum_lag_on_failover = %d", limit),
		Effect: fmt.Sprintf(
			"The leader will log \"Member %s exceeds maximum replication lag\"; you will see 503 \"Switchover failed\".",
			m,
		),
		Remedy: fmt.Sprintf(
			"Wait until %s has caught up (patronictl list %s), or find out why it does not.",
			m,
			s.Target.Scope,
		),
	}.bytesOf(lag, limit)
	if limit < 0 {
		f.Effect += " A negative limit does not mean \"unlimited\": it refuses every candidate whose position is not, by " +
			"chance, ahead of the older figure."
		f.Remedy = fmt.Sprintf(
			"patronictl edit-config %s -s maximum_lag_on_failover=%d",
			s.Target.Scope,
			patroni.DefaultMaximumLag,
		)
	}
	return []Finding{f}
}

func runReceiveLag(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	leader, have, limit := fact.LeaderBefore.Get(s, m), fact.SQLReceived.Get(s, m), patroni.MaxLag.Get(s, m)
	return judgeLive(
		s,
		m,
		leader.Minus(have),
		limit,
		fmt.Sprintf("live WAL position of the leader (%s) minus received by %s (%s), by SQL", leader, m, have),
		Finding{
			Effect: fmt.Sprintf(
				"%s has not received that much, whatever older figures show (patronictl list rounds to MB and is up to loop_wait "+
					"old).",
				m,
			),
			Remedy: fmt.Sprintf(
				"Read pg_stat_wal_receiver on %s and pg_stat_replication on %s to see what delays the WAL.",
				m,
				s.Leader(),
			),
		},
	)
}

func runReplayLag(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	if s.IsStandbyCluster() {
		return staysInRecovery(s)
	}
	leader, have, limit := fact.LeaderBefore.Get(s, m), fact.SQLReplay.Get(s, m), patroni.MaxLag.Get(s, m)
	// Below the default there is nothing to wait for, however small the limit.
	if limit >= 0 {
		limit = max(limit, patroni.DefaultMaximumLag)
	}
	f := Finding{
		Effect: fmt.Sprintf(
			"Patroni does not check this. %s must replay it all before it accepts a write; until then the cluster has no "+
				"primary.",
			m,
		),
		Remedy: fmt.Sprintf(
			"Wait for the replay on %s; find out whether it is paused (SELECT pg_wal_replay_resume()), delayed "+
				"(recovery_min_apply_delay) or blocked by a query.",
			m,
		),
	}
	if paused, ok := fact.OfSQL("", func(q fact.SQL) fact.Observed[bool] { return q.ReplayPaused }).
		Of(s, m).
		Get(); ok &&
		paused {
		f.Effect += " Its replay is paused."
		f.Remedy = fmt.Sprintf("On %s: SELECT pg_wal_replay_resume(); then wait until it has replayed the WAL.", m)
	}
	return judgeLive(
		s,
		m,
		leader.Minus(have),
		limit,
		fmt.Sprintf("live WAL position of the leader (%s) minus replayed by %s (%s), by SQL", leader, m, have),
		f,
	)
}

// judgeLive compares a live lag with the limit. A limit of 0 holds on an idle
// cluster only, and Patroni compares it with a figure that is older than ours:
// being a few bytes behind is then worth a warning, no more.
func judgeLive(s *fact.Snapshot, m string, lag, limit int64, asked string, f Finding) []Finding {
	switch {
	case limit < 0: // lag.patroni says what there is to say
		return Witnessed(asked, "%d bytes", lag)
	case lag <= limit:
		return Witnessed(asked, "%d bytes, limit %d", lag, limit)
	case limit == 0 && lag <= patroni.DefaultMaximumLag:
		f.Severity = Warning
		f.Effect = "maximum_lag_on_failover is 0: on a busy primary Patroni refuses at random, whenever its older figure " +
			"is a byte behind."
		f.Remedy = fmt.Sprintf(
			"patronictl edit-config %s -s maximum_lag_on_failover=%d, or retry when no client writes.",
			s.Target.Scope,
			patroni.DefaultMaximumLag,
		)
	}
	f.Asked, f.Observed, f.Expected = asked, fmt.Sprintf("%d bytes", lag), fmt.Sprintf("at most %d", limit)
	return []Finding{f.bytesOf(lag, limit)}
}
