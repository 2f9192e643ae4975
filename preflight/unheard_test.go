package preflight_test

import (
	"slices"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// TestUnheard: what a reply, or WAL that arrives, shows of a WAL receiver between two
// snapshots.
func TestUnheard(t *testing.T) {
	quiet := func(s *fact.Recording, seconds time.Duration) {
		rows := *facttest.LeaderSQL(s).WalSenders.Value
		for i := range rows {
			rows[i].ReplyTime = fact.Known(facttest.LeaderSQL(s).At.Must().Add(-seconds * time.Second))
		}
	}
	for _, c := range []struct {
		name   string
		change func(first, now *fact.Recording)
		want   []string
	}{
		{"nothing new", func(*fact.Recording, *fact.Recording) {}, []string{"node2", "node3"}},
		{"node2 replied", func(_, now *fact.Recording) {
			w := &(*facttest.LeaderSQL(now).WalSenders.Value)[0]
			w.ReplyTime = fact.Known(w.ReplyTime.Must().Add(2 * time.Second))
		}, []string{"node3"}},
		{"the leader wrote, and it arrived", func(_, now *fact.Recording) {
			for i := range *facttest.LeaderSQL(now).WalSenders.Value {
				c := (*facttest.LeaderSQL(now).WalSenders.Value)[i].Confirmed.Value
				c.Target, c.First, c.Last = c.Target+8, c.Target+8, c.Target+8
			}
		}, nil},
		{"recorded by a release that did not watch", func(_, now *fact.Recording) {
			for i := range *facttest.LeaderSQL(now).WalSenders.Value {
				(*facttest.LeaderSQL(now).WalSenders.Value)[i].Confirmed = fact.Observed[fact.Confirmation]{}
			}
		}, nil},
	} {
		first, now := facttest.Healthy(t), facttest.Healthy(t)
		quiet(first, 5)
		quiet(now, 5)
		c.change(first, now)
		if got := fact.Unheard(first.Snapshot, now.Snapshot); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
