//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight/exitcode"
)

// newLayout starts other clusters than the usual one, from a Compose file over
// it, and takes them down with the test.
func newLayout(t *testing.T, layout, suite, net string, services ...string) *lab {
	l := &lab{
		t:       t,
		project: "preflight-e2e-" + strings.TrimSuffix(layout, ".yml"),
		suite:   suite,
		net:     net,
		layout:  layout,
		ids:     map[string]string{},
	}
	l.config = filepath.Join(t.TempDir(), "patronictl.yml")
	text := fmt.Sprintf(
		"scope: demo\netcd3:\n  hosts: %s:2379\npostgresql:\n  authentication:\n    superuser: {username: preflight, "+
			"password: preflight}\n",
		l.ip("etcd1"),
	)
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.down)
	starting.Lock()
	defer starting.Unlock()
	l.compose("down", "-v", "-t", "1")
	l.compose(append([]string{"up", "-d"}, services...)...)
	return l
}

// follow waits until each node streams from the one before it.
func (l *lab) follow(pairs ...[2]string) {
	l.t.Helper()
	for _, p := range pairs {
		l.await(p[1]+" to stream from "+p[0], 90*time.Second, func() bool {
			s, err := l.status(p[1])
			return err == nil && s.State == "running" && l.streams(p[1], p[0])
		})
	}
}

// says runs check and holds the verdict and what decided it against what is right.
func (l *lab) says(want, by string, args ...string) report {
	l.t.Helper()
	r, code, _, text := l.check(nil, args...)
	weight := map[string]string{noGo: "blocks", unknown: "unknown"}[want]
	if r.Verdict != want ||
		code != map[string]int{goes: exitcode.Go, noGo: exitcode.NoGo, unknown: exitcode.Unknown}[want] ||
		by != "" && !slices.Contains(r.by(weight), by) {
		l.t.Errorf("%v: %s, exit code %d, want %s by %q\n%s", args, r.Verdict, code, want, by, text)
	}
	return r
}

// tool runs the tool on this lab.
func (l *lab) tool(limit time.Duration, name string, args ...string) (string, int) {
	return command(limit, nil, tool, append([]string{name, "-c", l.config}, args...)...)
}

// TestStandbyCluster: two clusters in one etcd, one of which follows the other;
// in it a member cascades.
func TestStandbyCluster(t *testing.T) {
	t.Parallel()
	l := newLayout(t, "sites.yml", "trixie", "10.77.54", "etcd1", "node1", "node2", "b1", "b2", "b3")
	l.follow([2]string{"node1", "node2"}, [2]string{"node1", "b1"}, [2]string{"b1", "b2"}, [2]string{"b2", "b3"})
	isLeader := func(node string) bool { s, err := l.status(node); return err == nil && s.Role == "standby_leader" }
	value := func(node string) string { out, _ := l.trySQL(node, "SELECT max(id) FROM demo"); return out }
	arrives := func(node string) bool {
		l.sql("node1", "INSERT INTO demo (note) VALUES ('later')")
		want := value("node1")
		return until(8*time.Second, func() bool { return value(node) == want })
	}

	l.says(goes, "", "--candidate", "node2")
	l.says(goes, "", "--scope", "site-b")
	l.says(noGo, "candidate.member", "--scope", "site-b", "--candidate", "node2")
	if r := l.says(goes, "", "--scope", "site-b", "--candidate", "b2"); len(r.by("warns")) > 0 {
		t.Errorf("a healthy standby cluster warns of %v", r.by("warns"))
	}

	before := filepath.Join(t.TempDir(), "before.json")
	if out, code := l.tool(
		30*time.Second,
		"check",
		"--scope",
		"site-b",
		"--candidate",
		"b2",
		"--record",
		before,
	); code != exitcode.Go {
		t.Errorf("exit code %d\n%s", code, out)
	}
	out, _ := l.patronictl("b3", time.Minute, "switchover", "site-b", "--force", "--candidate", "b2")
	if !strings.Contains(out, "Successfully switched over") {
		t.Errorf("after GO: %s", out)
	}
	out, code := l.tool(2*time.Minute, "verify", "--scope", "site-b", "--since", before, "--verify-timeout", "60s")
	if code != exitcode.Go || !strings.Contains(out, "DONE  switchover of site-b from b1 to b2") || !isLeader("b2") ||
		!arrives("b1") {
		t.Errorf("exit code %d; b2 leads: %t\n%s", code, isLeader("b2"), out)
	}

	// b1 is cut off from every PostgreSQL, so it would lead and receive nothing.
	l.leader = "b2"
	l.cutOff("b1")
	l.says(noGo, "candidate.streaming", "--scope", "site-b", "--candidate", "b1")
	l.patronictl("b3", time.Minute, "switchover", "site-b", "--force", "--candidate", "b1")
	if !until(15*time.Second, func() bool { return isLeader("b1") }) || arrives("b1") {
		t.Errorf("the NO-GO is false: b1 leads (%t) and receives", isLeader("b1"))
	}
	l.says(goes, "", "--candidate", "node2") // the other cluster is none the worse
	for _, f := range slices.Backward(l.undos) {
		f()
	}
	l.undos = nil
	l.follow([2]string{"node1", "b1"}, [2]string{"b1", "b2"}, [2]string{"b2", "b3"})
	if !arrives("b3") {
		t.Fatal("the standby cluster does not receive again")
	}
	time.Sleep(3 * time.Second)

	// The member that cascades becomes the leader, by the command switchover.
	out, code = l.tool(
		2*time.Minute,
		"switchover",
		"--scope",
		"site-b",
		"--candidate",
		"b3",
		"--via",
		"rest",
		"--yes",
		"--verify-timeout",
		"60s",
	)
	if code != exitcode.Go || !strings.Contains(out, "b3 becomes the standby leader") ||
		!strings.Contains(out, "DONE  switchover of site-b from b1 to b3") ||
		!isLeader("b3") ||
		!arrives("b1") {
		t.Errorf("exit code %d; b3 leads: %t\n%s", code, isLeader("b3"), out)
	}
	out, code = l.tool(
		2*time.Minute,
		"switchover",
		"--candidate",
		"node2",
		"--via",
		"rest",
		"--yes",
		"--verify-timeout",
		"60s",
	)
	if code != exitcode.Go || !strings.Contains(out, "node2 is promoted") {
		t.Errorf("exit code %d of the switchover in the primary's cluster\n%s", code, out)
	}
}

// TestCitusGroups: Patroni's own layout of a Citus cluster, of two groups.
func TestCitusGroups(t *testing.T) {
	t.Parallel()
	l := newLayout(t, "groups.yml", "sid", "10.77.55", "etcd1", "node1", "node2", "node3", "node4")
	l.follow([2]string{"node1", "node2"}, [2]string{"node3", "node4"})
	// The coordinator's Patroni adds the worker's members.
	l.await("synchronous standbys in both groups", 60*time.Second, func() bool {
		return strings.Contains(l.key("0/sync"), "node2") && strings.Contains(l.key("1/sync"), "node4")
	})
	time.Sleep(3 * time.Second)

	l.says(goes, "", "--group", "0", "--candidate", "node2")
	l.says(goes, "", "--group", "1", "--candidate", "node4")
	l.says(noGo, "candidate.member", "--group", "0", "--candidate", "node4")
	l.says(unknown, "dcs.scope", "--group", "2", "--candidate", "node4")

	all := func(want string, code int, args ...string) {
		t.Helper()
		out, got := l.tool(30*time.Second, "check", append([]string{"-f", "brief"}, args...)...)
		if got != code || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d\n%s", args, got, out)
		}
	}
	all("GO  switchover of demo, a Citus cluster: group 0 GO; group 1 GO", exitcode.Go)
	all("it is in group 1: add --group 1", exitcode.Usage, "--candidate", "node4")
	l.sh("node4", "lab-set tags.nofailover true")
	l.await("the tag", 20*time.Second, func() bool { return strings.Contains(l.key("1/members/node4"), "nofailover") })
	all("NO-GO  switchover of demo, a Citus cluster: group 0 GO; group 1 NO-GO by candidate.member", exitcode.NoGo)
	out, _ := l.patronictl("node1", time.Minute, "switchover", "demo", "--force", "--group", "1")
	if strings.Contains(out, "Successfully") {
		t.Errorf("the NO-GO is false: %s", out)
	}
	l.sh("node4", "lab-set -d tags.nofailover")
	l.await("no tag, and to be synchronous again", 30*time.Second, func() bool {
		return !strings.Contains(l.key("1/members/node4"), "nofailover") && strings.Contains(l.key("1/sync"), "node4")
	})

	out, _ = l.patronictl("node1", time.Minute, "switchover", "demo", "--force", "--group", "0", "--candidate", "node2")
	if !strings.Contains(out, "Successfully switched over") {
		t.Errorf("after GO: %s", out)
	}
	out, code := l.tool(
		2*time.Minute,
		"switchover",
		"--group",
		"1",
		"--candidate",
		"node4",
		"--via",
		"rest",
		"--yes",
		"--verify-timeout",
		"60s",
	)
	if s, err := l.status("node4"); code != exitcode.Go || err != nil || !isPrimary(s) {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestOddClusters has two that come one after the other, since they share a network.
func TestOddClusters(t *testing.T) {
	t.Parallel()
	t.Run("odd members", oddMembers)
	t.Run("a store that is not read", unreadStore)
}

// oddMembers: names, ports and addresses as nobody would choose them, and
// nothing wrong with them.
func oddMembers(t *testing.T) {
	l := newLayout(t, "odd.yml", "bookworm", "10.77.56", "etcd1", "m1", "m2", "m3")
	l.sh("m3", "ip addr add "+l.net+".33/24 dev eth0")
	const scope = "Odd.one-2"
	args := func(more ...string) []string { return append([]string{"--scope", scope}, more...) }
	l.await("three members", 90*time.Second, func() bool {
		out, _ := l.in("m1", "curl -s http://[::1]:8008/cluster")
		return strings.Count(out, `"lag": 0`) == 2
	})
	time.Sleep(3 * time.Second)
	for _, m := range []string{"THREE", "knoten-zwei-ü"} {
		if r := l.says(goes, "", args("--candidate", m)...); len(r.by("warns")) > 0 {
			t.Errorf("%s: warns of %v", m, r.by("warns"))
		}
	}
	l.says(noGo, "candidate.member", args("--candidate", "three")...)
	for _, m := range []string{"THREE", "knoten-zwei-ü", "Node.One"} {
		out, code := l.tool(
			2*time.Minute,
			"switchover",
			args("--candidate", m, "--via", "rest", "--yes", "--wait", "30s", "--verify-timeout", "60s")...)
		if code != exitcode.Go || !strings.Contains(out, "DONE  switchover of "+scope) {
			t.Fatalf("to %s: exit code %d\n%s", m, code, out)
		}
	}
}

// unreadStore: the store is Patroni's Raft, which the tool does not read. What
// REST and SQL show decides, and it is never GO.
func unreadStore(t *testing.T) {
	l := newLayout(t, "raft.yml", "trixie", "10.77.56")
	l.await("a leader and two that stream", 90*time.Second, func() bool {
		p := l.primaries()
		if len(p) != 1 {
			return false
		}
		s, err := l.status(p[0])
		return err == nil && len(s.Replication) == 2
	})
	time.Sleep(5 * time.Second)
	l.roles()
	text := "scope: demo\nraft: {self_addr: '" + l.ip(
		l.bystander,
	) + ":2222'}\nrestapi: {connect_address: '" + l.ip(
		l.bystander,
	) + ":8008'}\n" +
		"postgresql:\n  authentication:\n    superuser: {username: preflight, password: preflight}\n"
	if err := os.WriteFile(l.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	shows := func(want string) func() bool {
		return func() bool {
			out, _ := l.in(l.bystander, "curl -s http://127.0.0.1:8008/cluster")
			return strings.Contains(out, want)
		}
	}
	never := func(command string, args ...string) {
		t.Helper()
		if out, _ := l.patronictl(
			l.bystander,
			time.Minute,
			append([]string{command, "demo", "--force"}, args...)...); strings.Contains(
			out,
			"Successfully",
		) {
			t.Errorf("the NO-GO is false: %s", out)
		}
	}

	r := l.says(unknown, "dcs.reachable", "--candidate", l.candidate)
	for _, id := range []string{
		"lag.receive",
		"lag.replay",
		"candidate.streaming",
		"identity.rest_name",
		"identity.sql_system_id",
		"maintenance.pause",
		"maintenance.member",
	} {
		if slices.Contains(r.by("unknown"), id) || slices.Contains(r.by("skipped"), id) {
			t.Errorf("%s is undecided, which REST and SQL can tell", id)
		}
	}
	out, code := l.tool(30*time.Second, "switchover", "--candidate", l.candidate, "--via", "rest", "--yes")
	if code != exitcode.Unknown || !strings.Contains(out, "Raft is not read") ||
		!slices.Equal(l.primaries(), []string{l.leader}) {
		t.Errorf("switchover: exit code %d\n%s", code, out)
	}

	l.sh(l.candidate, "lab-set tags.nofailover true")
	l.await("the tag", 20*time.Second, shows("nofailover"))
	l.says(noGo, "candidate.nofailover", "--candidate", l.candidate)
	never("switchover", "--candidate", l.candidate)
	l.sh(l.candidate, "lab-set -d tags.nofailover")
	l.await("no tag", 20*time.Second, func() bool { return !shows("nofailover")() })

	if out, code := l.patronictl(l.bystander, 30*time.Second, "pause", "demo", "--wait"); code != 0 {
		t.Fatal(out)
	}
	l.says(noGo, "maintenance.pause")
	never("switchover")
	if out, code := l.patronictl(l.bystander, 30*time.Second, "resume", "demo", "--wait"); code != 0 {
		t.Fatal(out)
	}

	// With nothing in its way the switchover works, and REST and SQL tell so.
	before := filepath.Join(t.TempDir(), "before.json")
	l.tool(30*time.Second, "check", "--candidate", l.candidate, "--record", before)
	if out, _ := l.patronictl(
		l.bystander,
		time.Minute,
		"switchover",
		"demo",
		"--force",
		"--candidate",
		l.candidate,
	); !strings.Contains(
		out,
		"Successfully switched over",
	) {
		t.Errorf("%s", out)
	}
	out, code = l.tool(2*time.Minute, "verify", "--since", before, "--verify-timeout", "60s")
	if code != exitcode.Go || !strings.Contains(out, "DONE  switchover of demo from "+l.leader+" to "+l.candidate) {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
}
