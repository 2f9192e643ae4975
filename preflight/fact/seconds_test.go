package fact

import (
	"testing"
)

func TestSecondsAsText(t *testing.T) {
	for want, r := range map[string]Seconds{"2 to 6 s": UpTo(2.3, 5.5), "1 s": UpTo(1, 1), "57 s or more": {Least: 57}} {
		if r.String() != want {
			t.Errorf("%q, want %q", r, want)
		}
	}
}
