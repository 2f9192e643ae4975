package pg

import (
	"context"
	"slices"
	"time"

	"patroni-preflight/preflight/fact"
)

const (
	// confirmTime is how long a standby may take to confirm the leader's first sample.
	// Normal is milliseconds; a slow disk or a long line takes some tenths of a second.
	confirmTime = 1500 * time.Millisecond
	// enoughTime is the least time after which no confirmation means something.
	enoughTime = time.Second
	// firstStep and longestStep are the times between two looks; each is twice the last.
	firstStep   = 10 * time.Millisecond
	longestStep = 100 * time.Millisecond
	// muchUnsent in bytes: a client that is no member is watched where more waits for it.
	muchUnsent = 1 << 20
)

const (
	confirmations = "the confirmations of the walsenders"
	arrivals      = "the WAL position that has arrived"
)

// confirmationsView reads the function behind pg_stat_replication: the view joins
// pg_stat_activity, which does not change within a transaction.
var confirmationsView = view{
	name: confirmations, most: listed,
	columns: []column{
		col("pid"), col("sent_lsn"), col("write_lsn"), col("flush_lsn"),
		since(12, "reply_time", micros("reply_time"), "NULL::bigint"),
	},
	from: constant("FROM pg_stat_get_wal_senders()"),
}

var arrivalsView = view{
	name: arrivals, most: 1,
	columns: []column{
		as("pg_last_wal_receive_lsn()", onStandby("pg_last_wal_receive_lsn()")),
		as("pg_last_wal_replay_lsn()", onStandby("pg_last_wal_replay_lsn()")),
	},
}

// target is the leader's first sample: what has to arrive everywhere.
type target struct {
	lsn fact.Observed[fact.LSN]
	// began is our clock right after the sample.
	began time.Time
}

// targetOf reads the leader's own position: what it has flushed, or replayed where it
// leads a standby cluster.
func targetOf(a answer) target {
	c := cells{view: sampleView, answer: a, null: fact.Unknown{Cause: fact.Absent, Reason: "the leader has no position"}}
	t := target{value(c, flushLSN, fact.ParseLSN), time.Now()}
	if t.lsn.Cause() == fact.Absent {
		t.lsn = value(c, "pg_last_wal_replay_lsn()", fact.ParseLSN)
	}
	return t
}

// watching looks again, in steps, until done or until the time for it is over: never
// more than half of what the context has left.
func watching(ctx context.Context, began time.Time, look func() (done bool)) {
	end := time.Now().Add(min(confirmTime-time.Since(began), remaining(ctx)/2))
	for step := firstStep; time.Now().Add(step).Before(end); step = min(2*step, longestStep) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(step):
		}
		if look() {
			return
		}
	}
}

// judged says that too little time was left where nothing arrived in it.
func judged(c fact.Confirmation) fact.Observed[fact.Confirmation] {
	if !c.Reached() && c.Seconds < enoughTime.Seconds() {
		return fact.NotKnown[fact.Confirmation](fact.Silent,
			"%s had not arrived %.1f s later, and no time was left to look again", c.Target, c.Seconds)
	}
	return fact.Known(c)
}

// arrived watches a standby until the leader's first sample has arrived there. What is
// replayed has arrived, too: after a restart pg_last_wal_receive_lsn() is the beginning
// of a segment until new WAL comes. Where no WAL receiver runs, one look is all.
func (s *session) arrived(ctx context.Context, t target) fact.Observed[fact.Confirmation] {
	want, ok := t.lsn.Get()
	if !ok {
		return fact.NotKnown[fact.Confirmation](t.lsn.Cause(), "the leader's first sample: %s", t.lsn.Reason())
	}
	read := func(v view, a answer) fact.Observed[fact.LSN] {
		null := fact.Unknown{Cause: fact.Absent, Reason: "NULL: nothing since the server started"}
		c := cells{view: v, answer: a, null: null}
		at := value(c, "pg_last_wal_receive_lsn()", fact.ParseLSN)
		if replayed, ok := value(c, "pg_last_wal_replay_lsn()", fact.ParseLSN).Get(); ok && at.Known() {
			return fact.Known(max(*at.Value, replayed))
		}
		return at
	}
	first := read(positionsView, s.answers[positions])
	if !first.Known() {
		return fact.Because[fact.Confirmation](first)
	}
	c := fact.Confirmation{Target: want, First: *first.Value, Last: *first.Value}
	c.Seconds = time.Since(t.began).Seconds()
	if c.Reached() || len(s.answers[receiver].rows) == 0 {
		return fact.Known(c)
	}
	failed := fact.Observed[fact.Confirmation]{}
	watching(ctx, t.began, func() bool {
		now := read(arrivalsView, s.run(ctx, []part{arrivalsView.part(s.major)})[0])
		if !now.Known() {
			failed = fact.Because[fact.Confirmation](now)
			return true
		}
		c.Last, c.Seconds = max(c.Last, *now.Value), time.Since(t.began).Seconds()
		return c.Reached()
	})
	if failed.Why != nil {
		return failed
	}
	return judged(c)
}

// sending is one walsender as the looks see it.
type sending struct {
	sent, confirmed fact.LSN
	replied         fact.Observed[time.Time]
}

// sendings reads what each walsender has sent and had confirmed, by its pid. Who
// confirms nothing that is flushed is asked for what it wrote.
func sendings(v view, a answer) (map[int]sending, *fact.Unknown) {
	if a.why != nil {
		return nil, a.why
	}
	out := map[int]sending{}
	for i := range a.rows {
		c := cells{view: v, answer: a, row: i, null: fact.Unknown{Cause: fact.Absent, Reason: "NULL"}}
		pid, ok := value(c, "pid", parsePositive).Get()
		if !ok {
			continue
		}
		at := func(column string) fact.LSN { return value(c, column, fact.ParseLSN).OrZero() }
		one := sending{sent: at("sent_lsn"), confirmed: at("flush_lsn"), replied: value(c, "reply_time", parseMicros)}
		if one.confirmed == 0 {
			one.confirmed = at("write_lsn")
		}
		out[pid] = one
	}
	return out, nil
}

// confirmed watches the leader's walsenders until every member has confirmed the
// leader's first sample. A client that is no member is watched while much is unsent
// to it, until something more is sent; what it promises to confirm is not known.
func (s *session) confirmed(ctx context.Context, t target, rows []fact.WalSender, members []string) {
	set := func(o fact.Observed[fact.Confirmation]) {
		for i := range rows {
			rows[i].Confirmed = o
		}
	}
	want, ok := t.lsn.Get()
	if !ok {
		set(fact.NotKnown[fact.Confirmation](t.lsn.Cause(), "the leader's first sample: %s", t.lsn.Reason()))
		return
	}
	first, why := sendings(sendersView, s.answers[senders])
	if why != nil {
		set(fact.NotKnown[fact.Confirmation](why.Cause, "%s", why.Reason))
		return
	}
	member := func(w fact.WalSender) bool {
		return slices.ContainsFunc(members, func(m string) bool { return fact.SameApplicationName(w.ApplicationName, m) })
	}
	last, seconds := first, time.Since(t.began).Seconds()
	settled := func() bool {
		for _, w := range rows {
			before, now := first[w.PID], last[w.PID]
			if !fact.Equal(w.State, "streaming") && !fact.Equal(w.State, "catchup") {
				continue
			}
			if member(w) && now.confirmed < want || !member(w) && want.Minus(now.sent) > muchUnsent && now.sent <= before.sent {
				return false
			}
		}
		return true
	}
	if !settled() {
		watching(ctx, t.began, func() bool {
			last, why = sendings(confirmationsView, s.run(ctx, []part{confirmationsView.part(s.major)})[0])
			seconds = time.Since(t.began).Seconds()
			return why != nil || settled()
		})
	}
	for i := range rows {
		before, now := first[rows[i].PID], last[rows[i].PID]
		_, still := last[rows[i].PID]
		switch {
		case why != nil:
			rows[i].Confirmed = fact.NotKnown[fact.Confirmation](why.Cause, "%s", why.Reason)
		case !still:
			rows[i].Confirmed = fact.NotKnown[fact.Confirmation](fact.Failed, "its walsender ended while it was watched")
		case !rows[i].SentLSN.Known():
			rows[i].Confirmed = fact.Because[fact.Confirmation](rows[i].SentLSN)
		case fact.Equal(rows[i].State, "backup"):
			rows[i].Confirmed = fact.NotKnown[fact.Confirmation](fact.Absent, "a base backup confirms nothing")
		default:
			one := fact.Confirmation{
				Target: want, First: before.confirmed, Last: max(before.confirmed, now.confirmed), Seconds: seconds,
				SentFirst: before.sent, SentLast: now.sent,
				Replied: now.replied.OrZero().After(before.replied.OrZero()),
			}
			if rows[i].Confirmed = fact.Known(one); member(rows[i]) {
				rows[i].Confirmed = judged(one)
			}
		}
	}
}
