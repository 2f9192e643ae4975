package preflight

import (
	"strconv"
	"strings"
)

// Rules of Patroni that more than one check needs, each with where it stands in
// Patroni's source.

// DefaultMaximumLag is Patroni's default of maximum_lag_on_failover, in bytes
// (patroni/global_config.py).
const DefaultMaximumLag = 1048576

// olderThan reports whether version v ("3.0.2", "4.1.0.dev1") is older than
// major.minor.patch. A version that cannot be read is not older than anything.
func olderThan(v string, major, minor, patch int) bool {
	want := [3]int{major, minor, patch}
	for i, part := range strings.SplitN(v, ".", 4) {
		if i > 2 {
			break
		}
		n, err := strconv.Atoi(strings.TrimRight(part, "abcdefghijklmnopqrstuvwxyz+-~"))
		if err != nil {
			return false
		}
		if n != want[i] {
			return n < want[i]
		}
	}
	return false
}

// isPrimaryRole: "master" before Patroni 4.0.0, "primary" since.
func isPrimaryRole(role string) bool { return role == "master" || role == "primary" }

// isLeaderRole also counts the leader of a standby cluster.
func isLeaderRole(role string) bool { return isPrimaryRole(role) || role == "standby_leader" }

// maximumLag is what Patroni makes of maximum_lag_on_failover as written, and
// whether that is what was written. Since 3.0.3 a text that is no plain integer
// is silently the default (patroni/global_config.py, get_int with parse_int);
// before, int() raises and Patroni keeps the configuration it had.
func maximumLag(written string) (limit int64, understood bool) {
	if written == "" {
		return DefaultMaximumLag, true
	}
	if n, err := strconv.ParseInt(written, 0, 64); err == nil {
		return n, true
	}
	if f, err := strconv.ParseFloat(written, 64); err == nil && f >= -9e18 && f <= 9e18 {
		return int64(f), true
	}
	return DefaultMaximumLag, false
}

// maxLag is the limit in bytes that Patroni applies.
var maxLag = ofConfig("maximum_lag_on_failover in /config", func(c Config) Observed[int64] {
	return within(c.MaximumLag, func(w string) Observed[int64] {
		n, _ := maximumLag(w)
		return Known(n)
	})
})

// nofailover reports whether Patroni takes tags for "never promote", and by
// which tag: bool(tags.nofailover) where that is set, so that the text "false"
// counts as true; else failover_priority <= 0, since 3.2.0
// (patroni/tags.py, Tags.nofailover).
func nofailover(t Tags, version string) (bool, string) {
	if v, ok := t["nofailover"]; ok && v != nil {
		return truthy(v), "nofailover: " + show(v)
	}
	v, ok := t["failover_priority"]
	if !ok || olderThan(version, 3, 2, 0) {
		return false, ""
	}
	n, ok := integer(v)
	return ok && n <= 0, "failover_priority: " + show(v)
}

// truthy is Python's bool() of a value decoded from JSON.
func truthy(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case float64:
		return x != 0
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	case map[string]any:
		return len(x) > 0
	}
	return true
}

// integer reads a JSON number or a text that holds one.
func integer(v any) (int64, bool) {
	switch x := v.(type) {
	case float64:
		return int64(x), true
	case bool:
		return 0, false
	case string:
		n, err := strconv.ParseInt(strings.TrimSpace(x), 0, 64)
		return n, err == nil
	}
	return 0, false
}

// show prints a value of a tag as it would stand in YAML.
func show(v any) string {
	switch x := v.(type) {
	case string:
		return strconv.Quote(x)
	case bool:
		return strconv.FormatBool(x)
	case float64:
		return strconv.FormatFloat(x, 'f', -1, 64)
	case nil:
		return "null"
	}
	return "a collection"
}

// sameApplicationName reports whether an application name can be the member's.
// PostgreSQL cuts it at 63 bytes and replaces what is not printable ASCII: by
// "?" before version 16, by \xNN since.
func sameApplicationName(app, member string) bool {
	if app == member {
		return true
	}
	var question, hex strings.Builder
	for i := range len(member) {
		c := member[i]
		if c >= 32 && c < 127 {
			question.WriteByte(c)
			hex.WriteByte(c)
			continue
		}
		question.WriteByte('?')
		hex.WriteString(`\x` + strconv.FormatUint(uint64(c), 16))
	}
	for _, s := range []string{member, question.String(), hex.String()} {
		if app == s[:min(len(s), 63)] {
			return true
		}
	}
	return false
}
