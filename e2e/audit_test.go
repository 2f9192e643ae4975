//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// audits collects the nodes' real files, audits them as they are and with the
// founding incident in them, and holds them against the cluster before a change,
// after one that Patroni has not read, and after one that waits for a restart.
func (l *lab) audits(t *testing.T) {
	l.t = t
	l.roles()
	defer l.settle("audit")
	node := l.candidate
	l.audit(t, 0, nil)

	incident := l.collect(t)
	at := slices.Index(nodes, node)
	l.rewrite(incident[at], l.ip(node)+":8008", l.ip("vip")+":8008")
	l.audit(t, 2, incident, "--vip", l.ip("vip")).says(t, "audit.vip", node, "blocks", l.ip("vip")+" is a VIP")

	before := l.traces()
	l.audit(t, 0, nil, "--live").quiet(t)
	l.audit(t, 0, nil, "--live", "-c", l.config).quiet(t)
	l.untouched(before)

	// Patroni reads its file in the next loop after a signal: the last one that was
	// sent must not read what comes now.
	l.sh(node, "lab-set tags.audit before")
	l.undo(func() { l.in(node, "lab-set -d tags.audit") })
	l.await(
		"the reload",
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+node), `"audit":"before"`) },
	)

	// With its process id out of the way lab-set does not tell Patroni.
	untold := func(key, value string) {
		l.sh(node, "mv /run/patroni.pid /run/pid && lab-set "+key+" "+value+"; mv /run/pid /run/patroni.pid")
		l.undo(func() { l.in(node, "lab-set -d "+key) })
	}
	untold("tags.nofailover", "true")
	untold("postgresql.parameters.wal_sender_timeout", "45s")
	untold("postgresql.parameters.shared_buffers", "48MB")
	a := l.audit(t, 0, nil, "--live")
	a.says(
		t,
		"audit.live_tags",
		node,
		"warns",
		"A reload applies it: put the file in place, then run: patronictl reload demo "+node,
	)
	a.says(t, "audit.live_settings", node, "warns", "A reload applies it")
	a.says(t, "audit.live_settings", node, "warns", "shared_buffers is 4096 (in 8kB), the file has 48MB")
	a.says(t, "audit.live_settings", node, "warns", "A restart applies it")
	l.audit(t, 2, nil, "--live", "--fail-on", "warning")

	l.sh(l.leader, "lab-set synchronous_mode true && lab-set tags.audit read")
	l.undo(func() { l.sh(l.leader, "lab-set -d tags.audit && lab-set -d synchronous_mode") })
	l.sh(node, "lab-set postgresql.parameters.shared_buffers 48MB")
	l.await(
		"the restart to be pending",
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+node), "pending_restart") },
	)
	a = l.audit(t, 0, nil, "--live")
	a.says(t, "audit.live_restart", node, "warns", "patronictl restart demo "+node)
	a.says(t, "audit.dynamic", l.leader, "warns", "synchronous_mode")
	// The leader has read the file, and nobody is synchronous by it.
	l.await(
		"the leader's reload",
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+l.leader), `"audit":"read"`) },
	)
	if s := l.sql(l.leader, "SELECT string_agg(DISTINCT sync_state, ',') FROM pg_stat_replication"); s != "async" {
		t.Errorf("with synchronous_mode in a file the replicas are %s", s)
	}
	a.says(t, "audit.live_settings", node, "warns", "shared_buffers is 4096 (in 8kB), the file has 48MB")
	if text := a.text(); strings.Contains(text, "wal_sender_timeout is") || a.of("audit.live_tags", node) != "passed" {
		t.Errorf("what was reloaded still differs:\n%s", text)
	}

	l.signal(node, "STOP", "-x patroni")
	l.undo(func() { l.in(node, "pkill -CONT -x patroni") })
	if a := l.audit(t, 3, nil, "--live"); a.of("audit.live_name", node) != "unknown" {
		t.Errorf("a REST API that does not answer is not unknown:\n%s", a.text())
	}
}

// collect copies the nodes' files.
func (l *lab) collect(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for _, n := range nodes {
		path := filepath.Join(dir, n+".yml")
		if err := os.WriteFile(path, []byte(l.sh(n, "cat /etc/patroni/patroni.yml")), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func (l *lab) rewrite(path, old, text string) {
	l.t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(strings.ReplaceAll(string(raw), old, text)), 0o600)
	}
	if err != nil || !strings.Contains(string(raw), old) {
		l.t.Fatalf("%s does not have %s: %v", path, old, err)
	}
}

// audited is the report of an audit.
type audited struct {
	Results []struct {
		Check, Subject, Weight string
		Findings               []struct{ Asked, Observed, Remedy, Severity string }
	}
}

// audit runs the tool on files, or on those that the nodes have now.
func (l *lab) audit(t *testing.T, want int, files []string, flags ...string) audited {
	t.Helper()
	if files == nil {
		files = l.collect(t)
	}
	cmd := exec.Command(tool, slices.Concat([]string{"audit", "-f", "json"}, flags, files)...)
	// The environment of this machine says nothing about other machines' files.
	cmd.Env = append(os.Environ(), "PATRONI_SCOPE=wrong", "PATRONI_NAME=wrong")
	if slices.Contains(flags, "-c") {
		cmd.Env = os.Environ()
	}
	var errs strings.Builder
	cmd.Stderr = &errs
	out, _ := cmd.Output()
	var a audited
	if err := json.Unmarshal(out, &a); err != nil || cmd.ProcessState.ExitCode() != want {
		t.Errorf(
			"audit %s: exit %d, want %d: %v\n%s%s",
			strings.Join(flags, " "),
			cmd.ProcessState.ExitCode(),
			want,
			err,
			a.text(),
			errs.String(),
		)
	}
	return a
}

// says holds a result to a weight and to words of a finding.
func (a audited) says(t *testing.T, check, subject, weight, words string) {
	t.Helper()
	for _, r := range a.Results {
		if r.Check != check || r.Subject != subject {
			continue
		}
		for _, f := range r.Findings {
			if strings.Contains(f.Asked+": "+f.Observed+". "+f.Remedy, words) && r.Weight == weight {
				return
			}
		}
	}
	t.Errorf("%s of %s does not say %q as %s:\n%s", check, subject, words, weight, a.text())
}

// quiet holds a report to passes alone.
func (a audited) quiet(t *testing.T) {
	t.Helper()
	if text := a.text(); text != "" {
		t.Error(text)
	}
}

func (a audited) of(check, subject string) string {
	for _, r := range a.Results {
		if r.Check == check && r.Subject == subject {
			return r.Weight
		}
	}
	return ""
}

// text is what did not pass.
func (a audited) text() string {
	var b strings.Builder
	for _, r := range a.Results {
		if r.Weight == "passed" {
			continue
		}
		b.WriteString(r.Weight + " " + r.Check + " " + r.Subject + "\n")
		for _, f := range r.Findings {
			b.WriteString("  " + f.Asked + ": " + f.Observed + ". " + f.Remedy + "\n")
		}
	}
	return b.String()
}
