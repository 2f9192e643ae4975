package cli

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight/exitcode"
)

// TestEmptyFlags: a flag with nothing in it is most often a shell variable that is not
// set. No command takes it for a flag that was left out.
func TestEmptyFlags(t *testing.T) {
	seen := map[string]bool{}
	for _, command := range app(Environment{}).Commands {
		for _, f := range command.Flags {
			switch f.(type) {
			case *cli.StringFlag, *cli.StringSliceFlag:
			default:
				continue
			}
			seen[f.Names()[0]] = true
			for _, value := range []string{"", " ", "\t\n"} {
				for _, name := range f.Names() {
					dashes := "--"
					if len(name) == 1 {
						dashes = "-"
					}
					args := []string{command.Name, dashes + name, value}
					if command.ArgsUsage != "" {
						args = append(args, healthy)
					}
					o := runCLI(t, args...)
					says := "--" + f.Names()[0] + " is empty; "
					if o.code != exitcode.Usage || o.stdout != "" || !strings.Contains(o.stderr, says) {
						t.Errorf("%q: exit code %d, %s%s; want %d, %q", args, o.code, o.stdout, o.stderr, exitcode.Usage, says)
					}
				}
			}
		}
	}
	for _, name := range []string{"candidate", "leader", "scope", "since", "record", "ignore", "vip", "via"} {
		if !seen[name] {
			t.Errorf("--%s was not tried", name)
		}
	}
	for key := range leftOut {
		if name, _, _ := strings.Cut(key, " "); !seen[name] {
			t.Errorf("--%s has a hint, and no command has the flag", name)
		}
	}
}

// TestEmptyCandidateSwitchesNothingOver: no request is sent, and the user reads why.
func TestEmptyCandidateSwitchesNothingOver(t *testing.T) {
	for flag, says := range map[string]string{
		"--candidate": "--candidate is empty; leave it out to let Patroni choose",
		"--leader":    "--leader is empty; leave it out to accept any leader",
		"--scope":     "--scope is empty; leave it out to take the name from PATRONI_SCOPE or the configuration file",
	} {
		o, told := play{frames: []state{asBefore}, args: []string{"--yes", flag, ""}}.run(t)
		if o.code != exitcode.Usage || told != "" || !strings.Contains(o.stderr, says) {
			t.Errorf("%s: exit code %d, asked %q\n%s", flag, o.code, told, o.stderr)
		}
	}
	// An empty time, number or answer is no better.
	for _, flag := range []string{"--wait=", "--stable=", "--yes=", "--verify-timeout=", "--max-age=", "--timeout="} {
		o, told := play{frames: []state{asBefore}, args: []string{"--yes", flag}}.run(t)
		if o.code != exitcode.Usage || told != "" {
			t.Errorf("%s: exit code %d, asked %q\n%s", flag, o.code, told, o.stderr)
		}
	}
	// An empty variable is one that is not set, as for patronictl.
	w := world{env: map[string]string{"PATRONI_SCOPE": ""}}
	if o := w.run(t, "replay", healthy); o.code != exitcode.Go {
		t.Errorf("PATRONI_SCOPE empty: exit code %d\n%s", o.code, o.stderr)
	}
}
