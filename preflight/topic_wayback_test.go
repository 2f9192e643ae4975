package preflight

import "time"

var waybackCases = map[string][]breakage{
	"wayback.restart": {
		{"PostgreSQL 12", "", func(s *Recording) { serverVersion(s, 120022) }, Fail, Warning},
		{"PostgreSQL 12, nobody named", "", func(s *Recording) { serverVersion(s, 120022); s.Question.Candidate = "" }, Fail, Warning},
		{"PostgreSQL 12, two members", "", func(s *Recording) { serverVersion(s, 120022); without3(s) }, Pass, ""},
		{"PostgreSQL 12, two members, nobody named", "", func(s *Recording) {
			serverVersion(s, 120022)
			without3(s)
			s.Question.Candidate = ""
		}, Pass, ""},
		{"PostgreSQL 13", "", func(s *Recording) { serverVersion(s, 130000) }, Pass, ""},
		{"PostgreSQL 12 by REST alone", "", func(s *Recording) { serverVersion(s, 120022); leaderSQL(s).ServerVersion = unknown[int]() }, Fail, Warning},
		{"not to be had", "", func(s *Recording) {
			leaderSQL(s).ServerVersion = unknown[int]()
			s.member("node1").REST.Value.ServerVersion = unknown[int]()
		}, Undecided, ""},
	},
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
}
