package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// helpWidth is the width of a terminal for which --help is written.
const helpWidth = 80

// page is what --help says of a command besides its flags.
type page struct {
	// does says what the command does, in whole sentences.
	does string
	// examples are command lines without the program's name.
	examples []string
	// codes are the exit codes, with their meaning.
	codes []string
	// more says where to read on.
	more string
}

const (
	codeUsage   = "4  wrong usage or configuration; nothing was judged"
	codeSignal  = "130, 143  stopped by a signal before the verdict"
	codeUnknown = "3  UNKNOWN: nothing blocks, but something essential could not be checked"
)

var pages = map[string]page{
	"check": {
		does: "Reads the REST API of each member, the keys in the DCS and PostgreSQL on each node, and says whether " +
			"a switchover would work now. It only reads.",
		examples: []string{
			"check -c /etc/patroni/patroni.yml --candidate node2",
			"check --candidate node2 --wait 10m --stable 3 -f brief",
		},
		codes: []string{
			"0  GO", "2  NO-GO: at least one blocker", codeUnknown, codeUsage,
			"124  a deadline passed before the verdict", codeSignal,
		},
		more: "docs/report.md, docs/configuration.md",
	},
	"switchover": {
		does: "Runs the check, rehearses the request, shows the plan, asks for confirmation, re-reads the DCS, lets " +
			"patronictl (or the leader's REST API) do the switchover, and verifies the result from the cluster's state.",
		examples: []string{"switchover --candidate node2", "switchover --candidate node2 --yes --via rest"},
		codes: []string{
			"0  done and verified, or scheduled", "2, 3  NO-GO, UNKNOWN: Patroni was not asked", codeUsage,
			"5  the cluster changed after the verdict; Patroni was not asked",
			"10  the switchover ended differently than requested",
			"11  the outcome is unknown; do not repeat the request",
			"12  Patroni refused, and the cluster is unchanged", codeSignal,
		},
		more: "docs/runbook.md, docs/exit-codes.md",
	},
	"verify": {
		does: "Compares the cluster with its state before a switchover and says how the switchover ended. " +
			"It only reads.",
		examples: []string{
			"check --candidate node2 --record before.json",
			"verify --since before.json",
		},
		codes: []string{
			"0  done: every point holds", codeUsage, "10  a different outcome", "11  the outcome is unknown",
			"12  nothing has changed: Patroni refused", codeSignal,
		},
		more: "docs/runbook.md",
	},
	"drill": {
		does: "Rehearses: switches over to every member that may be promoted, one after the other, and back to the " +
			"first leader. Each switchover is checked, verified and measured.",
		examples: []string{"drill --dry-run", "drill --yes"},
		codes: []string{
			"0  every leg is verified; with --dry-run: the drill would begin",
			"2, 3, 5, 10, 11, 12  as switchover, for the leg that stopped the drill", codeUsage, codeSignal,
		},
		more: "docs/runbook.md",
	},
	"audit": {
		does: "Reads the patroni.yml of every node and checks the files for errors and against each other. " +
			"It contacts nothing, unless --live is given.",
		examples: []string{"audit node1.yml node2.yml node3.yml", "audit --live node*.yml"},
		codes:    []string{"0  GO", "2  NO-GO: at least one blocker", codeUnknown, codeUsage},
		more:     "docs/audit.md",
	},
	"replay": {
		does: "Judges a snapshot that check --record saved. The same file and the same question give the same " +
			"report on any machine.",
		examples: []string{"replay snapshot.json", "replay --candidate node3 --verbose snapshot.json"},
		codes:    []string{"0  GO", "2  NO-GO: at least one blocker", codeUnknown, codeUsage},
		more:     "docs/report.md",
	},
	"checks": {
		does:     "Lists every check with its ID and what is true when it passes.",
		examples: []string{"checks", "checks -f json"},
		codes:    []string{"0  listed", codeUsage},
		more:     "docs/checks.md",
	},
	"explain": {
		does:     "Says what a check looks at, why, whose rule it is, and how to fix what it reports.",
		examples: []string{"explain candidate.streaming"},
		codes:    []string{"0  explained", "4  no such check"},
		more:     "docs/checks.md",
	},
	"version": {
		does:     "Prints the version and the commit of the binary.",
		examples: []string{"version"},
		codes:    []string{"0  printed"},
	},
	"completion": {
		does:     "Prints the completion script for a shell.",
		examples: []string{"completion bash >/etc/bash_completion.d/patroni-preflight"},
		codes:    []string{"0  printed", "4  no such shell"},
	},
	"man": {
		does:     "Prints the manual page.",
		examples: []string{"man | man -l -"},
		codes:    []string{"0  printed"},
	},
}

// literalTemplate is a text as a template of the library that prints it.
func literalTemplate(text string) string { return strings.ReplaceAll(text, "{{", "{{`{{`}}") }

// appHelp is the text of patroni-preflight --help.
func appHelp(a *cli.App) string {
	var b strings.Builder
	b.WriteString(wrapped("patroni-preflight "+a.Usage, 0))
	b.WriteString("\nUsage:\n  patroni-preflight COMMAND [flags] [arguments]\n\nCommands:\n")
	for _, c := range a.Commands {
		if !c.Hidden {
			b.WriteString(columns(c.Name, c.Usage, 14))
		}
	}
	b.WriteString("\nFlags:\n" + columns("--help, -h", "show help; after a command, help on that command", 14))
	b.WriteString(columns("--version, -v", "print the version", 14))
	b.WriteString(
		"\nExamples:\n  patroni-preflight check --candidate node2\n  patroni-preflight switchover --candidate node2\n",
	)
	b.WriteString("\n" + wrapped("Exit codes: 0 GO, 2 NO-GO, 3 UNKNOWN, 4 usage. Each command's --help lists its own.", 0))
	b.WriteString(wrapped("Read on: patroni-preflight man, docs/exit-codes.md", 0))
	return b.String()
}

// commandHelp is the text of patroni-preflight COMMAND --help.
func commandHelp(c *cli.Command) string {
	p := pages[c.Name]
	var b strings.Builder
	b.WriteString(wrapped("patroni-preflight "+c.Name+": "+c.Usage, 2) + "\n")
	line := "patroni-preflight " + c.Name
	if len(c.Flags) > 0 {
		line += " [flags]"
	}
	if c.ArgsUsage != "" {
		line += " " + c.ArgsUsage
	}
	b.WriteString("Usage:\n  " + line + "\n\n" + wrapped(p.does, 0))
	for _, g := range flagGroups {
		var rows strings.Builder
		for _, f := range c.Flags {
			if cf, ok := f.(cli.CategorizableFlag); ok && cf.GetCategory() == g {
				names, about, _ := strings.Cut(f.String(), "\t")
				for _, noDefault := range []string{" (default: false)", " (default: 0s)"} {
					about = strings.TrimSuffix(about, noDefault)
				}
				rows.WriteString(columns(shortFirst(names), strings.TrimSpace(about), 26))
			}
		}
		if rows.Len() > 0 {
			b.WriteString("\n" + g + ":\n" + rows.String())
		}
	}
	if len(p.examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range p.examples {
			b.WriteString("  patroni-preflight " + e + "\n")
		}
	}
	if len(p.codes) > 0 {
		b.WriteString("\nExit codes:\n")
		for _, k := range p.codes {
			code, about, _ := strings.Cut(k, "  ")
			b.WriteString(columns(code, about, 12))
		}
	}
	if p.more != "" {
		b.WriteString("\nRead on: " + p.more + "\n")
	}
	return b.String()
}

// shortFirst is "--config-file FILE, -c FILE" as "-c, --config-file FILE".
func shortFirst(names string) string {
	names, _, _ = strings.Cut(names, " [")
	all := strings.Split(names, ", ")
	long, value, _ := strings.Cut(all[0], " ")
	words := []string{long}
	for _, n := range all[1:] {
		n, _, _ = strings.Cut(n, " ")
		if len(n) == 2 {
			words = slices.Insert(words, 0, n)
		} else {
			words = append(words, n)
		}
	}
	out := strings.Join(words, ", ")
	if value != "" {
		out += " " + value
	}
	return out
}

// columns is a row of two columns, the second from a column on and wrapped.
func columns(left, right string, at int) string {
	if len(left) > at-4 {
		return "  " + left + "\n" + indented(right, at)
	}
	rows := indented(right, at)
	return fmt.Sprintf("  %-*s%s", at-2, left, strings.TrimPrefix(rows, strings.Repeat(" ", at)))
}

func indented(text string, at int) string {
	var b strings.Builder
	for _, l := range lines(text, helpWidth-at) {
		b.WriteString(strings.Repeat(" ", at) + l + "\n")
	}
	return b.String()
}

func wrapped(text string, hang int) string {
	var b strings.Builder
	for i, l := range lines(text, helpWidth-hang) {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", hang))
		}
		b.WriteString(l + "\n")
	}
	return b.String()
}

// lines breaks a text at spaces into lines of at most width characters.
func lines(text string, width int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			out = append(out, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(out, line)
}
