package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestNoSecretInMessages plants a password in each key, each variable and each
// flag, in every shape that makes something go wrong, and with a file that is
// open to others. The messages are read by oneLine.
func TestNoSecretInMessages(t *testing.T) {
	shapes := []string{
		"%s",
		"'http://u:%s@h:1'",
		"'https://%s:p@h'",
		"'u:%s@h:1'",
		"'h:%s'",
		"'%s://h'",
		"'h/%s'",
		"[%s]",
		"[[%s]]",
		"['h:%s']",
		"{a: %s}",
		"{%[1]s: [%[1]s]}",
		"!%s x",
		"!!binary %s",
		"!!int %s",
		"*%s",
		"&%s x",
		"'%s",
		"\"%s\\q\"",
		"@%s",
		"`%s",
		"%%%s",
		"|%s",
		"{%s",
		"[%s",
		"a: %s",
		"x\n\t%s",
		"x\n%s",
		"? %s",
		"- %s",
		"'a\\n%s'",
		"\"a\\n%s\"",
		"0%s",
		"'%s,%[1]s'",
	}
	var keys []string
	for _, k := range Keys {
		keys = append(keys, k.Name)
	}
	for _, k := range readable() {
		keys = append(keys, k.Name)
	}
	for _, row := range refusals {
		keys = append(keys, row.key)
	}
	keys = append(
		keys,
		"postgresql.superuser.password",
		"postgresql.pg_rewind.password",
		"ctl.authentication.password",
		"restapi.authentication.password",
		"postgresql.authentication.replication.password",
		"raft.password",
		"consul.token",
		"bootstrap.users.admin.password",
	)
	failed, warned := 0, 0
	w, flags := file(t, minimal)
	if err := os.Chmod(flags.File, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		for _, shape := range shapes {
			w.put("patroni.yml", nest(key, fmt.Sprintf(shape, secret)))
			for _, rows := range [][]refusal{refusals, nil} {
				c, err := w.loadWith(flags, rows)
				if err != nil {
					failed++
				}
				warned += len(c.Warnings)
			}
		}
	}
	w.put("patroni.yml", minimal)
	for _, k := range readable() {
		for _, shape := range shapes {
			w.vars[k.Variable] = fmt.Sprintf(shape, secret)
			for _, f := range []Flags{flags, {}} {
				if _, err := w.load(f); err != nil {
					failed++
				}
			}
		}
		delete(w.vars, k.Variable)
	}
	for _, shape := range shapes {
		planted := fmt.Sprintf(shape, secret)
		delete(w.vars, "PATRONI_CONFIGURATION")
		for _, f := range []Flags{
			{DCSURL: planted}, {DCSURL: "etcd3://" + planted}, {DCSURL: "etcd3://u:" + planted + "@e:x"}, {Group: planted}, {VIPs: []string{planted}},
		} {
			f.File = flags.File
			for _, rows := range [][]refusal{refusals, nil} {
				if _, err := w.loadWith(f, rows); err != nil {
					failed++
				}
			}
		}
		w.vars["PATRONI_CONFIGURATION"] = planted
		if _, err := w.load(Flags{}); err != nil {
			failed++
		}
	}
	// The test is worth nothing if little goes wrong.
	if failed < 3000 || warned < 100 {
		t.Errorf("%d errors and %d warnings only", failed, warned)
	}
}

// FuzzLoad: whatever the file and the variables say, there is a configuration
// or an *Error of one line, and no panic.
func FuzzLoad(f *testing.F) {
	f.Add(minimal, "a:1,b:2", "etcd3://e")
	f.Add("scope: &a [*a]\netcd3: *a\n<<: *a\n", "'[::1]:1'", "etcd3://[::1]:1/x")
	f.Add("preflight: {vips: [a, {b: c}], postgresql: {username: u}}\n"+minimal, "[[", "//")
	f.Add("%YAML 1.1\n--- !!map {? [a] : b, ? : ,}\n", "- a", "etcd3://%zz")
	f.Add("postgresql: {superuser: {sslmode: x}, authentication: }\n"+minimal, "{a: b}", "etcd://")
	for _, text := range refused {
		f.Add(minimal+text, "", "")
	}
	f.Fuzz(func(t *testing.T, text, hosts, dcsURL string) {
		w, flags := file(t, text)
		w.vars["PATRONI_ETCD3_HOSTS"] = hosts
		for _, rows := range [][]refusal{refusals, nil} {
			for _, flags.DCSURL = range []string{"", dcsURL} {
				c, err := w.loadWith(flags, rows)
				if err == nil &&
					(c.Scope == "" || !strings.HasPrefix(c.Namespace, "/") || len(c.Etcd3.Endpoints) == 0 && c.Etcd3.SRV == "") {
					t.Errorf("accepted without what is needed: %+v", c)
				}
			}
		}
	})
}
