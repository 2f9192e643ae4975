package check_test

import (
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var waybackCases = map[string][]breakage{
	"wayback.restart": {
		{"PostgreSQL 12", "", func(s *fact.Recording) { facttest.ServerVersion(s, 120022) }, check.Fail, check.Warning},
		{
			"PostgreSQL 12, nobody named",
			"",
			func(s *fact.Recording) { facttest.ServerVersion(s, 120022); s.Question.Candidate = "" },
			check.Fail,
			check.Warning,
		},
		{
			"PostgreSQL 12, two members",
			"",
			func(s *fact.Recording) { facttest.ServerVersion(s, 120022); facttest.WithoutNode3(s) },
			check.Pass,
			"",
		},
		{"PostgreSQL 12, two members, nobody named", "", func(s *fact.Recording) {
			facttest.ServerVersion(s, 120022)
			facttest.WithoutNode3(s)
			s.Question.Candidate = ""
		}, check.Pass, ""},
		{"PostgreSQL 13", "", func(s *fact.Recording) { facttest.ServerVersion(s, 130000) }, check.Pass, ""},
		{"PostgreSQL 12 by REST alone", "", func(s *fact.Recording) {
			facttest.ServerVersion(s, 120022)
			facttest.LeaderSQL(s).ServerVersion = facttest.Unknown[int]()
		}, check.Fail, check.Warning},
		{"not to be had", "", func(s *fact.Recording) {
			facttest.LeaderSQL(s).ServerVersion = facttest.Unknown[int]()
			facttest.Member(s.Snapshot, "node1").REST.Value.ServerVersion = facttest.Unknown[int]()
		}, check.Undecided, ""},
	},
	"wayback.rewind": {
		{
			"off",
			"node1",
			func(s *fact.Recording) { facttest.Dynamic(s).UsePgRewind = fact.Known(false) },
			check.Fail,
			check.Warning,
		},
		{"neither checksums nor hints", "node1", func(s *fact.Recording) {
			facttest.Set(s, "node1", "data_checksums", "off")
			facttest.Set(s, "node1", "wal_log_hints", "off")
		}, check.Fail, check.Warning},
		{
			"no full pages",
			"node1",
			func(s *fact.Recording) { facttest.Set(s, "node1", "full_page_writes", "off") },
			check.Fail,
			check.Warning,
		},
		{"settings that were not shown", "node1", func(s *fact.Recording) {
			for _, name := range []string{"data_checksums", "wal_log_hints", "full_page_writes"} {
				delete(*facttest.Member(s.Snapshot, "node1").SQL.Value.Settings.Value, name)
			}
		}, check.Fail, check.Warning},
		{
			"hints alone",
			"node1",
			func(s *fact.Recording) { facttest.Set(s, "node1", "data_checksums", "off") },
			check.Pass,
			"",
		},
		{
			"garbled",
			"node1",
			func(s *fact.Recording) { facttest.Dynamic(s).UsePgRewind = facttest.Unknown[bool]() },
			check.Undecided,
			"",
		},
	},
	"wayback.role": {
		{
			"NOLOGIN",
			"node1",
			func(s *fact.Recording) { facttest.Role(s, func(r *fact.Role) { r.CanLogin = false }) },
			check.Fail,
			"",
		},
		{
			"NOREPLICATION",
			"node1",
			func(s *fact.Recording) { facttest.Role(s, func(r *fact.Role) { r.Replication = false }) },
			check.Fail,
			"",
		},
		{
			"expired",
			"node1",
			func(s *fact.Recording) { facttest.Role(s, func(r *fact.Role) { r.ValidUntil = fact.Known(s.TakenAt) }) },
			check.Fail,
			"",
		},
		{"a superuser needs no REPLICATION", "node1", func(s *fact.Recording) {
			facttest.Role(s, func(r *fact.Role) { r.Replication, r.Superuser = false, true })
		}, check.Pass, ""},
		{"expires later", "node1", func(s *fact.Recording) {
			facttest.Role(s, func(r *fact.Role) { r.ValidUntil = fact.Known(s.TakenAt.Add(time.Hour)) })
		}, check.Pass, ""},
		{"a role that nobody streams as", "node1", func(s *fact.Recording) {
			*facttest.LeaderSQL(s).Roles.Value = append(
				*facttest.LeaderSQL(s).Roles.Value,
				fact.Role{Name: "old", Replication: true},
			)
		}, check.Pass, ""},
		{
			"not to be had",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Roles = facttest.Unknown[[]fact.Role]() },
			check.Undecided,
			"",
		},
	},
	"wayback.hba": {
		{"other rules for a primary, Patroni 4.2", "node2", func(s *fact.Recording) {
			releasesAre(s, "4.2.0", "4.2.0", "4.2.0")
			facttest.Dynamic(s).RoleBased = fact.Known([]string{"parameters_primary", "pg_hba_replica"})
		}, check.Fail, check.Warning},
		{"other settings for a primary, Patroni 4.2", "node2", func(s *fact.Recording) {
			releasesAre(s, "4.2.0", "4.2.0", "4.2.0")
			facttest.Dynamic(s).RoleBased = fact.Known([]string{"parameters_primary"})
		}, check.Pass, ""},
		{"such keys mean nothing to Patroni 4.1", "node2", func(s *fact.Recording) {
			releasesAre(s, "4.1.4", "4.1.4", "4.1.4")
			facttest.Dynamic(s).RoleBased = fact.Known([]string{"pg_hba_replica"})
		}, check.Pass, ""},
		{"no rule", "node2", func(s *fact.Recording) { facttest.HBA(s) }, check.Fail, ""},
		{"all databases is not replication", "node2", func(s *fact.Recording) {
			r := facttest.Rule("host", "all", "all", "", "trust")
			r.Databases = []string{"all"}
			facttest.HBA(s, r)
		}, check.Fail, ""},
		{
			"another user",
			"node2",
			func(s *fact.Recording) { facttest.HBA(s, facttest.Rule("host", "other", "all", "", "trust")) },
			check.Fail,
			"",
		},
		{"another network", "node2", func(s *fact.Recording) {
			facttest.HBA(s, facttest.Rule("host", "all", "10.9.0.0", "255.255.0.0", "trust"))
		}, check.Fail, ""},
		{"rejected first", "node2", func(s *fact.Recording) {
			facttest.HBA(
				s,
				facttest.Rule("host", "all", "10.77.9.0", "255.255.255.0", "reject"),
				facttest.Rule("host", "all", "all", "", "trust"),
			)
		}, check.Fail, ""},
		{"one member alone", "node2", func(s *fact.Recording) {
			facttest.HBA(s, facttest.Rule("host", "all", "10.77.9.21", "255.255.255.255", "md5"))
		}, check.Fail, ""},
		{"SSL only, and there is none", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "ssl", "off")
			facttest.HBA(s, facttest.Rule("hostssl", "all", "all", "", "md5"))
		}, check.Fail, ""},
		{"SSL only", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "ssl", "on")
			facttest.HBA(s, facttest.Rule("hostssl", "all", "all", "", "md5"))
		}, check.Pass, ""},
		{"the leader answers us at a loopback address alone", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Key.Value.ConnURL = fact.Known("postgres://one.example:5432/postgres")
			facttest.Member(s.Snapshot, "node1").REST.Value.RemoteAddr = "127.0.1.1:8008"
			facttest.LeaderSQL(s).RemoteAddr = "127.0.1.1:5432"
			facttest.HBA(s, facttest.Rule("host", "all", "10.77.9.23", "255.255.255.255", "md5"))
		}, check.Pass, ""},
		{"a line that is wrong", "node2", func(s *fact.Recording) {
			facttest.HBA(s, facttest.Rule("host", "all", "all", "", "md5"), fact.HBARule{Line: 9, Error: "invalid"})
		}, check.Fail, check.Warning},
		{
			"a rule by host name",
			"node2",
			func(s *fact.Recording) { facttest.HBA(s, facttest.Rule("host", "all", ".example.com", "", "md5")) },
			check.Pass,
			"",
		},
		{
			"a role by its group",
			"node2",
			func(s *fact.Recording) { facttest.HBA(s, facttest.Rule("host", "+replicas", "all", "", "md5")) },
			check.Pass,
			"",
		},
		{"maybe rejected, then let in", "node2", func(s *fact.Recording) {
			facttest.HBA(
				s,
				facttest.Rule("host", "all", "samenet", "", "reject"),
				facttest.Rule("host", "all", "all", "", "md5"),
			)
		}, check.Pass, ""},
		{"no right to see", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).HBA = fact.NotKnown[[]fact.HBARule](fact.Privilege, "denied")
		}, check.Undecided, ""},
	},
	"wayback.walsenders": {
		{
			"too few for the members",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "max_wal_senders", "1") },
			check.Fail,
			"",
		},
		{"too few for all", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "max_wal_senders", "2")
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 0)
		}, check.Fail, check.Warning},
		{"just enough", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "max_wal_senders", "3")
			facttest.ConsumerFrom(s, facttest.Elsewhere, time.Second, 0, 0)
		}, check.Pass, ""},
		{
			"too few slots",
			"node2",
			func(s *fact.Recording) { facttest.Set(s, "node2", "max_replication_slots", "1") },
			check.Fail,
			check.Warning,
		},
		{"no slots needed", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "max_replication_slots", "0")
			facttest.Dynamic(s).UseSlots = fact.Known(false)
		}, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).Settings = facttest.Unknown[map[string]string]() },
			check.Undecided,
			"",
		},
	},
	"wayback.wal_kept": {
		{"no slot and no WAL", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "wal_keep_size", "0")
			facttest.CandidateSQL(s).Slots = fact.Known([]fact.Slot{})
		}, check.Fail, check.Warning},
		{"little WAL", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "wal_keep_size", "63")
			facttest.CandidateSQL(s).Slots = fact.Known([]fact.Slot{})
		}, check.Fail, check.Warning},
		{"enough WAL", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "wal_keep_size", "64")
			facttest.CandidateSQL(s).Slots = fact.Known([]fact.Slot{})
		}, check.Pass, ""},
		{"slots alone", "node2", func(s *fact.Recording) { facttest.Set(s, "node2", "wal_keep_size", "0") }, check.Pass, ""},
		{"PostgreSQL 12", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).Slots = fact.Known([]fact.Slot{})
			delete(*facttest.CandidateSQL(s).Settings.Value, "wal_keep_size")
			facttest.Set(s, "node2", "wal_keep_segments", "8")
		}, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).Slots = facttest.Unknown[[]fact.Slot]() },
			check.Undecided,
			"",
		},
	},
	"wayback.slot_status": {
		{"lost", "node1", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), fact.Slot{Name: "dr", Type: "physical", WALStatus: fact.Known("lost")})
		}, check.Fail, check.Warning},
		{"unreserved", "node1", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), fact.Slot{Name: "dr", Type: "physical", WALStatus: fact.Known("unreserved")})
		}, check.Fail, check.Warning},
		{"invalid", "node1", func(s *fact.Recording) {
			facttest.Slot(
				facttest.LeaderSQL(s),
				fact.Slot{Name: "x", Type: "logical", Temporary: true, WALStatus: fact.Known("reserved"), Invalid: "rows_removed"},
			)
		}, check.Fail, check.Warning},
		{
			"not to be had",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Slots = facttest.Unknown[[]fact.Slot]() },
			check.Undecided,
			"",
		},
	},
}
