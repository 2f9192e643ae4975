package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
)

// citusStore is an etcd with groups 0, 1 and 10 of a Citus cluster, whose members
// are at that address.
func citusStore(at string) etcd {
	store := etcd{keys: map[string]string{}}
	for _, g := range []string{"0", "1", "10"} {
		rest, sql := "http://"+at+"/patroni", "postgres://"+at+"/postgres"
		for k, v := range twoNodes(rest, sql, rest, sql).keys {
			k = strings.Replace(k, "/demo/", "/demo/"+g+"/", 1)
			k = strings.Replace(k, "members/node", "members/g"+g+"node", 1)
			store.keys[k] = strings.ReplaceAll(v, "node1", "g"+g+"node1")
		}
	}
	return store
}

// TestEveryGroup: without --group check judges all of them, with a citus section
// in the file and without.
func TestEveryGroup(t *testing.T) {
	t.Parallel()
	addr := citusStore(closedPort(t)).start(t)
	plain := put(t, "plain.yml", "scope: demo\netcd3: {host: '"+addr+"'}\n")
	citus := put(t, "citus.yml", "scope: demo\netcd3: {host: '"+addr+"'}\ncitus: {group: 0, database: citus}\n")
	for _, file := range []string{plain, citus} {
		dir := t.TempDir()
		o := runCLI(t, "check", "-c", file, "-f", "json", "--record", filepath.Join(dir, "seen.json"))
		var doc struct {
			Verdict  preflight.Verdict
			ExitCode int `json:"exit_code"`
			Groups   []preflight.Report
		}
		if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil {
			t.Fatalf("%v\n%+v", err, o)
		}
		if o.code != exitcode.NoGo || doc.ExitCode != o.code || doc.Verdict != preflight.NoGo || len(doc.Groups) != 3 {
			t.Errorf("exit code %d, %+v", o.code, doc)
		}
		for i, g := range []string{"0", "1", "10"} {
			if r := doc.Groups[i]; r.Request.Group != g || r.Leader != "g"+g+"node1" {
				t.Errorf("group %s: %+v, leader %s", g, r.Request, r.Leader)
			}
			f := filepath.Join(dir, "seen-group-"+g+".json")
			if again := runCLI(
				t,
				"replay",
				"-f",
				"json",
				f,
			); again.code != exitcode.NoGo ||
				!strings.Contains(again.stdout, `"group": "`+g+`"`) {
				t.Errorf("%s: %+v", f, again)
			}
		}
		if _, err := os.Stat(filepath.Join(dir, "seen.json")); err == nil {
			t.Error("a file for no group")
		}
	}
	// With a group there is one report.
	if o := runCLI(
		t,
		"check",
		"-c",
		citus,
		"--group",
		"1",
		"-f",
		"brief",
	); o.code != exitcode.NoGo ||
		!strings.Contains(o.stdout, "switchover of demo (group 1) from g1node1") {
		t.Errorf("%+v", o)
	}
}

// TestGroupHasToBeNamed: a member is one of one group, and a switchover too.
func TestGroupHasToBeNamed(t *testing.T) {
	t.Parallel()
	addr := citusStore(closedPort(t)).start(t)
	file := put(t, "citus.yml", "scope: demo\netcd3: {host: '"+addr+"'}\ncitus: {group: 0, database: citus}\n")
	for _, c := range []struct {
		args []string
		says string
	}{
		{
			[]string{"check", "--candidate", "g10node2"},
			"the groups 0, 1, 10, each with a leader of its own. Name the group of the member; it is in group 10: add --group " +
				"10",
		},
		{[]string{"check", "--leader", "g0node1"}, "--leader g0node1: "},
		{[]string{"check", "--candidate", "nobody"}, "it is in none of them"},
		{[]string{"switchover", "--via", "rest", "--yes"}, "name the group with --group"},
		{[]string{"verify", "--since", "testdata/none"}, "--since"},
	} {
		o := runCLI(t, append([]string{c.args[0], "-c", file}, c.args[1:]...)...)
		if o.code != exitcode.Usage || o.stdout != "" || !strings.Contains(o.stderr, c.says) {
			t.Errorf("%v: %+v", c.args, o)
		}
	}

	// The file and the store do not agree.
	closed := closedPort(t)
	own := twoNodes(
		"http://"+closed+"/patroni",
		"postgres://"+closed+"/postgres",
		"http://"+closed+"/patroni",
		"postgres://"+closed+"/postgres",
	).start(t)
	file = put(t, "own.yml", "scope: demo\netcd3: {host: '"+own+"'}\ncitus: {group: 0, database: citus}\n")
	if o := runCLI(
		t,
		"check",
		"-c",
		file,
	); o.code != exitcode.Usage ||
		!strings.Contains(o.stderr, "has a leader and no group") {
		t.Errorf("%+v", o)
	}
}

// TestGroupsSideBySide: members that never answer cost one deadline, not one for
// each group.
func TestGroupsSideBySide(t *testing.T) {
	t.Parallel()
	addr := citusStore(blackHole(t)).start(t)
	start := time.Now()
	o := runCLI(t, "check", "--scope", "demo", "-d", "etcd3://"+addr, "--timeout", "2500ms", "-f", "brief")
	if took := time.Since(start); o.code == exitcode.Go || took > 5*time.Second {
		t.Errorf("%s: %+v", took, o)
	}
}
