package cli

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const role = "ansible/roles/patroni_preflight/"

// TestEntryPointsHaveNoEnding: Ansible looks up the argument specification by the name in
// tasks_from, so that with the ending no argument is validated.
func TestEntryPointsHaveNoEnding(t *testing.T) {
	ending := regexp.MustCompile(`tasks_from["']?\s*[:=]\s*["']?\S*\.ya?ml`)
	found := 0
	for _, root := range []string{"README.md", "CONTRIBUTING.md", "docs", "ansible", "internal/cli/shell"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found += strings.Count(string(raw), "tasks_from")
			if m := ending.Find(raw); m != nil {
				t.Errorf("%s says %q", path, m)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 3 {
		t.Errorf("found tasks_from only %d times", found)
	}
	if !ending.MatchString("tasks_from: 'switchover.yml'") || ending.MatchString("tasks_from: switchover") {
		t.Error("the pattern does not tell the two apart")
	}
}

// TestAnsibleVariables: each entry point has a file of tasks and a specification of every
// variable, and the role knows which variables it sets itself.
func TestAnsibleVariables(t *testing.T) {
	var specs struct {
		Entries map[string]struct {
			Options map[string]struct {
				Type    string   `yaml:"type"`
				Choices []string `yaml:"choices"`
			} `yaml:"options"`
		} `yaml:"argument_specs"`
	}
	var defaults map[string]any
	var vars struct {
		Own []string `yaml:"patroni_preflight_own"`
	}
	read := func(path string, into any) {
		raw, err := os.ReadFile(role + path)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	read("meta/argument_specs.yml", &specs)
	read("defaults/main.yml", &defaults)
	read("vars/main.yml", &vars)
	for name, entry := range specs.Entries {
		if _, err := os.Stat(role + "tasks/" + name + ".yml"); err != nil {
			t.Errorf("entry point %s: %v", name, err)
		}
		for variable := range entry.Options {
			if _, ok := defaults[variable]; !ok {
				t.Errorf("%s of %s has no default", variable, name)
			}
		}
	}
	for variable := range defaults {
		if _, ok := specs.Entries["switchover"].Options[variable]; !ok {
			t.Errorf("%s is not in the specification of switchover", variable)
		}
	}
	if len(specs.Entries["main"].Options) < 10 {
		t.Errorf("main has %d options", len(specs.Entries["main"].Options))
	}
	used := regexp.MustCompile(`patroni_preflight_\w+`)
	var tasks []string
	for _, pattern := range []string{"tasks/*.yml", "templates/*", "vars/*.yml"} {
		files, _ := filepath.Glob(role + pattern)
		tasks = append(tasks, files...)
	}
	for _, file := range tasks {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, variable := range used.FindAllString(string(raw), -1) {
			if _, ok := defaults[variable]; !ok && !slices.Contains(vars.Own, variable) {
				t.Errorf("%s: %s is neither in defaults nor in patroni_preflight_own", file, variable)
			}
		}
	}
}
