package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxValues and maxDepth bound what one file may unfold to: an alias is a
	// copy here, so a small file can be a huge one.
	maxValues = 100_000
	maxDepth  = 64
	// maxTwice bounds the warnings about one file.
	maxTwice = 5
)

// parsed is one YAML document.
type parsed struct {
	tree     *value
	warnings []string
	// secret is whether a password stands in it, in whatever section.
	secret bool
}

// parse reads one document, which has to be a mapping. Like PyYAML's safe_load
// it refuses a second one. Only the keys in of are unfolded.
func parse(source string, text []byte, of sections) (parsed, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return parsed{}, &Error{
			Where:   source,
			Problem: "is empty",
			Remedy:  "write scope: and etcd3: into it, or name another file",
		}
	case err != nil:
		return parsed{}, syntax(source, err)
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		if err != nil {
			return parsed{}, syntax(source, err)
		}
		return parsed{}, &Error{
			Where: place{source, more.Line}.String(), Problem: "contains a second YAML document",
			Remedy: "keep one and remove the line ---",
		}
	}
	c := &converter{source: source, left: maxValues, of: of}
	tree, err := c.convert(doc.Content[0], "", 0)
	if err != nil {
		return parsed{}, err
	}
	if tree.kind != mapping {
		return parsed{}, &Error{
			Where: source, Problem: "contains " + tree.what() + " instead of a mapping",
			Remedy: "write keys and values as in patroni.yml",
		}
	}
	return parsed{tree, c.warnings, holdsSecret(&doc)}, nil
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// syntax says what is wrong with the YAML. Some of the parser's messages quote
// the file (an unknown anchor may be a password that begins with an asterisk),
// so only those known to be harmless get through.
func syntax(source string, err error) error {
	where, what, remedy := source, "is not valid YAML", "correct it; yamllint or patroni --validate-config show the place"
	msg := err.Error()
	if m := yamlLine.FindStringSubmatch(msg); m != nil {
		where += ", line " + m[1]
	}
	switch {
	case strings.Contains(msg, "unknown anchor"):
		what, remedy = "is not valid YAML: an alias (*name) without its anchor", "put text that begins with an asterisk in "+
			"quotes"
	case strings.Contains(msg, "cannot start any token"):
		what, remedy = "is not valid YAML: a tab or another character that cannot begin a value", "indent with spaces; put "+
			"such text in quotes"
	case strings.Contains(msg, "mapping values are not allowed"):
		what, remedy = "is not valid YAML: a colon too many, or wrong indentation", "put text that contains a colon and a "+
			"space in quotes"
	case strings.Contains(msg, "exceeded max depth"):
		what, remedy = "is nested too deeply", "name a Patroni configuration"
	}
	return &Error{Where: where, Problem: what, Remedy: remedy}
}

// converter turns the YAML of one source into values.
type converter struct {
	source   string
	of       sections
	left     int
	warnings []string
}

func (c *converter) errorf(n *yaml.Node, key, problem, remedy string) error {
	return &Error{Where: place{c.source, n.Line}.String(), Key: key, Problem: problem, Remedy: remedy}
}

func (c *converter) convert(n *yaml.Node, path string, depth int) (*value, error) {
	if c.left--; c.left < 0 || depth > maxDepth {
		return nil, c.errorf(n, path, "unfolds to too many values or too many levels", "write it without aliases")
	}
	v := &value{at: place{c.source, n.Line}}
	switch n.Kind {
	case yaml.AliasNode:
		return c.convert(n.Alias, path, depth+1)
	case yaml.SequenceNode:
		v.kind = list
		for _, item := range n.Content {
			i, err := c.convert(item, path, depth+1)
			if err != nil {
				return nil, err
			}
			v.items = append(v.items, i)
		}
	case yaml.MappingNode:
		v.kind, v.keys = mapping, map[string]*value{}
		return v, c.pairs(v, n, path, depth)
	default:
		if tag := n.ShortTag(); tag != "!!null" {
			v.kind, v.text, v.tag, v.plain = scalar, n.Value, tag, n.Style == 0
		}
	}
	return v, nil
}

// pairs fills v with the keys of a mapping. A key that is there twice counts as
// last written, as for Patroni, but not without a word. Keys from "<<" give way
// to the mapping's own.
func (c *converter) pairs(v *value, n *yaml.Node, path string, depth int) error {
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, content := n.Content[i], n.Content[i+1]
		if k.Kind == yaml.AliasNode {
			k = k.Alias
		}
		if k.Kind != yaml.ScalarNode {
			continue // no key of ours
		}
		if k.ShortTag() == "!!merge" {
			if err := c.inherit(v, content, path, depth+1); err != nil {
				return err
			}
			continue
		}
		if !c.of.reads(path, k.Value) {
			continue
		}
		key := join(path, k.Value)
		if before, twice := lines[k.Value]; twice {
			c.twice(place{c.source, n.Content[i].Line}, key, before)
		}
		lines[k.Value] = n.Content[i].Line
		child, err := c.convert(content, key, depth+1)
		if err != nil {
			return err
		}
		v.keys[k.Value] = child
	}
	return nil
}

// twice warns of a key that is there twice, a few times in all.
func (c *converter) twice(at place, key string, before int) {
	switch n := len(c.warnings); {
	case n < maxTwice:
		c.warnings = append(
			c.warnings,
			fmt.Sprintf("%s: %s is given twice, first in line %d; the last one counts, as for Patroni", at, plain(key), before),
		)
	case n == maxTwice:
		c.warnings = append(c.warnings, c.source+": more keys are given twice")
	}
}

// inherit adds what "<<" names: a mapping, or a list of them, the first winning.
func (c *converter) inherit(v *value, n *yaml.Node, path string, depth int) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	from := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		from = n.Content
	}
	for _, m := range from {
		base, err := c.convert(m, path, depth)
		if err != nil {
			return err
		}
		if base.kind != mapping {
			return c.errorf(m, path, "<< names "+base.what()+" instead of a mapping", "merge a mapping, or write the keys out")
		}
		for k, b := range base.keys {
			if _, own := v.keys[k]; !own {
				v.keys[k] = b
			}
		}
	}
	return nil
}

// holdsSecret reports whether a key that is called a password has a value. It
// goes through the whole document, but follows no alias: a secret stands
// somewhere as itself.
func holdsSecret(n *yaml.Node) bool {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 1 && child.Kind == yaml.ScalarNode {
			name := strings.ToLower(n.Content[i-1].Value)
			if child.ShortTag() != "!!null" && child.Value != "" && (strings.Contains(name, "password") || name == "token") {
				return true
			}
		}
		if holdsSecret(child) {
			return true
		}
	}
	return false
}
