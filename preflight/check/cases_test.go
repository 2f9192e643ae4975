package check_test

import (
	"maps"
	"slices"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

// cascades lets node2 stream from node3, and returns its row there.
func cascades(s *fact.Recording) *fact.WalSender {
	rows := *facttest.LeaderSQL(s).WalSenders.Value
	i := slices.IndexFunc(rows, func(w fact.WalSender) bool { return w.ApplicationName == "node2" })
	via := facttest.Member(s.Snapshot, "node3").SQL.Value
	via.WalSenders = fact.Known([]fact.WalSender{rows[i]})
	facttest.LeaderSQL(s).WalSenders = fact.Known(slices.Delete(slices.Clone(rows), i, i+1))
	facttest.CandidateSQL(s).WalReceiver.Value.SenderHost = fact.Known(facttest.OnNode3)
	return &(*via.WalSenders.Value)[0]
}

// backlog lets node2 have received more than it has replayed.
func backlog(s *fact.Recording, bytes int64) {
	facttest.CandidateSQL(s).ReplayLSN = fact.Known(*facttest.CandidateSQL(s).ReceiveLSN.Value - fact.LSN(bytes))
}

// cases holds, for each check, at least one cluster on which it fails and one on
// which it cannot decide. The healthy cluster shows that it passes. The cases of a
// check stand in the test file of its topic.
var cases = union(
	candidateCases,
	dataCases,
	dcsCases,
	identityCases,
	lagCases,
	leaderCases,
	maintenanceCases,
	memberCases,
	patroniCases,
	restartCases,
	scheduleCases,
	settingsCases,
	shutdownCases,
	slotsCases,
	syncCases,
	tlsCases,
	versionCases,
	waybackCases,
)

func union(topics ...map[string][]breakage) map[string][]breakage {
	all := map[string][]breakage{}
	for _, topic := range topics {
		maps.Copy(all, topic)
	}
	return all
}
