package prose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// read adds the files that a pattern below the root names to texts.
func read(t *testing.T, texts map[string]string, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimPrefix(file, root+"/")] = string(raw)
	}
}

// command builds the command, and returns a function that runs it. An exit code other
// than want fails the test.
func command(t *testing.T) func(want int, args ...string) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "patroni-preflight")
	build := exec.Command("go", "build", "-o", tool, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return func(want int, args ...string) string {
		t.Helper()
		cmd := exec.Command(tool, args...)
		cmd.Dir = root
		out, err := cmd.Output()
		if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != want {
			t.Fatalf("patroni-preflight %s: %v, want exit code %d", strings.Join(args, " "), err, want)
		}
		return string(out)
	}
}

// texts are all texts that users read, by their place.
func texts(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{
		"*.md", "docs/*.md", "docs/*.schema.json", ".github/*/*.yml",
		"shell/man.md", "internal/cli/shell/man.md",
		"preflight/report/testdata/*",
		"ansible/*.yml", "ansible/roles/*/*/*.yml", "ansible/roles/*/*/*.j2",
	} {
		read(t, texts, pattern)
	}
	files := len(texts)
	run := command(t)
	texts["man"] = run(0, "man")
	help := run(0, "--help")
	texts["--help"] = help
	for _, m := range regexp.MustCompile(`(?m)^  ([a-z]+)  +\S`).FindAllStringSubmatch(help, -1) {
		texts[m[1]+" --help"] = run(0, m[1], "--help")
	}
	commands := len(texts) - files
	var checks []struct{ ID, Title, Why, Source, Fix, Proof string }
	if err := json.Unmarshal([]byte(run(0, "checks", "-f", "json")), &checks); err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		texts["check "+c.ID] = strings.Join([]string{c.Title, c.Why, c.Source, c.Fix, c.Proof}, "\n\n")
	}
	if files < 100 || commands < 12 || len(checks) < 100 {
		t.Fatalf("only %d files, %d texts of commands and %d checks", files, commands, len(checks))
	}
	return texts
}

// TestProse holds the list of words over every text that users read.
func TestProse(t *testing.T) {
	used := map[Exception]int{}
	for place, text := range texts(t) {
		for _, u := range Uses(place, text, Exceptions, used) {
			t.Errorf("%s:%d: %q in %q", place, u.Line, u.Word, u.Near)
		}
	}
	for _, e := range Exceptions {
		if e.Phrase == "" || e.Reason == "" {
			t.Errorf("an exception has no phrase or no reason: %+v", e)
		}
		if used[e] == 0 {
			t.Errorf("the exception %q at %q is not needed", e.Phrase, e.Place)
		}
	}
}

// TestReadmeShowsTheReport: the report in README.md is what the command before it prints.
func TestReadmeShowsTheReport(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	const call = "replay docs/examples/founding-incident.json"
	_, after, _ := strings.Cut(string(raw), "```\ngo run . "+call+"\n```\n\n```\n")
	shown, _, ok := strings.Cut(after, "```\n")
	if printed := command(t)(2, strings.Fields(call)...); !ok || shown != printed {
		t.Errorf("README.md shows\n%s\nand go run . %s prints\n%s", shown, call, printed)
	}
}

// TestUses: each word of the list is found, whatever its case, also where a line
// break divides it; an exception covers its phrase only.
func TestUses(t *testing.T) {
	allowed := Exception{Place: "docs/", Phrase: "a VIP that nobody named", Reason: "a name"}
	for _, c := range []struct {
		name, place, text string
		want              []string
	}{
		{"none", "a", "The leader waits for the client.", nil},
		{"the word alone", "a", "Mended; we recommend an amendment for everything, and the same for all.", []string{"1 " +
			"Mend"}},
		{"case", "a", "x\n\nNOBODY leads", []string{"3 NOBODY"}},
		{"divided", "a", "it stands\n  beside it, all\n> the same", []string{"1 stands beside", "2 all the same"}},
		{"paragraphs", "a", "it stands\n\nin line", nil},
		{"a letter", "a", "there is no WAL, this is no wal", []string{"1 is no W", "1 is no w"}},
		{"excepted", "docs/a.md", "a VIP that\nnobody named", nil},
		{"excepted elsewhere", "a", "a VIP that nobody named", []string{"1 nobody"}},
		{"excepted once", "docs/a.md", "a VIP that nobody named nobody", []string{"1 nobody"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, u := range Uses(c.place, c.text, []Exception{allowed}, map[Exception]int{}) {
				got = append(got, fmt.Sprintf("%d %s", u.Line, u.Word))
			}
			if strings.Join(got, "; ") != strings.Join(c.want, "; ") {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// TestLineLength: no line of Go has more than Columns columns.
func TestLineLength(t *testing.T) {
	long := strings.Repeat("x", Columns+1)
	for _, c := range []struct{ source, want string }{
		{strings.Repeat("\t", Columns), "[]"},
		{"short\n" + long, "[2]"},
		{"// https://example.org/" + long, "[]"},
		{"//table:begin\n" + long + "\n//table:end\n" + long, "[4]"},
		{"`a\n" + long + "`\n`" + long + "`", "[3]"},
	} {
		if got := fmt.Sprint(LongLines(c.source)); got != c.want {
			t.Errorf("%q has the long lines %s, want %s", c.source, got, c.want)
		}
	}
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(file) != ".go" {
			return err
		}
		files++
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, n := range LongLines(string(raw)) {
			t.Errorf("%s:%d has more than %d columns", strings.TrimPrefix(file, root+"/"), n, Columns)
		}
		return nil
	})
	if err != nil || files < 200 {
		t.Errorf("%d files, %v", files, err)
	}
}

// code is a word in backquotes that may be the name of a file or of a test.
var code = regexp.MustCompile("`([^`\\s]+)`")

// TestPathsInDocuments: the files, folders and tests that the documents for
// contributors name exist.
func TestPathsInDocuments(t *testing.T) {
	tests := declaredTests(t)
	for _, name := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", "SECURITY.md"} {
		raw, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, m := range code.FindAllStringSubmatch(string(raw), -1) {
			word := m[1]
			switch {
			case found[word]:
			case strings.HasPrefix(word, "Test"):
				found[word] = true
				if !tests[word] {
					t.Errorf("%s: there is no test %s", name, word)
				}
			case !strings.Contains(word, "*") && inRepository(word):
				found[word] = true
				if _, err := os.Stat(filepath.Join(root, word)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		if least := map[string]int{"ARCHITECTURE.md": 40, "CONTRIBUTING.md": 20}[name]; len(found) < least {
			t.Errorf("%s names only %d files and tests", name, len(found))
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(string(raw), -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestMakeTargetsInDocuments: the targets that the documents name exist.
func TestMakeTargetsInDocuments(t *testing.T) {
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	read(t, texts, "*.md")
	read(t, texts, "docs/*.md")
	call := regexp.MustCompile("(?m)(?:^|`)make ([a-z0-9 -]+)")
	found := 0
	for name, text := range texts {
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			for target := range strings.FieldsSeq(m[1]) {
				found++
				if !strings.Contains(string(makefile), "\n"+target+":") {
					t.Errorf("%s: the Makefile has no target %s", name, target)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("found only %d targets", found)
	}
}

// inRepository reports whether a word is a path below one of the repository's folders.
func inRepository(word string) bool {
	first, _, _ := strings.Cut(word, "/")
	switch first {
	case "preflight", "internal", "dcs", "patroniapi", "pg", "e2e", "docker", "docs", "scripts", "packaging", "main.go":
		return true
	}
	return word == "testdata/recordings"
}

// declaredTests are the names of all tests.
func declaredTests(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`)
	err := filepath.WalkDir(root, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(file)
		for _, m := range declared.FindAllStringSubmatch(string(raw), -1) {
			tests[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
