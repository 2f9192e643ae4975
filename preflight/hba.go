package preflight

import (
	"net/netip"
	"slices"
	"strings"
)

// login is what pg_hba.conf is asked.
type login struct {
	// database is "replication" for a physical replication connection, which no
	// rule for "all" databases matches.
	database, user string
	addr           netip.Addr
	// ssl is whether the connection is encrypted.
	ssl bool
}

// answer3 is yes, no, or not to be told from the rules alone.
type answer3 int

const (
	no answer3 = iota
	yes
	perhaps
)

// allows follows the rules as PostgreSQL does: the first that matches decides,
// and none is a refusal (postgres: check_hba, hba.c). What depends on a name
// service, on the membership of roles or on a regular expression is not known.
func allows(rules []HBARule, l login) answer3 {
	mayAllow, mayReject := false, false
	for _, r := range rules {
		if r.Error != "" {
			continue
		}
		decides := yes
		if r.Method == "reject" {
			decides = no
		}
		switch r.matches(l) {
		case yes:
			if decides == yes && mayReject || decides == no && mayAllow {
				return perhaps
			}
			return decides
		case perhaps:
			mayAllow = mayAllow || decides == yes
			mayReject = mayReject || decides == no
		}
	}
	if mayAllow {
		return perhaps
	}
	return no
}

func (r HBARule) matches(l login) answer3 {
	switch r.Type {
	case "host", "hostnogssenc":
	case "hostssl":
		if !l.ssl {
			return no
		}
	case "hostnossl":
		if l.ssl {
			return no
		}
	default: // local, hostgssenc
		return no
	}
	return both(r.matchesDatabase(l.database), both(r.matchesUser(l.user), r.matchesAddress(l.addr)))
}

// both is no where one is, and known only where both are.
func both(a, b answer3) answer3 {
	switch {
	case a == no || b == no:
		return no
	case a == perhaps || b == perhaps:
		return perhaps
	}
	return yes
}

func (r HBARule) matchesDatabase(database string) answer3 {
	if database == "replication" {
		return answerOf(slices.Contains(r.Databases, "replication"))
	}
	result := no
	for _, d := range r.Databases {
		switch {
		case d == "all", d == database:
			return yes
		case d == "sameuser", d == "samerole", d == "samegroup", strings.HasPrefix(d, "/"):
			result = perhaps
		}
	}
	return result
}

func (r HBARule) matchesUser(user string) answer3 {
	result := no
	for _, u := range r.Users {
		switch {
		case u == "all", u == user:
			return yes
		case strings.HasPrefix(u, "+"), strings.HasPrefix(u, "/"):
			result = perhaps
		}
	}
	return result
}

func (r HBARule) matchesAddress(addr netip.Addr) answer3 {
	if r.Address == "all" {
		return yes
	}
	from, err := netip.ParseAddr(r.Address)
	if err != nil {
		return perhaps // samehost, samenet, a host name
	}
	mask, err := netip.ParseAddr(r.Netmask)
	if err != nil {
		return answerOf(from.Unmap() == addr.Unmap())
	}
	from, addr, mask = from.Unmap(), addr.Unmap(), mask.Unmap()
	if from.Is4() != addr.Is4() || mask.Is4() != addr.Is4() {
		return no
	}
	a, f, m := addr.AsSlice(), from.AsSlice(), mask.AsSlice()
	for i := range a {
		if a[i]&m[i] != f[i]&m[i] {
			return no
		}
	}
	return yes
}

func answerOf(b bool) answer3 {
	if b {
		return yes
	}
	return no
}
