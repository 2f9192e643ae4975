package preflight

import (
	"patroni-preflight/preflight/audit"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// AuditedFile is one file of an audit, as its report shows it.
type AuditedFile struct {
	ID   string `json:"id"`
	Path string `json:"path"`
	Name string `json:"name"`
	// REST and SQL are where the others reach the node, "?" where the file does not say.
	REST string `json:"rest"`
	SQL  string `json:"sql"`
	// Tags are Patroni's own ones, as in YAML.
	Tags string `json:"tags"`
}

// Audit judges the files in the snapshot. Each of them counts in full: there is
// no candidate.
func Audit(s *fact.Snapshot, q fact.Question, p check.Policies) Report {
	return judgeFiles(s, q, p, audit.FileChecks)
}

// AuditLive judges them, and holds them against the cluster in the snapshot.
func AuditLive(s *fact.Snapshot, q fact.Question, p check.Policies) Report {
	r := judgeFiles(s, q, p, audit.AuditChecks)
	r.Live = true
	return r
}

func judgeFiles(s *fact.Snapshot, q fact.Question, p check.Policies, checks []check.Check) Report {
	results := check.Evaluate(s, q, p, checks)
	r := Report{
		SchemaVersion: check.ReportSchema,
		Tool:          s.Tool,
		TakenAt:       s.TakenAt,
		Request:       fact.Request{Target: s.Target, Question: q},
		Leader:        s.Leader(),
		Members:       membersOf(s),
		Baseline:      verify.BaselineOf(s, q),
		Files:         auditedFiles(s),
		Candidates:    []CandidateReport{},
		Results:       []WeighedResult{},
	}
	r.Verdict, r.Summary = weigh(results, s.Leader(), s.FileIDs(), p, nil, &r.Results)
	r.ExitCode = r.Verdict.ExitCode()
	return r
}

func auditedFiles(s *fact.Snapshot) []AuditedFile {
	out := []AuditedFile{}
	for _, f := range s.Files {
		a := AuditedFile{ID: f.ID, Path: f.Path, Name: "?", REST: "?", SQL: "?", Tags: "?"}
		if name, ok := f.Name.Get(); ok {
			a.Name = name
		}
		if c, ok := f.REST.Connect.Get(); ok {
			a.REST = c.String()
		}
		if c, ok := f.SQL.Connect.Get(); ok {
			a.SQL = c.String()
		}
		if tags, ok := f.Tags.Get(); ok {
			a.Tags = audit.TagList(tags)
		}
		out = append(out, a)
	}
	return out
}
