package dcs

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"patroni-preflight/internal/secure"
	"patroni-preflight/preflight/fact"
)

const (
	// maxKeys and maxAnswer (bytes) bound one read of the prefix. A cluster has
	// ten keys and one for each member.
	maxKeys   = 10000
	maxAnswer = 64 << 20
	// maxScopes bounds the keys that are looked through for other clusters' names.
	maxScopes = 1000
	// minGrace and maxGrace bound how long the open questions about the store's
	// health are waited for once the read of the keys is done.
	minGrace = 250 * time.Millisecond
	maxGrace = time.Second
	// noDeadline is the limit where the caller's context has none.
	noDeadline = 10 * time.Second
)

// Config says where etcd is, and who asks.
type Config struct {
	// Endpoints are URLs, http://host:port or https://host:port; the port defaults
	// to 2379 as in Patroni.
	Endpoints []string
	// SRV is a domain whose SRV records name the servers, before Endpoints;
	// SRVSuffix stands in the service's name.
	SRV, SRVSuffix string
	// LookupSRV resolves a name; nil stands for the system's resolver.
	LookupSRV func(ctx context.Context, name string) ([]*net.SRV, error)
	// TLS is how https is spoken; nil refuses https.
	TLS *secure.Client
	// Secure refuses http: clientv3 would go on in plaintext without a word.
	Secure bool
	// User and Password are etcd's; without a password nobody logs in.
	User, Password string
}

// Etcd reads Patroni's keys from an etcd v3 cluster. It cannot write.
type Etcd struct {
	endpoints []*endpoint
	config    Config
	// lost says why there are no endpoints.
	lost *fact.Unknown
}

// endpoint is one server of etcd with a client of its own, so that each can be
// told from the others.
type endpoint struct {
	url    string
	reader reader
	trace  *trace
}

// reader is all that this package can do to etcd.
type reader interface {
	Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error)
	Status(ctx context.Context) (*pb.StatusResponse, error)
	AlarmList(ctx context.Context) (*clientv3.AlarmResponse, error)
	TimeToLive(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseTimeToLiveResponse, error)
	Close() error
}

// Open prepares the clients. It connects to nothing, so an error is always one
// of configuration; errors show no credentials.
func Open(c Config) (*Etcd, error) {
	e := &Etcd{config: c}
	if len(c.Endpoints) == 0 && c.SRV == "" {
		return nil, errors.New("no etcd endpoint is configured")
	}
	if err := e.add(c.Endpoints); err != nil {
		e.Close()
		return nil, err
	}
	return e, nil
}

// add makes a client for each endpoint.
func (e *Etcd) add(urls []string) error {
	for _, raw := range urls {
		u, err := e.config.endpointURL(raw)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(e.endpoints, func(ep *endpoint) bool { return ep.url == u.String() }) {
			continue
		}
		ep := &endpoint{url: u.String(), trace: &trace{}}
		if ep.reader, err = e.config.dial(u, ep.trace); err != nil {
			return fmt.Errorf("etcd endpoint %s: %w", u, err)
		}
		e.endpoints = append(e.endpoints, ep)
	}
	return nil
}

// endpointURL checks an endpoint and gives it the form scheme://host:port.
func (c Config) endpointURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Hostname() == "": // the error of url.Parse quotes the URL
		return nil, errors.New("an etcd endpoint is not a URL of the form http://host:port")
	case u.User != nil:
		return nil, fmt.Errorf("etcd endpoint %s://%s: user and password do not belong in the URL", u.Scheme, u.Host)
	case u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return nil, fmt.Errorf("etcd endpoint %s://%s: not of the form http://host:port", u.Scheme, u.Host)
	case u.Scheme == "https" && c.TLS == nil:
		return nil, fmt.Errorf("etcd endpoint https://%s: no TLS is configured", u.Host)
	case u.Scheme == "http" && c.Secure:
		return nil, fmt.Errorf("etcd endpoint http://%s: TLS is configured, and this is plain text", u.Host)
	}
	port := u.Port()
	if port == "" {
		port = "2379"
	}
	return &url.URL{Scheme: u.Scheme, Host: net.JoinHostPort(u.Hostname(), port)}, nil
}

// dial makes the client for one endpoint.
func (c Config) dial(u *url.URL, t *trace) (reader, error) {
	login := &login{user: c.User, password: c.Password}
	options := []grpc.DialOption{
		grpc.WithContextDialer(t.dial),
		grpc.WithChainUnaryInterceptor(failFast, readOnly, login.intercept),
		grpc.WithChainStreamInterceptor(noStreams),
	}
	if u.Scheme == "https" {
		var config *tls.Config
		config, t.handshake = c.TLS.Config(u.Hostname())
		options = append(options, grpc.WithTransportCredentials(seen{credentials.NewTLS(config), t}))
	}
	cl, err := clientv3.New(clientv3.Config{
		Endpoints:          []string{u.String()},
		Logger:             zap.NewNop(),
		MaxUnaryRetries:    1, // one attempt: flakiness is to be reported, not hidden
		MaxCallRecvMsgSize: maxAnswer,
		DialOptions:        options,
	})
	if err != nil {
		return nil, err
	}
	return client{cl, pb.NewMaintenanceClient(cl.ActiveConnection())}, nil
}

// client hides the writing half of clientv3. Status goes over the connection
// that is already there; clientv3's own opens another one for each call.
type client struct {
	c           *clientv3.Client
	maintenance pb.MaintenanceClient
}

func (c client) Get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	return c.c.Get(ctx, key, opts...)
}

func (c client) Status(ctx context.Context) (*pb.StatusResponse, error) {
	return c.maintenance.Status(ctx, &pb.StatusRequest{})
}

func (c client) AlarmList(ctx context.Context) (*clientv3.AlarmResponse, error) {
	return c.c.AlarmList(ctx)
}

func (c client) TimeToLive(ctx context.Context, id clientv3.LeaseID) (*clientv3.LeaseTimeToLiveResponse, error) {
	return c.c.TimeToLive(ctx, id)
}

func (c client) Close() error { return c.c.Close() }

// Close ends all connections.
func (e *Etcd) Close() {
	for _, ep := range e.endpoints {
		ep.reader.Close() // nothing was written, so nothing can be lost
	}
}

// Prefix is where Patroni keeps a cluster, with the trailing slash without which
// scope "demo" would also match "demo2" (patroni/dcs/__init__.py, AbstractDCS:
// _base_path and client_path). Group is the Citus group, "" for none.
func Prefix(namespace, scope, group string) string {
	p := directory(namespace) + scope + "/"
	if group != "" {
		p += group + "/"
	}
	return collapse(p)
}

// directory is where the scopes of a namespace are.
func directory(namespace string) string { return collapse("/" + namespace + "/") }

func collapse(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	return path
}

// Read asks for everything: the keys in one linearizable range, the leases on
// them, and the health of every server. What fails is an unknown fact with its
// reason; Read returns when the context ends at the latest.
func (e *Etcd) Read(ctx context.Context, namespace, scope, group string) (fact.DCS, []fact.Member) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	d := fact.DCS{Kind: "etcd3", Prefix: Prefix(namespace, scope, group)}
	if e.find(ctx); len(e.endpoints) == 0 {
		d.Endpoints = []fact.Endpoint{}
		return e.nowhere(d)
	}

	// The questions about health run beside the range and end soon after it, so
	// that one dead server of three does not make the run wait for the deadline.
	side, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	d.Endpoints = make([]fact.Endpoint, len(e.endpoints))
	for i, ep := range e.endpoints {
		wg.Go(func() {
			d.Endpoints[i] = fact.Endpoint{URL: ep.url, Status: ep.status(side)}
			if h := ep.trace.handshake; h != nil {
				d.Endpoints[i].Certificate = h.Certificate()
			}
		})
	}
	wg.Go(func() { d.Alarms = e.alarms(side) })

	r := e.keys(ctx, d.Prefix)
	defer time.AfterFunc(grace(ctx), stop).Stop()
	var leases map[int64]fact.Observed[fact.Lease]
	var around string
	switch {
	case r.winner == nil:
	case own(r.kvs, d.Prefix):
		leases = r.winner.leases(ctx, r.kvs, d.Prefix)
	default:
		around = r.winner.neighbours(ctx, r.kvs, directory(namespace), d.Prefix)
	}
	wg.Wait()
	members := r.fill(&d, leases, around)
	return d, members
}

// Reread reads the keys under a prefix once more, without leases and health. The
// result is for Moved.
func (e *Etcd) Reread(ctx context.Context, prefix string) (fact.DCS, []fact.Member) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	d := fact.DCS{Kind: "etcd3", Prefix: prefix}
	if len(e.endpoints) == 0 {
		return e.nowhere(d)
	}
	r := e.keys(ctx, prefix)
	members := r.fill(&d, nil, "")
	return d, members
}

func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, noDeadline)
}

// grace is a quarter of the time that is left, within bounds.
func grace(ctx context.Context) time.Duration {
	deadline, _ := ctx.Deadline()
	return min(max(time.Until(deadline)/4, minGrace), maxGrace)
}
