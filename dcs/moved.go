package dcs

import (
	"reflect"

	"patroni-preflight/preflight/fact"
)

// Moved names what differs between two reads of the store, in this order:
// "leader", "timeline" (/history), "sync", "failover", "config", "members". Of a
// member its addresses, state, role and tags count, not its WAL position, which
// moves all the time. It is unknown where one of the reads failed. An empty list
// means that the cluster held still.
func Moved(before, after fact.DCS, mb, ma []fact.Member) fact.Observed[[]string] {
	b, ok := before.Cluster.Get()
	if !ok {
		return fact.NotKnown[[]string](before.Cluster.Cause(), "first read: %s", before.Cluster.Reason())
	}
	a, ok := after.Cluster.Get()
	if !ok {
		return fact.NotKnown[[]string](after.Cluster.Cause(), "second read: %s", after.Cluster.Reason())
	}
	switch {
	case before.ClusterID != after.ClusterID:
		return fact.NotKnown[[]string](
			fact.Failed, "the first read was answered by the etcd cluster %s, the second by %s: the configured servers "+
				"do not belong to one cluster", before.ClusterID, after.ClusterID)
	case a.Revision < b.Revision:
		return fact.NotKnown[[]string](
			fact.Failed, "the second read is older than the first: etcd's revision went from %d back to %d",
			b.Revision, a.Revision)
	}
	moved := []string{}
	// DeepEqual looks through the pointers of facts. It also compares the reasons
	// of unknown ones, so that garbage which changes is seen to move.
	compare := func(name string, before, after any) {
		if !reflect.DeepEqual(before, after) {
			moved = append(moved, name)
		}
	}
	compare("leader", b.Leader, a.Leader)
	compare("timeline", b.History, a.History)
	compare("sync", b.Sync, a.Sync)
	compare("failover", b.Failover, a.Failover)
	compare("config", b.Config, a.Config)
	compare("members", standing(mb), standing(ma))
	return fact.Known(moved)
}

// standing is what has to hold still of each member.
func standing(members []fact.Member) map[string]fact.Observed[fact.MemberKey] {
	all := make(map[string]fact.Observed[fact.MemberKey], len(members))
	for _, m := range members {
		k, ok := m.Key.Get()
		if !ok {
			all[m.Name] = m.Key
			continue
		}
		all[m.Name] = fact.Known(fact.MemberKey{
			ConnURL: k.ConnURL, APIURL: k.APIURL, State: k.State, Role: k.Role, Tags: k.Tags,
		})
	}
	return all
}
