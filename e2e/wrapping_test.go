//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/preflight/exitcode"
)

// wrapped is one run of switchover on a real cluster, and what has to become of it.
type wrapped struct {
	name string
	// both: with --via rest too.
	both bool
	// arrange brings the cluster to a state before the check.
	arrange func(l *lab)
	// ctl is the body of a shell script in patronictl's place; "" is the real
	// patronictl on the bystander's node. In it: $real is that command with its
	// arguments, $leader, $candidate and $bystander are containers.
	ctl string
	// args for the tool; ASK lets it ask on a terminal, RECORD is a file.
	args []string
	// config is added to the tool's configuration.
	config string
	// question is called while it asks, and then the answer is yes.
	question func(l *lab)
	// between is called between the last look and the request of patronictl.
	between func(l *lab)
	// meanwhile is called with the running tool.
	meanwhile func(l *lab, r *running)
	// after is called when the tool has ended, before the cluster is asked.
	after func(l *lab)
	want  int
	says  string
	// leads is who has to lead in the end.
	leads func(l *lab) string
}

// patroniProcess is the pattern of Patroni's processes.
const patroniProcess = "-x patroni"

func theCandidate(l *lab) string { return l.candidate }
func theLeader(l *lab) string    { return l.leader }

// running is the tool at work.
type running struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	out    bytes.Buffer
	stdin  *os.File
	record string
	// ctl is the patronictl.
	ctl string
	// gate is a file that is there between verdict and request.
	gate  string
	ended func() int
}

func (r *running) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.Write(p)
}

func (r *running) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.out.String()
}

// answer answers a question.
func (r *running) answer(s string) { _, _ = r.stdin.WriteString(s) }

func (r *running) wait() int { return r.ended() }

// over reports whether it has ended.
func (r *running) over() bool { return r.cmd.Process.Signal(syscall.Signal(0)) != nil }

// ctl writes a patronictl that leads into the cluster. It waits before the request
// while the file gate is there, "" for none.
func (l *lab) ctl(t *testing.T, body, gate string) string {
	t.Helper()
	if body == "" {
		body = "exec $real"
	}
	if gate != "" {
		body = "touch " + gate + "; while [ -e " + gate + " ]; do sleep 0.1; done\n" + body
	}
	// A body that is one command is a whole patronictl, with its help.
	help := `case "$*" in *--help) exec $real;; esac`
	if strings.HasPrefix(body, "exec ") {
		help = ""
	}
	// --config-file and its value are those of the host. What it was called with goes to a file.
	script := fmt.Sprintf(
		"#!/bin/bash\necho \"$@\" >>\"$0.asked\"\nconfig=$2\nshift 2\nreal=\"docker exec -e COLUMNS=200 %s patronictl -c "+
			"/etc/patroni/patroni.yml $*\"\nleader=%s candidate=%s bystander=%s leader_name=%s leader_ip=%s candidate_name=%s "+
			"network=%s_lab\n%s\n%s\n",
		l.container(
			l.bystander,
		),
		l.container(l.leader),
		l.container(l.candidate),
		l.container(l.bystander),
		l.leader,
		l.ip(l.leader),
		l.candidate,
		l.project,
		help,
		body,
	)
	path := filepath.Join(t.TempDir(), "patronictl")
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// start runs switchover with a patronictl that leads into the cluster.
func (l *lab) start(t *testing.T, w wrapped) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{record: filepath.Join(dir, "before.json")}
	if w.between != nil {
		r.gate = filepath.Join(dir, "gate")
	}
	config := l.config
	if w.config != "" {
		text, err := os.ReadFile(config)
		if err == nil {
			config = filepath.Join(dir, "patronictl.yml")
			err = os.WriteFile(config, []byte(string(text)+w.config), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r.ctl = l.ctl(t, w.ctl, r.gate)
	args := []string{
		tool,
		"switchover",
		"-c",
		config,
		"--candidate",
		l.candidate,
		"--patronictl",
		r.ctl,
		"--verify-timeout",
		"90s",
	}
	ask := w.question != nil
	for _, a := range w.args {
		switch a {
		case "ASK":
			ask = true
		case "RECORD":
			args = append(args, r.record)
		case "SOON":
			args = append(args, time.Now().Add(time.Minute).UTC().Format("2006-01-02T15:04:05+00:00"))
		default:
			args = append(args, a)
		}
	}
	if ask {
		// script gives it a terminal.
		args = []string{"script", "-qec", strings.Join(args, " "), "/dev/null"}
	} else {
		args = append(args, "--yes")
	}
	r.cmd = exec.Command(args[0], args[1:]...)
	in, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.stdin, r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = write, in, r, r
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = in.Close()
	r.ended = sync.OnceValue(func() int {
		_ = r.cmd.Wait()
		_ = write.Close()
		return r.cmd.ProcessState.ExitCode()
	})
	return r
}

// wrap plays a scenario, and holds exit code, report and the true state of the
// cluster together.
func (l *lab) wrap(t *testing.T, w wrapped) {
	for _, via := range []string{"patronictl", "rest"} {
		if via == "rest" {
			if !w.both {
				continue
			}
			w.name += ", by REST"
			w.args = append([]string{"--via", "rest"}, w.args...)
		}
		if !chosen(w.name) {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			l.t = t
			began := time.Now()
			l.roles()
			if w.arrange != nil {
				w.arrange(l)
			}
			timeline := l.timeline(l.leader)
			rows := l.rows(l.leader)
			r := l.start(t, w)
			if w.question != nil {
				l.await("the question", 30*time.Second, func() bool { return strings.Contains(r.text(), "[y/N]") || r.over() })
				w.question(l)
				r.answer("y\n")
			}
			if w.between != nil {
				l.await("the verdict", 30*time.Second, func() bool { _, err := os.Stat(r.gate); return err == nil || r.over() })
				w.between(l)
				_ = os.Remove(r.gate)
			}
			if w.meanwhile != nil {
				w.meanwhile(l, r)
			}
			code := r.wait()
			if w.after != nil {
				w.after(l)
			}
			if code != w.want || !strings.Contains(strings.Join(strings.Fields(r.text()), " "), w.says) {
				t.Errorf("exit code %d, want %d, and %q\n%s", code, w.want, w.says, r.text())
			}
			l.agrees(w, timeline, rows)
			t.Logf("exit code %d after %.0f s: %s", code, time.Since(began).Seconds(), lastLine(r.text()))
			l.settle(w.name)
		})
	}
}

// agrees asks the cluster itself, past the tool.
func (l *lab) agrees(w wrapped, timeline int, rows int64) {
	l.t.Helper()
	leads := w.leads(l)
	if leads == "" {
		if p := l.primaries(); len(p) > 0 || l.key("leader") != l.leader {
			l.t.Errorf("%v lead, and %q holds the leader key: it is over", p, l.key("leader"))
		}
		return
	}
	if !until(20*time.Second, func() bool { p := l.primaries(); return len(p) == 1 && p[0] == leads }) {
		l.t.Errorf("%v lead, want %s", l.primaries(), leads)
		return
	}
	grew := l.timeline(leads) - timeline
	if want := map[bool]int{true: 0, false: 1}[leads == l.leader]; grew != want {
		l.t.Errorf("the timeline grew by %d, want %d", grew, want)
	}
	if now := l.rows(leads); now != rows {
		l.t.Errorf("%d rows, %d before", now, rows)
	}
	back := until(5*time.Second, func() bool { return w.want != exitcode.Go || l.streams(l.leader, leads) })
	if w.want == exitcode.Go && !back {
		l.t.Errorf("DONE, and %s does not stream", l.leader)
	}
	var key struct{ Leader string }
	_ = json.Unmarshal([]byte(l.key("failover")), &key)
	if w.want == exitcode.Refused && key.Leader != "" {
		l.t.Errorf("REFUSED, and /failover is %s", l.key("failover"))
	}
	resp, err := http.Get("http://" + l.ip(leads) + ":8008/primary")
	if err != nil || resp.StatusCode != http.StatusOK {
		l.t.Errorf("%s does not answer as primary: %v", leads, err)
	}
	if err == nil {
		_ = resp.Body.Close()
	}
}
