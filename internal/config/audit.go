package config

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"patroni-preflight/preflight/audit"
	"patroni-preflight/preflight/fact"
)

// Audited is what the files of an audit say.
type Audited struct {
	Files []fact.NodeFile
	// VIPs are those of the flags and of all files.
	VIPs []string
	// Warnings are one line each, for stderr.
	Warnings []string
}

// auditing are the keys that nodes are compared by.
var auditing = withCluster(sections{
	"name":       nil,
	"scope":      nil,
	"namespace":  nil,
	"citus":      nil,
	"ctl":        nil,
	"restapi":    nil,
	"preflight":  nil,
	"tags":       nil,
	"watchdog":   nil,
	"consul":     nil,
	"etcd":       nil,
	"etcd3":      nil,
	"exhibitor":  nil,
	"kubernetes": nil,
	"raft":       nil,
	"zookeeper":  nil,
	"postgresql": {
		"authentication",
		"superuser",
		"replication",
		"pg_rewind",
		"listen",
		"connect_address",
		"data_dir",
		"parameters",
	},
})

// withCluster adds the keys that have no place in a file.
func withCluster(s sections) sections {
	for _, path := range audit.ClusterKeys {
		if section, key, below := strings.Cut(path, "."); below {
			s[section] = append(s[section], key)
		} else {
			s[path] = nil
		}
	}
	return s
}

// audited are the keys of which a finding says where they stand.
var audited = []string{
	"name",
	"scope",
	"namespace",
	"citus.group",
	"citus.database",
	"restapi.listen",
	"restapi.connect_address",
	"restapi.certfile",
	"restapi.verify_client",
	"restapi.authentication.username",
	"restapi.authentication.password",
	"ctl.certfile",
	"ctl.authentication.username",
	"ctl.authentication.password",
	"postgresql.listen",
	"postgresql.connect_address",
	"postgresql.data_dir",
	"postgresql.parameters",
	"postgresql.authentication.superuser",
	"postgresql.authentication.replication",
	"postgresql.authentication.rewind",
	"tags",
	"tags.nofailover",
	"tags.failover_priority",
	"tags.nosync",
	"tags.sync_priority",
	"tags.replicatefrom",
	"watchdog.mode",
	"consul",
	"etcd",
	"etcd3",
	"exhibitor",
	"kubernetes",
	"raft",
	"zookeeper",
}

// Files reads the nodes' files for an audit: each a file or a directory as in
// Load. No environment variable counts, since these are other machines' files,
// and no file that they name is read. Its errors are *Error: a file that Patroni
// could not read either.
func Files(paths, vips []string) (Audited, error) {
	return auditFiles(paths, vips, host{files: disk{}, goos: runtime.GOOS, sections: auditing})
}

func auditFiles(paths, vips []string, h host) (Audited, error) {
	a := auditor{host: h, passwords: map[string]int{}}
	out := Audited{}
	for i, path := range paths {
		if slices.Contains(paths[:i], path) {
			return Audited{}, &Error{
				Where:   "config file " + printable(path),
				Problem: "is given twice",
				Remedy:  "name each node's file once",
			}
		}
		l, err := h.layers(path, "the path", true)
		if err != nil {
			return Audited{}, err
		}
		oldStyle(l.tree)
		r := &reader{root: l.tree}
		f := a.file(r)
		f.Path = printable(path)
		for _, vip := range r.vips(vips) {
			if !slices.Contains(out.VIPs, vip) {
				out.VIPs = append(out.VIPs, vip)
			}
		}
		if r.err != nil {
			return Audited{}, r.err
		}
		out.Files = append(out.Files, f)
		out.Warnings = append(out.Warnings, l.warnings...)
	}
	identify(out.Files)
	return out, nil
}

// identify gives each file an ID of its own.
func identify(files []fact.NodeFile) {
	of := map[string]int{}
	for _, f := range files {
		if name, ok := f.Name.Get(); ok {
			of[name]++
		}
	}
	for i := range files {
		files[i].ID = files[i].Path
		if name, ok := files[i].Name.Get(); ok && of[name] == 1 {
			files[i].ID = name
		}
	}
}

// auditor reads files into facts. Passwords stay here; a fact has their number.
type auditor struct {
	host      host
	passwords map[string]int
}

func (a *auditor) file(r *reader) fact.NodeFile {
	f := fact.NodeFile{At: map[string]string{}}
	f.Name = r.given("name")
	f.Scope = r.given("scope")
	f.Namespace = fact.Known(r.namespace())
	f.Group = fact.Known("")
	if r.citus() {
		f.Group = fact.Known(r.text("citus.group"))
	}
	f.Store = a.store(r)
	https := r.text("restapi.certfile") != ""
	f.HTTPS = fact.Known(https)
	f.REST = r.address("restapi", map[bool]int{false: 80, true: 443}[https], 0)
	f.SQL = r.address("postgresql", postgresPort, postgresPort)
	f.VerifyClient = fact.Known(r.verifyClient())
	f.ClientCertificate = fact.Known(r.text("ctl.certfile") != "")
	f.RESTLogin = a.login(r, "restapi.authentication")
	if f.RESTClient = a.login(r, "ctl.authentication"); *f.RESTClient.Value == (fact.NodeLogin{}) {
		f.RESTClient = f.RESTLogin
	}
	f.Superuser = a.login(r, superuser)
	f.Replication = a.login(r, "postgresql.authentication.replication")
	f.Rewind = a.login(r, "postgresql.authentication.rewind")
	f.DataDir = r.given("postgresql.data_dir")
	f.Tags = fact.Known(r.tags())
	f.Parameters = fact.Known(r.parameters())
	f.Watchdog = fact.Known(r.watchdog())
	f.ClusterKeys = fact.Known(r.clusterKeys())
	for _, key := range slices.Concat(audited, audit.ClusterKeys) {
		if v := r.value(key); v != nil {
			f.At[key] = strings.TrimPrefix(v.at.String(), "config file ")
		}
	}
	return f
}

// given is a text that the file has, or that the environment of that node may give.
func (r *reader) given(key string) fact.Observed[string] {
	if v := r.text(key); v != "" {
		return fact.Known(v)
	}
	return absent[string](key)
}

func absent[T any](key string) fact.Observed[T] {
	return fact.NotKnown[T](
		fact.Absent,
		"%s is not in the file; the environment of that node may set it (%s), which an audit does not see",
		key,
		patroniVariable+strings.ToUpper(strings.ReplaceAll(key, ".", "_")),
	)
}

const postgresPort = 5432

// address reads where a server listens and how it is reached. implied is the port
// of the protocol, standard what Patroni takes for listen without a port: 0 where
// it wants one.
func (r *reader) address(section string, implied, standard int) fact.NodeAddress {
	a := fact.NodeAddress{
		Listen: absent[[]string](
			section + ".listen",
		),
		ListenPort: absent[int](section + ".listen"),
		Connect:    absent[fact.HostPort](section + ".connect_address"),
	}
	var hosts []string
	port := 0
	if key := section + ".listen"; r.text(key) != "" {
		var list string
		list, port = r.splitHostPort(key)
		if port == 0 {
			port = standard
		}
		if port == 0 {
			r.fail(r.value(key), key, "has no port", "write host:port, for example 0.0.0.0:8008")
		}
		for host := range strings.SplitSeq(list, ",") {
			hosts = append(hosts, bare(host))
		}
		a.Listen, a.ListenPort = fact.Known(hosts), fact.Known(port)
	}
	switch key := section + ".connect_address"; {
	case r.text(key) != "":
		host, own := r.splitHostPort(key)
		c := fact.HostPort{Host: bare(host), Port: cmp.Or(own, implied), NoPort: own == 0}
		if strings.Contains(host, "/") || strings.Contains(host, "@") || strings.Contains(host, ",") {
			r.fail(r.value(key), key, "is not host:port", "write only host:port, without a scheme or a list")
		}
		a.Connect = fact.Known(c)
	case hosts == nil:
	case section == "restapi":
		a.Connect = fact.Known(fact.HostPort{Host: strings.Join(hosts, ","), Port: port, Derived: true})
	default:
		host := hosts[0]
		if slices.ContainsFunc(hosts, func(h string) bool {
			return slices.Contains([]string{"*", "localhost", "0.0.0.0", "127.0.0.1"}, strings.ToLower(h))
		}) {
			host = "localhost"
		}
		a.Connect = fact.Known(fact.HostPort{Host: host, Port: port, Derived: true})
	}
	return a
}

// splitHostPort splits as Patroni does: at the last colon
// (patroni/utils.py, split_host_port). The port is 0 where there is none.
func (r *reader) splitHostPort(key string) (hosts string, port int) {
	text := strings.TrimSpace(r.text(key))
	i := strings.LastIndexByte(text, ':')
	if i < 0 || strings.HasSuffix(text, "]") {
		return text, 0
	}
	port, ok := portNumber(strings.TrimSpace(text[i+1:]))
	if !ok {
		r.fail(r.value(key), key, "has an invalid port", "write host:port with a number from 1 to 65535")
	}
	return text[:i], port
}

func bare(host string) string { return strings.Trim(strings.TrimSpace(host), "[]") }

// verifyClient is restapi.verify_client. Patroni takes any other value for none
// (patroni/api.py, __initialize).
func (r *reader) verifyClient() string {
	if v := strings.ToLower(r.text("restapi.verify_client")); v == "required" || v == "optional" {
		return v
	}
	return "none"
}

// watchdog is watchdog.mode in one spelling (patroni/watchdog/base.py, parse_mode).
// Patroni takes what is no mode for off, with a warning in its log only.
func (r *reader) watchdog() string {
	const key = "watchdog.mode"
	v := r.value(key)
	switch {
	case v == nil:
		return "automatic"
	case v.kind != scalar:
		r.wrongType(v, key, "a text", "write off, automatic or required")
		return ""
	case v.native() == false:
		return "off"
	}
	switch strings.ToLower(v.text) {
	case "require", "required":
		return "required"
	case "auto", "automatic":
		return "automatic"
	case "off", "disable", "disabled":
		return "off"
	}
	r.fail(v, key, "is not a watchdog mode; Patroni would treat it as off", "write off, automatic or required")
	return ""
}

// login reads a user, and the number of the password.
func (a *auditor) login(r *reader, section string) fact.Observed[fact.NodeLogin] {
	text := func(key string) string {
		if v := r.value(section + "." + key); v != nil && v.kind == scalar {
			return v.text
		}
		return ""
	}
	return fact.Known(fact.NodeLogin{User: text("username"), Password: a.number(text("password"))})
}

func (a *auditor) number(password string) int {
	if password == "" {
		return 0
	}
	if a.passwords[password] == 0 {
		a.passwords[password] = len(a.passwords) + 1
	}
	return a.passwords[password]
}

// store is the DCS of a file.
func (a *auditor) store(r *reader) fact.Observed[fact.NodeStore] {
	for _, kind := range stores {
		v := r.value(kind)
		if v == nil {
			continue
		}
		s := fact.NodeStore{Kind: kind}
		if kind == "etcd" || kind == "etcd3" {
			a.etcd(r, kind, &s)
		} else {
			r.otherStore(kind, &s)
		}
		slices.Sort(s.Endpoints)
		s.Endpoints = slices.Compact(s.Endpoints)
		return fact.Known(s)
	}
	return fact.NotKnown[fact.NodeStore](
		fact.Absent,
		"the file has no section of a DCS, such as etcd3; the environment of that node may set it, which an audit does not "+
			"see",
	)
}

// etcd reads the servers of etcd in Patroni's order (see Etcd3), without the
// certificates' files.
func (a *auditor) etcd(r *reader, kind string, s *fact.NodeStore) {
	section := r
	r = &reader{root: dict(place{})}
	r.root.keys["etcd3"] = section.value(kind)
	s.Protocol = r.protocol()
	e := Etcd3{User: r.text("etcd3.username"), Password: r.text("etcd3.password")}
	switch {
	case r.text("etcd3.proxy") != "":
		s.Protocol = r.etcdURL("etcd3.proxy", &e)
	case r.text("etcd3.url") != "":
		s.Protocol = r.etcdURL("etcd3.url", &e)
	case r.srv(&e) != "":
		e.Endpoints = []string{"SRV " + e.SRV}
	case r.value("etcd3.hosts") != nil:
		e.Endpoints = r.etcdHosts("etcd3.hosts", s.Protocol)
	case r.value("etcd3.host") != nil:
		e.Endpoints = r.etcdHosts("etcd3.host", s.Protocol)
	default:
		r.fail(
			r.value("etcd3"),
			"etcd3",
			"names no server: url, hosts and host are all missing",
			"add hosts: with host:port for each server of etcd",
		)
	}
	for _, url := range e.Endpoints {
		_, host, found := strings.Cut(url, "://")
		if !found {
			host = url
		}
		s.Endpoints = append(s.Endpoints, host)
	}
	s.Certificate = r.text("etcd3.cert") != ""
	s.Login = fact.NodeLogin{User: e.User, Password: a.number(e.Password)}
	var e3 *Error
	if errors.As(r.err, &e3) && section.err == nil {
		e3.Key = kind + strings.TrimPrefix(e3.Key, "etcd3")
		section.err = e3
	}
}

// otherStore reads where another store is, as far as that can be compared: of a
// URL the host, never the login.
func (r *reader) otherStore(kind string, s *fact.NodeStore) {
	for _, key := range []string{"url", "host", "hosts", "self_addr", "partner_addrs"} {
		v := r.value(join(kind, key))
		if v == nil {
			continue
		}
		items := []*value{v}
		if v.kind == list {
			items = v.items
		}
		for _, item := range items {
			for text := range strings.SplitSeq(item.text, ",") {
				if _, rest, ok := strings.Cut(text, "://"); ok {
					text = rest
				}
				text, _, _ = strings.Cut(text[strings.LastIndexByte(text, '@')+1:], "/")
				if text = strings.Trim(text, " '\"[]"); text != "" {
					s.Endpoints = append(s.Endpoints, text)
				}
			}
		}
	}
}

// clusterKeys are the keys of the cluster's configuration that stand in the file.
// Their values, which may hold secrets, stay there.
func (r *reader) clusterKeys() []string {
	return slices.DeleteFunc(slices.Clone(audit.ClusterKeys), func(key string) bool { return r.value(key) == nil })
}

// tags are Patroni's own tags as its REST API would show them.
func (r *reader) tags() fact.Tags {
	out := fact.Tags{}
	v := r.mapping("tags")
	if v == nil {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(v.keys)) {
		switch tag := v.keys[name]; {
		case !audit.AuditedTag(name) || tag.kind == null:
		case tag.kind != scalar:
			r.wrongType(tag, "tags."+name, "one value", "write true, false, a number or a name")
		default:
			out[name] = tag.native()
		}
	}
	return out
}

// native is a scalar as JSON would have it: YAML 1.1, which Patroni reads, takes
// yes, no, on and off without quotes for booleans.
func (v *value) native() any {
	switch {
	case v.tag == "!!bool":
		b, _ := fact.PatroniBool(v.text)
		return b
	case v.tag == "!!int" || v.tag == "!!float":
		if n, err := strconv.ParseFloat(v.text, 64); err == nil {
			return n
		}
	case v.tag == "!!str" && v.plain && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(v.text)):
		b, _ := fact.PatroniBool(v.text)
		return b
	}
	return v.text
}

// parameters are the settings of PostgreSQL that an audit looks at, as written.
// No other value leaves the file.
func (r *reader) parameters() map[string]string {
	out := map[string]string{}
	v := r.mapping("postgresql.parameters")
	if v == nil {
		return out
	}
	for _, name := range slices.Sorted(maps.Keys(v.keys)) {
		p := v.keys[name]
		if lower := strings.ToLower(name); audit.AuditedParameter(lower) && p.kind == scalar {
			out[lower] = fmt.Sprint(p.native())
			if p.tag != "!!bool" && p.tag != "!!str" {
				out[lower] = p.text
			}
		}
	}
	return out
}
