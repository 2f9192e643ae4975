//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOracleRehearsal asks the request handler of each Patroni, as TestOracle does, what
// it answers to a switchover that is an empty list: 400, after it has checked who asks, and
// nothing else of Patroni is called. A real request, as a control, calls more.
func TestOracleRehearsal(t *testing.T) {
	script, err := filepath.Abs("rehearsal.py")
	if err != nil {
		t.Fatal(err)
	}
	run := []string{"run", "--rm", "--entrypoint", "python3", "-v", script + ":/rehearsal.py:ro"}
	sources, _ := filepath.Glob(filepath.Join(os.Getenv("PREFLIGHT_PATRONI_SOURCE"), "*", "patroni", "api.py"))
	if os.Getenv("PREFLIGHT_PATRONI_SOURCE") == "" {
		for _, suite := range []string{"bookworm", "trixie", "sid"} {
			t.Run(suite, func(t *testing.T) {
				rehearsedBy(t, slices.Concat(run, []string{"patroni-preflight-lab:" + suite, "/rehearsal.py"}))
			})
		}
		return
	}
	for _, file := range sources {
		source := filepath.Dir(filepath.Dir(file))
		t.Run(filepath.Base(source), func(t *testing.T) {
			rehearsedBy(t, slices.Concat(run, []string{
				"-v", source + ":/source:ro", "-e", "PYTHONPATH=/source", "patroni-preflight-lab:bookworm", "/rehearsal.py",
			}))
		})
	}
}

// handled is what rehearsal.py says of one request.
type handled struct {
	Status  int `json:"status"`
	Checked int `json:"checked"`
	Touched int `json:"touched"`
}

func rehearsedBy(t *testing.T, args []string) {
	out, err := exec.Command("docker", args...).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got struct {
		Version string  `json:"version"`
		Empty   handled `json:"empty_list"`
		Real    handled `json:"real"`
		Refused handled `json:"refused"`
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff([]handled{{400, 1, 0}, {401, 1, 0}}, []handled{got.Empty, got.Refused}); diff != "" {
		t.Errorf("Patroni %s (-want +got):\n%s", got.Version, diff)
	}
	if got.Real.Touched == 0 {
		t.Errorf("Patroni %s: a real request touches nothing either, so this shows nothing: %+v", got.Version, got.Real)
	}
}
