package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

var (
	codeBlock  = regexp.MustCompile("(?ms)^ *```(?:sh|bash)?\n(.*?)^ *```$")
	codeInline = regexp.MustCompile("`(patroni-preflight [^`]+)`")
	flagWord   = regexp.MustCompile(`^--?[a-z]`)
)

// documentedCommands are the calls of the tool in a document, as words.
func documentedCommands(text string) [][]string {
	var out [][]string
	add := func(line string) {
		_, call, ok := strings.Cut(line, "patroni-preflight ")
		if !ok || strings.HasSuffix(strings.TrimSuffix(line, call), "/patroni-preflight ") {
			return
		}
		// What stands behind belongs to the shell.
		for _, end := range []string{"&&", "|", ";", " #", ">"} {
			call, _, _ = strings.Cut(call, end)
		}
		out = append(out, strings.Fields(call))
	}
	for _, b := range codeBlock.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(b[1]) {
			if line = strings.TrimSpace(
				line,
			); strings.HasPrefix(line, "patroni-preflight ") ||
				strings.HasPrefix(line, "if patroni-preflight ") {
				add(line)
			}
		}
	}
	for _, m := range codeInline.FindAllStringSubmatch(text, -1) {
		add(m[1])
	}
	return out
}

// TestCommandsInDocuments: each names a command and flags that there are.
func TestCommandsInDocuments(t *testing.T) {
	files, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := app(Environment{}).Commands
	seen := 0
	for _, file := range append(files, "README.md", "CONTRIBUTING.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range documentedCommands(string(raw)) {
			seen++
			i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(words[0]) })
			if i < 0 {
				t.Errorf("%s: %q: no such command", file, words)
				continue
			}
			var names []string
			for _, f := range commands[i].Flags {
				names = append(names, f.Names()...)
			}
			for _, w := range words[1:] {
				name, _, _ := strings.Cut(strings.TrimLeft(w, "-"), "=")
				if flagWord.MatchString(w) && !slices.Contains(names, name) && w != "-Is" && w != "-d" {
					t.Errorf("%s: %q: %s has no flag %s", file, words, words[0], w)
				}
			}
			// These need no cluster.
			if slices.Contains([]string{"checks", "explain", "version"}, words[0]) && !slices.Contains(words, "ID") {
				if o := runCLI(t, words...); o.code != 0 {
					t.Errorf("%s: %q ends with %d: %s", file, words, o.code, o.stderr)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("found only %d commands", seen)
	}
}

// TestAnsibleKnowsTheExitCodes: the role says what each means, and so does the
// runbook.
func TestAnsibleKnowsTheExitCodes(t *testing.T) {
	raw, err := os.ReadFile("ansible/roles/patroni_preflight/vars/main.yml")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([0-9, ]+) \|`).FindAllStringSubmatch(doc(t, "runbook.md"), -1) {
		for code := range strings.SplitSeq(m[1], ", ") {
			rows[code] = true
		}
	}
	for code, name := range exitConstants(t) {
		text := strconv.Itoa(code)
		if code != 0 && !strings.Contains(string(raw), "\n  \""+text+"\": ") {
			t.Errorf("%s = %d: the role does not say what it means", name, code)
		}
		if !rows[text] {
			t.Errorf("%s = %d is not in docs/runbook.md", name, code)
		}
	}
}
