package request

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight"
)

// fallsBack is what patronictl says when a request to the REST API failed, before it
// writes the request into the DCS (patroni/ctl.py, _do_failover_or_switchover). The
// exception comes first, with what was answered: nothing, as a rule.
var fallsBack = regexp.MustCompile(
	`ERROR - (None|<\S*HTTPResponse object at \w+>)\s+Traceback|Failing over to DCS|falling back to DCS`,
)

var errFallsBack = errors.New(
	"patronictl got no reply from the leader's REST API and was killed as it fell back to writing the request to the " +
		"DCS. Check the cluster's state: the request may already have been written",
)

// Patronictl runs a command and shows its output as it comes. Where the context
// ends, the command is ended too: patronictl has no limit of its own. It runs in
// a process group of its own, so that Ctrl-C does not reach it. The secrets in hide are
// masked in its output.
//
// It is killed when it is about to write to the DCS. That it cannot be quicker is
// seen to by a pipe that holds one page of what it says: it comes to the write only
// when all of its long exception has been read. With a short one it is a race.
func Patronictl(
	ctx context.Context, path string, args, env []string, hide foreign.Secrets, show io.Writer,
) preflight.RequestResult {
	r := preflight.RequestResult{
		Via:    "patronictl",
		Asked:  strings.Join(append([]string{path}, args...), " "),
		Began:  time.Now().UTC(),
		Status: -1,
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := newTee(show, hide)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = lastWords
	err := run(cmd, out, func(said []byte) {
		if fallsBack.Match(said) {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			cancel(errFallsBack)
		}
	})
	if cmd.ProcessState != nil {
		r.Status = cmd.ProcessState.ExitCode()
	}
	var failed *exec.ExitError
	switch {
	case errors.Is(context.Cause(ctx), errFallsBack):
		r.Problem = errFallsBack.Error()
	case err == nil:
	case ctx.Err() != nil:
		r.Problem = "killed: it did not finish in time"
	case errors.As(err, &failed) && failed.ExitCode() >= 0:
		// The output says why.
	default:
		r.Problem = err.Error()
	}
	r.Ended, r.Output = time.Now().UTC(), out.end()
	return r
}

const (
	// lastWords is how long the output is read after the end: children may hold it open.
	lastWords = 2 * time.Second
	// setPipeSize is F_SETPIPE_SZ of fcntl(2) on Linux, page the least that there is.
	// Elsewhere pipes stay as they are.
	setPipeSize, page = 1031, 4096
)

// run runs a command, and looks at each little bit of its output, together with
// what came before it.
func run(cmd *exec.Cmd, out io.Writer, look func(said []byte)) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	if raw, err := write.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _, _, _ = syscall.Syscall(syscall.SYS_FCNTL, fd, setPipeSize, page) })
	}
	cmd.Stdout, cmd.Stderr = write, write
	err = cmd.Start()
	write.Close()
	if err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		const bit = 256
		for said := make([]byte, 0, 2*bit); ; {
			n, err := read.Read(said[len(said) : len(said)+bit])
			said = said[:len(said)+n]
			look(said)
			_, _ = out.Write(said[len(said)-n:])
			if err != nil {
				return
			}
			said = append(said[:0], said[max(0, len(said)-bit):]...)
		}
	}()
	err = cmd.Wait()
	_ = read.SetReadDeadline(time.Now().Add(lastWords))
	<-done
	return err
}

// LeaderFlag asks a patronictl what it calls the leader: --leader, or --master
// before Patroni 3.0. It fails where that is no patronictl, or one that does not start.
func LeaderFlag(ctx context.Context, path string, args, env []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append(slices.Clone(args), "switchover", "--help")...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	for _, flag := range []string{"--leader", "--master"} {
		if err == nil && strings.Contains(string(out), flag) {
			return flag, nil
		}
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	last := foreign.OneLine(lines[len(lines)-1], maxProblem)
	if err != nil {
		return "", fmt.Errorf("%s switchover --help: %w: %s", path, err, last)
	}
	return "", fmt.Errorf("%s switchover --help knows neither --leader nor --master: %s", path, last)
}
