package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/report"
)

// retry is what --wait and --stable ask for.
type retry struct {
	wait   time.Duration
	stable int
}

// judge reads and judges the cluster, once or as often as asked for.
func (r retry) judge(ctx context.Context, env Environment, k *session, rules check.Policies) (judgement, error) {
	evaluate := func() (judgement, error) { return k.judge(ctx, rules) }
	if r.wait == 0 {
		return evaluate()
	}
	show := &progress{w: env.Stderr, live: env.StderrTerminal}
	defer show.done()
	return r.repeat(newCountdown(ctx, r.wait), show, evaluate)
}

// repeat evaluates until enough evaluations in a row were GO, or the deadline has
// passed; it returns the last judgement. An evaluation that begins before the
// deadline runs to its end.
func (r retry) repeat(
	clock countdown, shown *progress, evaluate func() (judgement, error),
) (judgement, error) {
	st := preflight.Stability{Asked: r.stable}
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
		if st.InARow >= r.stable {
			return j.lasting(st), nil
		}
		what := oneLine(func(w io.Writer) error { return j.write(w, "brief", report.Options{}) })
		if st.InARow > 0 {
			what = fmt.Sprintf("GO in %d of %d evaluations in a row", st.InARow, st.Asked)
		}
		shown.say(what, clock.left())
		if !clock.until(began.Add(j.loopWait())) {
			return j.lasting(st), nil
		}
	}
}
