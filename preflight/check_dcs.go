package preflight

import (
	"fmt"
	"slices"
	"strings"
)

var dcsReachable = Check{
	ID:        "dcs.reachable",
	Title:     "the DCS answers with quorum",
	Since:     "0.1.0",
	Why:       "Without a quorum Patroni demotes its leader or goes into failsafe mode, no switchover request can be written, and patronictl hangs for ever.",
	Source:    "patroni/dcs/etcd.py get_etcd_client (retries without end); etcd linearizable Range",
	Fix:       "Bring the store back to a quorum and see that this machine reaches it, then check again.",
	Proof:     "docs/accuracy.md: \"two etcd of three frozen\", \"etcd all down\": patronictl said nothing within 10 s, and no primary was left.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	Needs:     []Need{dcsRead},
	Run: func(s *Snapshot, _ Question, _ string) []Finding {
		return evidence(s.asked(), "%d keys", dcsRead.get(s, ""))
	},
}

var dcsGroup = Check{
	ID:        "dcs.group",
	Title:     "a group is named where the cluster is Citus'",
	Since:     "0.2.0",
	Why:       "Each group of a Citus cluster is a Patroni cluster of its own, whose keys stand under its number. The scope alone has no leader, and patronictl refuses to switch it over.",
	Source:    "patroni/ctl.py _do_failover_or_switchover, is_citus_cluster; patroni/dcs/__init__.py AbstractDCS.client_path",
	Fix:       "Name the group: 0 is the coordinator.",
	Proof:     "TestReadCitus in dcs/ reads such a prefix; the refusal is literal in patroni/ctl.py.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable"},
	Needs:     []Need{groups},
	Run:       runGroup,
}

var dcsScope = Check{
	ID:        "dcs.scope",
	Title:     "the DCS holds this cluster",
	Since:     "0.1.0",
	Why:       "A wrong scope or namespace shows an empty cluster. So does a cluster that writes through etcd's v2 API, which v3 does not see.",
	Source:    "patroni/dcs/__init__.py AbstractDCS.client_path; patronictl: \"This cluster has no leader\"",
	Fix:       "Set scope and namespace as they stand in the nodes' patroni.yml.",
	Proof:     "docs/accuracy.md: \"wrong scope\": \"This cluster has no leader\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.group"},
	Needs:     []Need{cluster, initialize},
	Run:       runScope,
}

var dcsStable = Check{
	ID:        "dcs.stable",
	Title:     "the cluster held still while it was read",
	Since:     "0.1.0",
	Why:       "A picture put together from before and after a change is of a cluster that never was.",
	Source:    "two linearizable reads of the prefix, before and after the members were asked",
	Fix:       "Wait until the change is through, then check again.",
	Proof:     "TestReread and TestMoved in dcs/ hold the two reads side by side; TestBreakages has the cluster that moved.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []Need{dcsMoved},
	Run: func(s *Snapshot, _ Question, _ string) []Finding {
		if moved := dcsMoved.get(s, ""); len(moved) > 0 {
			return []Finding{{
				Asked: s.asked(), Observed: "changed between two reads: " + strings.Join(moved, ", "),
				Remedy: "Wait until the change is through, then check again.",
			}}
		}
		return evidence(s.asked(), "nothing moved between the two reads")
	},
}

var dcsAlarmsCheck = Check{
	ID:        "dcs.alarms",
	Title:     "the DCS has no alarm",
	Since:     "0.1.0",
	Why:       "With a NOSPACE alarm etcd refuses every write: the request to switch over cannot be stored (503 \"failed to write failover key into DCS\"), nor can the new leader's key.",
	Source:    "etcd Maintenance.Alarm; patroni/api.py do_POST_failover",
	Fix:       "NOSPACE: compact and defragment, then etcdctl alarm disarm. CORRUPT: replace the server concerned.",
	Proof:     "docs/accuracy.md: \"etcd out of space\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable"},
	Needs:     []Need{dcsAlarms},
	Run: func(s *Snapshot, _ Question, _ string) []Finding {
		alarms := dcsAlarms.get(s, "")
		if len(alarms) == 0 {
			return evidence("alarm list of "+s.DCS.Kind, "none")
		}
		return []Finding{{
			Asked: "alarm list of " + s.DCS.Kind, Observed: strings.Join(alarms, ", "), Expected: "none",
			Effect: "The store refuses writes, so Patroni answers 503 \"failed to write failover key into DCS\".",
			Remedy: "NOSPACE: etcdctl compact, etcdctl defrag, etcdctl alarm disarm. CORRUPT: replace that server.",
		}}
	},
}

var dcsEndpoints = Check{
	ID:       "dcs.endpoints",
	Title:    "every server of the DCS answers",
	Since:    "0.1.0",
	Why:      "The quorum holds without the missing servers, but one more loss in the middle of a switchover leaves the cluster without a primary.",
	Source:   "etcd Maintenance.Status of each configured endpoint",
	Fix:      "Bring the server back, or take it out of the configuration.",
	Proof:    "docs/accuracy.md: \"one etcd of three down\": the switchover worked, with what was left.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.reachable"},
	Run:      runEndpoints,
}

var dcsConfig = Check{
	ID:        "dcs.config",
	Title:     "the dynamic configuration says what it seems to say",
	Since:     "0.1.0",
	Why:       "Patroni takes a value that it cannot read for its default, without a word; before 3.0.3 it then ignores the whole dynamic configuration.",
	Source:    "patroni/global_config.py get_int, parse_int; patroni/config.py set_dynamic_configuration",
	Fix:       "patronictl edit-config: sizes in bytes and times in seconds, as plain integers.",
	Proof:     "docs/accuracy.md: \"maximum_lag_on_failover \"10MB\"\", \"maximum_lag_on_failover \"10MB\", Patroni 3.0\", \"ttl too short for loop_wait\"; TestMaximumLag against patroni/utils.py parse_int.",
	Kind:      PatroniRule,
	Severity:  Warning,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []Need{config, ttl, loopWait, retryTimeout, writtenMaxLag},
	Run:       runConfig,
}

var dcsLeader = Check{
	ID:        "dcs.leader",
	Title:     "the leader key has the holder that is expected",
	Since:     "0.1.0",
	Why:       "Without a leader there is nothing to switch from, and a request that names another leader is refused.",
	Source:    "patroni/ctl.py _do_failover_or_switchover; patroni/api.py do_POST_failover (412 \"leader name does not match\")",
	Fix:       "Find out why no member holds the key: patronictl list, and the members' logs.",
	Proof:     "TestBreakages; the three refusals are literal in patroni/ctl.py _do_failover_or_switchover, and e2e/oracle_test.go compares them with Patroni itself.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []Need{leaderKey},
	Run:       runLeader,
}

var dcsLeaderLease = Check{
	ID:        "dcs.leader_lease",
	Title:     "the leader renews its key",
	Since:     "0.1.0",
	Why:       "A leader whose HA loop stands still does not process a switchover, and loses its key when the lease runs out.",
	Source:    "etcd Lease.LeaseTimeToLive: granted minus remaining is the age of the last keep-alive; patroni/ha.py update_lock",
	Fix:       "See the leader's Patroni log; restart Patroni there if it hangs (PostgreSQL keeps running in maintenance mode only).",
	Proof:     "docs/accuracy.md: \"leader's Patroni frozen\": the leader key ran out and another member took it.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"dcs.leader"},
	Needs:     []Need{leaderLease, loopWait, retryTimeout},
	Run: func(s *Snapshot, _ Question, m string) []Finding {
		return runLease(s, m, "/leader", leaderLease.get(s, m),
			"Its HA loop is not running: it would not process the switchover, and the key is lost when the lease runs out.")
	},
}

var dcsMemberLease = Check{
	ID:        "dcs.member_lease",
	Title:     "the member renews its key",
	Since:     "0.1.0",
	Why:       "A member key outlives its Patroni by up to ttl. A candidate whose HA loop stands still cannot take the leader key: the cluster stays without a primary until that lease has run out.",
	Source:    "etcd Lease.LeaseTimeToLive; patroni/ha.py touch_member. The age of the key itself says nothing: Patroni writes it on change only",
	Fix:       "See Patroni's log on that member; restart Patroni there.",
	Proof:     "docs/accuracy.md: \"candidate's Patroni frozen\", \"old member key with a live lease\": the lease tells them apart, the age of the key does not.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []Need{memberLease, loopWait, retryTimeout},
	Run: func(s *Snapshot, _ Question, m string) []Finding {
		return runLease(s, m, "/members/"+m, memberLease.get(s, m),
			"Its HA loop is not running, so it could not take the leader key: the cluster would be without a primary until the lease has run out.")
	},
}

var dcsFailoverKey = Check{
	ID:        "dcs.failover_key",
	Title:     "no other switchover is pending",
	Since:     "0.1.0",
	Why:       "Patroni overwrites a pending request without asking; patronictl list and GET /cluster show a scheduled one only.",
	Source:    "patroni/dcs/__init__.py manual_failover (an unconditional put), class Failover",
	Fix:       "Wait for it, or take it back: patronictl flush SCOPE switchover for a scheduled one.",
	Proof:     "docs/accuracy.md: \"a switchover scheduled for tomorrow\": the request was overwritten without a word.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []Need{failover},
	Run:       runFailoverKey,
}

// asked names the read of the DCS.
func (s *Snapshot) asked() string {
	if s.DCS.ByREST != "" {
		return s.key("")
	}
	if s.DCS.Read.Stamp != nil && s.DCS.Read.Stamp.Source != "" {
		return s.DCS.Read.Stamp.Source
	}
	return s.DCS.Kind + " " + s.DCS.Prefix
}

// key names one key in the DCS, or the document of the REST API that told of it.
func (s *Snapshot) key(name string) string {
	if s.DCS.ByREST != "" {
		member, ok := strings.CutPrefix(name, "/members/")
		if name != "/config" && name != "/history" {
			name = "/cluster"
		}
		asked := "GET " + s.DCS.ByREST + name
		if strings.Contains(s.DCS.ByREST, ", ") { // none of several told
			asked = "GET " + name + " at " + s.DCS.ByREST
		}
		if ok && member != "" {
			asked += ", member " + member
		}
		return asked
	}
	return s.DCS.Kind + " " + strings.TrimSuffix(s.DCS.Prefix, "/") + name
}

// groups are the Citus groups among which one has to be named: a prefix with a
// leader of its own, or with no key of Patroni, has none.
var groups = fact[[]string]{"the Citus groups", func(s *Snapshot, _ string) Observed[[]string] {
	if s.Leader() != "" || s.DCS.Cluster.Cause() == Absent {
		return Known([]string{})
	}
	return within(s.DCS.Cluster, func(c Cluster) Observed[[]string] { return c.Groups })
}}

func runGroup(s *Snapshot, _ Question, _ string) []Finding {
	found := groups.get(s, "")
	switch {
	case s.Target.Group != "":
		return evidence(s.asked(), "the keys of group %s", s.Target.Group)
	case len(found) == 0:
		return evidence(s.asked(), "no group of a Citus cluster")
	}
	list := strings.Join(found, ", ")
	return []Finding{{
		Asked: s.asked(), Observed: "no leader, but the groups " + list + " of a Citus cluster, and none is named", Expected: "one group",
		Effect: "Each is a cluster of its own. patronictl says \"For Citus clusters the --group must me specified\".",
		Remedy: "Give patronictl --group with one of " + list + ": 0 is the coordinator.",
	}}
}

func runScope(s *Snapshot, _ Question, _ string) []Finding {
	id := initialize.get(s, "")
	if id != "" {
		return evidence(s.key("/initialize"), "system identifier %s", id)
	}
	return []Finding{{
		Asked: s.key("/initialize"), Observed: "no system identifier", Expected: "that of an initialised cluster",
		Effect: "The cluster is still being bootstrapped, or this is not Patroni's scope.",
		Remedy: "Compare scope and namespace with the nodes' patroni.yml.",
	}}
}

func runEndpoints(s *Snapshot, _ Question, _ string) []Finding {
	var out []Finding
	for _, e := range s.DCS.Endpoints {
		st, ok := e.Status.Get()
		f := Finding{
			Asked:  "status of " + s.DCS.Kind + " " + e.URL,
			Effect: fmt.Sprintf("The other servers hold the quorum (%d are configured); losing one more during the switchover may leave the cluster without a primary.", len(s.DCS.Endpoints)),
			Remedy: "Bring that server back first, or take it out of the configuration if it is gone for good.",
		}
		switch {
		case !ok:
			f.Observed = answerIn(e.Status.Reason())
		case !st.HasLeader:
			f.Observed = "it knows of no raft leader"
		case len(st.Errors) > 0:
			f.Observed = strings.Join(st.Errors, "; ")
		default:
			continue
		}
		out = append(out, f)
	}
	if out == nil {
		return evidence("status of "+s.DCS.Kind, "%d of %d servers answer", len(s.DCS.Endpoints), len(s.DCS.Endpoints))
	}
	return out
}

func runConfig(s *Snapshot, _ Question, _ string) []Finding {
	var out []Finding
	c := config.get(s, "")
	t, l, r := ttl.get(s, ""), loopWait.get(s, ""), retryTimeout.get(s, "")
	if l+2*r > t {
		out = append(out, Finding{
			Asked:    s.key("/config"),
			Observed: fmt.Sprintf("ttl %d, loop_wait %d, retry_timeout %d", t, l, r), Expected: "loop_wait + 2*retry_timeout <= ttl",
			Effect: "The leader may lose its key in the middle of a retry. Since 3.2.0 Patroni silently changes the values.",
			Remedy: fmt.Sprintf("patronictl edit-config -s ttl=%d", l+2*r),
		})
	}
	written := c.MaximumLag.Must()
	version := keyVersion.of(s, s.Leader()).orZero()
	_, inForce := maximumLagOf(version, written, c.MaximumLagIsText)
	if n, ok := maximumLag(written); !inForce || !ok && !olderThan(version, 3, 0, 3) {
		f := Finding{
			Asked:    s.key("/config"),
			Observed: fmt.Sprintf("maximum_lag_on_failover is %q", written), Expected: "an integer, in bytes",
			Effect: fmt.Sprintf("Patroni reads no units here and silently uses %d.", n),
			Remedy: fmt.Sprintf("patronictl edit-config -s maximum_lag_on_failover=%d (or the number of bytes that was meant)", DefaultMaximumLag),
		}
		if !inForce {
			f.Severity = Blocker
			f.Effect = "Patroni " + version + " refuses the whole dynamic configuration because of it and goes on with the one before, which nobody can see from outside."
		}
		out = append(out, f)
	}
	if out == nil {
		n, _ := maximumLagOf(version, written, c.MaximumLagIsText)
		return evidence(s.key("/config"), "ttl %d, loop_wait %d, retry_timeout %d, maximum_lag_on_failover %d", t, l, r, n)
	}
	return out
}

func runLeader(s *Snapshot, q Question, _ string) []Finding {
	asked, leader := s.key("/leader"), leaderKey.get(s, "")
	switch _, isMember := s.Member(leader); {
	case leader == "":
		return []Finding{{
			Asked: asked, Observed: "no such key", Expected: "the name of the leader",
			Effect: "patronictl says \"This cluster has no leader\".",
			Remedy: "See patronictl list and the members' logs for why nobody takes the key.",
		}}
	case q.ExpectedLeader != "" && q.ExpectedLeader != leader:
		return []Finding{{
			Asked: asked, Observed: leader, Expected: q.ExpectedLeader,
			Effect: fmt.Sprintf("patronictl says \"Member %s is not the leader of cluster %s\".", q.ExpectedLeader, s.Target.Scope),
			Remedy: fmt.Sprintf("Find out when the leader moved (patronictl history), then use --leader %s.", leader),
		}}
	case !isMember:
		return []Finding{{
			Asked: asked, Observed: leader + ", which has no member key", Expected: "a member",
			Effect: "Its Patroni has not written its own key: it is not there, or it cannot write to the DCS.",
			Remedy: "See Patroni's log on " + leader + ".",
		}}
	}
	return evidence(asked, "%s", leader)
}

// runLease judges the age of a lease. Patroni renews it with each HA loop and
// retries for retry_timeout.
func runLease(s *Snapshot, m, name string, l Lease, effect string) []Finding {
	asked := "time to live of the lease on " + s.key(name)
	limit := loopWait.get(s, m) + retryTimeout.get(s, m)
	switch age := l.AgeSeconds(); {
	case l.RemainingSeconds < 0:
		return []Finding{{
			Asked: asked, Observed: "expired", Expected: fmt.Sprintf("renewed within %d s", limit),
			Effect: effect, Remedy: "See Patroni's log on " + m + " and restart Patroni there.",
		}}
	case age > limit:
		return []Finding{Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("last renewed %d s ago, %d of %d s left", age, l.RemainingSeconds, l.GrantedSeconds),
			Expected: fmt.Sprintf("renewed within loop_wait + retry_timeout = %d s", limit),
			Effect:   effect, Remedy: "See Patroni's log on " + m + " and restart Patroni there.",
		}.secondsOf(age, limit)}
	default:
		return evidence(asked, "renewed %d s ago, %d of %d s left", max(0, age), l.RemainingSeconds, l.GrantedSeconds)
	}
}

func runFailoverKey(s *Snapshot, _ Question, _ string) []Finding {
	f := failover.get(s, "")
	asked := s.key("/failover")
	if !f.Pending() {
		return evidence(asked, "nothing pending")
	}
	what := "a " + map[bool]string{true: "failover", false: "switchover"}[f.Leader == ""]
	for _, part := range []string{prefixed(" from ", f.Leader), prefixed(" to ", f.Candidate)} {
		what += part
	}
	if f.ScheduledAt != "" {
		return []Finding{{
			Severity: Warning, Asked: asked, Observed: what + ", scheduled for " + f.ScheduledAt,
			Effect: "A new request overwrites it without a word; if it comes due first, the leader is another one by then.",
			Remedy: fmt.Sprintf("patronictl flush %s switchover --force, if it is not wanted any more.", s.Target.Scope),
		}}
	}
	return []Finding{{
		Asked: asked, Observed: what + ", not yet carried out", Expected: "nothing pending",
		Effect: "An operation is under way, or is queued until the end of maintenance mode; a second request overwrites it.",
		Remedy: "Wait until patronictl list is quiet. If it stays, look at the leader's log before you remove the key.",
	}}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// names joins member names in order.
func names(members []string) string {
	members = slices.Clone(members)
	slices.Sort(members)
	return strings.Join(members, ", ")
}
