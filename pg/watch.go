package pg

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// watchTimeout bounds one question of Watch, and one attempt to connect.
const watchTimeout = time.Second

// Watch asks all targets side by side whether they are in recovery, each again
// after the given time, until the context ends. It keeps one session a member
// while that lasts, and reads only. primary is told when one answered that it is
// not: never by two at once.
func Watch(
	ctx context.Context,
	cfg Config,
	targets []Target,
	every time.Duration,
	primary func(member string, at time.Time),
) {
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, t := range targets {
		all.Go(func() {
			var s *session
			defer func() {
				if s != nil {
					s.end(context.WithoutCancel(ctx))
				}
			}()
			for ctx.Err() == nil {
				ask, cancel := context.WithTimeout(ctx, watchTimeout)
				if s == nil || s.conn == nil {
					s = begin(ask, cfg, t)
				}
				if s.conn != nil {
					switch yes, err := outOfRecovery(ask, s.conn); {
					case err != nil:
						s.conn.Conn().Close()
						s.conn = nil
					case yes:
						mu.Lock()
						primary(t.Member, time.Now())
						mu.Unlock()
					}
				}
				cancel()
				select {
				case <-ctx.Done():
				case <-time.After(every):
				}
			}
		})
	}
	all.Wait()
}

func outOfRecovery(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	results, err := conn.Exec(ctx, "SELECT pg_is_in_recovery()").ReadAll()
	return err == nil && len(results) == 1 && len(results[0].Rows) == 1 && string(results[0].Rows[0][0]) == "f", err
}
