package dcs

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// fake is an etcd that answers from a list of keys. Each error, when set, is the
// answer instead; block makes a call hang until the caller gives up.
type fake struct {
	pb.UnimplementedKVServer
	pb.UnimplementedMaintenanceServer
	pb.UnimplementedLeaseServer
	keys                                  []KV
	rangeErr, statusErr, alarmErr, ttlErr error
	neighboursErr                         error
	blockRange, blockStatus, blockAlarm   bool
	delay                                 time.Duration
	leader, cluster                       uint64
	revision                              int64 // 0 stands for 42
	alarms                                []pb.AlarmType
	expired                               int64 // a lease that has run out
	ranges, leases                        atomic.Int32
	url                                   string
	// users are who may log in, nil for no authentication; token is asked of
	// every call then. guarded wants it for questions about health too.
	pb.UnimplementedAuthServer
	users   map[string]string
	guarded bool
	logins  atomic.Int32
	secure  *tls.Config
}

// start serves f and fills in its URL.
func (f *fake) start(t testing.TB) *fake {
	t.Helper()
	l := listen(t)
	scheme, options := "http://", []grpc.ServerOption{grpc.UnaryInterceptor(f.authorize)}
	if f.secure != nil {
		scheme, options = "https://", append(options, grpc.Creds(credentials.NewTLS(f.secure)))
	}
	s := grpc.NewServer(options...)
	pb.RegisterAuthServer(s, f)
	pb.RegisterKVServer(s, f)
	pb.RegisterMaintenanceServer(s, f)
	pb.RegisterLeaseServer(s, f)
	go s.Serve(l)
	t.Cleanup(s.Stop)
	f.url = scheme + l.Addr().String()
	return f
}

const token = "token.4711"

func (f *fake) Authenticate(_ context.Context, r *pb.AuthenticateRequest) (*pb.AuthenticateResponse, error) {
	f.logins.Add(1)
	switch password, known := f.users[r.Name]; {
	case f.users == nil:
		return nil, rpctypes.ErrGRPCAuthNotEnabled
	case !known || password != r.Password:
		return nil, rpctypes.ErrGRPCAuthFailed
	}
	return &pb.AuthenticateResponse{Token: token}, nil
}

// authorize wants the token where there are users.
func (f *fake) authorize(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	open := f.users == nil
	switch req.(type) {
	case *pb.AuthenticateRequest:
		open = true
	case *pb.StatusRequest, *pb.AlarmRequest:
		open = open || !f.guarded
	}
	md, _ := metadata.FromIncomingContext(ctx)
	if got := md.Get(rpctypes.TokenFieldNameGRPC); !open && !slices.Equal(got, []string{token}) {
		return nil, rpctypes.ErrGRPCUserEmpty
	}
	return handle(ctx, req)
}

func (f *fake) answer(ctx context.Context, block bool, err error) error {
	if block {
		<-ctx.Done()
		return ctx.Err()
	}
	time.Sleep(f.delay)
	return err
}

func (f *fake) Range(ctx context.Context, r *pb.RangeRequest) (*pb.RangeResponse, error) {
	f.ranges.Add(1)
	err := f.rangeErr
	if r.KeysOnly {
		err = f.neighboursErr
	}
	if err := f.answer(ctx, f.blockRange, err); err != nil {
		return nil, err
	}
	resp := &pb.RangeResponse{Header: f.header()}
	for _, kv := range f.keys {
		if bytes.Compare([]byte(kv.Key), r.Key) < 0 || bytes.Compare([]byte(kv.Key), r.RangeEnd) >= 0 {
			continue
		}
		resp.Count++
		if r.Limit > 0 && resp.Count > r.Limit {
			resp.More = true
			continue
		}
		out := &mvccpb.KeyValue{Key: []byte(kv.Key), Lease: kv.Lease, ModRevision: kv.ModRevision}
		if !r.KeysOnly {
			out.Value = kv.Value
		}
		resp.Kvs = append(resp.Kvs, out)
	}
	return resp, nil
}

func (f *fake) header() *pb.ResponseHeader {
	return &pb.ResponseHeader{Revision: cmp.Or(f.revision, 42), ClusterId: f.cluster}
}

func (f *fake) Status(ctx context.Context, _ *pb.StatusRequest) (*pb.StatusResponse, error) {
	if err := f.answer(ctx, f.blockStatus, f.statusErr); err != nil {
		return nil, err
	}
	resp := &pb.StatusResponse{Header: f.header(), Version: "3.6.5", Leader: f.leader, DbSize: 20480, DbSizeQuota: 2 << 30}
	if f.leader == 0 {
		resp.Errors = []string{"etcdserver: no leader"}
	}
	return resp, nil
}

func (f *fake) Alarm(ctx context.Context, _ *pb.AlarmRequest) (*pb.AlarmResponse, error) {
	if err := f.answer(ctx, f.blockAlarm, f.alarmErr); err != nil {
		return nil, err
	}
	resp := &pb.AlarmResponse{}
	for i, a := range f.alarms {
		resp.Alarms = append(resp.Alarms, &pb.AlarmMember{MemberID: uint64(i + 1), Alarm: a})
	}
	return resp, nil
}

func (f *fake) LeaseTimeToLive(ctx context.Context, r *pb.LeaseTimeToLiveRequest) (*pb.LeaseTimeToLiveResponse, error) {
	f.leases.Add(1)
	if err := f.answer(ctx, false, f.ttlErr); err != nil {
		return nil, err
	}
	if r.ID == f.expired {
		return &pb.LeaseTimeToLiveResponse{ID: r.ID, TTL: -1}, nil
	}
	return &pb.LeaseTimeToLiveResponse{ID: r.ID, TTL: 17, GrantedTTL: 20}, nil
}

// healthy is an etcd with the cluster /service/demo/ of two members.
func healthy(t testing.TB) *fake {
	return (&fake{leader: 7, keys: demo()}).start(t)
}

func demo() []KV {
	keys := []KV{
		{Key: "/service/demo/1/leader", Value: []byte("worker"), Lease: 13},
		{Key: "/service/demo/config", Value: []byte(`{"ttl":20,"loop_wait":3,"retry_timeout":3}`)},
		{Key: "/service/demo/initialize", Value: []byte("7711112407752293516")},
		{Key: "/service/demo/leader", Value: []byte("node1"), Lease: 11},
		{Key: "/service/demo/members/node1", Value: member(1, "primary"), Lease: 11},
		{Key: "/service/demo/members/node2", Value: member(2, "replica"), Lease: 12},
		{Key: "/service/demo/status", Value: []byte(`{"optime":67108864}`)},
		{Key: "/service/demo2/leader", Value: []byte("another")},
		{Key: "/service/pay/leader", Value: []byte("node9")},
	}
	slices.SortFunc(keys, func(a, b KV) int { return strings.Compare(a.Key, b.Key) })
	return keys
}

func member(n byte, role string) []byte {
	host := "10.0.0." + string('0'+n)
	return []byte(`{"conn_url":"postgres://` + host + `:5432/postgres","api_url":"http://` + host +
		`:8008/patroni","state":"running","role":"` + role + `","version":"4.1.4","xlog_location":67108864,"timeline":1}`)
}

// listen opens a port of the loopback interface.
func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// refused is the URL of a port on which nothing listens.
func refused(t testing.TB) string {
	l := listen(t)
	l.Close()
	return "http://" + l.Addr().String()
}

// says is the URL of a server that sends text to everybody and then hangs; the
// empty text makes it a black hole, "close" one that hangs up.
func says(t testing.TB, text string) string {
	l := listen(t)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if text == "close" {
				c.Close()
				continue
			}
			t.Cleanup(func() { c.Close() })
			c.Write([]byte(text))
		}
	}()
	return "http://" + l.Addr().String()
}

// tlsServer is the URL of a server that expects TLS, given as if it did not.
func tlsServer(t testing.TB) string {
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	t.Cleanup(s.Close)
	l := tls.NewListener(listen(t), s.TLS)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.(*tls.Conn).Handshake()
			c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}
