package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// The groups of flags, as --help shows them.
const (
	groupQuestion = "The question"
	groupCluster  = "Which cluster"
	groupCounts   = "What counts"
	groupRequest  = "The request"
	groupWaiting  = "Waiting"
	groupOutput   = "Output"
)

// flagGroups is the order of the groups in --help: the most used first.
var flagGroups = []string{groupQuestion, groupCluster, groupRequest, groupCounts, groupWaiting, groupOutput}

// questionFlags are the flags that say what is asked about the cluster.
func questionFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "candidate", Category: groupQuestion,
			Usage: "promote the member `NAME` (default: Patroni chooses)",
		},
		&cli.StringFlag{
			Name: "scheduled", Category: groupQuestion,
			Usage: "schedule the switchover for `TIME`, in patronictl's format: 2026-12-01T03:00:00+00:00",
		},
	}
}

// ruleFlags are verdictFlags and the limit of the interruption, which an audit has not.
func ruleFlags() []cli.Flag { return append(verdictFlags(), interruptionFlag()) }

// interruptionFlag limits the time without a primary.
func interruptionFlag() cli.Flag {
	return &cli.DurationFlag{
		Name: "max-interruption", Category: groupCounts,
		Usage: "NO-GO if the forecast allows more than `DURATION` without a primary; it is 7s or more",
	}
}

// readInterruption returns what --max-interruption allows, in seconds; 0 if it is not given.
func readInterruption(c *cli.Context) (float64, error) {
	d := c.Duration("max-interruption")
	if c.IsSet("max-interruption") && d <= 0 {
		return 0, usage("--max-interruption %s: must be greater than zero", d)
	}
	return d.Seconds(), nil
}

// leaderFlag names the leader that the user expects.
func leaderFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "leader", Aliases: []string{"primary"}, Category: groupQuestion,
		Usage: "expect the member `NAME` to lead now; NO-GO if another member leads",
	}
}

// verdictFlags are the flags that say what makes the verdict NO-GO.
func verdictFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{
			Name: "ignore", Category: groupCounts,
			Usage: "treat a check's blockers as warnings: `ID=REASON` (repeatable; not for identity.*)",
		},
		&cli.StringFlag{
			Name: "fail-on", Value: "blocker", Category: groupCounts,
			Usage: "make the verdict NO-GO from this `SEVERITY` on: blocker or warning",
		},
	}
}

// formatFlag offers formats, of which the first is the default.
func formatFlag(formats []string) cli.Flag {
	return &cli.StringFlag{
		Name: "format", Aliases: []string{"f"}, Value: formats[0], Category: groupOutput,
		Usage: "print the document as `FORMAT`: " + strings.Join(formats, ", "),
	}
}

func verboseFlag() cli.Flag {
	return &cli.BoolFlag{
		Name: "verbose", Category: groupOutput,
		Usage: "show passed checks with their evidence, and each question on stderr",
	}
}

func recordFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "record", Category: groupOutput,
		Usage: "save the snapshot to `FILE`, for replay and verify",
	}
}

// readFormat returns the value of --format.
func readFormat(c *cli.Context, formats []string) (string, error) {
	f := c.String("format")
	if !slices.Contains(formats, f) {
		return "", usage("--format %s: use one of %s", f, strings.Join(formats, ", "))
	}
	return f, nil
}

// readPolicies returns what --ignore and --fail-on say.
func readPolicies(c *cli.Context) (check.Policies, error) {
	p := check.Policies{Ignore: map[string]string{}}
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
			return p, usage("--ignore %s: no such check; to list them: patroni-preflight checks", id)
		case strings.HasPrefix(id, "identity."):
			return p, usage("--ignore %s: identity cannot be ignored; without it nothing else is known of the member", id)
		case strings.TrimSpace(reason) == "":
			return p, usage("--ignore %s: give a reason: --ignore %s='accepted in change 4711'", id, id)
		}
		p.Ignore[id] = reason
	}
	return p, nil
}

// clusterFlags are the flags that say which cluster is asked, and how.
func clusterFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "config-file", Aliases: []string{"c"}, Category: groupCluster,
			Usage: "read `FILE`, a patroni.yml or patronictl.yaml (default: as patronictl)",
		},
		&cli.StringFlag{
			Name: "scope", Category: groupCluster,
			Usage: "name the cluster `NAME`, if the configuration file does not",
		},
		&cli.StringFlag{
			Name: "dcs-url", Aliases: []string{"d"}, Category: groupCluster,
			Usage: "ask the DCS at `URL`, etcd3://host:port, instead of the file's",
		},
		&cli.StringFlag{
			Name: "namespace", Category: groupCluster,
			Usage: "`PATH` of the clusters in the DCS (default: /service)",
		},
		&cli.StringFlag{
			Name: "group", Category: groupCluster,
			Usage: "judge the Citus group `NUMBER` only (default: check judges every group)",
		},
		&cli.StringSliceFlag{
			Name: "vip", Category: groupCluster,
			Usage: "`ADDRESS` that moves with the leader (repeatable)",
		},
		&cli.StringSliceFlag{
			Name: "api-url", Category: groupCluster,
			Usage: "ask a member's REST API at `URL`; needed if the DCS is not etcd v3 (repeatable)",
		},
		&cli.BoolFlag{
			Name: "insecure", Aliases: []string{"k"}, Category: groupCluster,
			Usage: "do not verify the certificates of the REST API, as in patronictl",
		},
		&cli.DurationFlag{
			Name: "timeout", Value: 3 * time.Second, Category: groupWaiting,
			Usage: "end each of the three steps (DCS, members, DCS again) after `DURATION`",
		},
	}
}

// clusterOptions are the values of clusterFlags.
type clusterOptions struct {
	configFile, dcsURL, group, scope, namespace string
	insecure                                    bool
	vips, apiURLs                               []string
	// step is the deadline of each step of a snapshot.
	step time.Duration
	// verbose prints each question on stderr.
	verbose bool
	// everyGroup: if there are several groups and none is named, all are meant.
	everyGroup bool
	// given are the flags that the user gave, as arguments.
	given []string
}

func readCluster(c *cli.Context) clusterOptions {
	o := clusterOptions{
		configFile: c.String("config-file"), dcsURL: c.String("dcs-url"), group: c.String("group"),
		scope: c.String("scope"), namespace: c.String("namespace"), insecure: c.Bool("insecure"),
		vips: c.StringSlice("vip"), apiURLs: c.StringSlice("api-url"),
		step: c.Duration("timeout"), verbose: c.Bool("verbose"),
	}
	for _, name := range []string{"config-file", "dcs-url", "scope", "namespace", "group"} {
		if c.IsSet(name) {
			o.given = append(o.given, "--"+name, c.String(name))
		}
	}
	if o.insecure {
		o.given = append(o.given, "--insecure")
	}
	for _, v := range o.vips {
		o.given = append(o.given, "--vip", v)
	}
	return o
}

// waitFlags are the flags of repeated checks.
func waitFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{
			Name: "wait", Category: groupWaiting,
			Usage: "repeat the check until it is GO, for up to `DURATION`",
		},
		&cli.IntFlag{
			Name: "stable", Value: 1, Category: groupWaiting,
			Usage: "with --wait: until `N` evaluations in a row are GO, at least loop_wait apart",
		},
	}
}

// readRetry returns what --wait and --stable say.
func readRetry(c *cli.Context) (retry, error) {
	r := retry{wait: c.Duration("wait"), stable: c.Int("stable")}
	switch {
	case c.IsSet("wait") && r.wait <= 0:
		return r, usage("--wait %s: must be greater than zero", r.wait)
	case r.stable < 1:
		return r, usage("--stable %d: must be 1 or more", r.stable)
	case r.stable > 1 && r.wait == 0:
		return r, usage("--stable %d: needs --wait, for example --wait 10m", r.stable)
	}
	return r, nil
}

func verifyTimeoutFlag() cli.Flag {
	return &cli.DurationFlag{
		Name: "verify-timeout", Value: 5 * time.Minute, Category: groupWaiting,
		Usage: "wait up to `DURATION` until the switchover is complete and every member follows",
	}
}

func readVerifyTimeout(c *cli.Context) (time.Duration, error) {
	d := c.Duration("verify-timeout")
	if d <= 0 {
		return 0, usage("--verify-timeout %s: must be greater than zero", d)
	}
	return d, nil
}

// requestFlags are the flags that say how the request reaches Patroni.
func requestFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{
			Name: "yes", Aliases: []string{"y"}, Category: groupRequest,
			Usage: "do not ask for confirmation; required when stdin is not a terminal",
		},
		&cli.StringFlag{
			Name: "via", Value: "patronictl", Category: groupRequest,
			Usage: "send the request by `WAY`: patronictl, or rest (POST to the leader's REST API)",
		},
		&cli.StringFlag{
			Name: "patronictl", Value: "patronictl", Category: groupRequest,
			Usage: "run the patronictl at `PATH`",
		},
	}
}

// requestOptions are the values of requestFlags.
type requestOptions struct {
	yes             bool
	via, patronictl string
	// given are the flags that the user gave, as arguments.
	given []string
}

func readRequest(c *cli.Context) requestOptions {
	o := requestOptions{yes: c.Bool("yes"), via: c.String("via"), patronictl: c.String("patronictl")}
	for _, name := range []string{"via", "patronictl"} {
		if c.IsSet(name) {
			o.given = append(o.given, "--"+name, c.String(name))
		}
	}
	return o
}

// readQuestion returns the question that the flags of a command ask.
func readQuestion(c *cli.Context) fact.Question {
	return fact.Question{
		ExpectedLeader: c.String("leader"), Candidate: c.String("candidate"), ScheduledAt: c.String("scheduled"),
	}
}
