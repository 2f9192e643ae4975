package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"patroni-preflight/dcs"
	"patroni-preflight/internal/config"
	"patroni-preflight/internal/foreign"
	"patroni-preflight/internal/gather"
	"patroni-preflight/internal/request"
	"patroni-preflight/patroniapi"
	"patroni-preflight/pg"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// cluster is a cluster as the commands use it.
type cluster interface {
	// snapshot reads the cluster that the request names.
	snapshot(ctx context.Context, r fact.Request) (*fact.Recording, error)
	// watch calls primary each time a member of the snapshot answers as primary,
	// until the context ends.
	watch(ctx context.Context, s *fact.Snapshot, primary func(at time.Time))
	// recheck names what has changed since a snapshot.
	recheck(ctx context.Context, before *fact.Snapshot) fact.Observed[[]string]
	// rehearse asks the REST API of a member for a switchover that cannot take place, to
	// see whether it takes the login.
	rehearse(ctx context.Context, apiURL string) fact.Observed[fact.RequestAnswer]
	// post sends a switchover to the leader's REST API.
	post(ctx context.Context, apiURL string, s request.Switchover, out io.Writer) preflight.RequestResult
}

// connector opens a cluster. It contacts nothing.
type connector func(cfg config.Config, env Environment, o clusterOptions) cluster

// session is an open cluster, and the request that its snapshots answer.
type session struct {
	cluster
	cfg     config.Config
	request fact.Request
	// everyGroup: if there are several groups and none is named, all are meant.
	everyGroup bool
	// rehearses: the request is tried before the verdict is GO.
	rehearses bool
}

// patroniAnswersWithin is how long Patroni itself waits for a REST API; a
// deadline below that could not tell a slow member from a dead one.
const patroniAnswersWithin = 2 * time.Second

// open finds out which cluster is meant.
func open(env Environment, o clusterOptions, q fact.Question) (*session, error) {
	if o.step <= patroniAnswersWithin {
		return nil, usage("--timeout %s: must be more than %s, the time that Patroni itself waits for a member",
			o.step, patroniAnswersWithin)
	}
	cfg, err := config.Load(config.Flags{
		EveryGroup: o.everyGroup, APIURLs: o.apiURLs, File: o.configFile, DCSURL: o.dcsURL, Insecure: o.insecure,
		Group: o.group, Scope: o.scope, Namespace: o.namespace, VIPs: o.vips,
	}, env.Lookup)
	if err != nil {
		return nil, usage("%w", err)
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(env.Stderr, "patroni-preflight: warning: %s\n", foreign.Text(w))
	}
	q.VIPs = cfg.VIPs
	return &session{
		cluster: env.connect(cfg, env, o), cfg: cfg, everyGroup: o.everyGroup,
		request: fact.Request{
			Target: fact.Target{
				Scope: cfg.Scope, Namespace: cfg.Namespace, Group: cfg.Group, RESTOverTLS: cfg.RESTOverTLS,
			},
			Question: q,
		},
	}, nil
}

// live is a cluster that runs.
type live struct {
	cfg      config.Config
	version  string
	step     time.Duration
	progress func(format string, args ...any)
}

func connectLive(cfg config.Config, env Environment, o clusterOptions) cluster {
	k := &live{cfg: cfg, version: env.Version, step: o.step}
	if o.verbose {
		k.progress = func(format string, args ...any) {
			fmt.Fprintln(env.Stderr, foreign.Text(fmt.Sprintf(format, args...)))
		}
	}
	return k
}

var errOverall = errors.New("overall deadline")

func (k *live) snapshot(ctx context.Context, r fact.Request) (*fact.Recording, error) {
	store, err := k.open()
	if err != nil {
		return nil, usage("%w", err)
	}
	defer store.Close()
	src := gather.Sources{
		Store: store, REST: k.api().Get, Now: time.Now, Progress: k.progress,
		SQL: func(ctx context.Context, targets []pg.Target, leader string) map[string]fact.Observed[fact.SQL] {
			return pg.Collect(ctx, k.cfg.Postgres, targets, leader)
		},
		Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
	// Two rounds of three steps, and a little for what lies between.
	overall := 7 * k.step
	ctx, cancel := context.WithTimeoutCause(ctx, overall, errOverall)
	defer cancel()
	s := src.Gather(ctx, r, k.step, k.version)
	if err := ctx.Err(); err != nil {
		if errors.Is(context.Cause(ctx), errOverall) {
			return nil, exit{exitcode.Deadline, fmt.Errorf("no verdict within %s", overall)}
		}
		return nil, context.Cause(ctx)
	}
	return s, nil
}

func (k *live) api() *patroniapi.Client {
	return patroniapi.New(patroniapi.Config{Timeout: k.step, TLS: k.cfg.REST})
}

// watchEvery is the time between two questions of watch to one member.
const watchEvery = 100 * time.Millisecond

func (k *live) watch(ctx context.Context, s *fact.Snapshot, primary func(at time.Time)) {
	var targets []pg.Target
	for _, m := range s.Members {
		key, _ := m.Key.Get()
		if url, ok := key.ConnURL.Get(); ok {
			targets = append(targets, pg.Target{Member: m.Name, ConnURL: url})
		}
	}
	pg.Watch(ctx, k.cfg.Postgres, targets, watchEvery, func(_ string, at time.Time) { primary(at) })
}

// store reads the cluster's keys as long as it is open.
type store interface {
	gather.Store
	Close()
}

// open makes a client of the store, or of the REST APIs that stand in for a store
// that this version does not read.
func (k *live) open() (store, error) {
	if k.cfg.Store != "etcd3" {
		return &dcs.REST{
			Kind: k.cfg.Store, Name: config.StoreName(k.cfg.Store), URLs: k.cfg.APIURLs, Ask: k.api().Document,
		}, nil
	}
	return dcs.Open(k.cfg.Etcd3)
}

// recheck reads the DCS and asks the leader's REST API once more. A patronictl that
// does not reach that API writes the request into the DCS itself, and Patroni then
// checks nothing.
func (k *live) recheck(ctx context.Context, before *fact.Snapshot) fact.Observed[[]string] {
	store, err := k.open()
	if err != nil {
		return fact.NotKnown[[]string](fact.Failed, "%v", err)
	}
	defer store.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, k.step,
		fmt.Errorf("reading the DCS again took longer than %s", k.step))
	defer cancel()
	problem := make(chan string, 1)
	go func() { problem <- k.leaderAPIProblem(ctx, before) }()
	after, members := store.Reread(ctx, before.DCS.Prefix)
	moved := dcs.Moved(before.DCS, after, before.Members, members)
	if why := <-problem; why != "" && moved.Known() {
		return fact.Known(append(*moved.Value, why))
	}
	return moved
}

// leaderAPIProblem says why the leader's REST API cannot take a request, "" if it
// can.
func (k *live) leaderAPIProblem(ctx context.Context, before *fact.Snapshot) string {
	leader, _ := before.Member(before.Leader())
	key, _ := leader.Key.Get()
	url, _ := key.APIURL.Get()
	now, _ := k.api().Get(ctx, url)
	return preflight.ChangedSince(leader.REST, now)
}

func (k *live) post(
	ctx context.Context, apiURL string, s request.Switchover, out io.Writer,
) preflight.RequestResult {
	return request.REST(ctx, k.requested(apiURL), s, out)
}

// requested is whom a request is sent to, and as whom.
func (k *live) requested(apiURL string) request.Leader {
	return request.Leader{
		APIURL: apiURL, User: k.cfg.RESTAPI.User, Password: k.cfg.RESTAPI.Password,
		TLS: k.cfg.REST, Secure: k.cfg.RESTOverTLS,
	}
}

func (k *live) rehearse(ctx context.Context, apiURL string) fact.Observed[fact.RequestAnswer] {
	ctx, cancel := context.WithTimeoutCause(ctx, k.step, fmt.Errorf("it took longer than %s", k.step))
	defer cancel()
	return request.Rehearse(ctx, k.requested(apiURL))
}
