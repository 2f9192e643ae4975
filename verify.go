package main

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
	"patroni-preflight/preflight/verify"
)

// outcomeFlags are those of the commands that end in an outcome.
func outcomeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Name: "verify-timeout", Value: 5 * time.Minute, Usage: "how long to wait until the switchover is done and everybody follows"},
	}
}

func verifyCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:  "verify",
		Usage: "say what became of a switchover, by the state of the cluster",
		Flags: slices.Concat(clusterFlags(), outcomeFlags(), []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "what was seen before: the `FILE` of check --record, or a report as JSON"},
			&cli.StringFlag{Name: "candidate", Usage: "the member to be promoted, where the file names none"},
			&cli.StringFlag{Name: "record", Usage: "write what was seen at last to `FILE`"},
			formatFlag(report.OutcomeFormats),
			&cli.BoolFlag{Name: "verbose", Usage: "tell what is being asked"},
		}),
		Action: func(c *cli.Context) error {
			if _, err := positional(c); err != nil {
				return err
			}
			if err := outcomeFormat(c, report.OutcomeFormats); err != nil {
				return err
			}
			b, err := since(c)
			if err != nil {
				return err
			}
			k, err := connect(c, env)
			if err != nil {
				return err
			}
			if k.request.Scope != b.Scope || k.request.Group != b.Group {
				return usage("--since %s: that is of cluster %s, and you ask about %s", c.String("since"), b.Scope, k.request.Scope)
			}
			shown := &progress{w: env.stderr, live: env.stderrTerminal}
			defer shown.done()
			s, v, err := follow(b, newCountdown(c.Context, c.Duration("verify-timeout")), shown, func() bool { return false }, func() (*fact.Recording, error) { return k.look(c.Context) })
			if err != nil {
				return err
			}
			shown.done()
			if file := c.String("record"); file != "" {
				if err := record(s, file); err != nil {
					return err
				}
			}
			if err := report.WriteVerification(env.stdout, c.String("format"), v, options(c, env)); err != nil {
				return err
			}
			return code(v.ExitCode)
		},
	}
}

// outcomeFormat checks --format and --verify-timeout before anything is asked.
func outcomeFormat(c *cli.Context, formats []string) error {
	if f := c.String("format"); !slices.Contains(formats, f) {
		return usage("--format %s: use one of %s", f, strings.Join(formats, ", "))
	}
	if d := c.Duration("verify-timeout"); d <= 0 {
		return usage("--verify-timeout %s: must be more than nothing", d)
	}
	return nil
}

// since reads what was seen before.
func since(c *cli.Context) (verify.Baseline, error) {
	file := c.String("since")
	if file == "" {
		return verify.Baseline{}, usage("verify needs --since FILE: what check --record, or check or switchover -f json, wrote before the switchover")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return verify.Baseline{}, usage("--since: %w", err)
	}
	b, err := verify.LoadBaseline(raw)
	if err != nil {
		return b, usage("--since %s: %w", file, err)
	}
	if c.IsSet("candidate") {
		b.Candidate = c.String("candidate")
	}
	if b.Candidate == b.Leader {
		return b, usage("--candidate %s: that is who led before", b.Candidate)
	}
	return b, nil
}

// between is the time between two looks at a switchover under way.
const between = time.Second

// follow looks at the cluster until nothing will change the outcome any more, or
// the deadline has come. That nothing has changed at all counts only after two
// loop_waits without anybody sending a request: it may be on its way.
func follow(b verify.Baseline, clock countdown, shown *progress, sending func() bool, look func() (*fact.Recording, error)) (*fact.Recording, verify.Verification, error) {
	var unchanged time.Time
	for {
		began := clock.now()
		s, err := look()
		if err != nil {
			return nil, verify.Verification{}, err
		}
		v := verify.Verify(b, s.Snapshot)
		switch {
		case v.Outcome != verify.Refused || sending():
			unchanged = time.Time{}
		case unchanged.IsZero():
			unchanged = began
		}
		long := !unchanged.IsZero() && began.Sub(unchanged) >= 2*loopWait(s.Snapshot)
		if v.Settled && (v.Outcome != verify.Refused || long) {
			return s, v, nil
		}
		shown.say(v.Reason, clock.left())
		if !clock.until(began.Add(between)) {
			return s, v.TooSoon(), nil
		}
	}
}
