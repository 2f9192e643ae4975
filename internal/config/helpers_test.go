package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// minimal is the least that makes a configuration.
const minimal = "scope: demo\netcd3: {host: 'etcd1:2379'}\n"

// secret is planted wherever a value can stand. It may show up nowhere.
const secret = "s3cretPW"

// world is a machine with files and an environment of its own.
type world struct {
	t     *testing.T
	dir   string
	vars  map[string]string
	goos  string
	files files
	asked func(string)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	return &world{
		t:     t,
		dir:   dir,
		vars:  map[string]string{"HOME": filepath.Join(dir, "home")},
		goos:  "linux",
		files: disk{},
	}
}

// put writes a file that only its owner reads, and returns its path.
func (w *world) put(name, text string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

func (w *world) env(name string) (string, bool) {
	v, ok := w.vars[name]
	return v, ok
}

func (w *world) load(flags Flags) (Config, error) {
	return w.loadWith(flags, refusals)
}

func (w *world) loadWith(flags Flags, rows []refusal) (Config, error) {
	w.t.Helper()
	c, err := load(flags, host{env: w.env, files: w.files, goos: w.goos, sections: looking, asked: w.asked}, rows)
	for _, line := range c.Warnings {
		oneLine(w.t, line)
	}
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			w.t.Fatalf("error %q is %T, want *Error", err, err)
		}
		if e.Remedy == "" || e.Problem == "" {
			w.t.Errorf("error %q lacks a problem or a remedy", err)
		}
		oneLine(w.t, err.Error())
		if c.Scope != "" || c.Etcd3.Endpoints != nil || c.Postgres.Password != "" {
			w.t.Errorf("error %q comes with a configuration: %+v", err, c)
		}
	}
	return c, err
}

// must loads what has to be accepted.
func (w *world) must(flags Flags) Config {
	w.t.Helper()
	c, err := w.load(flags)
	if err != nil {
		w.t.Fatalf("refused: %v", err)
	}
	return c
}

// mustFail loads what has to be refused, with all of the words in the error.
func (w *world) mustFail(flags Flags, words ...string) {
	w.t.Helper()
	c, err := w.load(flags)
	if err == nil {
		w.t.Fatalf("accepted as %+v, want an error with %q", c, words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			w.t.Errorf("error %q does not say %q", err, word)
		}
	}
}

// file is a world with one configuration file, and flags that name it.
func file(t *testing.T, text string) (*world, Flags) {
	t.Helper()
	w := newWorld(t)
	return w, Flags{File: w.put("patroni.yml", text)}
}

// oneLine holds a message to our form, and to keeping the secret.
func oneLine(t *testing.T, msg string) {
	t.Helper()
	if strings.Contains(msg, secret) {
		t.Errorf("message shows a secret: %q", msg)
	}
	if strings.ContainsFunc(msg, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }) {
		t.Errorf("message is more than one printable line: %q", msg)
	}
	if msg == "" || unicode.IsUpper([]rune(msg)[0]) {
		t.Errorf("message does not begin in lower case: %q", msg)
	}
}

// denied is a disk on which some files may not be opened, since tests may run
// as root.
type denied struct {
	disk
	open, stat map[string]error
}

func (d denied) Open(name string) (fs.File, error) {
	if err := d.open[name]; err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return d.disk.Open(name)
}

func (d denied) Stat(name string) (fs.FileInfo, error) {
	if err := d.stat[name]; err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return d.disk.Stat(name)
}
