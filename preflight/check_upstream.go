package preflight

import "strings"

var leaderUpstream = Check{
	ID:       "leader.upstream",
	Title:    "a standby cluster receives from its primary",
	Since:    "0.2.0",
	Why:      "The leader of a standby cluster may have lost the other site for hours: the members here are level with each other all the same, and neither patronictl list nor GET /health shows it. After the switchover the new standby leader has the same trouble.",
	Source:   "pg_stat_wal_receiver on the standby leader; patroni/patroni issue 2875",
	Fix:      "See the PostgreSQL log on the standby leader for why it does not connect to the other site.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []Need{standbyCluster, upstreamStatus},
	Run:      runUpstream,
}

var syncForeign = Check{
	ID:       "sync.foreign",
	Title:    "commits wait for members alone",
	Since:    "0.2.0",
	Why:      "With synchronous_standby_names = '*', or one that a node's own patroni.yml gives, a backup receiver or a member tagged nosync becomes the synchronous standby. It can not take over, and the members that could are not in /sync.",
	Source:   "sync_state in pg_stat_replication on the leader; patroni/patroni issue 789",
	Fix:      "Leave synchronous_standby_names to Patroni.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []Need{syncMode, standbyCluster, keyVersion, syncSenders},
	Run:      runForeignSync,
}

// Both are needed only where the configuration makes them matter.
var (
	upstreamStatus = fact[string]{receiverStatus.name, func(s *Snapshot, m string) Observed[string] {
		if Equal(standbyCluster.of(s, m), false) {
			return Known("")
		}
		return receiverStatus.of(s, m)
	}}
	syncSenders = fact[[]WalSender]{walSenders.name, func(s *Snapshot, m string) Observed[[]WalSender] {
		if Equal(syncMode.of(s, m), "off") {
			return Known([]WalSender{})
		}
		return walSenders.of(s, m)
	}}
)

func runUpstream(s *Snapshot, _ Question, m string) []Finding {
	asked := s.askedSQL(m, "pg_stat_wal_receiver")
	status := upstreamStatus.get(s, m)
	switch {
	case !standbyCluster.get(s, m):
		return evidence(s.key("/config"), "no standby_cluster: the leader is the primary")
	case status == "streaming":
		return evidence(asked, "streaming from the primary of this standby cluster")
	case status == "":
		status = "no row: no WAL receiver runs"
	default:
		status = "status " + status
	}
	return []Finding{{
		Asked: asked, Observed: status, Expected: "streaming from the primary of this standby cluster",
		Effect: "This site gets WAL from an archive at best, and may be hours behind the other one, whoever leads here.",
		Remedy: "See the PostgreSQL log on " + m + ", and standby_cluster in patronictl show-config, for why it does not connect.",
	}}
}

func runForeignSync(s *Snapshot, _ Question, m string) []Finding {
	asked := s.askedSQL(m, "sync_state in pg_stat_replication")
	if syncActive(s) == "off" {
		return evidence(asked, "synchronous mode is off")
	}
	rows := syncSenders.get(s, m)
	var who []string
	add := func(w WalSender, what string) {
		if state := w.SyncState.orZero(); state == "sync" || state == "quorum" {
			who = append(who, w.ApplicationName+", "+what+", is "+state)
		}
	}
	for _, w := range s.foreign(rows) {
		add(w, "no member")
	}
	for _, w := range rows {
		for _, member := range s.replicas() {
			if sameApplicationName(w.ApplicationName, member) && nosync(keyTags.of(s, member).orZero(), keyVersion.of(s, member).orZero()) {
				add(w, "tagged nosync")
			}
		}
	}
	if len(who) == 0 {
		return evidence(asked, "no synchronous standby but members that may be one")
	}
	settings := sqlSettings.of(s, m).orZero()
	return []Finding{{
		Asked: asked, Observed: strings.Join(who, "; ") + " (synchronous_standby_names is " + shown(settings["synchronous_standby_names"]) + ")",
		Expected: "members that may take over",
		Effect:   "Commits wait for one that can not lead, and Patroni puts no member into /sync in its place: a switchover is refused.",
		Remedy:   "Take synchronous_standby_names out of patroni.yml of " + m + "; Patroni sets it in synchronous mode.",
	}}
}
