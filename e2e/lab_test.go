//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// lab is one real cluster: three etcd, three Patroni nodes, from the
// docker-compose.yml that users have.
type lab struct {
	t       testing.TB
	project string
	suite   string
	net     string
	config  string // for the tool
	source  string // of a Patroni release to run instead of Debian's, "" for that
	layout  string // a Compose file in docker/ over the usual one, "" for none
	// secure is what the secured lab is reached with, nil for the plain one.
	secure *access
	// prepare is done to every cluster that is set up anew, nil for nothing.
	prepare func()
	undos   []func()
	ids     map[string]string // of containers, by service
	version string            // of Patroni

	// leader, candidate and bystander are who they are when a scenario begins.
	leader, candidate, bystander string
	// other is a second candidate that a scenario has made.
	other string
	// slot is that of a logical consumer whose rows are counted, "" for none.
	slot string
	// spoilt: the cluster cannot be restored after this scenario.
	spoilt bool
	// acknowledged counts rows that a writer in the background was told are safe.
	acknowledged atomic.Int64
	// stopWrites ends that writer, before rows are counted.
	stopWrites func()
}

// beforeCount registers what has to end before rows are counted.
func (l *lab) beforeCount(f func()) {
	once := sync.OnceFunc(f)
	l.stopWrites = once
	l.undo(once)
}

var nodes = []string{"node1", "node2", "node3"}

// command runs a program on the host and returns what it printed.
func command(limit time.Duration, env []string, name string, args ...string) (string, int) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	code := cmd.ProcessState.ExitCode()
	if err != nil && code == 0 {
		code = -1
	}
	if ctx.Err() != nil {
		code = 124
	}
	return strings.TrimSpace(string(out)), code
}

func (l *lab) env() []string {
	return []string{
		"SUITE=" + l.suite,
		"LAB_NET=" + l.net,
		"LAB_NET6=fd00:" + strings.ReplaceAll(l.net, ".", ":"),
		"LAB_PATRONI_SOURCE=" + l.source,
	}
}

// compose runs Docker Compose on this lab's project.
func (l *lab) compose(args ...string) string {
	files := []string{"-p", l.project, "-f", "../docker-compose.yml"}
	if l.secure != nil {
		files = append(files, "-f", "../docker/secure.yml")
	}
	if l.source != "" {
		files = append(files, "-f", "../docker/release.yml")
	}
	if l.layout != "" {
		files = append(files, "-f", "../docker/"+l.layout)
	}
	out, code := command(4*time.Minute, l.env(), "../scripts/compose.sh", append(files, args...)...)
	if code != 0 {
		l.t.Fatalf("compose %s: exit %d\n%s", strings.Join(args, " "), code, out)
	}
	return out
}

// container is the container of a service, whichever Compose made it.
func (l *lab) container(service string) string {
	if id, ok := l.ids[service]; ok {
		return id
	}
	l.ids[service] = must(
		l,
		"docker",
		"ps",
		"-aq",
		"--filter",
		"label=com.docker.compose.project="+l.project,
		"--filter",
		"label=com.docker.compose.service="+service,
	)
	return l.ids[service]
}

// must runs a command on the host that has to succeed.
func must(l *lab, name string, args ...string) string {
	l.t.Helper()
	out, code := command(time.Minute, nil, name, args...)
	if code != 0 {
		l.t.Fatalf("%s %s: exit %d\n%s", name, strings.Join(args, " "), code, out)
	}
	return out
}

// in runs a shell command in a container.
func (l *lab) in(service, shell string) (string, int) {
	return command(time.Minute, nil, "docker", "exec", l.container(service), "sh", "-c", shell)
}

// sh is in, for commands that have to succeed.
func (l *lab) sh(service, shell string) string {
	l.t.Helper()
	out, code := l.in(service, shell)
	if code != 0 {
		l.t.Fatalf("%s: %s: exit %d\n%s", service, shell, code, out)
	}
	return out
}

// undo registers what restores the cluster; the last one registered runs first.
func (l *lab) undo(f func()) { l.undos = append(l.undos, f) }

// patronictl runs the real thing on a node; it is stopped after the limit, since
// it has none of its own.
func (l *lab) patronictl(node string, limit time.Duration, args ...string) (string, int) {
	all := append(
		[]string{
			"exec",
			"-e",
			"COLUMNS=200",
			l.container(node),
			"timeout",
			"-k",
			"1",
			fmt.Sprint(int(limit.Seconds())),
			"patronictl",
			"-c",
			"/etc/patroni/patroni.yml",
		},
		args...)
	return command(limit+10*time.Second, nil, "docker", all...)
}

func (l *lab) ip(service string) string {
	last := map[string]string{
		"etcd1": "11", "etcd2": "12", "etcd3": "13", "node1": "21", "node2": "22", "node3": "23", "vip": "100",
		"node4": "24", "b1": "31", "b2": "32", "b3": "33", // groups.yml, sites.yml
	}[service]
	return l.net + "." + last
}

// until polls a condition.
func until(limit time.Duration, ok func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return ok()
}

// await is until, for conditions that a scenario cannot do without.
func (l *lab) await(what string, limit time.Duration, ok func() bool) {
	l.t.Helper()
	if !until(limit, ok) {
		l.t.Fatalf("waited %s in vain for: %s", limit, what)
	}
}

// starting: one cluster at a time, since to start one takes all of a small machine.
var starting sync.Mutex

// up brings the cluster up anew.
func (l *lab) up() {
	starting.Lock()
	defer starting.Unlock()
	l.ids, l.spoilt = map[string]string{}, false
	l.compose("down", "-v", "-t", "2")
	l.compose("up", "-d")
	l.sh("node1", "lab-wait 180")
	if l.secure != nil {
		l.fetchKeys()
	}
	// Autovacuum uses transaction ids, and by those we see that the tool uses none.
	l.patronictl(
		"node1",
		20*time.Second,
		"edit-config",
		"demo",
		"--force",
		"--quiet",
		"-s",
		"postgresql.parameters.autovacuum=off",
	)
	l.await("autovacuum to be off", 20*time.Second, func() bool { return l.sql("node1", "SHOW autovacuum") == "off" })
	l.sql(
		"node1",
		"CREATE TABLE IF NOT EXISTS ledger (id bigserial PRIMARY KEY, note text); CREATE TABLE ballast (note text)",
	)
	if l.prepare != nil {
		l.prepare()
	}
}

func (l *lab) down() { l.compose("down", "-v", "-t", "1") }

// settle undoes a scenario and waits until the cluster is whole again; it says
// so and starts a new one where that takes too long.
func (l *lab) settle(after string) {
	l.restore()
	if l.spoilt {
		l.t.Logf("%s: what it does to a cluster cannot be restored, so it was set up anew", after)
		l.up()
		return
	}
	if l.whole(30 * time.Second) {
		if p := l.primaries(); len(p) == 1 {
			l.trySQL(p[0], "TRUNCATE ballast")
		}
		return
	}
	// A node that has diverged comes back by a new base backup.
	if p := l.primaries(); len(p) == 1 {
		for _, n := range nodes {
			if n != p[0] && !l.streams(n, p[0]) {
				l.patronictl(p[0], 15*time.Second, "reinit", "demo", n, "--force")
			}
		}
		if l.whole(40 * time.Second) {
			l.t.Logf("%s: a member had to be created anew", after)
			return
		}
	}
	l.t.Logf("%s: the state could not be restored, so the cluster was set up anew", after)
	l.up()
}

// restore runs what was registered with undo.
func (l *lab) restore() {
	for _, f := range slices.Backward(l.undos) {
		f()
	}
	l.undos = nil
}

// whole waits until one node leads and both others stream from it, on its
// timeline and by all accounts.
func (l *lab) whole(limit time.Duration) bool {
	return until(limit, func() bool {
		p := l.primaries()
		if len(p) != 1 {
			return false
		}
		leader, _ := l.status(p[0])
		for _, n := range nodes {
			s, err := l.status(n)
			if err != nil || s.State != "running" || s.Timeline != leader.Timeline || s.Pause ||
				(n != p[0] && !l.streams(n, p[0])) {
				return false
			}
		}
		keys, err := l.keys()
		// Patroni deletes /sync a loop after synchronous mode is off.
		if err != nil || keys["leader"] == nil || string(keys["leader"].Value) != p[0] || keys["sync"] != nil {
			return false
		}
		for _, n := range nodes {
			kv := keys["members/"+n]
			if kv == nil || !strings.Contains(string(kv.Value), l.ip(n)+":8008") ||
				!strings.Contains(string(kv.Value), l.ip(n)+":5432") ||
				strings.Contains(string(kv.Value), `"tags"`) ||
				strings.Contains(string(kv.Value), `"demoted"`) {
				return false
			}
		}
		return true
	})
}

// roles finds who is who.
func (l *lab) roles() {
	l.t.Helper()
	l.await("one primary", 30*time.Second, func() bool { return len(l.primaries()) == 1 })
	l.leader = l.primaries()[0]
	others := slices.DeleteFunc(slices.Clone(nodes), func(n string) bool { return n == l.leader })
	l.candidate, l.bystander = others[0], others[1]
}

// edit changes the dynamic configuration; before is restored afterwards.
func (l *lab) edit(settings ...string) {
	l.t.Helper()
	before := l.key("config")
	args := []string{"edit-config", "demo", "--force", "--quiet"}
	for _, s := range settings {
		args = append(args, "-s", s)
	}
	if out, code := l.patronictl(l.bystander, 20*time.Second, args...); code != 0 {
		l.t.Fatalf("edit-config: exit %d\n%s", code, out)
	}
	l.undo(func() {
		err := l.etcd(func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Put(ctx, "/service/demo/config", before)
			return err
		})
		if err != nil {
			l.t.Errorf("restore /config: %v", err)
		}
	})
	time.Sleep(2500 * time.Millisecond) // one HA loop
}

// set changes a key of a node's patroni.yml and waits until its member key shows it.
func (l *lab) set(node, key, value, before string) {
	l.t.Helper()
	l.sh(node, fmt.Sprintf("lab-set %s '%s'", key, value))
	l.undo(func() {
		if before == "" {
			l.in(node, "lab-set -d "+key)
		} else {
			l.in(node, fmt.Sprintf("lab-set %s '%s'", key, before))
		}
	})
}

// apiURL gives a member another restapi.connect_address.
func (l *lab) apiURL(node, address string) {
	l.t.Helper()
	l.set(node, "restapi.connect_address", address, l.ip(node)+":8008")
	l.await(
		node+"'s member key shows "+address,
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+node), l.scheme()+"://"+address+"/") },
	)
}

// connURL gives a member another postgresql.connect_address.
func (l *lab) connURL(node, address string) {
	l.t.Helper()
	l.set(node, "postgresql.connect_address", address, l.ip(node)+":5432")
	l.await(
		node+"'s member key shows "+address,
		20*time.Second,
		func() bool { return strings.Contains(l.key("members/"+node), "//"+address+"/") },
	)
}

// signal sends a signal to processes in a container, found by pgrep's pattern.
func (l *lab) signal(node, signal, pattern string) {
	l.t.Helper()
	l.sh(node, fmt.Sprintf("pkill -%s %s", signal, pattern))
}

// freeze stops processes and lets them go on afterwards.
func (l *lab) freeze(node, pattern string) {
	l.t.Helper()
	l.signal(node, "STOP", pattern)
	l.undo(func() { l.in(node, "pkill -CONT "+pattern) })
}

// cut keeps a node from reaching any other's PostgreSQL; it still answers.
func (l *lab) cut(node string) {
	l.t.Helper()
	l.sh(node, "iptables -A OUTPUT -p tcp --dport 5432 ! -d 127.0.0.1 -j REJECT --reject-with tcp-reset")
	l.undo(func() { l.in(node, "iptables -F") })
}

// vip puts an address onto a node.
func (l *lab) vip(node string) string {
	l.t.Helper()
	vip := l.ip("vip")
	l.sh(node, "ip addr add "+vip+"/24 dev eth0")
	l.undo(func() { l.in(node, "ip addr del "+vip+"/24 dev eth0") })
	// Speaking from the VIP tells everybody its new hardware address.
	l.sh(
		node,
		fmt.Sprintf(
			"ip neigh flush all; for t in 1 21 22 23; do curl -s -m 1 -o /dev/null --interface %s http://%s.$t:8008/; done; true",
			vip,
			l.net,
		),
	)
	return vip
}

func (l *lab) scheme() string {
	if l.secure != nil {
		return "https"
	}
	return "http"
}

// newLab starts a cluster and takes it down with the test. source is as in lab.
func newLab(t testing.TB, name, suite, net, source string) *lab {
	l := &lab{t: t, project: "preflight-e2e-" + name, suite: suite, net: net, source: source}
	l.config = filepath.Join(t.TempDir(), "patronictl.yml")
	text := fmt.Sprintf(
		"scope: demo\netcd3:\n  hosts: %s:2379,%s:2379,%s:2379\npostgresql:\n  authentication:\n    superuser: {username: "+
			"preflight, password: preflight}\n",
		l.ip("etcd1"),
		l.ip("etcd2"),
		l.ip("etcd3"),
	)
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.down)
	began := time.Now()
	l.up()
	t.Logf("%s: cluster up after %.0f s", name, time.Since(began).Seconds())
	return l
}
