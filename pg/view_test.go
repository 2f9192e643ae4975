package pg

import (
	"testing"

	"patroni-preflight/preflight/fact"
)

// TestColumnsByName: a view names each column once, and a decoder that asks for a
// column that the view does not have fails, whatever the answer holds.
func TestColumnsByName(t *testing.T) {
	for _, v := range []view{
		identityView, sampleView, positionsView, controlView, sendersView, receiverView, settingsView, conninfoView,
		rightsView, slotsView, archiverView, readyView, activityView, rolesView, extensionsView, availableView,
		collationsView, collationView, unloggedView, hbaView,
	} {
		name := v.name
		seen := map[string]bool{}
		for i, c := range v.columns {
			if seen[c.name] {
				t.Errorf("%s: column %s twice", name, c.name)
			}
			seen[c.name] = true
			if got := v.index(c.name); got != i {
				t.Errorf("%s: column %s is number %d, not %d", name, c.name, got, i)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a column that the view does not have is read")
		}
	}()
	value(cells{view: slotsView}, "no such column", parseText)
}

// TestShortRow: a column that the answer lacks is malformed, not a zero value.
func TestShortRow(t *testing.T) {
	one := "x"
	c := cells{view: slotsView, answer: answer{rows: [][]*string{{&one}}}}
	if got := value(c, "synced", parseTextBool); got.Cause() != fact.Malformed {
		t.Errorf("synced is %+v", got)
	}
}
