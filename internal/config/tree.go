package config

import (
	"fmt"
	"slices"
	"strings"
)

// place is where a value was written.
type place struct {
	// source is "config file /etc/patroni.yml", "environment variable
	// PATRONI_SCOPE" or "flag --scope". It begins in lower case, as errors do.
	source string
	line   int
}

func (p place) String() string {
	if p.line == 0 {
		return p.source
	}
	return fmt.Sprintf("%s, line %d", p.source, p.line)
}

type kind int

const (
	null kind = iota
	scalar
	list
	mapping
)

// value is one node of the configuration, with its place.
type value struct {
	kind kind
	// text and tag are the scalar as written and its YAML type, "!!str".
	text, tag string
	// plain is whether a scalar stands without quotes and without a tag.
	plain bool
	items []*value
	keys  map[string]*value
	at    place
}

func str(text string, at place) *value {
	return &value{kind: scalar, text: text, tag: "!!str", at: at}
}

func dict(at place) *value { return &value{kind: mapping, keys: map[string]*value{}, at: at} }

// set puts a value at a dotted path and makes the mappings on the way.
func (v *value) set(path string, leaf *value) {
	first, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		v.keys[first] = leaf
		return
	}
	if v.keys[first] == nil {
		v.keys[first] = dict(leaf.at)
	}
	v.keys[first].set(rest, leaf)
}

// merge puts over on top of v as Patroni does (patroni/utils.py, patch_config):
// mappings are merged, everything else replaces, null deletes.
func (v *value) merge(over *value) {
	for name, o := range over.keys {
		old := v.keys[name]
		switch {
		case o.kind == null:
			delete(v.keys, name)
		case old != nil && old.kind == mapping && o.kind == mapping:
			old.merge(o)
		default:
			v.keys[name] = o
		}
	}
}

// what names the type of a value for people. It shows nothing of the value.
func (v *value) what() string {
	switch v.kind {
	case null:
		return "nothing"
	case list:
		return "a list"
	case mapping:
		return "a mapping"
	}
	switch v.tag {
	case "!!str":
		return "text"
	case "!!int", "!!float":
		return "a number"
	case "!!bool":
		return "true or false"
	case "!!timestamp":
		return "a date"
	}
	return "a value with a YAML tag"
}

// sections are keys that are read: nil for all below one. What stands elsewhere
// is Patroni's business, and is not even unfolded.
type sections map[string][]string

// looking are the keys that matter to whoever looks at a cluster.
var looking = sections{
	"scope": nil, "namespace": nil, "etcd3": nil, "preflight": nil, "ctl": nil, "restapi": nil, "citus": nil,
	"consul": nil, "etcd": nil, "exhibitor": nil, "kubernetes": nil, "raft": nil, "zookeeper": nil,
	"postgresql": {"authentication", "superuser", "pg_rewind"},
}

// reads reports whether the key below path is one of those, or looks like a
// misspelt one of a store.
func (s sections) reads(path, key string) bool {
	if path == "" {
		_, ok := s[key]
		return ok || nearest(key, stores) != ""
	}
	some := s[path]
	return some == nil || slices.Contains(some, key)
}
