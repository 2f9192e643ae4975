package dcs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
)

// recording is what a file in testdata/recordings holds of the store, and what
// Patroni itself made of it at that moment.
type recording struct {
	Header struct {
		Revision int64 `json:"revision"`
	} `json:"etcd_header"`
	Keys []struct {
		Key         string `json:"key"`
		Value       string `json:"value"`
		Lease       int64  `json:"lease"`
		ModRevision int64  `json:"mod_revision"`
		TTL         struct {
			Granted int64 `json:"granted-ttl"`
			TTL     int64 `json:"ttl"`
		} `json:"lease_ttl"`
	} `json:"keys"`
	Patroni string `json:"patroni"`
	State   string `json:"state"`
	REST    map[string]map[string]struct {
		Status int             `json:"status"`
		Body   json.RawMessage `json:"body"`
	} `json:"rest"`
}

const recorded = "/service/pay/"

func recordings(t testing.TB) map[string]recording {
	t.Helper()
	files, err := filepath.Glob("../testdata/recordings/*.json")
	if err != nil || len(files) != 58 {
		t.Fatalf("%d recordings: %v", len(files), err)
	}
	all := map[string]recording{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = r
	}
	return all
}

func (r recording) input() ([]KV, map[int64]fact.Observed[fact.Lease]) {
	var kvs []KV
	leases := map[int64]fact.Observed[fact.Lease]{}
	for _, k := range r.Keys {
		kvs = append(kvs, KV{Key: k.Key, Value: []byte(k.Value), Lease: k.Lease, ModRevision: k.ModRevision})
		if k.Lease != 0 {
			leases[k.Lease] = fact.Known(fact.Lease{GrantedSeconds: k.TTL.Granted, RemainingSeconds: k.TTL.TTL})
		}
	}
	return kvs, leases
}

// unknown collects the paths of unknown facts, but for those that no store has.
func unknown(v any, path string) (paths []string) {
	switch v := v.(type) {
	case map[string]any:
		if why, ok := v["unknown"].(map[string]any); ok {
			return []string{path + " " + why["cause"].(string)}
		}
		for k, field := range v {
			if k == "rest" || k == "sql" || k == "liveness" {
				continue
			}
			paths = append(paths, unknown(field, path+"/"+k)...)
		}
	case []any:
		for _, field := range v {
			paths = append(paths, unknown(field, path)...)
		}
	}
	return paths
}

// Whatever seven releases of Patroni wrote is known in every field, and agrees
// with what they say of themselves at /cluster, /config and /history.
func TestRecordings(t *testing.T) {
	t.Parallel()
	for name, r := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kvs, leases := r.input()
			c, members := Decode(recorded, kvs, leases, r.Header.Revision)
			if c.Revision == 0 || len(members) != 3 {
				t.Fatalf("revision %d, %d members", c.Revision, len(members))
			}
			var facts any
			b, _ := json.Marshal([]any{c, members})
			if err := json.Unmarshal(b, &facts); err != nil {
				t.Fatal(err)
			}
			if paths := unknown(facts, ""); len(paths) > 0 {
				t.Errorf("unknown: %v", paths)
			}
			checkCluster(t, r, c, members)
			checkState(t, r, c, members)
		})
	}
}

// checkCluster compares with the answers of node1.
func checkCluster(t *testing.T, r recording, c fact.Cluster, members []fact.Member) {
	var cluster struct {
		Members []struct {
			Name     string         `json:"name"`
			Role     string         `json:"role"`
			APIURL   string         `json:"api_url"`
			Timeline int64          `json:"timeline"`
			Tags     map[string]any `json:"tags"`
			Host     string         `json:"host"`
		} `json:"members"`
	}
	var history [][]any
	var patroni struct {
		SystemID string `json:"database_system_identifier"`
	}
	for path, into := range map[string]any{"/cluster": &cluster, "/history": &history, "/patroni": &patroni} {
		if err := json.Unmarshal(r.REST["node1"][path].Body, into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	expect(t, "initialize", c.Initialize, `"`+patroni.SystemID+`"`)
	if h := c.History.Must(); len(h) != len(history) {
		t.Errorf("history %v, want %v", h, history)
	}
	if len(cluster.Members) != len(members) {
		t.Fatalf("/cluster has %d members", len(cluster.Members))
	}
	for i, want := range cluster.Members {
		m, key := members[i], members[i].Key.Must()
		if m.Name != want.Name || !fact.Equal(key.APIURL, want.APIURL) || !fact.Equal(key.Timeline, want.Timeline) {
			t.Errorf("member %s: %+v, want %+v", m.Name, key, want)
		}
		expect(t, m.Name+" conn_url", key.ConnURL, `"postgres://`+want.Host+`:5432/postgres"`)
		if tags := key.Tags.Must(); len(tags)+len(want.Tags) > 0 && !reflect.DeepEqual(map[string]any(tags), want.Tags) {
			t.Errorf("%s: tags %v, want %v", m.Name, tags, want.Tags)
		}
		if want.Role == "leader" {
			expect(t, "leader", c.Leader, `"`+want.Name+`"`)
			if m.Lease.Must() != c.LeaderLease.Must() {
				t.Error("the leader's two keys have different leases")
			}
		}
	}
}

// checkState looks for what the state of the recording is about.
func checkState(t *testing.T, r recording, c fact.Cluster, members []fact.Member) {
	cfg := c.Config.Must()
	mode, failover, paused, pending := `"off"`, `{}`, 0, 0
	for _, m := range members {
		if fact.Equal(m.Key.Must().Pause, true) {
			paused++
		}
		if fact.Equal(m.Key.Must().PendingRestart, true) {
			pending++
		}
	}
	switch r.State {
	case "synchronous":
		mode = `"on"`
		if s := c.Sync.Must(); s.Leader != "node2" || len(s.Standbys) != 1 || s.Quorum != 0 {
			t.Errorf("sync %+v", s)
		}
	case "quorum":
		mode = `"quorum"`
		expect(t, "sync", c.Sync, `{"leader":"node2","standbys":["node1","node3"],"quorum":1}`)
	case "scheduled-switchover":
		failover = `{"leader":"node1","candidate":"node3","scheduled_at":"2030-01-01T00:00:00+00:00"}`
	case "api_url-of-node2-is-the-leaders":
		if *members[1].Key.Must().APIURL.Value != *members[0].Key.Must().APIURL.Value {
			t.Error("api_url of node2 is not the leader's")
		}
	case "node3-frozen-node2-replay-paused":
		if own, leader := members[2].Lease.Must().AgeSeconds(), c.LeaderLease.Must().AgeSeconds(); own <= leader {
			t.Errorf("the lease of frozen node3 is %d s old, the leader's %d", own, leader)
		}
	case "paused":
		if paused == 0 {
			t.Error("no member says that it is paused")
		}
	case "pending-restart":
		if pending == 0 {
			t.Error("no member has a restart pending")
		}
	}
	if r.State != "synchronous" && r.State != "quorum" {
		expect(t, "sync", c.Sync, `{}`)
	}
	expect(t, "synchronous_mode", cfg.SynchronousMode, mode)
	expect(t, "failover", c.Failover, failover)
	if got := fact.Equal(cfg.Pause, true); got != (r.State == "paused") || (paused > 0) != got {
		t.Errorf("pause is %v in /config, %d members paused", got, paused)
	}
	expect(t, "ttl", cfg.TTL, `20`)
	expect(t, "loop_wait", cfg.LoopWait, `3`)
	expect(t, "retry_timeout", cfg.RetryTimeout, `3`)
	expect(t, "maximum_lag_on_failover", cfg.MaximumLag, `"1048576"`)
	if tl, ok := c.Timeline(); !ok || (tl != 2) != (len(c.History.Must()) == 0) {
		t.Errorf("timeline %d", tl)
	}
}

// Two recordings of one cluster differ in what was done to it in between.
func TestRecordingsMoved(t *testing.T) {
	t.Parallel()
	all := recordings(t)
	load := func(name string) (fact.DCS, []fact.Member) {
		kvs, leases := all[name].input()
		c, members := Decode(recorded, kvs, leases, 1)
		return fact.DCS{Cluster: fact.Known(c)}, members
	}
	for _, tt := range [][3]string{
		{"v4.1.4.healthy", "v4.1.4.healthy", `[]`},
		{"v4.1.4.healthy", "v4.1.4.scheduled-switchover", `["failover"]`},
		{"v4.1.4.synchronous", "v4.1.4.quorum", `["sync","config"]`},
		{"v4.1.4.healthy", "v4.1.4.after-a-switchover", `["leader","timeline","members"]`},
	} {
		b, mb := load(tt[0])
		a, ma := load(tt[1])
		expect(t, tt[0]+" to "+tt[1], Moved(b, a, mb, ma), tt[2])
	}
}

// FuzzDecode holds that no content of any key panics, shows a planted password
// or makes a fact that does not survive JSON.
func FuzzDecode(f *testing.F) {
	for _, r := range recordings(f) {
		value := map[string]string{}
		for _, k := range r.Keys {
			value[strings.TrimPrefix(k.Key, recorded)] = k.Value
		}
		f.Add(
			value["config"],
			value["leader"],
			value["status"],
			value["failover"],
			value["sync"],
			value["history"],
			value["members/node1"],
			"node1",
		)
	}
	f.Add(
		`{"ttl":"x","standby_cluster":5}`,
		"",
		"12",
		"a:b",
		"null",
		"[[1]]",
		"postgres://u:p@h/db?application_name=http://h:8008/patroni",
		"\xff",
	)
	f.Add(
		`{"slots":[1],"permanent_slots":{"a":null,"b":"physical"},"ignore_slots":[{"name":1},[]]}`,
		"n",
		`{"optime":"9223372036854775808"}`,
		":b",
		`{"leader":"a","sync_standby":"b, c"}`,
		`[[1,2,"",null,5]]`,
		`{"tags":`+strings.Repeat(`{"a":[`, 4998)+`1`+strings.Repeat(`]}`, 4998)+`}`,
		"n\x1b[2J",
	)
	f.Add(
		"[",
		"\xff",
		"0",
		"{",
		`{"leader":"a","sync_standby":["b"]}`,
		"[]",
		`{"tags":null,"conn_url":"postgres://u:p/w@h/d"}`,
		"n/",
	)
	f.Fuzz(func(t *testing.T, config, leader, status, failover, sync, history, member, name string) {
		kvs := []KV{
			{Key: recorded + "config", Value: []byte(config)},
			{Key: recorded + "leader", Value: []byte(leader)},
			{Key: recorded + "status", Value: []byte(status)},
			{Key: recorded + "failover", Value: []byte(failover)},
			{Key: recorded + "sync", Value: []byte(sync)},
			{Key: recorded + "history", Value: []byte(history)},
			{Key: recorded + "members/" + name, Value: []byte(member)},
		}
		c, members := Decode(recorded, kvs, nil, 1)
		if name == "" || strings.Contains(name, "/") {
			if len(members) != 0 {
				t.Fatalf("%q is a member", name)
			}
			return
		}
		if len(members) != 1 {
			t.Fatalf("%d members", len(members))
		}
		before := fact.Snapshot{DCS: fact.DCS{Cluster: fact.Known(c)}, Members: members}
		b, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		var after fact.Snapshot
		if err := json.Unmarshal(b, &after); err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal(after)
		if err != nil || string(again) != string(b) {
			t.Errorf("recorded %s\n   read %s (%v)", b, again, err)
		}
		if c.Optime.Is(func(l fact.LSN) bool { return l == 0 }) {
			t.Error("position 0 is known")
		}
		if key, ok := members[0].Key.Get(); ok {
			for _, u := range []fact.Observed[string]{key.ConnURL, key.APIURL} {
				if u.Is(func(s string) bool { return strings.ContainsAny(s, "@?#") }) {
					t.Errorf("an address with more than hosts and path: %s", *u.Value)
				}
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	kvs, leases := recordings(b)["v4.1.4.quorum"].input()
	b.ReportAllocs()
	for b.Loop() {
		Decode(recorded, kvs, leases, 1)
	}
}
