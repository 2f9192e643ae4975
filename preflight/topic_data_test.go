package preflight

var dataCases = map[string][]breakage{
	"data.server_version": {
		{"older", "node2", func(s *Recording) { candidateSQL(s).ServerVersion = Known(leaderSQL(s).ServerVersion.Must() - 1) }, Fail, Warning},
		{"newer", "node2", func(s *Recording) { candidateSQL(s).ServerVersion = Known(leaderSQL(s).ServerVersion.Must() + 1) }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).ServerVersion = unknown[int]() }, Undecided, ""},
	},
	"data.extensions": {
		{"no files", "node2", func(s *Recording) {
			(*leaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6"
			(*candidateSQL(s).AvailableExtensions.Value)["pg_trgm"] = false
		}, Fail, ""},
		{"another version", "node2", func(s *Recording) { extension(s, true, true, false, true) }, Fail, Warning},
		{"another version, as on the leader", "node2", func(s *Recording) { extension(s, false, true, false, true) }, Pass, ""},
		{"no files, and none on the leader", "node2", func(s *Recording) { extension(s, false, false, false, false) }, Pass, ""},
		{"no files, and others on the leader", "node2", func(s *Recording) { extension(s, false, true, false, false) }, Fail, ""},
		{"not replayed yet", "node2", func(s *Recording) { (*leaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6" }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).AvailableExtensions = unknown[map[string]bool]() }, Undecided, ""},
	},
	"data.collations": {
		{"another library", "node2", func(s *Recording) {
			leaderSQL(s).CollationVersion, candidateSQL(s).CollationVersion = Known("2.36"), Known("2.41")
		}, Fail, ""},
		{"recorded with another version", "node2", func(s *Recording) {
			list := []Collation{{Database: "app", Recorded: "1.0", Actual: "2.41"}, {Name: "de", Recorded: "1.0", Actual: "2.41"}}
			leaderSQL(s).Collations, candidateSQL(s).Collations = Known(list), Known(list)
		}, Fail, Warning},
		{"recorded with another version than the candidate's alone", "node2", func(s *Recording) {
			candidateSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, ""},
		{"recorded with another version than the leader's alone", "node2", func(s *Recording) {
			leaderSQL(s).Collations = Known([]Collation{{Database: "app", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, ""},
		{"recorded with a third version", "node2", func(s *Recording) {
			leaderSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.36"}})
			candidateSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, ""},
		{"the leader's not to be had", "node2", func(s *Recording) {
			leaderSQL(s).Collations = unknown[[]Collation]()
			candidateSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, Warning},
		{"the same library", "node2", func(s *Recording) {
			leaderSQL(s).CollationVersion, candidateSQL(s).CollationVersion = Known("2.41"), Known("2.41")
		}, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Collations = unknown[[]Collation]() }, Undecided, ""},
	},
	"data.unlogged": {
		{"two", "node1", func(s *Recording) { leaderSQL(s).UnloggedTables = Known(2) }, Fail, Warning},
		{"not to be had", "node1", func(s *Recording) { leaderSQL(s).UnloggedTables = unknown[int]() }, Undecided, ""},
	},
}
