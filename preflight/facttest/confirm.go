package facttest

import (
	"patroni-preflight/preflight/fact"
)

// Confirming lets every member confirm the leader's first sample within 12 ms.
func Confirming(s *fact.Recording) {
	flush := LeaderSQL(s).FlushLSN.Must()
	for i := range *LeaderSQL(s).WalSenders.Value {
		w := &(*LeaderSQL(s).WalSenders.Value)[i]
		w.Confirmed = fact.Known(fact.Confirmation{
			Target: flush, First: flush, Last: flush, Seconds: 0.012, SentFirst: flush, SentLast: flush,
		})
	}
	for i := range s.Members {
		sql := s.Members[i].SQL.Value
		sql.Arrived = fact.Known(fact.Confirmation{Target: flush, First: flush, Last: flush, Seconds: 0.01})
		if s.Members[i].Name == s.Leader() {
			sql.Arrived = fact.NotKnown[fact.Confirmation](fact.Absent, "this is the leader")
		}
	}
}

// Unconfirmed is a member that lacks some bytes of the leader's first sample, of which
// none or some arrived while it was watched for 1.5 s.
func Unconfirmed(s *fact.Recording, m string, lacks, arrived int64) {
	flush := LeaderSQL(s).FlushLSN.Must()
	last := flush - fact.LSN(lacks)
	c := fact.Confirmation{
		Target: flush, First: last - fact.LSN(arrived), Last: last, Seconds: 1.5, SentFirst: flush, SentLast: flush,
	}
	for i := range *LeaderSQL(s).WalSenders.Value {
		w := &(*LeaderSQL(s).WalSenders.Value)[i]
		if w.ApplicationName == m {
			w.Confirmed, w.WriteLSN, w.FlushLSN = fact.Known(c), fact.Known(last), fact.Known(last)
		}
	}
	Member(s.Snapshot, m).SQL.Value.Arrived = fact.Known(c)
}
