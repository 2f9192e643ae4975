package fact

import (
	"sort"
	"time"
)

// SnapshotSchema is the schema number of a recorded snapshot. It grows when a
// field changes its meaning; new fields alone do not change it.
const SnapshotSchema = 1

// Snapshot holds the facts about one cluster, and nothing else: no question, no
// judgement, no secret. It does not change after gathering. The same snapshot and
// the same question give the same report on any machine.
type Snapshot struct {
	Schema  int       `json:"schema"`
	Tool    string    `json:"tool"`
	TakenAt time.Time `json:"taken_at"`
	// Target is the cluster that was read.
	Target Target `json:"target"`
	DCS    DCS    `json:"dcs"`
	// Members are sorted by name; one for each /members/ key.
	Members []Member `json:"members"`
	// Moved lists what changed between the first and the second read of the DCS
	// ("leader", "timeline", "sync", "failover", "config", "members"). Empty and
	// known means that the cluster held still.
	Moved Observed[[]string] `json:"moved"`
	// Files are the nodes' configuration files, for an audit only.
	Files []NodeFile `json:"files,omitempty"`
}

// Target is the cluster that a snapshot describes, and how it was reached.
type Target struct {
	Scope     string `json:"scope"`
	Namespace string `json:"namespace"`
	// Group is the Citus group, empty in a cluster without groups.
	Group string `json:"group,omitempty"`
	// RESTOverTLS is true when the configuration has a CA or a certificate for the
	// REST API, so that an http api_url is a mistake.
	RESTOverTLS bool `json:"rest_over_tls,omitempty"`
}

// Member is one member of the cluster, seen from three sides.
type Member struct {
	Name string `json:"name"`
	// Key is the member key in the DCS.
	Key Observed[MemberKey] `json:"key"`
	// Lease is the lease on the member key.
	Lease Observed[Lease] `json:"lease"`
	// REST is the answer of GET api_url, whoever gave it.
	REST Observed[REST] `json:"rest"`
	// Liveness is the HTTP status of GET /liveness: 503 when the HA loop is stuck
	// (patroni/api.py, do_GET_liveness; always 200 before 2.1.5).
	Liveness Observed[int] `json:"liveness"`
	// Request is the answer to a request that cannot take place. Only a command that
	// sends the real one asks for it, and only on the leader.
	Request Observed[RequestAnswer] `json:"request,omitzero"`
	// SQL is the session on conn_url, whoever answered there.
	SQL Observed[SQL] `json:"sql"`
}

// Member returns the member of that name.
func (s *Snapshot) Member(name string) (Member, bool) {
	for _, m := range s.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// Leader returns the name that holds the leader key; "" where nobody does or
// nobody could be asked.
func (s *Snapshot) Leader() string {
	c, _ := s.DCS.Cluster.Get()
	l, _ := c.Leader.Get()
	return l
}

// Sort puts members into the one order in which they are recorded and judged.
func (s *Snapshot) Sort() {
	sort.Slice(s.Members, func(i, j int) bool { return s.Members[i].Name < s.Members[j].Name })
}
