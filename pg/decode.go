package pg

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

// decode turns the answers of one session into facts. Its error says why they
// are no session of PostgreSQL at all. user is the role that logged in.
func decode(user string, major int, answers map[string]answer) (fact.SQL, *fact.Unknown) {
	id := cells{what: identity, answer: answers[identity], null: fact.Unknown{Cause: fact.Malformed, Reason: "NULL"}}
	if id.answer.why != nil {
		return fact.SQL{}, id.answer.why
	}
	f := fact.SQL{
		User:            user,
		SeesStats:       value(id, 1, "pg_has_role(pg_read_all_stats)", parseTextBool),
		ServerVersion:   value(id, 3, "server_version_num", parsePositive),
		InRecovery:      value(id, 4, "pg_is_in_recovery()", parseTextBool),
		PostmasterStart: value(id, 5, "pg_postmaster_start_time()", parseMicros),
	}
	if role, ok := value(id, 0, "current_user", parseText).Get(); ok {
		f.User = role
	}
	recovery, ok := f.InRecovery.Get()
	if !ok {
		// Without this no other figure has a meaning.
		return fact.SQL{}, &fact.Unknown{Cause: fact.Malformed, Reason: f.InRecovery.Reason()}
	}
	d := decoder{role: f.User, major: major, answers: answers, recovery: recovery}
	d.seesStats = fact.Equal(f.SeesStats, true)
	d.seesSettings = fact.Equal(value(id, 2, "pg_has_role(pg_read_all_settings)", parseTextBool), true)
	d.positions(&f)
	f.SystemID = value(d.of(control), 0, "system_identifier", parseSystemID)
	f.WalSenders = d.walSenders()
	f.WalReceiver = d.walReceiver()
	f.Timeline = d.timeline(f.WalReceiver)
	f.ApplicationName = d.upstream("application_name", "")
	f.UpstreamSSLMode = d.sslMode()
	f.Settings = d.settings()
	d.late(&f)
	return f, nil
}

type decoder struct {
	role         string
	major        int
	answers      map[string]answer
	recovery     bool
	seesStats    bool
	seesSettings bool
}

// of returns the first row of a part. A part that was never asked has a reason,
// as every missing row has.
func (d decoder) of(part string) cells {
	a, asked := d.answers[part]
	if !asked {
		a.why = &fact.Unknown{Cause: fact.NotAsked, Reason: part + ": not asked"}
	}
	return cells{what: part, answer: a, null: fact.Unknown{Cause: fact.Absent, Reason: "NULL"}}
}

// stats is of, for a view whose columns are NULL for want of pg_read_all_stats.
func (d decoder) stats(view string) cells {
	c := d.of(view)
	if !d.seesStats {
		c.null = d.privilege()
	}
	return c
}

func (d decoder) privilege() fact.Unknown {
	return fact.Unknown{
		Cause:  fact.Privilege,
		Reason: fmt.Sprintf("NULL for want of privilege: GRANT pg_monitor TO %s", ident(d.role)),
	}
}

// positions reads what a primary has and a standby has not, and the reverse.
func (d decoder) positions(f *fact.SQL) {
	p := d.of(positions)
	primary, standby := p, p
	if d.recovery {
		primary.null.Reason = "the server is in recovery"
		standby.null.Reason = "NULL: nothing since the server started"
	} else {
		standby.null.Reason = "the server is not in recovery"
	}
	f.FlushLSN = value(primary, 0, flushLSN, fact.ParseLSN)
	f.ReceiveLSN = value(standby, 2, "pg_last_wal_receive_lsn()", fact.ParseLSN)
	f.ReplayLSN = value(standby, 3, "pg_last_wal_replay_lsn()", fact.ParseLSN)
	f.ReplayPaused = value(standby, 4, "pg_is_wal_replay_paused()", parseTextBool)
	f.At = value(p, 5, "clock_timestamp()", parseMicros)
}

// timeline is that of the WAL file being written on a primary. On a standby it
// is the WAL receiver's; where none runs, that of the last checkpoint replayed.
func (d decoder) timeline(receiver fact.Observed[fact.WalReceiver]) fact.Observed[int64] {
	if !d.recovery {
		return value(d.of(positions), 1, "pg_walfile_name()", func(s string) (int64, error) {
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
	return value(d.of(control), 1, "timeline_id", parseTimeline)
}

// walSenders reads pg_stat_replication (PostgreSQL, walsender.c,
// pg_stat_get_wal_senders: all but the pid is NULL for want of
// pg_read_all_stats; user and application name come from pg_stat_get_activity).
func (d decoder) walSenders() fact.Observed[[]fact.WalSender] {
	c := d.stats(senders)
	if c.answer.why != nil {
		return fact.NotKnown[[]fact.WalSender](c.answer.why.Cause, "%s", c.answer.why.Reason)
	}
	if len(c.answer.rows) > manyRows {
		return tooLong[fact.WalSender](c)
	}
	list := []fact.WalSender{}
	for i := range c.answer.rows {
		r := c.at(i)
		pid := value(r, 0, "pid", parsePositive)
		n, ok := pid.Get()
		if !ok {
			return fact.Because[[]fact.WalSender](pid)
		}
		user, _ := value(r, 1, "usename", parseText).Get()
		app, _ := value(r, 2, "application_name", parseText).Get()
		w := fact.WalSender{
			PID: n, User: user, ApplicationName: app,
			ClientAddr: value(r.orNull("NULL: a Unix-domain socket"), 3, "client_addr", parseText),
			State:      value(r, 4, "state", parseText),
			SentLSN:    value(r, 5, "sent_lsn", fact.ParseLSN),
			WriteLSN:   value(r, 6, "write_lsn", fact.ParseLSN),
			FlushLSN:   value(r, 7, "flush_lsn", fact.ParseLSN),
			ReplayLSN:  value(r, 8, "replay_lsn", fact.ParseLSN),
			SyncState:  value(r, 9, "sync_state", parseText),
			ReplyTime:  value(r, 10, "reply_time", parseMicros),
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

// walReceiver reads pg_stat_wal_receiver, which has a row where a WAL receiver
// runs; all but its pid is NULL for want of pg_read_all_stats.
func (d decoder) walReceiver() fact.Observed[fact.WalReceiver] {
	c := d.stats(receiver)
	switch {
	case c.answer.why != nil:
		return fact.NotKnown[fact.WalReceiver](c.answer.why.Cause, "%s", c.answer.why.Reason)
	case len(c.answer.rows) == 0:
		return fact.Known(notRunning())
	}
	w := fact.WalReceiver{
		Running:    true,
		Status:     value(c, 1, "status", parseText),
		Timeline:   value(c, 2, "received_tli", parseTimeline),
		SenderHost: value(c, 3, "sender_host", parseText),
		SenderPort: value(c, 4, "sender_port", parsePositive),
		SlotName:   value(c.orNull("NULL: no slot is used"), 5, "slot_name", parseText),
		LastMsgAt:  value(c, 6, "last_msg_receipt_time", parseMicros),
		FlushedLSN: value(c, 7, "flushed_lsn", fact.ParseLSN),
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

func tooOld[T any](column string, since int) fact.Observed[T] {
	return fact.NotKnown[T](fact.Unsupport, "%s: PostgreSQL before %d does not give it", column, since)
}

// sslMode is how a standby verifies the server that it streams from. Patroni
// always writes it (patroni/postgresql/config.py, primary_conninfo_params), and
// libpq's default is the same.
func (d decoder) sslMode() fact.Observed[string] {
	if !d.recovery {
		return fact.NotKnown[string](fact.Absent, "the server is not in recovery")
	}
	return d.upstream("sslmode", "prefer")
}

// upstream is one keyword of primary_conninfo, otherwise where it is not there;
// "" stands for no such default.
func (d decoder) upstream(keyword, otherwise string) fact.Observed[string] {
	c := d.of(conninfo)
	if d.major < 12 {
		c = d.stats(conninfo)
	} else if !d.seesSettings {
		c.null = d.privilege()
	}
	text := value(c, 0, "", parseText)
	v, ok := text.Get()
	switch {
	case !ok:
		return fact.Because[string](text)
	case v == "uri":
		return fact.NotKnown[string](fact.Unsupport, "primary_conninfo is a URI, which Patroni does not write")
	}
	word, found, ok := conninfoValue(v, keyword)
	switch {
	case !ok:
		// The text is not repeated: who knows what is in it.
		return fact.NotKnown[string](fact.Malformed, "primary_conninfo is no list of keyword=value")
	case !found && otherwise != "":
		return fact.Known(otherwise)
	case !found:
		return fact.NotKnown[string](fact.Absent, "primary_conninfo has no %s", keyword)
	}
	return fact.Known(strings.ToValidUTF8(word, "?"))
}

func (d decoder) settings() fact.Observed[map[string]string] {
	c := d.of(settings)
	if c.answer.why != nil {
		return fact.NotKnown[map[string]string](c.answer.why.Cause, "%s", c.answer.why.Reason)
	}
	m := map[string]string{}
	for i := range c.answer.rows {
		name, ok1 := value(c.at(i), 0, "name", parseText).Get()
		v, ok2 := value(c.at(i), 1, "setting", parseText).Get()
		if ok1 && ok2 && slices.Contains(settingNames, name) {
			m[name] = v
		}
	}
	return fact.Known(m)
}
