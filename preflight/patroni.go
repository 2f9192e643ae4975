package preflight

import (
	"math"
	"regexp"
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
	more := true
	for _, want := range [...]int{major, minor, patch} {
		if !more {
			return false
		}
		var part string
		part, v, more = strings.Cut(v, ".")
		n, err := strconv.Atoi(strings.TrimRight(part, "abcdefghijklmnopqrstuvwxyz+-~"))
		if err != nil {
			return false
		}
		if n != want {
			return n < want
		}
	}
	return false
}

// isPrimaryRole: "master" before Patroni 4.0.0, "primary" since.
func isPrimaryRole(role string) bool { return role == "master" || role == "primary" }

// isLeaderRole also counts the leader of a standby cluster.
func isLeaderRole(role string) bool { return isPrimaryRole(role) || role == "standby_leader" }

// maximumLag is what Patroni makes of maximum_lag_on_failover as written, and
// whether that is what was written. Since 3.0.3 what is no plain number is
// silently the default (patroni/global_config.py, get_int with parse_int);
// before, int() raises and Patroni keeps the configuration it had.
func maximumLag(written string) (limit int64, understood bool) {
	if written == "" {
		return DefaultMaximumLag, true
	}
	if n, ok := parseInt(written); ok {
		return n, true
	}
	return DefaultMaximumLag, false
}

// maximumLagOf is the same by version. Before 3.0.3 it is Python's int() of the
// value (patroni/config.py, _safe_copy_dynamic_configuration); ok is false where
// that raises: then nobody outside can tell what is in force.
func maximumLagOf(version, written string, isText bool) (limit int64, ok bool) {
	if !olderThan(version, 3, 0, 3) {
		n, _ := maximumLag(written)
		return n, true
	}
	switch {
	case written == "" && !isText:
		return DefaultMaximumLag, true
	case !isText && (written == "true" || written == "false"):
		return map[string]int64{"true": 1}[written], true
	case !isText:
		f, err := strconv.ParseFloat(written, 64)
		return int64(f), err == nil && f >= -9e18 && f <= 9e18
	}
	n, err := strconv.ParseInt(strings.TrimSpace(written), 10, 64)
	return n, err == nil
}

var (
	octal    = regexp.MustCompile(`^[-+]?0[0-7]*`)
	decimal  = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)`)
	hexadec  = regexp.MustCompile(`^[-+]?0x[0-9a-fA-F]+`)
	floating = regexp.MustCompile(`^[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?`)
)

// parseInt reads a number as Patroni does where no unit is allowed: like C's
// strtol, so that "010" is 8, and a fraction is rounded to even
// (patroni/utils.py parse_int, strtol, strtod).
func parseInt(text string) (int64, bool) {
	text = strings.TrimSpace(text)
	number, rest := "", text
	for _, re := range []*regexp.Regexp{hexadec, octal, decimal} {
		if m := re.FindString(text); m != "" {
			number, rest = m, text[len(m):]
			break
		}
	}
	if number == "" && strings.HasPrefix(rest, ".") || number != "" && rest != "" && strings.Contains(".eE", rest[:1]) {
		number = floating.FindString(text)
		f, err := strconv.ParseFloat(number, 64)
		if err != nil || strings.TrimSpace(text[len(number):]) != "" || math.Abs(f) > 9e18 {
			return 0, false
		}
		return int64(math.RoundToEven(f)), true
	}
	if number == "" || strings.TrimSpace(rest) != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(number, 0, 64)
	return n, err == nil
}

// maxLag is the limit in bytes that the leader's Patroni applies.
var maxLag = fact[int64]{"maximum_lag_on_failover in /config", func(s *Snapshot, _ string) Observed[int64] {
	return within(config.of(s, ""), func(c Config) Observed[int64] {
		return within(c.MaximumLag, func(w string) Observed[int64] {
			version := keyVersion.of(s, s.Leader()).orZero()
			n, ok := maximumLagOf(version, w, c.MaximumLagIsText)
			if !ok {
				return NotKnown[int64](Malformed, "Patroni %s cannot read maximum_lag_on_failover %q and goes on with the one before", version, w)
			}
			return Known(n)
		})
	})
}}

// nofailover reports whether Patroni takes tags for "never promote", and by
// which tag: bool(tags.nofailover) where that is set, so that the text "false"
// counts as true; else failover_priority <= 0, since 3.2.0
// (patroni/tags.py, Tags.nofailover).
func nofailover(t Tags, version string) (bool, string) {
	return forbids(t, "nofailover", "failover_priority", !olderThan(version, 3, 2, 0))
}

// nosync is the same for "never synchronous": bool(tags.nosync), else
// sync_priority <= 0, since 4.1.0 (patroni/tags.py, Tags.nosync).
func nosync(t Tags, version string) bool {
	no, _ := forbids(t, "nosync", "sync_priority", !olderThan(version, 4, 1, 0))
	return no
}

// forbids reads a tag, or where it is not set, the priority that may stand for it.
func forbids(t Tags, tag, priority string, known bool) (bool, string) {
	if v, ok := t[tag]; ok && v != nil {
		return truthy(v), tag + ": " + show(v)
	}
	v, ok := t[priority]
	if !ok || !known {
		return false, ""
	}
	n, ok := integer(v)
	return ok && n <= 0, priority + ": " + show(v)
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

// integer reads a value of a tag as Patroni reads a priority.
func integer(v any) (int64, bool) {
	switch x := v.(type) {
	case float64:
		return parseInt(strconv.FormatFloat(x, 'f', -1, 64))
	case string:
		return parseInt(x)
	}
	return 0, false
}

// failoverPriority is the member's weight where positions are equal
// (patroni/tags.py, failover_priority).
func failoverPriority(t Tags) int64 {
	if truthy(t["nofailover"]) {
		return 0
	}
	if n, ok := integer(t["failover_priority"]); ok {
		return n
	}
	return 1
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
