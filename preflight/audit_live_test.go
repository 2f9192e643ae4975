package preflight

import (
	"fmt"
	"maps"
	"strings"
	"testing"
)

func init() { maps.Copy(auditCases, auditLiveCases) }

// liveFiles is the recorded healthy cluster with the files that its nodes have.
func liveFiles(t testing.TB) *Recording {
	s := healthy(t)
	s.Files = nodeFiles().Files
	for i := range s.Files {
		host := fmt.Sprintf("10.77.9.2%d", i+1)
		s.Files[i].REST.Connect, s.Files[i].SQL.Connect = at(host, 8008), at(host, 5432)
	}
	return s
}

func rolledOut(name, value string) func(s *Recording) {
	return func(s *Recording) { s.file("node2").Parameters = Known(map[string]string{name: value}) }
}

// auditLiveCases are the breakages of the checks that look at the cluster too.
var auditLiveCases = map[string][]breakage{
	"audit.live_cluster": {
		{"another", "", func(s *Recording) { everyFile(s, func(f *NodeFile) { f.Scope = Known("test") }) }, Fail, ""},
		{"moved", "", func(s *Recording) { s.Moved = Known([]string{"leader"}) }, Fail, ""},
		{"not read", "", func(s *Recording) {
			s.DCS.Read = NotKnown[int](Silent, "no answer")
			s.DCS.Cluster = Because[Cluster](s.DCS.Read)
		}, Undecided, ""},
	},
	"audit.live_members": {
		{"no file", "", func(s *Recording) { s.Files = s.Files[:2] }, Fail, Warning},
		{"no member", "", func(s *Recording) { s.file("node3").Name = Known("node4") }, Fail, Warning},
		{"a member of another Citus group", "", func(s *Recording) {
			f := *s.file("node3")
			f.ID, f.Name, f.Group = "worker1", Known("worker1"), Known("1")
			s.Files = append(s.Files, f)
		}, Pass, ""},
		{"no name", "", func(s *Recording) { s.file("node3").Name = unknown[string]() }, Undecided, ""},
	},
	"audit.live_name": {
		{"another node answers", "node2", func(s *Recording) { s.member("node2").REST.Value.Name = Known("node1") }, Fail, ""},
		{"another cluster answers", "node2", func(s *Recording) { s.member("node2").REST.Value.Scope = Known("test") }, Fail, ""},
		{"an old Patroni gives no name", "node2", func(s *Recording) {
			r := s.member("node2").REST.Value
			r.Version, r.Name = Known("3.0.2"), NotKnown[string](Absent, "no name")
		}, Pass, ""},
		{"no member", "node3", func(s *Recording) { s.file("node3").Name = Known("node4") }, Pass, ""},
		{"no answer", "node2", func(s *Recording) { s.member("node2").REST = NotKnown[REST](Refused, "refused") }, Undecided, ""},
	},
	"audit.live_address": {
		{"REST", "node2", func(s *Recording) { s.file("node2").REST.Connect = at("10.77.9.32", 8008) }, Fail, Warning},
		{"a port", "node2", func(s *Recording) { s.file("node2").SQL.Connect = at("10.77.9.22", 5433) }, Fail, Warning},
		{"https", "node2", func(s *Recording) { s.file("node2").HTTPS = Known(true) }, Fail, Warning},
		{"no key", "node2", func(s *Recording) { s.member("node2").Key = unknown[MemberKey]() }, Undecided, ""},
	},
	"audit.live_tags": {
		{"a new tag", "node2", fileTagged("node2", Tags{"nofailover": true}), Fail, Warning},
		{"a tag less, not yet in the key", "node2", func(s *Recording) { s.member("node2").Key.Value.Tags = Known(Tags{"nosync": true}) }, Fail, Warning},
		{"false is none", "node2", fileTagged("node2", Tags{"nofailover": false, "nosync": false}), Pass, ""},
		{"a tag of one's own", "node2", func(s *Recording) {
			s.member("node2").Key.Value.Tags, s.member("node2").REST.Value.Tags = Known(Tags{"rack": "b"}), Known(Tags{"rack": "b"})
		}, Pass, ""},
		{"no answer", "node2", func(s *Recording) { s.member("node2").REST = unknown[REST]() }, Undecided, ""},
	},
	"audit.live_settings": {
		{"by a reload", "node2", rolledOut("wal_sender_timeout", "30s"), Fail, Warning},
		{"by a restart", "node2", rolledOut("shared_buffers", "64MB"), Fail, Warning},
		{"the port", "node2", func(s *Recording) { s.file("node2").SQL.ListenPort = Known(5433) }, Fail, Warning},
		{"the same in another unit", "node2", rolledOut("shared_buffers", "32768kB"), Pass, ""},
		{"a boolean of YAML", "node2", rolledOut("hot_standby_feedback", "false"), Pass, ""},
		{"what the DCS decides", "node2", rolledOut("max_connections", "500"), Pass, ""},
		{"not shown", "node2", func(s *Recording) {
			rolledOut("shared_preload_libraries", "x")(s)
			delete(*s.member("node2").SQL.Value.Settings.Value, "shared_preload_libraries")
		}, Undecided, ""},
		{"no session", "node2", func(s *Recording) { s.member("node2").SQL = unknown[SQL]() }, Undecided, ""},
	},
	"audit.live_restart": {
		{"pending", "node2", func(s *Recording) {
			s.member("node2").Key.Value.PendingRestart, s.member("node2").Key.Value.PendingRestartReason = Known(true), Known([]string{"shared_buffers"})
		}, Fail, Warning},
		{"no key", "node2", func(s *Recording) { s.member("node2").Key = unknown[MemberKey]() }, Undecided, ""},
	},
}

func TestGoodFilesPassAgainstTheirCluster(t *testing.T) {
	r := AuditLive(liveFiles(t).Snapshot, Question{}, Policies{})
	if r.Verdict != Go || r.Summary.Warnings > 0 || r.Summary.Skipped > 0 {
		t.Fatalf("%s, %+v\n%s", r.Verdict, r.Summary, fails(r))
	}
	for _, c := range auditLiveChecks {
		if c.Of == OfFiles {
			resultOf(t, r, c.ID, "node3")
		} else {
			resultOf(t, r, c.ID, "")
		}
	}
	for _, res := range r.Results {
		if res.Status != Pass || len(res.Findings) == 0 {
			t.Errorf("%s %s: %s with %d findings", res.Check, res.Subject, res.Status, len(res.Findings))
		}
	}
}

// TestOfflineNobodyIsAsked: without --live nothing depends on the cluster.
func TestOfflineNobodyIsAsked(t *testing.T) {
	for _, res := range Audit(nodeFiles().Snapshot, Question{}, Policies{}).Results {
		if strings.HasPrefix(res.Check, "audit.live_") {
			t.Errorf("%s was run", res.Check)
		}
	}
}

// TestNothingUnseenPassesLive: a fact of the cluster that is taken away leaves no
// GO where one of the live checks needs it.
func TestNothingUnseenPassesLive(t *testing.T) {
	undecided := 0
	for i := range len(factsIn(liveFiles(t))) {
		s := liveFiles(t)
		fact := factsIn(s)[i]
		fact.forget()
		r := AuditLive(s.Snapshot, s.Question, Policies{})
		for _, res := range r.Results {
			if res.Status == Undecided && strings.HasPrefix(res.Check, "audit.live_") {
				undecided++
				if r.Verdict == Go {
					t.Errorf("without %s: GO, and %s is undecided", fact.path, res.Check)
				}
			}
		}
	}
	if undecided < 50 {
		t.Errorf("only %d times undecided", undecided)
	}
}

func TestSameSetting(t *testing.T) {
	for _, c := range []struct {
		name, written, setting string
		same                   bool
	}{
		{"shared_buffers", "32MB", "4096", true},
		{"shared_buffers", "4096", "4096", true},
		{"shared_buffers", "1GB", "131072", true},
		{"shared_buffers", "1 GB", "131072", true},
		{"shared_buffers", "1GB", "131071", false},
		{"shared_buffers", "32ms", "4096", false},
		{"shared_buffers", "", "4096", false},
		{"shared_buffers", "1e30TB", "4096", false},
		{"wal_sender_timeout", "1min", "60000", true},
		{"wal_sender_timeout", "0", "0", true},
		{"wal_receiver_status_interval", "10s", "10", true},
		{"max_slot_wal_keep_size", "-1", "-1", true},
		{"max_wal_size", "1.5GB", "1536", true},
		{"max_wal_size", "1.5GB", "1535", false},
		{"hot_standby_feedback", "true", "on", true},
		{"hot_standby_feedback", "on", "off", false},
		{"synchronous_commit", "remote_apply", "on", false},
		{"archive_mode", "always", "on", false},
		{"shared_preload_libraries", "pg_stat_statements, auto_explain", "pg_stat_statements,auto_explain", true},
		{"shared_preload_libraries", "a,b", "b,a", false},
	} {
		if got := sameSetting(c.name, c.written, c.setting); got != c.same {
			t.Errorf("%s: %q and %q the same: %t", c.name, c.written, c.setting, got)
		}
	}
}
