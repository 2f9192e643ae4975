package dcs

import (
	"slices"
	"testing"

	"patroni-preflight/preflight/fact"
)

const standingMember = `{"conn_url":"postgres://a/x","api_url":"http://a:8008/patroni","state":"running","role":"replica","version":"4.1.4","xlog_location":100,"timeline":1,"replication_state":"streaming","tags":{"a":1}}`

func TestMoved(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"leader": "a", "config": `{"ttl":30}`, "sync": `{"leader":"a","sync_standby":"b"}`, "failover": "{}",
		"history": `[[1,16777216,"x"]]`, "status": `{"optime":100}`, "members/a": standingMember,
	}
	tests := []struct {
		name   string
		change map[string]string // "-" removes the key
		want   []string
	}{
		{"nothing", nil, []string{}},
		{"leader", map[string]string{"leader": "b"}, []string{"leader"}},
		{"leader gone", map[string]string{"leader": "-"}, []string{"leader"}},
		{"timeline", map[string]string{"history": `[[1,16777216,"x"],[2,33554432,"y"]]`}, []string{"timeline"}},
		{"history unreadable", map[string]string{"history": `?`}, []string{"timeline"}},
		{"sync", map[string]string{"sync": `{"leader":"a","sync_standby":"c"}`}, []string{"sync"}},
		{"failover", map[string]string{"failover": `{"member":"b"}`}, []string{"failover"}},
		{"config", map[string]string{"config": `{"ttl":30,"pause":true}`}, []string{"config"}},
		{"config rewritten", map[string]string{"config": `{"ttl": "30"}`}, []string{}},
		{"optime", map[string]string{"status": `{"optime":200}`}, []string{}},
		{"member gone", map[string]string{"members/a": "-"}, []string{"members"}},
		{"member new", map[string]string{"members/b": standingMember}, []string{"members"}},
		{"member unreadable", map[string]string{"members/a": "{"}, []string{"members"}},
		{
			"member state",
			map[string]string{
				"members/a": `{"conn_url":"postgres://a/x","api_url":"http://a:8008/patroni","state":"stopped","role":"replica","tags":{"a":1}}`,
			},
			[]string{"members"},
		},
		{
			"member tags",
			map[string]string{
				"members/a": `{"conn_url":"postgres://a/x","api_url":"http://a:8008/patroni","state":"running","role":"replica","tags":{"a":2}}`,
			},
			[]string{"members"},
		},
		{
			"member role",
			map[string]string{
				"members/a": `{"conn_url":"postgres://a/x","api_url":"http://a:8008/patroni","state":"running","role":"primary","tags":{"a":1}}`,
			},
			[]string{"members"},
		},
		{
			"member address",
			map[string]string{
				"members/a": `{"conn_url":"postgres://a/x","api_url":"http://b:8008/patroni","state":"running","role":"replica","tags":{"a":1}}`,
			},
			[]string{"members"},
		},
		{
			"member position and replication state",
			map[string]string{
				"members/a": `{"conn_url":"postgres://a/x","api_url":"http://a:8008/patroni","state":"running","role":"replica","xlog_location":200,"tags":{"a":1}}`,
			},
			[]string{},
		},
		{
			"a failover",
			map[string]string{
				"leader":    "b",
				"history":   "[]",
				"sync":      "{}",
				"failover":  `{"member":"b"}`,
				"config":    "{",
				"members/a": "-",
			},
			[]string{"leader", "timeline", "sync", "failover", "config", "members"},
		},
	}
	load := func(changes map[string]string) (fact.DCS, []fact.Member) {
		keys := map[string]string{}
		for _, m := range []map[string]string{base, changes} {
			for k, v := range m {
				keys[k] = v
			}
		}
		var flat []string
		for k, v := range keys {
			if v != "-" {
				flat = append(flat, k, v)
			}
		}
		c, members := decode(flat...)
		return fact.DCS{Cluster: fact.Known(c)}, members
	}
	before, mb := load(nil)
	for _, tt := range tests {
		after, ma := load(tt.change)
		for _, back := range []bool{false, true} {
			got := Moved(before, after, mb, ma)
			if back {
				got = Moved(after, before, ma, mb)
			}
			if v, ok := got.Get(); !ok || v == nil || !slices.Equal(v, tt.want) {
				t.Errorf("%s (back: %v): %v %s, want %v", tt.name, back, v, got.Reason(), tt.want)
			}
		}
	}
}

func TestMovedUnknown(t *testing.T) {
	t.Parallel()
	good := fact.DCS{Cluster: fact.Known(fact.Cluster{})}
	bad := fact.DCS{Cluster: fact.NotKnown[fact.Cluster](fact.Silent, "no answer")}
	expect(t, "second read failed", Moved(good, bad, nil, nil), "silent:second read: no answer")
	expect(t, "first read failed", Moved(bad, good, nil, nil), "silent:first read: no answer")
	expect(t, "zero values", Moved(fact.DCS{}, good, nil, nil), "not_asked:first read: not asked")
}
