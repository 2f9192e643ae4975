package cli

import (
	"context"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
	"patroni-preflight/preflight/verify"
)

// verifyOptions are the flags of verify.
type verifyOptions struct {
	output
	cluster clusterOptions
	// question names no candidate: the one before the switchover counts.
	question  fact.Question
	since     string
	candidate *string
	record    string
	limit     time.Duration
}

func verifyCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "say how a switchover ended, from the state of the cluster",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{
				Name: "since", Category: groupQuestion,
				Usage: "compare with `FILE`, written before the switchover by check --record or as JSON report",
			},
			&cli.StringFlag{
				Name: "candidate", Category: groupQuestion,
				Usage: "expect the member `NAME` to be promoted, if the file names none",
			},
			leaderFlag(),
		}, clusterFlags(), []cli.Flag{verifyTimeoutFlag(), formatFlag(report.OutcomeFormats), verboseFlag(), recordFlag()}),
		Action: func(c *cli.Context) (err error) {
			if err := positional("verify", c.Args().Slice()); err != nil {
				return err
			}
			o := verifyOptions{
				cluster: readCluster(c), question: readQuestion(c), since: c.String("since"),
				candidate: givenString(c, "candidate"), record: c.String("record"),
				output: output{env: env, verbose: c.Bool("verbose")},
			}
			if o.format, err = readFormat(c, report.OutcomeFormats); err != nil {
				return err
			}
			if o.limit, err = readVerifyTimeout(c); err != nil {
				return err
			}
			return o.run(c.Context)
		},
	}
}

func (o verifyOptions) run(ctx context.Context) error {
	b, err := o.baseline()
	if err != nil {
		return err
	}
	k, err := open(o.env, o.cluster, o.question)
	if err != nil {
		return err
	}
	if k.request.Scope != b.Scope || k.request.Group != b.Group {
		return usage("--since %s: the file is of cluster %s, and the command asks about %s",
			o.since, b.Scope, k.request.Scope)
	}
	shown := &progress{w: o.env.Stderr, live: o.env.StderrTerminal}
	defer shown.done()
	notSending := func() bool { return false }
	s, v, err := watchOutcome(b, newCountdown(ctx, o.limit), shown, notSending,
		func() (*fact.Recording, error) { return k.snapshot(ctx, k.request) })
	if err != nil {
		return err
	}
	shown.done()
	if o.record != "" {
		if err := record(s, o.record); err != nil {
			return err
		}
	}
	if err := report.WriteVerification(o.env.Stdout, o.format, v, o.options()); err != nil {
		return err
	}
	if v.Outcome == verify.Refused && o.text() {
		q := o.question
		q.Candidate, q.VIPs = b.Candidate, k.request.VIPs
		if err := report.WriteAgain(o.env.Stdout, preflight.Judge(s.Snapshot, q, check.Policies{}), o.options()); err != nil {
			return err
		}
	}
	return ended(v.ExitCode)
}

// baseline reads the cluster's state before the switchover.
func (o verifyOptions) baseline() (verify.Baseline, error) {
	if o.since == "" {
		return verify.Baseline{}, usage("verify needs --since FILE, which check --record, or check or switchover " +
			"with -f json, wrote before the switchover")
	}
	raw, err := os.ReadFile(o.since)
	if err != nil {
		return verify.Baseline{}, usage("--since: %w", err)
	}
	b, err := verify.LoadBaseline(raw)
	if err != nil {
		return b, usage("--since %s: %w", o.since, err)
	}
	if o.candidate != nil {
		b.Candidate = *o.candidate
	}
	if b.Candidate == b.Leader {
		return b, usage("--candidate %s: this member led before the switchover", b.Candidate)
	}
	return b, nil
}
