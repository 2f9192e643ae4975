package fact

import (
	"net/netip"
	"testing"
)

// TestAllows follows pg_hba.conf's rules one by one.
func TestAllows(t *testing.T) {
	line := func(kind, user, address, netmask, method string) HBARule {
		return HBARule{
			Line: 1, Type: kind, Databases: []string{"replication"}, Users: []string{user},
			Address: address, Netmask: netmask, Method: method,
		}
	}
	at := func(addr string) Login {
		return Login{Database: "replication", User: "replicator", Addr: netip.MustParseAddr(addr)}
	}
	for name, c := range map[string]struct {
		rules []HBARule
		l     Login
		want  Tristate
	}{
		"nothing":          {nil, at("10.0.0.7"), No},
		"local is no host": {[]HBARule{line("local", "all", "", "", "trust")}, at("10.0.0.7"), No},
		"inside the mask":  {[]HBARule{line("host", "all", "10.0.0.0", "255.255.255.0", "md5")}, at("10.0.0.7"), Yes},
		"outside of it":    {[]HBARule{line("host", "all", "10.0.0.0", "255.255.255.248", "md5")}, at("10.0.0.9"), No},
		"no mask":          {[]HBARule{line("host", "all", "10.0.0.7", "", "md5")}, at("10.0.0.7"), Yes},
		"IPv6":             {[]HBARule{line("host", "all", "fd00::", "ffff:ffff::", "md5")}, at("fd00:0:1::7"), Yes},
		"IPv6 rule, IPv4":  {[]HBARule{line("host", "all", "::", "::", "md5")}, at("10.0.0.7"), No},
		"IPv4 in IPv6": {
			[]HBARule{line("host", "all", "10.0.0.7", "255.255.255.255", "md5")},
			at("::ffff:10.0.0.7"),
			Yes,
		},
		"hostnossl":            {[]HBARule{line("hostnossl", "all", "all", "", "md5")}, at("10.0.0.7"), Yes},
		"hostgssenc":           {[]HBARule{line("hostgssenc", "all", "all", "", "gss")}, at("10.0.0.7"), No},
		"a pattern":            {[]HBARule{line("host", "/^repl", "all", "", "md5")}, at("10.0.0.7"), Perhaps},
		"a line that is wrong": {[]HBARule{{Error: "x"}, line("host", "all", "all", "", "md5")}, at("10.0.0.7"), Yes},
		"reject after allow": {
			[]HBARule{line("host", "all", "all", "", "md5"), line("host", "all", "all", "", "reject")},
			at("10.0.0.7"),
			Yes,
		},
		"perhaps, then yes": {
			[]HBARule{line("host", "+x", "all", "", "md5"), line("host", "all", "all", "", "md5")},
			at("10.0.0.7"),
			Yes,
		},
		"perhaps no, then none": {[]HBARule{line("host", "+x", "all", "", "reject")}, at("10.0.0.7"), No},
		"perhaps yes, then no": {
			[]HBARule{line("host", "+x", "all", "", "md5"), line("host", "all", "all", "", "reject")},
			at("10.0.0.7"),
			Perhaps,
		},
	} {
		if got := Allows(c.rules, c.l); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	db := HBARule{Type: "host", Databases: []string{"sameuser"}, Users: []string{"all"}, Address: "all", Method: "md5"}
	l := Login{Database: "app", User: "app", Addr: netip.MustParseAddr("10.0.0.7")}
	if got := Allows([]HBARule{db}, l); got != Perhaps {
		t.Errorf("sameuser: %d", got)
	}
	db.Databases = []string{"app"}
	if got := Allows([]HBARule{db}, l); got != Yes {
		t.Errorf("a database by name: %d", got)
	}
}
