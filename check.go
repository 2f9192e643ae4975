package main

import (
	"bytes"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// judgeFlags are the flags of every command that ends in a verdict.
func judgeFlags() []cli.Flag { return append(ruleFlags(), formatFlag(report.Formats)) }

func formatFlag(formats []string) cli.Flag {
	return &cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: formats[0], Usage: strings.Join(formats, ", ")}
}

// ruleFlags are those flags but for the format.
func ruleFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "candidate", Usage: "the member to be promoted; without it Patroni chooses"},
		&cli.StringFlag{Name: "scheduled", Usage: "the `TIME` for which it shall be scheduled, as for patronictl: 2026-12-01T03:00:00+00:00"},
	}, weightFlags()...)
}

// weightFlags say what counts, and how much of it is shown.
func weightFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "verbose", Usage: "show also what passed, with the evidence"},
		&cli.StringSliceFlag{Name: "ignore", Usage: "`ID=reason`: what this check finds warns instead of blocking (repeatable; not identity.*)"},
		&cli.StringFlag{Name: "fail-on", Value: "blocker", Usage: "blocker, or warning: then warnings make NO-GO too"},
	}
}

func checkCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "look at the live cluster and say whether a switchover would work",
		Flags: slices.Concat(clusterFlags(), waitFlags(), []cli.Flag{
			&cli.StringFlag{Name: "record", Usage: "write what was seen to `FILE`, for replay"},
		}, judgeFlags()),
		Action: func(c *cli.Context) error {
			if _, err := positional(c); err != nil {
				return err
			}
			p, err := policies(c)
			if err != nil {
				return err
			}
			waits, err := patienceOf(c)
			if err != nil {
				return err
			}
			k, err := connect(c, env)
			if err != nil {
				return err
			}
			j, err := waits.judge(c.Context, env, k, p)
			if err != nil {
				return err
			}
			if file := c.String("record"); file != "" {
				if err := j.record(file); err != nil {
					return err
				}
			}
			return show(c, env, j)
		},
	}
}

// record writes the snapshot to a file that only its owner reads.
func record(s *fact.Recording, file string) error {
	var b bytes.Buffer
	if err := s.Save(&b); err != nil {
		return err
	}
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		return usage("--record: %w", err)
	}
	return nil
}

// policies reads the flags that change the judgement.
func policies(c *cli.Context) (check.Policies, error) {
	p := check.Policies{Ignore: map[string]string{}}
	if f := c.String("format"); !slices.Contains(report.Formats, f) {
		return p, usage("--format %s: use one of %s", f, strings.Join(report.Formats, ", "))
	}
	switch v := c.String("fail-on"); v {
	case "warning":
		p.FailOnWarning = true
	case "blocker":
	default:
		return p, usage("--fail-on %s: use blocker or warning", v)
	}
	for _, v := range c.StringSlice("ignore") {
		id, reason, _ := strings.Cut(v, "=")
		k, known := preflight.CheckByID(id)
		switch {
		case known && (k.Of == check.OfOutcome || (k.Topic() == "audit") != (c.Command.Name == "audit")):
			return p, usage("--ignore %s: %s does not run this check", id, c.Command.Name)
		case !known:
			return p, usage("--ignore %s: no such check; patroni-preflight checks lists them", id)
		case strings.HasPrefix(id, "identity."):
			return p, usage("--ignore %s: identity cannot be ignored, since then nothing else is known of that member", id)
		case strings.TrimSpace(reason) == "":
			return p, usage("--ignore %s: say why, as in --ignore %s='accepted in change 4711'", id, id)
		}
		p.Ignore[id] = reason
	}
	return p, nil
}

// show writes the report and carries its exit code.
func show(c *cli.Context, env environment, j judgement) error {
	if err := j.write(env.stdout, c.String("format"), options(c, env)); err != nil {
		return err
	}
	return code(j.verdict().ExitCode())
}

func options(c *cli.Context, env environment) report.Options {
	noColor, _ := env.lookup("NO_COLOR") // an empty one says nothing: no-color.org
	return report.Options{Color: env.terminal && noColor == "", Verbose: c.Bool("verbose")}
}

// code ends the program with an exit code, without a word.
func code(n int) error {
	if n == exitcode.Go {
		return nil
	}
	return exit{code: n}
}

func replayCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "judge a recorded snapshot again, on any machine",
		ArgsUsage: "FILE",
		Flags:     judgeFlags(),
		Action: func(c *cli.Context) error {
			args, err := positional(c, "FILE")
			if err != nil {
				return err
			}
			p, err := policies(c)
			if err != nil {
				return err
			}
			f, err := os.Open(args[0])
			if err != nil {
				return usage("%w", err)
			}
			defer f.Close()
			s, err := fact.LoadRecording(f)
			if err != nil {
				return usage("%s: %w", args[0], err)
			}
			if c.IsSet("candidate") {
				s.Question.Candidate = c.String("candidate")
			}
			if c.IsSet("scheduled") {
				s.Question.ScheduledAt = c.String("scheduled")
			}
			return show(c, env, judged(s, p))
		},
	}
}
