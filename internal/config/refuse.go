package config

import (
	"fmt"
	"slices"
	"strings"
)

// refusal is one key that Patroni knows and this version cannot honour. To
// support a key, remove its row and read it.
type refusal struct {
	key string
	// harmless tells values that change nothing; nil: only an empty one does.
	harmless        func(r *reader, v *value) bool
	problem, remedy string
}

const (
	etcdTLS    = "TLS to etcd is not supported yet"
	etcdLogin  = "a login to etcd is not supported yet"
	etcdSRV    = "finding etcd by DNS SRV records is not supported yet"
	etcdProxy  = "an etcd proxy is not supported yet"
	restTLS    = "TLS to Patroni's REST API is not supported yet"
	sqlTLS     = "TLS settings for PostgreSQL are not supported here yet"
	sqlCert    = "a login to PostgreSQL by certificate is not supported here yet"
	plainEtcd  = "if etcd also listens on plain http, give -d etcd3://host:port"
	openEtcd   = "if etcd also answers without a login, give -d etcd3://host:port"
	byHosts    = "name the servers in etcd3.hosts, or give -d etcd3://host:port"
	plainREST  = "if the members' api_url is http://, leave it out; a file (-c) with scope and etcd3 alone is enough"
	byLibpq    = "leave it out, with a file (-c) that has scope and etcd3 alone, and set PGSSLMODE, PGSSLROOTCERT and so on"
	ownRole    = "give a role with a password in preflight.postgresql"
	otherStore = "only etcd3 is; where etcd serves the v3 API and Patroni uses it, write etcd3:"
)

// refusals is what is not supported yet. What matters to a write or to Patroni
// itself alone is not in it: ctl.authentication, restapi.authentication, tags,
// bootstrap, watchdog, the replication and rewind users.
var refusals = []refusal{
	// Patroni takes the first store of the list that is configured, so the ones
	// behind etcd3 change nothing where etcd3 is.
	{"consul", never, "Consul is not supported yet", otherStore},
	{"etcd", never, "etcd's v2 API is not supported yet", otherStore},
	{"exhibitor", besideEtcd3, "Exhibitor is not supported yet", otherStore},
	{"kubernetes", besideEtcd3, "Kubernetes as the store is not supported yet", otherStore},
	{"raft", besideEtcd3, "Raft is not supported yet", otherStore},
	{"zookeeper", besideEtcd3, "ZooKeeper is not supported yet", otherStore},

	{"etcd3.protocol", oneOf("http"), etcdTLS, plainEtcd},
	{"etcd3.url", noTLS, etcdTLS, plainEtcd},
	{"etcd3.cacert", nil, etcdTLS, plainEtcd},
	{"etcd3.ca_cert", nil, etcdTLS, plainEtcd},
	{"etcd3.cert", nil, etcdTLS, plainEtcd},
	{"etcd3.key", nil, etcdTLS, plainEtcd},
	{"etcd3.url", noCredentials, etcdLogin, openEtcd},
	{"etcd3.username", nil, etcdLogin, openEtcd},
	{"etcd3.password", nil, etcdLogin, openEtcd},
	{"etcd3.srv", nil, etcdSRV, byHosts},
	{"etcd3.discovery_srv", nil, etcdSRV, byHosts},
	{"etcd3.srv_domain", nil, etcdSRV, byHosts},
	{"etcd3.srv_suffix", nil, etcdSRV, byHosts},
	{"etcd3.proxy", nil, etcdProxy, byHosts},
	{"etcd3.use_proxies", off, etcdProxy, byHosts},
	{"etcd3.version_prefix", nil, etcdProxy, byHosts},

	{"ctl.insecure", off, restTLS, plainREST},
	{"ctl.cacert", nil, restTLS, plainREST},
	{"ctl.certfile", nil, restTLS, plainREST},
	{"ctl.keyfile", nil, restTLS, plainREST},
	{"restapi.certfile", nil, restTLS, plainREST},
	{"restapi.cafile", nil, restTLS, plainREST},
	// Without a certfile it means nothing (patroni/api.py, __initialize), and
	// "optional" lets GET in without a certificate.
	{"restapi.verify_client", neverAsked, restTLS, plainREST},

	{superuser + ".sslmode", oneOf("disable", "allow", "prefer"), sqlTLS, byLibpq},
	{superuser + ".sslrootcert", nil, sqlTLS, byLibpq},
	{superuser + ".sslcrl", nil, sqlTLS, byLibpq},
	{superuser + ".sslcrldir", nil, sqlTLS, byLibpq},
	{superuser + ".sslnegotiation", oneOf("postgres"), sqlTLS, byLibpq},
	{superuser + ".gssencmode", oneOf("disable", "prefer"), "GSSAPI encryption is not supported", byLibpq},
	{superuser + ".channel_binding", oneOf("disable", "prefer"), sqlTLS, byLibpq},
	{superuser + ".sslcert", besideOwnRole, sqlCert, ownRole},
	{superuser + ".sslkey", besideOwnRole, sqlCert, ownRole},
	{superuser + ".sslpassword", besideOwnRole, sqlCert, ownRole},

	{"citus", never, "Citus clusters are not supported yet", "check each group by hand until they are"},
}

func never(*reader, *value) bool { return false }

func off(r *reader, v *value) bool { return !truth(v) }

func besideEtcd3(r *reader, _ *value) bool { return r.value("etcd3") != nil }

func besideOwnRole(r *reader, _ *value) bool { return r.text("preflight.postgresql.username") != "" }

func neverAsked(r *reader, v *value) bool {
	return !strings.EqualFold(v.text, "required") || r.text("restapi.certfile") == ""
}

func oneOf(values ...string) func(*reader, *value) bool {
	return func(_ *reader, v *value) bool {
		return v.kind == scalar && slices.Contains(values, strings.ToLower(v.text))
	}
}

func noTLS(_ *reader, v *value) bool {
	return !strings.HasPrefix(strings.ToLower(strings.TrimSpace(v.text)), "https:")
}

func noCredentials(_ *reader, v *value) bool { return !strings.Contains(v.text, "@") }

// refuse fails at the first row that applies, and names the other keys that the
// same problem has.
func (r *reader) refuse(rows []refusal) {
	var first *refusal
	var at *value
	var also []string
	for i, row := range rows {
		v := r.value(row.key)
		switch {
		case v == nil, row.harmless == nil && v.kind == scalar && v.text == "", row.harmless != nil && row.harmless(r, v):
		case first == nil:
			first, at = &rows[i], v
		case row.problem == first.problem && row.key != first.key:
			also = append(also, row.key)
		}
	}
	if first == nil {
		return
	}
	problem := first.problem
	if len(also) > 0 {
		problem = fmt.Sprintf("%s (also: %s)", problem, strings.Join(also, ", "))
	}
	r.fail(at, first.key, problem, first.remedy)
}
