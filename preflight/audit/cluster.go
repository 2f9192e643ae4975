// Package audit holds the checks of the nodes' configuration files.
package audit

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// The audit's checks of what makes several files one cluster.

// auditProof is how the audit's rules are known to be true.
const auditProof = "TestAuditCases; TestAuditOfRealFiles on the files of real nodes."

var auditScope = check.Check{
	ID:    "audit.scope",
	Title: "all files belong to one cluster: the same scope and namespace",
	Since: "0.2.0",
	Why: "Patroni keeps a cluster's keys under namespace/scope. A node with another scope or namespace bootstraps " +
		"a cluster of its own, or waits for one: it is never a candidate.",
	Source:    "patroni/dcs/__init__.py, AbstractDCS.__init__ (_base_path)",
	Fix:       "Write the same scope and namespace into every file; audit clusters one at a time.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs:     []fact.Need{fact.InEach(fact.FileScope), fact.InEach(fact.FileNamespace)},
	Run:       runAuditScope,
}

var auditDCS = check.Check{
	ID:    "audit.dcs",
	Title: "all files name the same DCS",
	Since: "0.2.0",
	Why: "Nodes meet only in the DCS. Two kinds of store, or etcd's v2 and v3 API, are two key spaces: each of " +
		"them would have a leader.",
	Source:    "patroni/dcs/__init__.py, get_dcs; etcd's v2 and v3 API do not share keys",
	Fix:       "Write the same section with the same servers into every file.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs:     []fact.Need{fact.InEach(fact.FileStore)},
	Run:       runAuditDCS,
}

var auditDCSLogin = check.Check{
	ID:    "audit.dcs_login",
	Title: "the nodes' logins at the DCS fit together",
	Since: "0.2.0",
	Why: "One user of etcd has one password: if two files have different passwords for the same user, one node " +
		"cannot read or write its keys.",
	Source:    "etcd3.username and etcd3.password of the files, compared without showing any",
	Fix:       "Write the same password for the same user into every file, or write none and supply it on every node.",
	Proof:     auditProof,
	Kind:      check.Policy,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs:     []fact.Need{fact.InEach(fact.FileStore)},
	Run:       runAuditDCSLogin,
}

var auditNames = check.Check{
	ID:    "audit.names",
	Title: "each node has a name of its own",
	Since: "0.2.0",
	Why: "The name is the member's key, its replication slot and its application_name. Two nodes with one name " +
		"overwrite each other's key; of two names that make the same slot, only one node can stream.",
	Source:    "patroni/dcs/__init__.py, Member and slot_name_from_member_name; patroni/__main__.py, ensure_unique_name",
	Fix:       "Give each node another name, one that differs by more than case, dots, dashes and underscores.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs:     []fact.Need{fact.InEach(fact.FileName)},
	Run:       runAuditNames,
}

var auditCitus = check.Check{
	ID:    "audit.citus",
	Title: "all files have a Citus group, or no file has one",
	Since: "0.2.0",
	Why: "With a group the keys are under namespace/scope/group, without one under namespace/scope: such nodes do " +
		"not see each other.",
	Source:    "patroni/dcs/__init__.py, client_path and get_cluster; patroni/postgresql/mpp/citus.py",
	Fix:       "Set citus.group and citus.database in every file, or in none.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs:     []fact.Need{fact.InEach(fact.FileGroup)},
	Run:       runAuditCitus,
}

func runAuditScope(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	namespaces := fact.InEach(fact.FileNamespace).Get(s, "")
	paths := map[string]string{}
	for id, scope := range fact.InEach(fact.FileScope).Get(s, "") {
		paths[id] = strings.TrimSuffix(namespaces[id], "/") + "/" + scope
	}
	observed, same := sides(s, paths, "scope", "namespace")
	if same {
		return check.Witnessed(allFiles(s)+", scope and namespace", "%s", observed)
	}
	return []check.Finding{
		{
			Asked:    allFiles(s) + ", scope and namespace",
			Observed: observed,
			Expected: "the same in all files",
			Effect:   "They are different clusters: no cluster knows the members of another.",
			Remedy: "Write the right scope and namespace into each file, and restart Patroni on the nodes where they " +
				"change: a reload does not apply them.",
		},
	}
}

func runAuditDCS(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	stores := fact.InEach(fact.FileStore).Get(s, "")
	asked := allFiles(s) + ", the section of the DCS"
	keys := slices.Sorted(maps.Keys(textSet(stores, func(n fact.NodeStore) string { return n.Kind })))
	observed, same := sides(s, textsOf(stores, func(n fact.NodeStore) string { return n.Kind }), keys...)
	if !same {
		return []check.Finding{
			{
				Asked:    asked,
				Observed: observed,
				Expected: "the same store in all files",
				Effect:   "The nodes do not see each other's keys, and in each store one of them leads.",
				Remedy: "Write the section of the right store into every file and remove the others, then restart Patroni " +
					"where it changed.",
			},
		}
	}
	kind := stores[s.Files[0].ID].Kind
	observed, same = sides(
		s,
		textsOf(stores, func(n fact.NodeStore) string { return kind + " at " + strings.Join(n.Endpoints, ", ") }),
		kind,
	)
	switch {
	// Consul is asked through an agent on the same machine, Raft is the nodes themselves.
	case same || kind == "consul" || kind == "raft":
	case disjoint(stores):
		return []check.Finding{
			{
				Severity: check.Warning,
				Asked:    asked,
				Observed: observed,
				Expected: "servers in common",
				Effect: "The files do not show whether these are servers of the same " + kind + ": if they are not, there are " +
					"two clusters.",
				Remedy: "List all servers of the store in every file.",
			},
		}
	default:
		return []check.Finding{{
			Severity: check.Warning, Asked: asked, Observed: observed, Expected: "the same servers in all files",
			Effect: "A node that knows fewer servers loses its DCS, and with it the leader key, when those servers fail.",
			Remedy: "List all servers of the store in every file.",
		}}
	}
	protocols, same := sides(s, textsOf(stores, func(n fact.NodeStore) string { return n.Protocol }), kind)
	if !same {
		return []check.Finding{
			{
				Asked:    asked,
				Observed: protocols,
				Expected: "the same protocol in all files",
				Effect:   "A server speaks either plain text or TLS on a port: some of the nodes get no answer.",
				Remedy: fmt.Sprintf(
					"Set %s.protocol (or the scheme of %s.url) to the protocol of the servers, in every file.",
					kind,
					kind,
				),
			},
		}
	}
	certificates, same := sides(s, textsOf(stores, func(n fact.NodeStore) string {
		return map[bool]string{true: "a client certificate", false: "none"}[n.Certificate]
	}), kind)
	if !same {
		return []check.Finding{{
			Severity: check.Warning, Asked: asked, Observed: certificates, Expected: "the same in all files",
			Effect: "If the servers require a client certificate, the nodes without one have no DCS.",
			Remedy: fmt.Sprintf("Set %s.cert and %s.key in every file, or in none.", kind, kind),
		}}
	}
	return check.Witnessed(asked, "%s", observed)
}

func textSet[T any](values map[string]T, text func(T) string) map[string]bool {
	out := map[string]bool{}
	for _, v := range values {
		out[text(v)] = true
	}
	return out
}

// disjoint reports whether there are two files without a server in common.
func disjoint(stores map[string]fact.NodeStore) bool {
	for _, a := range stores {
		for _, b := range stores {
			if !slices.ContainsFunc(a.Endpoints, func(e string) bool { return slices.Contains(b.Endpoints, e) }) {
				return true
			}
		}
	}
	return false
}

func runAuditDCSLogin(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	stores := fact.InEach(fact.FileStore).Get(s, "")
	asked := allFiles(s) + ", the login of the DCS"
	users, same := sides(
		s,
		textsOf(stores, func(n fact.NodeStore) string { return userText(n.Login) }),
		kindOfStore(stores),
	)
	if text := contradicting(s, func(f fact.NodeFile) []keyedLogin {
		store := f.Store.OrZero()
		return []keyedLogin{{store.Login, store.Kind}}
	}); text != "" {
		return []check.Finding{{
			Asked: asked, Observed: text, Expected: "one password for one user",
			Effect: "One of them is wrong: that node has no DCS.",
			Remedy: "Write the right password into every file.",
		}}
	}
	if !same {
		return []check.Finding{{
			Severity: check.Warning, Asked: asked, Observed: users, Expected: "the same in all files, or a reason why not",
			Effect: "If the store requires a login, the nodes without one, or with a wrong one, have no DCS.",
			Remedy: "Set the same login in every file, or supply it on every node in another way.",
		}}
	}
	return check.Witnessed(asked, "%s", users)
}

func kindOfStore(stores map[string]fact.NodeStore) string {
	for _, n := range stores {
		return n.Kind
	}
	return ""
}

// keyedLogin is a login with the key that it stands below.
type keyedLogin struct {
	fact.NodeLogin
	key string
}

// contradicting names the users for whom there are different passwords, "" for
// none. A file without a password says nothing: it may come from elsewhere.
func contradicting(s *fact.Snapshot, of func(fact.NodeFile) []keyedLogin) string {
	var out []string
	numbers, places := map[string]map[string]string{}, map[string]map[string]string{} // by user and file
	for _, f := range s.Files {
		for _, l := range of(f) {
			if l.User == "" || l.Password == 0 {
				continue
			}
			if numbers[l.User] == nil {
				numbers[l.User], places[l.User] = map[string]string{}, map[string]string{}
			}
			number := strconv.Itoa(l.Password)
			if was, ok := numbers[l.User][f.ID]; ok && was != number {
				out = append(
					out,
					fmt.Sprintf("user %s has two passwords in %s: %s, and %s", l.User, f.ID, places[l.User][f.ID], f.Where(l.key)),
				)
			}
			numbers[l.User][f.ID], places[l.User][f.ID] = number, f.Where(l.key)
		}
	}
	for _, user := range slices.Sorted(maps.Keys(numbers)) {
		// The numbers mean nothing to anybody; who agrees with whom is what counts.
		letters := map[string]string{}
		for _, f := range s.Files {
			if n, ok := numbers[user][f.ID]; ok && letters[n] == "" {
				letters[n] = fmt.Sprintf("password %c", 'A'+len(letters)%26)
			}
		}
		if text, same := sidesAt(
			s,
			textsOf(numbers[user], func(n string) string { return letters[n] }),
			places[user],
		); !same {
			out = append(out, fmt.Sprintf("user %s: %s", user, text))
		}
	}
	return strings.Join(out, "; ")
}

func runAuditNames(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	names := fact.InEach(fact.FileName).Get(s, "")
	asked := allFiles(s) + ", name"
	by, slots := map[string][]string{}, map[string][]string{}
	for _, f := range s.Files {
		name := names[f.ID]
		by[name] = append(by[name], f.Where("name"))
		if slot := fact.SlotNameOf(name); !slices.Contains(slots[slot], name) {
			slots[slot] = append(slots[slot], name)
		}
	}
	var out []check.Finding
	for _, name := range slices.Sorted(maps.Keys(by)) {
		if len(by[name]) > 1 {
			out = append(
				out,
				check.Finding{
					Asked:    asked,
					Observed: fmt.Sprintf("%q is in %s", name, enumerate(by[name])),
					Expected: "a name of its own for each node",
					Effect: "They overwrite each other's member key, and the second one that starts exits at once: \"Can't start; " +
						"there is already a node named\".",
					Remedy: "Give each node its own name, then restart Patroni there.",
				},
			)
		}
	}
	for _, slot := range slices.Sorted(maps.Keys(slots)) {
		if same := slots[slot]; len(same) > 1 {
			out = append(out, check.Finding{
				Asked:    asked,
				Observed: fmt.Sprintf("%s share the slot name %s", enumerate(same), slot),
				Expected: "names that differ by more than case, dots and dashes",
				Effect:   "Only one of them can use the slot at a time: the other does not stream.",
				Remedy:   "Give one of them another name, then restart Patroni there.",
			})
		}
	}
	if out == nil {
		return check.Witnessed(asked, "%d files with as many names", len(names))
	}
	return out
}

func runAuditCitus(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	groups := fact.InEach(fact.FileGroup).Get(s, "")
	asked := allFiles(s) + ", citus.group"
	observed, same := sides(s, textsOf(groups, func(g string) string {
		if g == "" {
			return "none"
		}
		return "group " + g
	}), "citus.group")
	kinds := textSet(groups, func(g string) string { return strconv.FormatBool(g == "") })
	if same || len(kinds) == 1 {
		return check.Witnessed(asked, "%s", observed)
	}
	return []check.Finding{
		{
			Asked:    asked,
			Observed: observed,
			Expected: "a group in every file, or in none",
			Effect: "The nodes without a group belong to a cluster other than the nodes with one: neither sees the other's " +
				"members.",
			Remedy: "Set citus.group and citus.database in every file, or remove them from all, then restart Patroni where " +
				"they changed.",
		},
	}
}
