package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"patroni-preflight/preflight/exitcode"
)

// confirm asks on a terminal. Every answer but yes is no.
func confirm(ctx context.Context, env Environment, question string) error {
	fmt.Fprintf(env.Stderr, "\n%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() { answers <- readLine(env.Stdin) }()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case a := <-answers:
		if a = strings.ToLower(strings.TrimSpace(a)); a == "y" || a == "yes" {
			return nil
		}
	}
	return exit{exitcode.Interrupted, errors.New("not confirmed: nothing was done")}
}

// readLine reads byte by byte, so that nothing after the line is consumed.
func readLine(r io.Reader) string {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := r.Read(b)
		if n == 0 || err != nil || b[0] == '\n' || len(line) > 100 {
			return string(line)
		}
		line = append(line, b[0])
	}
}

// beforeRequest is the error of a command that ended before its request. After a
// signal it says that nothing was done, since there may have been a verdict.
func beforeRequest(ctx context.Context, err error) error {
	var stop Signalled
	if errors.As(context.Cause(ctx), &stop) {
		return exit{stop.code(), fmt.Errorf("%w before anything was asked of Patroni: nothing was done", stop)}
	}
	return err
}
