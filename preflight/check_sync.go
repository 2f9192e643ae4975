package preflight

import (
	"fmt"
	"slices"
	"strings"
)

var dcsSyncLeader = Check{
	ID:        "dcs.sync_leader",
	Title:     "/sync names the leader that /leader names",
	Since:     "0.2.0",
	Why:       "The leader itself keeps /sync, and puts its own name there. Where another name stands, it is not known who is synchronous; and the leader, whom /sync does not name, may not take the key back if the candidate fails. Patroni before 4.1.1 leaves it so after the leader was renamed in maintenance mode.",
	Source:    "patroni/ha.py process_sync_replication, is_healthiest_node; patroni/dcs/__init__.py SyncState; Patroni's release notes of 4.1.1",
	Fix:       "Wait for a loop of the leader; if it stays, turn synchronous mode off and on again.",
	Proof:     "Cases on a recorded snapshot; e2e/oracle_test.go has an old leader that /sync does not name.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.leader"},
	Needs:     []Need{syncMode, standbyCluster, syncState, keyVersion.onLeader()},
	Run:       runSyncLeader,
}

var syncStrictCheck = Check{
	ID:       "sync.strict",
	Title:    "commits do not wait for the old leader after the switchover",
	Since:    "0.2.0",
	Why:      "In strict synchronous mode the new leader acknowledges no commit before a standby has connected: seconds where another one is there, and as long as the old leader is away where none is. Without strict mode it acknowledges them meanwhile, and they are on one node only.",
	Source:   "patroni/ha.py enforce_primary_role, process_sync_replication_prepromote; patroni/postgresql/sync.py: nosync, replicatefrom",
	Fix:      "Have a second standby that streams and may be synchronous, or expect the wait.",
	Proof:    "docs/accuracy.md: \"synchronous mode, strict\". Measured apart from that: two nodes of 3.0.2, where commits waited for 3 s.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []Need{syncMode, syncStrict, standbyCluster, keyVersion.onLeader()},
	Run:      runStrict,
}

var syncStrict = ofConfig("synchronous_mode_strict in /config", func(c Config) Observed[bool] { return c.SynchronousModeStrict })

func runSyncLeader(s *Snapshot, _ Question, _ string) []Finding {
	asked, mode, state, leader := s.key("/sync"), syncActive(s), syncState.get(s, ""), s.Leader()
	version := keyVersion.of(s, leader).Must()
	p := PatroniState{Sync: state}
	switch {
	case mode == "off":
		return evidence(asked, "synchronous mode is off")
	case state.Leader == "":
		return evidence(asked, "no leader: nobody is synchronous yet")
	case p.syncLeader(version, leader):
		return evidence(asked, "the leader is %s", state.Leader)
	}
	return []Finding{{
		Asked: asked, Observed: "the leader is " + state.Leader, Expected: leader + ", as in /leader",
		Effect: fmt.Sprintf("Whom it names as standbys may be out of date, and if the candidate fails, %s may not take the key back: no primary.", leader),
		Remedy: fmt.Sprintf("Wait %d s and check again: Patroni 4.1.1 and later mend it. If it stays: patronictl edit-config -s synchronous_mode=off, and -s synchronous_mode=%s after a loop.", loopWait.of(s, "").orZero(), mode),
	}}
}

// standbysAfter are the members besides the old and the new leader of whom it is
// known that they stream and may be synchronous. Where nobody is named, one of
// them becomes the leader.
func standbysAfter(s *Snapshot, candidate string) []string {
	var out []string
	for _, m := range s.replicas() {
		tags, ok := keyTags.of(s, m).Get()
		upstream, _ := tags["replicatefrom"].(string)
		_, there := s.Member(upstream)
		elsewhere := there && upstream != candidate && upstream != s.Leader()
		if m != candidate && ok && !elsewhere && !nosync(tags, keyVersion.of(s, m).orZero()) && streams(s, m) {
			out = append(out, m)
		}
	}
	if candidate == "" && len(out) < 2 {
		return nil
	}
	return out
}

func runStrict(s *Snapshot, q Question, _ string) []Finding {
	asked, mode, strict, old := s.key("/config"), syncActive(s), syncStrict.get(s, ""), s.Leader()
	others := standbysAfter(s, q.Candidate)
	f := Finding{Asked: asked, Observed: fmt.Sprintf("synchronous_mode is %s, synchronous_mode_strict is %t", mode, strict)}
	switch {
	case mode == "off":
		return evidence(asked, "synchronous mode is off")
	case !strict && len(others) > 0:
		return evidence(asked, "synchronous_mode is %s, not strict; there are %s", mode, strings.Join(others, ", "))
	case len(others) > 0:
		f.Effect = fmt.Sprintf("Commits on the new leader wait until one of %s has connected to it.", names(append(slices.Clone(others), old)))
		f.Remedy = "Expect some seconds without commits after the promotion."
		return []Finding{f}
	}
	f.Observed += fmt.Sprintf("; no member besides candidate and %s is known to stream and may be synchronous", old)
	f.Remedy = "Bring another standby back first, one that may be synchronous; or see to it that " + old + " comes back at once."
	f.Effect = fmt.Sprintf("Until %s is back, commits are on the new leader alone.", old)
	if strict {
		f.Effect = fmt.Sprintf("Commits on the new leader wait until %s is back.", old)
		if v, ok := keyVersion.of(s, q.Candidate).Get(); ok && !olderThan(v, 3, 0, 0) && olderThan(v, 3, 0, 4) {
			f.Effect += " The HA loop of Patroni " + v + " may wait with them (mended in 3.0.4); past ttl it loses the leader key."
		}
	}
	return []Finding{f}
}
