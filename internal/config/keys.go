package config

import "strings"

// Key is one key of the configuration that matters to somebody who only looks,
// and what this tool does with it.
type Key struct {
	// Name is the dotted path in the file.
	Name string
	// Variable is the environment variable that overrides it, "" where Patroni
	// has none.
	Variable string
	// Use is what the tool does with the value, for docs/configuration.md.
	Use string
}

const (
	patroniVariable = "PATRONI_"
)

// Keys are the keys in the order of the document. Those that Patroni has and
// that are not here say nothing about what is read.
var Keys = []Key{
	{"scope", "PATRONI_SCOPE", "The cluster's name, as for patronictl without an argument. `--scope` takes precedence."},
	{
		"namespace",
		"PATRONI_NAMESPACE",
		"The path in the DCS, `/service` by default. `--namespace` and the path in `-d` take precedence.",
	},
	{"name", "PATRONI_NAME", "Not used: the tool asks every member, including the one of this file."},

	{
		"etcd3.proxy",
		"PATRONI_ETCD3_PROXY",
		"The URL of an etcd proxy: the only endpoint; takes precedence over `url`, `srv`, `hosts` and `host`.",
	},
	{
		"etcd3.url",
		"PATRONI_ETCD3_URL",
		"The URL of one server; takes precedence over `hosts` and `host`. User and password in it replace `username` and " +
			"`password`, even if it has none.",
	},
	{
		"etcd3.srv",
		"PATRONI_ETCD3_SRV",
		"A domain whose SRV records name the servers; takes precedence over `hosts` and `host`.",
	},
	{"etcd3.discovery_srv", "", "The same as `srv`; takes precedence over it."},
	{"etcd3.srv_domain", "", "The same as `srv`; takes precedence over both."},
	{
		"etcd3.srv_suffix",
		"PATRONI_ETCD3_SRV_SUFFIX",
		"The suffix in the service's name, after a dash: `_etcd-client-ssl-SUFFIX._tcp`.",
	},
	{
		"etcd3.hosts",
		"PATRONI_ETCD3_HOSTS",
		"`host:port` of each server, a list or one text with commas; takes precedence over `host`. The tool asks all of " +
			"them; one answer is enough.",
	},
	{"etcd3.host", "PATRONI_ETCD3_HOST", "`host:port` of one server."},
	{
		"etcd3.port",
		"PATRONI_ETCD3_PORT",
		"The port for `host`, instead of the one in it, and for entries of `hosts` without a port. 2379 by default.",
	},
	{"etcd3.protocol", "PATRONI_ETCD3_PROTOCOL", "`http` or `https` for `hosts` and `host`; `http` by default."},
	{"etcd3.use_proxies", "PATRONI_ETCD3_USE_PROXIES", "Not used: the tool asks only the servers that are named."},
	{
		"etcd3.cacert",
		"PATRONI_ETCD3_CACERT",
		"The CA that verifies the servers' certificates; without it the system's CAs.",
	},
	{"etcd3.ca_cert", "", "The same as `cacert`, which takes precedence."},
	{"etcd3.cert", "PATRONI_ETCD3_CERT", "The client certificate, optionally with its key in the same file."},
	{"etcd3.key", "PATRONI_ETCD3_KEY", "The key of the client certificate."},
	{"etcd3.username", "PATRONI_ETCD3_USERNAME", "The user of etcd."},
	{"etcd3.password", "PATRONI_ETCD3_PASSWORD", "The password of that user."},

	{
		"ctl.insecure",
		"PATRONI_CTL_INSECURE",
		"As for patronictl: the REST API's certificate is not verified; with `certfile` only its name is not verified. " +
			"`-k` is the same. Neither applies to etcd.",
	},
	{
		"ctl.cacert",
		"PATRONI_CTL_CACERT",
		"The CA that verifies the REST API's certificates; otherwise `restapi.cafile`, then the system's CAs.",
	},
	{
		"ctl.certfile",
		"PATRONI_CTL_CERTFILE",
		"The client certificate for the REST API, optionally with its key in the same file.",
	},
	{"ctl.keyfile", "PATRONI_CTL_KEYFILE", "The key of that certificate."},
	{"ctl.keyfile_password", "PATRONI_CTL_KEYFILE_PASSWORD", "The passphrase of that key."},
	{
		"ctl.authentication.username",
		"PATRONI_CTL_USERNAME",
		"The user that requests a switchover from the REST API (`--via rest`); nothing else needs a login.",
	},
	{"ctl.authentication.password", "PATRONI_CTL_PASSWORD", "Its password."},
	{"restapi.cafile", "PATRONI_RESTAPI_CAFILE", "The CA for the REST API if `ctl.cacert` is missing."},
	{
		"restapi.connect_address",
		"PATRONI_RESTAPI_CONNECT_ADDRESS",
		"With a store other than etcd3: the REST API that describes the cluster, if no `api_urls` are named.",
	},
	{
		"restapi.certfile",
		"PATRONI_RESTAPI_CERTFILE",
		"Only its presence counts: then, as with `cacert`, `cafile` and `ctl.certfile`, an `http` REST API is a warning, " +
			"and with a store other than etcd3 `connect_address` means https. A client certificate is `ctl.certfile`.",
	},
	{
		"restapi.verify_client",
		"PATRONI_RESTAPI_VERIFY_CLIENT",
		"Not used: the answer shows whether a client certificate is required.",
	},
	{"restapi.authentication.username", "PATRONI_RESTAPI_USERNAME", "The same as in `ctl`, which takes precedence."},
	{"restapi.authentication.password", "PATRONI_RESTAPI_PASSWORD", "Its password."},

	{
		superuser + ".username",
		"PATRONI_SUPERUSER_USERNAME",
		"The user that connects to PostgreSQL if `preflight.postgresql.username` is missing; without both, `PGUSER` and " +
			"the rest of libpq's environment.",
	},
	{superuser + ".password", "PATRONI_SUPERUSER_PASSWORD", "Its password; otherwise `PGPASSWORD` and the password file."},
	{
		superuser + ".sslmode",
		"PATRONI_SUPERUSER_SSLMODE",
		"libpq's setting, for every role that connects; otherwise `PGSSLMODE`, then `prefer`.",
	},
	{
		superuser + ".sslrootcert",
		"PATRONI_SUPERUSER_SSLROOTCERT",
		"libpq's setting, for every role that connects; otherwise `PGSSLROOTCERT`.",
	},
	{
		superuser + ".sslcert",
		"PATRONI_SUPERUSER_SSLCERT",
		"The client certificate of the superuser; not used for another role.",
	},
	{superuser + ".sslkey", "PATRONI_SUPERUSER_SSLKEY", "Its key."},
	{superuser + ".sslpassword", "PATRONI_SUPERUSER_SSLPASSWORD", "The passphrase of that key."},
	{
		superuser + ".sslcrl",
		"PATRONI_SUPERUSER_SSLCRL",
		"Refused if certificates are verified: revocation lists are not supported.",
	},
	{superuser + ".sslcrldir", "PATRONI_SUPERUSER_SSLCRLDIR", "The same."},
	{
		superuser + ".gssencmode",
		"PATRONI_SUPERUSER_GSSENCMODE",
		"`disable` and `prefer` change nothing; `require` is refused: GSSAPI encryption is not supported.",
	},
	{
		superuser + ".channel_binding",
		"PATRONI_SUPERUSER_CHANNEL_BINDING",
		"libpq's setting, for every role that connects; otherwise `PGCHANNELBINDING`.",
	},
	{
		superuser + ".sslnegotiation",
		"PATRONI_SUPERUSER_SSLNEGOTIATION",
		"libpq's setting, for every role that connects; otherwise `PGSSLNEGOTIATION`.",
	},

	{
		"citus.group",
		"PATRONI_CITUS_GROUP",
		"With `citus.database` it makes a cluster of several groups. `--group` names one; without it `check` judges all of " +
			"them; `switchover` and `verify` require it, like patronictl switchover. Its value is not used.",
	},
	{
		"citus.database",
		"PATRONI_CITUS_DATABASE",
		"The same. Without a database, or with a group that is not a number, Patroni drops the section, and so does this " +
			"tool.",
	},

	{
		"preflight.api_urls",
		"",
		"This tool's own: URLs of REST APIs that describe the cluster if the store is not etcd3, together with `--api-url`;" +
			" one answer is enough.",
	},
	{"preflight.vips", "", "This tool's own: addresses that move with the leader, together with those of `--vip`."},
	{
		"preflight.postgresql.username",
		"",
		"This tool's own: the user that connects to PostgreSQL, instead of Patroni's superuser; `pg_monitor` is enough.",
	},
	{"preflight.postgresql.password", "", "This tool's own: its password."},
	{"preflight.postgresql.database", "", "This tool's own: the database instead of the one in the members' `conn_url`."},
	{"preflight.postgresql.sslcert", "", "This tool's own: its client certificate."},
	{"preflight.postgresql.sslkey", "", "This tool's own: the key of that certificate."},
	{"preflight.postgresql.sslpassword", "", "This tool's own: the passphrase of that key."},
}

// otherStores are the variables of the stores of which it is enough to know that
// they are configured.
var otherStores = []struct {
	section string
	keys    []string
}{
	{"etcd", []string{"host", "hosts", "port", "url", "proxy", "srv"}},
	{"consul", []string{"host", "port", "url", "token", "dc"}},
	{"zookeeper", []string{"host", "hosts", "port"}},
	{"exhibitor", []string{"host", "hosts", "port"}},
	{"raft", []string{"self_addr", "partner_addrs", "data_dir"}},
	{"kubernetes", []string{
		"namespace", "labels", "context", "use_endpoints", "scope_label", "role_label", "pod_ip", "ports",
		"bypass_api_service", "leader_label_value", "retriable_http_codes", "cacert",
	}},
}

// readable are the keys that have a variable, with those of the other stores.
func readable() []Key {
	var out []Key
	for _, k := range Keys {
		if k.Variable != "" {
			out = append(out, k)
		}
	}
	for _, s := range otherStores {
		for _, key := range s.keys {
			out = append(out, Key{Name: join(s.section, key), Variable: patroniVariable + strings.ToUpper(s.section+"_"+key)})
		}
	}
	return out
}

// whenEmpty reports whether an empty variable overrides the file, which those
// of a store do, but for its login (patroni/config.py,
// _build_environment_configuration: the loop over os.environ, and _get_auth).
func (k Key) whenEmpty() bool {
	return strings.HasPrefix(k.Name, "etcd3.") && k.Name != "etcd3.username" && k.Name != "etcd3.password"
}
