package cli

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"patroni-preflight/internal/request"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/report"
)

// auditNodes copies the three nodes' files of testdata and changes them, file by file.
func auditNodes(t *testing.T, change func(name, text string) string) []string {
	t.Helper()
	dir := t.TempDir()
	var paths []string
	for _, name := range []string{"node1", "node2", "node3"} {
		raw, err := os.ReadFile(filepath.Join("testdata", "audit", name+".yml"))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name+".yml")
		if err := os.WriteFile(path, []byte(change(name, string(raw))), 0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

func asTheyAre(_, text string) string { return text }

// foundingIncident gives node2 the VIP as its REST address.
func foundingIncident(name, text string) string {
	if name != "node2" {
		return text
	}
	return strings.Replace(text, "connect_address: 10.0.0.22:8008", "connect_address: 10.0.0.100:8008", 1)
}

// TestAuditOfRealFiles: the files that a lab's nodes run with are GO, with no word
// of warning, and the founding incident is told from them, in every format.
func TestAuditOfRealFiles(t *testing.T) {
	good := auditNodes(t, asTheyAre)
	bad := auditNodes(t, foundingIncident)
	for _, format := range report.Formats {
		flags := []string{"audit", "-f", format, "--vip", "10.0.0.100"}
		if o := runCLI(t, append(flags, good...)...); o.code != 0 || o.stderr != "" || o.stdout == "" {
			t.Errorf("%s: exit %d, stderr %q\n%s", format, o.code, o.stderr, o.stdout)
		}
		o := runCLI(t, append(flags, bad...)...)
		if o.code != exitcode.NoGo || o.stderr != "" || !strings.Contains(o.stdout, "audit.vip") {
			t.Errorf("%s: exit %d, stderr %q\n%s", format, o.code, o.stderr, o.stdout)
		}
		if format == "text" &&
			!strings.Contains(
				strings.Join(strings.Fields(o.stdout), " "),
				bad[1]+", line 10, restapi.connect_address: the address is 10.0.0.100:8008, and 10.0.0.100 is a VIP",
			) {
			t.Errorf("the finding does not say where:\n%s", o.stdout)
		}
	}
}

// TestAuditVIPsOfFiles: preflight.vips of any file counts for all.
func TestAuditVIPsOfFiles(t *testing.T) {
	paths := auditNodes(t, func(name, text string) string {
		if name == "node3" {
			text += "preflight: {vips: [10.0.0.100]}\n"
		}
		return foundingIncident(name, text)
	})
	if o := runCLI(
		t,
		append([]string{"audit", "-f", "brief"}, paths...)...); o.code != exitcode.NoGo ||
		!strings.Contains(o.stdout, "audit.vip(node2)") {
		t.Errorf("exit %d\n%s", o.code, o.stdout)
	}
}

// TestAuditExitCodes: the same codes as of check.
func TestAuditExitCodes(t *testing.T) {
	warned := func(name, text string) string {
		if name == "node2" {
			text += "watchdog: {mode: required}\n"
		}
		return text
	}
	without := func(name, text string) string {
		if name == "node2" {
			text = strings.Replace(text, "scope: demo\n", "", 1)
		}
		return text
	}
	broken := func(name, text string) string {
		if name == "node2" {
			text = strings.Replace(text, "  listen: 0.0.0.0:8008\n", "\tlisten: 0.0.0.0:8008\n", 1)
		}
		return text
	}
	for _, c := range []struct {
		name   string
		change func(name, text string) string
		flags  []string
		code   int
		words  string
	}{
		{"GO", asTheyAre, nil, 0, "GO  configuration of demo, 3 files"},
		{"warned", warned, nil, 0, "1 warning"},
		{"warnings count", warned, []string{"--fail-on", "warning"}, 2, "NO-GO"},
		{"NO-GO", foundingIncident, []string{"--vip", "10.0.0.100"}, 2, "NO-GO"},
		{"ignored", foundingIncident, []string{"--vip", "10.0.0.100", "--ignore", "audit.vip=change 4711"}, 0, "change 4711"},
		{"no scope", without, nil, 3, "PATRONI_SCOPE"},
		{"not YAML", broken, nil, 4, "node2.yml, line 9: is not valid YAML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := runCLI(t, append(append([]string{"audit"}, c.flags...), auditNodes(t, c.change)...)...)
			if o.code != c.code ||
				!strings.Contains(
					strings.Join(strings.Fields(o.stdout+o.stderr), " "),
					strings.Join(strings.Fields(c.words), " "),
				) {
				t.Errorf("exit %d, want %d with %q\n%s%s", o.code, c.code, c.words, o.stdout, o.stderr)
			}
		})
	}
}

// TestNoSecretInAuditOutput: with every password of its own, and with all of them
// different, nothing that is written has one.
func TestNoSecretInAuditOutput(t *testing.T) {
	secrets := func(name, text string) string {
		for _, user := range []string{"postgres", "replicator", "rewinder"} {
			text = strings.ReplaceAll(text, "password: "+user, "password: s3cret-"+name+"-"+user)
		}
		text = strings.Replace(text, "etcd3:\n", "etcd3:\n  username: etcd\n  password: s3cret-"+name+"\n", 1)
		return strings.Replace(
			text,
			"restapi:\n",
			"ctl: {keyfile_password: s3cret, authentication: {username: a, password: s3cret-"+name+"-ctl}}\nrestapi:\n  "+
				"authentication: {username: a, password: s3cret-"+name+"}\n",
			1,
		)
	}
	paths := auditNodes(t, secrets)
	for i := range 2 * len(report.Formats) {
		format, flags := report.Formats[i/2], []string{"audit", "--verbose"}
		if i%2 == 1 {
			flags = append(flags, "--live")
		}
		w := world{cluster: looked{recorded(t, "healthy-4.0.7")}}
		o := w.run(t, slices.Concat(flags, []string{"-f", format}, paths)...)
		if o.code != exitcode.NoGo || !strings.Contains(o.stdout, "audit.logins") {
			t.Errorf("%s: exit %d\n%s%s", format, o.code, o.stdout, o.stderr)
		}
		if strings.Contains(o.stdout+o.stderr, "s3cret") {
			t.Errorf("%s shows a secret:\n%s%s", format, o.stdout, o.stderr)
		}
	}
}

// TestAuditJSON: the report of an audit is the one that check writes, with files.
func TestAuditJSON(t *testing.T) {
	o := runCLI(t, append([]string{"audit", "-f", "json"}, auditNodes(t, asTheyAre)...)...)
	var r preflight.Report
	if err := json.Unmarshal([]byte(o.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Files) != 3 || r.Files[1].REST != "10.0.0.22:8008" || r.Files[1].Name != "node2" ||
		r.Verdict != preflight.Go ||
		len(r.Results) < 30 {
		t.Errorf("%+v", r.Files)
	}
}

// looked is a cluster as recorded.
type looked struct{ s *fact.Recording }

func (l looked) snapshot(context.Context, fact.Request) (*fact.Recording, error) {
	return l.s, nil
}

func (looked) watch(context.Context, *fact.Snapshot, func(time.Time)) {}

func (l looked) recheck(context.Context, *fact.Snapshot) fact.Observed[[]string] {
	return fact.Known([]string{})
}

func (looked) rehearse(context.Context, string) fact.Observed[fact.RequestAnswer] {
	return facttest.Unknown[fact.RequestAnswer]()
}

func (looked) post(
	context.Context, string, request.Switchover, io.Writer,
) preflight.RequestResult {
	panic("an audit sends nothing")
}

// TestAuditLive: the files of the recorded cluster are as it runs; a tag that it
// has not read warns, a member that was not seen is UNKNOWN, and the flags that say
// how to ask count with --live alone.
func TestAuditLive(t *testing.T) {
	lab := func(_, text string) string { return strings.ReplaceAll(text, "10.0.0.2", "10.77.9.2") }
	tagged := func(name, text string) string {
		if name == "node2" {
			text = strings.Replace(text, "tags: {}", "tags: {nosync: true}", 1)
		}
		return lab(name, text)
	}
	unseen := func(s *fact.Recording) {
		s.Members[1].SQL = fact.NotKnown[fact.SQL](fact.Refused, "connection refused")
	}
	for _, c := range []struct {
		name   string
		change func(name, text string) string
		spoil  func(s *fact.Recording)
		flags  []string
		code   int
		words  string
	}{
		{"as it runs", lab, nil, []string{"--live"}, 0, "GO  configuration of demo, 3 files, and the running cluster"},
		{"not reloaded", tagged, nil, []string{"--live"}, 0, "patronictl reload demo node2"},
		{"not reloaded, warnings count", tagged, nil, []string{"--live", "--fail-on", "warning"}, 2, "NO-GO"},
		{"no session", lab, unseen, []string{"--live"}, 3, "connection refused"},
		{"flags without --live", lab, nil, []string{"--timeout", "9s"}, 4, "add --live"},
		{"flags without --live", lab, nil, []string{"-c", "x"}, 4, "--config-file says how to ask"},
		{"no such configuration", lab, nil, []string{"--live", "-c", "/nonexistent"}, 4, "/nonexistent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := recorded(t, "healthy-4.0.7")
			if c.spoil != nil {
				c.spoil(s)
			}
			// What this machine's environment says is no other machine's.
			w := world{
				cluster: looked{s},
				env:     map[string]string{"PATRONI_SCOPE": "wrong", "PATRONI_ETCD3_HOSTS": "wrong", "DCS_URL": "etcd3://wrong"},
			}
			o := w.run(t, append(append([]string{"audit"}, c.flags...), auditNodes(t, c.change)...)...)
			if all := strings.Join(
				strings.Fields(o.stdout+o.stderr),
				" ",
			); o.code != c.code ||
				!strings.Contains(all, strings.Join(strings.Fields(c.words), " ")) {
				t.Errorf("exit %d, want %d with %q\n%s%s", o.code, c.code, c.words, o.stdout, o.stderr)
			}
		})
	}
}
