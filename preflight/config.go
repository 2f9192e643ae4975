package preflight

// Config is Patroni's dynamic configuration, the /config key, as far as checks
// use it. Patroni's defaults stand where a key is absent; a key of the wrong
// type is unknown, with the value in the reason.
type Config struct {
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
}
