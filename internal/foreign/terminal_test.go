package foreign_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"unicode"

	"patroni-preflight/internal/foreign"
)

func TestText(t *testing.T) {
	for from, want := range map[string]string{
		"two\nlines\r\n":                  "two\nlines\n",
		"\x1b[2J\a\x1b]52;c;cm0=\a\x7f a": "?[2J??]52;c;cm0=?? a",
		"a\tb\rc\v":                       "a b?c?",
		"\u202egnp \u2066 \x9b1m":         "?gnp ? ?1m",
		"\xff":                            "?",
		"Grüße ✓":                         "Grüße ✓",
	} {
		if got := foreign.Text(from); got != want {
			t.Errorf("%q: %q, want %q", from, got, want)
		}
	}
}

func TestSecrets(t *testing.T) {
	base := base64.StdEncoding.EncodeToString([]byte("admin:s3cret pw"))
	for _, c := range []struct{ user, password, text, want string }{
		{"admin", "s3cret pw", "no such user admin:s3cret pw", "no such user admin:********"},
		{"admin", "s3cret pw", "s3cret+pw, s3cret%20pw, Basic " + base, "********, ********, Basic ********"},
		{"admin", "x", "exit x: x, [x] next", "exit ********: ********, [********] next"},
		{"admin", "", "nothing", "nothing"},
		{"patroni", "patroni", "user patroni of patroni", "user patroni of patroni"},
	} {
		if got := foreign.Login(c.user, c.password).Mask(c.text); got != c.want {
			t.Errorf("%s:%s in %q: %q, want %q", c.user, c.password, c.text, got, c.want)
		}
	}
}

// TestTerminal: wherever the text is cut, no secret and nothing that moves the cursor
// passes, and a line is shown as soon as it ends.
func TestTerminal(t *testing.T) {
	const text = "HTTP 401: \x1b[2Jno s3cret-pw\r\nsecond ü line\x07 s3cret-pw"
	const want = "HTTP 401: ?[2Jno ********\nsecond ü line? ********"
	for size := 1; size <= len(text); size++ {
		var out bytes.Buffer
		w := foreign.NewTerminal(&out, foreign.Login("admin", "s3cret-pw"))
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			if _, err := w.Write([]byte(rest[:n])); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if size == 1 && !strings.HasSuffix(out.String(), "********\n") {
			t.Errorf("shown before the end: %q", out.String())
		}
		if err := w.Flush(); err != nil || out.String() != want {
			t.Errorf("by %d bytes: %q, %v", size, out.String(), err)
		}
	}
	// A line without an end is bounded, and a secret in it is masked wherever it is cut.
	for shift := range 18 {
		var out bytes.Buffer
		w := foreign.NewTerminal(&out, foreign.Login("admin", "s3cret-pw"))
		_, _ = w.Write([]byte(strings.Repeat(".", shift)))
		for range 3000 {
			_, _ = w.Write([]byte("abc s3cret-pw ü "))
		}
		if out.Len() < 10_000 {
			t.Errorf("%d bytes shown of a line without an end", out.Len())
		}
		_ = w.Flush()
		s := out.String()
		if strings.Contains(s, "s3cret") || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Error("the line was passed on as it was")
		}
	}
}
