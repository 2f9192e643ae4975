package fact

import (
	"net/netip"
	"slices"
	"strings"
)

// Login is what pg_hba.conf is asked.
type Login struct {
	// database is "replication" for a physical replication connection, which no
	// rule for "all" databases matches.
	Database, User string
	Addr           netip.Addr
	// ssl is whether the connection is encrypted.
	Ssl bool
}

// Tristate is yes, no, or not to be told from the rules alone.
type Tristate int

const (
	No Tristate = iota
	Yes
	Perhaps
)

// Allows follows the rules as PostgreSQL does: the first that matches decides,
// and none is a refusal (postgres: check_hba, hba.c). What depends on a name
// service, on the membership of roles or on a regular expression is not known.
func Allows(rules []HBARule, l Login) Tristate {
	mayAllow, mayReject := false, false
	for _, r := range rules {
		if r.Error != "" {
			continue
		}
		decides := Yes
		if r.Method == "reject" {
			decides = No
		}
		switch r.matches(l) {
		case Yes:
			if decides == Yes && mayReject || decides == No && mayAllow {
				return Perhaps
			}
			return decides
		case Perhaps:
			mayAllow = mayAllow || decides == Yes
			mayReject = mayReject || decides == No
		}
	}
	if mayAllow {
		return Perhaps
	}
	return No
}

func (r HBARule) matches(l Login) Tristate {
	switch r.Type {
	case "host", "hostnogssenc":
	case "hostssl":
		if !l.Ssl {
			return No
		}
	case "hostnossl":
		if l.Ssl {
			return No
		}
	default: // local, hostgssenc
		return No
	}
	return bothOf(r.matchesDatabase(l.Database), bothOf(r.matchesUser(l.User), r.matchesAddress(l.Addr)))
}

// bothOf is no where one is, and known only where both are.
func bothOf(a, b Tristate) Tristate {
	switch {
	case a == No || b == No:
		return No
	case a == Perhaps || b == Perhaps:
		return Perhaps
	}
	return Yes
}

func (r HBARule) matchesDatabase(database string) Tristate {
	if database == "replication" {
		return answerOf(slices.Contains(r.Databases, "replication"))
	}
	result := No
	for _, d := range r.Databases {
		switch {
		case d == "all", d == database:
			return Yes
		case d == "sameuser", d == "samerole", d == "samegroup", strings.HasPrefix(d, "/"):
			result = Perhaps
		}
	}
	return result
}

func (r HBARule) matchesUser(user string) Tristate {
	result := No
	for _, u := range r.Users {
		switch {
		case u == "all", u == user:
			return Yes
		case strings.HasPrefix(u, "+"), strings.HasPrefix(u, "/"):
			result = Perhaps
		}
	}
	return result
}

func (r HBARule) matchesAddress(addr netip.Addr) Tristate {
	if r.Address == "all" {
		return Yes
	}
	from, err := netip.ParseAddr(r.Address)
	if err != nil {
		return Perhaps // samehost, samenet, a host name
	}
	mask, err := netip.ParseAddr(r.Netmask)
	if err != nil {
		return answerOf(from.Unmap() == addr.Unmap())
	}
	from, addr, mask = from.Unmap(), addr.Unmap(), mask.Unmap()
	if from.Is4() != addr.Is4() || mask.Is4() != addr.Is4() {
		return No
	}
	a, f, m := addr.AsSlice(), from.AsSlice(), mask.AsSlice()
	for i := range a {
		if a[i]&m[i] != f[i]&m[i] {
			return No
		}
	}
	return Yes
}

func answerOf(b bool) Tristate {
	if b {
		return Yes
	}
	return No
}
