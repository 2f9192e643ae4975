package fact

import (
	"testing"
)

func TestSlotNameOf(t *testing.T) {
	for member, want := range map[string]string{
		"node1": "node1", "Node-1.dc": "node_1_dc", "pg 1": "pgu00321", "a@b": "au0064b",
		"n2345678901234567890123456789012345678901234567890123456789012345": "n23456789012345678901234567890123456789012345678901234567890123",
	} {
		if got := SlotNameOf(member); got != want {
			t.Errorf("%s: %s, want %s", member, got, want)
		}
	}
}
