package pg

import (
	"cmp"
	"slices"
	"time"

	"patroni-preflight/preflight/fact"
)

const senders = "pg_stat_replication"

// sendersView: reply_time came with PostgreSQL 12.
var sendersView = view{
	name: senders, most: listed,
	columns: []column{
		col("pid"), col("usename"), col("application_name"), as("client_addr", "host(client_addr)"), col("state"),
		col("sent_lsn"), col("write_lsn"), col("flush_lsn"), col("replay_lsn"), col("sync_state"),
		since(12, "reply_time", micros("reply_time"), "NULL::bigint"),
	},
	from: constant("FROM pg_stat_replication"),
}

// senders are the rows of pg_stat_replication as far as they can be read by now.
func (s *session) senders() []fact.WalSender {
	facts, why := decode(s.user, s.major, s.answers)
	if why != nil {
		return nil
	}
	return facts.WalSenders.OrZero()
}

// walSenders reads pg_stat_replication (PostgreSQL, walsender.c,
// pg_stat_get_wal_senders: all but the pid is NULL for want of
// pg_read_all_stats; user and application name come from pg_stat_get_activity).
func (d decoder) walSenders() fact.Observed[[]fact.WalSender] {
	c := d.stats(sendersView)
	if c.answer.why != nil {
		return fact.NotKnown[[]fact.WalSender](c.answer.why.Cause, "%s", c.answer.why.Reason)
	}
	if len(c.answer.rows) > manyRows {
		return tooLong[fact.WalSender](c)
	}
	list := []fact.WalSender{}
	for i := range c.answer.rows {
		r := c.at(i)
		pid := value(r, "pid", parsePositive)
		n, ok := pid.Get()
		if !ok {
			return fact.Because[[]fact.WalSender](pid)
		}
		user, _ := value(r, "usename", parseText).Get()
		app, _ := value(r, "application_name", parseText).Get()
		w := fact.WalSender{
			PID: n, User: user, ApplicationName: app,
			ClientAddr: value(r.orNull("NULL: a Unix-domain socket"), "client_addr", parseText),
			State:      value(r, "state", parseText),
			SentLSN:    value(r, "sent_lsn", fact.ParseLSN),
			WriteLSN:   value(r, "write_lsn", fact.ParseLSN),
			FlushLSN:   value(r, "flush_lsn", fact.ParseLSN),
			ReplayLSN:  value(r, "replay_lsn", fact.ParseLSN),
			SyncState:  value(r, "sync_state", parseText),
			ReplyTime:  value(r, "reply_time", parseMicros),
			Confirmed:  fact.NotKnown[fact.Confirmation](fact.Absent, "only the leader's walsenders are watched"),
		}
		if w.SentLSN.Cause() == fact.Privilege {
			w.Confirmed = fact.Because[fact.Confirmation](w.SentLSN)
		}
		if d.major < 12 {
			w.ReplyTime = tooOld[time.Time]("reply_time", 12)
		}
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b fact.WalSender) int {
		return cmp.Or(cmp.Compare(a.ApplicationName, b.ApplicationName), cmp.Compare(a.PID, b.PID))
	})
	return fact.Known(list)
}
