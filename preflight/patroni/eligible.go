package patroni

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

// Whom Patroni may choose where no candidate is named.
//
// GO then means that every member that may take the key is fit. A member is left
// aside only where what is known shows that it cannot take it:
//
//   - its tag forbids that (each member obeys its own tag);
//   - it is not in /sync while synchronous mode is active: since 2.1.5 such a
//     member keeps out of the race of a switchover by itself;
//   - its Patroni does not run: see patroniIsDead.
//
// That a member would lose the race is no such reason: it loses only if it sees the
// others' positions, and a member that does not stream may well be one that does not
// reach them. It then takes itself for the best, and rows are lost.
//
// A member that only we cannot reach may be fit or not: what speaks against it is
// then unknown, not a blocker.

// Eligible are the members among which Patroni may choose.
func Eligible(s *fact.Snapshot) []string {
	var out []string
	for _, m := range s.Replicas() {
		if Ineligible(s, m) == "" {
			out = append(out, m)
		}
	}
	return out
}

// Ineligible says why a member cannot take the leader key where nobody is named,
// "" where it may.
func Ineligible(s *fact.Snapshot, m string) string {
	if no, how := Nofailover(fact.KeyTags.Of(s, m).OrZero(), fact.KeyVersion.Of(s, m).OrZero()); no {
		return "tag " + how
	}
	if OutOfSync(s, m) {
		return "not in /sync"
	}
	if dead, why := patroniIsDead(s, m); dead {
		return why
	}
	return ""
}

// OutOfSync: synchronous mode is active and the member not in it.
func OutOfSync(s *fact.Snapshot, m string) bool {
	sync, ok := fact.SyncState.Of(s, m).Get()
	mode, ok2 := fact.SyncMode.Of(s, m).Get()
	standby, ok3 := fact.StandbyCluster.Of(s, m).Get()
	version := fact.KeyVersion.Of(s, m).OrZero()
	if !ok || !ok2 || !ok3 || version == "" || sync.Leader == "" {
		return false
	}
	p := PatroniState{SyncMode: mode, Sync: sync, StandbyCluster: standby}
	return p.keptOutBySync(MemberState{Name: m}, version)
}

// patroniIsDead reports whether the member's Patroni is known not to run, and by
// what. That nothing answers us at its REST API is no proof: a firewall may turn
// only us away. That its lease is not renewed is: Patroni renews it at the start of
// every HA loop, each loop_wait seconds. Together with a refused connection the
// first renewal that is missing will do (two seconds for rounding); with an answer
// that does not come, it takes as long as a loop may take that has trouble with the DCS.
func patroniIsDead(s *fact.Snapshot, m string) (bool, string) {
	lease, ok := fact.MemberLease.Of(s, m).Get()
	loop, ok2 := fact.LoopWait.Of(s, m).Get()
	retry, ok3 := fact.RetryTimeout.Of(s, m).Get()
	if !ok || !ok2 || !ok3 {
		return false, ""
	}
	member, _ := s.Member(m)
	limit, what := loop+retry, "its REST API does not answer"
	switch member.REST.Cause() {
	case fact.Refused:
		limit, what = loop+1, "nothing listens at its REST API"
	case fact.Silent, fact.Unreached:
	default:
		return false, ""
	}
	if lease.RemainingSeconds >= 0 && lease.AgeSeconds() <= limit {
		return false, ""
	}
	return true, fmt.Sprintf(
		"its Patroni does not run: %s, and its lease was last renewed %d s ago",
		what,
		lease.AgeSeconds(),
	)
}

// Unreachable are the eligible members that do not answer us: whether Patroni may
// choose them cannot be told.
func Unreachable(s *fact.Snapshot) []string {
	var out []string
	for _, m := range Eligible(s) {
		if member, _ := s.Member(m); !member.REST.Known() {
			out = append(out, m)
		}
	}
	return out
}
