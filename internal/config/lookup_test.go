package config

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestLookupOrder takes the sources away one by one, the strongest first.
func TestLookupOrder(t *testing.T) {
	w := newWorld(t)
	named := func(name string) string { return w.put(name, "scope: "+filepath.Base(name)+"\netcd3: {host: e}\n") }
	flag, fromEnv := named("flag"), named("env")
	xdg, home := named("xdg/patroni/patronictl.yaml"), named("home/.config/patroni/patronictl.yaml")
	w.put("xdg/patroni/patronictl.yaml", "scope: xdg\netcd3: {host: e}\n")
	w.put("home/.config/patroni/patronictl.yaml", "scope: home\netcd3: {host: e}\n")
	w.vars["PATRONICTL_CONFIG_FILE"] = fromEnv
	w.vars["XDG_CONFIG_HOME"] = filepath.Join(w.dir, "xdg")
	w.vars["PATRONI_CONFIGURATION"] = "{scope: whole, etcd3: {host: e}}"
	want := func(flags Flags, scope, from string) {
		t.Helper()
		if c := w.must(flags); c.Scope != scope || c.File != from {
			t.Errorf("scope %q from %q, want %q from %q", c.Scope, c.File, scope, from)
		}
	}
	want(Flags{File: flag}, "flag", flag)
	want(Flags{}, "env", fromEnv)
	w.vars["PATRONICTL_CONFIG_FILE"] = ""
	want(Flags{}, "xdg", xdg)
	w.vars["XDG_CONFIG_HOME"] = ""
	want(Flags{}, "home", home)
	if err := os.Remove(home); err != nil {
		t.Fatal(err)
	}
	want(Flags{}, "whole", "PATRONI_CONFIGURATION")
	w.vars["PATRONI_CONFIGURATION"] = ""
	w.vars["PATRONI_SCOPE"], w.vars["PATRONI_ETCD3_HOST"] = "alone", "e"
	want(Flags{}, "alone", "environment")
	delete(w.vars, "HOME")
	want(Flags{}, "alone", "environment")
}

func TestDefaultPath(t *testing.T) {
	for _, tc := range []struct {
		goos, home, xdg, want string
	}{
		{"linux", "/home/pg", "", "/home/pg/.config/patroni/patronictl.yaml"},
		{"linux", "/home/pg", "/etc/xdg", "/etc/xdg/patroni/patronictl.yaml"},
		{"linux", "", "/etc/xdg", "/etc/xdg/patroni/patronictl.yaml"},
		{"linux", "", "", ""},
		{"darwin", "/Users/pg", "/etc/xdg", "/Users/pg/Library/Application Support/patroni/patronictl.yaml"},
		{"darwin", "", "", ""},
	} {
		vars := map[string]string{"HOME": tc.home, "XDG_CONFIG_HOME": tc.xdg}
		h := host{goos: tc.goos, env: func(k string) (string, bool) { v := vars[k]; return v, v != "" }}
		if got := defaultPath(h); got != tc.want {
			t.Errorf("%s, HOME=%q, XDG_CONFIG_HOME=%q: %q, want %q", tc.goos, tc.home, tc.xdg, got, tc.want)
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	good := w.put("good.yml", minimal)
	missing := filepath.Join(w.dir, "missing.yml")
	pipe := filepath.Join(w.dir, "pipe.yml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	w.mustFail(Flags{File: missing}, "config file "+missing, "does not exist", "check --config-file")
	w.mustFail(Flags{File: good + "/x"}, "cannot be read: not a directory")
	w.mustFail(Flags{File: pipe}, "neither a file nor a directory")
	w.mustFail(Flags{File: "no\nsuch\x1b[1m"}, `"no\nsuch\x1b[1m"`)

	w.vars["PATRONICTL_CONFIG_FILE"] = missing
	w.mustFail(Flags{}, missing, "does not exist", "check PATRONICTL_CONFIG_FILE")
	w.must(Flags{File: good})

	w.files = denied{open: map[string]error{good: fs.ErrPermission}}
	w.mustFail(Flags{File: good}, good, "may not be read by this user")
	w.files = denied{open: map[string]error{good: syscall.EIO}}
	w.mustFail(Flags{File: good}, good, "cannot be read: input/output error")
}

// TestDefaultFileThatCannotBeRead: nobody named it, so it is no error.
func TestDefaultFileThatCannotBeRead(t *testing.T) {
	w := newWorld(t)
	path := w.put("home/.config/patroni/patronictl.yaml", "scope: home\netcd3: {host: e}\n")
	w.vars["PATRONI_SCOPE"], w.vars["PATRONI_ETCD3_HOST"] = "env", "e"

	w.files = denied{stat: map[string]error{path: fs.ErrPermission}}
	if c := w.must(Flags{}); c.Scope != "env" || c.File != "environment" || len(c.Warnings) > 0 {
		t.Errorf("out of reach: %+v", c)
	}
	w.files = denied{open: map[string]error{path: fs.ErrPermission}}
	c := w.must(Flags{})
	if c.Scope != "env" || len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], path+" may not be read") {
		t.Errorf("not ours to read: %+v", c)
	}
	w.files = denied{open: map[string]error{path: syscall.EIO}}
	w.mustFail(Flags{}, path, "input/output error")
}

func TestDirectory(t *testing.T) {
	w := newWorld(t)
	w.put("conf/10-base.yml", "scope: base\nnamespace: base\netcd3:\n  hosts: [a, b]\n  protocol: http\n"+
		"postgresql: {authentication: {superuser: {username: boss, password: old}}}\n")
	w.put(
		"conf/20-more.yaml",
		"scope: more\nnamespace: null\npostgresql: {authentication: {superuser: {password: new}}}\n",
	)
	w.put("conf/30-not.json", "scope: json\n")
	w.put("conf/30-not.yml.bak", "scope: [\n")
	w.put("conf/40-directory.yml/x.yml", "scope: deeper\n")
	// Kubernetes mounts files as links.
	if err := os.Symlink(
		w.put("elsewhere/link", "etcd3: {hosts: [c, d]}\n"),
		filepath.Join(w.dir, "conf/50-link.yml"),
	); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(w.dir, "conf")
	c := w.must(Flags{File: dir})
	switch {
	case c.Scope != "more", c.File != dir:
		t.Errorf("scope %q from %q: the last file does not win", c.Scope, c.File)
	case c.Namespace != "/service":
		t.Errorf("namespace %q: null does not delete", c.Namespace)
	case !slices.Equal(c.Etcd3.Endpoints, []string{"http://c:2379", "http://d:2379"}):
		t.Errorf("endpoints %q: lists are not replaced, or links not followed", c.Etcd3.Endpoints)
	case c.Postgres.User != "boss" || c.Postgres.Password != "new":
		t.Errorf("%+v: mappings are not merged", c.Postgres)
	}

	w.put("conf/60-bad.yml", "- a\n- b\n")
	w.mustFail(Flags{File: dir}, "60-bad.yml", "a list instead of a mapping")
	w.put("conf/60-bad.yml", "")
	w.mustFail(Flags{File: dir}, "60-bad.yml", "is empty")

	w.files = denied{open: map[string]error{filepath.Join(dir, "10-base.yml"): fs.ErrPermission}}
	w.mustFail(Flags{File: dir}, "10-base.yml", "may not be read")
}

func TestEmptyDirectory(t *testing.T) {
	w := newWorld(t)
	w.put("conf/readme", "")
	c := w.must(Flags{File: filepath.Join(w.dir, "conf"), Scope: "demo", DCSURL: "etcd3://e"})
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "no *.yml") {
		t.Errorf("warnings %q, want one that says that nothing was there", c.Warnings)
	}
	w.mustFail(Flags{File: filepath.Join(w.dir, "conf")}, "scope", "missing")
}

// TestPrecedence: one key in all places, each overridden by the next.
func TestPrecedence(t *testing.T) {
	w, flags := file(t, "scope: file\nnamespace: file\netcd3: {hosts: [file]}\n"+
		"postgresql: {authentication: {superuser: {username: file, password: file}}}\n")
	want := func(scope, namespace, endpoint, user, password string) {
		t.Helper()
		c := w.must(flags)
		got := []string{c.Scope, c.Namespace, strings.Join(c.Etcd3.Endpoints, " "), c.Postgres.User, c.Postgres.Password}
		if wanted := []string{scope, namespace, endpoint, user, password}; !slices.Equal(got, wanted) {
			t.Errorf("got %q, want %q", got, wanted)
		}
	}
	want("file", "/file", "http://file:2379", "file", "file")
	for _, name := range []string{"SCOPE", "NAMESPACE", "SUPERUSER_USERNAME", "SUPERUSER_PASSWORD"} {
		w.vars["PATRONI_"+name] = ""
	}
	want("file", "/file", "http://file:2379", "file", "file")
	w.vars["PATRONI_SUPERUSER_PASSWORD"] = "env"
	want("file", "/file", "http://file:2379", "file", "env")
	w.vars["PATRONI_ETCD3_HOSTS"] = ""
	for name := range w.vars {
		if strings.HasPrefix(name, "PATRONI_") {
			w.vars[name] = "env"
		}
	}
	want("env", "/env", "http://env:2379", "env", "env")
	w.vars["DCS_URL"] = "etcd3://dcsenv/dcsenv"
	want("env", "/dcsenv", "http://dcsenv:2379", "env", "env")
	flags.DCSURL = "etcd3://dcsflag:1234/dcsflag"
	want("env", "/dcsflag", "http://dcsflag:1234", "env", "env")
	flags.DCSURL = "etcd3://dcsflag:1234"
	want("env", "/env", "http://dcsflag:1234", "env", "env")
	flags.Scope, flags.Namespace, flags.DCSURL = "flag", "flag", "etcd3://dcsflag/dcsflag"
	want("flag", "/flag", "http://dcsflag:2379", "env", "env")
}

// TestWholeConfigurationInEnvironment: it counts instead of the other
// PATRONI_*, and not at all beside a file.
func TestWholeConfigurationInEnvironment(t *testing.T) {
	w := newWorld(t)
	w.vars["PATRONI_CONFIGURATION"] = "scope: whole\netcd3:\n  host: whole\nnamespace: null\n"
	w.vars["PATRONI_SCOPE"], w.vars["PATRONI_ETCD3_HOSTS"] = "env", "["
	c := w.must(Flags{})
	if c.Scope != "whole" || c.Etcd3.Endpoints[0] != "http://whole:2379" || c.Namespace != "/service" {
		t.Errorf("%+v: not what PATRONI_CONFIGURATION says", c)
	}
	if c := w.must(Flags{Scope: "flag"}); c.Scope != "flag" {
		t.Errorf("scope %q, want the flag's", c.Scope)
	}
	w.vars["PATRONI_CONFIGURATION"] = "scope: whole\netcd3:\n  host: [1]\n"
	w.mustFail(Flags{}, "environment variable PATRONI_CONFIGURATION, line 3: etcd3.host: expected text, found a list")
	w.vars["PATRONI_CONFIGURATION"] = "just text"
	w.mustFail(Flags{}, "PATRONI_CONFIGURATION", "text instead of a mapping")

	w.vars["PATRONI_CONFIGURATION"], w.vars["PATRONI_ETCD3_HOSTS"] = "][", "env"
	if c := w.must(Flags{File: w.put("p.yml", minimal)}); c.Scope != "env" {
		t.Errorf("scope %q beside a file, want the one of PATRONI_SCOPE", c.Scope)
	}
}

func TestOpenFileWithPassword(t *testing.T) {
	const bare = "scope: demo\netcd3: {host: e}\n"
	for _, tc := range []struct {
		name, text, goos string
		mode             fs.FileMode
		warn             bool
	}{
		{"owner only", bare + "postgresql: {authentication: {superuser: {password: " + secret + "}}}", "linux", 0o600, false},
		{"world", bare + "postgresql: {authentication: {superuser: {password: " + secret + "}}}", "linux", 0o644, true},
		{"group", bare + "preflight: {postgresql: {username: u, password: " + secret + "}}", "linux", 0o640, false},
		{"a section that is not read", bare + "bootstrap: {users: [{password: " + secret + "}]}", "linux", 0o604, true},
		{"numeric", bare + "ctl: {authentication: {username: u, password: 123}}", "linux", 0o644, true},
		{"key of a certificate", bare + "restapi: {keyfile_password: " + secret + "}", "linux", 0o644, true},
		{"no password", bare, "linux", 0o644, false},
		{"null password", bare + "ctl: {authentication: {password: null}}", "linux", 0o644, false},
		{"empty password", bare + "ctl: {authentication: {password: ''}}", "linux", 0o644, false},
		{"a system without modes", bare + "bootstrap: {password: " + secret + "}", "windows", 0o644, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, tc.text)
			w.goos = tc.goos
			if err := os.Chmod(flags.File, tc.mode); err != nil {
				t.Fatal(err)
			}
			c := w.must(flags)
			if !tc.warn {
				if len(c.Warnings) > 0 {
					t.Errorf("warnings %q, want none", c.Warnings)
				}
				return
			}
			if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], flags.File) ||
				!strings.Contains(c.Warnings[0], "chmod o=") {
				t.Errorf("warnings %q, want one about the file's mode", c.Warnings)
			}
		})
	}
}

// TestLoad is the way in from the command line, on the machine itself.
func TestLoad(t *testing.T) {
	path := newWorld(t).put("patroni.yml", minimal)
	c, err := Load(Flags{File: path}, func(string) (string, bool) { return "", false })
	if err != nil || c.Scope != "demo" || c.File != path ||
		!slices.Equal(c.Etcd3.Endpoints, []string{"http://etcd1:2379"}) {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err = Load(Flags{File: path, Insecure: true}, os.LookupEnv); err != nil || !c.REST.NoVerify {
		t.Errorf("-k: %+v, %v", c, err)
	}
}
