package patroni

import (
	"math"
	"math/big"
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
)

// FuzzMaximumLag: in whatever way a release of Patroni reads the value, a plain
// number is that number, and nothing else is taken for one.
func FuzzMaximumLag(f *testing.F) {
	for _, text := range []string{
		"",
		"1048576",
		"-1",
		"0",
		"010",
		"0x10",
		"1e6",
		"10MB",
		" 7 ",
		"1.5",
		".5",
		"9223372036854775808",
		"1e400",
		"-0x8000000000000000",
		"true",
		"null",
		"1_000",
		"+5",
		"--1",
		"9.3e18",
	} {
		f.Add(text, "4.0.7", false)
		f.Add(text, "2.1.0", true)
	}
	f.Fuzz(func(t *testing.T, text, version string, isText bool) {
		limit, understood := MaximumLag(text)
		if !understood && limit != DefaultMaximumLag {
			t.Errorf("%q is not understood and %d", text, limit)
		}
		other, ok := MaximumLagOf(version, text, isText)
		if !ok && !fact.OlderThan(version, 3, 0, 3) {
			t.Errorf("%q of %q: since 3.0.3 there is always a limit", text, version)
		}
		n, plain := new(big.Int).SetString(text, 10)
		if !plain || strings.HasPrefix(strings.TrimLeft(text, "+-"), "0") || strings.ContainsAny(text, "_+") {
			return
		}
		switch fits := n.IsInt64() && n.Int64() != math.MinInt64; {
		case fits && (!understood || limit != n.Int64()):
			t.Errorf("%q is %d, %v", text, limit, understood)
		case fits && isText && ok && other != n.Int64():
			t.Errorf("%q is %d for %q", text, other, version)
		case !n.IsInt64() && understood:
			t.Errorf("%q is %d", text, limit)
		}
	})
}
