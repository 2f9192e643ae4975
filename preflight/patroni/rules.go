// Package patroni holds Patroni's own rules, by release: which member may lead, and
// how patronictl, the leader's REST API and the HA loops answer a request.
package patroni

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"patroni-preflight/preflight/fact"
)

// SyncActive is the synchronous mode as the leader's version understands it:
// "off", "on" or "quorum".
func SyncActive(s *fact.Snapshot) string {
	mode := fact.SyncMode.Of(s, "").OrZero()
	version := fact.KeyVersion.Of(s, s.Leader()).OrZero()
	switch {
	case fact.StandbyCluster.Of(s, "").OrZero() && !fact.OlderThan(version, 3, 2, 0):
		return "off" // ignored in standby clusters since 3.2.0
	case mode == "quorum" && fact.OlderThan(version, 4, 0, 0):
		return "off" // no boolean, so off, before there was such a mode
	}
	return mode
}

// InSync reports whether a member is in /sync: exactly before 3.0.3, without
// regard to case since (patroni/dcs/__init__.py, SyncState.matches).
func InSync(state fact.Sync, m, version string) bool {
	return slices.ContainsFunc(state.Standbys, func(n string) bool {
		return n == m || (!fact.OlderThan(version, 3, 0, 3) && strings.EqualFold(n, m))
	})
}

// Rules of Patroni that more than one check needs, each with where it stands in
// Patroni's source.

// DefaultMaximumLag is Patroni's default of maximum_lag_on_failover, in bytes
// (patroni/global_config.py).
const DefaultMaximumLag = 1048576

// MaximumLag is what Patroni makes of maximum_lag_on_failover as written, and
// whether that is what was written. Since 3.0.3 what is no plain number is
// silently the default (patroni/global_config.py, get_int with parse_int);
// before, int() raises and Patroni keeps the configuration it had.
func MaximumLag(written string) (limit int64, understood bool) {
	if written == "" {
		return DefaultMaximumLag, true
	}
	if n, ok := parseInt(written); ok {
		return n, true
	}
	return DefaultMaximumLag, false
}

// MaximumLagOf is the same by version. Before 3.0.3 it is Python's int() of the
// value (patroni/config.py, _safe_copy_dynamic_configuration); ok is false where
// that raises: then nobody outside can tell what is in force.
func MaximumLagOf(version, written string, isText bool) (limit int64, ok bool) {
	if !fact.OlderThan(version, 3, 0, 3) {
		n, _ := MaximumLag(written)
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

// MaxLag is the limit in bytes that the leader's Patroni applies.
var MaxLag = fact.Fact[int64]{
	Label: "maximum_lag_on_failover in /config",
	Of: func(s *fact.Snapshot, _ string) fact.Observed[int64] {
		return fact.Field(fact.Config.Of(s, ""), func(c fact.DynamicConfig) fact.Observed[int64] {
			return fact.Field(c.MaximumLag, func(w string) fact.Observed[int64] {
				version := fact.KeyVersion.Of(s, s.Leader()).OrZero()
				n, ok := MaximumLagOf(version, w, c.MaximumLagIsText)
				if !ok {
					return fact.NotKnown[int64](
						fact.Malformed,
						"Patroni %s cannot read maximum_lag_on_failover %q and keeps the previous value",
						version,
						w,
					)
				}
				return fact.Known(n)
			})
		})
	},
}

// Nofailover reports whether Patroni takes tags for "never promote", and by
// which tag: bool(tags.nofailover) where that is set, so that the text "false"
// counts as true; else failover_priority <= 0, since 3.2.0
// (patroni/tags.py, Tags.nofailover).
func Nofailover(t fact.Tags, version string) (bool, string) {
	return forbids(t, "nofailover", "failover_priority", !fact.OlderThan(version, 3, 2, 0))
}

// Nosync is the same for "never synchronous": bool(tags.nosync), else
// sync_priority <= 0, since 4.1.0 (patroni/tags.py, Tags.nosync).
func Nosync(t fact.Tags, version string) bool {
	no, _ := forbids(t, "nosync", "sync_priority", !fact.OlderThan(version, 4, 1, 0))
	return no
}

// forbids reads a tag, or where it is not set, the priority that may stand for it.
func forbids(t fact.Tags, tag, priority string, known bool) (bool, string) {
	if v, ok := t[tag]; ok && v != nil {
		return fact.PythonBool(v), tag + ": " + Show(v)
	}
	v, ok := t[priority]
	if !ok || !known {
		return false, ""
	}
	n, ok := Integer(v)
	return ok && n <= 0, priority + ": " + Show(v)
}

// Integer reads a value of a tag as Patroni reads a priority.
func Integer(v any) (int64, bool) {
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
func failoverPriority(t fact.Tags) int64 {
	if fact.PythonBool(t["nofailover"]) {
		return 0
	}
	if n, ok := Integer(t["failover_priority"]); ok {
		return n
	}
	return 1
}

// Show prints a value of a tag as it would stand in YAML.
func Show(v any) string {
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
