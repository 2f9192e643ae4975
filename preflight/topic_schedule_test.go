package preflight

import "time"

var scheduleCases = map[string][]breakage{
	"schedule.time": {
		{"in the past", "", func(s *Recording) { schedule(s, in(s, -time.Minute)) }, Fail, ""},
		{"in maintenance mode", "", func(s *Recording) { schedule(s, in(s, time.Hour)); config4(s).Pause = Known(true) }, Fail, ""},
		{"no time", "", func(s *Recording) { schedule(s, "tomorrow at noon") }, Fail, ""},
		{"no zone", "", func(s *Recording) { schedule(s, "2027-01-01T03:00") }, Fail, Warning},
		{"in the future", "", func(s *Recording) { schedule(s, in(s, time.Minute)) }, Pass, ""},
		{"with a space and no colon", "", func(s *Recording) { schedule(s, "2027-01-01 03:00 +0100") }, Pass, ""},
		{"now", "", func(s *Recording) { schedule(s, "now"); config4(s).Pause = Known(true) }, Pass, ""},
		{"no pause to be had", "", func(s *Recording) { schedule(s, in(s, time.Hour)); config4(s).Pause = unknown[bool]() }, Undecided, ""},
	},
	"schedule.unjudged": {
		{"scheduled", "", func(s *Recording) { schedule(s, in(s, time.Hour)) }, Fail, Warning},
		{"no answer of the DCS", "", func(s *Recording) { s.DCS.Read = unknown[int]() }, SkippedFor, ""},
	},
	"schedule.clock": {
		{"ahead", "node1", func(s *Recording) {
			schedule(s, in(s, time.Hour))
			s.member("node1").REST.Value.Date = Known(s.member("node1").REST.Stamp.At.Add(time.Minute))
		}, Fail, Warning},
		{"behind", "node1", func(s *Recording) {
			schedule(s, in(s, time.Hour))
			s.member("node1").REST.Value.Date = Known(s.member("node1").REST.Stamp.At.Add(-time.Minute))
		}, Fail, Warning},
		{"right", "node1", func(s *Recording) { schedule(s, in(s, time.Hour)) }, Pass, ""},
		{"no date", "node1", func(s *Recording) { s.member("node1").REST.Value.Date = unknown[time.Time]() }, Undecided, ""},
	},
}
