package fact

// Confirmation is what was seen of one position of the leader's WAL on its way: at a
// client, by what it confirms in pg_stat_replication, or on a standby, by
// pg_last_wal_receive_lsn().
type Confirmation struct {
	// Target is the position: the leader's own, of its first sample.
	Target LSN `json:"target"`
	// First and Last are what had arrived at the first and at the last look. There is no
	// second look where the first one saw Target.
	First LSN `json:"first"`
	Last  LSN `json:"last"`
	// Seconds is the time from the sample to the last look.
	Seconds float64 `json:"seconds"`
	// SentFirst and SentLast are what the walsender had sent; 0 on a standby.
	SentFirst LSN `json:"sent_first,omitempty"`
	SentLast  LSN `json:"sent_last,omitempty"`
	// Replied is whether the client sent a reply between the looks.
	Replied bool `json:"replied,omitempty"`
}

// Reached reports whether the position was seen to arrive.
func (c Confirmation) Reached() bool { return c.Last >= c.Target }

// Moves reports whether anything arrived between the looks.
func (c Confirmation) Moves() bool { return c.Last > c.First }

// Left is what had not arrived at the last look, in bytes.
func (c Confirmation) Left() int64 { return max(0, c.Target.Minus(c.Last)) }

// SecondsLeft is how long the rest takes at the rate that was seen; false where
// nothing moved.
func (c Confirmation) SecondsLeft() (float64, bool) {
	if !c.Moves() || c.Seconds <= 0 {
		return 0, false
	}
	rate := float64(c.Last.Minus(c.First)) / c.Seconds
	return float64(c.Left()) / rate, true
}

// Confirmations are what the leader and the member itself saw of one position; either
// may be unknown, and the leader has no row of a member that takes its WAL from
// another one.
type Confirmations struct {
	// Walsender is by the leader's pg_stat_replication, Own by the member's own session.
	Walsender, Own Observed[Confirmation]
	Row            bool
}

// Confirmed is whether a member has the WAL that the leader had at its first sample. It
// is unknown where neither side could tell.
var Confirmed = Fact[Confirmations]{
	Label: "whether the member confirms the leader's WAL",
	Of: func(s *Snapshot, m string) Observed[Confirmations] {
		leader := s.Leader()
		rows := WALSenders.Of(s, leader)
		own := Field(OfMember("", func(m Member) Observed[SQL] { return m.SQL }).Of(s, m),
			func(q SQL) Observed[Confirmation] { return SinceRecorded(q.Arrived) })
		out := Confirmations{Own: own, Walsender: Because[Confirmation](rows)}
		for _, w := range rows.OrZero() {
			if SameApplicationName(w.ApplicationName, m) && Equal(w.State, "streaming") {
				out.Walsender, out.Row = SinceRecorded(w.Confirmed), true
			}
		}
		switch {
		case !rows.Known():
			return Because[Confirmations](rows)
		case out.Row && !out.Walsender.Known():
			return Because[Confirmations](out.Walsender)
		case !out.Row && !own.Known():
			return Because[Confirmations](own)
		}
		return Known(out)
	},
}

// Unheard are the members of whose WAL receiver nothing new was seen between two
// snapshots: they had confirmed everything before the first one, the leader has written
// nothing since, and no reply came.
func Unheard(first, now *Snapshot) []string {
	var out []string
	for _, m := range now.Replicas() {
		before, ok1 := ConsumerOf(first, m)
		after, ok2 := ConsumerOf(now, m)
		seen, watched := after.Confirmed.Get()
		if !ok1 || !ok2 || !watched || before.PID != after.PID || seen.First < seen.Target {
			continue
		}
		earlier, ok3 := before.ReplyTime.Get()
		later, ok4 := after.ReplyTime.Get()
		started, ok5 := before.Confirmed.Get()
		moved := ok5 && seen.Target > started.Target
		if ok3 && ok4 && !later.After(earlier) && !moved && after.Silence > seen.Seconds {
			out = append(out, m)
		}
	}
	return out
}
