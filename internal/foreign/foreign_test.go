package foreign_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"

	"patroni-preflight/internal/foreign"
)

func ExampleOneLine() {
	fmt.Println(foreign.OneLine("FATAL:  password\n\tauthentication \x1b[31mfailed", 40))
	fmt.Println(foreign.OneLine("a very long answer of a server", 11))
	// Output:
	// FATAL: password authentication [31mfaile...
	// a very long ...
}

func ExampleQuote() {
	fmt.Println(foreign.Quote("<html>\n"))
	// Output: "<html>\n"
}

// FuzzOneLine: whatever comes, the result is one short line of printable characters.
func FuzzOneLine(f *testing.F) {
	for _, s := range []string{"", " ", "a\nb", "\x1b[2J", "\u202egnp", "\xff\xfe", strings.Repeat("x", 500)} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, limit int) {
		if limit < 0 || limit > 1000 {
			return
		}
		got := foreign.OneLine(s, limit)
		if n := len([]rune(got)); n > limit+4 {
			t.Errorf("%d characters, limit %d", n, limit)
		}
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("%q has %U", got, r)
			}
		}
	})
}
