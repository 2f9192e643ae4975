package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

var syncStrictCheck = Check{
	ID:    "sync.strict",
	Title: "commits do not wait for the old leader after the switchover",
	Since: "0.2.0",
	Why: "In strict synchronous mode the new leader acknowledges no commit before a standby has connected: that " +
		"takes seconds with another standby, and as long as the old leader is away without one. Without strict mode it " +
		"acknowledges commits meanwhile, and they exist on one node only.",
	Source: "patroni/ha.py enforce_primary_role, process_sync_replication_prepromote; patroni/postgresql/sync.py: " +
		"nosync, replicatefrom",
	Fix: "Provide a second standby that streams and may be synchronous, or expect the wait.",
	Proof: "docs/accuracy.md: \"synchronous mode, strict\". Measured separately: two nodes of 3.0.2, where commits " +
		"waited for 3 s.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SyncMode, syncStrict, fact.StandbyCluster, fact.KeyVersion.OnLeader()},
	Run:      runStrict,
}

var syncStrict = fact.OfConfig(
	"synchronous_mode_strict in /config",
	func(c fact.DynamicConfig) fact.Observed[bool] { return c.SynchronousModeStrict },
)

// standbysAfter are the members besides the old and the new leader of whom it is
// known that they stream and may be synchronous. Where nobody is named, one of
// them becomes the leader.
func standbysAfter(s *fact.Snapshot, candidate string) []string {
	var out []string
	for _, m := range s.Replicas() {
		tags, ok := fact.KeyTags.Of(s, m).Get()
		upstream, _ := tags["replicatefrom"].(string)
		_, there := s.Member(upstream)
		elsewhere := there && upstream != candidate && upstream != s.Leader()
		if m != candidate && ok && !elsewhere && !patroni.Nosync(tags, fact.KeyVersion.Of(s, m).OrZero()) &&
			patroni.Streams(s, m) {
			out = append(out, m)
		}
	}
	if candidate == "" && len(out) < 2 {
		return nil
	}
	return out
}

func runStrict(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	asked, mode, strict, old := s.KeyName("/config"), patroni.SyncActive(s), syncStrict.Get(s, ""), s.Leader()
	others := standbysAfter(s, q.Candidate)
	f := Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("synchronous_mode is %s, synchronous_mode_strict is %t", mode, strict),
	}
	switch {
	case mode == "off":
		return Witnessed(asked, "synchronous mode is off")
	case !strict && len(others) > 0:
		return Witnessed(asked, "synchronous_mode is %s, not strict; standbys: %s", mode, strings.Join(others, ", "))
	case len(others) > 0:
		f.Effect = fmt.Sprintf(
			"Commits on the new leader wait until one of %s has connected to it.",
			fact.Names(append(slices.Clone(others), old)),
		)
		f.Remedy = "Expect some seconds without commits after the promotion."
		return []Finding{f}
	}
	f.Observed += fmt.Sprintf("; no member besides the candidate and %s is known to stream and may be synchronous", old)
	f.Remedy = "Bring back another standby that may be synchronous first, or make sure that " + old + " returns at once."
	f.Effect = fmt.Sprintf("Until %s is back, commits exist only on the new leader.", old)
	if strict {
		f.Effect = fmt.Sprintf("Commits on the new leader wait until %s is back.", old)
		if v, ok := fact.KeyVersion.Of(s, q.Candidate).
			Get(); ok && !fact.OlderThan(v, 3, 0, 0) &&
			fact.OlderThan(v, 3, 0, 4) {
			f.Effect += " The HA loop of Patroni " + v + " may wait with them (fixed in 3.0.4); past ttl it loses the leader " +
				"key."
		}
	}
	return []Finding{f}
}

var syncQuorum = Check{
	ID:    "sync.quorum",
	Title: "enough voters are healthy if Patroni chooses in quorum mode",
	Since: "0.2.0",
	Why: "In quorum mode a switchover without a named candidate needs one healthy voter more than the quorum in " +
		"/sync. Otherwise the leader refuses, since 4.0.5, and only its log says why. standby_cluster, which switches " +
		"synchronous mode off, does not change that.",
	Source:   "patroni/ha.py is_failover_possible: \"Quorum requirement N can not be reached\" (logged since 4.0.6)",
	Fix:      "Name a candidate that is in /sync, or bring the missing voters back.",
	Proof:    "e2e/oracle_test.go",
	Kind:     PatroniRule,
	Severity: Blocker,
	Of:       OfCluster,
	After:    []string{"dcs.leader", "candidate.member"},
	Needs:    []fact.Need{fact.SyncMode, fact.SyncState, fact.KeyVersion.OnLeader(), predictionAsked},
	Run:      runQuorum,
}

func runQuorum(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	mode, sync, version := fact.SyncMode.Get(s, ""), fact.SyncState.Get(s, ""), fact.KeyVersion.Of(s, s.Leader()).Must()
	asked, p := s.KeyName("/sync"), predictionAsked.Get(s, q, "")
	switch {
	case mode != "quorum" || fact.OlderThan(version, 4, 0, 0):
		return Witnessed(asked, "synchronous mode is %s, not quorum", mode)
	case q.Candidate != "":
		return Witnessed(asked, "quorum is %d; it does not matter for a named candidate", sync.Quorum)
	case p.Stage != patroni.StageLeader || sync.Quorum == 0:
		return Witnessed(asked, "quorum is %d, voters are %s", sync.Quorum, fact.Names(sync.Standbys))
	}
	f := Finding{
		Asked: asked,
		Observed: fmt.Sprintf(
			"quorum is %d, and of the voters (%s) fewer than %d are healthy",
			sync.Quorum,
			fact.Names(sync.Standbys),
			sync.Quorum+1,
		),
		Expected: fmt.Sprintf("%d healthy voters", sync.Quorum+1),
		Effect:   "The leader refuses: 503 \"Switchover failed\".",
		Remedy:   "Name a healthy candidate that is in /sync, or bring the missing voters back first.",
	}
	if len(p.Reason) > 0 {
		f.Effect += fmt.Sprintf(" Its log would say %q.", strings.Join(p.Reason, "; "))
	}
	return []Finding{f}
}

var syncForeign = Check{
	ID:    "sync.foreign",
	Title: "commits wait only for members",
	Since: "0.2.0",
	Why: "With synchronous_standby_names = '*', or with a value in a node's own patroni.yml, a backup receiver or " +
		"a member tagged nosync becomes the synchronous standby. It cannot take over, and the members that could are not " +
		"in /sync.",
	Source:   "sync_state in pg_stat_replication on the leader; patroni/patroni issue 789",
	Fix:      "Leave synchronous_standby_names to Patroni.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SyncMode, fact.StandbyCluster, fact.KeyVersion, fact.SyncSenders},
	Run:      runForeignSync,
}

func runForeignSync(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "sync_state in pg_stat_replication")
	if patroni.SyncActive(s) == "off" {
		return Witnessed(asked, "synchronous mode is off")
	}
	rows := fact.SyncSenders.Get(s, m)
	var who []string
	add := func(w fact.WalSender, what string) {
		if state := w.SyncState.OrZero(); state == "sync" || state == "quorum" {
			who = append(who, w.ApplicationName+", "+what+", is "+state)
		}
	}
	for _, w := range s.Foreign(rows) {
		add(w, "no member")
	}
	for _, w := range rows {
		for _, member := range s.Replicas() {
			if fact.SameApplicationName(w.ApplicationName, member) &&
				patroni.Nosync(fact.KeyTags.Of(s, member).OrZero(), fact.KeyVersion.Of(s, member).OrZero()) {
				add(w, "tagged nosync")
			}
		}
	}
	if len(who) == 0 {
		return Witnessed(asked, "every synchronous standby is a member that may be one")
	}
	settings := fact.SQLSettings.Of(s, m).OrZero()
	return []Finding{
		{
			Asked: asked,
			Observed: strings.Join(
				who,
				"; ",
			) + " (synchronous_standby_names is " + fact.Shown(
				settings["synchronous_standby_names"],
			) + ")",
			Expected: "members that may take over",
			Effect: "Commits wait for a standby that cannot lead, and Patroni puts no member into /sync in its place: a " +
				"switchover is refused.",
			Remedy: "Remove synchronous_standby_names from patroni.yml of " + m + "; Patroni sets it in synchronous mode.",
		},
	}
}
