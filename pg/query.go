package pg

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// part is one statement of a session. Parts fail one by one: what one is refused
// does not hide what the others may see.
type part struct {
	name    string // for people: what was asked
	sql     string
	columns int
	// most is the largest number of rows that is believed; 1 means exactly one.
	most int
}

// The names of the parts. Those that come late are in late.go.
const (
	identity  = "the session"
	sample    = "a sample of the WAL position"
	positions = "the WAL positions"
	control   = "pg_control_system() and pg_control_checkpoint()"
	senders   = "pg_stat_replication"
	receiver  = "pg_stat_wal_receiver"
	settings  = "pg_settings"
	conninfo  = "primary_conninfo"
	rights    = "the database and the privileges in it"
)

// flushLSN is how a primary's position is called in reasons.
const flushLSN = "pg_current_wal_flush_lsn()"

// samplePart reads the position alone: flushed on a primary, replayed on a standby.
var samplePart = part{
	name: sample, columns: 3, most: 1,
	sql: "SELECT " + onPrimary(flushLSN) + ", " + onStandby("pg_last_wal_replay_lsn()") + ", " + micros("clock_timestamp()"),
}

func onPrimary(expr string) string {
	return "CASE WHEN pg_is_in_recovery() THEN NULL ELSE " + expr + " END"
}
func onStandby(expr string) string { return "CASE WHEN pg_is_in_recovery() THEN " + expr + " END" }

// micros gives a timestamp as microseconds since 1970, which no DateStyle and no
// TimeZone changes.
func micros(expr string) string { return "(extract(epoch FROM " + expr + ") * 1000000)::bigint" }

// steadyParts returns the statements for a major version, 10 to 18, whose answers
// do not depend on when they are asked. Later versions are asked as 18 is: a part
// that has changed by then fails alone.
func steadyParts(major int) []part {
	return []part{
		{identity, "SELECT current_user, pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'), " +
			"pg_has_role(current_user, 'pg_read_all_settings', 'USAGE'), current_setting('server_version_num'), " +
			"pg_is_in_recovery(), " + micros("pg_postmaster_start_time()"), 6, 1},
		{control, "SELECT (SELECT system_identifier FROM pg_control_system()), timeline_id, redo_lsn, " +
			micros("checkpoint_time") + " FROM pg_control_checkpoint()", 4, 1},
		{settings, settingsSQL(major), 2, len(settingNames)},
		{conninfo, conninfoSQL(major), 1, 2},
		{rights, rightsSQL, 3, 1},
	}
}

// movingParts returns those whose answers change with every write.
func movingParts(major int) []part {
	return []part{
		{positions, "SELECT " + onPrimary(flushLSN) + ", " +
			onPrimary("left(pg_walfile_name(pg_current_wal_lsn()), 8)") + ", " +
			onStandby("pg_last_wal_receive_lsn()") + ", " + onStandby("pg_last_wal_replay_lsn()") + ", " +
			onStandby("pg_is_wal_replay_paused()") + ", " + micros("clock_timestamp()"), 6, 1},
		list(senders, sendersSQL(major), 11),
		{receiver, receiverSQL(major), 8, 2},
	}
}

// sendersSQL: reply_time came with PostgreSQL 12.
func sendersSQL(major int) string {
	reply := "NULL::bigint"
	if major >= 12 {
		reply = micros("reply_time")
	}
	return "SELECT pid, usename, application_name, host(client_addr), state, sent_lsn, write_lsn, flush_lsn, " +
		"replay_lsn, sync_state, " + reply + " FROM pg_stat_replication"
}

// receiverSQL: sender_host and sender_port came with PostgreSQL 11; flushed_lsn
// replaced received_lsn, which had that meaning, with 13.
func receiverSQL(major int) string {
	sender, flushed := "sender_host, sender_port", "flushed_lsn"
	if major < 11 {
		sender = "NULL::text, NULL::int"
	}
	if major < 13 {
		flushed = "received_lsn"
	}
	return "SELECT pid, status, received_tli, " + sender + ", slot_name, " + micros("last_msg_receipt_time") + ", " +
		flushed + " FROM pg_stat_wal_receiver"
}

// conninfoSQL reads the conninfo of the WAL receiver: since PostgreSQL 12 the
// setting primary_conninfo, before that what the running receiver shows (there
// PostgreSQL masks the passwords itself). Secrets are taken out before it leaves
// the server, and a URI, in which they have no one form, is not sent.
//
// CASE keeps current_setting from failing for want of pg_read_all_settings.
func conninfoSQL(major int) string {
	masked := func(conninfo string) string {
		return "CASE WHEN " + conninfo + ` ~ E'^\\s*postgres(ql)?://' THEN 'uri' ELSE regexp_replace(` + conninfo +
			`, E'((ssl)?password|oauth_client_secret|scram_(client|server)_key)\\s*=\\s*(''([^''\\\\]|\\\\.)*''|([^\\s''\\\\]|\\\\.)*)', '', 'gi') END`
	}
	if major < 12 {
		return "SELECT " + masked("conninfo") + " FROM pg_stat_wal_receiver"
	}
	return "SELECT CASE WHEN pg_has_role(current_user, 'pg_read_all_settings', 'USAGE') THEN " +
		masked("current_setting('primary_conninfo', true)") + " END"
}

// beginSQL opens the transaction. The server gives up where we would, and names
// are looked up in pg_catalog alone, whatever search_path the role has.
func beginSQL(timeout time.Duration) string {
	return "BEGIN READ ONLY;\n" + timeoutSQL(timeout) + "SET LOCAL search_path = pg_catalog;\n"
}

func timeoutSQL(timeout time.Duration) string {
	ms := max(1, timeout.Milliseconds())
	return fmt.Sprintf("SET LOCAL statement_timeout = %d;\nSET LOCAL lock_timeout = %d;\n", ms, min(ms, 1000))
}

// majorVersion reads the parameter server_version, which every server sends
// before the first statement: "15.20 (Debian 15.20-0+deb12u1)", "18beta1", "9.6.24".
func majorVersion(s string) (int, bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.Atoi(s[:end])
	return n, err == nil && n > 0 && n < 1000
}
