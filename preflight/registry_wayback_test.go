package preflight

import (
	"net/netip"
	"testing"
)

func candidateSQL(s *Recording) *SQL { return s.member("node2").SQL.Value }

func role(s *Recording, change func(r *Role)) {
	for i := range *leaderSQL(s).Roles.Value {
		if r := &(*leaderSQL(s).Roles.Value)[i]; r.Name == "replicator" {
			change(r)
		}
	}
}

func hba(s *Recording, rules ...HBARule) { candidateSQL(s).HBA = Known(rules) }

func rule(kind, user, address, netmask, method string) HBARule {
	return HBARule{Line: 1, Type: kind, Databases: []string{"replication"}, Users: []string{user}, Address: address, Netmask: netmask, Method: method}
}

func slot(q *SQL, s Slot) { *q.Slots.Value = append(*q.Slots.Value, s) }

var cdc = Slot{Name: "cdc", Type: "logical", Plugin: "pgoutput", Database: "app", CatalogXmin: true}

func declare(s *Recording) {
	config4(s).Slots = Known(map[string]PermanentSlot{"cdc": {Type: "logical", Database: "app", Plugin: "pgoutput"}})
}

// extension says whether leader and candidate have the files of the installed
// version, and of any.
func extension(s *Recording, onLeader, anyOnLeader, onCandidate, anyOnCandidate bool) {
	(*leaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6"
	(*leaderSQL(s).AvailableExtensions.Value)["pg_trgm"] = onLeader
	(*candidateSQL(s).AvailableExtensions.Value)["pg_trgm"] = onCandidate
	leaderSQL(s).PresentExtensions = Known(map[string]bool{"pg_trgm": anyOnLeader})
	candidateSQL(s).PresentExtensions = Known(map[string]bool{"pg_trgm": anyOnCandidate})
}

func TestSlotNameOf(t *testing.T) {
	for member, want := range map[string]string{
		"node1": "node1", "Node-1.dc": "node_1_dc", "pg 1": "pgu00321", "a@b": "au0064b",
		"n2345678901234567890123456789012345678901234567890123456789012345": "n23456789012345678901234567890123456789012345678901234567890123",
	} {
		if got := slotNameOf(member); got != want {
			t.Errorf("%s: %s, want %s", member, got, want)
		}
	}
}

// TestAllows follows pg_hba.conf's rules one by one.
func TestAllows(t *testing.T) {
	line := func(kind, user, address, netmask, method string) HBARule {
		return HBARule{
			Line: 1, Type: kind, Databases: []string{"replication"}, Users: []string{user},
			Address: address, Netmask: netmask, Method: method,
		}
	}
	at := func(addr string) login {
		return login{database: "replication", user: "replicator", addr: netip.MustParseAddr(addr)}
	}
	for name, c := range map[string]struct {
		rules []HBARule
		l     login
		want  answer3
	}{
		"nothing":               {nil, at("10.0.0.7"), no},
		"local is no host":      {[]HBARule{line("local", "all", "", "", "trust")}, at("10.0.0.7"), no},
		"inside the mask":       {[]HBARule{line("host", "all", "10.0.0.0", "255.255.255.0", "md5")}, at("10.0.0.7"), yes},
		"outside of it":         {[]HBARule{line("host", "all", "10.0.0.0", "255.255.255.248", "md5")}, at("10.0.0.9"), no},
		"no mask":               {[]HBARule{line("host", "all", "10.0.0.7", "", "md5")}, at("10.0.0.7"), yes},
		"IPv6":                  {[]HBARule{line("host", "all", "fd00::", "ffff:ffff::", "md5")}, at("fd00:0:1::7"), yes},
		"IPv6 rule, IPv4":       {[]HBARule{line("host", "all", "::", "::", "md5")}, at("10.0.0.7"), no},
		"IPv4 in IPv6":          {[]HBARule{line("host", "all", "10.0.0.7", "255.255.255.255", "md5")}, at("::ffff:10.0.0.7"), yes},
		"hostnossl":             {[]HBARule{line("hostnossl", "all", "all", "", "md5")}, at("10.0.0.7"), yes},
		"hostgssenc":            {[]HBARule{line("hostgssenc", "all", "all", "", "gss")}, at("10.0.0.7"), no},
		"a pattern":             {[]HBARule{line("host", "/^repl", "all", "", "md5")}, at("10.0.0.7"), perhaps},
		"a line that is wrong":  {[]HBARule{{Error: "x"}, line("host", "all", "all", "", "md5")}, at("10.0.0.7"), yes},
		"reject after allow":    {[]HBARule{line("host", "all", "all", "", "md5"), line("host", "all", "all", "", "reject")}, at("10.0.0.7"), yes},
		"perhaps, then yes":     {[]HBARule{line("host", "+x", "all", "", "md5"), line("host", "all", "all", "", "md5")}, at("10.0.0.7"), yes},
		"perhaps no, then none": {[]HBARule{line("host", "+x", "all", "", "reject")}, at("10.0.0.7"), no},
		"perhaps yes, then no":  {[]HBARule{line("host", "+x", "all", "", "md5"), line("host", "all", "all", "", "reject")}, at("10.0.0.7"), perhaps},
	} {
		if got := allows(c.rules, c.l); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	db := HBARule{Type: "host", Databases: []string{"sameuser"}, Users: []string{"all"}, Address: "all", Method: "md5"}
	l := login{database: "app", user: "app", addr: netip.MustParseAddr("10.0.0.7")}
	if got := allows([]HBARule{db}, l); got != perhaps {
		t.Errorf("sameuser: %d", got)
	}
	db.Databases = []string{"app"}
	if got := allows([]HBARule{db}, l); got != yes {
		t.Errorf("a database by name: %d", got)
	}
}
