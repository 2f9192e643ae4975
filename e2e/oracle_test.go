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
	"testing"

	"patroni-preflight/preflight"
)

// oracleStates is how many states are compared for each release.
const oracleStates = 2000

// TestOracle compares the prediction with Patroni itself: oracle.py asks the
// functions of the Patroni that is installed in the lab's images what they make of
// the same generated states. No cluster is started.
//
// PREFLIGHT_PATRONI_SOURCE names a directory that holds a Patroni package, or
// several such directories (a release unpacked in each), to be compared instead.
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
				compare(t, slices.Concat(run, []string{"-v", source + ":/source:ro", "-e", "PYTHONPATH=/source", "patroni-preflight-lab:bookworm", "/oracle.py"}))
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
	Version string          `json:"version"`
	Printed string          `json:"printed"`
	Log     []string        `json:"log"`
	Race    *preflight.Race `json:"race"`
}

// compare runs oracle.py and compares line by line.
func compare(t *testing.T, args []string) {
	var in bytes.Buffer
	states := make([]preflight.PatroniState, oracleStates)
	r := rand.New(rand.NewPCG(20, 26))
	for i := range states {
		if err := json.Unmarshal([]byte(asJSON(randomState(r))), &states[i]); err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(toPython(t, states[i]))
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
	for _, p := range states {
		p.Version = version
		d, race := preflight.Outcome(p)
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
				state, _ := json.Marshal(p)
				t.Errorf("Patroni %s: %s\nours:    %s\nPatroni: %s", version, state, asJSON(got), asJSON(want))
			}
		}
	}
	t.Logf("Patroni %s: %d of %d states differ; %v", version, differ, len(states), stages)
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

// toPython writes positions as numbers.
func toPython(t *testing.T, p preflight.PatroniState) map[string]any {
	var m map[string]any
	text, err := json.Marshal(p)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		t.Fatal(err)
	}
	m["optime"] = uint64(p.Optime)
	for i, member := range m["members"].([]any) {
		member.(map[string]any)["position"] = uint64(p.Members[i].Position)
	}
	return m
}

// randomState makes a cluster up. Mostly it is fit, so that a request gets far
// enough for the late rules to count.
func randomState(r *rand.Rand) preflight.PatroniState {
	one := func(in int) bool { return r.IntN(in) == 0 }
	const optime = 1 << 30
	p := preflight.PatroniState{
		Scope: "demo", Leader: "n1", From: "n1",
		Pause: one(8), StandbyCluster: one(6), ReadOnlyDCS: one(60),
		SyncMode: pick(r, "off", "off", "on", "on", "quorum", "quorum"),
		MaxLag:   pick(r, int64(1<<20), 1<<20, 0, -1, 8192), CheckTimeline: one(3),
		Timeline: int64(r.IntN(5)), Optime: optime,
	}
	names := []string{"n1", "n2", "n3", "N4"}[:2+r.IntN(3)]
	for _, name := range names {
		p.Members = append(p.Members, randomMember(r, name, optime, p.Timeline))
	}
	p.Candidate = pick(r, "", "n2", "n2", "n2", "n3")
	if one(40) {
		p.Candidate = pick(r, "n1", "nobody", "N2")
	}
	if one(40) {
		p.From = "n2"
	}
	if one(60) {
		p.Leader = ""
	}
	if p.Scheduled = one(12); p.Scheduled {
		p.Past = one(3)
	}
	if !one(8) {
		p.Sync.Leader = pick(r, "n1", "n1", "n1", "n1", "N1", "n3")
		for _, name := range []string{"n2", "n3", "n4", "N2"} {
			if r.IntN(5) < 3 && name != "N2" || name == "N2" && one(10) {
				p.Sync.Standbys = append(p.Sync.Standbys, name)
			}
		}
		p.Sync.Quorum = r.IntN(3)
	}
	return p
}

func randomMember(r *rand.Rand, name string, optime int64, timeline int64) preflight.MemberState {
	one := func(in int) bool { return r.IntN(in) == 0 }
	tags := func() preflight.Tags {
		t := preflight.Tags{}
		if one(8) {
			t["nofailover"] = pick[any](r, true, false, "false", "", nil)
		}
		if one(4) {
			t["failover_priority"] = pick[any](r, 0, 1, 2, 5, "3", "010", 2.5, "x", "-1", "1.5", true, nil)
		}
		return t
	}
	m := preflight.MemberState{
		Name: name, HasAPI: !one(40), KeyTags: tags(), Answers: !one(8), HasXlog: !one(15),
		Role: "replica", Timeline: max(0, timeline+pick(r, int64(0), 0, 0, 0, -1, 1)),
		WatchdogFailed: one(20),
		Position:       preflight.LSN(optime - pick(r, int64(0), 0, 0, 1, 8192, 8193, 1<<20, 1<<20+1, -100)),
	}
	m.Tags = m.KeyTags
	if one(5) {
		m.Tags = tags()
	}
	if one(25) {
		m.Role = pick(r, "master", "primary", "standby_leader")
		m.Location = one(2)
	}
	if one(50) {
		m.Position = 0
	}
	return m
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }
