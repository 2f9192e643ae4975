package preflight

import "time"

var restartCases = map[string][]breakage{
	"restart.scheduled": {
		{"of the candidate, soon", "node2", func(s *Recording) { s.member("node2").Key.Value.ScheduledRestart = Known(in(s, 5*time.Minute)) }, Fail, ""},
		{"of the leader, soon", "node1", func(s *Recording) { s.member("node1").Key.Value.ScheduledRestart = Known(in(s, 5*time.Minute)) }, Fail, ""},
		{"later", "node2", func(s *Recording) { s.member("node2").Key.Value.ScheduledRestart = Known(in(s, time.Hour)) }, Fail, Warning},
		{"when a switchover is scheduled", "node2", func(s *Recording) {
			schedule(s, in(s, time.Hour))
			s.member("node2").Key.Value.ScheduledRestart = Known(in(s, 65*time.Minute))
		}, Fail, ""},
		{"garbled", "node2", func(s *Recording) { s.member("node2").Key.Value.ScheduledRestart = unknown[string]() }, Undecided, ""},
	},
}
