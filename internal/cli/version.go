package cli

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

func versionCommand(env Environment) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print version and commit",
		Action: func(c *cli.Context) error {
			if err := positional("version", c.Args().Slice()); err != nil {
				return err
			}
			_, err := fmt.Fprintf(env.Stdout, "patroni-preflight %s (%s)\n", env.Version, env.Commit)
			return err
		},
	}
}
