package secure_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/internal/secure"
	"patroni-preflight/internal/testca"
)

// serve answers every TLS connection with a greeting, and returns its address.
func serve(t *testing.T, config *tls.Config) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer raw.Close()
				if config == nil {
					io.WriteString(raw, "HTTP/1.1 400 Bad Request\r\n\r\n")
					return
				}
				c := tls.Server(raw, config)
				io.WriteString(c, "hello")
			}()
		}
	}()
	return l.Addr().String()
}

// visit connects as the client does and returns what Explain makes of the error.
func visit(t *testing.T, c secure.Client, addr, host string) string {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	config, h := c.Config(host)
	conn := tls.Client(raw, config)
	if err = conn.Handshake(); err == nil {
		_, err = io.ReadAll(conn)
	}
	if err != nil && h.Explain(err) == "" {
		t.Errorf("not explained: %v", err)
	}
	if err == nil {
		return ""
	}
	return h.Explain(err)
}

func TestHandshake(t *testing.T) {
	t.Parallel()
	ca, other := testca.New(t, "our CA"), testca.New(t, "another CA")
	good := ca.Issue(time.Hour, "127.0.0.1", "node1.example")
	mine, foreign, old := ca.Issue(time.Hour, "me").
		TLS(t),
		other.Issue(time.Hour, "me").
			TLS(t),
		ca.Issue(-time.Hour, "me").
			TLS(t)
	client := secure.Client{Roots: ca.Pool(), CAKey: "x.cacert", CertKey: "x.cert"}
	with := func(change func(*secure.Client)) secure.Client {
		c := client
		change(&c)
		return c
	}
	show := func(pair *tls.Certificate) secure.Client {
		return with(func(c *secure.Client) { c.Certificate = pair })
	}
	wants := good.Server(t, ca)
	wants12 := good.Server(t, ca)
	wants12.MaxVersion = tls.VersionTLS12
	old11 := good.Server(t, nil)
	old11.MinVersion, old11.MaxVersion = tls.VersionTLS10, tls.VersionTLS11

	for _, tc := range []struct {
		name   string
		server *tls.Config
		client secure.Client
		host   string
		want   string // "" for a connection
	}{
		{"good, by address", good.Server(t, nil), client, "127.0.0.1", ""},
		{"good, by name", good.Server(t, nil), client, "node1.example", ""},
		{"good, and a certificate that nobody wants", good.Server(t, nil), show(&foreign), "127.0.0.1", ""},
		{"expired", ca.Issue(-time.Hour, "127.0.0.1").Server(t, nil), client, "127.0.0.1", "its certificate expired at 20"},
		{
			"expired, and AnyName",
			ca.Issue(-time.Hour, "x").Server(t, nil),
			with(func(c *secure.Client) { c.AnyName = true }),
			"127.0.0.1",
			"its certificate expired at 20",
		},
		{
			"wrong name",
			good.Server(t, nil),
			client,
			"node2.example",
			"its certificate is for 127.0.0.1, node1.example, not for node2.example: issue one with that name",
		},
		{
			"wrong address",
			good.Server(t, nil),
			client,
			"127.0.0.2",
			"its certificate is for 127.0.0.1, node1.example, not for 127.0.0.2",
		},
		{
			"no name",
			ca.Issue(time.Hour).Server(t, nil),
			client,
			"node2.example",
			"names no host (subject alternative names), so not node2.example",
		},
		{
			"wrong name, and AnyName",
			good.Server(t, nil),
			with(func(c *secure.Client) { c.AnyName = true }),
			"node2.example",
			"",
		},
		{
			"unknown CA",
			other.Issue(time.Hour, "127.0.0.1").Server(t, nil),
			client,
			"127.0.0.1",
			"signed by a CA that is not trusted here (CN=another CA): give that CA in x.cacert",
		},
		{
			"unknown CA, and AnyName",
			other.Issue(time.Hour, "127.0.0.1").Server(t, nil),
			with(func(c *secure.Client) { c.AnyName = true }),
			"127.0.0.1",
			"signed by a CA that is not trusted here",
		},
		{
			"unknown CA, and NoVerify",
			other.Issue(-time.Hour, "x").Server(t, nil),
			with(func(c *secure.Client) { c.NoVerify = true }),
			"127.0.0.1",
			"",
		},
		{
			"the system's CAs",
			good.Server(t, nil),
			with(func(c *secure.Client) { c.Roots = nil }),
			"127.0.0.1",
			"signed by a CA that is not trusted here",
		},
		{"client certificate", wants, show(&mine), "127.0.0.1", ""},
		{"client certificate lacks", wants, client, "127.0.0.1", "wants a client certificate ("},
		{"client certificate lacks, TLS 1.2", wants12, client, "127.0.0.1", "wants a client certificate"},
		{"client certificate of another CA", wants, show(&foreign), "127.0.0.1", "refuses the client certificate ("},
		{"client certificate expired", wants, show(&old), "127.0.0.1", "refuses the client certificate ("},
		{"client certificate expired, TLS 1.2", wants12, show(&old), "127.0.0.1", "refuses the client certificate ("},
		{"TLS 1.1", old11, client, "127.0.0.1", "speaks no TLS 1.2 or later"},
		{"no TLS", nil, client, "127.0.0.1", "does not speak TLS"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := visit(t, tc.client, serve(t, tc.server), tc.host)
			if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// TestExplainOtherErrors: what is none of TLS's is somebody else's to explain.
func TestExplainOtherErrors(t *testing.T) {
	t.Parallel()
	config, h := secure.Client{CertKey: "x.cert"}.Config("h")
	for _, err := range []error{nil, io.EOF, io.ErrUnexpectedEOF, &net.OpError{Op: "dial", Err: io.EOF}} {
		if why := h.Explain(err); why != "" {
			t.Errorf("%v: %q", err, why)
		}
	}

	// Unless the server asked for a certificate: then it is why the connection ended.
	if _, err := config.GetClientCertificate(nil); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		io.EOF,
		io.ErrUnexpectedEOF,
		&net.OpError{Op: "write", Err: syscall.EPIPE},
		&net.OpError{Op: "read", Err: syscall.ECONNRESET},
	} {
		if why := h.Explain(
			err,
		); why != "wants a client certificate (it closed the connection), and none is configured: give x.cert" {
			t.Errorf("%v: %q", err, why)
		}
	}
	if why := h.Explain(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}); why != "" {
		t.Errorf("refused: %q", why)
	}
}

// TestNames: an address among the host names looks right and is none.
func TestNames(t *testing.T) {
	cert := &x509.Certificate{
		DNSNames:    []string{"node2.example", "192.0.2.7"},
		IPAddresses: []net.IP{net.IPv4(192, 0, 2, 8)},
	}
	if got, want := secure.Names(
		cert,
	), []string{
		"192.0.2.7 (as a host name)",
		"192.0.2.8",
		"node2.example",
	}; !slices.Equal(
		got,
		want,
	) {
		t.Errorf("%q, want %q", got, want)
	}
}
