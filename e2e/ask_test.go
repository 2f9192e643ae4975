//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// sql runs statements as superuser, over the network: a docker exec of psql costs
// a third of a second of CPU.
func (l *lab) sql(node, statement string) string {
	l.t.Helper()
	out, err := l.trySQL(node, statement)
	if err != nil {
		l.t.Fatalf("%s: %s: %v", node, statement, err)
	}
	return out
}

func (l *lab) trySQL(node, statement string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, l.connString(node)+"&connect_timeout=5")
	if err != nil {
		return "", err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		conn.Close(ctx)
	}()
	results, err := conn.Exec(ctx, statement).ReadAll()
	if err != nil {
		return "", err
	}
	var out []string
	for _, r := range results {
		for _, row := range r.Rows {
			var cells []string
			for _, c := range row {
				cells = append(cells, string(c))
			}
			out = append(out, strings.Join(cells, "|"))
		}
	}
	return strings.Join(out, "\n"), nil
}

// connString is how we connect as superuser. No certificate is verified: some are
// wrong on purpose.
func (l *lab) connString(node string) string {
	mode := "disable"
	if l.secure != nil {
		mode = "require"
	}
	return "postgres://postgres:postgres@" + l.ip(node) + ":5432/postgres?sslmode=" + mode
}

// status is what GET /patroni of a node says, asked directly at its own address.
type status struct {
	Role, State string
	Timeline    int
	Replication []struct {
		Name  string `json:"application_name"`
		State string `json:"state"`
	}
	Pause bool
	Xlog  map[string]any
}

var client = &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (l *lab) status(node string) (status, error) {
	var s status
	asking := client
	if l.secure != nil {
		asking = l.secure.client
	}
	resp, err := asking.Get(l.scheme() + "://" + l.ip(node) + ":8008/patroni")
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	return s, json.NewDecoder(resp.Body).Decode(&s)
}

func isPrimary(s status) bool { return s.Role == "primary" || s.Role == "master" }

// primaries are the nodes that say they are one and are running.
func (l *lab) primaries() []string {
	var out []string
	for _, n := range nodes {
		if s, err := l.status(n); err == nil && isPrimary(s) && s.State == "running" {
			out = append(out, n)
		}
	}
	return out
}

// streams reports whether a node streams from the primary, by the primary's account.
func (l *lab) streams(node, primary string) bool {
	s, err := l.status(primary)
	if err != nil {
		return false
	}
	for _, r := range s.Replication {
		if r.Name == node && r.State == "streaming" {
			return true
		}
	}
	return false
}

// etcd runs something short on whichever etcd answers.
func (l *lab) etcd(do func(context.Context, *clientv3.Client) error) error {
	return l.etcdWithin(3*time.Second, do)
}

func (l *lab) etcdWithin(limit time.Duration, do func(context.Context, *clientv3.Client) error) error {
	config := clientv3.Config{Logger: zap.NewNop(), DialTimeout: 3 * time.Second}
	for _, e := range []string{"etcd1", "etcd2", "etcd3"} {
		config.Endpoints = append(config.Endpoints, l.scheme()+"://"+l.ip(e)+":2379")
	}
	if l.secure != nil {
		config.TLS = l.secure.root
	}
	c, err := clientv3.New(config)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return do(ctx, c)
}

// keys reads all keys of the cluster, by name without the prefix.
func (l *lab) keys() (map[string]*mvccpb.KeyValue, error) {
	keys := map[string]*mvccpb.KeyValue{}
	return keys, l.etcd(func(ctx context.Context, c *clientv3.Client) error {
		r, err := c.Get(ctx, "/service/demo/", clientv3.WithPrefix())
		if err == nil {
			for _, kv := range r.Kvs {
				keys[strings.TrimPrefix(string(kv.Key), "/service/demo/")] = kv
			}
		}
		return err
	})
}

// key reads one key of the cluster; "" where there is none.
func (l *lab) key(name string) string {
	l.t.Helper()
	keys, err := l.keys()
	if err != nil {
		l.t.Fatalf("read etcd: %v", err)
	}
	if kv := keys[name]; kv != nil {
		return string(kv.Value)
	}
	return ""
}
