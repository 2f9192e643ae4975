package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

var candidateCascade = Check{
	ID:          "candidate.cascade",
	Title:       "the leader's last WAL comes to the candidate in time",
	Since:       "0.2.0",
	Why:         "A leader that stops waits for those that stream from it, not for a candidate that streams from one of them. Patroni looks once whether the candidate has the last checkpoint, and hands over in any case when PostgreSQL has ended: what is still on its way is then lost. A way that keeps up is in time.",
	Source:      "pg_stat_replication on each member of the way, the tag replicatefrom; postgres: WalSndWaitStopping; patroni/ha.py demote, on_shutdown, is_failover_possible",
	Fix:         "Take the tag replicatefrom from the candidate, so that it streams from the leader, or choose the member that it streams from.",
	Proof:       "docs/accuracy.md: \"candidate cascades from the bystander\", \"candidate cascades from a bystander that is cut off\"; connections that are slow or frozen are cases on a recorded snapshot.",
	Kind:        Policy,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader", "candidate.streaming"},
	Needs:       []fact.Need{wayOfWAL},
	Run:         runCascade,
}

// wayOfWAL names the members through which WAL comes to a member, itself first
// and the leader last; without the leader where it does not come from there.
var wayOfWAL = fact.Fact[[]string]{Label: "through which members WAL comes from the leader", Of: func(s *fact.Snapshot, m string) fact.Observed[[]string] {
	way := []string{m}
	for at := m; at != s.Leader(); {
		from := fact.Upstream.Of(s, at)
		up, ok := from.Get()
		switch {
		case !ok:
			return fact.Because[[]string](from)
		case up == "" || slices.Contains(way, up):
			return fact.Known(way)
		case !fact.SQLNow.Of(s, up).Known():
			return fact.Because[[]string](fact.SQLNow.Of(s, up))
		}
		way, at = append(way, up), up
	}
	return fact.Known(way)
}}

// cascadeBlocks is what a way that keeps up carries in the moment between the
// leader's last checkpoint and the promotion, in bytes, with much to spare.
const cascadeBlocks = 1 << 20

func runCascade(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	way, leader := wayOfWAL.Get(s, m), s.Leader()
	if len(way) < 2 || way[1] == leader {
		return runNoCascade(s, m, way)
	}
	if s.IsStandbyCluster() {
		return Witnessed(s.KeyName("/config"), "a standby cluster: a new leader takes its WAL from the primary of the other site, also what has not come by way of %s", way[1])
	}
	via := strings.Join(way[1:], " and ")
	stays := Finding{
		Severity: Blocker, Expected: "all of the leader's WAL",
		Effect: fmt.Sprintf("%s does not wait for %s when it stops. What has not come to %s by then is lost: rows that clients were told are safe.", leader, m, m),
		Remedy: fmt.Sprintf("Take replicatefrom out of patroni.yml of %s and reload Patroni there, or choose another candidate.", m),
	}
	if last := way[len(way)-1]; last != leader {
		stays.Asked, stays.Observed = s.SQLQuery(last, "pg_stat_wal_receiver"), fmt.Sprintf("%s streams from %s, and %s from no member that leads to the leader", m, via, last)
		return []Finding{stays}
	}
	via = strings.Join(way[1:len(way)-1], " and ")
	for i, to := range way[:len(way)-1] {
		if c, ok := stalledAt(s, way[i+1], to); ok {
			stays.Asked = s.SQLQuery(way[i+1], "pg_stat_replication")
			stays.Observed = fmt.Sprintf("%s streams by way of %s, and %s has been silent for %.0f s; %s not sent, %s not confirmed", m, via, c.Who(), c.Silence, fact.Size(c.Unsent), fact.Size(c.Unconfirmed))
			return []Finding{stays}
		}
	}
	f := Finding{
		Severity: Warning, Asked: s.SQLQuery(way[1], "pg_stat_replication"),
		Observed: fmt.Sprintf("%s is streaming from %s, not from the leader", m, via),
		Effect:   fmt.Sprintf("%s does not wait for %s when it stops: its last WAL has to come through %s in the moment before %s is promoted.", leader, m, via, m),
		Remedy:   stays.Remedy,
	}
	lacks := fact.BytesBehind(fact.LeaderBefore.Of(s, m), fact.SQLReceived.Of(s, m))
	if lacks == nil {
		return []Finding{f}
	}
	if f.Observed += fmt.Sprintf("; it lacks %s of the leader's WAL", fact.Size(*lacks)); *lacks > cascadeBlocks {
		f.Severity, f.Expected, f.Effect = Blocker, "next to nothing", stays.Effect
		f.Remedy = fmt.Sprintf("Wait until %s has caught up, and see which of the connections is slow. %s", m, stays.Remedy)
	}
	return []Finding{f.bytesOf(*lacks, cascadeBlocks)}
}

// runNoCascade: the member streams from the leader. Its tag may say otherwise,
// where the member named there is away; Patroni goes back to that one.
func runNoCascade(s *fact.Snapshot, m string, way []string) []Finding {
	asked := s.SQLQuery(s.Leader(), "pg_stat_replication")
	from, _ := fact.KeyTags.Of(s, m).OrZero()["replicatefrom"].(string)
	if len(way) < 2 || !slices.Contains(s.Others(m), from) || from == s.Leader() {
		return Witnessed(asked, "%s has no other member on its way", m)
	}
	return []Finding{{
		Severity: Info, Asked: asked, Observed: fmt.Sprintf("%s is streaming from the leader, and tagged replicatefrom: %s", m, from),
		Effect: fmt.Sprintf("It goes over to %s as soon as that one is fit.", from),
	}}
}

// stalledAt finds a member's connection to another one, if it has stopped taking WAL.
func stalledAt(s *fact.Snapshot, at, to string) (fact.Consumer, bool) {
	for _, c := range fact.ConsumersAt(s, at, fact.WALSenders.Of(s, at).OrZero()) {
		if fact.SameApplicationName(c.ApplicationName, to) && fact.Equal(c.State, fact.SenderState(s, at, to).State) && c.Stalled() {
			return c, true
		}
	}
	return fact.Consumer{}, false
}
