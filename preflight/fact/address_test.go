package fact

import (
	"testing"
)

func TestHostsOf(t *testing.T) {
	for _, c := range []struct {
		url, want string
		kind      hostKind
	}{
		{"http://10.0.0.7:8008/patroni", "10.0.0.7 8008", Ordinary},
		{"https://Node.Example/patroni", "node.example 443", Ordinary},
		{"http://[::]:8008/patroni", ":: 8008", Wildcard},
		{"http://[::1]:8008/patroni", "::1 8008", Loopback},
		{"http://0.0.0.0:8008/patroni", "0.0.0.0 8008", Wildcard},
		{"http://*:8008/patroni", "* 8008", Wildcard},
		{"http://:8008/patroni", " 8008", NoHost},
		{"http://127.0.1.12:8008/patroni", "127.0.1.12 8008", Loopback},
		{"postgres://localhost/postgres", "localhost 5432", Loopback},
		{"http://[::ffff:127.0.0.1]:8008/", "::ffff:127.0.0.1 8008", Loopback},
	} {
		hosts, ok := HostsOf(c.url)
		if !ok || len(hosts) != 1 || hosts[0] != c.want {
			t.Errorf("%s: %q, %t", c.url, hosts, ok)
			continue
		}
		if got := KindOf(BareHosts(c.url)[0]); got != c.kind {
			t.Errorf("%s: kind %d, want %d", c.url, got, c.kind)
		}
	}
	if hosts, _ := HostsOf("postgres://a:1,b:2/db"); len(hosts) != 2 {
		t.Errorf("several hosts: %q", hosts)
	}
	for _, bad := range []string{"", "10.0.0.7:8008", "http://a b/"} {
		if hosts, ok := HostsOf(bad); ok {
			t.Errorf("%q read as %q", bad, hosts)
		}
	}
}
