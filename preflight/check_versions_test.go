package preflight

// releasesAre gives node1, node2 and node3 their releases of Patroni.
func releasesAre(s *Recording, versions ...string) {
	for i := range s.Members {
		s.Members[i].Key.Value.Version = Known(versions[i])
	}
}
