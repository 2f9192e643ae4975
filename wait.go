package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

func waitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "wait", Usage: "repeat the check until it is GO, at most for this `time`"},
		&cli.IntFlag{Name: "stable", Value: 1, Usage: "with --wait: until it is GO in `N` evaluations in a row, at least loop_wait apart"},
	}
}

// patience is what --wait and --stable ask for.
type patience struct {
	wait   time.Duration
	stable int
}

func patienceOf(c *cli.Context) (patience, error) {
	p := patience{wait: c.Duration("wait"), stable: c.Int("stable")}
	switch {
	case c.IsSet("wait") && p.wait <= 0:
		return p, usage("--wait %s: must be more than nothing", p.wait)
	case p.stable < 1:
		return p, usage("--stable %d: must be 1 or more", p.stable)
	case p.stable > 1 && p.wait == 0:
		return p, usage("--stable %d: say for how long with --wait, as in --wait 10m", p.stable)
	}
	return p, nil
}

// judge looks and judges, once or as often as asked for.
func (p patience) judge(ctx context.Context, env environment, k *target, rules check.Policies) (judgement, error) {
	evaluate := func() (judgement, error) { return k.judge(ctx, rules) }
	if p.wait == 0 {
		return evaluate()
	}
	show := &progress{w: env.stderr, live: env.stderrTerminal}
	defer show.done()
	return p.repeat(newCountdown(ctx, p.wait), show, evaluate)
}

// repeat evaluates until GO has been seen often enough in a row, or the deadline
// has come; the last report tells. An evaluation that has begun before the
// deadline is brought to its end.
func (p patience) repeat(clock countdown, shown *progress, evaluate func() (judgement, error)) (judgement, error) {
	st := preflight.Stability{Asked: p.stable}
	for {
		began := clock.now()
		j, err := evaluate()
		if err != nil {
			return j, err
		}
		st.Evaluations++
		st.InARow++
		if j.verdict() != preflight.Go {
			st.InARow = 0
		}
		if st.InARow >= p.stable {
			return j.over(st), nil
		}
		what := oneLine(func(w io.Writer) error { return j.write(w, "brief", report.Options{}) })
		if st.InARow > 0 {
			what = fmt.Sprintf("GO in %d of %d evaluations in a row", st.InARow, st.Asked)
		}
		shown.say(what, clock.left())
		if !clock.until(began.Add(j.loopWait())) {
			return j.over(st), nil
		}
	}
}

// loopWait is the time between two evaluations: Patroni writes what it sees once
// in that time. Ten seconds are its default.
func loopWait(s *fact.Snapshot) time.Duration {
	cluster, _ := s.DCS.Cluster.Get()
	config, _ := cluster.Config.Get()
	if seconds, ok := config.LoopWait.Get(); ok && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return 10 * time.Second
}
