package dcs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

const prefix = "/service/demo/"

// decode decodes a cluster of the given keys, name and value by turns.
func decode(keys ...string) (fact.Cluster, []fact.Member) {
	var kvs []KV
	for i := 0; i < len(keys); i += 2 {
		kvs = append(kvs, KV{Key: prefix + keys[i], Value: []byte(keys[i+1])})
	}
	return Decode(prefix, kvs, nil, 9)
}

// expect compares a fact: want is its value as JSON, or the cause and a part of
// the reason with a colon between them.
func expect[T any](t *testing.T, what string, got fact.Observed[T], want string) {
	t.Helper()
	if v, ok := got.Get(); ok {
		if b, _ := json.Marshal(v); string(b) != want {
			t.Errorf("%s is %s, want %s", what, b, want)
		}
		return
	}
	cause, reason, _ := strings.Cut(want, ":")
	if string(got.Cause()) != cause || !strings.Contains(got.Reason(), reason) || reason == "" {
		t.Errorf("%s is %s: %s\nwant %s", what, got.Cause(), got.Reason(), want)
	}
	if strings.ContainsAny(got.Reason(), "\n\r\t\x1b") || len(got.Reason()) > 400 {
		t.Errorf("%s: not one line for a person: %q", what, got.Reason())
	}
}

func TestDecodeEmpty(t *testing.T) {
	t.Parallel()
	c, members := decode()
	expect(t, "initialize", c.Initialize, `""`)
	expect(t, "config", c.Config, "absent:there is no key /service/demo/config")
	expect(t, "leader", c.Leader, `""`)
	expect(t, "leader lease", c.LeaderLease, "absent:there is no key /service/demo/leader")
	expect(t, "optime", c.Optime, "absent:there is neither a key /service/demo/status nor /service/demo/optime/leader")
	expect(t, "failover", c.Failover, `{}`)
	expect(t, "sync", c.Sync, `{}`)
	expect(t, "history", c.History, `[]`)
	expect(t, "failsafe", c.Failsafe, `false`)
	if c.Revision != 9 || members == nil || len(members) != 0 {
		t.Errorf("revision %d, members %v", c.Revision, members)
	}
}

func TestDecodePlainKeys(t *testing.T) {
	t.Parallel()
	c, _ := decode("initialize", "7711112407752293516", "leader", "node 1", "failsafe", "{}")
	expect(t, "initialize", c.Initialize, `"7711112407752293516"`)
	expect(t, "leader", c.Leader, `"node 1"`)
	expect(t, "failsafe", c.Failsafe, `true`)
	c, _ = decode("initialize", "", "leader", "bad\xff")
	expect(t, "initialize while bootstrapping", c.Initialize, `""`)
	expect(t, "leader that is no UTF-8", c.Leader, "\"bad\uFFFD\"")
}

func TestDecodeOptime(t *testing.T) {
	t.Parallel()
	const bad = "malformed:/service/demo/status"
	for _, tt := range []struct {
		keys []string
		want string
	}{
		{[]string{"status", `{"optime":67108864,"slots":{"a":1}}`}, `"0/4000000"`},
		{[]string{"status", `{"optime":"67108864"}`}, `"0/4000000"`},
		{[]string{"status", `67108864`}, `"0/4000000"`},
		{[]string{"status", `{"optime":9223372036854775807}`}, `"7FFFFFFF/FFFFFFFF"`},
		{[]string{"optime/leader", "67108864"}, `"0/4000000"`},
		{[]string{"optime/leader", "67108864\n"}, `"0/4000000"`},
		{[]string{"status", `{"optime":50331648}`, "optime/leader", "67108864"}, `"0/3000000"`},
		// /optime/leader is asked only where there is no /status at all.
		{[]string{"status", `garbage`, "optime/leader", "67108864"}, bad + " is garbage, not a WAL position"},
		{[]string{"status", `{}`, "optime/leader", "67108864"}, "absent:/service/demo/status has no optime"},
		{[]string{"status", `{"optime":null}`}, "absent:/service/demo/status has no optime"},
		{[]string{"status", ``}, bad},
		{[]string{"status", `null`}, bad + " is null"},
		{[]string{"status", `[1]`}, bad + " is [1]"},
		{[]string{"status", `{"optime":`}, bad},
		{[]string{"status", `{"optime":true}`}, bad + ": optime is true, not a WAL position in bytes"},
		{[]string{"status", `{"optime":6.7e7}`}, bad + ": optime is 6.7e7"},
		{[]string{"status", `{"optime":-1}`}, bad + ": optime is -1"},
		// So far ahead that the lag of any member would be negative.
		{[]string{"status", `{"optime":9223372036854775808}`}, bad + ": optime is 9223372036854775808"},
		{[]string{"status", `18446744073709551615`}, bad + " is 18446744073709551615"},
		{[]string{"status", `{"optime":18446744073709551616}`}, bad + ": optime is 18446744073709551616"},
		{[]string{"status", `{"optime":"0/4000000"}`}, bad + `: optime is "0/4000000"`},
		// Position 0 is none: every member would seem to be ahead of it.
		{[]string{"status", `{"optime":0}`}, bad + ": optime is 0"},
		{[]string{"optime/leader", `0`}, "malformed:/service/demo/optime/leader"},
		{[]string{"status", strings.Repeat("1", maxValue+1)}, bad},
	} {
		c, _ := decode(tt.keys...)
		expect(t, fmt.Sprintf("optime of %.80q", tt.keys), c.Optime, tt.want)
	}
}

func TestDecodeFailover(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{}`:                          `{}`,
		``:                            `{}`,
		`null`:                        `{}`,
		`[]`:                          `{}`,
		`"text"`:                      `{}`,
		`17`:                          `{}`,
		`{"leader":"a","member":"b"}`: `{"leader":"a","candidate":"b"}`,
		`{"member":"b"}`:              `{"candidate":"b"}`,
		`{"leader":"a","member":null,"scheduled_at":"2030-01-01T00:00:00+00:00"}`: `{"leader":"a",` +
			`"scheduled_at":"2030-01-01T00:00:00+00:00"}`,
		// Python keeps the case of field names; so does this.
		`{"Leader":"a"}`:                `{}`,
		"a:b":                           `{"leader":"a","candidate":"b"}`,
		" a : b : c ":                   `{"leader":"a","candidate":"b"}`,
		"a":                             `{"leader":"a"}`,
		":b":                            `{"candidate":"b"}`,
		`{"leader":"a"`:                 "malformed:/service/demo/failover is",
		`{"leader":5}`:                  "malformed:/service/demo/failover is",
		`{"member":["b"]}`:              "malformed:/service/demo/failover is",
		"   ":                           "malformed:/service/demo/failover is",
		strings.Repeat("x", maxValue+1): "malformed:a value of 1048577 bytes",
	} {
		c, _ := decode("failover", value)
		expect(t, fmt.Sprintf("failover %.80q", value), c.Failover, want)
	}
}

func TestDecodeSync(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`{"leader":"a","sync_standby":"b,c","quorum":1}`: `{"leader":"a","standbys":["b","c"],"quorum":1}`,
		`{"leader":"a","sync_standby":" b , ,c,"}`:       `{"leader":"a","standbys":["b","c"]}`,
		`{"leader":"a","sync_standby":["b","c",""]}`:     `{"leader":"a","standbys":["b","c"]}`,
		`{"leader":"a","sync_standby":null,"quorum":0}`:  `{"leader":"a"}`,
		`{"leader":"a","sync_standby":"","quorum":null}`: `{"leader":"a"}`,
		`{"leader":"a","quorum":"2"}`:                    `{"leader":"a","quorum":2}`,
		`{"leader":null,"sync_standby":"b","quorum":1}`:  `{}`,
		`{"sync_standby":"b"}`:                           `{}`,
		`{}`:                                             `{}`,
		`null`:                                           `{}`,
		``:                                               `{}`,
		`{`:                                              "malformed:/service/demo/sync: not a JSON object: unexpected end",
		`[]`:                                             "malformed:/service/demo/sync: not a JSON object",
		`{"leader":1}`:                                   "malformed:/service/demo/sync is",
		`{"leader":"a","sync_standby":5}`:                "malformed:sync_standby is 5, not a list of members",
		`{"leader":"a","sync_standby":["b",5]}`:          "malformed:sync_standby",
		`{"leader":"a","quorum":-1}`:                     "malformed:quorum is -1, not a number of members",
		`{"leader":"a","quorum":true}`:                   "malformed:quorum is true",
		`{"leader":"` + strings.Repeat("x", maxValue) + `"}`: "malformed:bytes is not decoded",
	} {
		c, _ := decode("sync", value)
		expect(t, fmt.Sprintf("sync %.80q", value), c.Sync, want)
	}
}

func TestDecodeHistory(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		`[]`: `[]`,
		`[[1,67109200,"no recovery target specified","2026-11-22T21:38:42+00:00","node2"]]`: `[{"timeline":1,` +
			`"switch_lsn":"0/4000150","reason":"no recovery target specified","at":"2026-11-22T21:38:42+00:00",` +
			`"new_leader":"node2"}]`,
		`[[1,16777216,"x"],[2,33554432,"y","2026-11-22T21:38:42+00:00"]]`: `[{"timeline":1,` +
			`"switch_lsn":"0/1000000","reason":"x"},{"timeline":2,"switch_lsn":"0/2000000","reason":"y",` +
			`"at":"2026-11-22T21:38:42+00:00"}]`,
		`[[1,16777216,"x",null,null]]`: `[{"timeline":1,` +
			`"switch_lsn":"0/1000000","reason":"x"}]`,
		`[[1,` +
			`16777216]]`: `malformed:/service/demo/history: line 1 is [1,16777216], not a timeline's end`,
		`[[1,16777216,"x","y","z","more"]]`:   "malformed:line 1",
		`[[1,16777216,"x"],[0,16777216,"x"]]`: "malformed:line 2 is [0,",
		`[["1",16777216,"x"]]`:                "malformed:line 1",
		`[[1,-5,"x"]]`:                        "malformed:line 1",
		`[[1,16777216,7]]`:                    "malformed:line 1",
		`[null]`:                              "malformed:line 1",
		`[7]`:                                 "malformed:/service/demo/history is [7], not a list of timelines",
		`null`:                                "malformed:/service/demo/history is null",
		`{}`:                                  "malformed:/service/demo/history is {}",
		``:                                    "malformed:/service/demo/history is",
		strings.Repeat(
			"[",
			maxValue/2,
		): "malformed:/service/demo/history is [[[",
		strings.Repeat("[", maxValue+1): "malformed:bytes is not decoded",
	} {
		c, _ := decode("history", value)
		expect(t, fmt.Sprintf("history %.80q", value), c.History, want)
	}
}

func TestDecodeMembersKeys(t *testing.T) {
	t.Parallel()
	_, members := decode("members/b", "{}", "members/a", "not json", "members/", "{}", "members/c/d", "{}",
		"0/members/worker", "{}", "1/leader", "x", "xmembers/e", "{}")
	_, foreign := Decode(prefix, []KV{{Key: "/service/demo2/members/x", Value: []byte("{}")}}, nil, 1)
	if len(members) != 2 || members[0].Name != "a" || members[1].Name != "b" || len(foreign) != 0 {
		t.Fatalf("members %+v, of another scope %+v", members, foreign)
	}
	expect(t, "undecodable key", members[0].Key, "malformed:/service/demo/members/a: not a JSON object: invalid character")
	if members[0].REST.Known() || members[0].SQL.Known() || members[0].Liveness.Known() {
		t.Error("the store knows nothing of REST and SQL")
	}
	c, _ := decode("0/leader", "worker")
	expect(t, "leader of a Citus group", c.Leader, `""`)
}

// Two names that are no UTF-8 stay two, and a reason that names the key can be
// recorded and read again.
func TestDecodeNamesThatAreNoUTF8(t *testing.T) {
	t.Parallel()
	_, members := decode("members/a\xff", "x", "members/a\xfe", "{}", "members/\u00e4", "{}")
	if len(members) != 3 || members[0].Name != `a\xfe` || members[1].Name != `a\xff` || members[2].Name != "\u00e4" {
		t.Fatalf("%+v", members)
	}
	expect(t, "the key", members[1].Key, `malformed:/service/demo/members/a\xff: not a JSON object`)
}

// What is too long to be a name, an address or a state is not repeated.
func TestDecodeLongTexts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", foreign.MaxText+1)
	c, members := decode(
		"leader",
		long,
		"initialize",
		long,
		"failover",
		`{"member":"`+long+`"}`,
		"sync",
		`{"leader":"a","sync_standby":"b,`+long+`"}`,
		"members/a",
		`{"state":"`+long+`","role":"primary","conn_url":"postgres://`+long+`/postgres","api_url":"http://`+long+`:8008/patroni","tags":{"x":"`+strings.Repeat(
			"y",
			64_000,
		)+`"}}`,
	)
	expect(
		t,
		"leader",
		c.Leader,
		"malformed:/service/demo/leader: a text of 1025 bytes is not believed, the limit is 1024",
	)
	expect(t, "initialize", c.Initialize, "malformed:a text of 1025 bytes")
	expect(t, "failover", c.Failover, "malformed:not a pending failover")
	expect(t, "sync", c.Sync, "malformed:not a list of members")
	key := members[0].Key.Must()
	expect(t, "state", key.State, "malformed:not a string of at most 1024 bytes")
	expect(t, "role", key.Role, `"primary"`)
	expect(t, "conn_url", key.ConnURL, "malformed:conn_url is longer than 1024 bytes")
	expect(t, "api_url", key.APIURL, "malformed:api_url is longer than 1024 bytes")
	expect(t, "tags", key.Tags, "malformed:not an object of at most 64 kB and 20 levels")
	c, _ = decode(
		"failover",
		long+":b",
		"sync",
		`{"leader":"a","sync_standby":[`+strings.Repeat(`"b",`, fact.MaxMembers)+`"b"]}`,
	)
	expect(t, "failover as text", c.Failover, "malformed:not a pending failover")
	expect(t, "many synchronous standbys", c.Sync, "malformed:not a list of members")
}

func TestDecodeLeases(t *testing.T) {
	t.Parallel()
	kvs := []KV{
		{Key: prefix + "leader", Value: []byte("a"), Lease: 5},
		{Key: prefix + "members/a", Value: []byte("{}"), Lease: 5},
		{Key: prefix + "members/b", Value: []byte("{}"), Lease: 6},
		{Key: prefix + "members/c", Value: []byte("{}"), Lease: 7},
		{Key: prefix + "members/d", Value: []byte("{}")},
	}
	c, m := Decode(prefix, kvs, map[int64]fact.Observed[fact.Lease]{
		0: fact.Known(fact.Lease{GrantedSeconds: 99}),
		5: fact.Known(fact.Lease{GrantedSeconds: 30, RemainingSeconds: 28}),
		6: fact.NotKnown[fact.Lease](fact.Silent, "no answer"),
	}, 1)
	expect(t, "leader", c.LeaderLease, `{"granted_seconds":30,"remaining_seconds":28}`)
	expect(t, "a", m[0].Lease, `{"granted_seconds":30,"remaining_seconds":28}`)
	expect(t, "b", m[1].Lease, "silent:no answer")
	expect(t, "c", m[2].Lease, "not_asked:the lease on /service/demo/members/c was not asked for")
	expect(t, "d", m[3].Lease, "absent:/service/demo/members/d has no lease")
}

// A fact must be the same after it was recorded: a known nil, for one, would come
// back as unknown.
func TestDecodeSurvivesJSON(t *testing.T) {
	t.Parallel()
	c, members := decode(
		"leader",
		"a",
		"members/a",
		"{}",
		"members/b",
		`{"tags":{"nofailover":true,"failover_priority":3,"x":{"y":[1]}}}`,
	)
	before := fact.Snapshot{
		DCS:     fact.DCS{Cluster: fact.Known(c)},
		Members: members,
		Moved:   Moved(fact.DCS{Cluster: fact.Known(c)}, fact.DCS{Cluster: fact.Known(c)}, members, members),
	}
	b, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after fact.Snapshot
	if err := json.Unmarshal(b, &after); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("recorded %+v\n   read %+v", before, after)
	}
}
