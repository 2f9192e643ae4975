package pg

import (
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

// settingNames are the settings that checks use. One that the server does not have
// is left out, as are those of superusers where the role lacks pg_read_all_settings.
var settingNames = []string{
	"archive_cleanup_command", "archive_command", "archive_library", "archive_mode", "archive_timeout",
	"block_size", "checkpoint_timeout", "cluster_name", "data_checksums", "default_transaction_read_only",
	"fsync", "full_page_writes", "hot_standby", "hot_standby_feedback", "idle_replication_slot_timeout",
	"lc_collate", "lc_ctype", "listen_addresses", "max_connections", "max_locks_per_transaction",
	"max_prepared_transactions", "max_replication_slots", "max_slot_wal_keep_size",
	"max_standby_archive_delay", "max_standby_streaming_delay", "max_wal_senders", "max_wal_size",
	"max_worker_processes", "port", "primary_slot_name", "recovery_end_command",
	"recovery_min_apply_delay", "recovery_target_timeline", "restore_command", "server_encoding",
	"shared_buffers", "shared_preload_libraries", "ssl", "sync_replication_slots",
	"synchronized_standby_slots", "synchronous_commit", "synchronous_standby_names",
	"track_commit_timestamp", "wal_keep_segments", "wal_keep_size", "wal_level", "wal_log_hints",
	"wal_receiver_status_interval", "wal_receiver_timeout", "wal_retrieve_retry_interval",
	"wal_segment_size", "wal_sender_shutdown_timeout", "wal_sender_timeout",
}

// secretSettings may hold passwords and keys: they do not leave the server.
var secretSettings = []string{
	"archive_cleanup_command", "archive_command", "recovery_end_command", "restore_command",
}

func quoted(names []string) string { return "('" + strings.Join(names, "', '") + "')" }

const settings = "pg_settings"

// settingsView leaves out what is set for our role or database: that hides the
// value that others have. It gives wal_segment_size in bytes, which PostgreSQL 10
// counts in blocks. Of a setting that may hold a secret comes "", or
// "(set, sha256 ...)", by which two nodes can be compared; the digest is too short to
// find a password by it. archive_command shows "(disabled)" if archive_mode is off.
var settingsView = view{
	name: settings, most: len(settingNames),
	columns: []column{col("name"), {"setting", settingValue}},
	from: constant("FROM pg_settings WHERE name IN " + quoted(settingNames) +
		" AND source NOT IN ('global', 'database', 'user', 'database user', 'client', 'session')"),
}

// settingValue: md5() fails on servers in FIPS mode, and sha256() came with
// PostgreSQL 11.
func settingValue(major int) string {
	digest := "'sha256 ' || left(encode(sha256(convert_to(setting, getdatabaseencoding())), 'hex'), 6)"
	if major < 11 {
		digest = "'md5 ' || left(md5(setting), 6)"
	}
	return "CASE WHEN name IN " + quoted(secretSettings) + " AND setting NOT IN ('', '(disabled)') THEN '(set, ' || " +
		digest + " || ')' " +
		"WHEN name = 'wal_segment_size' AND unit = '8kB' THEN (setting::bigint * 8192)::text ELSE setting END"
}

func (d decoder) settings() fact.Observed[map[string]string] {
	c := d.of(settingsView)
	if c.answer.why != nil {
		return fact.NotKnown[map[string]string](c.answer.why.Cause, "%s", c.answer.why.Reason)
	}
	m := map[string]string{}
	for i := range c.answer.rows {
		name, ok1 := value(c.at(i), "name", parseText).Get()
		v, ok2 := value(c.at(i), "setting", parseText).Get()
		if ok1 && ok2 && slices.Contains(settingNames, name) {
			m[name] = v
		}
	}
	return fact.Known(m)
}
