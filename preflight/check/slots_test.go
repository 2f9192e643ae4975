package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// failoverSlot puts a slot with failover on the leader, and its synchronised copies on
// the replicas, which run Patroni 4.1.0.
func failoverSlot(s *fact.Recording) {
	releasesAre(s, "4.1.0", "4.1.0", "4.1.0")
	for _, m := range s.Members {
		slot := fact.Slot{
			Name: "orders", Type: "logical", Plugin: "pgoutput", Database: "app", CatalogXmin: true, Failover: true,
			ConfirmedFlush: fact.Known(fact.LSN(0x4000000)), WALStatus: fact.Known("reserved"), Synced: m.Name != "node1",
		}
		*m.SQL.Value.Slots.Value = append(*m.SQL.Value.Slots.Value, slot)
	}
}

// copyOf is the candidate's copy of the slot with failover.
func copyOf(s *fact.Recording) *fact.Slot {
	rows := *facttest.CandidateSQL(s).Slots.Value
	return &rows[len(rows)-1]
}

var slotsCases = map[string][]breakage{
	"slots.logical": {
		{"with failover, ready, Patroni 4.1.0", "node2", failoverSlot, check.Pass, ""},
		{"with failover, Patroni 4.0.7", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			releasesAre(s, "4.0.7", "4.0.7", "4.0.7")
		}, check.Fail, ""},
		{"with failover, Patroni 4.0.7, ignored", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			releasesAre(s, "4.0.7", "4.0.7", "4.0.7")
			facttest.Dynamic(s).IgnoreSlots = fact.Known([]map[string]string{{"name": "orders"}})
		}, check.Pass, ""},
		{"with failover, ignored, and not synced", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			releasesAre(s, "4.0.7", "4.0.7", "4.0.7")
			facttest.Dynamic(s).IgnoreSlots = fact.Known([]map[string]string{{"name": "orders"}})
			copyOf(s).Synced = false
		}, check.Fail, ""},
		{"with failover, no copy", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			rows := facttest.CandidateSQL(s).Slots.Value
			*rows = (*rows)[:len(*rows)-1]
		}, check.Fail, ""},
		{"with failover, temporary", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			copyOf(s).Temporary = true
		}, check.Fail, ""},
		{"with failover, invalid", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			copyOf(s).Invalid = "rows_removed"
		}, check.Fail, ""},
		{"with failover, its WAL is lost", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			copyOf(s).WALStatus = fact.Known("lost")
		}, check.Fail, ""},
		{"declared with another plugin", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Dynamic(s).Slots = fact.Known(map[string]fact.PermanentSlot{
				facttest.Cdc.Name: {Type: "logical", Database: facttest.Cdc.Database, Plugin: "wal2json"},
			})
		}, check.Fail, ""},
		{"declared for another database", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Dynamic(s).Slots = fact.Known(map[string]fact.PermanentSlot{
				facttest.Cdc.Name: {Type: "logical", Database: "elsewhere", Plugin: facttest.Cdc.Plugin},
			})
		}, check.Fail, ""},
		{"declared as a physical one", "node2", func(s *fact.Recording) {
			facttest.Slot(facttest.LeaderSQL(s), facttest.Cdc)
			facttest.Dynamic(s).Slots = fact.Known(map[string]fact.PermanentSlot{facttest.Cdc.Name: {Type: "physical"}})
		}, check.Fail, ""},
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
			releasesAre(s, "4.1.0", "4.1.0", "4.1.0")
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
	"slots.synchronized": {
		{"empty", "node2", func(*fact.Recording) {}, check.Pass, ""},
		{"the others", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			facttest.Set(s, "node2", "synchronized_standby_slots", "node1, node3")
		}, check.Pass, ""},
		{"its own, and nobody uses such slots", "node2", func(s *fact.Recording) {
			facttest.Set(s, "node2", "synchronized_standby_slots", "node2,node3")
		}, check.Fail, check.Warning},
		{"its own", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			facttest.Set(s, "node2", "synchronized_standby_slots", "node2")
		}, check.Fail, ""},
		{"a stranger's", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			facttest.Set(s, "node2", "synchronized_standby_slots", "barman")
		}, check.Fail, ""},
		{"a member that does not stream", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			facttest.Set(s, "node2", "synchronized_standby_slots", "node3")
			facttest.Member(s.Snapshot, "node3").SQL.Value.WalReceiver = fact.Known(fact.WalReceiver{})
			facttest.LeaderSQL(s).WalSenders = fact.Known((*facttest.LeaderSQL(s).WalSenders.Value)[:1])
		}, check.Fail, ""},
		{"not to be had", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).Settings = facttest.Unknown[map[string]string]()
		}, check.Undecided, ""},
	},
	"slots.leftover": {
		{"none", "node1", func(*fact.Recording) {}, check.Pass, ""},
		{"one, and slots are synchronised", "node1", func(s *fact.Recording) {
			failoverSlot(s)
			facttest.Set(s, "node1", "sync_replication_slots", "on")
		}, check.Fail, check.Warning},
		{"one, and they are not", "node1", failoverSlot, check.Pass, ""},
		{"one that came from another leader", "node1", func(s *fact.Recording) {
			failoverSlot(s)
			facttest.Set(s, "node1", "sync_replication_slots", "on")
			rows := *facttest.LeaderSQL(s).Slots.Value
			rows[len(rows)-1].Synced = true
		}, check.Pass, ""},
		{"Patroni 4.2.0 drops it", "node1", func(s *fact.Recording) {
			failoverSlot(s)
			facttest.LeaderVersion(s, "4.2.0")
			facttest.Set(s, "node1", "sync_replication_slots", "on")
		}, check.Pass, ""},
		{"not to be had", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Slots = facttest.Unknown[[]fact.Slot]()
		}, check.Undecided, ""},
	},
	"slots.subscriptions": {
		{"none", "node1", func(*fact.Recording) {}, check.Pass, ""},
		{"one", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Subscriptions = fact.Known([]fact.Subscription{
				{Name: "orders", Database: "app", Enabled: true, Slot: fact.Known("orders")},
			})
		}, check.Fail, check.Warning},
		{"one that is off", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Subscriptions = fact.Known([]fact.Subscription{{Name: "orders", Database: "app"}})
		}, check.Pass, ""},
		{"not to be had", "node1", func(s *fact.Recording) {
			facttest.LeaderSQL(s).Subscriptions = facttest.Unknown[[]fact.Subscription]()
		}, check.Undecided, ""},
	},
	"slots.lost": {
		{"a member's", "node2", func(s *fact.Recording) {
			*facttest.CandidateSQL(s).Slots.Value = append(*facttest.CandidateSQL(s).Slots.Value,
				fact.Slot{Name: "node3", Type: "physical", WALStatus: fact.Known("lost")})
		}, check.Fail, check.Warning},
		{"not to be had", "node2", func(s *fact.Recording) {
			facttest.CandidateSQL(s).Slots = facttest.Unknown[[]fact.Slot]()
		}, check.Undecided, ""},
	},
	"slots.logical_ready": {
		{"a copy that is far ahead", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			copyOf(s).ConfirmedFlush = fact.Known(fact.LSN(0x4000000 + 3<<20))
		}, check.Fail, ""},
		{"a copy that was read a moment later", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			copyOf(s).ConfirmedFlush = fact.Known(fact.LSN(0x4000000 + 8192))
		}, check.Pass, ""},
		{"a copy that is in use, and ahead", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			copyOf(s).ConfirmedFlush, copyOf(s).Active = fact.Known(fact.LSN(0x4000000+8192)), true
		}, check.Fail, ""},
		{"a copy that is in use", "node2", func(s *fact.Recording) {
			failoverSlot(s)
			copyOf(s).Active = true
		}, check.Fail, check.Warning},
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
