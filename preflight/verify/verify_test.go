package verify_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

var update = flag.Bool("update", false, "write the snapshots that are derived from recordings")

// switched is the healthy cluster after a switchover from node1 to leader: the other
// two follow it on timeline 2.
func switched(t testing.TB, leader string) *fact.Recording {
	t.Helper()
	s := facttest.Healthy(t)
	c := s.DCS.Cluster.Value
	c.Leader = fact.Known(leader)
	c.History = fact.Known([]fact.HistoryEntry{{Timeline: 1, SwitchLSN: 0x5067C00, NewLeader: leader}})
	var senders []fact.WalSender
	var slots []fact.Slot
	for i := range s.Members {
		m := &s.Members[i]
		q := m.SQL.Value
		q.InRecovery, q.Timeline, q.WalSenders, q.Slots = fact.Known(
			m.Name != leader,
		), fact.Known(
			int64(2),
		), fact.Known(
			[]fact.WalSender{},
		), fact.Known(
			[]fact.Slot{},
		)
		q.WalReceiver = fact.Known(fact.WalReceiver{})
		if m.Name == leader {
			q.FlushLSN, q.FlushLSNAfter = fact.Known(fact.LSN(0x5068000)), fact.Known(fact.LSN(0x5068000))
			m.REST.Value.Role = fact.Known("primary")
			continue
		}
		m.REST.Value.Role = fact.Known("replica")
		q.WalReceiver = fact.Known(
			fact.WalReceiver{Running: true, Status: fact.Known("streaming"), Timeline: fact.Known(int64(2))},
		)
		senders = append(senders, fact.WalSender{ApplicationName: m.Name, State: fact.Known("streaming")})
		slots = append(slots, fact.Slot{Name: m.Name, Type: "physical", WALStatus: fact.Known("reserved")})
	}
	facttest.Member(
		s.Snapshot,
		leader,
	).SQL.Value.WalSenders, facttest.Member(s.Snapshot, leader).SQL.Value.Slots = fact.Known(
		senders,
	), fact.Known(
		slots,
	)
	return s
}

// TestSwitchedSnapshot: the tests of the report and of the command use the same
// cluster after a switchover, from a file.
func TestSwitchedSnapshot(t *testing.T) {
	path := filepath.Join("..", "testdata", "snapshots", "switched-4.0.7.json")
	var b bytes.Buffer
	if err := switched(t, "node2").Save(&b); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if raw, err := os.ReadFile(path); err != nil || !bytes.Equal(raw, b.Bytes()) {
		t.Errorf("%s is not what switched makes (go test ./preflight -run Switched -update): %v", path, err)
	}
}

// sqlOf is the answer of a member's PostgreSQL, to be changed.
func sqlOf(s *fact.Recording, member string) *fact.SQL {
	return facttest.Member(s.Snapshot, member).SQL.Value
}

// restOf is the answer of a member's Patroni, to be changed.
func restOf(s *fact.Recording, member string) *fact.REST {
	return facttest.Member(s.Snapshot, member).REST.Value
}

// keysOf are the keys of Patroni in the DCS, to be changed.
func keysOf(s *fact.Recording) *fact.Cluster { return s.DCS.Cluster.Value }

// verdict is the part of a verification that a script acts upon.
type verdict struct {
	Outcome  verify.Ending
	Settled  bool
	ExitCode int
	Reason   string
}

func verdictOf(v verify.Verification) verdict {
	return verdict{v.Outcome, v.Settled, v.ExitCode, v.Reason}
}

// outcomeCase is a cluster after a switchover from node1 to node2 was requested.
type outcomeCase struct {
	name   string
	before func(b *verify.Baseline)
	after  func(s *fact.Recording)
	want   verdict
}

// judge compares the verification of each case, and holds each point to the registry.
func judge(t *testing.T, after func(testing.TB) *fact.Recording, cases []outcomeCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := facttest.BaselineOf(facttest.Healthy(t))
			if c.before != nil {
				c.before(&b)
			}
			s := after(t)
			if c.after != nil {
				c.after(s)
			}
			v := verify.Verify(b, s.Snapshot)
			if diff := cmp.Diff(c.want, verdictOf(v)); diff != "" {
				t.Errorf("verification (-want +got):\n%s", diff)
			}
			for i, p := range v.Points {
				wellFormed(t, p, v.Results[i])
			}
		})
	}
}

// wellFormed holds a point to the registry, and to the result that it shows.
func wellFormed(t *testing.T, p verify.Point, r check.Result) {
	t.Helper()
	k, ok := preflight.CheckByID(p.ID)
	if !ok || k.Of != check.OfOutcome {
		t.Errorf("%s is not a check of an outcome", p.ID)
	}
	if p.Asked == "" || p.Observed == "" || p.Title == "" {
		t.Errorf("%s lacks its question, its answer or its title", p.ID)
	}
	if p.Status == check.Fail && p.Look == "" {
		t.Errorf("%s fails and does not say where to look", p.ID)
	}
	if p.Status == check.Pass && p.Look != "" {
		t.Errorf("%s passes and says where to look: %s", p.ID, p.Look)
	}
	f := r.Findings[0]
	shown := verify.Point{
		ID:       r.Check,
		Title:    p.Title,
		Status:   r.Status,
		Subject:  r.Subject,
		Asked:    f.Asked,
		Observed: f.Observed,
		Expected: f.Expected,
		Look:     f.Remedy,
	}
	if diff := cmp.Diff(shown, p); diff != "" {
		t.Errorf("the point is not its result (-result +point):\n%s", diff)
	}
	if f.Effect == "" {
		t.Errorf("%s has no sentence", p.ID)
	}
}

// to is the cluster after a switchover from node1 to that member.
func to(leader string) func(testing.TB) *fact.Recording {
	return func(t testing.TB) *fact.Recording { return switched(t, leader) }
}

func done() verdict { return verdict{Outcome: verify.Done, Settled: true, ExitCode: exitcode.Go} }

func different(reason string) verdict {
	return verdict{Outcome: verify.Different, ExitCode: exitcode.Different, Reason: reason}
}

func unknown(reason string) verdict {
	return verdict{Outcome: verify.EndUnknown, ExitCode: exitcode.OutcomeUnknown, Reason: reason}
}

func (v verdict) settled() verdict { v.Settled = true; return v }

func TestVerifyCandidateLeads(t *testing.T) {
	judge(t, to("node2"), []outcomeCase{
		{name: "done", want: done()},
		{
			name:  "no member leads",
			after: func(s *fact.Recording) { keysOf(s).Leader = fact.Known("") },
			want:  unknown("no member holds the leader key"),
		},
		{
			name:  "the DCS does not answer",
			after: func(s *fact.Recording) { s.DCS.Cluster = facttest.Silent[fact.Cluster]() },
			want:  unknown("the leader key could not be read: no answer within 3s"),
		},
		{
			name:  "still in recovery",
			after: func(s *fact.Recording) { sqlOf(s, "node2").InRecovery = fact.Known(true) },
			want:  unknown("node2 is still in recovery"),
		},
		{
			name:  "PostgreSQL of the new leader does not answer",
			after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Silent[fact.SQL]() },
			want:  unknown("it is not known whether node2 is the primary: no answer within 3s"),
		},
		{
			name:  "the server of another cluster answers",
			after: func(s *fact.Recording) { sqlOf(s, "node2").SystemID = fact.Known("42") },
			want: unknown("the server of another cluster answers for node2 " +
				"(system identifier 42, expected 7711126607369158693)"),
		},
		{
			name: "two promotions",
			after: func(s *fact.Recording) {
				for i := range s.Members {
					s.Members[i].SQL.Value.Timeline = fact.Known(int64(3))
				}
			},
			want: different("node2 is on timeline 3, expected 2"),
		},
		{
			name:  "the cluster changes while being read",
			after: func(s *fact.Recording) { s.Moved = fact.Known([]string{"leader"}) },
			want:  unknown("the cluster changed while being read: leader"),
		},
		{
			name:  "a member changes while being read",
			after: func(s *fact.Recording) { s.Moved = fact.Known([]string{"members"}) },
			want:  done(),
		},
		{
			name:  "no second read",
			after: func(s *fact.Recording) { s.Moved = facttest.Silent[[]string]() },
			want:  unknown("no answer within 3s"),
		},
	})
}

func TestVerifyFollowers(t *testing.T) {
	const notStreaming = ` does not stream from any member; its Patroni says "running"`
	judge(t, to("node2"), []outcomeCase{
		{name: "the old leader does not stream", after: drop("node1"), want: different("node1" + notStreaming)},
		{name: "the old leader catches up", after: sending("node1", "catchup"), want: different("node1" + notStreaming)},
		{name: "a bystander does not stream", after: drop("node3"), want: different("node3" + notStreaming)},
		{
			name:   "a bystander did not stream before either",
			before: func(b *verify.Baseline) { b.Followers = []string{"node2"} },
			after:  drop("node3"),
			want:   done(),
		},
		{
			name: "the DCS does not have the old leader any more",
			after: func(s *fact.Recording) {
				drop("node1")(s)
				s.Members = s.Members[1:]
			},
			want: different("node1 does not stream from any member; its Patroni does not answer: " +
				`the DCS names no member "node1"`),
		},
		{
			name:  "the old leader is a primary too",
			after: func(s *fact.Recording) { sqlOf(s, "node1").InRecovery = fact.Known(false) },
			want:  different("node1 is a primary too"),
		},
		{
			name:  "the old leader is on its old timeline",
			after: func(s *fact.Recording) { sqlOf(s, "node1").Timeline = fact.Known(int64(1)) },
			want:  different("node1 streams from node2 on timeline 1, expected timeline 2"),
		},
		{
			name: "pg_stat_replication is empty without the right to read it",
			after: func(s *fact.Recording) {
				sqlOf(s, "node2").WalSenders = fact.NotKnown[[]fact.WalSender](fact.Privilege, "the role sees no rows")
			},
			want: unknown("it is not known whether node1 streams: the role sees no rows"),
		},
		{
			name: "pg_stat_replication has NULL without the right to read it",
			after: func(s *fact.Recording) {
				senders := *sqlOf(s, "node2").WalSenders.Value
				for i := range senders {
					senders[i].State = fact.NotKnown[string](fact.Privilege, "NULL without pg_monitor")
				}
			},
			want: unknown("it is not known whether node1 streams: NULL without pg_monitor"),
		},
		{
			name:   "the followers were not seen before",
			before: func(b *verify.Baseline) { b.Followers = nil },
			want: unknown("it is not known whether each member that streamed before streams: " +
				"which members streamed was not seen before the switchover"),
		},
		{
			name: "a bystander follows the old leader",
			after: func(s *fact.Recording) {
				drop("node3")(s)
				sqlOf(s, "node1").WalSenders = fact.Known([]fact.WalSender{
					{ApplicationName: "node3", State: fact.Known("streaming")},
				})
			},
			want: done(),
		},
		{
			name:   "a failure counts before an unknown",
			before: func(b *verify.Baseline) { b.Slots = nil },
			after:  drop("node1"),
			want:   different("node1" + notStreaming),
		},
	})
}

func TestVerifyWALAndSlots(t *testing.T) {
	const slots = "it is not known whether all replication slots survived the switchover: "
	judge(t, to("node2"), []outcomeCase{
		{
			name: "WAL is lost",
			after: func(s *fact.Recording) {
				keysOf(s).History = fact.Known([]fact.HistoryEntry{{Timeline: 1, SwitchLSN: 0x5060000}})
			},
			want: different("30.8 kB of WAL that node1 had flushed are lost"),
		},
		{
			name:  "/history is not written yet",
			after: func(s *fact.Recording) { keysOf(s).History = fact.Known([]fact.HistoryEntry{}) },
			want:  unknown("it is not known whether the new timeline has all WAL of node1: no line for timeline 1 yet"),
		},
		{
			name:   "the WAL position was not read before",
			before: func(b *verify.Baseline) { b.FlushLSN = nil },
			want: unknown("it is not known whether the new timeline has all WAL of node1: " +
				"the WAL position or the timeline of the old leader was not read before the switchover"),
		},
		{
			name:   "the timeline was not read before",
			before: func(b *verify.Baseline) { b.Timeline = nil },
			want: unknown("it is not known whether the timeline grew by one: " +
				"the timeline was not read before the switchover"),
		},
		{
			name:  "a slot is missing",
			after: func(s *fact.Recording) { sqlOf(s, "node2").Slots = fact.Known([]fact.Slot{}) },
			want:  different("replication slots on node2 are missing or lost: node3 (physical)"),
		},
		{
			name: "a slot has lost its WAL",
			after: func(s *fact.Recording) {
				lost := fact.Slot{Name: "node3", Type: "physical", WALStatus: fact.Known("lost")}
				sqlOf(s, "node2").Slots = fact.Known([]fact.Slot{lost})
			},
			want: different("replication slots on node2 are missing or lost: node3 (physical)"),
		},
		{
			name:  "the slots cannot be read",
			after: func(s *fact.Recording) { sqlOf(s, "node2").Slots = facttest.Silent[[]fact.Slot]() },
			want:  unknown(slots + "no answer within 3s"),
		},
		{
			name:   "the slots were not read before",
			before: func(b *verify.Baseline) { b.Slots = nil },
			want:   unknown(slots + "the slots were not read before the switchover"),
		},
	})
}

// drop ends the streaming of a member.
func drop(m string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		q := sqlOf(s, "node2")
		q.WalSenders = fact.Known(
			slices.DeleteFunc(slices.Clone(*q.WalSenders.Value), func(w fact.WalSender) bool { return w.ApplicationName == m }),
		)
	}
}

// sending gives the walsender of a member another state.
func sending(m, state string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		senders := *sqlOf(s, "node2").WalSenders.Value
		for i, w := range senders {
			if w.ApplicationName == m {
				senders[i].State = fact.Known(state)
			}
		}
	}
}

// request puts a switchover into /failover, scheduled for a time or not.
func request(at string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		keysOf(s).Failover = fact.Known(fact.Failover{Leader: "node1", Candidate: "node2", ScheduledAt: at})
	}
}

// TestMissingFactIsNeverDone: without any one of its facts, a switchover is not
// verified.
func TestMissingFactIsNeverDone(t *testing.T) {
	b := facttest.BaselineOf(facttest.Healthy(t))
	if v := verify.Verify(b, switched(t, "node2").Snapshot); v.Outcome != verify.Done {
		t.Fatal(v.Reason)
	}
	for name, forget := range map[string]func(*fact.Recording){
		"any fact": func(s *fact.Recording) { *s.Snapshot = fact.Snapshot{} },
		"the DCS":  func(s *fact.Recording) { s.DCS = fact.DCS{} },
		"members":  func(s *fact.Recording) { s.Members = nil },
		"SQL of the new leader": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL = fact.Observed[fact.SQL]{}
		},
		"SQL of the old leader": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").SQL = fact.Observed[fact.SQL]{}
		},
		"the system identifier": func(s *fact.Recording) { sqlOf(s, "node2").SystemID = fact.Observed[string]{} },
		"the timeline":          func(s *fact.Recording) { sqlOf(s, "node2").Timeline = fact.Observed[int64]{} },
		"the walsenders":        func(s *fact.Recording) { sqlOf(s, "node2").WalSenders = fact.Observed[[]fact.WalSender]{} },
		"the slots":             func(s *fact.Recording) { sqlOf(s, "node2").Slots = fact.Observed[[]fact.Slot]{} },
		"pg_is_in_recovery()":   func(s *fact.Recording) { sqlOf(s, "node2").InRecovery = fact.Observed[bool]{} },
		"/history":              func(s *fact.Recording) { keysOf(s).History = fact.Observed[[]fact.HistoryEntry]{} },
		"/leader":               func(s *fact.Recording) { keysOf(s).Leader = fact.Observed[string]{} },
	} {
		after := switched(t, "node2")
		forget(after)
		v := verify.Verify(b, after.Snapshot)
		switch v.Outcome {
		case verify.Done, verify.Refused:
			t.Errorf("without %s the outcome is %s", name, v.Outcome)
		}
		if v.ExitCode == exitcode.Go {
			t.Errorf("without %s the exit code is 0", name)
		}
	}
}

// TestMissingBaselineIsUnknown: the same for the facts from before the switchover.
func TestMissingBaselineIsUnknown(t *testing.T) {
	unreadable := "x"
	for name, forget := range map[string]func(*verify.Baseline){
		"the system identifier": func(b *verify.Baseline) { b.SystemID = nil },
		"the timeline":          func(b *verify.Baseline) { b.Timeline = nil },
		"the position":          func(b *verify.Baseline) { b.FlushLSN = nil },
		"a readable position":   func(b *verify.Baseline) { b.FlushLSN = &unreadable },
		"the slots":             func(b *verify.Baseline) { b.Slots = nil },
	} {
		b := facttest.BaselineOf(facttest.Healthy(t))
		forget(&b)
		if v := verify.Verify(b, switched(t, "node2").Snapshot); v.Outcome != verify.EndUnknown {
			t.Errorf("without %s before, the outcome is %s", name, v.Outcome)
		}
	}
}

func TestVerifyStandbyCluster(t *testing.T) {
	before := facttest.Healthy(t)
	before.DCS.Cluster.Value.Config.Value.StandbyCluster = fact.Known(true)
	after := switched(t, "node2")
	after.DCS.Cluster.Value.Config.Value.StandbyCluster = fact.Known(true)
	for i := range after.Members {
		after.Members[i].SQL.Value.Timeline, after.Members[i].SQL.Value.InRecovery = fact.Known(int64(1)), fact.Known(true)
	}
	if v := verify.Verify(verify.BaselineOf(before.Snapshot, before.Question), after.Snapshot); v.Outcome != verify.Done {
		t.Errorf("%s: %s", v.Outcome, v.Reason)
	}
	facttest.Member(after.Snapshot, "node2").SQL.Value.InRecovery = fact.Known(false)
	if v := verify.Verify(verify.BaselineOf(before.Snapshot, before.Question), after.Snapshot); v.Outcome == verify.Done {
		t.Error("a promotion in a standby cluster is Done")
	}
}

func TestBaseline(t *testing.T) {
	s := facttest.Healthy(t)
	c := s.DCS.Cluster.Value.Config.Value
	c.Slots = fact.Known(map[string]fact.PermanentSlot{"archive": {Type: "physical"}, "wrong": {Type: "logical"}})
	c.IgnoreSlots = fact.Known([]map[string]string{{"name": "mine"}})
	q := facttest.Member(s.Snapshot, "node1").SQL.Value
	q.FlushLSNAfter = fact.Known(fact.LSN(0x5067C00))
	q.Slots = fact.Known([]fact.Slot{
		{Name: "node2", Type: "physical"},
		{Name: "archive", Type: "physical"},
		{Name: "wrong", Type: "physical"},
		{Name: "stray", Type: "physical"},
		{Name: "cdc", Type: "logical"},
		{Name: "mine", Type: "logical"},
		{Name: "brief", Type: "logical", Temporary: true},
	})
	q.WalSenders = fact.Known((*q.WalSenders.Value)[:1])
	want := verify.Baseline{
		Scope:          "demo",
		Namespace:      "/service",
		TakenAt:        s.TakenAt,
		Leader:         "node1",
		Candidate:      "node2",
		StandbyCluster: new(bool),
		SystemID:       q.SystemID.Value,
		Timeline:       q.Timeline.Value,
		FlushLSN:       pointer("0/5067C00"),
		Followers:      []string{"node2"},
		Slots: []verify.BaselineSlot{
			{Name: "node2", Type: "physical"},
			{Name: "archive", Type: "physical"},
			{Name: "cdc", Type: "logical"},
		},
	}
	if diff := cmp.Diff(want, verify.BaselineOf(s.Snapshot, s.Question)); diff != "" {
		t.Errorf("baseline (-want +got):\n%s", diff)
	}
}

func pointer[T any](v T) *T { return &v }

func TestLoadBaseline(t *testing.T) {
	snapshot, err := os.ReadFile(filepath.Join("..", "testdata", "snapshots", "healthy-4.0.7.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := facttest.BaselineOf(facttest.Healthy(t))
	report, _ := json.Marshal(facttest.Judge(facttest.Healthy(t)))
	for name, raw := range map[string][]byte{
		"a snapshot":             snapshot,
		"a report of check":      report,
		"a report of switchover": []byte(`{"schema_version":1,"check":` + string(report) + `}`),
	} {
		got, err := verify.LoadBaseline(raw)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for raw, word := range map[string]string{
		"":                                   "unexpected end",
		"[]":                                 "array",
		"{}":                                 "neither a snapshot",
		`{"schema_version":1}`:               "neither a snapshot",
		`{"schema":2}`:                       "schema 2",
		`{"schema":1}`:                       "no leader was seen",
		`{"schema_version":2,"baseline":{}}`: "schema_version 2",
		`{"schema_version":1,"baseline":{}}`: "no leader was seen",
	} {
		if _, err := verify.LoadBaseline([]byte(raw)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestTooSoon: an unchanged cluster was refused only if it was seen unchanged for long
// enough; any other outcome stays.
func TestTooSoon(t *testing.T) {
	b := facttest.BaselineOf(facttest.Healthy(t))
	unchanged := verify.Verify(b, facttest.Healthy(t).Snapshot).TooSoon()
	want := unknown("node1 still leads on timeline 1, and nothing is pending, " +
		"but that was not seen for long enough: a request may be on its way")
	if diff := cmp.Diff(want, verdictOf(unchanged)); diff != "" {
		t.Errorf("unchanged (-want +got):\n%s", diff)
	}
	moved := verify.Verify(b, switched(t, "node3").Snapshot)
	if diff := cmp.Diff(verdictOf(moved), verdictOf(moved.TooSoon())); diff != "" {
		t.Errorf("another member leads (-before +after):\n%s", diff)
	}
}

// TestVerifyRecordedSwitchover: snapshots that were taken during a real switchover from
// node1 to node2.
func TestVerifyRecordedSwitchover(t *testing.T) {
	frame := func(name string) *fact.Recording {
		raw, err := os.ReadFile(filepath.Join("..", "testdata", "switchover", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := fact.LoadRecording(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	b := facttest.BaselineOf(frame("before"))
	for name, want := range map[string]verdict{
		"before": {
			Outcome:  verify.Refused,
			Settled:  true,
			ExitCode: exitcode.Refused,
			Reason:   "node1 still leads on timeline 1, and nothing is pending",
		},
		"pending":  unknown("node1 still leads, and the request is pending in /failover"),
		"nobody":   unknown("no member holds the leader key"),
		"promoted": different(`node1 does not stream from any member; its Patroni says "starting"`),
		"done":     done(),
	} {
		if diff := cmp.Diff(want, verdictOf(verify.Verify(b, frame(name).Snapshot))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestBaselineOfTheUnseen: unknown followers are null, and not an empty list.
func TestBaselineOfTheUnseen(t *testing.T) {
	for name, do := range map[string]func(q *fact.SQL){
		"no session": func(q *fact.SQL) { q.WalSenders = facttest.Silent[[]fact.WalSender]() },
		"no right":   func(q *fact.SQL) { (*q.WalSenders.Value)[0].State = fact.NotKnown[string](fact.Privilege, "NULL") },
	} {
		s := facttest.Healthy(t)
		do(facttest.LeaderSQL(s))
		if b := verify.BaselineOf(s.Snapshot, s.Question); b.Followers != nil {
			t.Errorf("%s: followers %q", name, b.Followers)
		}
	}
	s := facttest.Healthy(t)
	facttest.LeaderSQL(s).WalSenders = fact.Known([]fact.WalSender{})
	if b := verify.BaselineOf(s.Snapshot, s.Question); b.Followers == nil || len(b.Followers) > 0 {
		t.Errorf("no member streams: followers %q", b.Followers)
	}
}

// TestOutcomeChecksAreDocumented holds the registry to the rules of all checks.
func TestOutcomeChecksAreDocumented(t *testing.T) {
	for _, c := range verify.OutcomeChecks {
		if c.Topic() != "outcome" || c.Of != check.OfOutcome || c.Kind != check.Policy || c.Severity != check.Blocker {
			t.Errorf("%s: topic %s, of %s, kind %s, severity %s", c.ID, c.Topic(), c.Of, c.Kind, c.Severity)
		}
		if found, ok := preflight.CheckByID(c.ID); !ok || found.Title != c.Title {
			t.Errorf("%s is not found by its ID", c.ID)
		}
		for what, text := range map[string]string{
			"title": c.Title, "why": c.Why, "source": c.Source, "fix": c.Fix, "proof": c.Proof, "since": c.Since,
		} {
			if text == "" {
				t.Errorf("%s: no %s", c.ID, what)
			}
		}
		if len(c.Needs) == 0 {
			t.Errorf("%s: no facts", c.ID)
		}
	}
}

// TestEveryOutcomeCheckIsJudged: a verified switchover has a point of each check, in
// the order of the registry.
func TestEveryOutcomeCheckIsJudged(t *testing.T) {
	v := verify.Verify(facttest.BaselineOf(facttest.Healthy(t)), switched(t, "node2").Snapshot)
	var judged, registered []string
	for _, p := range v.Points {
		judged = append(judged, p.ID)
	}
	for _, c := range verify.OutcomeChecks {
		registered = append(registered, c.ID)
	}
	if diff := cmp.Diff(registered, slices.Compact(judged)); diff != "" {
		t.Errorf("checks (-registry +points):\n%s", diff)
	}
}
