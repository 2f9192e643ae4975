package preflight

import (
	"maps"
	"net/netip"
	"testing"
	"time"
)

func init() { maps.Copy(cases, waybackCases) }

func candidateSQL(s *Recording) *SQL { return s.member("node2").SQL.Value }

func role(s *Recording, change func(r *Role)) {
	for i := range *leaderSQL(s).Roles.Value {
		if r := &(*leaderSQL(s).Roles.Value)[i]; r.Name == "replicator" {
			change(r)
		}
	}
}

func hba(s *Recording, rules ...HBARule) { candidateSQL(s).HBA = Known(rules) }

func rule(kind, user, address, netmask, method string) HBARule {
	return HBARule{Line: 1, Type: kind, Databases: []string{"replication"}, Users: []string{user}, Address: address, Netmask: netmask, Method: method}
}

func slot(q *SQL, s Slot) { *q.Slots.Value = append(*q.Slots.Value, s) }

var cdc = Slot{Name: "cdc", Type: "logical", Plugin: "pgoutput", Database: "app", CatalogXmin: true}

func declare(s *Recording) {
	config4(s).Slots = Known(map[string]PermanentSlot{"cdc": {Type: "logical", Database: "app", Plugin: "pgoutput"}})
}

// extension says whether leader and candidate have the files of the installed
// version, and of any.
func extension(s *Recording, onLeader, anyOnLeader, onCandidate, anyOnCandidate bool) {
	(*leaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6"
	(*leaderSQL(s).AvailableExtensions.Value)["pg_trgm"] = onLeader
	(*candidateSQL(s).AvailableExtensions.Value)["pg_trgm"] = onCandidate
	leaderSQL(s).PresentExtensions = Known(map[string]bool{"pg_trgm": anyOnLeader})
	candidateSQL(s).PresentExtensions = Known(map[string]bool{"pg_trgm": anyOnCandidate})
}

var waybackCases = map[string][]breakage{
	"wayback.rewind": {
		{"off", "node1", func(s *Recording) { config4(s).UsePgRewind = Known(false) }, Fail, Warning},
		{"neither checksums nor hints", "node1", func(s *Recording) { set(s, "node1", "data_checksums", "off"); set(s, "node1", "wal_log_hints", "off") }, Fail, Warning},
		{"no full pages", "node1", func(s *Recording) { set(s, "node1", "full_page_writes", "off") }, Fail, Warning},
		{"settings that were not shown", "node1", func(s *Recording) {
			for _, name := range []string{"data_checksums", "wal_log_hints", "full_page_writes"} {
				delete(*s.member("node1").SQL.Value.Settings.Value, name)
			}
		}, Fail, Warning},
		{"hints alone", "node1", func(s *Recording) { set(s, "node1", "data_checksums", "off") }, Pass, ""},
		{"garbled", "node1", func(s *Recording) { config4(s).UsePgRewind = unknown[bool]() }, Undecided, ""},
	},
	"wayback.role": {
		{"NOLOGIN", "node1", func(s *Recording) { role(s, func(r *Role) { r.CanLogin = false }) }, Fail, ""},
		{"NOREPLICATION", "node1", func(s *Recording) { role(s, func(r *Role) { r.Replication = false }) }, Fail, ""},
		{"expired", "node1", func(s *Recording) { role(s, func(r *Role) { r.ValidUntil = Known(s.TakenAt) }) }, Fail, ""},
		{"a superuser needs no REPLICATION", "node1", func(s *Recording) { role(s, func(r *Role) { r.Replication, r.Superuser = false, true }) }, Pass, ""},
		{"expires later", "node1", func(s *Recording) { role(s, func(r *Role) { r.ValidUntil = Known(s.TakenAt.Add(time.Hour)) }) }, Pass, ""},
		{"a role that nobody streams as", "node1", func(s *Recording) {
			*leaderSQL(s).Roles.Value = append(*leaderSQL(s).Roles.Value, Role{Name: "old", Replication: true})
		}, Pass, ""},
		{"not to be had", "node1", func(s *Recording) { leaderSQL(s).Roles = unknown[[]Role]() }, Undecided, ""},
	},
	"wayback.hba": {
		{"no rule", "node2", func(s *Recording) { hba(s) }, Fail, ""},
		{"all databases is not replication", "node2", func(s *Recording) {
			r := rule("host", "all", "all", "", "trust")
			r.Databases = []string{"all"}
			hba(s, r)
		}, Fail, ""},
		{"another user", "node2", func(s *Recording) { hba(s, rule("host", "other", "all", "", "trust")) }, Fail, ""},
		{"another network", "node2", func(s *Recording) { hba(s, rule("host", "all", "10.9.0.0", "255.255.0.0", "trust")) }, Fail, ""},
		{"rejected first", "node2", func(s *Recording) {
			hba(s, rule("host", "all", "10.77.9.0", "255.255.255.0", "reject"), rule("host", "all", "all", "", "trust"))
		}, Fail, ""},
		{"one member alone", "node2", func(s *Recording) { hba(s, rule("host", "all", "10.77.9.21", "255.255.255.255", "md5")) }, Fail, ""},
		{"SSL only, and there is none", "node2", func(s *Recording) { set(s, "node2", "ssl", "off"); hba(s, rule("hostssl", "all", "all", "", "md5")) }, Fail, ""},
		{"SSL only", "node2", func(s *Recording) { set(s, "node2", "ssl", "on"); hba(s, rule("hostssl", "all", "all", "", "md5")) }, Pass, ""},
		{"the leader answers us at a loopback address alone", "node2", func(s *Recording) {
			s.member("node1").Key.Value.ConnURL = Known("postgres://one.example:5432/postgres")
			s.member("node1").REST.Value.RemoteAddr = "127.0.1.1:8008"
			leaderSQL(s).RemoteAddr = "127.0.1.1:5432"
			hba(s, rule("host", "all", "10.77.9.23", "255.255.255.255", "md5"))
		}, Pass, ""},
		{"a line that is wrong", "node2", func(s *Recording) { hba(s, rule("host", "all", "all", "", "md5"), HBARule{Line: 9, Error: "invalid"}) }, Fail, Warning},
		{"a rule by host name", "node2", func(s *Recording) { hba(s, rule("host", "all", ".example.com", "", "md5")) }, Pass, ""},
		{"a role by its group", "node2", func(s *Recording) { hba(s, rule("host", "+replicas", "all", "", "md5")) }, Pass, ""},
		{"maybe rejected, then let in", "node2", func(s *Recording) {
			hba(s, rule("host", "all", "samenet", "", "reject"), rule("host", "all", "all", "", "md5"))
		}, Pass, ""},
		{"no right to see", "node2", func(s *Recording) { candidateSQL(s).HBA = NotKnown[[]HBARule](Privilege, "denied") }, Undecided, ""},
	},
	"wayback.walsenders": {
		{"too few for the members", "node2", func(s *Recording) { set(s, "node2", "max_wal_senders", "1") }, Fail, ""},
		{"too few for all", "node2", func(s *Recording) {
			set(s, "node2", "max_wal_senders", "2")
			consumerFrom(s, elsewhere, time.Second, 0, 0)
		}, Fail, Warning},
		{"just enough", "node2", func(s *Recording) {
			set(s, "node2", "max_wal_senders", "3")
			consumerFrom(s, elsewhere, time.Second, 0, 0)
		}, Pass, ""},
		{"too few slots", "node2", func(s *Recording) { set(s, "node2", "max_replication_slots", "1") }, Fail, Warning},
		{"no slots needed", "node2", func(s *Recording) { set(s, "node2", "max_replication_slots", "0"); config4(s).UseSlots = Known(false) }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Settings = unknown[map[string]string]() }, Undecided, ""},
	},
	"wayback.wal_kept": {
		{"no slot and no WAL", "node2", func(s *Recording) { set(s, "node2", "wal_keep_size", "0"); candidateSQL(s).Slots = Known([]Slot{}) }, Fail, Warning},
		{"little WAL", "node2", func(s *Recording) { set(s, "node2", "wal_keep_size", "63"); candidateSQL(s).Slots = Known([]Slot{}) }, Fail, Warning},
		{"enough WAL", "node2", func(s *Recording) { set(s, "node2", "wal_keep_size", "64"); candidateSQL(s).Slots = Known([]Slot{}) }, Pass, ""},
		{"slots alone", "node2", func(s *Recording) { set(s, "node2", "wal_keep_size", "0") }, Pass, ""},
		{"PostgreSQL 12", "node2", func(s *Recording) {
			candidateSQL(s).Slots = Known([]Slot{})
			delete(*candidateSQL(s).Settings.Value, "wal_keep_size")
			set(s, "node2", "wal_keep_segments", "8")
		}, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Slots = unknown[[]Slot]() }, Undecided, ""},
	},
	"wayback.slot_status": {
		{"lost", "node1", func(s *Recording) { slot(leaderSQL(s), Slot{Name: "dr", Type: "physical", WALStatus: Known("lost")}) }, Fail, Warning},
		{"unreserved", "node1", func(s *Recording) {
			slot(leaderSQL(s), Slot{Name: "dr", Type: "physical", WALStatus: Known("unreserved")})
		}, Fail, Warning},
		{"invalid", "node1", func(s *Recording) {
			slot(leaderSQL(s), Slot{Name: "x", Type: "logical", Temporary: true, WALStatus: Known("reserved"), Invalid: "rows_removed"})
		}, Fail, Warning},
		{"not to be had", "node1", func(s *Recording) { leaderSQL(s).Slots = unknown[[]Slot]() }, Undecided, ""},
	},
	"slots.logical": {
		{"not declared", "node2", func(s *Recording) { slot(leaderSQL(s), cdc) }, Fail, ""},
		{"declared as physical", "node2", func(s *Recording) {
			slot(leaderSQL(s), cdc)
			config4(s).Slots = Known(map[string]PermanentSlot{"cdc": {Type: "physical"}})
		}, Fail, ""},
		{"failover, not synchronised", "node2", func(s *Recording) { c := cdc; c.Failover = true; slot(leaderSQL(s), c) }, Fail, ""},
		{"left to others", "node2", func(s *Recording) {
			slot(leaderSQL(s), cdc)
			config4(s).IgnoreSlots = Known([]map[string]string{{"plugin": "pgoutput", "type": "logical"}})
		}, Fail, Warning},
		{"another one left to others", "node2", func(s *Recording) {
			slot(leaderSQL(s), cdc)
			config4(s).IgnoreSlots = Known([]map[string]string{{"name": "other"}, {}})
		}, Fail, ""},
		{"declared", "node2", func(s *Recording) { slot(leaderSQL(s), cdc); slot(candidateSQL(s), cdc); declare(s) }, Pass, ""},
		{"failover, synchronised", "node2", func(s *Recording) {
			c := cdc
			c.Failover = true
			slot(leaderSQL(s), c)
			c.Synced = true
			slot(candidateSQL(s), c)
		}, Pass, ""},
		{"temporary", "node2", func(s *Recording) { c := cdc; c.Temporary = true; slot(leaderSQL(s), c) }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { leaderSQL(s).Slots = unknown[[]Slot]() }, Undecided, ""},
	},
	"slots.logical_ready": {
		{"not copied yet", "node2", func(s *Recording) { slot(leaderSQL(s), cdc); declare(s) }, Fail, ""},
		{"no catalog_xmin yet", "node2", func(s *Recording) {
			c := cdc
			slot(leaderSQL(s), c)
			c.CatalogXmin = false
			slot(candidateSQL(s), c)
			declare(s)
		}, Fail, ""},
		{"invalid", "node2", func(s *Recording) {
			c := cdc
			slot(leaderSQL(s), c)
			c.Invalid = "rows_removed"
			slot(candidateSQL(s), c)
			declare(s)
		}, Fail, ""},
		{"lost", "node2", func(s *Recording) {
			c := cdc
			slot(leaderSQL(s), c)
			c.WALStatus = Known("lost")
			slot(candidateSQL(s), c)
			declare(s)
		}, Fail, ""},
		{"ready", "node2", func(s *Recording) { slot(leaderSQL(s), cdc); slot(candidateSQL(s), cdc); declare(s) }, Pass, ""},
		{"declared, and not on the leader either", "node2", declare, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Slots = unknown[[]Slot]() }, Undecided, ""},
	},
	"slots.foreign": {
		{"of no member", "node1", func(s *Recording) { slot(leaderSQL(s), Slot{Name: "dr", Type: "physical", Active: true}) }, Fail, Warning},
		{"declared", "node1", func(s *Recording) {
			slot(leaderSQL(s), Slot{Name: "dr", Type: "physical"})
			config4(s).Slots = Known(map[string]PermanentSlot{"dr": {Type: "physical"}})
		}, Pass, ""},
		{"temporary", "node1", func(s *Recording) {
			slot(leaderSQL(s), Slot{Name: "pg_basebackup_7", Type: "physical", Temporary: true})
		}, Pass, ""},
		{"left to others", "node1", func(s *Recording) {
			slot(leaderSQL(s), Slot{Name: "dr", Type: "physical"})
			config4(s).IgnoreSlots = Known([]map[string]string{{"name": "dr"}})
		}, Pass, ""},
		{"not to be had", "node1", func(s *Recording) { leaderSQL(s).Slots = unknown[[]Slot]() }, Undecided, ""},
	},
	"slots.carriers": {
		{"replicatefrom", "node2", func(s *Recording) {
			declare(s)
			s.member("node2").Key.Value.Tags = Known(Tags{"replicatefrom": "node3"})
		}, Fail, Warning},
		{"the slot is there", "node2", func(s *Recording) {
			declare(s)
			slot(candidateSQL(s), cdc)
			s.member("node2").Key.Value.Tags = Known(Tags{"replicatefrom": "node3"})
		}, Pass, ""},
		{"no such tag", "node2", func(s *Recording) { declare(s); s.member("node2").Key.Value.Tags = Known(Tags{"nostream": false}) }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Slots = unknown[[]Slot]() }, Undecided, ""},
	},
	"slots.names": {
		{"two of one name", "", func(s *Recording) { s.member("node2").Name = "pg-1"; s.member("node3").Name = "PG.1" }, Fail, Warning},
		{"slots are not used", "", func(s *Recording) {
			s.member("node2").Name = "pg-1"
			s.member("node3").Name = "PG.1"
			config4(s).UseSlots = Known(false)
		}, Pass, ""},
		{"garbled", "", func(s *Recording) { config4(s).UseSlots = unknown[bool]() }, Undecided, ""},
	},
	"settings.hard_limits": {
		{"lower", "node2", func(s *Recording) { set(s, "node2", "max_connections", "49") }, Fail, Warning},
		{"lower, and replay has stopped", "node2", func(s *Recording) {
			set(s, "node2", "max_connections", "49")
			candidateSQL(s).ReplayPaused = Known(true)
		}, Fail, ""},
		{"higher", "node2", func(s *Recording) { set(s, "node2", "max_connections", "51") }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { leaderSQL(s).Settings = unknown[map[string]string]() }, Undecided, ""},
	},
	"settings.pending_restart": {
		{"pending", "node2", func(s *Recording) {
			s.member("node2").Key.Value.PendingRestart = Known(true)
			s.member("node2").Key.Value.PendingRestartReason = Known([]string{"max_connections"})
		}, Fail, Warning},
		{"garbled", "node2", func(s *Recording) { s.member("node2").Key.Value.PendingRestart = unknown[bool]() }, Undecided, ""},
	},
	"settings.differ": {
		{"no archive command", "node2", func(s *Recording) {
			for _, n := range []string{"node1", "node2"} {
				set(s, n, "archive_mode", "on")
				set(s, n, "archive_command", "(set, md5 1)")
			}
			set(s, "node2", "archive_command", "")
		}, Fail, ""},
		{"archive mode off", "node2", func(s *Recording) {
			set(s, "node1", "archive_mode", "on")
			set(s, "node1", "archive_command", "(set, md5 1)")
		}, Fail, ""},
		{"a library is missing", "node2", func(s *Recording) {
			set(s, "node1", "shared_preload_libraries", "citus, pg_stat_statements")
			set(s, "node2", "shared_preload_libraries", "pg_stat_statements")
		}, Fail, Warning},
		{"read-only", "node2", func(s *Recording) { set(s, "node2", "default_transaction_read_only", "on") }, Fail, ""},
		{"a lower wal_level", "node2", func(s *Recording) { set(s, "node1", "wal_level", "logical"); set(s, "node2", "wal_level", "replica") }, Fail, Warning},
		{"fsync off", "node2", func(s *Recording) { set(s, "node2", "fsync", "off") }, Fail, Warning},
		{"another archive command", "node2", func(s *Recording) {
			for _, n := range []string{"node1", "node2"} {
				set(s, n, "archive_mode", "on")
				set(s, n, "archive_command", "(set, md5 "+n+")")
			}
		}, Pass, ""},
		{"a library more", "node2", func(s *Recording) { set(s, "node2", "shared_preload_libraries", "auto_explain") }, Pass, ""},
		{"more memory", "node2", func(s *Recording) { set(s, "node2", "shared_buffers", "99999") }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Settings = unknown[map[string]string]() }, Undecided, ""},
	},
	"data.server_version": {
		{"older", "node2", func(s *Recording) { candidateSQL(s).ServerVersion = Known(leaderSQL(s).ServerVersion.Must() - 1) }, Fail, Warning},
		{"newer", "node2", func(s *Recording) { candidateSQL(s).ServerVersion = Known(leaderSQL(s).ServerVersion.Must() + 1) }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).ServerVersion = unknown[int]() }, Undecided, ""},
	},
	"data.extensions": {
		{"no files", "node2", func(s *Recording) {
			(*leaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6"
			(*candidateSQL(s).AvailableExtensions.Value)["pg_trgm"] = false
		}, Fail, ""},
		{"another version", "node2", func(s *Recording) { extension(s, true, true, false, true) }, Fail, Warning},
		{"another version, as on the leader", "node2", func(s *Recording) { extension(s, false, true, false, true) }, Pass, ""},
		{"no files, and none on the leader", "node2", func(s *Recording) { extension(s, false, false, false, false) }, Pass, ""},
		{"no files, and others on the leader", "node2", func(s *Recording) { extension(s, false, true, false, false) }, Fail, ""},
		{"not replayed yet", "node2", func(s *Recording) { (*leaderSQL(s).Extensions.Value)["pg_trgm"] = "1.6" }, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).AvailableExtensions = unknown[map[string]bool]() }, Undecided, ""},
	},
	"data.collations": {
		{"another library", "node2", func(s *Recording) {
			leaderSQL(s).CollationVersion, candidateSQL(s).CollationVersion = Known("2.36"), Known("2.41")
		}, Fail, ""},
		{"recorded with another version", "node2", func(s *Recording) {
			list := []Collation{{Database: "app", Recorded: "1.0", Actual: "2.41"}, {Name: "de", Recorded: "1.0", Actual: "2.41"}}
			leaderSQL(s).Collations, candidateSQL(s).Collations = Known(list), Known(list)
		}, Fail, Warning},
		{"recorded with another version than the candidate's alone", "node2", func(s *Recording) {
			candidateSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, ""},
		{"recorded with another version than the leader's alone", "node2", func(s *Recording) {
			leaderSQL(s).Collations = Known([]Collation{{Database: "app", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, ""},
		{"recorded with a third version", "node2", func(s *Recording) {
			leaderSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.36"}})
			candidateSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, ""},
		{"the leader's not to be had", "node2", func(s *Recording) {
			leaderSQL(s).Collations = unknown[[]Collation]()
			candidateSQL(s).Collations = Known([]Collation{{Name: "de", Recorded: "1.0", Actual: "2.41"}})
		}, Fail, Warning},
		{"the same library", "node2", func(s *Recording) {
			leaderSQL(s).CollationVersion, candidateSQL(s).CollationVersion = Known("2.41"), Known("2.41")
		}, Pass, ""},
		{"not to be had", "node2", func(s *Recording) { candidateSQL(s).Collations = unknown[[]Collation]() }, Undecided, ""},
	},
	"data.unlogged": {
		{"two", "node1", func(s *Recording) { leaderSQL(s).UnloggedTables = Known(2) }, Fail, Warning},
		{"not to be had", "node1", func(s *Recording) { leaderSQL(s).UnloggedTables = unknown[int]() }, Undecided, ""},
	},
}

func TestSlotNameOf(t *testing.T) {
	for member, want := range map[string]string{
		"node1": "node1", "Node-1.dc": "node_1_dc", "pg 1": "pgu00321", "a@b": "au0064b",
		"n2345678901234567890123456789012345678901234567890123456789012345": "n23456789012345678901234567890123456789012345678901234567890123",
	} {
		if got := slotNameOf(member); got != want {
			t.Errorf("%s: %s, want %s", member, got, want)
		}
	}
}

// TestAllows follows pg_hba.conf's rules one by one.
func TestAllows(t *testing.T) {
	at := func(addr string) login {
		return login{database: "replication", user: "replicator", addr: netip.MustParseAddr(addr)}
	}
	for name, c := range map[string]struct {
		rules []HBARule
		l     login
		want  answer3
	}{
		"nothing":               {nil, at("10.0.0.7"), no},
		"local is no host":      {[]HBARule{rule("local", "all", "", "", "trust")}, at("10.0.0.7"), no},
		"inside the mask":       {[]HBARule{rule("host", "all", "10.0.0.0", "255.255.255.0", "md5")}, at("10.0.0.7"), yes},
		"outside of it":         {[]HBARule{rule("host", "all", "10.0.0.0", "255.255.255.248", "md5")}, at("10.0.0.9"), no},
		"no mask":               {[]HBARule{rule("host", "all", "10.0.0.7", "", "md5")}, at("10.0.0.7"), yes},
		"IPv6":                  {[]HBARule{rule("host", "all", "fd00::", "ffff:ffff::", "md5")}, at("fd00:0:1::7"), yes},
		"IPv6 rule, IPv4":       {[]HBARule{rule("host", "all", "::", "::", "md5")}, at("10.0.0.7"), no},
		"IPv4 in IPv6":          {[]HBARule{rule("host", "all", "10.0.0.7", "255.255.255.255", "md5")}, at("::ffff:10.0.0.7"), yes},
		"hostnossl":             {[]HBARule{rule("hostnossl", "all", "all", "", "md5")}, at("10.0.0.7"), yes},
		"hostgssenc":            {[]HBARule{rule("hostgssenc", "all", "all", "", "gss")}, at("10.0.0.7"), no},
		"a pattern":             {[]HBARule{rule("host", "/^repl", "all", "", "md5")}, at("10.0.0.7"), perhaps},
		"a line that is wrong":  {[]HBARule{{Error: "x"}, rule("host", "all", "all", "", "md5")}, at("10.0.0.7"), yes},
		"reject after allow":    {[]HBARule{rule("host", "all", "all", "", "md5"), rule("host", "all", "all", "", "reject")}, at("10.0.0.7"), yes},
		"perhaps, then yes":     {[]HBARule{rule("host", "+x", "all", "", "md5"), rule("host", "all", "all", "", "md5")}, at("10.0.0.7"), yes},
		"perhaps no, then none": {[]HBARule{rule("host", "+x", "all", "", "reject")}, at("10.0.0.7"), no},
		"perhaps yes, then no":  {[]HBARule{rule("host", "+x", "all", "", "md5"), rule("host", "all", "all", "", "reject")}, at("10.0.0.7"), perhaps},
	} {
		if got := allows(c.rules, c.l); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	db := HBARule{Type: "host", Databases: []string{"sameuser"}, Users: []string{"all"}, Address: "all", Method: "md5"}
	l := login{database: "app", user: "app", addr: netip.MustParseAddr("10.0.0.7")}
	if got := allows([]HBARule{db}, l); got != perhaps {
		t.Errorf("sameuser: %d", got)
	}
	db.Databases = []string{"app"}
	if got := allows([]HBARule{db}, l); got != yes {
		t.Errorf("a database by name: %d", got)
	}
}
