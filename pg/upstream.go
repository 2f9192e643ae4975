package pg

import (
	"strings"

	"patroni-preflight/preflight/fact"
)

// conninfo is how the standby connects to its upstream.
const conninfo = "primary_conninfo"

// conninfoView reads the conninfo of the WAL receiver: since PostgreSQL 12 the
// setting primary_conninfo, before that what the running receiver shows (there
// PostgreSQL masks the passwords itself). Secrets are removed before the text leaves
// the server, and a URI, in which they have no one form, is not sent.
//
// CASE keeps current_setting from failing for want of pg_read_all_settings.
var conninfoView = view{
	name: conninfo, most: 2,
	columns: []column{since(12, "primary_conninfo",
		"CASE WHEN pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') THEN "+
			masked("current_setting('primary_conninfo', true)")+" END",
		masked("conninfo"))},
	from: func(major int) string {
		if major < 12 {
			return "FROM pg_stat_wal_receiver"
		}
		return ""
	},
}

// masked is a conninfo without its secrets.
func masked(conninfo string) string {
	const secrets = `E'((ssl)?password|oauth_client_secret|scram_(client|server)_key)\\s*=\\s*` +
		`(''([^''\\\\]|\\\\.)*''|([^\\s''\\\\]|\\\\.)*)'`
	return "CASE WHEN " + conninfo + ` ~ E'^\\s*postgres(ql)?://' THEN 'uri' ELSE regexp_replace(` + conninfo +
		", " + secrets + ", '', 'gi') END"
}

// sslMode is how a standby verifies the server that it streams from. Patroni
// always writes it (patroni/postgresql/config.py, primary_conninfo_params), and
// libpq's default is the same.
func (d decoder) sslMode() fact.Observed[string] {
	if !d.recovery {
		return fact.NotKnown[string](fact.Absent, "the server is not in recovery")
	}
	return d.upstream("sslmode", "prefer")
}

// upstream is one keyword of primary_conninfo, otherwise where it is not there;
// "" stands for no such default.
func (d decoder) upstream(keyword, otherwise string) fact.Observed[string] {
	c := d.of(conninfoView)
	if d.major < 12 {
		c = d.stats(conninfoView)
	} else if !d.seesSettings {
		c.null = d.privilege()
	}
	text := value(c, "", parseText)
	v, ok := text.Get()
	switch {
	case !ok:
		return fact.Because[string](text)
	case v == "uri":
		return fact.NotKnown[string](fact.Unsupport, "primary_conninfo is a URI, which Patroni does not write")
	}
	word, found, ok := conninfoValue(v, keyword)
	switch {
	case !ok:
		// The text is not repeated: who knows what is in it.
		return fact.NotKnown[string](fact.Malformed, "primary_conninfo is no list of keyword=value")
	case !found && otherwise != "":
		return fact.Known(otherwise)
	case !found:
		return fact.NotKnown[string](fact.Absent, "primary_conninfo has no %s", keyword)
	}
	return fact.Known(strings.ToValidUTF8(word, "?"))
}
