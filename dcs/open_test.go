package dcs

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestOpen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		endpoints []string
		want      string // the error, or the endpoints with commas
	}{
		{nil, "no etcd endpoint is configured"},
		{[]string{"http://a:2379", "http://b"}, "http://a:2379,http://b:2379"},
		{[]string{"http://a:2379/", "http://a"}, "http://a:2379"},
		{[]string{"http://[::1]:2379", "http://[::1]"}, "http://[::1]:2379"},
		{[]string{"https://a:2379"}, "etcd endpoint https://a:2379: no TLS is configured"},
		{[]string{"http://root:hunter2@a:2379"}, "etcd endpoint http://a:2379: user and password do not belong in the URL"},
		{[]string{"a:2379"}, "an etcd endpoint is not a URL of the form http://host:port"},
		{[]string{""}, "an etcd endpoint is not a URL of the form http://host:port"},
		{[]string{"http://a:port"}, "an etcd endpoint is not a URL of the form http://host:port"},
		{[]string{"http://a:2379/v3"}, "etcd endpoint http://a:2379: not of the form http://host:port"},
		{[]string{"unix://a:2379"}, "etcd endpoint unix://a:2379: not of the form http://host:port"},
	}
	for _, tt := range tests {
		e, err := Open(Config{Endpoints: tt.endpoints})
		var got string
		if err != nil {
			got = err.Error()
		} else {
			urls := []string{}
			for _, ep := range e.endpoints {
				urls = append(urls, ep.url)
			}
			got = strings.Join(urls, ",")
			e.Close()
		}
		if got != tt.want || strings.Contains(got, "hunter2") {
			t.Errorf("Open(%q)\n got %s\nwant %s", tt.endpoints, got, tt.want)
		}
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	for _, tt := range [][4]string{
		{"service", "demo", "", "/service/demo/"},
		{"/service/", "demo", "", "/service/demo/"},
		{"//a//b", "demo", "", "/a/b/demo/"},
		{"", "demo", "", "/demo/"},
		{"service", "demo", "0", "/service/demo/0/"},
		{"/postgresql-common/", "15-main", "", "/postgresql-common/15-main/"},
	} {
		if got := Prefix(tt[0], tt[1], tt[2]); got != tt[3] {
			t.Errorf("Prefix(%q, %q, %q) = %q, want %q", tt[0], tt[1], tt[2], got, tt[3])
		}
	}
}

// Nothing in here may write: the interface offers no such method, and the
// connection refuses every call that is no read, even to who goes around it.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	var offered []string
	for m := range reflect.TypeFor[reader]().Methods() {
		offered = append(offered, m.Name)
	}
	if want := []string{"AlarmList", "Close", "Get", "Status", "TimeToLive"}; !slices.Equal(offered, want) {
		t.Errorf("the reader offers %v, want %v", offered, want)
	}

	f := healthy(t)
	c := connect(t, f.url).endpoints[0].reader.(client).c
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for name, write := range map[string]func() error{
		"put":    func() error { _, err := c.Put(ctx, "/service/demo/failover", "{}"); return err },
		"delete": func() error { _, err := c.Delete(ctx, "/service/demo/leader"); return err },
		"txn":    func() error { _, err := c.Txn(ctx).Then(clientv3.OpPut("a", "b")).Commit(); return err },
		"disarm": func() error { _, err := c.AlarmDisarm(ctx, &clientv3.AlarmMember{MemberID: 1, Alarm: 1}); return err },
		"grant":  func() error { _, err := c.Grant(ctx, 10); return err },
		"revoke": func() error { _, err := c.Revoke(ctx, 11); return err },
		"renew":  func() error { _, err := c.KeepAliveOnce(ctx, 11); return err },
		"member": func() error { _, err := c.MemberRemove(ctx, 1); return err },
	} {
		if err := write(); !errors.Is(err, errReadOnly) {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
}
