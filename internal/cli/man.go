package cli

import (
	_ "embed"
	"strings"
	"text/template"

	"github.com/cpuguy83/go-md2man/v2/md2man"
	"github.com/urfave/cli/v2"
)

//go:embed shell/man.md
var manual string

func manCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page: patroni-preflight man | man -l -",
		Action: func(c *cli.Context) error {
			if err := positional("man", c.Args().Slice()); err != nil {
				return err
			}
			page, err := manPage(c.App)
			if err != nil {
				return err
			}
			_, err = env.Stdout.Write(page)
			return err
		},
	}
}

// manPage renders the manual page of a command line. The page that the library
// makes shows neither what a flag takes nor anything but flags.
func manPage(app *cli.App) ([]byte, error) {
	// plain keeps what Markdown would take for its own.
	plain := strings.NewReplacer("`", "", "*", `\*`, "_", `\_`, "<", `\<`).Replace
	t, err := template.New("man").Funcs(template.FuncMap{
		"plain": plain,
		// A flag as --help shows it: names, a tab, the usage.
		"names": func(f cli.Flag) string { names, _, _ := strings.Cut(f.String(), "\t"); return plain(names) },
		"usage": func(f cli.Flag) string { _, usage, _ := strings.Cut(f.String(), "\t"); return plain(usage) },
	}).Parse(manual)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	if err := t.Execute(&b, app); err != nil {
		return nil, err
	}
	return md2man.Render([]byte(b.String())), nil
}
