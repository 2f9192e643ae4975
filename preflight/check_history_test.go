package preflight

import "maps"

func init() { maps.Copy(cases, historyCases) }

// onTimeline puts the leader on a timeline, by SQL, and ends others in /history.
func onTimeline(s *Recording, timeline int64, ended ...int64) {
	leaderSQL(s).Timeline = Known(timeline)
	var lines []HistoryEntry
	for _, t := range ended {
		lines = append(lines, HistoryEntry{Timeline: t, SwitchLSN: 1, Reason: "no recovery target specified"})
	}
	s.DCS.Cluster.Value.History = Known(lines)
}

var historyCases = map[string][]breakage{
	"dcs.history": {
		{"timeline 1 has none", "", func(s *Recording) { onTimeline(s, 1) }, Pass, ""},
		{"the last two of many", "", func(s *Recording) { onTimeline(s, 9, 7, 8) }, Pass, ""},
		{"gone", "", func(s *Recording) { onTimeline(s, 3) }, Fail, Warning},
		{"behind", "", func(s *Recording) { onTimeline(s, 3, 1) }, Fail, Warning},
		{"behind, and check_timeline is on", "", func(s *Recording) { onTimeline(s, 3, 1); config4(s).CheckTimeline = Known(true) }, Fail, Warning},
		{"of a cluster that was here before", "", func(s *Recording) { onTimeline(s, 1, 1, 2) }, Fail, Warning},
		{"ahead, and check_timeline is on", "", func(s *Recording) { onTimeline(s, 3, 1, 2, 3); config4(s).CheckTimeline = Known(true) }, Fail, Warning},
		{"a standby cluster writes none", "", func(s *Recording) { onTimeline(s, 3); config4(s).StandbyCluster = Known(true) }, Pass, ""},
		{"behind, by REST", "", func(s *Recording) {
			s.member("node1").SQL = NotKnown[SQL](Denied, "password")
			s.member("node1").REST.Value.Timeline = Known[int64](2)
		}, Fail, Warning},
		{"garbled", "", func(s *Recording) { s.DCS.Cluster.Value.History = unknown[[]HistoryEntry]() }, Undecided, ""},
		{"which timeline the leader is on is not known", "", func(s *Recording) {
			s.member("node1").SQL, s.member("node1").REST = unknown[SQL](), unknown[REST]()
		}, Undecided, ""},
	},
}
