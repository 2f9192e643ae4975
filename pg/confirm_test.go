package pg

import (
	"net"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"patroni-preflight/preflight/fact"
)

// confirming is a leader whose walsender of "two" has confirmed these positions, one a
// look, the last one from then on. "-" stands for no row, "hang" for no answer.
func confirming(positions ...string) *fake {
	f := &fake{rows: primaryRows()}
	row := func(lsn string) [][]any {
		if lsn == "-" {
			return [][]any{}
		}
		return [][]any{{"12", "0/5000000", lsn, lsn, clock}}
	}
	f.rows[senders][0][7] = positions[0]
	looks := 0
	f.before = func(part string, _ *pgproto3.Backend, c net.Conn) bool {
		if part == confirmations {
			looks = min(looks+1, len(positions)-1)
			if positions[looks] == "hang" {
				stall(c)
			}
			f.rows[confirmations] = row(positions[looks])
		}
		return true
	}
	return f
}

func TestConfirmed(t *testing.T) {
	const all, part, more = "0/5000000", "0/4000000", "0/4100000"
	for _, c := range []struct {
		name      string
		positions []string
		timeout   time.Duration
		want      fact.Confirmation // without Seconds
		cause     fact.Cause
		least     float64
		most      float64
	}{
		{
			"at the first look",
			[]string{all},
			3 * time.Second,
			fact.Confirmation{First: 0x5000000, Last: 0x5000000},
			"", 0, 0.5,
		},
		{
			"at the third look",
			[]string{part, more, all},
			3 * time.Second,
			fact.Confirmation{First: 0x4000000, Last: 0x5000000},
			"", 0.02, 1,
		},
		{
			"never",
			[]string{part},
			4 * time.Second,
			fact.Confirmation{First: 0x4000000, Last: 0x4000000},
			"", 1.2, 2.5,
		},
		{
			"some of it",
			[]string{part, more},
			4 * time.Second,
			fact.Confirmation{First: 0x4000000, Last: 0x4100000},
			"", 1.2, 2.5,
		},
		{
			"backwards",
			[]string{more, part},
			4 * time.Second,
			fact.Confirmation{First: 0x4100000, Last: 0x4100000},
			"", 1.2, 2.5,
		},
		{"no time to look", []string{part}, 800 * time.Millisecond, fact.Confirmation{}, fact.Silent, 0, 0},
		{"it ends", []string{part, "-"}, 3 * time.Second, fact.Confirmation{}, fact.Failed, 0, 0},
		{"the leader hangs", []string{part, "hang"}, time.Second, fact.Confirmation{}, fact.Silent, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			one, two := confirming(c.positions...).start(t), (&fake{rows: standbyRows()}).start(t)
			got := collect(t, c.timeout, []Target{{"one", one.url}, {"two", two.url}}, "one")["one"].OrZero()
			rows := got.WalSenders.OrZero()
			i := slices.IndexFunc(rows, func(w fact.WalSender) bool { return w.PID == 12 })
			if i < 0 {
				t.Fatalf("no row: %s", asJSON(t, got.WalSenders))
			}
			seen := rows[i].Confirmed
			if seen.Cause() != c.cause {
				t.Fatalf("%q, %s; want %q", seen.Cause(), seen.Reason(), c.cause)
			}
			if c.cause != "" {
				return
			}
			have := seen.Must()
			if have.Seconds < c.least || have.Seconds > c.most {
				t.Errorf("%.2f s, want %.2f to %.2f", have.Seconds, c.least, c.most)
			}
			c.want.Target, c.want.Seconds = 0x5000000, have.Seconds
			c.want.SentFirst, c.want.SentLast = 0x5000000, 0x5000000
			if have != c.want {
				t.Errorf("got  %+v\nwant %+v", have, c.want)
			}
		})
	}
}

// TestStrangersAreNotWaitedFor: who is no member confirms when it likes. It is
// watched while much is unsent to it, until something more is sent.
func TestStrangersAreNotWaitedFor(t *testing.T) {
	for name, c := range map[string]struct {
		sent, later string
		looks       bool
		most        time.Duration
	}{
		"all is sent":       {"0/5000000", "0/5000000", false, time.Second},
		"much, and it goes": {"0/4000000", "0/4000100", true, time.Second},
		"much, and it sits": {"0/4000000", "0/4000000", true, 4 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{rows: primaryRows()}
			f.rows[senders] = f.rows[senders][:1]
			f.rows[senders][0][2], f.rows[senders][0][5], f.rows[senders][0][7] = "pg_receivewal", c.sent, "0/3000000"
			f.rows[confirmations] = [][]any{{"12", c.later, "0/3000000", "0/3000000", clock}}
			looked := false
			f.before = func(part string, _ *pgproto3.Backend, _ net.Conn) bool {
				looked = looked || part == confirmations
				return true
			}
			f.start(t)
			begin := time.Now()
			got := collect(t, 6*time.Second, []Target{{"one", f.url}}, "one")["one"].OrZero()
			seen, ok := got.WalSenders.Must()[0].Confirmed.Get()
			moved := c.later != c.sent
			if !ok || seen.Reached() || looked != c.looks || (seen.SentLast > seen.SentFirst) != moved {
				t.Errorf("%+v, %s, looked %v", seen, got.WalSenders.Must()[0].Confirmed.Reason(), looked)
			}
			if took := time.Since(begin); took > c.most {
				t.Errorf("took %s", took)
			}
		})
	}
}

// TestArrived: a standby is watched by itself, wherever its WAL comes from.
func TestArrived(t *testing.T) {
	for name, c := range map[string]struct {
		later   string
		reached bool
	}{"arrives": {"0/5000000", true}, "does not": {"0/4FFFFFF", false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := standbyRows()
			rows[arrivals] = [][]any{{c.later, "0/4FFFF00"}}
			one, two := confirming("0/5000000").start(t), (&fake{rows: rows}).start(t)
			got := collect(t, 5*time.Second, []Target{{"one", one.url}, {"two", two.url}}, "one")
			seen, ok := got["two"].OrZero().Arrived.Get()
			if !ok || seen.Reached() != c.reached || seen.Target != 0x5000000 || seen.First != 0x4FFFFFF {
				t.Errorf("%+v, %s", seen, got["two"].OrZero().Arrived.Reason())
			}
			if leader := got["one"].OrZero().Arrived; leader.Cause() != fact.Absent {
				t.Errorf("the leader itself: %q, %s", leader.Cause(), leader.Reason())
			}
		})
	}
	// A restarted standby of an idle leader has received nothing new and replayed it all.
	rows := standbyRows()
	rows[positions][0][2], rows[positions][0][3] = "0/4000000", "0/5000000"
	one, restarted := confirming("0/5000000").start(t), (&fake{rows: rows}).start(t)
	got := collect(t, 5*time.Second, []Target{{"one", one.url}, {"two", restarted.url}}, "one")["two"].OrZero().Arrived
	if seen, ok := got.Get(); !ok || !seen.Reached() || seen.Seconds > 1 {
		t.Errorf("restarted: %+v, %s", seen, got.Reason())
	}
	// Without the leader's sample there is nothing to wait for.
	two := (&fake{rows: standbyRows()}).start(t)
	alone := collect(t, 5*time.Second, []Target{{"two", two.url}}, "")["two"].OrZero().Arrived
	if alone.Cause() != fact.NotAsked {
		t.Errorf("nobody leads: %q, %s", alone.Cause(), alone.Reason())
	}
}
