package preflight

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// unnamed is the healthy cluster, asked about without a candidate.
func unnamed(t testing.TB) *Recording {
	s := healthy(t)
	s.Question.Candidate = ""
	return s
}

// killed is node3 after its Patroni died that many seconds after loop_wait.
func killed(s *Recording, late int64) {
	m := s.member("node3")
	m.REST, m.Liveness = NotKnown[REST](Refused, "connection refused"), NotKnown[int](Refused, "connection refused")
	age(s, "node3", *config4(s).LoopWait.Value+late)
}

func age(s *Recording, name string, seconds int64) {
	s.member(name).Lease = Known(Lease{GrantedSeconds: 60, RemainingSeconds: 60 - seconds})
}

// TestUnnamed: GO only if every member that Patroni may choose is fit. One that is
// known not to be able to take the key is left aside; one of which that cannot be
// told leaves the verdict open.
func TestUnnamed(t *testing.T) {
	retry := func(s *Recording) int64 { return *config4(s).RetryTimeout.Value }
	for _, c := range []struct {
		name string
		do   func(s *Recording)
		want Verdict
	}{
		{"all are fit", func(*Recording) {}, Go},
		{"Patroni killed", func(s *Recording) { killed(s, 2) }, Go},
		{"refused to us, and its lease is fresh", func(s *Recording) { killed(s, 1) }, UnknownState},
		{"refused, and no lease to be seen", func(s *Recording) { killed(s, 2); s.member("node3").Lease = unknown[Lease]() }, UnknownState},
		{"refused, and loop_wait unknown", func(s *Recording) { killed(s, 2); config4(s).LoopWait = unknown[int64]() }, UnknownState},
		{"frozen", func(s *Recording) { killed(s, retry(s)+1); s.member("node3").REST = NotKnown[REST](Silent, "silent") }, Go},
		{"silent for as long as a loop may take", func(s *Recording) { killed(s, retry(s)); s.member("node3").REST = NotKnown[REST](Silent, "silent") }, UnknownState},
		{"host gone", func(s *Recording) {
			*s.member("node3") = Member{Name: "node3", Key: s.member("node3").Key, REST: NotKnown[REST](Unreached, "no route"), SQL: NotKnown[SQL](Unreached, "no route")}
			age(s, "node3", 59)
		}, Go},
		{"no way to it for us", func(s *Recording) { s.member("node3").REST = NotKnown[REST](Unreached, "no route") }, UnknownState},
		{"an old lease, and an answer", func(s *Recording) { age(s, "node3", 59) }, NoGo},
		{"a wrong answer", func(s *Recording) { s.member("node3").REST.Value.Name = Known("node1") }, NoGo},
		{"not streaming: it may see nobody else, and win", func(s *Recording) { s.member("node3").SQL.Value.WalReceiver = Known(WalReceiver{}) }, NoGo},
		{"nofailover", func(s *Recording) { s.member("node3").Key.Value.Tags = Known(Tags{"nofailover": true}) }, Go},
		{"4.0.5 refuses in quorum mode only who is named", func(s *Recording) { quorumWith(s, "4.0.5") }, Go},
		{"nobody left", func(s *Recording) { killed(s, 2); s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": true}) }, NoGo},
		{"not streaming, and not in /sync", func(s *Recording) {
			config4(s).SynchronousMode = Known("on")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2"}})
			s.member("node3").SQL.Value.WalReceiver = Known(WalReceiver{})
		}, Go},
		{"not streaming, and no voter", func(s *Recording) {
			config4(s).SynchronousMode = Known("quorum")
			s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2"}})
			s.member("node3").SQL.Value.WalReceiver = Known(WalReceiver{})
		}, Go},
	} {
		s := unnamed(t)
		c.do(s)
		if r := Judge(s.Snapshot, s.Question, Policies{}); r.Verdict != c.want {
			t.Errorf("%s: %s, want %s\n%s", c.name, r.Verdict, c.want, fails(r))
		}
	}
}

// withoutEach takes each fact of a snapshot away in turn, and gives it back.
func withoutEach(s *Recording, do func(path string)) {
	for _, f := range factsIn(s) {
		value, why := f.value.FieldByName("Value"), f.value.FieldByName("Why")
		before, reason := reflect.ValueOf(value.Interface()), reflect.ValueOf(why.Interface())
		f.forget()
		do(f.path)
		value.Set(before)
		why.Set(reason)
	}
}

// TestUnnamedKnowingLessNeverHelps takes away every single fact from clusters in
// which no candidate is named.
func TestUnnamedKnowingLessNeverHelps(t *testing.T) {
	rank := map[Verdict]int{NoGo: 0, UnknownState: 1, Go: 2}
	for name, do := range map[string]func(*Recording){
		"killed":           func(s *Recording) { killed(s, 2) },
		"refused to us":    func(s *Recording) { killed(s, 1) },
		"not streaming":    func(s *Recording) { s.member("node3").SQL.Value.WalReceiver = Known(WalReceiver{}) },
		"nobody left":      func(s *Recording) { killed(s, 2); s.member("node2").Key.Value.Tags = Known(Tags{"nofailover": true}) },
		"the wrong answer": func(s *Recording) { s.member("node3").REST.Value.Name = Known("node1") },
	} {
		s := unnamed(t)
		do(s)
		before := Judge(s.Snapshot, s.Question, Policies{}).Verdict
		withoutEach(s, func(path string) {
			if strings.Contains(path, "[node1]") || strings.Contains(path, "[node2]") {
				return // TestNoFactTakenAwayYieldsGo has those
			}
			after := Judge(s.Snapshot, s.Question, Policies{}).Verdict
			if after == Go && before != Go {
				t.Errorf("%s: GO without %s, %s with it", name, path, before)
			}
			if before == Go && rank[after] < rank[UnknownState] {
				t.Errorf("%s: %s because %s is missing", name, after, path)
			}
		})
	}
}

// TestDeadMemberIsShown: it does not block, and is worth a warning.
func TestDeadMemberIsShown(t *testing.T) {
	s := unnamed(t)
	killed(s, 2)
	r := Judge(s.Snapshot, s.Question, Policies{})
	if res := resultOf(t, r, "candidate.rest", "node3"); res.Weight != Warns {
		t.Errorf("candidate.rest is %s", res.Weight)
	}
	if why := s.keptAside("node3"); !strings.Contains(why, "does not run") {
		t.Errorf("%q", why)
	}
	if got := s.eligible(); !slices.Equal(got, []string{"node2"}) {
		t.Errorf("eligible: %q", got)
	}
}
