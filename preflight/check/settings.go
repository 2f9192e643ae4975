package check

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

var settingsHardLimits = Check{
	ID:    "settings.hard_limits",
	Title: "no hard limit is lower on the candidate",
	Since: "0.2.0",
	Why: "On a standby max_connections, max_worker_processes, max_wal_senders, max_prepared_transactions and " +
		"max_locks_per_transaction must not be lower than on its leader: otherwise it stops replaying, or does not start. " +
		"After a promotion the new leader serves with the lower limit.",
	Source: "pg_settings on both; postgres: CheckRequiredParameterValues; patroni/postgresql/config.py",
	Fix:    "Set it through the dynamic configuration, and restart the candidate.",
	Proof: "Cases on a recorded snapshot: Patroni manages these settings itself, so a real cluster is in that state " +
		"only for moments.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSettings, fact.SQLSettings.OnLeader()},
	Run:      runHardLimits,
}

var settingsPendingRestart = Check{
	ID:    "settings.pending_restart",
	Title: "no setting waits for a restart",
	Since: "0.2.0",
	Why: "The new leader keeps its old settings until it restarts, and the restart of a leader is another " +
		"interruption. The old leader applies the new settings when it restarts as a replica.",
	Source:   "pending_restart and pending_restart_reason (since 3.3.0) in the member key; patroni/postgresql/config.py",
	Fix:      "Restart the candidate before the switchover: patronictl restart.",
	Proof:    "docs/accuracy.md: \"settings wait for a restart\".",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.KeyPendingRestart},
	Run:      runPendingRestart,
}

var settingsDiffer = Check{
	ID:    "settings.differ",
	Title: "the candidate would serve as the leader does",
	Since: "0.2.0",
	Why: "Settings in a node's own patroni.yml can differ unnoticed until that node leads: then nothing is " +
		"archived, a library is missing, or every transaction is read-only.",
	Source:   "pg_settings on leader and candidate, side by side",
	Fix:      "Give both nodes the same settings, preferably in the dynamic configuration.",
	Proof:    "docs/accuracy.md: \"archiving on the leader, none on the candidate\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSettings, fact.SQLSettings.OnLeader()},
	Run:      runDiffer,
}

// hardLimits are what a standby may not have less of than its leader.
var hardLimits = []string{
	"max_connections",
	"max_worker_processes",
	"max_wal_senders",
	"max_prepared_transactions",
	"max_locks_per_transaction",
}

func runHardLimits(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	own, leaders := fact.SQLSettings.Get(s, m), fact.SQLSettings.Of(s, s.Leader()).Must()
	asked := s.SQLQuery(m, "pg_settings")
	var out []Finding
	for _, name := range hardLimits {
		have, ok1 := fact.Setting(own, name)
		want, ok2 := fact.Setting(leaders, name)
		if !ok1 || !ok2 || have >= want {
			continue
		}
		f := Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("%s is %d", name, have),
			Expected: fmt.Sprintf("at least %d, as on %s", want, s.Leader()),
			Effect: "It would serve with the lower limit; as a standby it stops replaying once the leader's higher limit " +
				"reaches it.",
			Remedy: fmt.Sprintf(
				"patronictl edit-config %s -s postgresql.parameters.%s=%d; then: patronictl restart %s %s",
				s.Target.Scope,
				name,
				want,
				s.Target.Scope,
				m,
			),
		}
		if fact.Equal(fact.ReplayPaused.Of(s, m), true) {
			f.Severity = Blocker
			f.Effect = "Its replay is paused, as PostgreSQL 14 and later do for this reason: a promotion fails, and " +
				"PostgreSQL stops."
		}
		out = append(out, f)
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "none of %s is lower than on %s", strings.Join(hardLimits, ", "), s.Leader())
}

func runPendingRestart(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.KeyName("/members/" + m)
	if !fact.KeyPendingRestart.Get(s, m) {
		return Witnessed(asked, "no pending_restart")
	}
	member, _ := s.Member(m)
	observed := "pending_restart"
	if reason := fact.Field(member.Key, func(k fact.MemberKey) fact.Observed[[]string] { return k.PendingRestartReason }).
		OrZero(); len(
		reason,
	) > 0 {
		observed += ": " + fact.Names(reason)
	}
	return []Finding{{
		Asked: asked, Observed: observed,
		Effect: fmt.Sprintf("%s would lead with its old settings until a restart, which interrupts the service again.", m),
		Remedy: fmt.Sprintf("Before the switchover, run: patronictl restart %s %s", s.Target.Scope, m),
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
	const ends = "Archiving stops at the switchover: no point-in-time recovery from then on."
	archives := leader["archive_mode"] != "" && leader["archive_mode"] != "off"
	silent := candidate["archive_command"] == "" && candidate["archive_library"] == ""
	switch {
	case archives && candidate["archive_mode"] == "off":
		add("archive_mode", Blocker, ends)
	case archives && silent && (leader["archive_command"] != "" || leader["archive_library"] != ""):
		add("archive_command", Blocker, ends)
	case archives:
		add("archive_command", Info, "The two values may be equivalent.")
	}
	if missing := without(leader["shared_preload_libraries"], candidate["shared_preload_libraries"]); len(missing) > 0 {
		add(
			"shared_preload_libraries",
			Warning,
			"Missing there: "+strings.Join(missing, ", ")+". Their functions stop at the switchover.",
		)
	}
	if candidate["default_transaction_read_only"] == "on" {
		add("default_transaction_read_only", Blocker, "Every transaction on the new leader would be read-only.")
	}
	if slices.Index(walLevels, candidate["wal_level"]) < slices.Index(walLevels, leader["wal_level"]) {
		add(
			"wal_level",
			Warning,
			"Whatever needs the higher level stops: archiving and standbys need replica, logical replication needs logical.",
		)
	}
	if candidate["fsync"] == "off" {
		add("fsync", Warning, "A crash of the new leader would destroy its data.")
	}
	if candidate["full_page_writes"] == "off" {
		add(
			"full_page_writes",
			Warning,
			"A crash of the new leader could destroy pages, and pg_rewind refuses it as a source.",
		)
	}
	for _, name := range []string{
		"synchronous_commit",
		"shared_buffers",
		"max_wal_size",
		"wal_sender_timeout",
		"wal_keep_size",
		"max_slot_wal_keep_size",
		"ssl",
		"track_commit_timestamp",
	} {
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

func runDiffer(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_settings")
	var out []Finding
	// Patroni 4.2 may give a setting to one role only: what a replica has now is not what
	// it has once it leads.
	byRole := !fact.OlderThan(fact.KeyVersion.Of(s, m).OrZero(), 4, 2, 0) && fact.KeyVersion.Of(s, m).Known()
	for _, d := range differences(fact.SQLSettings.Of(s, s.Leader()).Must(), fact.SQLSettings.Get(s, m)) {
		out = append(out, Finding{
			Severity: d.severity,
			Asked:    asked,
			Observed: fmt.Sprintf("%s is %s", d.name, fact.Shown(d.candidate)),
			Expected: fmt.Sprintf("%s, as on %s", fact.Shown(d.leader), s.Leader()),
			Effect:   d.effect,
			Remedy: fmt.Sprintf(
				"Read postgresql.parameters.%s in patroni.yml of %s: a value there hides the one in the dynamic configuration.",
				d.name,
				m,
			),
		})
		if last := &out[len(out)-1]; byRole && d.severity == Blocker {
			last.Severity = Warning
			last.Effect = fmt.Sprintf("If this setting is not given by role (parameters_primary of Patroni 4.2): %s", d.effect)
			last.Remedy = fmt.Sprintf(
				"Compare postgresql.parameters and parameters_primary in /config and in patroni.yml of %s.", m)
		}
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "as on %s, for every setting that matters on a leader", s.Leader())
}
