package preflight

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// notEssential lists the facts, by path, that may be missing from a snapshot
// that is GO, each with the reason. The candidate is node2. A fact that is in
// the list without need, and one that is missing from it, fail the test.
var notEssential = []struct{ path, reason string }{
	{`^\.Members\[node3\]`, "neither leader nor candidate"},
	{`^\.DCS\.Endpoints\[`, "the linearizable read succeeded, so there is a quorum"},
	{`^\.DCS\.Cluster\.(Failsafe|Config\.FailsafeMode)`, "no check of this version reads it"},
	{`\.Key\.(State|Timeline|Xlog|ReplicationState|PendingRestart)$`, "shown beside the live figures only"},
	{`^\.Members\[node2\]\.Key\.Version$`, "the leader's version decides"},
	{`\.REST\.(Version|ServerVersion|ReplayPaused|PendingRestart|SyncStandby|QuorumStandby|ClusterUnlocked|FailsafeActive|Pause|Timeline|DCSLastSeen|Date|ReplicationState)$`, "of the other role, or a second witness to what the DCS, /liveness or SQL says"},
	{`^\.Members\[node1\]\.(REST\.(Location|Tags|WatchdogFailed)|Key\.Tags)$`, "of the leader, where only a candidate's counts"},
	{`^\.Members\[node2\]\.REST\.(Received|Replayed)$`, "the higher of the two counts; without both there is no GO"},
	{`\.SQL\.(SeesStats|ServerVersion|ReplayPaused|Settings|At|ApplicationName|UpstreamSSLMode|Certificate)$`, "in prose only, or proven by REST as well"},
	{`^\.Members\[node1\]\.SQL\.(WalReceiver|WalSenders\[)`, "of the other role, or a column no check reads"},
	{`^\.DCS\.Cluster\.(Groups|Config\.(SynchronousModeStrict|SynchronousNodeCount|MaximumLagOnSyncnode|PrimaryStopTimeout|Slots|IgnoreSlots|UsePgRewind|UseSlots|RemoveOnRewindFailure|RemoveOnDiverged))$`, "what rests on it warns; a leader shows that there are no groups"},
	{`\.Key\.(PendingRestartReason|ScheduledRestart|CheckpointAfterPromote)$`, "what rests on it warns"},
	{`\.SQL\.(FlushLSNAfterAt|Earlier|Slots|Archiver|Checkpoint|Activity|Roles|HBA|Database|UnloggedTables|Extensions|AvailableExtensions|Collations|CollationVersion)`, "what rests on it warns, or needs more than the least rights"},
	{`^\.Members\[node2\]\.SQL\.(WalSenders|WalReceiver\.(Timeline|SenderHost|SenderPort|SlotName|LastMsgAt|FlushedLSN))`, "of the other role, or a column no check reads"},
}

// essentialAfterAll are paths that the patterns above would cover and that are
// essential all the same.
var essentialAfterAll = []string{
	`^\.Members\[node1\]\.REST\.(ClusterUnlocked|FailsafeActive)$`,
	`^\.Members\[node1\]\.SQL\.(At|WalSenders\[[^]]*\]\.State)$`,
}

// TestNoFactTakenAwayYieldsGo removes every single fact from a healthy snapshot,
// one at a time.
func TestNoFactTakenAwayYieldsGo(t *testing.T) {
	matches := func(path string) bool {
		for _, p := range essentialAfterAll {
			if regexp.MustCompile(p).MatchString(path) {
				return false
			}
		}
		return slices.ContainsFunc(notEssential, func(n struct{ path, reason string }) bool {
			return regexp.MustCompile(n.path).MatchString(path)
		})
	}
	paths := factsIn(healthy(t))
	if len(paths) < 150 {
		t.Fatalf("only %d facts found in a healthy snapshot", len(paths))
	}
	for i, f := range paths {
		s := healthy(t)
		factsIn(s)[i].forget()
		switch v := Judge(s.Snapshot, s.Question, Policies{}).Verdict; {
		case v == NoGo:
			t.Errorf("%s: NO-GO because it is missing", f.path)
		case v == Go && !matches(f.path):
			t.Errorf("%s: GO without it", f.path)
		case v != Go && matches(f.path):
			t.Errorf("%s: listed as not essential, and %s without it", f.path, v)
		}
	}
}

// TestEmptyNeverPasses: of nothing, nothing is known.
func TestEmptyNeverPasses(t *testing.T) {
	for _, s := range []*Recording{
		{Snapshot: &Snapshot{}},
		{Snapshot: &Snapshot{Target: Target{Scope: "demo"}}, Question: Question{Candidate: "node2"}},
	} {
		r := Judge(s.Snapshot, s.Question, Policies{})
		if r.Verdict != UnknownState || r.Summary.Passed > 0 {
			t.Errorf("%s with %d passes:\n%s", r.Verdict, r.Summary.Passed, fails(r))
		}
	}
}

// TestJudgeDoesNotChangeTheSnapshot compares the snapshot before and after.
func TestJudgeDoesNotChangeTheSnapshot(t *testing.T) {
	s := healthy(t)
	before, _ := json.Marshal(s)
	Judge(s.Snapshot, s.Question, Policies{})
	if after, _ := json.Marshal(s); !bytes.Equal(before, after) {
		t.Error("the snapshot changed")
	}
}

// TestSaveAndLoadKeepEverything: a recorded snapshot is the snapshot.
func TestSaveAndLoadKeepEverything(t *testing.T) {
	s := healthy(t)
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		t.Fatal(err)
	}
	again, err := LoadRecording(&b)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(Judge(s.Snapshot, s.Question, Policies{}))
	y, _ := json.Marshal(Judge(again.Snapshot, again.Question, Policies{}))
	if !bytes.Equal(x, y) {
		t.Error("the report of the loaded snapshot differs")
	}
}

// TestEmptyIsNotUnknown: an empty list is still known after it was recorded.
func TestEmptyIsNotUnknown(t *testing.T) {
	s := healthy(t)
	s.DCS.Alarms, s.Moved = Known([]string(nil)), Known([]string(nil))
	s.member("node2").Key.Value.Tags = Known(Tags(nil))
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		t.Fatal(err)
	}
	again, err := LoadRecording(&b)
	if err != nil {
		t.Fatal(err)
	}
	if r := Judge(again.Snapshot, again.Question, Policies{}); r.Verdict != Go {
		t.Errorf("%s\n%s", r.Verdict, fails(r))
	}
}

// TestLoadRefuses what it cannot read for certain.
func TestLoadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"another schema": `{"schema": 2}`,
		"no JSON":        `verdict: GO`,
		"truncated":      `{"schema": 1, "members": [`,
		"two documents":  `{"schema": 1} {"schema": 1}`,
		"a brace more":   `{"schema": 1}}`,
		"one name twice": `{"schema": 1, "members": [{"name": "a"}, {"name": "b"}, {"name": "a"}]}`,
		"many members":   `{"schema": 1, "members": [` + strings.Repeat(`{},`, MaxMembers) + `{}]}`,
		"too long":       `{"schema": 1, "tool": "` + strings.Repeat("x", maxSnapshot) + `"}`,
		"deep":           strings.Repeat(`{"schema":`, 100_000),
		"wide tags":      `{"schema": 1, "members": [{"key": {"value": {"tags": {"value": {"x": "` + strings.Repeat("y", 64_000) + `"}}}}}]}`,
	} {
		if _, err := LoadRecording(strings.NewReader(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestMemberOrderDoesNotMatter: the verdict is the same in whatever order the DCS lists members.
func TestMemberOrderDoesNotMatter(t *testing.T) {
	s := healthy(t)
	slices.Reverse(s.Members)
	a, b := judgeOf(healthy(t)), Judge(s.Snapshot, s.Question, Policies{})
	if a.Verdict != b.Verdict || a.Summary != b.Summary {
		t.Errorf("%s %+v, reversed %s %+v", a.Verdict, a.Summary, b.Verdict, b.Summary)
	}
}

// TestMoreLagNeverImproves the verdict.
func TestMoreLagNeverImproves(t *testing.T) {
	worst := Go
	for _, bytes := range []int64{0, 1, 4096, DefaultMaximumLag - 1, DefaultMaximumLag, DefaultMaximumLag + 1, 1 << 30} {
		s := healthy(t)
		lag(s, "node2", bytes)
		v := Judge(s.Snapshot, s.Question, Policies{}).Verdict
		if worst == NoGo && v != NoGo {
			t.Errorf("%s at %d bytes, after NO-GO at less", v, bytes)
		}
		worst = v
	}
	if worst != NoGo {
		t.Errorf("%s at 1 GiB", worst)
	}
}

// TestBystandersNeverBlock: whatever is unknown or wrong about node3 alone, it
// is not the candidate. That it may not be chosen is not even worth a warning.
func TestBystandersNeverBlock(t *testing.T) {
	for name, do := range map[string]func(*Member){
		"all unknown":   func(m *Member) { *m = Member{Name: m.Name} },
		"nofailover":    func(m *Member) { m.Key.Value.Tags = Known(Tags{"nofailover": true}) },
		"not streaming": func(m *Member) { m.SQL.Value.WalReceiver = Known(WalReceiver{}) },
		"REST silent":   func(m *Member) { m.REST = NotKnown[REST](Silent, "silent") },
		"wrong name":    func(m *Member) { m.REST.Value.Name = Known("node1") },
	} {
		s := healthy(t)
		do(s.member("node3"))
		r := Judge(s.Snapshot, s.Question, Policies{})
		if warns := r.Summary.Warnings > 0; r.Verdict != Go || warns == (name == "nofailover") {
			t.Errorf("%s: %s with %d warnings\n%s", name, r.Verdict, r.Summary.Warnings, fails(r))
		}
		s.Question.Candidate = ""
		if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict == Go && name != "nofailover" {
			t.Errorf("%s: GO although Patroni may choose that member", name)
		}
	}
}

// standbyLeader: the leader is in recovery, its role is standby_leader, and none
// of that is a fault.
func standbyLeader(t *testing.T) {
	s := healthy(t)
	standbySite(s)
	if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict != Go {
		t.Errorf("%s\n%s", r.Verdict, fails(r))
	}
	config4(s).StandbyCluster = Known(false)
	if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict != NoGo {
		t.Errorf("%s with a leader in recovery and no standby cluster", r.Verdict)
	}
}

// TestUndeclaredFactIsUndecided: a check that reads what it does not declare has
// decided nothing, and must not pass.
func TestUndeclaredFactIsUndecided(t *testing.T) {
	sloppy := Check{
		ID: "test.sloppy", Severity: Blocker, Essential: true, Of: OfCluster,
		Run: func(s *Snapshot, _ Question, _ string) []Finding { optime.get(s, ""); return nil },
	}
	s := healthy(t)
	s.DCS.Cluster.Value.Optime = Observed[LSN]{}
	r := judgeWith(s.Snapshot, s.Question, Policies{}, []Check{sloppy})
	if r.Verdict != UnknownState {
		t.Errorf("%s", r.Verdict)
	}
}

// TestIgnore demotes and shows the reason; what could not be seen stays unknown.
func TestIgnore(t *testing.T) {
	s := healthy(t)
	config4(s).Pause = Known(true)
	for _, m := range []string{"node1", "node2", "node3"} {
		s.member(m).Key.Value.Pause = Known(true)
		s.member(m).REST.Value.Pause = Known(true)
	}
	ignore := Policies{Ignore: map[string]string{"maintenance.pause": "agreed"}}
	r := Judge(s.Snapshot, s.Question, ignore)
	res := resultOf(t, r, "maintenance.pause", "")
	if r.Verdict != Go || res.Weight != Warns || res.Ignored != "agreed" {
		t.Errorf("%s, %s, ignored %q\n%s", r.Verdict, res.Weight, res.Ignored, fails(r))
	}
	if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict != NoGo {
		t.Errorf("%s without ignoring it", r.Verdict)
	}
	s = healthy(t)
	s.member("node2").REST = NotKnown[REST](Refused, "refused")
	if r := Judge(s.Snapshot, s.Question, Policies{Ignore: map[string]string{"candidate.rest": "agreed"}}); r.Verdict != UnknownState {
		t.Errorf("%s, although nothing is known by REST", r.Verdict)
	}
}

// TestFailOnWarning makes warnings count.
func TestFailOnWarning(t *testing.T) {
	s := healthy(t)
	s.DCS.Endpoints[0].Status = unknown[EndpointStatus]()
	if v := Judge(s.Snapshot, s.Question, Policies{}).Verdict; v != Go {
		t.Errorf("%s", v)
	}
	if v := Judge(s.Snapshot, s.Question, Policies{FailOnWarning: true}).Verdict; v != NoGo {
		t.Errorf("%s with warnings that count", v)
	}
}

// TestPure holds the package to the standard library, and to no clock, file,
// network or terminal of its own.
func TestPure(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(string(out)); !slices.Equal(got, []string{"patroni-preflight/preflight"}) {
		t.Errorf("depends on %v", got)
	}
	out, err = exec.Command("go", "list", "-f", `{{join .Imports " "}}`, ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(string(out)) {
		if slices.Contains([]string{"os", "net", "net/http", "log", "log/slog", "os/exec", "database/sql"}, p) {
			t.Errorf("imports %s", p)
		}
	}
	if out, _ := exec.Command("grep", "-nE", `time\.(Now|Since|Until|After)\(|fmt\.Print`, "--include=*.go", "--exclude=*_test.go", "-r", ".").Output(); len(out) > 0 {
		t.Errorf("reads a clock or prints:\n%s", out)
	}
}
