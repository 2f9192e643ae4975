package preflight

import (
	"fmt"
	"slices"
	"strings"
)

var candidateMember = Check{
	ID:        "candidate.member",
	Title:     "the candidate is a member and not the leader",
	Since:     "0.1.0",
	Why:       "patronictl refuses a name that it does not know, and the name of the leader. Names are compared exactly.",
	Source:    "patroni/ctl.py _do_failover_or_switchover; patroni/api.py do_POST_failover",
	Fix:       "Use a name that patronictl list shows as a replica.",
	Proof:     "docs/accuracy.md: \"unknown member\", \"the candidate is the leader\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.leader"},
	Needs:     []Need{cluster, leaderKey},
	Run:       runCandidate,
}

var candidateNofailover = Check{
	ID:          "candidate.nofailover",
	Title:       "no tag forbids to promote the candidate",
	Since:       "0.1.0",
	Why:         "Patroni does not promote a member with nofailover, in any spelling: true, 1, the text \"false\" (any text that is not empty counts as true), and since 3.2.0 a failover_priority of 0 or less.",
	Source:      "patroni/tags.py nofailover; patroni/ctl.py reads the tags in the DCS, patroni/ha.py failover_limitation those in the REST answer",
	Fix:         "Remove the tag from that node's patroni.yml and reload Patroni there, or choose another candidate.",
	Proof:       "docs/accuracy.md: \"candidate tagged nofailover\", \"candidate tagged nofailover: \"false\"\", \"candidate with failover_priority 0\", \"bystander tagged nofailover\"; TestNofailover.",
	Kind:        PatroniRule,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"candidate.rest", "identity.rest_name"},
	Needs:       []Need{keyTags, restTags},
	Run:         runNofailover,
}

var candidateWatchdog = Check{
	ID:          "candidate.watchdog",
	Title:       "the candidate's watchdog is usable",
	Since:       "0.1.0",
	Why:         "Where watchdog.mode is required and the device cannot be used, Patroni does not promote the member.",
	Source:      "watchdog_failed in GET /patroni; patroni/ha.py failover_limitation: 412 \"no good candidates have been found\"",
	Fix:         "Give Patroni access to the watchdog device on that node.",
	Proof:       "TestBreakages; failover_limitation in patroni/ha.py, which e2e/oracle_test.go runs.",
	Kind:        PatroniRule,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"candidate.rest", "identity.rest_name"},
	Needs:       []Need{restWatchdog},
	Run: func(s *Snapshot, _ Question, m string) []Finding {
		if !restWatchdog.get(s, m) {
			return evidence(s.askedREST(m), "no watchdog_failed")
		}
		return []Finding{{
			Asked: s.askedREST(m), Observed: "watchdog_failed: the watchdog is required and cannot be used",
			Effect: "Patroni counts the member as unfit: 412 \"no good candidates have been found\".",
			Remedy: "On " + m + ": modprobe softdog (or the hardware's module), and see that the user of Patroni may write the device (watchdog.device in patroni.yml).",
		}}
	},
}

var candidateSync = Check{
	ID:          "candidate.sync",
	Title:       "the candidate is synchronous where that is asked for",
	Since:       "0.1.0",
	Why:         "In synchronous mode only a member in /sync may take over.",
	Source:      "patroni/api.py do_POST_failover (412 \"candidate name does not match with sync_standby\"); patroni/ha.py is_failover_possible, get_failover_candidates",
	Fix:         "Choose a member that patronictl list shows as Sync Standby or Quorum Standby.",
	Proof:       "docs/accuracy.md: \"synchronous mode, candidate is the synchronous standby\", \"synchronous mode, candidate is not the synchronous standby\", \"quorum mode, candidate is a quorum standby\", \"quorum mode, candidate tagged nosync\"; e2e/oracle_test.go for the releases between.",
	Kind:        PatroniRule,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []Need{syncMode, standbyCluster, syncState, keyVersion.onLeader()},
	Run:         runSync,
}

var candidateStreaming = Check{
	ID:        "candidate.streaming",
	Title:     "the candidate is streaming from this cluster",
	Since:     "0.1.0",
	Why:       "Patroni accepts a candidate that is not streaming as long as it is less than maximum_lag_on_failover behind. The leader's last WAL then never reaches it: committed rows are lost.",
	Source:    "pg_stat_wal_receiver on the candidate, pg_stat_replication on the leader or on the member that it cascades from; patroni/ha.py manual_failover_process_no_leader has no test of it; measured: 1000 committed rows lost",
	Fix:       "See the candidate's PostgreSQL log for why it does not connect to the leader.",
	Proof:     "docs/accuracy.md: \"candidate not streaming, less than 1 MiB behind\", \"candidate tagged nostream\": 1000 committed rows lost on each of three releases.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader"},
	Needs:     []Need{walReceiver, receiverStatus, walSenders.onLeader(), upstream},
	Run:       runStreaming,
}

var candidateTimeline = Check{
	ID:        "candidate.timeline",
	Title:     "the candidate is on the leader's timeline",
	Since:     "0.1.0",
	Why:       "Patroni compares timelines only where check_timeline is on, which it is not by default. A candidate on an older timeline is promoted from there: what was committed since is lost, and the timeline number is used a second time.",
	Source:    "pg_walfile_name on the leader, pg_stat_wal_receiver.received_tli on the candidate, timeline in GET /patroni; patroni/ha.py is_failover_possible; measured",
	Fix:       "patronictl reinit that member, or let pg_rewind bring it onto the leader's timeline.",
	Proof:     "docs/accuracy.md: \"candidate on an older timeline\", \"check_timeline on, candidate on an older timeline\": 1000 committed rows lost, and a timeline number used twice.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader", "candidate.rest"},
	Needs:     []Need{walReceiver, standbyTimeline, sqlTimeline.onLeader(), checkTimeline, history},
	Run:       runTimeline,
}

var candidateAhead = Check{
	ID:        "candidate.ahead",
	Title:     "the candidate holds no WAL that the leader never had",
	Since:     "0.1.0",
	Why:       "A candidate ahead of the leader has diverged. Patroni sees a negative lag and accepts it; patronictl list shows 0. What the leader committed since is lost.",
	Source:    "max of pg_last_wal_receive_lsn() and pg_last_wal_replay_lsn() on the candidate, against pg_current_wal_flush_lsn() on the leader, sampled after it",
	Fix:       "patronictl reinit that member.",
	Proof:     "TestBreakages, to the byte; measured: Patroni accepts the lag below zero, and patronictl list shows 0.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader", "identity.sql_role"},
	Needs:     []Need{sqlReceived, leaderAfter},
	Run:       runAhead,
}

func runCandidate(s *Snapshot, q Question, _ string) []Finding {
	c, leader := q.Candidate, leaderKey.get(s, "")
	asked := s.key("/members/")
	if c == "" {
		return runNobodyNamed(s, q, asked)
	}
	_, isMember := s.Member(c)
	switch {
	case c == leader:
		return []Finding{{
			Asked: s.key("/leader"), Observed: c, Expected: "another member than the candidate",
			Effect: fmt.Sprintf("patronictl says \"Member %s is already the leader of cluster %s\".", c, s.Target.Scope),
			Remedy: "Nothing to do, or another candidate: " + names(s.replicas()) + ".",
		}}
	case !isMember:
		return []Finding{{
			Asked: asked, Observed: "no member " + c, Expected: "one of " + names(s.replicas()),
			Effect: fmt.Sprintf("patronictl says \"Member %s does not exist in cluster %s or is tagged as nofailover\".", c, s.Target.Scope),
			Remedy: "Use a member's exact name: " + names(s.replicas()) + ".",
		}}
	}
	return evidence(asked+c, "a member")
}

// runNobodyNamed says among whom Patroni may choose.
func runNobodyNamed(s *Snapshot, q Question, asked string) []Finding {
	var aside []string
	for _, m := range s.replicas() {
		if why := s.keptAside(m); why != "" {
			aside = append(aside, m+": "+why)
		}
	}
	left := ""
	if aside != nil {
		left = " (" + strings.Join(aside, "; ") + ")"
	}
	if eligible := s.eligible(); len(eligible) > 0 {
		return evidence(asked, "Patroni may choose among %s%s", names(eligible), left)
	}
	f := Finding{
		Asked: asked, Observed: "no member that may be promoted" + left, Expected: "at least one besides the leader",
		Effect: "patronictl says \"No candidates found to switchover to\".",
		Remedy: "Start a replica without the nofailover tag.",
	}
	if p := PredictFor(s, q); p.Stage != StageCtl {
		f.Effect = "Nobody could take over."
		f.Remedy = "Bring one of them back first: patronictl list, and the Patroni log there."
		if p.Printed != "" {
			f.Effect = fmt.Sprintf("Nobody could take over; patronictl prints %q.", p.Printed)
		}
	}
	return []Finding{f}
}

// replicas are all members but the leader.
func (s *Snapshot) replicas() []string {
	var names []string
	for _, m := range s.Members {
		if m.Name != s.Leader() {
			names = append(names, m.Name)
		}
	}
	return names
}

func runNofailover(s *Snapshot, _ Question, m string) []Finding {
	version := keyVersion.of(s, s.Leader()).orZero()
	for _, t := range []struct {
		asked string
		tags  Tags
	}{{s.key("/members/" + m), keyTags.get(s, m)}, {s.askedREST(m), restTags.get(s, m)}} {
		no, how := nofailover(t.tags, version)
		if !no {
			continue
		}
		effect := "patronictl does not offer the member, and the leader refuses it: 412 \"no good candidates have been found\"."
		if strings.Contains(how, `"`) {
			effect = "Any text that is not empty counts as true, \"false\" too. " + effect
		}
		return []Finding{{
			Asked: t.asked, Observed: "tag " + how, Expected: "no tag that forbids promotion",
			Effect: effect,
			Remedy: fmt.Sprintf("Take the tag out of patroni.yml of %s, then: patronictl reload %s %s; or choose another candidate.", m, s.Target.Scope, m),
		}}
	}
	return evidence(s.key("/members/"+m), "no such tag, nor in the REST answer")
}

// syncActive is the synchronous mode as the leader's version understands it:
// "off", "on" or "quorum".
func syncActive(s *Snapshot) string {
	mode := syncMode.of(s, "").orZero()
	version := keyVersion.of(s, s.Leader()).orZero()
	switch {
	case standbyCluster.of(s, "").orZero() && !olderThan(version, 3, 2, 0):
		return "off" // ignored in standby clusters since 3.2.0
	case mode == "quorum" && olderThan(version, 4, 0, 0):
		return "off" // no boolean, so off, before there was such a mode
	}
	return mode
}

// inSync reports whether a member is in /sync: exactly before 3.0.3, without
// regard to case since (patroni/dcs/__init__.py, SyncState.matches).
func inSync(state Sync, m, version string) bool {
	return slices.ContainsFunc(state.Standbys, func(n string) bool {
		return n == m || (!olderThan(version, 3, 0, 3) && strings.EqualFold(n, m))
	})
}

func runSync(s *Snapshot, q Question, m string) []Finding {
	mode, state, version := syncActive(s), syncState.get(s, m), keyVersion.of(s, s.Leader()).Must()
	asked := s.key("/sync")
	remedy := "Choose one of " + names(state.Standbys) + ", or wait until " + m + " is synchronous (patronictl list)."
	if len(state.Standbys) == 0 {
		remedy = "Wait until a member is synchronous (patronictl list), or see why none becomes so."
	}
	observed := fmt.Sprintf("synchronous mode is %s, and the standbys are: %s", mode, names(state.Standbys))
	if nosync(keyTags.of(s, m).orZero(), version) {
		observed += "; " + m + " is tagged nosync"
		remedy = fmt.Sprintf("Take nosync out of patroni.yml of %s, then: patronictl reload %s %s; or choose a synchronous standby.", m, s.Target.Scope, m)
	}
	if standbyCluster.of(s, m).orZero() {
		observed = "this is a standby cluster, and " + observed
		remedy = fmt.Sprintf("A standby cluster has none, and Patroni before 3.2.0 wants one all the same: patronictl edit-config %s -s synchronous_mode=false", s.Target.Scope)
	}
	switch {
	case mode == "off":
		return evidence(asked, "synchronous mode is off")
	case mode == "quorum" && strings.HasPrefix(version, "4.0.5") && state.Quorum > 0:
		return []Finding{{
			Severity: whereNamed(q), Asked: asked, Observed: fmt.Sprintf("quorum is %d, and the leader runs Patroni 4.0.5", state.Quorum),
			Effect: "4.0.5 refuses every named candidate in quorum mode: 503 \"Switchover failed\" (mended in 4.0.6).",
			Remedy: "Update Patroni on the leader to 4.0.6 or later first.",
		}}
	case inSync(state, m, version):
		return evidence(asked, "%s is among the standbys", m)
	case mode == "quorum" && olderThan(version, 4, 0, 5):
		return []Finding{{
			Asked: asked, Observed: observed, Expected: m + " among them",
			Effect: "Patroni " + version + " demotes the leader all the same, then " + m + " does not take the key: no primary.",
			Remedy: remedy,
		}}
	case mode == "quorum":
		return []Finding{{Asked: asked, Observed: observed, Expected: m + " among them", Effect: "The leader refuses: 503 \"Switchover failed\".", Remedy: remedy}}
	case q.Candidate == "" && len(state.Standbys) > 0 && !s.outOfSync(m): // before 2.1.5 it races all the same
		return []Finding{{
			Kind: Policy, Asked: asked, Observed: observed, Expected: m + " among them",
			Effect: "Where nobody is named, members of Patroni before 2.1.5 take the leader key whether they are synchronous or not: what only the synchronous standby has would be lost.",
			Remedy: "Name one of " + names(state.Standbys) + ".",
		}}
	}
	refusal := "candidate name does not match with sync_standby"
	if q.Candidate == "" && len(state.Standbys) == 0 {
		refusal = "switchover is not possible: can not find sync_standby"
	}
	return []Finding{{
		Asked: asked, Observed: observed, Expected: m + " among them",
		Effect: "Patroni refuses: 412 \"" + refusal + "\".", Remedy: remedy,
	}}
}

// whereNamed is the severity of what stands against a member only where it is named.
func whereNamed(q Question) Severity {
	if q.Candidate == "" {
		return Warning
	}
	return Blocker
}

func runAhead(s *Snapshot, _ Question, m string) []Finding {
	have, leader := sqlReceived.get(s, m), leaderAfter.get(s, m)
	if leader == noLimit {
		return evidence(s.askedSQL(s.Leader(), "pg_is_in_recovery()"), "the leader follows another cluster and writes nothing of its own")
	}
	asked := fmt.Sprintf("WAL position of %s (%s) against the leader's live one (%s), sampled after it", m, have, leader)
	if have <= leader {
		return evidence(asked, "not ahead")
	}
	return []Finding{Finding{
		Asked: asked, Observed: fmt.Sprintf("%d bytes ahead of the leader", have.Minus(leader)), Expected: "not ahead",
		Effect: fmt.Sprintf("%s has diverged. Patroni takes this for a lag below zero and accepts it; what %s committed since would be lost.", m, s.Leader()),
		Remedy: fmt.Sprintf("patronictl reinit %s %s", s.Target.Scope, m),
	}.bytesOf(have.Minus(leader), 0)}
}
