package config

import (
	"fmt"
	"net"
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
