package patroniapi

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"patroni-preflight/internal/secure"
	"patroni-preflight/internal/testca"
	"patroni-preflight/preflight/fact"
)

// TestTLS asks an https api_url, or says why not.
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
	client := secure.Client{Roots: ca.Pool(), CAKey: "ctl.cacert", CertKey: "ctl.certfile and ctl.keyfile"}
	with := func(change func(*secure.Client)) secure.Client { c := client; change(&c); return c }
	for _, tc := range []struct {
		name   string
		server testca.Pair
		wants  *testca.CA
		client secure.Client
		why    string // "" for an answer
	}{
		{"verified", good, nil, client, ""},
		{"verify_client", good, ca, with(func(c *secure.Client) { c.Certificate = &mine }), ""},
		{"insecure", ca.Issue(-time.Hour, "x"), nil, secure.Client{NoVerify: true}, ""},
		{
			"insecure with a certificate",
			ca.Issue(time.Hour, "x"),
			ca,
			with(func(c *secure.Client) { c.Certificate, c.AnyName = &mine, true }),
			"",
		},
		{"expired", ca.Issue(-time.Hour, "127.0.0.1"), nil, client, "its certificate expired at "},
		{"wrong name, which is a fact and no failure", ca.Issue(time.Hour, "x"), nil, client, ""},
		{"wrong name of another CA", other.Issue(time.Hour, "x"), nil, client, "give that CA in ctl.cacert"},
		{"unknown CA", good, nil, with(func(c *secure.Client) { c.Roots = other.Pool() }), "give that CA in ctl.cacert"},
		{"no client certificate", good, ca, client, "and none is configured: give ctl.certfile and ctl.keyfile"},
		{
			"another client certificate",
			good,
			ca,
			with(func(c *secure.Client) { c.Certificate = &foreign }),
			"refuses the client certificate",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(
				http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, primary) }),
			)
			s.Config.ErrorLog = quiet
			s.TLS = tc.server.Server(t, tc.wants)
			s.StartTLS()
			t.Cleanup(s.Close)
			rest, live := New(Config{TLS: tc.client}).Get(t.Context(), s.URL+"/patroni")
			if tc.why == "" {
				r, ok := rest.Get()
				if c := r.Certificate; !c.Is(func(c fact.Certificate) bool {
					return c.Host == "127.0.0.1" && c.Issuer == "CN=our CA" && c.Matches == (c.Names[0] != "x") &&
						c.NameRequired == !strings.HasPrefix(tc.name, "insecure")
				}) {
					t.Errorf("certificate %+v, %s", c.Value, c.Reason())
				}
				if !ok || !fact.Equal(r.Name, "node1") || r.RemoteAddr != strings.TrimPrefix(s.URL, "https://") ||
					!fact.Equal(live, 200) {
					t.Errorf("%s, %s", rest.Reason(), live.Reason())
				}
				return
			}
			if rest.Cause() != fact.TLS || live.Cause() != fact.TLS || !strings.Contains(rest.Reason(), tc.why) ||
				!strings.HasPrefix(rest.Reason(), "GET "+s.URL+"/patroni: ") {
				t.Errorf("%q: %s, want %s", rest.Cause(), rest.Reason(), tc.why)
			}
		})
	}
}

func overTLS(url string) string { return strings.Replace(url, "http:", "https:", 1) }

// quiet drops what net/http's servers say about handshakes that we break.
var quiet = log.New(io.Discard, "", 0)

// TestMixedSchemes: https where there is none, and the other way round, are as
// broken for Patroni's leader as for us.
func TestMixedSchemes(t *testing.T) {
	t.Parallel()
	plain := patroni(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, primary) })
	rest, _ := New(Config{}).Get(t.Context(), overTLS(plain.URL+"/patroni"))
	if rest.Cause() != fact.Malformed ||
		!strings.Contains(rest.Reason(), "does not speak TLS, and the api_url says https") {
		t.Errorf("https: %q: %s", rest.Cause(), rest.Reason())
	}
	// A server that is neither.
	rest, _ = New(
		Config{},
	).Get(t.Context(), overTLS(raw(t, func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) })))
	if rest.Cause() != fact.Malformed || !strings.Contains(rest.Reason(), "does not speak TLS") {
		t.Errorf("SSH: %q: %s", rest.Cause(), rest.Reason())
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = quiet
	s.StartTLS()
	t.Cleanup(s.Close)
	rest, _ = New(Config{}).Get(t.Context(), strings.Replace(s.URL, "https:", "http:", 1)+"/patroni")
	if rest.Cause() != fact.Malformed {
		t.Errorf("http: %q: %s", rest.Cause(), rest.Reason())
	}
}

// TestSilentTLS: a server that accepts and shakes no hands is silent, as it is
// for Patroni, and not out of reach.
func TestSilentTLS(t *testing.T) {
	t.Parallel()
	rest, _ := New(
		Config{Timeout: 300 * time.Millisecond},
	).Get(t.Context(), overTLS(raw(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })))
	if rest.Cause() != fact.Silent {
		t.Errorf("%q: %s", rest.Cause(), rest.Reason())
	}
}
