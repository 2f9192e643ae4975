package pg

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/internal/secure"
	"patroni-preflight/preflight/fact"
)

// begin connects to a member. It always returns a session; without a connection
// its why is set.
func begin(ctx context.Context, cfg Config, t Target) *session {
	s := &session{source: "SQL", started: time.Now(), answers: map[string]answer{}}
	where, why := parseConnURL(t.ConnURL)
	if why != nil {
		s.why = why
		return s
	}
	cc, err := where.config(ctx, cfg)
	if err != nil {
		// Only the text: the error itself holds the connection string.
		s.why = &fact.Unknown{
			Cause:  fact.Failed,
			Reason: "the settings for the SQL session are wrong: " + foreign.OneLine(err.Error(), maxReason),
		}
		return s
	}
	s.user, s.secret = cc.User, cc.Password
	s.source = fmt.Sprintf("SQL %s@%s/%s", cc.User, where.address(), cc.Database)

	configs := tlsConfigs(cc)
	for i, config := range configs {
		host := config.ServerName // empty for an address that is not verified
		if len(configs) == len(where.hosts) {
			host = where.hosts[i]
		}
		s.handshakes = append(s.handshakes, secure.Watch(config, host, "sslrootcert", "sslcert and sslkey"))
	}
	s.progress.watch(ctx, cc)
	conn, err := pgconn.ConnectConfig(ctx, cc)
	if err != nil {
		s.why = s.connectFailure(ctx, err)
		return s
	}
	s.conn = conn
	s.certificate = s.shown()
	if a := conn.Conn().RemoteAddr(); a != nil && a.Network() == "tcp" {
		s.remote = a.String()
	}
	version := conn.ParameterStatus("server_version")
	major, ok := majorVersion(version)
	switch {
	case !ok:
		s.give(malformed("%s: the server gives its version as %s: not PostgreSQL", s.source, foreign.Quote(version)))
	case major < 10:
		s.give(&fact.Unknown{
			Cause: fact.Unsupport,
			Reason: fmt.Sprintf(
				"%s: PostgreSQL %s: versions before 10 are not supported",
				s.source,
				foreign.OneLine(version, maxReason),
			),
		})
	}
	if s.why != nil {
		s.conn = nil
	}
	s.major = major
	return s
}

// shown is the certificate of the server that is connected to, the zero value where
// there is no TLS.
func (s *session) shown() fact.Observed[fact.Certificate] {
	if _, ok := s.conn.Conn().(*tls.Conn); !ok {
		return fact.Known(fact.Certificate{})
	}
	for _, h := range slices.Backward(s.handshakes) { // the last that was tried
		if c := h.Certificate(); c.Known() {
			return c
		}
	}
	return fact.NotKnown[fact.Certificate](fact.Failed, "TLS, but the certificate was not seen")
}

// progress is how far a connection attempt came. pgx dials several addresses one
// after the other, and again without TLS.
type progress struct {
	connected  atomic.Bool // TCP
	negotiated atomic.Bool // and TLS, where it is used
	addresses  atomic.Int32
	// hungUp is whether the server ended a connection.
	hungUp atomic.Bool
}

// heard is a connection that notes when the other side ends it: pgx tells some
// of these ends as "conn closed" only, like an answer that it cannot read.
type heard struct {
	net.Conn
	hungUp *atomic.Bool
}

func (h heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		h.hungUp.Store(true)
	}
	return n, err
}

// watch takes over look-up and dialling: to see how far they come, to share the
// time among several addresses, and to dial nothing after the end of the
// context (pgx would, to cancel a statement; statement_timeout does that here).
func (p *progress) watch(ctx context.Context, cc *pgconn.Config) {
	offer := tlsOffer(cc)
	lookup := cc.LookupFunc
	cc.LookupFunc = func(c context.Context, host string) ([]string, error) {
		addrs, err := lookup(c, host)
		p.addresses.Add(int32(min(len(addrs), 100)))
		return addrs, err
	}
	cc.DialFunc = func(c context.Context, network, addr string) (net.Conn, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		d := net.Dialer{}
		if p.addresses.Load() > 1 {
			d.Timeout = max(time.Millisecond, remaining(c)/2)
		}
		conn, err := d.DialContext(c, network, addr)
		if err != nil {
			return nil, err
		}
		p.connected.Store(true)
		return offer(c, addr, heard{conn, &p.hungUp})
	}
	cc.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		p.negotiated.Store(true)
		return conn, nil
	}
}

// place is where a conn_url points.
type place struct {
	hosts, ports []string
	database     string
}

// address is the host and port, for people.
func (p place) address() string {
	var all []string
	for i := range p.hosts {
		all = append(all, net.JoinHostPort(p.hosts[i], p.ports[i]))
	}
	return strings.Join(all, ",")
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*)$`)

// parseConnURL reads conn_url as Patroni writes it: postgres://host:port/dbname,
// an IPv6 address in brackets, the host perhaps a list. net/url refuses such
// lists. Reasons do not repeat the URL: it may hold a password.
func parseConnURL(s string) (place, *fact.Unknown) {
	var p place
	if s == "" {
		return p, &fact.Unknown{Cause: fact.NotAsked, Reason: "the member key has no conn_url"}
	}
	bad := malformed("the conn_url of the member key is not of the form postgres://host:port/dbname")
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || (scheme != "postgres" && scheme != "postgresql") {
		return p, bad
	}
	rest, _, _ = strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	authority = authority[strings.LastIndex(authority, "@")+1:]
	for h := range strings.SplitSeq(authority, ",") {
		host, port, ok := splitHost(h)
		if !ok || len(p.hosts) == 10 {
			return place{}, bad
		}
		p.hosts, p.ports = append(p.hosts, host), append(p.ports, port)
	}
	database, err := url.PathUnescape(path)
	if err != nil || strings.ContainsRune(database, 0) {
		return place{}, bad
	}
	p.database = database
	return p, nil
}

// splitHost reads host, host:port, [address] or [address]:port. Nothing else is
// let through: pgx would take a path for a Unix socket and an empty host for PGHOST.
func splitHost(s string) (host, port string, ok bool) {
	port = "5432"
	if rest, v6 := strings.CutPrefix(s, "["); v6 {
		host, rest, ok = strings.Cut(rest, "]")
		address, zone, _ := strings.Cut(host, "%")
		if !ok || net.ParseIP(address) == nil || (zone != "" && !hostName.MatchString(zone)) {
			return "", "", false
		}
		if rest == "" {
			return host, port, true
		}
		if port, ok = strings.CutPrefix(rest, ":"); !ok {
			return "", "", false
		}
	} else {
		var given bool
		if host, s, given = strings.Cut(s, ":"); given {
			port = s
		}
		if !hostName.MatchString(host) {
			return "", "", false
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return host, port, err == nil && n > 0
}

// noClearText is the require_auth of a session that may have no TLS (libpq's
// documentation, "require_auth").
const noClearText = "!password"

// mayBePlain reports whether pgx may go on without TLS: sslmode disable, allow, prefer.
func mayBePlain(cc *pgconn.Config) bool {
	return cc.TLSConfig == nil ||
		slices.ContainsFunc(cc.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil })
}

// tlsConfigs are those of a configuration, each once.
func tlsConfigs(cc *pgconn.Config) []*tls.Config {
	var out []*tls.Config
	add := func(c *tls.Config) {
		if c != nil && !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	add(cc.TLSConfig)
	for _, f := range cc.Fallbacks {
		add(f.TLSConfig)
	}
	return out
}

// clientOnly are libpq's settings that are nothing to the server, and that pgx does
// not know; those that ask for more safety are read or refused before anybody
// connects (internal/config).
var clientOnly = []string{
	"fallback_application_name",
	"gssdelegation",
	"gssencmode",
	"gsslib",
	"hostaddr",
	"keepalives",
	"keepalives_count",
	"keepalives_idle",
	"keepalives_interval",
	"load_balance_hosts",
	"replication",
	"requirepeer",
	"requiressl",
	"ssl_max_protocol_version",
	"ssl_min_protocol_version",
	"sslcompression",
	"sslcrl",
	"sslcrldir",
	"sslkeylogfile",
	"tcp_user_timeout",
}

// config makes pgx's configuration, with libpq's environment and password file
// behind ours. The password is not in the text that is parsed.
func (p place) config(ctx context.Context, cfg Config) (*pgconn.Config, error) {
	database := cfg.Database
	if database == "" {
		database = p.database
	}
	if database == "" && os.Getenv("PGDATABASE") == "" {
		database = "postgres"
	}
	text := "target_session_attrs=any"
	if cfg.Certificate != nil {
		text += " sslcert='' sslkey=''" // pgx would fail at a key that it cannot read
	}
	for _, kv := range [][2]string{
		{"host", strings.Join(p.hosts, ",")},
		{"port", strings.Join(p.ports, ",")},
		{"user", cfg.User},
		{"dbname", database},
		{"sslmode", cfg.SSLMode},
		{"sslrootcert", cfg.SSLRootCert},
		{"sslnegotiation", cfg.SSLNegotiation},
		{"channel_binding", cfg.ChannelBinding},
	} {
		if kv[1] != "" {
			text += " " + kv[0] + "='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(kv[1]) + "'"
		}
	}
	cc, err := pgconn.ParseConfig(text)
	if err != nil {
		return nil, err
	}
	if cfg.Password != "" {
		cc.Password = cfg.Password
	}
	for _, config := range tlsConfigs(cc) {
		config.MinVersion, config.MaxVersion = max(tls.VersionTLS12, cfg.MinTLS), cfg.MaxTLS
		if cfg.Certificate != nil && cc.SSLCertMode != "disable" {
			config.Certificates = []tls.Certificate{*cfg.Certificate}
		}
	}
	if cc.RequireAuth == "" && mayBePlain(cc) {
		// pgx, as libpq, would send the password in clear text to any server that asks.
		cc.RequireAuth = noClearText
	}
	// Of a service pgx hands to the server what it does not know itself.
	for _, key := range clientOnly {
		delete(cc.RuntimeParams, key)
	}
	cc.RuntimeParams["application_name"] = "patroni-preflight"
	cc.RuntimeParams["client_encoding"] = "UTF8"
	cc.MaxProtocolMessageBodyLen = maxMessage
	if len(p.hosts) > 1 {
		cc.ConnectTimeout = max(time.Millisecond, remaining(ctx)/time.Duration(len(p.hosts)))
	}
	return cc, nil
}
