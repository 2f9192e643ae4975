package check_test

import (
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var scheduleCases = map[string][]breakage{
	"schedule.time": {
		{
			"in the past",
			"",
			func(s *fact.Recording) { facttest.Schedule(s, facttest.TimeIn(s, -time.Minute)) },
			check.Fail,
			"",
		},
		{"in maintenance mode", "", func(s *fact.Recording) {
			facttest.Schedule(s, facttest.TimeIn(s, time.Hour))
			facttest.Dynamic(s).Pause = fact.Known(true)
		}, check.Fail, ""},
		{"no time", "", func(s *fact.Recording) { facttest.Schedule(s, "tomorrow at noon") }, check.Fail, ""},
		{"no zone", "", func(s *fact.Recording) { facttest.Schedule(s, "2027-01-01T03:00") }, check.Fail, check.Warning},
		{
			"in the future",
			"",
			func(s *fact.Recording) { facttest.Schedule(s, facttest.TimeIn(s, time.Minute)) },
			check.Pass,
			"",
		},
		{
			"with a space and no colon",
			"",
			func(s *fact.Recording) { facttest.Schedule(s, "2027-01-01 03:00 +0100") },
			check.Pass,
			"",
		},
		{
			"now",
			"",
			func(s *fact.Recording) { facttest.Schedule(s, "now"); facttest.Dynamic(s).Pause = fact.Known(true) },
			check.Pass,
			"",
		},
		{"no pause to be had", "", func(s *fact.Recording) {
			facttest.Schedule(s, facttest.TimeIn(s, time.Hour))
			facttest.Dynamic(s).Pause = facttest.Unknown[bool]()
		}, check.Undecided, ""},
	},
	"schedule.interruption": {
		{"no limit", "node2", func(*fact.Recording) {}, check.Pass, ""},
		{"within it", "node2", allow(10), check.Pass, ""},
		{"above it", "node2", allow(5), check.Fail, ""},
		{"no upper end", "node2", func(s *fact.Recording) {
			allow(3600)(s)
			facttest.Member(s.Snapshot, "node2").SQL.Value.Activity = fact.Known(fact.Activity{ReplayConflict: true})
			facttest.Member(s.Snapshot, "node2").SQL.Value.Settings = fact.Known(map[string]string{
				"max_standby_streaming_delay": "-1",
			})
		}, check.Fail, ""},
		{"the walsenders are not known", "node2", func(s *fact.Recording) {
			allow(10)(s)
			facttest.LeaderSQL(s).WalSenders = facttest.Unknown[[]fact.WalSender]()
		}, check.Undecided, ""},
		{"the replayed position is not known", "node2", func(s *fact.Recording) {
			allow(10)(s)
			facttest.Member(s.Snapshot, "node2").SQL.Value.ReplayLSN = facttest.Unknown[fact.LSN]()
		}, check.Undecided, ""},
		{"the sessions are not known", "node2", func(s *fact.Recording) {
			allow(10)(s)
			facttest.Member(s.Snapshot, "node2").SQL.Value.Activity = facttest.Unknown[fact.Activity]()
		}, check.Undecided, ""},
		{"how long a session may hold up the replay is not known", "node2", func(s *fact.Recording) {
			allow(10)(s)
			facttest.Member(s.Snapshot, "node2").SQL.Value.Activity = fact.Known(fact.Activity{ReplayConflict: true})
			facttest.Member(s.Snapshot, "node2").SQL.Value.Settings = fact.Known(map[string]string{})
		}, check.Undecided, ""},
		{"not known, and no limit", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").SQL.Value.Activity = facttest.Unknown[fact.Activity]()
		}, check.Pass, ""},
	},
	"schedule.unjudged": {
		{
			"scheduled",
			"",
			func(s *fact.Recording) { facttest.Schedule(s, facttest.TimeIn(s, time.Hour)) },
			check.Fail,
			check.Warning,
		},
		{"no answer of the DCS", "", func(s *fact.Recording) { s.DCS.Read = facttest.Unknown[int]() }, check.Skipped, ""},
	},
	"schedule.clock": {
		{"ahead", "node1", func(s *fact.Recording) {
			facttest.Schedule(s, facttest.TimeIn(s, time.Hour))
			facttest.Member(s.Snapshot, "node1").REST.Value.Date = fact.Known(
				facttest.Member(s.Snapshot, "node1").REST.Stamp.At.Add(time.Minute),
			)
		}, check.Fail, check.Warning},
		{"behind", "node1", func(s *fact.Recording) {
			facttest.Schedule(s, facttest.TimeIn(s, time.Hour))
			facttest.Member(s.Snapshot, "node1").REST.Value.Date = fact.Known(
				facttest.Member(s.Snapshot, "node1").REST.Stamp.At.Add(-time.Minute),
			)
		}, check.Fail, check.Warning},
		{"right", "node1", func(s *fact.Recording) { facttest.Schedule(s, facttest.TimeIn(s, time.Hour)) }, check.Pass, ""},
		{"no date", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST.Value.Date = facttest.Unknown[time.Time]()
		}, check.Undecided, ""},
	},
}

func allow(seconds float64) func(*fact.Recording) {
	return func(s *fact.Recording) { s.Question.MaxInterruption = seconds }
}
