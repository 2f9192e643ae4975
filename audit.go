package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/internal/config"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/report"
)

func auditCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:      "audit",
		Usage:     "judge the nodes' patroni.yml files together, without asking anybody",
		ArgsUsage: "FILE...",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "vip", Usage: "an `address` that moves with the leader (repeatable)"},
		}, append(weightFlags(), formatFlag(report.Formats))...),
		Action: func(c *cli.Context) error {
			if !c.Args().Present() {
				return usage("audit needs FILE...: the patroni.yml of each node")
			}
			paths, err := positional(c, c.Args().Slice()...)
			if err != nil {
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
			return show(c, env, preflight.Audit(snapshotOf(files), p))
		},
	}
}

// snapshotOf is a snapshot of files alone.
func snapshotOf(files config.Audited) *preflight.Snapshot {
	s := &preflight.Snapshot{Schema: preflight.SnapshotSchema, Tool: version, TakenAt: time.Now().UTC(), Files: files.Files}
	s.Request.VIPs = files.VIPs
	for _, f := range slices.Backward(files.Files) {
		if scope, ok := f.Scope.Get(); ok {
			s.Request.Scope, s.Request.Namespace = scope, *f.Namespace.Value
		}
	}
	return s
}
