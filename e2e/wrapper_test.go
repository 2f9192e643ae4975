//go:build e2e && wrapper

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

	"patroni-preflight/preflight"
)

// wrapped is one run of switchover on a real cluster, and what has to become of it.
type wrapped struct {
	name string
	// arrange brings the cluster to a state before the check.
	arrange func(l *lab)
	// ctl is the body of a shell script in patronictl's place; "" is the real
	// patronictl on the bystander's node. In it: $real is that command with its
	// arguments, $leader, $candidate and $bystander are containers.
	ctl  string
	args []string
	// between is called between verdict and request.
	between func(l *lab)
	// meanwhile is called with the running tool.
	meanwhile func(l *lab, r *running)
	want      int
	says      string
	// leads is who has to lead in the end.
	leads func(l *lab) string
}

// patroni is the pattern of Patroni's processes.
const patroni = "-x patroni"

func theCandidate(l *lab) string { return l.candidate }
func theLeader(l *lab) string    { return l.leader }
func theBystander(l *lab) string { return l.bystander }

var wrappeds = []wrapped{
	{name: "asynchronous, patronictl", want: preflight.ExitGo, says: "DONE  switchover of demo", leads: theCandidate},
	{name: "asynchronous, REST", args: []string{"--via", "rest"}, want: preflight.ExitGo, says: "Successfully switched over", leads: theCandidate},
	{name: "synchronous", arrange: func(l *lab) { l.synchronous() }, want: preflight.ExitGo, says: "DONE  switchover of demo", leads: theCandidate},
	{name: "refused by the check", arrange: func(l *lab) { l.tag(l.candidate, "nofailover", "true") }, want: preflight.ExitNoGo, says: "candidate.nofailover", leads: theLeader},
	{name: "patronictl is missing", args: []string{"--patronictl", "/nonexistent/patronictl"}, want: preflight.ExitUsage, says: "--via rest", leads: theLeader},
	{
		name: "412 by Patroni", want: preflight.ExitRefused, says: "412", leads: theLeader,
		ctl: `docker exec $leader curl -s -w ' %{http_code}' -d '{"leader":"'$leader_name'","candidate":"nobody"}' http://127.0.0.1:8008/switchover`,
	},
	{
		name: "refused by the leader: the candidate freezes before it is looked at", want: preflight.ExitRefused, says: "Switchover failed", leads: theLeader,
		between: func(l *lab) { l.freeze(l.candidate, patroni) },
	},
	{
		name: "wrong winner: the candidate freezes while the leader stops", want: preflight.ExitDifferent, says: "leads, not", leads: theBystander,
		meanwhile: func(l *lab, r *running) {
			l.await("the leader to stop", 30*time.Second, func() bool { s, err := l.status(l.leader); return err == nil && s.State != "running" })
			l.freeze(l.candidate, patroni)
			r.wait()
		},
	},
	{
		name: "patronictl is killed on the way", want: preflight.ExitGo, says: "DONE  switchover of demo", leads: theCandidate,
		ctl: `$real & sleep 2; kill -9 $$`,
	},
	{
		name: "patronictl says nothing and does nothing", args: []string{"--verify-timeout", "8s"}, want: preflight.ExitOutcomeUnknown, says: "on its way", leads: theLeader,
		ctl: `sleep 60`,
	},
	{
		name: "interrupted after the request", args: []string{"--record", "RECORD"}, want: preflight.ExitOutcomeUnknown, says: "the switchover goes on", leads: theCandidate,
		meanwhile: func(l *lab, r *running) {
			l.await("the request", 30*time.Second, func() bool { return strings.Contains(r.text(), "Current cluster topology") })
			time.Sleep(500 * time.Millisecond)
			_ = r.cmd.Process.Signal(syscall.SIGINT)
			r.wait()
			// What was recorded tells what became of it.
			out, code := command(time.Minute, nil, tool, "verify", "-c", l.config, "--since", r.record, "--verify-timeout", "40s")
			if code != preflight.ExitGo {
				l.t.Errorf("verify ends with %d: %s", code, out)
			}
		},
	},
	{
		name: "the cluster changes while it asks", want: preflight.ExitChanged, says: "nothing was done: config", leads: theLeader,
		args: []string{"ASK"},
		meanwhile: func(l *lab, r *running) {
			l.await("the question", 30*time.Second, func() bool { return strings.Contains(r.text(), "[y/N]") })
			l.edit("ttl=21")
			r.answer("y\n")
		},
	},
	{
		name: "the old leader may not log in any more", args: []string{"--verify-timeout", "25s"}, want: preflight.ExitDifferent, says: "outcome.follows", leads: theCandidate,
		between: func(l *lab) {
			l.set(l.candidate, "postgresql.pg_hba", fmt.Sprintf(`["local all all trust", "host all all 127.0.0.1/32 scram-sha-256", "host replication all %s/32 reject", "host all all %s.0/24 scram-sha-256", "host replication all %[2]s.0/24 scram-sha-256"]`, l.ip(l.leader), l.net), l.hba())
			time.Sleep(3 * time.Second)
		},
	},
}

// running is the tool at work.
type running struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	out    bytes.Buffer
	stdin  *os.File
	record string
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

// start runs switchover with a patronictl that leads into the cluster.
func (l *lab) start(t *testing.T, w wrapped) *running {
	t.Helper()
	dir := t.TempDir()
	ctl := filepath.Join(dir, "patronictl")
	body := w.ctl
	if body == "" {
		body = "exec $real"
	}
	gate := filepath.Join(dir, "gate")
	if w.between != nil {
		body = "touch " + gate + "; while [ -e " + gate + " ]; do sleep 0.1; done\n" + body
	}
	// --config-file and its value are those of the host.
	script := fmt.Sprintf("#!/bin/bash\nshift 2\nreal=\"docker exec -e COLUMNS=200 %s patronictl -c /etc/patroni/patroni.yml $*\"\nleader=%s candidate=%s bystander=%s leader_name=%s leader_ip=%s\n%s\n",
		l.container(l.bystander), l.container(l.leader), l.container(l.candidate), l.container(l.bystander), l.leader, l.ip(l.leader), body)
	if err := os.WriteFile(ctl, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	r := &running{gate: gate, record: filepath.Join(dir, "before.json")}
	args := []string{tool, "switchover", "-c", l.config, "--candidate", l.candidate, "--patronictl", ctl, "--verify-timeout", "90s"}
	ask := false
	for _, a := range w.args {
		switch a {
		case "ASK":
			ask = true
		case "RECORD":
			args = append(args, r.record)
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

// TestWrapper holds exit code, report and the true state of the cluster together.
func TestWrapper(t *testing.T) {
	l := newLab(t, "wrapper", "trixie", "10.77.46", "")
	for _, w := range wrappeds {
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
			if w.between != nil {
				l.await("the verdict", 30*time.Second, func() bool { _, err := os.Stat(r.gate); return err == nil })
				w.between(l)
				_ = os.Remove(r.gate)
			}
			if w.meanwhile != nil {
				w.meanwhile(l, r)
			}
			code := r.wait()
			if code != w.want || !strings.Contains(r.text(), w.says) {
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
	back := l.streams(l.leader, leads)
	if w.want == preflight.ExitGo && !back {
		l.t.Errorf("DONE, and %s does not stream", l.leader)
	}
	var key struct{ Leader string }
	_ = json.Unmarshal([]byte(l.key("failover")), &key)
	if w.want == preflight.ExitRefused && key.Leader != "" {
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
