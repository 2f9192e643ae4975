package patroni_test

import (
	"os"
	"regexp"
	"testing"

	"patroni-preflight/preflight/patroni"
)

// TestNewestIsCompared: the document has a row without differences for the newest
// release, and none for a newer one.
func TestNewestIsCompared(t *testing.T) {
	raw, err := os.ReadFile("../../docs/prediction.md")
	if err != nil {
		t.Fatal(err)
	}
	found := false
	rows := regexp.MustCompile(`(?m)^\| (\d+\.\d+\.\d+) \| \d+ \|.*\| (\d+) \|$`)
	for _, row := range rows.FindAllStringSubmatch(string(raw), -1) {
		found = found || row[1] == patroni.Newest && row[2] == "0"
		if patroni.NotCompared(row[1]) {
			t.Errorf("%s was compared and is newer than %s", row[1], patroni.Newest)
		}
	}
	if !found {
		t.Errorf("no row without differences for %s", patroni.Newest)
	}
	for version, want := range map[string]bool{
		"4.1.4": false, patroni.Newest: false, "4.2.1": true, "5.0.0": true, "": false,
	} {
		if patroni.NotCompared(version) != want {
			t.Errorf("NotCompared(%q) is %v", version, !want)
		}
	}
}
