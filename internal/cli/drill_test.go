package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/internal/request"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// theatre is a cluster in which drills are done. node3 may not be promoted. Each
// call of patronictl is one more act: node1 leads, node2 leads, node1 leads again.
type theatre struct {
	t     *testing.T
	mu    sync.Mutex
	calls string
	// spoil spoils an act.
	spoil map[int]func(*fact.Recording)
	moved fact.Observed[[]string]
	// answer is that of a member to a rehearsed request; nil takes them all.
	answer func(apiURL string) fact.Observed[fact.RequestAnswer]
	tried  []string
}

func (p *theatre) rehearse(_ context.Context, apiURL string) fact.Observed[fact.RequestAnswer] {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tried = append(p.tried, apiURL)
	if p.answer == nil {
		return accepted
	}
	return p.answer(apiURL)
}

func (p *theatre) act() int {
	raw, _ := os.ReadFile(p.calls)
	return strings.Count(string(raw), "\n")
}

func (p *theatre) snapshot(ctx context.Context, r fact.Request) (*fact.Recording, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	act := p.act()
	s := acted(p.t, act)
	s.TakenAt = time.Now()
	s.Question.Candidate, s.Question.ExpectedLeader = r.Candidate, r.ExpectedLeader
	s.Question.MaxInterruption = r.MaxInterruption
	s.DCS.Cluster.Value.Config.Value.LoopWait = fact.Known(int64(1))
	third := slices.IndexFunc(s.Members, func(m fact.Member) bool { return m.Name == "node3" })
	s.Members[third].Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
	if f := p.spoil[act]; f != nil {
		f(s)
	}
	return s, nil
}

// acted is the recorded cluster after so many switchovers between node1 and node2.
func acted(t *testing.T, act int) *fact.Recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("preflight", "testdata", "snapshots", "healthy-4.0.7.json"))
	if err != nil {
		t.Fatal(err)
	}
	if act%2 == 1 {
		raw = []byte(
			strings.NewReplacer("node1", "node2", "node2", "node1", "10.77.9.21", "10.77.9.22", "10.77.9.22", "10.77.9.21").
				Replace(string(raw)),
		)
	}
	s, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var history []fact.HistoryEntry
	for i := range act {
		history = append(history, fact.HistoryEntry{Timeline: int64(i + 1), SwitchLSN: 0x5100000})
	}
	s.DCS.Cluster.Value.History = fact.Known(history)
	for i := range s.Members {
		m := &s.Members[i]
		timelines := []*fact.Observed[int64]{&m.Key.Value.Timeline, &m.REST.Value.Timeline, &m.SQL.Value.Timeline}
		if m.SQL.Value.WalReceiver.Known() {
			timelines = append(timelines, &m.SQL.Value.WalReceiver.Value.Timeline)
		}
		for _, o := range timelines {
			if n, ok := o.Get(); ok {
				*o = fact.Known(n + int64(act))
			}
		}
	}
	return s
}

// watch sees a primary, and none for 0.4 s after a request.
func (p *theatre) watch(ctx context.Context, _ *fact.Snapshot, primary func(time.Time)) {
	began, gap := p.act(), time.Time{}
	for ctx.Err() == nil {
		if p.act() > began && gap.IsZero() {
			gap = time.Now().Add(400 * time.Millisecond)
		}
		if gap.IsZero() || time.Now().After(gap) {
			primary(time.Now())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (p *theatre) recheck(context.Context, *fact.Snapshot) fact.Observed[[]string] {
	return p.moved
}

func (p *theatre) post(
	context.Context, string, request.Switchover, io.Writer,
) preflight.RequestResult {
	return preflight.RequestResult{Problem: "nothing listens there"}
}

// rehearsal is a run of drill.
type rehearsal struct {
	args  []string
	stdin *string
	spoil map[int]func(*fact.Recording)
	moved fact.Observed[[]string]
	ctx   context.Context
	// script is what patronictl does besides.
	script string
	answer func(apiURL string) fact.Observed[fact.RequestAnswer]
}

func (r rehearsal) run(t *testing.T) (o outcome, calls []string) {
	t.Helper()
	dir := t.TempDir()
	ctl, log := filepath.Join(dir, "patronictl"), filepath.Join(dir, "calls")
	putScript(t, ctl, `case "$*" in *--help) echo --leader; exit;; esac; echo "$@" >>`+log+"\n"+r.script)
	if !r.moved.Known() && r.moved.Why == nil {
		r.moved = fact.Known([]string{})
	}
	p := &theatre{t: t, calls: log, spoil: r.spoil, moved: r.moved, answer: r.answer}
	args := append(
		[]string{"drill", "--scope", "demo", "-d", "etcd3://127.0.0.1:1", "--patronictl", ctl, "--verify-timeout", "9s"},
		r.args...)
	o = world{ctx: r.ctx, stdin: r.stdin, cluster: p}.run(t, args...)
	raw, _ := os.ReadFile(log)
	return o, strings.Split(strings.TrimSpace(string(raw)), "\n")
}

func TestDrill(t *testing.T) {
	blocked := func(s *fact.Recording) {
		at := slices.IndexFunc(s.Members, func(m fact.Member) bool { return m.Name == "node1" })
		s.Members[at].REST.Value.Name = fact.Known("node2")
	}
	for _, c := range []struct {
		name string
		rehearsal
		want, legs int
		says       []string
	}{
		{
			"all of it",
			rehearsal{args: []string{"--yes"}},
			exitcode.Go,
			2,
			[]string{
				"leg 1 node1 -> node2: GO",
				"leg 2 node2 -> node1: not judged, because node1 leads now",
				"left out node3: tag nofailover",
				"LEG 1 of 2 node1 -> node2",
				"DONE switchover of demo from node1 to node2",
				"DONE drill of demo: 2 of 2 legs verified",
				"now node1 leads on timeline 3.",
				"from \\ to node1 node2",
				"node1 . 0.4 s",
				"node2 0.4 s .",
				"every 0.1 s",
			},
		},
		{
			"confirmed",
			rehearsal{stdin: typed("yes\n")},
			exitcode.Go,
			2,
			[]string{"Switch over demo 2 times, from node1 back to node1? [y/N]", "2 of 2 legs"},
		},
		{"not confirmed", rehearsal{stdin: typed("\n")}, exitcode.Interrupted, 0, []string{"nothing was done"}},
		{"nobody to ask", rehearsal{}, exitcode.Usage, 0, []string{"drill: stdin is not a terminal; use --yes"}},
		{
			"the plan only",
			rehearsal{args: []string{"--dry-run"}},
			exitcode.Go,
			0,
			[]string{
				"PLAN drill of demo: 2 switchovers; node1 leads",
				"leg 1 node1 -> node2: GO",
				"Only leg 1 can be judged completely before the drill.",
			},
		},
		{
			"the second leg is NO-GO",
			rehearsal{args: []string{"--yes"}, spoil: map[int]func(*fact.Recording){1: blocked}},
			exitcode.NoGo,
			1,
			[]string{
				"BLOCKS identity.rest_name", "STOPPED drill of demo: 1 of 2 legs verified", "leg 2 of 2, node2 to node1: NO-GO",
				"now node2 leads on timeline 2, node1 led before the drill.", "back Once that is fixed: patroni-preflight switchover --dcs-url etcd3://127.0.0.1:1 --scope demo --patronictl", "--candidate node1", "node2 NO-GO .",
			},
		},
		{
			"the first leg is NO-GO",
			rehearsal{args: []string{"--yes"}, spoil: map[int]func(*fact.Recording){0: alarm}},
			exitcode.NoGo,
			0,
			[]string{"BLOCKS dcs.alarms", "leg 1 of 2, node1 to node2, is NO-GO even before the drill", "now node1 leads"},
		},
		{
			"the first leg is UNKNOWN",
			rehearsal{args: []string{"--dry-run"}, spoil: map[int]func(*fact.Recording){0: noQuorum}},
			exitcode.Unknown,
			0,
			[]string{"the drill would not begin", "dcs.reachable"},
		},
		{
			"the leader may not come back",
			rehearsal{args: []string{"--yes"}, spoil: map[int]func(*fact.Recording){0: func(s *fact.Recording) {
				s.Members[0].Key.Value.Tags = fact.Known(fact.Tags{"failover_priority": 0.0})
			}}},
			exitcode.NoGo,
			0,
			[]string{"leg 2 of 2, node2 to node1, is NO-GO even before the drill"},
		},
		{
			"refused by Patroni",
			rehearsal{args: []string{"--yes"}, spoil: map[int]func(*fact.Recording){1: func(s *fact.Recording) {
				*s = *recorded(t, "healthy-4.0.7")
				s.DCS.Cluster.Value.Config.Value.LoopWait = fact.Known(int64(1))
			}}},
			exitcode.Refused,
			1,
			[]string{
				"REFUSED switchover of demo from node1 to node2",
				"leg 1 of 2, node1 to node2: REFUSED",
				"now node1 leads on timeline 1.",
			},
		},
		{
			"the leader moved",
			rehearsal{args: []string{"--yes"}, moved: fact.Known([]string{"leader"})},
			exitcode.Changed,
			0,
			[]string{"nothing was done: leader"},
		},
		{
			"another format",
			rehearsal{args: []string{"--yes", "-f", "nagios"}},
			exitcode.Usage,
			0,
			[]string{"--format nagios"},
		},
		{
			"brief",
			rehearsal{args: []string{"--yes", "-f", "brief"}},
			exitcode.Go,
			2,
			[]string{"DONE drill of demo: 2 of 2 legs verified; node1 leads on timeline 3"},
		},
		{
			"markdown",
			rehearsal{args: []string{"--yes", "-f", "markdown"}},
			exitcode.Go,
			2,
			[]string{"## DONE: drill of demo: 2 of 2 legs verified", "| node1 | . | 0.4 s |"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, calls := c.run(t)
			all := strings.Join(strings.Fields(o.stdout+o.stderr), " ")
			for _, want := range c.says {
				if !strings.Contains(all, want) {
					t.Errorf("%q is not said", want)
				}
			}
			legs := 0
			for i, call := range calls {
				if want := []string{"--leader node1 --candidate node2", "--leader node2 --candidate node1"}[i%2]; strings.Contains(
					call,
					want,
				) {
					legs++
				}
			}
			if o.code != c.want || legs != c.legs {
				t.Errorf("exit code %d, want %d; %d legs: %q", o.code, c.want, legs, calls)
			}
			if t.Failed() {
				t.Log(o.stdout + o.stderr)
			}
		})
	}
}

// TestDrillJSON: one document on stdout that says the same.
func TestDrillJSON(t *testing.T) {
	t.Parallel()
	o, _ := rehearsal{args: []string{"--yes", "-f", "json"}, script: "echo talk"}.run(t)
	var d preflight.DrillReport
	if err := json.Unmarshal([]byte(o.stdout), &d); err != nil {
		t.Fatalf("%v\n%s", err, o.stdout)
	}
	if d.ExitCode != o.code || o.code != 0 || d.First != "node1" || d.Leader != "node1" || len(d.Legs) != 2 ||
		d.Stopped != "" ||
		d.Back != "" {
		t.Errorf("exit code %d, %d legs, %s leads, stopped %q", o.code, len(d.Legs), d.Leader, d.Stopped)
	}
	for i, leg := range d.Legs {
		if !leg.Verified() || leg.Outage == nil || leg.Outage.Seconds == nil || *leg.Outage.Seconds < 0.3 ||
			*leg.Outage.Seconds > 2 ||
			leg.Switchover.Request == nil ||
			leg.Switchover.Request.Output != "talk\n" {
			t.Errorf("leg %d: without a primary %+v", i+1, leg.Outage)
		}
	}
	if !strings.Contains(o.stderr, "talk") {
		t.Errorf("what patronictl says is not shown: %s", o.stderr)
	}
}

// TestDrillInterrupted: between the legs and within one, it says where the cluster stands.
func TestDrillInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		act, want int
		says      string
	}{
		"before the first leg":  {0, exitcode.Interrupted, "stopped by interrupt"},
		"before the second leg": {1, exitcode.Interrupted, "leg 2 of 2, node2 to node1: stopped by interrupt"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			looks := 0
			o, _ := rehearsal{
				args: []string{"--yes"},
				ctx:  ctx,
				spoil: map[int]func(*fact.Recording){c.act: func(s *fact.Recording) {
					// The first look at act 1 is the verification of leg 1.
					if looks++; looks > 1 || c.act == 0 {
						cancel(Signalled{syscall.SIGINT})
					}
				}},
			}.run(
				t,
			)
			if all := strings.Join(
				strings.Fields(o.stdout+o.stderr),
				" ",
			); o.code != c.want || !strings.Contains(all, c.says) ||
				c.act > 0 && !strings.Contains(all, "now node2 leads on timeline 2, node1 led before the drill") {
				t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
			}
		})
	}
}

func TestBackIsACommand(t *testing.T) {
	for arg, want := range map[string]string{
		"a":                "a",
		"/etc/patroni.yml": "/etc/patroni.yml",
		"it's":             `'it'\''s'`,
		"":                 "''",
		"a b":              "'a b'",
		"$(x)":             "'$(x)'",
	} {
		if got := quoted([]string{arg}); got != want {
			t.Errorf("%q is quoted as %s, want %s", arg, got, want)
		}
	}
}

// TestDrillIsOvertaken: somebody else switches over between two legs.
func TestDrillIsOvertaken(t *testing.T) {
	t.Parallel()
	looks := 0
	o, calls := rehearsal{args: []string{"--yes"}, spoil: map[int]func(*fact.Recording){1: func(s *fact.Recording) {
		// The first look at act 1 is the verification of leg 1.
		if looks++; looks > 1 {
			s.DCS.Cluster.Value.Leader = fact.Known("node3")
		}
	}}}.run(t)
	all := strings.Join(strings.Fields(o.stdout+o.stderr), " ")
	if o.code != exitcode.NoGo || len(calls) != 1 || !strings.Contains(all, "leg 2 of 2, node2 to node1: NO-GO") ||
		!strings.Contains(all, "now node3 leads") ||
		!strings.Contains(all, "--candidate node1") {
		t.Errorf("exit code %d, %d calls\n%s%s", o.code, len(calls), o.stdout, o.stderr)
	}
}
