package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

var candidateCascade = Check{
	ID:    "candidate.cascade",
	Title: "the leader's last WAL reaches the candidate in time",
	Since: "0.2.0",
	Why: "A leader that shuts down waits for the standbys that stream from it, not for a candidate that streams " +
		"from one of these standbys. Patroni checks once whether the candidate has the last checkpoint, and releases the " +
		"leader key once PostgreSQL has stopped: WAL still in transit is lost. A cascade that keeps up delivers it in time.",
	Source: "pg_stat_replication on each member of the cascade, the tag replicatefrom; postgres: " +
		"WalSndWaitStopping; patroni/ha.py demote, on_shutdown, is_failover_possible",
	Fix: "Remove the tag replicatefrom from the candidate, so that it streams from the leader, or choose the " +
		"member that it streams from.",
	Proof: "docs/accuracy.md: \"candidate cascades from the bystander\", \"candidate cascades from a bystander " +
		"that is cut off\"; connections that are slow or frozen are cases on a recorded snapshot.",
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
var wayOfWAL = fact.Fact[[]string]{
	Label: "the members through which WAL flows from the leader",
	Of: func(s *fact.Snapshot, m string) fact.Observed[[]string] {
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
	},
}

// cascadeBlocks is what a way that keeps up carries in the moment between the
// leader's last checkpoint and the promotion, in bytes, with much to spare.
const cascadeBlocks = 1 << 20

func runCascade(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	way, leader := wayOfWAL.Get(s, m), s.Leader()
	if len(way) < 2 || way[1] == leader {
		return runNoCascade(s, m, way)
	}
	if s.IsStandbyCluster() {
		return Witnessed(
			s.KeyName("/config"),
			"a standby cluster: a new leader receives its WAL from the primary of the other site, including what %s has not "+
				"passed on",
			way[1],
		)
	}
	via := strings.Join(way[1:], " and ")
	stays := Finding{
		Severity: Blocker,
		Expected: "all of the leader's WAL",
		Effect: fmt.Sprintf(
			"%s does not wait for %s when it shuts down. WAL that has not reached %s by then is lost, with commits already "+
				"acknowledged to clients.",
			leader,
			m,
			m,
		),
		Remedy: fmt.Sprintf(
			"Remove replicatefrom from patroni.yml of %s and reload Patroni there, or choose another candidate.",
			m,
		),
	}
	if last := way[len(way)-1]; last != leader {
		stays.Asked, stays.Observed = s.SQLQuery(
			last,
			"pg_stat_wal_receiver",
		), fmt.Sprintf(
			"%s streams from %s, but %s does not stream from any member connected to the leader",
			m,
			via,
			last,
		)
		return []Finding{stays}
	}
	via = strings.Join(way[1:len(way)-1], " and ")
	for i, to := range way[:len(way)-1] {
		if c, ok := stalledAt(s, way[i+1], to); ok {
			stays.Asked = s.SQLQuery(way[i+1], "pg_stat_replication")
			stays.Observed = fmt.Sprintf(
				"%s streams through %s, and %s has been silent for %.0f s; %s not sent, %s not confirmed",
				m,
				via,
				c.Who(),
				c.Silence,
				fact.Size(c.Unsent),
				fact.Size(c.Unconfirmed),
			)
			return []Finding{stays}
		}
	}
	f := Finding{
		Severity: Warning,
		Asked:    s.SQLQuery(way[1], "pg_stat_replication"),
		Observed: fmt.Sprintf("%s is streaming from %s, not from the leader", m, via),
		Effect: fmt.Sprintf(
			"%s does not wait for %s when it shuts down: the last WAL has to pass through %s in the moment before %s is "+
				"promoted.",
			leader,
			m,
			via,
			m,
		),
		Remedy: stays.Remedy,
	}
	lacks := fact.BytesBehind(fact.LeaderBefore.Of(s, m), fact.SQLReceived.Of(s, m))
	if lacks == nil {
		return []Finding{f}
	}
	if f.Observed += fmt.Sprintf("; it lacks %s of the leader's WAL", fact.Size(*lacks)); *lacks > cascadeBlocks {
		f.Severity, f.Expected, f.Effect = Blocker, "next to nothing", stays.Effect
		f.Remedy = fmt.Sprintf("Wait until %s has caught up, and find out which connection is slow. %s", m, stays.Remedy)
	}
	return []Finding{f.bytesOf(*lacks, cascadeBlocks)}
}

// runNoCascade: the member streams from the leader. Its tag may say otherwise,
// where the member named there is away; Patroni goes back to that one.
func runNoCascade(s *fact.Snapshot, m string, way []string) []Finding {
	asked := s.SQLQuery(s.Leader(), "pg_stat_replication")
	from, _ := fact.KeyTags.Of(s, m).OrZero()["replicatefrom"].(string)
	if len(way) < 2 || !slices.Contains(s.Others(m), from) || from == s.Leader() {
		return Witnessed(asked, "no other member is between the leader and %s", m)
	}
	return []Finding{
		{
			Severity: Info,
			Asked:    asked,
			Observed: fmt.Sprintf("%s is streaming from the leader, and tagged replicatefrom: %s", m, from),
			Effect:   fmt.Sprintf("It switches to %s as soon as that member can serve it.", from),
		},
	}
}

// stalledAt finds a member's connection to another one, if it has stopped taking WAL.
func stalledAt(s *fact.Snapshot, at, to string) (fact.Consumer, bool) {
	for _, c := range fact.ConsumersAt(s, at, fact.WALSenders.Of(s, at).OrZero()) {
		if fact.SameApplicationName(c.ApplicationName, to) && fact.Equal(c.State, fact.SenderState(s, at, to).State) &&
			c.Stalled() {
			return c, true
		}
	}
	return fact.Consumer{}, false
}
