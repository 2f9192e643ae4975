package fact

import (
	"strings"
)

// Question is what the user asks about a snapshot. The facts do not depend on it:
// one snapshot answers any number of questions.
type Question struct {
	// ExpectedLeader is the leader that the user named, empty if the user named none.
	ExpectedLeader string `json:"leader,omitempty"`
	// Candidate is the member to be promoted, empty if Patroni chooses.
	Candidate string `json:"candidate,omitempty"`
	// ScheduledAt is the time for which the switchover is scheduled, as written;
	// empty for an immediate switchover.
	ScheduledAt string `json:"scheduled_at,omitempty"`
	// MaxInterruption is how long the cluster may be without a primary, in seconds; 0 if the
	// user gave no limit.
	MaxInterruption float64 `json:"max_interruption_seconds,omitempty"`
	// VIPs are addresses (IP or host name) that move with the leader.
	VIPs []string `json:"vips,omitempty"`
}

// Request is the cluster and the question, as reports and recordings print them.
type Request struct {
	Target
	Question
}

// About is the same question with another candidate, to be answered at once.
func (q Question) About(candidate string) Question {
	q.Candidate, q.ScheduledAt = candidate, ""
	return q
}

// Scheduled reports whether the question is about a switchover at a later time.
func (q Question) Scheduled() bool {
	return q.ScheduledAt != "" && !strings.EqualFold(q.ScheduledAt, "now")
}
