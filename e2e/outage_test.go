//go:build e2e

package e2e

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// outage watches for how long no node is a primary that answers. It writes
// nothing, so that it cannot change what it measures.
type outage struct {
	mu     sync.Mutex
	alive  []time.Time
	began  time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// watch begins to look, 20 times a second at every node.
func (l *lab) watch() *outage {
	ctx, cancel := context.WithCancel(context.Background())
	o := &outage{began: time.Now(), cancel: cancel}
	for _, n := range nodes {
		url := l.connString(n) + "&application_name=outage"
		o.done.Go(func() { o.follow(ctx, url) })
	}
	return o
}

func (o *outage) follow(ctx context.Context, url string) {
	var conn *pgconn.PgConn
	drop := func() {
		if conn != nil {
			conn.Conn().Close()
			conn = nil
		}
	}
	defer drop()
	for ctx.Err() == nil {
		ask, cancel := context.WithTimeout(ctx, time.Second)
		var err error
		if conn == nil {
			conn, err = pgconn.Connect(ask, url)
		}
		if err == nil {
			var r []*pgconn.Result
			r, err = conn.Exec(ask, "SELECT pg_is_in_recovery()").ReadAll()
			if err == nil && len(r) == 1 && len(r[0].Rows) == 1 && string(r[0].Rows[0][0]) == "f" {
				o.mu.Lock()
				o.alive = append(o.alive, time.Now())
				o.mu.Unlock()
			}
		}
		cancel()
		if err != nil {
			drop()
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// end stops looking. It returns the longest time without a primary in seconds,
// and whether there was one in the end.
func (o *outage) end() (seconds float64, over bool) {
	now := time.Now()
	o.cancel()
	o.done.Wait()
	slices.SortFunc(o.alive, time.Time.Compare)
	last := o.began
	for _, t := range o.alive {
		seconds, last = max(seconds, t.Sub(last).Seconds()), t
	}
	if tail := now.Sub(last); tail > 2*time.Second {
		return max(seconds, tail.Seconds()), false
	}
	return seconds, true
}
