package check

import (
	"fmt"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

var dcsReachable = Check{
	ID:    "dcs.reachable",
	Title: "the DCS answers with quorum",
	Since: "0.1.0",
	Why: "Without a quorum Patroni demotes its leader or enters failsafe mode, no switchover request can be " +
		"written, and patronictl hangs indefinitely.",
	Source: "patroni/dcs/etcd.py get_etcd_client (retries without end); etcd linearizable Range",
	Fix:    "Restore the quorum of the store, make sure that this machine reaches it, then check again.",
	Proof: "docs/accuracy.md: \"two etcd of three frozen\", \"etcd all down\": patronictl printed nothing within 10 " +
		"s, and the cluster had no primary.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	Needs:     []fact.Need{fact.DCSRead},
	Run: func(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
		return Witnessed(s.PrefixName(), "%d keys", fact.DCSRead.Get(s, ""))
	},
}

var dcsGroup = Check{
	ID:    "dcs.group",
	Title: "a group is named if the cluster is a Citus cluster",
	Since: "0.2.0",
	Why: "Each group of a Citus cluster is a Patroni cluster of its own, with its keys under the number of the " +
		"group. The scope itself has no leader, and patronictl refuses to switch it over.",
	Source: "patroni/ctl.py _do_failover_or_switchover, is_citus_cluster; patroni/dcs/__init__.py " +
		"AbstractDCS.client_path",
	Fix:       "Name the group: 0 is the coordinator.",
	Proof:     "TestReadCitus in dcs/ reads such a prefix; the refusal is literal in patroni/ctl.py.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable"},
	Needs:     []fact.Need{fact.Groups},
	Run:       runGroup,
}

var dcsScope = Check{
	ID:    "dcs.scope",
	Title: "the DCS holds this cluster",
	Since: "0.1.0",
	Why: "With a wrong scope or namespace the cluster looks empty. So does a cluster that writes through etcd's " +
		"v2 API, which v3 does not see.",
	Source:    "patroni/dcs/__init__.py AbstractDCS.client_path; patronictl: \"This cluster has no leader\"",
	Fix:       "Set scope and namespace as in the nodes' patroni.yml.",
	Proof:     "docs/accuracy.md: \"wrong scope\": \"This cluster has no leader\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.group"},
	Needs:     []fact.Need{fact.ClusterState, fact.Initialize},
	Run:       runScope,
}

var dcsStable = Check{
	ID:        "dcs.stable",
	Title:     "the cluster did not change while it was read",
	Since:     "0.1.0",
	Why:       "Facts from before and after a change describe a cluster that never existed.",
	Source:    "two linearizable reads of the prefix, before and after asking the members",
	Fix:       "Wait until the change is complete, then check again.",
	Proof:     "TestReread and TestMoved in dcs/ compare the two reads; TestBreakages has the cluster that changed.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.DCSMoved},
	Run: func(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
		if moved := fact.DCSMoved.Get(s, ""); len(moved) > 0 {
			return []Finding{{
				Asked: s.PrefixName(), Observed: "changed between two reads: " + strings.Join(moved, ", "),
				Remedy: "Wait until the change is complete, then check again.",
			}}
		}
		return Witnessed(s.PrefixName(), "nothing changed between the two reads")
	},
}

var dcsAlarmsCheck = Check{
	ID:    "dcs.alarms",
	Title: "the DCS has no alarm",
	Since: "0.1.0",
	Why: "With a NOSPACE alarm etcd refuses every write: neither the switchover request (503 \"failed to write " +
		"failover key into DCS\") nor the new leader's key can be stored.",
	Source:    "etcd Maintenance.Alarm; patroni/api.py do_POST_failover",
	Fix:       "NOSPACE: compact and defragment, then etcdctl alarm disarm. CORRUPT: replace the server.",
	Proof:     "docs/accuracy.md: \"etcd out of space\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable"},
	Needs:     []fact.Need{fact.DCSAlarms},
	Run: func(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
		alarms := fact.DCSAlarms.Get(s, "")
		if len(alarms) == 0 {
			return Witnessed("alarm list of "+s.DCS.Kind, "none")
		}
		return []Finding{{
			Asked: "alarm list of " + s.DCS.Kind, Observed: strings.Join(alarms, ", "), Expected: "none",
			Effect: "The store refuses writes, so Patroni answers 503 \"failed to write failover key into DCS\".",
			Remedy: "NOSPACE: etcdctl compact, etcdctl defrag, etcdctl alarm disarm. CORRUPT: replace that server.",
		}}
	},
}

var dcsEndpoints = Check{
	ID:    "dcs.endpoints",
	Title: "every server of the DCS answers",
	Since: "0.1.0",
	Why: "The quorum holds without the missing servers, but the loss of another one during a switchover leaves the " +
		"cluster without a primary.",
	Source:   "etcd Maintenance.Status of each configured endpoint",
	Fix:      "Bring the server back, or remove it from the configuration.",
	Proof:    "docs/accuracy.md: \"one etcd of three down\": the switchover worked on the remaining servers.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.reachable"},
	Run:      runEndpoints,
}

var dcsConfig = Check{
	ID:    "dcs.config",
	Title: "Patroni reads the dynamic configuration as written",
	Since: "0.1.0",
	Why: "If Patroni cannot read a value, it silently uses the default; before 3.0.3 it ignores the whole dynamic " +
		"configuration.",
	Source: "patroni/global_config.py get_int, parse_int; patroni/config.py set_dynamic_configuration",
	Fix:    "patronictl edit-config: write sizes in bytes and times in seconds, as plain integers.",
	Proof: "docs/accuracy.md: \"maximum_lag_on_failover \"10MB\"\", \"maximum_lag_on_failover \"10MB\", Patroni " +
		"3.0\", \"ttl too short for loop_wait\"; TestMaximumLag against patroni/utils.py parse_int.",
	Kind:      PatroniRule,
	Severity:  Warning,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.Config, fact.TTL, fact.LoopWait, fact.RetryTimeout, fact.WrittenMaxLag},
	Run:       runConfig,
}

var dcsLeader = Check{
	ID:    "dcs.leader",
	Title: "the expected member holds the leader key",
	Since: "0.1.0",
	Why: "Without a leader there is nothing to switch over from, and Patroni refuses a request that names another " +
		"leader.",
	Source: "patroni/ctl.py _do_failover_or_switchover; patroni/api.py do_POST_failover (412 \"leader name does not " +
		"match\")",
	Fix: "Find out why no member holds the key; read patronictl list and the members' logs.",
	Proof: "TestBreakages; the three refusals are literal in patroni/ctl.py _do_failover_or_switchover, and " +
		"e2e/oracle_test.go compares them with Patroni itself.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.LeaderKey},
	Run:       runLeader,
}

var dcsLeaderLease = Check{
	ID:    "dcs.leader_lease",
	Title: "the leader renews its key",
	Since: "0.1.0",
	Why: "A leader whose HA loop has stopped does not process a switchover and loses its key when the lease " +
		"expires.",
	Source: "etcd Lease.LeaseTimeToLive: granted minus remaining is the age of the last keep-alive; patroni/ha.py " +
		"update_lock",
	Fix: "Read the leader's Patroni log; restart Patroni there if it hangs (PostgreSQL keeps running only in " +
		"maintenance mode).",
	Proof:     "docs/accuracy.md: \"leader's Patroni frozen\": the leader key expired and another member took it.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.LeaderLease, fact.LoopWait, fact.RetryTimeout},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		return runLease(s, m, "/leader", fact.LeaderLease.Get(s, m),
			"Its HA loop is not running: it would not process the switchover, and it loses the key when the lease expires.")
	},
}

var dcsMemberLease = Check{
	ID:    "dcs.member_lease",
	Title: "the member renews its key",
	Since: "0.1.0",
	Why: "A member key outlives its Patroni by up to ttl. A candidate whose HA loop has stopped cannot take the " +
		"leader key: the cluster has no primary until that lease expires.",
	Source: "etcd Lease.LeaseTimeToLive; patroni/ha.py touch_member. The age of the key itself proves nothing: " +
		"Patroni writes it only on change",
	Fix: "Read Patroni's log on that member; restart Patroni there.",
	Proof: "docs/accuracy.md: \"candidate's Patroni frozen\", \"old member key with a live lease\": the lease tells " +
		"them apart, the age of the key does not.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.MemberLease, fact.LoopWait, fact.RetryTimeout},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		return runLease(
			s,
			m,
			"/members/"+m,
			fact.MemberLease.Get(s, m),
			"Its HA loop is not running, so it could not take the leader key: the cluster would have no primary until the "+
				"lease expires.",
		)
	},
}

var dcsFailoverKey = Check{
	ID:    "dcs.failover_key",
	Title: "no other switchover is pending",
	Since: "0.1.0",
	Why: "Patroni overwrites a pending request without asking; patronictl list and GET /cluster show only " +
		"scheduled requests.",
	Source:    "patroni/dcs/__init__.py manual_failover (an unconditional put), class Failover",
	Fix:       "Wait for it, or cancel it: patronictl flush SCOPE switchover, if it is scheduled.",
	Proof:     "docs/accuracy.md: \"a switchover scheduled for tomorrow\": the request was silently overwritten.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.FailoverKey},
	Run:       runFailoverKey,
}

func runGroup(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	found := fact.Groups.Get(s, "")
	switch {
	case s.Target.Group != "":
		return Witnessed(s.PrefixName(), "the keys of group %s", s.Target.Group)
	case len(found) == 0:
		return Witnessed(s.PrefixName(), "not a group of a Citus cluster")
	}
	list := strings.Join(found, ", ")
	return []Finding{
		{
			Asked:    s.PrefixName(),
			Observed: "no leader, but the groups " + list + " of a Citus cluster, and the request names none",
			Expected: "one group",
			Effect: "Each group is a cluster of its own. patronictl says \"For Citus clusters the --group must me " +
				"specified\".",
			Remedy: "Name the group with --group: " + list + "; 0 is the coordinator.",
		},
	}
}

func runScope(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	id := fact.Initialize.Get(s, "")
	if id != "" {
		return Witnessed(s.KeyName("/initialize"), "system identifier %s", id)
	}
	return []Finding{
		{
			Asked: s.KeyName(
				"/initialize",
			),
			Observed: "no system identifier",
			Expected: "the identifier of an initialised cluster",
			Effect:   "The cluster is still bootstrapping, or this scope is not Patroni's.",
			Remedy:   "Compare scope and namespace with the nodes' patroni.yml.",
		},
	}
}

func runEndpoints(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	var out []Finding
	for _, e := range s.DCS.Endpoints {
		st, ok := e.Status.Get()
		f := Finding{
			Asked: "status of " + s.DCS.Kind + " " + e.URL,
			Effect: fmt.Sprintf(
				"The other servers hold the quorum (%d are configured); the loss of another one during the switchover may leave "+
					"the cluster without a primary.",
				len(s.DCS.Endpoints),
			),
			Remedy: "Bring that server back first, or remove it from the configuration if it no longer exists.",
		}
		switch {
		case !ok:
			f.Observed = answerIn(e.Status.Reason())
		case !st.HasLeader:
			f.Observed = "it knows no raft leader"
		case len(st.Errors) > 0:
			f.Observed = strings.Join(st.Errors, "; ")
		default:
			continue
		}
		out = append(out, f)
	}
	if out == nil {
		return Witnessed("status of "+s.DCS.Kind, "%d of %d servers answer", len(s.DCS.Endpoints), len(s.DCS.Endpoints))
	}
	return out
}

func runConfig(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	var out []Finding
	c := fact.Config.Get(s, "")
	t, l, r := fact.TTL.Get(s, ""), fact.LoopWait.Get(s, ""), fact.RetryTimeout.Get(s, "")
	if l+2*r > t {
		out = append(out, Finding{
			Asked: s.KeyName("/config"),
			Observed: fmt.Sprintf(
				"ttl %d, loop_wait %d, retry_timeout %d",
				t,
				l,
				r,
			),
			Expected: "loop_wait + 2*retry_timeout <= ttl",
			Effect:   "The leader may lose its key during a retry. Since 3.2.0 Patroni silently changes the values.",
			Remedy:   fmt.Sprintf("patronictl edit-config -s ttl=%d", l+2*r),
		})
	}
	written := c.MaximumLag.Must()
	version := fact.KeyVersion.Of(s, s.Leader()).OrZero()
	_, inForce := patroni.MaximumLagOf(version, written, c.MaximumLagIsText)
	if n, ok := patroni.MaximumLag(written); !inForce || !ok && !fact.OlderThan(version, 3, 0, 3) {
		f := Finding{
			Asked:    s.KeyName("/config"),
			Observed: fmt.Sprintf("maximum_lag_on_failover is %q", written),
			Expected: "an integer, in bytes",
			Effect:   fmt.Sprintf("Patroni reads no units here and silently uses %d.", n),
			Remedy: fmt.Sprintf(
				"patronictl edit-config -s maximum_lag_on_failover=%d (or the intended number of bytes)",
				patroni.DefaultMaximumLag,
			),
		}
		if !inForce {
			f.Severity = Blocker
			f.Effect = "Patroni " + version + " refuses the whole dynamic configuration because of it and keeps the previous " +
				"one, which is not visible from outside."
		}
		out = append(out, f)
	}
	if out == nil {
		n, _ := patroni.MaximumLagOf(version, written, c.MaximumLagIsText)
		return Witnessed(
			s.KeyName("/config"),
			"ttl %d, loop_wait %d, retry_timeout %d, maximum_lag_on_failover %d",
			t,
			l,
			r,
			n,
		)
	}
	return out
}

func runLeader(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	asked, leader := s.KeyName("/leader"), fact.LeaderKey.Get(s, "")
	switch _, isMember := s.Member(leader); {
	case leader == "":
		return []Finding{{
			Asked: asked, Observed: "no such key", Expected: "the name of the leader",
			Effect: "patronictl says \"This cluster has no leader\".",
			Remedy: "Read patronictl list and the members' logs to see why no member takes the key.",
		}}
	case q.ExpectedLeader != "" && q.ExpectedLeader != leader:
		return []Finding{
			{
				Asked:    asked,
				Observed: leader,
				Expected: q.ExpectedLeader,
				Effect: fmt.Sprintf(
					"patronictl says \"Member %s is not the leader of cluster %s\".",
					q.ExpectedLeader,
					s.Target.Scope,
				),
				Remedy: fmt.Sprintf("Find out when the leader changed (patronictl history), then use --leader %s.", leader),
			},
		}
	case !isMember:
		return []Finding{{
			Asked: asked, Observed: leader + ", which has no member key", Expected: "a member",
			Effect: "Its Patroni has not written its own key: it is not running, or it cannot write to the DCS.",
			Remedy: "Read Patroni's log on " + leader + ".",
		}}
	}
	return Witnessed(asked, "%s", leader)
}

// runLease judges the age of a lease. Patroni renews it with each HA loop and
// retries for retry_timeout.
func runLease(s *fact.Snapshot, m, name string, l fact.Lease, effect string) []Finding {
	asked := "time to live of the lease on " + s.KeyName(name)
	limit := fact.LoopWait.Get(s, m) + fact.RetryTimeout.Get(s, m)
	switch age := l.AgeSeconds(); {
	case l.RemainingSeconds < 0:
		return []Finding{{
			Asked: asked, Observed: "expired", Expected: fmt.Sprintf("renewed within %d s", limit),
			Effect: effect, Remedy: "Read Patroni's log on " + m + " and restart Patroni there.",
		}}
	case age > limit:
		return []Finding{Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("last renewed %d s ago, %d of %d s left", age, l.RemainingSeconds, l.GrantedSeconds),
			Expected: fmt.Sprintf("renewed within loop_wait + retry_timeout = %d s", limit),
			Effect:   effect, Remedy: "Read Patroni's log on " + m + " and restart Patroni there.",
		}.secondsOf(age, limit)}
	default:
		return Witnessed(asked, "renewed %d s ago, %d of %d s left", max(0, age), l.RemainingSeconds, l.GrantedSeconds)
	}
}

func runFailoverKey(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	f := fact.FailoverKey.Get(s, "")
	asked := s.KeyName("/failover")
	if !f.Pending() {
		return Witnessed(asked, "nothing pending")
	}
	what := "a " + map[bool]string{true: "failover", false: "switchover"}[f.Leader == ""]
	for _, part := range []string{prefixed(" from ", f.Leader), prefixed(" to ", f.Candidate)} {
		what += part
	}
	if f.ScheduledAt != "" {
		return []Finding{{
			Severity: Warning, Asked: asked, Observed: what + ", scheduled for " + f.ScheduledAt,
			Effect: "A new request silently overwrites it; if it is due first, another member leads by then.",
			Remedy: fmt.Sprintf("patronictl flush %s switchover --force, if you no longer want it.", s.Target.Scope),
		}}
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: what + ", not yet executed",
			Expected: "nothing pending",
			Effect: "An operation is in progress, or is queued until the end of maintenance mode; a second request " +
				"overwrites it.",
			Remedy: "Wait until patronictl list shows no change. If it stays, read the leader's log before you remove the " +
				"key.",
		},
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

var dcsHistory = Check{
	ID:    "dcs.history",
	Title: "/history ends where the leader's timeline began",
	Since: "0.2.0",
	Why: "Patroni takes the cluster's timeline from /history: check_timeline compares the members with it, and " +
		"patronictl history shows it. The leader corrects the key in its HA loop. If the key stays wrong, the loop does " +
		"not get that far, or the leader's history file is missing. At timeline 1 the key does not exist.",
	Source: "patroni/ha.py update_cluster_history; patroni/dcs/__init__.py TimelineHistory; pg_walfile_name() on the " +
		"leader, or timeline in its REST answer",
	Fix:      "Wait for one HA loop of the leader, then read its Patroni log.",
	Proof:    "Cases, and docs/accuracy.md: \"the key /history is gone\": the switchover works without it.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.History, leaderTimeline, fact.StandbyCluster, fact.CheckTimeline},
	Run:      runHistory,
}

// leaderTimeline is the timeline that the leader writes, by REST where there is no
// session.
var leaderTimeline = fact.OfMember("timeline", func(m fact.Member) fact.Observed[int64] {
	if t := fact.Field(m.SQL, func(q fact.SQL) fact.Observed[int64] { return q.Timeline }); t.Known() {
		return t
	}
	return fact.Field(m.REST, func(r fact.REST) fact.Observed[int64] { return r.Timeline })
}).OnLeader()

func runHistory(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	asked, timeline, lines := s.KeyName("/history"), leaderTimeline.Get(s, ""), fact.History.Get(s, "")
	if fact.StandbyCluster.Get(s, "") {
		return Witnessed(asked, "not compared: no member writes it in a standby cluster")
	}
	last, observed := int64(0), "no timeline"
	if n := len(lines); n > 0 {
		last = lines[n-1].Timeline
		observed = fmt.Sprintf("the last timeline that ended is %d", last)
	}
	if last == timeline-1 {
		return Witnessed(asked, "%s, and %s is on timeline %d", observed, s.Leader(), timeline)
	}
	wait := fmt.Sprintf(
		"Wait %d s and check again: the leader corrects it. If it stays, read Patroni's log on %s",
		fact.LoopWait.Of(s, "").OrZero(),
		s.Leader(),
	)
	f := Finding{
		Asked:    asked,
		Observed: observed,
		Expected: fmt.Sprintf("timeline %d, since %s is on timeline %d", timeline-1, s.Leader(), timeline),
		Effect: "patronictl history does not show the cluster's past. A switchover works without it as long as " +
			"check_timeline is off.",
		Remedy: fmt.Sprintf("%s, and whether pg_wal has %08X.history there.", wait, timeline),
	}
	if timeline == 1 {
		f.Expected, f.Remedy = "none, since "+s.Leader()+" is on timeline 1", wait+"."
	}
	switch on := fact.CheckTimeline.Get(s, ""); {
	case on && last < timeline:
		f.Effect = fmt.Sprintf(
			"check_timeline compares with timeline %d, so it accepts members on a timeline older than the leader's.",
			last+1,
		)
	case on:
		f.Effect = fmt.Sprintf(
			"check_timeline compares with timeline %d, so it refuses members on the leader's timeline.",
			last+1,
		)
	}
	return []Finding{f}
}

var dcsSyncLeader = Check{
	ID:    "dcs.sync_leader",
	Title: "/sync names the leader that /leader names",
	Since: "0.2.0",
	Why: "The leader maintains /sync and writes its own name there. If /sync names another member, the " +
		"synchronous standbys are not known; and the leader, which /sync does not name, may not take the key back if the " +
		"candidate fails. Patroni before 4.1.1 leaves it in that state after the leader was renamed in maintenance mode.",
	Source: "patroni/ha.py process_sync_replication, is_healthiest_node; patroni/dcs/__init__.py SyncState; " +
		"Patroni's release notes of 4.1.1",
	Fix:       "Wait for one HA loop of the leader; if it stays, turn synchronous mode off and on again.",
	Proof:     "Cases on a recorded snapshot; e2e/oracle_test.go has an old leader that /sync does not name.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.SyncMode, fact.StandbyCluster, fact.SyncState, fact.KeyVersion.OnLeader()},
	Run:       runSyncLeader,
}

func runSyncLeader(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	asked, mode, state, leader := s.KeyName("/sync"), patroni.SyncActive(s), fact.SyncState.Get(s, ""), s.Leader()
	version := fact.KeyVersion.Of(s, leader).Must()
	p := patroni.PatroniState{Sync: state}
	switch {
	case mode == "off":
		return Witnessed(asked, "synchronous mode is off")
	case state.Leader == "":
		return Witnessed(asked, "no leader, so no standby is synchronous yet")
	case p.SyncLeader(version, leader):
		return Witnessed(asked, "the leader is %s", state.Leader)
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: "the leader is " + state.Leader,
			Expected: leader + ", as in /leader",
			Effect: fmt.Sprintf(
				"The standbys that it names may be out of date, and if the candidate fails, %s may not take the key back: the "+
					"cluster has no primary.",
				leader,
			),
			Remedy: fmt.Sprintf(
				"Wait %d s and check again: Patroni 4.1.1 and later correct it. If it stays: patronictl edit-config -s "+
					"synchronous_mode=off, and one loop later -s synchronous_mode=%s.",
				fact.LoopWait.Of(s, "").OrZero(),
				mode,
			),
		},
	}
}
