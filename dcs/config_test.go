package dcs

import (
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
)

func config(value string) fact.Observed[fact.DynamicConfig] {
	c, _ := decode("config", value)
	return c.Config
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	c := config(`{}`).Must()
	expect(t, "ttl", c.TTL, `30`)
	expect(t, "loop_wait", c.LoopWait, `10`)
	expect(t, "retry_timeout", c.RetryTimeout, `10`)
	expect(t, "maximum_lag_on_failover", c.MaximumLag, `""`)
	expect(t, "check_timeline", c.CheckTimeline, `false`)
	expect(t, "pause", c.Pause, `false`)
	expect(t, "synchronous_mode", c.SynchronousMode, `"off"`)
	expect(t, "synchronous_mode_strict", c.SynchronousModeStrict, `false`)
	expect(t, "standby_cluster", c.StandbyCluster, `false`)
	expect(t, "failsafe_mode", c.FailsafeMode, `false`)
}

func TestConfigUnreadable(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		``:       "malformed:/service/demo/config: not a JSON object",
		`null`:   "malformed:/service/demo/config: not a JSON object: null",
		`[]`:     "malformed:not a JSON object",
		`{"ttl"`: "malformed:not a JSON object",
		`{"x":"` + strings.Repeat("y", maxValue) + `"}`: "malformed:bytes is not decoded",
	} {
		expect(t, value[:min(len(value), 40)], config(value), want)
	}
}

func TestConfigSeconds(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`20`:     `20`,
		`"20"`:   `20`,
		`" 20 "`: `20`,
		`20.9`:   `20`,
		`2e1`:    `20`,
		`-5`:     `-5`,
		`0`:      `0`,
		`null`:   "malformed:ttl is null, not a number of seconds",
		`"20s"`:  `malformed:ttl is "20s"`,
		`"20.5"`: `malformed:ttl is "20.5"`,
		`""`:     `malformed:ttl is ""`,
		`true`:   "malformed:ttl is true",
		`[20]`:   "malformed:ttl is [20]",
		`1e300`:  "malformed:ttl is 1e300",
		// Sums of these would overflow.
		`9223372036854775807`:    "malformed:ttl is 9223372036854775807, not a number of seconds",
		`"-9223372036854775808"`: "malformed:not a number of seconds",
		`1000000000`:             `1000000000`,
		`1000000001`:             "malformed:not a number of seconds",
	} {
		expect(t, "ttl "+value, config(`{"ttl":`+value+`}`).Must().TTL, want)
	}
	c := config(`{"loop_wait":3,"retry_timeout":"4"}`).Must()
	expect(t, "loop_wait", c.LoopWait, `3`)
	expect(t, "retry_timeout", c.RetryTimeout, `4`)
}

func TestConfigModes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`true`: `true`, `"on"`: `true`, `"Yes"`: `true`, `1`: `true`, `"1"`: `true`, `"TRUE"`: `true`,
		`false`: `false`, `"off"`: `false`, `"no"`: `false`, `0`: `false`, `null`: `false`,
		`"maybe"`: `malformed:is "maybe", not a boolean`, `2`: "malformed:is 2", `""`: `malformed:is ""`,
		`{}`: "malformed:is {}", `" on"`: "malformed:is", `1.0`: "malformed:is 1.0",
	} {
		for name, get := range map[string]func(fact.DynamicConfig) fact.Observed[bool]{
			"pause":                   func(c fact.DynamicConfig) fact.Observed[bool] { return c.Pause },
			"check_timeline":          func(c fact.DynamicConfig) fact.Observed[bool] { return c.CheckTimeline },
			"synchronous_mode_strict": func(c fact.DynamicConfig) fact.Observed[bool] { return c.SynchronousModeStrict },
			"failsafe_mode":           func(c fact.DynamicConfig) fact.Observed[bool] { return c.FailsafeMode },
		} {
			expect(t, name+" "+value, get(config(`{"`+name+`":`+value+`}`).Must()), want)
		}
	}
}

func TestConfigSynchronousMode(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`true`: `"on"`, `"on"`: `"on"`, `1`: `"on"`, `false`: `"off"`, `"off"`: `"off"`, `null`: `"off"`,
		`"quorum"`: `"quorum"`, `"Quorum"`: `"quorum"`,
		`"qorum"`: `malformed:synchronous_mode is "qorum", not a boolean or quorum`, `[]`: "malformed:synchronous_mode is []",
	} {
		expect(t, "synchronous_mode "+value, config(`{"synchronous_mode":`+value+`}`).Must().SynchronousMode, want)
	}
}

func TestConfigStandbyCluster(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"host":"10.0.0.9"}`:                           `true`,
		`{"port":5432}`:                                 `true`,
		`{"restore_command":"cp"}`:                      `true`,
		`{"host":["a"]}`:                                `true`,
		`{"host":{"a":1}}`:                              `true`,
		`{"host":true}`:                                 `true`,
		`{"host":"","port":0,"restore_command":null}`:   `false`,
		`{"host":[],"port":false,"restore_command":{}}`: `false`,
		`{"create_replica_methods":["basebackup"]}`:     `false`,
		`{}`:         `false`,
		`null`:       `false`,
		`""`:         `false`,
		`false`:      `false`,
		`"10.0.0.9"`: "malformed:standby_cluster is",
		`[1]`:        "malformed:standby_cluster is [1], not an object",
		`true`:       "malformed:standby_cluster is true",
	} {
		expect(t, "standby_cluster "+value, config(`{"standby_cluster":`+value+`}`).Must().StandbyCluster, want)
	}
}

func TestConfigMaximumLag(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]struct {
		text   string
		isText bool
	}{
		`1048576`: {`"1048576"`, false}, `-1`: {`"-1"`, false}, `0`: {`"0"`, false}, `1e6`: {`"1e6"`, false},
		`"10MB"`: {`"10MB"`, true}, `"1048576"`: {`"1048576"`, true}, `""`: {`""`, true}, `" 1 "`: {`" 1 "`, true},
		`null`: {`""`, false}, `true`: {`"true"`, false}, `[1]`: {`"[1]"`, false},
		`"` + strings.Repeat("9", 200) + `"`: {"malformed:maximum_lag_on_failover is", false},
	} {
		c := config(`{"maximum_lag_on_failover":` + value + `}`).Must()
		expect(t, "maximum_lag_on_failover "+value, c.MaximumLag, want.text)
		if c.MaximumLagIsText != want.isText {
			t.Errorf("%s: is text %v", value, c.MaximumLagIsText)
		}
	}
}
