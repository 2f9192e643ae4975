package patroni

import (
	"slices"
	"testing"

	"patroni-preflight/preflight/fact"
)

// fit is a cluster of three in which nothing speaks against a switchover from n1
// to n2, by a leader of that version.
func fit(version string) PatroniState {
	p := PatroniState{
		Version: version, Scope: "demo", Leader: "n1", From: "n1", Candidate: "n2",
		SyncMode: "off", MaxLag: DefaultMaximumLag, Optime: 1 << 30,
	}
	for _, name := range []string{"n1", "n2", "n3"} {
		p.Members = append(p.Members, MemberState{
			Name: name, HasAPI: true, Answers: true, HasXlog: true, Role: "replica", Position: 1 << 30, Timeline: 1,
		})
	}
	return p
}

func (p PatroniState) at(name string) *MemberState {
	for i := range p.Members {
		if p.Members[i].Name == name {
			return &p.Members[i]
		}
	}
	panic(name)
}

func inQuorum(p *PatroniState, quorum int, standbys ...string) {
	p.SyncMode, p.Sync = "quorum", fact.Sync{Leader: "n1", Standbys: standbys, Quorum: quorum}
}

func synchronous(p *PatroniState, standbys ...string) {
	p.SyncMode, p.Sync = "on", fact.Sync{Leader: "n1", Standbys: standbys}
}

func TestOutcome(t *testing.T) {
	const (
		done     = `Successfully switched over to "n2"`
		unfit    = "Switchover failed, details: 412, switchover is not possible: no good candidates have been found"
		refused  = "Switchover failed, details: 503, Switchover failed"
		notKnown = "Switchover failed, details: 503, Switchover status unknown"
	)
	for _, c := range []struct {
		name, version string
		do            func(p *PatroniState)
		stage         Stage
		printed       string
	}{
		{"fit", "4.1.4", func(*PatroniState) {}, StageDone, done},
		{"fit", "2.1.0", func(*PatroniState) {}, StageDone, done},

		// patronictl
		{"no leader", "4.1.4", func(p *PatroniState) { p.Leader = "" }, StageCtl, "Error: This cluster has no leader"},
		{"no leader", "2.1.7", func(p *PatroniState) { p.Leader = "" }, StageCtl, "Error: This cluster has no master"},
		{"another leader", "4.1.4", func(p *PatroniState) { p.From = "n3" }, StageCtl, "Error: Member n3 is not the leader of cluster demo"},
		{"nobody else", "4.1.4", func(p *PatroniState) { p.Members = p.Members[:1] }, StageCtl, "Error: No candidates found to switchover to"},
		{"the leader", "3.2.1", func(p *PatroniState) { p.Candidate = "n1" }, StageCtl, "Error: Switchover target and source are the same."},
		{"the leader", "3.2.2", func(p *PatroniState) { p.Candidate = "n1" }, StageCtl, "Error: Member n1 is already the leader of cluster demo"},
		{"no member", "3.1.2", func(p *PatroniState) { p.Candidate = "x" }, StageCtl, "Error: Member x does not exist in cluster demo"},
		{"nofailover", "3.2.0", func(p *PatroniState) { p.at("n2").KeyTags = fact.Tags{"nofailover": "false"} }, StageCtl, "Error: Member n2 does not exist in cluster demo or is tagged as nofailover"},
		{"priority before there was such a tag", "3.1.2", func(p *PatroniState) { p.at("n2").KeyTags = fact.Tags{"failover_priority": 0.0} }, StageDone, done},
		{"scheduled in pause", "4.1.4", func(p *PatroniState) { p.Scheduled, p.Pause = true, true }, StageCtl, "Error: Can't schedule switchover in the paused state"},
		{"Citus without a group", "4.1.4", func(p *PatroniState) { p.GroupMissing = true }, StageCtl, "Error: For Citus clusters the --group must me specified"},

		// The REST API
		{"in the past", "4.1.4", func(p *PatroniState) { p.Scheduled, p.Past = true, true }, StageREST, "Switchover failed, details: 422, Cannot schedule switchover in the past"},
		{"pause, nobody named", "4.1.4", func(p *PatroniState) { p.Pause, p.Candidate = true, "" }, StageREST, "Switchover failed, details: 400, Switchover is possible only to a specific candidate in a paused state"},
		{"no answer", "4.1.4", func(p *PatroniState) { p.at("n2").Answers = false }, StageREST, unfit},
		{"no position", "4.1.4", func(p *PatroniState) { p.at("n2").HasXlog = false }, StageREST, unfit},
		{"watchdog", "4.1.4", func(p *PatroniState) { p.at("n2").WatchdogFailed = true }, StageREST, unfit},
		{"nofailover by REST only", "4.1.4", func(p *PatroniState) { p.at("n2").Tags = fact.Tags{"nofailover": true} }, StageREST, unfit},
		{"one of two dead, nobody named", "4.1.4", func(p *PatroniState) { p.Candidate, p.at("n3").Answers = "", false }, StageDone, done},
		{"not synchronous", "4.1.4", func(p *PatroniState) { synchronous(p, "n3") }, StageREST, "Switchover failed, details: 412, candidate name does not match with sync_standby"},
		{"/sync empty", "4.1.4", func(p *PatroniState) { p.SyncMode = "on" }, StageREST, "Switchover failed, details: 412, candidate name does not match with sync_standby"},
		{"/sync empty, nobody named", "4.1.4", func(p *PatroniState) { p.SyncMode, p.Candidate = "on", "" }, StageREST, "Switchover failed, details: 412, switchover is not possible: can not find sync_standby"},
		{"case of the name", "3.0.2", func(p *PatroniState) { synchronous(p, "N2") }, StageREST, "Switchover failed, details: 412, candidate name does not match with sync_standby"},
		{"case of the name", "3.0.3", func(p *PatroniState) { synchronous(p, "N2") }, StageDone, done},
		{"standby cluster", "3.1.2", func(p *PatroniState) { synchronous(p, "n3"); p.StandbyCluster = true }, StageREST, "Switchover failed, details: 412, candidate name does not match with sync_standby"},
		{"standby cluster", "3.2.0", func(p *PatroniState) { synchronous(p, "n3"); p.StandbyCluster = true }, StageDone, done},
		{"no space", "3.1.2", func(p *PatroniState) { p.ReadOnlyDCS = true }, StageREST, "Switchover failed, details: 503, failed to write switchover key into DCS"},
		{"no space", "3.2.0", func(p *PatroniState) { p.ReadOnlyDCS = true }, StageREST, "Switchover failed, details: 503, failed to write failover key into DCS"},

		// The HA loop
		{"a byte too far behind", "4.1.4", func(p *PatroniState) { p.at("n2").Position -= DefaultMaximumLag + 1 }, StageLeader, refused},
		{"as far as allowed", "4.1.4", func(p *PatroniState) { p.at("n2").Position -= DefaultMaximumLag }, StageDone, done},
		{"limit -1", "4.1.4", func(p *PatroniState) { p.MaxLag = -1 }, StageLeader, refused},
		{"limit 0", "4.1.4", func(p *PatroniState) { p.MaxLag = 0 }, StageDone, done},
		{"ahead", "4.1.4", func(p *PatroniState) { p.MaxLag = 0; p.at("n2").Position += 99 }, StageDone, done},
		{"a primary answers", "4.1.4", func(p *PatroniState) { p.at("n2").Role, p.at("n2").Location = "primary", true }, StageLeader, refused},
		{"a primary answers", "3.0.3", func(p *PatroniState) { p.at("n2").Role, p.at("n2").Location = "master", true }, StageLeader, refused},
		{"older timeline", "4.1.4", func(p *PatroniState) { p.Timeline = 2 }, StageDone, done},
		{"older timeline, checked", "4.1.4", func(p *PatroniState) { p.Timeline, p.CheckTimeline = 2, true }, StageLeader, refused},
		{"no timeline, checked", "4.1.4", func(p *PatroniState) { p.at("n2").Timeline, p.CheckTimeline = 0, true }, StageLeader, refused},
		{"paused, named", "4.1.4", func(p *PatroniState) { p.Pause = true }, StageDone, done},
		{"paused standby cluster", "4.1.4", func(p *PatroniState) { p.Pause, p.StandbyCluster = true, true }, StageQueued, notKnown},
		{"lagging, with another synchronous one", "3.0.4", func(p *PatroniState) { synchronous(p, "n2", "n3"); p.at("n2").Position = 1 }, StageDone, done},
		{"lagging, with another synchronous one", "3.1.0", func(p *PatroniState) { synchronous(p, "n2", "n3"); p.at("n2").Position = 1 }, StageLeader, refused},

		// Quorum
		{"voter", "4.1.4", func(p *PatroniState) { inQuorum(p, 1, "n2", "n3") }, StageDone, done},
		{"voter", "4.0.5", func(p *PatroniState) { inQuorum(p, 1, "n2", "n3") }, StageLeader, refused},
		{"voter, quorum 0", "4.0.5", func(p *PatroniState) { inQuorum(p, 0, "n2") }, StageDone, done},
		{"no voter", "4.0.6", func(p *PatroniState) { inQuorum(p, 1, "n3") }, StageLeader, refused},
		{"no voter", "4.0.4", func(p *PatroniState) { inQuorum(p, 0, "n3") }, StageDone, notKnown},
		{"no voter, paused", "4.0.4", func(p *PatroniState) { inQuorum(p, 0, "n3"); p.Pause = true }, StageDone, done},
		{"nobody named, one of two voters", "4.0.6", func(p *PatroniState) { inQuorum(p, 1, "n2", "n3"); p.Candidate, p.at("n3").Answers = "", false }, StageLeader, refused},
		{"nobody named, both voters", "4.0.6", func(p *PatroniState) { inQuorum(p, 1, "n2", "n3"); p.Candidate = "" }, StageDone, done},
		{"nobody named, one of two voters", "4.0.4", func(p *PatroniState) {
			inQuorum(p, 1, "n2", "n3")
			p.Candidate, p.at("n3").Answers, p.at("n3").Absent = "", false, true
		}, StageDone, notKnown},
		{"standby cluster does not lift the quorum", "4.1.4", func(p *PatroniState) {
			inQuorum(p, 1, "n2", "n3")
			p.StandbyCluster, p.Candidate, p.at("n3").Answers = true, "", false
		}, StageLeader, refused},
		{"before there was such a mode", "3.3.8", func(p *PatroniState) { inQuorum(p, 1, "n3") }, StageDone, done},
	} {
		p := fit(c.version)
		c.do(&p)
		d, _ := Outcome(p)
		if d.Stage != c.stage || d.Printed() != c.printed {
			t.Errorf("%s, %s: %s, %q; want %s, %q", c.name, c.version, d.Stage, d.Printed(), c.stage, c.printed)
		}
		if (d.Stage == StageLeader) != (len(d.Log) > 0) || d.Accepted != (d.Stage == StageDone || d.Stage == StageScheduled) {
			t.Errorf("%s, %s: accepted %t, log %q", c.name, c.version, d.Accepted, d.Log)
		}
	}
}

// TestOutcomeScheduled: nothing is looked at before the time has come.
func TestOutcomeScheduled(t *testing.T) {
	p := fit("4.1.4")
	p.Scheduled, p.at("n2").Answers = true, false
	if d, race := Outcome(p); d.Stage != StageScheduled || d.Printed() != "Switchover scheduled" || race != nil {
		t.Errorf("%+v, %v", d, race)
	}
}

func TestRunRace(t *testing.T) {
	for _, c := range []struct {
		name, version string
		do            func(p *PatroniState)
		takers        []string
		oldLeader     bool
	}{
		{"the candidate, whatever it is like", "4.1.4", func(p *PatroniState) { p.at("n2").Position = 1 }, []string{"n2"}, false},
		{"nobody named", "4.1.4", func(p *PatroniState) { p.Candidate = "" }, []string{"n2", "n3"}, false},
		{"one is ahead", "4.1.4", func(p *PatroniState) { p.Candidate = ""; p.at("n3").Position++ }, []string{"n3"}, false},
		{"one has the higher priority", "4.1.4", func(p *PatroniState) { p.Candidate = ""; p.at("n3").Tags = fact.Tags{"failover_priority": 2.0} }, []string{"n3"}, false},
		{"priority does not count yet", "3.1.2", func(p *PatroniState) { p.Candidate = ""; p.at("n3").Tags = fact.Tags{"failover_priority": 2.0} }, []string{"n2", "n3"}, false},
		{"the candidate has died: all others", "4.1.4", func(p *PatroniState) { p.at("n2").Answers, p.at("n2").Tags = false, fact.Tags{"nofailover": true} }, []string{"n3"}, false},
		{"nobody but the old leader", "4.1.4", func(p *PatroniState) {
			p.at("n2").Tags, p.at("n3").Tags = fact.Tags{"nofailover": true}, fact.Tags{"nofailover": true}
		}, []string{}, true},
		{"one that is too far behind still wins where nobody else is", "4.1.4", func(p *PatroniState) {
			p.at("n2").Tags, p.at("n3").Position = fact.Tags{"nofailover": true}, 1
		}, []string{"n3"}, false},
		{"pause: nobody but the candidate", "4.1.4", func(p *PatroniState) { p.Pause, p.at("n2").Tags = true, fact.Tags{"nofailover": true} }, []string{}, false},
	} {
		p := fit(c.version)
		c.do(&p)
		if r := RunRace(p); !slices.Equal(r.Takers, c.takers) || r.OldLeader != c.oldLeader {
			t.Errorf("%s: %+v, want %q and %t", c.name, r, c.takers, c.oldLeader)
		}
	}
}

// TestOldLeaderTakesBack: from 3.2.0 to 4.0.5 it looks at nobody but the
// candidate, which it has excluded, and so takes the key back beside a healthy member
// that may not race.
func TestOldLeaderTakesBack(t *testing.T) {
	for version, back := range map[string]bool{"3.1.2": false, "3.2.0": true, "4.0.5": true, "4.0.6": false} {
		p := fit(version)
		p.at("n2").Answers = false // died after it was asked
		p.at("n2").Tags = fact.Tags{"nofailover": true}
		p.at("n3").Tags = nil
		old := *p.at("n1")
		if got := p.takes(old); got != back {
			t.Errorf("%s: %t", version, got)
		}
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "5": "5", " 7 ": "7", "+5": "5", "-3": "-3", "010": "8", "0x1F": "31", "08": "", "1_000": "",
		"2.5": "2", "3.5": "4", ".5": "0", "-0.5": "0", "1e3": "1000", "1.5e1": "15", "5.": "", "1e": "", "": "", "x": "", "1 MB": "", "true": "",
		"9999999999999999999999": "",
	} {
		n, ok := parseInt(text)
		got := ""
		if ok {
			got = Show(float64(n))
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMaximumLagOf(t *testing.T) {
	for _, c := range []struct {
		version, written string
		isText           bool
		want             int64
		ok               bool
	}{
		{"4.1.4", "10MB", true, DefaultMaximumLag, true},
		{"4.1.4", "null", false, DefaultMaximumLag, true},
		{"4.1.4", "010", true, 8, true},
		{"3.0.2", "010", true, 10, true},
		{"3.0.2", "", false, DefaultMaximumLag, true},
		{"3.0.2", "2.5", false, 2, true},
		{"3.0.2", "2.5", true, 0, false},
		{"3.0.2", "true", false, 1, true},
		{"3.0.2", "null", false, 0, false},
		{"3.0.2", "10MB", true, 0, false},
	} {
		if n, ok := MaximumLagOf(c.version, c.written, c.isText); ok != c.ok || ok && n != c.want {
			t.Errorf("%s %q: %d, %t", c.version, c.written, n, ok)
		}
	}
}
