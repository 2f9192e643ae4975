package preflight_test

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// mayImport is the direction of the arrows: which packages of this module each
// package below preflight may import. Nothing runs back up.
var mayImport = map[string][]string{
	"preflight/exitcode": {},
	"preflight/fact":     {},
	"preflight/patroni":  {"preflight/fact"},
	"preflight/forecast": {"preflight/fact", "preflight/patroni"},
	"preflight/check":    {"preflight/fact", "preflight/patroni", "preflight/forecast"},
	"preflight/audit":    {"preflight/fact", "preflight/patroni", "preflight/check"},
	"preflight/verify": {
		"preflight/exitcode", "preflight/fact", "preflight/patroni", "preflight/forecast", "preflight/check",
	},
	"preflight": {
		"preflight/exitcode", "preflight/fact", "preflight/patroni", "preflight/forecast", "preflight/check",
		"preflight/audit", "preflight/verify",
	},
	"preflight/report": {
		"preflight", "preflight/exitcode", "preflight/fact", "preflight/patroni", "preflight/forecast",
		"preflight/check", "preflight/audit", "preflight/verify",
	},
	"dcs":        {"preflight/fact"},
	"pg":         {"preflight/fact"},
	"patroniapi": {"preflight/fact"},
}

// TestPure holds the core to the standard library, without any that does I/O, and
// every package to the arrows of mayImport.
func TestPure(t *testing.T) {
	const module = "patroni-preflight/"
	for _, name := range slices.Sorted(maps.Keys(mayImport)) {
		out, err := exec.Command("go", "list", "-f", `{{join .Imports " "}}`, module+name).Output()
		if err != nil {
			t.Fatal(err)
		}
		core := strings.HasPrefix(name, "preflight")
		for _, p := range strings.Fields(string(out)) {
			own, isOwn := strings.CutPrefix(p, module)
			switch {
			case isOwn && strings.HasPrefix(own, "preflight") && !slices.Contains(mayImport[name], own):
				t.Errorf("%s imports %s", name, own)
			case isOwn && core && !strings.HasPrefix(own, "preflight"):
				t.Errorf("%s imports %s", name, own)
			case core && !isOwn && strings.Contains(strings.Split(p, "/")[0], "."):
				t.Errorf("%s imports %s, which is not of the standard library", name, p)
			case core && slices.Contains(doesIO, p):
				t.Errorf("%s imports %s", name, p)
			}
		}
	}
}

// doesIO are packages of the standard library that reach outside of the process.
var doesIO = []string{"os", "net", "net/http", "log", "log/slog", "os/exec", "database/sql"}

// TestEveryPackageHasItsArrows: a package below preflight that is added later is
// held to the table too.
func TestEveryPackageHasItsArrows(t *testing.T) {
	out, err := exec.Command("go", "list", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range strings.Fields(string(out)) {
		name := strings.TrimPrefix(p, "patroni-preflight/")
		if _, ok := mayImport[name]; !ok && name != "preflight/facttest" {
			t.Errorf("%s is not in mayImport", name)
		}
	}
}
