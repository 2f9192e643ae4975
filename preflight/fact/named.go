package fact

import (
	"strconv"
	"time"
)

// Groups are the Citus groups among which one has to be named: a prefix with a
// leader of its own, or with no key of Patroni, has none.
var Groups = Fact[[]string]{"the Citus groups", func(s *Snapshot, _ string) Observed[[]string] {
	if s.Leader() != "" || s.DCS.Cluster.Cause() == Absent {
		return Known([]string{})
	}
	return Field(s.DCS.Cluster, func(c Cluster) Observed[[]string] { return c.Groups })
}}

// Patroni gives a member's REST API two seconds and no second try
// (patroni/ha.py, fetch_node_status).
const PatroniRESTSeconds = 2

// RESTOutcome is how the call of the REST API ended, where that says something
// about the member: an answer (""), nobody listens, accepted but silent, or
// rubbish. Where only our own way there failed it is unknown: the leader may
// have a better one.
var RESTOutcome = OfMember("the outcome of the REST call", func(m Member) Observed[Cause] {
	switch c := m.REST.Cause(); {
	case m.REST.Known() && m.REST.Stamp == nil:
		return NotKnown[Cause](Absent, "the recording has no time of the REST answer, and Patroni waits only 2 s")
	case c == "", c == Refused, c == Silent, c == Malformed:
		return Known(c)
	}
	return Because[Cause](m.REST)
})

// PositionGiven is whether the REST answer holds a WAL position at all.
var PositionGiven = OfREST("xlog in the REST answer", func(r REST) Observed[bool] {
	o := Highest(r.Received, r.Replayed)
	if !o.Known() {
		o = r.Location
	}
	switch {
	case o.Known():
		return Known(true)
	case r.Received.Cause() == Absent && r.Replayed.Cause() == Absent:
		return Known(false)
	}
	return Because[bool](r.Received)
})

var ReplayPaused = OfSQL("pg_is_wal_replay_paused()", func(q SQL) Observed[bool] { return q.ReplayPaused })

// Failing reports whether the last attempt to archive a file failed.
func (a Archiver) Failing() bool {
	failed, ok := a.LastFailedAt.Get()
	if !ok {
		return false
	}
	archived, ok := a.LastArchivedAt.Get()
	return !ok || failed.After(archived)
}

// Both are needed only where the configuration makes them matter.
var (
	UpstreamStatus = Fact[string]{ReceiverStatus.Label, func(s *Snapshot, m string) Observed[string] {
		if Equal(StandbyCluster.Of(s, m), false) {
			return Known("")
		}
		return ReceiverStatus.Of(s, m)
	}}
	SyncSenders = Fact[[]WalSender]{WALSenders.Label, func(s *Snapshot, m string) Observed[[]WalSender] {
		if Equal(SyncMode.Of(s, m), "off") {
			return Known([]WalSender{})
		}
		return WALSenders.Of(s, m)
	}}
)

// Facts of the store and the cluster.
var (
	DCSRead   = Fact[int]{"quorum read from the DCS", func(s *Snapshot, _ string) Observed[int] { return s.DCS.Read }}
	DCSAlarms = Fact[[]string]{"the DCS's alarms", func(s *Snapshot, _ string) Observed[[]string] { return s.DCS.Alarms }}
	DCSMoved  = Fact[[]string]{
		"a second read of the DCS",
		func(s *Snapshot, _ string) Observed[[]string] { return s.Moved },
	}

	ClusterState = ofCluster("Patroni's keys under the prefix", func(c Cluster) Observed[Cluster] { return Known(c) })
	Initialize   = ofCluster("/initialize", func(c Cluster) Observed[string] { return c.Initialize })
	// ClusterID is /initialize; where the store is not read, what the leader says.
	ClusterID = Fact[string]{Initialize.Label, func(s *Snapshot, _ string) Observed[string] {
		if id := Initialize.Of(s, ""); s.DCS.ByREST == "" || id.Known() {
			return id
		}
		return OfREST("", func(r REST) Observed[string] { return r.SystemID }).Of(s, s.Leader())
	}}
	LeaderKey   = ofCluster("/leader", func(c Cluster) Observed[string] { return c.Leader })
	LeaderLease = ofCluster("the lease of /leader", func(c Cluster) Observed[Lease] { return c.LeaderLease })
	Optime      = ofCluster("optime in /status", func(c Cluster) Observed[LSN] { return c.Optime })
	FailoverKey = ofCluster("/failover", func(c Cluster) Observed[Failover] { return c.Failover })
	SyncState   = ofCluster("/sync", func(c Cluster) Observed[Sync] { return c.Sync })
	History     = ofCluster("/history", func(c Cluster) Observed[[]HistoryEntry] { return c.History })

	Config        = ofCluster("/config", func(c Cluster) Observed[DynamicConfig] { return c.Config })
	TTL           = OfConfig("ttl in /config", func(c DynamicConfig) Observed[int64] { return c.TTL })
	LoopWait      = OfConfig("loop_wait in /config", func(c DynamicConfig) Observed[int64] { return c.LoopWait })
	RetryTimeout  = OfConfig("retry_timeout in /config", func(c DynamicConfig) Observed[int64] { return c.RetryTimeout })
	CheckTimeline = OfConfig("check_timeline in /config", func(c DynamicConfig) Observed[bool] { return c.CheckTimeline })
	Pause         = OfConfig("pause in /config", func(c DynamicConfig) Observed[bool] { return c.Pause })
	SyncMode      = OfConfig(
		"synchronous_mode in /config",
		func(c DynamicConfig) Observed[string] { return c.SynchronousMode },
	)
	StandbyCluster = OfConfig(
		"standby_cluster in /config",
		func(c DynamicConfig) Observed[bool] { return c.StandbyCluster },
	)
)

// Facts of a member key.
var (
	MemberLease = OfMember("the lease of the member key", func(m Member) Observed[Lease] { return m.Lease })
	KeyAPIURL   = OfKey("api_url in the member key", func(k MemberKey) Observed[string] { return k.APIURL })
	KeyConnURL  = OfKey("conn_url in the member key", func(k MemberKey) Observed[string] { return k.ConnURL })
	KeyRole     = OfKey("role in the member key", func(k MemberKey) Observed[string] { return k.Role })
	// RequestAnswered is unrecorded where no request was rehearsed: check only reads.
	RequestAnswered = OfMember("the answer to a rehearsed request", func(m Member) Observed[RequestAnswer] {
		if m.Request.Cause() != NotAsked {
			return m.Request
		}
		why := "switchover and drill do that"
		if m.Request.Why != nil {
			why = m.Request.Reason()
		}
		return NotKnown[RequestAnswer](Unrecorded, "%s", why)
	})
	// KeyVersion is told by the member itself where the store is not read.
	KeyVersion = Fact[string]{"version in the member key", func(s *Snapshot, m string) Observed[string] {
		v := OfKey("", func(k MemberKey) Observed[string] { return k.Version }).Of(s, m)
		if s.DCS.ByREST == "" || v.Known() {
			return v
		}
		return OfREST("", func(r REST) Observed[string] { return r.Version }).Of(s, m)
	}}
	KeyTags = OfKey("tags in the member key", func(k MemberKey) Observed[Tags] { return k.Tags })
	// KeyPause is told by the member itself where the store is not read.
	KeyPause = Fact[bool]{"pause in the member key", func(s *Snapshot, m string) Observed[bool] {
		p := OfKey("", func(k MemberKey) Observed[bool] { return k.Pause }).Of(s, m)
		if s.DCS.ByREST == "" || p.Known() {
			return p
		}
		return OfREST("", func(r REST) Observed[bool] { return r.Pause }).Of(s, m)
	}}
)

// Facts of a REST answer.
var (
	RESTAnswer   = OfMember("the REST answer", func(m Member) Observed[REST] { return m.REST })
	Liveness     = OfMember("the answer of GET /liveness", func(m Member) Observed[int] { return m.Liveness })
	RESTScope    = OfREST("patroni.scope in the REST answer", func(r REST) Observed[string] { return r.Scope })
	RESTState    = OfREST("state in the REST answer", func(r REST) Observed[string] { return r.State })
	RESTRole     = OfREST("role in the REST answer", func(r REST) Observed[string] { return r.Role })
	RESTSystemID = OfREST(
		"database_system_identifier in the REST answer",
		func(r REST) Observed[string] { return r.SystemID },
	)
	RESTStarted = OfREST(
		"postmaster_start_time in the REST answer",
		func(r REST) Observed[time.Time] { return r.PostmasterStart },
	)
	RESTTags     = OfREST("tags in the REST answer", func(r REST) Observed[Tags] { return r.Tags })
	RESTPause    = OfREST("pause in the REST answer", func(r REST) Observed[bool] { return r.Pause })
	RESTWatchdog = OfREST("watchdog_failed in the REST answer", func(r REST) Observed[bool] { return r.WatchdogFailed })
	RESTUnlocked = OfREST("cluster_unlocked in the REST answer", func(r REST) Observed[bool] { return r.ClusterUnlocked })
	RESTFailsafe = OfREST(
		"failsafe_mode_is_active in the REST answer",
		func(r REST) Observed[bool] { return r.FailsafeActive },
	)
	RESTLastSeen = OfREST("dcs_last_seen in the REST answer", func(r REST) Observed[time.Time] { return r.DCSLastSeen })
	RESTDate     = OfREST("the Date header of the REST answer", func(r REST) Observed[time.Time] { return r.Date })

	// RESTName is "" where the answer comes from a Patroni that gives no name
	// (before 3.2.0): that is known, and other proofs have to carry the identity.
	RESTName = OfREST("patroni.name in the REST answer", func(r REST) Observed[string] {
		if v, ok := r.Version.Get(); ok && !r.Name.Known() && OlderThan(v, 3, 2, 0) {
			return Known("")
		}
		return r.Name
	})

	// RESTPosition is what Patroni takes for the member's WAL position: the higher
	// of received and replayed, and 0 for whoever answers as a primary
	// (patroni/ha.py, _MemberStatus.from_api_response).
	RESTPosition = OfREST("the WAL position in the REST answer", func(r REST) Observed[LSN] {
		if role, _ := r.Role.Get(); r.Location.Known() || IsPrimaryRole(role) {
			return Known(LSN(0))
		}
		return Highest(r.Received, r.Replayed)
	})
)

// Facts of a PostgreSQL session.
var (
	SQLSystemID = OfSQL("the system identifier by SQL", func(q SQL) Observed[string] { return q.SystemID })
	SQLStarted  = OfSQL(
		"pg_postmaster_start_time() by SQL",
		func(q SQL) Observed[time.Time] { return q.PostmasterStart },
	)
	SQLInRecovery = OfSQL("pg_is_in_recovery() by SQL", func(q SQL) Observed[bool] { return q.InRecovery })
	SQLTimeline   = OfSQL("the timeline by SQL", func(q SQL) Observed[int64] { return q.Timeline })
	SQLReplay     = OfSQL("pg_last_wal_replay_lsn() by SQL", func(q SQL) Observed[LSN] { return q.ReplayLSN })
	// WALSenders is unknown where the role sees the rows but not what is in them.
	WALSenders = OfSQL("pg_stat_replication", func(q SQL) Observed[[]WalSender] {
		return Field(q.WalSenders, func(rows []WalSender) Observed[[]WalSender] {
			for _, row := range rows {
				if !row.State.Known() {
					return Because[[]WalSender](row.State)
				}
			}
			return Known(rows)
		})
	})
	WALReceiver = OfSQL("pg_stat_wal_receiver", func(q SQL) Observed[WalReceiver] { return q.WalReceiver })
	// ReceiverStatus is "" where no WAL receiver runs.
	ReceiverStatus = OfSQL("the status in pg_stat_wal_receiver", func(q SQL) Observed[string] {
		return Field(q.WalReceiver, func(w WalReceiver) Observed[string] {
			if !w.Running {
				return Known("")
			}
			return w.Status
		})
	})

	// StandbyTimeline is the timeline that a standby is on: by its WAL receiver, or
	// by REST where none runs. The control file, which SQL shows then, may be of a
	// checkpoint on an older one.
	StandbyTimeline = OfMember("the member's timeline", func(m Member) Observed[int64] {
		running := Field(
			Field(m.SQL, func(q SQL) Observed[WalReceiver] { return q.WalReceiver }),
			func(w WalReceiver) Observed[bool] { return Known(w.Running) },
		)
		if Equal(running, false) {
			return Field(m.REST, func(r REST) Observed[int64] { return r.Timeline })
		}
		return Field(m.SQL, func(q SQL) Observed[int64] { return q.Timeline })
	})

	// SQLReceived is how far a standby holds WAL: what was received, or what was
	// replayed where nothing was received since its start. A NULL received
	// position is knowledge; one that could not be read is not.
	SQLReceived = OfSQL("the received WAL position by SQL", func(q SQL) Observed[LSN] {
		if !q.ReceiveLSN.Known() && q.ReceiveLSN.Cause() != Absent {
			return q.ReceiveLSN
		}
		return Highest(q.ReceiveLSN, q.ReplayLSN)
	})

	// LeaderBefore is the leader's position sampled before the standbys: what a
	// standby lacks is at least this minus its own. A standby leader follows.
	LeaderBefore = OfSQL("live WAL position by SQL", func(q SQL) Observed[LSN] {
		if Equal(q.InRecovery, true) {
			return Highest(q.ReceiveLSN, q.ReplayLSN)
		}
		return q.FlushLSN
	}).OnLeader()

	// LeaderAfter is the leader's position sampled after the standbys: none can
	// be ahead of it unless it holds WAL that the leader never had.
	// The leader of a standby cluster writes nothing, so nothing can be ahead of it
	// in that sense.
	LeaderAfter = OfSQL("WAL position by SQL after the standbys' samples", func(q SQL) Observed[LSN] {
		if Equal(q.InRecovery, true) {
			return Known(NoLimit)
		}
		return q.FlushLSNAfter
	}).OnLeader()
)

// NoLimit stands for the position of a leader that is in recovery itself.
const NoLimit = ^LSN(0)

// Highest is the greater of two positions, as far as they are known.
func Highest(a, b Observed[LSN]) Observed[LSN] {
	x, okA := a.Get()
	y, okB := b.Get()
	switch {
	case okA && okB:
		return Known(max(x, y))
	case okA:
		return a
	case okB:
		return b
	}
	return a
}

// SharedBuffers is the setting in bytes.
func SharedBuffers(s *Snapshot, m string) (int64, bool) {
	settings, _ := SQLSettings.Of(s, m).Get()
	pages, err := strconv.ParseInt(settings["shared_buffers"], 10, 64)
	if err != nil {
		return 0, false
	}
	return pages * 8192, true
}

var (
	CheckpointWork = OfSQL("pg_control_checkpoint()", func(q SQL) Observed[Checkpoint] { return q.Checkpoint })
	SQLSettings    = OfSQL("pg_settings", func(q SQL) Observed[map[string]string] { return q.Settings })
	SQLActivity    = OfSQL("pg_stat_activity", func(q SQL) Observed[Activity] { return q.Activity })
	ArchiverState  = OfSQL("pg_stat_archiver", func(q SQL) Observed[Archiver] { return q.Archiver })
)

var WrittenMaxLag = OfConfig(
	"maximum_lag_on_failover in /config",
	func(c DynamicConfig) Observed[string] { return c.MaximumLag },
)

var RESTTimeline = OfREST("timeline in the REST answer", func(r REST) Observed[int64] { return r.Timeline })

var (
	SQLNow   = OfSQL("the server's clock", func(q SQL) Observed[time.Time] { return q.At })
	SQLSlots = OfSQL("pg_replication_slots", func(q SQL) Observed[[]Slot] { return q.Slots })
)
