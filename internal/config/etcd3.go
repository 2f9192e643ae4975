package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

const etcdPort = 2379

// etcd3 returns the endpoints: url before hosts before host, as Patroni chooses
// (patroni/dcs/etcd.py, get_etcd_client). What loses is worth a warning.
func (r *reader) etcd3(warnings []string) (Etcd3, []string) {
	if r.mapping("etcd3") == nil {
		r.fail(nil, "etcd3", "no store is configured", "give -d etcd3://host:port, PATRONI_ETCD3_HOSTS, or etcd3: in the file (-c)")
		return Etcd3{}, warnings
	}
	for _, s := range stores {
		if s != "etcd3" && r.value(s) != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %s is not used, since etcd3 is there, which Patroni takes first", r.value(s).at, s))
		}
	}
	scheme := strings.ToLower(r.text("etcd3.protocol"))
	if scheme == "" {
		scheme = "http"
	}
	if scheme != "http" && scheme != "https" {
		r.fail(r.value("etcd3.protocol"), "etcd3.protocol", "is no protocol of etcd", "write http")
	}
	port := r.port("etcd3.port")

	var used string
	for _, key := range []string{"etcd3.url", "etcd3.hosts", "etcd3.host"} {
		v := r.value(key)
		switch {
		case v == nil:
		case used == "":
			used = key
		default:
			warnings = append(warnings, fmt.Sprintf("%s: %s is not used, since %s is there", v.at, key, used))
		}
	}
	var e Etcd3
	add := func(scheme, host string, port int) {
		if port == 0 {
			port = etcdPort
		}
		e.Endpoints = append(e.Endpoints, scheme+"://"+net.JoinHostPort(host, strconv.Itoa(port)))
	}
	switch used {
	case "etcd3.url":
		add(r.etcdURL())
	case "etcd3.hosts":
		hosts := r.texts(used, true)
		for i, v := range hosts {
			host, own := r.hostPort(v, fmt.Sprintf("%s[%d]", used, i))
			if own == 0 {
				own = port
			}
			add(scheme, host, own)
		}
		if len(hosts) == 0 {
			r.fail(r.value(used), used, "is empty", "write host:port for each server of etcd")
		}
	case "etcd3.host":
		v := r.value(used)
		host, own := r.hostPort(str(r.scalar(v, used), v.at), used)
		if port != 0 { // before the one in host, in this case only
			own = port
		}
		add(scheme, host, own)
	default:
		r.fail(r.value("etcd3"), "etcd3", "names no server: neither url nor hosts nor host", "add hosts: with host:port for each server of etcd")
	}
	return e, warnings
}

// etcdURL reads etcd3.url. Path and query mean nothing to Patroni.
func (r *reader) etcdURL() (scheme, host string, port int) {
	const key, remedy = "etcd3.url", "write http://host:port"
	u, err := url.Parse(strings.TrimSpace(r.text(key))) // its error quotes the URL
	v := r.value(key)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		r.fail(v, key, "is not a URL of etcd", remedy)
		return
	}
	if problem := badHost(u.Hostname()); problem != "" {
		r.fail(v, key, problem, remedy)
	}
	if p := u.Port(); p != "" && p != "0" {
		var ok bool
		if port, ok = portNumber(p); !ok {
			r.fail(v, key, "has a port that is none", remedy)
		}
	}
	return u.Scheme, strings.ToLower(u.Hostname()), port
}

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
		problem = "holds an @; a user and a password do not belong here"
	case strings.Contains(text, "//"):
		problem, cure = "has a scheme", "write host:port alone, or use etcd3.url"
	case strings.Contains(text, ","):
		problem, cure = "names more than one host", "list them in etcd3.hosts"
	case strings.Count(after, ":") > 1:
		problem, cure = "has more than one colon", "write host:port, and an IPv6 address as [address]:port"
	case problem == "" && after != "":
		var ok bool
		if port, ok = portNumber(after[1:]); !ok {
			problem = "has a port that is none"
		}
	}
	if problem != "" {
		r.fail(v, key, problem, cure)
	}
	return host, port
}

// hostName is the form of a host name; names of containers have underscores.
var hostName = regexp.MustCompile(`^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?$`)

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
