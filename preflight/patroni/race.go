package patroni

import (
	"fmt"
	"slices"

	"patroni-preflight/preflight/fact"
)

// The race for the leader key after the old leader has stepped down
// (patroni/ha.py is_healthiest_node, manual_failover_process_no_leader,
// _is_healthiest_node). Each member decides for itself, by its own version.

// Race is who takes the leader key: whoever of the Takers is the first, else the
// old leader again, else nobody.
type Race struct {
	Takers    []string `json:"takers"`
	OldLeader bool     `json:"old_leader"`
}

// Leaderless: nobody takes the key, for as long as nothing changes.
func (r Race) Leaderless() bool { return len(r.Takers) == 0 && !r.OldLeader }

// RunRace says who takes the key. The state is that of the race: positions are
// those after the old leader has stopped, and the old leader is back in recovery.
func RunRace(p PatroniState) Race {
	r := Race{Takers: []string{}}
	for _, m := range p.Members {
		if m.Name != p.Leader && p.takes(m) {
			r.Takers = append(r.Takers, m.Name)
		}
	}
	if old, ok := p.member(p.Leader); ok && len(r.Takers) == 0 {
		r.OldLeader = p.takes(old)
	}
	return r
}

// version is that by which a member decides.
func (p PatroniState) versionOf(m MemberState) string {
	if m.Version != "" {
		return m.Version
	}
	return p.Version
}

// takes is is_healthiest_node: whether the member goes for the key.
func (p PatroniState) takes(me MemberState) bool {
	v := p.versionOf(me)
	forbidden, _ := Nofailover(me.Tags, v)
	if forbidden || me.Absent {
		return false
	}
	// In maintenance mode nothing but the request counts; a scheduled one cannot be.
	if p.Pause {
		return p.takesByRequest(me, v)
	}
	if p.keptOutBySync(me, v) {
		return false
	}
	return p.takesByRequest(me, v)
}

// keptOutBySync: in a switchover in synchronous mode only the members of /sync
// and the old leader race.
func (p PatroniState) keptOutBySync(me MemberState, v string) bool {
	switch {
	case fact.OlderThan(v, 2, 1, 2):
		return false
	case fact.OlderThan(v, 2, 1, 5) && p.Candidate == "":
		return false
	case fact.OlderThan(v, 3, 0, 3): // an empty /sync keeps out everybody
		return p.syncMode(v) == "on" && !p.inSync(v, me.Name, true)
	}
	return p.syncActive(v) != "off" && !p.inSync(v, me.Name, true)
}

// takesByRequest is manual_failover_process_no_leader.
func (p PatroniState) takesByRequest(me MemberState, v string) bool {
	switch {
	case p.Candidate != "" && p.Candidate == me.Name:
		return true // without a look at anything
	case p.Pause:
		return false
	}
	if p.Candidate != "" {
		if !fact.OlderThan(v, 2, 1, 5) && p.syncMode(v) == "on" && !p.inSync(v, me.Name, true) {
			return false
		}
		// As long as the candidate looks fit everybody waits for it, without a limit.
		if c, ok := p.member(p.Candidate); ok && c.limitation(v) == "" {
			return false
		}
	}
	if me.Name == p.Leader {
		ok, _ := p.possible(v, p.Candidate != "" || fact.OlderThan(v, 3, 2, 0))
		return !ok
	}
	others := p.replicas()
	if !fact.OlderThan(v, 4, 0, 8) && !v410(v) && p.syncActive(v) != "off" {
		others = slices.DeleteFunc(others, func(m MemberState) bool { return !p.inSync(v, m.Name, false) })
	}
	return p.healthiest(me, others, v)
}

// v410 is 4.1.0, which was released before 4.0.8 and lacks what that brought.
func v410(v string) bool { return !fact.OlderThan(v, 4, 1, 0) && fact.OlderThan(v, 4, 1, 1) }

// healthiest is _is_healthiest_node without the test of the lag.
func (p PatroniState) healthiest(me MemberState, others []MemberState, v string) bool {
	if p.CheckTimeline && !p.StandbyCluster && (me.Timeline == 0 || me.Timeline < p.Timeline) {
		return false
	}
	quorum := p.quorumActive(v)
	voter := func(name string) bool { return quorum && (p.inSync(v, name, false) || p.SyncLeader(v, name)) }
	votes, ahead := -1, 0
	if voter(me.Name) {
		votes = 0
	}
	for _, m := range others {
		forbidden, _ := Nofailover(m.KeyTags, v)
		if m.Name == me.Name || forbidden && !voter(m.Name) || m.limitation(v) != "" {
			continue
		}
		if !m.inRecovery(v) {
			return false // a primary is still alive
		}
		switch position := m.walPosition(v); {
		case me.Position < position:
			ahead++
			if !p.formerLeader(m.Name, v) {
				return false
			}
		case position == me.Position && p.outranked(me, m, voter(m.Name), v):
			return false
		case position > 0 && voter(m.Name):
			votes++
		}
	}
	return !quorum || votes >= p.Sync.Quorum || ahead == 0 && p.Sync.Leader == me.Name
}

// formerLeader: in synchronous mode the old leader may be ahead.
func (p PatroniState) formerLeader(name, v string) bool {
	if fact.OlderThan(v, 3, 0, 3) {
		return p.syncMode(v) == "on" && p.Sync.Leader == name
	}
	return p.syncActive(v) != "off" && p.SyncLeader(v, name)
}

// outranked: another member at the same position has a higher failover_priority.
func (p PatroniState) outranked(me, m MemberState, voter bool, v string) bool {
	if fact.OlderThan(v, 3, 2, 0) || failoverPriority(me.Tags) >= failoverPriority(m.Tags) {
		return false
	}
	active := p.syncActive(v) != "off"
	knowsLeader := !fact.OlderThan(v, 3, 3, 7) && fact.OlderThan(v, 4, 0, 0) || !fact.OlderThan(v, 4, 0, 6)
	if knowsLeader && active && p.Sync.Leader == m.Name {
		return false
	}
	switch {
	case fact.OlderThan(v, 4, 0, 0):
		return true
	case m.walPosition(v) == 0:
		return false
	case fact.OlderThan(v, 4, 0, 8) || v410(v): // in synchronous mode only voters count
		return !active || voter
	}
	return !p.quorumActive(v) || voter
}

// Outcome is the decision, and where the leader steps down at once, the race
// and what the client is told of it. Positions are taken as they are.
func Outcome(p PatroniState) (Decision, *Race) { return OutcomeAfter(p, p.Members) }

// OutcomeAfter is Outcome where the members have become others by the time of the race.
func OutcomeAfter(p PatroniState, members []MemberState) (Decision, *Race) {
	d := Decide(p)
	if d.Stage != StageDone {
		return d, nil
	}
	p.Members = members
	r := RunRace(p)
	switch {
	case p.RESTRefused: // the client is not told
	case r.Leaderless():
		d.Status, d.Answer = 503, p.statusUnknown()
	case r.OldLeader:
		// It clears the request as it takes the key back (process_unhealthy_cluster).
		d.Status, d.Answer = 503, "Switchover failed"
	case p.Candidate != "" && r.Takers[0] != p.Candidate:
		d.Answer = fmt.Sprintf("Switched over to %q instead of %q", r.Takers[0], p.Candidate)
	default:
		d.Answer = fmt.Sprintf("Successfully switched over to %q", r.Takers[0])
	}
	return d, &r
}
