package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"patroni-preflight/internal/config"
)

// outcome is what a run of the program left behind.
type outcome struct {
	code           int
	stdout, stderr string
}

// world is the surroundings of a run.
type world struct {
	ctx      context.Context
	env      map[string]string
	terminal bool
	// stdin is what somebody at a terminal types; nil: there is no terminal.
	stdin *string
	// cluster stands for the cluster; nil: it is reached as the flags say.
	cluster cluster
}

// cli runs the program in an environment of its own.
func runCLI(t *testing.T, args ...string) outcome {
	t.Helper()
	return world{}.run(t, args...)
}

func (w world) run(t *testing.T, args ...string) outcome {
	t.Helper()
	if w.ctx == nil {
		w.ctx = t.Context()
	}
	// A home of its own: no configuration of the machine is found.
	env := map[string]string{"HOME": t.TempDir()}
	maps.Copy(env, w.env)
	var stdout, stderr bytes.Buffer
	e := Environment{
		Version: "test", Commit: "0000000",
		Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Stdout: &stdout, Stderr: &stderr, StdoutTerminal: w.terminal,
	}
	if w.cluster != nil {
		e.connect = func(cfg config.Config, _ Environment, _ clusterOptions) cluster {
			if c, ok := w.cluster.(interface{ configured(config.Config) }); ok {
				c.configured(cfg)
			}
			return w.cluster
		}
	}
	if w.stdin != nil {
		e.Stdin, e.StdinTerminal = strings.NewReader(*w.stdin), true
	}
	code := Run(w.ctx, e, append([]string{"patroni-preflight"}, args...))
	return outcome{code, stdout.String(), stderr.String()}
}

func put(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// putScript writes a shell script. Nothing is forked meanwhile: a child that
// inherits the open file makes it "text file busy" to the next.
func putScript(t *testing.T, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// serve calls f for each connection to a port of the loopback interface.
func serve(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range open {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			wg.Go(func() { defer c.Close(); f(c) })
		}
	})
	return l.Addr().String()
}

// blackHole accepts connections and never says a word.
func blackHole(t *testing.T) string {
	return serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
}

// closedPort is an address at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// etcd is a store that answers from a list of keys.
type etcd struct {
	pb.UnimplementedKVServer
	pb.UnimplementedMaintenanceServer
	pb.UnimplementedLeaseServer
	pb.UnimplementedAuthServer
	keys map[string]string
	// login is told every password and refuses it, repeating it; nil lets in whoever asks.
	login func(password string)
}

func (e etcd) Authenticate(_ context.Context, r *pb.AuthenticateRequest) (*pb.AuthenticateResponse, error) {
	if e.login == nil {
		return &pb.AuthenticateResponse{Token: "token"}, nil
	}
	e.login(r.Password)
	return nil, status.Errorf(codes.InvalidArgument, "password %s of %s is wrong", r.Password, r.Name)
}

func (e etcd) start(t *testing.T) string { return e.startWith(t) }

// startWith serves with TLS, as the options have it, or without.
func (e etcd) startWith(t *testing.T, options ...grpc.ServerOption) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(options...)
	pb.RegisterAuthServer(s, e)
	pb.RegisterKVServer(s, e)
	pb.RegisterMaintenanceServer(s, e)
	pb.RegisterLeaseServer(s, e)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

func (e etcd) Range(_ context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	resp := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: 7}}
	for _, k := range slices.Sorted(maps.Keys(e.keys)) { // in etcd's order
		if k >= string(r.Key) && k < string(r.RangeEnd) {
			resp.Kvs = append(resp.Kvs, &mvccpb.KeyValue{Key: []byte(k), Value: []byte(e.keys[k]), Lease: 9})
			resp.Count++
		}
	}
	return resp, nil
}

func (etcd) Status(context.Context, *pb.StatusRequest) (*pb.StatusResponse, error) {
	return &pb.StatusResponse{Version: "3.6.5", Leader: 1}, nil
}

func (etcd) Alarm(context.Context, *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	return &pb.AlarmResponse{}, nil
}

func (etcd) LeaseTimeToLive(_ context.Context, r *pb.LeaseTimeToLiveRequest) (*pb.LeaseTimeToLiveResponse, error) {
	return &pb.LeaseTimeToLiveResponse{ID: r.ID, TTL: 19, GrantedTTL: 20}, nil
}

// twoNodes is the cluster demo of two members, by the addresses at which their
// REST API and PostgreSQL are said to be.
func twoNodes(rest1, sql1, rest2, sql2 string) etcd {
	key := func(rest, sql, role string) string {
		return fmt.Sprintf(
			`{"api_url":%q,"conn_url":%q,"state":"running","role":%q,"version":"4.0.7","timeline":1,"xlog_location":83917584}`,
			rest,
			sql,
			role,
		)
	}
	return etcd{keys: map[string]string{
		"/service/demo/config":        `{"ttl":20,"loop_wait":2,"retry_timeout":3,"maximum_lag_on_failover":1048576}`,
		"/service/demo/initialize":    "7711126607369158693",
		"/service/demo/leader":        "node1",
		"/service/demo/status":        `{"optime":83917584}`,
		"/service/demo/members/node1": key(rest1, sql1, "primary"),
		"/service/demo/members/node2": key(rest2, sql2, "replica"),
	}}
}

// parrot is a PostgreSQL server that asks for the password in clear text and
// repeats it in its error. got is told every password.
func parrot(t *testing.T, got func(string)) string {
	return serve(t, func(c net.Conn) {
		b := pgproto3.NewBackend(c, c)
		for {
			m, err := b.ReceiveStartupMessage()
			if err != nil {
				return
			}
			if _, ok := m.(*pgproto3.StartupMessage); ok {
				break
			}
			if _, err := c.Write([]byte("N")); err != nil { // no TLS here
				return
			}
		}
		b.Send(&pgproto3.AuthenticationCleartextPassword{})
		if b.Flush() != nil || b.SetAuthType(pgproto3.AuthTypeCleartextPassword) != nil {
			return
		}
		m, err := b.Receive()
		if p, ok := m.(*pgproto3.PasswordMessage); err == nil && ok {
			got(p.Password)
			b.Send(
				&pgproto3.ErrorResponse{
					Severity: "FATAL",
					Code:     "28P01",
					Message:  "password " + p.Password + " is wrong",
					Detail:   p.Password,
					Hint:     p.Password,
				},
			)
			_ = b.Flush()
		}
	})
}
