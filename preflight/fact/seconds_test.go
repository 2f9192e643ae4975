package fact

import (
	"testing"
	"time"
)

func TestSecondsAsText(t *testing.T) {
	for want, r := range map[string]Seconds{"2 to 6 s": UpTo(2.3, 5.5), "1 s": UpTo(1, 1), "57 s or more": {Least: 57}} {
		if r.String() != want {
			t.Errorf("%q, want %q", r, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 s":         0,
		"250 ms":      250 * time.Millisecond,
		"3 s":         3001 * time.Millisecond,
		"119 s":       119 * time.Second,
		"2 min":       2 * time.Minute,
		"2 min 5 s":   125 * time.Second,
		"2 h 10 min":  2*time.Hour + 10*time.Minute + 4*time.Second,
		"2520 d 22 h": 60502*time.Hour + 22*time.Minute,
		"-5 s":        -5 * time.Second,
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestSecondsText(t *testing.T) {
	for want, r := range map[string]Seconds{
		"2 to 6 s":                UpTo(2.4, 5.1),
		"5 s":                     UpTo(5, 5),
		"57 s or more":            {Least: 57.9},
		"2 min 7 s or more":       {Least: 127},
		"90 s to 2 h 10 min":      UpTo(90, 7800),
		"2 h 10 min to 3 h 1 min": UpTo(7800, 10860),
	} {
		if got := r.Text(); got != want {
			t.Errorf("%v is %q, want %q", r, got, want)
		}
	}
}
