//go:build e2e

package e2e

import (
	"cmp"
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
	t.Parallel() // with TestSwitchover
	var mu sync.Mutex
	var all []outcome
	t.Run("labs", func(t *testing.T) {
		for _, lb := range labs {
			t.Run(lb.name, func(t *testing.T) {
				t.Parallel()
				l := newLab(t, lb.name, lb.suite, lb.net, "")
				if lb.suite == "trixie" && lb.share == 0 {
					t.Run("the tool writes nothing", l.writesNothing)
					t.Run("the tool as a service in the network", l.inNetwork)
					t.Run("audit", l.audits)
				}
				i := 0
				for _, sc := range scenarios {
					if !sc.plays(lb.suite) || !chosen(sc.name) {
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
	if os.Getenv("PREFLIGHT_SCENARIOS") == "" {
		summarize(t, all)
	}
}

// interruption is what was forecast and what was measured.
func (o outcome) interruption() string {
	actual := fmt.Sprintf("%.1f", o.outage)
	if !o.over {
		actual = fmt.Sprintf("%.0f, not over", o.outage)
	}
	if o.forecast == nil {
		return actual + " s without a primary, none forecast"
	}
	return fmt.Sprintf("%s s without a primary, forecast %s", actual, o.forecast.Interruption)
}

// plays reports whether a scenario is played on that suite.
func (sc scenario) plays(suite string) bool {
	return sc.everywhere || suite == cmp.Or(sc.on, "trixie")
}

// chosen reports whether PREFLIGHT_SCENARIOS, a regular expression, leaves a
// scenario in.
func chosen(name string) bool {
	return regexp.MustCompile(os.Getenv("PREFLIGHT_SCENARIOS")).MatchString(name)
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
	// outage is the time without a primary, over whether there was one in the end.
	outage     float64
	over       bool
	switched   bool
	forecast   *forecast
	prediction *prediction
	ctlSeconds float64
}

// report is what the e2e tests read of the JSON report.
type report struct {
	Verdict  string `json:"verdict"`
	ExitCode int    `json:"exit_code"`
	Forecast *forecast
	// Prediction is nil in a report of an older release.
	Prediction *prediction
	Results    []struct {
		Check, Subject, Weight string
		Findings               []struct{ Remedy string }
		Missing                []struct{ Reason string }
	}
}

// forecast is what the tool expects of a switchover that Patroni accepts.
type forecast struct {
	Interruption  seconds `json:"interruption_seconds"`
	StatusUnknown string  `json:"status_unknown"`
}

type seconds struct {
	Least float64
	Most  *float64
}

// holds reports whether a time lies in the range.
func (r seconds) holds(t float64) bool { return t >= r.Least && (r.Most == nil || t <= *r.Most) }

func (r seconds) String() string {
	if r.Most == nil {
		return fmt.Sprintf("%.0f or more", r.Least)
	}
	return fmt.Sprintf("%.1f to %.1f", r.Least, *r.Most)
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
	l.slot = ""
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
	if sc.scheduled != "" {
		args = append(args, "--scheduled", sc.when())
	}
	before := l.traces()
	r, exit, took, raw := l.check(sc.env, args...)
	l.untouched(before)
	o.verdict, o.exit, o.toolSeconds, o.forecast = r.Verdict, exit, took, r.Forecast
	o.prediction = r.Prediction
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
	if sc.scheduled != "" {
		ctl = append(ctl, "--scheduled", sc.when())
		l.undo(func() { l.patronictl(l.bystander, 20*time.Second, "flush", "demo", "switchover", "--force") })
	}
	slots, followers := l.logicalSlots(leader), l.followers()
	limit := sc.limit
	if limit == 0 {
		limit = 60 * time.Second
	}
	from := leader
	if sc.fromLeader {
		from = l.leader
	} else if l.bystander != "" {
		from = l.bystander
	}
	watch := l.watch()
	began := time.Now()
	out, code := l.patronictl(from, limit, ctl...)
	o.ctlSeconds = time.Since(began).Seconds()
	o.printed = said(out, code, limit)
	l.aftermath(&o, watch, leader, candidate, rows, timeline)
	l.leftBehind(&o, slots, followers)
	l.clients(&o)
	if sc.scheduled != "" {
		o.works = strings.Contains(o.printed, "Switchover scheduled") && strings.Contains(l.key("failover"), "scheduled_at")
	}
	if holds, any := o.predicted(); any && !holds {
		t.Logf("PREDICTED: %+v", *o.prediction)
	}
	if o.verdict == goes && !o.works {
		t.Errorf("FALSE GO: %s; patronictl: %s", o.became, o.printed)
	}
	if o.verdict == noGo && o.works && !sc.policy {
		t.Errorf("FALSE NO-GO: %s", o.became)
	}
	t.Logf(
		"%s exit %d by %v in %.2f s; patronictl %q in %.0f s; %s; %s",
		o.verdict,
		o.exit,
		o.decidedBy,
		o.toolSeconds,
		o.printed,
		o.ctlSeconds,
		o.became,
		o.interruption(),
	)
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
	last := "only the topology"
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
func (l *lab) aftermath(o *outcome, watch *outage, leader, candidate string, rows int64, timeline int) {
	var now string
	// Long enough for a promotion that was still going on when patronictl ended.
	limit := 6 * time.Second
	switch {
	case refused.MatchString(o.printed):
		limit = time.Second
	case o.limit > time.Minute:
		limit = 35 * time.Second
	}
	changed := until(limit, func() bool {
		p := l.primaries()
		if len(p) == 1 {
			now = p[0]
		}
		return len(p) == 1 && p[0] != leader
	})
	o.outage, o.over = watch.end()
	if !changed {
		p := l.primaries()
		switch {
		case len(p) == 1 && p[0] == leader:
			o.became = "unchanged: " + leader + " still leads"
		case len(p) == 0:
			o.became = "no primary answers"
		default:
			o.became = "primaries: " + strings.Join(p, ", ")
		}
		return
	}
	o.switched = true
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
	if o.outage > longOutage {
		parts = append(parts, fmt.Sprintf("**%.0f s without a primary**", o.outage))
	}
	o.became = strings.Join(parts, ", ")
	o.works = (candidate == "" || now == candidate) && lost <= 0 && back && o.outage <= longOutage
}

// longOutage is what no client should be asked to bear, in seconds.
const longOutage = 20

// logicalSlots are the permanent logical slots of a node.
func (l *lab) logicalSlots(node string) []string {
	out, err := l.trySQL(node, "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND NOT temporary")
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}

// followers are the nodes that stream from any other.
func (l *lab) followers() []string {
	var out []string
	for _, n := range nodes {
		if slices.ContainsFunc(nodes, func(up string) bool { return up != n && l.streams(n, up) }) {
			out = append(out, n)
		}
	}
	return out
}

// leftBehind looks for what a switchover that worked has cost all the same.
func (l *lab) leftBehind(o *outcome, slots, followers []string) {
	if !o.works {
		return
	}
	p := l.primaries()
	if len(p) != 1 {
		return
	}
	for _, s := range slots {
		if !until(10*time.Second, func() bool { return slices.Contains(l.logicalSlots(p[0]), s) }) {
			o.became += ", **logical slot " + s + " lost**"
			o.works = false
		}
	}
	for _, f := range followers {
		if f != p[0] && !until(30*time.Second, func() bool { return slices.Contains(l.followers(), f) }) {
			o.became += ", **" + f + " does not stream**"
			o.works = false
		}
	}
}

// when is the time for which the scenario schedules.
func (sc scenario) when() string {
	at := time.Now().Add(24 * time.Hour)
	if sc.scheduled == "yesterday" {
		at = time.Now().Add(-24 * time.Hour)
	}
	return at.UTC().Format("2006-01-02T15:04:05+00:00")
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
