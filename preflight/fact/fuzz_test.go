package fact

import (
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseLSN: what is read is written again as the same number, and no
// difference of two positions has the wrong sign.
func FuzzParseLSN(f *testing.F) {
	for _, text := range []string{
		"0/0",
		"16/B374D848",
		"7FFFFFFF/FFFFFFFF",
		"80000000/0",
		"FFFFFFFF/FFFFFFFF",
		"0/1/2",
		"-1/0",
		"+1/0",
		"0x1/0",
		"1_0/0",
		"/",
		"\xff/0",
	} {
		f.Add(text, "0/1000000")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, err := ParseLSN(a)
		if err != nil {
			if x != 0 {
				t.Errorf("%q: %s and %v", a, x, err)
			}
			return
		}
		if again, err := ParseLSN(x.String()); err != nil || again != x {
			t.Errorf("%q is %s, read again %s: %v", a, x, again, err)
		}
		if y, err := ParseLSN(b); err == nil && (x.Minus(y) > 0) != (x > y) {
			t.Errorf("%s - %s = %d", x, y, x.Minus(y))
		}
	})
}

// FuzzHBA: rules in front that cannot match change nothing, an unreadable rule
// never lets anybody in, and the answer is the first that matches.
func FuzzHBA(f *testing.F) {
	f.Add("host", "replication", "all", "10.0.0.0", "255.0.0.0", "scram-sha-256", "10.0.0.7", true)
	f.Add("hostssl", "all", "+admins", "samenet", "", "reject", "::1", false)
	f.Add("hostnossl", "/re", "/u", "fe80::1%eth0", "ffff::", "trust", "fe80::1%eth0", true)
	f.Add("local", "sameuser", "postgres", "::ffff:10.0.0.1", "255.255.255.255", "md5", "10.0.0.1", false)
	f.Add("", "", "", "", "", "", "", false)
	f.Fuzz(func(t *testing.T, kind, database, user, address, netmask, method, from string, ssl bool) {
		addr, err := netip.ParseAddr(from)
		if err != nil {
			return
		}
		rule := HBARule{
			Type:      kind,
			Databases: []string{database},
			Users:     []string{user},
			Address:   address,
			Netmask:   netmask,
			Method:    method,
		}
		never := HBARule{Type: "local", Databases: []string{"all"}, Users: []string{"all"}, Method: "trust"}
		broken := HBARule{
			Type:      kind,
			Databases: []string{"all"},
			Users:     []string{"all"},
			Address:   "all",
			Method:    "trust",
			Error:     "x",
		}
		open := HBARule{
			Type:      "host",
			Databases: []string{"all", "replication"},
			Users:     []string{"all"},
			Address:   "all",
			Method:    "trust",
		}
		for _, database := range []string{"replication", "postgres"} {
			l := Login{Database: database, User: "replicator", Addr: addr, Ssl: ssl}
			alone := Allows([]HBARule{rule}, l)
			if got := Allows([]HBARule{never, broken, rule}, l); got != alone {
				t.Errorf("%+v: %v, behind rules that say nothing %v", rule, alone, got)
			}
			if method == "reject" && alone != No {
				t.Errorf("%+v lets in: %v", rule, alone)
			}
			if got := Allows([]HBARule{rule, open}, l); alone == Yes && got != Yes || method != "reject" && got != Yes {
				t.Errorf("%+v and all: %v", rule, got)
			}
		}
	})
}

// FuzzAddress: hosts are compared alike from both sides, and a host is of the
// same kind in whatever URL it stands.
func FuzzAddress(f *testing.F) {
	for _, raw := range []string{
		"http://10.0.0.7:8008/patroni", "postgres://a,b:1/x", "postgres://u:p@[::1%eth0]:5432/x", "http://[::ffff:127.0.0.1]/", "http://*:8008",
		"http://%zz/", "://", "http://[", "http://LOCALHOST", "10.0.0.7:8008", "http://a b/", "http://\x1b/",
	} {
		f.Add(raw, "10.0.0.7")
	}
	f.Fuzz(func(t *testing.T, raw, host string) {
		hosts, ok := HostsOf(raw)
		if !ok && len(hosts) > 0 || ok && len(hosts) == 0 {
			t.Errorf("%q: %q, %v", raw, hosts, ok)
		}
		for _, h := range append(BareHosts(raw), HostOfAddr(host)) {
			if SameHost(h, host) != SameHost(host, h) || !SameHost(h, h) {
				t.Errorf("%q and %q", h, host)
			}
			if strings.ContainsRune(h, ' ') || KindOf(h) != KindOf(strings.ToLower(h)) {
				t.Errorf("%q in %q", h, raw)
			}
		}
	})
}
