package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/audit"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/report"
	"patroni-preflight/preflight/verify"
)

var checksFormats = []string{"text", "json", "markdown"}

func checksCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:  "checks",
		Usage: "list every check",
		Flags: []cli.Flag{formatFlag(checksFormats)},
		Action: func(c *cli.Context) error {
			if err := positional("checks", c.Args().Slice()); err != nil {
				return err
			}
			format, err := readFormat(c, checksFormats)
			if err != nil {
				return err
			}
			switch format {
			case "text":
				var b strings.Builder
				for _, k := range allChecks() {
					fmt.Fprintf(&b, "%-26s %s\n", k.ID, k.Title)
				}
				_, err := io.WriteString(env.Stdout, b.String())
				return err
			case "json":
				return checksJSON(env.Stdout)
			}
			return checksMarkdown(env.Stdout)
		},
	}
}

// allChecks are those of a cluster, then those of an audit, then those of an outcome.
func allChecks() []check.Check {
	return slices.Concat(check.Checks, audit.AuditChecks, verify.OutcomeChecks)
}

func explainCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "say what a check looks at, why, and how to fix what it finds",
		ArgsUsage: "ID",
		Action: func(c *cli.Context) error {
			if err := positional("explain", c.Args().Slice(), "ID"); err != nil {
				return err
			}
			id := c.Args().First()
			k, ok := preflight.CheckByID(id)
			if !ok {
				return usage("explain %s: no such check; to list them: patroni-preflight checks", id)
			}
			_, err := io.WriteString(env.Stdout, explanation(k))
			return err
		},
	}
}

func explanation(k check.Check) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", k.ID, k.Title)
	for _, row := range documented(k) {
		layOut := report.Wrap
		if row[0] == "fix" {
			layOut = report.Fix // a command stays on one line
		}
		for _, l := range layOut(fmt.Sprintf("%-10s %s", row[0], row[1]), 11) {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

// documented is what there is to say of a check, label by label.
func documented(k check.Check) [][2]string {
	needs := make([]string, 0, len(k.Needs))
	for _, n := range k.Needs {
		needs = append(needs, n.Name())
	}
	weight := string(k.Severity)
	if k.Essential {
		weight += ", essential: if undecided, the verdict is not GO"
	}
	rows := [][2]string{
		{"why", k.Why},
		{"rule", map[check.Kind]string{
			check.PatroniRule: "Patroni's", check.Policy: "patroni-preflight's own; Patroni does not check this",
		}[k.Kind]},
		{"source", k.Source},
		{"fix", k.Fix},
		{"proof", k.Proof},
		{"weight", weight},
		{"judges", string(k.Of)},
		{"needs", strings.Join(needs, "; ")},
		{"builds on", strings.Join(k.After, ", ")},
		{"since", k.Since},
	}
	out := rows[:0]
	for _, r := range rows {
		if r[1] != "" {
			out = append(out, r)
		}
	}
	return out
}

func checksJSON(w io.Writer) error {
	type entry struct {
		ID        string         `json:"id"`
		Title     string         `json:"title"`
		Why       string         `json:"why"`
		Source    string         `json:"source"`
		Fix       string         `json:"fix"`
		Proof     string         `json:"proof"`
		Since     string         `json:"since"`
		Kind      check.Kind     `json:"kind"`
		Severity  check.Severity `json:"severity"`
		Essential bool           `json:"essential"`
		Of        check.Of       `json:"of"`
		After     []string       `json:"after,omitempty"`
	}
	all := allChecks()
	out := make([]entry, 0, len(all))
	for _, k := range all {
		out = append(
			out,
			entry{k.ID, k.Title, k.Why, k.Source, k.Fix, k.Proof, k.Since, k.Kind, k.Severity, k.Essential, k.Of, k.After},
		)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
