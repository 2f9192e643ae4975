package preflight

var slotsCases = map[string][]breakage{
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
}
