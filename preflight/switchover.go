package preflight

import (
	"time"

	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// SwitchoverReport is a switchover from the check to its outcome.
type SwitchoverReport struct {
	SchemaVersion int `json:"schema_version"`
	ExitCode      int `json:"exit_code"`
	// Check is the judgement before it.
	Check Report `json:"check"`
	Plan  Plan   `json:"plan"`
	// Request is nil where no request was sent.
	Request *RequestResult `json:"request"`
	// Verification is nil where no request was sent, or watching it failed.
	Verification *verify.Verification `json:"verification"`
	// Outage is the time without a primary; nil where no request was sent, and where it is
	// not measured: a scheduled switchover, a standby cluster.
	Outage *verify.Outage `json:"without_primary"`
	// Again is the judgement after a refusal, nil where Patroni did not refuse.
	Again *Report `json:"check_again,omitempty"`
}

// RequestResult is the request to Patroni, and the answer. It holds no secret, and
// decides nothing: the outcome is judged by the state of the cluster.
type RequestResult struct {
	// Via is "patronictl" or "rest", Asked the command line or the request.
	Via   string `json:"via"`
	Asked string `json:"asked"`
	// Began and Ended are by the clock of the machine that runs the tool.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Status is patronictl's exit code, which is 0 for a refusal too, or the HTTP
	// status; -1 where there was none.
	Status int `json:"status"`
	// Output is the text of the answer.
	Output string `json:"output"`
	// Problem is why the answer is not complete, "" where it is.
	Problem string `json:"problem"`
}

// Whom is the candidate of a plan, for people.
func (p Plan) Whom() string {
	if p.Candidate == "" {
		return "whichever member Patroni chooses"
	}
	return p.Candidate
}

// IsScheduled reports whether the DCS holds the scheduled switchover of the baseline,
// and the leader is unchanged.
func IsScheduled(b verify.Baseline, s *fact.Snapshot) bool {
	f, ok := fact.FailoverKey.Of(s, "").Get()
	return ok && s.Leader() == b.Leader && f.ScheduledAt != "" && f.Leader == b.Leader && f.Candidate == b.Candidate
}

// AsScheduled is the verification of a switchover that the DCS holds for later. It
// has no outcome yet, so it has no points.
func AsScheduled(v verify.Verification) verify.Verification {
	v.Outcome, v.ExitCode, v.Settled = verify.Scheduled, exitcode.Go, true
	v.Points, v.Results = []verify.Point{}, nil
	v.Reason = v.Baseline.Leader + " leads until then; the switchover is not checked again when it is due"
	return v
}

// ChangedSince says how the REST API that answered as the leader before answers now,
// "" where that is unchanged.
func ChangedSince(before, now fact.Observed[fact.REST]) string {
	b, _ := before.Get()
	n, ok := now.Get()
	switch {
	case !ok:
		return "the leader's REST API no longer answers (" + now.Reason() + ")"
	case b.Name.Known() && n.Name.Known() && *b.Name.Value != *n.Name.Value:
		return "at the leader's REST API " + *n.Name.Value + " answers now"
	case b.Role.Known() && n.Role.Known() && *b.Role.Value != *n.Role.Value:
		return "the leader's REST API now says role " + *n.Role.Value
	}
	return ""
}
