package audit_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/audit"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

func init() { maps.Copy(auditCases, auditLiveCases) }

// liveFiles is the recorded healthy cluster with the files that its nodes have.
func liveFiles(t testing.TB) *fact.Recording {
	s := facttest.Healthy(t)
	s.Files = nodeFiles().Files
	for i := range s.Files {
		host := fmt.Sprintf("10.77.9.2%d", i+1)
		s.Files[i].REST.Connect, s.Files[i].SQL.Connect = at(host, 8008), at(host, 5432)
	}
	return s
}

func rolledOut(name, value string) func(s *fact.Recording) {
	return func(s *fact.Recording) { fileIn(s, "node2").Parameters = fact.Known(map[string]string{name: value}) }
}

// auditLiveCases are the breakages of the checks that look at the cluster too.
var auditLiveCases = map[string][]breakage{
	"audit.live_cluster": {
		{
			"another",
			"",
			func(s *fact.Recording) { everyFile(s, func(f *fact.NodeFile) { f.Scope = fact.Known("test") }) },
			check.Fail,
			"",
		},
		{"moved", "", func(s *fact.Recording) { s.Moved = fact.Known([]string{"leader"}) }, check.Fail, ""},
		{"not read", "", func(s *fact.Recording) {
			s.DCS.Read = fact.NotKnown[int](fact.Silent, "no answer")
			s.DCS.Cluster = fact.Because[fact.Cluster](s.DCS.Read)
		}, check.Undecided, ""},
	},
	"audit.live_members": {
		{"no file", "", func(s *fact.Recording) { s.Files = s.Files[:2] }, check.Fail, check.Warning},
		{
			"no member",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Name = fact.Known("node4") },
			check.Fail,
			check.Warning,
		},
		{"a member of another Citus group", "", func(s *fact.Recording) {
			f := *fileIn(s, "node3")
			f.ID, f.Name, f.Group = "worker1", fact.Known("worker1"), fact.Known("1")
			s.Files = append(s.Files, f)
		}, check.Pass, ""},
		{
			"no name",
			"",
			func(s *fact.Recording) { fileIn(s, "node3").Name = facttest.Unknown[string]() },
			check.Undecided,
			"",
		},
	},
	"audit.live_name": {
		{
			"another node answers",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Name = fact.Known("node1") },
			check.Fail,
			"",
		},
		{
			"another cluster answers",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST.Value.Scope = fact.Known("test") },
			check.Fail,
			"",
		},
		{"an old Patroni gives no name", "node2", func(s *fact.Recording) {
			r := facttest.Member(s.Snapshot, "node2").REST.Value
			r.Version, r.Name = fact.Known("3.0.2"), fact.NotKnown[string](fact.Absent, "no name")
		}, check.Pass, ""},
		{"no member", "node3", func(s *fact.Recording) { fileIn(s, "node3").Name = fact.Known("node4") }, check.Pass, ""},
		{"no answer", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").REST = fact.NotKnown[fact.REST](fact.Refused, "refused")
		}, check.Undecided, ""},
	},
	"audit.live_address": {
		{
			"REST",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").REST.Connect = at("10.77.9.32", 8008) },
			check.Fail,
			check.Warning,
		},
		{
			"a port",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").SQL.Connect = at("10.77.9.22", 5433) },
			check.Fail,
			check.Warning,
		},
		{
			"https",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").HTTPS = fact.Known(true) },
			check.Fail,
			check.Warning,
		},
		{
			"no key",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Key = facttest.Unknown[fact.MemberKey]() },
			check.Undecided,
			"",
		},
	},
	"audit.live_tags": {
		{"a new tag", "node2", fileTagged("node2", fact.Tags{"nofailover": true}), check.Fail, check.Warning},
		{"a tag less, not yet in the key", "node2", func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node2").Key.Value.Tags = fact.Known(fact.Tags{"nosync": true})
		}, check.Fail, check.Warning},
		{"false is none", "node2", fileTagged("node2", fact.Tags{"nofailover": false, "nosync": false}), check.Pass, ""},
		{
			"a tag of one's own",
			"node2",
			func(s *fact.Recording) {
				facttest.Member(
					s.Snapshot,
					"node2",
				).Key.Value.Tags, facttest.Member(s.Snapshot, "node2").REST.Value.Tags = fact.Known(
					fact.Tags{"rack": "b"},
				), fact.Known(
					fact.Tags{"rack": "b"},
				)
			},
			check.Pass,
			"",
		},
		{
			"no answer",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").REST = facttest.Unknown[fact.REST]() },
			check.Undecided,
			"",
		},
	},
	"audit.live_settings": {
		{"by a reload", "node2", rolledOut("wal_sender_timeout", "30s"), check.Fail, check.Warning},
		{"by a restart", "node2", rolledOut("shared_buffers", "64MB"), check.Fail, check.Warning},
		{
			"the port",
			"node2",
			func(s *fact.Recording) { fileIn(s, "node2").SQL.ListenPort = fact.Known(5433) },
			check.Fail,
			check.Warning,
		},
		{"the same in another unit", "node2", rolledOut("shared_buffers", "32768kB"), check.Pass, ""},
		{"a boolean of YAML", "node2", rolledOut("hot_standby_feedback", "false"), check.Pass, ""},
		{"what the DCS decides", "node2", rolledOut("max_connections", "500"), check.Pass, ""},
		{"not shown", "node2", func(s *fact.Recording) {
			rolledOut("shared_preload_libraries", "x")(s)
			delete(*facttest.Member(s.Snapshot, "node2").SQL.Value.Settings.Value, "shared_preload_libraries")
		}, check.Undecided, ""},
		{
			"no session",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").SQL = facttest.Unknown[fact.SQL]() },
			check.Undecided,
			"",
		},
	},
	"audit.live_restart": {
		{
			"pending",
			"node2",
			func(s *fact.Recording) {
				facttest.Member(
					s.Snapshot,
					"node2",
				).Key.Value.PendingRestart, facttest.Member(s.Snapshot, "node2").Key.Value.PendingRestartReason = fact.Known(
					true,
				), fact.Known(
					[]string{"shared_buffers"},
				)
			},
			check.Fail,
			check.Warning,
		},
		{
			"no key",
			"node2",
			func(s *fact.Recording) { facttest.Member(s.Snapshot, "node2").Key = facttest.Unknown[fact.MemberKey]() },
			check.Undecided,
			"",
		},
	},
}

func TestGoodFilesPassAgainstTheirCluster(t *testing.T) {
	r := preflight.AuditLive(liveFiles(t).Snapshot, fact.Question{}, check.Policies{})
	if r.Verdict != preflight.Go || r.Summary.Warnings > 0 || r.Summary.Skipped > 0 {
		t.Fatalf("%s, %+v\n%s", r.Verdict, r.Summary, facttest.Fails(r))
	}
	for _, c := range audit.AuditLiveChecks {
		if c.Of == check.OfFiles {
			facttest.ResultOf(t, r, c.ID, "node3")
		} else {
			facttest.ResultOf(t, r, c.ID, "")
		}
	}
	for _, res := range r.Results {
		if res.Status != check.Pass || len(res.Findings) == 0 {
			t.Errorf("%s %s: %s with %d findings", res.Check, res.Subject, res.Status, len(res.Findings))
		}
	}
}

// TestOfflineNobodyIsAsked: without --live nothing depends on the cluster.
func TestOfflineNobodyIsAsked(t *testing.T) {
	for _, res := range preflight.Audit(nodeFiles().Snapshot, fact.Question{}, check.Policies{}).Results {
		if strings.HasPrefix(res.Check, "audit.live_") {
			t.Errorf("%s was run", res.Check)
		}
	}
}

// TestNothingUnseenPassesLive: a fact of the cluster that is taken away leaves no
// GO where one of the live checks needs it.
func TestNothingUnseenPassesLive(t *testing.T) {
	undecided := 0
	for i := range len(facttest.FactsIn(liveFiles(t))) {
		s := liveFiles(t)
		fact := facttest.FactsIn(s)[i]
		fact.Forget()
		r := preflight.AuditLive(s.Snapshot, s.Question, check.Policies{})
		for _, res := range r.Results {
			if res.Status == check.Undecided && strings.HasPrefix(res.Check, "audit.live_") {
				undecided++
				if r.Verdict == preflight.Go {
					t.Errorf("without %s: GO, and %s is undecided", fact.Path, res.Check)
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
		if got := audit.SameSetting(c.name, c.written, c.setting); got != c.same {
			t.Errorf("%s: %q and %q the same: %t", c.name, c.written, c.setting, got)
		}
	}
}
