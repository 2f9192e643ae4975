package dcs

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// maxSlots is the number of permanent slots that are decoded.
const maxSlots = 1000

// integer reads a whole number that may be a string (patroni/utils.py, parse_int,
// as far as no unit is involved).
func (d doc) integer(name string, missing int64) fact.Observed[int64] {
	raw, ok := d.get(name)
	if !ok {
		return fact.Known(missing)
	}
	if n, err := strconv.ParseInt(unquote(raw), 10, 64); err == nil {
		return fact.Known(n)
	}
	return malformed[int64](d, name, raw, "a whole number")
}

// section reads a field that is an object; an absent one is empty.
func (d doc) section(name string) (doc, bool) {
	sub := doc{key: d.key + ": " + name, fields: map[string]json.RawMessage{}}
	raw, ok := d.get(name)
	if !ok {
		return sub, true
	}
	return sub, json.Unmarshal(raw, &sub.fields) == nil && sub.fields != nil
}

// permanentSlots reads slots under the first of its names that is there
// (patroni/dcs/__init__.py, Cluster.permanent_slots and ClusterConfig).
func (d doc) permanentSlots() fact.Observed[map[string]fact.PermanentSlot] {
	for _, name := range []string{"permanent_replication_slots", "permanent_slots", "slots"} {
		raw, ok := d.get(name)
		if !ok || !truthy(raw) {
			continue
		}
		var entries map[string]json.RawMessage
		if json.Unmarshal(raw, &entries) != nil || len(entries) > maxSlots {
			return malformed[map[string]fact.PermanentSlot](d, name, raw, "an object with a slot for each name")
		}
		slots := make(map[string]fact.PermanentSlot, len(entries))
		for slot, value := range entries {
			slots[slot] = permanentSlot(value)
		}
		return fact.Known(slots)
	}
	return fact.Known(map[string]fact.PermanentSlot{})
}

// permanentSlot reads one slot: without a type it is logical where it names
// database and plugin, else physical.
func permanentSlot(raw json.RawMessage) fact.PermanentSlot {
	d := doc{fields: map[string]json.RawMessage{}}
	_ = json.Unmarshal(raw, &d.fields) // anything else is an empty entry for Patroni too
	text := func(name string) string {
		v, _ := d.textOr(name, "").Get()
		return v
	}
	s := fact.PermanentSlot{Type: strings.ToLower(text("type")), Database: text("database"), Plugin: text("plugin")}
	if s.Type == "" {
		s.Type = "physical"
		if s.Database != "" && s.Plugin != "" {
			s.Type = "logical"
		}
	}
	return s
}

// ignoreSlots reads the matchers of slots that Patroni leaves alone.
func (d doc) ignoreSlots() fact.Observed[[]map[string]string] {
	const name = "ignore_slots"
	raw, ok := d.get(name)
	if !ok || !truthy(raw) {
		return fact.Known([]map[string]string{})
	}
	var list []map[string]json.RawMessage
	if json.Unmarshal(raw, &list) != nil || len(list) > maxSlots {
		return malformed[[]map[string]string](d, name, raw, "a list of matchers")
	}
	out := make([]map[string]string, 0, len(list))
	for _, fields := range list {
		m := map[string]string{}
		for k, v := range fields {
			m[k] = bare(v)
		}
		out = append(out, m)
	}
	return fact.Known(out)
}

// postgresql fills what stands under postgresql.
func (d doc) postgresql(c *fact.DynamicConfig) {
	sub, ok := d.section("postgresql")
	for name, field := range map[string]*fact.Observed[bool]{
		"use_pg_rewind": &c.UsePgRewind,
		"use_slots":     &c.UseSlots,
		"remove_data_directory_on_rewind_failure":     &c.RemoveOnRewindFailure,
		"remove_data_directory_on_diverged_timelines": &c.RemoveOnDiverged,
	} {
		switch _, there := sub.get(name); {
		case !ok:
			*field = fact.NotKnown[bool](fact.Malformed, "%s: postgresql is not an object", d.key)
		case name == "use_slots" && !there:
			*field = fact.Known(true)
		default:
			*field = sub.mode(name)
		}
	}
}

// scheduledRestart is the time of a scheduled restart, "" for none.
func (d doc) scheduledRestart() fact.Observed[string] {
	sub, ok := d.section("scheduled_restart")
	if !ok {
		return malformed[string](d, "scheduled_restart", d.fields["scheduled_restart"], "an object")
	}
	return sub.textOr("schedule", "")
}

// pendingReason names the settings that wait for a restart, sorted.
func (d doc) pendingReason() fact.Observed[[]string] {
	sub, ok := d.section("pending_restart_reason")
	if !ok {
		return malformed[[]string](d, "pending_restart_reason", d.fields["pending_restart_reason"], "an object")
	}
	names := []string{}
	for name := range sub.fields {
		names = append(names, foreign.OneLine(name, 60))
	}
	return fact.Known(sorted(names))
}

// checkpointed reads checkpoint_after_promote; absent means that there is
// nothing to wait for.
func (d doc) checkpointed() fact.Observed[bool] {
	if _, ok := d.get("checkpoint_after_promote"); !ok {
		return fact.Known(true)
	}
	return d.flag("checkpoint_after_promote")
}

// groupsOf are the Citus groups with keys under the prefix, sorted by number.
func groupsOf(keys map[string]KV) []string {
	seen := map[string]bool{}
	names := []string{}
	for path := range keys {
		if group := groupOf(path); group != "" && !seen[group] && len(names) < maxSlots {
			seen[group] = true
			names = append(names, group)
		}
	}
	return sorted(names)
}

// groupOf is the Citus group that a key under the prefix belongs to, "" for none.
func groupOf(path string) string {
	group, _, ok := strings.Cut(path, "/")
	if n, err := strconv.ParseUint(group, 10, 31); !ok || err != nil || strconv.FormatUint(n, 10) != group {
		return ""
	}
	return group
}

// sorted puts numbers in their order, and words in theirs.
func sorted(names []string) []string {
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(number(a), number(b)), cmp.Compare(a, b)) })
	return names
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
