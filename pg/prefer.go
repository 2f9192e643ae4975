package pg

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// sslRequest is the message by which a client asks for TLS: its length and a code
// (PostgreSQL documentation, "Message Formats", SSLRequest).
var sslRequest = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), 80877103)

// tlsOffer takes over sslmode=prefer from pgx and returns what is to be done with
// a new connection. A server that has no TLS answers "N" and goes on on the same
// connection; pgx makes another, for which the server starts another process. On
// a small machine that was a third of the time of a whole check.
//
// Each address is offered TLS once. The plain connection that pgx falls back to
// stays, for a TLS handshake that fails and for a pg_hba.conf that has the role
// without TLS only.
func tlsOffer(cc *pgconn.Config) func(ctx context.Context, addr string, conn net.Conn) (net.Conn, error) {
	plain := slices.IndexFunc(cc.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.TLSConfig == nil })
	if cc.TLSConfig == nil || plain < 0 {
		return func(_ context.Context, _ string, conn net.Conn) (net.Conn, error) { return conn, nil }
	}
	config := cc.TLSConfig
	cc.TLSConfig = nil
	for _, f := range cc.Fallbacks {
		f.TLSConfig = nil
	}
	var mu sync.Mutex
	offered := map[string]bool{}
	return func(ctx context.Context, addr string, conn net.Conn) (net.Conn, error) {
		mu.Lock()
		again := offered[addr]
		offered[addr] = true
		mu.Unlock()
		if again {
			return conn, nil
		}
		secure, err := negotiate(ctx, conn, config)
		if err != nil {
			conn.Close()
		}
		return secure, err
	}
}

// negotiate offers TLS and returns the connection to go on with. It ends with
// the context.
func negotiate(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	interrupt := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	var answer [1]byte
	_, err := conn.Write(sslRequest)
	if err == nil {
		_, err = io.ReadFull(conn, answer[:])
	}
	if !interrupt() {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	switch answer[0] {
	case 'S':
		secure := tls.Client(conn, config)
		return secure, secure.HandshakeContext(ctx)
	case 'N':
		return conn, nil
	}
	return nil, fmt.Errorf("unexpected answer %q to the offer of TLS", answer[0])
}
