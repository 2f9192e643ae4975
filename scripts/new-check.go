//go:build ignore

// new-check TOPIC.NAME writes the skeleton of a check: the check in
// preflight/check/TOPIC.go, its line in the registry, its cases in
// preflight/check/TOPIC_test.go and its row in the catalogue. The skeleton compiles;
// the tests fail until it is filled in.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const folder = "preflight/check"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "new-check:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 1 || !regexp.MustCompile(`^[a-z]+\.[a-z_]+$`).MatchString(args[0]) {
		return errors.New("give the ID of the check, topic.name: make check ID=lag.flush")
	}
	id := args[0]
	topic, _, _ := strings.Cut(id, ".")
	name := variable(id)
	for _, add := range []struct {
		file string
		edit func(source string) (string, error)
	}{
		{topic + ".go", func(s string) (string, error) { return withCheck(s, id, name) }},
		{"registry.go", func(s string) (string, error) { return before(s, "\n}\n", "\t"+name+",\n") }},
		{topic + "_test.go", func(s string) (string, error) { return withCases(s, id, topic) }},
		{"cases_test.go", func(s string) (string, error) { return withTopic(s, topic) }},
		{"catalogue.go", withRow(id)},
	} {
		path := filepath.Join(folder, add.file)
		source, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if bytes.Contains(source, []byte(`"`+id+`"`)) && add.file != "cases_test.go" {
			return fmt.Errorf("%s has %s already", path, id)
		}
		text, err := add.edit(string(source))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		formatted, err := format.Source([]byte(text))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if err := os.WriteFile(path, formatted, 0o644); err != nil {
			return err
		}
		fmt.Println(path)
	}
	return nil
}

// variable is the check's name in Go: lag.flush_lsn is lagFlushLsn.
func variable(id string) string {
	words := strings.FieldsFunc(id, func(r rune) bool { return r == '.' || r == '_' })
	for i := 1; i < len(words); i++ {
		words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
	}
	return strings.Join(words, "")
}

func withCheck(source, id, name string) (string, error) {
	if source == "" {
		source = "package check\n\nimport \"patroni-preflight/preflight/fact\"\n"
	}
	run := "run" + strings.ToUpper(name[:1]) + name[1:]
	return source + fmt.Sprintf(`
var %s = Check{
	ID:       %q,
	Title:    "",
	Since:    "",
	Why:      "",
	Source:   "",
	Fix:      "",
	Proof:    "",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{},
	Run:      %s,
}

func %s(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	return Witnessed(s.RESTCall(m), "")
}
`, name, id, run, run), nil
}

func withCases(source, id, topic string) (string, error) {
	if source == "" {
		source = "package check_test\n\nimport (\n\t\"patroni-preflight/preflight/check\"\n" +
			"\t\"patroni-preflight/preflight/fact\"\n)\n\nvar " + topic + "Cases = map[string][]breakage{\n}\n"
	}
	return before(source, "\n}\n", fmt.Sprintf(`	%q: {
		{"what is wrong", "node2", func(s *fact.Recording) {}, check.Fail, check.Warning},
		{"what is unknown", "node2", func(s *fact.Recording) {}, check.Undecided, ""},
	},
`, id))
}

func withTopic(source, topic string) (string, error) {
	name := topic + "Cases,"
	if strings.Contains(source, name) {
		return source, nil
	}
	return before(source, "\n)\n\nfunc union", "\t"+name+"\n")
}

func withRow(id string) func(string) (string, error) {
	return func(source string) (string, error) {
		rows := regexp.MustCompile(`(?m)^\t(?:un)?seen\((\d+), `).FindAllStringSubmatch(source, -1)
		if len(rows) == 0 {
			return "", errors.New("the catalogue has no row")
		}
		last := rows[len(rows)-1][1]
		var n int
		fmt.Sscan(last, &n)
		at := strings.Index(source, "\tseen("+last+", ")
		if at < 0 {
			at = strings.Index(source, "\tunseen("+last+", ")
		}
		end := at + strings.Index(source[at:], "\n}")
		return source[:end] + fmt.Sprintf("\n\tseen(%d, \"e\", \"\", %q),", n+1, id) + source[end:], nil
	}
}

// before inserts text before the first occurrence of a mark, after its line break.
func before(source, mark, text string) (string, error) {
	i := strings.Index(source, mark)
	if i < 0 {
		return "", fmt.Errorf("no %q", mark)
	}
	return source[:i+1] + text + source[i+1:], nil
}
