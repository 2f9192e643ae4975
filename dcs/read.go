package dcs

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// answer is what one endpoint made of a question.
type answer[T any] struct {
	from    *endpoint
	value   T
	failure *fact.Unknown
	source  string
	start   time.Time
	took    time.Duration
}

// ask puts a question to one endpoint and finds out what a failure was.
func ask[T any](ctx context.Context, ep *endpoint, question string, fn func(context.Context) (T, error)) answer[T] {
	a := answer[T]{from: ep, source: "etcd " + question + " at " + ep.url, start: time.Now()}
	var err error
	a.value, err = fn(ctx)
	a.took = time.Since(a.start)
	if err != nil {
		a.failure = ep.trace.explain(err, a.took)
	}
	return a
}

// stamped turns an answer into a stamped fact.
func stamped[T, F any](a answer[T], known func(T) F) fact.Observed[F] {
	o := fact.Observed[F]{}
	if a.failure != nil {
		o = fact.NotKnown[F](a.failure.Cause, "%s: %s", a.source, a.failure.Reason)
	} else {
		o = fact.Known(known(a.value))
	}
	return o.Stamped(a.source, a.start.Add(a.took), a.took)
}

// race asks all endpoints at once and returns the first good answer, or all the
// bad ones in the endpoints' order. Who is refused by one is refused by all, so
// that ends the race too.
func race[T any](
	ctx context.Context,
	eps []*endpoint,
	question string,
	fn func(context.Context, reader) (T, error),
) (answer[T], []answer[T]) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ch := make(chan answer[T], len(eps))
	for _, ep := range eps {
		go func() {
			ch <- ask(ctx, ep, question, func(ctx context.Context) (T, error) { return fn(ctx, ep.reader) })
		}()
	}
	var failed []answer[T]
	for range eps {
		a := <-ch
		if a.failure == nil {
			return a, nil
		}
		failed = append(failed, a)
		if a.failure.Cause == fact.Privilege || a.failure.Cause == fact.Denied {
			break
		}
	}
	place := func(a answer[T]) int { return slices.Index(eps, a.from) }
	slices.SortFunc(failed, func(a, b answer[T]) int { return place(a) - place(b) })
	return answer[T]{}, failed
}

// reading is the outcome of one read of the prefix.
type reading struct {
	winner   *endpoint
	kvs      []KV
	cluster  string
	revision int64
	count    int64
	read     fact.Observed[int]
	failed   []answer[*clientv3.GetResponse]
}

// keys reads the prefix in one linearizable range, hence at one revision.
func (e *Etcd) keys(ctx context.Context, prefix string) reading {
	won, failed := race(
		ctx,
		e.endpoints,
		"range "+prefix,
		func(ctx context.Context, r reader) (*clientv3.GetResponse, error) {
			return r.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithLimit(maxKeys))
		},
	)
	if won.from == nil {
		return reading{failed: failed}
	}
	resp := won.value
	r := reading{
		winner:   won.from,
		cluster:  hexID(resp.Header.GetClusterId()),
		revision: resp.Header.GetRevision(),
		count:    max(resp.Count, int64(len(resp.Kvs))),
	}
	r.read = stamped(won, func(*clientv3.GetResponse) int { return int(r.count) })
	for _, kv := range resp.Kvs {
		r.kvs = append(r.kvs, KV{Key: string(kv.Key), Value: kv.Value, Lease: kv.Lease, ModRevision: kv.ModRevision})
	}
	return r
}

// fill writes Read and Cluster and returns the members.
func (r reading) fill(d *fact.DCS, leases map[int64]fact.Observed[fact.Lease], around string) []fact.Member {
	d.Read, d.ClusterID = r.read, r.cluster
	if r.winner == nil {
		d.Read = r.unread(d.Prefix, d.Endpoints)
	}
	switch {
	case !d.Read.Known():
		d.Cluster = fact.Because[fact.Cluster](d.Read)
	case r.count > int64(len(r.kvs)):
		d.Cluster = fact.NotKnown[fact.Cluster](fact.Malformed,
			"etcd holds %d keys under %s; not more than %d are read", r.count, d.Prefix, maxKeys)
	case !own(r.kvs, d.Prefix):
		d.Cluster = fact.NotKnown[fact.Cluster](fact.Absent, "etcd holds no Patroni cluster under %s%s", d.Prefix, around)
	default:
		if why := tooMany(r.kvs, d.Prefix); why != "" {
			d.Cluster = fact.NotKnown[fact.Cluster](fact.Unsupport, "%s", why)
			break
		}
		c, members := Decode(d.Prefix, r.kvs, leases, r.revision)
		d.Cluster = fact.Known(c)
		return members
	}
	return []fact.Member{}
}

// tooMany says why the members are not judged, "" where they are.
func tooMany(kvs []KV, prefix string) string {
	n := 0
	for _, kv := range kvs {
		name, ok := strings.CutPrefix(kv.Key, prefix+"members/")
		if ok && len(name) > foreign.MaxText {
			return fmt.Sprintf(
				"a key under %smembers/ has a name of %d bytes, the limit is %d",
				prefix,
				len(name),
				foreign.MaxText,
			)
		}
		if ok {
			n++
		}
	}
	if n > fact.MaxMembers {
		return fmt.Sprintf(
			"etcd holds %d keys under %smembers/; not more than %d members are judged",
			n,
			prefix,
			fact.MaxMembers,
		)
	}
	return ""
}

// unread says for each endpoint why the range failed. Where the status came
// through, the server is alive and what lacks is the quorum.
func (r reading) unread(prefix string, endpoints []fact.Endpoint) fact.Observed[int] {
	var reasons []string
	var took time.Duration
	cause := fact.Cause("")
	for _, a := range r.failed {
		why := *a.failure
		for _, ep := range endpoints {
			if s, ok := ep.Status.Get(); ok && ep.URL == a.from.url && why.Cause == fact.Silent {
				why = fact.Unknown{
					Cause:  fact.Failed,
					Reason: "answers its status, but no read that needs a quorum within " + seconds(a.took),
				}
				if !s.HasLeader {
					why.Reason = "answers, but has no leader: etcd has lost its quorum"
				}
			}
		}
		took = max(took, a.took)
		reasons = append(reasons, a.from.url+": "+why.Reason)
		if cause == "" || telling(why.Cause) < telling(cause) {
			cause = why.Cause
		}
	}
	if cause == fact.Privilege {
		reasons = append(
			reasons,
			"let the user's role read there: etcdctl role grant-permission ROLE --prefix=true read "+prefix,
		)
	}
	question := "etcd range " + prefix
	return fact.NotKnown[int](cause, "%s: %s", question, strings.Join(reasons, "; ")).
		Stamped(question, r.failed[0].start.Add(took), took)
}

// telling orders causes: what an endpoint that answers says weighs more than
// what one that does not answer leaves to guess.
func telling(c fact.Cause) int {
	return slices.Index([]fact.Cause{
		fact.Privilege, fact.Denied, fact.TLS, fact.Malformed, fact.Failed,
		fact.Silent, fact.Unreached, fact.Refused, fact.Unresolved,
	}, c)
}

// own reports whether any of the keys belongs to a cluster at the prefix, or to
// one of its Citus groups, and not to whatever else lies below it.
func own(kvs []KV, prefix string) bool {
	names := []string{
		"initialize",
		"config",
		"leader",
		"status",
		"optime/leader",
		"sync",
		"failover",
		"history",
		"failsafe",
	}
	return slices.ContainsFunc(kvs, func(kv KV) bool {
		path := strings.TrimPrefix(kv.Key, prefix)
		return strings.HasPrefix(path, "members/") || slices.Contains(names, path) || groupOf(path) != ""
	})
}

// status asks one server about itself.
func (ep *endpoint) status(ctx context.Context) fact.Observed[fact.EndpointStatus] {
	return stamped(ask(ctx, ep, "status", ep.reader.Status), func(s *pb.StatusResponse) fact.EndpointStatus {
		return fact.EndpointStatus{
			Version:   s.Version,
			HasLeader: s.Leader != 0,
			Learner:   s.IsLearner,
			ClusterID: hexID(s.Header.GetClusterId()),
			Leader:    hexID(s.Leader),
			Revision:  s.Header.GetRevision(),
			DBSize:    s.DbSize,
			Quota:     s.DbSizeQuota,
			Errors:    s.Errors,
		}
	})
}

// hexID writes an ID as etcdctl does, "" for 0.
func hexID(id uint64) string {
	if id == 0 {
		return ""
	}
	return strconv.FormatUint(id, 16)
}

// alarms asks for the alarms of the whole store: any server knows them.
func (e *Etcd) alarms(ctx context.Context) fact.Observed[[]string] {
	won, failed := race(
		ctx,
		e.endpoints,
		"alarm list",
		func(ctx context.Context, r reader) (*clientv3.AlarmResponse, error) {
			return r.AlarmList(ctx)
		},
	)
	if won.from == nil {
		won = slices.MinFunc(failed, func(a, b answer[*clientv3.AlarmResponse]) int {
			return telling(a.failure.Cause) - telling(b.failure.Cause)
		})
	}
	return stamped(won, func(resp *clientv3.AlarmResponse) []string {
		names := []string{}
		for _, a := range resp.Alarms {
			if a.Alarm != pb.AlarmType_NONE {
				names = append(names, a.Alarm.String())
			}
		}
		slices.Sort(names)
		return slices.Compact(names)
	})
}

// leases asks for the time to live of every lease on the leader and the members,
// all at once. Each fails on its own.
func (ep *endpoint) leases(ctx context.Context, kvs []KV, prefix string) map[int64]fact.Observed[fact.Lease] {
	var ids []int64
	for _, kv := range kvs {
		path := strings.TrimPrefix(kv.Key, prefix)
		if kv.Lease != 0 && (path == "leader" || strings.HasPrefix(path, "members/")) {
			ids = append(ids, kv.Lease)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	ids = ids[:min(len(ids), fact.MaxMembers+1)]
	facts := make([]fact.Observed[fact.Lease], len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			a := ask(ctx, ep, fmt.Sprintf("lease %x", id), func(ctx context.Context) (*clientv3.LeaseTimeToLiveResponse, error) {
				return ep.reader.TimeToLive(ctx, clientv3.LeaseID(id))
			})
			facts[i] = stamped(a, func(r *clientv3.LeaseTimeToLiveResponse) fact.Lease {
				return fact.Lease{GrantedSeconds: r.GrantedTTL, RemainingSeconds: r.TTL}
			})
		})
	}
	wg.Wait()
	leases := make(map[int64]fact.Observed[fact.Lease], len(ids))
	for i, id := range ids {
		leases[id] = facts[i]
	}
	return leases
}

// neighbours says what there is instead of the cluster, as the rest of a
// sentence: what lies below the prefix, or the scopes in the namespace.
func (ep *endpoint) neighbours(ctx context.Context, kvs []KV, dir, prefix string) string {
	if scopes := below(kvs, prefix); len(scopes) > 0 {
		return fmt.Sprintf(
			", but there is %s below it: is %s the namespace?",
			strings.Join(scopes, ", "),
			strings.TrimSuffix(prefix, "/"),
		)
	}
	a := ask(ctx, ep, "range "+dir, func(ctx context.Context) (*clientv3.GetResponse, error) {
		return ep.reader.Get(ctx, dir, clientv3.WithPrefix(), clientv3.WithKeysOnly(), clientv3.WithLimit(maxScopes))
	})
	if a.failure != nil {
		return fmt.Sprintf("; what else is in %s is unknown: %s", dir, a.failure.Reason)
	}
	all := make([]KV, 0, len(a.value.Kvs))
	for _, kv := range a.value.Kvs {
		all = append(all, KV{Key: string(kv.Key)})
	}
	scopes := below(all, dir)
	if len(scopes) == 0 {
		return fmt.Sprintf(
			", and no scope at all under %s: another namespace, another etcd, or keys of the v2 API, which v3 does not show",
			dir,
		)
	}
	return fmt.Sprintf("; scopes under %s: %s", dir, strings.Join(scopes, ", "))
}

// below names the first ten directories right below a path.
func below(kvs []KV, path string) []string {
	var names []string
	for _, kv := range kvs {
		name, _, ok := strings.Cut(strings.TrimPrefix(kv.Key, path), "/")
		if !ok || name == "" || slices.Contains(names, name) {
			continue
		}
		if len(names) == 10 {
			return append(names, "...")
		}
		names = append(names, foreign.OneLine(name, 60))
	}
	return names
}
