package fact

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Consumer is a walsender, most often the leader's, with what it means for a shutdown.
// PostgreSQL stops when every walsender has sent all and had it confirmed, or
// was cut off after wal_sender_timeout (postgres: WalSndWaitStopping, WalSndDone).
type Consumer struct {
	WalSender
	// unsent and unconfirmed are in bytes, against the server's flushed position.
	Unsent, Unconfirmed int64
	// silence is the time since the client's last reply, in seconds. The reply is
	// stamped by the client's clock: sameClock says that its offset is known.
	Silence   float64
	sameClock bool
	// Member: it is a member's WAL receiver; interval is that member's
	// wal_receiver_status_interval in seconds, 0 where it is not known.
	Member   bool
	interval float64
	// mute: it has not told what it has, or not when while much is unconfirmed.
	Mute bool
	// timeout is wal_sender_timeout in seconds; 0 is none.
	Timeout float64
	// logical: it decodes. PostgreSQL lets it finish before the last checkpoint.
	Logical bool
}

// What a client promises. A standby replies at least every wal_receiver_status_interval
// (10 s by default), and confirms what it has flushed at once. Other clients reply when
// they like (--status-interval of pg_receivewal and pg_recvlogical), and when they are
// asked: PostgreSQL asks after half of wal_sender_timeout (walsender.c,
// WalSndKeepaliveIfNecessary).
const (
	replySeconds  = 11
	muchBytes     = 1 << 20
	ShortTimeout  = 20 // seconds: a wait that most clients bear
	defaultSender = 60 // seconds: PostgreSQL's default of wal_sender_timeout
	askedMargin   = 2  // seconds that a client may take to reply when it is asked
	late          = 8  // seconds that a standby's reply may be late: a loaded machine, and clocks
)

// patience is how long a working client may be silent, in seconds.
func (c Consumer) patience() float64 {
	return max(15, c.Timeout/2+1)
}

// Stalled reports whether the client has stopped taking WAL.
func (c Consumer) Stalled() bool {
	seen, watched := c.Confirmed.Get()
	switch {
	case !watched:
		if c.Silence > replySeconds && (c.Unsent > muchBytes || c.Unconfirmed > muchBytes) {
			return true
		}
	case c.Member && !seen.Reached():
		return !seen.Moves()
	case c.Member || seen.Replied:
	case c.Unsent > muchBytes && seen.SentLast <= seen.SentFirst && seen.Seconds >= 1:
		return true
	case c.Logical && c.Unconfirmed > muchBytes && c.Silence > replySeconds && c.plausible():
		return true // it has to receive and confirm everything before the last checkpoint
	case c.Timeout > 0 && c.Unconfirmed > muchBytes && c.sameClock && c.Silence > c.Timeout/2+askedMargin:
		return true
	}
	return c.sameClock && c.Silence > c.patience()
}

// plausible reports whether the silence may be true: PostgreSQL ends a walsender whose
// client is silent for longer than wal_sender_timeout, so a longer one is a wrong clock.
func (c Consumer) plausible() bool {
	return c.sameClock || c.Timeout <= 0 || c.Silence <= c.Timeout+5
}

// Doubtful reports whether it may have, as far as an unknown clock can tell.
func (c Consumer) Doubtful() bool {
	if c.Stalled() {
		return false
	}
	seen, watched := c.Confirmed.Get()
	if watched {
		if seen.Replied {
			return false
		}
		// Each reload of the configuration puts off a standby's reply by the whole interval,
		// so that it is no proof before PostgreSQL has asked.
		if c.Member && seen.Reached() {
			return c.sameClock && c.interval > 0 && c.Silence > c.interval+late
		}
		if !c.Member && c.Unconfirmed > muchBytes && c.Silence > replySeconds {
			return true
		}
	}
	return c.Mute || c.Unbounded() || c.Silence > c.patience() || c.Silence > 15 && c.Unconfirmed > 0
}

// Unbounded reports whether it is a client that is no member and confirms less than it
// has written, whole files for example, while PostgreSQL neither asks it for more nor
// gives up (wal_sender_timeout 0).
func (c Consumer) Unbounded() bool {
	written, writes := c.WriteLSN.Get()
	flushed, flushes := c.FlushLSN.Get()
	return !c.Member && c.Timeout <= 0 && writes && flushes && flushed < written
}

// ToldIn is after how many seconds a client that may have stalled can be told from one
// that replies rarely: when PostgreSQL has asked it. False where that does not help.
func (c Consumer) ToldIn() (float64, bool) {
	asked := c.Timeout/2 + askedMargin
	if c.Member || c.Timeout <= 0 || !c.sameClock || c.Mute || c.Silence >= asked {
		return 0, false
	}
	return asked - c.Silence, true
}

// HoldsUp is how long the shutdown waits for a client that has stalled, or may have.
func (c Consumer) HoldsUp() Seconds {
	if c.Timeout <= 0 {
		return Seconds{}
	}
	least := max(0, c.Timeout-c.Silence-5)
	if c.Doubtful() {
		least = 0
	}
	return UpTo(least, c.Timeout+5)
}

// Who names the consumer.
func (c Consumer) Who() string {
	text := strconv.Quote(c.ApplicationName)
	if addr := c.ClientAddr.OrZero(); addr != "" {
		text += " from " + addr
	}
	return fmt.Sprintf("%s, pid %d", text, c.PID)
}

// ConsumersOf judges the rows of pg_stat_replication on the leader.
func ConsumersOf(s *Snapshot, rows []WalSender) []Consumer { return ConsumersAt(s, s.Leader(), rows) }

// ConsumersAt judges the rows of pg_stat_replication on a member, base backups
// left out: those end with their session.
func ConsumersAt(s *Snapshot, at string, rows []WalSender) []Consumer {
	settings, _ := SQLSettings.Of(s, at).Get()
	timeout := float64(defaultSender)
	if ms, err := strconv.ParseFloat(settings["wal_sender_timeout"], 64); err == nil {
		timeout = ms / 1000
	}
	// PostgreSQL 19: how long a shutdown waits for walsenders at most; -1 is no limit.
	if ms, err := strconv.ParseFloat(settings["wal_sender_shutdown_timeout"], 64); err == nil && ms > 0 {
		if timeout == 0 || ms/1000 < timeout {
			timeout = ms / 1000
		}
	}
	slots := map[int]Slot{}
	for _, slot := range SQLSlots.Of(s, at).OrZero() {
		if slot.ActivePID != 0 {
			slots[slot.ActivePID] = slot
		}
	}
	flush := SQLReceived.Of(s, at).OrZero()
	if at == s.Leader() {
		flush = LeaderBefore.Of(s, at).OrZero()
	}
	now, clock := SQLNow.Of(s, at).Get()
	var out []Consumer
	for _, w := range rows {
		if Equal(w.State, "backup") {
			continue
		}
		slot := slots[w.PID]
		c := Consumer{WalSender: w, Timeout: timeout, Logical: slot.Type == "logical"}
		sent, sending := w.SentLSN.Get()
		if sending {
			c.Unsent = max(0, flush.Minus(sent))
		}
		have, confirms := c.confirmed(slot)
		if confirms {
			c.Unconfirmed = max(0, flush.Minus(have))
		}
		replied, replies := w.ReplyTime.Get()
		if c.Member = isMember(s, at, w); c.Member {
			c.interval = statusInterval(s, w)
		}
		c.Mute = !sending || !confirms || !replies && c.Unconfirmed > muchBytes
		if replies && clock {
			offset, known := clockOf(s, at, w)
			c.sameClock = known
			c.Silence = max(0, now.Sub(replied).Seconds()+offset)
		}
		out = append(out, c)
	}
	return out
}

// ConsumerOf is the leader's walsender that serves a member, the streaming one where
// there are two.
func ConsumerOf(s *Snapshot, m string) (Consumer, bool) {
	var out Consumer
	found := false
	for _, c := range ConsumersOf(s, WALSenders.Of(s, s.Leader()).OrZero()) {
		if SameApplicationName(c.ApplicationName, m) && (!found || Equal(c.State, "streaming")) {
			out, found = c, true
		}
	}
	return out, found
}

// isMember reports whether a walsender's client has the name of another member.
func isMember(s *Snapshot, at string, w WalSender) bool {
	return slices.ContainsFunc(s.Members, func(m Member) bool {
		return m.Name != at && SameApplicationName(w.ApplicationName, m.Name)
	})
}

// statusInterval is wal_receiver_status_interval of the member behind a walsender, in
// seconds; 0 where it is unknown, or where the member sends no status by itself.
func statusInterval(s *Snapshot, w WalSender) float64 {
	for _, m := range s.Members {
		if SameApplicationName(w.ApplicationName, m.Name) {
			settings := SQLSettings.Of(s, m.Name).OrZero()
			seconds, _ := strconv.ParseFloat(settings["wal_receiver_status_interval"], 64)
			return seconds
		}
	}
	return 0
}

// confirmed is how far the client says it is. One that does not flush is asked for
// what it wrote; one that has confirmed nothing since it connected (NULL, while a
// logical walsender sends one large transaction) has what its slot remembers.
func (c Consumer) confirmed(slot Slot) (LSN, bool) {
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
		if !SameApplicationName(w.ApplicationName, m.Name) && !slices.Contains(AddressesOf(s, m.Name), addr) {
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
	at, ok := SQLNow.Of(s, m).Get()
	if !ok || member.SQL.Stamp == nil || member.SQL.Stamp.At.IsZero() {
		return 0, false
	}
	return at.Sub(member.SQL.Stamp.At).Seconds(), true
}

// AddressesOf are the addresses under which a member is known to answer.
func AddressesOf(s *Snapshot, m string) []string {
	out := BareHosts(KeyConnURL.Of(s, m).OrZero())
	member, _ := s.Member(m)
	for _, addr := range []string{RESTAnswer.Of(s, m).OrZero().RemoteAddr, member.SQL.OrZero().RemoteAddr} {
		if ap, err := netip.ParseAddrPort(addr); err == nil {
			out = append(out, ap.Addr().Unmap().String())
		}
	}
	return slices.DeleteFunc(out, func(a string) bool { return strings.TrimSpace(a) == "" })
}

// Upstream is the member from which another one streams: the one whose
// pg_stat_replication has a row of it, "" where none has. Whom we could not see
// may have one.
var Upstream = Fact[string]{"the member from which the member streams", func(s *Snapshot, m string) Observed[string] {
	status, leader := ReceiverStatus.Of(s, m), s.Leader()
	rows := WALSenders.Of(s, leader)
	switch {
	case !status.Known():
		return Because[string](status)
	case *status.Value != "streaming":
		return Known("")
	case !rows.Known():
		return Because[string](rows)
	case SenderState(s, leader, m).Found:
		return Known(leader)
	}
	blind := Known("")
	host := Field(WALReceiver.Of(s, m), func(r WalReceiver) Observed[string] { return r.SenderHost }).OrZero()
	fromLeader := slices.Contains(AddressesOf(s, leader), host)
	for _, via := range s.Replicas() {
		rows := WALSenders.Of(s, via)
		switch {
		case via == m:
		case !rows.Known() && fromLeader && !slices.Contains(AddressesOf(s, via), host):
		case !rows.Known():
			blind = NotKnown[string](rows.Cause(), "%s has no row for %s; %s may have one: %s", leader, m, via, rows.Reason())
		case SenderState(s, via, m).Found:
			return Known(via)
		}
	}
	return blind
}}

type sender struct {
	Found bool
	State string
}

// SenderState finds a member's row in pg_stat_replication of another. A member
// may have two, from a reconnection or a base backup: the streaming one counts.
// A row whose state is not visible stands for nothing.
func SenderState(s *Snapshot, at, m string) sender {
	var out sender
	rows, _ := WALSenders.Of(s, at).Get()
	for _, row := range rows {
		state, visible := row.State.Get()
		if visible && SameApplicationName(row.ApplicationName, m) && out.State != "streaming" {
			out = sender{true, state}
		}
	}
	return out
}
