package cli

import (
	"context"
	"io"
	"os/exec"
	"regexp"
	"strings"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/internal/request"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
)

// patronictl is a patronictl that was found usable.
type patronictl struct {
	path string
	// leaderFlag is what this release calls the leader: --leader or --primary.
	leaderFlag string
	// args and env say which store it asks.
	args, env []string
}

// findPatronictl finds every mistake that can be found before the user is asked.
// It returns nil for --via rest.
func findPatronictl(ctx context.Context, r requestOptions, o clusterOptions) (*patronictl, error) {
	switch r.via {
	case "rest":
		return nil, nil
	case "patronictl":
	default:
		return nil, usage("--via %s: use patronictl or rest", r.via)
	}
	path, err := exec.LookPath(r.patronictl)
	if err != nil {
		return nil, usage("patronictl was not found (%w); give its path with --patronictl, or use --via rest", err)
	}
	p := &patronictl{path: path}
	if o.configFile != "" {
		p.args = append(p.args, "--config-file", o.configFile)
	}
	if o.dcsURL != "" {
		p.args = append(p.args, "--dcs-url", o.dcsURL)
	}
	if o.insecure {
		p.args = append(p.args, "--insecure")
	}
	if o.namespace != "" {
		p.env = append(p.env, "PATRONI_NAMESPACE="+o.namespace)
	}
	if p.leaderFlag, err = request.LeaderFlag(ctx, p.path, p.args, p.env); err != nil {
		return nil, usage("patronictl cannot be used: %w; give another with --patronictl, or use --via rest", err)
	}
	return p, nil
}

// switchover runs patronictl with every name filled in, so that it asks nothing and
// chooses nothing.
func (p *patronictl) switchover(
	ctx context.Context, t fact.Target, plan preflight.Plan, hide foreign.Secrets, out io.Writer,
) preflight.RequestResult {
	args := append([]string{}, p.args...)
	args = append(args, "switchover", t.Scope, "--force", p.leaderFlag, plan.Leader)
	if plan.Candidate != "" {
		args = append(args, "--candidate", plan.Candidate)
	}
	if plan.ScheduledAt != "" {
		args = append(args, "--scheduled", plan.ScheduledAt)
	}
	if t.Group != "" {
		args = append(args, "--group", t.Group)
	}
	return request.Patronictl(ctx, p.path, args, p.env, hide, out)
}

var harmless = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]+$`)

// quoted is a command line as a shell wants it.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		if !harmless.MatchString(a) {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
