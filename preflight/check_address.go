package preflight

import (
	"fmt"
	"strings"
	"time"
)

// The identity checks that look at addresses, and at who shares them.

func runAddress(s *Snapshot, _ Question, m string) []Finding {
	var out []Finding
	for _, a := range []struct{ field, url, remedy string }{
		{"api_url", keyAPIURL.get(s, m), remedyREST(s, m)},
		{"conn_url", keyConnURL.get(s, m), remedySQL(s, m)},
	} {
		f := Finding{
			Asked:    s.key("/members/" + m),
			Observed: fmt.Sprintf("%s is %q", a.field, a.url), Expected: "an address of that node which the other nodes reach",
			Effect: "Whoever asks for " + m + " there reaches itself: a leader counts it as WAL position 0, \"exceeds maximum replication lag\", 503.",
			Remedy: a.remedy,
		}
		hosts := bareHosts(a.url)
		worst := noHost
		if len(hosts) > 0 {
			worst = kindOf(hosts[0])
		}
		switch worst {
		case ordinary:
			continue
		case noHost:
			f.Effect = "Nobody can reach the member by it: Patroni says \"not reachable\"."
		case loopback:
			// A whole cluster on one machine is a test bed, not a fault.
			if allLoopback(s) {
				f.Severity, f.Effect = Warning, "All members are on loopback addresses: that works as long as they are on one machine."
			}
		}
		out = append(out, f)
	}
	if out == nil {
		return evidence(s.key("/members/"+m), "api_url %s, conn_url %s", keyAPIURL.get(s, m), keyConnURL.get(s, m))
	}
	return out
}

func allLoopback(s *Snapshot) bool {
	for _, m := range s.Members {
		for _, host := range append(bareHosts(keyAPIURL.of(s, m.Name).orZero()), bareHosts(keyConnURL.of(s, m.Name).orZero())...) {
			if kindOf(host) != loopback {
				return false
			}
		}
	}
	return true
}

func runVIP(s *Snapshot, q Question, m string) []Finding {
	var out []Finding
	for _, a := range []struct{ field, url, answered, remedy string }{
		{"api_url", keyAPIURL.get(s, m), restAnswer.of(s, m).orZero().RemoteAddr, remedyREST(s, m)},
		{"conn_url", keyConnURL.get(s, m), ofSQL("", func(q SQL) Observed[string] { return Known(q.RemoteAddr) }).of(s, m).orZero(), remedySQL(s, m)},
	} {
		vip := vipAmong(q.VIPs, append(bareHosts(a.url), hostOfAddr(a.answered)))
		if vip == "" {
			continue
		}
		f := Finding{
			Asked:    s.key("/members/" + m),
			Observed: fmt.Sprintf("%s is %s, and %s is a VIP that moves with the leader", a.field, a.url, vip), Expected: "the node's own address",
			Remedy: a.remedy, Anyone: true,
		}
		switch name, _ := restName.of(s, m).Get(); {
		case m == s.Leader():
			f.Effect = fmt.Sprintf("It still points to the right node, because %s leads: a switchover away from %s works, the way back to %s fails, since by then the new leader would answer for it.", m, m, m)
		case name == m:
			f.Effect = fmt.Sprintf("It points to %s at this moment, but the leader is %s: once the VIP is where it belongs, that one answers for %s, and a switchover to %s fails.", m, s.Leader(), m, m)
		default:
			f.Effect = fmt.Sprintf("The VIP is on the leader: a switchover to %s fails now, since %s would answer for it, and works only while %s leads already.", m, s.called(s.Leader()), m)
		}
		out = append(out, f)
	}
	if out == nil {
		if len(q.VIPs) == 0 {
			return evidence(s.key("/members/"+m), "no VIP was named (--vip)")
		}
		return evidence(s.key("/members/"+m), "neither address is one of %s", strings.Join(q.VIPs, ", "))
	}
	return out
}

func vipAmong(vips, hosts []string) string {
	for _, vip := range vips {
		for _, host := range hosts {
			if host != "" && sameHost(vip, host) {
				return vip
			}
		}
	}
	return ""
}

func runDistinct(s *Snapshot, _ Question, m string) []Finding {
	for _, other := range s.Members {
		if other.Name == m {
			continue
		}
		what := sharedWith(s, m, other.Name)
		// Of two members behind one address, the one is blamed that is not there.
		if what == "" || (!contradicted(s, m) && contradicted(s, other.Name)) {
			continue
		}
		return []Finding{{
			Asked:    s.key("/members/"+m) + " and " + strings.TrimLeft(strings.TrimPrefix(s.key("/members/"+other.Name), s.key("")), ", "),
			Observed: fmt.Sprintf("%s and %s have %s", m, s.called(other.Name), what), Expected: "an address of its own for each",
			Effect: fmt.Sprintf("One server answers for both, so what Patroni learns of %s is not of %s.", m, m),
			Remedy: fmt.Sprintf("Set restapi.connect_address and postgresql.connect_address in patroni.yml of %s to the node's own address, then: patronictl reload %s %s", m, s.Target.Scope, m),
		}}
	}
	return evidence(s.key("/members/"+m), "no other member shares its addresses or its server")
}

// sharedWith says what two members have in common that only one can have.
func sharedWith(s *Snapshot, a, b string) string {
	for _, u := range []struct {
		field string
		of    fact[string]
	}{{"api_url", keyAPIURL}, {"conn_url", keyConnURL}} {
		x, _ := hostsOf(u.of.of(s, a).orZero())
		y, _ := hostsOf(u.of.of(s, b).orZero())
		for _, h := range x {
			for _, g := range y {
				if h == g {
					return "the same " + u.field + ", " + strings.Replace(h, " ", ":", 1)
				}
			}
		}
	}
	for _, t := range []struct {
		by string
		of fact[time.Time]
	}{{"REST", restStarted}, {"SQL", sqlStarted}} {
		x, okX := t.of.of(s, a).Get()
		y, okY := t.of.of(s, b).Get()
		if okX && okY && x.Equal(y) {
			return "the same server behind them by " + t.by + ", started at " + clock(x)
		}
	}
	return ""
}

// contradicted reports whether anything that was seen speaks against a member
// being where the DCS says it is.
func contradicted(s *Snapshot, m string) bool {
	if name, ok := restName.of(s, m).Get(); ok && name != "" && name != m {
		return true
	}
	rest, okR := restStarted.of(s, m).Get()
	sql, okS := sqlStarted.of(s, m).Get()
	if okR && okS && !rest.Equal(sql) {
		return true
	}
	if role, ok := restRole.of(s, m).Get(); ok && isLeaderRole(role) != (m == s.Leader()) {
		return true
	}
	inRecovery, ok := sqlInRecovery.of(s, m).Get()
	if ok && !inRecovery && m != s.Leader() {
		return true
	}
	app, ok := nameBySQL.of(s, m).Get()
	return ok && app != "" && m != s.Leader() && !sameApplicationName(app, m)
}
