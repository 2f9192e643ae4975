package fact

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
	// ClusterID is that of the etcd cluster that answered the read, hexadecimal; "" in
	// a recording made before it was read.
	ClusterID string `json:"cluster_id,omitempty"`
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
	// ClusterID and Leader are the IDs of the etcd cluster and of its raft leader,
	// hexadecimal; Revision is the server's own. In a recording made before they were
	// read they are "" and 0.
	ClusterID string `json:"cluster_id,omitempty"`
	Leader    string `json:"leader,omitempty"`
	Revision  int64  `json:"revision,omitempty"`
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
	Config Observed[DynamicConfig] `json:"config"`
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
