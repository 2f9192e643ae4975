package dcs

import "testing"

// TestTrap holds those ways in which a naive look goes wrong that are about
// reading a key; the others are in preflight.
func TestTrap(t *testing.T) {
	t.Run("29 what is absent is false", func(t *testing.T) {
		m := decodeMember(KV{Key: "/service/demo/members/a", Value: []byte(`{"state": "running"}`)}).Must()
		if m.Pause.Must() || m.PendingRestart.Must() || len(m.Tags.Must()) != 0 || m.ReplicationState.Must() != "" {
			t.Errorf("%+v", m)
		}
	})
	t.Run("11 quorum is no boolean", func(t *testing.T) {
		for value, want := range map[string]string{
			`"quorum"`: "quorum",
			`"Quorum"`: "quorum",
			`"on"`:     "on",
			`true`:     "on",
			`"off"`:    "off",
			`null`:     "off",
		} {
			if got := config(`{"synchronous_mode": ` + value + `}`).Must().SynchronousMode.Must(); got != want {
				t.Errorf("%s: %s, want %s", value, got, want)
			}
		}
	})
	t.Run("16 an empty object is no operation", func(t *testing.T) {
		for _, value := range []string{`{}`, ``, `null`, `[]`} {
			if f := decodeFailover(KV{Key: "/service/demo/failover", Value: []byte(value)}).Must(); f.Pending() {
				t.Errorf("%q is pending", value)
			}
		}
		if f := decodeFailover(KV{Key: "/service/demo/failover", Value: []byte(`{"leader": "a"}`)}).Must(); !f.Pending() {
			t.Error("an operation without a candidate is none")
		}
	})
}
