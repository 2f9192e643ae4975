package config

import (
	"fmt"
	"strconv"
	"strings"

	"patroni-preflight/preflight/fact"
)

// reader reads keys from the merged tree. It keeps the first error, so that the
// code that reads is one line for each key.
type reader struct {
	root *value
	err  error
	// asked is told each path that is looked at; nil but in tests.
	asked func(path string)
}

// fail keeps the error unless there is one. v says where, and may be nil.
func (r *reader) fail(v *value, key, problem, remedy string) {
	if r.err != nil {
		return
	}
	e := &Error{Key: key, Problem: problem, Remedy: remedy}
	if v != nil {
		e.Where = v.at.String()
	}
	r.err = e
}

func (r *reader) wrongType(v *value, key, want, remedy string) {
	r.fail(v, key, fmt.Sprintf("expected %s, found %s", want, v.what()), remedy)
}

// value returns what stands at a dotted path, nil where it is absent or null.
func (r *reader) value(path string) *value {
	if r.asked != nil {
		r.asked(path)
	}
	v, at := r.root, ""
	for key := range strings.SplitSeq(path, ".") {
		if v.kind != mapping {
			r.wrongType(v, at, "a mapping", "write its keys below it, indented")
			return nil
		}
		at = join(at, key)
		if v = v.keys[key]; v == nil || v.kind == null {
			return nil
		}
	}
	return v
}

// mapping is value for a section.
func (r *reader) mapping(path string) *value {
	v := r.value(path)
	if v != nil && v.kind != mapping {
		r.wrongType(v, path, "a mapping", "write its keys below it, indented")
		return nil
	}
	return v
}

// text returns a text, "" where there is none.
func (r *reader) text(path string) string {
	if v := r.value(path); v != nil {
		return r.scalar(v, path)
	}
	return ""
}

// scalar returns the text of v. A whole number passes where YAML 1.1, which
// Patroni reads, means the same by it: 0123 is 83 there.
func (r *reader) scalar(v *value, path string) string {
	if v.kind == scalar {
		if v.tag == "!!str" {
			return v.text
		}
		if n, err := strconv.ParseInt(v.text, 10, 64); err == nil && v.tag == "!!int" && strconv.FormatInt(n, 10) == v.text {
			return v.text
		}
		r.wrongType(v, path, "text", "put it in quotes")
		return ""
	}
	r.wrongType(v, path, "text", "write one value")
	return ""
}

// truth reads a boolean in any of Patroni's spellings. What is none of them is
// true, as for Python.
func truth(v *value) bool {
	if v.kind == scalar && v.text != "" {
		b, ok := fact.PatroniBool(v.text)
		return b || !ok
	}
	return v.kind != scalar
}

// port returns a TCP port, 0 where there is none.
func (r *reader) port(path string) int {
	v := r.value(path)
	if v == nil {
		return 0
	}
	if v.kind != scalar || v.tag != "!!int" && v.tag != "!!str" {
		r.wrongType(v, path, "a port", "write a number, for example port: 2379")
		return 0
	}
	n, ok := portNumber(v.text)
	if !ok {
		r.fail(v, path, "is not a port", "write a number from 1 to 65535")
	}
	return n
}

func portNumber(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 16)
	return int(n), err == nil && n > 0
}

// texts returns a list of texts with their places. A single text is split at
// the commas where commas is set.
func (r *reader) texts(path string, commas bool) []*value {
	v := r.value(path)
	switch {
	case v == nil:
		return nil
	case v.kind == list: // an empty item is no text either
		for i, item := range v.items {
			item.text, item.tag = r.scalar(item, fmt.Sprintf("%s[%d]", path, i)), "!!str"
		}
		return v.items
	case v.kind == scalar && commas:
		var out []*value
		for part := range strings.SplitSeq(r.scalar(v, path), ",") {
			out = append(out, str(strings.TrimSpace(part), v.at))
		}
		return out
	}
	r.wrongType(v, path, "a list", "write it as [a, b]")
	return nil
}
