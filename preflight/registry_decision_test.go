package preflight

// quorumWith is quorum mode with both replicas as voters, by a leader of that version.
func quorumWith(s *Recording, version string) {
	s.Question.Candidate = ""
	config4(s).SynchronousMode = Known("quorum")
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2", "node3"}, Quorum: 1})
	for _, m := range s.Members {
		m.Key.Value.Version = Known(version)
	}
}
