package config

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// layers is everything that was configured, merged, and where it came from.
type layers struct {
	tree     *value
	from     string
	warnings []string
}

const (
	envFile          = "PATRONICTL_CONFIG_FILE"
	envConfiguration = "PATRONI_CONFIGURATION"
)

// gather reads all sources and lays them on top of each other: file, then
// environment, then command line. PATRONI_CONFIGURATION counts only where there
// is no file, and then instead of all other PATRONI_* (patroni/config.py,
// Config.__init__).
func gather(flags Flags, h host) (layers, error) {
	l, err := configFile(flags.File, h)
	if err != nil {
		return layers{}, err
	}
	whole := h.get(envConfiguration)
	if l.tree == nil && whole != "" {
		doc, err := parse(variable(envConfiguration), []byte(whole), h.sections)
		if err != nil {
			return layers{}, err
		}
		l.tree, l.from, l.warnings = dict(place{}), envConfiguration, append(l.warnings, doc.warnings...)
		l.tree.merge(doc.tree)
	} else {
		env, err := environment(h)
		if err != nil {
			return layers{}, err
		}
		if l.tree == nil {
			l.tree, l.from = dict(place{}), "environment"
		}
		l.tree.merge(env)
	}
	over, replaced, err := commandLine(flags, h)
	if err != nil {
		return layers{}, err
	}
	if replaced {
		for _, s := range stores {
			delete(l.tree.keys, s)
		}
	}
	l.tree.merge(over)
	oldStyle(l.tree)
	return l, nil
}

// oldStyle moves postgresql.superuser, or the older postgresql.pg_rewind, and
// postgresql.replication to where they are now, as Patroni does where there is nothing
// (patroni/config.py, _build_effective_configuration).
func oldStyle(tree *value) {
	pg := tree.keys["postgresql"]
	if pg == nil || pg.kind != mapping {
		return
	}
	if a := pg.keys["authentication"]; a == nil || a.kind == null {
		auth := dict(pg.at)
		for _, user := range []string{"superuser", "replication"} {
			if u := pg.keys[user]; u != nil {
				auth.keys[user] = u
			}
		}
		pg.keys["authentication"] = auth
	}
	a := pg.keys["authentication"]
	if u := pg.keys["pg_rewind"]; u != nil && a.kind == mapping && a.keys["superuser"] == nil {
		a.keys["superuser"] = u
	}
}

// configFile finds and reads the file, in patronictl's order. The default path
// may be missing; a path that somebody named may not.
func configFile(name string, h host) (layers, error) {
	var l layers
	from, named := "--config-file", true
	if name == "" {
		name, from = h.get(envFile), envFile
	}
	if name == "" {
		name, named = defaultPath(h), false
	}
	if name == "" {
		return l, nil
	}
	return h.layers(name, from, named)
}

// layers reads a file, or the files of a directory. from is what names it: a flag
// or a variable.
func (h host) layers(name, from string, named bool) (layers, error) {
	var l layers
	source := "config file " + printable(name)
	info, err := h.files.Stat(name)
	switch {
	case err != nil && !named:
		return l, nil
	case err != nil:
		return l, unreadable(source, err, "check "+from)
	}
	paths := []string{name}
	if info.IsDir() {
		if paths, err = h.inDirectory(name); err != nil {
			return l, unreadable("config directory "+printable(name), err, "check "+from)
		}
		if len(paths) == 0 {
			l.warnings = append(
				l.warnings,
				fmt.Sprintf("config directory %s contains no *.yml and no *.yaml file", printable(name)),
			)
		}
	}
	tree, left := dict(place{}), int64(maxFile)
	for _, p := range paths {
		doc, warnings, err := h.read(p, &left, from)
		if err != nil {
			var denied *Error
			if !named && errors.As(err, &denied) && denied.Problem == notPermitted {
				// patronictl passes over it without a word (ctl.py, load_config).
				l.warnings = append(l.warnings, fmt.Sprintf("%s %s: ignored", source, notPermitted))
				return l, nil
			}
			return l, err
		}
		tree.merge(doc.tree)
		l.warnings = append(l.warnings, warnings...)
	}
	l.tree, l.from = tree, name
	return l, nil
}

// defaultPath is where patronictl looks when nobody says where: click's
// get_app_dir("patroni"), patronictl.yaml.
func defaultPath(h host) string {
	dir := h.get("XDG_CONFIG_HOME")
	if home := h.get("HOME"); h.goos == "darwin" && home != "" {
		dir = filepath.Join(home, "Library", "Application Support")
	} else if dir == "" && home != "" {
		dir = filepath.Join(home, ".config")
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "patroni", "patronictl.yaml")
}

// inDirectory returns the files that count, sorted by name
// (patroni/config.py, _load_config_path).
func (h host) inDirectory(dir string) ([]string, error) {
	entries, err := h.files.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".yml" && ext != ".yaml" {
			continue
		}
		p := filepath.Join(dir, e.Name())
		// Stat, since in a Kubernetes volume they are links.
		if info, err := h.files.Stat(p); err == nil && info.Mode().IsRegular() {
			paths = append(paths, p)
		}
	}
	return paths, nil
}

// read parses one file. left is what remains of maxFile.
func (h host) read(path string, left *int64, from string) (parsed, []string, error) {
	source := "config file " + printable(path)
	info, err := h.files.Stat(path)
	if err != nil {
		return parsed{}, nil, unreadable(source, err, "check "+from)
	}
	if !info.Mode().IsRegular() { // a pipe might never end
		return parsed{}, nil, &Error{Where: source, Problem: "is neither a file nor a directory", Remedy: "check " + from}
	}
	f, err := h.files.Open(path)
	if err != nil {
		return parsed{}, nil, unreadable(source, err, "check "+from+" and its permissions")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, *left+1))
	if err != nil {
		return parsed{}, nil, unreadable(source, err, "check "+from)
	}
	if *left -= int64(len(text)); *left < 0 {
		return parsed{}, nil, &Error{
			Where:   source,
			Problem: "is too large: the limit is 1 MiB for all files",
			Remedy:  "check " + from,
		}
	}
	doc, err := parse(source, text, h.sections)
	if err != nil {
		return parsed{}, nil, err
	}
	warnings := doc.warnings
	// A group is somebody's choice: Patroni's own file is often root:postgres 0640.
	if mode := info.Mode().Perm(); doc.secret && mode&0o007 != 0 && h.goos != "windows" {
		warnings = append(
			warnings,
			fmt.Sprintf("%s contains a password and is readable by everyone (mode %04o): chmod o= it", source, mode),
		)
	}
	return doc, warnings, nil
}
