package preflight

var maintenanceCases = map[string][]breakage{
	"maintenance.pause": {
		{"paused", "", func(s *Recording) { config4(s).Pause = Known(true) }, Fail, ""},
		{"paused, no candidate", "", func(s *Recording) { config4(s).Pause = Known(true); s.Question.Candidate = "" }, Fail, ""},
		{"paused standby cluster", "", func(s *Recording) { config4(s).Pause = Known(true); config4(s).StandbyCluster = Known(true) }, Fail, ""},
		{"garbled", "", func(s *Recording) { config4(s).Pause = unknown[bool]() }, Undecided, ""},
	},
	"maintenance.member": {
		{"by its key", "node2", func(s *Recording) { s.member("node2").Key.Value.Pause = Known(true) }, Fail, ""},
		{"by REST", "node1", func(s *Recording) { s.member("node1").REST.Value.Pause = Known(true) }, Fail, ""},
		{"garbled", "node2", func(s *Recording) { s.member("node2").Key.Value.Pause = unknown[bool]() }, Undecided, ""},
	},
}
