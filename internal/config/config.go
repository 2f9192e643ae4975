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
)

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
