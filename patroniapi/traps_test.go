package patroniapi

import "testing"

// TestTrap holds those ways in which a naive look goes wrong that are about
// reading an answer; the others are in preflight.
func TestTrap(t *testing.T) {
	const running = `{"state": "running", "role": "replica", "patroni": {"version": "3.1.2", "scope": "demo"}}`
	t.Run("29 what is absent is false", func(t *testing.T) {
		r := decode(t, 200, running)
		if r.Pause.Must() || r.PendingRestart.Must() || r.ClusterUnlocked.Must() || r.WatchdogFailed.Must() ||
			r.FailsafeActive.Must() {
			t.Errorf("%+v", r)
		}
		if r.Name.Known() {
			t.Error("a name out of nothing")
		}
	})
	t.Run("33 503 with a body is an answer", func(t *testing.T) {
		if r := decode(t, 503, running); r.HTTPStatus != 503 || r.State.Must() != "running" {
			t.Errorf("%+v", r)
		}
	})
}
