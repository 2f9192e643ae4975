// Command patroni-preflight says, before a Patroni switchover, whether it would
// work: GO or NO-GO, with the evidence and the remedy. It only reads; Patroni does
// the switchover, on request.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"

	"patroni-preflight/internal/cli"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// lastWords is how long a command that was interrupted may take to end by itself.
const lastWords = 10 * time.Second

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := cli.Signalled{Signal: <-signals}
		cancel(s)
		// Whatever does not heed the context does not hold the process.
		time.Sleep(lastWords)
		os.Exit(s.ExitCode())
	}()
	env := cli.Environment{
		Version: version, Commit: commit,
		Lookup: os.LookupEnv, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		StdinTerminal:  isTerminal(os.Stdin),
		StdoutTerminal: isTerminal(os.Stdout),
		StderrTerminal: isTerminal(os.Stderr),
	}
	os.Exit(cli.Run(ctx, env, os.Args))
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
