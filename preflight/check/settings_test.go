package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var settingsCases = map[string][]breakage{
	"settings.hard_limits": {
		{
			"lower",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "max_connections", "49") },
			check.Fail,
			check.Warning,
		},
		{"lower, and replay has stopped", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "max_connections", "49")
			facttest.CandidateSQL(s).ReplayPaused = fact.Known(true)
		}, check.Fail, ""},
		{"higher", "node2", func(s *fact.Recording) { facttest.Set(s, "node2", "max_connections", "51") }, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Settings = facttest.Unknown[map[string]string]() },
			check.Undecided,
			"",
		},
	},
	"settings.pending_restart": {
		{"pending", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.PendingRestart = fact.Known(true)
			facttest.Member(s.Snapshot, "node2").Key.Value.PendingRestartReason = fact.Known([]string{"max_connections"})
		}, check.Fail, check.Warning},
		{"garbled", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.PendingRestart = facttest.Unknown[bool]()
		}, check.Undecided, ""},
	},
	"settings.differ": {
		{"no archive command", "node2", func(s *fact.Recording) {
			for _, n := range []string{"node1", "node2"} {
				facttest.Set(s, n, "archive_mode", "on")
				facttest.Set(s, n, "archive_command", "(set, md5 1)")
			}
			facttest.Set(s, "node2", "archive_command", "")
		}, check.Fail, ""},
		{"archive mode off", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node1", "archive_mode", "on")
			facttest.Set(s, "node1", "archive_command", "(set, md5 1)")
		}, check.Fail, ""},
		{"a library is missing", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node1", "shared_preload_libraries", "citus, pg_stat_statements")
			facttest.Set(s, "node2", "shared_preload_libraries", "pg_stat_statements")
		}, check.Fail, check.Warning},
		{
			"read-only",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "default_transaction_read_only", "on") },
			check.Fail,
			"",
		},
		{"a lower wal_level", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node1", "wal_level", "logical")
			facttest.Set(s, "node2", "wal_level", "replica")
		}, check.Fail, check.Warning},
		{
			"fsync off",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "fsync", "off") },
			check.Fail,
			check.Warning,
		},
		{"another archive command", "node2", func(s *fact.Recording) {
			for _, n := range []string{"node1", "node2"} {
				facttest.Set(s, n, "archive_mode", "on")
				facttest.Set(s, n, "archive_command", "(set, md5 "+n+")")
			}
		}, check.Pass, ""},
		{
			"a library more",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "shared_preload_libraries", "auto_explain") },
			check.Pass,
			"",
		},
		{
			"more memory",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "shared_buffers", "99999") },
			check.Pass,
			"",
		},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).Settings = facttest.Unknown[map[string]string]() },
			check.Undecided,
			"",
		},
	},
}
