package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"patroni-preflight/preflight/report"
)

// progress shows on stderr what a command waits for: as one live line on a
// terminal, else as a new line whenever the reason changes.
type progress struct {
	w    io.Writer
	live bool
	last string
}

// say shows what is missing, and how much time is left.
func (p *progress) say(what string, left time.Duration) {
	if p.live {
		fmt.Fprintf(p.w, "\r\x1b[K%s", report.Line(fmt.Sprintf("%.0f s left: %s", left.Seconds(), what), 79))
	} else if what != p.last {
		fmt.Fprintf(p.w, "patroni-preflight: %s; %.0f s left\n", report.Line(what, 500), left.Seconds())
	}
	p.last = what
}

// done clears the live line.
func (p *progress) done() {
	if p.live && p.last != "" {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
	p.last = ""
}

// countdown is a deadline, and a way to wait for the next try before it.
type countdown struct {
	end   time.Time
	now   func() time.Time
	sleep func(time.Duration)
}

// newCountdown begins now. Its sleep ends with the context.
func newCountdown(ctx context.Context, d time.Duration) countdown {
	return countdown{end: time.Now().Add(d), now: time.Now, sleep: func(d time.Duration) {
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}}
}

// left is the time until the deadline, at least 0.
func (c countdown) left() time.Duration { return max(0, c.end.Sub(c.now())) }

// until waits for a time, and reports whether that is before the deadline. Where
// it is not, it does not wait.
func (c countdown) until(t time.Time) bool {
	if t.After(c.end) {
		return false
	}
	if d := t.Sub(c.now()); d > 0 {
		c.sleep(d)
	}
	return true
}
