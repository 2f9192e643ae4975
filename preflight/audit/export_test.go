package audit

// Internals for the tests in package audit_test.

var AuditLiveChecks = auditLiveChecks

var SameSetting = sameSetting
