// Package gather asks the three sources for the facts of one snapshot, in three
// steps with a deadline each: the DCS; every member's REST API and PostgreSQL
// side by side; the DCS again. It judges nothing.
package gather

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"patroni-preflight/dcs"
	"patroni-preflight/pg"
	"patroni-preflight/preflight/fact"
)

// Store reads Patroni's keys. *dcs.Etcd is one.
type Store interface {
	Read(ctx context.Context, namespace, scope, group string) (fact.DCS, []fact.Member)
	Reread(ctx context.Context, prefix string) (fact.DCS, []fact.Member)
}

// Sources are the three sources, and what else is needed from outside.
type Sources struct {
	Store Store
	// REST asks one member's REST API; *patroniapi.Client has it.
	REST func(ctx context.Context, apiURL string) (fact.Observed[fact.REST], fact.Observed[int])
	// SQL asks every member's PostgreSQL, the leader's first and last.
	SQL func(ctx context.Context, targets []pg.Target, leader string) map[string]fact.Observed[fact.SQL]
	// Resolve looks a host name up.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	Now     func() time.Time
	// Progress is told what is being asked; it may be nil.
	Progress func(format string, args ...any)
}

// Gather takes a snapshot. Each of the three steps ends with the step deadline at
// the latest, whatever the other sides do; a failure is a fact in the snapshot.
// Where the cluster moved between the two reads of the DCS, everything is asked
// once more, if that is quick; where it moved again, Moved is unknown.
//
// The recording has the question too, with the addresses to which its VIPs resolve.
func (src Sources) Gather(ctx context.Context, req fact.Request, step time.Duration, tool string) *fact.Recording {
	req.VIPs = src.resolve(ctx, req.VIPs, step)
	return &fact.Recording{Snapshot: src.snapshot(ctx, req.Target, step, tool), Question: req.Question}
}

func (src Sources) snapshot(ctx context.Context, target fact.Target, step time.Duration, tool string) *fact.Snapshot {
	began := src.Now()
	s := src.once(ctx, target, step, tool)
	times := "twice"
	switch {
	case !moved(s) || ctx.Err() != nil:
		return s
	case src.Now().Sub(began) >= step:
		// Somebody did not answer: a second round would cost that deadline again.
		times = "and a member did not answer in time for a second read"
	default:
		src.progress("the cluster changed while it was read (%s); reading it again", strings.Join(*s.Moved.Value, ", "))
		s = src.once(ctx, target, step, tool)
	}
	if moved(s) {
		at := s.Moved.Stamp
		s.Moved = fact.NotKnown[[]string](
			fact.Failed,
			"the cluster changed while it was read, %s: %s",
			times,
			strings.Join(*s.Moved.Value, ", "),
		)
		s.Moved.Stamp = at
	}
	return s
}

// moved reports whether the cluster is known to have changed between the reads.
func moved(s *fact.Snapshot) bool {
	return s.Moved.Is(func(m []string) bool { return len(m) > 0 })
}

func (src Sources) once(ctx context.Context, target fact.Target, step time.Duration, tool string) *fact.Snapshot {
	s := &fact.Snapshot{Schema: fact.SnapshotSchema, Tool: tool, TakenAt: src.Now().UTC(), Target: target}

	src.progress("reading %s/%s in the DCS", target.Namespace, target.Scope)
	bounded(ctx, step, "reading the DCS", func(ctx context.Context) {
		s.DCS, s.Members = src.Store.Read(ctx, target.Namespace, target.Scope, target.Group)
	})
	s.Sort()
	if !s.DCS.Cluster.Known() {
		s.Moved = fact.NotKnown[[]string](fact.NotAsked, "the first read gave nothing to compare with")
		return s
	}

	src.progress("asking %d members by REST and by SQL", len(s.Members))
	bounded(ctx, step, "asking the members", func(ctx context.Context) { src.members(ctx, s) })

	src.progress("reading the DCS again")
	bounded(ctx, step, "reading the DCS again", func(ctx context.Context) {
		began := src.Now()
		after, members := src.Store.Reread(ctx, s.DCS.Prefix)
		s.Moved = dcs.Moved(s.DCS, after, s.Members, members).
			Stamped("a second read of "+s.DCS.Prefix, src.Now(), src.Now().Sub(began))
	})
	return s
}

// bounded runs one step under its deadline, whose error names the step.
func bounded(ctx context.Context, d time.Duration, what string, run func(context.Context)) {
	ctx, cancel := context.WithTimeoutCause(ctx, d, fmt.Errorf("%s took longer than %s", what, d))
	defer cancel()
	run(ctx)
}

// members asks every member side by side. Nothing is asked of an address that
// the DCS does not name.
func (src Sources) members(ctx context.Context, s *fact.Snapshot) {
	var wg sync.WaitGroup
	var targets []pg.Target
	for i := range s.Members {
		m := &s.Members[i]
		key, _ := m.Key.Get()
		if url, ok := key.APIURL.Get(); ok {
			wg.Go(func() { m.REST, m.Liveness = src.REST(ctx, url) })
		} else {
			m.REST = fact.NotKnown[fact.REST](fact.NotAsked, "the member key has no usable api_url: %s", why(m.Key, key.APIURL))
			m.Liveness = fact.Because[int](m.REST)
		}
		if url, ok := key.ConnURL.Get(); ok {
			targets = append(targets, pg.Target{Member: m.Name, ConnURL: url})
		} else {
			m.SQL = fact.NotKnown[fact.SQL](fact.NotAsked, "the member key has no usable conn_url: %s", why(m.Key, key.ConnURL))
		}
	}
	var sql map[string]fact.Observed[fact.SQL]
	wg.Go(func() { sql = src.SQL(ctx, targets, s.Leader()) })
	wg.Wait()
	for i := range s.Members {
		if answer, ok := sql[s.Members[i].Name]; ok {
			s.Members[i].SQL = answer
		}
	}
}

func why(key fact.Observed[fact.MemberKey], field fact.Observed[string]) string {
	if !key.Known() {
		return key.Reason()
	}
	return field.Reason()
}

// resolve adds the addresses of VIPs that are given by name, so that a member
// key that has the address is recognised too. A name that does not resolve is
// kept: it is still compared as a name.
func (src Sources) resolve(ctx context.Context, vips []string, step time.Duration) []string {
	out := slices.Clone(vips)
	var mu sync.Mutex
	var wg sync.WaitGroup
	bounded(ctx, step, "resolving the VIPs", func(ctx context.Context) {
		for _, vip := range vips {
			if _, err := netip.ParseAddr(vip); err == nil {
				continue
			}
			wg.Go(func() {
				addrs, _ := src.Resolve(ctx, vip)
				mu.Lock()
				defer mu.Unlock()
				for _, a := range addrs {
					out = append(out, a.Unmap().String())
				}
			})
		}
		wg.Wait()
	})
	slices.Sort(out)
	return slices.Compact(out)
}

func (src Sources) progress(format string, args ...any) {
	if src.Progress != nil {
		src.Progress(format, args...)
	}
}
