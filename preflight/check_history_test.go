package preflight

// onTimeline puts the leader on a timeline, by SQL, and ends others in /history.
func onTimeline(s *Recording, timeline int64, ended ...int64) {
	leaderSQL(s).Timeline = Known(timeline)
	var lines []HistoryEntry
	for _, t := range ended {
		lines = append(lines, HistoryEntry{Timeline: t, SwitchLSN: 1, Reason: "no recovery target specified"})
	}
	s.DCS.Cluster.Value.History = Known(lines)
}
