package check

import (
	"testing"
	"time"
)

// FuzzSchedule: a time that is read is the same in RFC 3339.
func FuzzSchedule(f *testing.F) {
	for _, text := range []string{
		"now", "2026-12-01T03:00:00+00:00", "2026-12-01 03:00", "2026-12-01T03:00:00.123456789Z", "2026-12-01T03:00 +0100",
		"0000-01-01T00:00Z", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00Z", "3 am", "2026-12-01T03:00:60Z", "\x00",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, zoned, ok := parseSchedule(text)
		if !ok {
			if zoned || !at.IsZero() {
				t.Errorf("%q: not read, and yet %s", text, at)
			}
			return
		}
		again, _, ok := parseSchedule(at.Format("2006-01-02T15:04:05.999999999Z07:00"))
		if !ok || !again.Equal(at) {
			t.Errorf("%q is %s, read again %s", text, at, again)
		}
	})
}

func TestParseSchedule(t *testing.T) {
	for text, want := range map[string]string{
		"2026-12-01T03:00:00+00:00": "2026-12-01T03:00:00Z", "2026-12-01T03:00Z": "2026-12-01T03:00:00Z",
		"2026-12-01 03:00:00.5+01:00": "2026-12-01T02:00:00.5Z", "2026-12-01T03:00+0530": "2026-11-30T21:30:00Z",
	} {
		at, zoned, ok := parseSchedule(text)
		if !ok || !zoned || at.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %s, %t, %t", text, at.UTC(), zoned, ok)
		}
	}
	if _, zoned, ok := parseSchedule("2026-12-01 03:00"); !ok || zoned {
		t.Error("a time without a zone")
	}
	if _, _, ok := parseSchedule("3 am"); ok {
		t.Error("no time at all")
	}
}
