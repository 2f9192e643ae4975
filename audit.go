package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/internal/config"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

func auditCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "audit",
		Usage:     "judge the nodes' patroni.yml files together",
		ArgsUsage: "FILE...",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "live", Usage: "hold the files against the running cluster too; without it nobody is asked"},
		}, auditClusterFlags(), weightFlags(), []cli.Flag{formatFlag(report.Formats)}),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usage("audit needs FILE...: the patroni.yml of each node")
			}
			paths, err := positional(c, c.Args().Slice()...)
			if err != nil {
				return err
			}
			if err := onlyLive(c); err != nil {
				return err
			}
			p, err := policies(c)
			if err != nil {
				return err
			}
			files, err := config.Files(paths, c.StringSlice("vip"))
			if err != nil {
				return usage("%w", err)
			}
			for _, w := range files.Warnings {
				fmt.Fprintf(env.stderr, "patroni-preflight: warning: %s\n", w)
			}
			if !c.Bool("live") {
				return show(c, env, judgement{report: preflight.Audit(snapshotOf(files), fact.Question{VIPs: files.VIPs}, p)})
			}
			s, err := lookBeside(c.Context, c, env, paths[0], files)
			if err != nil {
				return err
			}
			return show(c, env, judgement{report: preflight.AuditLive(s.Snapshot, s.Question, p)})
		},
	}
}

// auditClusterFlags are those of check, but for the leader: an audit has none.
func auditClusterFlags() []cli.Flag {
	return slices.DeleteFunc(clusterFlags(), func(f cli.Flag) bool { return f.Names()[0] == "leader" })
}

// onlyLive refuses flags that would count for nothing.
func onlyLive(c *cli.Context) error {
	for _, f := range auditClusterFlags() {
		if name := f.Names()[0]; name != "vip" && c.IsSet(name) && !c.Bool("live") {
			return usage("--%s says how to ask the cluster, and without --live nobody is asked: add --live, or leave it out", name)
		}
	}
	return nil
}

// lookBeside takes a snapshot of the cluster with the files in it. Without -c it is
// found by the first file, and then by nothing of this machine's own.
func lookBeside(ctx context.Context, c *cli.Context, env environment, first string, files config.Audited) (*fact.Recording, error) {
	if c.String("config-file") == "" {
		if err := c.Set("config-file", first); err != nil {
			return nil, usage("%s: %w", first, err)
		}
		env.lookup = withoutPatroni(env.lookup)
	}
	k, err := connect(c, env)
	if err != nil {
		return nil, err
	}
	for _, vip := range files.VIPs {
		if !slices.Contains(k.request.VIPs, vip) {
			k.request.VIPs = append(k.request.VIPs, vip)
		}
	}
	s, err := k.look(ctx)
	if err != nil {
		return nil, err
	}
	s.Files = files.Files
	return s, nil
}

// withoutPatroni hides the variables that stand for keys of the file.
func withoutPatroni(lookup func(string) (string, bool)) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if strings.HasPrefix(name, "PATRONI") || name == "DCS_URL" {
			return "", false
		}
		return lookup(name)
	}
}

// snapshotOf is a snapshot of files alone.
func snapshotOf(files config.Audited) *fact.Snapshot {
	s := &fact.Snapshot{Schema: fact.SnapshotSchema, Tool: version, TakenAt: time.Now().UTC(), Files: files.Files}
	for _, f := range slices.Backward(files.Files) {
		if scope, ok := f.Scope.Get(); ok {
			s.Target.Scope, s.Target.Namespace = scope, *f.Namespace.Value
		}
	}
	return s
}
