package preflight

import "time"

// Every fact that a check needs stands here once, with the words in which a
// report names it. A field inside an answer that never came is unknown for the
// answer's own reason.

// within returns a field of an answer.
func within[S, T any](o Observed[S], field func(S) Observed[T]) Observed[T] {
	if v, ok := o.Get(); ok {
		return field(v)
	}
	return Because[T](o)
}

func ofCluster[T any](name string, field func(Cluster) Observed[T]) fact[T] {
	return fact[T]{name, func(s *Snapshot, _ string) Observed[T] { return within(s.DCS.Cluster, field) }}
}

func ofConfig[T any](name string, field func(Config) Observed[T]) fact[T] {
	return fact[T]{name, func(s *Snapshot, _ string) Observed[T] {
		return within(within(s.DCS.Cluster, func(c Cluster) Observed[Config] { return c.Config }), field)
	}}
}

// ofMember is a fact about one member; a member that the DCS does not name has
// no facts.
func ofMember[T any](name string, field func(Member) Observed[T]) fact[T] {
	return fact[T]{name, func(s *Snapshot, subject string) Observed[T] {
		m, ok := s.Member(subject)
		if !ok {
			return NotKnown[T](NotAsked, "the DCS names no member %q", subject)
		}
		return field(m)
	}}
}

func ofKey[T any](name string, field func(MemberKey) Observed[T]) fact[T] {
	return ofMember(name, func(m Member) Observed[T] { return within(m.Key, field) })
}

func ofREST[T any](name string, field func(REST) Observed[T]) fact[T] {
	return ofMember(name, func(m Member) Observed[T] { return within(m.REST, field) })
}

func ofSQL[T any](name string, field func(SQL) Observed[T]) fact[T] {
	return ofMember(name, func(m Member) Observed[T] { return within(m.SQL, field) })
}

// Facts of the store and the cluster.
var (
	dcsRead   = fact[int]{"an answer of the DCS with quorum", func(s *Snapshot, _ string) Observed[int] { return s.DCS.Read }}
	dcsAlarms = fact[[]string]{"the DCS's alarms", func(s *Snapshot, _ string) Observed[[]string] { return s.DCS.Alarms }}
	dcsMoved  = fact[[]string]{"a second read of the DCS", func(s *Snapshot, _ string) Observed[[]string] { return s.Moved }}

	cluster    = ofCluster("Patroni's keys under the prefix", func(c Cluster) Observed[Cluster] { return Known(c) })
	initialize = ofCluster("/initialize", func(c Cluster) Observed[string] { return c.Initialize })
	// clusterID is /initialize; where the store is not read, what the leader says.
	clusterID = fact[string]{initialize.name, func(s *Snapshot, _ string) Observed[string] {
		if id := initialize.of(s, ""); s.DCS.ByREST == "" || id.Known() {
			return id
		}
		return ofREST("", func(r REST) Observed[string] { return r.SystemID }).of(s, s.Leader())
	}}
	leaderKey   = ofCluster("/leader", func(c Cluster) Observed[string] { return c.Leader })
	leaderLease = ofCluster("the lease of /leader", func(c Cluster) Observed[Lease] { return c.LeaderLease })
	optime      = ofCluster("optime in /status", func(c Cluster) Observed[LSN] { return c.Optime })
	failover    = ofCluster("/failover", func(c Cluster) Observed[Failover] { return c.Failover })
	syncState   = ofCluster("/sync", func(c Cluster) Observed[Sync] { return c.Sync })
	history     = ofCluster("/history", func(c Cluster) Observed[[]HistoryEntry] { return c.History })

	config         = ofCluster("/config", func(c Cluster) Observed[Config] { return c.Config })
	ttl            = ofConfig("ttl in /config", func(c Config) Observed[int64] { return c.TTL })
	loopWait       = ofConfig("loop_wait in /config", func(c Config) Observed[int64] { return c.LoopWait })
	retryTimeout   = ofConfig("retry_timeout in /config", func(c Config) Observed[int64] { return c.RetryTimeout })
	checkTimeline  = ofConfig("check_timeline in /config", func(c Config) Observed[bool] { return c.CheckTimeline })
	pause          = ofConfig("pause in /config", func(c Config) Observed[bool] { return c.Pause })
	syncMode       = ofConfig("synchronous_mode in /config", func(c Config) Observed[string] { return c.SynchronousMode })
	standbyCluster = ofConfig("standby_cluster in /config", func(c Config) Observed[bool] { return c.StandbyCluster })
)

// Facts of a member key.
var (
	memberLease = ofMember("the lease of the member key", func(m Member) Observed[Lease] { return m.Lease })
	keyAPIURL   = ofKey("api_url in the member key", func(k MemberKey) Observed[string] { return k.APIURL })
	keyConnURL  = ofKey("conn_url in the member key", func(k MemberKey) Observed[string] { return k.ConnURL })
	keyRole     = ofKey("role in the member key", func(k MemberKey) Observed[string] { return k.Role })
	// keyVersion is told by the member itself where the store is not read.
	keyVersion = fact[string]{"version in the member key", func(s *Snapshot, m string) Observed[string] {
		v := ofKey("", func(k MemberKey) Observed[string] { return k.Version }).of(s, m)
		if s.DCS.ByREST == "" || v.Known() {
			return v
		}
		return ofREST("", func(r REST) Observed[string] { return r.Version }).of(s, m)
	}}
	keyTags = ofKey("tags in the member key", func(k MemberKey) Observed[Tags] { return k.Tags })
	// keyPause is told by the member itself where the store is not read.
	keyPause = fact[bool]{"pause in the member key", func(s *Snapshot, m string) Observed[bool] {
		p := ofKey("", func(k MemberKey) Observed[bool] { return k.Pause }).of(s, m)
		if s.DCS.ByREST == "" || p.Known() {
			return p
		}
		return ofREST("", func(r REST) Observed[bool] { return r.Pause }).of(s, m)
	}}
)

// Facts of a REST answer.
var (
	restAnswer   = ofMember("the REST answer", func(m Member) Observed[REST] { return m.REST })
	liveness     = ofMember("the answer of GET /liveness", func(m Member) Observed[int] { return m.Liveness })
	restScope    = ofREST("patroni.scope in the REST answer", func(r REST) Observed[string] { return r.Scope })
	restState    = ofREST("state in the REST answer", func(r REST) Observed[string] { return r.State })
	restRole     = ofREST("role in the REST answer", func(r REST) Observed[string] { return r.Role })
	restSystemID = ofREST("database_system_identifier in the REST answer", func(r REST) Observed[string] { return r.SystemID })
	restStarted  = ofREST("postmaster_start_time in the REST answer", func(r REST) Observed[time.Time] { return r.PostmasterStart })
	restTags     = ofREST("tags in the REST answer", func(r REST) Observed[Tags] { return r.Tags })
	restPause    = ofREST("pause in the REST answer", func(r REST) Observed[bool] { return r.Pause })
	restWatchdog = ofREST("watchdog_failed in the REST answer", func(r REST) Observed[bool] { return r.WatchdogFailed })
	restUnlocked = ofREST("cluster_unlocked in the REST answer", func(r REST) Observed[bool] { return r.ClusterUnlocked })
	restFailsafe = ofREST("failsafe_mode_is_active in the REST answer", func(r REST) Observed[bool] { return r.FailsafeActive })
	restLastSeen = ofREST("dcs_last_seen in the REST answer", func(r REST) Observed[time.Time] { return r.DCSLastSeen })
	restDate     = ofREST("the Date header of the REST answer", func(r REST) Observed[time.Time] { return r.Date })

	// restName is "" where the answer comes from a Patroni that gives no name
	// (before 3.2.0): that is known, and other proofs have to carry the identity.
	restName = ofREST("patroni.name in the REST answer", func(r REST) Observed[string] {
		if v, ok := r.Version.Get(); ok && !r.Name.Known() && olderThan(v, 3, 2, 0) {
			return Known("")
		}
		return r.Name
	})

	// restPosition is what Patroni takes for the member's WAL position: the higher
	// of received and replayed, and 0 for whoever answers as a primary
	// (patroni/ha.py, _MemberStatus.from_api_response).
	restPosition = ofREST("the WAL position in the REST answer", func(r REST) Observed[LSN] {
		if role, _ := r.Role.Get(); r.Location.Known() || isPrimaryRole(role) {
			return Known(LSN(0))
		}
		return highest(r.Received, r.Replayed)
	})
)

// Facts of a PostgreSQL session.
var (
	sqlSystemID   = ofSQL("the system identifier by SQL", func(q SQL) Observed[string] { return q.SystemID })
	sqlStarted    = ofSQL("pg_postmaster_start_time() by SQL", func(q SQL) Observed[time.Time] { return q.PostmasterStart })
	sqlInRecovery = ofSQL("pg_is_in_recovery() by SQL", func(q SQL) Observed[bool] { return q.InRecovery })
	sqlTimeline   = ofSQL("the timeline by SQL", func(q SQL) Observed[int64] { return q.Timeline })
	sqlReplay     = ofSQL("pg_last_wal_replay_lsn() by SQL", func(q SQL) Observed[LSN] { return q.ReplayLSN })
	// walSenders is unknown where the role sees the rows but not what is in them.
	walSenders = ofSQL("pg_stat_replication", func(q SQL) Observed[[]WalSender] {
		return within(q.WalSenders, func(rows []WalSender) Observed[[]WalSender] {
			for _, row := range rows {
				if !row.State.Known() {
					return Because[[]WalSender](row.State)
				}
			}
			return Known(rows)
		})
	})
	walReceiver = ofSQL("pg_stat_wal_receiver", func(q SQL) Observed[WalReceiver] { return q.WalReceiver })
	// receiverStatus is "" where no WAL receiver runs.
	receiverStatus = ofSQL("the status in pg_stat_wal_receiver", func(q SQL) Observed[string] {
		return within(q.WalReceiver, func(w WalReceiver) Observed[string] {
			if !w.Running {
				return Known("")
			}
			return w.Status
		})
	})

	// standbyTimeline is the timeline that a standby is on: by its WAL receiver, or
	// by REST where none runs. The control file, which SQL shows then, may be of a
	// checkpoint on an older one.
	standbyTimeline = ofMember("the member's timeline", func(m Member) Observed[int64] {
		running := within(within(m.SQL, func(q SQL) Observed[WalReceiver] { return q.WalReceiver }), func(w WalReceiver) Observed[bool] { return Known(w.Running) })
		if Equal(running, false) {
			return within(m.REST, func(r REST) Observed[int64] { return r.Timeline })
		}
		return within(m.SQL, func(q SQL) Observed[int64] { return q.Timeline })
	})

	// sqlReceived is how far a standby holds WAL: what was received, or what was
	// replayed where nothing was received since its start. A NULL received
	// position is knowledge; one that could not be read is not.
	sqlReceived = ofSQL("the received WAL position by SQL", func(q SQL) Observed[LSN] {
		if !q.ReceiveLSN.Known() && q.ReceiveLSN.Cause() != Absent {
			return q.ReceiveLSN
		}
		return highest(q.ReceiveLSN, q.ReplayLSN)
	})

	// leaderBefore is the leader's position sampled before the standbys: what a
	// standby lacks is at least this minus its own. A standby leader follows.
	leaderBefore = ofSQL("live WAL position by SQL", func(q SQL) Observed[LSN] {
		if Equal(q.InRecovery, true) {
			return highest(q.ReceiveLSN, q.ReplayLSN)
		}
		return q.FlushLSN
	}).onLeader()

	// leaderAfter is the leader's position sampled after the standbys: none can
	// be ahead of it unless it holds WAL that the leader never had.
	// The leader of a standby cluster writes nothing, so nothing can be ahead of it
	// in that sense.
	leaderAfter = ofSQL("WAL position by SQL after the standbys' samples", func(q SQL) Observed[LSN] {
		if Equal(q.InRecovery, true) {
			return Known(noLimit)
		}
		return q.FlushLSNAfter
	}).onLeader()
)

// noLimit stands for the position of a leader that is in recovery itself.
const noLimit = ^LSN(0)

// highest is the greater of two positions, as far as they are known.
func highest(a, b Observed[LSN]) Observed[LSN] {
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
