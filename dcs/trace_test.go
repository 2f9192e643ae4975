package dcs

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	dialled := func(err error) *trace { return &trace{err: &net.OpError{Op: "dial", Net: "tcp", Err: err}} }
	settings := []byte{0, 0, 6, 4, 0}
	unavailable := status.Error(codes.Unavailable, "last connection\nerror")
	tests := []struct {
		name   string
		trace  *trace
		err    error
		cause  fact.Cause
		reason string
	}{
		{"not connected yet", &trace{}, context.DeadlineExceeded, fact.Unreached, "no connection within 3s"},
		{"given up on", &trace{}, context.Canceled, fact.Unreached, "no connection within 3s"},
		{"no route", dialled(syscall.EHOSTUNREACH), unavailable, fact.Unreached, "dial tcp: no route to host"},
		{"no network", dialled(syscall.ENETUNREACH), unavailable, fact.Unreached, "dial tcp: network is unreachable"},
		{"connect timeout", dialled(os.ErrDeadlineExceeded), unavailable, fact.Unreached, "dial tcp: i/o timeout"},
		{
			"refused, and late",
			dialled(syscall.ECONNREFUSED),
			context.DeadlineExceeded,
			fact.Refused,
			"dial tcp: connection refused",
		},
		{"no descriptors", dialled(syscall.EMFILE), unavailable, fact.Failed, "dial tcp: too many open files"},
		{
			"no name",
			&trace{err: &net.DNSError{Err: "no such host", Name: "etcd1"}},
			unavailable,
			fact.Unresolved,
			"lookup etcd1: no such host",
		},
		{"silent", &trace{connected: true}, context.DeadlineExceeded, fact.Silent, "no answer within 3s"},
		{
			"silent after a greeting",
			&trace{connected: true, head: settings},
			status.Error(codes.DeadlineExceeded, "x"),
			fact.Silent,
			"no answer within 3s",
		},
		{
			"reset",
			&trace{connected: true},
			unavailable,
			fact.Failed,
			"closed the connection before any answer, as a server that wants https does: last connection error",
		},
		{"lost", &trace{connected: true, head: settings}, unavailable, fact.Failed, "last connection error"},
		{
			"too large",
			&trace{connected: true, head: settings},
			status.Error(codes.ResourceExhausted, "larger than max"),
			fact.Malformed,
			"larger than max",
		},
		{
			"web server",
			&trace{connected: true, head: []byte("HTTP/")},
			context.DeadlineExceeded,
			fact.Malformed,
			"speaks HTTP/1, not gRPC",
		},
		{
			"wrong token",
			&trace{connected: true, head: settings},
			rpctypes.ErrGRPCInvalidAuthToken,
			fact.Denied,
			"authentication: etcdserver: invalid auth token",
		},
		// A server that answered is believed, whatever its connection did since.
		{
			"denied, then down",
			dialled(syscall.ECONNREFUSED),
			rpctypes.ErrPermissionDenied,
			fact.Privilege,
			"etcdserver: permission denied",
		},
		{"corrupt", &trace{connected: true, head: settings}, rpctypes.ErrCorrupt, fact.Failed, "etcdserver: corrupt cluster"},
		{"foreign error", &trace{connected: true, head: settings}, errors.New("\x1b[2Jboo"), fact.Failed, "[2Jboo"},
	}
	for _, tt := range tests {
		got := tt.trace.explain(tt.err, 3001*time.Millisecond)
		if got.Cause != tt.cause || !strings.HasPrefix(got.Reason, tt.reason) {
			t.Errorf("%s is %s: %s\nwant %s: %s", tt.name, got.Cause, got.Reason, tt.cause, tt.reason)
		}
	}
}

// The causes of failed calls all have a place in the order, or the one that is
// shown would be arbitrary.
func TestTelling(t *testing.T) {
	t.Parallel()
	for _, c := range []fact.Cause{
		fact.Privilege, fact.Denied, fact.Malformed, fact.Failed,
		fact.Silent, fact.Unreached, fact.Refused, fact.Unresolved,
	} {
		if telling(c) < 0 {
			t.Errorf("%s has no place", c)
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                           "",
		"plain":                      "plain",
		" a \n\t b\r\n":              "a b",
		"\x1b[31mred\x07":            "[31mred",
		"a\u202eb":                   "a b",
		strings.Repeat("x", 12):      "xxxxxxxxxx...",
		strings.Repeat("\u00e4", 10): strings.Repeat("\u00e4", 10),
		"bad\xff":                    "bad\uFFFD",
	} {
		if got := foreign.OneLine(in, 10); got != want {
			t.Errorf("foreign.OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration]string{
		0:                       "10ms",
		254 * time.Millisecond:  "250ms",
		961 * time.Millisecond:  "1s",
		3001 * time.Millisecond: "3s",
		90 * time.Second:        "1m30s",
	} {
		if got := seconds(in); got != want {
			t.Errorf("seconds(%s) = %s, want %s", in, got, want)
		}
	}
}
