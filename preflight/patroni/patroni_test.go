package patroni

import (
	"testing"

	"patroni-preflight/preflight/fact"
)

func TestMaximumLag(t *testing.T) {
	for _, c := range []struct {
		written string
		want    int64
		ok      bool
	}{
		{"", 1048576, true},
		{"0", 0, true},
		{"-1", -1, true},
		{"1024", 1024, true},
		{"0x400", 1024, true},
		{"10MB", 1048576, false},
		{"1 MB", 1048576, false},
		{"true", 1048576, false},
		{"[1]", 1048576, false},
	} {
		if got, ok := MaximumLag(c.written); got != c.want || ok != c.ok {
			t.Errorf("%q: %d, %t", c.written, got, ok)
		}
	}
}

func TestNofailover(t *testing.T) {
	for _, c := range []struct {
		tags    fact.Tags
		version string
		want    bool
	}{
		{fact.Tags{}, "4.0.7", false},
		{fact.Tags{"nofailover": true}, "4.0.7", true},
		{fact.Tags{"nofailover": false}, "4.0.7", false},
		{fact.Tags{"nofailover": "false"}, "4.0.7", true},
		{fact.Tags{"nofailover": ""}, "4.0.7", false},
		{fact.Tags{"nofailover": float64(1)}, "4.0.7", true},
		{fact.Tags{"nofailover": []any{}}, "4.0.7", false},
		{fact.Tags{"failover_priority": float64(0)}, "4.0.7", true},
		{fact.Tags{"failover_priority": float64(-1)}, "3.2.0", true},
		{fact.Tags{"failover_priority": "0"}, "4.0.7", true},
		{fact.Tags{"failover_priority": float64(0)}, "3.0.2", false},
		{fact.Tags{"failover_priority": float64(2)}, "4.0.7", false},
		{fact.Tags{"nofailover": false, "failover_priority": float64(0)}, "4.0.7", false},
		{fact.Tags{"nofailover": nil, "failover_priority": float64(0)}, "4.0.7", true},
	} {
		if got, _ := Nofailover(c.tags, c.version); got != c.want {
			t.Errorf("%v on %s: %t", c.tags, c.version, got)
		}
	}
}
