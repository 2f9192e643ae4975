package preflight

import "fmt"

func runStreaming(s *Snapshot, _ Question, m string) []Finding {
	f := Finding{
		Expected: "streaming from the leader",
		Effect: fmt.Sprintf("Patroni would accept this while the lag is within maximum_lag_on_failover. We do not: %s is not connected, so what the leader writes until it stops never reaches %s; rows that clients were told are safe are lost%s.",
			m, m, atStake(s, m)),
		Remedy: fmt.Sprintf("See the PostgreSQL log on %s for why it does not connect (primary_conninfo, login of the replication user, pg_hba.conf and free walsenders on %s).", m, s.Leader()),
	}
	if s.follows() {
		f.Effect = fmt.Sprintf("Patroni would accept this while the lag is within maximum_lag_on_failover. We do not: what keeps %s from the WAL here may keep it from the primary of the other site too, and if it leads, nobody in this cluster gets any.", m)
	}
	switch status := receiverStatus.get(s, m); {
	case status == "":
		f.Asked, f.Observed = s.askedSQL(m, "pg_stat_wal_receiver"), "no row: no WAL receiver runs"
		return []Finding{f}
	case status != "streaming":
		f.Asked, f.Observed = s.askedSQL(m, "pg_stat_wal_receiver"), "status "+status
		return []Finding{f}
	}
	if rs, ok := ofREST("", func(r REST) Observed[string] { return r.ReplicationState }).of(s, m).Get(); ok && rs == "in archive recovery" {
		f.Asked, f.Observed = s.askedREST(m), "replication_state "+rs
		return []Finding{f}
	}
	at := upstream.get(s, m)
	if at == "" {
		f.Asked, f.Observed = s.askedSQL(s.Leader(), "pg_stat_replication"), "no row of "+m
		if r, ok := walReceiver.get(s, m).SenderHost.Get(); ok && r != "" {
			f.Observed += fmt.Sprintf("; it receives from %s", r)
		}
		return []Finding{f}
	}
	asked, from := s.askedSQL(at, "pg_stat_replication"), "the leader"
	if at != s.Leader() {
		from = at + ", another member"
	}
	if st := senderState(s, at, m); st.state != "streaming" {
		f.Asked, f.Observed = asked, fmt.Sprintf("%s is in state %s", m, st.state)
		return []Finding{f}
	}
	return evidence(asked, "%s is streaming from %s", m, from)
}

type sender struct {
	found bool
	state string
}

// senderState finds a member's row in pg_stat_replication of another. A member
// may have two, from a reconnection or a base backup: the streaming one counts.
// A row whose state is not visible stands for nothing.
func senderState(s *Snapshot, at, m string) sender {
	var out sender
	rows, _ := walSenders.of(s, at).Get()
	for _, row := range rows {
		state, visible := row.State.Get()
		if visible && sameApplicationName(row.ApplicationName, m) && out.state != "streaming" {
			out = sender{true, state}
		}
	}
	return out
}

// atStake says how much WAL the member lacks at this moment.
func atStake(s *Snapshot, m string) string {
	leader, okL := leaderBefore.of(s, m).Get()
	have, okH := sqlReceived.of(s, m).Get()
	if !okL || !okH || leader <= have {
		return ""
	}
	return fmt.Sprintf(" (%s at this moment)", Size(leader.Minus(have)))
}

// Size prints a number of bytes for people.
func Size(n int64) string {
	units := []string{"bytes", "kB", "MB", "GB", "TB"}
	v, u := float64(n), 0
	for v >= 1024 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	if u == 0 {
		return fmt.Sprintf("%d %s", n, units[0])
	}
	return fmt.Sprintf("%.1f %s", v, units[u])
}

func runTimeline(s *Snapshot, _ Question, m string) []Finding {
	mine, leaders := standbyTimeline.get(s, m), sqlTimeline.of(s, s.Leader()).Must()
	asked := s.askedSQL(m, "received_tli in pg_stat_wal_receiver")
	if !walReceiver.get(s, m).Running {
		asked = s.askedREST(m)
	}
	f := Finding{
		Asked: asked, Observed: fmt.Sprintf("timeline %d", mine), Expected: fmt.Sprintf("%d, the leader's", leaders),
		Effect: fmt.Sprintf("Patroni compares timelines only with check_timeline on. %s would be promoted from timeline %d: everything committed since on timeline %d would be lost.", m, mine, leaders),
		Remedy: fmt.Sprintf("patronictl reinit %s %s (or see why pg_rewind did not run there).", s.Target.Scope, m),
	}
	if s.follows() {
		f.Effect = fmt.Sprintf("%s could not follow the primary of the other site from timeline %d, and as the leader nobody could follow it.", m, mine)
	}
	if mine != leaders {
		return []Finding{f}
	}
	rest, known := ofREST("", func(r REST) Observed[int64] { return r.Timeline }).of(s, m).Get()
	if known && rest > 0 && rest < leaders {
		f.Asked, f.Observed = s.askedREST(m), fmt.Sprintf("timeline %d", rest)
		return []Finding{f}
	}
	// patroni/ha.py is_failover_possible with check_timeline: no timeline in the
	// answer, or one below /history's, is refused.
	want, _ := within(s.DCS.Cluster, func(c Cluster) Observed[int64] { t, _ := c.Timeline(); return Known(t) }).Get()
	if checkTimeline.get(s, m) && (!known || rest < want) {
		f.Kind = PatroniRule
		f.Asked, f.Observed, f.Expected = s.askedREST(m), "no timeline in the answer", fmt.Sprintf("at least %d, as in /history", want)
		f.Effect = "check_timeline is on, so the leader refuses the candidate: 503 \"Switchover failed\"."
		f.Remedy = "See whether Patroni on " + m + " can log in to its own PostgreSQL as the replication user."
		return []Finding{f}
	}
	return evidence(asked, "timeline %d, as the leader", mine)
}
