// Package request hands a switchover to Patroni: through patronictl, or by a POST
// to the leader's REST API. It writes to no DCS, and judges nothing: what became
// of the request is seen by the state of the cluster.
package request

import (
	"bytes"
	"io"
	"sync"

	"patroni-preflight/internal/foreign"
)

// maxOutput bounds what is kept of an answer, in bytes; all of it is shown.
const maxOutput = 64 << 10

// maxProblem bounds an error, in characters.
const maxProblem = 300

// tee shows an output as it comes and keeps its beginning, both without secrets and
// without anything that a terminal would obey.
type tee struct {
	mu   sync.Mutex
	text *foreign.Terminal
	to   split
}

func newTee(show io.Writer, hide foreign.Secrets) *tee {
	t := &tee{to: split{show: show}}
	t.text = foreign.NewTerminal(&t.to, hide)
	return t
}

func (t *tee) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

// end shows what is left and returns what was kept.
func (t *tee) end() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.text.Flush() // split accepts everything
	return t.to.kept.String()
}

type split struct {
	show io.Writer
	kept bytes.Buffer
}

func (s *split) Write(p []byte) (int, error) {
	if room := maxOutput - s.kept.Len(); room > 0 {
		s.kept.Write(p[:min(len(p), room)])
	}
	// Whether somebody reads it is no matter to the switchover.
	_, _ = s.show.Write(p)
	return len(p), nil
}
