package preflight

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// AuditChecks is the registry of the checks of an audit, in the order in which
// they run and are reported: first those of the files alone, then those that
// compare the files with the running cluster.
var AuditChecks = slices.Concat(fileChecks, auditLiveChecks)

var fileChecks = []Check{
	auditScope, auditDCS, auditDCSLogin, auditNames, auditCitus, auditAddress, auditVIP, auditDistinct, auditPorts,
	auditListen, auditDataDir, auditRESTTLS, auditClientCert, auditRESTLogin, auditLogins, auditNofailover, auditNosync,
	auditTags, auditReplicatefrom, auditParameters, auditDynamic, auditWatchdog,
}

var auditLiveChecks = []Check{
	auditLiveCluster, auditLiveMembers, auditLiveName, auditLiveAddress, auditLiveTags, auditLiveSettings,
	auditLiveRestart,
}

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
func Audit(s *Snapshot, q Question, p Policies) Report { return audit(s, q, p, fileChecks) }

// AuditLive judges them, and holds them against the cluster in the snapshot.
func AuditLive(s *Snapshot, q Question, p Policies) Report {
	r := audit(s, q, p, AuditChecks)
	r.Live = true
	return r
}

func audit(s *Snapshot, q Question, p Policies, checks []Check) Report {
	results := Evaluate(s, q, p, checks)
	r := Report{
		SchemaVersion: ReportSchema, Tool: s.Tool, TakenAt: s.TakenAt, Request: Request{s.Target, q},
		Leader: s.Leader(), Members: membersOf(s), Baseline: BaselineOf(s, q), Files: auditedFiles(s),
		Candidates: []CandidateReport{}, Results: []WeighedResult{},
	}
	r.Verdict, r.Summary = weigh(results, s.Leader(), s.fileIDs(), p, nil, &r.Results)
	r.ExitCode = r.Verdict.ExitCode()
	return r
}

func auditedFiles(s *Snapshot) []AuditedFile {
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
			a.Tags = tagList(tags)
		}
		out = append(out, a)
	}
	return out
}

// tagList is tags as in YAML, in one line.
func tagList(t Tags) string {
	out := make([]string, 0, len(t))
	for name, v := range t {
		out = append(out, name+": "+show(v))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// String is host:port, IPv6 in brackets.
func (a HostPort) String() string {
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(a.Port)
}

// sides tells apart the files by what they say: `"demo" in node1 (a.yml, line 2)
// and node2 (b.yml, line 2); "test" in node3 (c.yml, line 2)`. same is whether all
// say the same. The first of the keys that a file has says where.
func (s *Snapshot) sides(values map[string]string, keys ...string) (text string, same bool) {
	at := map[string]string{}
	for _, f := range s.Files {
		for _, key := range slices.Backward(keys) {
			if where, ok := f.At[key]; ok {
				at[f.ID] = where
			}
		}
	}
	return s.sidesAt(values, at)
}

// sidesAt is sides with the places at hand.
func (s *Snapshot) sidesAt(values, at map[string]string) (text string, same bool) {
	var order []string
	of := map[string][]string{}
	for _, f := range s.Files {
		v, ok := values[f.ID]
		if !ok {
			continue
		}
		if of[v] == nil {
			order = append(order, v)
		}
		who := cmp.Or(at[f.ID], f.Path)
		if f.ID != f.Path {
			who = fmt.Sprintf("%s (%s)", f.ID, who)
		}
		of[v] = append(of[v], who)
	}
	for i, v := range order {
		order[i] = v + " in " + enumerate(of[v])
	}
	return strings.Join(order, "; "), len(order) < 2
}

func enumerate(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// all names the files for a question about them together.
func (s *Snapshot) all() string {
	if len(s.Files) == 1 {
		return s.Files[0].Path
	}
	return fmt.Sprintf("the %d files", len(s.Files))
}

// textsOf maps the values of all files to texts.
func textsOf[T any](values map[string]T, text func(T) string) map[string]string {
	out := map[string]string{}
	for id, v := range values {
		out[id] = text(v)
	}
	return out
}

// reload is the command by which Patroni reads its file again, on one node or on all.
func (s *Snapshot) reload(of ...NodeFile) string {
	words := []string{"patronictl", "reload", cmp.Or(s.Target.Scope, "SCOPE")}
	for _, f := range of {
		if name, ok := f.Name.Get(); ok {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}
