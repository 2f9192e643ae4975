package verify

import (
	"fmt"
	"slices"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

func pointLeader(b Baseline, after *fact.Snapshot) Point {
	p := Point{ID: "outcome.leader", Title: "the candidate holds the leader key", Asked: after.KeyName("/leader"), Expected: b.Candidate}
	if b.Candidate == "" {
		p.Title, p.Expected = "another member holds the leader key", "another than "+b.Leader
	}
	held := fact.LeaderKey.Of(after, "")
	name, ok := held.Get()
	switch {
	case !ok:
		p.Status, p.Observed = check.Undecided, held.Reason()
	case name == "":
		p.Status, p.Observed = check.Fail, "no such key: nobody leads"
		p.Look = `Patroni's log on each member: "promoted self to leader by acquiring session lock", or why not`
	case b.Candidate != "" && name != b.Candidate, name == b.Leader:
		p.Status, p.Observed = check.Fail, name
		p.Look = fmt.Sprintf(`Patroni's log on %s for the time of the request: "manual failover" and what follows`, b.Leader)
		if b.Candidate != "" && name != b.Leader {
			p.Look = fmt.Sprintf(`Patroni's log on %s: why it did not take the key; on %s: "promoted self to leader"`, b.Candidate, name)
		}
	default:
		p.Status, p.Observed = check.Pass, name
	}
	return p
}

func pointPrimary(b Baseline, after *fact.Snapshot) Point {
	n := after.Leader()
	p := Point{
		ID: "outcome.primary", Title: "the leader is out of recovery", Subject: n,
		Asked: after.SQLQuery(n, "pg_is_in_recovery()"), Expected: "false",
		Look: fmt.Sprintf(`PostgreSQL's log on %s: "database system is ready to accept connections"; Patroni's: "waiting to become primary after promote"`, n),
	}
	if b.standby() {
		p.Title, p.Expected = "the leader is a standby leader", "true"
	}
	recovers := fact.SQLInRecovery.Of(after, n)
	id := fact.SQLSystemID.Of(after, n)
	switch {
	case !recovers.Known():
		p.Status, p.Observed = check.Undecided, recovers.Reason()
	case fmt.Sprint(*recovers.Value) != p.Expected:
		p.Status, p.Observed = check.Fail, fmt.Sprint(*recovers.Value)
	case b.SystemID == nil || !id.Known():
		p.Status, p.Observed = check.Undecided, "the system identifier was not seen before and after: "+id.Reason()
	case *id.Value != *b.SystemID:
		p.Status, p.Observed, p.Expected = check.Fail, "the server of another cluster answers, system identifier "+*id.Value, *b.SystemID
	default:
		p.Status, p.Observed, p.Look = check.Pass, fmt.Sprint(*recovers.Value), ""
	}
	return p
}

func pointTimeline(b Baseline, after *fact.Snapshot) Point {
	n := after.Leader()
	p := Point{
		ID: "outcome.timeline", Title: "the timeline grew by one", Subject: n, Asked: after.SQLQuery(n, "the timeline"),
		Look: "/history, and PostgreSQL's log on each member: a promotion more, or none",
	}
	if b.Timeline == nil {
		p.Status, p.Observed = check.Undecided, "the timeline before was not seen"
		return p
	}
	want := *b.Timeline + 1
	if b.standby() {
		p.Title, want = "the timeline is the same, as nobody is promoted in a standby cluster", *b.Timeline
	}
	p.Expected = fmt.Sprint(want)
	switch now := fact.SQLTimeline.Of(after, n); {
	case !now.Known():
		p.Status, p.Observed = check.Undecided, now.Reason()
	case *now.Value != want:
		p.Status, p.Observed = check.Fail, fmt.Sprint(*now.Value)
	default:
		p.Status, p.Observed, p.Look = check.Pass, fmt.Sprint(want), ""
	}
	return p
}

// pointWAL: the new timeline must not have branched before what the old leader is
// known to have had on disk. What it wrote after that look is not covered.
func pointWAL(b Baseline, after *fact.Snapshot) Point {
	p := Point{
		ID: "outcome.wal", Title: "the new timeline has all WAL of the old leader", Asked: after.KeyName("/history"),
		Look: fmt.Sprintf(`Patroni's log on %s: "running pg_rewind" means that it had WAL which %s lacked`, b.Leader, after.Leader()),
	}
	flushed, ok := b.flush()
	if b.standby() {
		p.Status, p.Observed, p.Look = check.Pass, "nobody is promoted in a standby cluster", ""
		return p
	}
	if !ok || b.Timeline == nil {
		p.Status, p.Observed = check.Undecided, "the old leader's WAL position or timeline was not seen before"
		return p
	}
	p.Expected = fmt.Sprintf("timeline %d ended at %s or later", *b.Timeline, flushed)
	lines := fact.History.Of(after, "")
	all, ok := lines.Get()
	at := slices.IndexFunc(all, func(h fact.HistoryEntry) bool { return h.Timeline == *b.Timeline })
	switch {
	case !ok:
		p.Status, p.Observed = check.Undecided, lines.Reason()
	case at < 0:
		p.Status, p.Observed = check.Undecided, fmt.Sprintf("no line for timeline %d yet", *b.Timeline)
	case all[at].SwitchLSN < flushed:
		p.Status = check.Fail
		p.Observed = fmt.Sprintf("timeline %d ended at %s: %s that %s had flushed are lost", *b.Timeline, all[at].SwitchLSN, fact.Size(flushed.Minus(all[at].SwitchLSN)), b.Leader)
	default:
		p.Status, p.Observed, p.Look = check.Pass, fmt.Sprintf("timeline %d ended at %s", *b.Timeline, all[at].SwitchLSN), ""
	}
	return p
}

func pointFollows(b Baseline, after *fact.Snapshot, m string) Point {
	n := after.Leader()
	p := Point{
		ID: "outcome.follows", Title: "the member streams on the new timeline", Subject: m,
		Asked: after.SQLQuery(n, "pg_stat_replication"), Expected: "streaming",
		Look: fmt.Sprintf(`Patroni's log on %s: pg_rewind, "following a different leader"; PostgreSQL's log there: "could not connect", "no pg_hba.conf entry", "requested WAL segment has already been removed"`, m),
	}
	if m == b.Leader {
		p.Title = "the old leader streams on the new timeline"
	}
	from := streamsFrom(after, m)
	mine, theirs := fact.StandbyTimeline.Of(after, m), fact.SQLTimeline.Of(after, n)
	senders := fact.WALSenders.Of(after, n)
	switch {
	case fact.Equal(fact.SQLInRecovery.Of(after, m), false) && m != n:
		p.Status, p.Asked, p.Observed, p.Expected = check.Fail, after.SQLQuery(m, "pg_is_in_recovery()"), "false: it is a primary too", "true"
	case from == "" && !senders.Known():
		p.Status, p.Observed = check.Undecided, senders.Reason()
	case from == "":
		p.Status, p.Observed = check.Fail, "no row that streams"+saidOf(after, m)
	case m == b.Leader && from != n && !hasUpstream(after, m):
		p.Status, p.Observed, p.Expected = check.Fail, "it streams from "+from, "streaming from "+n
	case !mine.Known() || !theirs.Known():
		p.Status, p.Observed = check.Undecided, "it streams from "+from+"; on which timeline was not seen: "+mine.Reason()+theirs.Reason()
	case *mine.Value != *theirs.Value:
		p.Status, p.Observed, p.Expected = check.Fail, fmt.Sprintf("it streams from %s on timeline %d", from, *mine.Value), fmt.Sprintf("timeline %d", *theirs.Value)
	default:
		p.Status, p.Observed, p.Look = check.Pass, fmt.Sprintf("it streams from %s on timeline %d", from, *mine.Value), ""
	}
	return p
}

// hasUpstream reports whether a member is told to follow another than the leader.
func hasUpstream(s *fact.Snapshot, m string) bool {
	return fact.KeyTags.Of(s, m).Is(func(t fact.Tags) bool { return t["replicatefrom"] != nil })
}

// saidOf is what a member's Patroni says of its PostgreSQL, for a member that
// does not stream.
func saidOf(s *fact.Snapshot, m string) string {
	if state, ok := fact.RESTState.Of(s, m).Get(); ok {
		return fmt.Sprintf("; its Patroni says %q", state)
	}
	return "; its Patroni does not answer: " + fact.RESTState.Of(s, m).Reason()
}

// pointSlots: the leader's own member slot takes the place of the candidate's.
func pointSlots(b Baseline, after *fact.Snapshot) Point {
	n := after.Leader()
	p := Point{
		ID: "outcome.slots", Title: "the slots that were there are there", Subject: n,
		Asked: after.SQLQuery(n, "pg_replication_slots"),
		Look:  fmt.Sprintf(`Patroni's log on %s: "slot"; and slots in patronictl show-config`, n),
	}
	now, ok := fact.SQLSlots.Of(after, n).Get()
	switch {
	case b.Slots == nil:
		p.Status, p.Observed = check.Undecided, "the slots before were not seen"
		return p
	case !ok:
		p.Status, p.Observed = check.Undecided, fact.SQLSlots.Of(after, n).Reason()
		return p
	}
	var gone []string
	there := 0
	for _, want := range b.Slots {
		slot, ok := fact.SlotNamed(now, want.Name)
		switch {
		case want.Name == fact.SlotNameOf(n):
		case ok && slot.Type == want.Type && slot.Invalid == "" && !fact.Equal(slot.WALStatus, "lost"):
			there++
		default:
			gone = append(gone, fmt.Sprintf("%s (%s)", want.Name, want.Type))
		}
	}
	if len(gone) > 0 {
		p.Status, p.Observed, p.Expected = check.Fail, "missing or lost: "+fact.Names(gone), fmt.Sprintf("%d slots", there+len(gone))
		return p
	}
	p.Status, p.Observed, p.Look = check.Pass, fmt.Sprintf("all %d", there), ""
	return p
}

// standby reports whether the cluster is known to follow another one.
func (b Baseline) standby() bool { return b.StandbyCluster != nil && *b.StandbyCluster }

// toFollow are the members that have to stream once n leads: the old leader, and
// who streamed before.
func (b Baseline) toFollow(n string) []string {
	out := []string{b.Leader}
	for _, m := range b.Followers {
		if m != n {
			out = append(out, m)
		}
	}
	return out
}
