package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/internal/config"
	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// auditOptions are the flags of audit.
type auditOptions struct {
	output
	paths   []string
	live    bool
	cluster clusterOptions
	rules   check.Policies
}

func auditCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:      "audit",
		Usage:     "check the nodes' patroni.yml files against each other, offline",
		ArgsUsage: "FILE...",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{
				Name: "live", Category: groupQuestion,
				Usage: "compare the files with the running cluster too",
			},
		}, clusterFlags(), verdictFlags(), []cli.Flag{formatFlag(report.Formats), verboseFlag()}),
		Action: func(c *cli.Context) (err error) {
			if !c.Args().Present() {
				return usage("audit needs FILE..., the patroni.yml of each node")
			}
			if err := positional("audit", c.Args().Slice(), c.Args().Slice()...); err != nil {
				return err
			}
			o := auditOptions{
				paths: c.Args().Slice(), live: c.Bool("live"), cluster: readCluster(c),
				output: output{env: env, verbose: c.Bool("verbose")},
			}
			if err := onlyLive(c); err != nil {
				return err
			}
			if o.format, err = readFormat(c, report.Formats); err != nil {
				return err
			}
			if o.rules, err = readPolicies(c); err != nil {
				return err
			}
			return o.run(c.Context)
		},
	}
}

// onlyLive refuses flags that have no effect without --live.
func onlyLive(c *cli.Context) error {
	if c.Bool("live") {
		return nil
	}
	for _, f := range clusterFlags() {
		if name := f.Names()[0]; name != "vip" && c.IsSet(name) {
			return usage("--%s says how to ask the cluster, and without --live the cluster is not asked: "+
				"add --live, or remove --%s", name, name)
		}
	}
	return nil
}

func (o auditOptions) run(ctx context.Context) error {
	files, err := config.Files(o.paths, o.cluster.vips)
	if err != nil {
		return usage("%w", err)
	}
	for _, w := range files.Warnings {
		fmt.Fprintf(o.env.Stderr, "patroni-preflight: warning: %s\n", foreign.Text(w))
	}
	if !o.live {
		s := snapshotOf(files, o.env.Version)
		return o.show(reported(preflight.Audit(s, fact.Question{VIPs: files.VIPs}, o.rules)))
	}
	s, err := o.snapshotWith(ctx, files)
	if err != nil {
		return err
	}
	return o.show(reported(preflight.AuditLive(s.Snapshot, s.Question, o.rules)))
}

// snapshotWith reads the running cluster and adds the files. Without -c the first
// file says which cluster, and then nothing of this machine's environment counts.
func (o auditOptions) snapshotWith(ctx context.Context, files config.Audited) (*fact.Recording, error) {
	env, which := o.env, o.cluster
	if which.configFile == "" {
		which.configFile = o.paths[0]
		env.Lookup = withoutPatroni(env.Lookup)
	}
	k, err := open(env, which, fact.Question{})
	if err != nil {
		return nil, err
	}
	r := k.request
	r.VIPs = slices.Clone(r.VIPs)
	for _, vip := range files.VIPs {
		if !slices.Contains(r.VIPs, vip) {
			r.VIPs = append(r.VIPs, vip)
		}
	}
	s, err := k.snapshot(ctx, r)
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
func snapshotOf(files config.Audited, version string) *fact.Snapshot {
	s := &fact.Snapshot{
		Schema: fact.SnapshotSchema, Tool: version, TakenAt: time.Now().UTC(), Files: files.Files,
	}
	for _, f := range slices.Backward(files.Files) {
		if scope, ok := f.Scope.Get(); ok {
			s.Target.Scope, s.Target.Namespace = scope, *f.Namespace.Value
		}
	}
	return s
}
