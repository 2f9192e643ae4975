// Package config finds out what the tool needs to know before it can ask
// anybody: which cluster, which store, who connects to PostgreSQL. It reads
// patroni.yml or patronictl.yaml, the environment and the command line in the
// order of patronictl (patroni/ctl.py, load_config; patroni/config.py, Config).
//
// What is configured but not supported is refused by name, never ignored: the
// table is in refuse.go. What is read, and what for, is in keys.go. No error and no warning quotes a value, since any
// value may be a password that slipped into the wrong place.
package config

import (
	"regexp"
	"runtime"
	"strings"
	"unicode"

	"patroni-preflight/dcs"
	"patroni-preflight/internal/secure"
	"patroni-preflight/pg"
)

// Flags are the values given on the command line. Empty means not given.
type Flags struct {
	// File is -c: a file, or a directory of *.yml and *.yaml.
	File string
	// DCSURL is -d: [scheme://][host][:port][/namespace].
	DCSURL string
	Scope  string
	// Namespace wins over the one in DCSURL.
	Namespace string
	// Group is the Citus group; EveryGroup: none need be named where there are several.
	Group      string
	EveryGroup bool
	// VIPs are added to those in the file.
	VIPs []string
	// APIURLs are REST APIs to ask where the store is not read.
	APIURLs []string
	// Insecure is -k, ctl.insecure of the file.
	Insecure bool
}

// Config is what the tool runs with.
type Config struct {
	Scope string
	// Namespace begins with a slash and does not end with one, except "/" itself.
	Namespace string
	// Group is the Citus group, "" where there is none. Citus is whether the
	// configuration says that there are several, and none is named.
	Group string
	Citus bool
	// File is where the configuration came from: the path of a file or a
	// directory, "PATRONI_CONFIGURATION", or "environment".
	File string
	// Store is the section of the store, "etcd3" if it can be read. Else APIURLs
	// are the REST APIs that tell of the cluster instead, as http://host:port.
	Store   string
	APIURLs []string
	Etcd3   Etcd3
	// REST is how the members' REST API is spoken to where it is https.
	REST secure.Client
	// RESTOverTLS is whether there is a CA or a certificate for the REST API, so that
	// http is not what was meant.
	RESTOverTLS bool
	// RESTAPI is who asks Patroni for a switchover.
	RESTAPI RESTAPI
	// Postgres is who connects.
	Postgres Postgres
	// VIPs are IP addresses and host names that move with the leader.
	VIPs []string
	// Warnings are one line each, for stderr.
	Warnings []string
}

// Etcd3 says how etcd is asked. Without a CA, a certificate or an https URL its TLS
// is nil; with SRV its Endpoints apply if no record exists.
type Etcd3 = dcs.Config

// Postgres are the credentials of the SQL sessions. Empty values leave the
// choice to libpq's environment (PG*) and password file.
type Postgres = pg.Config

// Error is why there is no usable configuration. Every error of Load is one.
type Error struct {
	// Where is the file and line, the environment variable or the flag; empty
	// where nothing was given at all.
	Where string
	// Key is the key as written in patroni.yml ("etcd3.hosts"), empty for a file
	// that cannot be read.
	Key string
	// Problem and Remedy are what is wrong and what to do.
	Problem, Remedy string
}

// Error returns one line, without any value from the configuration.
func (e *Error) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Where, e.Key} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	b.WriteString(e.Problem)
	if e.Remedy != "" {
		b.WriteString("; " + e.Remedy)
	}
	return b.String()
}

// host is the machine as Load sees it, so that tests bring their own.
type host struct {
	env   func(string) (string, bool)
	files files
	goos  string
	// sections are the keys of the files that are read.
	sections sections
	// asked is told each key that is looked at; nil but in tests.
	asked func(path string)
}

// get returns a variable. Patroni does not look at empty ones.
func (h host) get(name string) string {
	v, _ := h.env(name)
	return v
}

// Load resolves the configuration. env is os.LookupEnv. Its errors are *Error.
func Load(flags Flags, env func(string) (string, bool)) (Config, error) {
	return load(flags, host{env: env, files: disk{}, goos: runtime.GOOS, sections: looking}, refusals)
}

func load(flags Flags, h host, refuse []refusal) (Config, error) {
	layers, err := gather(flags, h)
	if err != nil {
		return Config{}, err
	}
	r := &reader{root: layers.tree, asked: h.asked}
	c := Config{File: layers.from, Warnings: layers.warnings}

	r.refuse(refuse)
	c.Scope = r.scope()
	c.Namespace = r.namespace()
	c.Group, c.Citus = r.group(flags.Group, flags.EveryGroup)
	switch c.Store = r.store(); c.Store {
	case "":
	case "etcd3":
		c.Etcd3, c.Warnings = r.etcd3(h, c.Warnings)
		if len(flags.APIURLs) > 0 {
			r.fail(
				str("", place{source: "flag --api-url"}),
				"preflight.api_urls",
				"is not used, since etcd3 is configured and names the members",
				"remove it",
			)
		}
	default:
		if flags.Group != "" {
			r.fail(
				str("", place{source: "flag --group"}),
				"citus.group",
				"a Citus cluster in a store other than etcd v3 is not supported",
				"check each group as a cluster of its own, without --group",
			)
		}
		c.APIURLs = r.unread(c.Store, flags.APIURLs, &c.Warnings)
	}
	c.REST = r.rest(h, &c.Warnings)
	c.RESTOverTLS = r.anyText("ctl.cacert", "ctl.certfile", "restapi.cafile", "restapi.certfile")
	c.RESTAPI = r.restapi()
	c.Postgres = r.postgres(h, &c.Warnings)
	c.VIPs = r.vips(flags.VIPs)
	if r.err != nil {
		return Config{}, r.err
	}
	return c, nil
}

// scope is the cluster's name. A slash in it would move the range that is read
// to another cluster, or to all of them.
func (r *reader) scope() string {
	const key = "scope"
	v := r.text(key)
	switch {
	case v == "":
		r.fail(
			r.value(key),
			key,
			"the name of the cluster is missing",
			"give --scope, PATRONI_SCOPE, or scope: in the file (-c)",
		)
	case strings.Contains(v, "/") || strings.ContainsFunc(v, unicode.IsControl):
		r.fail(
			r.value(key),
			key,
			"has a slash or a control character",
			"write only the name; the part before it belongs in namespace",
		)
	}
	return v
}

var slashes = regexp.MustCompile(`/+`)

// namespace is Patroni's, "service" by default, with the slashes as Patroni
// joins them (patroni/dcs/__init__.py, AbstractDCS.__init__).
func (r *reader) namespace() string {
	v := r.text("namespace")
	if v == "" {
		v = "service"
	}
	if strings.ContainsFunc(v, unicode.IsControl) {
		r.fail(r.value("namespace"), "namespace", "has a control character", "write only the path, for example /service")
	}
	return "/" + strings.Trim(slashes.ReplaceAllString(v, "/"), "/")
}

var groupForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})$`)

// group is the Citus group (patroni/postgresql/mpp/citus.py, CITUS_GROUP_RE).
// Where the configuration has a Citus section that Patroni takes for one, it has
// to be named, as for patronictl switchover, unless every one is meant: the group
// in a node's own file says which node it is, not which switchover is meant.
func (r *reader) group(flag string, every bool) (group string, several bool) {
	v := str(flag, place{source: "flag --group"})
	several = flag == "" && r.citus()
	switch {
	case several && !every:
		r.fail(
			r.value("citus"),
			"citus",
			"the cluster has several groups, each with a leader of its own",
			"name the group with --group: 0 for the coordinator, 1 and up for the workers",
		)
	case flag != "" && !groupForm.MatchString(flag):
		r.fail(v, "citus.group", "is not a group number", "write 0 for the coordinator, 1 and up for the workers")
	}
	return flag, several
}

// citus reports whether the section counts: without a group that is a number and
// a database Patroni drops it (patroni/config.py, _build_effective_configuration).
func (r *reader) citus() bool {
	if v := r.value("citus"); v == nil || v.kind != mapping {
		return false
	}
	group, database := r.value("citus.group"), r.value("citus.database")
	return group != nil && group.tag == "!!int" && database != nil && database.tag == "!!str"
}
