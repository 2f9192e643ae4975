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

// The audit's checks of tags, and of settings that Patroni decides elsewhere.

var auditNofailover = check.Check{
	ID:    "audit.nofailover",
	Title: "the tags leave more than one node that may lead",
	Since: "0.2.0",
	Why: "Patroni does not promote a node with nofailover, or with a failover_priority of 0 or less since 3.2.0. " +
		"If no other node is left, Patroni refuses every switchover.",
	Source:    "patroni/tags.py nofailover; patroni/ctl.py; patroni/ha.py, is_failover_possible",
	Fix:       "Remove nofailover from the file of at least one more node.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfCluster,
	Needs:     []fact.Need{fact.InEach(fact.FileTags), fact.InEach(fact.FileGroup)},
	Run:       runAuditNofailover,
}

var auditNosync = check.Check{
	ID:    "audit.nosync",
	Title: "the tags leave a node that may be synchronous",
	Since: "0.2.0",
	Why: "With synchronous_mode Patroni promotes only a synchronous standby, and a node with nosync, or with a " +
		"sync_priority of 0 or less since 4.1.0, never becomes one. If all nodes have it, Patroni refuses every switchover " +
		"in that mode (412).",
	Source:   "patroni/tags.py nosync; patroni/postgresql/sync.py, SyncHandler.current_state",
	Fix:      "Remove nosync from the files of at least two nodes, or do not use synchronous_mode.",
	Proof:    auditProof,
	Kind:     check.PatroniRule,
	Severity: check.Warning,
	Of:       check.OfCluster,
	Needs:    []fact.Need{fact.InEach(fact.FileTags), fact.InEach(fact.FileGroup)},
	Run:      runAuditNosync,
}

var auditTags = check.Check{
	ID:    "audit.tags",
	Title: "a node's tags do not contradict each other",
	Since: "0.2.0",
	Why: "nofailover takes precedence over failover_priority, nosync over sync_priority, and the text \"false\" " +
		"counts as true.",
	Source:   "patroni/tags.py, Tags._bool_tag and _priority_tag",
	Fix:      "Write nofailover and nosync as true or false without quotes, or only the priority.",
	Proof:    auditProof,
	Kind:     check.PatroniRule,
	Severity: check.Warning,
	Of:       check.OfFiles,
	Needs:    []fact.Need{fact.FileTags},
	Run:      runAuditTags,
}

var auditReplicatefrom = check.Check{
	ID:    "audit.replicatefrom",
	Title: "replicatefrom names a member and does not form a loop",
	Since: "0.2.0",
	Why: "A node follows the member that replicatefrom names, whichever member leads. In a loop no node receives " +
		"WAL from a leader outside of it. Patroni ignores a name that no member has: the node follows the leader.",
	Source:    "patroni/ha.py, _get_node_to_follow; patroni/dcs/__init__.py, Cluster.get_member",
	Fix:       "Let replicatefrom name another member that leads to the leader.",
	Proof:     auditProof,
	Kind:      check.PatroniRule,
	Severity:  check.Blocker,
	Essential: true,
	Of:        check.OfFiles,
	Needs:     []fact.Need{fact.InEach(fact.FileTags), fact.InEach(fact.FileName)},
	Run:       runAuditReplicatefrom,
}

var auditParameters = check.Check{
	ID:    "audit.parameters",
	Title: "no setting is in a place where Patroni does not read it",
	Since: "0.2.0",
	Why: "Settings that all nodes must share come from the DCS (patronictl edit-config), or from Patroni's " +
		"defaults. In postgresql.parameters of a file Patroni silently ignores them.",
	Source:   "patroni/config.py, _process_postgresql_parameters; patroni/postgresql/config.py, CMDLINE_OPTIONS",
	Fix:      "Set it with patronictl edit-config, under postgresql.parameters, and remove it from the files.",
	Proof:    auditProof,
	Kind:     check.PatroniRule,
	Severity: check.Warning,
	Of:       check.OfFiles,
	Needs:    []fact.Need{fact.FileParameters},
	Run:      runAuditParameters,
}

var auditDynamic = check.Check{
	ID:    "audit.dynamic",
	Title: "no file contains a key of the cluster-wide configuration",
	Since: "0.2.0",
	Why: "Timeouts, synchronous mode, slots and the like are cluster-wide, and Patroni reads them only in the DCS " +
		"(patronictl edit-config). In a file, outside of bootstrap.dcs, Patroni silently ignores them: a cluster that " +
		"seems synchronous is not.",
	Source:   "patroni/config.py, Config._build_effective_configuration; patroni/global_config.py, GlobalConfig.update",
	Fix:      "Set it with patronictl edit-config, and remove it from the files.",
	Proof:    auditProof,
	Kind:     check.PatroniRule,
	Severity: check.Warning,
	Of:       check.OfFiles,
	Needs:    []fact.Need{fact.FileDynamic},
	Run:      runAuditDynamic,
}

var auditWatchdog = check.Check{
	ID:    "audit.watchdog",
	Title: "the watchdog has the same mode on all nodes",
	Since: "0.2.0",
	Why: "With mode required a node without a usable watchdog refuses to lead; with another mode it leads without " +
		"that protection. The leader's file would decide which one applies.",
	Source:   "patroni/watchdog/base.py; patroni/ha.py, watchdog_failed",
	Fix:      "Write the same watchdog.mode into every file.",
	Proof:    auditProof,
	Kind:     check.Policy,
	Severity: check.Warning,
	Of:       check.OfCluster,
	Needs:    []fact.Need{fact.InEach(fact.FileWatchdog)},
	Run:      runAuditWatchdog,
}

// neverLeads reports whether a node's tags keep it from leading, in the newest
// Patroni: a file does not say which one reads it.
func neverLeads(t fact.Tags) bool {
	no, _ := patroni.Nofailover(t, "")
	return no
}

func runAuditNofailover(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	asked := allFiles(s) + ", tags"
	of := fact.InEach(fact.FileTags).Get(s, "")
	groups := fact.InEach(fact.FileGroup).Get(s, "")
	var out []check.Finding
	for _, group := range slices.Compact(slices.Sorted(valuesOf(groups))) {
		var may, not []string
		for _, f := range s.Files {
			switch {
			case groups[f.ID] != group:
			case neverLeads(of[f.ID]):
				not = append(not, f.ID)
			default:
				may = append(may, f.ID)
			}
		}
		if len(not) == 0 || len(may) > 1 {
			continue
		}
		// One file alone says nothing about the other nodes.
		alone := len(may) == 0 && len(not) == 1
		f := check.Finding{
			Asked:    asked,
			Observed: "nofailover, or a failover_priority of 0 or less, on " + enumerate(not),
			Expected: "at least two nodes that may lead",
			Effect:   "If these files are all of the cluster, Patroni promotes no member: it refuses every switchover.",
			Remedy:   "Remove nofailover from the files of the intended candidates, then run: " + reloadCommand(s),
		}
		switch {
		case alone:
			f.Severity = check.Warning
			f.Effect = fmt.Sprintf(
				"Patroni does not promote %s; the files of other nodes, which may lead, were not given.",
				not[0],
			)
		case len(may) == 1:
			f.Severity = check.Warning
			f.Effect = fmt.Sprintf(
				"If these files are all of the cluster, only %s may lead, so no member can take over from it.",
				may[0],
			)
		}
		if group != "" {
			f.Observed += ", all of Citus group " + group
		}
		out = append(out, f)
	}
	if out == nil {
		return check.Witnessed(asked, "%d files, and enough of their nodes may lead", len(s.Files))
	}
	return out
}

// valuesOf yields the values of a map.
func valuesOf(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func runAuditNosync(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	asked := allFiles(s) + ", tags"
	of := fact.InEach(fact.FileTags).Get(s, "")
	groups := fact.InEach(fact.FileGroup).Get(s, "")
	var out []check.Finding
	for _, group := range slices.Compact(slices.Sorted(valuesOf(groups))) {
		var not []string
		all := true
		for _, f := range s.Files {
			if groups[f.ID] != group {
				continue
			}
			not = append(not, f.ID)
			all = all && patroni.Nosync(of[f.ID], "")
		}
		if !all || len(not) < 2 { // one file alone says nothing about the other nodes
			continue
		}
		f := check.Finding{
			Asked:    asked,
			Observed: "nosync, or a sync_priority of 0 or less, on " + enumerate(not),
			Expected: "at least two nodes that may be synchronous",
			Effect: "Harmless without synchronous_mode. With it, if these files are all of the cluster: no node can be " +
				"synchronous, and Patroni refuses every switchover.",
			Remedy: "Remove nosync from the files of the intended synchronous standbys, then run: " + reloadCommand(s),
		}
		if group != "" {
			f.Observed += ", all of Citus group " + group
		}
		out = append(out, f)
	}
	if out == nil {
		return check.Witnessed(asked, "%d files, and not all have nosync", len(s.Files))
	}
	return out
}

func runAuditTags(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	t := fact.FileTags.Get(s, id)
	remedy := fmt.Sprintf("Correct tags in %s, then run: %s", f.Path, reloadCommand(s, f))
	var out []check.Finding
	for _, tag := range []struct{ name, priority, never, may string }{
		{"nofailover", "failover_priority", "is never promoted", "may be promoted"},
		{"nosync", "sync_priority", "is never synchronous", "may be synchronous"},
	} {
		no, there := t[tag.name]
		if text, ok := no.(string); ok && text != "" {
			out = append(out, check.Finding{
				Asked: f.Where(
					"tags." + tag.name,
				),
				Observed: "it is the text " + patroni.Show(text),
				Expected: "true or false, without quotes",
				Effect:   fmt.Sprintf("Any text that is not empty counts as true: %s %s.", id, tag.never),
				Remedy:   remedy,
			})
		}
		priority, ok := patroni.Integer(t[tag.priority])
		if there && ok && fact.PythonBool(no) != (priority <= 0) {
			out = append(out, check.Finding{
				Asked: f.Where(
					"tags." + tag.priority,
				),
				Observed: fmt.Sprintf("%s: %d together with %s: %s", tag.priority, priority, tag.name, patroni.Show(no)),
				Expected: "only one of them",
				Effect: fmt.Sprintf(
					"%s takes precedence: %s %s.",
					tag.name,
					id,
					map[bool]string{true: tag.never, false: tag.may}[fact.PythonBool(no)],
				),
				Remedy: remedy,
			})
		}
	}
	if out == nil {
		return check.Witnessed(f.Where("tags"), "tags {%s}", TagList(t))
	}
	return out
}

func runAuditReplicatefrom(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	upstream := map[string]string{} // by name
	leads := map[string]bool{}
	tags := fact.InEach(fact.FileTags).Get(s, "")
	for _, other := range s.Files {
		if fact.Equal(other.Group, f.Group.OrZero()) {
			n := other.Name.Must()
			leads[n] = !neverLeads(tags[other.ID])
			upstream[n] = ""
			if from, ok := tags[other.ID]["replicatefrom"]; ok {
				upstream[n] = strings.Trim(patroni.Show(from), `"`)
			}
		}
	}
	name := f.Name.Must()
	from := upstream[name]
	if from == "" {
		return check.Witnessed(f.Where("tags"), "no replicatefrom: it follows the leader")
	}
	finding := check.Finding{
		Asked:    f.Where("tags.replicatefrom"),
		Observed: "it names " + from,
		Remedy: fmt.Sprintf(
			"Let replicatefrom in %s name another member, or remove it, then run: %s",
			f.Path,
			reloadCommand(s, f),
		),
	}
	_, known := upstream[from]
	switch {
	case from == name:
		finding.Severity, finding.Observed, finding.Expected = check.Warning, "it names the node itself", "another member"
		finding.Effect = "Patroni ignores it: " + id + " follows the leader."
		return []check.Finding{finding}
	case !known:
		finding.Severity, finding.Expected = check.Warning, "a name in these files"
		finding.Effect = "If these files are all of the cluster, there is no such member: " + id + " follows the leader."
		return []check.Finding{finding}
	}
	way := []string{name}
	for at := from; !slices.Contains(way, at); at = upstream[at] {
		way = append(way, at)
		if next := upstream[at]; next == "" || next == at || upstream[next] == "" && !hasKey(leads, next) {
			return check.Witnessed(
				f.Where("tags.replicatefrom"),
				"%s follows %s, which follows the leader",
				name,
				strings.Join(way[1:], ", which follows "),
			)
		}
	}
	circle := way[slices.Index(way, upstream[way[len(way)-1]]):]
	for _, other := range s.Files {
		if n := other.Name.Must(); leads[n] && !slices.Contains(circle, n) {
			finding.Observed = fmt.Sprintf(
				"it names %s, and that forms a loop: %s",
				from,
				strings.Join(append(slices.Clone(circle), circle[0]), " from "),
			)
			finding.Expected = "a path that ends at the leader"
			finding.Effect = fmt.Sprintf(
				"When %s leads, none of them receives WAL: they fall behind, and commits are lost if one of them is promoted then.",
				n,
			)
			return []check.Finding{finding}
		}
	}
	return check.Witnessed(f.Where("tags.replicatefrom"), "one of %s always leads", enumerate(circle))
}

func hasKey(m map[string]bool, key string) bool {
	_, ok := m[key]
	return ok
}

// byDCS are the settings that Patroni takes from the DCS alone, or decides itself
// (patroni/postgresql/config.py, CMDLINE_OPTIONS).
var byDCS = []string{
	"cluster_name",
	"hot_standby",
	"listen_addresses",
	"max_connections",
	"max_locks_per_transaction",
	"max_prepared_transactions",
	"max_replication_slots",
	"max_wal_senders",
	"max_worker_processes",
	"port",
	"track_commit_timestamp",
	"wal_keep_segments",
	"wal_keep_size",
	"wal_level",
	"wal_log_hints",
}

func runAuditParameters(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	var without []string
	for _, name := range byDCS {
		if v, ok := fact.FileParameters.Get(s, id)[name]; ok {
			without = append(without, name+": "+v)
		}
	}
	if without == nil {
		return check.Witnessed(f.Where("postgresql.parameters"), "Patroni reads all of them in this file")
	}
	return []check.Finding{
		{
			Asked: f.Where(
				"postgresql.parameters",
			),
			Observed: strings.Join(without, ", "),
			Expected: "these in the DCS, or in postgresql.listen and scope",
			Effect:   "Patroni ignores them in a file: the server runs with the values in the DCS, or with Patroni's defaults.",
			Remedy: fmt.Sprintf(
				"Set the intended values with patronictl edit-config %s, under postgresql.parameters (listen_addresses and port "+
					"in postgresql.listen), and remove them from %s.",
				s.Target.Scope,
				f.Path,
			),
		},
	}
}

// ClusterKeys are the keys of the cluster's configuration that Patroni, 2.1 to 4.1,
// takes from the DCS whatever a file says. The former names are those before 3.0.
var ClusterKeys = []string{
	"ttl", "loop_wait", "retry_timeout", "maximum_lag_on_failover", "maximum_lag_on_syncnode", "check_timeline",
	"primary_start_timeout", "primary_stop_timeout", "master_start_timeout", "master_stop_timeout",
	"synchronous_mode", "synchronous_mode_strict", "synchronous_node_count", "failsafe_mode",
	"standby_cluster", "slots", "ignore_slots", "postgresql.use_slots",
}

func runAuditDynamic(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	keys := fact.FileDynamic.Get(s, id)
	if len(keys) == 0 {
		return check.Witnessed(f.Path, "none of them is outside of bootstrap.dcs")
	}
	at := make([]string, 0, len(keys))
	for _, key := range keys {
		at = append(at, f.Where(key))
	}
	return []check.Finding{
		{
			Asked:    f.Path,
			Observed: "it has " + strings.Join(at, "; "),
			Expected: enumerate(keys) + " in the DCS",
			Effect:   "Patroni ignores them in a file: the cluster runs with the values in the DCS, or with Patroni's defaults.",
			Remedy: fmt.Sprintf(
				"Set the intended values with patronictl edit-config %s, and remove them from %s.",
				cmp.Or(s.Target.Scope, "SCOPE"),
				f.Path,
			),
		},
	}
}

func runAuditWatchdog(s *fact.Snapshot, _ fact.Question, _ string) []check.Finding {
	asked := allFiles(s) + ", watchdog.mode"
	observed, same := sides(s, fact.InEach(fact.FileWatchdog).Get(s, ""), "watchdog.mode")
	if same {
		return check.Witnessed(asked, "%s", observed)
	}
	return []check.Finding{{
		Asked: asked, Observed: observed, Expected: "the same in all files",
		Effect: "The leader's file decides whether a watchdog guards the leader, or whether it refuses to lead without one.",
		Remedy: "Write the same watchdog.mode into every file, then run: " + reloadCommand(s),
	}}
}
