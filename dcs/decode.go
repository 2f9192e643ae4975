// Package dcs turns what Patroni keeps in its store into facts. The decoder of
// the keys is pure and the same for every store; each store has a reader of its
// own, etcd v3 first. Nothing in here can write.
package dcs

import (
	"encoding/json"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// KV is one key of the store.
type KV struct {
	// Key is the full name: "/service/demo/leader".
	Key   string
	Value []byte
	// Lease is the ID of the key's lease, 0 for none.
	Lease int64
	// ModRevision is the store's revision of the last write to the key. It says
	// nothing of the writer's health: Patroni writes on change only.
	ModRevision int64
}

// Decode reads Patroni's keys under prefix, which ends in a slash, the way
// Patroni does (patroni/dcs/etcd3.py, _cluster_from_nodes). Keys of other
// clusters, Citus groups among them, are passed over. Members are sorted by
// name; their REST and SQL sides are left unknown. A key that cannot be read is
// an unknown fact, never an error.
func Decode(
	prefix string,
	kvs []KV,
	leases map[int64]fact.Observed[fact.Lease],
	revision int64,
) (fact.Cluster, []fact.Member) {
	keys := map[string]KV{}
	members := []fact.Member{}
	for _, kv := range kvs {
		path, ok := strings.CutPrefix(kv.Key, prefix)
		if !ok {
			continue
		}
		name, ok := strings.CutPrefix(path, "members/")
		if !ok {
			keys[path] = kv
			continue
		}
		if name == "" || strings.Contains(name, "/") {
			continue
		}
		kv.Key = asUTF8(kv.Key)
		members = append(members, fact.Member{
			Name:  asUTF8(name),
			Key:   decodeMember(kv),
			Lease: leaseOf(kv, true, prefix, leases),
		})
	}
	sort.SliceStable(members, func(i, j int) bool { return members[i].Name < members[j].Name })

	leader, hasLeader := keys["leader"]
	config, hasConfig := keys["config"]
	_, failsafe := keys["failsafe"]
	return fact.Cluster{
		Revision:    revision,
		Initialize:  decodeText(keys["initialize"]),
		Config:      decodeConfig(config, hasConfig, prefix),
		Leader:      decodeText(leader),
		LeaderLease: leaseOf(leader, hasLeader, prefix, leases),
		Optime:      decodeOptime(keys, prefix),
		Failover:    decodeFailover(keys["failover"]),
		Sync:        decodeSync(keys["sync"]),
		History:     decodeHistory(keys["history"]),
		Failsafe:    fact.Known(failsafe),
		Groups:      fact.Known(groupsOf(keys)),
	}, members
}

// asUTF8 writes a name that is no UTF-8 with \xNN, so that two of them stay two.
func asUTF8(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	quoted := strconv.QuoteToASCII(name)
	return quoted[1 : len(quoted)-1]
}

// leaseOf returns the lease on the leader key or a member key.
func leaseOf(kv KV, there bool, prefix string, leases map[int64]fact.Observed[fact.Lease]) fact.Observed[fact.Lease] {
	switch l, asked := leases[kv.Lease]; {
	case !there:
		return fact.NotKnown[fact.Lease](fact.Absent, "there is no key %sleader", prefix)
	case kv.Lease == 0:
		return fact.NotKnown[fact.Lease](fact.Absent, "%s has no lease", kv.Key)
	case !asked:
		return fact.NotKnown[fact.Lease](fact.NotAsked, "the lease on %s was not asked for", kv.Key)
	default:
		return l
	}
}

func tooLarge[T any](kv KV) fact.Observed[T] {
	return fact.NotKnown[T](
		fact.Malformed,
		"%s: a value of %d bytes is not decoded, the limit is %d",
		kv.Key,
		len(kv.Value),
		maxValue,
	)
}

func notThat[T any](kv KV, want string) fact.Observed[T] {
	return fact.NotKnown[T](fact.Malformed, "%s is %s, not %s", kv.Key, show(kv.Value), want)
}

// decodeText reads a value that is plain text; an absent key is "".
func decodeText(kv KV) fact.Observed[string] {
	if len(kv.Value) > foreign.MaxText {
		return fact.NotKnown[string](
			fact.Malformed,
			"%s: a text of %d bytes is not believed, the limit is %d",
			kv.Key,
			len(kv.Value),
			foreign.MaxText,
		)
	}
	return fact.Known(strings.ToValidUTF8(string(kv.Value), "\uFFFD"))
}

// decodeOptime reads the leader's WAL position from /status, or where that key
// is absent from /optime/leader, which Patroni before 2.1.0 wrote. Both may hold
// an object or a bare number (patroni/dcs/__init__.py, Status.from_node). Patroni
// takes garbage for position 0, by which no member would lag.
func decodeOptime(keys map[string]KV, prefix string) fact.Observed[fact.LSN] {
	const want = "a WAL position"
	kv, ok := keys["status"]
	if !ok {
		kv, ok = keys["optime/leader"]
	}
	if !ok {
		return fact.NotKnown[fact.LSN](fact.Absent, "there is neither a key %sstatus nor %soptime/leader", prefix, prefix)
	}
	if len(kv.Value) <= maxValue {
		if l, ok := parsePosition(strings.TrimSpace(string(kv.Value))); ok {
			return fact.Known(l)
		}
	}
	d, err := parseObject(kv)
	if err != nil {
		return notThat[fact.LSN](kv, want)
	}
	return d.lsn("optime")
}

// decodeFailover reads /failover (patroni/dcs/__init__.py, Failover.from_node):
// an object in which "member" is the candidate, or the old text
// "leader:candidate". Any other JSON counts as empty. Text that starts like JSON
// and is none is malformed here, where Patroni takes it for a leader's name.
func decodeFailover(kv KV) fact.Observed[fact.Failover] {
	const want = "a pending failover"
	switch {
	case len(kv.Value) == 0:
		return fact.Known(fact.Failover{})
	case len(kv.Value) > maxValue:
		return tooLarge[fact.Failover](kv)
	}
	text := strings.TrimSpace(string(kv.Value))
	if !json.Valid(kv.Value) {
		if text == "" || strings.ContainsAny(text[:1], `{["`) {
			return notThat[fact.Failover](kv, want)
		}
		if len(text) > foreign.MaxText {
			return notThat[fact.Failover](kv, want)
		}
		leader, candidate, _ := strings.Cut(strings.ToValidUTF8(text, "\uFFFD"), ":")
		candidate, _, _ = strings.Cut(candidate, ":")
		return fact.Known(fact.Failover{Leader: strings.TrimSpace(leader), Candidate: strings.TrimSpace(candidate)})
	}
	d, err := parseObject(kv)
	if err != nil {
		return fact.Known(fact.Failover{})
	}
	var f fact.Failover
	for name, field := range map[string]*string{
		"leader":       &f.Leader,
		"member":       &f.Candidate,
		"scheduled_at": &f.ScheduledAt,
	} {
		v, ok := d.textOr(name, "").Get()
		if !ok {
			return notThat[fact.Failover](kv, want)
		}
		*field = v
	}
	return fact.Known(f)
}

// decodeSync reads /sync (patroni/dcs/__init__.py, SyncState.from_node). Without
// a leader it counts as empty. Standbys stand in one string with commas; a list
// is understood too. Patroni takes garbage for an empty state.
func decodeSync(kv KV) fact.Observed[fact.Sync] {
	const want = "a synchronous state"
	if len(kv.Value) == 0 || string(kv.Value) == "null" {
		return fact.Known(fact.Sync{})
	}
	d, err := parseObject(kv)
	if err != nil {
		return fact.NotKnown[fact.Sync](fact.Malformed, "%s: %v", kv.Key, err)
	}
	leader, ok := d.textOr("leader", "").Get()
	if !ok {
		return notThat[fact.Sync](kv, want)
	}
	if leader == "" {
		return fact.Known(fact.Sync{})
	}
	s := fact.Sync{Leader: leader}
	if raw, ok := d.get("quorum"); ok {
		n, err := strconv.ParseUint(unquote(raw), 10, 31)
		if err != nil {
			return malformed[fact.Sync](d, "quorum", raw, "a number of members")
		}
		s.Quorum = int(n)
	}
	if raw, ok := d.get("sync_standby"); ok {
		var list []string
		var text string
		if json.Unmarshal(raw, &text) == nil {
			list = strings.Split(text, ",")
		} else if json.Unmarshal(raw, &list) != nil {
			return malformed[fact.Sync](d, "sync_standby", raw, "a list of members")
		}
		for i := range list {
			list[i] = strings.TrimSpace(list[i])
		}
		s.Standbys = slices.DeleteFunc(list, func(name string) bool { return name == "" })
		if len(s.Standbys) > fact.MaxMembers ||
			slices.ContainsFunc(s.Standbys, func(name string) bool { return len(name) > foreign.MaxText }) {
			return malformed[fact.Sync](d, "sync_standby", raw, "a list of members")
		}
	}
	return fact.Known(s)
}

// decodeHistory reads /history (patroni/dcs/__init__.py, TimelineHistory): a list
// of [timeline, switch LSN in bytes, reason, time, new leader], of which the last
// two may be missing.
func decodeHistory(kv KV) fact.Observed[[]fact.HistoryEntry] {
	history := []fact.HistoryEntry{}
	if kv.Key == "" {
		return fact.Known(history)
	}
	if len(kv.Value) > maxValue {
		return tooLarge[[]fact.HistoryEntry](kv)
	}
	var lines [][]json.RawMessage
	if json.Unmarshal(kv.Value, &lines) != nil || lines == nil {
		return notThat[[]fact.HistoryEntry](kv, "a list of timelines")
	}
	for i, line := range lines {
		e, ok := historyEntry(line)
		if !ok {
			shown, _ := json.Marshal(line)
			return fact.NotKnown[[]fact.HistoryEntry](fact.Malformed,
				"%s: line %d is %s, not a timeline's end", kv.Key, i+1, show(shown))
		}
		history = append(history, e)
	}
	return fact.Known(history)
}

func historyEntry(line []json.RawMessage) (e fact.HistoryEntry, ok bool) {
	if len(line) < 3 || len(line) > 5 {
		return e, false
	}
	tl, err := strconv.ParseUint(string(line[0]), 10, 32)
	if err != nil || tl == 0 {
		return e, false
	}
	e.Timeline = int64(tl)
	if e.SwitchLSN, ok = position(line[1]); !ok {
		return e, false
	}
	for i, field := range []*string{&e.Reason, &e.At, &e.NewLeader} {
		if i+2 >= len(line) {
			break
		}
		if json.Unmarshal(line[i+2], field) != nil {
			return e, false
		}
	}
	return e, true
}
