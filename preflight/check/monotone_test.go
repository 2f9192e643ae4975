package check_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/patroni"
)

// recordings are all recorded snapshots, as they stand in their files.
var recordings = sync.OnceValue(func() map[string][]byte {
	out := map[string][]byte{}
	for _, pattern := range []string{"../testdata/recorded/*-*.json", "../testdata/snapshots/*.json"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				panic(err)
			}
			out[strings.TrimSuffix(filepath.Base(file), ".json")] = raw
		}
	}
	return out
})

// broken are the clusters of the cases of the checks that are wanted, by ID.
func broken(t *testing.T, wanted func(id string) bool) map[string]func() *fact.Recording {
	out := map[string]func() *fact.Recording{}
	for id, list := range cases {
		if !wanted(id) {
			continue
		}
		for _, b := range list {
			out[id+"/"+b.name] = func() *fact.Recording {
				s := facttest.Healthy(t)
				b.do(s)
				return s
			}
		}
	}
	return out
}

// eachCluster runs f for every recorded snapshot and for the cases of checks.
func eachCluster(t *testing.T, wanted func(id string) bool, f func(t *testing.T, again func() *fact.Recording)) {
	eachRecording(t, f)
	for name, again := range broken(t, wanted) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, again)
		})
	}
}

// eachRecording runs f for every recorded snapshot; again gives a fresh copy of it.
func eachRecording(t *testing.T, f func(t *testing.T, again func() *fact.Recording)) {
	all := recordings()
	if len(all) < 60 {
		t.Fatalf("only %d recorded snapshots", len(all))
	}
	for name, raw := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, func() *fact.Recording {
				s, err := fact.LoadRecording(bytes.NewReader(raw))
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

// judged is the verdict on the cluster, under "", and on each candidate.
func judged(s *fact.Recording) map[string]preflight.Verdict {
	return verdicts(preflight.Judge(s.Snapshot, s.Question, check.Policies{}))
}

func verdicts(r preflight.Report) map[string]preflight.Verdict {
	out := map[string]preflight.Verdict{"": r.Verdict}
	for _, c := range r.Candidates {
		out[c.Name] = c.Verdict
	}
	return out
}

// improved lists those whose verdict became GO and was not. That NO-GO becomes
// UNKNOWN without the fact that proved the blocker is no improvement.
func improved(before, after map[string]preflight.Verdict) []string {
	var out []string
	for name, v := range after {
		if was, ok := before[name]; ok && v == preflight.Go && was != preflight.Go {
			out = append(out, name+" was "+string(was))
		}
	}
	return out
}

// TestFewerFactsNeverImprove: no fact that is taken away from a recorded snapshot,
// one at a time, makes the verdict on the cluster or on a candidate better.
func TestFewerFactsNeverImprove(t *testing.T) {
	eachRecording(t, func(t *testing.T, again func() *fact.Recording) {
		s := again()
		before := judged(s)
		if all := slices.Collect(maps.Values(before)); slices.Equal(slices.Compact(all), []preflight.Verdict{preflight.Go}) {
			return // no better to be had
		}
		for _, f := range facttest.FactsIn(s) {
			kept := reflect.New(f.Value.Type()).Elem()
			kept.Set(f.Value)
			f.Forget()
			if better := improved(before, judged(s)); better != nil {
				t.Errorf("GO without %s: %q", f.Path, better)
			}
			f.Value.Set(kept)
		}
	})
}

// rank orders verdicts by what they let happen.
func rank(v preflight.Verdict) int {
	return slices.Index([]preflight.Verdict{preflight.NoGo, preflight.UnknownState, preflight.Go}, v)
}

// worsens judges the snapshot after each of the steps, of which none may make a
// verdict better than it was after the one before.
func worsens(t *testing.T, what string, s *fact.Recording, steps ...func()) {
	t.Helper()
	last := judged(s)
	for i, step := range steps {
		step()
		now := judged(s)
		for name, v := range now {
			if rank(v) > rank(last[name]) {
				t.Errorf(
					"%s, step %d: candidate %q became %s from %s\n%s",
					what,
					i,
					name,
					v,
					last[name],
					facttest.Fails(preflight.Judge(s.Snapshot, s.Question, check.Policies{})),
				)
			}
		}
		last = now
	}
}

// lags are the bytes by which a position falls back, one after the other.
var lags = []int64{4096, patroni.DefaultMaximumLag - 4095, 1 << 30}

// laggards are the checks whose cases are worth more lag, and an older timeline. A
// member that is ahead of the leader is not among them: it comes nearer.
func laggards(id string) bool {
	topic, _, _ := strings.Cut(id, ".")
	return slices.Contains([]string{"lag", "candidate", "patroni", "sync"}, topic) && id != "candidate.ahead"
}

// TestMoreLagNeverImprovesAnything moves the positions from which a lag is taken
// away from the leader's.
func TestMoreLagNeverImprovesAnything(t *testing.T) {
	eachCluster(t, laggards, func(t *testing.T, again func() *fact.Recording) {
		for name, of := range positions(again()) {
			s := again()
			var steps []func()
			for _, bytes := range lags {
				steps = append(steps, func() {
					for _, p := range of(s) {
						if p.Value != nil {
							*p = fact.Known(fact.LSN(max(1, int64(*p.Value)-bytes)))
						}
					}
				})
			}
			worsens(t, name, s, steps...)
		}
	})
}

// positions are the facts that a member's lag is taken from, all of a member
// together; of the candidate each alone, too.
func positions(s *fact.Recording) map[string]func(s *fact.Recording) []*fact.Observed[fact.LSN] {
	parts := map[string]func(m *fact.Member) []*fact.Observed[fact.LSN]{
		" key": func(m *fact.Member) []*fact.Observed[fact.LSN] {
			return fieldIn(m.Key, func(k *fact.MemberKey) *fact.Observed[fact.LSN] { return &k.Xlog })
		},
		" rest": func(m *fact.Member) []*fact.Observed[fact.LSN] {
			return append(
				fieldIn(m.REST, func(r *fact.REST) *fact.Observed[fact.LSN] { return &r.Received }),
				fieldIn(m.REST, func(r *fact.REST) *fact.Observed[fact.LSN] { return &r.Replayed })...)
		},
		" received": func(m *fact.Member) []*fact.Observed[fact.LSN] {
			return fieldIn(m.SQL, func(q *fact.SQL) *fact.Observed[fact.LSN] { return &q.ReceiveLSN })
		},
		" replayed": func(m *fact.Member) []*fact.Observed[fact.LSN] {
			return fieldIn(m.SQL, func(q *fact.SQL) *fact.Observed[fact.LSN] { return &q.ReplayLSN })
		},
	}
	out := map[string]func(s *fact.Recording) []*fact.Observed[fact.LSN]{}
	for i, m := range s.Members {
		if m.Name == s.Leader() {
			continue
		}
		out[m.Name] = func(s *fact.Recording) (all []*fact.Observed[fact.LSN]) {
			for _, part := range parts {
				all = append(all, part(&s.Members[i])...)
			}
			return all
		}
		for what, part := range parts {
			if m.Name != s.Question.Candidate {
				continue
			}
			out[m.Name+what] = func(s *fact.Recording) []*fact.Observed[fact.LSN] { return part(&s.Members[i]) }
		}
	}
	return out
}

// fieldIn is a field of an answer, as far as the answer came.
func fieldIn[S, T any](o fact.Observed[S], field func(*S) *fact.Observed[T]) []*fact.Observed[T] {
	if o.Value == nil {
		return nil
	}
	return []*fact.Observed[T]{field(o.Value)}
}

// TestOlderTimelinesNeverImprove: each member but the leader falls back by a
// timeline, then by many, on every side that shows one, alone and together.
func TestOlderTimelinesNeverImprove(t *testing.T) {
	eachCluster(t, laggards, func(t *testing.T, again func() *fact.Recording) {
		for i, m := range again().Members {
			s := again()
			if m.Name == s.Leader() {
				continue
			}
			of := &s.Members[i]
			sides := slices.Concat(
				fieldIn(of.Key, func(k *fact.MemberKey) *fact.Observed[int64] { return &k.Timeline }),
				fieldIn(of.REST, func(r *fact.REST) *fact.Observed[int64] { return &r.Timeline }),
				fieldIn(of.SQL, func(q *fact.SQL) *fact.Observed[int64] { return &q.Timeline }),
			)
			var steps []func()
			for _, by := range []int64{1, 100} {
				for _, side := range sides {
					steps = append(steps, func() {
						if side.Value != nil {
							*side = fact.Known(max(1, *side.Value-by))
						}
					})
				}
			}
			worsens(t, m.Name, s, steps...)
		}
	})
}

// permutations are all orders of n things.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

func everyCheck(string) bool { return true }

// TestNoOrderOfMembersMatters: every order of the members gives the same verdicts
// and the same figures.
func TestNoOrderOfMembersMatters(t *testing.T) {
	eachCluster(t, everyCheck, func(t *testing.T, again func() *fact.Recording) {
		s := again()
		want, members := preflight.Judge(s.Snapshot, s.Question, check.Policies{}), s.Members
		for _, order := range permutations(len(members))[1:] {
			s.Members = nil
			for _, i := range order {
				s.Members = append(s.Members, members[i])
			}
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			if r.Verdict != want.Verdict || r.Summary != want.Summary || r.Best != want.Best ||
				!maps.Equal(verdicts(r), verdicts(want)) {
				t.Errorf(
					"in the order %v: %s %+v, best %q; sorted: %s %+v, best %q",
					order,
					r.Verdict,
					r.Summary,
					r.Best,
					want.Verdict,
					want.Summary,
					want.Best,
				)
			}
		}
	})
}

// TestAnotherMemberChangesNothing adds a member that is as well as a bystander which
// is itself fit to lead: no verdict is another one.
func TestAnotherMemberChangesNothing(t *testing.T) {
	added := atomic.Int64{}
	t.Run("each", func(t *testing.T) {
		// One more member takes one more walsender: it is not unrelated to those.
		unrelated := func(id string) bool { return id != "wayback.walsenders" }
		eachCluster(t, unrelated, func(t *testing.T, again func() *fact.Recording) {
			s := again()
			before := judged(s)
			if !addTwin(s, before) {
				return
			}
			added.Add(1)
			for name, v := range judged(s) {
				if was, ok := before[name]; ok && v != was {
					t.Errorf(
						"candidate %q: %s, with another member %s\n%s",
						name,
						was,
						v,
						facttest.Fails(preflight.Judge(s.Snapshot, s.Question, check.Policies{})),
					)
				}
			}
		})
	})
	if added.Load() < 100 {
		t.Errorf("there were only %d clusters to which a member could be added", added.Load())
	}
}

// addTwin adds a twin of a bystander that is GO: the same but for name,
// addresses and start. It is false where there is no such bystander.
func addTwin(s *fact.Recording, v map[string]preflight.Verdict) bool {
	i := slices.IndexFunc(s.Members, func(m fact.Member) bool {
		return m.Name != s.Leader() && m.Name != s.Question.Candidate && v[m.Name] == preflight.Go && m.Key.Known() &&
			m.REST.Known() &&
			m.SQL.Known() &&
			// Its address, which pg_hba.conf lets in, is that of its row there.
			fact.SenderState(s.Snapshot, s.Leader(), m.Name).Found
	})
	if i < 0 || s.Members[0].SQL.Value == nil {
		return false
	}
	const name = "twin"
	of := s.Members[i]
	raw, err := json.Marshal(of)
	if err != nil {
		panic(err)
	}
	text := strings.ReplaceAll(string(raw), `"`+of.Name+`"`, `"`+name+`"`)
	for _, host := range append(fact.BareHosts(
		fact.KeyAPIURL.Of(s.Snapshot, of.Name).OrZero(),
	), fact.BareHosts(fact.KeyConnURL.Of(s.Snapshot, of.Name).OrZero())...) {
		text = strings.ReplaceAll(text, host, "192.0.2.9")
	}
	var twin fact.Member
	if err := json.Unmarshal([]byte(text), &twin); err != nil {
		panic(err)
	}
	started := fact.Known(twin.REST.Value.PostmasterStart.Must().Add(time.Hour))
	twin.REST.Value.PostmasterStart, twin.SQL.Value.PostmasterStart = started, started
	for _, m := range s.Members {
		if m.SQL.Value == nil || m.SQL.Value.WalSenders.Value == nil {
			continue
		}
		rows := m.SQL.Value.WalSenders.Value
		for _, row := range *rows {
			if row.ApplicationName == of.Name {
				row.ApplicationName, row.PID = name, row.PID+1
				*rows = append(*rows, row)
				break
			}
		}
	}
	s.Members = append(s.Members, twin)
	s.Sort()
	return true
}
