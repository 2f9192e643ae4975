package check

import (
	"fmt"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

var identityAddress = Check{
	ID:    "identity.address",
	Title: "no address is a wildcard or loopback address",
	Since: "0.1.0",
	Why: "A node that reads a wildcard or loopback address from the DCS connects to itself: a leader that asks " +
		"such a candidate asks itself and counts the candidate as WAL position 0.",
	Source: "restapi.connect_address and postgresql.connect_address in the member key; patroni/patroni issues 423, " +
		"832, 886, 1784",
	Fix: "Set restapi.connect_address and postgresql.connect_address to the node's own address.",
	Proof: "docs/accuracy.md: \"candidate's api_url = 0.0.0.0\", \"candidate's api_url = 127.0.0.1\": 503, the " +
		"leader had asked itself.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.KeyAPIURL, fact.KeyConnURL},
	Run:       runAddress,
}

var identityVIP = Check{
	ID:    "identity.vip",
	Title: "the member's addresses do not move with the leader",
	Since: "0.1.0",
	Why: "An address that follows the leader is right only while this member leads: the switchover away from it " +
		"works, and the switchover back fails.",
	Source: "the founding incident, patroni/patroni issue 3230; reproduced on every release tested",
	Fix:    "Set the connect_address to the node's own address; use the VIP only in the clients' configuration.",
	Proof: "docs/accuracy.md: \"the VIP before it bites: named, and still on the right node\", \"the way back: the " +
		"VIP has followed the leader\": the first switchover worked, the switchover back failed.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{fact.KeyAPIURL, fact.KeyConnURL},
	Run:       runVIP,
}

var identityRESTName = Check{
	ID:    "identity.rest_name",
	Title: "the member itself answers at its api_url",
	Since: "0.1.0",
	Why: "Patroni never compares the name in the answer with the member that it asked. If the leader answers for " +
		"the candidate, the candidate counts as WAL position 0 and Patroni refuses the switchover; if another replica " +
		"answers, Patroni judges the wrong node.",
	Source: "patroni/ha.py fetch_node_status, _MemberStatus.from_api_response; patroni.name is given since 3.2.0; " +
		"patroni/patroni issue 3230",
	Fix: "Set restapi.connect_address of that member to its own address and reload Patroni there.",
	Proof: "docs/accuracy.md: \"the founding incident: candidate's api_url is a VIP on the leader\", \"candidate's " +
		"api_url = the leader's\", \"candidate's api_url = another replica's\", \"candidate's and bystander's api_url " +
		"swapped\"; the recordings api_url-of-node2-is-the-leaders of seven releases.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"candidate.rest", "leader.rest"},
	Needs:     []fact.Need{fact.RESTName},
	Run:       runRESTName,
}

var identityRESTScope = Check{
	ID:        "identity.rest_scope",
	Title:     "a member of this cluster answers at the api_url",
	Since:     "0.1.0",
	Why:       "If an api_url leads to a node of another cluster, Patroni judges the position and health of that node.",
	Source:    "patroni.scope in GET /patroni (patroni/api.py)",
	Fix:       "Set restapi.connect_address of that member to its own address and reload Patroni there.",
	Proof:     "TestBreakages; every recorded answer has patroni.scope, Patroni 2.1.7 to 4.1.4.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"candidate.rest", "leader.rest", "identity.rest_name"},
	Needs:     []fact.Need{fact.RESTScope},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		if got := fact.RESTScope.Get(s, m); got != s.Target.Scope {
			return []Finding{
				{
					Asked: s.RESTCall(
						m,
					),
					Observed: fmt.Sprintf("patroni.scope is %q", got),
					Expected: fmt.Sprintf("%q", s.Target.Scope),
					Effect:   "A node of another cluster answers for this member.",
					Remedy:   remedyREST(s, m),
				},
			}
		}
		return Witnessed(s.RESTCall(m), "patroni.scope is %q", s.Target.Scope)
	},
}

var identityRESTSystemID = Check{
	ID:    "identity.rest_system_id",
	Title: "the REST API belongs to this cluster's data",
	Since: "0.1.0",
	Why:   "Another system identifier means another database cluster: promoting it replaces the data.",
	Source: "database_system_identifier in GET /patroni against /initialize; Patroni compares them only at start " +
		"(patroni/ha.py)",
	Fix:       "Find out which cluster that node belongs to; rebuild it as a replica of this one.",
	Proof:     "TestBreakages; every recorded answer has the identifier, as has /initialize.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"candidate.rest", "leader.rest", "candidate.running", "leader.running", "identity.rest_name"},
	Needs:     []fact.Need{fact.ClusterID, fact.RESTSystemID},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		return runSystemID(s, m, s.RESTCall(m), fact.RESTSystemID.Get(s, m))
	},
}

var identitySQLSystemID = Check{
	ID:        "identity.sql_system_id",
	Title:     "PostgreSQL at conn_url has this cluster's data",
	Since:     "0.1.0",
	Why:       "Another system identifier means another database cluster: promoting it replaces the data.",
	Source:    "pg_control_system() against /initialize",
	Fix:       "Find out which cluster that node belongs to; rebuild it as a replica of this one.",
	Proof:     "TestBreakages; go test -tags pgreal ./pg reads the identifier of real servers.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.scope"},
	Needs:     []fact.Need{fact.ClusterID, fact.SQLSystemID},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		return runSystemID(s, m, s.SQLQuery(m, "pg_control_system()"), fact.SQLSystemID.Get(s, m))
	},
}

var identityRESTRole = Check{
	ID:    "identity.rest_role",
	Title: "the REST API answers in the role that the leader key implies",
	Since: "0.1.0",
	Why: "Patroni counts an answer in the role of a primary as WAL position 0. Either the leader answers for " +
		"another member, or there is a second primary.",
	Source: "patroni/ha.py _MemberStatus.from_api_response",
	Fix:    "Find out which node answers at that member's api_url.",
	Proof: "docs/accuracy.md: \"the founding incident: candidate's api_url is a VIP on the leader\" with Patroni " +
		"3.0, which gives no name; the recordings of 2.1.7 and 3.0.2.",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.leader", "candidate.rest", "leader.rest", "identity.rest_name"},
	Needs:     []fact.Need{fact.RESTRole},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		role := fact.RESTRole.Get(s, m)
		if who := answers(s, m); who != "" {
			role += ", by its start time the server of " + s.NameAndRole(who)
		}
		return runRole(s, m, s.RESTCall(m), role)
	},
}

var identityOneInstance = Check{
	ID:    "identity.one_instance",
	Title: "REST API and PostgreSQL are the same instance",
	Since: "0.1.0",
	Why: "The postmaster's start time, to the microsecond, is the same by REST and by SQL only if both reach the " +
		"same server. Otherwise Patroni judges one node by REST, and the members follow another one by SQL.",
	Source: "postmaster_start_time in GET /patroni against pg_postmaster_start_time(); it works with every Patroni, " +
		"also if REST gives no name",
	Fix: "Compare restapi.connect_address and postgresql.connect_address of that member with its own addresses.",
	Proof: "docs/accuracy.md: \"candidate's conn_url = the leader's\", \"candidate's conn_url = another " +
		"replica's\": the old leader did not stream afterwards.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After: []string{
		"candidate.rest",
		"leader.rest",
		"candidate.running",
		"leader.running",
		"identity.rest_name",
		"identity.rest_role",
	},
	Needs: []fact.Need{fact.RESTStarted, fact.SQLStarted},
	Run:   runOneInstance,
}

var identityDistinct = Check{
	ID:    "identity.distinct",
	Title: "no other member answers at the member's addresses",
	Since: "0.1.0",
	Why: "Two members with one address are one server counted twice: at least one member is not at the address " +
		"that the DCS gives.",
	Source:    "api_url and conn_url of all member keys; postmaster start times by REST and by SQL",
	Fix:       "Give each member a connect_address of its own.",
	Proof:     "docs/accuracy.md: \"candidate's conn_url = the leader's\", \"candidate's conn_url = another replica's\".",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.reachable", "dcs.scope", "identity.rest_name", "identity.rest_role"},
	Needs:     []fact.Need{fact.KeyAPIURL, fact.KeyConnURL},
	Run:       runDistinct,
}

var identitySQLName = Check{
	ID:    "identity.sql_name",
	Title: "PostgreSQL at conn_url replicates under the member's name",
	Since: "0.1.0",
	Why: "Patroni sets application_name in primary_conninfo to the member's name. Another name at conn_url means " +
		"another member's server: after the switchover the other members would follow the wrong node.",
	Source: "patroni/postgresql/config.py primary_conninfo_params; it proves the identity if REST gives no name " +
		"(before 3.2.0)",
	Fix: "Set postgresql.connect_address of that member to its own address and reload Patroni there.",
	Proof: "docs/accuracy.md: \"candidate's conn_url = the leader's\", \"candidate's conn_url = another replica's\";" +
		" TestSameApplicationName.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfReplicas,
	After:     []string{"dcs.reachable", "dcs.scope"},
	Needs:     []fact.Need{nameBySQL},
	Run:       runSQLName,
}

var identityKeyRole = Check{
	ID:        "identity.key_role",
	Title:     "the member key shows the role that the leader key implies",
	Since:     "0.1.0",
	Why:       "A member that shows another role is in the middle of a role change.",
	Source:    "role in the member key (patroni/ha.py touch_member)",
	Fix:       "Wait a few seconds and check again; if it stays, read Patroni's log on that member.",
	Proof:     "TestBreakages; every recorded member key has a role, \"master\" before 4.0.0 and \"primary\" since.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.KeyRole},
	Run: func(s *fact.Snapshot, _ fact.Question, m string) []Finding {
		return runRole(s, m, s.KeyName("/members/"+m), fact.KeyRole.Get(s, m))
	},
}

var identitySQLRole = Check{
	ID:    "identity.sql_role",
	Title: "PostgreSQL is in the role that the leader key implies",
	Since: "0.1.0",
	Why: "A holder of the leader key that is in recovery cannot be switched over; a replica that is not in " +
		"recovery is a second primary, and its writes are lost or split the cluster.",
	Source: "pg_is_in_recovery()",
	Fix:    "Find out which node answers at that member's conn_url before doing anything else.",
	Proof: "docs/accuracy.md: \"candidate's conn_url = the leader's\"; TestStandbyCluster for a leader that is in " +
		"recovery legitimately.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfMembers,
	After:     []string{"dcs.leader"},
	Needs:     []fact.Need{fact.SQLInRecovery, fact.StandbyCluster},
	Run:       runSQLRole,
}

// nameBySQL is the member's name as its server shows it by SQL; "" where it
// shows none and the REST answer, proven to be of the same instance, gives it.
var nameBySQL = fact.Fact[string]{
	Label: "application_name in primary_conninfo",
	Of: func(s *fact.Snapshot, m string) fact.Observed[string] {
		app := fact.OfSQL("", func(q fact.SQL) fact.Observed[string] { return q.ApplicationName }).Of(s, m)
		if app.Known() {
			return app
		}
		rest, okR := fact.RESTStarted.Of(s, m).Get()
		sql, okS := fact.SQLStarted.Of(s, m).Get()
		if okR && okS && rest.Equal(sql) && fact.Equal(fact.RESTName.Of(s, m), m) {
			return fact.Known("")
		}
		return app
	},
}

func remedyREST(s *fact.Snapshot, m string) string {
	port := "8008"
	if hosts, ok := fact.HostsOf(fact.KeyAPIURL.Of(s, m).OrZero()); ok && len(hosts) == 1 {
		_, port, _ = strings.Cut(hosts[0], " ")
	}
	return fmt.Sprintf(
		"Set restapi.connect_address in patroni.yml of %s to that node's own address (port %s), then run: patronictl "+
			"reload %s %s",
		m,
		port,
		s.Target.Scope,
		m,
	)
}

func remedySQL(s *fact.Snapshot, m string) string {
	return fmt.Sprintf(
		"Set postgresql.connect_address in patroni.yml of %s to that node's own address, then run: patronictl reload %s %s",
		m,
		s.Target.Scope,
		m,
	)
}

func runRESTName(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	got := fact.RESTName.Get(s, m)
	switch got {
	case m:
		return Witnessed(s.RESTCall(m), "patroni.name is %q", got)
	case "":
		return Witnessed(
			s.RESTCall(m),
			"no name, as with every Patroni before 3.2.0; start time, role and application_name prove the identity",
		)
	}
	f := Finding{
		Asked:    s.RESTCall(m),
		Observed: "the answer is from " + s.NameAndRole(got), Expected: m,
		Remedy: remedyREST(s, m),
	}
	switch {
	case m == s.Leader():
		f.Effect = fmt.Sprintf(
			"patronictl sends the request to this address, so the request reaches %s instead of the leader; and once %s has "+
				"stepped down no member sees its true state.",
			s.NameAndRole(got),
			m,
		)
	case got == s.Leader():
		f.Effect = fmt.Sprintf(
			"The leader would ask itself and count %s as WAL position 0: \"Member %s exceeds maximum replication lag\" in its "+
				"log, 503 \"Switchover failed\" for you, and lag 0 in patronictl list.",
			m,
			m,
		)
	default:
		f.Kind = Policy
		f.Effect = fmt.Sprintf(
			"Patroni does not compare the name: it would judge %s by the position and health of %s.",
			m,
			got,
		)
	}
	return []Finding{f}
}

func runSystemID(s *fact.Snapshot, m, asked, got string) []Finding {
	want, source := fact.ClusterID.Get(s, m), "/initialize"
	if s.DCS.ByREST != "" {
		source = s.RESTCall(s.Leader())
	}
	if got == want {
		return Witnessed(asked, "system identifier %s", got)
	}
	if id, n, agree := fact.MembersID(s); agree && got == id {
		return Witnessed(asked, "system identifier %s, as on all %d members; see dcs.initialize", got, n)
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: "system identifier " + got,
			Expected: want + ", as in " + source,
			Effect:   "That is another database cluster: promoting it would replace the data.",
			Remedy: fmt.Sprintf(
				"Find out which cluster answers there. If the address is right, rebuild the member: patronictl reinit %s %s",
				s.Target.Scope,
				m,
			),
		},
	}
}

func runOneInstance(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	rest, sql := fact.RESTStarted.Get(s, m), fact.SQLStarted.Get(s, m)
	asked := "postmaster start time of member " + m + ", by REST and by SQL"
	if rest.Equal(sql) {
		return Witnessed(asked, "%s in both", clock(rest))
	}
	return []Finding{
		{
			Asked: asked,
			Observed: fmt.Sprintf(
				"%s at %s, but %s at %s",
				clock(rest),
				fact.KeyAPIURL.Of(s, m).OrZero(),
				clock(sql),
				fact.KeyConnURL.Of(s, m).OrZero(),
			),
			Expected: "the same instance at both",
			Effect: fmt.Sprintf(
				"Two different servers answer for %s%s. Patroni judges the candidate by one of them, and the other members "+
					"follow the other.",
				m,
				whoseStart(s, m, rest, sql),
			),
			Remedy: fmt.Sprintf(
				"Compare restapi.connect_address and postgresql.connect_address in patroni.yml of %s with the node's own "+
					"addresses, correct the wrong one, then run: patronictl reload %s %s",
				m,
				s.Target.Scope,
				m,
			),
		},
	}
}

// whoseStart names the members whose start times those are, as far as they can be told.
func whoseStart(s *fact.Snapshot, m string, rest, sql time.Time) string {
	for _, o := range s.Members {
		if o.Name == m {
			continue
		}
		started, ok := fact.SQLStarted.Of(s, o.Name).Get()
		if ok && started.Equal(rest) && !rest.Equal(sql) {
			return ": by REST it is " + s.NameAndRole(o.Name)
		}
		started, ok = fact.RESTStarted.Of(s, o.Name).Get()
		if ok && started.Equal(sql) {
			return ": by SQL it is " + s.NameAndRole(o.Name)
		}
	}
	return ""
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000000") }

func runSQLName(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	got := nameBySQL.Get(s, m)
	asked := s.SQLQuery(m, "application_name in primary_conninfo")
	switch {
	case got == "":
		return Witnessed(asked, "not shown; the REST answer of the same instance gives the name")
	case fact.SameApplicationName(got, m):
		return Witnessed(asked, "%q", got)
	}
	return []Finding{{
		Asked: asked, Observed: fmt.Sprintf("%q", got), Expected: fmt.Sprintf("%q", m),
		Effect: fmt.Sprintf("The server there is %s: once %s leads, the other members would follow the wrong node.", got, m),
		Remedy: remedySQL(s, m),
	}}
}

// answers names the other member whose server the REST answer is of, by its
// start time: what can be told where REST gives no name.
func answers(s *fact.Snapshot, m string) string {
	started, ok := fact.RESTStarted.Of(s, m).Get()
	for _, o := range s.Members {
		theirs, known := fact.SQLStarted.Of(s, o.Name).Get()
		if !known {
			theirs, known = fact.RESTStarted.Of(s, o.Name).Get()
		}
		if ok && known && o.Name != m && theirs.Equal(started) {
			return o.Name
		}
	}
	return ""
}

func runRole(s *fact.Snapshot, m, asked, shown string) []Finding {
	isLeader := m == s.Leader()
	role, _, _ := strings.Cut(shown, ",")
	if (isLeader && fact.IsLeaderRole(role)) || (!isLeader && role == "replica") {
		return Witnessed(asked, "role %s", shown)
	}
	f := Finding{Asked: asked, Observed: "role " + shown, Expected: "replica"}
	switch {
	case isLeader:
		f.Expected = "primary, since it holds the leader key"
		f.Effect = "Patroni does nothing for a leader that is not a primary: the request would stay pending."
		f.Remedy = "Wait a few seconds and check again; if it stays, read Patroni's log on " + m + "."
	case fact.IsPrimaryRole(role):
		f.Effect = fmt.Sprintf(
			"Patroni counts an answer from a primary as WAL position 0: \"Member %s exceeds maximum replication lag\", 503 "+
				"\"Switchover failed\". Either the leader answers for %s, or there is a second primary.",
			m,
			m,
		)
		f.Remedy = remedyREST(
			s,
			m,
		) + "; if the address is right, " + m + " is a second primary: stop it before doing anything else."
	default:
		f.Effect = "The member is in the middle of a role change."
		f.Remedy = "Wait a few seconds and check again; if it stays, read Patroni's log on " + m + "."
	}
	return []Finding{f}
}

func runSQLRole(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	inRecovery, isLeader := fact.SQLInRecovery.Get(s, m), m == s.Leader()
	asked := s.SQLQuery(m, "pg_is_in_recovery()")
	wantRecovery := !isLeader || fact.StandbyCluster.Get(s, m)
	if inRecovery == wantRecovery {
		return Witnessed(asked, "%t", inRecovery)
	}
	f := Finding{Asked: asked, Observed: fmt.Sprint(inRecovery), Expected: fmt.Sprint(wantRecovery)}
	started, okM := fact.SQLStarted.Of(s, m).Get()
	leads, okL := fact.SQLStarted.Of(s, s.Leader()).Get()
	switch {
	case isLeader:
		f.Effect = m + " holds the leader key but is not a primary: it cannot be switched over."
		f.Remedy = "Read Patroni's log on " + m + "; wait until the promotion is complete."
	case okM && okL && started.Equal(leads):
		f.Effect = fmt.Sprintf(
			"The leader's own server answers there: once %s leads, the other members would follow the wrong node.",
			m,
		)
		f.Remedy = remedySQL(s, m)
	default:
		f.Anyone = true
		f.Effect = "A second primary is running: its writes are lost when it becomes a replica again, or they split the " +
			"cluster."
		f.Remedy = fmt.Sprintf(
			"Find out which client writes to %s and stop it before doing anything else; then run: patronictl reinit %s %s",
			m,
			s.Target.Scope,
			m,
		)
	}
	return []Finding{f}
}

// The identity checks that look at addresses, and at who shares them.

func runAddress(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	var out []Finding
	for _, a := range []struct{ field, url, remedy string }{
		{"api_url", fact.KeyAPIURL.Get(s, m), remedyREST(s, m)},
		{"conn_url", fact.KeyConnURL.Get(s, m), remedySQL(s, m)},
	} {
		f := Finding{
			Asked:    s.KeyName("/members/" + m),
			Observed: fmt.Sprintf("%s is %q", a.field, a.url),
			Expected: "an address of that node which the other nodes reach",
			Effect: "A node that asks for " + m + " at this address reaches itself: a leader counts the member as WAL " +
				"position 0, \"exceeds maximum replication lag\", 503.",
			Remedy: a.remedy,
		}
		hosts := fact.BareHosts(a.url)
		worst := fact.NoHost
		if len(hosts) > 0 {
			worst = fact.KindOf(hosts[0])
		}
		switch worst {
		case fact.Ordinary:
			continue
		case fact.NoHost:
			f.Effect = "No node can reach the member at this address: Patroni says \"not reachable\"."
		case fact.Loopback:
			// A whole cluster on one machine is a test bed, not a fault.
			if fact.AllLoopback(s) {
				f.Severity, f.Effect = Warning, "All members are on loopback addresses: that works as long as they run on one "+
					"machine."
			}
		}
		out = append(out, f)
	}
	if out == nil {
		return Witnessed(
			s.KeyName("/members/"+m),
			"api_url %s, conn_url %s",
			fact.KeyAPIURL.Get(s, m),
			fact.KeyConnURL.Get(s, m),
		)
	}
	return out
}

func runVIP(s *fact.Snapshot, q fact.Question, m string) []Finding {
	var out []Finding
	for _, a := range []struct{ field, url, answered, remedy string }{
		{"api_url", fact.KeyAPIURL.Get(s, m), fact.RESTAnswer.Of(s, m).OrZero().RemoteAddr, remedyREST(s, m)},
		{
			"conn_url",
			fact.KeyConnURL.Get(s, m),
			fact.OfSQL("", func(q fact.SQL) fact.Observed[string] { return fact.Known(q.RemoteAddr) }).Of(s, m).OrZero(),
			remedySQL(s, m),
		},
	} {
		vip := fact.VIPAmong(q.VIPs, append(fact.BareHosts(a.url), fact.HostOfAddr(a.answered)))
		if vip == "" {
			continue
		}
		f := Finding{
			Asked: s.KeyName("/members/" + m),
			Observed: fmt.Sprintf(
				"%s is %s, and %s is a VIP that moves with the leader",
				a.field,
				a.url,
				vip,
			),
			Expected: "the node's own address",
			Remedy:   a.remedy,
			Anyone:   true,
		}
		switch name, _ := fact.RESTName.Of(s, m).Get(); {
		case m == s.Leader():
			f.Effect = fmt.Sprintf(
				"The VIP still leads to the right node, because %s leads: a switchover away from %s works, the switchover back "+
					"to %s fails, since the new leader would then answer for it.",
				m,
				m,
				m,
			)
		case name == m:
			f.Effect = fmt.Sprintf(
				"It leads to %s at present, but the leader is %s: once the VIP is on the leader, the leader answers for %s, and "+
					"a switchover to %s fails.",
				m,
				s.Leader(),
				m,
				m,
			)
		default:
			f.Effect = fmt.Sprintf(
				"The VIP is on the leader: a switchover to %s fails now, since %s would answer for it; it works only while %s "+
					"itself leads.",
				m,
				s.NameAndRole(s.Leader()),
				m,
			)
		}
		out = append(out, f)
	}
	if out == nil {
		if len(q.VIPs) == 0 {
			return Witnessed(s.KeyName("/members/"+m), "no VIP was named (--vip)")
		}
		return Witnessed(s.KeyName("/members/"+m), "neither address is one of %s", strings.Join(q.VIPs, ", "))
	}
	return out
}

func runDistinct(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	for _, other := range s.Members {
		if other.Name == m {
			continue
		}
		what := sharedWith(s, m, other.Name)
		// Of two members behind one address, the one is blamed that is not there.
		if what == "" || (!contradicted(s, m) && contradicted(s, other.Name)) {
			continue
		}
		return []Finding{
			{
				Asked: s.KeyName(
					"/members/"+m,
				) + " and " + strings.TrimLeft(
					strings.TrimPrefix(s.KeyName("/members/"+other.Name), s.KeyName("")),
					", ",
				),
				Observed: fmt.Sprintf(
					"%s and %s have %s",
					m,
					s.NameAndRole(other.Name),
					what,
				),
				Expected: "an address of its own for each member",
				Effect:   fmt.Sprintf("One server answers for both, so what Patroni learns about %s is not about %s.", m, m),
				Remedy: fmt.Sprintf(
					"Set restapi.connect_address and postgresql.connect_address in patroni.yml of %s to the node's own address, "+
						"then run: patronictl reload %s %s",
					m,
					s.Target.Scope,
					m,
				),
			},
		}
	}
	return Witnessed(s.KeyName("/members/"+m), "no other member shares its addresses or its server")
}

// sharedWith says what two members have in common that only one can have.
func sharedWith(s *fact.Snapshot, a, b string) string {
	for _, u := range []struct {
		field string
		of    fact.Fact[string]
	}{{"api_url", fact.KeyAPIURL}, {"conn_url", fact.KeyConnURL}} {
		x, _ := fact.HostsOf(u.of.Of(s, a).OrZero())
		y, _ := fact.HostsOf(u.of.Of(s, b).OrZero())
		for _, h := range x {
			for _, g := range y {
				if h == g {
					return "the same " + u.field + ", " + strings.Replace(h, " ", ":", 1)
				}
			}
		}
	}
	for _, t := range []struct {
		by string
		of fact.Fact[time.Time]
	}{{"REST", fact.RESTStarted}, {"SQL", fact.SQLStarted}} {
		x, okX := t.of.Of(s, a).Get()
		y, okY := t.of.Of(s, b).Get()
		if okX && okY && x.Equal(y) {
			return "the same server at " + t.by + ", started at " + clock(x)
		}
	}
	return ""
}

// contradicted reports whether anything that was seen speaks against a member
// being where the DCS says it is.
func contradicted(s *fact.Snapshot, m string) bool {
	if name, ok := fact.RESTName.Of(s, m).Get(); ok && name != "" && name != m {
		return true
	}
	rest, okR := fact.RESTStarted.Of(s, m).Get()
	sql, okS := fact.SQLStarted.Of(s, m).Get()
	if okR && okS && !rest.Equal(sql) {
		return true
	}
	if role, ok := fact.RESTRole.Of(s, m).Get(); ok && fact.IsLeaderRole(role) != (m == s.Leader()) {
		return true
	}
	inRecovery, ok := fact.SQLInRecovery.Of(s, m).Get()
	if ok && !inRecovery && m != s.Leader() {
		return true
	}
	app, ok := nameBySQL.Of(s, m).Get()
	return ok && app != "" && m != s.Leader() && !fact.SameApplicationName(app, m)
}
