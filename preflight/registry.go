package preflight

// Checks is the registry: every check, in the order in which they run and are
// reported. A check stands after those it builds on.
var Checks = []Check{
	dcsReachable, dcsGroup, dcsScope, dcsStable, dcsAlarmsCheck, dcsEndpoints, dcsConfig, dcsLeader, dcsLeaderLease,
	dcsMemberLease, dcsFailoverKey,
	maintenancePause, maintenanceMember,
	leaderREST,
	candidateREST,
	leaderRunning,
	candidateRunning,
	leaderDCSView,
	memberHALoop,
	tlsEtcdCertificate, tlsRESTCertificate,
	identityAddress, identityVIP, identityRESTName, identityRESTScope, identityRESTSystemID, identitySQLSystemID,
	identityRESTRole, identityOneInstance, identityDistinct, identitySQLName, identityKeyRole, identitySQLRole,
	lagPatroni, lagReceive, lagReplay,
	candidateMember, candidateNofailover, candidateWatchdog, candidateSync, candidateStreaming, candidateTimeline,
	candidateAhead, candidateReplayPaused, candidateCascade, candidateApplyDelay, candidateConflicts,
	candidateRestoreCommand, candidateChoice, candidateSyncLag,
	patroniDecision,
	syncQuorum,
	patroniElection,
	dcsSyncLeader,
	syncStrictCheck,
	dcsHistory,
	versionMixed,
	shutdownWalsenders, shutdownBacklog, shutdownArchiver, shutdownCheckpoint, shutdownSessions, shutdownStopTimeout,
	shutdownEarlyRelease,
	leaderCheckpoint,
	scheduleTime, scheduleUnjudged, scheduleClock,
	restartScheduled,
	waybackRewind, waybackRole, waybackHBA, waybackWalsenders, waybackWALKept, waybackSlotStatus,
	tlsPostgreSQLCertificate,
	leaderUpstream,
	syncForeign,
	patroniFaults,
	waybackRestart,
	slotsLogical, slotsLogicalReady, slotsForeign, slotsCarriers, slotsNames,
	settingsHardLimits, settingsPendingRestart, settingsDiffer,
	dataServerVersion, dataExtensions, dataCollations, dataUnlogged,
}

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
