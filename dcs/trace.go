package dcs

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/internal/secure"
	"patroni-preflight/preflight/fact"
)

// trace records what became of the connection to one endpoint. gRPC keeps that
// to itself: a refused port, a black hole and a server that speaks TLS all end
// as "context deadline exceeded".
type trace struct {
	mu        sync.Mutex
	connected bool
	err       error  // of the last attempt to connect
	head      []byte // the first bytes that came, decrypted
	// handshake is set where TLS is spoken; secured is whether it succeeded, and
	// broken what ended it or, with TLS 1.3, the first read after it.
	handshake *secure.Handshake
	secured   bool
	broken    error
}

func (t *trace) dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", addr)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.connected, t.err, t.head, t.secured = err == nil, err, nil, false
	switch {
	case err != nil:
		return nil, err
	case t.handshake != nil: // what is read before the handshake is not what is said
		return c, nil
	}
	return &conn{c, t}, nil
}

// seen are credentials that note how the handshake went.
type seen struct {
	credentials.TransportCredentials
	trace *trace
}

func (s seen) ClientHandshake(
	ctx context.Context,
	authority string,
	raw net.Conn,
) (net.Conn, credentials.AuthInfo, error) {
	c, info, err := s.TransportCredentials.ClientHandshake(ctx, authority, raw)
	s.trace.mu.Lock()
	defer s.trace.mu.Unlock()
	s.trace.secured, s.trace.broken = err == nil, err
	if err != nil {
		return nil, nil, err
	}
	return &conn{c, s.trace}, info, nil
}

func (s seen) Clone() credentials.TransportCredentials {
	return seen{s.TransportCredentials.Clone(), s.trace}
}

type conn struct {
	net.Conn
	trace *trace
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.trace.mu.Lock()
	defer c.trace.mu.Unlock()
	if err != nil {
		c.note(err)
	}
	if missing := 5 - len(c.trace.head); missing > 0 {
		c.trace.head = append(c.trace.head, b[:min(n, missing)]...)
		if err == nil && !c.trace.isHTTP2() {
			err = errNotHTTP2 // or gRPC waits for the rest of a frame that is none
		}
	}
	return n, err
}

// Write notes an error before anything came: with TLS 1.3 a server that refuses
// our certificate may be noticed here first.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil {
		c.trace.mu.Lock()
		defer c.trace.mu.Unlock()
		c.note(err)
	}
	return n, err
}

// note keeps what ended the connection, the most telling of it. The trace is locked.
func (c *conn) note(err error) {
	t := c.trace
	if t.handshake != nil && len(t.head) == 0 && (t.broken == nil || t.handshake.Explain(t.broken) == "") {
		t.broken = err
	}
}

var errNotHTTP2 = errors.New("not HTTP/2")

// isHTTP2 is false as soon as the first bytes are not a SETTINGS frame, with
// which every HTTP/2 server begins: three bytes of length, then type 4.
func (t *trace) isHTTP2() bool { return len(t.head) < 4 || t.head[3] == 4 }

// explain finds the real cause of a failed call that took so long.
func (t *trace) explain(err error, took time.Duration) *fact.Unknown {
	t.mu.Lock()
	defer t.mu.Unlock()
	code := status.Code(err)
	late := errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		code == codes.DeadlineExceeded || code == codes.Canceled
	if cause, reason := server(rpctypes.Error(err)); cause != "" {
		return &fact.Unknown{Cause: cause, Reason: reason}
	}
	text := foreign.OneLine(status.Convert(err).Message(), 200)
	switch {
	case t.err != nil:
		return &fact.Unknown{Cause: dialCause(t.err), Reason: foreign.OneLine(t.err.Error(), 200)}
	case !t.connected:
		return &fact.Unknown{Cause: fact.Unreached, Reason: "no connection within " + seconds(took)}
	case t.handshake != nil && t.handshake.Explain(t.broken) != "":
		return &fact.Unknown{Cause: fact.TLS, Reason: foreign.OneLine(t.handshake.Explain(t.broken), 400)}
	case t.handshake != nil && !t.secured && !late:
		return &fact.Unknown{Cause: fact.TLS, Reason: "no TLS session: " + text}
	case len(t.head) > 0 && t.head[0] == 0x15: // a TLS alert
		return &fact.Unknown{Cause: fact.Malformed, Reason: "speaks TLS: this is an https:// endpoint"}
	case string(t.head) == "HTTP/":
		return &fact.Unknown{
			Cause:  fact.Malformed,
			Reason: "speaks HTTP/1, not gRPC: not an etcd v3 client port, or one that wants https",
		}
	case !t.isHTTP2():
		return &fact.Unknown{Cause: fact.Malformed, Reason: "does not speak gRPC: this is not an etcd v3 client port"}
	case late:
		return &fact.Unknown{Cause: fact.Silent, Reason: "no answer within " + seconds(took)}
	case code == codes.Unimplemented || code == codes.ResourceExhausted || code == codes.Internal:
		return &fact.Unknown{Cause: fact.Malformed, Reason: text}
	case len(t.head) == 0:
		return &fact.Unknown{
			Cause:  fact.Failed,
			Reason: "closed the connection before any answer, as a server that wants https does: " + text,
		}
	}
	return &fact.Unknown{Cause: fact.Failed, Reason: text}
}

// server classifies errors that etcd itself gave, which all of its calls share.
func server(err error) (fact.Cause, string) {
	is := func(targets ...error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
	switch {
	case is(rpctypes.ErrPermissionDenied):
		return fact.Privilege, err.Error()
	case is(rpctypes.ErrUserEmpty):
		return fact.Denied, "authentication: " + err.Error() + ": give etcd3.username and etcd3.password"
	case is(rpctypes.ErrAuthFailed):
		return fact.Denied, "authentication: " + err.Error() + ": check etcd3.username and etcd3.password"
	case is(rpctypes.ErrInvalidAuthToken, rpctypes.ErrAuthOldRevision):
		return fact.Denied, "authentication: " + err.Error()
	case is(rpctypes.ErrNoLeader, rpctypes.ErrNotLeader, rpctypes.ErrLeaderChanged, rpctypes.ErrTimeout,
		rpctypes.ErrTimeoutDueToLeaderFail, rpctypes.ErrTimeoutDueToConnectionLost):
		return fact.Failed, "answers, but has no leader or no quorum: " + err.Error()
	}
	return "", ""
}

func dialCause(err error) fact.Cause {
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return fact.Unresolved
	case errors.Is(err, syscall.ECONNREFUSED):
		return fact.Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.As(err, &timeout) && timeout.Timeout():
		return fact.Unreached
	}
	return fact.Failed
}

func seconds(d time.Duration) string {
	unit := 10 * time.Millisecond
	if d > time.Second/2 {
		unit = 100 * time.Millisecond
	}
	return max(d.Round(unit), unit).String()
}

// failFast makes a call fail with its connection. clientv3 makes all calls wait
// for a better one until the deadline.
func failFast(
	ctx context.Context,
	method string,
	req, reply any,
	cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	return invoke(ctx, method, req, reply, cc, append(opts, grpc.WaitForReady(false))...)
}

// errReadOnly is what a call gets that could change anything.
var errReadOnly = errors.New("refused: this client only reads")

// readOnly lets pass the calls of the reader and nothing else, whoever makes them.
func readOnly(
	ctx context.Context,
	method string,
	req, reply any,
	cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	switch r := req.(type) {
	case *pb.RangeRequest, *pb.StatusRequest, *pb.LeaseTimeToLiveRequest, *pb.AuthenticateRequest:
	case *pb.AlarmRequest:
		if r.Action != pb.AlarmRequest_GET {
			return errReadOnly
		}
	default:
		return errReadOnly
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// noStreams refuses watches, lease keep-alives and snapshots.
func noStreams(
	context.Context,
	*grpc.StreamDesc,
	*grpc.ClientConn,
	string,
	grpc.Streamer,
	...grpc.CallOption,
) (grpc.ClientStream, error) {
	return nil, errReadOnly
}
