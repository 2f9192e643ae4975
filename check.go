package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/dcs"
	"patroni-preflight/internal/config"
	"patroni-preflight/internal/gather"
	"patroni-preflight/patroniapi"
	"patroni-preflight/pg"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/report"
)

// judgeFlags are the flags of every command that ends in a verdict.
func judgeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "candidate", Usage: "the member to be promoted; without it Patroni chooses"},
		&cli.StringFlag{Name: "scheduled", Usage: "the `TIME` for which it shall be scheduled, as for patronictl: 2026-12-01T03:00:00+00:00"},
		&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: report.Formats[0], Usage: strings.Join(report.Formats, ", ")},
		&cli.BoolFlag{Name: "verbose", Usage: "show also what passed, with the evidence"},
		&cli.StringSliceFlag{Name: "ignore", Usage: "`ID=reason`: what this check finds warns instead of blocking (repeatable; not identity.*)"},
		&cli.StringFlag{Name: "fail-on", Value: "blocker", Usage: "blocker, or warning: then warnings make NO-GO too"},
	}
}

func checkCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:  "check",
		Usage: "look at the live cluster and say whether a switchover would work",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "config-file", Aliases: []string{"c"}, Usage: "patroni.yml or patronictl.yaml, found as patronictl does"},
			&cli.StringFlag{Name: "dcs-url", Aliases: []string{"d"}, Usage: "the DCS instead of the file's: etcd3://host:port"},
			&cli.BoolFlag{Name: "insecure", Aliases: []string{"k"}, Usage: "as in patronictl: do not verify the certificates of the REST API"},
			&cli.StringFlag{Name: "group", Usage: "the Citus group, for a cluster of which there are several"},
			&cli.StringFlag{Name: "scope", Usage: "the cluster's name, where the file has none"},
			&cli.StringFlag{Name: "namespace", Usage: "the path in the DCS, /service by default"},
			&cli.StringFlag{Name: "leader", Aliases: []string{"primary"}, Usage: "the leader that you expect"},
			&cli.StringSliceFlag{Name: "vip", Usage: "an `address` that moves with the leader (repeatable)"},
			&cli.DurationFlag{Name: "timeout", Value: 3 * time.Second, Usage: "deadline of each of the three steps: DCS, members, DCS again"},
			&cli.StringFlag{Name: "record", Usage: "write what was seen to `FILE`, for replay"},
		}, judgeFlags()...),
		Action: func(c *cli.Context) error {
			if _, err := positional(c); err != nil {
				return err
			}
			p, err := policies(c)
			if err != nil {
				return err
			}
			s, err := look(c, env)
			if err != nil {
				return err
			}
			if file := c.String("record"); file != "" {
				if err := record(s, file); err != nil {
					return err
				}
			}
			return answer(c, env, s, p)
		},
	}
}

// patroniAnswersWithin is how long Patroni itself waits for a REST API; a
// deadline below that could not tell a slow member from a dead one.
const patroniAnswersWithin = 2 * time.Second

// look takes a snapshot of the live cluster.
func look(c *cli.Context, env environment) (*preflight.Snapshot, error) {
	step := c.Duration("timeout")
	if step <= patroniAnswersWithin {
		return nil, usage("--timeout %s: must be more than %s, since Patroni itself waits that long for a member", step, patroniAnswersWithin)
	}
	cfg, err := config.Load(config.Flags{
		File: c.String("config-file"), DCSURL: c.String("dcs-url"), Insecure: c.Bool("insecure"), Group: c.String("group"),
		Scope: c.String("scope"), Namespace: c.String("namespace"), VIPs: c.StringSlice("vip"),
	}, env.lookup)
	if err != nil {
		return nil, usage("%w", err)
	}
	for _, w := range cfg.Warnings {
		fmt.Fprintf(env.stderr, "patroni-preflight: warning: %s\n", w)
	}
	store, err := dcs.Open(dcs.Config{
		Endpoints: cfg.Etcd3.Endpoints, SRV: cfg.Etcd3.SRV, SRVSuffix: cfg.Etcd3.SRVSuffix,
		TLS: cfg.Etcd3.TLS, Secure: cfg.Etcd3.Strict, User: cfg.Etcd3.Username, Password: cfg.Etcd3.Password,
	})
	if err != nil {
		return nil, usage("%w", err)
	}
	defer store.Close()
	rest := patroniapi.New(patroniapi.Config{Timeout: step, TLS: cfg.REST})
	src := gather.Sources{
		Store: store, REST: rest.Get, Now: time.Now,
		SQL: func(ctx context.Context, targets []pg.Target, leader string) map[string]preflight.Observed[preflight.SQL] {
			return pg.Collect(ctx, pg.Config{
				User: cfg.Postgres.User, Password: cfg.Postgres.Password, Database: cfg.Postgres.Database,
				SSLMode: cfg.Postgres.SSLMode, SSLRootCert: cfg.Postgres.SSLRootCert, SSLNegotiation: cfg.Postgres.SSLNegotiation,
				ChannelBinding: cfg.Postgres.ChannelBinding, Certificate: cfg.Postgres.Certificate,
			}, targets, leader)
		},
		Resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
	}
	if c.Bool("verbose") {
		src.Progress = func(format string, args ...any) { fmt.Fprintf(env.stderr, format+"\n", args...) }
	}
	// Two rounds of three steps at the most, and a little for the way.
	overall := 7 * step
	ctx, cancel := context.WithTimeoutCause(c.Context, overall, errOverall)
	defer cancel()
	s := src.Gather(ctx, preflight.Request{
		Scope: cfg.Scope, Namespace: cfg.Namespace, Group: cfg.Group,
		Leader: c.String("leader"), Candidate: c.String("candidate"), ScheduledAt: c.String("scheduled"), VIPs: cfg.VIPs,
	}, step, version)
	if err := ctx.Err(); err != nil {
		if errors.Is(context.Cause(ctx), errOverall) {
			return nil, exit{preflight.ExitDeadline, fmt.Errorf("no verdict within %s", overall)}
		}
		return nil, context.Cause(ctx)
	}
	return s, nil
}

var errOverall = errors.New("overall deadline")

// record writes the snapshot to a file that only its owner reads.
func record(s *preflight.Snapshot, file string) error {
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
func policies(c *cli.Context) (preflight.Policies, error) {
	p := preflight.Policies{Ignore: map[string]string{}}
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
		_, known := preflight.CheckByID(id)
		switch {
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

// answer judges the snapshot, writes the report and carries the exit code.
func answer(c *cli.Context, env environment, s *preflight.Snapshot, p preflight.Policies) error {
	r := preflight.Judge(s, p)
	noColor, _ := env.lookup("NO_COLOR") // an empty one says nothing: no-color.org
	err := report.Write(env.stdout, c.String("format"), r, report.Options{Color: env.terminal && noColor == "", Verbose: c.Bool("verbose")})
	if err != nil {
		return err
	}
	if r.ExitCode != preflight.ExitGo {
		return exit{code: r.ExitCode}
	}
	return nil
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
			s, err := preflight.LoadSnapshot(f)
			if err != nil {
				return usage("%s: %w", args[0], err)
			}
			if c.IsSet("candidate") {
				s.Request.Candidate = c.String("candidate")
			}
			if c.IsSet("scheduled") {
				s.Request.ScheduledAt = c.String("scheduled")
			}
			return answer(c, env, s, p)
		},
	}
}
