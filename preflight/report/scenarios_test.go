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
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// healthy is a recorded three-node cluster: node1 leads, node2 is the candidate.
func healthy(t testing.TB) *fact.Recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "testdata", "snapshots", "healthy-4.0.7.json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// scenario is a cluster, and the verdict on it.
type scenario struct {
	name     string
	spoil    func(s *fact.Recording)
	policies check.Policies
	verdict  preflight.Verdict
}

var scenarios = []scenario{
	{name: "healthy", spoil: func(*fact.Recording) {}, verdict: preflight.Go},
	{name: "founding-incident", spoil: foundingIncident, verdict: preflight.NoGo},
	{name: "password-denied", spoil: passwordDenied, verdict: preflight.UnknownState},
	{name: "warnings", spoil: warnings, verdict: preflight.Go},
	{name: "warnings-fail", spoil: warnings, policies: check.Policies{FailOnWarning: true}, verdict: preflight.NoGo},
	{
		name:    "ignored",
		verdict: preflight.Go,
		spoil:   func(s *fact.Recording) { s.DCS.Alarms = fact.Known([]string{"NOSPACE"}) },
		policies: check.Policies{
			Ignore: map[string]string{"dcs.alarms": "change 4711: etcd was compacted, the alarm is disarmed right before"},
		},
	},
	{
		// Others build on what is ignored here, so they are skipped: never GO.
		name: "ignored-ground", spoil: paused, verdict: preflight.Go,
		policies: check.Policies{Ignore: map[string]string{"maintenance.pause": "change 4711"}},
	},
	{name: "no-candidate", spoil: func(s *fact.Recording) { s.Question.Candidate = "" }, verdict: preflight.Go},
	{name: "no-candidate-one-bad", spoil: func(s *fact.Recording) {
		foundingIncident(s)
		s.Question.Candidate = ""
	}, verdict: preflight.NoGo},
	{
		name:    "no-such-candidate",
		spoil:   func(s *fact.Recording) { s.Question.Candidate = "node7" },
		verdict: preflight.NoGo,
	},
	{name: "dcs-unreachable", spoil: dcsUnreachable, verdict: preflight.UnknownState},
	{name: "no-leader", spoil: func(s *fact.Recording) {
		s.DCS.Cluster.Value.Leader = fact.Known("")
		s.DCS.Cluster.Value.LeaderLease = fact.NotKnown[fact.Lease](fact.Absent, "there is no key /service/demo/leader")
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

func member(s *fact.Recording, name string) *fact.Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	panic("no member " + name)
}

// notStreaming has node2 behind by less than Patroni minds, and cut off.
func notStreaming(s *fact.Recording) {
	q := member(s, "node2").SQL.Value
	q.WalReceiver = fact.Known(fact.WalReceiver{})
	q.ReceiveLSN = fact.Known(*q.ReceiveLSN.Value - 131*1024)
	q.ReplayLSN = q.ReceiveLSN
}

// foundingIncident has node2's connect_address on the address that moves with
// the leader, so that node1 answers for it. Patroni's own list looks healthy.
func foundingIncident(s *fact.Recording) {
	n1, n2 := member(s, "node1"), member(s, "node2")
	n2.Key.Value.APIURL = n1.Key.Value.APIURL
	n2.REST, n2.Liveness = n1.REST, n1.Liveness
}

func passwordDenied(s *fact.Recording) {
	for i := range s.Members {
		m := &s.Members[i]
		host := strings.TrimPrefix(*m.Key.Value.ConnURL.Value, "postgres://")
		host, _, _ = strings.Cut(host, "/")
		m.SQL = fact.NotKnown[fact.SQL](
			fact.Denied,
			"SQL as postgres on %s: FATAL: password authentication failed for user \"postgres\" (SQLSTATE 28P01); check the "+
				"password of role postgres",
			host,
		).
			Stamped("SQL as postgres on "+host, s.TakenAt, 12*time.Millisecond)
	}
}

func warnings(s *fact.Recording) {
	s.DCS.Cluster.Value.Config.Value.MaximumLag = fact.Known("10MB")
	s.DCS.Cluster.Value.Config.Value.MaximumLagIsText = true
	s.DCS.Endpoints[1].Status = fact.NotKnown[fact.EndpointStatus](
		fact.Refused,
		"etcd status at http://10.77.9.12:2379: connection refused",
	)
	// A bystander with what would block a candidate.
	member(s, "node3").Key.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
	member(s, "node3").REST.Value.Tags = fact.Known(fact.Tags{"nofailover": true})
}

func paused(s *fact.Recording) {
	s.DCS.Cluster.Value.Config.Value.Pause = fact.Known(true)
	for i := range s.Members {
		s.Members[i].Key.Value.Pause = fact.Known(true)
		s.Members[i].REST.Value.Pause = fact.Known(true)
	}
}

func dcsUnreachable(s *fact.Recording) {
	s.DCS.Read = fact.NotKnown[int](
		fact.Unreached,
		"etcd range /service/demo/: http://10.77.9.11:2379: no connection within 3 s; http://10.77.9.12:2379: no connection within 3 s; http://10.77.9.13:2379: connection refused",
	)
	s.DCS.Cluster = fact.Because[fact.Cluster](s.DCS.Read)
	s.DCS.Alarms = fact.NotKnown[[]string](
		fact.Unreached,
		"etcd alarm list at http://10.77.9.11:2379: no connection within 3 s",
	)
	for i := range s.DCS.Endpoints {
		s.DCS.Endpoints[i].Status = fact.NotKnown[fact.EndpointStatus](
			fact.Unreached,
			"etcd status at %s: no connection within 3 s",
			s.DCS.Endpoints[i].URL,
		)
	}
	s.Members = nil
	s.Moved = fact.NotKnown[[]string](fact.NotAsked, "the first read gave nothing to compare with")
}

// memberFrozen is a candidate whose processes are stopped (SIGSTOP).
func memberFrozen(s *fact.Recording) {
	m := member(s, "node2")
	m.REST = fact.NotKnown[fact.REST](
		fact.Silent,
		"GET %s: connected, but no complete answer within 3 s",
		*m.Key.Value.APIURL.Value,
	).
		Stamped("GET "+*m.Key.Value.APIURL.Value, s.TakenAt, 3*time.Second)
	m.Liveness = fact.Because[int](m.REST)
	m.SQL = fact.NotKnown[fact.SQL](
		fact.Silent,
		"SQL as postgres on 10.77.9.22:5432: connected, but no complete answer within 3 s",
	).
		Stamped("SQL as postgres on 10.77.9.22:5432", s.TakenAt, 3*time.Second)
}

// hostileName has an escape sequence that clears the screen and writes GO, in
// its seven and eight bit forms, a newline, a change of writing direction, a
// character of no width and bytes that are no UTF-8.
const hostileName = "x\x1b[2J\x1b[32mGO\u009b2J\n\r\t\x7f\u202eon\u2066\u200b\u2028\xff\xfe"

// hostile is a cluster in which everything that can carry a text carries a bad one.
func hostile(s *fact.Recording) {
	long := strings.Repeat("very-long-name-", 12)
	s.Target.Scope = "demo" + hostileName
	s.Question.Candidate = hostileName
	member(s, "node2").Name = hostileName
	third := member(s, "node3")
	third.Name = long
	third.REST.Value.Name = fact.Known(hostileName + long)
	third.REST.Value.Role = fact.Known(hostileName)
	third.Key.Value.State = fact.Known(long)
	third.Key.Value.APIURL = fact.Known("http://10.77.9.23:8008/" + hostileName)
	third.SQL = fact.NotKnown[fact.SQL](fact.Cause(hostileName), "%s", fmt.Sprintf("said %s %s", hostileName, long))
	s.DCS.Cluster.Value.Config = fact.NotKnown[fact.DynamicConfig](fact.Malformed, "no JSON: %s", hostileName)
	s.DCS.Cluster.Value.Failover = fact.Known(
		fact.Failover{Leader: hostileName, Candidate: long, ScheduledAt: hostileName},
	)
}
