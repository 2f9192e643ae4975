package request

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"patroni-preflight/preflight"
)

// Patronictl runs a command and shows its output as it comes. Where the context
// ends, the command is ended too: patronictl has no limit of its own. It runs in
// a process group of its own, so that Ctrl-C does not reach it.
func Patronictl(ctx context.Context, path string, args, env []string, show io.Writer) preflight.RequestResult {
	r := preflight.RequestResult{Via: "patronictl", Asked: strings.Join(append([]string{path}, args...), " "), Began: time.Now().UTC(), Status: -1}
	out := &tee{show: show}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Start()
	if err == nil {
		err = cmd.Wait()
		r.Status = cmd.ProcessState.ExitCode()
	}
	var failed *exec.ExitError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		r.Problem = "ended by us: it had not come to an end"
	case errors.As(err, &failed) && failed.ExitCode() >= 0:
		// The output says why.
	default:
		r.Problem = err.Error()
	}
	r.Ended, r.Output = time.Now().UTC(), out.String()
	return r
}
