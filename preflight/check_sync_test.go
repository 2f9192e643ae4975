package preflight

// inMode is a synchronous mode in which node2 and node3 are synchronous.
func inMode(s *Recording, mode string, strict bool) {
	config4(s).SynchronousMode, config4(s).SynchronousModeStrict = Known(mode), Known(strict)
	s.DCS.Cluster.Value.Sync = Known(Sync{Leader: "node1", Standbys: []string{"node2", "node3"}})
}

// alone takes node3 from the cluster.
func alone(s *Recording) { s.Members = s.Members[:2] }

func tagged(s *Recording, m, tag string, value any) {
	s.member(m).Key.Value.Tags = Known(Tags{tag: value})
}
