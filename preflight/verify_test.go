package preflight

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// switched is the healthy cluster after a switchover from node1 to leader, as
// three nodes that follow it on timeline 2 show it.
func switched(t testing.TB, leader string) *Recording {
	t.Helper()
	s := healthy(t)
	c := s.DCS.Cluster.Value
	c.Leader = Known(leader)
	c.History = Known([]HistoryEntry{{Timeline: 1, SwitchLSN: 0x5067C00, NewLeader: leader}})
	var senders []WalSender
	var slots []Slot
	for i := range s.Members {
		m := &s.Members[i]
		q := m.SQL.Value
		q.InRecovery, q.Timeline, q.WalSenders, q.Slots = Known(m.Name != leader), Known(int64(2)), Known([]WalSender{}), Known([]Slot{})
		q.WalReceiver = Known(WalReceiver{})
		if m.Name == leader {
			q.FlushLSN, q.FlushLSNAfter = Known(LSN(0x5068000)), Known(LSN(0x5068000))
			m.REST.Value.Role = Known("primary")
			continue
		}
		m.REST.Value.Role = Known("replica")
		q.WalReceiver = Known(WalReceiver{Running: true, Status: Known("streaming"), Timeline: Known(int64(2))})
		senders = append(senders, WalSender{ApplicationName: m.Name, State: Known("streaming")})
		slots = append(slots, Slot{Name: m.Name, Type: "physical", WALStatus: Known("reserved")})
	}
	s.member(leader).SQL.Value.WalSenders, s.member(leader).SQL.Value.Slots = Known(senders), Known(slots)
	return s
}

// TestSwitchedSnapshot: the tests of the report and of the command use the same
// cluster after a switchover, from a file.
func TestSwitchedSnapshot(t *testing.T) {
	path := filepath.Join("testdata", "snapshots", "switched-4.0.7.json")
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

func silent[T any]() Observed[T] { return NotKnown[T](Silent, "no answer within 3s") }

func TestVerify(t *testing.T) {
	for _, c := range []struct {
		name    string
		before  func(b *Baseline)
		leader  string
		after   func(s *Recording)
		want    Ending
		settled bool
		says    string
	}{
		{name: "done", want: Done, settled: true},
		{name: "done, whoever", before: func(b *Baseline) { b.Candidate = "" }, leader: "node3", want: Done, settled: true},
		{name: "the wrong one", leader: "node3", want: Different, settled: true, says: "node3 leads, not node2"},
		{name: "the wrong one, not promoted yet", leader: "node3", after: func(s *Recording) { s.member("node3").SQL.Value.InRecovery = Known(true) }, want: Different, says: "node3 leads"},
		{name: "nobody leads", after: func(s *Recording) { s.DCS.Cluster.Value.Leader = Known("") }, want: EndUnknown, says: "nobody holds the leader key"},
		{name: "the DCS does not answer", after: func(s *Recording) { s.DCS.Cluster = silent[Cluster]() }, want: EndUnknown, says: "could not be seen: no answer"},
		{name: "still in recovery", after: func(s *Recording) { s.member("node2").SQL.Value.InRecovery = Known(true) }, want: EndUnknown, says: "outcome.primary(node2): true"},
		{name: "its PostgreSQL does not answer", after: func(s *Recording) { s.member("node2").SQL = silent[SQL]() }, want: EndUnknown, says: "outcome.primary(node2): no answer"},
		{name: "another cluster's server answers", after: func(s *Recording) { s.member("node2").SQL.Value.SystemID = Known("42") }, want: EndUnknown, says: "another cluster"},
		{name: "two promotions", after: func(s *Recording) {
			for i := range s.Members {
				s.Members[i].SQL.Value.Timeline = Known(int64(3))
			}
		}, want: Different, says: "outcome.timeline(node2): 3, expected 2"},
		{name: "the old leader does not stream", after: drop("node1"), want: Different, says: "outcome.follows(node1): no row that streams"},
		{name: "the old leader catches up", after: sending("node1", "catchup"), want: Different, says: "outcome.follows(node1)"},
		{name: "a bystander does not stream", after: drop("node3"), want: Different, says: "outcome.follows(node3)"},
		{name: "a bystander that did not stream before", before: func(b *Baseline) { b.Followers = []string{"node2"} }, after: drop("node3"), want: Done, settled: true},
		{name: "the old leader is gone from the DCS", after: func(s *Recording) {
			drop("node1")(s)
			s.Members = s.Members[1:]
		}, want: Different, says: "the DCS names no member"},
		{name: "the old leader is a primary too", after: func(s *Recording) { s.member("node1").SQL.Value.InRecovery = Known(false) }, want: Different, says: "it is a primary too"},
		{name: "the old leader is on its old timeline", after: func(s *Recording) { s.member("node1").SQL.Value.Timeline = Known(int64(1)) }, want: Different, says: "on timeline 1, expected timeline 2"},
		{name: "who streams cannot be seen", after: func(s *Recording) {
			s.member("node2").SQL.Value.WalSenders = NotKnown[[]WalSender](Privilege, "the role sees no rows")
		}, want: EndUnknown, says: "the role sees no rows"},
		{name: "who streams is NULL for want of a right", after: func(s *Recording) {
			for i := range *s.member("node2").SQL.Value.WalSenders.Value {
				(*s.member("node2").SQL.Value.WalSenders.Value)[i].State = NotKnown[string](Privilege, "NULL without pg_monitor")
			}
		}, want: EndUnknown, says: "NULL without pg_monitor"},
		{name: "who streamed before was not seen", before: func(b *Baseline) { b.Followers = nil }, want: EndUnknown, says: "who streamed before was not seen"},
		{name: "a bystander follows the old leader", after: func(s *Recording) {
			drop("node3")(s)
			s.member("node1").SQL.Value.WalSenders = Known([]WalSender{{ApplicationName: "node3", State: Known("streaming")}})
		}, want: Done, settled: true},
		{name: "a slot is gone", after: func(s *Recording) { s.member("node2").SQL.Value.Slots = Known([]Slot{}) }, want: Different, says: "missing or lost: node3 (physical)"},
		{name: "a slot is lost", after: func(s *Recording) {
			s.member("node2").SQL.Value.Slots = Known([]Slot{{Name: "node3", Type: "physical", WALStatus: Known("lost")}})
		}, want: Different, says: "outcome.slots"},
		{name: "slots are not seen", after: func(s *Recording) { s.member("node2").SQL.Value.Slots = silent[[]Slot]() }, want: EndUnknown, says: "outcome.slots"},
		{name: "slots were not seen", before: func(b *Baseline) { b.Slots = nil }, want: EndUnknown, says: "the slots before were not seen"},
		{name: "WAL is lost", after: func(s *Recording) {
			s.DCS.Cluster.Value.History = Known([]HistoryEntry{{Timeline: 1, SwitchLSN: 0x5060000}})
		}, want: Different, says: "are lost"},
		{name: "/history is not written yet", after: func(s *Recording) { s.DCS.Cluster.Value.History = Known([]HistoryEntry{}) }, want: EndUnknown, says: "no line for timeline 1 yet"},
		{name: "the WAL position was not seen", before: func(b *Baseline) { b.FlushLSN = nil }, want: EndUnknown, says: "outcome.wal"},
		{name: "the timeline was not seen", before: func(b *Baseline) { b.Timeline = nil }, want: EndUnknown, says: "outcome.timeline"},
		{name: "lost WAL counts before what is unknown", before: func(b *Baseline) { b.Slots = nil }, after: drop("node1"), want: Different, says: "outcome.follows(node1)"},

		{name: "it moves while being read", after: func(s *Recording) { s.Moved = Known([]string{"leader"}) }, want: EndUnknown, says: "changed while being read: leader"},
		{name: "a member moves while being read", after: func(s *Recording) { s.Moved = Known([]string{"members"}) }, want: Done, settled: true},
		{name: "no second read", after: func(s *Recording) { s.Moved = silent[[]string]() }, want: EndUnknown, says: "no answer"},

		{name: "unchanged, but moving", leader: "node1", after: func(s *Recording) { s.Moved = Known([]string{"failover"}) }, want: EndUnknown, says: "changed while being read: failover"},
		{name: "unchanged", leader: "node1", want: TurnedDown, settled: true, says: "node1 still leads on timeline 1, and nothing is pending"},
		{name: "unchanged, and pending", leader: "node1", after: request(""), want: EndUnknown, says: "pending in /failover"},
		{name: "unchanged, and scheduled", leader: "node1", after: request("2026-12-01T03:00:00+00:00"), want: EndUnknown, says: "scheduled for 2026-12-01"},
		{name: "unchanged, /failover not seen", leader: "node1", after: func(s *Recording) { s.DCS.Cluster.Value.Failover = silent[Failover]() }, want: EndUnknown, says: "whether a request is pending"},
		{name: "unchanged, the leader's Patroni is silent", leader: "node1", after: func(s *Recording) { s.member("node1").REST = silent[REST]() }, want: EndUnknown, says: "its Patroni does not answer"},
		{name: "the leader is stopping", leader: "node1", after: func(s *Recording) { s.member("node1").REST.Value.State = Known("stopping") }, want: EndUnknown, says: "its PostgreSQL is stopping"},
		{name: "the leader's PostgreSQL is silent", leader: "node1", after: func(s *Recording) { s.member("node1").SQL = silent[SQL]() }, want: EndUnknown, says: "its timeline could not be seen"},
		{name: "the leader is in recovery", leader: "node1", after: func(s *Recording) { s.member("node1").SQL.Value.InRecovery = Known(true) }, want: EndUnknown, says: "no primary"},
		{name: "the old leader leads again", leader: "node1", after: func(s *Recording) { s.member("node1").SQL.Value.Timeline = Known(int64(2)) }, want: Different, settled: true, says: "leads again, on timeline 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := baselineOf(healthy(t))
			if c.before != nil {
				c.before(&b)
			}
			after := switched(t, "node2")
			switch c.leader {
			case "node1":
				after = healthy(t)
			case "node3":
				after = switched(t, "node3")
			}
			if c.after != nil {
				c.after(after)
			}
			v := Verify(b, after.Snapshot)
			if v.Outcome != c.want || v.Settled != c.settled || v.ExitCode != c.want.ExitCode() {
				t.Errorf("%s (%d), settled %t: %s; want %s, settled %t", v.Outcome, v.ExitCode, v.Settled, v.Reason, c.want, c.settled)
			}
			if !strings.Contains(v.Reason, c.says) || (v.Reason == "") != (c.want == Done) {
				t.Errorf("the reason is %q, and not %q", v.Reason, c.says)
			}
			for _, p := range v.Points {
				if p.Asked == "" || p.Observed == "" || p.Title == "" || (p.Status == Pass) != (p.Look == "") && p.Status == Fail {
					t.Errorf("a point that is not whole: %+v", p)
				}
			}
		})
	}
}

// drop has a member stream from nobody.
func drop(m string) func(*Recording) {
	return func(s *Recording) {
		q := s.member("node2").SQL.Value
		q.WalSenders = Known(slices.DeleteFunc(slices.Clone(*q.WalSenders.Value), func(w WalSender) bool { return w.ApplicationName == m }))
	}
}

func sending(m, state string) func(*Recording) {
	return func(s *Recording) {
		for i, w := range *s.member("node2").SQL.Value.WalSenders.Value {
			if w.ApplicationName == m {
				(*s.member("node2").SQL.Value.WalSenders.Value)[i].State = Known(state)
			}
		}
	}
}

func request(at string) func(*Recording) {
	return func(s *Recording) {
		s.DCS.Cluster.Value.Failover = Known(Failover{Leader: "node1", Candidate: "node2", ScheduledAt: at})
	}
}

// TestNothingTakenAwayIsDone: a cluster of which any one answer is missing is not
// proved to be right.
func TestNothingTakenAwayIsDone(t *testing.T) {
	b := baselineOf(healthy(t))
	if v := Verify(b, switched(t, "node2").Snapshot); v.Outcome != Done {
		t.Fatal(v.Reason)
	}
	for name, spoil := range map[string]func(*Recording){
		"nothing at all":          func(s *Recording) { *s.Snapshot = Snapshot{} },
		"the DCS":                 func(s *Recording) { s.DCS = DCS{} },
		"members":                 func(s *Recording) { s.Members = nil },
		"the leader's SQL":        func(s *Recording) { s.member("node2").SQL = Observed[SQL]{} },
		"the old leader's SQL":    func(s *Recording) { s.member("node1").SQL = Observed[SQL]{} },
		"its system identifier":   func(s *Recording) { s.member("node2").SQL.Value.SystemID = Observed[string]{} },
		"its timeline":            func(s *Recording) { s.member("node2").SQL.Value.Timeline = Observed[int64]{} },
		"its walsenders":          func(s *Recording) { s.member("node2").SQL.Value.WalSenders = Observed[[]WalSender]{} },
		"its slots":               func(s *Recording) { s.member("node2").SQL.Value.Slots = Observed[[]Slot]{} },
		"whether it is a primary": func(s *Recording) { s.member("node2").SQL.Value.InRecovery = Observed[bool]{} },
		"/history":                func(s *Recording) { s.DCS.Cluster.Value.History = Observed[[]HistoryEntry]{} },
		"/leader":                 func(s *Recording) { s.DCS.Cluster.Value.Leader = Observed[string]{} },
	} {
		after := switched(t, "node2")
		spoil(after)
		if v := Verify(b, after.Snapshot); v.Outcome == Done || v.Outcome == TurnedDown || v.ExitCode == ExitGo {
			t.Errorf("without %s it is %s", name, v.Outcome)
		}
	}
	for name, spoil := range map[string]func(*Baseline){
		"the system identifier": func(b *Baseline) { b.SystemID = nil }, "the timeline": func(b *Baseline) { b.Timeline = nil },
		"the position": func(b *Baseline) { b.FlushLSN = nil }, "the slots": func(b *Baseline) { b.Slots = nil },
		"a readable position": func(b *Baseline) { x := "x"; b.FlushLSN = &x },
	} {
		b := baselineOf(healthy(t))
		spoil(&b)
		if v := Verify(b, switched(t, "node2").Snapshot); v.Outcome != EndUnknown {
			t.Errorf("without %s before it is %s", name, v.Outcome)
		}
	}
}

func TestVerifyStandbyCluster(t *testing.T) {
	before := healthy(t)
	before.DCS.Cluster.Value.Config.Value.StandbyCluster = Known(true)
	after := switched(t, "node2")
	after.DCS.Cluster.Value.Config.Value.StandbyCluster = Known(true)
	for i := range after.Members {
		after.Members[i].SQL.Value.Timeline, after.Members[i].SQL.Value.InRecovery = Known(int64(1)), Known(true)
	}
	if v := Verify(BaselineOf(before.Snapshot, before.Question), after.Snapshot); v.Outcome != Done {
		t.Errorf("%s: %s", v.Outcome, v.Reason)
	}
	after.member("node2").SQL.Value.InRecovery = Known(false)
	if v := Verify(BaselineOf(before.Snapshot, before.Question), after.Snapshot); v.Outcome == Done {
		t.Error("a promotion in a standby cluster is Done")
	}
}

func TestBaseline(t *testing.T) {
	s := healthy(t)
	c := s.DCS.Cluster.Value.Config.Value
	c.Slots = Known(map[string]PermanentSlot{"archive": {Type: "physical"}, "wrong": {Type: "logical"}})
	c.IgnoreSlots = Known([]map[string]string{{"name": "mine"}})
	q := s.member("node1").SQL.Value
	q.FlushLSNAfter = Known(LSN(0x5067C00))
	q.Slots = Known([]Slot{
		{Name: "node2", Type: "physical"},
		{Name: "archive", Type: "physical"},
		{Name: "wrong", Type: "physical"},
		{Name: "stray", Type: "physical"},
		{Name: "cdc", Type: "logical"},
		{Name: "mine", Type: "logical"},
		{Name: "brief", Type: "logical", Temporary: true},
	})
	q.WalSenders = Known((*q.WalSenders.Value)[:1])
	b := BaselineOf(s.Snapshot, s.Question)
	if b.Leader != "node1" || b.Candidate != "node2" || *b.Timeline != 1 || *b.FlushLSN != "0/5067C00" || !slices.Equal(b.Followers, []string{"node2"}) {
		t.Errorf("%+v", b)
	}
	if want := []BaselineSlot{{"node2", "physical"}, {"archive", "physical"}, {"cdc", "logical"}}; !slices.Equal(b.Slots, want) {
		t.Errorf("slots %v, want %v", b.Slots, want)
	}
}

func TestLoadBaseline(t *testing.T) {
	snapshot, err := os.ReadFile(filepath.Join("testdata", "snapshots", "healthy-4.0.7.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := baselineOf(healthy(t))
	report, _ := json.Marshal(judgeOf(healthy(t)))
	for name, raw := range map[string][]byte{"a snapshot": snapshot, "a report of check": report, "a report of switchover": []byte(`{"schema_version":1,"check":` + string(report) + `}`)} {
		got, err := LoadBaseline(raw)
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
		if _, err := LoadBaseline([]byte(raw)); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestTooSoon: an unchanged cluster is refused only where that was seen for long
// enough; any other outcome stays.
func TestTooSoon(t *testing.T) {
	b := baselineOf(healthy(t))
	if v := Verify(b, healthy(t).Snapshot).TooSoon(); v.Outcome != EndUnknown || v.ExitCode != ExitOutcomeUnknown || v.Settled {
		t.Errorf("%+v", v)
	}
	if v := Verify(b, switched(t, "node3").Snapshot).TooSoon(); v.Outcome != Different || v.ExitCode != ExitDifferent {
		t.Errorf("%+v", v)
	}
}

// TestVerifyRecordedSwitchover: a real switchover from node1 to node2, as it was
// looked at on its way.
func TestVerifyRecordedSwitchover(t *testing.T) {
	frame := func(name string) *Recording {
		raw, err := os.ReadFile(filepath.Join("testdata", "switchover", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := LoadRecording(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	b := baselineOf(frame("before"))
	for _, c := range []struct {
		frame string
		want  Ending
		says  string
	}{
		{"before", TurnedDown, "node1 still leads on timeline 1"},
		{"pending", EndUnknown, "pending in /failover"},
		{"nobody", EndUnknown, "nobody holds the leader key"},
		{"promoted", Different, `outcome.follows(node1): no row that streams; its Patroni says "starting"`},
		{"done", Done, ""},
	} {
		v := Verify(b, frame(c.frame).Snapshot)
		if v.Outcome != c.want || !strings.Contains(v.Reason, c.says) || v.Settled != (c.want == Done || c.want == TurnedDown) {
			t.Errorf("%s: %s, settled %t: %s", c.frame, v.Outcome, v.Settled, v.Reason)
		}
	}
}

// TestBaselineOfTheUnseen: whom nobody could see streaming is not nobody.
func TestBaselineOfTheUnseen(t *testing.T) {
	for name, do := range map[string]func(q *SQL){
		"no session": func(q *SQL) { q.WalSenders = silent[[]WalSender]() },
		"no right":   func(q *SQL) { (*q.WalSenders.Value)[0].State = NotKnown[string](Privilege, "NULL") },
	} {
		s := healthy(t)
		do(leaderSQL(s))
		if b := BaselineOf(s.Snapshot, s.Question); b.Followers != nil {
			t.Errorf("%s: followers %q", name, b.Followers)
		}
	}
	s := healthy(t)
	leaderSQL(s).WalSenders = Known([]WalSender{})
	if b := BaselineOf(s.Snapshot, s.Question); b.Followers == nil || len(b.Followers) > 0 {
		t.Errorf("nobody streams: followers %q", b.Followers)
	}
}
