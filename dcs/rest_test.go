package dcs

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

// answering is a REST API that gives those documents; others are refused.
func answering(docs map[string]string) func(context.Context, string) fact.Observed[[]byte] {
	return func(_ context.Context, url string) fact.Observed[[]byte] {
		if body, ok := docs[url]; ok {
			return fact.Known([]byte(body)).Stamped("GET "+url, time.Unix(1e9, 0), time.Millisecond)
		}
		return fact.NotKnown[[]byte](fact.Refused, "GET %s: connection refused", url)
	}
}

const api = "http://10.0.0.1:8008"

func readREST(docs map[string]string, urls ...string) (fact.DCS, []fact.Member) {
	if len(urls) == 0 {
		urls = []string{api}
	}
	r := &REST{Kind: "consul", Name: "Consul", URLs: urls, Ask: answering(docs)}
	defer r.Close()
	return r.Read(context.Background(), "/service", "pay", "")
}

// TestRESTAsRecorded: on recorded clusters of seven releases the documents tell
// the same as the keys, as far as they tell it, and nothing that they do not.
func TestRESTAsRecorded(t *testing.T) {
	n := 0
	for name, rec := range recordings(t) {
		docs := map[string]string{}
		for _, path := range []string{"/cluster", "/config", "/history"} {
			raw, err := json.Marshal(rec.REST["node1"][path].Body)
			if err != nil {
				t.Fatal(err)
			}
			docs[api+path] = string(raw)
		}
		kvs, leases := rec.input()
		want, members := Decode(recorded, kvs, leases, rec.Header.Revision)
		d, got := readREST(docs)
		c, ok := d.Cluster.Get()
		if !ok {
			t.Errorf("%s: %s", name, d.Cluster.Reason())
			continue
		}
		n++
		for fact, same := range map[string]bool{
			"leader":            reflect.DeepEqual(c.Leader, want.Leader),
			"config":            reflect.DeepEqual(c.Config, want.Config),
			"history":           reflect.DeepEqual(c.History, want.History),
			"what is scheduled": c.Failover.Known() == (want.Failover.Must().ScheduledAt != ""),
			"members":           len(got) == len(members),
		} {
			if !same {
				t.Errorf("%s: the %s differs", name, fact)
			}
		}
		for i, m := range got {
			k, w := m.Key.Must(), members[i].Key.Must()
			for fact, same := range map[string]bool{
				"name":                 m.Name == members[i].Name,
				"api_url":              reflect.DeepEqual(k.APIURL, w.APIURL),
				"conn_url":             reflect.DeepEqual(k.ConnURL, w.ConnURL),
				"state":                reflect.DeepEqual(k.State, w.State),
				"timeline":             reflect.DeepEqual(k.Timeline.Value, w.Timeline.Value),
				"tags":                 reflect.DeepEqual(k.Tags, w.Tags),
				"pending_restart":      reflect.DeepEqual(k.PendingRestart, w.PendingRestart),
				"state of replication": m.Name == c.Leader.Must() || reflect.DeepEqual(k.ReplicationState, w.ReplicationState),
			} {
				if !same {
					t.Errorf("%s: %s of %s differs: %+v, want %+v", name, fact, m.Name, k, w)
				}
			}
			for fact, known := range map[string]bool{
				"lease":         m.Lease.Known(),
				"role":          k.Role.Known(),
				"version":       k.Version.Known(),
				"pause":         k.Pause.Known(),
				"xlog_location": k.Xlog.Known(),
				"checkpoint":    k.CheckpointAfterPromote.Known(),
			} {
				if known {
					t.Errorf("%s: the %s of %s is known", name, fact, m.Name)
				}
			}
		}
		for fact, known := range map[string]bool{
			"read":       d.Read.Known(),
			"alarms":     d.Alarms.Known(),
			"initialize": c.Initialize.Known(),
			"lease":      c.LeaderLease.Known(),
			"optime":     c.Optime.Known(),
			"sync":       c.Sync.Known(),
			"failsafe":   c.Failsafe.Known(),
			"groups":     c.Groups.Known(),
		} {
			if known {
				t.Errorf("%s: %s is known, which no REST API tells", name, fact)
			}
		}
		if d.ByREST != api || d.Kind != "consul" || d.Prefix != "/service/pay/" ||
			!strings.Contains(d.Read.Reason(), "Consul is not read") {
			t.Errorf("%s: %+v", name, d)
		}
		if moved := Moved(d, d, got, got); !fact.Equal(fact.Known(len(moved.Must())), 0) {
			t.Errorf("%s: moved %v", name, *moved.Value)
		}
	}
	if n < 50 {
		t.Errorf("only %d recordings were read", n)
	}
}

// TestRESTThatTellsNothing: why there is no cluster.
func TestRESTThatTellsNothing(t *testing.T) {
	const member = `{"name":"a","role":"leader","state":"running"}`
	many := strings.Repeat(member+",", fact.MaxMembers) + member
	for name, tc := range map[string]struct {
		cluster, says string
		cause         fact.Cause
	}{
		"nobody":     {"", "connection refused", fact.Refused},
		"no JSON":    {"<html>", "this is not how Patroni describes a cluster: <html>", fact.Malformed},
		"no members": {`{"scope":"pay"}`, "this is not how", fact.Malformed},
		"a list":     {`[]`, "this is not how", fact.Malformed},
		"another cluster": {
			`{"members":[` + member + `],"scope":"other"}`,
			"a REST API of cluster other, not of pay",
			fact.Failed,
		},
		"two leaders":    {`{"members":[` + member + `,{"name":"b","role":"leader"}]}`, "both a and b lead", fact.Malformed},
		"one name twice": {`{"members":[` + member + `,` + member + `]}`, "a member's name is", fact.Malformed},
		"no name":        {`{"members":[{"role":"replica"}]}`, "a member's name is", fact.Malformed},
		"a slash":        {`{"members":[{"name":"a/b"}]}`, "a member's name is", fact.Malformed},
		"too many":       {`{"members":[` + many + `]}`, "not more than 100 are judged", fact.Unsupport},
	} {
		docs := map[string]string{api + "/config": "{}", api + "/history": "[]"}
		if tc.cluster != "" {
			docs[api+"/cluster"] = tc.cluster
		}
		d, members := readREST(docs)
		if d.Cluster.Known() || d.Cluster.Cause() != tc.cause || !strings.Contains(d.Cluster.Reason(), tc.says) ||
			len(members) != 0 ||
			d.ByREST != api {
			t.Errorf("%s: %q: %s", name, d.Cluster.Cause(), d.Cluster.Reason())
		}
	}
}

// TestRESTOfSeveral: one that answers is enough, and the second look asks it again.
func TestRESTOfSeveral(t *testing.T) {
	const good, frozen = "http://10.0.0.2:8008", "http://10.0.0.3:8008"
	ask := answering(
		map[string]string{
			good + "/cluster": `{"members":[{"name":"a","role":"standby_leader","state":"streaming","host":"fd00::1,10.0.0.9",` +
				`"port":6000}]}`,
		},
	)
	var asked []string
	r := &REST{
		Kind: "raft",
		Name: "Raft",
		URLs: []string{api, good, frozen},
		Ask: func(ctx context.Context, url string) fact.Observed[[]byte] {
			if strings.HasPrefix(url, frozen) {
				<-ctx.Done()
			}
			return ask(ctx, url)
		},
	}
	d, members := r.Read(t.Context(), "/service", "pay", "")
	c := d.Cluster.Must()
	if d.ByREST != good || !fact.Equal(c.Leader, "a") || c.Config.Cause() != fact.Refused ||
		c.History.Cause() != fact.Refused {
		t.Errorf("%+v", d)
	}
	k := members[0].Key.Must()
	if !fact.Equal(k.ConnURL, "postgres://[fd00::1],10.0.0.9:6000/postgres") || !fact.Equal(k.State, "running") ||
		!fact.Equal(k.ReplicationState, "streaming") {
		t.Errorf("%+v", k)
	}
	r.Ask = func(ctx context.Context, url string) fact.Observed[[]byte] {
		asked = append(asked, url)
		return ask(ctx, good+url[len(good):])
	}
	r.Ask = serial(r.Ask)
	if d, _ := r.Reread(
		t.Context(),
		d.Prefix,
	); !d.Cluster.Known() ||
		slices.ContainsFunc(asked, func(u string) bool { return !strings.HasPrefix(u, good) }) {
		t.Errorf("asked %q again: %s", asked, d.Cluster.Reason())
	}
}

// serial has one question put at a time.
func serial(
	ask func(context.Context, string) fact.Observed[[]byte],
) func(context.Context, string) fact.Observed[[]byte] {
	one := make(chan struct{}, 1)
	return func(ctx context.Context, url string) fact.Observed[[]byte] {
		one <- struct{}{}
		defer func() { <-one }()
		return ask(ctx, url)
	}
}

// FuzzREST: whatever the documents are, no panic, and nothing is known without a value
// that was there; what only the store knows never is.
func FuzzREST(f *testing.F) {
	for _, rec := range recordings(f) {
		part := func(path string) string {
			raw, _ := json.Marshal(rec.REST["node1"][path].Body)
			return string(raw)
		}
		f.Add(part("/cluster"), part("/config"), part("/history"))
	}
	f.Add(
		`{"members":[{"name":"a","host":"::1","port":-1,"tags":[],"state":5}],"scheduled_switchover":{"at":1}}`,
		"null",
		"{}",
	)
	f.Fuzz(func(t *testing.T, cluster, config, history string) {
		d, members := readREST(
			map[string]string{api + "/cluster": cluster, api + "/config": config, api + "/history": history},
		)
		if d.Read.Known() || d.Alarms.Known() {
			t.Fatal("the store is known")
		}
		c, ok := d.Cluster.Get()
		if !ok {
			if d.Cluster.Reason() == "" || len(members) > 0 {
				t.Fatal("no cluster, and no reason")
			}
			return
		}
		if c.Initialize.Known() || c.Optime.Known() || c.Sync.Known() || c.LeaderLease.Known() {
			t.Fatal("what only the store knows is known")
		}
		for _, m := range members {
			if m.Name == "" || m.Lease.Known() {
				t.Fatalf("%+v", m)
			}
		}
		if _, err := json.Marshal(d); err != nil {
			t.Fatal(fmt.Errorf("no snapshot: %w", err))
		}
	})
}
