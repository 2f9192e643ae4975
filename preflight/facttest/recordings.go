// Package facttest holds the recorded clusters, and the changes to them, that tests of several packages share.
package facttest

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"patroni-preflight/preflight/fact"
)

// testdata is the folder of the recordings, from whichever package a test runs.
func testdata() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "testdata")
}

// Load reads a snapshot that was recorded from a real cluster.
func Load(t testing.TB, name string) *fact.Recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(testdata(), "snapshots", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Healthy is a three-node cluster of Patroni 4.0.7: node1 leads, node2 is the
// candidate, node3 stands by.
func Healthy(t testing.TB) *fact.Recording {
	s := Load(t, "healthy-4.0.7")
	for i := range s.Members { // recorded before there were these facts
		s.Members[i].SQL.Value.Certificate = fact.Known(fact.Certificate{})
		s.Members[i].SQL.Value.UpstreamSSLMode = fact.Known("prefer")
		s.Members[i].SQL.Value.Subscriptions = fact.Known([]fact.Subscription{})
	}
	Confirming(s)
	Member(s.Snapshot, s.Leader()).Request = fact.Known(fact.RequestAnswer{HTTPStatus: fact.ListRefused, LoggedIn: true})
	s.DCS.ClusterID = "cdf818194e3a8c32"
	for i := range s.DCS.Endpoints {
		st := s.DCS.Endpoints[i].Status.Value
		st.ClusterID, st.Leader, st.Revision = s.DCS.ClusterID, "8e9e05c52164694d", s.DCS.Cluster.Value.Revision
	}
	return s
}

// Member returns the member for a test to change.
func Member(s *fact.Snapshot, name string) *fact.Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	panic("no member " + name)
}
