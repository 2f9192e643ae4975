package cli

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// TestHelpPages: every --help fits into 80 columns and says what the command does, with
// examples that start with the command, its exit codes, and every flag by its value.
func TestHelpPages(t *testing.T) {
	for _, c := range app(Environment{}).VisibleCommands() {
		if c.Name == "help" {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			o := runCLI(t, c.Name, "--help")
			if o.code != 0 || o.stderr != "" {
				t.Fatalf("exit code %d, stderr %q", o.code, o.stderr)
			}
			fits(t, o.stdout)
			for _, want := range []string{"Usage:\n  patroni-preflight " + c.Name, "\nExamples:\n", "\nExit codes:\n"} {
				if !strings.Contains(o.stdout, want) {
					t.Errorf("does not say %q:\n%s", want, o.stdout)
				}
			}
			for _, f := range c.VisibleFlags() {
				if name := f.Names()[0]; name != "help" && !strings.Contains(o.stdout, "--"+name) {
					t.Errorf("does not show --%s", name)
				}
				if cf, ok := f.(cli.CategorizableFlag); ok && f.Names()[0] != "help" && cf.GetCategory() == "" {
					t.Errorf("--%s is in no group", f.Names()[0])
				}
			}
			if strings.Contains(o.stdout, " value ") {
				t.Errorf("a flag does not name its value:\n%s", o.stdout)
			}
		})
	}
	o := runCLI(t, "--help")
	fits(t, o.stdout)
	if !strings.Contains(o.stdout, "\nCommands:\n  check ") {
		t.Errorf("does not list the commands:\n%s", o.stdout)
	}
}

func fits(t *testing.T, text string) {
	t.Helper()
	for l := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimRight(l, "\n")); n > helpWidth {
			t.Errorf("%d columns: %s", n, l)
		}
	}
}
