package dcs

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"patroni-preflight/internal/secure"
	"patroni-preflight/internal/testca"
	"patroni-preflight/preflight/fact"
)

// openWith is Open, closed at the end of the test.
func openWith(t *testing.T, c Config) *Etcd {
	t.Helper()
	e, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// TestTLS reads over TLS, or says why not, at once.
func TestTLS(t *testing.T) {
	t.Parallel()
	ca, other := testca.New(t, "our CA"), testca.New(t, "another CA")
	good, mine, foreign := ca.Issue(
		time.Hour,
		"127.0.0.1",
	), ca.Issue(time.Hour, "me").
		TLS(t),
		other.Issue(time.Hour, "me").
			TLS(t)
	client := secure.Client{Roots: ca.Pool(), CAKey: "etcd3.cacert", CertKey: "etcd3.cert and etcd3.key"}
	shows, lies, trusts := client, client, client
	shows.Certificate, lies.Certificate = &mine, &foreign
	trusts.Roots = other.Pool()
	for _, tc := range []struct {
		name   string
		server testca.Pair
		wants  *testca.CA
		client secure.Client
		why    string // "" for an answer
	}{
		{"verified", good, nil, client, ""},
		{"client certificate", good, ca, shows, ""},
		{"expired", ca.Issue(-time.Hour, "127.0.0.1"), nil, client, "its certificate expired at "},
		{
			"wrong name",
			ca.Issue(time.Hour, "etcd1.example", "127.0.0.2"),
			nil,
			client,
			"its certificate is for 127.0.0.2, etcd1.example, not for 127.0.0.1: ",
		},
		{
			"unknown CA",
			good,
			nil,
			trusts,
			"signed by a CA that is not trusted here (CN=our CA): give that CA in etcd3.cacert",
		},
		{"no client certificate", good, ca, client, "), and none is configured: give etcd3.cert and etcd3.key"},
		{"another client certificate", good, ca, lies, "refuses the client certificate ("},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := (&fake{leader: 7, keys: demo(), secure: tc.server.Server(t, tc.wants)}).start(t)
			e := openWith(t, Config{Endpoints: []string{f.url}, TLS: &tc.client, Secure: true})
			d, members, took := read(t, e, 20*time.Second)
			// Whatever came of it, the certificate was seen.
			if c := d.Endpoints[0].Certificate; !c.Is(func(c fact.Certificate) bool {
				return c.Host == "127.0.0.1" && c.Issuer == "CN=our CA" && c.Matches == (tc.name != "wrong name") &&
					c.NotAfter.Before(time.Now()) == (tc.name == "expired")
			}) {
				t.Errorf("certificate %+v, %s", c.Value, c.Reason())
			}
			if tc.why == "" {
				if !d.Read.Known() || len(members) != 2 || !d.Endpoints[0].Status.Known() || !d.Alarms.Known() {
					t.Errorf("%s; %d members", d.Read.Reason(), len(members))
				}
				return
			}
			for what, o := range map[string]fact.Cause{
				"read":   d.Read.Cause(),
				"status": d.Endpoints[0].Status.Cause(),
				"alarms": d.Alarms.Cause(),
			} {
				if o != fact.TLS {
					t.Errorf("%s is %q, want %q", what, o, fact.TLS)
				}
			}
			if !strings.Contains(d.Read.Reason(), f.url+": ") || !strings.Contains(d.Read.Reason(), tc.why) ||
				took > 10*time.Second {
				t.Errorf("%s after %s, want %s", d.Read.Reason(), took, tc.why)
			}
		})
	}
}

// TestTLSAgainstPlain: https where there is none is no TLS session, and nothing
// of ours goes out in plain text.
func TestTLSAgainstPlain(t *testing.T) {
	t.Parallel()
	client := secure.Client{Roots: testca.New(t, "our CA").Pool(), CAKey: "etcd3.cacert"}
	plain := healthy(t)
	e := openWith(
		t,
		Config{
			Endpoints: []string{strings.Replace(plain.url, "http:", "https:", 1)},
			TLS:       &client,
			User:      "root",
			Password:  "hunter2",
		},
	)
	if d, _, _ := read(t, e, 20*time.Second); d.Read.Cause() != fact.TLS || strings.Contains(d.Read.Reason(), "hunter2") {
		t.Errorf("%s: %s", d.Read.Cause(), d.Read.Reason())
	}
	if n := plain.logins.Load() + plain.ranges.Load(); n > 0 {
		t.Errorf("%d calls in plain text", n)
	}
	if _, err := Open(Config{Endpoints: []string{"https://a", "http://b"}, TLS: &client, Secure: true}); err == nil ||
		err.Error() != "etcd endpoint http://b: TLS is configured, and this is plain text" {
		t.Errorf("an http endpoint beside TLS: %v", err)
	}
}

// TestDeadServersBesideTLS: one server of three that answers is enough.
func TestDeadServersBesideTLS(t *testing.T) {
	t.Parallel()
	ca := testca.New(t, "our CA")
	client := secure.Client{Roots: ca.Pool(), CAKey: "etcd3.cacert"}
	f := (&fake{
		leader: 7,
		keys:   demo(),
		secure: ca.Issue(time.Hour, "127.0.0.1").Server(t, nil),
		users:  map[string]string{"patroni": "hunter2"},
	}).start(
		t,
	)
	overTLS := func(url string) string { return strings.Replace(url, "http:", "https:", 1) }
	expired := (&fake{leader: 7, keys: demo(), secure: ca.Issue(-time.Hour, "127.0.0.1").Server(t, nil)}).start(t)
	e := openWith(t, Config{
		Endpoints: []string{overTLS(refused(t)), overTLS(says(t, "")), expired.url, f.url},
		TLS:       &client, Secure: true, User: "patroni", Password: "hunter2",
	})
	d, members, _ := read(t, e, 4*time.Second)
	if !d.Read.Known() || len(members) != 2 {
		t.Errorf("%s: %s", d.Read.Cause(), d.Read.Reason())
	}
	for i, want := range []fact.Cause{fact.Refused, fact.Silent, fact.TLS, ""} {
		if got := d.Endpoints[i].Status; got.Cause() != want {
			t.Errorf("status %d is %q: %s, want %q", i, got.Cause(), got.Reason(), want)
		}
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	users := map[string]string{"patroni": "hunter2"}
	for _, tc := range []struct {
		name           string
		server         *fake
		user, password string
		cause          fact.Cause
		why            string
		logins         int32
	}{
		{"right", &fake{users: users}, "patroni", "hunter2", "", "", 1},
		{"right, and health needs it", &fake{users: users, guarded: true}, "patroni", "hunter2", "", "", 1},
		{"authentication is off", &fake{}, "patroni", "hunter2", "", "", 1},
		{
			"wrong password",
			&fake{users: users},
			"patroni",
			"hunter3",
			fact.Denied,
			"invalid user ID or password: check etcd3.username and etcd3.password",
			1,
		},
		{
			"no user",
			&fake{users: users},
			"",
			"",
			fact.Denied,
			"user name is empty: give etcd3.username and etcd3.password",
			0,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.server.leader, tc.server.keys = 7, demo()
			f := tc.server.start(t)
			e := openWith(t, Config{Endpoints: []string{f.url}, User: tc.user, Password: tc.password})
			d, _, _ := read(t, e, 20*time.Second)
			if d.Read.Cause() != tc.cause || !strings.Contains(d.Read.Reason(), tc.why) ||
				strings.Contains(d.Read.Reason(), "hunter") {
				t.Errorf("%q: %s, want %q: %s", d.Read.Cause(), d.Read.Reason(), tc.cause, tc.why)
			}
			if !d.Endpoints[0].Status.Known() || !d.Alarms.Known() {
				t.Errorf("health: %s; %s", d.Endpoints[0].Status.Reason(), d.Alarms.Reason())
			}
			again, _ := e.Reread(t.Context(), d.Prefix)
			if again.Read.Cause() != tc.cause {
				t.Errorf("again: %s", again.Read.Reason())
			}
			if tc.cause == "" && f.logins.Load() != tc.logins {
				t.Errorf("%d logins, want %d", f.logins.Load(), tc.logins)
			}
		})
	}
}

// TestPermission names the statement that would cure it.
func TestPermission(t *testing.T) {
	t.Parallel()
	f := (&fake{leader: 7, rangeErr: rpctypes.ErrGRPCPermissionDenied}).start(t)
	d, _, _ := read(t, connect(t, f.url), 20*time.Second)
	if d.Read.Cause() != fact.Privilege ||
		!strings.HasSuffix(d.Read.Reason(), "etcdctl role grant-permission ROLE --prefix=true read /service/demo/") {
		t.Errorf("%q: %s", d.Read.Cause(), d.Read.Reason())
	}
}

func TestSRV(t *testing.T) {
	t.Parallel()
	ca := testca.New(t, "our CA")
	secured := (&fake{leader: 7, keys: demo(), secure: ca.Issue(time.Hour, "127.0.0.1").Server(t, nil)}).start(t)
	plain := healthy(t)
	client := &secure.Client{Roots: ca.Pool(), CAKey: "etcd3.cacert"}
	record := func(url string) []*net.SRV {
		_, port, err := net.SplitHostPort(strings.TrimPrefix(strings.TrimPrefix(url, "http://"), "https://"))
		if err != nil {
			t.Fatal(err)
		}
		n, err := net.LookupPort("tcp", port)
		if err != nil {
			t.Fatal(err)
		}
		return []*net.SRV{{Target: "127.0.0.1.", Port: uint16(n)}}
	}
	for _, tc := range []struct {
		name    string
		config  Config
		records map[string][]*net.SRV
		broken  bool
		want    string // the endpoint, or the reason
		cause   fact.Cause
	}{
		{"TLS first", Config{SRV: "x.example", TLS: client}, map[string][]*net.SRV{
			"_etcd-client-ssl._tcp.x.example": record(secured.url), "_etcd-client._tcp.x.example": record(plain.url),
		}, false, secured.url, ""},
		{
			"plain",
			Config{SRV: "x.example", TLS: client},
			map[string][]*net.SRV{"_etcd._tcp.x.example": record(plain.url)},
			false,
			plain.url,
			"",
		},
		{"suffix", Config{SRV: "x.example", SRVSuffix: "prod", TLS: client}, map[string][]*net.SRV{
			"_etcd-client-prod._tcp.x.example": record(plain.url), "_etcd-client-ssl._tcp.x.example": record(secured.url),
		}, false, plain.url, ""},
		{
			"before the hosts",
			Config{SRV: "x.example", TLS: client, Endpoints: []string{secured.url}},
			map[string][]*net.SRV{"_etcd._tcp.x.example": record(plain.url)},
			false,
			plain.url,
			"",
		},
		{
			"none, so the hosts",
			Config{SRV: "x.example", TLS: client, Endpoints: []string{secured.url}},
			nil,
			false,
			secured.url,
			"",
		},
		{
			"DNS is broken, so the hosts",
			Config{SRV: "x.example", TLS: client, Endpoints: []string{secured.url}},
			nil,
			true,
			secured.url,
			"",
		},
		{
			"none",
			Config{SRV: "x.example", TLS: client},
			nil,
			false,
			"no SRV record names a server of etcd below x.example",
			fact.Unresolved,
		},
		{
			"DNS is broken",
			Config{SRV: "x.example", TLS: client},
			nil,
			true,
			"SRV records of _etcd-client-ssl._tcp.x.example: lookup",
			fact.Unresolved,
		},
		{
			"plain text where TLS is configured",
			Config{SRV: "x.example", TLS: client, Secure: true},
			map[string][]*net.SRV{"_etcd._tcp.x.example": record(plain.url)},
			false,
			"TLS is configured, and this is plain text",
			fact.Malformed,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.config.LookupSRV = func(_ context.Context, name string) ([]*net.SRV, error) {
				if tc.broken {
					return nil, &net.DNSError{Err: "server misbehaving", Name: name}
				}
				if r := tc.records[name]; r != nil {
					return r, nil
				}
				return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
			}
			e := openWith(t, tc.config)
			d, members, _ := read(t, e, 20*time.Second)
			again, _ := e.Reread(t.Context(), d.Prefix)
			if tc.cause != "" {
				if d.Read.Cause() != tc.cause || !strings.Contains(d.Read.Reason(), tc.want) || d.Cluster.Cause() != tc.cause ||
					again.Read.Cause() != tc.cause ||
					members == nil {
					t.Errorf("%q: %s, want %q: %s", d.Read.Cause(), d.Read.Reason(), tc.cause, tc.want)
				}
				return
			}
			if len(d.Endpoints) != 1 || d.Endpoints[0].URL != tc.want || !d.Read.Known() || len(members) != 2 ||
				!again.Read.Known() {
				t.Errorf("%+v: %s, want %s", d.Endpoints, d.Read.Reason(), tc.want)
			}
		})
	}
}
