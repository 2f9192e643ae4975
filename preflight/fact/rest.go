package fact

import (
	"time"
)

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

// The statuses of a RequestAnswer: the login is accepted and the list refused, the login
// is refused, the machine is refused.
const (
	ListRefused    = 400
	LoginRefused   = 401
	MachineRefused = 403
)

// RequestAnswer is how a member answered POST /switchover with an empty list. Patroni
// checks who asks, and then refuses the list with 400.
type RequestAnswer struct {
	// HTTPStatus is ListRefused, LoginRefused or MachineRefused.
	HTTPStatus int `json:"http_status"`
	// Text is the beginning of the answer, if the status is not 400.
	Text string `json:"text,omitempty"`
	// LoggedIn: a login is configured, and was sent.
	LoggedIn bool `json:"logged_in"`
	// From is the address from which this machine asked.
	From string `json:"from,omitempty"`
}
