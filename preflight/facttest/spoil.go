package facttest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

// Killed is node3 after its Patroni died that many seconds after loop_wait.
func Killed(s *fact.Recording, late int64) {
	m := Member(s.Snapshot, "node3")
	m.REST, m.Liveness = fact.NotKnown[fact.REST](
		fact.Refused,
		"connection refused",
	), fact.NotKnown[int](
		fact.Refused,
		"connection refused",
	)
	Age(s, "node3", *Dynamic(s).LoopWait.Value+late)
}

func Age(s *fact.Recording, name string, seconds int64) {
	Member(s.Snapshot, name).Lease = fact.Known(fact.Lease{GrantedSeconds: 60, RemainingSeconds: 60 - seconds})
}

// Stalled freezes a consumer of the leader's WAL.
func Stalled(s *fact.Recording, app string, age time.Duration, unsent int64) {
	q := Member(s.Snapshot, "node1").SQL.Value
	flush := *q.FlushLSN.Value
	sent := fact.Known(flush - fact.LSN(unsent))
	*q.WalSenders.Value = append(*q.WalSenders.Value, fact.WalSender{
		PID: 4711, User: "replicator", ApplicationName: app, State: fact.Known("streaming"),
		SentLSN: sent, WriteLSN: sent, FlushLSN: sent, ReplyTime: fact.Known(q.At.Value.Add(-age)),
	})
}

func Set(s *fact.Recording, member, name, value string) {
	(*Member(s.Snapshot, member).SQL.Value.Settings.Value)[name] = value
}

// QuorumWith is quorum mode with both replicas as voters, by a leader of that version.
func QuorumWith(s *fact.Recording, version string) {
	s.Question.Candidate = ""
	Dynamic(s).SynchronousMode = fact.Known("quorum")
	s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node2", "node3"}, Quorum: 1})
	Kept(s)
	for _, m := range s.Members {
		m.Key.Value.Version = fact.Known(version)
	}
}

// StandbySite makes the cluster a standby cluster, whose leader is in recovery.
func StandbySite(s *fact.Recording) {
	Dynamic(s).StandbyCluster = fact.Known(true)
	l := Member(s.Snapshot, "node1")
	l.Key.Value.Role, l.REST.Value.Role = fact.Known("standby_leader"), fact.Known("standby_leader")
	none := fact.NotKnown[fact.LSN](fact.Absent, "in recovery")
	q, r := l.SQL.Value, l.REST.Value
	q.InRecovery, q.ReceiveLSN, q.ReplayLSN = fact.Known(true), q.FlushLSN, q.FlushLSN
	q.FlushLSN, q.FlushLSNAfter = none, none
	r.Received, r.Replayed, r.Location = q.ReceiveLSN, q.ReplayLSN, none
	q.WalReceiver = fact.Known(
		fact.WalReceiver{
			Running:    true,
			Status:     fact.Known("streaming"),
			Timeline:   q.Timeline,
			SenderHost: fact.Known(Elsewhere),
		},
	)
}

// Kept has the leader wait for the standbys in /sync, as Patroni sets it.
func Kept(s *fact.Recording) {
	state := s.DCS.Cluster.Value.Sync.OrZero()
	names := ""
	if len(state.Standbys) > 0 {
		names = `"` + strings.Join(state.Standbys, `","`) + `"`
		if n := len(state.Standbys); Dynamic(s).SynchronousMode.OrZero() == "quorum" {
			names = fmt.Sprintf("ANY %d (%s)", n-state.Quorum, names)
		} else if n > 1 {
			names = fmt.Sprintf("%d (%s)", n, names)
		}
	}
	WaitsFor(s, names)
}

// WaitsFor sets the leader's synchronous_standby_names, and what PostgreSQL makes of it for
// the standbys in /sync.
func WaitsFor(s *fact.Recording, names string) {
	m, ok := s.Member("node1")
	if !ok || !m.SQL.Known() || !m.SQL.Value.Settings.Known() {
		return
	}
	Set(s, "node1", "synchronous_standby_names", names)
	list, err := fact.ParseSyncNames(names)
	if err != nil || !m.SQL.Value.WalSenders.Known() {
		return
	}
	for _, w := range *m.SQL.Value.WalSenders.Value {
		state := "async"
		switch promised := s.DCS.Cluster.Value.Sync.OrZero().Standbys; {
		case list.Any && list.Lists(w.ApplicationName):
			state = "quorum"
		case list.Lists(w.ApplicationName) && slices.ContainsFunc(promised, func(n string) bool {
			return strings.EqualFold(n, w.ApplicationName)
		}):
			state = "sync"
		case list.Lists(w.ApplicationName):
			state = "potential"
		}
		SyncRow(s, w.ApplicationName, state)
	}
}

// SyncRow changes sync_state of a row in the leader's pg_stat_replication.
func SyncRow(s *fact.Recording, app, state string) {
	rows := *LeaderSQL(s).WalSenders.Value
	for i := range rows {
		if rows[i].ApplicationName == app {
			rows[i].SyncState = fact.Known(state)
		}
	}
}

// ServerVersion is that of every member, by SQL and by REST.
func ServerVersion(s *fact.Recording, num int) {
	for _, m := range s.Members {
		m.SQL.Value.ServerVersion, m.REST.Value.ServerVersion = fact.Known(num), fact.Known(num)
	}
}

func WithoutNode3(s *fact.Recording) {
	s.Members = s.Members[:2]
	LeaderSQL(s).WalSenders = fact.Known((*LeaderSQL(s).WalSenders.Value)[:1])
}

func Strictly(s *fact.Recording) {
	SyncOn(s)
	WithoutNode3(s)
	Dynamic(s).SynchronousModeStrict = fact.Known(true)
}

func Session(s *fact.Recording, seconds int64, delay string) {
	CandidateSQL(s).Activity.Value.OldestTransactionSeconds = seconds
	Set(s, "node2", "max_standby_streaming_delay", delay)
}

// LeaderSQL is the leader's session, for a test to change.
func LeaderSQL(s *fact.Recording) *fact.SQL { return Member(s.Snapshot, "node1").SQL.Value }

// ConsumerFrom adds a consumer of the leader's WAL on a machine.
func ConsumerFrom(s *fact.Recording, addr string, age time.Duration, unsent, unconfirmed int64) {
	Stalled(s, "cdc", age, unsent)
	rows := *LeaderSQL(s).WalSenders.Value
	w := &rows[len(rows)-1]
	if addr != "" {
		w.ClientAddr = fact.Known(addr)
	}
	have := fact.Known(*LeaderSQL(s).FlushLSN.Value - fact.LSN(unconfirmed))
	w.WriteLSN, w.FlushLSN = have, have
}

// Logically makes the last consumer that of a logical slot.
func Logically(s *fact.Recording) {
	rows := *LeaderSQL(s).WalSenders.Value
	*LeaderSQL(s).Slots.Value = append(
		*LeaderSQL(s).Slots.Value,
		fact.Slot{
			Name:        "cdc",
			Type:        "logical",
			Plugin:      "pgoutput",
			Database:    "postgres",
			Active:      true,
			ActivePID:   rows[len(rows)-1].PID,
			CatalogXmin: true,
		},
	)
}

const (
	Elsewhere = "192.0.2.7"
	OnNode3   = "10.77.9.23"
)

func LeaderVersion(s *fact.Recording, v string) {
	Member(s.Snapshot, "node1").Key.Value.Version = fact.Known(v)
}

func SyncOn(s *fact.Recording) {
	Dynamic(s).SynchronousMode = fact.Known("on")
	s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node2"}})
	Kept(s)
}

func FailedOnce(s *fact.Recording) *fact.Archiver {
	a := LeaderSQL(s).Archiver.Value
	a.LastFailedAt, a.FailedCount, a.LastFailedWAL = fact.Known(s.TakenAt), 7, "000000010000000000000005"
	return a
}

func Schedule(s *fact.Recording, at string) { s.Question.ScheduledAt = at }

func TimeIn(s *fact.Recording, d time.Duration) string {
	return s.TakenAt.Add(d).UTC().Format(time.RFC3339)
}

func Lag(s *fact.Recording, member string, bytes int64) {
	m := Member(s.Snapshot, member)
	leader := *Member(s.Snapshot, "node1").SQL.Value.FlushLSN.Value
	m.SQL.Value.ReceiveLSN = fact.Known(leader - fact.LSN(bytes))
	m.SQL.Value.ReplayLSN = fact.Known(leader - fact.LSN(bytes))
}

func Dynamic(s *fact.Recording) *fact.DynamicConfig { return s.DCS.Cluster.Value.Config.Value }

func Unknown[T any]() fact.Observed[T] { return fact.NotKnown[T](fact.Failed, "not to be had") }

// ShownBy gives a member an https api_url, and its REST API a certificate that is
// valid for so long.
func ShownBy(s *fact.Recording, member string, valid time.Duration, change func(*fact.Certificate)) {
	m := Member(s.Snapshot, member)
	m.Key.Value.APIURL = fact.Known("https://10.77.42.12:8008/patroni")
	c := fact.Certificate{
		Host:      "10.77.42.12",
		Names:     []string{"10.77.42.12"},
		Matches:   true,
		NotBefore: s.TakenAt.Add(-time.Hour),
		NotAfter:  s.TakenAt.Add(valid),
	}
	change(&c)
	m.REST.Value.Certificate = fact.Known(c)
}

const Year = 365 * 24 * time.Hour

func CandidateSQL(s *fact.Recording) *fact.SQL { return Member(s.Snapshot, "node2").SQL.Value }

func Role(s *fact.Recording, change func(r *fact.Role)) {
	for i := range *LeaderSQL(s).Roles.Value {
		if r := &(*LeaderSQL(s).Roles.Value)[i]; r.Name == "replicator" {
			change(r)
		}
	}
}

func HBA(s *fact.Recording, rules ...fact.HBARule) { CandidateSQL(s).HBA = fact.Known(rules) }

func Rule(kind, user, address, netmask, method string) fact.HBARule {
	return fact.HBARule{
		Line:      1,
		Type:      kind,
		Databases: []string{"replication"},
		Users:     []string{user},
		Address:   address,
		Netmask:   netmask,
		Method:    method,
	}
}

func Slot(q *fact.SQL, s fact.Slot) { *q.Slots.Value = append(*q.Slots.Value, s) }

var Cdc = fact.Slot{Name: "cdc", Type: "logical", Plugin: "pgoutput", Database: "app", CatalogXmin: true}

func Declare(s *fact.Recording) {
	Dynamic(s).Slots = fact.Known(
		map[string]fact.PermanentSlot{"cdc": {Type: "logical", Database: "app", Plugin: "pgoutput"}},
	)
}

func Silent[T any]() fact.Observed[T] { return fact.NotKnown[T](fact.Silent, "no answer within 3s") }

// RESTBehind is a member of whom Patroni sees that lag; by SQL it has none.
func RESTBehind(s *fact.Recording, member string, bytes fact.LSN) {
	at := fact.Known(*s.DCS.Cluster.Value.Optime.Value - bytes)
	Member(s.Snapshot, member).REST.Value.Received, Member(s.Snapshot, member).REST.Value.Replayed = at, at
}
