package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
)

// healthy is a recorded three-node cluster: node1 leads, node2 is the candidate.
func healthy(t testing.TB) *preflight.Recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "snapshots", "healthy-4.0.7.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := preflight.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scenario is a night on which somebody reads a report.
type scenario struct {
	name     string
	spoil    func(s *preflight.Recording)
	policies preflight.Policies
	verdict  preflight.Verdict
}

var scenarios = []scenario{
	{name: "healthy", spoil: func(*preflight.Recording) {}, verdict: preflight.Go},
	{name: "founding-incident", spoil: foundingIncident, verdict: preflight.NoGo},
	{name: "password-denied", spoil: passwordDenied, verdict: preflight.UnknownState},
	{name: "warnings", spoil: warnings, verdict: preflight.Go},
	{name: "warnings-fail", spoil: warnings, policies: preflight.Policies{FailOnWarning: true}, verdict: preflight.NoGo},
	{
		name: "ignored", verdict: preflight.Go,
		spoil:    func(s *preflight.Recording) { s.DCS.Alarms = preflight.Known([]string{"NOSPACE"}) },
		policies: preflight.Policies{Ignore: map[string]string{"dcs.alarms": "change 4711: etcd was compacted, the alarm is disarmed right before"}},
	},
	{
		// Others build on what is ignored here, so they are skipped: never GO.
		name: "ignored-ground", spoil: paused, verdict: preflight.Go,
		policies: preflight.Policies{Ignore: map[string]string{"maintenance.pause": "change 4711"}},
	},
	{name: "no-candidate", spoil: func(s *preflight.Recording) { s.Question.Candidate = "" }, verdict: preflight.Go},
	{name: "no-candidate-one-bad", spoil: func(s *preflight.Recording) {
		foundingIncident(s)
		s.Question.Candidate = ""
	}, verdict: preflight.NoGo},
	{name: "no-such-candidate", spoil: func(s *preflight.Recording) { s.Question.Candidate = "node7" }, verdict: preflight.NoGo},
	{name: "dcs-unreachable", spoil: dcsUnreachable, verdict: preflight.UnknownState},
	{name: "no-leader", spoil: func(s *preflight.Recording) {
		s.DCS.Cluster.Value.Leader = preflight.Known("")
		s.DCS.Cluster.Value.LeaderLease = preflight.NotKnown[preflight.Lease](preflight.Absent, "there is no key /service/demo/leader")
	}, verdict: preflight.NoGo},
	{name: "member-frozen", spoil: memberFrozen, verdict: preflight.NoGo},
	{name: "not-streaming", spoil: notStreaming, verdict: preflight.NoGo},
	{name: "hostile", spoil: hostile, verdict: preflight.NoGo},
}

func (sc scenario) report(t testing.TB) preflight.Report {
	t.Helper()
	s := healthy(t)
	sc.spoil(s)
	s.Sort()
	return preflight.Judge(s.Snapshot, s.Question, sc.policies)
}

func member(s *preflight.Recording, name string) *preflight.Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	panic("no member " + name)
}

// notStreaming has node2 behind by less than Patroni minds, and cut off.
func notStreaming(s *preflight.Recording) {
	q := member(s, "node2").SQL.Value
	q.WalReceiver = preflight.Known(preflight.WalReceiver{})
	q.ReceiveLSN = preflight.Known(*q.ReceiveLSN.Value - 131*1024)
	q.ReplayLSN = q.ReceiveLSN
}

// foundingIncident has node2's connect_address on the address that moves with
// the leader, so that node1 answers for it. Patroni's own list looks healthy.
func foundingIncident(s *preflight.Recording) {
	n1, n2 := member(s, "node1"), member(s, "node2")
	n2.Key.Value.APIURL = n1.Key.Value.APIURL
	n2.REST, n2.Liveness = n1.REST, n1.Liveness
}

func passwordDenied(s *preflight.Recording) {
	for i := range s.Members {
		m := &s.Members[i]
		host := strings.TrimPrefix(*m.Key.Value.ConnURL.Value, "postgres://")
		host, _, _ = strings.Cut(host, "/")
		m.SQL = preflight.NotKnown[preflight.SQL](preflight.Denied,
			"SQL as postgres on %s: FATAL: password authentication failed for user \"postgres\" (SQLSTATE 28P01); check the password of role postgres", host).
			Stamped("SQL as postgres on "+host, s.TakenAt, 12*time.Millisecond)
	}
}

func warnings(s *preflight.Recording) {
	s.DCS.Cluster.Value.Config.Value.MaximumLag = preflight.Known("10MB")
	s.DCS.Cluster.Value.Config.Value.MaximumLagIsText = true
	s.DCS.Endpoints[1].Status = preflight.NotKnown[preflight.EndpointStatus](preflight.Refused, "etcd status at http://10.77.9.12:2379: connection refused")
	// A bystander with what would block a candidate.
	member(s, "node3").Key.Value.Tags = preflight.Known(preflight.Tags{"nofailover": true})
	member(s, "node3").REST.Value.Tags = preflight.Known(preflight.Tags{"nofailover": true})
}

func paused(s *preflight.Recording) {
	s.DCS.Cluster.Value.Config.Value.Pause = preflight.Known(true)
	for i := range s.Members {
		s.Members[i].Key.Value.Pause = preflight.Known(true)
		s.Members[i].REST.Value.Pause = preflight.Known(true)
	}
}

func dcsUnreachable(s *preflight.Recording) {
	s.DCS.Read = preflight.NotKnown[int](preflight.Unreached,
		"etcd range /service/demo/: http://10.77.9.11:2379: no connection within 3 s; http://10.77.9.12:2379: no connection within 3 s; http://10.77.9.13:2379: connection refused")
	s.DCS.Cluster = preflight.Because[preflight.Cluster](s.DCS.Read)
	s.DCS.Alarms = preflight.NotKnown[[]string](preflight.Unreached, "etcd alarm list at http://10.77.9.11:2379: no connection within 3 s")
	for i := range s.DCS.Endpoints {
		s.DCS.Endpoints[i].Status = preflight.NotKnown[preflight.EndpointStatus](preflight.Unreached, "etcd status at %s: no connection within 3 s", s.DCS.Endpoints[i].URL)
	}
	s.Members = nil
	s.Moved = preflight.NotKnown[[]string](preflight.NotAsked, "there was no first read to compare with")
}

// memberFrozen is a candidate whose processes are stopped (SIGSTOP).
func memberFrozen(s *preflight.Recording) {
	m := member(s, "node2")
	m.REST = preflight.NotKnown[preflight.REST](preflight.Silent, "GET %s: connected, but no complete answer within 3 s", *m.Key.Value.APIURL.Value).
		Stamped("GET "+*m.Key.Value.APIURL.Value, s.TakenAt, 3*time.Second)
	m.Liveness = preflight.Because[int](m.REST)
	m.SQL = preflight.NotKnown[preflight.SQL](preflight.Silent, "SQL as postgres on 10.77.9.22:5432: connected, but no complete answer within 3 s").
		Stamped("SQL as postgres on 10.77.9.22:5432", s.TakenAt, 3*time.Second)
}

// hostileName has an escape sequence that clears the screen and writes GO, in
// its seven and eight bit forms, a newline, a change of writing direction, a
// character of no width and bytes that are no UTF-8.
const hostileName = "x\x1b[2J\x1b[32mGO\u009b2J\n\r\t\x7f\u202eon\u2066\u200b\u2028\xff\xfe"

// hostile is a cluster in which everything that can carry a text carries a bad one.
func hostile(s *preflight.Recording) {
	long := strings.Repeat("very-long-name-", 12)
	s.Target.Scope = "demo" + hostileName
	s.Question.Candidate = hostileName
	member(s, "node2").Name = hostileName
	third := member(s, "node3")
	third.Name = long
	third.REST.Value.Name = preflight.Known(hostileName + long)
	third.REST.Value.Role = preflight.Known(hostileName)
	third.Key.Value.State = preflight.Known(long)
	third.Key.Value.APIURL = preflight.Known("http://10.77.9.23:8008/" + hostileName)
	third.SQL = preflight.NotKnown[preflight.SQL](preflight.Cause(hostileName), "%s", fmt.Sprintf("said %s %s", hostileName, long))
	s.DCS.Cluster.Value.Config = preflight.NotKnown[preflight.Config](preflight.Malformed, "no JSON: %s", hostileName)
	s.DCS.Cluster.Value.Failover = preflight.Known(preflight.Failover{Leader: hostileName, Candidate: long, ScheduledAt: hostileName})
}
