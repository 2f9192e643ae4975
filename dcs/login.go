package dcs

import (
	"context"
	"errors"
	"strings"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// login logs in to etcd with the first call that needs it and adds the token to
// every call. clientv3 would log in while it is made, before there is a deadline,
// and tell a wrong password as a failure to connect.
type login struct {
	user, password string

	mu    sync.Mutex
	done  bool
	token string
}

// intercept adds the token. Questions about a server's own health need none as a
// rule, and are to be answered where a login, which needs a quorum, is not: they
// go out as they are, and once more with a token if one is wanted.
func (l *login) intercept(
	ctx context.Context,
	method string,
	req, reply any,
	cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker,
	opts ...grpc.CallOption,
) error {
	if _, ok := req.(*pb.AuthenticateRequest); ok || l.user == "" {
		return invoke(ctx, method, req, reply, cc, opts...)
	}
	switch req.(type) {
	case *pb.StatusRequest, *pb.AlarmRequest:
		err := invoke(ctx, method, req, reply, cc, opts...)
		if e := rpctypes.Error(
			err,
		); !errors.Is(e, rpctypes.ErrUserEmpty) && !errors.Is(e, rpctypes.ErrPermissionDenied) &&
			!errors.Is(e, rpctypes.ErrInvalidAuthToken) {
			return err
		}
	}
	token, err := l.get(ctx, cc)
	if err != nil {
		return err
	}
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, rpctypes.TokenFieldNameGRPC, token)
	}
	return invoke(ctx, method, req, reply, cc, opts...)
}

// get returns the token, "" where etcd has authentication switched off: Patroni
// goes on without one too (patroni/dcs/etcd3.py, Etcd3Client.authenticate).
func (l *login) get(ctx context.Context, cc *grpc.ClientConn) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.done {
		return l.token, nil
	}
	resp, err := pb.NewAuthClient(cc).Authenticate(ctx, &pb.AuthenticateRequest{Name: l.user, Password: l.password})
	if err != nil && !errors.Is(rpctypes.Error(err), rpctypes.ErrAuthNotEnabled) {
		return "", l.masked(err)
	}
	l.done, l.token = true, resp.GetToken()
	return l.token, nil
}

// masked takes the password out of an error of the server, which could repeat it.
func (l *login) masked(err error) error {
	s := status.Convert(err)
	if l.password == "" || !strings.Contains(s.Message(), l.password) {
		return err
	}
	return status.Error(s.Code(), strings.ReplaceAll(s.Message(), l.password, "********"))
}
