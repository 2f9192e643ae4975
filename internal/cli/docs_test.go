package cli

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

func doc(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestChecksDocumentIsFresh(t *testing.T) {
	o := runCLI(t, "checks", "-f", "markdown")
	if o.code != 0 || o.stdout != doc(t, "checks.md") {
		t.Errorf("docs/checks.md is not what the registry says. Regenerate it: go run . checks -f markdown > docs/checks.md")
	}
}

// TestChecksDocumentReadsWell: each check has its entry and its row, each row
// leads to its entry, and nothing is taken for markup.
func TestChecksDocumentReadsWell(t *testing.T) {
	text := doc(t, "checks.md")
	for _, k := range allChecks() {
		anchor := strings.ReplaceAll(k.ID, ".", "")
		for what, want := range map[string]string{
			"entry": "\n### " + k.ID + "\n\n",
			"row":   "\n| [" + k.ID + "](#" + anchor + ") | ",
		} {
			if strings.Count(text, want) != 1 {
				t.Errorf("%s: %d times as %s", k.ID, strings.Count(text, want), what)
			}
		}
		if strings.Count(text, "\n## "+k.Topic()+"\n") != 1 {
			t.Errorf("topic %s has not one heading", k.Topic())
		}
	}
	_, rows, _ := strings.Cut(text, "|---|")
	cells := 4
	for l := range strings.Lines(rows) {
		if strings.HasPrefix(l, "# How a switchover fails") {
			cells = 3
		}
		if bold := regexp.MustCompile(`(^|[^\\])__`).FindString(l); bold != "" {
			t.Errorf("%q is bold in Markdown", l)
		}
		if strings.HasPrefix(l, "|") && strings.Count(l, "|")-strings.Count(l, `\|`) != cells+1 {
			t.Errorf("%q has not %d cells", l, cells)
		}
	}
}

// exitConstants are the constants of preflight/exitcode/exitcode.go by their value.
func exitConstants(t *testing.T) map[int]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("preflight", "exitcode", "exitcode.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[int]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			lit, ok := spec.Values[i].(*ast.BasicLit)
			if !ok {
				t.Fatalf("%s is no number", name.Name)
			}
			code, err := strconv.Atoi(lit.Value)
			if err != nil || out[code] != "" {
				t.Fatalf("%s = %s: %v, or there twice", name.Name, lit.Value, err)
			}
			out[code] = name.Name
		}
		return true
	})
	return out
}

// TestExitCodeTable: the document and the constants name the same codes, each
// with something to say to a person and to a script.
func TestExitCodeTable(t *testing.T) {
	names := map[string]string{
		"GO": "Go", "internal error": "Internal", "NO-GO": "NoGo", "UNKNOWN": "Unknown",
		"usage or configuration": "Usage", "overall deadline": "Deadline", "SIGINT": "Interrupted", "SIGTERM": "Terminated",
		"changed": "Changed", "different outcome": "Different", "outcome unknown": "OutcomeUnknown", "refused": "Refused",
	}
	constants := exitConstants(t)
	if len(constants) < 12 {
		t.Fatalf("only %d constants found: %v", len(constants), constants)
	}
	documented := map[int]bool{}
	last := -1
	for l := range strings.Lines(doc(t, "exit-codes.md")) {
		cells := strings.Split(strings.Trim(l, "|\n "), "|")
		code, err := strconv.Atoi(strings.TrimSpace(cells[0]))
		if err != nil || !strings.HasPrefix(l, "|") {
			continue
		}
		if len(cells) != 4 {
			t.Fatalf("%q has %d cells", l, len(cells))
		}
		for i := range cells {
			if cells[i] = strings.TrimSpace(cells[i]); cells[i] == "" {
				t.Errorf("%q has an empty cell", l)
			}
		}
		if want := names[cells[1]]; constants[code] == "" || constants[code] != want {
			t.Errorf("the table has %d as %q; in the code it is %q", code, cells[1], constants[code])
		}
		if code <= last {
			t.Errorf("%d stands after %d", code, last)
		}
		documented[code], last = true, code
	}
	for code, name := range constants {
		if !documented[code] {
			t.Errorf("%s = %d is not in docs/exit-codes.md", name, code)
		}
	}
}

// TestDocumentsNameTheSchemas: a new number has to be written down.
func TestDocumentsNameTheSchemas(t *testing.T) {
	for what, want := range map[string]string{
		"report":   "`schema_version` is " + strconv.Itoa(check.ReportSchema) + ".",
		"snapshot": "`schema` is " + strconv.Itoa(fact.SnapshotSchema) + ".",
	} {
		if !strings.Contains(doc(t, "report.md"), want) {
			t.Errorf("docs/report.md does not say %q of the %s", want, what)
		}
	}
}

// TestLinksInDocuments: each leads to a file that is there.
func TestLinksInDocuments(t *testing.T) {
	for _, name := range []string{
		"audit.md",
		"checks.md",
		"configuration.md",
		"exit-codes.md",
		"field-cases.md",
		"least-privilege.md",
		"report.md",
		"runbook.md",
	} {
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(doc(t, name), -1) {
			if _, err := os.Stat(filepath.Join("docs", m[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestProofsNameScenarios: a scenario that a check is proved by is one of e2e's.
func TestProofsNameScenarios(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join("e2e", "*_test.go"))
	var e2e strings.Builder
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		e2e.Write(regexp.MustCompile(`name: +`).ReplaceAll(raw, []byte("name: ")))
	}
	for _, k := range check.Checks {
		_, named, ok := strings.Cut(k.Proof, "docs/accuracy.md: \"")
		if !ok {
			continue
		}
		// Names follow one another, and hold quotation marks themselves.
		named, _, _ = strings.Cut(`"`+named, ". ")
		for _, name := range strings.Split(named, `", "`) {
			name = strings.TrimPrefix(name, `"`)
			if !scenarioIn(e2e.String(), name) {
				t.Errorf("%s: no scenario %q", k.ID, name)
			}
		}
	}
}

// scenarioIn reports whether the text, up to one of its quotation marks, is the
// name of a scenario.
func scenarioIn(e2e, text string) bool {
	for {
		if strings.Contains(e2e, "name: "+strconv.Quote(text)) {
			return true
		}
		i := strings.LastIndex(text, `"`)
		if i < 0 {
			return false
		}
		text = text[:i]
	}
}

// TestEveryVersionRuleIsCompared: each release that a rule of the prediction names
// stands in the table of those that were compared with Patroni itself, and in none
// did a state differ.
func TestEveryVersionRuleIsCompared(t *testing.T) {
	compared := map[string]bool{}
	row := regexp.MustCompile(`(?m)^\| (\d+\.\d+\.\d+) \| (\d+) (?:\| \d+ ){8}\| (\d+) \|$`)
	for _, m := range row.FindAllStringSubmatch(doc(t, "prediction.md"), -1) {
		compared[m[1]] = true
		if states, err := strconv.Atoi(m[2]); err != nil || states < 1000 || m[3] != "0" {
			t.Errorf("Patroni %s: %s of %s states differ", m[1], m[3], m[2])
		}
	}
	files, err := filepath.Glob("preflight/patroni/*.go")
	if err != nil {
		t.Fatal(err)
	}
	rule := regexp.MustCompile(`[oO]lder(?:Than)?\((?:[\w.]+, )?(\d+), (\d+), (\d+)\)`)
	named := 0
	for _, file := range append(files, "preflight/fact/version.go") {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range rule.FindAllStringSubmatch(string(source), -1) {
			named++
			if version := strings.Join(m[1:], "."); !compared[version] {
				t.Errorf("%s has a rule for Patroni %s, and the table has no such row", file, version)
			}
		}
	}
	if named < 20 {
		t.Errorf("found only %d rules", named)
	}
}
