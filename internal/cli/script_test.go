package cli

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script: the command line as a user types it, with its
// output and exit code. $REPO is the repository, whose recordings the scripts use.
func TestScripts(t *testing.T) {
	repository, err := os.Getwd() // TestMain has gone there
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("internal", "cli", "testdata", "script"),
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"preflight": runScripted},
		Setup: func(env *testscript.Env) error {
			env.Setenv("REPO", repository)
			return nil
		},
	})
}

// runScripted is the command preflight CODE ARGS...: it runs patroni-preflight ARGS and
// expects the exit code.
func runScripted(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: preflight CODE ARGS...")
	}
	env := Environment{
		Version: "test", Commit: "0000000",
		Lookup: func(name string) (string, bool) {
			v := ts.Getenv(name)
			return v, v != ""
		},
		Stdout: ts.Stdout(), Stderr: ts.Stderr(),
	}
	line := append([]string{"patroni-preflight"}, args[1:]...)
	if code := codeNames[Run(context.Background(), env, line)]; code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

// codeNames are the exit codeNames as the scripts write them.
var codeNames = map[int]string{
	0: "GO", 1: "INTERNAL", 2: "NO-GO", 3: "UNKNOWN", 4: "USAGE", 5: "CHANGED",
	10: "DIFFERENT", 11: "OUTCOME-UNKNOWN", 12: "REFUSED",
}
