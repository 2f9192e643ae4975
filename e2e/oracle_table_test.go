//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// comparison counts one release's states by their result.
type comparison struct {
	version string
	states  int
	stages  map[string]int
	differ  int
}

var oracleHead = []string{
	"Patroni",
	"states",
	"patronictl refuses",
	"REST refuses",
	"HA loop refuses",
	"not acted on",
	"scheduled",
	"switched",
	"old leader again",
	"no leader",
	"differ",
}

// oracleStages are the columns after the number of states.
var oracleStages = []string{
	"patronictl",
	"rest",
	"leader",
	"queued",
	"scheduled",
	"accepted",
	"old leader back",
	"leaderless",
}

// record puts the release's line into the table.
func record(t *testing.T, c comparison) {
	row := []string{c.version, fmt.Sprint(c.states)}
	for _, stage := range oracleStages {
		row = append(row, fmt.Sprint(c.stages[stage]))
	}
	putRow(t, "make oracle", oracleHead, append(row, fmt.Sprint(c.differ)))
}

// putRow puts a row into the document that PREFLIGHT_ORACLE_TABLE names, into the
// table that the command writes, in the order of the releases, and leaves the other
// rows.
func putRow(t *testing.T, command string, head, row []string) {
	file := os.Getenv("PREFLIGHT_ORACLE_TABLE")
	if file == "" {
		return
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- written by "+command+" -->\n", "<!-- end of what "+command+" wrote -->"
	before, rest, ok := strings.Cut(string(raw), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table, between %q and %q", file, begin, end)
	}
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, " | "); len(cells) == len(head) && cells[0] != "| "+head[0] {
			rows[keyOf(cells)] = line
		}
	}
	line := "| " + strings.Join(row, " | ") + " |\n"
	rows[keyOf(strings.Split(line, " | "))] = line
	out := "| " + strings.Join(head, " | ") + " |\n" + strings.Repeat("|---", len(head)) + "|\n"
	for _, k := range slices.SortedFunc(maps.Keys(rows), byRelease) {
		out += rows[k]
	}
	if err := os.WriteFile(file, []byte(before+begin+out+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// keyOf identifies a row: the release, and the situation if the third column is not a
// number.
func keyOf(cells []string) string {
	key := strings.TrimPrefix(cells[0], "| ")
	if _, err := strconv.Atoi(cells[2]); err != nil {
		key += " " + cells[2]
	}
	return key
}

// byRelease orders what begins with a release, and then by the rest.
func byRelease(a, b string) int {
	var x, y [3]int
	fmt.Sscanf(a, "%d.%d.%d", &x[0], &x[1], &x[2])
	fmt.Sscanf(b, "%d.%d.%d", &y[0], &y[1], &y[2])
	if c := slices.Compare(x[:], y[:]); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
