package preflight

import (
	"math"
	"math/big"
	"net/netip"
	"strings"
	"testing"
)

// FuzzParseLSN: what is read is written again as the same number, and no
// difference of two positions has the wrong sign.
func FuzzParseLSN(f *testing.F) {
	for _, text := range []string{"0/0", "16/B374D848", "7FFFFFFF/FFFFFFFF", "80000000/0", "FFFFFFFF/FFFFFFFF", "0/1/2", "-1/0", "+1/0", "0x1/0", "1_0/0", "/", "\xff/0"} {
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

// FuzzSchedule: a time that is read is the same in RFC 3339.
func FuzzSchedule(f *testing.F) {
	for _, text := range []string{
		"now", "2026-12-01T03:00:00+00:00", "2026-12-01 03:00", "2026-12-01T03:00:00.123456789Z", "2026-12-01T03:00 +0100",
		"0000-01-01T00:00Z", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00Z", "3 am", "2026-12-01T03:00:60Z", "\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, zoned, ok := parseSchedule(text)
		if !ok {
			if zoned || !at.IsZero() {
				t.Errorf("%q: not read, and yet %s", text, at)
			}
			return
		}
		again, _, ok := parseSchedule(at.Format("2006-01-02T15:04:05.999999999Z07:00"))
		if !ok || !again.Equal(at) {
			t.Errorf("%q is %s, read again %s", text, at, again)
		}
	})
}

// FuzzMaximumLag: in whatever way a release of Patroni reads the value, a plain
// number is that number, and nothing else is taken for one.
func FuzzMaximumLag(f *testing.F) {
	for _, text := range []string{"", "1048576", "-1", "0", "010", "0x10", "1e6", "10MB", " 7 ", "1.5", ".5", "9223372036854775808", "1e400", "-0x8000000000000000", "true", "null", "1_000", "+5", "--1", "9.3e18"} {
		f.Add(text, "4.0.7", false)
		f.Add(text, "2.1.0", true)
	}
	f.Fuzz(func(t *testing.T, text, version string, isText bool) {
		limit, understood := maximumLag(text)
		if !understood && limit != DefaultMaximumLag {
			t.Errorf("%q is not understood and %d", text, limit)
		}
		other, ok := maximumLagOf(version, text, isText)
		if !ok && !olderThan(version, 3, 0, 3) {
			t.Errorf("%q of %q: since 3.0.3 there is always a limit", text, version)
		}
		n, plain := new(big.Int).SetString(text, 10)
		if !plain || strings.HasPrefix(strings.TrimLeft(text, "+-"), "0") || strings.ContainsAny(text, "_+") {
			return
		}
		switch fits := n.IsInt64() && n.Int64() != math.MinInt64; {
		case fits && (!understood || limit != n.Int64()):
			t.Errorf("%q is %d, %v", text, limit, understood)
		case fits && isText && ok && other != n.Int64():
			t.Errorf("%q is %d for %q", text, other, version)
		case !n.IsInt64() && understood:
			t.Errorf("%q is %d", text, limit)
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
		rule := HBARule{Type: kind, Databases: []string{database}, Users: []string{user}, Address: address, Netmask: netmask, Method: method}
		never := HBARule{Type: "local", Databases: []string{"all"}, Users: []string{"all"}, Method: "trust"}
		broken := HBARule{Type: kind, Databases: []string{"all"}, Users: []string{"all"}, Address: "all", Method: "trust", Error: "x"}
		open := HBARule{Type: "host", Databases: []string{"all", "replication"}, Users: []string{"all"}, Address: "all", Method: "trust"}
		for _, database := range []string{"replication", "postgres"} {
			l := login{database: database, user: "replicator", addr: addr, ssl: ssl}
			alone := allows([]HBARule{rule}, l)
			if got := allows([]HBARule{never, broken, rule}, l); got != alone {
				t.Errorf("%+v: %v, behind rules that say nothing %v", rule, alone, got)
			}
			if method == "reject" && alone != no {
				t.Errorf("%+v lets in: %v", rule, alone)
			}
			if got := allows([]HBARule{rule, open}, l); alone == yes && got != yes || method != "reject" && got != yes {
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
		hosts, ok := hostsOf(raw)
		if !ok && len(hosts) > 0 || ok && len(hosts) == 0 {
			t.Errorf("%q: %q, %v", raw, hosts, ok)
		}
		for _, h := range append(bareHosts(raw), hostOfAddr(host)) {
			if sameHost(h, host) != sameHost(host, h) || !sameHost(h, h) {
				t.Errorf("%q and %q", h, host)
			}
			if strings.ContainsRune(h, ' ') || kindOf(h) != kindOf(strings.ToLower(h)) {
				t.Errorf("%q in %q", h, raw)
			}
		}
	})
}
