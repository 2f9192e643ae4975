//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// tool is the command as make build gives it.
const tool = "../build/patroni-preflight"

func TestMain(m *testing.M) {
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "no Docker engine answers, and these tests need one (make setup): %s\n", lastLine(string(out)))
		os.Exit(1)
	}
	if out, err := exec.Command("make", "-C", "..", "build").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// labs are the clusters; they run side by side as far as -parallel allows,
// trixie's scenarios on two.
var labs = []struct {
	name, suite, net string
	share, of        int
}{
	{"trixie-a", "trixie", "10.77.41", 0, 2},
	{"trixie-b", "trixie", "10.77.42", 1, 2},
	{"bookworm", "bookworm", "10.77.43", 0, 1},
	{"sid", "sid", "10.77.44", 0, 1},
}

// TestAccuracy brings clusters into each state, asks the tool, then does the
// real switchover and holds the verdict against what became of the cluster.
func TestAccuracy(t *testing.T) {
	var mu sync.Mutex
	var all []outcome
	t.Run("labs", func(t *testing.T) {
		for _, lb := range labs {
			t.Run(lb.name, func(t *testing.T) {
				t.Parallel()
				l := newLab(t, lb.name, lb.suite, lb.net)
				if lb.suite == "trixie" && lb.share == 0 {
					t.Run("the tool writes nothing", l.writesNothing)
					t.Run("the tool as a service in the network", l.inNetwork)
				}
				i := 0
				for _, sc := range scenarios {
					if lb.suite != "trixie" && !sc.everywhere {
						continue
					}
					if i++; i%lb.of != lb.share {
						continue
					}
					t.Run(sc.name, func(t *testing.T) {
						o := l.play(t, sc)
						mu.Lock()
						defer mu.Unlock()
						all = append(all, o)
					})
				}
			})
		}
	})
	if accuracyFile != "" {
		writeAccuracy(t, all)
	}
}

// outcome is one row of docs/accuracy.md.
type outcome struct {
	scenario
	suite, patroni  string
	verdict         string
	exit            int
	decidedBy       []string
	printed, became string
	works           bool
	toolSeconds     float64
	ctlSeconds      float64
}

// report is what the e2e tests read of the JSON report.
type report struct {
	Verdict  string `json:"verdict"`
	ExitCode int    `json:"exit_code"`
	Results  []struct {
		Check, Subject, Weight string
		Findings               []struct{ Remedy string }
		Missing                []struct{ Reason string }
	}
}

func (r report) by(weight string) []string {
	var out []string
	for _, res := range r.Results {
		if res.Weight == weight && !slices.Contains(out, res.Check) {
			out = append(out, res.Check)
		}
	}
	return out
}

// check runs the tool; what it saw goes to a file, which has to give the same
// report when it is judged again.
func (l *lab) check(env []string, args ...string) (report, int, float64, string) {
	began := time.Now()
	file := filepath.Join(l.t.TempDir(), "snapshot.json")
	cmd := exec.Command(tool, append([]string{"check", "-c", l.config, "-f", "json", "--record", file}, args...)...)
	cmd.Env = append(os.Environ(), env...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, _ := cmd.Output()
	took := time.Since(began).Seconds()
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		l.t.Errorf("no JSON report: %v\n%s%s", err, out, errs.String())
	}
	again, _ := exec.Command(tool, "replay", "-f", "json", file).Output()
	if string(again) != string(out) {
		l.t.Errorf("the recorded snapshot gives another report:\n%s\n%s", out, again)
	}
	l.keep(file)
	text, _ := exec.Command(tool, "replay", file).Output()
	return r, cmd.ProcessState.ExitCode(), took, string(text)
}

// keep stores a snapshot for unit tests and examples where PREFLIGHT_SNAPSHOTS
// names a folder.
func (l *lab) keep(file string) {
	dir := os.Getenv("PREFLIGHT_SNAPSHOTS")
	if dir == "" {
		return
	}
	name := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(path.Base(l.t.Name())), "-")
	raw, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, l.suite+"-"+strings.Trim(name, "-")+".json"), raw, 0o644)
	}
	if err != nil {
		l.t.Error(err)
	}
}

// play is one scenario from beginning to end.
func (l *lab) play(t *testing.T, sc scenario) outcome {
	l.t = t
	l.acknowledged.Store(0)
	l.stopWrites = func() {}
	defer l.settle(sc.name)
	l.roles()
	if sc.arrange != nil {
		sc.arrange(l)
	}
	candidate := l.candidate
	if sc.candidate != nil {
		candidate = sc.candidate(l)
	}
	o := outcome{scenario: sc, suite: l.suite, patroni: l.patroniVersion()}
	leader := l.leader

	args := l.expand(sc.args)
	if candidate != "" {
		args = append(args, "--candidate", candidate)
	}
	before := l.traces()
	r, exit, took, raw := l.check(sc.env, args...)
	l.untouched(before)
	o.verdict, o.exit, o.toolSeconds = r.Verdict, exit, took
	o.decidedBy = r.by(map[string]string{noGo: "blocks", unknown: "unknown", goes: "warns"}[o.verdict])
	judge(t, sc, o, r, raw)

	rows := l.rows(leader)
	timeline := l.timeline(leader)
	ctl := []string{"switchover", "demo", "--force", "--leader", leader}
	if sc.name == "wrong scope" {
		ctl[1] = "dmeo"
	}
	if candidate != "" {
		ctl = append(ctl, "--candidate", candidate)
	}
	limit := sc.limit
	if limit == 0 {
		limit = 60 * time.Second
	}
	from := leader
	if sc.name == "two nodes" || sc.name == "candidate and bystander frozen whole" {
		from = l.leader
	} else if l.bystander != "" {
		from = l.bystander
	}
	began := time.Now()
	out, code := l.patronictl(from, limit, ctl...)
	o.ctlSeconds = time.Since(began).Seconds()
	o.printed = said(out, code, limit)
	l.aftermath(&o, leader, candidate, rows, timeline)
	if o.verdict == goes && !o.works {
		t.Errorf("FALSE GO: %s; patronictl: %s", o.became, o.printed)
	}
	if o.verdict == noGo && o.works && !sc.policy {
		t.Errorf("FALSE NO-GO: %s", o.became)
	}
	t.Logf("%s exit %d by %v in %.2f s; patronictl %q in %.0f s; %s", o.verdict, o.exit, o.decidedBy, o.toolSeconds, o.printed, o.ctlSeconds, o.became)
	return o
}

// judge holds the verdict against what was declared.
func judge(t *testing.T, sc scenario, o outcome, r report, raw string) {
	codes := map[string]int{goes: 0, noGo: 2, unknown: 3}
	if o.verdict != sc.want || o.exit != codes[sc.want] || r.ExitCode != o.exit {
		t.Errorf("verdict %s, exit %d; want %s, since %s\n%s", o.verdict, o.exit, sc.want, sc.because, raw)
	}
	has := func(weight, prefix string) bool {
		return slices.ContainsFunc(r.by(weight), func(id string) bool { return strings.HasPrefix(id, prefix) })
	}
	if sc.by != "" && !has(map[string]string{noGo: "blocks", unknown: "unknown"}[sc.want], sc.by) {
		t.Errorf("decided by %v, not by %s", o.decidedBy, sc.by)
	}
	if sc.warns != "" && !has("warns", sc.warns) {
		t.Errorf("no warning of %s, but of %v", sc.warns, r.by("warns"))
	}
	// Within the deadlines of its steps, and 10 %.
	if o.toolSeconds > 3*3*1.1 {
		t.Errorf("took %.1f s", o.toolSeconds)
	}
}

var outcomeLine = regexp.MustCompile(`(Successfully|Switched|Switchover|Error:|Could not) .*`)

// said is what patronictl told the user: its last line that says how it went.
func said(out string, code int, limit time.Duration) string {
	if code == 124 || code == 137 {
		return fmt.Sprintf("nothing within %.0f s", limit.Seconds())
	}
	last := "nothing but the topology"
	for _, line := range strings.Split(out, "\n") {
		if i := outcomeLine.FindStringIndex(line); i != nil {
			last = strings.TrimSpace(line[i[0]:])
		}
	}
	return last + fmt.Sprintf(" (exit %d)", code)
}

// rows counts what was committed; -1 where the node cannot be asked.
func (l *lab) rows(node string) int64 {
	out, err := l.trySQL(node, "SELECT count(*) FROM ledger")
	if err != nil {
		return -1
	}
	n, err := strconv.ParseInt(out, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (l *lab) timeline(node string) int {
	s, _ := l.status(node)
	return s.Timeline
}

func (l *lab) patroniVersion() string {
	var key struct{ Version string }
	keys, _ := l.keys()
	if kv := keys["members/"+l.leader]; kv != nil {
		_ = json.Unmarshal(kv.Value, &key)
	}
	if key.Version != "" {
		l.version = key.Version
	}
	return l.version
}

// refused is what patronictl prints where nothing was begun.
var refused = regexp.MustCompile(`^Error: |details: (4\d\d|503, Switchover failed)`)

// aftermath finds out what became of the cluster.
func (l *lab) aftermath(o *outcome, leader, candidate string, rows int64, timeline int) {
	var now string
	// Long enough for a promotion that was still going on when patronictl ended.
	limit := 6 * time.Second
	if refused.MatchString(o.printed) {
		limit = time.Second
	}
	changed := until(limit, func() bool {
		p := l.primaries()
		if len(p) == 1 {
			now = p[0]
		}
		return len(p) == 1 && p[0] != leader
	})
	if !changed {
		p := l.primaries()
		switch {
		case len(p) == 1 && p[0] == leader:
			o.became = "nothing: " + leader + " still leads"
		case len(p) == 0:
			o.became = "no primary answers"
		default:
			o.became = "primaries: " + strings.Join(p, ", ")
		}
		return
	}
	l.stopWrites()
	if acked := l.acknowledged.Load(); acked > 0 {
		rows = max(rows, acked)
	}
	time.Sleep(time.Second)
	lost := rows - l.rows(now)
	back := until(45*time.Second, func() bool { return l.streams(leader, now) })
	parts := []string{fmt.Sprintf("%s leads, timeline %d to %d", now, timeline, l.timeline(now))}
	if lost > 0 {
		parts = append(parts, fmt.Sprintf("**%d committed rows lost**", lost))
	} else {
		parts = append(parts, "no row lost")
	}
	if back {
		parts = append(parts, "the old leader streams")
	} else {
		parts = append(parts, "**the old leader does not stream**")
	}
	o.became = strings.Join(parts, ", ")
	o.works = (candidate == "" || now == candidate) && lost <= 0 && back
}

// traces is what a tool that writes would leave behind.
type traces struct{ keys, xid string }

// traces reads them. A source that is down by design has none to compare.
func (l *lab) traces() traces {
	var tr traces
	// Which keys there are, and when those were written that Patroni does not
	// write all the time.
	keys, err := l.keys()
	if err == nil {
		for _, name := range slices.Sorted(maps.Keys(keys)) {
			tr.keys += name + "\n"
			if !strings.HasPrefix(name, "members/") && name != "status" {
				tr.keys += fmt.Sprintf(" written at revision %d\n", keys[name].ModRevision)
			}
		}
	}
	if l.acknowledged.Load() == 0 {
		if out, err := l.trySQL(l.leader, "SELECT txid_snapshot_xmax(txid_current_snapshot())"); err == nil {
			tr.xid = out
		}
	}
	return tr
}

// untouched compares: the run of the tool in between wrote nothing.
func (l *lab) untouched(before traces) {
	l.t.Helper()
	after := l.traces()
	if before.keys != "" && after.keys != "" && before.keys != after.keys {
		l.t.Errorf("keys changed while the tool ran:\n%s\n%s", before.keys, after.keys)
	}
	if before.xid != "" && after.xid != "" && before.xid != after.xid {
		l.t.Errorf("a transaction id was used while the tool ran: %s, then %s", before.xid, after.xid)
	}
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
