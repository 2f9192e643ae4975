// Package preflight is the heart of the tool: what a fact is, what a check is,
// every check, and the verdict. It does no I/O, reads no clock, prints nothing
// and imports the standard library only; a test holds it to that.
package preflight

import (
	"sort"
	"time"
)

// SnapshotSchema is the schema number of a recorded snapshot. It grows when a
// field changes its meaning; new fields alone do not change it.
const SnapshotSchema = 1

// Snapshot holds the facts about one cluster, and nothing else: no question, no
// judgement, no secret. It does not change after gathering. The same snapshot and
// the same question give the same report on any machine.
type Snapshot struct {
	Schema  int       `json:"schema"`
	Tool    string    `json:"tool"`
	TakenAt time.Time `json:"taken_at"`
	// Target is the cluster that was read.
	Target Target `json:"target"`
	DCS    DCS    `json:"dcs"`
	// Members are sorted by name; one for each /members/ key.
	Members []Member `json:"members"`
	// Moved lists what changed between the first and the second read of the DCS
	// ("leader", "timeline", "sync", "failover", "config", "members"). Empty and
	// known means that the cluster held still.
	Moved Observed[[]string] `json:"moved"`
	// Files are the nodes' configuration files, for an audit only.
	Files []NodeFile `json:"files,omitempty"`
}

// Target is the cluster that a snapshot describes, and how it was reached.
type Target struct {
	Scope     string `json:"scope"`
	Namespace string `json:"namespace"`
	// Group is the Citus group, empty in a cluster without groups.
	Group string `json:"group,omitempty"`
	// RESTOverTLS is true when the configuration has a CA or a certificate for the
	// REST API, so that an http api_url is a mistake.
	RESTOverTLS bool `json:"rest_over_tls,omitempty"`
}

// DCS is what the store said, about itself and about the cluster.
type DCS struct {
	// Kind is the store: "etcd3".
	Kind string `json:"kind"`
	// Prefix is the range that was read, with its trailing slash: "/service/demo/".
	Prefix string `json:"prefix"`
	// ByREST is set where this version does not read that store: the REST API that
	// told of the cluster instead, as scheme://host:port; of several that did not
	// tell, all of them.
	ByREST    string     `json:"by_rest,omitempty"`
	Endpoints []Endpoint `json:"endpoints"`
	// Alarms are the store's active alarms: "NOSPACE", "CORRUPT".
	Alarms Observed[[]string] `json:"alarms"`
	// Read is the linearizable read of the prefix, stamped. It is known when the
	// store answered with quorum, even if it holds no key there; the value is the
	// number of keys.
	Read Observed[int] `json:"read"`
	// Cluster is unknown when Read is, or when there is no key of Patroni under the
	// prefix. Of a Citus cluster without a group, only Groups is to be seen.
	Cluster Observed[Cluster] `json:"cluster"`
}

// Endpoint is one server of the store.
type Endpoint struct {
	URL    string                   `json:"url"`
	Status Observed[EndpointStatus] `json:"status"`
	// Certificate is what it showed; absent where it is http.
	Certificate Observed[Certificate] `json:"certificate,omitzero"`
}

// EndpointStatus is what etcd's maintenance Status says of one server.
type EndpointStatus struct {
	Version string `json:"version"`
	// HasLeader is false on a server that knows of no raft leader.
	HasLeader bool `json:"has_leader"`
	Learner   bool `json:"learner,omitempty"`
	// DBSize and Quota are in bytes; Quota is 0 where the server does not tell (etcd before 3.6).
	DBSize int64    `json:"db_size"`
	Quota  int64    `json:"quota,omitempty"`
	Errors []string `json:"errors,omitempty"`
}

// Cluster is Patroni's keys, decoded (patroni/dcs/__init__.py, class Cluster).
// A key that is not there is knowledge, not an unknown: each field says what
// its value then is.
type Cluster struct {
	// Revision is etcd's revision of the read.
	Revision int64 `json:"revision"`
	// Initialize is the system identifier of the cluster; "" while it bootstraps
	// or where the key is not there.
	Initialize Observed[string] `json:"initialize"`
	// Config is the dynamic configuration. Unknown where the key is absent or
	// is no JSON object.
	Config Observed[Config] `json:"config"`
	// Leader is the holder of the leader key; "" where there is none.
	Leader Observed[string] `json:"leader"`
	// LeaderLease is the lease on the leader key.
	LeaderLease Observed[Lease] `json:"leader_lease"`
	// Optime is the leader's WAL position as last written to /status (or
	// /optime/leader): up to loop_wait old.
	Optime Observed[LSN] `json:"optime"`
	// Failover is the pending manual operation; its zero value where the key is
	// absent or {}.
	Failover Observed[Failover] `json:"failover"`
	// Sync is the synchronous state; its zero value where the key is absent.
	Sync Observed[Sync] `json:"sync"`
	// History is the timeline history; empty where the key is absent.
	History Observed[[]HistoryEntry] `json:"history"`
	// Failsafe is true where the /failsafe key is there.
	Failsafe Observed[bool] `json:"failsafe"`
	// Groups are the Citus groups that have keys under the prefix, sorted; empty
	// where the cluster is not Citus', or where the prefix is that of one group.
	Groups Observed[[]string] `json:"groups"`
}

// Timeline is the cluster's timeline by /history: one more than the last that
// ended, 0 where there is none or no such key (patroni/dcs/__init__.py,
// TimelineHistory; an empty list is 1 there, which no rule tells from 0).
func (c Cluster) Timeline() (int64, bool) {
	h, ok := c.History.Get()
	if !ok || len(h) == 0 {
		return 0, ok
	}
	return h[len(h)-1].Timeline + 1, true
}

// Lease is the lease on a key. Patroni renews it with each HA loop, so
// Granted-Remaining is the age of that process's last sign of life.
type Lease struct {
	// GrantedSeconds and RemainingSeconds are etcd's granted TTL and TTL.
	// Remaining is -1 for a lease that has expired.
	GrantedSeconds   int64 `json:"granted_seconds"`
	RemainingSeconds int64 `json:"remaining_seconds"`
}

// AgeSeconds is the time since the last keep-alive.
func (l Lease) AgeSeconds() int64 { return l.GrantedSeconds - l.RemainingSeconds }

// Failover is the content of /failover (patroni/dcs/__init__.py, class Failover).
type Failover struct {
	Leader    string `json:"leader,omitempty"`
	Candidate string `json:"candidate,omitempty"`
	// ScheduledAt is the text as it stands in the key, "" for an immediate operation.
	ScheduledAt string `json:"scheduled_at,omitempty"`
}

// Pending reports whether an operation is waiting. Patroni leaves {} behind.
func (f Failover) Pending() bool { return f.Leader != "" || f.Candidate != "" }

// Sync is the content of /sync (patroni/dcs/__init__.py, class SyncState).
type Sync struct {
	Leader   string   `json:"leader,omitempty"`
	Standbys []string `json:"standbys,omitempty"`
	Quorum   int      `json:"quorum,omitempty"`
}

// HistoryEntry is one line of /history: the timeline that ended, where, and why.
type HistoryEntry struct {
	Timeline  int64  `json:"timeline"`
	SwitchLSN LSN    `json:"switch_lsn"`
	Reason    string `json:"reason,omitempty"`
	At        string `json:"at,omitempty"`
	NewLeader string `json:"new_leader,omitempty"`
}

// Member is one member of the cluster, seen from three sides.
type Member struct {
	Name string `json:"name"`
	// Key is the member key in the DCS.
	Key Observed[MemberKey] `json:"key"`
	// Lease is the lease on the member key.
	Lease Observed[Lease] `json:"lease"`
	// REST is the answer of GET api_url, whoever gave it.
	REST Observed[REST] `json:"rest"`
	// Liveness is the HTTP status of GET /liveness: 503 when the HA loop is stuck
	// (patroni/api.py, do_GET_liveness; always 200 before 2.1.5).
	Liveness Observed[int] `json:"liveness"`
	// SQL is the session on conn_url, whoever answered there.
	SQL Observed[SQL] `json:"sql"`
}

// MemberKey is the member's own account of itself, as of its last write
// (patroni/ha.py, touch_member). It may be old while the lease is alive: Patroni
// writes it on change only.
type MemberKey struct {
	// ConnURL and APIURL are without credentials.
	ConnURL Observed[string] `json:"conn_url"`
	APIURL  Observed[string] `json:"api_url"`
	State   Observed[string] `json:"state"`
	// Role is as written: "master" before Patroni 4.0.0, "primary" since.
	Role    Observed[string] `json:"role"`
	Version Observed[string] `json:"version"`
	// Timeline is unknown where the key has none.
	Timeline Observed[int64] `json:"timeline"`
	// Xlog is xlog_location: flushed on the leader, max(received, replayed) on a replica.
	Xlog Observed[LSN] `json:"xlog_location"`
	// ReplicationState is "" where absent: not streaming, or Patroni before 3.0.4.
	ReplicationState Observed[string] `json:"replication_state"`
	Tags             Observed[Tags]   `json:"tags"`
	// Pause, PendingRestart: absent means false.
	Pause          Observed[bool] `json:"pause"`
	PendingRestart Observed[bool] `json:"pending_restart"`
	// PendingRestartReason names the settings that wait for a restart, sorted;
	// empty where absent (Patroni before 3.3.0 gives none).
	PendingRestartReason Observed[[]string] `json:"pending_restart_reason"`
	// ScheduledRestart is the time of a scheduled restart as written; "" where none is.
	ScheduledRestart Observed[string] `json:"scheduled_restart"`
	// CheckpointAfterPromote is false on a leader that has not written a
	// checkpoint since its promotion; absent means true.
	CheckpointAfterPromote Observed[bool] `json:"checkpoint_after_promote"`
}

// REST is the answer to GET api_url (patroni/api.py, get_postgresql_status and
// _write_status_response).
type REST struct {
	HTTPStatus int `json:"http_status"`
	// RemoteAddr is the IP and port that answered.
	RemoteAddr string `json:"remote_addr,omitempty"`
	// Certificate is what it showed; absent where it is http.
	Certificate Observed[Certificate] `json:"certificate,omitzero"`
	// Name is patroni.name, which Patroni gives since 3.2.0.
	Name    Observed[string] `json:"name"`
	Scope   Observed[string] `json:"scope"`
	Version Observed[string] `json:"version"`
	State   Observed[string] `json:"state"`
	Role    Observed[string] `json:"role"`
	// PostmasterStart is to the microsecond.
	PostmasterStart Observed[time.Time] `json:"postmaster_start_time"`
	ServerVersion   Observed[int]       `json:"server_version"`
	SystemID        Observed[string]    `json:"database_system_identifier"`
	// Timeline is null in the answer of a replica that cannot reach its own
	// server by a replication connection: that is unknown here.
	Timeline Observed[int64] `json:"timeline"`
	// Location is there on a primary only; Received and Replayed on a replica only.
	Location Observed[LSN] `json:"location"`
	Received Observed[LSN] `json:"received"`
	Replayed Observed[LSN] `json:"replayed"`
	// ReplayPaused is known on a replica only.
	ReplayPaused Observed[bool] `json:"replay_paused"`
	// ReplicationState is "" where absent.
	ReplicationState Observed[string] `json:"replication_state"`
	Tags             Observed[Tags]   `json:"tags"`
	// Absent means false for each of these.
	Pause           Observed[bool] `json:"pause"`
	ClusterUnlocked Observed[bool] `json:"cluster_unlocked"`
	FailsafeActive  Observed[bool] `json:"failsafe_mode_is_active"`
	WatchdogFailed  Observed[bool] `json:"watchdog_failed"`
	PendingRestart  Observed[bool] `json:"pending_restart"`
	SyncStandby     Observed[bool] `json:"sync_standby"`
	QuorumStandby   Observed[bool] `json:"quorum_standby"`
	// DCSLastSeen is when that Patroni last heard from the DCS, by its own clock.
	DCSLastSeen Observed[time.Time] `json:"dcs_last_seen"`
	// Date is the Date header, by the clock of the machine that answered; to the second.
	Date Observed[time.Time] `json:"date"`
}

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
	ReceiveLSN   Observed[LSN]  `json:"receive_lsn"`
	ReplayLSN    Observed[LSN]  `json:"replay_lsn"`
	ReplayPaused Observed[bool] `json:"replay_paused"`
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

// Member returns the member of that name.
func (s *Snapshot) Member(name string) (Member, bool) {
	for _, m := range s.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// Leader returns the name that holds the leader key; "" where nobody does or
// nobody could be asked.
func (s *Snapshot) Leader() string {
	c, _ := s.DCS.Cluster.Get()
	l, _ := c.Leader.Get()
	return l
}

// Sort puts members into the one order in which they are recorded and judged.
func (s *Snapshot) Sort() {
	sort.Slice(s.Members, func(i, j int) bool { return s.Members[i].Name < s.Members[j].Name })
}
