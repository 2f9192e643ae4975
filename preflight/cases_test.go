package preflight_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// cases are states that clusters were met in, or one fact changed in a recorded one:
// testdata/cases/NAME.json.
var cases = []struct {
	name    string
	verdict preflight.Verdict
	// blocks and warns have to be among the checks that block and warn; not must not be
	// among either.
	blocks, warns, not []string
	// says has to stand in what those checks observed or advise, never must not.
	says, never []string
}{
	{
		name: "N-static-ssn-candidate", verdict: preflight.NoGo, blocks: []string{"sync.names"},
		says: []string{"every commit hangs", "synchronous_mode=true"},
	},
	{name: "real-expC-before", verdict: preflight.NoGo, blocks: []string{"sync.names"}},
	{
		name: "N23-ssn-cleared", verdict: preflight.Go, warns: []string{"sync.names"},
		says: []string{"Patroni 3.3.0 empties the list"},
	},
	{
		name: "R5-17", verdict: preflight.NoGo, blocks: []string{"sync.promised"},
		says: []string{"without waiting for node2"},
	},
	{
		name: "R5-03", verdict: preflight.NoGo, blocks: []string{"sync.promised", "candidate.sync"},
		says: []string{"which is the leader's", "pg_terminate_backend(300)"}, never: []string{"Choose one of node1"},
	},
	{
		name: "N-failover-slot-4.0.7", verdict: preflight.NoGo, blocks: []string{"slots.logical"},
		says: []string{"node2 runs Patroni 4.0.7", "ignore_slots"},
	},
	{
		name: "real-expA2-before", verdict: preflight.NoGo, blocks: []string{"slots.logical"},
		says: []string{"it drops cdc on node1"},
	},
	{
		name: "F-z-failover-slot-synced-but-temporary", verdict: preflight.NoGo, blocks: []string{"slots.logical"},
		says: []string{"temporary: PostgreSQL drops it at the promotion"},
	},
	{
		name: "F-p-failover-slot-not-synced-stale", verdict: preflight.NoGo, blocks: []string{"slots.logical"},
		says: []string{"On node2: SELECT pg_drop_replication_slot('cdc')", "synced = true"},
	},
	{
		name: "R10-07c", verdict: preflight.NoGo, blocks: []string{"slots.logical"},
		says:  []string{"is its own", "On node2: SELECT pg_drop_replication_slot('cdc')"},
		never: []string{"slots.cdc.type", "runs Patroni"},
	},
	{
		name: "K1e-failover-unsynced-undeclared", verdict: preflight.NoGo, blocks: []string{"slots.logical"},
		says:  []string{"sync_replication_slots=on", "hot_standby_feedback=on"},
		never: []string{"slots.cdc.type"},
	},
	{
		name: "N2-sync-standby-slots", verdict: preflight.NoGo, blocks: []string{"slots.synchronized"},
		says: []string{"node2, its own slot", "(cdc)", "to 'node3'"},
	},
	{
		name:    "F-p2-failover-slot-synced-and-sync_standby_slots-names-candidate",
		verdict: preflight.NoGo, blocks: []string{"slots.synchronized", "slots.logical"},
	},
	{
		name: "N13b-slot-ahead-on-candidate", verdict: preflight.NoGo, blocks: []string{"slots.logical_ready"},
		says: []string{"2.9 MB more than on node1", "pid 77"},
	},
	{
		name: "N-declared-other-plugin", verdict: preflight.NoGo, blocks: []string{"slots.logical"},
		says: []string{"declares it with plugin wal2json", "slots.sub1.plugin=pgoutput"},
	},
	{
		name: "N27-lost-on-candidate", verdict: preflight.Go, warns: []string{"slots.lost"},
		says: []string{"node1 cannot follow node2 by that slot"},
	},
	{
		name: "F-q-role-based-archive_command-4.2", verdict: preflight.Go, warns: []string{"settings.differ"},
		says: []string{"parameters_primary"},
	},
	{name: "F-n-patroni-4.2.0", verdict: preflight.Go, not: []string{"patroni.release"}},
	{name: "N-backport-4.0.9", verdict: preflight.Go, not: []string{"patroni.faults"}},
	{
		name: "N3-xmin-4.0.1", verdict: preflight.Go, warns: []string{"patroni.faults"},
		says: []string{"hot_standby_feedback is on", "VACUUM", "4.0.2"},
	},
	{
		name: "N4-cascade-2.1.2", verdict: preflight.Go, warns: []string{"patroni.faults"},
		says: []string{"node3 cascades from node2", "2.1.3"},
	},
	{
		name: "R11-02b", verdict: preflight.NoGo, blocks: []string{"dcs.initialize"},
		not: []string{"identity.sql_system_id", "identity.rest_system_id"}, never: []string{"reinit"},
	},
	{
		name: "R5-05a", verdict: preflight.NoGo, blocks: []string{"candidate.sync"}, never: []string{"Choose"},
	},
	{
		name: "R5-15", verdict: preflight.NoGo, blocks: []string{"candidate.sync"}, never: []string{"Choose"},
	},
	{
		name: "U1-2nodes-nocand-restdown", verdict: preflight.NoGo, blocks: []string{"candidate.rest"},
	},
	{name: "H1-delayed-bystander", verdict: preflight.Go, not: []string{"lag.replay"}},
	{
		name: "R7-11b", verdict: preflight.Go, warns: []string{"shutdown.walsenders"},
		says: []string{"wal_sender_timeout is 0", "never gives up"},
	},
}

func TestCases(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			raw, err := os.ReadFile(filepath.Join("testdata", "cases", c.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := fact.LoadRecording(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			if r.Verdict != c.verdict {
				t.Errorf("%s, want %s", r.Verdict, c.verdict)
			}
			if p := r.Prediction; p != nil && p.Accepted != nil && !*p.Accepted && r.Forecast != nil {
				t.Error("a forecast of what Patroni refuses")
			}
			by := map[preflight.Weight][]string{}
			var said strings.Builder
			for _, res := range r.Results {
				by[res.Weight] = append(by[res.Weight], res.Check)
				if !slices.Contains(slices.Concat(c.blocks, c.warns), res.Check) || res.Weight == preflight.Passed {
					continue
				}
				for _, f := range res.Findings {
					said.WriteString(f.Asked + ": " + f.Observed + ". " + f.Effect + " " + f.Remedy + "\n")
				}
			}
			for _, id := range c.blocks {
				if !slices.Contains(by[preflight.Blocks], id) {
					t.Errorf("%s does not block", id)
				}
			}
			for _, id := range c.warns {
				if !slices.Contains(by[preflight.Warns], id) {
					t.Errorf("%s does not warn", id)
				}
			}
			for _, id := range c.not {
				if slices.Contains(by[preflight.Blocks], id) || slices.Contains(by[preflight.Warns], id) {
					t.Errorf("%s blocks or warns", id)
				}
			}
			for _, words := range c.says {
				if !strings.Contains(said.String(), words) {
					t.Errorf("nothing says %q", words)
				}
			}
			for _, words := range c.never {
				if strings.Contains(said.String(), words) {
					t.Errorf("something says %q", words)
				}
			}
			if t.Failed() {
				t.Logf("blocks %v, warns %v\n%s", by[preflight.Blocks], by[preflight.Warns], said.String())
			}
		})
	}
}
