package dcs

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// REST reads of a cluster what Patroni's REST API tells of it, where the store
// itself is not read: GET /cluster, /config and /history. It stands in for the
// store, so that the rest is judged as always; what only the store knows is
// unknown.
type REST struct {
	// Kind is the section of the store in patroni.yml, Name what it is called.
	Kind, Name string
	// URLs are REST APIs of members: scheme, host and port.
	URLs []string
	// Ask is one GET, whose answer is known if its status is 200.
	Ask func(ctx context.Context, url string) fact.Observed[[]byte]
	// first is the one that answered first; the second read asks it again.
	first string
}

// Close ends nothing: no connection outlives its question.
func (r *REST) Close() {}

// documents are the answers of one REST API.
type documents struct {
	base                     string
	cluster, config, history fact.Observed[[]byte]
}

// Read asks all REST APIs that are named, and takes the first that knows the
// cluster. A REST API tells of one cluster only, so namespace and group are those
// of whoever answers.
func (r *REST) Read(ctx context.Context, namespace, scope, _ string) (fact.DCS, []fact.Member) {
	return r.read(ctx, Prefix(namespace, scope, ""), r.URLs)
}

// Reread asks whoever answered at first once more: two REST APIs may differ for a
// moment.
func (r *REST) Reread(ctx context.Context, prefix string) (fact.DCS, []fact.Member) {
	if r.first == "" {
		return r.read(ctx, prefix, r.URLs)
	}
	return r.read(ctx, prefix, []string{r.first})
}

func (r *REST) read(ctx context.Context, prefix string, urls []string) (fact.DCS, []fact.Member) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d := fact.DCS{
		Kind: r.Kind, Prefix: prefix, Endpoints: []fact.Endpoint{},
		Alarms: notTold[[]string](r), Read: notTold[int](r),
	}
	answers := make(chan documents, len(urls))
	for _, base := range urls {
		go func() { answers <- r.ask(ctx, base) }()
	}
	reasons := map[string]string{}
	var cause fact.Cause
	for range urls {
		doc := <-answers
		c, members, why := r.decode(prefix, doc)
		if why == nil {
			r.first, d.ByREST = doc.base, doc.base
			d.Read.Stamp = doc.cluster.Stamp
			d.Cluster = fact.Known(c)
			return d, members
		}
		reasons[doc.base] = why.Reason
		if cause == "" || telling(why.Cause) < telling(cause) {
			cause = why.Cause
		}
	}
	var all []string
	for _, base := range urls {
		all = append(all, reasons[base])
	}
	d.ByREST = strings.Join(urls, ", ")
	d.Cluster = fact.NotKnown[fact.Cluster](cause, "%s", strings.Join(all, "; "))
	return d, []fact.Member{}
}

// ask puts the three questions to one REST API side by side.
func (r *REST) ask(ctx context.Context, base string) documents {
	doc := documents{base: base}
	var wg sync.WaitGroup
	for path, answer := range map[string]*fact.Observed[[]byte]{
		"/cluster": &doc.cluster,
		"/config":  &doc.config,
		"/history": &doc.history,
	} {
		wg.Go(func() { *answer = r.Ask(ctx, base+path) })
	}
	wg.Wait()
	return doc
}

// notTold is a fact that no REST API gives.
func notTold[T any](r *REST) fact.Observed[T] {
	return fact.NotKnown[T](fact.Unsupport, "%s is not read, and no REST API tells this", r.Name)
}

// clusterDoc is the answer to GET /cluster (patroni/utils.py, cluster_as_json).
type clusterDoc struct {
	Members []map[string]json.RawMessage `json:"members"`
	// Scope is given since Patroni 3.2.0.
	Scope     *string `json:"scope"`
	Scheduled *struct {
		At   string `json:"at"`
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"scheduled_switchover"`
}

// decode writes the documents as the keys that Patroni makes them of, so that one
// decoder reads them all, and takes back what they do not tell.
func (r *REST) decode(prefix string, doc documents) (fact.Cluster, []fact.Member, *fact.Unknown) {
	fail := func(c fact.Cause, format string, args ...any) (fact.Cluster, []fact.Member, *fact.Unknown) {
		return fact.Cluster{}, nil, &fact.Unknown{Cause: c, Reason: fmt.Sprintf(format, args...)}
	}
	source := "GET " + doc.base + "/cluster"
	raw, ok := doc.cluster.Get()
	if !ok {
		return fail(doc.cluster.Cause(), "%s", doc.cluster.Reason())
	}
	var c clusterDoc
	if err := json.Unmarshal(raw, &c); err != nil || c.Members == nil {
		return fail(fact.Malformed, "%s: this is not how Patroni describes a cluster: %s", source, show(raw))
	}
	scope := prefix[strings.LastIndex(strings.TrimSuffix(prefix, "/"), "/")+1 : len(prefix)-1]
	if c.Scope != nil && *c.Scope != scope {
		return fail(
			fact.Failed,
			"%s: that is a REST API of cluster %s, not of %s",
			source,
			foreign.OneLine(*c.Scope, 60),
			scope,
		)
	}
	if len(c.Members) > fact.MaxMembers {
		return fail(fact.Unsupport, "%s: %d members; not more than %d are judged", source, len(c.Members), fact.MaxMembers)
	}
	var kvs []KV
	leader := ""
	seen := []string{}
	for _, m := range c.Members {
		name := plainText(m["name"])
		if name == "" || len(name) > foreign.MaxText || strings.Contains(name, "/") || slices.Contains(seen, name) {
			return fail(fact.Malformed, "%s: a member's name is %s", source, show(m["name"]))
		}
		seen = append(seen, name)
		if role := plainText(m["role"]); role == "leader" || role == "standby_leader" {
			if leader != "" {
				return fail(
					fact.Malformed,
					"%s: both %s and %s lead",
					source,
					foreign.OneLine(leader, 60),
					foreign.OneLine(name, 60),
				)
			}
			leader = name
		}
		kvs = append(kvs, KV{Key: prefix + "members/" + name, Value: memberKey(m)})
	}
	if leader != "" {
		kvs = append(kvs, KV{Key: prefix + "leader", Value: []byte(leader)})
	}
	for name, answer := range map[string]fact.Observed[[]byte]{"config": doc.config, "history": doc.history} {
		if v, ok := answer.Get(); ok {
			kvs = append(kvs, KV{Key: prefix + name, Value: v})
		}
	}
	cluster, members := Decode(prefix, kvs, nil, 0)
	r.untold(&cluster, members, c, doc)
	return cluster, members, nil
}

// untold makes unknown what the documents leave open. An absent key would be
// knowledge; here it is none.
func (r *REST) untold(c *fact.Cluster, members []fact.Member, doc clusterDoc, from documents) {
	c.Initialize, c.LeaderLease, c.Optime = notTold[string](r), notTold[fact.Lease](r), notTold[fact.LSN](r)
	c.Sync, c.Failsafe, c.Groups = notTold[fact.Sync](r), notTold[bool](r), notTold[[]string](r)
	// A request that is carried out at once is in no document.
	c.Failover = notTold[fact.Failover](r)
	if s := doc.Scheduled; s != nil && s.At != "" {
		c.Failover = fact.Known(fact.Failover{Leader: s.From, Candidate: s.To, ScheduledAt: s.At})
	}
	if !from.config.Known() {
		c.Config = fact.Because[fact.DynamicConfig](from.config)
	}
	if !from.history.Known() {
		c.History = fact.Because[[]fact.HistoryEntry](from.history)
	}
	for i := range members {
		m := &members[i]
		m.Lease = notTold[fact.Lease](r)
		if k := m.Key.Value; k != nil {
			k.Role, k.Version, k.Xlog = notTold[string](r), notTold[string](r), notTold[fact.LSN](r)
			k.Pause, k.CheckpointAfterPromote = notTold[bool](r), notTold[bool](r)
		}
	}
}

// memberKey is a member of GET /cluster in the form of its key. That shows the
// state of replication in the place of the state, where there is one.
func memberKey(m map[string]json.RawMessage) []byte {
	key := map[string]any{}
	for _, name := range []string{
		"api_url",
		"state",
		"timeline",
		"tags",
		"pending_restart",
		"pending_restart_reason",
		"scheduled_restart",
	} {
		if raw, ok := m[name]; ok {
			key[name] = raw
		}
	}
	if state := plainText(m["state"]); state == "streaming" || state == "in archive recovery" {
		key["state"], key["replication_state"] = "running", state
	}
	// Patroni's own name of the database is not in it; postgres is its default.
	if host, port := plainText(m["host"]), string(m["port"]); host != "" {
		var hosts []string
		for h := range strings.SplitSeq(host, ",") {
			if strings.Contains(h, ":") {
				h = "[" + h + "]"
			}
			hosts = append(hosts, h)
		}
		url := "postgres://" + strings.Join(hosts, ",")
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
			url += ":" + port
		}
		key["conn_url"] = url + "/postgres"
	}
	raw, err := json.Marshal(key)
	if err != nil { // not with what was JSON before
		return []byte("null")
	}
	return raw
}

// plainText is a JSON text, "" for anything else.
func plainText(raw json.RawMessage) string {
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}
