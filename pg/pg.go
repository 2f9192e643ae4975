// Package pg asks each member's PostgreSQL, and turns the answers into facts:
// one connection a member, one READ ONLY transaction in it.
package pg

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"sync"
	"time"

	"patroni-preflight/preflight/fact"
)

// defaultTimeout bounds Collect where the context has no deadline.
const defaultTimeout = 5 * time.Second

// Config says who connects and how. An empty value falls to the environment
// that libpq has (PGUSER, PGPASSWORD, PGSSLMODE and so on) and then to libpq's
// default. An empty Password falls to PGPASSWORD and the password file, an
// empty Database to the one in conn_url.
type Config struct {
	User, Password, Database string
	// SSLMode, SSLRootCert (a file), SSLNegotiation and ChannelBinding are libpq's;
	// the default of SSLMode is prefer.
	SSLMode, SSLRootCert, SSLNegotiation, ChannelBinding string
	// MinTLS and MaxTLS are versions as crypto/tls has them. The least is TLS 1.2;
	// a MaxTLS of 0 is no bound.
	MinTLS, MaxTLS uint16
	// Certificate is shown to a server that asks for one; nil leaves it to
	// PGSSLCERT and PGSSLKEY.
	Certificate *tls.Certificate
}

// Target is one member, with the conn_url of its member key. Credentials in it
// are not used; its host may be a list, of which the first that answers counts.
type Target struct {
	Member  string
	ConnURL string
}

// errCut ends the replicas' sessions when the leader has to be sampled again.
var errCut = errors.New("the leader's second sample was due")

// Collect asks all targets side by side. It returns one fact a target and ends
// with the context's deadline at the latest (5 s where it has none); whatever
// fails is an unknown fact with its cause.
//
// The leader's flush LSN is sampled before the other members are asked, so that
// a lag is never too small, and again after the last of them has answered, so
// that a member which is ahead of it really has WAL that the leader never had.
// What is not compared with that sample is asked after it.
//
// Nobody waits for ever: the others start without the leader's first sample when
// a third of the time is over, and a member that has not answered when three
// quarters of what the leader has left are over is cut off. It is unknown then,
// because its figures could not be compared with the second sample.
func Collect(ctx context.Context, cfg Config, targets []Target, leader string) map[string]fact.Observed[fact.SQL] {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultTimeout)
		defer cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o := newOrder(ctx, targets, leader)

	answers := make([]fact.Observed[fact.SQL], len(targets))
	var all sync.WaitGroup
	for i, t := range targets {
		ask := o.askReplica
		if i == o.leader {
			ask = o.askLeader
		}
		all.Go(func() { answers[i] = ask(ctx, cfg, t) })
	}
	all.Wait()

	out := make(map[string]fact.Observed[fact.SQL], len(targets))
	for i, t := range targets {
		out[t.Member] = answers[i]
	}
	return out
}

// order keeps the samples in their order.
type order struct {
	// leader is the leader's place among the targets, -1 where it is not there.
	leader int
	// sampled is closed when the leader's first sample is in, or will not come.
	sampled chan struct{}
	// replicas counts the other members that have not answered yet.
	replicas sync.WaitGroup
	// replicaCtx is the context of those members, and cut ends it.
	replicaCtx context.Context
	cut        context.CancelCauseFunc
	// target is the leader's first sample, set before sampled is closed; members are all
	// that are asked.
	target  target
	members []string
	// patience is how long the others wait for the leader's first sample.
	patience time.Time
}

func newOrder(ctx context.Context, targets []Target, leader string) *order {
	o := &order{leader: -1, sampled: make(chan struct{}), patience: time.Now().Add(remaining(ctx) / 3)}
	o.replicaCtx, o.cut = context.WithCancelCause(ctx)
	for i, t := range targets {
		o.members = append(o.members, t.Member)
		if t.Member == leader && o.leader < 0 {
			o.leader = i
			continue
		}
		o.replicas.Add(1)
	}
	o.target.lsn = fact.NotKnown[fact.LSN](fact.NotAsked, "no member leads")
	if o.leader < 0 {
		close(o.sampled)
	}
	return o
}

func (o *order) askReplica(whole context.Context, cfg Config, t Target) fact.Observed[fact.SQL] {
	done := sync.OnceFunc(o.replicas.Done)
	defer done()
	ctx := o.replicaCtx
	s := begin(ctx, cfg, t)
	defer s.end(whole)
	if s.conn != nil {
		// A new backend's first statements are its slow ones: they are done while
		// the leader connects.
		s.collect(ctx, slices.Insert(steadyParts(s.major), 1, sampleView.part(0)))
		patience := time.NewTimer(time.Until(o.patience))
		defer patience.Stop()
		late := target{lsn: fact.NotKnown[fact.LSN](fact.Silent, "it did not come in time")}
		select {
		case <-o.sampled:
			late = o.target
		case <-patience.C:
		case <-ctx.Done():
		}
		s.collect(ctx, movingParts(s.major))
		// The leader's second sample does not wait for the rest.
		done()
		s.arrival = s.arrived(whole, late)
		s.collectLate(whole)
	}
	return s.observed()
}

func (o *order) askLeader(ctx context.Context, cfg Config, t Target) fact.Observed[fact.SQL] {
	first := sync.OnceFunc(func() { close(o.sampled) })
	defer first()
	s := begin(ctx, cfg, t)
	defer s.end(ctx)
	if s.conn == nil {
		o.target.lsn = fact.NotKnown[fact.LSN](fact.Failed, "there is none")
		return s.observed()
	}
	s.collect(ctx, []part{sampleView.part(0)})
	o.target = targetOf(s.answers[sample])
	first()
	s.collect(ctx, append(steadyParts(s.major), movingParts(s.major)...))
	watched := s.senders()
	s.confirmed(ctx, o.target, watched, o.members)
	o.awaitReplicas(ctx)
	after := s.run(ctx, []part{sampleView.part(0)})[0]
	s.collectLate(ctx)

	got := s.observed()
	if got.Known() {
		got.Value.FlushLSN, _ = flushed(s.answers[sample])
		got.Value.FlushLSNAfter, got.Value.FlushLSNAfterAt = flushed(after)
		if got.Value.WalSenders.Known() {
			got.Value.WalSenders = fact.Known(watched)
		}
	}
	return got
}

// awaitReplicas returns when no other member's session runs any more: because
// all have answered, or because their time is over.
func (o *order) awaitReplicas(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		o.replicas.Wait()
		close(done)
	}()
	late := time.NewTimer(remaining(ctx) * 3 / 4)
	defer late.Stop()
	select {
	case <-done:
		return
	case <-late.C:
	}
	o.cut(errCut)
	<-done
}

// remaining is the time to the context's deadline.
func remaining(ctx context.Context) time.Duration {
	d, ok := ctx.Deadline()
	if !ok {
		return defaultTimeout
	}
	return max(0, time.Until(d))
}
