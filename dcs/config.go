package dcs

import (
	"encoding/json"
	"strconv"
	"strings"

	"patroni-preflight/preflight/fact"
)

// maxLagText bounds what is kept of maximum_lag_on_failover.
const maxLagText = 100

// mostSeconds, 31 years, is the longest interval that is believed: sums of such
// intervals do not overflow.
const mostSeconds = 1_000_000_000

// decodeConfig reads /config. Where it is no JSON object Patroni keeps the last
// configuration that was (patroni/dcs/__init__.py, ClusterConfig.from_node), and
// that cannot be seen from here.
func decodeConfig(kv KV, there bool, prefix string) fact.Observed[fact.DynamicConfig] {
	if !there {
		return fact.NotKnown[fact.DynamicConfig](fact.Absent, "there is no key %sconfig", prefix)
	}
	d, err := parseObject(kv)
	if err != nil {
		return fact.NotKnown[fact.DynamicConfig](fact.Malformed, "%s: %v", kv.Key, err)
	}
	c := fact.DynamicConfig{
		TTL:                   d.seconds("ttl", 30),
		LoopWait:              d.seconds("loop_wait", 10),
		RetryTimeout:          d.seconds("retry_timeout", 10),
		CheckTimeline:         d.mode("check_timeline"),
		Pause:                 d.mode("pause"),
		SynchronousMode:       d.synchronousMode(),
		SynchronousModeStrict: d.mode("synchronous_mode_strict"),
		StandbyCluster:        d.standbyCluster(),
		FailsafeMode:          d.mode("failsafe_mode"),
		SynchronousNodeCount:  d.integer("synchronous_node_count", 1),
		MaximumLagOnSyncnode:  d.integer("maximum_lag_on_syncnode", -1),
		PrimaryStopTimeout:    d.stopTimeout(),
		Slots:                 d.permanentSlots(),
		IgnoreSlots:           d.ignoreSlots(),
		PrimaryRaceBackoff:    d.integer("primary_race_backoff", 0),
		RoleBased:             d.roleBased(),
	}
	d.postgresql(&c)
	c.MaximumLag, c.MaximumLagIsText = d.maximumLag()
	return fact.Known(c)
}

// seconds reads an interval. Patroni passes it through Python's int(), which
// takes a number or a string with a whole one; for anything else, null too, it
// rejects the whole dynamic configuration and keeps the one before
// (patroni/config.py, _safe_copy_dynamic_configuration).
func (d doc) seconds(name string, missing int64) fact.Observed[int64] {
	raw, ok := d.fields[name]
	if !ok {
		return fact.Known(missing)
	}
	if n, err := strconv.ParseInt(unquote(raw), 10, 64); err == nil && n >= -mostSeconds && n <= mostSeconds {
		return fact.Known(n)
	}
	var f float64 // int(30.5) is 30, int("30.5") is an error
	if json.Unmarshal(raw, &f) == nil && !isNull(raw) && f >= -mostSeconds && f <= mostSeconds {
		return fact.Known(int64(f))
	}
	return malformed[int64](d, name, raw, "a number of seconds")
}

// stopTimeout reads primary_stop_timeout, which was master_stop_timeout before
// 3.0.0 and is still understood under that name
// (patroni/global_config.py, primary_stop_timeout).
func (d doc) stopTimeout() fact.Observed[int64] {
	if _, ok := d.get("primary_stop_timeout"); ok {
		return d.integer("primary_stop_timeout", 0)
	}
	return d.integer("master_stop_timeout", 0)
}

// mode reads a switch (patroni/global_config.py, check_mode). Patroni takes what
// it cannot parse for false; here that is unknown, since nobody meant it so.
func (d doc) mode(name string) fact.Observed[bool] {
	raw, ok := d.get(name)
	if !ok {
		return fact.Known(false)
	}
	if b, ok := fact.PatroniBool(bare(raw)); ok {
		return fact.Known(b)
	}
	return malformed[bool](d, name, raw, "a boolean")
}

// bare is the content of a JSON string, not trimmed, or the JSON value as it stands.
func bare(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// synchronousMode tests for "quorum" first, which is no boolean
// (patroni/global_config.py, is_quorum_commit_mode). Patroni before 4.0.0 does
// not know it and takes it for off.
func (d doc) synchronousMode() fact.Observed[string] {
	const name = "synchronous_mode"
	raw, ok := d.get(name)
	if !ok {
		return fact.Known("off")
	}
	if strings.EqualFold(bare(raw), "quorum") {
		return fact.Known("quorum")
	}
	switch on, ok := fact.PatroniBool(bare(raw)); {
	case !ok:
		return malformed[string](d, name, raw, "a boolean or quorum")
	case on:
		return fact.Known("on")
	}
	return fact.Known("off")
}

// standbyCluster follows patroni/global_config.py, is_standby_cluster: an object
// with a host, a port or a restore_command that Python takes for true.
func (d doc) standbyCluster() fact.Observed[bool] {
	const name = "standby_cluster"
	raw, ok := d.get(name)
	if !ok || !truthy(raw) {
		return fact.Known(false)
	}
	var section map[string]json.RawMessage
	if json.Unmarshal(raw, &section) != nil {
		return malformed[bool](d, name, raw, "an object")
	}
	return fact.Known(truthy(section["host"]) || truthy(section["port"]) || truthy(section["restore_command"]))
}

// maximumLag keeps maximum_lag_on_failover as it is written, since releases of
// Patroni read it differently: a number as its digits, a string as its content.
func (d doc) maximumLag() (text fact.Observed[string], isText bool) {
	const name = "maximum_lag_on_failover"
	raw, ok := d.get(name)
	if !ok {
		return fact.Known(""), false
	}
	if len(raw) > maxLagText {
		return malformed[string](d, name, raw, "a number of bytes"), false
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return fact.Known(s), true
	}
	return fact.Known(string(raw)), false
}

// truthy is Python's bool() of a JSON value; false for an absent one.
func truthy(raw json.RawMessage) bool {
	var v any
	return json.Unmarshal(raw, &v) == nil && fact.PythonBool(v)
}
