package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// releasesAre gives node1, node2 and node3 their releases of Patroni.
func releasesAre(s *fact.Recording, versions ...string) {
	for i := range s.Members {
		s.Members[i].Key.Value.Version = fact.Known(versions[i])
	}
}

var versionCases = map[string][]breakage{
	"version.mixed": {
		{"a rolling update", "", func(s *fact.Recording) { releasesAre(s, "4.0.7", "4.1.5", "4.1.5") }, check.Pass, ""},
		{"3.1 beside 4", "", func(s *fact.Recording) { releasesAre(s, "3.1.0", "4.0.0", "3.3.5") }, check.Pass, ""},
		{"2.1 beside 3.0", "", func(s *fact.Recording) { releasesAre(s, "2.1.7", "3.0.2", "3.0.2") }, check.Pass, ""},
		{
			"a development release",
			"",
			func(s *fact.Recording) { releasesAre(s, "4.1.4", "4.2.0.dev1", "4.1.4") },
			check.Pass,
			"",
		},
		{
			"3.0 beside 4",
			"",
			func(s *fact.Recording) { releasesAre(s, "4.0.7", "4.0.7", "3.0.2") },
			check.Fail,
			check.Warning,
		},
		{
			"2.1 beside 4",
			"",
			func(s *fact.Recording) { releasesAre(s, "4.0.0", "2.1.7", "4.0.0") },
			check.Fail,
			check.Warning,
		},
		{"3.0.3", "", func(s *fact.Recording) { releasesAre(s, "3.0.3", "3.0.2", "3.0.2") }, check.Fail, check.Warning},
		{
			"3.0.4 everywhere",
			"",
			func(s *fact.Recording) { releasesAre(s, "3.0.4", "3.0.4", "3.0.4") },
			check.Fail,
			check.Warning,
		},
		{"quorum mode and a 3", "", func(s *fact.Recording) {
			releasesAre(s, "4.0.7", "4.0.7", "3.3.5")
			facttest.Dynamic(s).SynchronousMode = fact.Known("quorum")
		}, check.Fail, check.Warning},
		{"quorum mode, all of them 4", "", func(s *fact.Recording) {
			releasesAre(s, "4.0.7", "4.0.7", "4.1.0")
			facttest.Dynamic(s).SynchronousMode = fact.Known("quorum")
		}, check.Pass, ""},
		{"one is not known", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").Key.Value.Version = facttest.Unknown[string]()
		}, check.Undecided, ""},
		{
			"one is no release",
			"",
			func(s *fact.Recording) { releasesAre(s, "4.0.7", "4.0.7", "master") },
			check.Undecided,
			"",
		},
	},
}
