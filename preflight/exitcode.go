package preflight

// Exit codes of the command, the same for every output format. docs/exit-codes.md
// has the same table; a test holds the two together.
const (
	ExitGo        = 0  // GO; of switchover and verify: done, and verified
	ExitInternal  = 1  // an error of the tool itself
	ExitNoGo      = 2  // NO-GO: at least one blocker
	ExitUnknown   = 3  // UNKNOWN: no blocker, and something essential could not be seen
	ExitUsage     = 4  // wrong usage or configuration; nothing was judged
	ExitChanged   = 5  // the cluster changed since the verdict; nothing was done
	ExitDifferent = 10 // done, but with a different outcome
	// ExitOutcomeUnknown: it may still be under way; do not repeat it.
	ExitOutcomeUnknown = 11
	ExitRefused        = 12  // Patroni refused, and the cluster is unchanged
	ExitDeadline       = 124 // the overall deadline passed before there was a verdict
	ExitInterrupted    = 130 // SIGINT
	ExitTerminated     = 143 // SIGTERM
)

// Verdict is the answer for one candidate, or for the question as a whole.
type Verdict string

// The verdicts.
const (
	Go           Verdict = "GO"
	NoGo         Verdict = "NO-GO"
	UnknownState Verdict = "UNKNOWN"
)

// ExitCode is the verdict as an exit code.
func (v Verdict) ExitCode() int {
	switch v {
	case Go:
		return ExitGo
	case NoGo:
		return ExitNoGo
	}
	return ExitUnknown
}
