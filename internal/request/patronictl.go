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

	"patroni-preflight/preflight"
)

// fallsBack is what patronictl says when a request to the REST API failed, right
// before it writes the request into the DCS (patroni/ctl.py,
// _do_failover_or_switchover, since 1.3). The exception comes first.
var fallsBack = regexp.MustCompile(`ERROR - None\s+Traceback|Failing over to DCS|falling back to DCS`)

var errFallsBack = errors.New("patronictl got no answer of the leader's REST API, and was ended when it turned to write the request into the DCS itself; whether it had done so by then, the state of the cluster tells")

// Patronictl runs a command and shows its output as it comes. Where the context
// ends, the command is ended too: patronictl has no limit of its own. It runs in
// a process group of its own, so that Ctrl-C does not reach it. It is killed when it
// is about to write to the DCS, which is a race that we win as a rule: it takes Python
// longer to send than us to read.
func Patronictl(ctx context.Context, path string, args, env []string, show io.Writer) preflight.RequestResult {
	r := preflight.RequestResult{Via: "patronictl", Asked: strings.Join(append([]string{path}, args...), " "), Began: time.Now().UTC(), Status: -1}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, path, args...)
	out := &tee{show: show, watch: func(kept []byte) {
		if fallsBack.Match(kept) {
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			cancel(errFallsBack)
		}
	}}
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
	case errors.Is(context.Cause(ctx), errFallsBack):
		r.Problem = errFallsBack.Error()
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
	last := lines[len(lines)-1]
	if err != nil {
		return "", fmt.Errorf("%s switchover --help: %w: %s", path, err, last)
	}
	return "", fmt.Errorf("%s switchover --help speaks neither of --leader nor of --master: %s", path, last)
}
