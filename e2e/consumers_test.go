//go:build e2e

package e2e

import (
	"strings"
	"time"
)

func init() { scenarios = append(scenarios, consumers...) }

// consumers have a logical consumer that counts rows, or a list of synchronous
// standbys that was made by hand.
var consumers = []scenario{
	// Logical slots.
	{
		name:    "failover slot that ignore_slots matches, Patroni 4.0",
		arrange: func(l *lab) { l.failoverSlot("ignore_slots=[{name: cdc, type: logical}]") },
		want:    goes,
		because: "Patroni leaves it alone, and it is synchronized",
	},
	{
		name:    "failover slot that is ready",
		on:      "sid",
		arrange: func(l *lab) { l.failoverSlot() },
		want:    goes,
		because: "the candidate has it synchronized",
	},
	{
		name:    "failover slot that is not synchronized",
		on:      "sid",
		arrange: (*lab).unsyncedSlot,
		want:    noGo,
		by:      "slots.logical",
		because: "the candidate does not have it",
	},
	{
		name: "synchronized_standby_slots names another member's slot",
		on:   "sid",
		arrange: func(l *lab) {
			l.failoverSlot("postgresql.parameters.synchronized_standby_slots=" + l.bystander)
		},
		want:    goes,
		because: "that slot is used on the new leader, too",
	},
	{
		name:    "logical slot declared with another plugin",
		arrange: (*lab).otherPlugin,
		want:    noGo,
		by:      "slots.logical",
		because: "what Patroni keeps is another slot",
	},

	// Synchronous standbys by hand.
	{
		name:    "synchronous_standby_names by hand: the candidate",
		on:      "sid",
		arrange: func(l *lab) { l.syncNames(l.candidate) },
		want:    noGo,
		by:      "sync.names",
		because: "the candidate would wait for itself, and commits hang",
	},
	{
		name:    "synchronous_standby_names by hand: any one of all members",
		arrange: func(l *lab) { l.syncNames("ANY 1 (node1, node2, node3)") },
		want:    goes,
		because: "two others are left",
	},
	{
		name:    "synchronous_standby_names by hand: *",
		on:      "sid",
		arrange: func(l *lab) { l.syncNames(`"*"`) },
		want:    goes,
		because: "every standby matches",
	},
	{
		name:    "synchronous_standby_names in the candidate's file: itself",
		arrange: func(l *lab) { l.syncNamesOf(l.candidate, l.candidate) },
		want:    noGo,
		by:      "sync.names",
		because: "the candidate would wait for itself, and commits hang",
	},
	{
		name:    "synchronous_standby_names in the candidate's file: the bystander",
		arrange: func(l *lab) { l.syncNamesOf(l.candidate, l.bystander) },
		want:    goes,
		because: "the bystander follows the new leader",
	},
}

// failoverSlot is a failover slot with a consumer, synchronized to both standbys.
func (l *lab) failoverSlot(settings ...string) {
	l.syncSlots(settings...)
	l.newFailoverSlot()
	l.consume(l.leader, "cdc")
	ready := "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'cdc' AND synced AND NOT temporary"
	l.await("the slot on both standbys", 60*time.Second, func() bool {
		l.trySQL(l.leader, "SELECT pg_log_standby_snapshot()")
		a, _ := l.trySQL(l.candidate, ready)
		b, _ := l.trySQL(l.bystander, ready)
		return a == "1" && b == "1"
	})
	if !l.counted(l.leader, "counted before", 20*time.Second) {
		l.t.Fatal("the consumer receives nothing before the switchover")
	}
	time.Sleep(2 * time.Second)
}

// syncSlots turns the synchronization of slots on.
func (l *lab) syncSlots(settings ...string) {
	l.edit(append([]string{
		"postgresql.parameters.sync_replication_slots=on",
		"postgresql.parameters.hot_standby_feedback=on",
	}, settings...)...)
	for _, n := range []string{l.candidate, l.bystander} {
		l.await("sync_replication_slots on "+n, 20*time.Second, func() bool {
			out, _ := l.trySQL(n, "SELECT current_setting('sync_replication_slots')")
			return out == "on"
		})
	}
}

// newFailoverSlot creates it; what is left of it on any node goes afterwards.
func (l *lab) newFailoverSlot() {
	l.sql(l.leader, "SELECT pg_create_logical_replication_slot('cdc', 'test_decoding', false, false, true)")
	l.undo(func() {
		l.in(l.bystander, "rm -f "+changesFile)
		gone := until(20*time.Second, func() bool {
			l.dropSlot("cdc")
			for _, n := range nodes {
				out, err := l.trySQL(n, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'cdc'")
				if err != nil || out != "0" {
					return false
				}
			}
			return true
		})
		l.spoilt = l.spoilt || !gone
	})
}

// unsyncedSlot is a failover slot with a consumer that nobody copies.
func (l *lab) unsyncedSlot() {
	l.newFailoverSlot()
	l.consume(l.leader, "cdc")
	if !l.counted(l.leader, "counted before", 20*time.Second) {
		l.t.Fatal("the consumer receives nothing before the switchover")
	}
}

// otherPlugin is a slot in use by a consumer, declared with a plugin that it does not have.
func (l *lab) otherPlugin() {
	l.sql(l.leader, "SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')")
	l.undo(func() { l.in(l.bystander, "rm -f "+changesFile); l.dropSlot("cdc") })
	l.consume(l.leader, "cdc")
	if !l.counted(l.leader, "counted before", 20*time.Second) {
		l.t.Fatal("the consumer receives nothing before the switchover")
	}
	l.edit("slots.cdc.type=logical", "slots.cdc.database=postgres", "slots.cdc.plugin=pgoutput")
	l.undo(func() { l.in(l.bystander, "pkill -KILL -x pg_recvlogical; true"); l.dropSlot("cdc") })
	time.Sleep(3 * time.Second)
}

// syncNames sets the list on every member.
func (l *lab) syncNames(list string) {
	l.undo(l.noSyncNames)
	l.edit("postgresql.parameters.synchronous_standby_names=" + list)
	for _, n := range nodes {
		l.await("the list on "+n, 20*time.Second, func() bool {
			out, _ := l.trySQL(n, "SELECT current_setting('synchronous_standby_names')")
			return out == strings.Trim(list, `"`)
		})
	}
	time.Sleep(time.Second)
}

// syncNamesOf sets the list in one member's file.
func (l *lab) syncNamesOf(node, list string) {
	l.undo(l.noSyncNames)
	l.set(node, "postgresql.parameters.synchronous_standby_names", list, "")
	l.await("the list on "+node, 20*time.Second, func() bool {
		out, _ := l.trySQL(node, "SELECT current_setting('synchronous_standby_names')")
		return out == list
	})
	time.Sleep(time.Second)
}

// noSyncNames waits until no member has a list any more. A standby may go on with
// the old one after /config has lost it.
func (l *lab) noSyncNames() {
	gone := until(20*time.Second, func() bool {
		left := false
		for _, n := range nodes {
			out, err := l.trySQL(n, "SELECT current_setting('synchronous_standby_names')")
			if err != nil || out != "" {
				left = true
				l.trySQL(n, "SELECT pg_reload_conf()")
			}
		}
		return !left
	})
	l.spoilt = l.spoilt || !gone
}
