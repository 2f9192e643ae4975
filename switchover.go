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
	"patroni-preflight/preflight/report"
)

func switchoverCommand(env environment) *cli.Command {
	own := []cli.Flag{
		&cli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "do not ask; needed where no terminal is there to be asked"},
		&cli.StringFlag{Name: "via", Value: "patronictl", Usage: "patronictl, or rest: a POST to the leader's REST API"},
		&cli.StringFlag{Name: "patronictl", Value: "patronictl", Usage: "the `PATH` of patronictl"},
		&cli.DurationFlag{Name: "max-age", Value: time.Minute, Usage: "how old the verdict may be when the request is sent; an older one is made anew"},
		&cli.StringFlag{Name: "record", Usage: "write what was seen before the request to `FILE`, for verify and replay"},
	}
	return &cli.Command{
		Name:  "switchover",
		Usage: "check, ask, have Patroni switch over, and verify what became of it",
		Flags: slices.Concat(clusterFlags(), waitFlags(), outcomeFlags(), own, judgeFlags()),
		Action: func(c *cli.Context) error {
			if _, err := positional(c); err != nil {
				return err
			}
			w := &wrapper{c: c, env: env, out: env.stdout}
			return w.run()
		},
	}
}

// wrapper is one switchover, from the check to the verification.
type wrapper struct {
	c   *cli.Context
	env environment
	k   *target
	// out shows what happens as it happens: stdout for the text format, else stderr,
	// since stdout has one document then.
	out   io.Writer
	rules preflight.Policies
	wait  patience
	ctl   string

	seen *preflight.Snapshot
	doc  preflight.SwitchoverReport
}

func (w *wrapper) run() error {
	if err := w.prepare(); err != nil {
		return err
	}
	ctx := w.c.Context
	if ended, err := w.check(ctx); ended || err != nil {
		return err
	}
	w.doc.Plan = preflight.PlanOf(w.seen, w.doc.Check)
	if w.text() {
		if err := report.WritePlan(w.out, w.doc.Plan, options(w.c, w.env)); err != nil {
			return err
		}
	}
	if err := w.confirm(ctx); err != nil {
		return err
	}
	if age := time.Since(w.seen.TakenAt); age > w.c.Duration("max-age") {
		fmt.Fprintf(w.env.stderr, "patroni-preflight: the verdict is %.0f s old: once more\n", age.Seconds())
		if ended, err := w.check(ctx); ended || err != nil {
			return err
		}
		if again := preflight.PlanOf(w.seen, w.doc.Check); again.Leader != w.doc.Plan.Leader {
			return w.changed("leader")
		}
	}
	if err := w.unmoved(ctx); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return w.request(ctx)
}

func (w *wrapper) text() bool { return w.c.String("format") == "text" }

// prepare finds every mistake that can be found before anybody is asked.
func (w *wrapper) prepare() (err error) {
	if err = outcomeFormat(w.c); err != nil {
		return err
	}
	if w.rules, err = policies(w.c); err != nil {
		return err
	}
	if w.wait, err = patienceOf(w.c); err != nil {
		return err
	}
	if !w.c.Bool("yes") && !w.env.stdinTerminal {
		return usage("switchover: there is no terminal to ask: give --yes")
	}
	switch w.c.String("via") {
	case "rest":
	case "patronictl":
		if w.ctl, err = exec.LookPath(w.c.String("patronictl")); err != nil {
			return usage("patronictl was not found (%w): give its path with --patronictl, or use --via rest", err)
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

// check judges the cluster. It ends the program, with the verdict's exit code,
// where that is not GO.
func (w *wrapper) check(ctx context.Context) (ended bool, err error) {
	first := w.seen == nil
	s, r, err := w.wait.judge(ctx, w.env, w.k, w.rules)
	if err != nil {
		return true, err
	}
	w.seen, w.doc.Check = s, r
	if file := w.c.String("record"); file != "" {
		if err := record(s, file); err != nil {
			return true, err
		}
	}
	if r.Verdict != preflight.Go {
		return true, w.finish(r.ExitCode)
	}
	if first && w.text() {
		return false, report.Write(w.out, "text", r, options(w.c, w.env))
	}
	return false, nil
}

// confirm asks on a terminal. Anything but yes is no.
func (w *wrapper) confirm(ctx context.Context) error {
	if w.c.Bool("yes") {
		return nil
	}
	p := w.doc.Plan
	fmt.Fprintf(w.env.stderr, "\nSwitch over %s from %s to %s? [y/N] ", report.Line(w.seen.Request.Scope, 80), report.Line(p.Leader, 80), report.Line(p.Whom(), 80))
	answers := make(chan string, 1)
	go func() { answers <- readLine(w.env.stdin) }()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case a := <-answers:
		if a = strings.ToLower(strings.TrimSpace(a)); a == "y" || a == "yes" {
			return nil
		}
	}
	return exit{preflight.ExitInterrupted, errors.New("not confirmed: nothing was done")}
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
	moved := w.k.reread(ctx, w.seen)
	switch what, ok := moved.Get(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !ok:
		return exit{preflight.ExitUnknown, fmt.Errorf("the DCS could not be read again, so nothing was done: %s", moved.Reason())}
	case len(what) > 0:
		return w.changed(what...)
	}
	return nil
}

func (w *wrapper) changed(what ...string) error {
	return exit{preflight.ExitChanged, fmt.Errorf("the cluster changed since the verdict, so nothing was done: %s", strings.Join(what, ", "))}
}

// request hands the switchover to Patroni and follows the state of the cluster
// meanwhile. From here on a signal ends the watching, not the switchover.
func (w *wrapper) request(ctx context.Context) error {
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
	var v preflight.Verification
	if w.doc.Plan.ScheduledAt != "" {
		v, err = w.followScheduled(ctx, newCountdown(ctx, limit), shown, sending.Load)
	} else {
		_, v, err = follow(w.doc.Check.Baseline, newCountdown(ctx, limit), shown, sending.Load, func() (*preflight.Snapshot, error) { return w.k.look(ctx) })
	}
	shown.done()
	w.doc.Request = w.collect(ctx, results, stop)
	switch {
	case err != nil && errors.As(context.Cause(ctx), new(signalled)):
		fmt.Fprintf(w.env.stderr, "patroni-preflight: %v: no longer watching. The request was sent, and the switchover goes on. Look with: %s\n", context.Cause(ctx), w.howToLook())
		return w.finish(preflight.ExitOutcomeUnknown)
	case err != nil:
		fmt.Fprintf(w.env.stderr, "patroni-preflight: the request was sent, and then: %v. Look with: %s\n", err, w.howToLook())
		return w.finish(preflight.ExitOutcomeUnknown)
	}
	w.doc.Verification = &v
	return w.finish(v.ExitCode)
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

// howToLook is the command that tells what became of the switchover.
func (w *wrapper) howToLook() string {
	if file := w.c.String("record"); file != "" {
		return "patroni-preflight verify --since " + file
	}
	return "patronictl list " + w.seen.Request.Scope + " (with --record FILE before the switchover: patroni-preflight verify --since FILE)"
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
	p := w.doc.Plan
	args = append(args, "switchover", w.seen.Request.Scope, "--force", w.leaderFlag(), p.Leader)
	if p.Candidate != "" {
		args = append(args, "--candidate", p.Candidate)
	}
	if p.ScheduledAt != "" {
		args = append(args, "--scheduled", p.ScheduledAt)
	}
	if g := w.seen.Request.Group; g != "" {
		args = append(args, "--group", g)
	}
	return args, env
}

// leaderFlag: patronictl calls it --master before Patroni 3.0.
func (w *wrapper) leaderFlag() string {
	m, _ := w.seen.Member(w.doc.Plan.Leader)
	key, _ := m.Key.Get()
	if v, _ := key.Version.Get(); strings.HasPrefix(v, "2.") || strings.HasPrefix(v, "1.") {
		return "--master"
	}
	return "--leader"
}

// followScheduled waits until the DCS holds the request.
func (w *wrapper) followScheduled(ctx context.Context, clock countdown, shown *progress, sending func() bool) (preflight.Verification, error) {
	b := w.doc.Check.Baseline
	clock.end = clock.now().Add(min(clock.left(), 2*loopWait(w.seen)+20*time.Second))
	for {
		began := clock.now()
		s, err := w.k.look(ctx)
		if err != nil {
			return preflight.Verification{}, err
		}
		v := preflight.Verify(b, s)
		if preflight.IsScheduled(b, s) {
			return v.AsScheduled(), nil
		}
		shown.say(v.Reason, clock.left())
		if !sending() && v.Settled || !clock.until(began.Add(between)) {
			return v, nil
		}
	}
}

// finish writes the report and ends with the code.
func (w *wrapper) finish(n int) error {
	w.doc.SchemaVersion, w.doc.ExitCode = preflight.ReportSchema, n
	if err := report.WriteSwitchover(w.env.stdout, w.c.String("format"), w.doc, options(w.c, w.env)); err != nil {
		return err
	}
	return code(n)
}
