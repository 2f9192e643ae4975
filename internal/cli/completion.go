package cli

import (
	_ "embed"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight/check"
)

// The scripts ask this program at each Tab, so that they never differ from it.
// Those of the library run what is on the line (bash), or know no values (all).
var (
	//go:embed shell/completion.bash
	bash string
	//go:embed shell/completion.zsh
	zsh string
	//go:embed shell/completion.fish
	fish string

	shells = map[string]string{"bash": bash, "zsh": zsh, "fish": fish}
)

func completionCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script for a shell",
		ArgsUsage: "bash|zsh|fish",
		Action: func(c *cli.Context) error {
			if err := positional("completion", c.Args().Slice(), "bash, zsh or fish"); err != nil {
				return err
			}
			shell := c.Args().First()
			script, ok := shells[shell]
			if !ok {
				return usage("completion %s: use bash, zsh or fish", shell)
			}
			_, err := io.WriteString(env.Stdout, script)
			return err
		},
	}
}

// completeCommand is what the scripts call, with the words after the program's
// name up to the cursor; the last is being typed. It prints a candidate a line,
// a tab before its description, or ":file" where a file is wanted.
func completeCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name: "complete", Hidden: true, SkipFlagParsing: true, HideHelp: true,
		Action: func(c *cli.Context) error {
			words := c.Args().Slice()
			if len(words) == 0 {
				words = []string{""}
			}
			var b strings.Builder
			typed := words[len(words)-1]
			for _, k := range complete(c.App, words) {
				if strings.HasPrefix(k.value, typed) || k == file {
					b.WriteString(k.value)
					if k.about != "" {
						b.WriteString("\t" + k.about)
					}
					b.WriteString("\n")
				}
			}
			_, err := io.WriteString(env.Stdout, b.String())
			return err
		},
	}
}

// candidate is one way in which a word may go on.
type candidate struct{ value, about string }

// file stands for the names of files, which the shell knows better.
var file = candidate{value: ":file"}

// complete returns what may stand in the place of the last word.
func complete(app *cli.App, words []string) []candidate {
	before, typed := words[:len(words)-1], words[len(words)-1]
	if len(before) == 0 {
		if strings.HasPrefix(typed, "-") {
			return flagsOf(app.VisibleFlags(), nil)
		}
		var out []candidate
		for _, c := range app.VisibleCommands() {
			out = append(out, candidate{c.Name, c.Usage})
		}
		return out
	}
	command := app.Command(before[0])
	if command == nil {
		return nil
	}
	var wants cli.Flag
	var given []string
	arguments := 0
	for _, w := range before[1:] {
		switch {
		case wants != nil:
			wants = nil
		case strings.HasPrefix(w, "-"):
			name, _, whole := strings.Cut(strings.TrimLeft(w, "-"), "=")
			given = append(given, name)
			if f := find(command.Flags, name); f != nil && !whole && takesValue(f) {
				wants = f
			}
		default:
			arguments++
		}
	}
	name, _, whole := strings.Cut(typed, "=")
	switch {
	case wants != nil:
		return valuesOf(wants, "")
	case strings.HasPrefix(typed, "-") && whole:
		return valuesOf(find(command.Flags, strings.TrimLeft(name, "-")), name+"=")
	case strings.HasPrefix(typed, "-"):
		return flagsOf(command.VisibleFlags(), given)
	case command.ArgsUsage == "":
		return flagsOf(command.VisibleFlags(), given)
	case strings.HasPrefix(command.ArgsUsage, "FILE"):
		return []candidate{file}
	case arguments > 0:
		return nil
	case command.Name == "explain":
		return checkIDs("", func(string) bool { return true })
	case strings.Contains(command.ArgsUsage, "|"):
		return listed(strings.Split(command.ArgsUsage, "|"), "")
	}
	return nil
}

// flagsOf lists flags by their first name, but for those that are there already
// and may be there once only.
func flagsOf(flags []cli.Flag, given []string) []candidate {
	var out []candidate
	for _, f := range flags {
		_, repeatable := f.(*cli.StringSliceFlag)
		once := slices.ContainsFunc(f.Names(), func(n string) bool { return slices.Contains(given, n) })
		if once && !repeatable {
			continue
		}
		out = append(out, candidate{"--" + f.Names()[0], strings.ReplaceAll(usageOf(f), "`", "")})
	}
	return out
}

// valuesOf lists what a flag may be given, each behind a prefix.
func valuesOf(f cli.Flag, prefix string) []candidate {
	if f == nil {
		return nil
	}
	switch f.Names()[0] {
	case "format": // its usage ends with the list of them
		_, formats, _ := strings.Cut(usageOf(f), ": ")
		return listed(strings.Split(formats, ", "), prefix)
	case "fail-on":
		return listed([]string{"blocker", "warning"}, prefix)
	case "via":
		return listed([]string{"patronictl", "rest"}, prefix)
	case "ignore":
		ids := checkIDs(prefix, func(id string) bool { return !strings.HasPrefix(id, "identity.") })
		for i := range ids {
			ids[i].value += "="
		}
		return ids
	}
	if _, placeholder, _ := strings.Cut(
		usageOf(f),
		"`",
	); strings.HasPrefix(placeholder, "FILE`") ||
		strings.HasPrefix(placeholder, "PATH`") {
		return []candidate{file}
	}
	return nil
}

func checkIDs(prefix string, which func(id string) bool) []candidate {
	var out []candidate
	for _, k := range check.Checks {
		if which(k.ID) {
			out = append(out, candidate{prefix + k.ID, k.Title})
		}
	}
	return out
}

func listed(values []string, prefix string) []candidate {
	var out []candidate
	for _, v := range values {
		out = append(out, candidate{value: prefix + v})
	}
	return out
}

func find(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func takesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return ok && d.TakesValue()
}

// usageOf is "" for a flag that tells none: it is offered all the same.
func usageOf(f cli.Flag) string {
	if d, ok := f.(cli.DocGenerationFlag); ok {
		return d.GetUsage()
	}
	return ""
}
