package preflight

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// consumer is a walsender, most often the leader's, with what it means for a shutdown.
// PostgreSQL stops when every walsender has sent all and had it confirmed, or
// was cut off after wal_sender_timeout (postgres: WalSndWaitStopping, WalSndDone).
type consumer struct {
	WalSender
	// unsent and unconfirmed are in bytes, against the server's flushed position.
	unsent, unconfirmed int64
	// silence is the time since the client's last reply, in seconds. The reply is
	// stamped by the client's clock: sameClock says that its offset is known.
	silence   float64
	sameClock bool
	// mute: it has not told what it has, or not when while much is unconfirmed.
	mute bool
	// timeout is wal_sender_timeout in seconds; 0 is none.
	timeout float64
	// logical: it decodes. PostgreSQL lets it finish before the last checkpoint.
	logical bool
}

// Clients reply every 10 s by default (wal_receiver_status_interval,
// --status-interval of pg_receivewal and pg_recvlogical), and when they are asked
// to: after half of wal_sender_timeout.
const (
	replySeconds  = 11
	muchBytes     = 1 << 20
	shortTimeout  = 20 // seconds: a wait that most clients bear
	defaultSender = 60 // seconds: PostgreSQL's default of wal_sender_timeout
)

// patience is how long a working client may be silent, in seconds.
func (c consumer) patience() float64 { return max(15, c.timeout/2+1) }

// stalled reports whether the client has stopped taking WAL.
func (c consumer) stalled() bool {
	if c.silence > replySeconds && (c.unsent > muchBytes || c.unconfirmed > muchBytes) {
		return true
	}
	return c.sameClock && c.silence > c.patience()
}

// doubtful reports whether it may have, as far as an unknown clock can tell.
func (c consumer) doubtful() bool {
	return !c.stalled() && (c.mute || c.silence > c.patience() || c.silence > 15 && c.unconfirmed > 0)
}

// holdsUp is how long the shutdown waits for a client that has stalled, or may have.
func (c consumer) holdsUp() Seconds {
	if c.timeout <= 0 {
		return Seconds{}
	}
	least := max(0, c.timeout-c.silence-5)
	if c.doubtful() {
		least = 0
	}
	return upTo(least, c.timeout+5)
}

// who names the consumer.
func (c consumer) who() string {
	text := strconv.Quote(c.ApplicationName)
	if addr := c.ClientAddr.orZero(); addr != "" {
		text += " from " + addr
	}
	return fmt.Sprintf("%s, pid %d", text, c.PID)
}

// consumersOf judges the rows of pg_stat_replication on the leader.
func consumersOf(s *Snapshot, rows []WalSender) []consumer { return consumersAt(s, s.Leader(), rows) }

// consumersAt judges the rows of pg_stat_replication on a member, base backups
// left out: those end with their session.
func consumersAt(s *Snapshot, at string, rows []WalSender) []consumer {
	settings, _ := sqlSettings.of(s, at).Get()
	timeout := float64(defaultSender)
	if ms, err := strconv.ParseFloat(settings["wal_sender_timeout"], 64); err == nil {
		timeout = ms / 1000
	}
	slots := map[int]Slot{}
	for _, slot := range sqlSlots.of(s, at).orZero() {
		if slot.ActivePID != 0 {
			slots[slot.ActivePID] = slot
		}
	}
	flush := sqlReceived.of(s, at).orZero()
	if at == s.Leader() {
		flush = leaderBefore.of(s, at).orZero()
	}
	now, clock := sqlNow.of(s, at).Get()
	var out []consumer
	for _, w := range rows {
		if Equal(w.State, "backup") {
			continue
		}
		slot := slots[w.PID]
		c := consumer{WalSender: w, timeout: timeout, logical: slot.Type == "logical"}
		sent, sending := w.SentLSN.Get()
		if sending {
			c.unsent = max(0, flush.Minus(sent))
		}
		have, confirms := c.confirmed(slot)
		if confirms {
			c.unconfirmed = max(0, flush.Minus(have))
		}
		replied, replies := w.ReplyTime.Get()
		c.mute = !sending || !confirms || !replies && c.unconfirmed > muchBytes
		if replies && clock {
			offset, known := clockOf(s, at, w)
			c.sameClock = known
			c.silence = max(0, now.Sub(replied).Seconds()+offset)
		}
		out = append(out, c)
	}
	return out
}

// confirmed is how far the client says it is. One that does not flush is asked for
// what it wrote; one that has confirmed nothing since it connected (NULL, while a
// logical walsender sends one large transaction) has what its slot remembers.
func (c consumer) confirmed(slot Slot) (LSN, bool) {
	for _, o := range []Observed[LSN]{c.FlushLSN, c.WriteLSN, slot.ConfirmedFlush, slot.RestartLSN} {
		if have, ok := o.Get(); ok {
			return have, true
		}
	}
	return 0, false
}

// clockOf is how many seconds the clock of a walsender's client is ahead of its
// server's, where the client runs on a member's machine.
func clockOf(s *Snapshot, at string, w WalSender) (seconds float64, known bool) {
	server, ok := clockError(s, at)
	if !ok {
		return 0, false
	}
	addr, _ := w.ClientAddr.Get()
	for _, m := range s.Members {
		if !sameApplicationName(w.ApplicationName, m.Name) && !slices.Contains(addressesOf(s, m.Name), addr) {
			continue
		}
		if e, ok := clockError(s, m.Name); ok {
			return e - server, true
		}
	}
	return 0, false
}

// clockError is the clock of a member's server less ours, in seconds; as exact as
// its session was short.
func clockError(s *Snapshot, m string) (float64, bool) {
	member, _ := s.Member(m)
	at, ok := sqlNow.of(s, m).Get()
	if !ok || member.SQL.Stamp == nil || member.SQL.Stamp.At.IsZero() {
		return 0, false
	}
	return at.Sub(member.SQL.Stamp.At).Seconds(), true
}

// addressesOf are the addresses under which a member is known to answer.
func addressesOf(s *Snapshot, m string) []string {
	out := bareHosts(keyConnURL.of(s, m).orZero())
	member, _ := s.Member(m)
	for _, addr := range []string{restAnswer.of(s, m).orZero().RemoteAddr, member.SQL.orZero().RemoteAddr} {
		if ap, err := netip.ParseAddrPort(addr); err == nil {
			out = append(out, ap.Addr().Unmap().String())
		}
	}
	return slices.DeleteFunc(out, func(a string) bool { return strings.TrimSpace(a) == "" })
}

var (
	sqlNow   = ofSQL("the server's clock", func(q SQL) Observed[time.Time] { return q.At })
	sqlSlots = ofSQL("pg_replication_slots", func(q SQL) Observed[[]Slot] { return q.Slots })
)
