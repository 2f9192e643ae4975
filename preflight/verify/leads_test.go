package verify_test

import (
	"testing"

	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

func TestVerifyAnotherMemberLeads(t *testing.T) {
	judge(t, to("node3"), []outcomeCase{
		{
			name: "not the candidate",
			want: different("node3 leads, not node2; the likeliest cause is another request at the same time").settled(),
		},
		{
			name:  "not the candidate, whose Patroni does not answer",
			after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST = facttest.Silent[fact.REST]() },
			want:  different("node3 leads, not node2").settled(),
		},
		{
			name:  "not the candidate, and not promoted yet",
			after: func(s *fact.Recording) { sqlOf(s, "node3").InRecovery = fact.Known(true) },
			want:  different("node3 leads, not node2; the likeliest cause is another request at the same time"),
		},
		{
			name:  "not the candidate, and no member follows yet",
			after: func(s *fact.Recording) { sqlOf(s, "node3").WalSenders = fact.Known([]fact.WalSender{}) },
			want:  different("node3 leads, not node2; the likeliest cause is another request at the same time"),
		},
		{
			name: "not the candidate, and WAL is lost, which no waiting brings back",
			after: func(s *fact.Recording) {
				keysOf(s).History = fact.Known([]fact.HistoryEntry{{Timeline: 1, SwitchLSN: 0x5000000, NewLeader: "node3"}})
			},
			want: different("node3 leads, not node2; the likeliest cause is another request at the same time").settled(),
		},
		{
			name:   "Patroni had the choice",
			before: func(b *verify.Baseline) { b.Candidate = "" },
			want:   done(),
		},
	})
}

func TestVerifyOldLeaderLeads(t *testing.T) {
	refused := verdict{
		Outcome:  verify.Refused,
		Settled:  true,
		ExitCode: exitcode.Refused,
		Reason:   "node1 still leads on timeline 1, and nothing is pending",
	}
	judge(t, func(t testing.TB) *fact.Recording { return facttest.Healthy(t) }, []outcomeCase{
		{name: "unchanged", want: refused},
		{
			name:  "the request arrives while the cluster is read",
			after: func(s *fact.Recording) { s.Moved = fact.Known([]string{"failover"}) },
			want:  unknown("the cluster changed while being read: failover"),
		},
		{
			name:  "pending",
			after: request(""),
			want:  unknown("node1 still leads, and the request is pending in /failover"),
		},
		{
			name:  "scheduled",
			after: request("2026-12-01T03:00:00+00:00"),
			want:  unknown("node1 still leads; the switchover is scheduled for 2026-12-01T03:00:00+00:00"),
		},
		{
			name:  "/failover cannot be read",
			after: func(s *fact.Recording) { keysOf(s).Failover = facttest.Silent[fact.Failover]() },
			want:  unknown("node1 still leads, and it is not known whether a request is pending: no answer within 3s"),
		},
		{
			name:  "the leader's Patroni does not answer",
			after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").REST = facttest.Silent[fact.REST]() },
			want:  unknown("node1 still leads, but its Patroni does not answer: no answer within 3s"),
		},
		{
			name:  "the leader is stopping",
			after: func(s *fact.Recording) { restOf(s, "node1").State = fact.Known("stopping") },
			want:  unknown("node1 still holds the leader key, and its PostgreSQL is stopping"),
		},
		{
			name:  "the leader's PostgreSQL does not answer",
			after: func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").SQL = facttest.Silent[fact.SQL]() },
			want:  unknown("node1 leads, but it may have stepped down in between: its timeline could not be read"),
		},
		{
			name:  "the leader is in recovery",
			after: func(s *fact.Recording) { sqlOf(s, "node1").InRecovery = fact.Known(true) },
			want:  unknown("node1 still holds the leader key, but its PostgreSQL does not answer as a primary"),
		},
		{
			name:  "the old leader has stepped down and leads again",
			after: func(s *fact.Recording) { sqlOf(s, "node1").Timeline = fact.Known(int64(2)) },
			want:  different("node1 stepped down and leads again, on timeline 2"),
		},
	})
}
