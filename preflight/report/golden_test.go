package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
)

var update = flag.Bool("update", false, "write the golden files")

// golden is one rendering that is compared with a file.
type golden struct {
	file   string
	format string
	Options
	// all: every scenario has one; the others are long and stand for themselves.
	all bool
	of  []string
}

var goldens = []golden{
	{file: "text", format: "text", all: true},
	{file: "brief", format: "brief", all: true},
	{
		file:    "color",
		format:  "text",
		Options: Options{Color: true},
		of:      []string{"healthy", "founding-incident", "password-denied", "warnings"},
	},
	{file: "verbose", format: "text", Options: Options{Verbose: true}, of: []string{"founding-incident", "member-frozen"}},
	{file: "md", format: "markdown", of: []string{"healthy", "founding-incident", "password-denied", "hostile"}},
	{file: "xml", format: "junit", of: []string{"founding-incident", "password-denied", "warnings"}},
	{file: "nagios", format: "nagios", all: true},
	{file: "json", format: "json", of: []string{"founding-incident", "ignored"}},
}

func TestGolden(t *testing.T) {
	for _, sc := range scenarios {
		r := sc.report(t)
		if r.Verdict != sc.verdict {
			t.Errorf("%s: verdict %s, want %s", sc.name, r.Verdict, sc.verdict)
		}
		for _, g := range goldens {
			if !g.all && !slices.Contains(g.of, sc.name) {
				continue
			}
			path := filepath.Join("testdata", sc.name+"."+g.file)
			t.Run(filepath.Base(path), func(t *testing.T) {
				r := r
				if g.format == "json" || g.format == "junit" || g.Verbose {
					r = brieflyPassed(r)
				}
				got := render(t, g.format, r, g.Options)
				compareGolden(t, path, got)
			})
		}
	}
}

// compareGolden compares with a file, or writes it.
func compareGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if line, g, w := difference(string(got), string(want)); line > 0 {
		t.Errorf(
			"%s differs in line %d; read it, and if it is better: go test ./preflight/report -update\n got %q\nwant %q",
			path,
			line,
			g,
			w,
		)
	}
}

// difference is the number of the first line in which two texts differ, 0 where
// they are the same.
func difference(got, want string) (line int, g, w string) {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(a), len(b)) {
		g, w = "(end)", "(end)"
		if i < len(a) {
			g = a[i]
		}
		if i < len(b) {
			w = b[i]
		}
		if g != w {
			return i + 1, g, w
		}
	}
	return 0, "", ""
}

// TestGoldenFilesAreUsed finds files that no scenario writes any more.
func TestGoldenFilesAreUsed(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	rehearsals := drills(t)
	for _, e := range entries {
		used := strings.HasPrefix(e.Name(), "audit.") ||
			slices.ContainsFunc(endings, func(x endingCase) bool { return strings.HasPrefix(e.Name(), "verify-"+x.name+".") }) ||
			slices.ContainsFunc(scenarios, func(sc scenario) bool {
				return slices.ContainsFunc(goldens, func(g golden) bool {
					return e.Name() == sc.name+"."+g.file && (g.all || slices.Contains(g.of, sc.name))
				})
			})
		// drill-NAME.FORMAT
		name, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), "drill-"), ".")
		_, drilled := rehearsals[name]
		if !used && (!drilled || !strings.HasPrefix(e.Name(), "drill-")) {
			t.Errorf("testdata/%s belongs to no scenario", e.Name())
		}
	}
}

// brieflyPassed keeps three of the passes: enough to see their form.
func brieflyPassed(r preflight.Report) preflight.Report {
	kept, passes := []preflight.WeighedResult{}, 0
	for _, res := range r.Results {
		if res.Weight == preflight.Passed {
			if passes++; passes > 3 {
				continue
			}
		}
		kept = append(kept, res)
	}
	r.Results = kept
	return r
}

func render(t testing.TB, format string, r preflight.Report, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, format, r, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
