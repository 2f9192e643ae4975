// Package check holds the engine and every check of a cluster, a topic a file: the
// checks "lag.*" are in lag.go, their cases in lag_test.go.
package check

import (
	"fmt"
	"strings"

	"patroni-preflight/preflight/fact"
)

// Severity says what a finding means for the verdict.
type Severity string

// Severities, from worst to best. Evidence is not a finding against the
// cluster: it is what a check saw that made it pass.
const (
	Blocker  Severity = "blocker"
	Warning  Severity = "warning"
	Info     Severity = "info"
	Evidence Severity = "evidence"
)

// Kind tells whose rule a finding states. The two are never mixed up in words.
type Kind string

// The kinds of rule.
const (
	// PatroniRule is what Patroni itself will do.
	PatroniRule Kind = "patroni"
	// Policy is what this tool holds where Patroni does not look.
	Policy Kind = "policy"
)

// Of says whom a check judges.
type Of string

// The subjects of checks.
const (
	OfCluster  Of = "cluster"  // once
	OfLeader   Of = "leader"   // the holder of the leader key
	OfReplicas Of = "replicas" // every member but the leader: each may be a candidate
	OfMembers  Of = "members"  // every member
	OfFiles    Of = "files"    // every configuration file, in an audit
	OfOutcome  Of = "outcome"  // the cluster after a switchover
)

// Check is one thing that must hold before a switchover: data, and one pure
// function. To add a check is to write one of these, put it into the registry
// and give it its cases.
type Check struct {
	// ID is "<topic>.<name>": stable for ever, never renamed or reused.
	ID string
	// Title is positive: what is true when the check passes.
	Title string
	// Why says what happens otherwise, Source where that is known from: a Patroni
	// file and function, a PostgreSQL view, a public report.
	Why    string
	Source string
	// Fix is the remedy in general; findings carry the exact one.
	Fix string
	// Proof says how it was shown that the rule is true: by which scenario on a
	// real cluster, by which recording, or by what else.
	Proof string
	// Since is the version of this tool that brought the check.
	Since    string
	Kind     Kind
	Severity Severity
	// Essential: undecided here means that the verdict cannot be GO.
	Essential bool
	Of        Of
	// Optional: where it is undecided because the role or the server's version
	// does not show the fact, that is no warning; the check needs more than the
	// least rights. Never together with Essential.
	Optional bool
	// Eligibility: it says whether the subject may be chosen, or with what risk. That
	// another member than the candidate is no choice is no fault and no warning.
	Eligibility bool
	// After names checks on whose ground this one builds. Where one of them did
	// not pass for the same subject, or for the cluster, this one is skipped.
	After []string
	// Repeats names checks that say the same in more detail. Where the user
	// ignores one of them, the findings of this one only inform.
	Repeats []string
	// Needs are the facts that must be known. Where one is not, the result is
	// unknown and Run is not called.
	Needs []fact.Need
	// Run judges one subject: a member's name, or "" for the cluster. It sees
	// nothing but its arguments. No finding worse than Evidence means pass.
	Run func(s *fact.Snapshot, q fact.Question, subject string) []Finding
}

// Topic is the part of the ID before the dot.
func (c Check) Topic() string {
	t, _, _ := strings.Cut(c.ID, ".")
	return t
}

// Policies is what the user decides about the judgement, as opposed to the facts.
type Policies struct {
	// Ignore demotes the blockers of a check, by ID, to warnings; the value is the reason.
	Ignore map[string]string
	// FailOnWarning makes a warning count like a blocker.
	FailOnWarning bool
}

// Finding is what a check has to say about one subject, as structure; Sentence
// makes prose from it.
type Finding struct {
	Severity Severity `json:"severity"`
	Kind     Kind     `json:"kind"`
	// Subject is the member concerned, "" for the cluster.
	Subject string `json:"subject,omitempty"`
	// Asked is the question and its target: "GET http://10.0.0.7:8008/patroni, the api_url of server5".
	Asked string `json:"asked"`
	// Observed is what answered.
	Observed string `json:"observed"`
	// Expected is what should have.
	Expected string `json:"expected,omitempty"`
	// Value and Limit are the figures compared, in Unit.
	Value *int64 `json:"value,omitempty"`
	Limit *int64 `json:"limit,omitempty"`
	Unit  string `json:"unit,omitempty"`
	// Effect is why this matters to a switchover.
	Effect string `json:"effect,omitempty"`
	// Remedy is the exact cure.
	Remedy string `json:"remedy,omitempty"`
	// Anyone: counts in full even if the subject is neither leader nor candidate.
	Anyone bool `json:"-"`
}

// Sentence is the finding as prose: what was asked, what answered, why that
// matters, and the remedy.
func (f Finding) Sentence() string {
	var b strings.Builder
	b.WriteString(f.Asked + ": " + f.Observed)
	if f.Expected != "" {
		b.WriteString(", expected " + f.Expected)
	}
	b.WriteString(".")
	for _, part := range []string{f.Effect, f.Remedy} {
		if part != "" {
			b.WriteString(" " + part)
		}
	}
	return b.String()
}

// Witnessed is a finding that says what made a check pass.
func Witnessed(asked, format string, args ...any) []Finding {
	return []Finding{{Severity: Evidence, Asked: asked, Observed: fmt.Sprintf(format, args...)}}
}

// bytesOf fills the figures of a finding.
func (f Finding) bytesOf(value, limit int64) Finding {
	f.Value, f.Limit, f.Unit = &value, &limit, "bytes"
	return f
}

// secondsOf fills the figures of a finding.
func (f Finding) secondsOf(value, limit int64) Finding {
	f.Value, f.Limit, f.Unit = &value, &limit, "seconds"
	return f
}

// ReportSchema is the schema version of a Report as JSON. Changes are additive
// within a version.
const ReportSchema = 1
