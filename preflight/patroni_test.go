package preflight

import "testing"

func TestOlderThan(t *testing.T) {
	for _, c := range []struct {
		v    string
		want bool
	}{
		{"3.0.2", true},
		{"3.1.9", true},
		{"3.2.0", false},
		{"3.2", false},
		{"3.1", true},
		{"4.1.5", false},
		{"2.1.7", true},
		{"3.2.0rc1", false},
		{"", false},
		{"dev", false},
		{"10.0.0", false},
	} {
		if got := olderThan(c.v, 3, 2, 0); got != c.want {
			t.Errorf("%q older than 3.2.0: %t", c.v, got)
		}
	}
}

func TestMaximumLag(t *testing.T) {
	for _, c := range []struct {
		written string
		want    int64
		ok      bool
	}{
		{"", 1048576, true},
		{"0", 0, true},
		{"-1", -1, true},
		{"1024", 1024, true},
		{"0x400", 1024, true},
		{"10MB", 1048576, false},
		{"1 MB", 1048576, false},
		{"true", 1048576, false},
		{"[1]", 1048576, false},
	} {
		if got, ok := maximumLag(c.written); got != c.want || ok != c.ok {
			t.Errorf("%q: %d, %t", c.written, got, ok)
		}
	}
}

func TestNofailover(t *testing.T) {
	for _, c := range []struct {
		tags    Tags
		version string
		want    bool
	}{
		{Tags{}, "4.0.7", false},
		{Tags{"nofailover": true}, "4.0.7", true},
		{Tags{"nofailover": false}, "4.0.7", false},
		{Tags{"nofailover": "false"}, "4.0.7", true},
		{Tags{"nofailover": ""}, "4.0.7", false},
		{Tags{"nofailover": float64(1)}, "4.0.7", true},
		{Tags{"nofailover": []any{}}, "4.0.7", false},
		{Tags{"failover_priority": float64(0)}, "4.0.7", true},
		{Tags{"failover_priority": float64(-1)}, "3.2.0", true},
		{Tags{"failover_priority": "0"}, "4.0.7", true},
		{Tags{"failover_priority": float64(0)}, "3.0.2", false},
		{Tags{"failover_priority": float64(2)}, "4.0.7", false},
		{Tags{"nofailover": false, "failover_priority": float64(0)}, "4.0.7", false},
		{Tags{"nofailover": nil, "failover_priority": float64(0)}, "4.0.7", true},
	} {
		if got, _ := nofailover(c.tags, c.version); got != c.want {
			t.Errorf("%v on %s: %t", c.tags, c.version, got)
		}
	}
}

// F 7.22: the application name is the raw name, cut and sanitised by PostgreSQL.
func TestSameApplicationName(t *testing.T) {
	long := "a-member-whose-name-is-longer-than-the-sixty-three-bytes-that-postgresql-keeps"
	for _, c := range []struct {
		app, member string
		want        bool
	}{
		{"node2", "node2", true},
		{"node2", "Node2", false},
		{"node", "node2", false},
		{long[:63], long, true},
		{"n??", "nö", true},
		{`n\xc3\xb6`, "nö", true},
		{"pg_1", "pg-1", false},
	} {
		if got := sameApplicationName(c.app, c.member); got != c.want {
			t.Errorf("%q for member %q: %t", c.app, c.member, got)
		}
	}
}

func TestHostsOf(t *testing.T) {
	for _, c := range []struct {
		url, want string
		kind      hostKind
	}{
		{"http://10.0.0.7:8008/patroni", "10.0.0.7 8008", ordinary},
		{"https://Node.Example/patroni", "node.example 443", ordinary},
		{"http://[::]:8008/patroni", ":: 8008", wildcard},
		{"http://[::1]:8008/patroni", "::1 8008", loopback},
		{"http://0.0.0.0:8008/patroni", "0.0.0.0 8008", wildcard},
		{"http://*:8008/patroni", "* 8008", wildcard},
		{"http://:8008/patroni", " 8008", noHost},
		{"http://127.0.1.12:8008/patroni", "127.0.1.12 8008", loopback},
		{"postgres://localhost/postgres", "localhost 5432", loopback},
		{"http://[::ffff:127.0.0.1]:8008/", "::ffff:127.0.0.1 8008", loopback},
	} {
		hosts, ok := hostsOf(c.url)
		if !ok || len(hosts) != 1 || hosts[0] != c.want {
			t.Errorf("%s: %q, %t", c.url, hosts, ok)
			continue
		}
		if got := kindOf(bareHosts(c.url)[0]); got != c.kind {
			t.Errorf("%s: kind %d, want %d", c.url, got, c.kind)
		}
	}
	if hosts, _ := hostsOf("postgres://a:1,b:2/db"); len(hosts) != 2 {
		t.Errorf("several hosts: %q", hosts)
	}
	for _, bad := range []string{"", "10.0.0.7:8008", "http://a b/"} {
		if hosts, ok := hostsOf(bad); ok {
			t.Errorf("%q read as %q", bad, hosts)
		}
	}
}

func TestLSN(t *testing.T) {
	for _, text := range []string{"0/0", "0/4000000", "16/B374D848", "7FFFFFFF/FFFFFFFF"} {
		l, err := ParseLSN(text)
		if err != nil || l.String() != text {
			t.Errorf("%s: %s, %v", text, l, err)
		}
	}
	for _, bad := range []string{"", "0", "0/", "/0", "g/0", "100000000/0", "0/100000000", "-1/0", "80000000/0", "FFFFFFFF/FFFFFFFF"} {
		if l, err := ParseLSN(bad); err == nil {
			t.Errorf("%q read as %s", bad, l)
		}
	}
	if d := LSN(10).Minus(12); d != -2 {
		t.Errorf("10 - 12 = %d", d)
	}
	if d := MaxLSN.Minus(0); d <= 0 {
		t.Errorf("the highest position is %d ahead of the lowest", d)
	}
}
