package check

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

var waybackRewind = Check{
	ID:    "wayback.rewind",
	Title: "pg_rewind could bring the old leader back",
	Since: "0.2.0",
	Why: "After a clean switchover the old leader follows without pg_rewind. If it stops uncleanly or has written " +
		"more WAL, it needs pg_rewind, which requires use_pg_rewind, data checksums or wal_log_hints, and full_page_writes;" +
		" without pg_rewind the member must be rebuilt (patronictl reinit).",
	Source: "postgresql.use_pg_rewind in /config; data_checksums, wal_log_hints, full_page_writes in pg_settings of " +
		"the leader; patroni/postgresql/rewind.py can_rewind",
	Fix:      "Turn on use_pg_rewind, and wal_log_hints (a restart) or data checksums.",
	Proof:    "docs/accuracy.md: \"pg_rewind off\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.UsePgRewind, fact.SQLSettings},
	Run:      runRewind,
}

var waybackRole = Check{
	ID:    "wayback.role",
	Title: "the members' replication role may log in",
	Since: "0.2.0",
	Why: "Open connections continue when a role loses LOGIN or REPLICATION or its password expires. After the " +
		"switchover every member has to log in again, and none can follow the new leader.",
	Source:   "pg_stat_replication.usename and pg_roles on the leader: rolcanlogin, rolreplication, rolvaliduntil",
	Fix:      "ALTER ROLE name LOGIN REPLICATION VALID UNTIL 'infinity'.",
	Proof:    "docs/accuracy.md: \"replication role may not log in\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.WALSenders, fact.SQLRoles},
	Run:      runReplicationRole,
}

var waybackHBA = Check{
	ID:    "wayback.hba",
	Title: "the candidate's pg_hba.conf accepts the other members",
	Since: "0.2.0",
	Why: "No member connects to the candidate for replication before it leads, so a missing rule shows only " +
		"afterwards: the old leader and the other members cannot follow.",
	Source: "pg_hba_file_rules on the candidate, followed as PostgreSQL does; the members' addresses in " +
		"pg_stat_replication.client_addr and conn_url",
	Fix:      "Add a rule for replication to postgresql.pg_hba in patroni.yml, then reload.",
	Proof:    "docs/accuracy.md: \"candidate's pg_hba.conf lets no replica in\".",
	Kind:     Policy,
	Severity: Blocker,
	Optional: true,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLHBA, fact.WALSenders.OnLeader()},
	Run:      runHBA,
}

var waybackWalsenders = Check{
	ID:    "wayback.walsenders",
	Title: "the candidate has enough walsenders and slots",
	Since: "0.2.0",
	Why:   "Every member that follows uses a walsender, and a slot if slots are used; other consumers use more.",
	Source: "max_wal_senders and max_replication_slots in pg_settings of the candidate; pg_stat_replication and " +
		"pg_replication_slots of the leader",
	Fix: "Raise max_wal_senders or max_replication_slots (a restart).",
	Proof: "Cases on a recorded snapshot: PostgreSQL does not start a standby with fewer walsenders than its leader, " +
		"so a real cluster is in that state only with too few on both.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSettings, fact.WALSenders.OnLeader(), fact.SQLSlots.OnLeader(), fact.UseSlots},
	Run:      runFreeWalsenders,
}

var waybackWALKept = Check{
	ID:    "wayback.wal_kept",
	Title: "the candidate keeps WAL for the other members",
	Since: "0.2.0",
	Why: "A member that is behind when the leader changes needs WAL that the candidate already has. Since 4.0.0 " +
		"Patroni keeps the members' slots on replicas; earlier, and without slots, only wal_keep_size retains it. If the " +
		"WAL is gone, the member must be rebuilt (patronictl reinit).",
	Source:   "pg_replication_slots and wal_keep_size on the candidate; patroni/postgresql/slots.py",
	Fix:      "Set wal_keep_size to the size of some WAL files, or use slots.",
	Proof:    "docs/accuracy.md: \"no slots and little WAL kept\", \"slots not used\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSettings, fact.SQLSlots},
	Run:      runKeptWAL,
}

var waybackSlotStatus = Check{
	ID:    "wayback.slot_status",
	Title: "no slot has lost its WAL",
	Since: "0.2.0",
	Why: "A slot that is lost or about to be lost (max_slot_wal_keep_size) is useless: its consumer has to start " +
		"over.",
	Source:   "pg_replication_slots.wal_status (PostgreSQL 13 and later), conflicting, invalidation_reason",
	Fix:      "Drop the slot, and set up its consumer again.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{fact.SQLSlots},
	Run:      runSlotStatus,
}

func runRewind(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	settings := fact.SQLSettings.Get(s, m)
	if !fact.UsePgRewind.Get(s, m) {
		return []Finding{
			{
				Asked: s.KeyName(
					"/config",
				),
				Observed: "postgresql.use_pg_rewind is off (a node's own patroni.yml may say otherwise)",
				Effect: fmt.Sprintf(
					"A clean switchover needs no pg_rewind. If %s stops uncleanly, it must be rebuilt (patronictl reinit).",
					m,
				),
				Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.use_pg_rewind=true", s.Target.Scope),
			},
		}
	}
	asked := s.SQLQuery(m, "pg_settings")
	var out []Finding
	sums, hints := settings["data_checksums"], settings["wal_log_hints"]
	if sums != "on" && hints != "on" {
		observed := "data_checksums and wal_log_hints are both off"
		if sums == "" || hints == "" {
			observed = fmt.Sprintf("data_checksums is %s, wal_log_hints is %s", fact.Shown(sums), fact.Shown(hints))
		}
		out = append(out, Finding{
			Asked:    asked,
			Observed: observed,
			Expected: "one of them on",
			Effect:   fmt.Sprintf("pg_rewind refuses to work on %s.", m),
			Remedy: fmt.Sprintf(
				"patronictl edit-config %s -s postgresql.parameters.wal_log_hints=on, then restart all members.",
				s.Target.Scope,
			),
		})
	}
	if full := settings["full_page_writes"]; full != "on" {
		out = append(out, Finding{
			Asked: asked, Observed: "full_page_writes is " + fact.Shown(full),
			Effect: "pg_rewind refuses a source without it.",
			Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.parameters.full_page_writes=on", s.Target.Scope),
		})
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(
		asked,
		"data_checksums %s, wal_log_hints %s, full_page_writes %s",
		sums,
		hints,
		settings["full_page_writes"],
	)
}

// replicationUsers are the roles as which the members stream, sorted.
func replicationUsers(s *fact.Snapshot) []string {
	var out []string
	for _, w := range fact.WALSenders.Of(s, s.Leader()).OrZero() {
		if slices.ContainsFunc(
			s.Members,
			func(m fact.Member) bool { return fact.SameApplicationName(w.ApplicationName, m.Name) },
		) {
			out = append(out, w.User)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func runReplicationRole(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	roles, users := fact.SQLRoles.Get(s, m), replicationUsers(s)
	asked := s.SQLQuery(m, "pg_roles")
	var out []Finding
	for _, user := range users {
		i := slices.IndexFunc(roles, func(r fact.Role) bool { return r.Name == user })
		if i < 0 {
			continue // dropped meanwhile, or cut off a long list
		}
		if wrong := roleFault(roles[i], s.TakenAt); wrong != "" {
			out = append(out, Finding{
				Asked: asked, Observed: fmt.Sprintf("role %s, which the members use for streaming: %s", user, wrong),
				Effect: "Open connections continue, but after the switchover no member can log in to follow the new leader.",
				Remedy: fmt.Sprintf("On %s: ALTER ROLE %q LOGIN REPLICATION VALID UNTIL 'infinity';", m, user),
			})
		}
	}
	switch {
	case len(out) > 0:
		return out
	case len(users) == 0:
		return Witnessed(asked, "no member streams from %s", m)
	}
	return Witnessed(asked, "%s may log in and replicate", strings.Join(users, ", "))
}

// roleFault says why the role can not be used for replication, "" where it can.
func roleFault(r fact.Role, now time.Time) string {
	until, ok := r.ValidUntil.Get()
	switch {
	case !r.CanLogin:
		return "NOLOGIN"
	case !r.Replication && !r.Superuser:
		return "NOREPLICATION"
	case ok && !until.After(now):
		return "its password has expired (" + until.UTC().Format("2006-01-02 15:04 MST") + ")"
	}
	return ""
}

// roleBasedHBA are the keys of /config by which a primary has other rules than a replica.
func roleBasedHBA(s *fact.Snapshot, m string) []string {
	if fact.OlderThan(fact.KeyVersion.Of(s, m).OrZero(), 4, 2, 0) {
		return nil
	}
	keys := fact.Config.Of(s, "").OrZero().RoleBased.OrZero()
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return !strings.HasPrefix(k, "pg_hba_") })
}

func runHBA(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	rules := fact.SQLHBA.Get(s, m)
	asked := s.SQLQuery(m, "pg_hba_file_rules")
	var out []Finding
	var may []string
	if keys := roleBasedHBA(s, m); len(keys) > 0 {
		return []Finding{{
			Severity: Warning,
			Asked:    s.KeyName("/config"),
			Observed: "it has " + fact.Names(keys) + ": Patroni 4.2 gives other rules to a primary than to a replica",
			Effect:   fmt.Sprintf("Which connections %s accepts once it leads is not visible now.", m),
			Remedy: "Check that the rules for a primary let the replication user in from every member: patronictl show-config " +
				s.Target.Scope,
		}}
	}
	for _, r := range rules {
		if r.Error != "" {
			out = append(
				out,
				Finding{
					Severity: Warning,
					Asked:    asked,
					Observed: fmt.Sprintf("line %d: %s", r.Line, r.Error),
					Effect:   "PostgreSQL keeps the previous rules, and does not start with these.",
					Remedy: "Correct postgresql.pg_hba in patroni.yml of " + m + ", then run: patronictl " +
						"reload " + s.Target.Scope + " " + m,
				},
			)
		}
	}
	ssl := true
	if settings, ok := fact.SQLSettings.Of(s, m).Get(); ok && settings["ssl"] == "off" {
		ssl = false
	}
	for _, other := range s.Others(m) {
		for _, user := range replicationUsers(s) {
			addrs := sourcesOf(s, other)
			switch allowsAny(rules, user, addrs, ssl) {
			case fact.Yes:
				may = append(may, other)
			case fact.No:
				if len(addrs) > 0 {
					out = append(out, refusedByHBA(s, asked, m, other, user, addrs))
				}
			}
		}
	}
	if len(out) > 0 {
		return out
	}
	if len(may) == 0 {
		return Witnessed(asked, "the rules do not decide: they name hosts, groups or patterns")
	}
	return Witnessed(asked, "accepts for replication: %s", fact.Names(may))
}

func refusedByHBA(s *fact.Snapshot, asked, m, other, user string, addrs []netip.Addr) Finding {
	bits := addrs[0].BitLen()
	return Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("no rule accepts %s (%s) as %s for replication", other, addrs[0], user),
		Effect:   fmt.Sprintf("When %s leads, %s cannot follow it.", m, other),
		Remedy: fmt.Sprintf(
			"Add to postgresql.pg_hba in patroni.yml of %s: host replication %s %s/%d scram-sha-256; then run: patronictl "+
				"reload %s %s",
			m,
			user,
			addrs[0],
			bits,
			s.Target.Scope,
			m,
		),
	}
}

// sourcesOf are the addresses from which a member would connect, the one that it
// is seen to connect from first. A loopback address at which it answers us is not
// the one that it has for others.
func sourcesOf(s *fact.Snapshot, m string) []netip.Addr {
	var out []netip.Addr
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && !slices.Contains(out, a.Unmap()) {
			out = append(out, a.Unmap())
		}
	}
	for _, w := range fact.WALSenders.Of(s, s.Leader()).OrZero() {
		if fact.SameApplicationName(w.ApplicationName, m) {
			add(w.ClientAddr.OrZero())
		}
	}
	for _, text := range fact.AddressesOf(s, m) {
		if a, err := netip.ParseAddr(text); err == nil && !a.IsLoopback() {
			add(text)
		}
	}
	return out
}

// allowsAny is yes where any address is let in, encrypted or not as libpq tries
// both, and no only where every one is refused.
func allowsAny(rules []fact.HBARule, user string, addrs []netip.Addr, ssl bool) fact.Tristate {
	result := fact.No
	for _, addr := range addrs {
		for _, encrypted := range []bool{true, false} {
			if encrypted && !ssl {
				continue
			}
			switch fact.Allows(rules, fact.Login{Database: "replication", User: user, Addr: addr, Ssl: encrypted}) {
			case fact.Yes:
				return fact.Yes
			case fact.Perhaps:
				result = fact.Perhaps
			}
		}
	}
	return result
}

func runFreeWalsenders(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	settings := fact.SQLSettings.Get(s, m)
	leader := s.Leader()
	followers := int64(len(s.Members) - 1)
	foreign := int64(len(s.Foreign(fact.WALSenders.Of(s, leader).Must())))
	asked := s.SQLQuery(m, "pg_settings")
	var out []Finding
	if have, ok := fact.Setting(settings, "max_wal_senders"); ok && have < followers+foreign {
		f := Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("max_wal_senders is %d", have),
			Expected: fmt.Sprintf("%d for the members and %d for other consumers", followers, foreign),
			Effect:   "The last to connect cannot follow the new leader.",
			Remedy: fmt.Sprintf(
				"patronictl edit-config %s -s postgresql.parameters.max_wal_senders=%d, then restart all members.",
				s.Target.Scope,
				followers+foreign+2,
			),
		}
		if have < followers {
			f.Severity = Blocker
		}
		out = append(out, f)
	}
	// Physical slots of the members, and whatever else the leader has.
	need := int64(0)
	if fact.UseSlots.Of(s, m).Must() {
		need = followers
	}
	members := s.MemberSlots()
	for _, slot := range fact.SQLSlots.Of(s, leader).Must() {
		if !slot.Temporary && !slices.Contains(members, slot.Name) {
			need++
		}
	}
	if have, ok := fact.Setting(settings, "max_replication_slots"); ok && have < need {
		out = append(out, Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("max_replication_slots is %d", have),
			Expected: fmt.Sprintf("at least %d", need),
			Effect:   "Patroni cannot create the slots of all members on the new leader.",
			Remedy: fmt.Sprintf(
				"patronictl edit-config %s -s postgresql.parameters.max_replication_slots=%d, then restart all members.",
				s.Target.Scope,
				need+2,
			),
		})
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "max_wal_senders %s and max_replication_slots %s for %d members and %d other consumers",
		settings["max_wal_senders"], settings["max_replication_slots"], followers, foreign)
}

// keepsEnough is the WAL that covers a change of leader among members that keep
// up, in bytes: four WAL files.
const keepsEnough = 64 << 20

func runKeptWAL(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	slots, settings := fact.SQLSlots.Get(s, m), fact.SQLSettings.Get(s, m)
	asked := s.SQLQuery(m, "pg_replication_slots, wal_keep_size")
	kept, ok := fact.KeptWAL(settings)
	if ok && kept >= keepsEnough {
		return Witnessed(asked, "keeps %s for members without a slot", fact.Size(kept))
	}
	var without []string
	for _, other := range s.Others(m) {
		if slot, found := fact.SlotNamed(slots, fact.SlotNameOf(other)); !found || !slot.RestartLSN.Known() {
			without = append(without, other)
		}
	}
	if len(without) == 0 {
		return Witnessed(asked, "a slot for every other member")
	}
	return []Finding{Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("no slot for %s, and at most %s of WAL kept", fact.Names(without), fact.Size(kept)),
		Effect: fmt.Sprintf(
			"If one of them is behind when %s takes over, the WAL that it needs may be gone: the member must be rebuilt "+
				"(patronictl reinit).",
			m,
		),
		Remedy: fmt.Sprintf(
			"patronictl edit-config %s -s postgresql.parameters.wal_keep_size=128MB, or use slots.",
			s.Target.Scope,
		),
	}.bytesOf(kept, keepsEnough)}
}

func runSlotStatus(s *fact.Snapshot, _ fact.Question, m string) []Finding {
	asked := s.SQLQuery(m, "pg_replication_slots")
	var out []Finding
	for _, slot := range fact.SQLSlots.Get(s, m) {
		status := slot.WALStatus.OrZero()
		if status != "lost" && status != "unreserved" && slot.Invalid == "" {
			continue
		}
		observed := fmt.Sprintf("slot %s: wal_status %s", slot.Name, status)
		if slot.Invalid != "" {
			observed += ", invalid (" + slot.Invalid + ")"
		}
		out = append(out, Finding{
			Asked:    asked,
			Observed: observed,
			Effect:   "Its consumer has to start over, before the switchover as well as after it.",
			Remedy: fmt.Sprintf(
				"On %s: SELECT pg_drop_replication_slot('%s'); then set up its consumer again (a member: patronictl reinit).",
				m,
				slot.Name,
			),
		})
	}
	if len(out) > 0 {
		return out
	}
	return Witnessed(asked, "%d slots, none lost", len(fact.SQLSlots.Get(s, m)))
}

var waybackRestart = Check{
	ID:    "wayback.restart",
	Title: "the other replicas follow without a restart",
	Since: "0.2.0",
	Why: "Before PostgreSQL 13 a change of primary_conninfo requires a restart. Every replica that is not part of " +
		"the switchover restarts too, to follow the new leader, and its sessions are cut off.",
	Source: "server_version_num on the leader, or server_version in GET /patroni; PostgreSQL 13 release notes; " +
		"patroni/postgresql/config.py; patroni/patroni issue 1708",
	Fix:      "Move readers away from the other replicas first.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{serverRelease.OnLeader()},
	Run:      runRestarts,
}

// serverRelease is server_version_num by SQL, or by REST where SQL has none.
var serverRelease = fact.OfMember(fact.SQLVersion.Label, func(m fact.Member) fact.Observed[int] {
	if v := fact.Field(m.SQL, func(q fact.SQL) fact.Observed[int] { return q.ServerVersion }); v.Known() {
		return v
	}
	return fact.Field(m.REST, func(r fact.REST) fact.Observed[int] { return r.ServerVersion })
})

func runRestarts(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	version := serverRelease.Of(s, s.Leader()).Must()
	asked := "server_version of " + s.NameAndRole(s.Leader())
	var others []string
	for _, m := range s.Replicas() {
		if m != q.Candidate {
			others = append(others, m)
		}
	}
	if version >= 130000 || q.Candidate == "" && len(others) < 2 || len(others) == 0 {
		return Witnessed(asked, "%s: only members that change their role restart", fact.Release(version))
	}
	return []Finding{
		{
			Asked:    asked,
			Observed: fact.Release(version) + ", and there are other replicas: " + fact.Names(others),
			Expected: "PostgreSQL 13 or later, or no other replica",
			Effect:   "Each replica that remains a replica restarts to follow the new leader: its sessions are cut off.",
			Remedy:   "Move readers away from " + fact.Names(others) + " first, or let them reconnect afterwards.",
		},
	}
}
