package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// extension says whether leader and candidate have the files of the installed
// version, and of any.
func extension(s *fact.Recording, onLeader, anyOnLeader, onCandidate, anyOnCandidate bool) {
	(*facttest.LeaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6"
	(*facttest.LeaderSQL(s).AvailableExtensions.Value)["pg_trgm"] = onLeader
	(*facttest.CandidateSQL(s).AvailableExtensions.Value)["pg_trgm"] = onCandidate
	facttest.LeaderSQL(s).PresentExtensions = fact.Known(map[string]bool{"pg_trgm": anyOnLeader})
	facttest.CandidateSQL(s).PresentExtensions = fact.Known(map[string]bool{"pg_trgm": anyOnCandidate})
}

var dataCases = map[string][]breakage{
	"data.server_version": {
		{"older", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).ServerVersion = fact.Known(facttest.LeaderSQL(s).ServerVersion.Must() - 1)
		}, check.Fail, check.Warning},
		{"newer", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).ServerVersion = fact.Known(facttest.LeaderSQL(s).ServerVersion.Must() + 1)
		}, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).ServerVersion = facttest.Unknown[int]() },
			check.Undecided,
			"",
		},
	},
	"data.extensions": {
		{"no files", "node2", func(s *fact.Recording) {
			(*facttest.LeaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6"
			(*facttest.CandidateSQL(s).AvailableExtensions.Value)["pg_trgm"] = false
		}, check.Fail, ""},
		{
			"another version",
			"node2",
			func(s *fact.Recording) { extension(s, true, true, false, true) },
			check.Fail,
			check.Warning,
		},
		{
			"another version, as on the leader",
			"node2",
			func(s *fact.Recording) { extension(s, false, true, false, true) },
			check.Pass,
			"",
		},
		{
			"no files, and none on the leader",
			"node2",
			func(s *fact.Recording) { extension(s, false, false, false, false) },
			check.Pass,
			"",
		},
		{
			"no files, and others on the leader",
			"node2",
			func(s *fact.Recording) { extension(s, false, true, false, false) },
			check.Fail,
			"",
		},
		{
			"not replayed yet",
			"node2",
			func(s *fact.Recording) { (*facttest.LeaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6" },
			check.Pass,
			"",
		},
		{"not to be had", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).AvailableExtensions = facttest.Unknown[map[string]bool]()
		}, check.Undecided, ""},
	},
	"data.collations": {
		{"another library", "node2", func(s *fact.Recording) {
			facttest.LeaderSQL(s).CollationVersion, facttest.CandidateSQL(s).CollationVersion = fact.Known(
				"2.36",
			), fact.Known(
				"2.41",
			)
		}, check.Fail, ""},
		{"recorded with another version", "node2", func(s *fact.Recording) {
			list := []fact.Collation{
				{Database: "app", Recorded: "1.0", Actual: "2.41"},
				{Name: "de", Recorded: "1.0", Actual: "2.41"},
			}
			facttest.LeaderSQL(s).Collations, facttest.CandidateSQL(s).Collations = fact.Known(list), fact.Known(list)
		}, check.Fail, check.Warning},
		{"recorded with another version than the candidate's alone", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).Collations = fact.Known([]fact.Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, check.Fail, ""},
		{"recorded with another version than the leader's alone", "node2", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Collations = fact.Known([]fact.Collation{{Database: "app", Recorded: "1.0", Actual: "2.41"}})
		}, check.Fail, ""},
		{"recorded with a third version", "node2", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Collations = fact.Known([]fact.Collation{{Name: "de", Recorded: "1.0", Actual: "2.36"}})
			facttest.CandidateSQL(s).Collations = fact.Known([]fact.Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, check.Fail, ""},
		{"the leader's not to be had", "node2", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Collations = facttest.Unknown[[]fact.Collation]()
			facttest.CandidateSQL(s).Collations = fact.Known([]fact.Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, check.Fail, check.Warning},
		{"the same library", "node2", func(s *fact.Recording) {
			facttest.LeaderSQL(s).CollationVersion, facttest.CandidateSQL(s).CollationVersion = fact.Known(
				"2.41",
			), fact.Known(
				"2.41",
			)
		}, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).Collations = facttest.Unknown[[]fact.Collation]() },
			check.Undecided,
			"",
		},
	},
	"data.unlogged": {
		{
			"two",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).UnloggedTables = fact.Known(2) },
			check.Fail,
			check.Warning,
		},
		{
			"not to be had",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).UnloggedTables = facttest.Unknown[int]() },
			check.Undecided,
			"",
		},
	},
}
