// Package exitcode holds the exit codes of every command, in one place.
package exitcode

// Exit codes of the command, the same for every output format. docs/exit-codes.md
// has the same table; a test holds the two together.
const (
	Go        = 0  // GO; of switchover and verify: done, and verified
	Internal  = 1  // an error of the tool itself
	NoGo      = 2  // NO-GO: at least one blocker
	Unknown   = 3  // UNKNOWN: no blocker, and something essential could not be seen
	Usage     = 4  // wrong usage or configuration; nothing was judged
	Changed   = 5  // the cluster changed since the verdict; nothing was done
	Different = 10 // done, but with a different outcome
	// OutcomeUnknown: it may still be under way; do not repeat it.
	OutcomeUnknown = 11
	Refused        = 12  // Patroni refused, and the cluster is unchanged
	Deadline       = 124 // the overall deadline passed before there was a verdict
	Interrupted    = 130 // SIGINT
	Terminated     = 143 // SIGTERM
)
