package preflight

import (
	"fmt"
	"slices"
	"strings"
)

var settingsHardLimits = Check{
	ID:       "settings.hard_limits",
	Title:    "no hard limit is lower on the candidate",
	Since:    "0.2.0",
	Why:      "A standby may not have less of max_connections, max_worker_processes, max_wal_senders, max_prepared_transactions or max_locks_per_transaction than its leader had: it stops replaying, or does not start. After a promotion the new leader serves with the lower limit.",
	Source:   "pg_settings on both; postgres: CheckRequiredParameterValues; patroni/postgresql/config.py",
	Fix:      "Set it through the dynamic configuration, and restart the candidate.",
	Proof:    "Cases on a recorded snapshot: Patroni manages these settings itself, so a real cluster gets there only for moments.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlSettings, sqlSettings.onLeader()},
	Run:      runHardLimits,
}

var settingsPendingRestart = Check{
	ID:       "settings.pending_restart",
	Title:    "no setting waits for a restart",
	Since:    "0.2.0",
	Why:      "The new leader goes on with its old settings until it is restarted, and a restart of a leader is an interruption of its own. The old leader takes the new ones when it restarts as a replica.",
	Source:   "pending_restart and pending_restart_reason (since 3.3.0) in the member key; patroni/postgresql/config.py",
	Fix:      "Restart the candidate before the switchover: patronictl restart.",
	Proof:    "docs/accuracy.md: \"settings wait for a restart\".",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{keyPendingRestart},
	Run:      runPendingRestart,
}

var settingsDiffer = Check{
	ID:       "settings.differ",
	Title:    "the candidate would serve as the leader does",
	Since:    "0.2.0",
	Why:      "Settings that a node's own patroni.yml gives differ unseen until that node leads: then nothing is archived, a library is missing, or every transaction is read-only.",
	Source:   "pg_settings on leader and candidate, side by side",
	Fix:      "Give both nodes the same settings, best in the dynamic configuration.",
	Proof:    "docs/accuracy.md: \"archiving on the leader, none on the candidate\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlSettings, sqlSettings.onLeader()},
	Run:      runDiffer,
}

var dataServerVersion = Check{
	ID:       "data.server_version",
	Title:    "leader and candidate run one PostgreSQL release",
	Since:    "0.2.0",
	Why:      "Minor releases work together, but a candidate on an older one brings back the bugs that the leader's has mended.",
	Source:   "server_version_num on both",
	Fix:      "Update the candidate first.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlVersion, sqlVersion.onLeader()},
	Run:      runServerVersion,
}

var dataExtensions = Check{
	ID:       "data.extensions",
	Title:    "the candidate has the files of every extension",
	Since:    "0.2.0",
	Why:      "Extensions are in the data, their files on each node. A standby does not miss them before a session calls one of their functions: on the new leader those fail.",
	Source:   "pg_extension on the leader, pg_available_extension_versions on the candidate; of the database that is connected to",
	Fix:      "Install the extension's package on the candidate.",
	Proof:    "docs/accuracy.md: \"an extension's files are missing on the candidate\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlExtensions.onLeader(), sqlAvailable},
	Run:      runExtensions,
}

var dataCollations = Check{
	ID:       "data.collations",
	Title:    "the candidate sorts text as the indexes do",
	Since:    "0.2.0",
	Why:      "An index on text is in the order of the C library or ICU that built it. A candidate with another version of that library searches the same index in another order: rows are not found, and unique indexes take duplicates.",
	Source:   "pg_database.datcollversion and pg_collation.collversion against the versions that the server has; pg_database_collation_actual_version() on both nodes",
	Fix:      "Give both nodes the same operating system release; REINDEX and ALTER DATABASE ... REFRESH COLLATION VERSION after a change.",
	Proof:    "docs/accuracy.md: \"collation versions as of another C library\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlCollations},
	Run:      runCollations,
}

var dataUnlogged = Check{
	ID:       "data.unlogged",
	Title:    "no unlogged table loses its rows",
	Since:    "0.2.0",
	Why:      "Unlogged tables are not replicated: on the new leader they are empty.",
	Source:   "pg_class.relpersistence on the leader, of the database that is connected to",
	Fix:      "ALTER TABLE ... SET LOGGED for those whose rows matter.",
	Proof:    "docs/accuracy.md: \"unlogged tables\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlUnlogged},
	Run:      runUnlogged,
}

// hardLimits are what a standby may not have less of than its leader.
var hardLimits = []string{"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_transactions", "max_locks_per_transaction"}

func runHardLimits(s *Snapshot, _ Question, m string) []Finding {
	own, leaders := sqlSettings.get(s, m), sqlSettings.of(s, s.Leader()).Must()
	asked := s.askedSQL(m, "pg_settings")
	var out []Finding
	for _, name := range hardLimits {
		have, ok1 := setting(own, name)
		want, ok2 := setting(leaders, name)
		if !ok1 || !ok2 || have >= want {
			continue
		}
		f := Finding{
			Asked: asked, Observed: fmt.Sprintf("%s is %d", name, have), Expected: fmt.Sprintf("at least %d, as on %s", want, s.Leader()),
			Effect: "It would serve with the lower limit; as a standby it stops replaying when the leader's higher one reaches it.",
			Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.parameters.%s=%d; then: patronictl restart %s %s", s.Target.Scope, name, want, s.Target.Scope, m),
		}
		if Equal(replayPaused.of(s, m), true) {
			f.Severity = Blocker
			f.Effect = "Its replay is paused, as PostgreSQL 14 and later do for this reason: a promotion then fails, and PostgreSQL ends."
		}
		out = append(out, f)
	}
	if len(out) > 0 {
		return out
	}
	return evidence(asked, "none of %s is lower than on %s", strings.Join(hardLimits, ", "), s.Leader())
}

var replayPaused = ofSQL("pg_is_wal_replay_paused()", func(q SQL) Observed[bool] { return q.ReplayPaused })

func runPendingRestart(s *Snapshot, _ Question, m string) []Finding {
	asked := s.key("/members/" + m)
	if !keyPendingRestart.get(s, m) {
		return evidence(asked, "no pending_restart")
	}
	member, _ := s.Member(m)
	observed := "pending_restart"
	if reason := within(member.Key, func(k MemberKey) Observed[[]string] { return k.PendingRestartReason }).orZero(); len(reason) > 0 {
		observed += ": " + names(reason)
	}
	return []Finding{{
		Asked: asked, Observed: observed,
		Effect: fmt.Sprintf("%s would lead with its old settings, until a restart that interrupts again.", m),
		Remedy: fmt.Sprintf("Before the switchover: patronictl restart %s %s", s.Target.Scope, m),
	}}
}

// difference is a setting that is not the same on both.
type difference struct {
	name, leader, candidate string
	severity                Severity
	effect                  string
}

// differences compares what matters once the candidate leads.
func differences(leader, candidate map[string]string) []difference {
	var out []difference
	add := func(name string, severity Severity, effect string) {
		if leader[name] != candidate[name] {
			out = append(out, difference{name, leader[name], candidate[name], severity, effect})
		}
	}
	const ends = "The archive ends with the switchover: no point-in-time recovery from then on."
	archives := leader["archive_mode"] != "" && leader["archive_mode"] != "off"
	silent := candidate["archive_command"] == "" && candidate["archive_library"] == ""
	switch {
	case archives && candidate["archive_mode"] == "off":
		add("archive_mode", Blocker, ends)
	case archives && silent && (leader["archive_command"] != "" || leader["archive_library"] != ""):
		add("archive_command", Blocker, ends)
	case archives:
		add("archive_command", Info, "They may mean the same.")
	}
	if missing := without(leader["shared_preload_libraries"], candidate["shared_preload_libraries"]); len(missing) > 0 {
		add("shared_preload_libraries", Warning, "Missing there: "+strings.Join(missing, ", ")+". What they do ends with the switchover.")
	}
	if candidate["default_transaction_read_only"] == "on" {
		add("default_transaction_read_only", Blocker, "Every transaction on the new leader would be read-only.")
	}
	if slices.Index(walLevels, candidate["wal_level"]) < slices.Index(walLevels, leader["wal_level"]) {
		add("wal_level", Warning, "What needs the higher level ends: archiving and standbys need replica, logical replication needs logical.")
	}
	if candidate["fsync"] == "off" {
		add("fsync", Warning, "A crash of the new leader would destroy its data.")
	}
	if candidate["full_page_writes"] == "off" {
		add("full_page_writes", Warning, "A crash of the new leader could destroy pages, and pg_rewind refuses it as a source.")
	}
	for _, name := range []string{"synchronous_commit", "shared_buffers", "max_wal_size", "wal_sender_timeout", "wal_keep_size", "max_slot_wal_keep_size", "ssl", "track_commit_timestamp"} {
		add(name, Info, "It serves with its own value.")
	}
	return out
}

var walLevels = []string{"minimal", "replica", "logical"}

// without lists the items of a comma-separated list that another one lacks.
func without(list, other string) []string {
	var out []string
	has := strings.Split(other, ",")
	for i := range has {
		has[i] = strings.TrimSpace(has[i])
	}
	for item := range strings.SplitSeq(list, ",") {
		if item = strings.TrimSpace(item); item != "" && !slices.Contains(has, item) {
			out = append(out, item)
		}
	}
	return out
}

func runDiffer(s *Snapshot, _ Question, m string) []Finding {
	asked := s.askedSQL(m, "pg_settings")
	var out []Finding
	for _, d := range differences(sqlSettings.of(s, s.Leader()).Must(), sqlSettings.get(s, m)) {
		out = append(out, Finding{
			Severity: d.severity,
			Asked:    asked, Observed: fmt.Sprintf("%s is %s", d.name, shown(d.candidate)), Expected: fmt.Sprintf("%s, as on %s", shown(d.leader), s.Leader()),
			Effect: d.effect,
			Remedy: fmt.Sprintf("See postgresql.parameters.%s in patroni.yml of %s: a value there hides the dynamic configuration's.", d.name, m),
		})
	}
	if len(out) > 0 {
		return out
	}
	return evidence(asked, "as on %s, where it matters to a leader", s.Leader())
}

func shown(value string) string {
	if value == "" {
		return "empty"
	}
	return value
}

func runServerVersion(s *Snapshot, _ Question, m string) []Finding {
	own, leaders := sqlVersion.get(s, m), sqlVersion.of(s, s.Leader()).Must()
	asked := s.askedSQL(m, "server_version_num")
	switch {
	case own == leaders:
		return evidence(asked, "%s, as on the leader", release(own))
	case own > leaders:
		return []Finding{{
			Severity: Info,
			Asked:    asked, Observed: fmt.Sprintf("%s, and the leader %s", release(own), release(leaders)),
			Effect: "That is the usual state during an update.",
		}}
	}
	return []Finding{{
		Asked: asked, Observed: release(own), Expected: "at least " + release(leaders) + ", as on " + s.Leader(),
		Effect: "What the newer release has mended comes back with the switchover.",
		Remedy: "Update PostgreSQL on " + m + " first.",
	}}
}

// release writes server_version_num as people do.
func release(num int) string { return fmt.Sprintf("PostgreSQL %d.%d", num/10000, num%10000) }

func runExtensions(s *Snapshot, _ Question, m string) []Finding {
	installed, available := sqlExtensions.of(s, s.Leader()).Must(), sqlAvailable.get(s, m)
	database := "the database"
	if d, ok := ofSQL("", func(q SQL) Observed[string] { return q.Database }).of(s, m).Get(); ok {
		database = "database " + d
	}
	asked := s.askedSQL(m, "pg_available_extension_versions")
	present, leaderHas, leaderPresent := sqlPresent.of(s, m).orZero(), sqlAvailable.of(s, s.Leader()).orZero(), sqlPresent.of(s, s.Leader()).orZero()
	var missing, other []string
	for name, version := range installed {
		has, ok := available[name]
		onLeader, known := leaderHas[name]
		switch {
		case !ok || has, known && !onLeader && (present[name] || !leaderPresent[name]):
			// Not replayed yet; or there; or no worse than on the leader.
		case present[name]:
			other = append(other, name+" "+version)
		default:
			missing = append(missing, name+" "+version)
		}
	}
	var out []Finding
	if len(missing) > 0 {
		out = append(out, Finding{
			Asked: asked, Observed: fmt.Sprintf("no files of %s, installed in %s", names(missing), database),
			Effect: "Their functions fail when it leads.",
			Remedy: fmt.Sprintf("Install on %s the package with %s, in the version that %s has.", m, names(missing), s.Leader()),
		})
	}
	if len(other) > 0 {
		out = append(out, Finding{
			Severity: Warning,
			Asked:    asked, Observed: fmt.Sprintf("the files of another version than %s, installed in %s", names(other), database),
			Effect: "Functions fail when it leads where its library does not serve the installed version.",
			Remedy: fmt.Sprintf("Give %s the package that %s has; after an update of the package everywhere: ALTER EXTENSION ... UPDATE.", m, s.Leader()),
		})
	}
	if len(out) > 0 {
		return out
	}
	return evidence(asked, "the files of all %d extensions in %s", len(installed), database)
}

var collationVersion = ofSQL("pg_database_collation_actual_version()", func(q SQL) Observed[string] { return q.CollationVersion })

func runCollations(s *Snapshot, _ Question, m string) []Finding {
	asked := s.askedSQL(m, "pg_database, pg_collation")
	own, ok1 := collationVersion.of(s, m).Get()
	leaders, ok2 := collationVersion.of(s, s.Leader()).Get()
	if ok1 && ok2 && own != leaders && own != "" && leaders != "" {
		return []Finding{{
			Asked: asked, Observed: "version " + own + " of the library that sorts text", Expected: leaders + ", as on " + s.Leader(),
			Effect: "Indexes on text were built in another order than it searches them: rows are not found, unique indexes take duplicates.",
			Remedy: "Give " + m + " the operating system release of " + s.Leader() + ", or choose another candidate. If it has to be: REINDEX all indexes on text right after.",
		}}
	}
	list := sqlCollations.get(s, m)
	if leaders, ok := sqlCollations.of(s, s.Leader()).Get(); ok {
		if differ := sortedOtherwise(list, leaders); len(differ) > 0 {
			return []Finding{{
				Asked: asked, Observed: "another version than " + s.Leader() + " of: " + names(differ),
				Effect: "Indexes on text that use them are not in the order in which it searches them: rows are not found, unique indexes take duplicates.",
				Remedy: "Give " + m + " the operating system release of " + s.Leader() + ", or choose another candidate. If it has to be: REINDEX what uses them right after.",
			}}
		}
	}
	if len(list) == 0 {
		return evidence(asked, "every recorded version is the one that the server has")
	}
	var what []string
	for _, c := range list[:min(len(list), 5)] {
		what = append(what, fmt.Sprintf("%s (%s, now %s)", c.what(), c.Recorded, c.Actual))
	}
	return []Finding{{
		Severity: Warning,
		Asked:    asked, Observed: fmt.Sprintf("%d recorded with another version than the server has: %s", len(list), strings.Join(what, ", ")),
		Effect: "Indexes on text may have been built in another order. The leader has the same data, so this is no worse after the switchover, unless its library is another one.",
		Remedy: "REINDEX those, then ALTER DATABASE ... REFRESH COLLATION VERSION or ALTER COLLATION ... REFRESH VERSION.",
	}}
}

func (c Collation) what() string {
	if c.Database == "" {
		return "collation " + c.Name
	}
	return "database " + c.Database
}

// sortedOtherwise are the collations that have another version on one of two
// servers. What a server does not list has the recorded version there.
func sortedOtherwise(a, b []Collation) []string {
	var out []string
	for _, lists := range [][2][]Collation{{a, b}, {b, a}} {
		for _, c := range lists[0] {
			actual := c.Recorded
			for _, o := range lists[1] {
				if o.Database == c.Database && o.Name == c.Name {
					actual = o.Actual
				}
			}
			if actual != c.Actual && !slices.Contains(out, c.what()) {
				out = append(out, c.what())
			}
		}
	}
	return out
}

func runUnlogged(s *Snapshot, _ Question, m string) []Finding {
	n := sqlUnlogged.get(s, m)
	database, _ := ofSQL("", func(q SQL) Observed[string] { return q.Database }).of(s, m).Get()
	asked := s.askedSQL(m, "pg_class")
	if n == 0 {
		return evidence(asked, "no unlogged table in database %s; others were not looked at", database)
	}
	return []Finding{{
		Asked: asked, Observed: fmt.Sprintf("%d unlogged tables in database %s; others were not looked at", n, database),
		Effect: "They are empty on the new leader.",
		Remedy: "If their rows matter: ALTER TABLE ... SET LOGGED. Which: SELECT oid::regclass FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r';",
	}}
}
