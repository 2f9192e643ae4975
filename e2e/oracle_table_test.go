//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// comparison is what came of one release.
type comparison struct {
	version string
	states  int
	stages  map[string]int
	differ  int
}

// The table stands in its document between these.
const (
	oracleBegin = "<!-- written by make oracle -->\n"
	oracleEnd   = "<!-- end of what make oracle wrote -->"
)

var oracleHead = []string{"Patroni", "states", "patronictl refuses", "REST refuses", "HA loop refuses", "left lying", "for later", "switched", "the old leader again", "nobody", "differ"}

// oracleStages are the columns after the number of states.
var oracleStages = []string{"patronictl", "rest", "leader", "queued", "scheduled", "accepted", "old leader back", "leaderless"}

// row is the release's line of the table.
func (c comparison) row() string {
	cells := []string{c.version, fmt.Sprint(c.states)}
	for _, stage := range oracleStages {
		cells = append(cells, fmt.Sprint(c.stages[stage]))
	}
	return "| " + strings.Join(append(cells, fmt.Sprint(c.differ)), " | ") + " |"
}

// record puts the row into the document that PREFLIGHT_ORACLE_TABLE names, and
// leaves those of other releases.
func record(t *testing.T, c comparison) {
	file := os.Getenv("PREFLIGHT_ORACLE_TABLE")
	if file == "" {
		return
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), oracleBegin)
	table, after, ok2 := strings.Cut(rest, oracleEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table, between %q and %q", file, oracleBegin, oracleEnd)
	}
	rows := map[[3]int]string{}
	for _, line := range append(strings.Split(table, "\n"), c.row()) {
		var v [3]int
		if n, _ := fmt.Sscanf(line, "| %d.%d.%d |", &v[0], &v[1], &v[2]); n == 3 {
			rows[v] = line
		}
	}
	out := "| " + strings.Join(oracleHead, " | ") + " |\n" + strings.Repeat("|---", len(oracleHead)) + "|\n"
	for _, v := range slices.SortedFunc(maps.Keys(rows), func(a, b [3]int) int { return slices.Compare(a[:], b[:]) }) {
		out += rows[v] + "\n"
	}
	if err := os.WriteFile(file, []byte(before+oracleBegin+out+oracleEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
