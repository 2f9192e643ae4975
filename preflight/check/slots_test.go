package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var slotsCases = map[string][]breakage{
	"slots.logical": {
		{
			"not declared",
			"node2",
			func(s *fact.Recording) { facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc) },
			check.Fail,
			"",
		},
		{"declared as physical", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Dynamic(s).Slots = fact.Known(map[string]fact.PermanentSlot{"cdc": {Type: "physical"}})
		}, check.Fail, ""},
		{
			"failover, not synchronised",
			"node2",
			func(s *fact.Recording) { c := facttest.Cdc; c.Failover = true; facttest.Slot(facttest.LeaderSQL(s), c) },
			check.Fail,
			"",
		},
		{"left to others", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Dynamic(s).IgnoreSlots = fact.Known([]map[string]string{{"plugin": "pgoutput", "type": "logical"}})
		}, check.Fail, check.Warning},
		{"another one left to others", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Dynamic(s).IgnoreSlots = fact.Known([]map[string]string{{"name": "other"}, {}})
		}, check.Fail, ""},
		{"declared", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Slot(facttest.CandidateSQL(s), facttest.Cdc)
			facttest.Declare(s)
		}, check.Pass, ""},
		{"failover, synchronised", "node2", func(s *fact.Recording) {
			c := facttest.Cdc
			c.Failover = true
			facttest.Slot(facttest.LeaderSQL(s), c)
			c.Synced = true
			facttest.Slot(facttest.CandidateSQL(s), c)
		}, check.Pass, ""},
		{"temporary", "node2", func(s *fact.Recording) {
			c := facttest.Cdc
			c.Temporary = true
			facttest.Slot(facttest.LeaderSQL(s), c)
		}, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Slots = facttest.Unknown[[]fact.Slot]() },
			check.Undecided,
			"",
		},
	},
	"slots.logical_ready": {
		{
			"not copied yet",
			"node2",
			func(s *fact.Recording) { facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc); facttest.Declare(s) },
			check.Fail,
			"",
		},
		{"no catalog_xmin yet", "node2", func(s *fact.Recording) {
			c := facttest.Cdc
			facttest.Slot(facttest.LeaderSQL(s), c)
			c.CatalogXmin = false
			facttest.Slot(facttest.CandidateSQL(s), c)
			facttest.Declare(s)
		}, check.Fail, ""},
		{"invalid", "node2", func(s *fact.Recording) {
			c := facttest.Cdc
			facttest.Slot(facttest.LeaderSQL(s), c)
			c.Invalid = "rows_removed"
			facttest.Slot(facttest.CandidateSQL(s), c)
			facttest.Declare(s)
		}, check.Fail, ""},
		{"lost", "node2", func(s *fact.Recording) {
			c := facttest.Cdc
			facttest.Slot(facttest.LeaderSQL(s), c)
			c.WALStatus = fact.Known("lost")
			facttest.Slot(facttest.CandidateSQL(s), c)
			facttest.Declare(s)
		}, check.Fail, ""},
		{"ready", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Slot(facttest.CandidateSQL(s), facttest.Cdc)
			facttest.Declare(s)
		}, check.Pass, ""},
		{"declared, and not on the leader either", "node2", facttest.Declare, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).Slots = facttest.Unknown[[]fact.Slot]() },
			check.Undecided,
			"",
		},
	},
	"slots.foreign": {
		{"of no member", "node1", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), fact.Slot{Name: "dr", Type: "physical", Active: true})
		}, check.Fail, check.Warning},
		{"declared", "node1", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), fact.Slot{Name: "dr", Type: "physical"})
			facttest.Dynamic(s).Slots = fact.Known(map[string]fact.PermanentSlot{"dr": {Type: "physical"}})
		}, check.Pass, ""},
		{"temporary", "node1", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), fact.Slot{Name: "pg_basebackup_7", Type: "physical", Temporary: true})
		}, check.Pass, ""},
		{"left to others", "node1", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), fact.Slot{Name: "dr", Type: "physical"})
			facttest.Dynamic(s).IgnoreSlots = fact.Known([]map[string]string{{"name": "dr"}})
		}, check.Pass, ""},
		{
			"not to be had",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).Slots = facttest.Unknown[[]fact.Slot]() },
			check.Undecided,
			"",
		},
	},
	"slots.carriers": {
		{"replicatefrom", "node2", func(s *fact.Recording) {
			facttest.Declare(s)
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"replicatefrom": "node3"})
		}, check.Fail, check.Warning},
		{"the slot is there", "node2", func(s *fact.Recording) {
			facttest.Declare(s)
			facttest.Slot(facttest.CandidateSQL(s), facttest.Cdc)
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"replicatefrom": "node3"})
		}, check.Pass, ""},
		{"no such tag", "node2", func(s *fact.Recording) {
			facttest.Declare(s)
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nostream": false})
		}, check.Pass, ""},
		{
			"not to be had",
			"node2",
			func(s *fact.Recording) { facttest.CandidateSQL(s).Slots = facttest.Unknown[[]fact.Slot]() },
			check.Undecided,
			"",
		},
	},
	"slots.names": {
		{"two of one name", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Name = "pg-1"
			facttest.Member(s.Snapshot, "node3").Name = "PG.1"
		}, check.Fail, check.Warning},
		{"slots are not used", "", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Name = "pg-1"
			facttest.Member(s.Snapshot, "node3").Name = "PG.1"
			facttest.Dynamic(s).UseSlots = fact.Known(false)
		}, check.Pass, ""},
		{
			"garbled",
			"",
			func(s *fact.Recording) { facttest.Dynamic(s).UseSlots = facttest.Unknown[bool]() },
			check.Undecided,
			"",
		},
	},
}
