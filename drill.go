package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/report"
)

func drillCommand(env environment) *cli.Command {
	judge := slices.DeleteFunc(ruleFlags(), func(f cli.Flag) bool {
		return slices.Contains([]string{"candidate", "scheduled"}, f.Names()[0])
	})
	own := []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: "show the plan, with today's verdict for every leg, and do nothing"},
		formatFlag(report.DrillFormats),
	}
	return &cli.Command{
		Name:  "drill",
		Usage: "move the leader through every member that may be promoted and back, and verify each switchover",
		Flags: slices.Concat(clusterFlags(), waitFlags(), outcomeFlags(), requestFlags(), own, judge),
		Action: func(c *cli.Context) error {
			if _, err := positional(c); err != nil {
				return err
			}
			if err := outcomeFormat(c, report.DrillFormats); err != nil {
				return err
			}
			d := &drill{w: &wrapper{
				c: c, env: env, out: env.stdout, sure: c.Bool("yes") || c.Bool("dry-run"),
				maxAge: time.Minute, terse: true, measures: true,
			}}
			if err := d.w.prepare(); err != nil {
				return unasked(c.Context, err)
			}
			n, err := d.run(c.Context)
			if err != nil {
				return unasked(c.Context, err)
			}
			d.doc.ExitCode = n
			if err := report.WriteDrill(env.stdout, c.String("format"), d.doc, options(c, env)); err != nil {
				return err
			}
			return code(n)
		},
	}
}

// drill is a rehearsal: one wrapper after the other.
type drill struct {
	w   *wrapper
	doc preflight.DrillReport
}

// run is the rehearsal. Its exit code has a report in d.doc; an error means that
// not even the first leg was begun.
func (d *drill) run(ctx context.Context) (code int, err error) {
	w := d.w
	j, err := w.wait.judge(ctx, w.env, w.k, w.rules)
	if err != nil {
		return 0, err
	}
	s, _ := j.only()
	d.doc = preflight.PlanDrill(s.Snapshot, s.Question, w.rules)
	d.doc.DryRun = w.c.Bool("dry-run")
	if !d.doc.DryRun {
		if err := report.WriteDrillPlan(w.out, d.doc, options(w.c, w.env)); err != nil {
			return 0, err
		}
	}
	if n, why := d.doc.Start(); n != exitcode.Go {
		d.doc.Stopped = why
		return n, nil
	}
	if d.doc.DryRun {
		return exitcode.Go, nil
	}
	if !w.sure {
		question := fmt.Sprintf("Switch over %s %d times, from %s back to %s?", report.Line(d.doc.Scope, 80), len(d.doc.Legs), report.Line(d.doc.First, 80), report.Line(d.doc.First, 80))
		if err := confirm(ctx, w.env, question); err != nil {
			return 0, err
		}
		w.sure = true
	}
	first := w.wait
	for i := range d.doc.Legs {
		leg := d.doc.Legs[i]
		w.seen, w.doc, w.outage, w.wait = nil, preflight.SwitchoverReport{}, nil, first
		w.k.request.ExpectedLeader, w.k.request.Candidate = leg.From, leg.To
		if i > 0 {
			w.wait.wait = max(first.wait, settling*loopWait(s.Snapshot))
		}
		fmt.Fprintf(w.out, "\nLEG %d of %d  %s -> %s\n", i+1, len(d.doc.Legs), report.Line(leg.From, 80), report.Line(leg.To, 80))
		n, err := w.run(ctx)
		why := ""
		if err != nil {
			if i == 0 {
				return 0, err
			}
			n, why = stoppedBy(ctx, err), err.Error()
		}
		goesOn := d.doc.End(i, n, w.doc, w.outage, why)
		if w.text() && err == nil {
			if err := report.WriteSwitchover(w.out, map[bool]string{true: "brief", false: "text"}[n == exitcode.Go], w.doc, options(w.c, w.env)); err != nil {
				return 0, err
			}
		}
		if !goesOn {
			break
		}
	}
	// While one may be under way no other is to be asked for.
	if d.doc.Stopped != "" && d.doc.Leader != "" && d.doc.Leader != d.doc.First && d.doc.ExitCode != exitcode.OutcomeUnknown {
		d.doc.Back = d.back()
	}
	return d.doc.ExitCode, nil
}

// settling is for how many loop_waits a check may not be GO after a leg: it takes
// Patroni a few to choose who is synchronous, and to write what the members are.
const settling = 6

// stoppedBy is the exit code of an error between two requests.
func stoppedBy(ctx context.Context, err error) int {
	var stop signalled
	if errors.As(context.Cause(ctx), &stop) {
		return stop.code()
	}
	e := exit{code: exitcode.Internal}
	errors.As(err, &e)
	return e.code
}

// back is the command that brings the leader back, with the flags that say which
// cluster is meant.
func (d *drill) back() string {
	args := []string{"patroni-preflight", "switchover"}
	c := d.w.c
	for _, name := range []string{"config-file", "dcs-url", "scope", "namespace", "group", "via", "patronictl"} {
		if c.IsSet(name) {
			args = append(args, "--"+name, c.String(name))
		}
	}
	if c.Bool("insecure") {
		args = append(args, "--insecure")
	}
	for _, v := range c.StringSlice("vip") {
		args = append(args, "--vip", v)
	}
	args = append(args, "--candidate", d.doc.First)
	for i, a := range args {
		args[i] = quoted(a)
	}
	return strings.Join(args, " ")
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quoted is an argument as a shell wants it.
func quoted(arg string) string {
	if harmless.MatchString(arg) {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
