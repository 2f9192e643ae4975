//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// desk is a machine beside a cluster from which people and playbooks work: the
// tool, patronictl and Ansible are on its PATH, and /etc/patroni/patroni.yml is there.
type desk struct {
	*lab
	id string
}

// newDesk starts such a machine, with Debian's Ansible of a suite, in the lab's network.
func newDesk(t *testing.T, l *lab, suite string) *desk {
	image := "patroni-preflight-ansible:" + suite
	if out, code := command(
		4*time.Minute,
		nil,
		"docker",
		"build",
		"-q",
		"-t",
		image,
		"--build-arg",
		"SUITE="+suite,
		"-f",
		"../docker/ansible.Dockerfile",
		"../docker",
	); code != 0 {
		t.Fatalf("%s: exit %d\n%s", image, code, out)
	}
	network := must(l, "docker", "network", "ls", "-q", "--filter", "label=com.docker.compose.project="+l.project)
	id := must(l, "docker", "run", "-d", "--rm", "--network", network, "-e", "ANSIBLE_NOCOLOR=1", "-e", "COLUMNS=200",
		"--entrypoint", "tini", image, "--", "sleep", "infinity")
	t.Cleanup(func() { command(time.Minute, nil, "docker", "rm", "-f", id) })
	d := &desk{lab: l, id: id}
	for from, to := range map[string]string{
		tool:         "/usr/local/bin/patroni-preflight",
		l.config:     "/etc/patroni/patroni.yml",
		"../ansible": "/root/ansible",
		"../docs":    "/root/docs",
	} {
		must(l, "docker", "cp", "-L", from, id+":"+to)
	}
	inventory := "[patroni]\n"
	for _, n := range nodes {
		inventory += fmt.Sprintf(
			"%s ansible_connection=local ansible_python_interpreter=/usr/bin/python3 address=%s\n",
			n,
			l.ip(n),
		)
	}
	d.write("/root/inventory", inventory)
	// Gated like the wrapper's: what happens between check and request is the test's.
	d.write(
		"/root/gated-patronictl",
		"#!/bin/sh\ncase \"$*\" in *--help*) ;; *) touch /tmp/gate; while [ -e /tmp/gate ]; do sleep 0.1; done;; esac\n"+
			"exec patronictl \"$@\"\n",
	)
	d.write(
		"/root/ansible/check.yml",
		"- hosts: patroni\n  gather_facts: false\n  tasks:\n    - ansible.builtin.import_role: {name: patroni_preflight}\n "+
			"     run_once: true\n",
	)
	d.must(
		"chown root:root /etc/patroni/patroni.yml && chmod 600 /etc/patroni/patroni.yml && chmod 755 /root/gated-patronictl",
	)
	return d
}

// write puts a file onto the desk.
func (d *desk) write(path, text string) {
	d.t.Helper()
	file := filepath.Join(d.t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		d.t.Fatal(err)
	}
	must(d.lab, "docker", "cp", file, d.id+":"+path)
}

// bash runs commands there, in root's home.
func (d *desk) bash(commands string) (string, int) {
	return command(4*time.Minute, nil, "docker", "exec", "-w", "/root", d.id, "bash", "-c", commands)
}

func (d *desk) must(commands string) string {
	d.t.Helper()
	out, code := d.bash(commands)
	if code != 0 {
		d.t.Fatalf("%s: exit %d\n%s", commands, code, out)
	}
	return out
}

// play is one run of a playbook, and what has to become of it.
type play struct {
	name string
	// arrange brings the cluster to a state; between is called after the tool's
	// verdict and before patronictl; meanwhile while the playbook runs.
	arrange, between, meanwhile func(d *desk)
	playbook                    string
	vars                        func(d *desk) []string
	// noCandidate: no candidate is named.
	noCandidate bool
	// old: also with the oldest Ansible that the role is for.
	old bool
	// fails, changed: whether Ansible says so. says: what the output has.
	fails, changed bool
	says           []string
	// leads is who has to lead in the end; nil: still the leader.
	leads func(d *desk) string
	// after looks at the output and the cluster.
	after func(d *desk, out string)
}

func candidateLeads(d *desk) string { return d.candidate }
func bystanderLeads(d *desk) string { return d.bystander }

func freezeCandidate(d *desk) { d.freeze(d.candidate, "-x patroni") }

const (
	checkOnly  = "check.yml"
	switchOver = "switchover.yml"
	rolling    = "rolling.yml"
	gated      = "patroni_preflight_patronictl=/root/gated-patronictl"
)

var plays = []play{
	{name: "GO", playbook: checkOnly, old: true},
	{
		name: "NO-GO", playbook: checkOnly, fails: true, old: true,
		arrange: func(d *desk) { d.tag(d.candidate, "nofailover", "true") },
		says:    []string{"NO-GO: no request was sent to Patroni", "BLOCKS candidate.nofailover", "FIX: "},
	},
	{
		name: "UNKNOWN", playbook: checkOnly, fails: true, old: true,
		vars: func(*desk) []string {
			return []string{
				`{"patroni_preflight_environment": {"PATRONI_SUPERUSER_PASSWORD": "no-such-secret"}}`,
				"--verbose",
				"--verbose",
			}
		},
		after: func(d *desk, out string) {
			if strings.Contains(out, "no-such-secret") {
				d.t.Errorf("the output has the password\n%s", out)
			}
		},
		says: []string{"UNKNOWN, which is not GO", "UNKNOWN ", "password authentication failed"},
	},
	{
		name: "the tool is not there", playbook: checkOnly, fails: true, old: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_command=/nonexistent/patroni-preflight"} },
		says: []string{"internal error: the state of the cluster is unknown", "/nonexistent/patroni-preflight"},
	},
	{
		name: "a wrong call", playbook: checkOnly, fails: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_timeout=1s"} },
		says: []string{"wrong usage or configuration", "--timeout 1s"},
	},
	{
		name: "NO-GO, asked to switch over", playbook: switchOver, fails: true,
		arrange: func(d *desk) { d.tag(d.candidate, "nofailover", "true") },
		says:    []string{"NO-GO: no request was sent to Patroni", "BLOCKS candidate.nofailover"},
	},
	{
		name: "asked what it would do", playbook: switchOver, changed: true,
		vars: func(*desk) []string { return []string{"--check"} },
		says: []string{"GO: would switch over from "},
	},
	{
		name: "a wrong choice", playbook: switchOver, fails: true, old: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_via=bogus"} },
		says: []string{"value of patroni_preflight_via must be one of: patronictl, rest, got: bogus"},
	},
	{
		name: "a number that is none", playbook: switchOver, fails: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_stable=banana"} },
		says: []string{"patroni_preflight_stable"},
	},
	{
		name: "no candidate", playbook: switchOver, noCandidate: true, fails: true, old: true,
		says: []string{"patroni_preflight_candidate is empty", "nothing was asked of the cluster"},
	},
	{
		name: "a candidate of spaces", playbook: switchOver, noCandidate: true, fails: true,
		vars: func(*desk) []string { return []string{`{"patroni_preflight_candidate": "  "}`} },
		says: []string{"patroni_preflight_candidate is empty"},
	},
	{
		name: "a candidate, and any", playbook: switchOver, fails: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_any=true"} },
		says: []string{"give one of the two"},
	},
	{
		name: "any candidate", playbook: switchOver, noCandidate: true, changed: true, old: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_any=true", "--check"} },
		says: []string{"GO: would switch over from ", "to the member that Patroni chooses"},
	},
	{
		name: "a misspelt variable", playbook: switchOver, noCandidate: true, fails: true, old: true,
		vars: func(d *desk) []string { return []string{"patroni_preflight_candidat=" + d.candidate} },
		says: []string{"patroni_preflight_candidat: no such variable", "nothing was asked of the cluster"},
	},
	{
		name: "a misspelt variable of a check", playbook: checkOnly, fails: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_failon=warning"} },
		says: []string{"patroni_preflight_failon: no such variable"},
	},
	{
		name: "refused", playbook: switchOver, fails: true,
		vars:    func(*desk) []string { return []string{gated} },
		between: freezeCandidate,
		says:    []string{"REFUSED: Patroni did not switch over", "Switchover failed"},
	},
	{
		name: "done, and asked again", playbook: switchOver, changed: true, leads: candidateLeads,
		after: func(d *desk, _ string) {
			out, code := d.ansible(switchOver, "patroni_preflight_candidate="+d.candidate)
			if code != 0 || changes(out) != 0 {
				d.t.Errorf("asked again, with the candidate leading: exit code %d\n%s", code, out)
			}
		},
	},
	{
		name: "done by REST", playbook: switchOver, changed: true, leads: candidateLeads, old: true,
		vars: func(*desk) []string { return []string{"patroni_preflight_via=rest"} },
	},
	{
		name: "the tool crashes after the request", playbook: switchOver, fails: true, changed: true, leads: candidateLeads,
		vars: func(d *desk) []string { return []string{d.endsWith(2, `patroni-preflight "$@" >/dev/null`)} },
		says: []string{"internal error", "see patronictl list", "the end of the tool"},
	},
	{
		name: "the cluster changed", playbook: switchOver, fails: true, old: true,
		vars: func(d *desk) []string { return []string{d.endsWith(5, "")} },
		says: []string{"the cluster changed between verdict and request", "the end of the tool"},
	},
	{
		name: "the overall deadline", playbook: switchOver, fails: true,
		vars: func(d *desk) []string { return []string{d.endsWith(124, "")} },
		says: []string{"no verdict within the overall deadline", "the end of the tool"},
	},
	{
		name: "outcome unknown", playbook: switchOver, fails: true, changed: true,
		vars: func(d *desk) []string {
			d.write("/root/idle-patronictl", "#!/bin/sh\ncase \"$*\" in *--help*) exec patronictl \"$@\";; esac\nsleep 60\n")
			d.must("chmod 755 /root/idle-patronictl")
			return []string{"patroni_preflight_patronictl=/root/idle-patronictl", "patroni_preflight_verify_timeout=3s"}
		},
		says: []string{"OUTCOME UNKNOWN", "do not repeat it"},
	},
	{
		name: "leads already, but nobody can see that", playbook: switchOver, fails: true,
		vars: func(d *desk) []string {
			return []string{
				"patroni_preflight_candidate=" + d.leader,
				`{"patroni_preflight_environment": {"PATRONI_SUPERUSER_PASSWORD": "wrong"}}`,
			}
		},
		says: []string{"UNKNOWN identity.sql_role", "password authentication failed"},
	},
	{
		name: "another member wins", playbook: switchOver, fails: true, changed: true, leads: bystanderLeads,
		vars: func(*desk) []string { return []string{"patroni_preflight_verify_timeout=60s"} },
		meanwhile: func(d *desk) {
			d.await(
				"the leader to stop",
				60*time.Second,
				func() bool { s, err := d.status(d.leader); return err == nil && s.State != "running" },
			)
			freezeCandidate(d)
		},
		says: []string{"DIFFERENT: a switchover took place", "FAIL outcome.leader", "leads, not"},
	},
	{
		name: "rolling, and the inventory has other names", playbook: rolling, noCandidate: true, fails: true, old: true,
		vars: func(d *desk) []string {
			d.write(
				"/root/touch.yml",
				"---\n- name: Leave a trace\n  ansible.builtin.file: {path: /root/trace, state: touch, mode: '0644'}\n",
			)
			return []string{"patroni_work=/root/touch.yml", "patroni_member=nobody", "patroni_may_lead=false"}
		},
		says: []string{"nobody is not a member of the cluster, which has node1, node2, node3"},
		after: func(d *desk, _ string) {
			if _, code := d.bash("test -e /root/trace"); code == 0 {
				d.t.Error("somebody was worked on")
			}
		},
	},
	{
		name: "rolling", playbook: rolling, noCandidate: true, changed: true,
		vars: func(d *desk) []string {
			d.write("/root/restart.yml", `---
- name: Restart PostgreSQL
  ansible.builtin.uri:
    url: "http://{{ address }}:8008/restart"
    method: POST
    body: {}
    body_format: json
    timeout: 60
  changed_when: true
`)
			return []string{"patroni_work=/root/restart.yml", "patroni_return=60s"}
		},
		leads: func(d *desk) string {
			if p := d.primaries(); len(p) == 1 && p[0] != d.leader {
				return p[0]
			}
			return "somebody else than " + d.leader
		},
		after: func(d *desk, out string) {
			if n := strings.Count(out, "changed: [node"); n < 4 {
				d.t.Errorf("%d changes, want three restarts and a switchover\n%s", n, out)
			}
		},
	},
}

// endsWith is the tool, but for a switchover that ends with the code and without a
// report, after the commands.
func (d *desk) endsWith(code int, commands string) string {
	d.t.Helper()
	d.write(
		"/root/tool",
		fmt.Sprintf(
			"#!/bin/sh\n[ \"$1\" = switchover ] || exec patroni-preflight \"$@\"\n%s\necho the end of the tool >&2\nexit %d\n",
			commands,
			code,
		),
	)
	d.must("chmod 755 /root/tool")
	return "patroni_preflight_command=/root/tool"
}

// ansible runs a playbook; vars are for -e, or flags.
func (d *desk) ansible(playbook string, vars ...string) (string, int) {
	args := []string{"exec", "-w", "/root/ansible", d.id, "ansible-playbook", "-i", "../inventory", playbook}
	for _, v := range vars {
		if strings.HasPrefix(v, "--") {
			args = append(args, v)
		} else {
			args = append(args, "-e", v)
		}
	}
	return command(5*time.Minute, nil, "docker", args...)
}

var recap = regexp.MustCompile(`ok=\d+ +changed=(\d+)`)

// changes is how many tasks a playbook reports as changed, on all hosts.
func changes(out string) (n int) {
	for _, m := range recap.FindAllStringSubmatch(out, -1) {
		var i int
		_, _ = fmt.Sscan(m[1], &i)
		n += i
	}
	return n
}

// TestAnsible runs the role and the playbooks with real Ansible on a real cluster,
// and holds what Ansible reports against the cluster's state; then the commands of
// the documents.
func TestAnsible(t *testing.T) {
	t.Parallel()
	l := newLab(t, "ansible", "trixie", "10.77.59", "")
	d := newDesk(t, l, l.suite)
	t.Run("lint", func(t *testing.T) {
		l.t = t
		d.must(
			"cd /root/ansible && for p in switchover.yml rolling.yml; do ansible-playbook -i ../inventory --syntax-check $p " +
				"|| exit 1; done && ansible-lint --offline --strict switchover.yml rolling.yml roles",
		)
	})
	for _, p := range plays {
		if chosen(p.name) {
			t.Run(p.name, func(t *testing.T) { d.play(t, p) })
		}
	}
	// bookworm has 2.14, where the result of a template is a text.
	oldest := newDesk(t, l, "bookworm")
	for _, p := range plays {
		if p.old && chosen(p.name) {
			t.Run("Ansible 2.14: "+p.name, func(t *testing.T) { oldest.play(t, p) })
		}
	}
	t.Run("commands as written", d.asTheyStand)
}

// play runs a playbook and holds what Ansible says of it against the cluster.
func (d *desk) play(t *testing.T, p play) {
	l := d.lab
	l.t = t
	l.roles()
	defer l.settle(p.name)
	if p.arrange != nil {
		p.arrange(d)
	}
	rows := l.rows(l.leader)
	var vars []string
	if !p.noCandidate {
		vars = append(vars, "patroni_preflight_candidate="+d.candidate)
	}
	if p.vars != nil {
		vars = append(vars, p.vars(d)...)
	}
	began := time.Now()
	var out string
	var code int
	ended := make(chan struct{})
	go func() { defer close(ended); out, code = d.ansible(p.playbook, vars...) }()
	if p.between != nil {
		l.await("the request", time.Minute, func() bool { _, code := d.bash("test -e /tmp/gate"); return code == 0 })
		p.between(d)
		d.must("rm /tmp/gate")
	}
	if p.meanwhile != nil {
		p.meanwhile(d)
	}
	<-ended
	if (code != 0) != p.fails || (changes(out) > 0) != p.changed {
		t.Errorf("exit code %d, %d changed; want failed %t, changed %t\n%s", code, changes(out), p.fails, p.changed, out)
	}
	for _, s := range p.says {
		if !strings.Contains(out, s) {
			t.Errorf("does not say %q\n%s", s, out)
		}
	}
	leads := l.leader
	if p.leads != nil {
		leads = p.leads(d)
	}
	if now := l.primaries(); len(now) != 1 || now[0] != leads {
		t.Errorf("%v lead, want %s\n%s", now, leads, out)
	} else if n := l.rows(leads); n != rows {
		t.Errorf("%d rows, %d before", n, rows)
	}
	if p.after != nil {
		p.after(d, out)
	}
	t.Logf("exit code %d, %d changed, after %.0f s", code, changes(out), time.Since(began).Seconds())
}
