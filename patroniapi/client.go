// Package patroniapi asks the members' Patroni REST API. It only ever sends GET.
package patroniapi

import (
	"context"
	"time"

	"patroni-preflight/preflight"
)

// Config says how members are asked.
type Config struct {
	// Timeout bounds each request.
	Timeout time.Duration
}

// Client asks members.
type Client struct{ cfg Config }

// New returns a client; it opens nothing.
func New(cfg Config) *Client { return &Client{cfg: cfg} }

// Get asks one member.
func (c *Client) Get(ctx context.Context, apiURL string) (preflight.Observed[preflight.REST], preflight.Observed[int]) {
	return preflight.NotKnown[preflight.REST](preflight.NotAsked, "not asked"), preflight.NotKnown[int](preflight.NotAsked, "not asked")
}
