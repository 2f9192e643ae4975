package check

import (
	"cmp"
	"fmt"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

var candidateMember = Check{
	ID:        "candidate.member",
	Title:     "the candidate is a member and not the leader",
	Since:     "0.1.0",
	Why:       "patronictl refuses a name that it does not know, and the name of the leader. It compares names exactly.",
	Source:    "patroni/ctl.py _do_failover_or_switchover; patroni/api.py do_POST_failover",
	Fix:       "Use the name of a member that patronictl list shows as a replica.",
	Proof:     "docs/accuracy.md: \"unknown member\", \"the candidate is the leader\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.ClusterState, fact.LeaderKey},
	Run:       runCandidate,
}

var candidateNofailover = Check{
	ID:    "candidate.nofailover",
	Title: "no tag prevents the candidate from being promoted",
	Since: "0.1.0",
	Why: "Patroni does not promote a member tagged nofailover. Every spelling counts: true, 1, the text " +
		"\"false\" (any text that is not empty is true), and since 3.2.0 a failover_priority of 0 or less.",
	Source: "patroni/tags.py nofailover; patroni/ctl.py reads the tags in the DCS, patroni/ha.py " +
		"failover_limitation those in the REST answer",
	Fix: "Remove the tag from that node's patroni.yml and reload Patroni there, or choose another candidate.",
	Proof: "docs/accuracy.md: \"candidate tagged nofailover\", \"candidate tagged nofailover: \"false\"\", " +
		"\"candidate with failover_priority 0\", \"bystander tagged nofailover\"; TestNofailover.",
	Kind:        PatroniRule,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"candidate.rest", "identity.rest_name"},
	Needs:       []fact.Need{fact.KeyTags, fact.RESTTags},
	Run:         runNofailover,
}

var candidateWatchdog = Check{
	ID:    "candidate.watchdog",
	Title: "the candidate's watchdog is usable",
	Since: "0.1.0",
	Why:   "If watchdog.mode is required and the device cannot be used, Patroni does not promote the member.",
	Source: "watchdog_failed in GET /patroni; patroni/ha.py failover_limitation: 412 \"no good candidates have " +
		"been found\"",
	Fix:         "Give Patroni access to the watchdog device on that node.",
	Proof:       "TestBreakages; failover_limitation in patroni/ha.py, which e2e/oracle_test.go runs.",
	Kind:        PatroniRule,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"candidate.rest", "identity.rest_name"},
	Needs:       []fact.Need{fact.RESTWatchdog},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		if !fact.RESTWatchdog.Get(s, m) {
			return Witnessed(s.RESTCall(m), "no watchdog_failed")
		}
		return []Finding{
			{
				Asked:    s.RESTCall(m),
				Observed: "watchdog_failed: the watchdog is required and cannot be used",
				Effect:   "Patroni counts the member as unfit: 412 \"no good candidates have been found\".",
				Remedy: "On " + m + ": modprobe softdog (or the module of the hardware), and let the user that runs Patroni " +
					"write to the device (watchdog.device in patroni.yml).",
			},
		}
	},
}

var candidateSync = Check{
	ID:    "candidate.sync",
	Title: "the candidate is synchronous, if synchronous mode requires it",
	Since: "0.1.0",
	Why:   "In synchronous mode only a member in /sync may become leader.",
	Source: "patroni/api.py do_POST_failover (412 \"candidate name does not match with sync_standby\"); " +
		"patroni/ha.py is_failover_possible, get_failover_candidates",
	Fix: "Choose a member that patronictl list shows as Sync Standby or Quorum Standby.",
	Proof: "docs/accuracy.md: \"synchronous mode, candidate is the synchronous standby\", \"synchronous mode, " +
		"candidate is not the synchronous standby\", \"quorum mode, candidate is a quorum standby\", \"quorum mode, " +
		"candidate tagged nosync\"; e2e/oracle_test.go for the releases between.",
	Kind:        PatroniRule,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader"},
	Needs:       []fact.Need{fact.SyncMode, fact.StandbyCluster, fact.SyncState, fact.KeyVersion.OnLeader()},
	Run:         runSync,
}

var candidateStreaming = Check{
	ID:    "candidate.streaming",
	Title: "the candidate is streaming from this cluster",
	Since: "0.1.0",
	Why: "Patroni accepts a candidate that is not streaming as long as its lag is below maximum_lag_on_failover. " +
		"The leader's last WAL never reaches that candidate: commits already acknowledged to clients are lost.",
	Source: "pg_stat_wal_receiver on the candidate, pg_stat_replication on the leader or on the member that it " +
		"cascades from; patroni/ha.py manual_failover_process_no_leader has no test of it; measured: 1000 committed rows " +
		"lost",
	Fix: "Read the candidate's PostgreSQL log to see why it does not connect to the leader.",
	Proof: "docs/accuracy.md: \"candidate not streaming, less than 1 MiB behind\", \"candidate tagged nostream\": " +
		"1000 committed rows lost on each of three releases.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.WALReceiver, fact.ReceiverStatus, fact.WALSenders.OnLeader(), fact.Upstream},
	Run:       runStreaming,
}

var candidateTimeline = Check{
	ID:    "candidate.timeline",
	Title: "the candidate is on the leader's timeline",
	Since: "0.1.0",
	Why: "Patroni compares timelines only if check_timeline is on; the default is off. A candidate on an older " +
		"timeline is promoted from that timeline: commits made since are lost, and the timeline number is used twice.",
	Source: "pg_walfile_name on the leader, pg_stat_wal_receiver.received_tli on the candidate, timeline in GET " +
		"/patroni; patroni/ha.py is_failover_possible; measured",
	Fix: "Rebuild the member with patronictl reinit, or let pg_rewind bring it to the leader's timeline.",
	Proof: "docs/accuracy.md: \"candidate on an older timeline\", \"check_timeline on, candidate on an older " +
		"timeline\": 1000 committed rows lost, and a timeline number used twice.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader", "candidate.rest"},
	Needs: []fact.Need{
		fact.WALReceiver,
		fact.StandbyTimeline,
		fact.SQLTimeline.OnLeader(),
		fact.CheckTimeline,
		fact.History,
	},
	Run: runTimeline,
}

var candidateAhead = Check{
	ID:    "candidate.ahead",
	Title: "the candidate has no WAL that the leader lacks",
	Since: "0.1.0",
	Why: "A candidate ahead of the leader has diverged. Patroni computes a negative lag and accepts it; " +
		"patronictl list shows 0. Commits made on the leader since then are lost.",
	Source: "max of pg_last_wal_receive_lsn() and pg_last_wal_replay_lsn() on the candidate, against " +
		"pg_current_wal_flush_lsn() on the leader, sampled after it",
	Fix:       "Rebuild the member with patronictl reinit.",
	Proof:     "TestBreakages, to the byte; measured: Patroni accepts a negative lag, and patronictl list shows 0.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.leader", "identity.sql_role"},
	Needs:     []fact.Need{fact.SQLReceived, fact.LeaderAfter},
	Run:       runAhead,
}

func runCandidate(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	c, leader := q.Candidate, fact.LeaderKey.Get(s, "")
	asked := s.KeyName("/members/")
	if c == "" {
		return runNobodyNamed(s, q, asked)
	}
	_, isMember := s.Member(c)
	switch {
	case c == leader:
		return []Finding{{
			Asked: s.KeyName("/leader"), Observed: c, Expected: "a member other than the leader",
			Effect: fmt.Sprintf("patronictl says \"Member %s is already the leader of cluster %s\".", c, s.Target.Scope),
			Remedy: "Nothing to do, or choose another candidate: " + fact.Names(s.Replicas()) + ".",
		}}
	case !isMember:
		return []Finding{
			{
				Asked:    asked,
				Observed: "no member " + c,
				Expected: "one of " + fact.Names(s.Replicas()),
				Effect: fmt.Sprintf(
					"patronictl says \"Member %s does not exist in cluster %s or is tagged as nofailover\".",
					c,
					s.Target.Scope,
				),
				Remedy: "Use a member's exact name: " + fact.Names(s.Replicas()) + ".",
			},
		}
	}
	return Witnessed(asked+c, "a member")
}

// runNobodyNamed says among whom Patroni may choose.
func runNobodyNamed(s *fact.Snapshot, q fact.Question, asked string) []Finding {
	var aside []string
	for _, m := range s.Replicas() {
		if why := patroni.Ineligible(s, m); why != "" {
			aside = append(aside, m+": "+why)
		}
	}
	left := ""
	if aside != nil {
		left = " (" + strings.Join(aside, "; ") + ")"
	}
	if eligible := patroni.Eligible(s); len(eligible) > 0 {
		return Witnessed(asked, "Patroni may choose among %s%s", fact.Names(eligible), left)
	}
	f := Finding{
		Asked: asked, Observed: "no member may be promoted" + left, Expected: "at least one member besides the leader",
		Effect: "patronictl says \"No candidates found to switchover to\".",
		Remedy: "Start a replica without the nofailover tag.",
	}
	if p := patroni.PredictFor(s, q); p.Stage != patroni.StageCtl {
		f.Effect = "No member could take over."
		f.Remedy = "Bring a member back first; read patronictl list and that member's Patroni log."
		if p.Printed != "" {
			f.Effect = fmt.Sprintf("No member could take over; patronictl prints %q.", p.Printed)
		}
	}
	return []Finding{f}
}

func runNofailover(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	version := fact.KeyVersion.Of(s, s.Leader()).OrZero()
	for _, t := range []struct {
		asked string
		tags  fact.Tags
	}{{s.KeyName("/members/" + m), fact.KeyTags.Get(s, m)}, {s.RESTCall(m), fact.RESTTags.Get(s, m)}} {
		no, how := patroni.Nofailover(t.tags, version)
		if !no {
			continue
		}
		effect := "patronictl does not offer the member, and the leader refuses it: 412 \"no good candidates have been " +
			"found\"."
		if strings.Contains(how, `"`) {
			effect = "Any text that is not empty counts as true, even \"false\". " + effect
		}
		return []Finding{
			{
				Asked:    t.asked,
				Observed: "tag " + how,
				Expected: "no tag that prevents promotion",
				Effect:   effect,
				Remedy: fmt.Sprintf(
					"Remove the tag from patroni.yml of %s, then run: patronictl reload %s %s; or choose another candidate.",
					m,
					s.Target.Scope,
					m,
				),
			},
		}
	}
	return Witnessed(s.KeyName("/members/"+m), "no such tag in the DCS or in the REST answer")
}

func runSync(s *fact.Snapshot, q fact.Question, m string) []Finding {
	mode, state, version := patroni.SyncActive(s), fact.SyncState.Get(s, m), fact.KeyVersion.Of(s, s.Leader()).Must()
	asked := s.KeyName("/sync")
	remedy := "Wait until " + m + " is synchronous (patronictl list)."
	if fit := fitAmong(s, state.Standbys); len(fit) > 0 {
		remedy = "Choose " + oneOf(fit) + ", or wait until " + m + " is synchronous (patronictl list)."
	}
	if len(state.Standbys) == 0 {
		remedy = "Wait until a member is synchronous (patronictl list), or find out why none is."
	}
	observed := fmt.Sprintf(
		"synchronous mode is %s; synchronous standbys: %s",
		mode,
		cmp.Or(fact.Names(state.Standbys), "none"),
	)
	if patroni.Nosync(fact.KeyTags.Of(s, m).OrZero(), version) {
		observed += "; " + m + " is tagged nosync"
		remedy = fmt.Sprintf(
			"Remove nosync from patroni.yml of %s, then run: patronictl reload %s %s; or choose a synchronous standby.",
			m,
			s.Target.Scope,
			m,
		)
	}
	if fact.StandbyCluster.Of(s, m).OrZero() {
		observed = "this is a standby cluster, and " + observed
		remedy = fmt.Sprintf(
			"A standby cluster has no synchronous standby, but Patroni before 3.2.0 requires one: patronictl edit-config %s "+
				"-s synchronous_mode=false",
			s.Target.Scope,
		)
	}
	switch {
	case mode == "off":
		return Witnessed(asked, "synchronous mode is off")
	case mode == "quorum" && strings.HasPrefix(version, "4.0.5") && state.Quorum > 0:
		return []Finding{
			{
				Severity: whereNamed(
					q,
				),
				Asked:    asked,
				Observed: fmt.Sprintf("quorum is %d, and the leader runs Patroni 4.0.5", state.Quorum),
				Effect:   "Patroni 4.0.5 refuses every named candidate in quorum mode: 503 \"Switchover failed\" (fixed in 4.0.6).",
				Remedy:   "Update Patroni on the leader to 4.0.6 or later first.",
			},
		}
	case patroni.InSync(state, m, version):
		return Witnessed(asked, "%s is in /sync", m)
	case mode == "quorum" && fact.OlderThan(version, 4, 0, 5):
		return []Finding{
			{
				Asked:    asked,
				Observed: observed,
				Expected: m + " in /sync",
				Effect: "Patroni " + version + " demotes the leader anyway, then " + m + " does not take the leader key: the " +
					"cluster has no primary.",
				Remedy: remedy,
			},
		}
	case mode == "quorum":
		return []Finding{
			{
				Asked:    asked,
				Observed: observed,
				Expected: m + " in /sync",
				Effect:   "The leader refuses: 503 \"Switchover failed\".",
				Remedy:   remedy,
			},
		}
	case q.Candidate == "" && len(state.Standbys) > 0 && !patroni.OutOfSync(s, m): // before 2.1.5 it races all the same
		return []Finding{
			{
				Kind:     Policy,
				Asked:    asked,
				Observed: observed,
				Expected: m + " in /sync",
				Effect: "If no candidate is named, members with Patroni before 2.1.5 take the leader key even if they are not " +
					"synchronous. Commits that only the synchronous standby has would be lost.",
				Remedy: "Name one of " + fact.Names(state.Standbys) + ".",
			},
		}
	}
	refusal := "candidate name does not match with sync_standby"
	if q.Candidate == "" && len(state.Standbys) == 0 {
		refusal = "switchover is not possible: can not find sync_standby"
	}
	return []Finding{{
		Asked: asked, Observed: observed, Expected: m + " in /sync",
		Effect: "Patroni refuses: 412 \"" + refusal + "\".", Remedy: remedy,
	}}
}

// whereNamed is the severity of what stands against a member only where it is named.
func whereNamed(q fact.Question) Severity {
	if q.Candidate == "" {
		return Warning
	}
	return Blocker
}

func runAhead(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	have, leader := fact.SQLReceived.Get(s, m), fact.LeaderAfter.Get(s, m)
	if leader == fact.NoLimit {
		return Witnessed(
			s.SQLQuery(s.Leader(), "pg_is_in_recovery()"),
			"the leader follows another cluster and writes no WAL of its own",
		)
	}
	asked := fmt.Sprintf("WAL position of %s (%s) against the leader's live one (%s), sampled after it", m, have, leader)
	if have <= leader {
		return Witnessed(asked, "not ahead")
	}
	return []Finding{Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("%d bytes ahead of the leader", have.Minus(leader)),
		Expected: "not ahead",
		Effect: fmt.Sprintf(
			"%s has diverged. Patroni sees a negative lag and accepts it; commits that %s made since would be lost.",
			m,
			s.Leader(),
		),
		Remedy: fmt.Sprintf("patronictl reinit %s %s", s.Target.Scope, m),
	}.bytesOf(have.Minus(leader), 0)}
}

func runStreaming(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	f := Finding{
		Expected: "streaming from the leader",
		Effect: fmt.Sprintf(
			"Patroni would accept this candidate while its lag is within maximum_lag_on_failover. It does not check whether "+
				"the candidate streams. %s is not connected, so WAL that the leader writes until it stops never reaches %s: "+
				"commits already acknowledged to clients would be lost%s.",
			m,
			m,
			atStake(s, m),
		),
		Remedy: fmt.Sprintf(
			"Read the PostgreSQL log on %s to see why it does not connect. Check primary_conninfo, the password of the "+
				"replication user, pg_hba.conf and free walsenders on %s.",
			m,
			s.Leader(),
		),
	}
	if s.IsStandbyCluster() {
		f.Effect = fmt.Sprintf(
			"Patroni would accept this candidate while its lag is within maximum_lag_on_failover. It does not check whether "+
				"the candidate streams. Whatever keeps %s from receiving WAL may also keep it from the primary of the other site;"+
				" as leader it would pass no WAL on to this cluster.",
			m,
		)
	}
	switch status := fact.ReceiverStatus.Get(s, m); {
	case status == "":
		f.Asked, f.Observed = s.SQLQuery(m, "pg_stat_wal_receiver"), "no WAL receiver is running"
		return []Finding{f}
	case status != "streaming":
		f.Asked, f.Observed = s.SQLQuery(m, "pg_stat_wal_receiver"), "status "+status
		return []Finding{f}
	}
	if rs, ok := fact.OfREST("", func(r fact.REST) fact.Observed[string] { return r.ReplicationState }).
		Of(s, m).
		Get(); ok &&
		rs == "in archive recovery" {
		f.Asked, f.Observed = s.RESTCall(m), "replication_state "+rs
		return []Finding{f}
	}
	at := fact.Upstream.Get(s, m)
	if at == "" {
		f.Asked, f.Observed = s.SQLQuery(s.Leader(), "pg_stat_replication"), "no row for "+m
		if r, ok := fact.WALReceiver.Get(s, m).SenderHost.Get(); ok && r != "" {
			f.Observed += fmt.Sprintf("; it receives WAL from %s", r)
		}
		return []Finding{f}
	}
	asked, from := s.SQLQuery(at, "pg_stat_replication"), "the leader"
	if at != s.Leader() {
		from = at + ", not the leader"
	}
	if st := fact.SenderState(s, at, m); st.State != "streaming" {
		f.Asked, f.Observed = asked, fmt.Sprintf("%s is in state %s", m, st.State)
		return []Finding{f}
	}
	return Witnessed(asked, "%s is streaming from %s", m, from)
}

// atStake says how much WAL the member lacks at this moment.
func atStake(s *fact.Snapshot, m string) string {
	leader, okL := fact.LeaderBefore.Of(s, m).Get()
	have, okH := fact.SQLReceived.Of(s, m).Get()
	if !okL || !okH || leader <= have {
		return ""
	}
	return fmt.Sprintf(" (%s at present)", fact.Size(leader.Minus(have)))
}

func runTimeline(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	mine, leaders := fact.StandbyTimeline.Get(s, m), fact.SQLTimeline.Of(s, s.Leader()).Must()
	asked := s.SQLQuery(m, "received_tli in pg_stat_wal_receiver")
	if !fact.WALReceiver.Get(s, m).Running {
		asked = s.RESTCall(m)
	}
	f := Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("timeline %d", mine),
		Expected: fmt.Sprintf("%d, as on the leader", leaders),
		Effect: fmt.Sprintf(
			"Patroni compares timelines only if check_timeline is on. %s would be promoted from timeline %d: everything "+
				"committed since on timeline %d would be lost.",
			m,
			mine,
			leaders,
		),
		Remedy: fmt.Sprintf("patronictl reinit %s %s (or find out why pg_rewind did not run there).", s.Target.Scope, m),
	}
	if s.IsStandbyCluster() {
		f.Effect = fmt.Sprintf(
			"%s could not follow the primary of the other site from timeline %d, and no member could follow it as leader.",
			m,
			mine,
		)
	}
	if mine != leaders {
		return []Finding{f}
	}
	rest, known := fact.OfREST("", func(r fact.REST) fact.Observed[int64] { return r.Timeline }).Of(s, m).Get()
	if known && rest > 0 && rest < leaders {
		f.Asked, f.Observed = s.RESTCall(m), fmt.Sprintf("timeline %d", rest)
		return []Finding{f}
	}
	// patroni/ha.py is_failover_possible with check_timeline: no timeline in the
	// answer, or one below /history's, is refused.
	want, _ := fact.Field(
		s.DCS.Cluster,
		func(c fact.Cluster) fact.Observed[int64] { t, _ := c.Timeline(); return fact.Known(t) },
	).
		Get()
	if fact.CheckTimeline.Get(s, m) && (!known || rest < want) {
		f.Kind = PatroniRule
		f.Asked, f.Observed, f.Expected = s.RESTCall(
			m,
		), "no timeline in the answer", fmt.Sprintf(
			"at least %d, as /history says",
			want,
		)
		f.Effect = "check_timeline is on, so the leader refuses the candidate: 503 \"Switchover failed\"."
		f.Remedy = "Find out whether Patroni on " + m + " can connect to its own PostgreSQL as the replication user."
		return []Finding{f}
	}
	return Witnessed(asked, "timeline %d, as the leader", mine)
}
