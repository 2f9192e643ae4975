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
	"preflight":            {"postgresql", "vips"},
	"preflight.postgresql": {"database", "password", "username"},
}

// postgres returns who connects: the role of preflight.postgresql, which needs
// pg_monitor only, before Patroni's superuser. The two are never mixed, so that
// no password is tried on another role.
func (r *reader) postgres() Postgres {
	for _, section := range slices.Sorted(maps.Keys(own)) {
		v := r.mapping(section)
		if v == nil {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(v.keys)) {
			if !slices.Contains(own[section], key) {
				r.fail(v.keys[key], section, fmt.Sprintf("%s is not known here", plain(key)), "the keys are "+strings.Join(own[section], ", "))
			}
		}
	}
	p := Postgres{
		User: r.text("preflight.postgresql.username"), Password: r.text("preflight.postgresql.password"),
		Database: r.text("preflight.postgresql.database"),
	}
	r.mapping(superuser)
	p.SSLMode = strings.ToLower(r.text(superuser + ".sslmode"))
	if p.User == "" && p.Password != "" {
		const key = "preflight.postgresql.password"
		r.fail(r.value(key), key, "has no username beside it", "add preflight.postgresql.username")
	}
	if p.User == "" {
		p.User, p.Password = r.text(superuser+".username"), r.text(superuser+".password")
	}
	return p
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
			problem = "has a slash, a netmask perhaps"
		case problem != "" && strings.Contains(text, ":") && !strings.Contains(text, "%"):
			problem = "has a port, or is not an IP address"
		}
		if problem != "" {
			r.fail(v, name, problem, "write the IP address or the host name alone")
		}
		if !slices.Contains(out, text) {
			out = append(out, text)
		}
	}
	return out
}
