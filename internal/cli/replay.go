package cli

import (
	"os"
	"slices"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// replayOptions are the flags of replay.
type replayOptions struct {
	output
	file  string
	rules check.Policies
	// candidate and scheduled replace the recorded question; nil keeps it.
	candidate, scheduled *string
	// maxInterruption replaces the recorded limit; 0 keeps it.
	maxInterruption float64
	// anyCandidate drops the recorded candidate.
	anyCandidate bool
}

func replayCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "judge a recorded snapshot again, on any machine",
		ArgsUsage: "FILE",
		Flags: slices.Concat(questionFlags(), []cli.Flag{&cli.BoolFlag{
			Name: "any", Category: groupQuestion,
			Usage: "let Patroni choose, whichever candidate was recorded",
		}}, ruleFlags(),
			[]cli.Flag{formatFlag(report.Formats), verboseFlag()}),
		Action: func(c *cli.Context) (err error) {
			if err := positional("replay", c.Args().Slice(), "FILE"); err != nil {
				return err
			}
			o := replayOptions{file: c.Args().First(), output: output{env: env, verbose: c.Bool("verbose")}}
			if o.format, err = readFormat(c, report.Formats); err != nil {
				return err
			}
			if o.maxInterruption, err = readInterruption(c); err != nil {
				return err
			}
			if o.rules, err = readPolicies(c); err != nil {
				return err
			}
			o.candidate, o.scheduled = givenString(c, "candidate"), givenString(c, "scheduled")
			if o.anyCandidate = c.Bool("any"); o.anyCandidate && o.candidate != nil {
				return usage("--any lets Patroni choose, and --candidate names a member: give one of the two")
			}
			return o.run()
		},
	}
}

// givenString is the value of a flag, nil if it was not given.
func givenString(c *cli.Context, name string) *string {
	if !c.IsSet(name) {
		return nil
	}
	v := c.String(name)
	return &v
}

func (o replayOptions) run() error {
	f, err := os.Open(o.file)
	if err != nil {
		return usage("%w", err)
	}
	defer f.Close()
	s, err := fact.LoadRecording(f)
	if err != nil {
		return usage("%s: %w", o.file, err)
	}
	if o.candidate != nil {
		s.Question.Candidate = *o.candidate
	}
	if o.anyCandidate {
		s.Question.Candidate = ""
	}
	if o.maxInterruption > 0 {
		s.Question.MaxInterruption = o.maxInterruption
	}
	if o.scheduled != nil {
		s.Question.ScheduledAt = *o.scheduled
	}
	return o.show(judged(s, o.rules))
}
