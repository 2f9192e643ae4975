//go:build e2e

package e2e

import (
	"math/rand/v2"
	"slices"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

// randomState makes a cluster up. Mostly it is fit, so that a request gets far
// enough for the late rules to count.
func randomState(r *rand.Rand) patroni.PatroniState {
	one := func(in int) bool { return r.IntN(in) == 0 }
	optime := 1<<30 + r.Int64N(2)
	if one(50) {
		optime = 0
	}
	p := patroni.PatroniState{
		Scope: "demo", Leader: "n1", From: "n1",
		Pause: one(8), StandbyCluster: one(6), ReadOnlyDCS: one(60),
		SyncMode: pick(r, "off", "off", "on", "on", "quorum", "quorum"),
		MaxLag:   pick(r, int64(1<<20), 1<<20, 0, -1, 8192), CheckTimeline: one(3),
		Timeline: int64(r.IntN(5)), Optime: fact.LSN(optime),
		GroupMissing: one(60), RESTRefused: one(8),
	}
	names := []string{"n1", "n2", "n3", "N4"}[:2+r.IntN(3)]
	for _, name := range names {
		p.Members = append(p.Members, randomMember(r, name, optime, p.Timeline))
	}
	p.Candidate = pick(r, "", "n2", "n2", "n2", "n3", names[len(names)-1])
	if one(40) {
		p.Candidate = pick(r, "n1", "nobody", "N2")
	}
	if one(40) {
		p.From = pick(r, "n2", "N1")
	}
	if one(60) {
		p.Leader = ""
	}
	if p.Scheduled = one(12); p.Scheduled {
		p.Past = one(3)
	}
	if !one(8) {
		p.Sync.Leader = pick(r, "n1", "n1", "n1", "n1", "N1", "n3")
		for _, name := range []string{"n2", "n3", pick(r, "n4", "N4")} {
			if r.IntN(5) < 3 {
				p.Sync.Standbys = append(p.Sync.Standbys, name)
			}
		}
		if one(6) {
			p.Sync.Standbys = append(p.Sync.Standbys, pick(r, "N2", "n1"))
		}
		p.Sync.Quorum = r.IntN(4)
	}
	return p
}

func randomMember(r *rand.Rand, name string, optime int64, timeline int64) patroni.MemberState {
	one := func(in int) bool { return r.IntN(in) == 0 }
	tags := func() fact.Tags {
		t := fact.Tags{}
		if one(8) {
			t["nofailover"] = pick[any](r, true, false, "false", "", nil)
		}
		if one(4) {
			t["failover_priority"] = pick[any](r, 0, 1, 2, 5, "3", "010", 2.5, "x", "-1", "1.5", true, nil)
		}
		return t
	}
	m := patroni.MemberState{
		Name: name, HasAPI: !one(40), KeyTags: tags(), Answers: !one(8), HasXlog: !one(15),
		Role: "replica", Timeline: max(0, timeline+pick(r, int64(0), 0, 0, 0, -1, 1)),
		WatchdogFailed: one(20), Absent: one(25),
		Position: fact.LSN(max(0, optime-pick(r, int64(0), 0, 0, 1, 8192, 8193, 1<<20, 1<<20+1, -100))),
	}
	m.Tags = m.KeyTags
	if one(5) {
		m.Tags = tags()
	}
	if one(25) {
		m.Role = pick(r, "master", "primary", "standby_leader", "demoted", "promoted", "uninitialized")
		m.Location = one(2)
	}
	if one(50) {
		m.Position = 0
	}
	return m
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// later is what has become of the members by the time of the race: in every third
// state some have died or been told not to lead, or have received more or less.
func later(r *rand.Rand, members []patroni.MemberState) []patroni.MemberState {
	later := slices.Clone(members)
	if r.IntN(3) > 0 {
		return later
	}
	for i := range later {
		switch m := &later[i]; r.IntN(5) {
		case 0:
			m.Answers, m.Absent = false, true
		case 1:
			m.Tags = fact.Tags{"nofailover": true}
		case 2:
			m.Position += fact.LSN(r.IntN(3))
		}
	}
	return later
}
