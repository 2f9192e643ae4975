package cli

import (
	"context"
	"slices"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// checkOptions are the flags of check.
type checkOptions struct {
	output
	cluster  clusterOptions
	question fact.Question
	rules    check.Policies
	retry    retry
	record   string
}

func checkCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "judge the running cluster: would a switchover work?",
		Flags: slices.Concat(questionFlags(), []cli.Flag{leaderFlag()}, clusterFlags(), ruleFlags(), waitFlags(),
			[]cli.Flag{formatFlag(report.Formats), verboseFlag(), recordFlag()}),
		Action: func(c *cli.Context) (err error) {
			if err := positional("check", c.Args().Slice()); err != nil {
				return err
			}
			o := checkOptions{cluster: readCluster(c), question: readQuestion(c), record: c.String("record")}
			o.cluster.everyGroup = true
			o.output = output{env: env, verbose: c.Bool("verbose")}
			if o.format, err = readFormat(c, report.Formats); err != nil {
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

func (o checkOptions) run(ctx context.Context) error {
	k, err := open(o.env, o.cluster, o.question)
	if err != nil {
		return err
	}
	j, err := o.retry.judge(ctx, o.env, k, o.rules)
	if err != nil {
		return err
	}
	if o.record != "" {
		if err := j.record(o.record); err != nil {
			return err
		}
	}
	return o.show(j)
}
