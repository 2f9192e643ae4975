package preflight

import "fmt"

var candidateReplayPaused = Check{
	ID:       "candidate.replay_paused",
	Title:    "replay is not paused on the candidate",
	Since:    "0.2.0",
	Why:      "Before PostgreSQL 13 a promotion waits for pg_wal_replay_resume(), which nobody calls: the candidate holds the leader key and takes no writes. PostgreSQL 13 and later end the pause with the promotion.",
	Source:   "pg_is_wal_replay_paused() on the candidate; PostgreSQL 13 release notes; patroni/patroni issue 1691. Patroni since 2.1.0 ends a pause by itself on PostgreSQL 14 and later, outside of maintenance mode",
	Fix:      "SELECT pg_wal_replay_resume() on the candidate.",
	Proof:    "docs/accuracy.md: \"replay paused with a backlog\" for PostgreSQL 17; earlier releases by cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{replayPaused, sqlVersion},
	Run:      runReplayPaused,
}

func runReplayPaused(s *Snapshot, _ Question, m string) []Finding {
	asked := s.askedSQL(m, "pg_is_wal_replay_paused()")
	if !replayPaused.get(s, m) {
		return evidence(asked, "false")
	}
	if s.follows() {
		return []Finding{{
			Asked: asked, Observed: "true", Expected: "false",
			Effect: fmt.Sprintf("Nobody is promoted in a standby cluster: %s would lead it and replay nothing.", m),
			Remedy: fmt.Sprintf("On %s: SELECT pg_wal_replay_resume();", m),
		}}
	}
	f := Finding{
		Asked: asked, Observed: "true, on " + release(sqlVersion.get(s, m)), Expected: "false",
		Effect: "The promotion ends the pause; whatever has not been replayed by then is replayed while there is no primary.",
		Remedy: fmt.Sprintf("On %s: SELECT pg_wal_replay_resume();", m),
	}
	if sqlVersion.get(s, m) < 130000 {
		f.Severity = Blocker
		f.Effect = fmt.Sprintf("PostgreSQL before 13 does not promote while replay is paused: %s would hold the leader key without being a primary, until somebody resumes it.", m)
	}
	return []Finding{f}
}
