// Package e2e holds the tests on real clusters: bring a cluster into a state,
// run the tool, then do the real switchover and see what became of it. They
// need the build tag e2e and a Docker engine; make test runs them.
package e2e
