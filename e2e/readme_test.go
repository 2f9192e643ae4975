//go:build e2e

package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// asWritten are the documents whose commands have to work as they stand there: on
// a machine beside a cluster called demo, that node1 leads and node2 is to lead.
var asWritten = []struct{ file, from, to string }{
	{"../README.md", "## On your own cluster", "\n## "},
	{"../README.md", "## Three ways to use it", "\n## "},
	{"../docs/runbook.md", "## Days before", "\n## What the exit code means"},
	{"../docs/ansible.md", "## Use", "\n## "},
	{"../docs/exit-codes.md", "# Exit codes", "\n## "},
	{"../docs/report.md", "## json", "\n## "},
}

var fenced = regexp.MustCompile("(?ms)^ *```([a-z]*)\n(.*?)^ *```$")

// commands are the commands of a shell block, one for each that does not go on in
// the next line.
func commands(block string) []string {
	var out []string
	var open bool
	for _, line := range strings.Split(strings.TrimSpace(block), "\n") {
		line = strings.TrimSpace(line)
		if open {
			out[len(out)-1] += "\n" + line
		} else if line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
		open = strings.HasSuffix(line, "&&") || strings.HasSuffix(line, "\\")
	}
	return out
}

// asks reports whether a command wants somebody to say yes.
func asks(command string) bool {
	return strings.HasPrefix(command, "patroni-preflight switchover") && !strings.Contains(command, "--yes")
}

// switches reports whether a command is to make node2 the leader.
func switches(command string) bool {
	return strings.Contains(command, "switchover") && !strings.Contains(command, "--check") &&
		!strings.HasPrefix(command, "patroni-preflight check --candidate node2 --scheduled")
}

// node1Leads brings the cluster to where the documents begin. A member that has
// just come back says so in its REST API before it does in its key.
func (d *desk) node1Leads() {
	d.t.Helper()
	settled := func() bool {
		if !d.whole(0) {
			return false
		}
		d.roles()
		for _, n := range []string{d.candidate, d.bystander} {
			if !strings.Contains(d.key("members/"+n), `"role":"replica"`) {
				return false
			}
		}
		return true
	}
	d.await("a whole cluster", 90*time.Second, settled)
	if d.leader == "node1" {
		return
	}
	if out, code := d.bash("patronictl switchover demo --candidate node1 --force"); code != 0 {
		d.t.Fatalf("exit %d: %s", code, out)
	}
	d.await("node1 to lead", 90*time.Second, func() bool { return settled() && d.leader == "node1" })
}

// asTheyStand runs the commands of the documents as they are written there.
func (d *desk) asTheyStand(t *testing.T) {
	for _, doc := range asWritten {
		text, err := os.ReadFile(doc.file)
		if err != nil {
			t.Fatal(err)
		}
		_, section, ok := strings.Cut(string(text), doc.from)
		if !ok {
			t.Fatalf("%s has no %q", doc.file, doc.from)
		}
		section, _, _ = strings.Cut(section, doc.to)
		blocks := fenced.FindAllStringSubmatch(section, -1)
		if len(blocks) == 0 {
			t.Fatalf("%s, %s: no commands", doc.file, doc.from)
		}
		for _, b := range blocks {
			var run []string
			switch {
			case b[1] == "":
				run = commands(b[2])
			case b[1] == "sh":
				run = []string{strings.TrimSpace(b[2])}
			case strings.Contains(b[2], "hosts: "):
				d.write("/root/play.yml", b[2])
				run = []string{"ANSIBLE_ROLES_PATH=ansible/roles ansible-playbook -i inventory play.yml"}
				if strings.Contains(b[2], "tasks_from: switchover") {
					run[0] += " # switchover"
				}
			}
			for _, c := range run {
				t.Run(c, func(t *testing.T) {
					d.t = t
					if !strings.Contains(c, " verify ") {
						d.node1Leads()
					}
					d.roles()
					want := d.leader
					if switches(c) {
						want = "node2"
					}
					run := c
					if asks(c) {
						d.write("/root/command", c)
						run = "(sleep 8; echo y) | script -qec 'bash /root/command' /dev/null"
					}
					out, code := d.bash(run)
					if code != 0 {
						t.Errorf("exit code %d\n%s", code, out)
					}
					// patronictl does not wait until the new leader is out of recovery.
					if !until(20*time.Second, func() bool { now := d.primaries(); return len(now) == 1 && now[0] == want }) {
						t.Errorf("%v lead, want %s\n%s", d.primaries(), want, out)
					}
					t.Log(lastLine(out))
				})
			}
		}
	}
}
