package pg

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

// serverOnce counts connections and lets answer decide what becomes of the offer
// of TLS on the n-th; nil means that the client did not offer it.
func serverOnce(t *testing.T, answer func(n int32, c net.Conn) net.Conn) (string, *atomic.Int32) {
	var connections atomic.Int32
	f := &fake{}
	return listen(t, func(c net.Conn) {
		n := connections.Add(1)
		if next := answer(n, c); next != nil {
			f.serve(next)
		}
	}), &connections
}

func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// offered reads the eight bytes by which a client asks for TLS.
func offered(t *testing.T, c net.Conn) {
	var request [8]byte
	if _, err := io.ReadFull(c, request[:]); err != nil || request != [8]byte(sslRequest) {
		t.Errorf("the client began with %x, %v", request, err)
	}
}

func collectOne(t *testing.T, url, mode string) fact.Observed[fact.SQL] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	return Collect(ctx, Config{
		User:     "monitor",
		Password: "x",
		SSLMode:  mode,
	}, []Target{{Member: "one", ConnURL: url}}, "")["one"]
}

func TestPreferKeepsTheConnectionOfAServerWithoutTLS(t *testing.T) {
	url, connections := serverOnce(t, func(_ int32, c net.Conn) net.Conn { return c })
	got := collectOne(t, url, "prefer")
	if got.Cause() == fact.Refused || got.Cause() == fact.Silent || connections.Load() != 1 {
		t.Errorf("%d connections; %s", connections.Load(), got.Reason())
	}
}

func TestPreferUsesTLSWhereTheServerHasIt(t *testing.T) {
	config := certificate(t)
	var secure atomic.Bool
	url, connections := serverOnce(t, func(_ int32, c net.Conn) net.Conn {
		offered(t, c)
		if _, err := c.Write([]byte("S")); err != nil {
			return nil
		}
		s := tls.Server(c, config)
		secure.Store(s.Handshake() == nil)
		return s
	})
	collectOne(t, url, "prefer")
	if !secure.Load() || connections.Load() != 1 {
		t.Errorf("TLS %t on %d connections", secure.Load(), connections.Load())
	}
}

func TestPreferFallsBackWhereTheHandshakeFails(t *testing.T) {
	var plain atomic.Bool
	url, connections := serverOnce(t, func(n int32, c net.Conn) net.Conn {
		if n > 1 {
			plain.Store(true)
			return c
		}
		offered(t, c)
		_, _ = c.Write([]byte("S"))
		return nil // and hangs up in the middle of the handshake
	})
	collectOne(t, url, "prefer")
	if !plain.Load() || connections.Load() != 2 {
		t.Errorf("plain %t on %d connections", plain.Load(), connections.Load())
	}
}

func TestRequireNeverGoesOnWithoutTLS(t *testing.T) {
	url, _ := serverOnce(t, func(_ int32, c net.Conn) net.Conn {
		offered(t, c)
		_, _ = c.Write([]byte("N"))
		if n, _ := c.Read(make([]byte, 64)); n > 0 {
			t.Errorf("%d bytes without TLS", n)
		}
		return nil
	})
	if got := collectOne(t, url, "require"); got.Known() {
		t.Error("a session without TLS")
	}
}
