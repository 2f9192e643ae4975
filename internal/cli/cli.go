// Package cli is the command line: one file a command, each with its flags, its
// options and its run method. Flags are read once, in the Action of the command;
// nothing below an Action knows the command line library.
package cli

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/exitcode"

	"github.com/urfave/cli/v2"
)

// Run runs the command line args[1:] and returns the exit code of the process.
func Run(ctx context.Context, env Environment, args []string) (code int) {
	// Go ends with 2 after a panic, which is the exit code of NO-GO here.
	defer func() {
		if e := recover(); e != nil {
			fmt.Fprint(env.Stderr, foreign.Text(fmt.Sprintf("patroni-preflight: internal error: %v\n%s", e, debug.Stack())))
			code = exitcode.Internal
		}
	}()
	if env.connect == nil {
		env.connect = connectLive
	}
	err := app(env).RunContext(ctx, args)
	if err == nil {
		return exitcode.Go
	}
	e := exit{code: exitcode.Internal, err: err}
	var stop Signalled
	if errors.As(err, &e); e.err == nil {
		return e.code
	}
	if errors.As(context.Cause(ctx), &stop) && e.code != stop.code() {
		fmt.Fprintf(env.Stderr, "patroni-preflight: %v before there was a verdict\n", stop)
		return stop.code()
	}
	// An error may quote what a server, a store or a file says.
	fmt.Fprintf(env.Stderr, "patroni-preflight: %s\n", foreign.Text(e.err.Error()))
	return e.code
}

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
		c.Before = refuseEmpty
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
