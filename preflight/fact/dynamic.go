package fact

// DynamicConfig is Patroni's dynamic configuration, the /config key, as far as checks
// use it. Patroni's defaults stand where a key is absent; a key of the wrong
// type is unknown, with the value in the reason.
type DynamicConfig struct {
	// TTL, LoopWait and RetryTimeout are in seconds (defaults 30, 10, 10).
	TTL          Observed[int64] `json:"ttl"`
	LoopWait     Observed[int64] `json:"loop_wait"`
	RetryTimeout Observed[int64] `json:"retry_timeout"`
	// MaximumLag is maximum_lag_on_failover as written: a JSON number or string,
	// "" where absent. EffectiveMaximumLag says what Patroni makes of it.
	MaximumLag Observed[string] `json:"maximum_lag_on_failover"`
	// MaximumLagIsText is whether the value is a JSON string.
	MaximumLagIsText bool           `json:"maximum_lag_is_text,omitempty"`
	CheckTimeline    Observed[bool] `json:"check_timeline"`
	Pause            Observed[bool] `json:"pause"`
	// SynchronousMode is "off", "on" or "quorum".
	SynchronousMode       Observed[string] `json:"synchronous_mode"`
	SynchronousModeStrict Observed[bool]   `json:"synchronous_mode_strict"`
	// StandbyCluster is whether standby_cluster has a host, a port or a restore_command.
	StandbyCluster Observed[bool] `json:"standby_cluster"`
	FailsafeMode   Observed[bool] `json:"failsafe_mode"`
	// SynchronousNodeCount is how many synchronous standbys Patroni picks (default 1).
	SynchronousNodeCount Observed[int64] `json:"synchronous_node_count"`
	// MaximumLagOnSyncnode is in bytes; -1, the default, is off.
	MaximumLagOnSyncnode Observed[int64] `json:"maximum_lag_on_syncnode"`
	// PrimaryStopTimeout is primary_stop_timeout (master_stop_timeout before
	// 3.0.0) in seconds; 0, the default, is none.
	PrimaryStopTimeout Observed[int64] `json:"primary_stop_timeout"`
	// Slots are the permanent slots, from slots, permanent_slots or
	// permanent_replication_slots; empty where absent.
	Slots Observed[map[string]PermanentSlot] `json:"slots"`
	// IgnoreSlots are the matchers of slots that Patroni leaves alone: name,
	// type, database, plugin.
	IgnoreSlots Observed[[]map[string]string] `json:"ignore_slots"`
	// PrimaryRaceBackoff is primary_race_backoff of Patroni 4.2 in seconds; 0, the
	// default, is off. RoleBased are the keys of postgresql that hold for one role only:
	// parameters_primary, pg_hba_replica and so on. Neither is in recordings of releases
	// that did not read them. A node's own patroni.yml may have more of them.
	PrimaryRaceBackoff Observed[int64]    `json:"primary_race_backoff,omitzero"`
	RoleBased          Observed[[]string] `json:"role_based,omitzero"`
	// UsePgRewind, UseSlots, RemoveOnRewindFailure and RemoveOnDiverged are
	// postgresql.use_pg_rewind (default false), use_slots (default true),
	// remove_data_directory_on_rewind_failure and
	// remove_data_directory_on_diverged_timelines (default false). A node's own
	// patroni.yml may override them, use_slots excepted.
	UsePgRewind           Observed[bool] `json:"use_pg_rewind"`
	UseSlots              Observed[bool] `json:"use_slots"`
	RemoveOnRewindFailure Observed[bool] `json:"remove_data_directory_on_rewind_failure"`
	RemoveOnDiverged      Observed[bool] `json:"remove_data_directory_on_diverged_timelines"`
}

// PermanentSlot is a slot that Patroni keeps through a switchover.
type PermanentSlot struct {
	// Type is "physical" or "logical"; Patroni takes a slot with neither type
	// nor database and plugin for physical.
	Type     string `json:"type"`
	Database string `json:"database,omitempty"`
	Plugin   string `json:"plugin,omitempty"`
}
