package preflight_test

import (
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

// unnamed is the healthy cluster, asked about without a candidate.
func unnamed(t testing.TB) *fact.Recording {
	s := facttest.Healthy(t)
	s.Question.Candidate = ""
	return s
}

// TestUnnamed: GO only if every member that Patroni may choose is fit. One that is
// known not to be able to take the key is left aside; one of which that cannot be
// told leaves the verdict open.
func TestUnnamed(t *testing.T) {
	retry := func(s *fact.Recording) int64 { return *facttest.Dynamic(s).RetryTimeout.Value }
	for _, c := range []struct {
		name string
		do   func(s *fact.Recording)
		want preflight.Verdict
	}{
		{"all are fit", func(*fact.Recording) {}, preflight.Go},
		{"Patroni killed", func(s *fact.Recording) { facttest.Killed(s, 2) }, preflight.Go},
		{"refused to us, and its lease is fresh", func(s *fact.Recording) { facttest.Killed(s, 1) }, preflight.UnknownState},
		{"refused, and no lease to be seen", func(s *fact.Recording) {
			facttest.Killed(s, 2)
			facttest.Member(s.Snapshot, "node3").Lease = facttest.Unknown[fact.Lease]()
		}, preflight.UnknownState},
		{"refused, and loop_wait unknown", func(s *fact.Recording) {
			facttest.Killed(s, 2)
			facttest.Dynamic(s).LoopWait = facttest.Unknown[int64]()
		}, preflight.UnknownState},
		{"frozen", func(s *fact.Recording) {
			facttest.Killed(s, retry(s)+1)
			facttest.Member(s.Snapshot, "node3").REST = fact.NotKnown[fact.REST](fact.Silent, "silent")
		}, preflight.Go},
		{"silent for as long as a loop may take", func(s *fact.Recording) {
			facttest.Killed(s, retry(s))
			facttest.Member(s.Snapshot, "node3").REST = fact.NotKnown[fact.REST](fact.Silent, "silent")
		}, preflight.UnknownState},
		{
			"host gone",
			func(s *fact.Recording) {
				*facttest.Member(s.Snapshot, "node3") = fact.Member{
					Name: "node3",
					Key:  facttest.Member(s.Snapshot, "node3").Key,
					REST: fact.NotKnown[fact.REST](fact.Unreached, "no route"),
					SQL:  fact.NotKnown[fact.SQL](fact.Unreached, "no route"),
				}
				facttest.Age(s, "node3", 59)
			},
			preflight.Go,
		},
		{"no way to it for us", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").REST = fact.NotKnown[fact.REST](fact.Unreached, "no route")
		}, preflight.UnknownState},
		{"an old lease, and an answer", func(s *fact.Recording) { facttest.Age(s, "node3", 59) }, preflight.NoGo},
		{
			"a wrong answer",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node3").REST.Value.Name = fact.Known("node1") },
			preflight.NoGo,
		},
		{"not streaming: it may see nobody else, and win", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, preflight.NoGo},
		{"nofailover", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		}, preflight.Go},
		{
			"4.0.5 refuses in quorum mode only who is named",
			func(s *fact.Recording) { facttest.QuorumWith(s, "4.0.5") },
			preflight.Go,
		},
		{"nobody left", func(s *fact.Recording) {
			facttest.Killed(s, 2)
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		}, preflight.NoGo},
		{"not streaming, and not in /sync", func(s *fact.Recording) {
			facttest.Dynamic(s).SynchronousMode = fact.Known("on")
			s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node2"}})
			facttest.Kept(s)
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, preflight.Go},
		{"not streaming, and no voter", func(s *fact.Recording) {
			facttest.Dynamic(s).SynchronousMode = fact.Known("quorum")
			s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node2"}})
			facttest.Kept(s)
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		}, preflight.Go},
	} {
		s := unnamed(t)
		c.do(s)
		if r := preflight.Judge(s.Snapshot, s.Question, check.Policies{}); r.Verdict != c.want {
			t.Errorf("%s: %s, want %s\n%s", c.name, r.Verdict, c.want, facttest.Fails(r))
		}
	}
}

// TestUnnamedKnowingLessNeverHelps takes away every single fact from clusters in
// which no candidate is named.
func TestUnnamedKnowingLessNeverHelps(t *testing.T) {
	rank := map[preflight.Verdict]int{preflight.NoGo: 0, preflight.UnknownState: 1, preflight.Go: 2}
	for name, do := range map[string]func(*fact.Recording){
		"killed":        func(s *fact.Recording) { facttest.Killed(s, 2) },
		"refused to us": func(s *fact.Recording) { facttest.Killed(s, 1) },
		"not streaming": func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
		},
		"nobody left": func(s *fact.Recording) {
			facttest.Killed(s, 2)
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
		},
		"the wrong answer": func(s *fact.Recording) {
			facttest.Member(
				s.Snapshot,
				"node3",
			).REST.Value.Name = fact.Known("node1")
		},
	} {
		s := unnamed(t)
		do(s)
		before := preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Verdict
		facttest.WithoutEach(s, func(path string) {
			if strings.Contains(path, "[node1]") || strings.Contains(path, "[node2]") {
				return // TestNoFactTakenAwayYieldsGo has those
			}
			after := preflight.Judge(s.Snapshot, s.Question, check.Policies{}).Verdict
			if after == preflight.Go && before != preflight.Go {
				t.Errorf("%s: GO without %s, %s with it", name, path, before)
			}
			if before == preflight.Go && rank[after] < rank[preflight.UnknownState] {
				t.Errorf("%s: %s because %s is missing", name, after, path)
			}
		})
	}
}

// TestDeadMemberIsShown: it does not block, and is worth a warning.
func TestDeadMemberIsShown(t *testing.T) {
	s := unnamed(t)
	facttest.Killed(s, 2)
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if res := facttest.ResultOf(t, r, "candidate.rest", "node3"); res.Weight != preflight.Warns {
		t.Errorf("candidate.rest is %s", res.Weight)
	}
	if why := patroni.Ineligible(s.Snapshot, "node3"); !strings.Contains(why, "does not run") {
		t.Errorf("%q", why)
	}
	if got := patroni.Eligible(s.Snapshot); !slices.Equal(got, []string{"node2"}) {
		t.Errorf("eligible: %q", got)
	}
}
