package gather

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"patroni-preflight/preflight/fact"
)

const (
	rest1, rest2, rest3 = "http://10.0.0.1:8008/patroni", "http://10.0.0.2:8008/patroni", "http://10.0.0.3:8008/patroni"
	sql1, sql2, sql3    = "postgres://10.0.0.1:5432/postgres", "postgres://10.0.0.2:5432/postgres", "postgres://10.0.0.3:5432/postgres"
	prefix              = "/service/demo/"
)

// bubble runs a test on a clock of its own: a deadline costs no time, and times
// are exact.
func bubble(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld()) })
}

func (w *world) took(t *testing.T, want time.Duration) {
	t.Helper()
	if got := time.Since(w.start); got != want {
		t.Errorf("took %s, want %s", got, want)
	}
}

func TestThreeSteps(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		s := w.gather(t.Context())
		w.took(t, 0)
		w.expect(t, "read", prefix)
		w.expect(t, "rest", rest1, rest2, rest3)
		w.expect(t, "sql", sql1, sql2, sql3)
		w.expect(t, "reread", prefix)
		if w.asked[0] != "read "+prefix || w.asked[len(w.asked)-1] != "reread "+prefix || len(w.asked) != 8 {
			t.Errorf("asked in this order: %v", w.asked)
		}
		if s.Schema != fact.SnapshotSchema || s.Tool != "test" || s.Target.Scope != "demo" || !s.TakenAt.Equal(w.start) ||
			s.TakenAt.Location() != time.UTC {
			t.Errorf("head is %+v", s)
		}
		if moved, ok := s.Moved.Get(); !ok || len(moved) != 0 || s.Moved.Stamp == nil ||
			!strings.Contains(s.Moved.Stamp.Source, prefix) {
			t.Errorf("moved is %+v", s.Moved)
		}
		if w.leader != "n1" {
			t.Errorf("SQL was told that %q leads", w.leader)
		}
		// Each answer is with the member that was asked for, and members are sorted.
		for i, name := range []string{"n1", "n2", "n3"} {
			m := s.Members[i]
			if m.Name != name || m.REST.Must().RemoteAddr != m.Key.Must().APIURL.Must() ||
				m.SQL.Must().RemoteAddr != m.Key.Must().ConnURL.Must() ||
				!fact.Equal(m.Liveness, 200) {
				t.Errorf("member %d is %+v", i, m)
			}
		}
	})
}

// TestEveryStepIsBounded: whatever freezes, and however much of it, a step ends
// with its deadline, and those behind it are still done.
func TestEveryStepIsBounded(t *testing.T) {
	for _, c := range []struct {
		name   string
		frozen []string
		took   time.Duration
		// asked is how many questions were put.
		asked int
	}{
		{"one REST API", []string{rest2}, step, 8},
		{"one PostgreSQL", []string{sql2}, step, 8},
		{"one member", []string{rest2, sql2}, step, 8},
		{"all members", []string{rest1, rest2, rest3, sql1, sql2, sql3}, step, 8},
		{"the first read", []string{"read"}, step, 1},
		{"the second read", []string{"reread"}, step, 8},
		{"a member and the second read", []string{rest3, "reread"}, 2 * step, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				for _, f := range c.frozen {
					w.frozen[f] = true
				}
				s := w.gather(t.Context())
				w.took(t, c.took)
				if len(w.asked) != c.asked {
					t.Errorf("asked %v", w.asked)
				}
				for _, m := range s.Members {
					k := m.Key.Must()
					if m.REST.Known() == w.frozen[k.APIURL.Must()] {
						t.Errorf("REST of %s: %+v", m.Name, m.REST)
					}
					if frozen := w.frozen[k.ConnURL.Must()]; frozen == m.SQL.Known() {
						t.Errorf("SQL of %s: %+v", m.Name, m.SQL)
					}
				}
			})
		})
	}
}

// TestMembersAreAskedSideBySide: slow answers add up to one, not to a sum.
func TestMembersAreAskedSideBySide(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.slow = step * 3 / 4
		s := w.gather(t.Context())
		w.took(t, w.slow)
		for _, m := range s.Members {
			if !m.REST.Known() || !m.SQL.Known() {
				t.Errorf("%s was not heard: %+v", m.Name, m)
			}
		}
	})
}

// TestDeadlineNamesItsStep: the error of the context says which step took long.
func TestDeadlineNamesItsStep(t *testing.T) {
	for frozen, want := range map[string]string{
		"read":   "reading the DCS took longer than 200ms",
		rest2:    "asking the members took longer than 200ms",
		"reread": "reading the DCS again took longer than 200ms",
	} {
		bubble(t, func(t *testing.T, w *world) {
			w.frozen[frozen] = true
			s := w.gather(t.Context())
			said := s.DCS.Cluster.Reason() + s.Moved.Reason()
			if len(s.Members) > 0 {
				said += memberOf(t, s, "n2").REST.Reason()
			}
			if !strings.Contains(said, want) {
				t.Errorf("%s is frozen: %q does not say %q", frozen, said, want)
			}
		})
	}
}

func TestDCSDownAsksNobodyElse(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.dcs = fact.NotKnown[fact.Cluster](fact.Refused, "connection refused")
		s := w.gather(t.Context())
		if len(w.asked) != 1 {
			t.Errorf("asked %v", w.asked)
		}
		if s.Moved.Known() || s.Moved.Cause() != fact.NotAsked || s.Moved.Reason() == "" {
			t.Errorf("moved is %+v", s.Moved)
		}
		if len(s.Members) != 0 || s.DCS.Cluster.Reason() != "connection refused" {
			t.Errorf("snapshot is %+v", s)
		}
	})
}

func TestMoved(t *testing.T) {
	for _, c := range []struct {
		name  string
		reads []string
		// rounds is how often everything was asked.
		rounds int
		// known and moved are what Moved says in the end.
		known bool
		cause fact.Cause
		words string
	}{
		{"held still", []string{"n1"}, 1, true, "", ""},
		{"moved once", []string{"n1", "n2"}, 2, true, "", ""},
		{"moved twice", []string{"n1", "n2", "n1", "n3"}, 2, false, fact.Failed, "twice: leader"},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.reads = c.reads
				s := w.gather(t.Context())
				for _, word := range []string{"read", "reread"} {
					if n := len(w.questions(word)); n != c.rounds {
						t.Errorf("%s: %d times, want %d", word, n, c.rounds)
					}
				}
				if n := len(w.questions("rest")); n != 3*c.rounds {
					t.Errorf("members were asked %d times", n)
				}
				moved, ok := s.Moved.Get()
				if ok != c.known || len(moved) != 0 || s.Moved.Cause() != c.cause || !strings.Contains(s.Moved.Reason(), c.words) {
					t.Errorf("moved is %+v, %v", s.Moved, moved)
				}
				if s.Moved.Stamp == nil {
					t.Error("no stamp")
				}
				// The picture is the last one, not a mixture.
				if last := w.reads[0]; c.known && s.Leader() != last {
					t.Errorf("the leader is %s, want %s", s.Leader(), last)
				}
			})
		})
	}
}

// TestMovedAndThenGone: what the second round cannot see is unknown, not still.
func TestMovedAndThenGone(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.reads = []string{"n1", "n2"}
		src := Sources{Store: w, REST: w.rest, SQL: w.sql, Resolve: w.resolve, Now: time.Now}
		src.Progress = func(format string, args ...any) {
			if strings.Contains(fmt.Sprintf(format, args...), "reading it again") {
				w.frozen["reread"] = true
			}
		}
		s := src.Gather(t.Context(), fact.Request{Target: demo}, step, "test")
		if s.Moved.Known() || s.Moved.Cause() != fact.Silent {
			t.Errorf("moved is %+v", s.Moved)
		}
		if len(w.questions("read")) != 2 {
			t.Errorf("asked %v", w.asked)
		}
	})
}

// TestMovedWithAFrozenMember: a dead member costs one deadline, also where the
// cluster moved; then there is no second round, and Moved is unknown.
func TestMovedWithAFrozenMember(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.reads = []string{"n1", "n2"}
		w.frozen["http://10.0.0.2:8008/patroni"] = true
		began := time.Now()
		s := w.gather(t.Context())
		if took := time.Since(began); took > step {
			t.Errorf("took %s, with a deadline of %s", took, step)
		}
		if s.Moved.Known() || !strings.Contains(s.Moved.Reason(), "leader") {
			t.Errorf("moved is %+v", s.Moved)
		}
	})
}

// TestNothingIsAskedOfAnAddressThatTheDCSDoesNotName, and each member that is not
// asked says why.
func TestNothingIsAskedOfAnAddressThatTheDCSDoesNotName(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		noAPI := fact.MemberKey{
			APIURL:  fact.NotKnown[string](fact.Absent, "/members/n2 has no api_url"),
			ConnURL: fact.Known(sql2),
		}
		noConn := fact.MemberKey{
			APIURL:  fact.Known(rest3),
			ConnURL: fact.NotKnown[string](fact.Malformed, "/members/n3: conn_url is a number"),
		}
		w.keys["n2"], w.keys["n3"] = fact.Known(noAPI), fact.Known(noConn)
		w.keys["n4"] = fact.NotKnown[fact.MemberKey](fact.Malformed, "/members/n4 is no JSON object")
		s := w.gather(t.Context(), "10.0.0.100")

		w.expect(t, "rest", rest1, rest3)
		w.expect(t, "sql", sql1, sql2)
		w.expect(t, "resolve")
		for _, c := range []struct {
			member           string
			rest, sql        bool
			whyREST, whySQL  string
			livenessIsKnown  bool
			livenessIsReason string
		}{
			{"n1", true, true, "", "", true, ""},
			{"n2", false, true, "api_url: /members/n2 has no api_url", "", false, "api_url"},
			{"n3", true, false, "", "conn_url: /members/n3: conn_url is a number", true, ""},
			{"n4", false, false, "/members/n4 is no JSON object", "/members/n4 is no JSON object", false, "n4"},
		} {
			m := memberOf(t, s, c.member)
			if m.REST.Known() != c.rest || !strings.Contains(m.REST.Reason(), c.whyREST) ||
				!c.rest && m.REST.Cause() != fact.NotAsked {
				t.Errorf("REST of %s: %s %q", c.member, m.REST.Cause(), m.REST.Reason())
			}
			if m.SQL.Known() != c.sql || !strings.Contains(m.SQL.Reason(), c.whySQL) ||
				!c.sql && m.SQL.Cause() != fact.NotAsked {
				t.Errorf("SQL of %s: %s %q", c.member, m.SQL.Cause(), m.SQL.Reason())
			}
			if m.Liveness.Known() != c.livenessIsKnown || !strings.Contains(m.Liveness.Reason(), c.livenessIsReason) {
				t.Errorf("liveness of %s: %+v", c.member, m.Liveness)
			}
		}
	})
}

func TestVIPs(t *testing.T) {
	v4, v6 := netip.MustParseAddr("::ffff:10.0.0.100"), netip.MustParseAddr("fd00::100")
	for _, c := range []struct {
		name   string
		given  []string
		frozen string
		asked  []string
		want   []string
		took   time.Duration
	}{
		{"none", nil, "", nil, nil, 0},
		{"an address is not looked up", []string{"fd00::100", "10.0.0.100"}, "", nil, []string{"10.0.0.100", "fd00::100"}, 0},
		{
			"a name brings its addresses",
			[]string{"db.example"},
			"",
			[]string{"db.example"},
			[]string{"10.0.0.100", "db.example", "fd00::100"},
			0,
		},
		{
			"an address twice is one",
			[]string{"db.example", "10.0.0.100"},
			"",
			[]string{"db.example"},
			[]string{"10.0.0.100", "db.example", "fd00::100"},
			0,
		},
		{
			"a name without an address stays",
			[]string{"gone.example"},
			"",
			[]string{"gone.example"},
			[]string{"gone.example"},
			0,
		},
		{
			"a name server that is silent",
			[]string{"db.example", "slow.example"},
			"slow.example",
			[]string{"db.example", "slow.example"},
			[]string{"10.0.0.100", "db.example", "fd00::100", "slow.example"},
			step,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, w *world) {
				w.names["db.example"] = []netip.Addr{v4, v6}
				w.frozen[c.frozen] = true
				given := slices.Clone(c.given)
				s := w.gather(t.Context(), c.given...)
				w.took(t, c.took)
				w.expect(t, "resolve", c.asked...)
				if !slices.Equal(s.Question.VIPs, c.want) {
					t.Errorf("VIPs are %v, want %v", s.Question.VIPs, c.want)
				}
				if !slices.Equal(c.given, given) {
					t.Errorf("the caller's list was changed to %v", c.given)
				}
			})
		})
	}
}

// TestStopped: a signal ends the run at once, whatever is frozen, and there is
// no second round.
func TestStopped(t *testing.T) {
	for _, frozen := range []string{"read", rest2, sql2, "reread"} {
		bubble(t, func(t *testing.T, w *world) {
			w.frozen[frozen] = true
			w.reads = []string{"n1", "n2"}
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(step/2, func() { cancel(errors.New("stopped by interrupt")) })
			w.gather(ctx)
			w.took(t, step/2)
			if n := len(w.questions("read")); n != 1 {
				t.Errorf("%s is frozen: %d reads after the signal", frozen, n)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	bubble(t, func(t *testing.T, w *world) {
		w.reads = []string{"n1", "n2"}
		var said []string
		src := Sources{Store: w, REST: w.rest, SQL: w.sql, Resolve: w.resolve, Now: time.Now}
		src.Progress = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
		src.Gather(t.Context(), fact.Request{Target: demo}, step, "test")
		round := []string{"reading /service/demo in the DCS", "asking 3 members by REST and by SQL", "reading the DCS again"}
		want := slices.Concat(round, []string{"the cluster changed while it was read (leader); reading it again"}, round)
		if !slices.Equal(said, want) {
			t.Errorf("said %q", said)
		}
	})
}
