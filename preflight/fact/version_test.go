package fact

import (
	"testing"
)

func TestOlderThan(t *testing.T) {
	for _, c := range []struct {
		v    string
		want bool
	}{
		{"3.0.2", true},
		{"3.1.9", true},
		{"3.2.0", false},
		{"3.2", false},
		{"3.1", true},
		{"4.1.5", false},
		{"2.1.7", true},
		{"3.2.0rc1", false},
		{"", false},
		{"dev", false},
		{"10.0.0", false},
	} {
		if got := OlderThan(c.v, 3, 2, 0); got != c.want {
			t.Errorf("%q older than 3.2.0: %t", c.v, got)
		}
	}
}

// F 7.22: the application name is the raw name, cut and sanitised by PostgreSQL.
func TestSameApplicationName(t *testing.T) {
	long := "a-member-whose-name-is-longer-than-the-sixty-three-bytes-that-postgresql-keeps"
	for _, c := range []struct {
		app, member string
		want        bool
	}{
		{"node2", "node2", true},
		{"node2", "Node2", false},
		{"node", "node2", false},
		{long[:63], long, true},
		{"n??", "nö", true},
		{`n\xc3\xb6`, "nö", true},
		{"pg_1", "pg-1", false},
	} {
		if got := SameApplicationName(c.app, c.member); got != c.want {
			t.Errorf("%q for member %q: %t", c.app, c.member, got)
		}
	}
}
