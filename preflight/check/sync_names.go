package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

var syncNames = Check{
	ID:    "sync.names",
	Title: "commits on the new leader wait only for standbys that it will have",
	Since: "0.3.0",
	Why: "While synchronous_mode is off, Patroni leaves synchronous_standby_names to its configuration. If the list of " +
		"the candidate names the candidate itself, or more standbys than will stream from it, every commit hangs after the " +
		"promotion, and patronictl reports success.",
	Source: "synchronous_standby_names of the candidate in pg_settings; postgres syncrep.c; patroni/ha.py " +
		"disable_synchronous_replication; patroni/patroni issue 3093",
	Fix: "Turn on synchronous_mode, which maintains the list, or correct synchronous_standby_names: " +
		"patronictl edit-config SCOPE",
	Proof: "TestCases: N-static-ssn-candidate, real-expC-before (recorded on a real cluster before every commit hung), " +
		"N23-ssn-cleared; TestSynchronousLists.",
	Kind:        Policy,
	Severity:    Blocker,
	Essential:   true,
	Of:          OfReplicas,
	Eligibility: true,
	After:       []string{"dcs.leader", "identity.sql_system_id"},
	Needs:       []fact.Need{fact.SyncMode, fact.StandbyCluster, candidateNames},
	Run:         runSyncNames,
}

// candidateNames is the list of a member where it counts: not while Patroni maintains
// it, and not in a standby cluster.
var candidateNames = fact.Fact[fact.SyncNames]{
	Label: fact.StandbyNames.Label,
	Of: func(s *fact.Snapshot, m string) fact.Observed[fact.SyncNames] {
		if !listCounts(s) {
			return fact.Known(fact.SyncNames{})
		}
		return fact.StandbyNames.Of(s, m)
	},
}

func listCounts(s *fact.Snapshot) bool {
	return patroni.SyncActive(s) == "off" && !fact.Equal(fact.StandbyCluster.Of(s, ""), true)
}

func runSyncNames(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked, leader := s.SQLQuery(m, "synchronous_standby_names"), s.Leader()
	if !listCounts(s) {
		return Witnessed(asked, "synchronous_mode is %s: the list is not left to the configuration", patroni.SyncActive(s))
	}
	list, ofLeader := candidateNames.Get(s, m), fact.StandbyNames.Of(s, leader)
	f := Finding{Asked: asked, Observed: shownNames(s, m)}
	version := fact.KeyVersion.Of(s, m).OrZero()
	switch commit := fact.SQLSettings.Of(s, m).OrZero()["synchronous_commit"]; {
	case list.Num == 0 && ofLeader.Is(func(l fact.SyncNames) bool { return l.Num > 0 }):
		f.Severity = Warning
		f.Expected = shownNames(s, leader) + ", as on " + leader
		f.Effect = "Commits on " + leader + " wait for a standby. On " + m + " they would not."
		f.Remedy = oneList(s, ofLeader.OrZero())
		return []Finding{f}
	case list.Num == 0:
		return Witnessed(asked, "empty: commits wait for no standby")
	case emptiesList(version):
		f.Severity = Warning
		if ofLeader.Is(func(l fact.SyncNames) bool { return l.Num == 0 }) {
			f.Observed += "; on " + leader + " it is empty"
		}
		f.Effect = fmt.Sprintf("Patroni %s empties the list on the primary in its next loop after each promotion (fixed in "+
			"3.3.2): commits are asynchronous, although a list is configured.", version)
		f.Remedy = "Update Patroni to 3.3.2 or later, or turn on synchronous_mode: patronictl edit-config " +
			s.Target.Scope + " -s synchronous_mode=true"
		return []Finding{f}
	case commit == "local" || commit == "off":
		return Witnessed(asked, "%s, and synchronous_commit is %s: commits wait for no standby", f.Observed, commit)
	}
	sure := listed(s, list, followers(s, m))
	withOld := slices.Clone(sure)
	if !streamsElsewhere(s, leader, m) {
		withOld = append(withOld, listed(s, list, []string{leader})...)
	}
	clients := listedClients(s, list)
	switch {
	case len(sure) >= list.Num && ofLeader.Is(func(l fact.SyncNames) bool { return !sameNames(l, list, leader, m) }):
		f.Severity = Warning
		f.Expected = shownNames(s, leader) + ", as on " + leader
		f.Effect = "After the switchover commits wait for other standbys than before."
		f.Remedy = oneList(s, list)
	case len(sure) >= list.Num:
		return Witnessed(asked, "%s; after the switchover %s can confirm commits", f.Observed, fact.Names(sure))
	case len(withOld) >= list.Num:
		f.Severity = Warning
		f.Effect = fmt.Sprintf("Commits on %s wait until %s has returned as its standby.", m, leader)
		f.Remedy = "Expect some seconds without commits after the promotion, or bring another standby of the list up first."
	case len(withOld)+len(clients) >= list.Num:
		f.Severity = Warning
		f.Effect = fmt.Sprintf("Commits on %s wait until %s streams from it, which is not a member.", m, fact.Names(clients))
		f.Remedy = "Make sure that this client follows the leader."
	default:
		f.Observed += "; of these, " + fact.Names(withOld) + " will stream from " + m
		if len(withOld) == 0 {
			f.Observed = shownNames(s, m) + "; none of these will stream from " + m
		}
		f.Expected = fmt.Sprintf("%d of the list that will stream from %s", list.Num, m)
		f.Effect = "PostgreSQL acknowledges no commit before so many standbys have confirmed it: after the promotion every " +
			"commit hangs, and patronictl reports success."
		if list.Lists(m) && !slices.Contains(list.Names, "*") {
			f.Effect = m + " is in the list itself and cannot be its own standby. " + f.Effect
		}
		f.Remedy = oneList(s, list)
		if ofLeader.Is(func(l fact.SyncNames) bool { return !slices.Equal(l.Names, list.Names) || l.Num != list.Num }) {
			f.Observed += "; on " + leader + " it is " + fact.Shown(
				fact.SQLSettings.Of(s, leader).OrZero()["synchronous_standby_names"])
			f.Remedy = "Find out what sets the list on " + m + " (its patroni.yml, or ALTER SYSTEM): SELECT sourcefile, " +
				"sourceline FROM pg_settings WHERE name = 'synchronous_standby_names'. " + f.Remedy
		}
	}
	return []Finding{f}
}

// shownNames is the list of a member as PostgreSQL shows it.
func shownNames(s *fact.Snapshot, m string) string {
	return "synchronous_standby_names is " + fact.Shown(fact.SQLSettings.Of(s, m).OrZero()["synchronous_standby_names"])
}

// oneList is the remedy for a list that fits only one leader.
func oneList(s *fact.Snapshot, list fact.SyncNames) string {
	names := make([]string, 0, len(s.Members))
	for _, m := range s.Members {
		names = append(names, `"`+strings.ReplaceAll(m.Name, `"`, `""`)+`"`)
	}
	return fmt.Sprintf("Let Patroni maintain the list: patronictl edit-config %s -s synchronous_mode=true. Or give every "+
		"node a list that holds for each leader: patronictl edit-config %s -s 'postgresql.parameters."+
		"synchronous_standby_names=ANY %d (%s)'",
		s.Target.Scope, s.Target.Scope, max(1, min(list.Num, len(s.Members)-2)), strings.Join(names, ","))
}

// emptiesList reports whether that release of Patroni empties a list by hand on the
// primary: it compares with the list that is set, not with the one that it has set
// (patroni/postgresql/config.py, set_synchronous_standby_names), and does not yet fall
// back on the configuration (patroni/ha.py, disable_synchronous_replication).
func emptiesList(version string) bool {
	return !fact.OlderThan(version, 3, 1, 2) && fact.OlderThan(version, 3, 3, 2)
}

// sameNames reports whether commits wait for the same under either leader. A member that
// leads does not count in its own list.
func sameNames(a, b fact.SyncNames, leaderA, leaderB string) bool {
	aside := func(l fact.SyncNames) []string {
		var out []string
		for _, n := range l.Names {
			if n = strings.ToLower(n); n != strings.ToLower(leaderA) && n != strings.ToLower(leaderB) {
				out = append(out, n)
			}
		}
		if l.Any {
			slices.Sort(out)
		}
		return slices.Compact(out)
	}
	return a.Num == b.Num && (a.Any == b.Any || a.Num == 1) && slices.Equal(aside(a), aside(b))
}

// followers are the members besides the leader that will stream from the candidate as
// far as is known: they stream now, and no tag sends them elsewhere.
func followers(s *fact.Snapshot, candidate string) []string {
	var out []string
	for _, m := range s.Replicas() {
		streams := patroni.Streams(s, m) ||
			!fact.ReceiverStatus.Of(s, m).Known() && fact.SenderState(s, s.Leader(), m).State == "streaming"
		if m != candidate && streams && !streamsElsewhere(s, m, candidate) {
			out = append(out, m)
		}
	}
	return out
}

// streamsElsewhere reports whether a tag keeps the member from streaming from the
// candidate once that leads. One that follows the old leader by its tag follows it still.
func streamsElsewhere(s *fact.Snapshot, m, candidate string) bool {
	tags := fact.KeyTags.Of(s, m).OrZero()
	upstream, _ := tags["replicatefrom"].(string)
	_, there := s.Member(upstream)
	return there && upstream != candidate && upstream != m || fact.PythonBool(tags["nostream"])
}

// listed are those of the members that are in the list, by the application_name of their
// WAL receiver. Patroni sets it to the member's name.
func listed(s *fact.Snapshot, list fact.SyncNames, members []string) []string {
	return slices.DeleteFunc(slices.Clone(members), func(m string) bool {
		name, known := fact.OfSQL("", func(q fact.SQL) fact.Observed[string] { return q.ApplicationName }).Of(s, m).Get()
		if known && name != "" && m != s.Leader() {
			return !list.Lists(name)
		}
		return len(list.Listed([]string{m})) == 0
	})
}

// listedClients are the clients of the leader in the list that are not members.
func listedClients(s *fact.Snapshot, list fact.SyncNames) []string {
	var out []string
	for _, w := range s.Foreign(fact.WALSenders.Of(s, s.Leader()).OrZero()) {
		if list.Lists(w.ApplicationName) {
			out = append(out, w.ApplicationName)
		}
	}
	return out
}

var syncPromised = Check{
	ID:    "sync.promised",
	Title: "PostgreSQL waits for the standbys that /sync promises",
	Since: "0.3.0",
	Why: "Patroni promotes a member that is in /sync because no acknowledged commit can be missing there. That holds " +
		"only while PostgreSQL on the leader waits for that member.",
	Source: "/sync; synchronous_standby_names and sync_state in pg_stat_replication on the leader; patroni/ha.py " +
		"process_sync_replication",
	Fix: "Find out what overrides the setting (ALTER SYSTEM, another file), then: patronictl reload SCOPE LEADER",
	Proof: "TestCases: R5-17 (nothing is waited for) and R5-03 (a client has the leader's name); " +
		"docs/accuracy.md: \"synchronous mode, strict\" passes.",
	Kind:      Policy,
	Severity:  Blocker,
	Essential: true,
	Of:        OfLeader,
	After:     []string{"dcs.leader", "identity.sql_system_id"},
	Needs:     []fact.Need{fact.SyncMode, fact.StandbyCluster, promisedState, fact.SyncSenders, promisedNames},
	Run:       runPromised,
}

// promises reports whether /sync promises anything: not while synchronous mode is off,
// and not in a standby cluster, which takes no commits.
func promises(s *fact.Snapshot) bool {
	return patroni.SyncActive(s) != "off" && !fact.Equal(fact.StandbyCluster.Of(s, ""), true)
}

// promisedState is /sync where it promises something.
var promisedState = fact.Fact[fact.Sync]{
	Label: fact.SyncState.Label,
	Of: func(s *fact.Snapshot, m string) fact.Observed[fact.Sync] {
		if !promises(s) {
			return fact.Known(fact.Sync{})
		}
		return fact.SyncState.Of(s, m)
	},
}

// promisedNames is the leader's list, where /sync rests on it.
var promisedNames = fact.Fact[fact.SyncNames]{
	Label: fact.StandbyNames.Label,
	Of: func(s *fact.Snapshot, m string) fact.Observed[fact.SyncNames] {
		if !promises(s) {
			return fact.Known(fact.SyncNames{})
		}
		return fact.StandbyNames.Of(s, m)
	},
}

func runPromised(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked, state := s.KeyName("/sync"), promisedState.Get(s, "")
	own := func(name string) bool { return strings.EqualFold(name, m) }
	out := namesakes(s, m)
	if !promises(s) && len(out) == 0 {
		return Witnessed(asked, "synchronous mode is off, or the cluster is a standby cluster")
	}
	if slices.ContainsFunc(state.Standbys, own) && len(out) == 0 {
		out = append(out, Finding{
			Asked:    asked,
			Observed: "it names the leader itself, " + m + ", as a synchronous standby",
			Effect:   "Patroni took a client with the leader's name for a member: no member is promised.",
			Remedy:   "Find the client that streams from " + m + " with that application_name, and rename it.",
		})
	}
	if missing, how := unkept(s, m); len(missing) > 0 {
		out = append(out, Finding{
			Asked:    s.SQLQuery(m, "synchronous_standby_names and sync_state in pg_stat_replication"),
			Observed: fmt.Sprintf("%s, and /sync promises %s%s", shownNames(s, m), fact.Names(missing), how),
			Expected: "commits that wait for " + fact.Names(missing),
			Effect: fmt.Sprintf("PostgreSQL acknowledges commits without waiting for %s. Patroni would promote it all the "+
				"same, and commits that have not arrived there are lost.", fact.Names(missing)),
			Remedy: fmt.Sprintf("On %s, in SQL: ALTER SYSTEM RESET synchronous_standby_names. Then let Patroni write its list, "+
				"and check again: patronictl reload %s %s", m, s.Target.Scope, m),
		})
	}
	if len(out) > 0 {
		return out
	}
	if len(state.Standbys) == 0 {
		return Witnessed(asked, "it promises no standby")
	}
	return Witnessed(asked, "%s, as /sync promises", shownNames(s, m))
}

// namesakes are the clients of the leader's WAL that have its own name. While Patroni does
// not maintain the list, such a client matters if commits wait for it.
func namesakes(s *fact.Snapshot, leader string) []Finding {
	var out []Finding
	for _, w := range fact.WALSenders.Of(s, leader).OrZero() {
		async := !confirms(w) && !fact.Equal(w.SyncState, "potential")
		if !strings.EqualFold(w.ApplicationName, leader) || fact.Equal(w.State, "backup") || !promises(s) && async {
			continue
		}
		f := Finding{
			Asked: s.SQLQuery(leader, "pg_stat_replication"),
			Observed: fmt.Sprintf("a client at %s, pid %d, has the application_name %s, which is the leader's, and is %s",
				fact.Shown(w.ClientAddr.OrZero()), w.PID, w.ApplicationName, w.SyncState.OrZero()),
			Effect: "Patroni takes that client for a member. It cannot take over, and while commits wait for it no member is " +
				"synchronous: a switchover is refused.",
			Remedy: fmt.Sprintf(
				"Give that client another application_name, or on %s: SELECT pg_terminate_backend(%d);", leader, w.PID),
		}
		if !promises(s) {
			f.Effect = "PostgreSQL takes that client for the standby " + leader + ": commits are acknowledged although no " +
				"member need have them. It cannot take over."
		}
		if !promises(s) || !confirms(w) {
			f.Severity = Warning
		}
		out = append(out, f)
	}
	return out
}

// unkept are the standbys in /sync for which PostgreSQL on the leader does not wait, and
// what shows that. A standby that is in the list and not connected is waited for.
func unkept(s *fact.Snapshot, leader string) (missing []string, how string) {
	list, rows := promisedNames.Get(s, leader), fact.SyncSenders.Get(s, leader)
	state := promisedState.Get(s, "")
	state.Standbys = slices.DeleteFunc(slices.Clone(state.Standbys), func(name string) bool {
		return strings.EqualFold(name, leader)
	})
	if patroni.SyncActive(s) == "quorum" && list.Num > 0 {
		return unkeptQuorum(state, list, rows, leader)
	}
	waitedFor := 0
	for _, w := range rows {
		if confirms(w) {
			waitedFor++
		}
	}
	var states []string
	for _, name := range state.Standbys {
		seen := ""
		for _, w := range rows {
			same := fact.SameApplicationName(w.ApplicationName, name) || strings.EqualFold(w.ApplicationName, name)
			switch sync := w.SyncState.OrZero(); {
			case same && confirms(w):
				seen = sync
			case same && seen == "" && (sync == "async" || sync == "potential" && waitedFor >= list.Num):
				seen = sync
			}
		}
		switch {
		case seen == "async", seen == "potential":
			states = append(states, name+" is "+seen)
			missing = append(missing, name)
		case seen == "" && !list.Lists(name):
			missing = append(missing, name)
		}
	}
	if len(states) > 0 {
		how = "; " + strings.Join(states, ", ")
	}
	return missing, how
}

func confirms(w fact.WalSender) bool {
	return fact.Equal(w.SyncState, "sync") || fact.Equal(w.SyncState, "quorum")
}

// unkeptQuorum: those that confirm a commit and those that elect a leader have to have one
// in common (patroni/quorum.py, check_invariants). The list and the voters change one after
// the other, so they may differ.
func unkeptQuorum(state fact.Sync, list fact.SyncNames, rows []fact.WalSender, leader string) ([]string, string) {
	pool := slices.Concat(state.Standbys, list.Names)
	for _, w := range rows {
		if slices.Contains(list.Names, "*") && confirms(w) {
			pool = append(pool, w.ApplicationName)
		}
	}
	for i := range pool {
		pool[i] = strings.ToLower(pool[i])
	}
	pool = slices.DeleteFunc(pool, func(name string) bool { return name == "*" || strings.EqualFold(name, leader) })
	slices.Sort(pool)
	of := len(slices.Compact(pool))
	if len(state.Standbys) == 0 || of <= state.Quorum+list.Num {
		return nil, ""
	}
	return state.Standbys, fmt.Sprintf(" with a quorum of %d: of %d standbys, a commit waits for %d and an election for "+
		"%d, which may be others", state.Quorum, of, list.Num, state.Quorum+1)
}
