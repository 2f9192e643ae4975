// Command patroni-preflight says, before a Patroni switchover, whether it would
// work: GO or NO-GO, with the evidence and the remedy. It only
// reads; a switchover is asked of Patroni.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"patroni-preflight/preflight/exitcode"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { cancel(signalled{<-signals}) }()
	env := environment{
		lookup: os.LookupEnv, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		terminal:       term.IsTerminal(int(os.Stdout.Fd())),
		stderrTerminal: term.IsTerminal(int(os.Stderr.Fd())),
		stdinTerminal:  term.IsTerminal(int(os.Stdin.Fd())),
	}
	os.Exit(run(ctx, env, os.Args))
}

// environment is what the commands see of the world, so that tests can give another.
type environment struct {
	lookup         func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	// terminal and stderrTerminal: somebody looks at stdout, at stderr;
	// stdinTerminal: somebody can be asked.
	terminal, stderrTerminal, stdinTerminal bool
	// fake stands for the cluster in tests; nil for a live one.
	fake view
}

// signalled is the cause of a context that a signal ended.
type signalled struct{ os.Signal }

func (s signalled) Error() string { return "stopped by " + s.String() }

func (s signalled) code() int {
	if s.Signal == syscall.SIGTERM {
		return exitcode.Terminated
	}
	return exitcode.Interrupted
}

// exit carries an exit code other than 0 through the command line library. A
// verdict has no message; an error has.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exit) Unwrap() error { return e.err }

// usage is an error of usage or configuration: nothing was judged.
func usage(format string, args ...any) error {
	return exit{exitcode.Usage, fmt.Errorf(format, args...)}
}

// run is the whole program but for the process around it; it returns the exit code.
func run(ctx context.Context, env environment, args []string) (code int) {
	// Go ends with 2 after a panic, which here is the code of NO-GO.
	defer func() {
		if e := recover(); e != nil {
			fmt.Fprintf(env.stderr, "patroni-preflight: internal error: %v\n%s", e, debug.Stack())
			code = exitcode.Internal
		}
	}()
	err := app(env).RunContext(ctx, args)
	if err == nil {
		return exitcode.Go
	}
	e := exit{code: exitcode.Internal, err: err}
	var stop signalled
	if errors.As(err, &e); e.err == nil {
		return e.code
	}
	if errors.As(context.Cause(ctx), &stop) && e.code != stop.code() {
		fmt.Fprintf(env.stderr, "patroni-preflight: %v before there was a verdict\n", stop)
		return stop.code()
	}
	fmt.Fprintf(env.stderr, "patroni-preflight: %v\n", e.err)
	return e.code
}

func app(env environment) *cli.App {
	misused := func(_ *cli.Context, err error, _ bool) error { return usage("%w", err) }
	commands := []*cli.Command{checkCommand(env), switchoverCommand(env), verifyCommand(env), drillCommand(env), auditCommand(env), replayCommand(env), checksCommand(env), explainCommand(env), versionCommand(env), completionCommand(env), completeCommand(env), manCommand(env)}
	for _, c := range commands {
		c.OnUsageError = misused
		c.HideHelpCommand = true
	}
	return &cli.App{
		Name:         "patroni-preflight",
		Usage:        "says before a Patroni switchover whether it would work: GO or NO-GO, and why",
		Version:      version,
		Writer:       env.stdout,
		ErrWriter:    env.stderr,
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
				return usage("no such command: %s (there are %s)", c.Args().First(), strings.Join(names, ", "))
			}
			return cli.ShowAppHelp(c)
		},
	}
}

// positional takes the n arguments that a command has. The library takes flags
// after an argument for arguments, so whatever is left over is an error that
// names it.
func positional(c *cli.Context, what ...string) ([]string, error) {
	args := c.Args().Slice()
	for i, a := range args {
		if strings.HasPrefix(a, "-") && a != "-" {
			return nil, usage("%s stands after an argument and would be ignored: put flags first, as in patroni-preflight %s %s ...", a, c.Command.Name, a)
		}
		if i >= len(what) {
			hint := ""
			if c.Command.Name == "check" {
				hint = ": use --scope for the cluster and --candidate for the member"
			}
			return nil, usage("%s takes no argument %q%s", c.Command.Name, a, hint)
		}
	}
	if len(args) < len(what) {
		return nil, usage("%s needs %s", c.Command.Name, strings.Join(what[len(args):], " "))
	}
	return args, nil
}

func versionCommand(env environment) *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print version and commit",
		Action: func(c *cli.Context) error {
			if _, err := positional(c); err != nil {
				return err
			}
			_, err := fmt.Fprintf(env.stdout, "patroni-preflight %s (%s)\n", version, commit)
			return err
		},
	}
}
