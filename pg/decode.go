package pg

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

// decode turns the answers of one session into facts. Its error says why they
// are no session of PostgreSQL at all. user is the role that logged in.
func decode(user string, major int, answers map[string]answer) (fact.SQL, *fact.Unknown) {
	id := cells{what: identity, answer: answers[identity], null: fact.Unknown{Cause: fact.Malformed, Reason: "NULL"}}
	if id.answer.why != nil {
		return fact.SQL{}, id.answer.why
	}
	f := fact.SQL{
		User:            user,
		SeesStats:       value(id, "pg_has_role(pg_read_all_stats)", parseTextBool),
		ServerVersion:   value(id, "server_version_num", parsePositive),
		InRecovery:      value(id, "pg_is_in_recovery()", parseTextBool),
		PostmasterStart: value(id, "pg_postmaster_start_time()", parseMicros),
	}
	if role, ok := value(id, "current_user", parseText).Get(); ok {
		f.User = role
	}
	recovery, ok := f.InRecovery.Get()
	if !ok {
		// Without this no other figure has a meaning.
		return fact.SQL{}, &fact.Unknown{Cause: fact.Malformed, Reason: f.InRecovery.Reason()}
	}
	d := decoder{role: f.User, major: major, answers: answers, recovery: recovery}
	d.seesStats = fact.Equal(f.SeesStats, true)
	d.seesSettings = fact.Equal(value(id, "pg_has_role(pg_read_all_settings)", parseTextBool), true)
	d.positions(&f)
	f.SystemID = value(d.of(control), "system_identifier", parseSystemID)
	f.WalSenders = d.walSenders()
	f.WalReceiver = d.walReceiver()
	f.Timeline = d.timeline(f.WalReceiver)
	f.ApplicationName = d.upstream("application_name", "")
	f.UpstreamSSLMode = d.sslMode()
	f.Settings = d.settings()
	d.late(&f)
	return f, nil
}

type decoder struct {
	role         string
	major        int
	answers      map[string]answer
	recovery     bool
	seesStats    bool
	seesSettings bool
}

// of returns the first row of a part. A part that was never asked has a reason,
// as every missing row has.
func (d decoder) of(part string) cells {
	a, asked := d.answers[part]
	if !asked {
		a.why = &fact.Unknown{Cause: fact.NotAsked, Reason: part + ": not asked"}
	}
	return cells{what: part, answer: a, null: fact.Unknown{Cause: fact.Absent, Reason: "NULL"}}
}

// stats is of, for a view whose columns are NULL for want of pg_read_all_stats.
func (d decoder) stats(view string) cells {
	c := d.of(view)
	if !d.seesStats {
		c.null = d.privilege()
	}
	return c
}

func (d decoder) privilege() fact.Unknown {
	return fact.Unknown{
		Cause:  fact.Privilege,
		Reason: fmt.Sprintf("NULL for want of privilege: GRANT pg_monitor TO %s", ident(d.role)),
	}
}

// late fills in the answers to lateParts.
func (d decoder) late(f *fact.SQL) {
	f.Earlier = d.earlier()
	f.Slots = d.slots()
	f.Archiver = d.archiver()
	f.Checkpoint = d.checkpoint()
	f.Activity = d.activity()
	f.Roles = d.roles()
	f.HBA = d.hba()
	f.Database = value(d.of(rights), "current_database()", parseText)
	f.UnloggedTables = value(d.of(unlogged), "", parseCount)
	f.Extensions = pairs(d.of(extensions), "extversion", parseText)
	f.AvailableExtensions = pairs(d.of(available), "version", parseTextBool)
	f.PresentExtensions = pairs(d.of(available), "any version", parseTextBool)
	f.Collations = d.collations()
	f.CollationVersion = d.collationVersion()
}

// record reads the cells of a row that must be there. It keeps the first failure.
type record struct {
	cells
	why *fact.Unknown
}

func given[T any](n *record, column string, parse func(string) (T, error)) T {
	o := value(n.cells, column, parse)
	if v, ok := o.Get(); ok || n.why != nil {
		return v
	}
	n.why = o.Why
	var zero T
	return zero
}

// orZero is given for a cell that may be NULL, which is the zero value.
func orZero[T any](n *record, column string, parse func(string) (T, error)) T {
	at := index(n.what, column)
	if r := n.answer.rows; n.row < len(r) && at < len(r[n.row]) && r[n.row][at] == nil {
		var zero T
		return zero
	}
	return given(n, column, parse)
}

func complete[T any](n *record, v T) fact.Observed[T] {
	if n.why != nil {
		return fact.NotKnown[T](n.why.Cause, "%s", n.why.Reason)
	}
	return fact.Known(v)
}
