package gather

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"patroni-preflight/dcs"
	"patroni-preflight/patroniapi"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// TestJudgeRecordings judges the raw answers of real clusters of seven releases
// of Patroni, 2.1.7 to 4.1.4. They hold no SQL facts, so nothing of them can be
// GO: what has to be NO-GO must be, by the check that names the cause, and what
// is fine must have no blocker.
func TestJudgeRecordings(t *testing.T) {
	blockedBy := map[string]string{
		"api_url-of-node2-is-the-leaders": `^identity\.rest_(name|role)$`,
		"paused":                          `^maintenance\.pause$`,
		"healthy":                         "",
		"after-a-switchover":              "",
		"pending-restart":                 "",
		"scheduled-switchover":            "",
		"synchronous":                     "",
		"quorum":                          "",
		// node2 holds its api_url of the step before, and node3 is frozen.
		"node3-frozen-node2-replay-paused": `^identity\.rest_(name|role)$`,
	}
	files, err := filepath.Glob("../../testdata/recordings/*.json")
	if err != nil || len(files) != 58 {
		t.Fatalf("%d recordings: %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		state := name[strings.LastIndexByte(name, '.')+1:]
		t.Run(name, func(t *testing.T) {
			by, ok := blockedBy[state]
			if !ok {
				t.Fatalf("no expectation for the state %q", state)
			}
			s := snapshotOf(t, file)
			leader := s.Leader()
			candidates := slices.DeleteFunc(
				[]string{"node2", "node1", "node3"},
				func(m string) bool { return m == leader || !fit(s, m) },
			)
			s.Question.Candidate = candidates[0]
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			var blocks []string
			for _, res := range r.Results {
				if res.Weight == preflight.Blocks {
					blocks = append(blocks, res.Check)
				}
			}
			switch {
			case by == "" && (r.Verdict != preflight.UnknownState || len(blocks) > 0):
				t.Errorf("%s to %s: %s, blocked by %v", leader, candidates[0], r.Verdict, blocks)
			case by != "" && (r.Verdict != preflight.NoGo || !slices.ContainsFunc(blocks, regexp.MustCompile(by).MatchString)):
				t.Errorf("%s to %s: %s, blocked by %v, want %s", leader, candidates[0], r.Verdict, blocks, by)
			}
		})
	}
}

// fit: in the synchronous states only a member in /sync is.
func fit(s *fact.Recording, m string) bool {
	sync, _ := s.DCS.Cluster.Value.Sync.Get()
	return len(sync.Standbys) == 0 || slices.Contains(sync.Standbys, m)
}

// snapshotOf puts a recording together as the tool would have seen it: each
// member's answer is that of the node at its api_url.
func snapshotOf(t *testing.T, file string) *fact.Recording {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var rec struct {
		Keys []struct {
			Key, Value string
			Lease      int64
			LeaseTTL   struct {
				Granted int64 `json:"granted-ttl"`
				TTL     int64 `json:"ttl"`
			} `json:"lease_ttl"`
		}
		REST map[string]map[string]struct {
			Status  int
			Seconds float64
			Body    json.RawMessage
			Headers map[string]string
			Error   string
		}
	}
	if err := json.Unmarshal(raw, &rec); err != nil {
		t.Fatal(err)
	}
	const prefix = "/service/pay/"
	var kvs []dcs.KV
	leases := map[int64]fact.Observed[fact.Lease]{}
	for _, k := range rec.Keys {
		kvs = append(kvs, dcs.KV{Key: k.Key, Value: []byte(k.Value), Lease: k.Lease})
		if k.Lease != 0 {
			leases[k.Lease] = fact.Known(fact.Lease{GrantedSeconds: k.LeaseTTL.Granted, RemainingSeconds: k.LeaseTTL.TTL})
		}
	}
	cluster, members := dcs.Decode(prefix, kvs, leases, 1)
	for i := range members {
		m := &members[i]
		url := m.Key.Must().APIURL.Must()
		node := "node" + string(url[strings.LastIndex(url, ":")-1]) // http://127.0.1.12:8008/patroni
		answer := rec.REST[node]["/patroni"]
		if answer.Error != "" {
			m.REST = fact.NotKnown[fact.REST](fact.Silent, "%s", answer.Error)
			m.Liveness = fact.Because[int](m.REST)
			continue
		}
		header := http.Header{}
		for k, v := range answer.Headers {
			header.Set(k, v)
		}
		took := time.Duration(answer.Seconds * float64(time.Second))
		m.REST = patroniapi.Decode(answer.Status, header, answer.Body).Stamped("GET "+url, time.Time{}, took)
		m.Liveness = fact.Known(rec.REST[node]["/liveness"].Status)
	}
	s := &fact.Recording{Snapshot: &fact.Snapshot{
		Schema: fact.SnapshotSchema, Target: fact.Target{Scope: "pay", Namespace: "/service"},
		DCS: fact.DCS{
			Kind: "etcd3", Prefix: prefix, Read: fact.Known(len(kvs)),
			Alarms: fact.Known([]string{}), Cluster: fact.Known(cluster),
		},
		Members: members, Moved: fact.Known([]string{}),
	}}
	s.Sort()
	return s
}
