package dcs

import (
	"reflect"
	"testing"

	"patroni-preflight/preflight/fact"
)

func configOf(t *testing.T, text string) fact.DynamicConfig {
	t.Helper()
	c, ok := decodeConfig(KV{Key: "/service/demo/config", Value: []byte(text)}, true, "/service/demo/").Get()
	if !ok {
		t.Fatalf("%s is no configuration", text)
	}
	return c
}

func TestPermanentSlots(t *testing.T) {
	type slots = map[string]fact.PermanentSlot
	for text, want := range map[string]slots{
		`{}`:              {},
		`{"slots": null}`: {},
		`{"slots": {"a": {"type": "logical", "database": "app", "plugin": "pgoutput"}}}`: {"a": {
			Type:     "logical",
			Database: "app",
			Plugin:   "pgoutput",
		}},
		`{"slots": {"a": {"database": "app", "plugin": "pgoutput"}}}`: {"a": {
			Type:     "logical",
			Database: "app",
			Plugin:   "pgoutput",
		}},
		`{"slots": {"a": {"type": "Physical"}, "b": null, "c": {}, "d": 7}}`: {
			"a": {Type: "physical"},
			"b": {Type: "physical"},
			"c": {Type: "physical"},
			"d": {Type: "physical"},
		},
		`{"permanent_slots": {"a": {}}}`:                                 {"a": {Type: "physical"}},
		`{"permanent_replication_slots": {"a": {}}, "slots": {"b": {}}}`: {"a": {Type: "physical"}},
	} {
		got, ok := configOf(t, text).Slots.Get()
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	for _, text := range []string{`{"slots": ["a"]}`, `{"slots": "a"}`, `{"slots": 1}`} {
		if got := configOf(t, text).Slots; got.Cause() != fact.Malformed {
			t.Errorf("%s: %v, want malformed", text, got)
		}
	}
}

func TestIgnoreSlots(t *testing.T) {
	got, ok := configOf(
		t,
		`{"ignore_slots": [{"name": "a", "type": "logical"}, {"plugin": "pgoutput"}]}`,
	).IgnoreSlots.Get()
	want := []map[string]string{{"name": "a", "type": "logical"}, {"plugin": "pgoutput"}}
	if !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := configOf(t, `{"ignore_slots": {"name": "a"}}`).IgnoreSlots; got.Cause() != fact.Malformed {
		t.Errorf("%v, want malformed", got)
	}
	if got, ok := configOf(t, `{}`).IgnoreSlots.Get(); !ok || len(got) != 0 {
		t.Errorf("%v, want none", got)
	}
}

func TestPostgresqlSection(t *testing.T) {
	for text, want := range map[string][4]bool{
		`{}`: {false, true, false, false},
		`{"postgresql": {"use_pg_rewind": "on", "use_slots": false}}`: {
			true,
			false,
			false,
			false,
		},
		`{"postgresql": {"remove_data_directory_on_rewind_failure": true, "remove_data_directory_on_diverged_timelines": ` +
			`1}}`: {
			false,
			true,
			true,
			true,
		},
	} {
		c := configOf(t, text)
		got := [4]bool{c.UsePgRewind.Must(), c.UseSlots.Must(), c.RemoveOnRewindFailure.Must(), c.RemoveOnDiverged.Must()}
		if got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	c := configOf(t, `{"postgresql": [], "maximum_lag_on_syncnode": "much"}`)
	if c.UsePgRewind.Cause() != fact.Malformed || c.UseSlots.Cause() != fact.Malformed ||
		c.MaximumLagOnSyncnode.Cause() != fact.Malformed {
		t.Errorf("%v, %v, %v", c.UsePgRewind, c.UseSlots, c.MaximumLagOnSyncnode)
	}
	if c := configOf(t, `{"postgresql": {"use_pg_rewind": "perhaps"}}`); c.UsePgRewind.Cause() != fact.Malformed {
		t.Errorf("%v", c.UsePgRewind)
	}
}

func TestStopTimeout(t *testing.T) {
	for text, want := range map[string]int64{
		`{}`: 0, `{"primary_stop_timeout": 30}`: 30, `{"master_stop_timeout": "20"}`: 20,
		`{"primary_stop_timeout": 30, "master_stop_timeout": 20}`: 30,
	} {
		if got := configOf(t, text).PrimaryStopTimeout.Must(); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

func TestMemberWaits(t *testing.T) {
	m := decodeMember(KV{Key: "/service/demo/members/a", Value: []byte(`{"pending_restart": true,
		"pending_restart_reason": {"max_connections": {"old_value": "100", "new_value": "60"}, "archive_mode": {}},
		"scheduled_restart": {"schedule": "2026-12-01T03:00:00+00:00"}, "checkpoint_after_promote": false}`)}).Must()
	if got := m.PendingRestartReason.Must(); !reflect.DeepEqual(got, []string{"archive_mode", "max_connections"}) {
		t.Errorf("pending: %v", got)
	}
	if got := m.ScheduledRestart.Must(); got != "2026-12-01T03:00:00+00:00" {
		t.Errorf("restart: %s", got)
	}
	if m.CheckpointAfterPromote.Must() {
		t.Error("the checkpoint is written")
	}
	m = decodeMember(KV{Key: "/service/demo/members/a", Value: []byte(`{}`)}).Must()
	if len(m.PendingRestartReason.Must()) != 0 || m.ScheduledRestart.Must() != "" || !m.CheckpointAfterPromote.Must() {
		t.Errorf("of an empty key: %+v", m)
	}
	m = decodeMember(
		KV{
			Key:   "/service/demo/members/a",
			Value: []byte(`{"scheduled_restart": 7, "pending_restart_reason": [], "checkpoint_after_promote": "no"}`),
		},
	).Must()
	if m.PendingRestartReason.Known() || m.ScheduledRestart.Known() || m.CheckpointAfterPromote.Known() {
		t.Errorf("of a wrong key: %+v", m)
	}
}

func TestGroups(t *testing.T) {
	c, _ := Decode("/service/demo/", []KV{
		{Key: "/service/demo/10/leader"},
		{Key: "/service/demo/2/leader"},
		{Key: "/service/demo/2/config"},
		{Key: "/service/demo/0/leader"},
		{Key: "/service/demo/007/leader"},
		{Key: "/service/demo/leader"},
		{Key: "/service/demo/x/leader"},
	}, nil, 1)
	if got := c.Groups.Must(); !reflect.DeepEqual(got, []string{"0", "2", "10"}) {
		t.Errorf("%v", got)
	}
}
