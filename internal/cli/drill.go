package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
	"patroni-preflight/preflight/verify"
)

// drillOptions are the flags of drill.
type drillOptions struct {
	output
	cluster  clusterOptions
	question fact.Question
	rules    check.Policies
	retry    retry
	request  requestOptions
	record   string
	limit    time.Duration
	dryRun   bool
}

func drillCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:  "drill",
		Usage: "rehearse: move the leader through every eligible member and back",
		Flags: slices.Concat([]cli.Flag{
			leaderFlag(),
			&cli.BoolFlag{
				Name: "dry-run", Category: groupQuestion,
				Usage: "show the plan with today's verdict for every leg, and do nothing",
			},
		}, clusterFlags(), requestFlags(), ruleFlags(), waitFlags(), []cli.Flag{
			verifyTimeoutFlag(), formatFlag(report.DrillFormats), verboseFlag(), recordFlag(),
		}),
		Action: func(c *cli.Context) (err error) {
			if err := positional("drill", c.Args().Slice()); err != nil {
				return err
			}
			o := drillOptions{
				cluster: readCluster(c), question: readQuestion(c), request: readRequest(c),
				record: c.String("record"), dryRun: c.Bool("dry-run"),
				output: output{env: env, verbose: c.Bool("verbose")},
			}
			if o.format, err = readFormat(c, report.DrillFormats); err != nil {
				return err
			}
			if o.limit, err = readVerifyTimeout(c); err != nil {
				return err
			}
			if o.question.MaxInterruption, err = readInterruption(c); err != nil {
				return err
			}
			if o.rules, err = readPolicies(c); err != nil {
				return err
			}
			if o.retry, err = readRetry(c); err != nil {
				return err
			}
			return o.run(c.Context)
		},
	}
}

func (o drillOptions) run(ctx context.Context) error {
	if !o.request.yes && !o.dryRun && !o.env.StdinTerminal {
		return usage("drill: stdin is not a terminal; use --yes to skip the confirmation")
	}
	ctl, err := findPatronictl(ctx, o.request, o.cluster)
	if err != nil {
		return beforeRequest(ctx, err)
	}
	k, err := open(o.env, o.cluster, o.question)
	if err != nil {
		return beforeRequest(ctx, err)
	}
	shared := attemptOptions{
		output: o.output, session: k, rules: o.rules, ctl: ctl, limit: o.limit, maxAge: time.Minute, record: o.record,
		given: o.cluster.given,
	}
	doc, err := o.rehearse(ctx, shared)
	if err != nil {
		return beforeRequest(ctx, err)
	}
	if err := report.WriteDrill(o.env.Stdout, o.format, doc, o.options()); err != nil {
		return err
	}
	return ended(doc.ExitCode)
}

// rehearse is the drill. An error means that not even the first leg began.
func (o drillOptions) rehearse(ctx context.Context, shared attemptOptions) (doc preflight.DrillReport, err error) {
	j, err := o.retry.judge(ctx, o.env, shared.session, o.rules)
	if err != nil {
		return doc, err
	}
	s, _ := j.only()
	doc = preflight.PlanDrill(s.Snapshot, s.Question, o.rules)
	doc.DryRun = o.dryRun
	if !doc.DryRun {
		if err := report.WriteDrillPlan(o.steps(), doc, o.options()); err != nil {
			return doc, err
		}
	}
	if code, why := doc.Start(); code != exitcode.Go {
		doc.Stopped, doc.ExitCode = why, code
		return doc, nil
	}
	if doc.DryRun {
		doc.ExitCode = exitcode.Go
		return doc, nil
	}
	if code, why := shared.session.tryLeaders(ctx, s.Snapshot, doc.Legs); code != exitcode.Go {
		doc.Stopped, doc.ExitCode = why, code
		return doc, nil
	}
	if ctx.Err() != nil {
		return doc, context.Cause(ctx)
	}
	if !o.request.yes {
		first := report.Line(doc.First, 80)
		question := fmt.Sprintf("Switch over %s %d times, from %s back to %s?",
			report.Line(doc.Scope, 80), len(doc.Legs), first, first)
		if err := confirm(ctx, o.env, question); err != nil {
			return doc, err
		}
	}
	for i := range doc.Legs {
		goesOn, err := o.leg(ctx, shared, &doc, i, loopWait(s.Snapshot))
		if err != nil {
			return doc, err
		}
		if !goesOn {
			break
		}
	}
	// While a switchover may be under way, no other one is suggested.
	if doc.Stopped != "" && doc.Leader != "" && doc.Leader != doc.First && doc.ExitCode != exitcode.OutcomeUnknown {
		doc.Back = o.back(doc.First)
	}
	return doc, nil
}

// tryLeaders tries the request on every member that is to lead, before the first leg:
// each may have another login. It returns the exit code with which the drill ends, and why.
func (k *session) tryLeaders(ctx context.Context, s *fact.Snapshot, legs []preflight.DrillLeg) (code int, why string) {
	for i, leg := range legs {
		k.tryRequest(ctx, s, leg.From)
		code, why := preflight.RequestRefused(s, leg.From)
		if code != exitcode.Go {
			return code, fmt.Sprintf("leg %d of %d, %s to %s, would not be accepted: %s", i+1, len(legs), leg.From, leg.To, why)
		}
	}
	return exitcode.Go, ""
}

// settling is for how many loop_waits a check may not be GO after a leg: Patroni
// takes some to choose the synchronous standby and to write the members' states.
const settling = 6

// leg is one switchover of the drill. It reports whether the drill continues.
func (o drillOptions) leg(
	ctx context.Context, shared attemptOptions, doc *preflight.DrillReport, i int, loop time.Duration,
) (goesOn bool, err error) {
	leg := doc.Legs[i]
	again := o.retry
	if i > 0 {
		again.wait = max(again.wait, settling*loop)
	}
	r := shared.session.request
	r.ExpectedLeader, r.Candidate = leg.From, leg.To
	fmt.Fprintf(o.steps(), "\nLEG %d of %d  %s -> %s\n",
		i+1, len(doc.Legs), report.Line(leg.From, 80), report.Line(leg.To, 80))
	a := newAttempt(shared, r, again)
	code, outage, err := o.perform(ctx, a)
	why := ""
	if err != nil {
		if i == 0 {
			return false, err
		}
		code, why = stoppedBy(ctx, err), err.Error()
	}
	goesOn = doc.End(i, code, a.doc, outage, why)
	if o.text() && err == nil {
		format := "text"
		if code == exitcode.Go {
			format = "brief"
		}
		if err := report.WriteSwitchover(o.steps(), format, a.doc, o.options()); err != nil {
			return false, err
		}
	}
	return goesOn, nil
}

// perform is the switchover of a leg, measured.
func (o drillOptions) perform(ctx context.Context, a *attempt) (code int, outage *verify.Outage, err error) {
	if code, err = a.judge(ctx); err != nil {
		return 0, nil, err
	}
	if a.doc.Check.Verdict == preflight.Go && o.text() {
		if err := report.Write(o.steps(), "brief", a.doc.Check, o.options()); err != nil {
			return 0, nil, err
		}
	}
	if code != exitcode.Go {
		return code, nil, nil
	}
	if code, err = a.refresh(ctx); code != exitcode.Go || err != nil {
		return code, nil, err
	}
	code, err = a.confirmAndSend(ctx)
	return code, a.doc.Outage, err
}

// measureOutage notes when a primary answers, until the function that it returns is
// called, which gives the times. Both wait up to a second for an answer: the request
// follows a first one, and the measured time has an end.
func measureOutage(ctx context.Context, k cluster, s *fact.Snapshot) func() []time.Time {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	answers := make(chan time.Time)
	go func() {
		defer close(answers)
		k.watch(ctx, s, func(t time.Time) {
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

// stoppedBy is the exit code of an error between two requests.
func stoppedBy(ctx context.Context, err error) int {
	var stop Signalled
	if errors.As(context.Cause(ctx), &stop) {
		return stop.code()
	}
	e := exit{code: exitcode.Internal}
	errors.As(err, &e)
	return e.code
}

// back is the command that moves the leader back, with the flags that the user gave.
func (o drillOptions) back(first string) string {
	args := slices.Concat([]string{"patroni-preflight", "switchover"}, o.cluster.given, o.request.given)
	return quoted(append(args, "--candidate", first))
}
