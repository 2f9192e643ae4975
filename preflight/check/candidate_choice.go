package check

import (
	"fmt"
	"slices"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

var candidateChoice = Check{
	ID:    "candidate.choice",
	Title: "it is clear which member will become leader",
	Since: "0.2.0",
	Why: "Without a named candidate the members race for the leader key. After a clean shutdown all streaming " +
		"members have caught up, so failover_priority decides, and among equals the fastest wins: it may be the member in " +
		"the other data center.",
	Source: "patroni/ha.py is_healthiest_node, _is_healthiest_node",
	Fix:    "Name the candidate.",
	Proof: "docs/accuracy.md: \"no candidate named\", \"quorum mode, no candidate named\"; e2e/oracle_test.go for " +
		"who may take the key.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader", "candidate.member"},
	Run:      runChoice,
}

var candidateSyncLag = Check{
	ID:    "candidate.sync_lag",
	Title: "the candidate will stay synchronous",
	Since: "0.2.0",
	Why: "The leader removes a standby from /sync if it is tagged nosync or lags behind the others by more than " +
		"maximum_lag_on_syncnode. If that happens after the check, Patroni refuses the candidate, or the candidate does " +
		"not take the leader key.",
	Source: "maximum_lag_on_syncnode in /config, tags in the member key, pg_stat_replication on the leader; " +
		"patroni/postgresql/sync.py current_state, _ReplicaList",
	Fix: "Raise maximum_lag_on_syncnode, wait until the candidate has caught up, or remove the tag.",
	Proof: "docs/accuracy.md: \"maximum_lag_on_syncnode set\"; the warnings are shown by cases on a recorded " +
		"snapshot, from Patroni's source.",
	Kind:        PatroniRule,
	Severity:    Warning,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader", "candidate.sync"},
	Needs:       []fact.Need{maxSyncLag, fact.KeyTags, fact.WALSenders.OnLeader()},
	Run:         runSyncLag,
}

func runChoice(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	c, asked := q.Candidate, rules(s, q.Candidate)
	if c != "" {
		return Witnessed(asked, "%s is named", c)
	}
	// Where the race cannot be foretold it is open among those that may take part.
	may := patroni.Eligible(s)
	if p, ok := predictionAsked.Of(s, q, "").Get(); ok {
		if p.Stage != patroni.StageDone {
			return Witnessed(asked, "the leader does not step down")
		}
		may = p.Winners
	}
	if len(may) < 2 {
		return Witnessed(asked, "at most one member takes the leader key: %s", fact.Names(may))
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: fmt.Sprintf("no candidate is named, and %s are equals: the fastest becomes leader", fact.Names(may)),
			Effect:   "Patroni does not distinguish them; it knows nothing about sites, hardware or cost.",
			Remedy:   fmt.Sprintf("Name the member you want with --candidate: %s.", fact.Names(may)),
		},
	}
}

var maxSyncLag = fact.OfConfig(
	"maximum_lag_on_syncnode in /config",
	func(c fact.DynamicConfig) fact.Observed[int64] { return c.MaximumLagOnSyncnode },
)

func runSyncLag(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	mode, limit := patroni.SyncActive(s), maxSyncLag.Get(s, m)
	if mode == "off" {
		return Witnessed(s.KeyName("/config"), "synchronous mode is off")
	}
	f := Finding{
		Effect: fmt.Sprintf(
			"The leader may remove %s from /sync before it steps down. Then it refuses, or %s does not take the leader key.",
			m,
			m,
		),
	}
	if patroni.Nosync(fact.KeyTags.Get(s, m), fact.KeyVersion.Of(s, s.Leader()).OrZero()) {
		f.Asked, f.Observed, f.Expected = s.KeyName(
			"/members/"+m,
		), "tagged nosync, or with a sync_priority of 0 or less", "no such tag on a member of /sync"
		f.Remedy = fmt.Sprintf(
			"Check again in a moment, choose another candidate, or remove the tag from patroni.yml of %s.",
			m,
		)
		return []Finding{f}
	}
	if limit <= 0 {
		return Witnessed(s.KeyName("/config"), "maximum_lag_on_syncnode is %d: lag never removes a member from /sync", limit)
	}
	f.Asked = s.SQLQuery(s.Leader(), "pg_stat_replication")
	f.Remedy = fmt.Sprintf(
		"patronictl edit-config %s -s maximum_lag_on_syncnode=%d, or more",
		s.Target.Scope,
		max(16*patroni.DefaultMaximumLag, 4*limit),
	)
	lag, ok := syncLag(s, m)
	switch {
	case !ok:
		f.Observed, f.Expected = "no WAL position of "+m, "a position, as for every synchronous standby"
		f.Remedy = "Find out why it does not stream from the leader: pg_stat_wal_receiver on " + m + "."
		return []Finding{f}
	case lag > limit/2:
		f.Observed, f.Expected = fmt.Sprintf(
			"%s is %d bytes behind the most advanced standby",
			m,
			lag,
		), fmt.Sprintf(
			"far less than maximum_lag_on_syncnode = %d",
			limit,
		)
	case limit < patroni.DefaultMaximumLag:
		f.Asked, f.Observed = s.KeyName("/config"), fmt.Sprintf("maximum_lag_on_syncnode is %d", limit)
		f.Expected = fmt.Sprintf("more than a burst of writes, for example %d", 16*patroni.DefaultMaximumLag)
	default:
		return Witnessed(f.Asked, "%d bytes behind the most advanced standby, limit %d", lag, limit)
	}
	return []Finding{f.bytesOf(lag, limit)}
}

// syncLag is how far a member is behind the foremost standby, or the leader where
// it is the only one, as Patroni measures it: by what synchronous_commit waits for.
func syncLag(s *fact.Snapshot, m string) (bytes int64, ok bool) {
	waitsFor := fact.SQLSettings.Of(s, s.Leader()).OrZero()["synchronous_commit"]
	var own, foremost fact.LSN
	standbys := 0
	for _, w := range fact.WALSenders.Of(s, s.Leader()).OrZero() {
		isMember := func(n string) bool { return fact.SameApplicationName(w.ApplicationName, n) }
		position := w.FlushLSN
		switch waitsFor {
		case "remote_apply":
			position = w.ReplayLSN
		case "remote_write":
			position = w.WriteLSN
		}
		at, known := position.Get()
		if !known || !slices.ContainsFunc(s.Replicas(), isMember) {
			continue
		}
		standbys++
		foremost = max(foremost, at)
		if isMember(m) {
			own = at
		}
	}
	if standbys == 1 {
		foremost = fact.LeaderBefore.Of(s, m).OrZero()
	}
	return max(0, foremost.Minus(own)), own > 0
}
