package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const superuser = "postgresql.authentication.superuser"

// own are the keys of our section of the file. Patroni passes over it.
var own = map[string][]string{
	"preflight":            {"api_urls", "postgresql", "vips"},
	"preflight.postgresql": {"database", "password", "sslcert", "sslkey", "sslpassword", "username"},
}

// postgres returns who connects: the role of preflight.postgresql, which needs
// pg_monitor only, before Patroni's superuser. The two are never mixed, so that
// no password is tried on another role.
func (r *reader) postgres(h host, warnings *[]string) Postgres {
	for _, section := range slices.Sorted(maps.Keys(own)) {
		v := r.mapping(section)
		if v == nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(v.keys)) {
			if !slices.Contains(own[section], key) {
				r.fail(
					v.keys[key],
					section,
					fmt.Sprintf("%s is not a known key", plain(key)),
					"the keys are "+strings.Join(own[section], ", "),
				)
			}
		}
	}
	const mine = "preflight.postgresql"
	r.mapping(superuser)
	p := Postgres{
		Database: r.text(mine + ".database"),
		SSLMode:  strings.ToLower(r.text(superuser + ".sslmode")), SSLRootCert: r.text(superuser + ".sslrootcert"),
		SSLNegotiation: r.text(superuser + ".sslnegotiation"), ChannelBinding: r.text(superuser + ".channel_binding"),
	}
	role := mine
	if r.text(mine+".username") == "" {
		for _, key := range []string{"password", "sslcert", "sslkey", "sslpassword"} {
			if key = mine + "." + key; r.text(key) != "" {
				r.fail(r.value(key), key, "is set without a username", "add preflight.postgresql.username")
			}
		}
		role = superuser
	}
	p.User, p.Password = r.text(role+".username"), r.text(role+".password")
	r.libpq(h, role, &p, warnings)
	r.elsewhere(h, &p, warnings)
	return p
}

// libpq holds the TLS settings to what libpq takes, before anybody connects, and
// reads the client certificate of the role.
func (r *reader) libpq(h host, role string, p *Postgres, warnings *[]string) {
	for key, allowed := range map[string][]string{
		"sslmode":         {"", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"},
		"sslnegotiation":  {"", "postgres", "direct"},
		"channel_binding": {"", "disable", "prefer", "require"},
	} {
		key = superuser + "." + key
		if text := strings.ToLower(r.text(key)); !slices.Contains(allowed, text) {
			r.fail(r.value(key), key, "is not a value that libpq knows", "write one of "+strings.Join(allowed[1:], ", "))
		}
	}
	if p.SSLRootCert != "" && p.SSLRootCert != "system" {
		r.pool(h, superuser+".sslrootcert")
	}
	for _, missing := range [][2]string{{"sslcert", "sslkey"}, {"sslkey", "sslcert"}} {
		there, lacks := role+"."+missing[0], role+"."+missing[1]
		if r.text(there) != "" && r.text(lacks) == "" {
			r.fail(r.value(there), there, "is set without "+missing[1], "add "+lacks)
		}
	}
	p.Certificate = r.pair(h, role+".sslcert", role+".sslkey", role+".sslpassword", warnings)
}

// vips returns the addresses of the flags and of the file together: one too
// many does no harm, one too few hides a member behind it.
func (r *reader) vips(flags []string) []string {
	const key = "preflight.vips"
	var given []*value
	for _, f := range flags {
		given = append(given, str(f, place{source: "flag --vip"}))
	}
	var out []string
	for i, v := range append(given, r.texts(key, false)...) {
		name := key
		if n := len(given); i >= n {
			name = fmt.Sprintf("%s[%d]", key, i-n)
		} else if n > 1 {
			v.at.source = fmt.Sprintf("flag --vip, number %d", i+1)
		}
		text := strings.TrimSpace(v.text)
		problem := badHost(text)
		switch {
		case text == "":
			problem = "is empty"
		case strings.Contains(text, "//"):
			problem = "has a scheme"
		case strings.Contains(text, "/"):
			problem = "has a slash, perhaps a netmask"
		case problem != "" && strings.Contains(text, ":") && !strings.Contains(text, "%"):
			problem = "has a port, or is not an IP address"
		}
		if problem != "" {
			r.fail(v, name, problem, "write only the IP address or the host name")
		}
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}
