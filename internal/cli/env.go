package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"patroni-preflight/preflight/exitcode"
)

// Environment is what the commands see of the process.
type Environment struct {
	// Version and Commit are those of the binary.
	Version, Commit string
	// Lookup finds a variable of the environment.
	Lookup         func(name string) (string, bool)
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// StdinTerminal, StdoutTerminal and StderrTerminal tell which of the three are
	// terminals.
	StdinTerminal, StdoutTerminal, StderrTerminal bool

	// connect opens the cluster that a command judges.
	connect connector
}

// Signalled is the cause of a context that a signal ended.
type Signalled struct{ os.Signal }

func (s Signalled) Error() string { return "stopped by " + s.String() }

// ExitCode is that of a command that the signal ended.
func (s Signalled) ExitCode() int { return s.code() }

func (s Signalled) code() int {
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

// ended ends the program with an exit code, without a message.
func ended(code int) error {
	if code == exitcode.Go {
		return nil
	}
	return exit{code: code}
}

// positional checks the arguments of a command against what it takes. The library
// reads flags that follow an argument as arguments, so whatever is left over is an
// error that names it.
func positional(command string, args []string, what ...string) error {
	for i, a := range args {
		if strings.HasPrefix(a, "-") && a != "-" {
			return usage("%s follows an argument and would be ignored; put flags first: patroni-preflight %s %s ...",
				a, command, a)
		}
		if i >= len(what) {
			hint := ""
			if command == "check" {
				hint = "; use --scope for the cluster and --candidate for the member"
			}
			return usage("%s takes no argument %q%s", command, a, hint)
		}
	}
	if len(args) < len(what) {
		return usage("%s needs %s", command, strings.Join(what[len(args):], " "))
	}
	return nil
}
