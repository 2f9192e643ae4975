//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"patroni-preflight/preflight/patroni"
)

// TestOracle compares the prediction with Patroni itself: oracle.py asks the
// functions of the Patroni that is installed in the lab's images what they make of
// the same generated states. No cluster is started.
//
// PREFLIGHT_PATRONI_SOURCE names a directory that holds a Patroni package, or
// several such directories (a release unpacked in each), to be compared instead.
// PREFLIGHT_ORACLE_STATES and PREFLIGHT_ORACLE_SEED make other states.
// PREFLIGHT_ORACLE_TABLE names the document whose table is to show the result.
func TestOracle(t *testing.T) {
	script, err := filepath.Abs("oracle.py")
	if err != nil {
		t.Fatal(err)
	}
	run := []string{"run", "-i", "--rm", "--entrypoint", "python3", "-v", script + ":/oracle.py:ro"}
	if dir := os.Getenv("PREFLIGHT_PATRONI_SOURCE"); dir != "" {
		sources, _ := filepath.Glob(filepath.Join(dir, "*", "patroni"))
		if _, err := os.Stat(filepath.Join(dir, "patroni")); err == nil {
			sources = []string{filepath.Join(dir, "patroni")}
		}
		for _, source := range sources {
			source = filepath.Dir(source)
			t.Run(filepath.Base(source), func(t *testing.T) {
				compare(
					t,
					slices.Concat(
						run,
						[]string{
							"-v",
							source + ":/source:ro",
							"-e",
							"PYTHONPATH=/source",
							"patroni-preflight-lab:bookworm",
							"/oracle.py",
						},
					),
				)
			})
		}
		return
	}
	for _, suite := range []string{"bookworm", "trixie", "sid"} {
		t.Run(suite, func(t *testing.T) {
			compare(t, slices.Concat(run, []string{"patroni-preflight-lab:" + suite, "/oracle.py"}))
		})
	}
}

// answer is a line of oracle.py.
type answer struct {
	Version string        `json:"version"`
	Printed string        `json:"printed"`
	Log     []string      `json:"log"`
	Race    *patroni.Race `json:"race"`
}

// compare runs oracle.py and compares line by line.
func compare(t *testing.T, args []string) {
	var in bytes.Buffer
	var after [][]patroni.MemberState
	states := make([]patroni.PatroniState, number(t, "PREFLIGHT_ORACLE_STATES", 4000))
	r := rand.New(rand.NewPCG(20, uint64(number(t, "PREFLIGHT_ORACLE_SEED", 26))))
	for i := range states {
		if err := json.Unmarshal([]byte(asJSON(randomState(r))), &states[i]); err != nil {
			t.Fatal(err)
		}
		after = append(after, later(r, states[i].Members))
		line, err := json.Marshal(toPython(t, states[i], after[i]))
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	cmd := exec.Command("docker", args...)
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	next := func() (a answer) {
		if !lines.Scan() {
			t.Fatalf("no more answers\n%s", stderr.String())
		}
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		return a
	}
	version := next().Version
	stages, differ := map[string]int{}, 0
	for i, p := range states {
		p.Version = version
		d, race := patroni.OutcomeAfter(p, after[i])
		stage := string(d.Stage)
		if race != nil && race.OldLeader {
			stage = "old leader back"
		} else if race != nil && race.Leaderless() {
			stage = "leaderless"
		}
		stages[stage]++
		want := next()
		if got := (answer{Printed: d.Printed(), Log: d.Log, Race: race}); !same(got, want) {
			if differ++; differ <= 2 {
				t.Errorf(
					"Patroni %s: %s\nthen %s\nours:    %s\nPatroni: %s",
					version,
					asJSON(p),
					asJSON(after[i]),
					asJSON(got),
					asJSON(want),
				)
			}
		}
	}
	record(t, comparison{version, len(states), stages, differ})
	t.Logf("Patroni %s: %d of %d states differ; %v", version, differ, len(states), stages)
}

// number is a number in the environment.
func number(t *testing.T, variable string, otherwise int) int {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// same compares the answer, and the reason of a refusal or the outcome of the race.
func same(got, want answer) bool {
	if got.Printed != want.Printed || (got.Race == nil) != (want.Race == nil) {
		return false
	}
	if got.Race == nil {
		return slices.Equal(got.Log, want.Log)
	}
	return got.Race.OldLeader == want.Race.OldLeader && slices.Equal(got.Race.Takers, want.Race.Takers)
}

func asJSON(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// toPython writes positions as numbers. Every other state comes in keys of the old
// formats.
func toPython(t *testing.T, p patroni.PatroniState, after []patroni.MemberState) map[string]any {
	var m map[string]any
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	m["optime"] = uint64(p.Optime)
	m["old_formats"] = p.Optime%2 == 1
	m["members"], m["after"] = inNumbers(p.Members), inNumbers(after)
	return m
}

func inNumbers(members []patroni.MemberState) []any {
	type number struct {
		patroni.MemberState
		Position uint64 `json:"position"`
	}
	var out []any
	for _, m := range members {
		out = append(out, number{m, uint64(m.Position)})
	}
	return out
}
