package fact

import (
	"time"
)

// SQL is what one PostgreSQL session in one READ ONLY transaction saw.
type SQL struct {
	// User is the role that asked.
	User string `json:"user"`
	// RemoteAddr is the IP and port of the server, "" on a Unix socket.
	RemoteAddr string `json:"remote_addr,omitempty"`
	// SeesStats is whether the role may read all of pg_stat_replication and
	// pg_stat_wal_receiver: a superuser or a member of pg_read_all_stats.
	SeesStats       Observed[bool]      `json:"sees_stats"`
	ServerVersion   Observed[int]       `json:"server_version"`
	SystemID        Observed[string]    `json:"system_identifier"`
	PostmasterStart Observed[time.Time] `json:"postmaster_start_time"`
	InRecovery      Observed[bool]      `json:"in_recovery"`
	// Timeline: of the WAL file being written on a primary; on a standby of the
	// WAL receiver, or of the last checkpoint replayed where nothing is received.
	Timeline Observed[int64] `json:"timeline"`
	// FlushLSN is pg_current_wal_flush_lsn(), on a primary only.
	FlushLSN Observed[LSN] `json:"flush_lsn"`
	// FlushLSNAfter is the same, sampled after the other members were: a standby
	// that is ahead of it has WAL which the leader never had. Leader only.
	FlushLSNAfter Observed[LSN] `json:"flush_lsn_after"`
	// FlushLSNAfterAt is the server's clock at that moment.
	FlushLSNAfterAt Observed[time.Time] `json:"flush_lsn_after_time"`
	// ReceiveLSN is pg_last_wal_receive_lsn(), flushed, on a standby only;
	// unknown (absent) where nothing was received since the start.
	ReceiveLSN Observed[LSN] `json:"receive_lsn"`
	ReplayLSN  Observed[LSN] `json:"replay_lsn"`
	// Arrived is whether the leader's first sample arrived at this standby; not in
	// recordings of releases that did not watch for it.
	Arrived      Observed[Confirmation] `json:"arrived,omitzero"`
	ReplayPaused Observed[bool]         `json:"replay_paused"`
	// WalSenders are the rows of pg_stat_replication, sorted by application name and pid.
	WalSenders Observed[[]WalSender] `json:"wal_senders"`
	// WalReceiver is the row of pg_stat_wal_receiver; Running is false where there is none.
	WalReceiver Observed[WalReceiver] `json:"wal_receiver"`
	// ApplicationName is the one in primary_conninfo. Patroni sets it to the
	// member's name (patroni/postgresql/config.py, primary_conninfo_params).
	ApplicationName Observed[string] `json:"application_name"`
	// UpstreamSSLMode is the sslmode in primary_conninfo, prefer where it has none;
	// absent on a primary. Certificate is what the server showed this tool: the zero
	// value for a session without TLS, unknown in older recordings.
	UpstreamSSLMode Observed[string]      `json:"upstream_sslmode,omitzero"`
	Certificate     Observed[Certificate] `json:"certificate,omitzero"`
	// Settings are the values of pg_settings that the checks use, by name, in
	// their base unit as pg_settings gives them.
	Settings Observed[map[string]string] `json:"settings"`
	// At is the server's clock when the positions were read.
	At Observed[time.Time] `json:"server_time"`
	// Earlier is the WAL position some moments before: pg_last_wal_replay_lsn() on
	// a standby, pg_current_wal_flush_lsn() on a primary (on the leader that is
	// FlushLSN). A standby's rate of replay is from here to ReplayLSN and At, the
	// leader's rate of writing to FlushLSNAfter and FlushLSNAfterAt.
	Earlier Observed[Position] `json:"earlier"`
	// Slots are the rows of pg_replication_slots, sorted by name.
	Slots Observed[[]Slot] `json:"slots"`
	// Archiver is pg_stat_archiver, and what waits for it.
	Archiver Observed[Archiver] `json:"archiver"`
	// Checkpoint is what the next checkpoint has to write.
	Checkpoint Observed[Checkpoint] `json:"checkpoint"`
	// Activity is what runs on the server, from pg_stat_activity,
	// pg_prepared_xacts and pg_stat_progress_basebackup. Our own session and
	// Patroni's are not in it.
	Activity Observed[Activity] `json:"activity"`
	// Roles are the roles with REPLICATION, and those that walsenders run as.
	Roles Observed[[]Role] `json:"roles"`
	// Subscriptions are the rows of pg_subscription, of all databases; not in recordings
	// of releases that did not read it.
	Subscriptions Observed[[]Subscription] `json:"subscriptions,omitzero"`
	// HBA are the rules of pg_hba.conf as pg_hba_file_rules shows them, in order.
	// Only a superuser may read them, or who was granted EXECUTE on
	// pg_hba_file_rules() and SELECT on the view.
	HBA Observed[[]HBARule] `json:"pg_hba_file_rules"`
	// Database is the database of the session; the next four are of that one alone.
	Database Observed[string] `json:"database"`
	// UnloggedTables counts pg_class.relpersistence = 'u' among tables.
	UnloggedTables Observed[int] `json:"unlogged_tables"`
	// Extensions are those installed: name and installed version.
	Extensions Observed[map[string]string] `json:"extensions"`
	// AvailableExtensions are those of which the server has the files: for each
	// installed extension, whether that version is in pg_available_extension_versions.
	AvailableExtensions Observed[map[string]bool] `json:"available_extensions"`
	// PresentExtensions tells the same of any version: a newer package need not
	// have the scripts of the installed version.
	PresentExtensions Observed[map[string]bool] `json:"present_extensions"`
	// Collations are the databases and collations whose recorded version is not
	// the one that the server's libraries have, as far as versions are known.
	Collations Observed[[]Collation] `json:"collation_mismatches"`
	// CollationVersion is the version of the C library's (or the default
	// provider's) collations that the server has for the database: of
	// pg_database_collation_actual_version, PostgreSQL 15 and later.
	CollationVersion Observed[string] `json:"collation_version"`
}

// Position is a WAL position at a time, by the server's clock.
type Position struct {
	LSN LSN       `json:"lsn"`
	At  time.Time `json:"at"`
}

// Slot is one row of pg_replication_slots.
type Slot struct {
	Name string `json:"slot_name"`
	// Type is "physical" or "logical".
	Type     string `json:"slot_type"`
	Plugin   string `json:"plugin,omitempty"`
	Database string `json:"database,omitempty"`
	Active   bool   `json:"active"`
	// ActivePID is 0 where no session uses the slot.
	ActivePID int  `json:"active_pid,omitempty"`
	Temporary bool `json:"temporary,omitempty"`
	// RestartLSN and ConfirmedFlush are unknown (absent) where NULL.
	RestartLSN     Observed[LSN] `json:"restart_lsn"`
	ConfirmedFlush Observed[LSN] `json:"confirmed_flush_lsn"`
	// CatalogXmin is whether the slot has one: a logical slot that has none
	// protects nothing yet.
	CatalogXmin bool `json:"catalog_xmin"`
	// WALStatus is reserved, extended, unreserved or lost (PostgreSQL 13 and
	// later); unknown (absent) where NULL: nothing reserved yet.
	WALStatus Observed[string] `json:"wal_status"`
	// Invalid is the reason of an invalidation, "" for none (conflicting since
	// PostgreSQL 16, invalidation_reason since 17).
	Invalid string `json:"invalid,omitempty"`
	// Failover and Synced are PostgreSQL 17's; false before.
	Failover bool `json:"failover,omitempty"`
	Synced   bool `json:"synced,omitempty"`
}

// Archiver is pg_stat_archiver.
type Archiver struct {
	// LastArchivedAt and LastFailedAt are unknown (absent) where there was none.
	LastArchivedAt Observed[time.Time] `json:"last_archived_time"`
	LastFailedAt   Observed[time.Time] `json:"last_failed_time"`
	LastFailedWAL  string              `json:"last_failed_wal,omitempty"`
	ArchivedCount  int64               `json:"archived_count"`
	FailedCount    int64               `json:"failed_count"`
	// Ready counts the WAL files that wait (pg_ls_archive_statusdir, PostgreSQL 12
	// and later, pg_monitor).
	Ready Observed[int] `json:"ready"`
}

// Checkpoint is what is known of the work that a checkpoint has.
type Checkpoint struct {
	// RedoLSN is where the last one began (pg_control_checkpoint).
	RedoLSN LSN `json:"redo_lsn"`
	// At is when it began.
	At time.Time `json:"checkpoint_time"`
}

// Activity is what runs on a server.
type Activity struct {
	// Sessions are client backends, Active those in a transaction or statement.
	Sessions int `json:"sessions"`
	Active   int `json:"active"`
	// OldestTransactionSeconds and OldestQuerySeconds are the ages of the oldest
	// running transaction and statement of a client backend; 0 where none runs.
	OldestTransactionSeconds int64 `json:"oldest_transaction_seconds"`
	OldestQuerySeconds       int64 `json:"oldest_query_seconds"`
	PreparedTransactions     int   `json:"prepared_transactions"`
	BaseBackups              int   `json:"base_backups"`
	// ReplayConflict is whether the replay of a standby waits for a session, by the
	// wait event of its startup process. PostgreSQL before 13 shows that of locks
	// and buffers, and not that of snapshots.
	ReplayConflict bool `json:"replay_conflict,omitempty"`
	// SyncWaits are the client backends whose commit waits for a synchronous standby
	// (wait event SyncRep).
	SyncWaits int `json:"sync_waits,omitempty"`
	// OldestSyncWaitSeconds is the age of the oldest statement among them: it waits for as
	// long, or for less.
	OldestSyncWaitSeconds int64 `json:"oldest_sync_wait_seconds,omitempty"`
}

// Subscription is a row of pg_subscription.
type Subscription struct {
	Name     string `json:"subname"`
	Database string `json:"database"`
	Enabled  bool   `json:"subenabled"`
	// Slot is the slot on the publisher; unknown (absent) where there is none.
	Slot Observed[string] `json:"subslotname"`
}

// Role is a row of pg_roles.
type Role struct {
	Name        string `json:"rolname"`
	CanLogin    bool   `json:"rolcanlogin"`
	Replication bool   `json:"rolreplication"`
	Superuser   bool   `json:"rolsuper"`
	// ValidUntil is when the password expires; unknown (absent) where it does not.
	ValidUntil Observed[time.Time] `json:"rolvaliduntil"`
}

// HBARule is a line of pg_hba.conf.
type HBARule struct {
	Line int `json:"line_number"`
	// Type is local, host, hostssl, hostnossl, hostgssenc or hostnogssenc.
	Type      string   `json:"type"`
	Databases []string `json:"database"`
	Users     []string `json:"user_name"`
	// Address is "" on local rules; else an IP address, a host name, or all,
	// samehost, samenet. Netmask is "" where Address is no IP address.
	Address string `json:"address,omitempty"`
	Netmask string `json:"netmask,omitempty"`
	Method  string `json:"auth_method"`
	// Error is why PostgreSQL could not read the line.
	Error string `json:"error,omitempty"`
}

// Collation is a collation, or a database's default one, whose recorded version
// differs from what the server has.
type Collation struct {
	// Database is set for a database's default collation, Name for another.
	Database string `json:"database,omitempty"`
	Name     string `json:"collation,omitempty"`
	Recorded string `json:"recorded"`
	Actual   string `json:"actual"`
}

// WalSender is one row of pg_stat_replication. For want of pg_read_all_stats
// all but PID, User and ApplicationName are NULL, hence unknown.
type WalSender struct {
	PID             int                 `json:"pid"`
	User            string              `json:"usename"`
	ApplicationName string              `json:"application_name"`
	ClientAddr      Observed[string]    `json:"client_addr"`
	State           Observed[string]    `json:"state"`
	SentLSN         Observed[LSN]       `json:"sent_lsn"`
	WriteLSN        Observed[LSN]       `json:"write_lsn"`
	FlushLSN        Observed[LSN]       `json:"flush_lsn"`
	ReplayLSN       Observed[LSN]       `json:"replay_lsn"`
	SyncState       Observed[string]    `json:"sync_state"`
	ReplyTime       Observed[time.Time] `json:"reply_time"`
	// Confirmed is whether the client confirmed the leader's first sample; on the leader
	// only, and not in recordings of releases that did not watch for it.
	Confirmed Observed[Confirmation] `json:"confirmed,omitzero"`
}

// WalReceiver is the row of pg_stat_wal_receiver.
type WalReceiver struct {
	Running    bool                `json:"running"`
	Status     Observed[string]    `json:"status"`
	Timeline   Observed[int64]     `json:"received_tli"`
	SenderHost Observed[string]    `json:"sender_host"`
	SenderPort Observed[int]       `json:"sender_port"`
	SlotName   Observed[string]    `json:"slot_name"`
	LastMsgAt  Observed[time.Time] `json:"last_msg_receipt_time"`
	// FlushedLSN is flushed_lsn (received_lsn before PostgreSQL 13).
	FlushedLSN Observed[LSN] `json:"flushed_lsn"`
}
