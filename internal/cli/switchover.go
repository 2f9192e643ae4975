package cli

import (
	"context"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// switchoverOptions are the flags of switchover.
type switchoverOptions struct {
	output
	cluster  clusterOptions
	question fact.Question
	rules    check.Policies
	retry    retry
	request  requestOptions
	record   string
	limit    time.Duration
	maxAge   time.Duration
}

func switchoverCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:  "switchover",
		Usage: "check, confirm, have Patroni switch over, verify the result",
		Flags: slices.Concat(questionFlags(), []cli.Flag{leaderFlag()}, clusterFlags(), requestFlags(), []cli.Flag{
			&cli.DurationFlag{
				Name: "max-age", Value: time.Minute, Category: groupRequest,
				Usage: "check again if the verdict is older than `DURATION` when the request is sent",
			},
		}, ruleFlags(), waitFlags(), []cli.Flag{
			verifyTimeoutFlag(), formatFlag(report.OutcomeFormats), verboseFlag(), recordFlag(),
		}),
		Action: func(c *cli.Context) (err error) {
			if err := positional("switchover", c.Args().Slice()); err != nil {
				return err
			}
			o := switchoverOptions{
				cluster: readCluster(c), question: readQuestion(c), request: readRequest(c),
				record: c.String("record"), maxAge: c.Duration("max-age"),
				output: output{env: env, verbose: c.Bool("verbose")},
			}
			if o.format, err = readFormat(c, report.OutcomeFormats); err != nil {
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

func (o switchoverOptions) run(ctx context.Context) error {
	if !o.request.yes && !o.env.StdinTerminal {
		return usage("switchover: stdin is not a terminal; use --yes to skip the confirmation")
	}
	ctl, err := findPatronictl(ctx, o.request, o.cluster)
	if err != nil {
		return beforeRequest(ctx, err)
	}
	k, err := open(o.env, o.cluster, o.question)
	if err != nil {
		return beforeRequest(ctx, err)
	}
	a := newAttempt(attemptOptions{
		output: o.output, session: k, rules: o.rules, ctl: ctl, limit: o.limit, maxAge: o.maxAge, record: o.record,
		given: o.cluster.given,
	}, k.request, o.retry)
	code, err := o.perform(ctx, a)
	if err != nil {
		return beforeRequest(ctx, err)
	}
	a.doc.ExitCode = code
	if err := report.WriteSwitchover(o.env.Stdout, o.format, a.doc, o.options()); err != nil {
		return err
	}
	return ended(code)
}

// perform is the switchover. Its exit code has a report in a.doc; an error means
// that nothing was asked of Patroni, for a reason other than the verdict.
func (o switchoverOptions) perform(ctx context.Context, a *attempt) (code int, err error) {
	if code, err = a.judge(ctx); err != nil {
		return 0, err
	}
	if a.doc.Check.Verdict == preflight.Go && o.text() {
		if err := report.Write(o.steps(), "text", a.doc.Check, o.options()); err != nil {
			return 0, err
		}
	}
	if code != exitcode.Go {
		return code, nil
	}
	// Whoever confirms the plan has to see it, whatever the format.
	if o.text() || !o.request.yes {
		if err := report.WritePlan(o.steps(), a.doc.Plan, o.options()); err != nil {
			return 0, err
		}
	}
	if !o.request.yes {
		if err := confirm(ctx, o.env, a.question()); err != nil {
			return 0, err
		}
	}
	if code, err = a.refresh(ctx); code != exitcode.Go || err != nil {
		return code, err
	}
	return a.confirmAndSend(ctx)
}
