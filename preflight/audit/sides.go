package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

// AuditChecks is the registry of the checks of an audit, in the order in which
// they run and are reported: first those of the files alone, then those that
// compare the files with the running cluster.
var AuditChecks = slices.Concat(FileChecks, auditLiveChecks)

var FileChecks = []check.Check{
	auditScope, auditDCS, auditDCSLogin, auditNames, auditCitus, auditAddress, auditVIP, auditDistinct, auditPorts,
	auditListen, auditDataDir, auditRESTTLS, auditClientCert, auditRESTLogin, auditLogins, auditNofailover, auditNosync,
	auditTags, auditReplicatefrom, auditParameters, auditDynamic, auditWatchdog,
}

var auditLiveChecks = []check.Check{
	auditLiveCluster, auditLiveMembers, auditLiveName, auditLiveAddress, auditLiveTags, auditLiveSettings,
	auditLiveRestart,
}

// TagList is tags as in YAML, in one line.
func TagList(t fact.Tags) string {
	out := make([]string, 0, len(t))
	for name, v := range t {
		out = append(out, name+": "+patroni.Show(v))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// sides tells apart the files by what they say: `"demo" in node1 (a.yml, line 2)
// and node2 (b.yml, line 2); "test" in node3 (c.yml, line 2)`. same is whether all
// say the same. The first of the keys that a file has says where.
func sides(s *fact.Snapshot, values map[string]string, keys ...string) (text string, same bool) {
	at := map[string]string{}
	for _, f := range s.Files {
		for _, key := range slices.Backward(keys) {
			if where, ok := f.At[key]; ok {
				at[f.ID] = where
			}
		}
	}
	return sidesAt(s, values, at)
}

// sidesAt is sides with the places at hand.
func sidesAt(s *fact.Snapshot, values, at map[string]string) (text string, same bool) {
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

// allFiles names the files for a question about them together.
func allFiles(s *fact.Snapshot) string {
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

// reloadCommand is the command by which Patroni reads its file again, on one node or on all.
func reloadCommand(s *fact.Snapshot, of ...fact.NodeFile) string {
	words := []string{"patronictl", "reload", cmp.Or(s.Target.Scope, "SCOPE")}
	for _, f := range of {
		if name, ok := f.Name.Get(); ok {
			words = append(words, name)
		}
	}
	return strings.Join(words, " ")
}
