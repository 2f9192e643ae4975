package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// script is a cluster whose evaluations are given, one letter each: g is GO, n is
// NO-GO, u is UNKNOWN. The last one repeats.
type script struct {
	verdicts string
	clock    time.Time
	// takes is how long an evaluation takes.
	takes time.Duration
	began []time.Time
}

func (s *script) countdown(wait time.Duration) countdown {
	return countdown{
		end: s.clock.Add(wait), now: func() time.Time { return s.clock },
		sleep: func(d time.Duration) { s.clock = s.clock.Add(d) },
	}
}

func (s *script) evaluate() (judgement, error) {
	s.began = append(s.began, s.clock)
	s.clock = s.clock.Add(s.takes)
	letter := s.verdicts[min(len(s.began), len(s.verdicts))-1]
	r := preflight.Report{Leader: "node1", Request: fact.Request{Target: fact.Target{Scope: "demo"}}}
	r.Verdict = map[byte]preflight.Verdict{'g': preflight.Go, 'n': preflight.NoGo, 'u': preflight.UnknownState}[letter]
	r.ExitCode = r.Verdict.ExitCode()
	snapshot := &fact.Recording{Snapshot: &fact.Snapshot{}}
	snapshot.DCS.Cluster = fact.Known(fact.Cluster{Config: fact.Known(fact.DynamicConfig{LoopWait: fact.Known(int64(7))})})
	return judgement{asked: r.Request.Target, seen: []*fact.Recording{snapshot}, reports: []preflight.Report{r}}, nil
}

func TestWait(t *testing.T) {
	for _, c := range []struct {
		name, verdicts string
		stable         int
		wait           time.Duration
		want           int
		evaluations    int
	}{
		{"GO at once", "g", 1, time.Minute, exitcode.Go, 1},
		{"GO at last", "nung", 1, time.Minute, exitcode.Go, 4},
		{"three in a row", "ngngggn", 3, time.Minute, exitcode.Go, 6},
		{"never", "n", 1, time.Minute, exitcode.NoGo, 9},
		{"never, and unknown last", "nnnnnnnnu", 1, time.Minute, exitcode.Unknown, 9},
		{"GO does not last", "gn", 2, time.Minute, exitcode.NoGo, 9},
		{"GO too late to be stable", "nnnnnnnng", 2, time.Minute, exitcode.Unknown, 9},
		{"no time for a second one", "n", 1, time.Second, exitcode.NoGo, 1},
		{"no time for a third one", "g", 3, 8 * time.Second, exitcode.Unknown, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{verdicts: c.verdicts, clock: time.Unix(1e9, 0), takes: time.Second}
			var stderr bytes.Buffer
			j, err := retry{c.wait, c.stable}.repeat(s.countdown(c.wait), &progress{w: &stderr}, s.evaluate)
			_, r := j.only()
			if err != nil || r.ExitCode != c.want || r.Verdict.ExitCode() != c.want || len(s.began) != c.evaluations {
				t.Errorf(
					"%s, exit code %d after %d evaluations, want %d after %d (%v)",
					r.Verdict,
					r.ExitCode,
					len(s.began),
					c.want,
					c.evaluations,
					err,
				)
			}
			if r.Stability == nil || r.Stability.Evaluations != c.evaluations || r.Stability.Asked != c.stable {
				t.Errorf("stability %+v", r.Stability)
			}
			for i := 1; i < len(s.began); i++ {
				if d := s.began[i].Sub(s.began[i-1]); d < 7*time.Second {
					t.Errorf("evaluation %d began %s after the one before", i+1, d)
				}
			}
			if last := s.began[len(s.began)-1].Sub(s.began[0]); last > c.wait {
				t.Errorf("the last evaluation began %s after the first", last)
			}
			if (c.want == exitcode.Unknown && r.Stability.InARow > 0) != (r.Unstable() != "") {
				t.Errorf("says %q", r.Unstable())
			}
		})
	}
}

// TestWaitTellsWhatIsMissing: a line for whatever is new, and none for the same
// again; on a terminal one line that is written over.
func TestWaitTellsWhatIsMissing(t *testing.T) {
	said := func(live bool) string {
		s := &script{verdicts: "nnuggg", clock: time.Unix(1e9, 0)}
		var stderr bytes.Buffer
		p := &progress{w: &stderr, live: live}
		if _, err := (retry{time.Minute, 3}).repeat(s.countdown(time.Minute), p, s.evaluate); err != nil {
			t.Fatal(err)
		}
		p.done()
		return stderr.String()
	}
	plain := said(false)
	want := `patroni-preflight: NO-GO  switchover of demo from node1 to whichever member Patroni chooses; 60 s left
patroni-preflight: UNKNOWN  switchover of demo from node1 to whichever member Patroni chooses; 46 s left
patroni-preflight: GO in 1 of 3 evaluations in a row; 39 s left
patroni-preflight: GO in 2 of 3 evaluations in a row; 32 s left
`
	if plain != want {
		t.Errorf("said:\n%s\nwant:\n%s", plain, want)
	}
	live := said(true)
	if strings.Contains(live, "\n") || strings.Count(live, "\r\x1b[K") != 6 || !strings.HasSuffix(live, "\r\x1b[K") {
		t.Errorf("live: %q", live)
	}
}

func TestWaitEndsWithAnError(t *testing.T) {
	s := &script{verdicts: "n", clock: time.Unix(1e9, 0)}
	broken := errors.New("stopped")
	_, err := retry{
		time.Minute,
		1,
	}.repeat(
		s.countdown(time.Minute),
		&progress{w: &bytes.Buffer{}},
		func() (judgement, error) {
			if len(s.began) == 2 {
				return judgement{}, broken
			}
			return s.evaluate()
		},
	)
	if !errors.Is(err, broken) || len(s.began) != 2 {
		t.Errorf("%v after %d evaluations", err, len(s.began))
	}
}

func TestLoopWait(t *testing.T) {
	for name, c := range map[string]struct {
		config fact.Observed[fact.DynamicConfig]
		want   time.Duration
	}{
		"known":   {fact.Known(fact.DynamicConfig{LoopWait: fact.Known(int64(3))}), 3 * time.Second},
		"unknown": {fact.Observed[fact.DynamicConfig]{}, 10 * time.Second},
		"zero":    {fact.Known(fact.DynamicConfig{LoopWait: fact.Known(int64(0))}), 10 * time.Second},
	} {
		s := &fact.Snapshot{}
		s.DCS.Cluster = fact.Known(fact.Cluster{Config: c.config})
		if got := loopWait(s); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestCheckWaits: the command as a whole, on a cluster of which only the DCS
// answers: it looks again, and ends with the last verdict.
func TestCheckWaits(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	e := twoNodes(
		"http://"+closed+"/patroni",
		"postgres://"+closed+"/postgres",
		"http://"+closed+"/patroni",
		"postgres://"+closed+"/postgres",
	)
	e.keys["/service/demo/config"] = `{"ttl":20,"loop_wait":1,"retry_timeout":3}`
	start := time.Now()
	o := runCLI(
		t,
		"check",
		"--scope",
		"demo",
		"-d",
		"etcd3://"+e.start(t),
		"--wait",
		"2500ms",
		"--stable",
		"2",
		"-f",
		"json",
	)
	if took := time.Since(start); took < 2*time.Second || took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	if o.code == exitcode.Go || !strings.Contains(o.stdout, `"evaluations": 3`) ||
		!strings.Contains(o.stderr, "s left\n") {
		t.Errorf("%+v", o)
	}
}
