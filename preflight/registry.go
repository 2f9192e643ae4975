package preflight

import "slices"

// Checks is the registry: every check, in the order in which they run and are
// reported. A check stands after those it builds on.
var Checks = slices.Concat(
	dcsChecks, maintenanceChecks, reachChecks, tlsChecks, identityChecks, lagChecks, candidateChecks, pausedChecks,
	cascadeChecks, promotionChecks, choiceChecks, decisionChecks, syncChecks, historyChecks, versionChecks,
	shutdownChecks, scheduleChecks, waybackChecks, followTLSChecks, upstreamChecks, releaseChecks,
	slotsChecks, settingsChecks, dataChecks,
)

// CheckByID finds a check, of a cluster or of an audit.
func CheckByID(id string) (Check, bool) {
	for _, checks := range [][]Check{Checks, AuditChecks} {
		for _, c := range checks {
			if c.ID == id {
				return c, true
			}
		}
	}
	return Check{}, false
}
