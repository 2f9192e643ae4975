package check

// Internals for the tests in package check_test.

const CascadeBlocks = cascadeBlocks
