package cli

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight/check"
)

// completed returns what the shells are offered, without the descriptions.
func completed(t *testing.T, words ...string) []string {
	t.Helper()
	o := runCLI(t, append([]string{"complete"}, words...)...)
	if o.code != 0 || o.stderr != "" {
		t.Fatalf("%q: %+v", words, o)
	}
	var out []string
	for l := range strings.Lines(o.stdout) {
		value, _, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "\t")
		out = append(out, value)
	}
	return out
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		line string // a space at its end begins a new word
		want string // what is offered, all of it
	}{
		{"", "COMMANDS"},
		{"che", "check checks"},
		{"--", "--help --version"},
		{"nonsense ", ""},
		{"check --f", "--fail-on --format"},
		{"check -f json --f", "--fail-on"},
		{"check --ignore dcs.alarms=x --ig", "--ignore"}, // may be there again
		{"check --primary node1 --le", ""},               // one flag, two names
		{"check --format ", "text brief json markdown junit nagios"},
		{"check -f j", "json junit"},
		{"check --format=js", "--format=json"},
		{"check -f=js", "-f=json"},
		{"check --nonsense=", ""},
		{"check --nonsense ", "FLAGS"},
		{"verify -f ", "text brief json"},
		{"checks -f ", "text json markdown"},
		{"check --fail-on ", "blocker warning"},
		{"switchover --via ", "patronictl rest"},
		{"switchover --yes --via=r", "--via=rest"}, // --yes takes nothing
		{"check --ignore dcs.al", "dcs.alarms="},
		{"check --ignore=dcs.al", "--ignore=dcs.alarms="},
		{"check --ignore identity.", ""},
		{"explain identity.rest_n", "identity.rest_name"},
		{"explain dcs.alarms ", ""},
		{"completion ", "bash zsh fish"},
		{"completion bash ", ""},
		{"check -c ", ":file"},
		{"check --record=x", ":file"},
		{"switchover --patronictl ", ":file"},
		{"verify --since x", ":file"},
		{"replay ", ":file"},
		{"replay -f json x", ":file"},
		{"check --candidate ", ""},
		{"check --candidate --f", ""}, // the value of --candidate
		{"check ", "FLAGS"},
		{"man ", ""},
	} {
		got := strings.Join(completed(t, strings.Split(c.line, " ")...), " ")
		switch {
		case c.want == "FLAGS":
			if !strings.HasPrefix(got, "--candidate ") || !strings.Contains(got, " --config-file ") {
				t.Errorf("%q: %s, want every flag", c.line, got)
			}
		case c.want == "COMMANDS":
			if !strings.HasPrefix(got, "check switchover ") || !strings.HasSuffix(got, " completion man help") ||
				strings.Contains(got, "complete ") {
				t.Errorf("%q: %s, want every command", c.line, got)
			}
		case got != c.want:
			t.Errorf("%q: %s, want %s", c.line, got, c.want)
		}
	}
	if o := runCLI(t, "complete", "explain", "dcs.alarms"); o.stdout != "dcs.alarms\tthe DCS has no alarm\n" {
		t.Errorf("the description is not there: %q", o.stdout)
	}
	if o := runCLI(t, "complete"); !strings.HasPrefix(o.stdout, "check\t") {
		t.Errorf("without a word: %+v", o)
	}
}

// TestWhatIsOfferedIsAccepted: no command knows less than what is offered for it.
func TestWhatIsOfferedIsAccepted(t *testing.T) {
	offered := 0
	for _, c := range commandsOf(t) {
		for _, f := range c.Flags {
			name := "--" + f.Names()[0]
			if !takesValue(f) {
				continue
			}
			for _, value := range completed(t, c.Name, name, "") {
				if value == file.value {
					continue
				}
				offered++
				if strings.HasSuffix(value, "=") {
					value += "because"
				}
				if o := runCLI(t, c.Name, name, value, "--no-such-flag"); !strings.Contains(o.stderr, "no-such-flag") {
					t.Errorf("%s %s %s: %+v", c.Name, name, value, o)
				}
				if o := runCLI(t, c.Name, name, value); strings.Contains(o.stderr, name+" "+value) {
					t.Errorf("%s %s %s: %s", c.Name, name, value, o.stderr)
				}
			}
		}
	}
	if offered < 2*len(check.Checks) {
		t.Errorf("only %d values were offered", offered)
	}
	for _, shell := range completed(t, "completion", "") {
		if o := runCLI(
			t,
			"completion",
			shell,
		); o.code != 0 ||
			!strings.Contains(o.stdout, shell+" completion for patroni-preflight") {
			t.Errorf("%s: %+v", shell, o)
		}
	}
}

// commandsOf are the visible commands.
func commandsOf(t *testing.T) []*cli.Command {
	t.Helper()
	a := app(Environment{})
	a.Setup()
	return slices.DeleteFunc(a.VisibleCommands(), func(c *cli.Command) bool { return c.Name == "help" })
}

// TestManualNamesEverything: commands, flags and exit codes.
func TestManualNamesEverything(t *testing.T) {
	o := runCLI(t, "man")
	if o.code != 0 || o.stderr != "" || !strings.HasPrefix(o.stdout, ".nh\n.TH PATRONI-PREFLIGHT 1 ") {
		t.Fatalf("%+v", o)
	}
	for _, c := range commandsOf(t) {
		_, rest, there := strings.Cut(o.stdout, "\n.SS "+c.Name)
		section, _, _ := strings.Cut(rest, "\n.S")
		if !there || !strings.Contains(section, strings.Fields(c.Usage)[0]) {
			t.Errorf("%s has no section of its own: %q", c.Name, section)
		}
		for _, f := range c.Flags {
			if !strings.Contains(section, "--"+f.Names()[0]) {
				t.Errorf("%s: --%s is not there", c.Name, f.Names()[0])
			}
		}
	}
	_, codes, _ := strings.Cut(o.stdout, ".SH EXIT STATUS")
	for code, name := range exitConstants(t) {
		if !strings.Contains(codes, "\\fB"+strconv.Itoa(code)+"\\fP") {
			t.Errorf("%s (%d) is not there", name, code)
		}
	}
}
