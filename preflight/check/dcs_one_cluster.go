package check

import (
	"patroni-preflight/preflight/fact"
)

var dcsOneCluster = Check{
	ID:    "dcs.one_cluster",
	Title: "the configured servers belong to one etcd cluster",
	Since: "0.3.0",
	Why: "A server that was left over after a move, a restore or --force-new-cluster holds an old copy of " +
		"Patroni's keys. Its answer would be taken for the state of the cluster.",
	Source:   "etcd: cluster_id in the header of each answer, leader in Maintenance.Status",
	Fix:      "Remove the server of the other cluster from the configuration.",
	Proof:    "dcs/etcd_test.go: two servers of different clusters; the second read with another cluster ID.",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfCluster,
	After:    []string{"dcs.reachable"},
	Needs:    []fact.Need{etcdServers},
	Run:      runOneCluster,
}

// etcdServers are the servers of etcd that have told which cluster they belong to.
var etcdServers = fact.Fact[[]fact.Endpoint]{
	Label: "which etcd cluster each server belongs to",
	Of: func(s *fact.Snapshot, _ string) fact.Observed[[]fact.Endpoint] {
		var told []fact.Endpoint
		for _, e := range s.DCS.Endpoints {
			if e.Status.Is(func(st fact.EndpointStatus) bool { return st.ClusterID != "" }) {
				told = append(told, e)
			}
		}
		if len(told) == 0 {
			return fact.SinceRecorded(fact.Observed[[]fact.Endpoint]{})
		}
		return fact.Known(told)
	},
}

func runOneCluster(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	asked := "status of " + s.DCS.Kind
	told := etcdServers.Get(s, "")
	first := told[0]
	want := first.Status.Must()
	if s.DCS.ClusterID != "" {
		want.ClusterID = s.DCS.ClusterID
	}
	for _, e := range told {
		st := e.Status.Must()
		f := Finding{
			Asked: asked + " " + e.URL,
			Effect: "They are not servers of one etcd cluster: one of them may hold an old copy of Patroni's keys, and the " +
				"answer of whichever is quicker is judged.",
			Remedy: "Find the server that was left over: etcdctl --endpoints " + e.URL + " member list -w table; then " +
				"remove it from the configuration.",
		}
		switch {
		case st.ClusterID != want.ClusterID:
			f.Observed = "it belongs to the etcd cluster " + st.ClusterID
			f.Expected = want.ClusterID + ", as the others"
		case st.Leader != "" && want.Leader != "" && st.Leader != want.Leader:
			f.Observed = "its raft leader is " + st.Leader
			f.Expected = want.Leader + ", as at " + first.URL
			f.Effect += " If an election was under way, another check finds one leader."
		default:
			continue
		}
		return []Finding{f}
	}
	return Witnessed(asked, "%d servers belong to the cluster %s", len(told), want.ClusterID)
}
