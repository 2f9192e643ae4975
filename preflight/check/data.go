package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

var dataServerVersion = Check{
	ID:    "data.server_version",
	Title: "leader and candidate run the same PostgreSQL release",
	Since: "0.2.0",
	Why: "Minor releases work together, but a candidate on an older one brings back the bugs that the leader's " +
		"release has fixed.",
	Source:   "server_version_num on both nodes",
	Fix:      "Update the candidate first.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLVersion, fact.SQLVersion.OnLeader()},
	Run:      runServerVersion,
}

var dataExtensions = Check{
	ID:    "data.extensions",
	Title: "the candidate has the files of every extension",
	Since: "0.2.0",
	Why: "Extensions are part of the data, their files are on each node. A standby does not need the files until a " +
		"session calls one of the functions: on the new leader those calls fail.",
	Source: "pg_extension on the leader, pg_available_extension_versions on the candidate, in the database of the " +
		"session",
	Fix:      "Install the extension's package on the candidate.",
	Proof:    "docs/accuracy.md: \"an extension's files are missing on the candidate\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLExtensions.OnLeader(), fact.SQLAvailable},
	Run:      runExtensions,
}

var dataCollations = Check{
	ID:    "data.collations",
	Title: "the candidate sorts text in the order that the indexes have",
	Since: "0.2.0",
	Why: "An index on text has the order of the C library or ICU that built it. A candidate with another version " +
		"of that library searches the same index in another order: rows are not found, and unique indexes accept duplicates.",
	Source: "pg_database.datcollversion and pg_collation.collversion against the versions of the server; " +
		"pg_database_collation_actual_version() on both nodes",
	Fix: "Give both nodes the same operating system release; REINDEX and ALTER DATABASE ... REFRESH COLLATION " +
		"VERSION after a change.",
	Proof:    "docs/accuracy.md: \"collation versions as of another C library\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLCollations},
	Run:      runCollations,
}

var dataUnlogged = Check{
	ID:       "data.unlogged",
	Title:    "no unlogged table loses its rows",
	Since:    "0.2.0",
	Why:      "Unlogged tables are not replicated: on the new leader they are empty.",
	Source:   "pg_class.relpersistence on the leader, in the database of the session",
	Fix:      "ALTER TABLE ... SET LOGGED for each table whose rows matter.",
	Proof:    "docs/accuracy.md: \"unlogged tables\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLUnlogged},
	Run:      runUnlogged,
}

func runServerVersion(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	own, leaders := fact.SQLVersion.Get(s, m), fact.SQLVersion.Of(s, s.Leader()).Must()
	asked := s.SQLQuery(m, "server_version_num")
	switch {
	case own == leaders:
		return Witnessed(asked, "%s, as on the leader", fact.Release(own))
	case own > leaders:
		return []Finding{{
			Severity: Info,
			Asked:    asked, Observed: fmt.Sprintf("%s, and the leader %s", fact.Release(own), fact.Release(leaders)),
			Effect: "That is the usual state during an update.",
		}}
	}
	return []Finding{{
		Asked: asked, Observed: fact.Release(own), Expected: "at least " + fact.Release(leaders) + ", as on " + s.Leader(),
		Effect: "The bugs that the newer release has fixed come back with the switchover.",
		Remedy: "Update PostgreSQL on " + m + " first.",
	}}
}

func runExtensions(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	installed, available := fact.SQLExtensions.Of(s, s.Leader()).Must(), fact.SQLAvailable.Get(s, m)
	database := "the database"
	if d, ok := fact.OfSQL("", func(q fact.SQL) fact.Observed[string] { return q.Database }).Of(s, m).Get(); ok {
		database = "database " + d
	}
	asked := s.SQLQuery(m, "pg_available_extension_versions")
	present, leaderHas, leaderPresent := fact.SQLPresent.Of(s, m).
		OrZero(),
		fact.SQLAvailable.Of(s, s.Leader()).
			OrZero(),
		fact.SQLPresent.Of(s, s.Leader()).
			OrZero()
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
			Asked:    asked,
			Observed: fmt.Sprintf("no files of %s, installed in %s", fact.Names(missing), database),
			Effect:   "Their functions fail once it leads.",
			Remedy: fmt.Sprintf(
				"On %s, install the package with %s, in the version that %s has.",
				m,
				fact.Names(missing),
				s.Leader(),
			),
		})
	}
	if len(other) > 0 {
		out = append(out, Finding{
			Severity: Warning,
			Asked:    asked,
			Observed: fmt.Sprintf("the files of another version than %s, installed in %s", fact.Names(other), database),
			Effect:   "Functions fail once it leads if its library does not support the installed version.",
			Remedy: fmt.Sprintf(
				"Install on %s the package that %s has; after updating the package everywhere: ALTER EXTENSION ... UPDATE.",
				m,
				s.Leader(),
			),
		})
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "the files of all %d extensions in %s", len(installed), database)
}

var collationVersion = fact.OfSQL(
	"pg_database_collation_actual_version()",
	func(q fact.SQL) fact.Observed[string] { return q.CollationVersion },
)

func runCollations(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_database, pg_collation")
	own, ok1 := collationVersion.Of(s, m).Get()
	leaders, ok2 := collationVersion.Of(s, s.Leader()).Get()
	if ok1 && ok2 && own != leaders && own != "" && leaders != "" {
		return []Finding{
			{
				Asked:    asked,
				Observed: "version " + own + " of the library that sorts text",
				Expected: leaders + ", as on " + s.Leader(),
				Effect: "Indexes on text were built in an order other than the one in which the candidate searches them: rows " +
					"are not found, and unique indexes accept duplicates.",
				Remedy: "Install on " + m + " the operating system release of " + s.Leader() + ", or choose another candidate. " +
					"If there is no other way: REINDEX all indexes on text right after the switchover.",
			},
		}
	}
	list := fact.SQLCollations.Get(s, m)
	if leaders, ok := fact.SQLCollations.Of(s, s.Leader()).Get(); ok {
		if differ := sortedOtherwise(list, leaders); len(differ) > 0 {
			return []Finding{
				{
					Asked:    asked,
					Observed: "another version than " + s.Leader() + " of: " + fact.Names(differ),
					Effect: "Indexes on text that use them are in an order other than the one in which the candidate searches " +
						"them: rows are not found, and unique indexes accept duplicates.",
					Remedy: "Install on " + m + " the operating system release of " + s.Leader() + ", or choose another " +
						"candidate. If there is no other way: REINDEX the indexes that use them right after the switchover.",
				},
			}
		}
	}
	if len(list) == 0 {
		return Witnessed(asked, "every recorded version matches the server's")
	}
	var what []string
	for _, c := range list[:min(len(list), 5)] {
		what = append(what, fmt.Sprintf("%s (%s, now %s)", collationName(c), c.Recorded, c.Actual))
	}
	return []Finding{
		{
			Severity: Warning,
			Asked:    asked,
			Observed: fmt.Sprintf("%d recorded with a version other than the server's: %s", len(list), strings.Join(what, ", ")),
			Effect: "Indexes on text may have been built in another order. The leader has the same data, so a switchover " +
				"makes this no worse, unless the candidate's library differs.",
			Remedy: "REINDEX them, then run ALTER DATABASE ... REFRESH COLLATION VERSION or ALTER COLLATION ... REFRESH " +
				"VERSION.",
		},
	}
}

func collationName(c fact.Collation) string {
	if c.Database == "" {
		return "collation " + c.Name
	}
	return "database " + c.Database
}

// sortedOtherwise are the collations that have another version on one of two
// servers. What a server does not list has the recorded version there.
func sortedOtherwise(a, b []fact.Collation) []string {
	var out []string
	for _, lists := range [][2][]fact.Collation{{a, b}, {b, a}} {
		for _, c := range lists[0] {
			actual := c.Recorded
			for _, o := range lists[1] {
				if o.Database == c.Database && o.Name == c.Name {
					actual = o.Actual
				}
			}
			if actual != c.Actual && !slices.Contains(out, collationName(c)) {
				out = append(out, collationName(c))
			}
		}
	}
	return out
}

func runUnlogged(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	n := fact.SQLUnlogged.Get(s, m)
	database, _ := fact.OfSQL("", func(q fact.SQL) fact.Observed[string] { return q.Database }).Of(s, m).Get()
	asked := s.SQLQuery(m, "pg_class")
	if n == 0 {
		return Witnessed(asked, "no unlogged table in database %s; other databases were not checked", database)
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: fmt.Sprintf("%d unlogged tables in database %s; other databases were not checked", n, database),
			Effect:   "They are empty on the new leader.",
			Remedy: "If their rows matter: ALTER TABLE ... SET LOGGED. To list them: SELECT oid::regclass FROM pg_class " +
				"WHERE relpersistence = 'u' AND relkind = 'r';",
		},
	}
}
