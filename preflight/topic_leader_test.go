package preflight

var leaderCases = map[string][]breakage{
	"leader.upstream": {
		{"no receiver", "node1", func(s *Recording) { standbySite(s); leaderSQL(s).WalReceiver = Known(WalReceiver{}) }, Fail, Warning},
		{"waiting", "node1", func(s *Recording) { standbySite(s); leaderSQL(s).WalReceiver.Value.Status = Known("waiting") }, Fail, Warning},
		{"streaming", "node1", standbySite, Pass, ""},
		{"not to be had", "node1", func(s *Recording) { standbySite(s); leaderSQL(s).WalReceiver = unknown[WalReceiver]() }, Undecided, ""},
		{"not to be had, and no standby cluster", "node1", func(s *Recording) { leaderSQL(s).WalReceiver = unknown[WalReceiver]() }, Pass, ""},
	},
	"leader.checkpoint": {
		{"just promoted", "node1", func(s *Recording) { s.member("node1").Key.Value.CheckpointAfterPromote = Known(false) }, Fail, Warning},
		{"garbled", "node1", func(s *Recording) { s.member("node1").Key.Value.CheckpointAfterPromote = unknown[bool]() }, Undecided, ""},
	},
	"leader.rest": {
		{"refused", "node1", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Refused, "refused") }, Fail, ""},
		{"silent", "node1", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Silent, "silent") }, Fail, ""},
		{"no route", "node1", func(s *Recording) { s.member("node1").REST = NotKnown[REST](Unreached, "no route") }, Undecided, ""},
	},
	"leader.running": {
		{"stopping", "node1", func(s *Recording) { s.member("node1").REST.Value.State = Known("stopping") }, Fail, ""},
		{"no state", "node1", func(s *Recording) { s.member("node1").REST.Value.State = unknown[string]() }, Undecided, ""},
	},
	"leader.dcs_view": {
		{"failsafe", "node1", func(s *Recording) { s.member("node1").REST.Value.FailsafeActive = Known(true) }, Fail, ""},
		{"unlocked", "node1", func(s *Recording) { s.member("node1").REST.Value.ClusterUnlocked = Known(true) }, Fail, ""},
		{"garbled", "node1", func(s *Recording) { s.member("node1").REST.Value.FailsafeActive = unknown[bool]() }, Undecided, ""},
	},
}
