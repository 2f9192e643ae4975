package preflight

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

var waybackRewind = Check{
	ID:       "wayback.rewind",
	Title:    "pg_rewind could bring the old leader back",
	Since:    "0.2.0",
	Why:      "After a clean switchover the old leader follows without pg_rewind. If it ends uncleanly or has written more, it needs pg_rewind, and that needs use_pg_rewind, data checksums or wal_log_hints, and full_page_writes; without it the member has to be made anew.",
	Source:   "postgresql.use_pg_rewind in /config; data_checksums, wal_log_hints, full_page_writes in pg_settings of the leader; patroni/postgresql/rewind.py can_rewind",
	Fix:      "Turn on use_pg_rewind, and wal_log_hints (a restart) or data checksums.",
	Proof:    "docs/accuracy.md: \"pg_rewind off\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []Need{usePgRewind, sqlSettings},
	Run:      runRewind,
}

var waybackRole = Check{
	ID:       "wayback.role",
	Title:    "the members' replication role may log in",
	Since:    "0.2.0",
	Why:      "Connections that are open go on when a role loses LOGIN or REPLICATION or its password expires. After the switchover every member has to log in anew, and nobody can follow the new leader.",
	Source:   "pg_stat_replication.usename and pg_roles on the leader: rolcanlogin, rolreplication, rolvaliduntil",
	Fix:      "ALTER ROLE the role with LOGIN REPLICATION VALID UNTIL 'infinity'.",
	Proof:    "docs/accuracy.md: \"replication role may not log in\".",
	Kind:     Policy,
	Severity: Blocker,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []Need{walSenders, sqlRoles},
	Run:      runReplicationRole,
}

var waybackHBA = Check{
	ID:       "wayback.hba",
	Title:    "the candidate's pg_hba.conf lets the other members in",
	Since:    "0.2.0",
	Why:      "Nobody connects to the candidate for replication before it leads, so a missing rule shows only afterwards: the old leader and the others cannot follow.",
	Source:   "pg_hba_file_rules on the candidate, followed as PostgreSQL does; the members' addresses in pg_stat_replication.client_addr and conn_url",
	Fix:      "Add a rule for replication to postgresql.pg_hba in patroni.yml, and reload.",
	Proof:    "docs/accuracy.md: \"candidate's pg_hba.conf lets no replica in\".",
	Kind:     Policy,
	Severity: Blocker,
	Optional: true,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlHBA, walSenders.onLeader()},
	Run:      runHBA,
}

var waybackWalsenders = Check{
	ID:       "wayback.walsenders",
	Title:    "the candidate has walsenders and slots for all",
	Since:    "0.2.0",
	Why:      "Every member that follows takes a walsender, and a slot where slots are used; other consumers take more.",
	Source:   "max_wal_senders and max_replication_slots in pg_settings of the candidate; pg_stat_replication and pg_replication_slots of the leader",
	Fix:      "Raise max_wal_senders or max_replication_slots (a restart).",
	Proof:    "Cases on a recorded snapshot: PostgreSQL starts no standby with fewer walsenders than its leader, so a real cluster gets there only with too few on both.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlSettings, walSenders.onLeader(), sqlSlots.onLeader(), useSlots},
	Run:      runFreeWalsenders,
}

var waybackWALKept = Check{
	ID:       "wayback.wal_kept",
	Title:    "the candidate keeps WAL for the other members",
	Since:    "0.2.0",
	Why:      "A member that is behind when the leader changes needs WAL that the candidate already has. Patroni keeps the members' slots on replicas since 4.0.0; before, and without slots, only wal_keep_size holds it. If it is gone, the member has to be made anew.",
	Source:   "pg_replication_slots and wal_keep_size on the candidate; patroni/postgresql/slots.py",
	Fix:      "Set wal_keep_size to some WAL files' size, or use slots.",
	Proof:    "docs/accuracy.md: \"no slots and little WAL kept\", \"slots not used\".",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfReplicas,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlSettings, sqlSlots},
	Run:      runKeptWAL,
}

var waybackSlotStatus = Check{
	ID:       "wayback.slot_status",
	Title:    "no slot has lost its WAL",
	Since:    "0.2.0",
	Why:      "A slot that is lost or about to be (max_slot_wal_keep_size) serves nobody: its consumer has to begin anew.",
	Source:   "pg_replication_slots.wal_status (PostgreSQL 13 and later), conflicting, invalidation_reason",
	Fix:      "Drop the slot, and set its consumer up again.",
	Proof:    "Cases on a recorded snapshot.",
	Kind:     Policy,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"dcs.leader"},
	Needs:    []Need{sqlSlots},
	Run:      runSlotStatus,
}

func runRewind(s *Snapshot, _ Question, m string) []Finding {
	settings := sqlSettings.get(s, m)
	if !usePgRewind.get(s, m) {
		return []Finding{{
			Asked: s.key("/config"), Observed: "postgresql.use_pg_rewind is off (a node's own patroni.yml may say otherwise)",
			Effect: fmt.Sprintf("A clean switchover needs no pg_rewind. If %s ends uncleanly, it has to be made anew.", m),
			Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.use_pg_rewind=true", s.Target.Scope),
		}}
	}
	asked := s.askedSQL(m, "pg_settings")
	var out []Finding
	sums, hints := settings["data_checksums"], settings["wal_log_hints"]
	if sums != "on" && hints != "on" {
		observed := "data_checksums and wal_log_hints are both off"
		if sums == "" || hints == "" {
			observed = fmt.Sprintf("data_checksums is %s, wal_log_hints is %s", shown(sums), shown(hints))
		}
		out = append(out, Finding{
			Asked: asked, Observed: observed, Expected: "one of them on",
			Effect: fmt.Sprintf("pg_rewind refuses to work on %s.", m),
			Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.parameters.wal_log_hints=on, then restart all members.", s.Target.Scope),
		})
	}
	if full := settings["full_page_writes"]; full != "on" {
		out = append(out, Finding{
			Asked: asked, Observed: "full_page_writes is " + shown(full),
			Effect: "pg_rewind refuses a source without it.",
			Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.parameters.full_page_writes=on", s.Target.Scope),
		})
	}
	if len(out) > 0 {
		return out
	}
	return evidence(asked, "data_checksums %s, wal_log_hints %s, full_page_writes %s", sums, hints, settings["full_page_writes"])
}

// replicationUsers are the roles as which the members stream, sorted.
func (s *Snapshot) replicationUsers() []string {
	var out []string
	for _, w := range walSenders.of(s, s.Leader()).orZero() {
		if slices.ContainsFunc(s.Members, func(m Member) bool { return sameApplicationName(w.ApplicationName, m.Name) }) {
			out = append(out, w.User)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func runReplicationRole(s *Snapshot, _ Question, m string) []Finding {
	roles, users := sqlRoles.get(s, m), s.replicationUsers()
	asked := s.askedSQL(m, "pg_roles")
	var out []Finding
	for _, user := range users {
		i := slices.IndexFunc(roles, func(r Role) bool { return r.Name == user })
		if i < 0 {
			continue // dropped meanwhile, or cut off a long list
		}
		if wrong := roles[i].wrong(s.TakenAt); wrong != "" {
			out = append(out, Finding{
				Asked: asked, Observed: fmt.Sprintf("role %s, as which the members stream: %s", user, wrong),
				Effect: "Open connections go on, but after the switchover no member can log in to follow the new leader.",
				Remedy: fmt.Sprintf("On %s: ALTER ROLE %q LOGIN REPLICATION VALID UNTIL 'infinity';", m, user),
			})
		}
	}
	switch {
	case len(out) > 0:
		return out
	case len(users) == 0:
		return evidence(asked, "no member streams from %s", m)
	}
	return evidence(asked, "%s may log in and replicate", strings.Join(users, ", "))
}

// wrong says why the role can not be used for replication, "" where it can.
func (r Role) wrong(now time.Time) string {
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

func runHBA(s *Snapshot, _ Question, m string) []Finding {
	rules := sqlHBA.get(s, m)
	asked := s.askedSQL(m, "pg_hba_file_rules")
	var out []Finding
	var may []string
	for _, r := range rules {
		if r.Error != "" {
			out = append(out, Finding{
				Severity: Warning,
				Asked:    asked, Observed: fmt.Sprintf("line %d: %s", r.Line, r.Error),
				Effect: "PostgreSQL goes on with the rules that it had, and does not start with these.",
				Remedy: "Mend postgresql.pg_hba in patroni.yml of " + m + ", then: patronictl reload " + s.Target.Scope + " " + m,
			})
		}
	}
	ssl := true
	if settings, ok := sqlSettings.of(s, m).Get(); ok && settings["ssl"] == "off" {
		ssl = false
	}
	for _, other := range s.others(m) {
		for _, user := range s.replicationUsers() {
			addrs := s.sourcesOf(other)
			switch allowsAny(rules, user, addrs, ssl) {
			case yes:
				may = append(may, other)
			case no:
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
		return evidence(asked, "the rules do not tell: they name hosts, groups or patterns")
	}
	return evidence(asked, "lets in for replication: %s", names(may))
}

func refusedByHBA(s *Snapshot, asked, m, other, user string, addrs []netip.Addr) Finding {
	bits := addrs[0].BitLen()
	return Finding{
		Asked:    asked,
		Observed: fmt.Sprintf("no rule lets %s (%s) in as %s for replication", other, addrs[0], user),
		Effect:   fmt.Sprintf("When %s leads, %s cannot follow it.", m, other),
		Remedy: fmt.Sprintf("Add to postgresql.pg_hba in patroni.yml of %s: host replication %s %s/%d scram-sha-256; then: patronictl reload %s %s",
			m, user, addrs[0], bits, s.Target.Scope, m),
	}
}

// sourcesOf are the addresses from which a member would connect, the one that it
// is seen to connect from first. A loopback address at which it answers us is not
// the one that it has for others.
func (s *Snapshot) sourcesOf(m string) []netip.Addr {
	var out []netip.Addr
	add := func(text string) {
		if a, err := netip.ParseAddr(text); err == nil && !slices.Contains(out, a.Unmap()) {
			out = append(out, a.Unmap())
		}
	}
	for _, w := range walSenders.of(s, s.Leader()).orZero() {
		if sameApplicationName(w.ApplicationName, m) {
			add(w.ClientAddr.orZero())
		}
	}
	for _, text := range addressesOf(s, m) {
		if a, err := netip.ParseAddr(text); err == nil && !a.IsLoopback() {
			add(text)
		}
	}
	return out
}

// allowsAny is yes where any address is let in, encrypted or not as libpq tries
// both, and no only where every one is refused.
func allowsAny(rules []HBARule, user string, addrs []netip.Addr, ssl bool) answer3 {
	result := no
	for _, addr := range addrs {
		for _, encrypted := range []bool{true, false} {
			if encrypted && !ssl {
				continue
			}
			switch allows(rules, login{"replication", user, addr, encrypted}) {
			case yes:
				return yes
			case perhaps:
				result = perhaps
			}
		}
	}
	return result
}

func runFreeWalsenders(s *Snapshot, _ Question, m string) []Finding {
	settings := sqlSettings.get(s, m)
	leader := s.Leader()
	followers := int64(len(s.Members) - 1)
	foreign := int64(len(s.foreign(walSenders.of(s, leader).Must())))
	asked := s.askedSQL(m, "pg_settings")
	var out []Finding
	if have, ok := setting(settings, "max_wal_senders"); ok && have < followers+foreign {
		f := Finding{
			Asked: asked, Observed: fmt.Sprintf("max_wal_senders is %d", have), Expected: fmt.Sprintf("%d for the members and %d for other consumers", followers, foreign),
			Effect: "Whoever comes last cannot follow the new leader.",
			Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.parameters.max_wal_senders=%d, then restart all members.", s.Target.Scope, followers+foreign+2),
		}
		if have < followers {
			f.Severity = Blocker
		}
		out = append(out, f)
	}
	// Physical slots of the members, and whatever else the leader has.
	need := int64(0)
	if useSlots.of(s, m).Must() {
		need = followers
	}
	members := s.memberSlots()
	for _, slot := range sqlSlots.of(s, leader).Must() {
		if !slot.Temporary && !slices.Contains(members, slot.Name) {
			need++
		}
	}
	if have, ok := setting(settings, "max_replication_slots"); ok && have < need {
		out = append(out, Finding{
			Asked: asked, Observed: fmt.Sprintf("max_replication_slots is %d", have), Expected: fmt.Sprintf("at least %d", need),
			Effect: "Patroni cannot create the slots of all members on the new leader.",
			Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.parameters.max_replication_slots=%d, then restart all members.", s.Target.Scope, need+2),
		})
	}
	if len(out) > 0 {
		return out
	}
	return evidence(asked, "max_wal_senders %s and max_replication_slots %s for %d members and %d other consumers",
		settings["max_wal_senders"], settings["max_replication_slots"], followers, foreign)
}

// keepsEnough is the WAL that covers a change of leader among members that keep
// up, in bytes: four WAL files.
const keepsEnough = 64 << 20

func runKeptWAL(s *Snapshot, _ Question, m string) []Finding {
	slots, settings := sqlSlots.get(s, m), sqlSettings.get(s, m)
	asked := s.askedSQL(m, "pg_replication_slots, wal_keep_size")
	kept, ok := keptWAL(settings)
	if ok && kept >= keepsEnough {
		return evidence(asked, "keeps %s for whoever has no slot", Size(kept))
	}
	var without []string
	for _, other := range s.others(m) {
		if slot, found := slotNamed(slots, slotNameOf(other)); !found || !slot.RestartLSN.Known() {
			without = append(without, other)
		}
	}
	if len(without) == 0 {
		return evidence(asked, "a slot for every other member")
	}
	return []Finding{Finding{
		Asked: asked, Observed: fmt.Sprintf("no slot for %s, and no more than %s of WAL kept", names(without), Size(kept)),
		Effect: fmt.Sprintf("If one of them is behind when %s takes over, the WAL that it needs may be gone: it has to be made anew.", m),
		Remedy: fmt.Sprintf("patronictl edit-config %s -s postgresql.parameters.wal_keep_size=128MB, or use slots.", s.Target.Scope),
	}.bytesOf(kept, keepsEnough)}
}

func runSlotStatus(s *Snapshot, _ Question, m string) []Finding {
	asked := s.askedSQL(m, "pg_replication_slots")
	var out []Finding
	for _, slot := range sqlSlots.get(s, m) {
		status := slot.WALStatus.orZero()
		if status != "lost" && status != "unreserved" && slot.Invalid == "" {
			continue
		}
		observed := fmt.Sprintf("slot %s: wal_status %s", slot.Name, status)
		if slot.Invalid != "" {
			observed += ", invalid (" + slot.Invalid + ")"
		}
		out = append(out, Finding{
			Asked: asked, Observed: observed,
			Effect: "Whoever uses it has to begin anew, before the switchover as after it.",
			Remedy: fmt.Sprintf("On %s: SELECT pg_drop_replication_slot('%s'); then set its consumer up again (a member: patronictl reinit).", m, slot.Name),
		})
	}
	if len(out) > 0 {
		return out
	}
	return evidence(asked, "%d slots, none lost", len(sqlSlots.get(s, m)))
}
