package fact

import (
	"net/netip"
	"net/url"
	"strings"
)

// HostsOf lists the host:port pairs in a URL of a member key, lower case and
// with the default port filled in. conn_url may name several hosts
// (patroni/dcs/__init__.py, Member.conn_url). ok is false where it is no URL.
func HostsOf(raw string) (hosts []string, ok bool) {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found || scheme == "" {
		return nil, false
	}
	authority, _, _ := strings.Cut(rest, "/")
	authority, _, _ = strings.Cut(authority, "?")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	defaultPort := map[string]string{
		"http":       "80",
		"https":      "443",
		"postgres":   "5432",
		"postgresql": "5432",
	}[strings.ToLower(scheme)]
	for _, hp := range strings.Split(authority, ",") {
		u, err := url.Parse("x://" + hp)
		if err != nil {
			return nil, false
		}
		port := u.Port()
		if port == "" {
			port = defaultPort
		}
		hosts = append(hosts, strings.ToLower(u.Hostname())+" "+port)
	}
	return hosts, true
}

// BareHosts is hostsOf without the ports.
func BareHosts(raw string) []string {
	hosts, _ := HostsOf(raw)
	out := make([]string, 0, len(hosts))
	for _, h := range hosts {
		host, _, _ := strings.Cut(h, " ")
		out = append(out, host)
	}
	return out
}

// hostKind tells a host that cannot be another node's address.
type hostKind int

const (
	Ordinary hostKind = iota
	NoHost
	Wildcard
	Loopback
)

func KindOf(host string) hostKind {
	switch host {
	case "":
		return NoHost
	case "*":
		return Wildcard
	case "localhost", "localhost.localdomain":
		return Loopback
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil:
		return Ordinary
	case ip.Unmap().IsUnspecified():
		return Wildcard
	case ip.Unmap().IsLoopback():
		return Loopback
	}
	return Ordinary
}

// SameHost compares host names and addresses in whatever way they are spelt.
func SameHost(a, b string) bool {
	if strings.EqualFold(a, b) {
		return true
	}
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	return errX == nil && errY == nil && x.Unmap().WithZone("") == y.Unmap().WithZone("")
}

// HostOfAddr is the host of a "host:port" as the net package writes it.
func HostOfAddr(addr string) string {
	if ap, err := netip.ParseAddrPort(addr); err == nil {
		return ap.Addr().String()
	}
	return ""
}

func IsIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func AllLoopback(s *Snapshot) bool {
	for _, m := range s.Members {
		for _, host := range append(BareHosts(
			KeyAPIURL.Of(s, m.Name).OrZero(),
		), BareHosts(KeyConnURL.Of(s, m.Name).OrZero())...) {
			if KindOf(host) != Loopback {
				return false
			}
		}
	}
	return true
}

func VIPAmong(vips, hosts []string) string {
	for _, vip := range vips {
		for _, host := range hosts {
			if host != "" && SameHost(vip, host) {
				return vip
			}
		}
	}
	return ""
}
