package check

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

var candidateConfirms = Check{
	ID:    "candidate.confirms",
	Title: "the candidate confirms WAL that the leader has just flushed",
	Since: "0.3.0",
	Why: "When the leader's PostgreSQL shuts down it waits until every connected standby has confirmed all WAL, up to " +
		"wal_sender_timeout. A WAL receiver that has stopped looks like a working one until its next reply is due, and " +
		"Patroni does not look at it: the leader stops, and no member takes over.",
	Source: "pg_stat_replication on the leader (postgres walsender.c, WalSndDone), read until flush_lsn has reached " +
		"the leader's first sample, for 1.5 s at most; pg_last_wal_receive_lsn() on the candidate",
	Fix: "Find out on the candidate why it receives nothing (its PostgreSQL log, the network), then: patronictl restart " +
		"SCOPE CANDIDATE",
	Proof: "docs/accuracy.md: \"candidate's WAL receiver frozen, 20 MB behind\"; pg/confirm_test.go for what is seen " +
		"while it is watched.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader", "identity.sql_system_id", "candidate.streaming"},
	Needs:     []fact.Need{fact.Confirmed},
	Run:       runConfirms,
}

// slowArrival is how long the rest may take, in seconds, at the rate that was seen.
const slowArrival = 20

func runConfirms(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	both := fact.Confirmed.Get(s, m)
	leader := s.Leader()
	asked, by, seen := s.SQLQuery(leader, "pg_stat_replication"), m+" confirmed", both.Walsender
	if own, ok := both.Own.Get(); !both.Row || ok && !own.Reached() && fact.Field(both.Walsender, reached).OrZero() {
		asked, by, seen = s.SQLQuery(m, "pg_last_wal_receive_lsn()"), "arrived at "+m, both.Own
	}
	c := seen.Must()
	if c.Reached() {
		text := fmt.Sprintf("%s: %s, %.0f ms after %s had flushed it", by, c.Target, c.Seconds*1000, leader)
		if client, ok := fact.ConsumerOf(s, m); ok && c.First >= c.Target && client.Silence > max(1, c.Seconds) {
			return Witnessed(
				asked,
				"%s; the leader has written no WAL since then, and the last reply is %.0f s old: nothing newer can be seen",
				text,
				client.Silence,
			)
		}
		return Witnessed(asked, "%s", text)
	}
	f := Finding{
		Asked: asked,
		Observed: fmt.Sprintf(
			"%s: %s, but not %s, which %s had flushed %.1f s before; %s missing",
			by, c.Last, c.Target, leader, c.Seconds, fact.Size(c.Left()),
		),
		Expected: "a confirmation within milliseconds",
		Effect: fmt.Sprintf(
			"Nothing arrives at %s. The PostgreSQL of %s does not stop before %s has confirmed its last WAL, or until "+
				"wal_sender_timeout: the cluster has no primary meanwhile, and patronictl reports that the switchover failed.",
			m, leader, m,
		),
		Remedy: fmt.Sprintf(
			"Find out on %s why it receives no WAL: its PostgreSQL log, the load, the network to %s. If the WAL receiver "+
				"hangs: patronictl restart %s %s",
			m, leader, s.Target.Scope, m,
		),
	}
	if seconds, ok := c.SecondsLeft(); ok {
		f.Observed += fmt.Sprintf("; at the rate seen they take %.0f s more", max(1, seconds))
		f.Effect = fmt.Sprintf(
			"The WAL arrives slowly at %s. The PostgreSQL of %s does not stop before all of it has arrived: the cluster has "+
				"no primary for that much longer.",
			m, leader,
		)
		f.Remedy = fmt.Sprintf("Wait until %s has caught up, or find out what slows its disk or network.", m)
		if seconds <= slowArrival {
			f.Severity = Warning
		}
	}
	return []Finding{f.bytesOf(c.Left(), 0)}
}

func reached(c fact.Confirmation) fact.Observed[bool] { return fact.Known(c.Reached()) }
