package pg

import "fmt"

// The names of the parts that are asked after the essential ones.
const (
	slots      = "pg_replication_slots"
	archiver   = "pg_stat_archiver"
	ready      = "pg_ls_archive_statusdir()"
	activity   = "pg_stat_activity"
	roles      = "pg_roles"
	extensions = "pg_extension"
	available  = "pg_available_extension_versions"
	collations = "pg_collation_actual_version()"
	collation  = "pg_database_collation_actual_version()"
	unlogged   = "pg_class"
	hba        = "pg_hba_file_rules"
)

// manyRows is how long a list may be. A longer one is unknown: cut short, it
// would read as complete.
const manyRows = 2000

// allowed is what the role may read. What it may not is left out, because each
// refusal is an error in the server's log.
type allowed struct{ ready, hba bool }

// rightsSQL gives NULL for a function that the server does not have.
const rightsSQL = "SELECT current_database(), " +
	"has_function_privilege(to_regprocedure('pg_ls_archive_statusdir()'), 'EXECUTE'), " +
	"has_function_privilege(to_regprocedure('pg_hba_file_rules()'), 'EXECUTE') AND " +
	"has_table_privilege(to_regclass('pg_hba_file_rules'), 'SELECT')"

// rightsOf reads the answer to rightsSQL. Where there is none, or NULL, the parts
// are asked and say themselves what is wrong.
func rightsOf(a answer) allowed {
	may := func(column int) bool {
		ok, known := value(cells{what: rights, answer: a}, column, "", parseTextBool).Get()
		return ok || !known
	}
	return allowed{ready: may(1), hba: may(2)}
}

// lateParts returns the statements for what is not compared between members. The
// quick ones come first; pg_hba_file_rules reads a file that may be broken.
func lateParts(major int, may allowed) []part {
	ps := []part{
		list(slots, slotsSQL(major), 14),
		{archiver, "SELECT archived_count, " + micros("last_archived_time") + ", failed_count, last_failed_wal, " +
			micros("last_failed_time") + " FROM pg_stat_archiver", 5, 1},
		{activity, activitySQL(major), 8, 1},
		list(roles, "SELECT rolname, rolcanlogin, rolreplication, rolsuper, "+validUntil+" FROM pg_roles "+
			"WHERE rolreplication OR oid IN (SELECT usesysid FROM pg_stat_get_activity(NULL) "+
			"WHERE pid IN (SELECT pid FROM pg_stat_get_wal_senders()))", 5),
		list(extensions, "SELECT extname, extversion FROM pg_extension", 2),
	}
	if major >= 15 {
		ps = append(ps, part{collation, "SELECT pg_database_collation_actual_version(oid) FROM pg_database " +
			"WHERE datname = current_database()", 1, 1})
	}
	ps = append(ps, list(collations, collationsSQL(major), 4))
	if major >= 12 && may.ready {
		ps = append(ps, part{ready, "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'", 1, 1})
	}
	ps = append(
		ps,
		list(available, "SELECT extname, coalesce(bool_or(version = extversion), false), count(version) > 0 "+
			"FROM pg_extension LEFT JOIN pg_available_extension_versions() ON name = extname GROUP BY extname", 3),
		part{unlogged, "SELECT count(*) FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'", 1, 1},
	)
	if may.hba {
		ps = append(ps, list(hba, "SELECT line_number, type, to_json(database), to_json(user_name), address, netmask, "+
			"auth_method, error FROM pg_hba_file_rules", 8))
	}
	return ps
}

// list is a part of many rows. One row more than is wanted tells that there are more.
func list(name, sql string, columns int) part {
	return part{name, fmt.Sprintf("%s LIMIT %d", sql, manyRows+1), columns, manyRows + 1}
}

// slotsSQL: wal_status came with PostgreSQL 13, conflicting with 16, and with 17
// invalidation_reason, failover and synced.
func slotsSQL(major int) string {
	status, invalid, synced := "NULL::text", "NULL::text", "false, false"
	if major >= 13 {
		status = "wal_status"
	}
	switch {
	case major >= 17:
		invalid, synced = "invalidation_reason", "failover, synced"
	case major == 16:
		invalid = "CASE WHEN conflicting THEN 'conflicting' END"
	}
	return "SELECT slot_name, slot_type, plugin, database, active, active_pid, temporary, restart_lsn, confirmed_flush_lsn, " +
		"catalog_xmin IS NOT NULL, " + status + ", " + invalid + ", " + synced + " FROM pg_replication_slots"
}

// activitySQL leaves out our own session and Patroni's, which are there always:
// "Patroni", since 3.2.0 followed by what the connection is for. The function
// is what pg_stat_activity shows; planning the joins of that view takes longer
// than all the rest.
// pg_stat_progress_basebackup came with PostgreSQL 13. The startup process takes
// its locks and pins without a wait, unless a session is in the way.
func activitySQL(major int) string {
	backups := "pg_stat_progress_basebackup"
	if major < 13 {
		backups = "pg_stat_replication WHERE state = 'backup'"
	}
	age := func(start, which string) string {
		return "floor(extract(epoch FROM max(clock_timestamp() - " + start + ") FILTER (WHERE " + which + ")))::bigint"
	}
	return "SELECT count(*), count(*) FILTER (WHERE xact_start IS NOT NULL OR state = 'active'), " +
		age("xact_start", "true") + ", " + age("query_start", "state = 'active'") + ", " +
		"(SELECT count(*) FROM pg_prepared_xacts), (SELECT count(*) FROM " + backups + "), " +
		"count(*) FILTER (WHERE state = 'disabled'), " +
		"EXISTS (SELECT FROM pg_stat_get_activity(NULL) WHERE backend_type = 'startup' " +
		"AND (wait_event_type IN ('Lock', 'BufferPin') OR wait_event LIKE 'RecoveryConflict%')) FROM pg_stat_get_activity(NULL) " +
		"WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name !~ '^Patroni( |$)'"
}

// validUntil is NULL also for a time so far away that it never comes, such as
// infinity, which has no microseconds.
var validUntil = "CASE WHEN rolvaliduntil < '9999-01-01' THEN " + micros("greatest(rolvaliduntil, 'epoch')") + " END"

// collationsSQL compares what objects depend on, and PostgreSQL's own collations
// (those below 12000, of which few have a version), not the hundreds of others
// that every database has. Databases have versions since PostgreSQL 15.
func collationsSQL(major int) string {
	databases := ""
	if major >= 15 {
		databases = "SELECT datname, NULL, datcollversion, pg_database_collation_actual_version(oid) FROM pg_database " +
			"WHERE datcollversion <> pg_database_collation_actual_version(oid) UNION ALL "
	}
	return databases + "SELECT NULL, nspname || '.' || collname, collversion, pg_collation_actual_version(c.oid) " +
		"FROM pg_collation c JOIN pg_namespace n ON n.oid = collnamespace WHERE (c.oid < 12000 OR c.oid IN " +
		"(SELECT refobjid FROM pg_depend WHERE refclassid = 'pg_collation'::regclass)) " +
		"AND collversion <> pg_collation_actual_version(c.oid)"
}
