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

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

var update = flag.Bool("update", false, "write the snapshots that are derived from recordings")

// switched is the healthy cluster after a switchover from node1 to leader, as
// three nodes that follow it on timeline 2 show it.
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
		q.InRecovery, q.Timeline, q.WalSenders, q.Slots = fact.Known(m.Name != leader), fact.Known(int64(2)), fact.Known([]fact.WalSender{}), fact.Known([]fact.Slot{})
		q.WalReceiver = fact.Known(fact.WalReceiver{})
		if m.Name == leader {
			q.FlushLSN, q.FlushLSNAfter = fact.Known(fact.LSN(0x5068000)), fact.Known(fact.LSN(0x5068000))
			m.REST.Value.Role = fact.Known("primary")
			continue
		}
		m.REST.Value.Role = fact.Known("replica")
		q.WalReceiver = fact.Known(fact.WalReceiver{Running: true, Status: fact.Known("streaming"), Timeline: fact.Known(int64(2))})
		senders = append(senders, fact.WalSender{ApplicationName: m.Name, State: fact.Known("streaming")})
		slots = append(slots, fact.Slot{Name: m.Name, Type: "physical", WALStatus: fact.Known("reserved")})
	}
	facttest.Member(s.Snapshot, leader).SQL.Value.WalSenders, facttest.Member(s.Snapshot, leader).SQL.Value.Slots = fact.Known(senders), fact.Known(slots)
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

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		name    string
		before  func(b *verify.Baseline)
		leader  string
		after   func(s *fact.Recording)
		want    verify.Ending
		settled bool
		says    string
	}{
		{name: "done", want: verify.Done, settled: true},
		{name: "done, whoever", before: func(b *verify.Baseline) { b.Candidate = "" }, leader: "node3", want: verify.Done, settled: true},
		{name: "the wrong one", leader: "node3", want: verify.Different, settled: true, says: "node3 leads, not node2"},
		{name: "the wrong one, not promoted yet", leader: "node3", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node3").SQL.Value.InRecovery = fact.Known(true) }, want: verify.Different, says: "node3 leads"},
		{name: "nobody leads", after: func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Known("") }, want: verify.EndUnknown, says: "nobody holds the leader key"},
		{name: "the DCS does not answer", after: func(s *fact.Recording) { s.DCS.Cluster = facttest.Silent[fact.Cluster]() }, want: verify.EndUnknown, says: "could not be seen: no answer"},
		{name: "still in recovery", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL.Value.InRecovery = fact.Known(true) }, want: verify.EndUnknown, says: "outcome.primary(node2): true"},
		{name: "its PostgreSQL does not answer", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Silent[fact.SQL]() }, want: verify.EndUnknown, says: "outcome.primary(node2): no answer"},
		{name: "another cluster's server answers", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL.Value.SystemID = fact.Known("42") }, want: verify.EndUnknown, says: "another cluster"},
		{name: "two promotions", after: func(s *fact.Recording) {
			for i := range s.Members {
				s.Members[i].SQL.Value.Timeline = fact.Known(int64(3))
			}
		}, want: verify.Different, says: "outcome.timeline(node2): 3, expected 2"},
		{name: "the old leader does not stream", after: drop("node1"), want: verify.Different, says: "outcome.follows(node1): no row that streams"},
		{name: "the old leader catches up", after: sending("node1", "catchup"), want: verify.Different, says: "outcome.follows(node1)"},
		{name: "a bystander does not stream", after: drop("node3"), want: verify.Different, says: "outcome.follows(node3)"},
		{name: "a bystander that did not stream before", before: func(b *verify.Baseline) { b.Followers = []string{"node2"} }, after: drop("node3"), want: verify.Done, settled: true},
		{name: "the old leader is gone from the DCS", after: func(s *fact.Recording) {
			drop("node1")(s)
			s.Members = s.Members[1:]
		}, want: verify.Different, says: "the DCS names no member"},
		{name: "the old leader is a primary too", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").SQL.Value.InRecovery = fact.Known(false) }, want: verify.Different, says: "it is a primary too"},
		{name: "the old leader is on its old timeline", after: func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").SQL.Value.Timeline = fact.Known(int64(1))
		}, want: verify.Different, says: "on timeline 1, expected timeline 2"},
		{name: "who streams cannot be seen", after: func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalSenders = fact.NotKnown[[]fact.WalSender](fact.Privilege, "the role sees no rows")
		}, want: verify.EndUnknown, says: "the role sees no rows"},
		{name: "who streams is NULL for want of a right", after: func(s *fact.Recording) {
			for i := range *facttest.Member(s.Snapshot, "node2").SQL.Value.WalSenders.Value {
				(*facttest.Member(s.Snapshot, "node2").SQL.Value.WalSenders.Value)[i].State = fact.NotKnown[string](fact.Privilege, "NULL without pg_monitor")
			}
		}, want: verify.EndUnknown, says: "NULL without pg_monitor"},
		{name: "who streamed before was not seen", before: func(b *verify.Baseline) { b.Followers = nil }, want: verify.EndUnknown, says: "who streamed before was not seen"},
		{name: "a bystander follows the old leader", after: func(s *fact.Recording) {
			drop("node3")(s)
			facttest.Member(s.Snapshot, "node1").SQL.Value.WalSenders = fact.Known([]fact.WalSender{{ApplicationName: "node3", State: fact.Known("streaming")}})
		}, want: verify.Done, settled: true},
		{name: "a slot is gone", after: func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Slots = fact.Known([]fact.Slot{})
		}, want: verify.Different, says: "missing or lost: node3 (physical)"},
		{name: "a slot is lost", after: func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Slots = fact.Known([]fact.Slot{{Name: "node3", Type: "physical", WALStatus: fact.Known("lost")}})
		}, want: verify.Different, says: "outcome.slots"},
		{name: "slots are not seen", after: func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Slots = facttest.Silent[[]fact.Slot]()
		}, want: verify.EndUnknown, says: "outcome.slots"},
		{name: "slots were not seen", before: func(b *verify.Baseline) { b.Slots = nil }, want: verify.EndUnknown, says: "the slots before were not seen"},
		{name: "WAL is lost", after: func(s *fact.Recording) {
			s.DCS.Cluster.Value.History = fact.Known([]fact.HistoryEntry{{Timeline: 1, SwitchLSN: 0x5060000}})
		}, want: verify.Different, says: "are lost"},
		{name: "/history is not written yet", after: func(s *fact.Recording) { s.DCS.Cluster.Value.History = fact.Known([]fact.HistoryEntry{}) }, want: verify.EndUnknown, says: "no line for timeline 1 yet"},
		{name: "the WAL position was not seen", before: func(b *verify.Baseline) { b.FlushLSN = nil }, want: verify.EndUnknown, says: "outcome.wal"},
		{name: "the timeline was not seen", before: func(b *verify.Baseline) { b.Timeline = nil }, want: verify.EndUnknown, says: "outcome.timeline"},
		{name: "lost WAL counts before what is unknown", before: func(b *verify.Baseline) { b.Slots = nil }, after: drop("node1"), want: verify.Different, says: "outcome.follows(node1)"},

		{name: "it moves while being read", after: func(s *fact.Recording) { s.Moved = fact.Known([]string{"leader"}) }, want: verify.EndUnknown, says: "changed while being read: leader"},
		{name: "a member moves while being read", after: func(s *fact.Recording) { s.Moved = fact.Known([]string{"members"}) }, want: verify.Done, settled: true},
		{name: "no second read", after: func(s *fact.Recording) { s.Moved = facttest.Silent[[]string]() }, want: verify.EndUnknown, says: "no answer"},

		{name: "unchanged, but moving", leader: "node1", after: func(s *fact.Recording) { s.Moved = fact.Known([]string{"failover"}) }, want: verify.EndUnknown, says: "changed while being read: failover"},
		{name: "unchanged", leader: "node1", want: verify.Refused, settled: true, says: "node1 still leads on timeline 1, and nothing is pending"},
		{name: "unchanged, and pending", leader: "node1", after: request(""), want: verify.EndUnknown, says: "pending in /failover"},
		{name: "unchanged, and scheduled", leader: "node1", after: request("2026-12-01T03:00:00+00:00"), want: verify.EndUnknown, says: "scheduled for 2026-12-01"},
		{name: "unchanged, /failover not seen", leader: "node1", after: func(s *fact.Recording) { s.DCS.Cluster.Value.Failover = facttest.Silent[fact.Failover]() }, want: verify.EndUnknown, says: "whether a request is pending"},
		{name: "unchanged, the leader's Patroni is silent", leader: "node1", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").REST = facttest.Silent[fact.REST]() }, want: verify.EndUnknown, says: "its Patroni does not answer"},
		{name: "the leader is stopping", leader: "node1", after: func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST.Value.State = fact.Known("stopping")
		}, want: verify.EndUnknown, says: "its PostgreSQL is stopping"},
		{name: "the leader's PostgreSQL is silent", leader: "node1", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").SQL = facttest.Silent[fact.SQL]() }, want: verify.EndUnknown, says: "its timeline could not be seen"},
		{name: "the leader is in recovery", leader: "node1", after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").SQL.Value.InRecovery = fact.Known(true) }, want: verify.EndUnknown, says: "no primary"},
		{name: "the old leader leads again", leader: "node1", after: func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").SQL.Value.Timeline = fact.Known(int64(2))
		}, want: verify.Different, settled: true, says: "leads again, on timeline 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := facttest.BaselineOf(facttest.Healthy(t))
			if c.before != nil {
				c.before(&b)
			}
			after := switched(t, "node2")
			switch c.leader {
			case "node1":
				after = facttest.Healthy(t)
			case "node3":
				after = switched(t, "node3")
			}
			if c.after != nil {
				c.after(after)
			}
			v := verify.Verify(b, after.Snapshot)
			if v.Outcome != c.want || v.Settled != c.settled || v.ExitCode != c.want.ExitCode() {
				t.Errorf("%s (%d), settled %t: %s; want %s, settled %t", v.Outcome, v.ExitCode, v.Settled, v.Reason, c.want, c.settled)
			}
			if !strings.Contains(v.Reason, c.says) || (v.Reason == "") != (c.want == verify.Done) {
				t.Errorf("the reason is %q, and not %q", v.Reason, c.says)
			}
			for _, p := range v.Points {
				if p.Asked == "" || p.Observed == "" || p.Title == "" || (p.Status == check.Pass) != (p.Look == "") && p.Status == check.Fail {
					t.Errorf("a point that is not whole: %+v", p)
				}
			}
		})
	}
}

// drop has a member stream from nobody.
func drop(m string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		q := facttest.Member(s.Snapshot, "node2").SQL.Value
		q.WalSenders = fact.Known(slices.DeleteFunc(slices.Clone(*q.WalSenders.Value), func(w fact.WalSender) bool { return w.ApplicationName == m }))
	}
}

func sending(m, state string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		for i, w := range *facttest.Member(s.Snapshot, "node2").SQL.Value.WalSenders.Value {
			if w.ApplicationName == m {
				(*facttest.Member(s.Snapshot, "node2").SQL.Value.WalSenders.Value)[i].State = fact.Known(state)
			}
		}
	}
}

func request(at string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		s.DCS.Cluster.Value.Failover = fact.Known(fact.Failover{Leader: "node1", Candidate: "node2", ScheduledAt: at})
	}
}

// TestNothingTakenAwayIsDone: a cluster of which any one answer is missing is not
// proved to be right.
func TestNothingTakenAwayIsDone(t *testing.T) {
	b := facttest.BaselineOf(facttest.Healthy(t))
	if v := verify.Verify(b, switched(t, "node2").Snapshot); v.Outcome != verify.Done {
		t.Fatal(v.Reason)
	}
	for name, spoil := range map[string]func(*fact.Recording){
		"nothing at all":       func(s *fact.Recording) { *s.Snapshot = fact.Snapshot{} },
		"the DCS":              func(s *fact.Recording) { s.DCS = fact.DCS{} },
		"members":              func(s *fact.Recording) { s.Members = nil },
		"the leader's SQL":     func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = fact.Observed[fact.SQL]{} },
		"the old leader's SQL": func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").SQL = fact.Observed[fact.SQL]{} },
		"its system identifier": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.SystemID = fact.Observed[string]{}
		},
		"its timeline": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Timeline = fact.Observed[int64]{}
		},
		"its walsenders": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.WalSenders = fact.Observed[[]fact.WalSender]{}
		},
		"its slots": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Slots = fact.Observed[[]fact.Slot]{}
		},
		"whether it is a primary": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.InRecovery = fact.Observed[bool]{}
		},
		"/history": func(s *fact.Recording) { s.DCS.Cluster.Value.History = fact.Observed[[]fact.HistoryEntry]{} },
		"/leader":  func(s *fact.Recording) { s.DCS.Cluster.Value.Leader = fact.Observed[string]{} },
	} {
		after := switched(t, "node2")
		spoil(after)
		if v := verify.Verify(b, after.Snapshot); v.Outcome == verify.Done || v.Outcome == verify.Refused || v.ExitCode == exitcode.Go {
			t.Errorf("without %s it is %s", name, v.Outcome)
		}
	}
	for name, spoil := range map[string]func(*verify.Baseline){
		"the system identifier": func(b *verify.Baseline) { b.SystemID = nil }, "the timeline": func(b *verify.Baseline) { b.Timeline = nil },
		"the position": func(b *verify.Baseline) { b.FlushLSN = nil }, "the slots": func(b *verify.Baseline) { b.Slots = nil },
		"a readable position": func(b *verify.Baseline) { x := "x"; b.FlushLSN = &x },
	} {
		b := facttest.BaselineOf(facttest.Healthy(t))
		spoil(&b)
		if v := verify.Verify(b, switched(t, "node2").Snapshot); v.Outcome != verify.EndUnknown {
			t.Errorf("without %s before it is %s", name, v.Outcome)
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
	b := verify.BaselineOf(s.Snapshot, s.Question)
	if b.Leader != "node1" || b.Candidate != "node2" || *b.Timeline != 1 || *b.FlushLSN != "0/5067C00" || !slices.Equal(b.Followers, []string{"node2"}) {
		t.Errorf("%+v", b)
	}
	if want := []verify.BaselineSlot{{Name: "node2", Type: "physical"}, {Name: "archive", Type: "physical"}, {Name: "cdc", Type: "logical"}}; !slices.Equal(b.Slots, want) {
		t.Errorf("slots %v, want %v", b.Slots, want)
	}
}

func TestLoadBaseline(t *testing.T) {
	snapshot, err := os.ReadFile(filepath.Join("..", "testdata", "snapshots", "healthy-4.0.7.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := facttest.BaselineOf(facttest.Healthy(t))
	report, _ := json.Marshal(facttest.Judge(facttest.Healthy(t)))
	for name, raw := range map[string][]byte{"a snapshot": snapshot, "a report of check": report, "a report of switchover": []byte(`{"schema_version":1,"check":` + string(report) + `}`)} {
		got, err := verify.LoadBaseline(raw)
		a, _ := json.Marshal(got)
		b, _ := json.Marshal(want)
		if err != nil || string(a) != string(b) {
			t.Errorf("%s: %v\n%s\n%s", name, err, a, b)
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

// TestTooSoon: an unchanged cluster is refused only where that was seen for long
// enough; any other outcome stays.
func TestTooSoon(t *testing.T) {
	b := facttest.BaselineOf(facttest.Healthy(t))
	if v := verify.Verify(b, facttest.Healthy(t).Snapshot).TooSoon(); v.Outcome != verify.EndUnknown || v.ExitCode != exitcode.OutcomeUnknown || v.Settled {
		t.Errorf("%+v", v)
	}
	if v := verify.Verify(b, switched(t, "node3").Snapshot).TooSoon(); v.Outcome != verify.Different || v.ExitCode != exitcode.Different {
		t.Errorf("%+v", v)
	}
}

// TestVerifyRecordedSwitchover: a real switchover from node1 to node2, as it was
// looked at on its way.
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
	for _, c := range []struct {
		frame string
		want  verify.Ending
		says  string
	}{
		{"before", verify.Refused, "node1 still leads on timeline 1"},
		{"pending", verify.EndUnknown, "pending in /failover"},
		{"nobody", verify.EndUnknown, "nobody holds the leader key"},
		{"promoted", verify.Different, `outcome.follows(node1): no row that streams; its Patroni says "starting"`},
		{"done", verify.Done, ""},
	} {
		v := verify.Verify(b, frame(c.frame).Snapshot)
		if v.Outcome != c.want || !strings.Contains(v.Reason, c.says) || v.Settled != (c.want == verify.Done || c.want == verify.Refused) {
			t.Errorf("%s: %s, settled %t: %s", c.frame, v.Outcome, v.Settled, v.Reason)
		}
	}
}

// TestBaselineOfTheUnseen: whom nobody could see streaming is not nobody.
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
		t.Errorf("nobody streams: followers %q", b.Followers)
	}
}
