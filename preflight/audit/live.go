package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// The audit's checks that hold the files against the running cluster (--live).
// What differs is not wrong: it is what a reload or a restart would change.

const liveProof = "TestAuditLiveCases; the audit of a real cluster whose files were changed without a reload, in e2e."

var auditLiveCluster = check.Check{
	ID:        "audit.live_cluster",
	Title:     "the running cluster is the cluster of the files",
	Since:     "0.2.0",
	Why:       "Comparing the files of one cluster with another cluster shows nothing about either.",
	Source:    "scope and namespace of the files; the keys under that prefix in the DCS",
	Fix:       "Name a configuration of that cluster with -c, or audit the files of the cluster that it names.",
	Proof:     liveProof,
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs: []fact.Need{
		fact.InEach(fact.FileScope),
		fact.InEach(fact.FileNamespace),
		fact.DCSRead,
		fact.ClusterState,
		fact.DCSMoved,
	},
	Run: runLiveCluster,
}

var auditLiveMembers = check.Check{
	ID:    "audit.live_members",
	Title: "each member has a file, and each file has a member",
	Since: "0.2.0",
	Why: "A member without a file was not audited. A file without a member belongs to a node that is down or new, " +
		"or it renames a running node: the node would join as a new member, and the slot and key of the old name remain.",
	Source:    "/members in the DCS; name of the files",
	Fix:       "Add the file of the missing member; if a name changes, remove the old member first.",
	Proof:     liveProof,
	Kind:      check.Policy,
	Severity:  check.Warning,
	Essential: true,
	Of:        check.OfCluster,
	After:     []string{"audit.live_cluster"},
	Needs:     []fact.Need{fact.ClusterState, fact.InEach(fact.FileName)},
	Run:       runLiveMembers,
}

var auditLiveName = check.Check{
	ID:    "audit.live_name",
	Title: "the REST API of each member answers with the name in its file",
	Since: "0.2.0",
	Why: "If another name answers at a member's api_url, it is another node, or the file was renamed after " +
		"Patroni read it.",
	Source:    "patroni.name in GET /patroni (since 3.2.0); patroni/api.py",
	Fix:       "Run check: identity.rest_name says which node answers there.",
	Proof:     liveProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	After:     []string{"audit.live_cluster"},
	Needs:     []fact.Need{ofLive(fact.RESTName), ofLive(fact.RESTScope)},
	Run:       runLiveName,
}

var auditLiveAddress = check.Check{
	ID:    "audit.live_address",
	Title: "the members use the addresses in their files",
	Since: "0.2.0",
	Why: "The other nodes use the addresses in the member key. Patroni writes them when it starts or reloads, so " +
		"until then a corrected file has no effect.",
	Source:    "api_url and conn_url of the member key; " + addressSource,
	Fix:       "patronictl reload; restart Patroni if listen changed too.",
	Proof:     liveProof,
	Kind:      check.PatroniRule,
	Severity:  check.Warning,
	Essential: true,
	Of:        check.OfFiles,
	After:     []string{"audit.live_cluster"},
	Needs: []fact.Need{
		ofLive(fact.KeyAPIURL),
		ofLive(fact.KeyConnURL),
		fact.FileRESTAddress,
		fact.FileSQLAddress,
		fact.FileHTTPS,
	},
	Run: runLiveAddress,
}

var auditLiveTags = check.Check{
	ID:        "audit.live_tags",
	Title:     "the members use the tags in their files",
	Since:     "0.2.0",
	Why:       "Patroni and patronictl use the tags in the member key and in the REST answer, which change with a reload.",
	Source:    "tags in the member key and in GET /patroni; patroni/tags.py, _filter_tags",
	Fix:       "patronictl reload.",
	Proof:     liveProof,
	Kind:      check.PatroniRule,
	Severity:  check.Warning,
	Essential: true,
	Of:        check.OfFiles,
	After:     []string{"audit.live_cluster"},
	Needs:     []fact.Need{ofLive(fact.KeyTags), ofLive(fact.RESTTags), fact.FileTags},
	Run:       runLiveTags,
}

var auditLiveSettings = check.Check{
	ID:    "audit.live_settings",
	Title: "PostgreSQL runs with the settings in the files",
	Since: "0.2.0",
	Why: "A setting in a file takes effect with a reload, some only with a restart of PostgreSQL. Once Patroni " +
		"has read the setting, a switchover is such a restart for the old leader: it returns with the new value, while the " +
		"new leader still has the old one.",
	Source:    "pg_settings; postgresql.listen and postgresql.parameters; PostgreSQL's context of each setting",
	Fix:       "patronictl reload, then patronictl restart if the finding names a restart.",
	Proof:     liveProof,
	Kind:      check.PatroniRule,
	Severity:  check.Warning,
	Essential: true,
	Of:        check.OfFiles,
	After:     []string{"audit.live_cluster"},
	Needs:     []fact.Need{liveSettings, fact.FileSQLListen, fact.FileSQLPort, fact.FileParameters},
	Run:       runLiveSettings,
}

var auditLiveRestart = check.Check{
	ID:        "audit.live_restart",
	Title:     "no member waits for a restart",
	Since:     "0.2.0",
	Why:       "A setting that waits for a restart changes at the next one, and a switchover restarts the old leader.",
	Source:    "pending_restart and pending_restart_reason (since 3.3.0) in the member key",
	Fix:       "patronictl restart, one member after the other.",
	Proof:     liveProof,
	Kind:      check.PatroniRule,
	Severity:  check.Warning,
	Essential: true,
	Of:        check.OfFiles,
	After:     []string{"audit.live_cluster"},
	Needs:     []fact.Need{ofLive(fact.KeyPendingRestart)},
	Run:       runLiveRestart,
}

// live is a fact of the running member that a file is of; there is false where the
// cluster has no such member, which is knowledge.
type live[T any] struct {
	there bool
	value T
}

// ofLive is a member's fact, by the name in the file.
func ofLive[T any](f fact.Fact[T]) fact.Fact[live[T]] {
	return fact.Fact[live[T]]{Label: f.Label, Of: func(s *fact.Snapshot, id string) fact.Observed[live[T]] {
		name := fact.FileName.Of(s, id)
		n, ok := name.Get()
		if !ok {
			return fact.Because[live[T]](name)
		}
		if !s.DCS.Cluster.Known() {
			return fact.Because[live[T]](s.DCS.Cluster)
		}
		if _, there := s.Member(n); !there {
			return fact.Known(live[T]{})
		}
		o := f.Of(s, n)
		v, ok := o.Get()
		if !ok {
			return fact.Because[live[T]](o)
		}
		return fact.Known(live[T]{true, v})
	}}
}

// noMember is the evidence where there is nothing to hold a file against.
func noMember(s *fact.Snapshot, f fact.NodeFile) []check.Finding {
	return check.Witnessed(s.KeyName("/members/"), "no member %s exists", f.Name.OrZero())
}

func runLiveCluster(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	namespaces := fact.InEach(fact.FileNamespace).Get(s, "")
	paths := map[string]string{}
	same := true
	seen := strings.TrimSuffix(s.Target.Namespace, "/") + "/" + s.Target.Scope
	for id, scope := range fact.InEach(fact.FileScope).Get(s, "") {
		paths[id] = strings.TrimSuffix(namespaces[id], "/") + "/" + scope
		same = same && paths[id] == seen
	}
	if moved := fact.DCSMoved.Get(s, ""); len(moved) > 0 {
		return []check.Finding{
			{
				Asked: s.KeyName(
					"/",
				),
				Observed: "the cluster changed while it was read: " + strings.Join(moved, ", "),
				Expected: "a cluster that does not change",
				Effect:   "The facts are not from one moment.",
				Remedy:   "Run the audit again.",
			},
		}
	}
	observed, _ := sides(s, paths, "scope", "namespace")
	if same {
		return check.Witnessed(s.KeyName("/"), "%d members; %s", len(s.Members), observed)
	}
	return []check.Finding{{
		Asked: allFiles(s) + ", scope and namespace", Observed: observed + "; the running cluster is " + seen, Expected: seen,
		Effect: "The files belong to another cluster than the one that was read.",
		Remedy: "Name a configuration of their cluster with -c, or give --scope and --namespace.",
	}}
}

func runLiveMembers(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	names := slices.Sorted(maps.Values(fact.InEach(fact.FileName).Get(s, "")))
	var without, gone []string
	for _, m := range s.Members {
		if !slices.Contains(names, m.Name) {
			without = append(without, m.Name)
		}
	}
	for _, f := range s.Files {
		// A look sees one Citus group.
		if _, there := s.Member(f.Name.Must()); !there && fact.Equal(f.Group, s.Target.Group) {
			gone = append(gone, fmt.Sprintf("%s (%s)", f.Name.Must(), f.Where("name")))
		}
	}
	var out []check.Finding
	if without != nil {
		out = append(out, check.Finding{
			Asked:    s.KeyName("/members/"),
			Observed: "no file for " + enumerate(without),
			Expected: "a file for each member",
			Effect:   "It was not audited, so the comparison of the files is incomplete.",
			Remedy: "Give the patroni.yml of " + enumerate(
				without,
			) + " too; if the member no longer exists, its key expires by itself.",
		})
	}
	if gone != nil {
		out = append(
			out,
			check.Finding{
				Asked: s.KeyName(
					"/members/",
				),
				Observed: "no member is called " + enumerate(gone),
				Expected: "a member for each file",
				Effect: "The node is down or new, or it runs under another name: a restart of Patroni would add it as a new " +
					"member.",
				Remedy: "Start Patroni there; or correct name in the file, if the node already has another name.",
			},
		)
	}
	if out == nil {
		return check.Witnessed(s.KeyName("/members/"), "%s, as in the files", enumerate(names))
	}
	return out
}

func runLiveName(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	name, scope := ofLive(fact.RESTName).Get(s, id), ofLive(fact.RESTScope).Get(s, id)
	if !name.there {
		return noMember(s, f)
	}
	m := f.Name.Must()
	asked := s.RESTCall(m)
	switch {
	case scope.value != s.Target.Scope:
		return []check.Finding{
			{
				Asked:    asked,
				Observed: fmt.Sprintf("patroni.scope is %q", scope.value),
				Expected: fmt.Sprintf("%q, as in %s", s.Target.Scope, f.Where("scope")),
				Effect:   "The node that answers belongs to another cluster.",
				Remedy:   "Correct restapi.connect_address or scope in " + f.Path + ", and restart Patroni there.",
			},
		}
	case name.value != "" && name.value != m:
		return []check.Finding{
			{
				Asked:    asked,
				Observed: "the answer is from " + name.value,
				Expected: m + ", as in " + f.Where("name"),
				Effect: fmt.Sprintf(
					"A client that asks for %s gets %s's answer: a switchover to %s fails, or Patroni promotes it by the wrong "+
						"figures.",
					m,
					name.value,
					m,
				),
				Remedy: endpointsOf(f)[0].remedy(f, s),
			},
		}
	}
	return check.Witnessed(asked, "it answers for %s of %s", m, scope.value)
}

func runLiveAddress(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	api, conn := ofLive(fact.KeyAPIURL).Get(s, id), ofLive(fact.KeyConnURL).Get(s, id)
	if !api.there {
		return noMember(s, f)
	}
	scheme := map[bool]string{true: "https", false: "http"}[fact.FileHTTPS.Get(s, id)]
	var out []check.Finding
	for i, e := range endpointsOf(f) {
		field, url := [2]string{"api_url", "conn_url"}[i], [2]string{api.value, conn.value}[i]
		c := e.own.Connect.Must()
		hosts, _ := fact.HostsOf(url)
		wanted := c.String()
		match := slices.ContainsFunc(hosts, func(hp string) bool {
			host, port, _ := strings.Cut(hp, " ")
			return fact.SameHost(host, c.Host) && port == fmt.Sprint(c.Port)
		})
		if field == "api_url" {
			wanted = scheme + "://" + wanted
			match = match && strings.HasPrefix(url, scheme+"://")
		}
		if match {
			continue
		}
		out = append(
			out,
			check.Finding{
				Asked: s.KeyName(
					"/members/" + f.Name.Must(),
				),
				Observed: fmt.Sprintf("%s is %s, the file has %s (%s)", field, url, wanted, f.Where(e.key())),
				Expected: "the address of the file",
				Effect: "The other nodes use the member key: the file was changed after Patroni read it, or Patroni reads " +
					"another file.",
				Remedy: "A reload applies it: put the file in place, then run: " + reloadCommand(s, f),
			},
		)
	}
	if out == nil {
		return check.Witnessed(
			s.KeyName("/members/"+f.Name.Must()),
			"api_url %s, conn_url %s, as in the file",
			api.value,
			conn.value,
		)
	}
	return out
}

func runLiveTags(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	key, rest := ofLive(fact.KeyTags).Get(s, id), ofLive(fact.RESTTags).Get(s, id)
	if !key.there {
		return noMember(s, f)
	}
	want := TagList(effective(fact.FileTags.Get(s, id)))
	var differ []string
	for _, side := range []struct {
		what string
		tags fact.Tags
	}{{"the member key", key.value}, {"the REST answer", rest.value}} {
		if got := TagList(effective(side.tags)); got != want {
			differ = append(differ, fmt.Sprintf("%s has {%s}", side.what, got))
		}
	}
	asked := f.Where("tags")
	if differ == nil {
		return check.Witnessed(asked, "{%s}, as in the member key and in the REST answer", want)
	}
	return []check.Finding{
		{
			Asked:    asked,
			Observed: fmt.Sprintf("{%s}, and %s", want, strings.Join(differ, ", ")),
			Expected: "the same",
			Effect: "Patroni decides by the file that it has read: the file was changed after that, or Patroni reads " +
				"another file.",
			Remedy: "A reload applies it: put the file in place, then run: " + reloadCommand(s, f),
		},
	}
}

// ownTags are the tags that mean something to Patroni, and whether it leaves one
// out that is not true (patroni/tags.py, _filter_tags).
var ownTags = map[string]bool{
	"clonefrom": true, "nofailover": true, "noloadbalance": true, "nosync": true, "nostream": true,
	"failover_priority": false, "replicatefrom": false, "sync_priority": false,
}

// AuditedTag reports whether a tag is one that an audit looks at.
func AuditedTag(name string) bool {
	_, ok := ownTags[name]
	return ok
}

// effective leaves out what says nothing.
func effective(t fact.Tags) fact.Tags {
	out := fact.Tags{}
	for name, v := range t {
		if drops, own := ownTags[name]; own && (!drops || fact.PythonBool(v)) {
			out[name] = v
		}
	}
	return out
}

func runLiveRestart(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	pending := ofLive(fact.KeyPendingRestart).Get(s, id)
	if !pending.there {
		return noMember(s, f)
	}
	name := f.Name.Must()
	asked := s.KeyName("/members/" + name)
	if !pending.value {
		return check.Witnessed(asked, "no pending_restart")
	}
	observed := "pending_restart"
	if why := fact.OfKey("", func(k fact.MemberKey) fact.Observed[[]string] { return k.PendingRestartReason }).
		Of(s, name).
		OrZero(); len(
		why,
	) > 0 {
		observed += ": " + strings.Join(why, ", ")
	}
	return []check.Finding{
		{
			Asked:    asked,
			Observed: observed,
			Expected: "no setting that waits for a restart",
			Effect: "These settings change with the next restart of PostgreSQL on " + name + "; a switchover restarts the " +
				"old leader.",
			Remedy: "A restart applies it: patronictl restart " + s.Target.Scope + " " + name,
		},
	}
}
