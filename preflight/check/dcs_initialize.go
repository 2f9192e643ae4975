package check

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

var dcsInitialize = Check{
	ID:    "dcs.initialize",
	Title: "/initialize has the system identifier of the members",
	Since: "0.3.0",
	Why: "Patroni takes a member whose system identifier is not that of /initialize for one of another cluster, and " +
		"does not start it. If all members agree, the key is stale, after a restore for example, and no member has to be " +
		"rebuilt.",
	Source:   "/initialize; pg_control_system() on every member; patroni/ha.py sysid_valid, _run_cycle",
	Fix:      "Correct the key once it is certain that the members are the right cluster.",
	Proof:    "TestCases: R11-02b.",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfCluster,
	After:    []string{"dcs.reachable"},
	Needs:    []fact.Need{fact.ClusterID},
	Run: func(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
		asked, key := s.KeyName("/initialize"), fact.ClusterID.Get(s, "")
		id, n, agree := fact.MembersID(s)
		if !agree || id == key {
			return Witnessed(asked, "%s", key)
		}
		return []Finding{{
			Asked:    asked,
			Observed: key,
			Expected: fmt.Sprintf("%s, the system identifier of all %d members", id, n),
			Effect: "The key is stale: all members are of one cluster. A member that restarts would refuse to start, the old " +
				"leader after the switchover among them.",
			Remedy: fmt.Sprintf("No member has to be rebuilt. If the members are the right cluster: etcdctl put %s %s",
				s.DCS.Prefix+"initialize", id),
		}}
	},
}
