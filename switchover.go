package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/internal/request"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
	"patroni-preflight/preflight/verify"
)

// requestFlags say how Patroni is asked.
func requestFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask; needed where no terminal is there to be asked"},
		&cli.StringFlag{Name: "via", Value: "patronictl", Usage: "patronictl, or rest: a POST to the leader's REST API"},
		&cli.StringFlag{Name: "patronictl", Value: "patronictl", Usage: "the `PATH` of patronictl"},
		&cli.StringFlag{Name: "record", Usage: "write what was seen before the request to `FILE`, for verify and replay"},
	}
}

func switchoverCommand(env environment) *cli.Command {
	own := []cli.Flag{
		&cli.DurationFlag{Name: "max-age", Value: time.Minute, Usage: "how old the verdict may be when the request is sent; an older one is made anew"},
	}
	return &cli.Command{
		Name:  "switchover",
		Usage: "check, ask, have Patroni switch over, and verify what became of it",
		Flags: slices.Concat(clusterFlags(), waitFlags(), outcomeFlags(), requestFlags(), own, ruleFlags(), []cli.Flag{formatFlag(report.OutcomeFormats)}),
		Action: func(c *cli.Context) error {
			if _, err := positional(c); err != nil {
				return err
			}
			if err := outcomeFormat(c, report.OutcomeFormats); err != nil {
				return err
			}
			w := &wrapper{c: c, env: env, out: env.stdout, sure: c.Bool("yes"), maxAge: c.Duration("max-age")}
			if err := w.prepare(); err != nil {
				return unasked(c.Context, err)
			}
			n, err := w.run(c.Context)
			if err != nil {
				return unasked(c.Context, err)
			}
			w.doc.ExitCode = n
			if err := report.WriteSwitchover(env.stdout, c.String("format"), w.doc, options(c, env)); err != nil {
				return err
			}
			return code(n)
		},
	}
}

// unasked is the error of what ended before the request. After a signal it says
// that nothing was done, since there may have been a verdict.
func unasked(ctx context.Context, err error) error {
	var stop signalled
	if errors.As(context.Cause(ctx), &stop) {
		return exit{stop.code(), fmt.Errorf("%w before anything was asked of Patroni: nothing was done", stop)}
	}
	return err
}

// wrapper is one switchover, from the check to the verification.
type wrapper struct {
	c   *cli.Context
	env environment
	k   *target
	// out shows what happens as it happens: stdout for the text format, else stderr,
	// since stdout has one document then.
	out   io.Writer
	rules check.Policies
	wait  patience
	// ctl is the patronictl, "" with --via rest; leaderFlag is what it calls the leader.
	ctl, leaderFlag string
	// sure: nobody has to be asked any more.
	sure bool
	// terse: a check that is GO takes one line.
	terse bool
	// maxAge is how old the verdict may be when the request is sent.
	maxAge time.Duration

	seen *fact.Recording
	doc  preflight.SwitchoverReport
	// measures: outage is measured; it is nil where nothing was asked of Patroni.
	measures bool
	outage   *verify.Outage
}

// run is the switchover. Its exit code has a report in w.doc; an error means that
// nothing was asked of Patroni, for another reason than the verdict.
func (w *wrapper) run(ctx context.Context) (code int, err error) {
	w.doc.SchemaVersion = check.ReportSchema
	if n, err := w.check(ctx); n != exitcode.Go || err != nil {
		return n, err
	}
	w.doc.Plan = preflight.PlanOf(w.seen.Snapshot, w.doc.Check)
	// Whoever is asked has to see it, whatever the format.
	if (w.text() || !w.sure) && !w.terse {
		if err := report.WritePlan(w.out, w.doc.Plan, options(w.c, w.env)); err != nil {
			return 0, err
		}
	}
	if err := w.confirm(ctx); err != nil {
		return 0, err
	}
	if age := time.Since(w.seen.TakenAt); age > w.maxAge {
		fmt.Fprintf(w.env.stderr, "patroni-preflight: the verdict is %.0f s old: once more\n", age.Seconds())
		if n, err := w.check(ctx); n != exitcode.Go || err != nil {
			return n, err
		}
		if again := preflight.PlanOf(w.seen.Snapshot, w.doc.Check); again.Leader != w.doc.Plan.Leader {
			return 0, w.changed("leader")
		}
	}
	measured := w.measure(ctx)
	if err := w.unmoved(ctx); err != nil {
		measured()
		return 0, err
	}
	if ctx.Err() != nil {
		measured()
		return 0, context.Cause(ctx)
	}
	code = w.request(ctx)
	if w.measures {
		o := verify.OutageOf(measured(), w.doc.Request.Began, time.Now(), watchEvery)
		w.outage = &o
	}
	return code, nil
}

func (w *wrapper) text() bool { return w.c.String("format") == "text" }

// prepare finds every mistake that can be found before anybody is asked.
func (w *wrapper) prepare() (err error) {
	if w.rules, err = policies(w.c); err != nil {
		return err
	}
	if w.wait, err = patienceOf(w.c); err != nil {
		return err
	}
	if !w.sure && !w.env.stdinTerminal {
		return usage("%s: there is no terminal to ask: give --yes", w.c.Command.Name)
	}
	switch w.c.String("via") {
	case "rest":
	case "patronictl":
		if w.ctl, err = exec.LookPath(w.c.String("patronictl")); err != nil {
			return usage("patronictl was not found (%w): give its path with --patronictl, or use --via rest", err)
		}
		args, env := w.ctlCluster()
		if w.leaderFlag, err = request.LeaderFlag(w.c.Context, w.ctl, args, env); err != nil {
			return usage("patronictl cannot be used: %w; give another with --patronictl, or use --via rest", err)
		}
	default:
		return usage("--via %s: use patronictl or rest", w.c.String("via"))
	}
	if !w.text() {
		w.out = w.env.stderr
	}
	w.k, err = connect(w.c, w.env)
	return err
}

// check judges the cluster, and returns the exit code of the verdict.
func (w *wrapper) check(ctx context.Context) (code int, err error) {
	first := w.seen == nil
	j, err := w.wait.judge(ctx, w.env, w.k, w.rules)
	if err != nil {
		return 0, err
	}
	s, r := j.only()
	w.seen, w.doc.Check = s, r
	if file := w.c.String("record"); file != "" {
		if err := record(s, file); err != nil {
			return 0, err
		}
	}
	if r.Verdict == preflight.Go && first && w.text() {
		format := "text"
		if w.terse {
			format = "brief"
		}
		err = report.Write(w.out, format, r, options(w.c, w.env))
	}
	return r.ExitCode, err
}

// confirm asks whether the plan is right.
func (w *wrapper) confirm(ctx context.Context) error {
	if w.sure {
		return nil
	}
	p := w.doc.Plan
	return confirm(ctx, w.env, fmt.Sprintf("Switch over %s from %s to %s?", report.Line(w.seen.Target.Scope, 80), report.Line(p.Leader, 80), report.Line(p.Whom(), 80)))
}

// confirm asks on a terminal. Anything but yes is no.
func confirm(ctx context.Context, env environment, question string) error {
	fmt.Fprintf(env.stderr, "\n%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() { answers <- readLine(env.stdin) }()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case a := <-answers:
		if a = strings.ToLower(strings.TrimSpace(a)); a == "y" || a == "yes" {
			return nil
		}
	}
	return exit{exitcode.Interrupted, errors.New("not confirmed: nothing was done")}
}

// readLine reads byte by byte, so that nothing behind the line is taken.
func readLine(r io.Reader) string {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		if n == 0 || err != nil || b[0] == '\n' || len(line) > 100 {
			return string(line)
		}
		line = append(line, b[0])
	}
}

// unmoved reads the DCS once more, right before the request.
func (w *wrapper) unmoved(ctx context.Context) error {
	moved := w.k.reread(ctx, w.seen.Snapshot)
	switch what, ok := moved.Get(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !ok:
		return exit{exitcode.Unknown, fmt.Errorf("the DCS could not be read again, so nothing was done: %s", moved.Reason())}
	case len(what) > 0:
		return w.changed(what...)
	}
	return nil
}

func (w *wrapper) changed(what ...string) error {
	return exit{exitcode.Changed, fmt.Errorf("the cluster changed since the verdict, so nothing was done: %s", strings.Join(what, ", "))}
}

// request hands the switchover to Patroni and follows the state of the cluster
// meanwhile. From here on a signal ends the watching, not the switchover.
func (w *wrapper) request(ctx context.Context) (code int) {
	limit := w.c.Duration("verify-timeout")
	sendCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var sending atomic.Bool
	sending.Store(true)
	results := make(chan preflight.RequestResult, 1)
	go func() {
		r := w.send(sendCtx)
		sending.Store(false)
		results <- r
	}()
	shown := &progress{w: w.env.stderr, live: w.env.stderrTerminal && !w.text()}
	var err error
	var v verify.Verification
	if w.doc.Plan.ScheduledAt != "" {
		v, err = w.followScheduled(ctx, newCountdown(ctx, limit), shown, sending.Load)
	} else {
		_, v, err = follow(w.doc.Check.Baseline, newCountdown(ctx, limit), shown, sending.Load, func() (*fact.Recording, error) { return w.k.look(ctx) })
	}
	shown.done()
	w.doc.Request = w.collect(ctx, results, stop)
	switch {
	case err != nil && errors.As(context.Cause(ctx), new(signalled)):
		fmt.Fprintf(w.env.stderr, "patroni-preflight: %v: no longer watching. %s Look with: %s\n", context.Cause(ctx), w.whatGoesOn(), w.howToLook())
		return exitcode.OutcomeUnknown
	case err != nil:
		fmt.Fprintf(w.env.stderr, "patroni-preflight: the request was sent, and then: %v. Look with: %s\n", err, w.howToLook())
		return exitcode.OutcomeUnknown
	}
	w.doc.Verification = &v
	return v.ExitCode
}

// measure notes when a primary is seen, until what it returns is called, which
// gives the times. Both wait for an answer, for a second: the request comes after a
// first one, and what is measured has an end.
func (w *wrapper) measure(ctx context.Context) func() []time.Time {
	if !w.measures {
		return func() []time.Time { return nil }
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	answers := make(chan time.Time)
	go func() {
		defer close(answers)
		w.k.watch(ctx, w.seen.Snapshot, func(t time.Time) {
			select {
			case answers <- t:
			case <-ctx.Done():
			}
		})
	}()
	var at []time.Time
	next := func() {
		select {
		case t, ok := <-answers:
			if ok {
				at = append(at, t)
			}
		case <-time.After(time.Second):
		}
	}
	next()
	over, noted := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(noted)
		for {
			select {
			case t, ok := <-answers:
				if !ok {
					return
				}
				at = append(at, t)
			case <-over:
				return
			}
		}
	}()
	return func() []time.Time {
		close(over)
		<-noted
		next()
		stop()
		for range answers {
		}
		return at
	}
}

// collect takes the answer. Where the outcome is known before it, patronictl has
// a few seconds to come to its end.
func (w *wrapper) collect(ctx context.Context, results <-chan preflight.RequestResult, stop func()) *preflight.RequestResult {
	select {
	case r := <-results:
		return &r
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
	}
	stop()
	r := <-results
	return &r
}

// whatGoesOn says what a signal does not end. A patronictl that had not come to its
// end may not have come to its request.
func (w *wrapper) whatGoesOn() string {
	if w.ctl != "" && w.doc.Request.Problem != "" {
		return "patronictl was ended; if it had sent its request, the switchover goes on."
	}
	return "The request was sent, and the switchover goes on."
}

// howToLook is the command that tells what became of the switchover.
func (w *wrapper) howToLook() string {
	if file := w.c.String("record"); file != "" {
		return "patroni-preflight verify --since " + file
	}
	return "patronictl list " + w.seen.Target.Scope + " (with --record FILE before the switchover: patroni-preflight verify --since FILE)"
}

// send asks Patroni.
func (w *wrapper) send(ctx context.Context) preflight.RequestResult {
	p := w.doc.Plan
	if w.ctl == "" {
		m, _ := w.seen.Member(p.Leader)
		key, _ := m.Key.Get()
		url, _ := key.APIURL.Get()
		a := w.k.cfg.RESTAPI
		return request.REST(ctx, request.Leader{APIURL: w.k.address(url), User: a.User, Password: a.Password, TLS: w.k.cfg.REST, Secure: w.k.cfg.RESTOverTLS}, request.Switchover{Leader: p.Leader, Candidate: p.Candidate, ScheduledAt: p.ScheduledAt}, w.out)
	}
	args, env := w.ctlArgs()
	return request.Patronictl(ctx, w.ctl, args, env, w.out)
}

// ctlArgs are patronictl's arguments, with the names filled in, so that it asks
// nothing and chooses nothing.
func (w *wrapper) ctlArgs() (args, env []string) {
	args, env = w.ctlCluster()
	p := w.doc.Plan
	args = append(args, "switchover", w.seen.Target.Scope, "--force", w.leaderFlag, p.Leader)
	if p.Candidate != "" {
		args = append(args, "--candidate", p.Candidate)
	}
	if p.ScheduledAt != "" {
		args = append(args, "--scheduled", p.ScheduledAt)
	}
	if g := w.seen.Target.Group; g != "" {
		args = append(args, "--group", g)
	}
	return args, env
}

// ctlCluster are the arguments that say which store patronictl asks.
func (w *wrapper) ctlCluster() (args, env []string) {
	for _, f := range []string{"config-file", "dcs-url"} {
		if v := w.c.String(f); v != "" {
			args = append(args, "--"+f, v)
		}
	}
	if w.c.Bool("insecure") {
		args = append(args, "--insecure")
	}
	if v := w.c.String("namespace"); v != "" {
		env = append(env, "PATRONI_NAMESPACE="+v)
	}
	return args, env
}

// followScheduled waits until the DCS holds the request.
func (w *wrapper) followScheduled(ctx context.Context, clock countdown, shown *progress, sending func() bool) (verify.Verification, error) {
	b := w.doc.Check.Baseline
	clock.end = clock.now().Add(min(clock.left(), 2*loopWait(w.seen.Snapshot)+20*time.Second))
	for {
		// Only a look that begins when the request is over can tell a refusal.
		began, over := clock.now(), !sending()
		s, err := w.k.look(ctx)
		if err != nil {
			return verify.Verification{}, err
		}
		v := verify.Verify(b, s.Snapshot)
		if preflight.IsScheduled(b, s.Snapshot) {
			return preflight.AsScheduled(v), nil
		}
		shown.say(v.Reason, clock.left())
		switch {
		case over && v.Settled:
			return v, nil
		case clock.until(began.Add(between)):
		case over:
			return v, nil
		default:
			return v.TooSoon(), nil
		}
	}
}
