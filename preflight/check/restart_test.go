package check_test

import (
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var restartCases = map[string][]breakage{
	"restart.scheduled": {
		{"of the candidate, soon", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.ScheduledRestart = fact.Known(facttest.TimeIn(s, 5*time.Minute))
		}, check.Fail, ""},
		{"of the leader, soon", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Key.Value.ScheduledRestart = fact.Known(facttest.TimeIn(s, 5*time.Minute))
		}, check.Fail, ""},
		{"later", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.ScheduledRestart = fact.Known(facttest.TimeIn(s, time.Hour))
		}, check.Fail, check.Warning},
		{"when a switchover is scheduled", "node2", func(s *fact.Recording) {
			facttest.Schedule(s, facttest.TimeIn(s, time.Hour))
			facttest.Member(s.Snapshot, "node2").Key.Value.ScheduledRestart = fact.Known(facttest.TimeIn(s, 65*time.Minute))
		}, check.Fail, ""},
		{"garbled", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.ScheduledRestart = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
}
