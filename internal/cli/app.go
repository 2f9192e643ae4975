package cli

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// app lists the commands.
func app(env Environment) *cli.App {
	misused := func(_ *cli.Context, err error, _ bool) error { return usage("%w", err) }
	commands := []*cli.Command{
		checkCommand(env), switchoverCommand(env), verifyCommand(env), drillCommand(env), auditCommand(env),
		replayCommand(env), checksCommand(env), explainCommand(env), versionCommand(env),
		completionCommand(env), completeCommand(env), manCommand(env),
	}
	for _, c := range commands {
		c.OnUsageError = misused
		c.HideHelpCommand = true
		c.CustomHelpTemplate = literalTemplate(commandHelp(c))
	}
	a := &cli.App{
		Name:         "patroni-preflight",
		Usage:        "says before a Patroni switchover whether it would work: GO or NO-GO, and why",
		Version:      env.Version,
		Writer:       env.Stdout,
		ErrWriter:    env.Stderr,
		Commands:     commands,
		OnUsageError: misused,
		// The library splits such values at commas otherwise.
		DisableSliceFlagSeparator: true,
		// The library would end the process by itself otherwise.
		ExitErrHandler: func(*cli.Context, error) {},
		Action: func(c *cli.Context) error {
			if c.Args().Present() {
				var names []string
				for _, known := range c.App.VisibleCommands() {
					names = append(names, known.Name)
				}
				return usage("no such command: %s (commands: %s)", c.Args().First(), strings.Join(names, ", "))
			}
			return cli.ShowAppHelp(c)
		},
	}
	a.CustomAppHelpTemplate = literalTemplate(appHelp(a))
	return a
}
