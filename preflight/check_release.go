package preflight

import "fmt"

var patroniFaults = Check{
	ID:       "patroni.faults",
	Title:    "no known fault of the leader's Patroni bears on this cluster",
	Since:    "0.2.0",
	Why:      "Some releases of Patroni do harm in a switchover of a cluster that is set up as this one is, and a later release has mended it. What a state alone shows is said by other checks; here are the faults that only the version tells.",
	Source:   "Patroni's release notes 2.1.0, 2.1.2, 3.0.4, 3.3.1, 4.1.1; patroni/patroni issues 1749, 1860, 2124, 2738, 3078, 3496",
	Fix:      "Update Patroni first, the leader last.",
	Proof:    "Cases on a recorded snapshot, on both sides of each release, and Patroni's release notes.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []Need{keyVersion.onLeader(), config, syncMode, syncStrict, syncNodes, standbyCluster, syncState, permanentSlots, usePgRewind, maxLag},
	Run:      runFaults,
}

var waybackRestart = Check{
	ID:       "wayback.restart",
	Title:    "the other replicas follow without a restart",
	Since:    "0.2.0",
	Why:      "Before PostgreSQL 13 a change of primary_conninfo takes a restart. Every replica that is not part of the switchover restarts too, to follow the new leader, and those who read there are cut off.",
	Source:   "server_version_num on the leader, or server_version in GET /patroni; PostgreSQL 13 release notes; patroni/postgresql/config.py; patroni/patroni issue 1708",
	Fix:      "Take readers away from the other replicas first.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []Need{serverRelease.onLeader()},
	Run:      runRestarts,
}

var (
	syncNodes = ofConfig("synchronous_node_count in /config", func(c Config) Observed[int64] { return c.SynchronousNodeCount })

	// serverRelease is server_version_num by SQL, or by REST where SQL has none.
	serverRelease = ofMember(sqlVersion.name, func(m Member) Observed[int] {
		if v := within(m.SQL, func(q SQL) Observed[int] { return q.ServerVersion }); v.Known() {
			return v
		}
		return within(m.REST, func(r REST) Observed[int] { return r.ServerVersion })
	})
)

// fault is one of Patroni's, in the releases before the one that has mended it.
type fault struct {
	mended   [3]int
	severity Severity
	// bears says by what the fault bears on this cluster, "" where it does not.
	bears          func(s *Snapshot, q Question) string
	effect, remedy string
}

var faults = []fault{
	{
		mended: [3]int{2, 1, 0}, severity: Warning, bears: archivedShutdown,
		effect: "The old leader then gives the position of its last checkpoint as one WAL file further than the others can have: they count as too far behind, and where nobody is named, or the named one fails, nobody takes the key until it is back.",
		remedy: "Name a candidate, or set maximum_lag_on_failover above the size of a WAL file for the switchover",
	},
	{
		mended: [3]int{2, 1, 0}, severity: Blocker, bears: func(s *Snapshot, _ Question) string {
			var logical []string
			for name, p := range permanentSlots.get(s, "") {
				if p.Type == "logical" {
					logical = append(logical, name)
				}
			}
			if logical == nil {
				return ""
			}
			return "/config declares logical slots: " + names(logical)
		},
		effect: "This release makes them anew after the promotion, at the position of that moment: what was written before and not yet taken never reaches their consumers, without an error.",
		remedy: "Let the consumers take everything while nobody writes",
	},
	{
		mended: [3]int{2, 1, 2}, severity: Warning, bears: func(s *Snapshot, _ Question) string {
			if usePgRewind.get(s, "") {
				return "use_pg_rewind is on"
			}
			return ""
		},
		effect: "The others may decide about pg_rewind while the new leader still shows its old timeline, and then follow without a rewind that they need.",
		remedy: "See after the switchover that every member streams on the new timeline",
	},
	{
		mended: [3]int{3, 0, 4}, severity: Warning, bears: func(s *Snapshot, _ Question) string {
			if syncStrict.get(s, "") && syncActive(s) != "off" && len(s.replicas()) < 2 {
				return "synchronous_mode_strict is on, and no third member is there"
			}
			return ""
		},
		effect: "The new leader's own statements wait for a synchronous standby that is not there yet; meanwhile its Patroni answers nobody.",
		remedy: "Turn synchronous_mode_strict off for the switchover",
	},
	{
		mended: [3]int{3, 3, 1}, severity: Warning, bears: func(s *Snapshot, _ Question) string {
			if standbys := syncState.get(s, "").Standbys; standbyCluster.get(s, "") && len(standbys) > 0 {
				return "this is a standby cluster, and /sync names " + names(standbys)
			}
			return ""
		},
		effect: "That is left over from before: patronictl list shows a Sync Standby where every standby is asynchronous.",
		remedy: "Do not go by that mark",
	},
	{
		mended: [3]int{4, 1, 1}, severity: Warning, bears: unequalPriorities,
		effect: "This release may promote another than the one with the highest failover_priority.",
		remedy: "Name a candidate",
	},
}

// archivedShutdown: the leader archives, so its last checkpoint begins a new WAL file.
func archivedShutdown(s *Snapshot, _ Question) string {
	settings := sqlSettings.of(s, s.Leader()).orZero()
	size, ok := setting(settings, "wal_segment_size")
	if !ok {
		size = 16 << 20
	}
	mode := settings["archive_mode"]
	if limit := maxLag.get(s, ""); mode != "off" && limit < size {
		return fmt.Sprintf("archive_mode is %s, and maximum_lag_on_failover (%d) is less than a WAL file (%d)", shown(mode), limit, size)
	}
	return ""
}

// unequalPriorities: nobody is named, and Patroni would have to choose among
// several synchronous standbys by their failover_priority.
func unequalPriorities(s *Snapshot, q Question) string {
	if q.Candidate != "" || syncActive(s) == "off" || syncNodes.get(s, "") < 2 {
		return ""
	}
	differ := map[string]bool{}
	for _, m := range s.eligible() {
		priority, ok := keyTags.of(s, m).orZero()["failover_priority"]
		if !ok {
			priority = 1
		}
		differ[fmt.Sprint(priority)] = true
	}
	if len(differ) < 2 {
		return ""
	}
	return fmt.Sprintf("nobody is named, synchronous_node_count is %d, and failover_priority differs", syncNodes.get(s, ""))
}

func runFaults(s *Snapshot, q Question, _ string) []Finding {
	version := keyVersion.of(s, s.Leader()).Must()
	asked := s.key("/members/" + s.Leader())
	var out []Finding
	for _, f := range faults {
		if !olderThan(version, f.mended[0], f.mended[1], f.mended[2]) {
			continue
		}
		why := f.bears(s, q)
		if why == "" {
			continue
		}
		mended := fmt.Sprintf("%d.%d.%d", f.mended[0], f.mended[1], f.mended[2])
		out = append(out, Finding{
			Severity: f.severity,
			Asked:    asked, Observed: fmt.Sprintf("Patroni %s, and %s", version, why), Expected: "Patroni " + mended + " or later",
			Effect: f.effect, Remedy: f.remedy + ", or update Patroni to " + mended + " or later first.",
		})
	}
	if len(out) > 0 {
		return out
	}
	return evidence(asked, "Patroni %s: none of %d known faults bears on this cluster", version, len(faults))
}

func runRestarts(s *Snapshot, q Question, _ string) []Finding {
	version := serverRelease.of(s, s.Leader()).Must()
	asked := "server_version of " + s.called(s.Leader())
	var others []string
	for _, m := range s.replicas() {
		if m != q.Candidate {
			others = append(others, m)
		}
	}
	if version >= 130000 || q.Candidate == "" && len(others) < 2 || len(others) == 0 {
		return evidence(asked, "%s: no member restarts but those that change their role", release(version))
	}
	return []Finding{{
		Asked: asked, Observed: release(version) + ", and there are other replicas: " + names(others), Expected: "PostgreSQL 13 or later, or none",
		Effect: "Each replica that stays one restarts to follow the new leader: its sessions are cut off.",
		Remedy: "Take readers away from " + names(others) + " first, or let them connect again afterwards.",
	}}
}
