package preflight_test

import (
	"slices"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
)

// TestGroups: a scope has groups until one of them is named.
func TestGroups(t *testing.T) {
	s := &fact.Snapshot{}
	if g := preflight.Groups(s); len(g) > 0 {
		t.Errorf("groups %v before anything was seen", g)
	}
	s.DCS.Cluster = fact.Known(fact.Cluster{Groups: fact.Known([]string{"0", "1"})})
	if g := preflight.Groups(s); !slices.Equal(g, []string{"0", "1"}) {
		t.Errorf("groups %v", g)
	}
	s.Target.Group = "1"
	if g := preflight.Groups(s); len(g) > 0 {
		t.Errorf("groups %v, although one is named", g)
	}
}
