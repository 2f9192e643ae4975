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

// auditedSetting is a setting of PostgreSQL of which file and server are compared.
type auditedSetting struct {
	// unit is pg_settings.unit: "8kB", "MB", "ms", "s"; "" for a number without
	// one, a boolean, or a text.
	unit string
	// restart: it takes effect with a restart of PostgreSQL only (pg_settings.context
	// postmaster).
	restart bool
}

// auditedSettings are those of the settings that a snapshot has which a file can
// set. What Patroni takes from the DCS is not among them (byDCS), but for
// listen_addresses and port, which postgresql.listen gives. None holds a secret.
var auditedSettings = map[string]auditedSetting{
	"archive_mode": {
		restart: true,
	},
	"shared_buffers":           {unit: "8kB", restart: true},
	"shared_preload_libraries": {restart: true},
	"listen_addresses":         {restart: true},
	"port":                     {restart: true},
	"archive_timeout": {
		unit: "s",
	},
	"checkpoint_timeout":            {unit: "s"},
	"default_transaction_read_only": {},
	"fsync":                         {},
	"full_page_writes":              {},
	"hot_standby_feedback":          {},
	"max_slot_wal_keep_size":        {unit: "MB"},
	"max_standby_archive_delay":     {unit: "ms"},
	"max_standby_streaming_delay":   {unit: "ms"},
	"max_wal_size": {
		unit: "MB",
	},
	"recovery_min_apply_delay": {unit: "ms"},
	"ssl":                      {},
	"sync_replication_slots":   {},
	"synchronous_commit":       {},
	"wal_receiver_status_interval": {
		unit: "s",
	},
	"wal_receiver_timeout":        {unit: "ms"},
	"wal_retrieve_retry_interval": {unit: "ms"},
	"wal_sender_timeout":          {unit: "ms"},
}

// AuditedParameter reports whether a setting of postgresql.parameters is one that
// a check looks at. None of them can hold a secret.
func AuditedParameter(name string) bool {
	_, ok := auditedSettings[name]
	return ok || slices.Contains(byDCS, name)
}

// wantedSettings are the settings that a file gives its server.
func wantedSettings(f fact.NodeFile) map[string]string {
	out := map[string]string{}
	for name, v := range f.Parameters.OrZero() {
		if _, ok := auditedSettings[name]; ok && !slices.Contains(byDCS, name) {
			out[name] = v
		}
	}
	if hosts, ok := f.SQL.Listen.Get(); ok {
		out["listen_addresses"] = strings.Join(hosts, ",")
	}
	if port, ok := f.SQL.ListenPort.Get(); ok {
		out["port"] = strconv.Itoa(port)
	}
	return out
}

// liveSettings are the settings by SQL, each of them that the file has.
var liveSettings = fact.Fact[live[map[string]string]]{
	Label: "the settings by SQL",
	Of: func(s *fact.Snapshot, id string) fact.Observed[live[map[string]string]] {
		o := ofLive(
			fact.OfSQL("the settings by SQL", func(q fact.SQL) fact.Observed[map[string]string] { return q.Settings }),
		).Of(s, id)
		f, _ := s.File(id)
		if l, ok := o.Get(); ok && l.there {
			for _, name := range slices.Sorted(maps.Keys(wantedSettings(f))) {
				if _, shown := l.value[name]; !shown {
					return fact.NotKnown[live[map[string]string]](
						fact.Privilege,
						"pg_settings does not show %s to this role; GRANT pg_monitor TO it",
						name,
					)
				}
			}
		}
		return o
	},
}

func runLiveSettings(s *fact.Snapshot, _ fact.Question, id string) []check.Finding {
	f, _ := s.File(id)
	settings := liveSettings.Get(s, id)
	if !settings.there {
		return noMember(s, f)
	}
	wanted := wantedSettings(f)
	var reload, restart []string
	for name, want := range wanted {
		got := settings.value[name]
		if sameSetting(name, want, got) {
			continue
		}
		unit := ""
		if u := auditedSettings[name].unit; u != "" {
			unit = " (in " + u + ")"
		}
		line := fmt.Sprintf("%s is %s%s, the file has %s", name, quotedIfEmpty(got), unit, quotedIfEmpty(want))
		if auditedSettings[name].restart {
			restart = append(restart, line)
		} else {
			reload = append(reload, line)
		}
	}
	asked := "pg_settings of " + f.Name.Must() + " compared with " + f.Path
	if reload == nil && restart == nil {
		return check.Witnessed(asked, "%d settings, all as in the file", len(wanted))
	}
	var out []check.Finding
	if reload != nil {
		slices.Sort(reload)
		out = append(
			out,
			check.Finding{
				Asked:    asked,
				Observed: strings.Join(reload, "; "),
				Expected: "the values in the file",
				Effect: "The file was changed after Patroni read it, or another value takes precedence (ALTER SYSTEM, ALTER " +
					"DATABASE).",
				Remedy: "A reload applies it: put the file in place, then run: " + reloadCommand(s, f),
			},
		)
	}
	if restart != nil {
		slices.Sort(restart)
		out = append(
			out,
			check.Finding{
				Asked:    asked,
				Observed: strings.Join(restart, "; "),
				Expected: "the values in the file",
				Effect: "PostgreSQL reads it only at start. Once Patroni has read the file, a switchover away from the node " +
					"restarts it with the new value; after a switchover to the node, it leads with the old value.",
				Remedy: fmt.Sprintf(
					"A restart applies it, after a reload: put the file in place, then run: %s, then: patronictl restart %s %s",
					reloadCommand(s, f),
					s.Target.Scope,
					f.Name.Must(),
				),
			},
		)
	}
	return out
}

func quotedIfEmpty(v string) string {
	if v == "" {
		return `""`
	}
	return v
}

// sameSetting compares a value as written in a file with pg_settings.setting.
func sameSetting(name, written, setting string) bool {
	if strings.EqualFold(written, setting) {
		return true
	}
	w, okW := onOff(written)
	g, okG := onOff(setting)
	if okW && okG {
		return w == g
	}
	if unit := auditedSettings[name].unit; unit != "" {
		n, ok := inUnit(written, unit)
		return ok && strconv.FormatInt(n, 10) == setting
	}
	list := func(v string) string { return strings.NewReplacer(" ", "", `"`, "", "'", "").Replace(v) }
	return list(written) == list(setting)
}

// onOff reads a boolean in PostgreSQL's spellings. 0 and 1 are left to numbers.
func onOff(v string) (on, ok bool) {
	switch strings.ToLower(v) {
	case "on", "true", "yes":
		return true, true
	case "off", "false", "no":
		return false, true
	}
	return false, false
}

// inUnit is a size or a time as written, in the unit of pg_settings, rounded as
// PostgreSQL does (src/backend/utils/misc/guc.c, parse_int). A number without a
// unit has the setting's.
func inUnit(written, unit string) (int64, bool) {
	sizes := map[string]float64{"B": 1, "kB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40, "8kB": 8 << 10}
	times := map[string]float64{"us": 1e-3, "ms": 1, "s": 1e3, "min": 6e4, "h": 3.6e6, "d": 8.64e7}
	written = strings.TrimSpace(written)
	end := strings.LastIndexAny(written, "0123456789.") + 1
	n, err := strconv.ParseFloat(written[:end], 64)
	if err != nil {
		return 0, false
	}
	if own := strings.TrimSpace(written[end:]); own != "" {
		units := sizes
		if _, time := times[unit]; time {
			units = times
		}
		if units[own] == 0 || units[unit] == 0 {
			return 0, false
		}
		n *= units[own] / units[unit]
	}
	if n < -1e15 || n > 1e15 {
		return 0, false
	}
	if n < 0 {
		return int64(n - 0.5), true
	}
	return int64(n + 0.5), true
}
