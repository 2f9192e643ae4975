package config

import (
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// hostPort splits host:port, host, [IPv6]:port and [IPv6]. The port is 0 where
// there is none. Patroni also reads an IPv6 address without brackets if a port
// follows, and misreads it if none does; so we ask for brackets.
func (r *reader) hostPort(v *value, key string) (host string, port int) {
	const remedy = "write host:port"
	text := strings.TrimSpace(v.text)
	host, after := text, ""
	if rest, ok := strings.CutPrefix(text, "["); ok {
		var closed bool
		host, after, closed = strings.Cut(rest, "]")
		if a, err := netip.ParseAddr(host); !closed || err != nil || !a.Is6() || after != "" && after[0] != ':' {
			r.fail(v, key, "is not an IPv6 address in brackets", "write [address]:port")
			return
		}
	} else if i := strings.IndexByte(text, ':'); i >= 0 {
		host, after = text[:i], text[i:]
	}
	problem, cure := badHost(host), remedy
	switch {
	case text == "":
		problem = "is empty"
	case strings.Contains(text, "@"):
		problem = "contains an @; a user and a password do not belong here"
	case strings.Contains(text, "//"):
		problem, cure = "has a scheme", "write only host:port, or use etcd3.url"
	case strings.Contains(text, ","):
		problem, cure = "names more than one host", "list them in etcd3.hosts"
	case strings.Count(after, ":") > 1:
		problem, cure = "has more than one colon", "write host:port, and an IPv6 address as [address]:port"
	case problem == "" && after != "":
		var ok bool
		if port, ok = portNumber(after[1:]); !ok {
			problem = "has an invalid port"
		}
	}
	if problem != "" {
		r.fail(v, key, problem, cure)
	}
	return host, port
}

// hostName is the form of a host name; names of containers have underscores.
var hostName = regexp.MustCompile(
	`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$`,
)

var digits = regexp.MustCompile(`^(.*\.)?[0-9]+\.?$`)

// badHost says why a text is neither an IP address nor a host name, "" where it
// is one. A name whose last part is a number is a mistyped address.
func badHost(s string) string {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return "has a zone (%), which is not supported"
		}
		return ""
	}
	if len(s) > 253 || !hostName.MatchString(s) || digits.MatchString(s) {
		return "is neither an IP address nor a host name"
	}
	return ""
}

func baseURL(scheme, host string, port int) string {
	switch {
	case port != 0:
		return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(port))
	case strings.Contains(host, ":"):
		return scheme + "://[" + host + "]"
	}
	return scheme + "://" + host
}
