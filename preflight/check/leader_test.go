package check_test

import (
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var leaderCases = map[string][]breakage{
	"leader.upstream": {
		{"no receiver", "node1", func(s *fact.Recording) {
			facttest.StandbySite(s)
			facttest.LeaderSQL(s).WalReceiver = fact.Known(fact.WalReceiver{})
		}, check.Fail, check.Warning},
		{"waiting", "node1", func(s *fact.Recording) {
			facttest.StandbySite(s)
			facttest.LeaderSQL(s).WalReceiver.Value.Status = fact.Known("waiting")
		}, check.Fail, check.Warning},
		{"streaming", "node1", facttest.StandbySite, check.Pass, ""},
		{"not to be had", "node1", func(s *fact.Recording) {
			facttest.StandbySite(s)
			facttest.LeaderSQL(s).WalReceiver = facttest.Unknown[fact.WalReceiver]()
		}, check.Undecided, ""},
		{
			"not to be had, and no standby cluster",
			"node1",
			func(s *fact.Recording) { facttest.LeaderSQL(s).WalReceiver = facttest.Unknown[fact.WalReceiver]() },
			check.Pass,
			"",
		},
	},
	"leader.request": {
		{"no login", "node1", answered(fact.RequestAnswer{HTTPStatus: 401, Text: "no auth header received"}), check.Fail, ""},
		{"wrong login", "node1", answered(fact.RequestAnswer{HTTPStatus: 401, LoggedIn: true}), check.Fail, ""},
		{"allowlist", "node1", answered(fact.RequestAnswer{HTTPStatus: 403, Text: "Access is denied"}), check.Fail, ""},
		{
			"client certificate", "node1",
			answered(fact.RequestAnswer{HTTPStatus: 403, Text: "client certificate required"}), check.Fail, "",
		},
		{"accepted without a login", "node1", answered(fact.RequestAnswer{HTTPStatus: 400}), check.Pass, ""},
		{"no answer", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Request = facttest.Silent[fact.RequestAnswer]()
		}, check.Undecided, ""},
	},
	"leader.checkpoint": {
		{"just promoted", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Key.Value.CheckpointAfterPromote = fact.Known(false)
		}, check.Fail, check.Warning},
		{"garbled", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").Key.Value.CheckpointAfterPromote = facttest.Unknown[bool]()
		}, check.Undecided, ""},
	},
	"leader.rest": {
		{"refused", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		}, check.Fail, ""},
		{"silent", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Silent, "silent")
		}, check.Fail, ""},
		{"no route", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST = fact.NotKnown[fact.REST](fact.Unreached, "no route")
		}, check.Undecided, ""},
	},
	"leader.running": {
		{"stopping", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST.Value.State = fact.Known("stopping")
		}, check.Fail, ""},
		{"no state", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST.Value.State = facttest.Unknown[string]()
		}, check.Undecided, ""},
	},
	"leader.dcs_view": {
		{"failsafe", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST.Value.FailsafeActive = fact.Known(true)
		}, check.Fail, ""},
		{"unlocked", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST.Value.ClusterUnlocked = fact.Known(true)
		}, check.Fail, ""},
		{"garbled", "node1", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node1").REST.Value.FailsafeActive = facttest.Unknown[bool]()
		}, check.Undecided, ""},
	},
}

func answered(a fact.RequestAnswer) func(*fact.Recording) {
	return func(s *fact.Recording) { facttest.Member(s.Snapshot, "node1").Request = fact.Known(a) }
}
