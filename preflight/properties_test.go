package preflight_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
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
	{
		`\.REST\.(Version|ServerVersion|ReplayPaused|PendingRestart|SyncStandby|QuorumStandby|ClusterUnlocked|` +
			`FailsafeActive|Pause|Timeline|DCSLastSeen|Date|ReplicationState)$`,
		"of the other role, or a second witness to what the DCS, /liveness or SQL says",
	},
	{
		`^\.Members\[node1\]\.(REST\.(Location|Tags|WatchdogFailed)|Key\.Tags)$`,
		"of the leader, where only a candidate's counts",
	},
	{`^\.Members\[node1\]\.SQL\.Settings$`, "in prose, and for checks that warn"},
	{`^\.Members\[node2\]\.SQL\.Arrived$`, "the leader's walsender tells the same"},
	{`^\.Members\[node2\]\.REST\.(Received|Replayed)$`, "the higher of the two counts; without both there is no GO"},
	{
		`\.SQL\.(SeesStats|ServerVersion|ReplayPaused|At|ApplicationName|UpstreamSSLMode|Certificate)$`,
		"in prose only, or proven by REST as well",
	},
	{`^\.Members\[node1\]\.SQL\.(WalReceiver|WalSenders\[)`, "of the other role, or a column no check reads"},
	{
		`^\.DCS\.Cluster\.(Groups|Config\.(SynchronousModeStrict|SynchronousNodeCount|MaximumLagOnSyncnode|` +
			`PrimaryStopTimeout|Slots|IgnoreSlots|UsePgRewind|UseSlots|RemoveOnRewindFailure|RemoveOnDiverged))$`,
		"what rests on it warns; a leader shows that there are no groups",
	},
	{`\.Key\.(PendingRestartReason|ScheduledRestart|CheckpointAfterPromote)$`, "what rests on it warns"},
	{
		`\.SQL\.(FlushLSNAfterAt|Earlier|Slots|Archiver|Checkpoint|Activity|Roles|Subscriptions|HBA|Database|` +
			`UnloggedTables|Extensions|AvailableExtensions|Collations|CollationVersion)`,
		"what rests on it warns, or needs more than the least rights",
	},
	{
		`^\.Members\[node2\]\.SQL\.(WalSenders|WalReceiver\.(Timeline|SenderHost|SenderPort|SlotName|LastMsgAt|FlushedLSN))`,
		"of the other role, or a column no check reads",
	},
}

// essentialAfterAll are paths that the patterns above would cover and that are
// essential all the same.
var essentialAfterAll = []string{
	`^\.Members\[node1\]\.REST\.(ClusterUnlocked|FailsafeActive)$`,
	`^\.Members\[node1\]\.SQL\.(At|WalSenders\[[^]]*\]\.State)$`,
	`^\.Members\[node1\]\.SQL\.WalSenders\[node2\]\.Confirmed$`,
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
	paths := facttest.FactsIn(facttest.Healthy(t))
	if len(paths) < 150 {
		t.Fatalf("only %d facts found in a healthy snapshot", len(paths))
	}
	for i, f := range paths {
		s := facttest.Healthy(t)
		facttest.FactsIn(s)[i].Forget()
		switch v := preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Verdict; {
		case v == preflight.NoGo:
			t.Errorf("%s: NO-GO because it is missing", f.Path)
		case v == preflight.Go && !matches(f.Path):
			t.Errorf("%s: GO without it", f.Path)
		case v != preflight.Go && matches(f.Path):
			t.Errorf("%s: listed as not essential, and %s without it", f.Path, v)
		}
	}
}

// TestOldRecordingsKeepTheirVerdict: a recording of a release that did not read a fact
// yet is judged without it, and says so. That is no pass.
func TestOldRecordingsKeepTheirVerdict(t *testing.T) {
	s := facttest.Healthy(t)
	for i := range *facttest.LeaderSQL(s).WalSenders.Value {
		(*facttest.LeaderSQL(s).WalSenders.Value)[i].Confirmed = fact.Observed[fact.Confirmation]{}
	}
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{FailOnWarning: true})
	if r.Verdict != preflight.Go {
		t.Errorf("%s\n%s", r.Verdict, facttest.Fails(r))
	}
	for _, res := range r.Results {
		if res.Check == "candidate.confirms" && (res.Status != check.Undecided || res.Weight != preflight.Aside) {
			t.Errorf("candidate.confirms of %s: %s, %s", res.Subject, res.Status, res.Weight)
		}
	}
}

// TestEmptyNeverPasses: of nothing, nothing is known.
func TestEmptyNeverPasses(t *testing.T) {
	for _, s := range []*fact.Recording{
		{Snapshot: &fact.Snapshot{}},
		{Snapshot: &fact.Snapshot{Target: fact.Target{Scope: "demo"}}, Question: fact.Question{Candidate: "node2"}},
	} {
		r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
		if r.Verdict != preflight.UnknownState || r.Summary.Passed > 0 {
			t.Errorf("%s with %d passes:\n%s", r.Verdict, r.Summary.Passed, facttest.Fails(r))
		}
	}
}

// TestJudgeDoesNotChangeTheSnapshot compares the snapshot before and after.
func TestJudgeDoesNotChangeTheSnapshot(t *testing.T) {
	s := facttest.Healthy(t)
	before, _ := json.Marshal(s)
	preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if after, _ := json.Marshal(s); !bytes.Equal(before, after) {
		t.Error("the snapshot changed")
	}
}

// TestSaveAndLoadKeepEverything: a recorded snapshot is the snapshot.
func TestSaveAndLoadKeepEverything(t *testing.T) {
	s := facttest.Healthy(t)
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		t.Fatal(err)
	}
	again, err := fact.LoadRecording(&b)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := json.Marshal(preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
	y, _ := json.Marshal(preflight.Judge(again.Snapshot, again.Question, check.Policies{}))
	if !bytes.Equal(x, y) {
		t.Error("the report of the loaded snapshot differs")
	}
}

// TestEmptyIsNotUnknown: an empty list is still known after it was recorded.
func TestEmptyIsNotUnknown(t *testing.T) {
	s := facttest.Healthy(t)
	s.DCS.Alarms, s.Moved = fact.Known([]string(nil)), fact.Known([]string(nil))
	facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags(nil))
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		t.Fatal(err)
	}
	again, err := fact.LoadRecording(&b)
	if err != nil {
		t.Fatal(err)
	}
	if r := preflight.Judge(again.Snapshot, again.Question, check.Policies{}); r.Verdict != preflight.Go {
		t.Errorf("%s\n%s", r.Verdict, facttest.Fails(r))
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
		"many members":   `{"schema": 1, "members": [` + strings.Repeat(`{},`, fact.MaxMembers) + `{}]}`,
		"too long":       `{"schema": 1, "tool": "` + strings.Repeat("x", fact.MaxSnapshot) + `"}`,
		"deep":           strings.Repeat(`{"schema":`, 100_000),
		"wide tags": `{"schema": 1, "members": [{"key": {"value": {"tags": {"value": {"x": "` + strings.Repeat(
			"y",
			64_000,
		) + `"}}}}}]}`,
	} {
		if _, err := fact.LoadRecording(strings.NewReader(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestMemberOrderDoesNotMatter: the verdict is the same in whatever order the DCS lists members.
func TestMemberOrderDoesNotMatter(t *testing.T) {
	s := facttest.Healthy(t)
	slices.Reverse(s.Members)
	a, b := facttest.Judge(facttest.Healthy(t)), preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if a.Verdict != b.Verdict || a.Summary != b.Summary {
		t.Errorf("%s %+v, reversed %s %+v", a.Verdict, a.Summary, b.Verdict, b.Summary)
	}
}

// TestMoreLagNeverImproves the verdict.
func TestMoreLagNeverImproves(t *testing.T) {
	worst := preflight.Go
	for _, bytes := range []int64{
		0,
		1,
		4096,
		patroni.DefaultMaximumLag - 1,
		patroni.DefaultMaximumLag,
		patroni.DefaultMaximumLag + 1,
		1 << 30,
	} {
		s := facttest.Healthy(t)
		facttest.Lag(s, "node2", bytes)
		v := preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Verdict
		if worst == preflight.NoGo && v != preflight.NoGo {
			t.Errorf("%s at %d bytes, after NO-GO at less", v, bytes)
		}
		worst = v
	}
	if worst != preflight.NoGo {
		t.Errorf("%s at 1 GiB", worst)
	}
}

// TestBystandersNeverBlock: whatever is unknown or wrong about node3 alone, it
// is not the candidate. That it may not be chosen is not even worth a warning.
func TestBystandersNeverBlock(t *testing.T) {
	for name, do := range map[string]func(*fact.Member){
		"all unknown":   func(m *fact.Member) { *m = fact.Member{Name: m.Name} },
		"nofailover":    func(m *fact.Member) { m.Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true}) },
		"not streaming": func(m *fact.Member) { m.SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{}) },
		"REST silent":   func(m *fact.Member) { m.REST = fact.NotKnown[fact.REST](fact.Silent, "silent") },
		"wrong name":    func(m *fact.Member) { m.REST.Value.Name = fact.Known("node1") },
	} {
		s := facttest.Healthy(t)
		do(facttest.Member(s.Snapshot, "node3"))
		r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
		if warns := r.Summary.Warnings > 0; r.Verdict != preflight.Go || warns == (name == "nofailover") {
			t.Errorf("%s: %s with %d warnings\n%s", name, r.Verdict, r.Summary.Warnings, facttest.Fails(r))
		}
		s.Question.Candidate = ""
		if r := preflight.Judge(s.Snapshot, s.Question, check.Policies{}); r.Verdict == preflight.Go && name != "nofailover" {
			t.Errorf("%s: GO although Patroni may choose that member", name)
		}
	}
}

// standbyLeader: the leader is in recovery, its role is standby_leader, and none
// of that is a fault.
func standbyLeader(t *testing.T) {
	s := facttest.Healthy(t)
	facttest.StandbySite(s)
	if r := preflight.Judge(s.Snapshot, s.Question, check.Policies{}); r.Verdict != preflight.Go {
		t.Errorf("%s\n%s", r.Verdict, facttest.Fails(r))
	}
	facttest.Dynamic(s).StandbyCluster = fact.Known(false)
	if r := preflight.Judge(s.Snapshot, s.Question, check.Policies{}); r.Verdict != preflight.NoGo {
		t.Errorf("%s with a leader in recovery and no standby cluster", r.Verdict)
	}
}

// TestUndeclaredFactIsUndecided: a check that reads what it does not declare has
// decided nothing, and must not pass.
func TestUndeclaredFactIsUndecided(t *testing.T) {
	sloppy := check.Check{
		ID: "test.sloppy", Severity: check.Blocker, Essential: true, Of: check.OfCluster,
		Run: func(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding { fact.Optime.Get(s, ""); return nil },
	}
	s := facttest.Healthy(t)
	s.DCS.Cluster.Value.Optime = fact.Observed[fact.LSN]{}
	r := preflight.JudgeWith(s.Snapshot, s.Question, check.Policies{}, []check.Check{sloppy})
	if r.Verdict != preflight.UnknownState {
		t.Errorf("%s", r.Verdict)
	}
}

// TestIgnore demotes and shows the reason; what could not be seen stays unknown.
func TestIgnore(t *testing.T) {
	s := facttest.Healthy(t)
	facttest.Dynamic(s).Pause = fact.Known(true)
	for _, m := range []string{"node1", "node2", "node3"} {
		facttest.Member(s.Snapshot, m).Key.Value.Pause = fact.Known(true)
		facttest.Member(s.Snapshot, m).REST.Value.Pause = fact.Known(true)
	}
	ignore := check.Policies{Ignore: map[string]string{"maintenance.pause": "agreed"}}
	r := preflight.Judge(s.Snapshot, s.Question, ignore)
	res := facttest.ResultOf(t, r, "maintenance.pause", "")
	if r.Verdict != preflight.Go || res.Weight != preflight.Warns || res.Ignored != "agreed" {
		t.Errorf("%s, %s, ignored %q\n%s", r.Verdict, res.Weight, res.Ignored, facttest.Fails(r))
	}
	if r := preflight.Judge(s.Snapshot, s.Question, check.Policies{}); r.Verdict != preflight.NoGo {
		t.Errorf("%s without ignoring it", r.Verdict)
	}
	s = facttest.Healthy(t)
	facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
	if r := preflight.Judge(
		s.Snapshot,
		s.Question,
		check.Policies{Ignore: map[string]string{"candidate.rest": "agreed"}},
	); r.Verdict != preflight.UnknownState {
		t.Errorf("%s, although nothing is known by REST", r.Verdict)
	}
}

// TestFailOnWarning makes warnings count.
func TestFailOnWarning(t *testing.T) {
	s := facttest.Healthy(t)
	s.DCS.Endpoints[0].Status = facttest.Unknown[fact.EndpointStatus]()
	if v := preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Verdict; v != preflight.Go {
		t.Errorf("%s", v)
	}
	if v := preflight.Judge(s.Snapshot, s.Question, check.Policies{FailOnWarning: true}).Verdict; v != preflight.NoGo {
		t.Errorf("%s with warnings that count", v)
	}
}
