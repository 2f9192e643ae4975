package check

import (
	"slices"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

// fitAmong are those of the names that a remedy may offer as another candidate: members
// that run, that are not the leader, and that no tag keeps from leading.
func fitAmong(s *fact.Snapshot, names []string) []string {
	version := fact.KeyVersion.Of(s, s.Leader()).OrZero()
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		m, there := s.Member(name)
		if !there || name == s.Leader() || !fact.Equal(fact.RESTState.Of(s, name), "running") {
			return true
		}
		no, _ := patroni.Nofailover(fact.KeyTags.Of(s, m.Name).OrZero(), version)
		if rest, ok := fact.RESTTags.Of(s, m.Name).Get(); ok && !no {
			no, _ = patroni.Nofailover(rest, version)
		}
		return no
	})
}

// oneOf is "node2", or "one of node2 and node3".
func oneOf(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return "one of " + fact.Names(names)
}
