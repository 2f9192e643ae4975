package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/dcs"
	"patroni-preflight/internal/config"
	"patroni-preflight/internal/gather"
	"patroni-preflight/patroniapi"
	"patroni-preflight/pg"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// clusterFlags say which cluster is meant, and how it is asked.
func clusterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config-file", Aliases: []string{"c"}, Usage: "the `FILE`, patroni.yml or patronictl.yaml; found as patronictl does"},
		&cli.StringFlag{Name: "dcs-url", Aliases: []string{"d"}, Usage: "the DCS instead of the file's: etcd3://host:port"},
		&cli.StringSliceFlag{Name: "api-url", Usage: "where the store is another than etcd v3: the `URL` of a member's REST API, http://host:8008 (repeatable)"},
		&cli.BoolFlag{Name: "insecure", Aliases: []string{"k"}, Usage: "as in patronictl: do not verify the certificates of the REST API"},
		&cli.StringFlag{Name: "group", Usage: "the Citus group, for a cluster of which there are several; check without it judges all of them"},
		&cli.StringFlag{Name: "scope", Usage: "the cluster's name, where the file has none"},
		&cli.StringFlag{Name: "namespace", Usage: "the path in the DCS, /service by default"},
		&cli.StringFlag{Name: "leader", Aliases: []string{"primary"}, Usage: "the leader that you expect"},
		&cli.StringSliceFlag{Name: "vip", Usage: "an `address` that moves with the leader (repeatable)"},
		&cli.DurationFlag{Name: "timeout", Value: 3 * time.Second, Usage: "deadline of each of the three steps: DCS, members, DCS again"},
	}
}

// patroniAnswersWithin is how long Patroni itself waits for a REST API; a
// deadline below that could not tell a slow member from a dead one.
const patroniAnswersWithin = 2 * time.Second

// target is a live cluster as the flags and the configuration name it.
type target struct {
	cfg     config.Config
	request fact.Request
	// everyGroup: where there are several groups and none is named, all are meant.
	everyGroup bool
	// step is the deadline of each step of a look.
	step     time.Duration
	progress func(format string, args ...any)
	// fake stands for the cluster in tests.
	fake view
}

// view is a cluster as it can be looked at.
type view interface {
	look(ctx context.Context, r fact.Request) (*fact.Recording, error)
	// watch tells each time that a member was seen as primary, until the context ends.
	watch(ctx context.Context, primary func(at time.Time))
	// reread names what has moved since a snapshot.
	reread(ctx context.Context, before *fact.Snapshot) fact.Observed[[]string]
	// address is where an api_url leads.
	address(apiURL string) string
}

// connect finds out which cluster is meant. It contacts nobody.
func connect(c *cli.Context, env environment) (*target, error) {
	step := c.Duration("timeout")
	if step <= patroniAnswersWithin {
		return nil, usage("--timeout %s: must be more than %s, since Patroni itself waits that long for a member", step, patroniAnswersWithin)
	}
	every := c.Command.Name == "check"
	cfg, err := config.Load(config.Flags{
		EveryGroup: every, APIURLs: c.StringSlice("api-url"),
		File: c.String("config-file"), DCSURL: c.String("dcs-url"), Insecure: c.Bool("insecure"), Group: c.String("group"),
		Scope: c.String("scope"), Namespace: c.String("namespace"), VIPs: c.StringSlice("vip"),
	}, env.lookup)
	if err != nil {
		return nil, usage("%w", err)
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(env.stderr, "patroni-preflight: warning: %s\n", w)
	}
	k := &target{cfg: cfg, step: step, everyGroup: every, fake: env.fake, request: fact.Request{
		Target: fact.Target{Scope: cfg.Scope, Namespace: cfg.Namespace, Group: cfg.Group, RESTOverTLS: cfg.RESTOverTLS},
		Question: fact.Question{
			ExpectedLeader: c.String("leader"), Candidate: c.String("candidate"), ScheduledAt: c.String("scheduled"), VIPs: cfg.VIPs,
		},
	}}
	if c.Bool("verbose") {
		k.progress = func(format string, args ...any) { fmt.Fprintf(env.stderr, format+"\n", args...) }
	}
	return k, nil
}

// look takes a snapshot.
func (k *target) look(ctx context.Context) (*fact.Recording, error) {
	if k.fake != nil {
		return k.fake.look(ctx, k.request)
	}
	store, err := k.open()
	if err != nil {
		return nil, usage("%w", err)
	}
	defer store.Close()
	src := gather.Sources{
		Store: store, REST: patroniapi.New(patroniapi.Config{Timeout: k.step, TLS: k.cfg.REST}).Get, Now: time.Now, Progress: k.progress,
		SQL: func(ctx context.Context, targets []pg.Target, leader string) map[string]fact.Observed[fact.SQL] {
			return pg.Collect(ctx, k.postgres(), targets, leader)
		},
		Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
	// Two rounds of three steps at the most, and a little for the way.
	overall := 7 * k.step
	ctx, cancel := context.WithTimeoutCause(ctx, overall, errOverall)
	defer cancel()
	s := src.Gather(ctx, k.request, k.step, version)
	if err := ctx.Err(); err != nil {
		if errors.Is(context.Cause(ctx), errOverall) {
			return nil, exit{exitcode.Deadline, fmt.Errorf("no verdict within %s", overall)}
		}
		return nil, context.Cause(ctx)
	}
	return s, nil
}

// postgres says how SQL is asked.
func (k *target) postgres() pg.Config {
	p := k.cfg.Postgres
	return pg.Config{
		User: p.User, Password: p.Password, Database: p.Database,
		SSLMode: p.SSLMode, SSLRootCert: p.SSLRootCert, SSLNegotiation: p.SSLNegotiation,
		ChannelBinding: p.ChannelBinding, MinTLS: p.MinTLS, MaxTLS: p.MaxTLS, Certificate: p.Certificate,
	}
}

// watchEvery is the time between two questions of watch to one member.
const watchEvery = 100 * time.Millisecond

// watch asks the members of a snapshot whether they are in recovery, until the
// context ends.
func (k *target) watch(ctx context.Context, s *fact.Snapshot, primary func(at time.Time)) {
	if k.fake != nil {
		k.fake.watch(ctx, primary)
		return
	}
	var targets []pg.Target
	for _, m := range s.Members {
		key, _ := m.Key.Get()
		if url, ok := key.ConnURL.Get(); ok {
			targets = append(targets, pg.Target{Member: m.Name, ConnURL: url})
		}
	}
	pg.Watch(ctx, k.postgres(), targets, watchEvery, func(_ string, at time.Time) { primary(at) })
}

// store is what tells of the cluster, as long as it is open.
type store interface {
	gather.Store
	Close()
}

// open makes a client of the store, or of the REST APIs that stand in for one
// that is not read.
func (k *target) open() (store, error) {
	if k.cfg.Store != "etcd3" {
		api := patroniapi.New(patroniapi.Config{Timeout: k.step, TLS: k.cfg.REST})
		return &dcs.REST{Kind: k.cfg.Store, Name: config.StoreName(k.cfg.Store), URLs: k.cfg.APIURLs, Ask: api.Document}, nil
	}
	etcd := k.cfg.Etcd3
	return dcs.Open(dcs.Config{
		Endpoints: etcd.Endpoints, SRV: etcd.SRV, SRVSuffix: etcd.SRVSuffix,
		TLS: etcd.TLS, Secure: etcd.Strict, User: etcd.Username, Password: etcd.Password,
	})
}

// reread reads the DCS and asks the leader's REST API once more, and names what has
// moved since a snapshot. A patronictl that does not reach that API writes the request
// into the DCS itself, and no check of Patroni's is done on it then.
func (k *target) reread(ctx context.Context, before *fact.Snapshot) fact.Observed[[]string] {
	if k.fake != nil {
		return k.fake.reread(ctx, before)
	}
	store, err := k.open()
	if err != nil {
		return fact.NotKnown[[]string](fact.Failed, "%v", err)
	}
	defer store.Close()
	ctx, cancel := context.WithTimeoutCause(ctx, k.step, fmt.Errorf("reading the DCS again took longer than %s", k.step))
	defer cancel()
	silent := make(chan string, 1)
	go func() { silent <- k.silent(ctx, before) }()
	after, members := store.Reread(ctx, before.DCS.Prefix)
	moved := dcs.Moved(before.DCS, after, before.Members, members)
	if why := <-silent; why != "" && moved.Known() {
		return fact.Known(append(*moved.Value, why))
	}
	return moved
}

// silent says why the leader's REST API is not fit for a request, "" where it is.
func (k *target) silent(ctx context.Context, before *fact.Snapshot) string {
	leader, _ := before.Member(before.Leader())
	key, _ := leader.Key.Get()
	url, _ := key.APIURL.Get()
	now, _ := patroniapi.New(patroniapi.Config{Timeout: k.step, TLS: k.cfg.REST}).Get(ctx, url)
	return preflight.ChangedSince(leader.REST, now)
}

// address is where an api_url leads: there.
func (k *target) address(apiURL string) string {
	if k.fake != nil {
		return k.fake.address(apiURL)
	}
	return apiURL
}

var errOverall = errors.New("overall deadline")
