// Package patroniapi asks the members' Patroni REST API and turns the answers
// into facts. It can only send GET.
package patroniapi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"syscall"
	"time"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/internal/secure"
	"patroni-preflight/preflight/fact"
)

const (
	// defaultTimeout bounds a request where Config has none. Patroni's leader
	// gives a member 2 s (patroni/ha.py, fetch_node_status); it is more, so that
	// a member that is a little too slow for Patroni still gives its facts.
	defaultTimeout = 3 * time.Second
	maxBody        = 1 << 20
	maxHeader      = 64 << 10
)

// Config says how members are asked.
type Config struct {
	// Timeout bounds each request from the look-up of the name to the last byte.
	// Zero stands for 3 s. A deadline of the context that comes first holds.
	Timeout time.Duration
	// TLS is how an https api_url is spoken to. A name that does not match is a fact
	// in the answer and ends no call: Patroni's nodes, which ask each other, verify
	// none either (patroni/__main__.py, PatroniRequest with insecure).
	TLS secure.Client
}

// Client asks members. Use it from any number of goroutines.
type Client struct {
	timeout time.Duration
	tls     secure.Client
}

// New returns a client. It opens no connection and keeps none between calls.
func New(cfg Config) *Client {
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &Client{timeout: timeout, tls: cfg.TLS}
}

// client makes the client of one request, whose TLS is its own.
func (c *Client) client(config *tls.Config) *http.Client {
	return &http.Client{
		Transport: getOnly{&http.Transport{
			// Patroni's nodes ask each other directly: a proxy from the
			// environment would show another network than theirs.
			Proxy:                  nil,
			DialContext:            (&net.Dialer{Timeout: c.timeout}).DialContext,
			TLSClientConfig:        config,
			TLSHandshakeTimeout:    c.timeout,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxHeader,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// getOnly refuses every request that could change something.
type getOnly struct{ next http.RoundTripper }

func (g getOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || r.Body != nil {
		return nil, fmt.Errorf("refused to send %s: only GET without a body is allowed", r.Method)
	}
	return g.next.RoundTrip(r)
}

// Get asks one member, both questions at once: GET api_url as the member key
// gives it, and GET /liveness on the same host and port, where Patroni has its
// endpoints (patroni/dcs/__init__.py, Member.get_endpoint_url). The second
// result is the HTTP status of /liveness. It returns at the deadline at the
// latest; a failure is an unknown fact with its cause, never an error.
func (c *Client) Get(ctx context.Context, apiURL string) (fact.Observed[fact.REST], fact.Observed[int]) {
	u, why := askURL(apiURL)
	if why != nil {
		return fact.NotKnown[fact.REST](why.Cause, "%s", why.Reason),
			fact.NotKnown[int](why.Cause, "%s", why.Reason)
	}
	live := url.URL{Scheme: u.Scheme, Host: u.Host, Path: "/liveness"}

	var status fact.Observed[int]
	var wg sync.WaitGroup
	wg.Go(func() {
		a := c.ask(ctx, live.String(), 0)
		if a.why != nil {
			status = fact.NotKnown[int](a.why.Cause, "%s", a.why.Reason)
		} else {
			status = fact.Known(a.status)
		}
		status = status.Stamped(a.source, a.at, a.took)
	})
	a := c.ask(ctx, u.String(), maxBody)
	rest := decodeAnswer(a)
	wg.Wait()
	return rest, status
}

// Document asks for one document, whose URL is whole, and returns its body where
// the status is 200.
func (c *Client) Document(ctx context.Context, target string) fact.Observed[[]byte] {
	u, why := askURL(target)
	if why != nil {
		return fact.NotKnown[[]byte](why.Cause, "%s", why.Reason)
	}
	a := c.ask(ctx, u.String(), maxBody)
	o := fact.Known(a.body)
	switch {
	case a.why != nil:
		o = fact.NotKnown[[]byte](a.why.Cause, "%s", a.why.Reason)
	case a.status != http.StatusOK:
		o = fact.NotKnown[[]byte](fact.Malformed, "%s: HTTP status %d", a.source, a.status)
	}
	return o.Stamped(a.source, a.at, a.took)
}

func decodeAnswer(a answer) fact.Observed[fact.REST] {
	var o fact.Observed[fact.REST]
	switch {
	case a.why != nil:
		o = fact.NotKnown[fact.REST](a.why.Cause, "%s", a.why.Reason)
	case a.status >= 300 && a.status < 400:
		// Patroni never redirects, and its leader would not follow: retries=0.
		o = fact.NotKnown[fact.REST](fact.Malformed,
			"%s: HTTP status %d, a redirect: this is not Patroni's REST API", a.source, a.status)
	default:
		o = Decode(a.status, a.header, a.body)
		if o.Known() {
			o.Value.RemoteAddr = a.remote
			o.Value.Certificate = a.certificate
		} else {
			o = fact.NotKnown[fact.REST](o.Cause(), "%s: %s", a.source, o.Reason())
		}
	}
	return o.Stamped(a.source, a.at, a.took)
}

// askURL checks an api_url. Reasons do not repeat a URL that does not parse: it
// may hold a password.
func askURL(apiURL string) (*url.URL, *fact.Unknown) {
	if apiURL == "" {
		return nil, &fact.Unknown{Cause: fact.NotAsked, Reason: "the member key has no api_url"}
	}
	u, err := url.Parse(apiURL)
	if err != nil {
		return nil, &fact.Unknown{Cause: fact.Malformed, Reason: "the api_url of the member key is no URL"}
	}
	// Patroni writes no credentials, query or fragment; they are not sent on.
	u.User, u.RawQuery, u.Fragment, u.RawFragment, u.ForceQuery = nil, "", "", "", false
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "" {
		return nil, &fact.Unknown{
			Cause:  fact.Malformed,
			Reason: "the api_url of the member key is not of the form http://host:port/patroni or https://host:port/patroni",
		}
	}
	return u, nil
}

// answer is what came back from one GET; why is set where it is not complete.
type answer struct {
	source string
	at     time.Time
	took   time.Duration
	remote string
	status int
	header http.Header
	body   []byte
	why    *fact.Unknown
	// certificate is absent where there was no TLS.
	certificate fact.Observed[fact.Certificate]
}

// ask sends one GET and reads at most limit bytes of the body; with limit 0 the
// status is all that is wanted.
func (c *Client) ask(ctx context.Context, target string, limit int64) (a answer) {
	a.source = "GET " + target
	begin := time.Now()
	var conn connection
	defer func() {
		a.at = time.Now()
		a.took = a.at.Sub(begin)
		a.remote = conn.addr()
	}()

	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	trace := &httptrace.ClientTrace{GotConn: conn.got, ConnectDone: conn.done}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodGet, target, nil)
	if err != nil {
		a.why = &fact.Unknown{Cause: fact.Malformed, Reason: "the api_url of the member key is no URL"}
		return a
	}
	req.Header.Set("User-Agent", "patroni-preflight")
	req.Header.Set("Accept", "application/json")
	anyName := c.tls
	anyName.AnyName = true
	config, handshake := anyName.Config(req.URL.Hostname())
	resp, err := c.client(config).Do(req)
	if err != nil {
		a.why = classify(ctx, err, a.source, time.Since(begin), &conn, handshake, -1)
		return a
	}
	defer resp.Body.Close()
	a.status, a.header = resp.StatusCode, resp.Header
	if resp.StatusCode < http.StatusOK {
		// With 101 net/http gives the connection away: no deadline ends a read of the body.
		a.why = &fact.Unknown{
			Cause:  fact.Malformed,
			Reason: fmt.Sprintf("%s: HTTP status %d: this is not Patroni's REST API", a.source, resp.StatusCode),
		}
		return a
	}
	if resp.TLS != nil {
		a.certificate = handshake.Certificate()
		if a.certificate.Known() {
			a.certificate.Value.NameRequired = !c.tls.NoVerify && !c.tls.AnyName
		}
	}
	if limit == 0 {
		return a
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		a.why = classify(ctx, err, a.source, time.Since(begin), &conn, handshake, len(a.body))
	case int64(len(a.body)) > limit:
		a.why = &fact.Unknown{
			Cause:  fact.Malformed,
			Reason: fmt.Sprintf("%s: the answer is longer than %d bytes", a.source, limit),
		}
	}
	return a
}

// connection remembers who was connected to. Its methods may run side by side:
// net/http's trace hooks do.
type connection struct {
	mu     sync.Mutex
	remote string
	dialed bool
}

// done notes that TCP stands, which for TLS is not yet a connection.
func (c *connection) done(_, _ string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dialed = c.dialed || err == nil
}

func (c *connection) got(info httptrace.GotConnInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remote = info.Conn.RemoteAddr().String()
}

func (c *connection) addr() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.remote
}

func (c *connection) stood() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dialed
}

// classify says why there is no complete answer. bodyBytes is how much of the
// body came, -1 where not even the status did.
func classify(
	ctx context.Context,
	err error,
	source string,
	took time.Duration,
	conn *connection,
	handshake *secure.Handshake,
	bodyBytes int,
) *fact.Unknown {
	unknown := func(c fact.Cause, format string, args ...any) *fact.Unknown {
		return &fact.Unknown{Cause: c, Reason: source + ": " + foreign.OneLine(fmt.Sprintf(format, args...), maxReason)}
	}
	// url.Error repeats the URL, which the source names already.
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var dns *net.DNSError
	var netErr net.Error
	timedOut := ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) ||
		(errors.As(err, &netErr) && netErr.Timeout())
	after := took.Round(time.Millisecond)
	connected := conn.stood()
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return unknown(fact.Unresolved, "the name %s was not resolved: %s", dns.Name, dns.Err)
	case errors.Is(ctx.Err(), context.Canceled):
		return unknown(fact.Failed, "interrupted after %s", after)
	case errors.Is(err, syscall.ECONNREFUSED):
		return unknown(fact.Refused, "connection refused")
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &plain):
		return unknown(fact.Malformed, "does not speak TLS, and the api_url says https")
	case connected && bodyBytes < 0 && handshake.Explain(err) != "":
		return unknown(fact.TLS, "%s", handshake.Explain(err))
	case !connected && timedOut:
		return unknown(fact.Unreached, "no connection within %s", after)
	case !connected:
		return unknown(fact.Unreached, "no connection: %v", err)
	case timedOut && bodyBytes < 0:
		return unknown(fact.Silent, "connected, but no answer within %s", after)
	case timedOut:
		return unknown(
			fact.Silent,
			"the answer began, but was not complete within %s (%d bytes of it came)",
			after,
			bodyBytes,
		)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), bodyBytes < 0 && errors.Is(err, io.EOF):
		return unknown(fact.Failed, "the connection was closed without an answer: %v", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return unknown(fact.Malformed, "the answer was cut off after %d bytes", bodyBytes)
	}
	return unknown(fact.Malformed, "this is not HTTP as Patroni speaks it: %v", err)
}

// maxReason bounds the text of an error, in characters: net/http repeats what the
// other side sent.
const maxReason = 300
