package check_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"patroni-preflight/preflight/check"
)

// TestChecksAreInTheFileOfTheirTopic: a check with the ID topic.name is in topic.go, or
// in topic_part.go.
func TestChecksAreInTheFileOfTheirTopic(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	id := regexp.MustCompile(`(?m)^\s+ID:\s+"([a-z_]+)\.([a-z_]+)"`)
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range id.FindAllStringSubmatch(string(source), -1) {
			found[m[1]+"."+m[2]] = true
			if file != m[1]+".go" && !strings.HasPrefix(file, m[1]+"_") {
				t.Errorf("%s.%s is in %s", m[1], m[2], file)
			}
		}
	}
	for _, c := range check.Checks {
		if !found[c.ID] {
			t.Errorf("no file has a check %s", c.ID)
		}
	}
}
