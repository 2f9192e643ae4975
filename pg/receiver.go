package pg

import (
	"time"

	"patroni-preflight/preflight/fact"
)

const receiver = "pg_stat_wal_receiver"

// receiverView: sender_host and sender_port came with PostgreSQL 11; flushed_lsn
// replaced received_lsn, which had that meaning, with 13.
var receiverView = view{
	name: receiver, most: 2,
	columns: []column{
		col("pid"), col("status"), col("received_tli"),
		since(11, "sender_host", "sender_host", "NULL::text"),
		since(11, "sender_port", "sender_port", "NULL::int"),
		col("slot_name"),
		as("last_msg_receipt_time", micros("last_msg_receipt_time")),
		since(13, "flushed_lsn", "flushed_lsn", "received_lsn"),
	},
	from: constant("FROM pg_stat_wal_receiver"),
}

// walReceiver reads pg_stat_wal_receiver, which has a row where a WAL receiver
// runs; all but its pid is NULL for want of pg_read_all_stats.
func (d decoder) walReceiver() fact.Observed[fact.WalReceiver] {
	c := d.stats(receiverView)
	switch {
	case c.answer.why != nil:
		return fact.NotKnown[fact.WalReceiver](c.answer.why.Cause, "%s", c.answer.why.Reason)
	case len(c.answer.rows) == 0:
		return fact.Known(notRunning())
	}
	w := fact.WalReceiver{
		Running:    true,
		Status:     value(c, "status", parseText),
		Timeline:   value(c, "received_tli", parseTimeline),
		SenderHost: value(c, "sender_host", parseText),
		SenderPort: value(c, "sender_port", parsePositive),
		SlotName:   value(c.orNull("NULL: no slot is used"), "slot_name", parseText),
		LastMsgAt:  value(c, "last_msg_receipt_time", parseMicros),
		FlushedLSN: value(c, "flushed_lsn", fact.ParseLSN),
	}
	if d.major < 11 {
		w.SenderHost = tooOld[string]("sender_host", 11)
		w.SenderPort = tooOld[int]("sender_port", 11)
	}
	return fact.Known(w)
}

// notRunning says for every column that there is no row to read it from.
func notRunning() fact.WalReceiver {
	none := fact.NotKnown[string](fact.Absent, "no WAL receiver runs")
	return fact.WalReceiver{
		Status: none, SenderHost: none, SlotName: none,
		Timeline:   fact.Because[int64](none),
		SenderPort: fact.Because[int](none),
		LastMsgAt:  fact.Because[time.Time](none),
		FlushedLSN: fact.Because[fact.LSN](none),
	}
}
