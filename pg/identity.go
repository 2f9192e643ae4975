package pg

// identity is the session itself: the role, its rights, and the server.
const identity = "the session"

var identityView = view{
	name: identity, most: 1,
	columns: []column{
		col("current_user"),
		as("pg_has_role(pg_read_all_stats)", "pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"),
		as("pg_has_role(pg_read_all_settings)", "pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')"),
		as("server_version_num", "current_setting('server_version_num')"),
		col("pg_is_in_recovery()"),
		as("pg_postmaster_start_time()", micros("pg_postmaster_start_time()")),
	},
}
