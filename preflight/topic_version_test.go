package preflight

var versionCases = map[string][]breakage{
	"version.mixed": {
		{"a rolling update", "", func(s *Recording) { releasesAre(s, "4.0.7", "4.1.5", "4.1.5") }, Pass, ""},
		{"3.1 beside 4", "", func(s *Recording) { releasesAre(s, "3.1.0", "4.0.0", "3.3.5") }, Pass, ""},
		{"2.1 beside 3.0", "", func(s *Recording) { releasesAre(s, "2.1.7", "3.0.2", "3.0.2") }, Pass, ""},
		{"a development release", "", func(s *Recording) { releasesAre(s, "4.1.4", "4.2.0.dev1", "4.1.4") }, Pass, ""},
		{"3.0 beside 4", "", func(s *Recording) { releasesAre(s, "4.0.7", "4.0.7", "3.0.2") }, Fail, Warning},
		{"2.1 beside 4", "", func(s *Recording) { releasesAre(s, "4.0.0", "2.1.7", "4.0.0") }, Fail, Warning},
		{"3.0.3", "", func(s *Recording) { releasesAre(s, "3.0.3", "3.0.2", "3.0.2") }, Fail, Warning},
		{"3.0.4 everywhere", "", func(s *Recording) { releasesAre(s, "3.0.4", "3.0.4", "3.0.4") }, Fail, Warning},
		{"quorum mode and a 3", "", func(s *Recording) {
			releasesAre(s, "4.0.7", "4.0.7", "3.3.5")
			config4(s).SynchronousMode = Known("quorum")
		}, Fail, Warning},
		{"quorum mode, all of them 4", "", func(s *Recording) {
			releasesAre(s, "4.0.7", "4.0.7", "4.1.0")
			config4(s).SynchronousMode = Known("quorum")
		}, Pass, ""},
		{"one is not known", "", func(s *Recording) { s.member("node3").Key.Value.Version = unknown[string]() }, Undecided, ""},
		{"one is no release", "", func(s *Recording) { releasesAre(s, "4.0.7", "4.0.7", "master") }, Undecided, ""},
	},
}
