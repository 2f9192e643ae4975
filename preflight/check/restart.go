package check

import (
	"fmt"
	"time"

	"patroni-preflight/preflight/fact"
)

var restartScheduled = Check{
	ID:    "restart.scheduled",
	Title: "no restart of the leader or candidate is due soon",
	Since: "0.2.0",
	Why: "Patroni restarts PostgreSQL at the scheduled time, whichever member leads then: the new leader would go " +
		"down right after the switchover.",
	Source:   "scheduled_restart in the member key; patroni/ha.py evaluate_scheduled_restart",
	Fix:      "Cancel the restart: patronictl flush CLUSTER MEMBER restart",
	Proof:    "docs/accuracy.md: \"a restart of the candidate is due in five minutes\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfMembers,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{keyScheduledRestart},
	Run:      runRestart,
}

var keyScheduledRestart = fact.OfKey(
	"scheduled_restart in the member key",
	func(k fact.MemberKey) fact.Observed[string] { return k.ScheduledRestart },
)

// restartWithin is how close to the switchover a restart does harm.
const restartWithin = 10 * time.Minute

func runRestart(s *fact.Snapshot, q fact.Question, m string) []Finding {
	text := keyScheduledRestart.Get(s, m)
	asked := s.KeyName("/members/" + m)
	if text == "" {
		return Witnessed(asked, "no scheduled_restart")
	}
	f := Finding{
		Asked: asked, Observed: "a restart is scheduled for " + text,
		Effect: fmt.Sprintf("%s restarts then, whether it leads or not.", m),
		Remedy: fmt.Sprintf("patronictl flush %s %s restart", s.Target.Scope, m),
	}
	begin := s.TakenAt
	if at, _, ok := parseSchedule(q.ScheduledAt); ok && q.Scheduled() {
		begin = at
	}
	at, _, ok := parseSchedule(text)
	if ok && (at.After(begin.Add(restartWithin)) || at.Before(s.TakenAt.Add(-time.Minute))) {
		f.Severity = Warning
	}
	return []Finding{f}
}
