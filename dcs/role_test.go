package dcs

import (
	"slices"
	"testing"

	"patroni-preflight/preflight/fact"
)

func TestRoleBased(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{}`:                 {},
		`{"postgresql": {}}`: {},
		`{"postgresql": {"parameters_primary": {"archive_mode": "on"}, "pg_hba_replica": ["local all all trust"],
			"pg_hba_primary": [], "parameters": {}}}`: {"parameters_primary", "pg_hba_replica"},
	} {
		c := configOf(t, text)
		if got, ok := c.RoleBased.Get(); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %s; want %v", text, got, c.RoleBased.Reason(), want)
		}
		if !fact.Equal(c.PrimaryRaceBackoff, 0) {
			t.Errorf("%s: primary_race_backoff is %+v", text, c.PrimaryRaceBackoff)
		}
	}
	if c := configOf(t, `{"postgresql": 1}`); c.RoleBased.Known() {
		t.Error("a section that is no object")
	}
	if c := configOf(t, `{"primary_race_backoff": 15}`); !fact.Equal(c.PrimaryRaceBackoff, 15) {
		t.Errorf("primary_race_backoff is %+v", c.PrimaryRaceBackoff)
	}
}
