package patroni_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"

	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

var update = flag.Bool("update", false, "write the results into testdata")

// stateOf is a cluster of three on which a switchover from n1 to n2 works, after the
// changes of some lines. "version" is the release of every member's Patroni,
// "members" how many of the three there are.
func stateOf(t *testing.T, lines []string) patroni.PatroniState {
	t.Helper()
	p := patroni.PatroniState{
		Scope: "demo", Leader: "n1", From: "n1", Candidate: "n2",
		SyncMode: "off", MaxLag: patroni.DefaultMaximumLag, Optime: 1 << 30,
	}
	keep := 3
	var changes []string
	for _, line := range lines {
		if _, err := fmt.Sscanf(line, "members = %d", &keep); err != nil {
			changes = append(changes, line)
		}
	}
	for _, name := range []string{"n1", "n2", "n3"}[:keep] {
		p.Members = append(p.Members, patroni.MemberState{
			Name: name, HasAPI: true, Answers: true, HasXlog: true, Role: "replica", Position: 1 << 30, Timeline: 1,
		})
	}
	raw, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	facttest.Change(t, doc, changes)
	if raw, err = json.Marshal(doc); err != nil {
		t.Fatal(err)
	}
	var changed patroni.PatroniState
	if err := json.Unmarshal(raw, &changed); err != nil {
		t.Fatal(err)
	}
	if changed.Version == "" {
		t.Fatal("the case names no version")
	}
	return changed
}

// TestOutcome runs testdata/outcome.txt: the answer to a request, from which stage
// it is, and what the leader logs.
func TestOutcome(t *testing.T) {
	facttest.RunText(t, "testdata/outcome.txt", *update, func(t *testing.T, state []string) string {
		d, _ := patroni.Outcome(stateOf(t, state))
		out := fmt.Sprintf("%s: %s", d.Stage, d.Printed())
		if !d.Accepted {
			out += "\nnot accepted"
		}
		for _, line := range d.Log {
			out += "\nlog: " + line
		}
		return out
	})
}

// TestRunRace runs testdata/race.txt: which members take the leader key after the
// leader has stepped down.
func TestRunRace(t *testing.T) {
	facttest.RunText(t, "testdata/race.txt", *update, func(t *testing.T, state []string) string {
		r := patroni.RunRace(stateOf(t, state))
		takers := strings.Join(r.Takers, ", ")
		if takers == "" {
			takers = "none"
		}
		out := "takes the leader key: " + takers
		if r.OldLeader {
			out += "\nthe old leader takes it back"
		}
		return out
	})
}
