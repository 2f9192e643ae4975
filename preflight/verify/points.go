package verify

import (
	"fmt"
	"slices"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

const outcomeProof = "TestVerify; TestVerifyRecordedSwitchover replays a real switchover; TestWrapper in e2e/ has " +
	"real ones " +
	"that end otherwise."

var outcomeLeader = outcomeCheck{check.Check{
	ID:    "outcome.leader",
	Title: "the candidate holds the leader key",
	Why: "Patroni may promote another member than the candidate if the candidate fails while the leader stops. " +
		"patronictl prints the new leader, and exits with 0.",
	Source: "patroni/api.py, poll_failover_result; patroni/ctl.py, _do_failover_or_switchover",
	Fix: "Search Patroni's log on the candidate for the reason why it did not take the leader key. " +
		"Check again before the next attempt.",
	Proof:     outcomeProof,
	Since:     "0.2.0",
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfOutcome,
	Needs:     []fact.Need{fact.LeaderKey},
}, judgeLeader}

func judgeLeader(b Baseline, after *fact.Snapshot, _ string) answer {
	a := answer{asked: after.KeyName("/leader"), expected: b.Candidate}
	if b.Candidate == "" {
		a.title, a.expected = "another member holds the leader key", "another than "+b.Leader
	}
	held := fact.LeaderKey.Of(after, "")
	name, ok := held.Get()
	switch {
	case !ok:
		return a.unknown(held.Reason(), "which member leads")
	case name == "":
		a.look = `Patroni's log on each member: "promoted self to leader by acquiring session lock", or why not`
		return a.failed("no such key", "no member holds the leader key")
	case b.Candidate != "" && name != b.Candidate, name == b.Leader:
		a.look = fmt.Sprintf(`Patroni's log on %s for the time of the request: "manual failover" and the lines after it`,
			b.Leader)
		if b.Candidate != "" && name != b.Leader {
			a.look = fmt.Sprintf(`Patroni's log on %s: "received switchover request" with another candidate than %s, from `+
				`another operator or program; on %s: why it did not take the key`, b.Leader, b.Candidate, b.Candidate)
		}
		if b.Candidate == "" {
			return a.failed(name, name+" still leads")
		}
		return a.failed(name, name+" leads, not "+b.Candidate)
	}
	return a.passed(name, name+" holds the leader key")
}

var outcomePrimary = outcomeCheck{
	check.Check{
		ID:    "outcome.primary",
		Title: "the new leader is the primary",
		Why: "A member takes the leader key before PostgreSQL has finished its promotion. Until then no member takes " +
			"writes. " +
			"Another system identifier means that the address leads to another cluster. " +
			"In a standby cluster the leader stays in recovery.",
		Source: "patroni/ha.py, enforce_primary_role; PostgreSQL: pg_is_in_recovery(), pg_control_system()",
		Fix: "Search PostgreSQL's log on the new leader for \"database system is ready to accept connections\", " +
			"and Patroni's for \"waiting to become primary after promote\".",
		Proof:     outcomeProof,
		Since:     "0.2.0",
		Kind:      check.Policy,
		Severity:  check.Blocker,
		Essential: true,
		Of:        check.OfOutcome,
		Needs:     []fact.Need{fact.SQLInRecovery, fact.SQLSystemID},
	},
	judgePrimary,
}

func judgePrimary(b Baseline, after *fact.Snapshot, n string) answer {
	a := answer{
		asked:    after.SQLQuery(n, "pg_is_in_recovery()"),
		expected: "false",
		look: fmt.Sprintf(`PostgreSQL's log on %s: "database system is ready to accept connections"; `+
			`Patroni's: "waiting to become primary after promote"`, n),
	}
	role, otherwise := "the primary", "still in recovery"
	if b.standby() {
		a.title, a.expected = "the leader is a standby leader", "true"
		role, otherwise = "the standby leader", "a primary, although the cluster is a standby cluster"
	}
	recovers := fact.SQLInRecovery.Of(after, n)
	id := fact.SQLSystemID.Of(after, n)
	question := "whether " + n + " is " + role
	switch {
	case !recovers.Known():
		return a.unknown(recovers.Reason(), question)
	case fmt.Sprint(*recovers.Value) != a.expected:
		return a.failed(fmt.Sprint(*recovers.Value), n+" is "+otherwise)
	case b.SystemID == nil:
		return a.unknown("the system identifier was not read before the switchover", question)
	case !id.Known():
		return a.unknown("the system identifier could not be read: "+id.Reason(), question)
	case *id.Value != *b.SystemID:
		a.expected = *b.SystemID
		return a.failed("the server of another cluster answers, system identifier "+*id.Value,
			fmt.Sprintf("the server of another cluster answers for %s (system identifier %s, expected %s)",
				n, *id.Value, *b.SystemID))
	}
	observed := fmt.Sprint(*recovers.Value)
	return a.passed(observed, fmt.Sprintf("%s is %s (pg_is_in_recovery() = %s)", n, role, observed))
}

var outcomeTimeline = outcomeCheck{check.Check{
	ID:    "outcome.timeline",
	Title: "the timeline grew by one",
	Why: "Each promotion begins a timeline. If it grew by more than one, another member was promoted in between; " +
		"if it is unchanged, no member was promoted. A standby cluster keeps its timeline.",
	Source: "PostgreSQL: pg_control_checkpoint(), pg_walfile_name(); the key /history of Patroni",
	Fix: "Compare the promotions that Patroni recorded with PostgreSQL's logs on the members:\n" +
		"patronictl history",
	Proof:     outcomeProof,
	Since:     "0.2.0",
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfOutcome,
	Needs:     []fact.Need{fact.SQLTimeline},
}, judgeTimeline}

func judgeTimeline(b Baseline, after *fact.Snapshot, n string) answer {
	a := answer{
		asked: after.SQLQuery(n, "the timeline"),
		look:  "/history, and PostgreSQL's log on each member: whether there was another promotion, or none",
	}
	question := "whether the timeline grew by one"
	if b.standby() {
		question = "whether the timeline is unchanged"
	}
	if b.Timeline == nil {
		return a.unknown("the timeline was not read before the switchover", question)
	}
	want := *b.Timeline + 1
	if b.standby() {
		a.title = "the timeline is unchanged, since no member of a standby cluster is promoted"
		want = *b.Timeline
	}
	a.expected = fmt.Sprint(want)
	now := fact.SQLTimeline.Of(after, n)
	switch {
	case !now.Known():
		return a.unknown(now.Reason(), question)
	case *now.Value != want:
		return a.failed(fmt.Sprint(*now.Value), fmt.Sprintf("%s is on timeline %d, expected %d", n, *now.Value, want))
	case b.standby():
		return a.passed(a.expected, fmt.Sprintf("%s is still on timeline %d", n, want))
	}
	return a.passed(a.expected, fmt.Sprintf("%s is on timeline %d, the one after timeline %d", n, want, *b.Timeline))
}

var outcomeWAL = outcomeCheck{check.Check{
	ID:    "outcome.wal",
	Title: "the new timeline has all WAL of the old leader",
	Why: "If the new timeline branched off before a position that the old leader had already flushed, commits after " +
		"that position are lost. WAL that the old leader wrote after the last snapshot before the switchover is not covered.",
	Source: "the key /history of Patroni; PostgreSQL: pg_current_wal_flush_lsn(), timeline history files",
	Fix: "Keep the data directory of the old leader before Patroni rewinds or rebuilds it. " +
		"Search Patroni's log there for \"running pg_rewind\".",
	Proof:     outcomeProof,
	Since:     "0.2.0",
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfOutcome,
	Needs:     []fact.Need{fact.History},
}, judgeWAL}

func judgeWAL(b Baseline, after *fact.Snapshot, _ string) answer {
	a := answer{
		asked: after.KeyName("/history"),
		look: fmt.Sprintf(`Patroni's log on %s: "running pg_rewind" means that it had WAL which %s lacked`,
			b.Leader, after.Leader()),
	}
	question := "whether the new timeline has all WAL of " + b.Leader
	flushed, ok := b.flush()
	switch {
	case b.standby():
		const says = "no member of a standby cluster is promoted"
		return a.passed(says, says+", so no WAL can be lost")
	case !ok || b.Timeline == nil:
		return a.unknown("the WAL position or the timeline of the old leader was not read before the switchover", question)
	}
	a.expected = fmt.Sprintf("timeline %d ended at %s or later", *b.Timeline, flushed)
	lines := fact.History.Of(after, "")
	all, ok := lines.Get()
	at := slices.IndexFunc(all, func(h fact.HistoryEntry) bool { return h.Timeline == *b.Timeline })
	switch {
	case !ok:
		return a.unknown(lines.Reason(), question)
	case at < 0:
		return a.unknown(fmt.Sprintf("no line for timeline %d yet", *b.Timeline), question)
	}
	end := fmt.Sprintf("timeline %d ended at %s", *b.Timeline, all[at].SwitchLSN)
	if all[at].SwitchLSN < flushed {
		lost := fmt.Sprintf("%s of WAL that %s had flushed are lost",
			fact.Size(flushed.Minus(all[at].SwitchLSN)), b.Leader)
		return a.failed(end+": "+lost, lost)
	}
	return a.passed(end, fmt.Sprintf("the new timeline has all WAL of %s (%s)", b.Leader, end))
}

var outcomeFollows = outcomeCheck{check.Check{
	ID:    "outcome.follows",
	Title: "the member streams on the new timeline",
	Why: "The old leader, and each member that streamed before the switchover, has to follow the new leader. " +
		"A member that does not lacks every commit from then on, and cannot take over if the new leader fails.",
	Source: "PostgreSQL: pg_stat_replication, pg_stat_wal_receiver; patroni/ha.py, follow",
	Fix: "Search PostgreSQL's log on that member for the reason why it does not connect, and Patroni's for pg_rewind. " +
		"If it has diverged, rebuild it:\npatronictl reinit SCOPE MEMBER",
	Proof:     outcomeProof,
	Since:     "0.2.0",
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfOutcome,
	Needs:     []fact.Need{fact.WALSenders, fact.StandbyTimeline, fact.SQLTimeline},
}, judgeFollows}

// followersUnknown is the answer where the baseline does not have the members that
// streamed.
func followersUnknown(Baseline, *fact.Snapshot, string) answer {
	a := answer{title: "each member that streamed before streams", asked: "the followers in the baseline"}
	return a.unknown("which members streamed was not seen before the switchover",
		"whether each member that streamed before streams")
}

func judgeFollows(b Baseline, after *fact.Snapshot, m string) answer {
	n := after.Leader()
	a := answer{
		asked:    after.SQLQuery(n, "pg_stat_replication"),
		expected: "streaming",
		look: fmt.Sprintf(`Patroni's log on %s: pg_rewind, "following a different leader"; PostgreSQL's log there: `+
			`"could not connect", "no pg_hba.conf entry", "requested WAL segment has already been removed"`, m),
	}
	if m == b.Leader {
		a.title = "the old leader streams on the new timeline"
	}
	from := streamsFrom(after, m)
	mine, theirs := fact.StandbyTimeline.Of(after, m), fact.SQLTimeline.Of(after, n)
	senders := fact.WALSenders.Of(after, n)
	streams := "it streams from " + from
	switch {
	case fact.Equal(fact.SQLInRecovery.Of(after, m), false) && m != n:
		a.asked, a.expected = after.SQLQuery(m, "pg_is_in_recovery()"), "true"
		return a.failed("false, so it is a primary too", m+" is a primary too")
	case from == "" && !senders.Known():
		return a.unknown(senders.Reason(), "whether "+m+" streams")
	case from == "":
		patroni := patroniSays(after, m)
		return a.failed("no row in state streaming; "+patroni, m+" does not stream from any member; "+patroni)
	case m == b.Leader && from != n && !hasUpstream(after, m):
		a.expected = "streaming from " + n
		return a.failed(streams, fmt.Sprintf("%s streams from %s, not from %s", m, from, n))
	case !mine.Known() || !theirs.Known():
		return a.unknown(streams+"; its timeline or the leader's could not be read: "+mine.Reason()+theirs.Reason(),
			"whether "+m+" is on the new timeline")
	}
	streams += fmt.Sprintf(" on timeline %d", *mine.Value)
	if *mine.Value != *theirs.Value {
		a.expected = fmt.Sprintf("timeline %d", *theirs.Value)
		return a.failed(streams, fmt.Sprintf("%s streams from %s on timeline %d, expected timeline %d",
			m, from, *mine.Value, *theirs.Value))
	}
	return a.passed(streams, fmt.Sprintf("%s streams from %s on timeline %d", m, from, *mine.Value))
}

// hasUpstream reports whether a tag has the member follow another than the leader.
func hasUpstream(s *fact.Snapshot, m string) bool {
	return fact.KeyTags.Of(s, m).Is(func(t fact.Tags) bool { return t["replicatefrom"] != nil })
}

// patroniSays is the state of PostgreSQL by the Patroni of a member that does not stream.
func patroniSays(s *fact.Snapshot, m string) string {
	state := fact.RESTState.Of(s, m)
	if !state.Known() {
		return "its Patroni does not answer: " + state.Reason()
	}
	return fmt.Sprintf("its Patroni says %q", *state.Value)
}

var outcomeSlots = outcomeCheck{check.Check{
	ID:    "outcome.slots",
	Title: "all replication slots survived the switchover",
	Why: "A consumer whose slot is missing on the new leader, or has lost its WAL, misses changes or stops. " +
		"Expected are logical slots, slots that /config declares, and slots of members; " +
		"the slot of the new leader itself is not needed any more.",
	Source: "PostgreSQL: pg_replication_slots; patroni/postgresql/slots.py",
	Fix: "Declare the slot so that Patroni keeps it on every member, then set up its consumer again:\n" +
		"patronictl edit-config SCOPE",
	Proof:     outcomeProof,
	Since:     "0.2.0",
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfOutcome,
	Needs:     []fact.Need{fact.SQLSlots},
}, judgeSlots}

func judgeSlots(b Baseline, after *fact.Snapshot, n string) answer {
	a := answer{
		asked: after.SQLQuery(n, "pg_replication_slots"),
		look:  fmt.Sprintf(`Patroni's log on %s: "slot"; and slots in patronictl show-config`, n),
	}
	const question = "whether all replication slots survived the switchover"
	slots := fact.SQLSlots.Of(after, n)
	now, ok := slots.Get()
	switch {
	case b.Slots == nil:
		return a.unknown("the slots were not read before the switchover", question)
	case !ok:
		return a.unknown(slots.Reason(), question)
	}
	var gone []string
	kept := 0
	for _, want := range b.Slots {
		slot, ok := fact.SlotNamed(now, want.Name)
		switch {
		case want.Name == fact.SlotNameOf(n):
		case ok && slot.Type == want.Type && slot.Invalid == "" && !fact.Equal(slot.WALStatus, "lost"):
			kept++
		default:
			gone = append(gone, fmt.Sprintf("%s (%s)", want.Name, want.Type))
		}
	}
	if len(gone) > 0 {
		a.expected = fmt.Sprintf("%d slots", kept+len(gone))
		observed := "missing or lost: " + fact.Names(gone)
		return a.failed(observed, "replication slots on "+n+" are "+observed)
	}
	switch kept {
	case 0:
		return a.passed("all 0", "there was no replication slot that must survive")
	case 1:
		return a.passed("all 1", n+" has the one replication slot that must survive")
	}
	return a.passed(fmt.Sprintf("all %d", kept), fmt.Sprintf("%s has all %d replication slots that must survive", n, kept))
}

// standby reports whether the cluster is known to follow another one.
func (b Baseline) standby() bool { return b.StandbyCluster != nil && *b.StandbyCluster }

// toFollow are the members that must stream once n leads: the old leader, and the
// members that streamed before.
func (b Baseline) toFollow(n string) []string {
	out := []string{b.Leader}
	for _, m := range b.Followers {
		if m != n {
			out = append(out, m)
		}
	}
	return out
}
