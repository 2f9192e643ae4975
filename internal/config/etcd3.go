package config

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

const etcdPort = 2379

// etcd3 returns where etcd is and how to log in: proxy before url before hosts
// before host, and SRV records before all but a proxy, as Patroni chooses
// (patroni/dcs/etcd.py, get_etcd_client and _get_machines_cache_from_config).
// What loses is worth a warning.
func (r *reader) etcd3(h host, warnings []string) (Etcd3, []string) {
	if r.mapping("etcd3") == nil {
		return Etcd3{}, warnings
	}
	for _, s := range stores {
		if s != "etcd3" && r.value(s) != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %s is not used; Patroni takes etcd3 first", r.value(s).at, s))
		}
	}
	var used string
	unused := func(key, because string) {
		if v := r.value(key); v != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %s is not used, since %s is set", v.at, key, because))
		}
	}
	for _, key := range []string{"etcd3.proxy", "etcd3.url", "etcd3.hosts", "etcd3.host"} {
		switch v := r.value(key); {
		case v == nil:
		case used == "":
			used = key
		default:
			unused(key, used)
		}
	}
	e := Etcd3{User: r.text("etcd3.username"), Password: r.text("etcd3.password")}
	protocol := r.protocol()
	switch used {
	case "etcd3.proxy", "etcd3.url":
		protocol = r.etcdURL(used, &e)
	case "etcd3.hosts", "etcd3.host":
		e.Endpoints = r.etcdHosts(used, protocol)
	}
	srv := r.srv(&e)
	switch {
	case srv != "" && used == "etcd3.proxy":
		unused(srv, used)
		e.SRV, e.SRVSuffix = "", ""
	case srv == "" && used == "":
		r.fail(
			r.value("etcd3"),
			"etcd3",
			"names no server: url, hosts and host are all missing",
			"add hosts: with host:port for each server of etcd",
		)
	case e.SRV == "":
		unused("etcd3.srv_suffix", "no etcd3.srv, and "+used)
	}
	e.TLS, e.Secure = r.etcdTLS(h, protocol, e.SRV != "", &warnings)
	if e.User == "" && e.Password != "" {
		r.fail(r.value("etcd3.password"), "etcd3.password", "is set without a username", "add etcd3.username")
	}
	if e.User != "" && e.Password == "" {
		warnings = append(warnings, "etcd3.username is set without a password: Patroni does not use it, nor does this tool")
		e.User = ""
	}
	return e, warnings
}

// protocol is what is spoken with the servers in hosts and host.
func (r *reader) protocol() string {
	v := strings.ToLower(r.text("etcd3.protocol"))
	switch v {
	case "http", "https":
		return v
	case "":
		return "http"
	}
	r.fail(r.value("etcd3.protocol"), "etcd3.protocol", "is not a protocol of etcd", "write http or https")
	return "http"
}

// srv reads the domain of the SRV records and returns the key it stands under,
// "" for none: the older names win (patroni/dcs/etcd.py, get_etcd_client).
func (r *reader) srv(e *Etcd3) string {
	for _, key := range []string{"etcd3.srv_domain", "etcd3.discovery_srv", "etcd3.srv"} {
		v := strings.TrimSpace(r.text(key))
		if v == "" {
			continue
		}
		if problem := badHost(v); problem != "" || strings.Contains(v, ":") {
			r.fail(r.value(key), key, "is not a domain", "write the domain that has _etcd-client._tcp")
		}
		e.SRV, e.SRVSuffix = v, strings.TrimSpace(r.text("etcd3.srv_suffix"))
		if e.SRVSuffix != "" && !hostName.MatchString(e.SRVSuffix) {
			r.fail(
				r.value("etcd3.srv_suffix"),
				"etcd3.srv_suffix",
				"is not part of a name",
				"write the part after _etcd-client- in the service's name",
			)
		}
		return key
	}
	return ""
}

// etcdHosts reads a list of servers, or one.
func (r *reader) etcdHosts(key, protocol string) []string {
	port := r.port("etcd3.port")
	if key == "etcd3.host" {
		v := r.value(key)
		host, own := r.hostPort(str(r.scalar(v, key), v.at), key)
		if port != 0 { // before the one in host, in this case only
			own = port
		}
		return []string{endpoint(protocol, host, own)}
	}
	hosts := r.texts(key, true)
	var out []string
	for i, v := range hosts {
		host, own := r.hostPort(v, fmt.Sprintf("%s[%d]", key, i))
		if own == 0 {
			own = port
		}
		out = append(out, endpoint(protocol, host, own))
	}
	if len(hosts) == 0 {
		r.fail(r.value(key), key, "is empty", "write host:port for each server of etcd")
	}
	return out
}

func endpoint(protocol, host string, port int) string {
	if port == 0 {
		port = etcdPort
	}
	return protocol + "://" + net.JoinHostPort(host, strconv.Itoa(port))
}

// etcdURL reads etcd3.url or etcd3.proxy into e and returns the protocol. The
// login in it replaces the one in the other keys, also where there is none in
// it; path and query mean nothing to Patroni. Like Python's urlparse it does not
// decode the login.
func (r *reader) etcdURL(key string, e *Etcd3) string {
	const remedy = "write http://host:port or https://host:port"
	text := strings.TrimSpace(r.text(key))
	v := r.value(key)
	scheme, rest, ok := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "http" && scheme != "https" {
		r.fail(v, key, "is not a URL of etcd", remedy)
		return "http"
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	e.User, e.Password = "", ""
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		e.User, e.Password, _ = strings.Cut(rest[:i], ":")
		rest = rest[i+1:]
	}
	host, port := r.hostPort(str(rest, v.at), key)
	e.Endpoints = []string{endpoint(scheme, strings.ToLower(host), port)}
	return scheme
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
