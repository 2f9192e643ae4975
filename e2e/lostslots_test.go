//go:build e2e

package e2e

import "time"

func init() { scenarios = append(scenarios, lostSlots...) }

// lostSlots are failover slots that do not outlive the switchover, or whose
// consumer waits without end.
var lostSlots = []scenario{
	{
		name:    "failover slot, Patroni 4.0",
		arrange: (*lab).restartedWithSlot,
		want:    noGo,
		by:      "slots.logical",
		policy:  true,
		because: "Patroni before 4.1 drops failover slots that it does not ignore",
	},
	{
		name:    "failover slot that is still temporary on the candidate",
		on:      "sid",
		arrange: (*lab).temporarySlot,
		want:    noGo,
		by:      "slots.",
		because: "PostgreSQL drops a temporary copy at the promotion",
	},
	{
		name: "synchronized_standby_slots names the candidate's own slot",
		on:   "sid",
		arrange: func(l *lab) {
			l.failoverSlot("postgresql.parameters.synchronized_standby_slots=" + l.candidate)
		},
		want:    noGo,
		by:      "slots.synchronized",
		because: "the new leader does not have that slot, and logical consumers wait for it",
	},
}

// temporarySlot is behind what the candidate still has, so that its copy waits.
func (l *lab) temporarySlot() {
	l.newFailoverSlot()
	for range 3 {
		l.sql(l.leader, "INSERT INTO ledger (note) VALUES ('passed')")
		l.sql(l.leader, "SELECT pg_switch_wal()")
		l.sql(l.leader, "CHECKPOINT")
	}
	l.syncSlots()
	l.await("a temporary copy", 40*time.Second, func() bool {
		out, _ := l.trySQL(l.candidate,
			"SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'cdc' AND synced AND temporary")
		return out == "1"
	})
	time.Sleep(time.Second)
}

// restartedWithSlot is a failover slot on a candidate whose Patroni has seen it,
// since PostgreSQL was restarted there.
func (l *lab) restartedWithSlot() {
	l.failoverSlot()
	l.restartedCandidate()
	l.await("its slot", 30*time.Second, func() bool {
		out, _ := l.trySQL(l.candidate,
			"SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'cdc' AND synced AND NOT temporary")
		return out == "1"
	})
	time.Sleep(3 * time.Second)
}
