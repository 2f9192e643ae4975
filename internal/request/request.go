// Package request hands a switchover to Patroni: through patronictl, or by a POST
// to the leader's REST API. It writes to no DCS, and judges nothing: what became
// of the request is seen by the state of the cluster.
package request

import (
	"bytes"
	"io"
	"sync"
)

// maxOutput bounds what is kept of an answer, in bytes; all of it is shown.
const maxOutput = 64 << 10

// tee shows an output as it comes and keeps its beginning.
type tee struct {
	mu   sync.Mutex
	show io.Writer
	kept bytes.Buffer
}

func (t *tee) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if room := maxOutput - t.kept.Len(); room > 0 {
		t.kept.Write(p[:min(len(p), room)])
	}
	// Whether somebody reads it is no matter to the switchover.
	_, _ = t.show.Write(p)
	return len(p), nil
}

func (t *tee) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.kept.String()
}
