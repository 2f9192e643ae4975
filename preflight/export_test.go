package preflight

// Internals for the tests in package preflight_test.

var JudgeWith = judgeWith
