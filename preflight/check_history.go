package preflight

import "fmt"

var dcsHistory = Check{
	ID:       "dcs.history",
	Title:    "/history ends where the leader's timeline began",
	Since:    "0.2.0",
	Why:      "Patroni takes the cluster's timeline from /history: check_timeline compares the members with it, and patronictl history shows it. The leader mends the key in its HA loop, so one that stays wrong tells that the loop does not come so far, or that the leader's history file is gone. At timeline 1 there is no such key.",
	Source:   "patroni/ha.py update_cluster_history; patroni/dcs/__init__.py TimelineHistory; pg_walfile_name() on the leader, or timeline in its REST answer",
	Fix:      "Wait for a loop of the leader, then see its Patroni log.",
	Proof:    "Cases, and docs/accuracy.md: \"the key /history is gone\": the switchover works without it.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []Need{history, leaderTimeline, standbyCluster, checkTimeline},
	Run:      runHistory,
}

// leaderTimeline is the timeline that the leader writes, by REST where there is no
// session.
var leaderTimeline = ofMember("timeline", func(m Member) Observed[int64] {
	if t := within(m.SQL, func(q SQL) Observed[int64] { return q.Timeline }); t.Known() {
		return t
	}
	return within(m.REST, func(r REST) Observed[int64] { return r.Timeline })
}).onLeader()

func runHistory(s *Snapshot, _ Question, _ string) []Finding {
	asked, timeline, lines := s.key("/history"), leaderTimeline.get(s, ""), history.get(s, "")
	if standbyCluster.get(s, "") {
		return evidence(asked, "not compared: in a standby cluster nobody writes it")
	}
	last, observed := int64(0), "no timeline"
	if n := len(lines); n > 0 {
		last = lines[n-1].Timeline
		observed = fmt.Sprintf("timeline %d was the last to end", last)
	}
	if last == timeline-1 {
		return evidence(asked, "%s, and %s is on timeline %d", observed, s.Leader(), timeline)
	}
	wait := fmt.Sprintf("Wait %d s and check again: the leader mends it. If it stays, see Patroni's log on %s", loopWait.of(s, "").orZero(), s.Leader())
	f := Finding{
		Asked: asked, Observed: observed, Expected: fmt.Sprintf("timeline %d, since %s is on timeline %d", timeline-1, s.Leader(), timeline),
		Effect: "patronictl history does not show how the cluster came here. A switchover works without that, as long as check_timeline is off.",
		Remedy: fmt.Sprintf("%s, and whether pg_wal has %08X.history there.", wait, timeline),
	}
	if timeline == 1 {
		f.Expected, f.Remedy = "none, since "+s.Leader()+" is on timeline 1", wait+"."
	}
	switch on := checkTimeline.get(s, ""); {
	case on && last < timeline:
		f.Effect = fmt.Sprintf("check_timeline compares with timeline %d, so it lets members pass that are on an older one than the leader.", last+1)
	case on:
		f.Effect = fmt.Sprintf("check_timeline compares with timeline %d, so it refuses members that are on the leader's.", last+1)
	}
	return []Finding{f}
}
