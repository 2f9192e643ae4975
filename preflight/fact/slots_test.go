package fact

import (
	"strings"
	"testing"
)

func TestSlotNameOf(t *testing.T) {
	for member, want := range map[string]string{
		"node1":                 "node1",
		"Node-1.dc":             "node_1_dc",
		"pg 1":                  "pgu00321",
		"a@b":                   "au0064b",
		strings.Repeat("n", 65): strings.Repeat("n", 63),
	} {
		if got := SlotNameOf(member); got != want {
			t.Errorf("%s: %s, want %s", member, got, want)
		}
	}
}
