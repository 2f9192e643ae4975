package pg

import (
	"strconv"
	"time"

	"patroni-preflight/preflight/fact"
)

// The WAL positions, and the sample of them that every session begins with.
const (
	sample    = "a sample of the WAL position"
	positions = "the WAL positions"
)

// flushLSN is how a primary's position is called in reasons.
const flushLSN = "pg_current_wal_flush_lsn()"

// sampleView reads the position alone: flushed on a primary, replayed on a standby.
var sampleView = view{
	name: sample, most: 1,
	columns: []column{
		as(flushLSN, onPrimary(flushLSN)),
		as("pg_last_wal_replay_lsn()", onStandby("pg_last_wal_replay_lsn()")),
		as("clock_timestamp()", micros("clock_timestamp()")),
	},
}

var positionsView = view{
	name: positions, most: 1,
	columns: []column{
		as(flushLSN, onPrimary(flushLSN)),
		as("pg_walfile_name()", onPrimary("left(pg_walfile_name(pg_current_wal_lsn()), 8)")),
		as("pg_last_wal_receive_lsn()", onStandby("pg_last_wal_receive_lsn()")),
		as("pg_last_wal_replay_lsn()", onStandby("pg_last_wal_replay_lsn()")),
		as("pg_is_wal_replay_paused()", onStandby("pg_is_wal_replay_paused()")),
		as("clock_timestamp()", micros("clock_timestamp()")),
	},
}

func onPrimary(expr string) string {
	return "CASE WHEN pg_is_in_recovery() THEN NULL ELSE " + expr + " END"
}
func onStandby(expr string) string { return "CASE WHEN pg_is_in_recovery() THEN " + expr + " END" }

// positions reads what a primary has and a standby has not, and the reverse.
func (d decoder) positions(f *fact.SQL) {
	p := d.of(positionsView)
	primary, standby := p, p
	if d.recovery {
		primary.null.Reason = "the server is in recovery"
		standby.null.Reason = "NULL: nothing since the server started"
	} else {
		standby.null.Reason = "the server is not in recovery"
	}
	f.FlushLSN = value(primary, flushLSN, fact.ParseLSN)
	f.ReceiveLSN = value(standby, "pg_last_wal_receive_lsn()", fact.ParseLSN)
	f.ReplayLSN = value(standby, "pg_last_wal_replay_lsn()", fact.ParseLSN)
	f.ReplayPaused = value(standby, "pg_is_wal_replay_paused()", parseTextBool)
	f.At = value(p, "clock_timestamp()", parseMicros)
}

// timeline is that of the WAL file being written on a primary. On a standby it
// is the WAL receiver's; where none runs, that of the last checkpoint replayed.
func (d decoder) timeline(receiver fact.Observed[fact.WalReceiver]) fact.Observed[int64] {
	if !d.recovery {
		return value(d.of(positionsView), "pg_walfile_name()", func(s string) (int64, error) {
			n, err := strconv.ParseUint(s, 16, 32)
			if err == nil && (n == 0 || len(s) != 8) {
				err = strconv.ErrRange
			}
			return int64(n), err
		})
	}
	r, ok := receiver.Get()
	switch {
	case !ok:
		return fact.Because[int64](receiver)
	case r.Running:
		return r.Timeline
	}
	return value(d.of(controlView), "timeline_id", parseTimeline)
}

// flushed reads the flush LSN of a sample, and when it was.
func flushed(a answer) (fact.Observed[fact.LSN], fact.Observed[time.Time]) {
	c := cells{view: sampleView, answer: a, null: fact.Unknown{Cause: fact.Absent, Reason: "the server is in recovery"}}
	return value(c, flushLSN, fact.ParseLSN), value(c, "clock_timestamp()", parseMicros)
}

// earlier is the sample that every session begins with.
func (d decoder) earlier() fact.Observed[fact.Position] {
	c := d.of(sampleView)
	column := flushLSN
	if d.recovery {
		column = "pg_last_wal_replay_lsn()"
	}
	lsn, at := value(c, column, fact.ParseLSN), value(c, "clock_timestamp()", parseMicros)
	switch {
	case !lsn.Known():
		return fact.Because[fact.Position](lsn)
	case !at.Known():
		return fact.Because[fact.Position](at)
	}
	return fact.Known(fact.Position{LSN: lsn.Must(), At: at.Must()})
}
