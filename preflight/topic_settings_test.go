package preflight

var settingsCases = map[string][]breakage{
	"settings.hard_limits": {
		{"lower", "node2", func(s *Recording) { set(s, "node2", "max_connections", "49") }, Fail, Warning},
		{"lower, and replay has stopped", "node2", func(s *Recording) {
			set(s, "node2", "max_connections", "49")
			candidateSQL(s).ReplayPaused = Known(true)
		}, Fail, ""},
		{"higher", "node2", func(s *Recording) { set(s, "node2", "max_connections", "51") }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { leaderSQL(s).Settings = unknown[map[string]string]() }, Undecided, ""},
	},
	"settings.pending_restart": {
		{"pending", "node2", func(s *Recording) {
			s.member("node2").Key.Value.PendingRestart = Known(true)
			s.member("node2").Key.Value.PendingRestartReason = Known([]string{"max_connections"})
		}, Fail, Warning},
		{"garbled", "node2", func(s *Recording) { s.member("node2").Key.Value.PendingRestart = unknown[bool]() }, Undecided, ""},
	},
	"settings.differ": {
		{"no archive command", "node2", func(s *Recording) {
			for _, n := range []string{"node1", "node2"} {
				set(s, n, "archive_mode", "on")
				set(s, n, "archive_command", "(set, md5 1)")
			}
			set(s, "node2", "archive_command", "")
		}, Fail, ""},
		{"archive mode off", "node2", func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			set(s, "node1", "archive_command", "(set, md5 1)")
		}, Fail, ""},
		{"a library is missing", "node2", func(s *Recording) {
			set(s, "node1", "shared_preload_libraries", "citus, pg_stat_statements")
			set(s, "node2", "shared_preload_libraries", "pg_stat_statements")
		}, Fail, Warning},
		{"read-only", "node2", func(s *Recording) { set(s, "node2", "default_transaction_read_only", "on") }, Fail, ""},
		{"a lower wal_level", "node2", func(s *Recording) { set(s, "node1", "wal_level", "logical"); set(s, "node2", "wal_level", "replica") }, Fail, Warning},
		{"fsync off", "node2", func(s *Recording) { set(s, "node2", "fsync", "off") }, Fail, Warning},
		{"another archive command", "node2", func(s *Recording) {
			for _, n := range []string{"node1", "node2"} {
				set(s, n, "archive_mode", "on")
				set(s, n, "archive_command", "(set, md5 "+n+")")
			}
		}, Pass, ""},
		{"a library more", "node2", func(s *Recording) { set(s, "node2", "shared_preload_libraries", "auto_explain") }, Pass, ""},
		{"more memory", "node2", func(s *Recording) { set(s, "node2", "shared_buffers", "99999") }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Settings = unknown[map[string]string]() }, Undecided, ""},
	},
}
