package pg

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

// flushed reads the flush LSN of a sample, and when it was.
func flushed(a answer) (fact.Observed[fact.LSN], fact.Observed[time.Time]) {
	c := cells{what: sample, answer: a, null: fact.Unknown{Cause: fact.Absent, Reason: "the server is in recovery"}}
	return value(c, 0, flushLSN, fact.ParseLSN), value(c, 2, "clock_timestamp()", parseMicros)
}

// late fills in what comes of lateParts.
func (d decoder) late(f *fact.SQL) {
	f.Earlier = d.earlier()
	f.Slots = d.slots()
	f.Archiver = d.archiver()
	f.Checkpoint = d.checkpoint()
	f.Activity = d.activity()
	f.Roles = d.roles()
	f.HBA = d.hba()
	f.Database = value(d.of(rights), 0, "current_database()", parseText)
	f.UnloggedTables = value(d.of(unlogged), 0, "", parseCount)
	f.Extensions = pairs(d.of(extensions), 1, "extversion", parseText)
	f.AvailableExtensions = pairs(d.of(available), 1, "version", parseTextBool)
	f.PresentExtensions = pairs(d.of(available), 2, "version", parseTextBool)
	f.Collations = d.collations()
	f.CollationVersion = d.collationVersion()
}

// earlier is the sample that every session begins with.
func (d decoder) earlier() fact.Observed[fact.Position] {
	c := d.of(sample)
	column, name := 0, flushLSN
	if d.recovery {
		column, name = 1, "pg_last_wal_replay_lsn()"
	}
	lsn, at := value(c, column, name, fact.ParseLSN), value(c, 2, "clock_timestamp()", parseMicros)
	switch {
	case !lsn.Known():
		return fact.Because[fact.Position](lsn)
	case !at.Known():
		return fact.Because[fact.Position](at)
	}
	return fact.Known(fact.Position{LSN: lsn.Must(), At: at.Must()})
}

// rows decodes each row of a list. One row without what it must have makes the
// list unknown, as its being too long does.
func rows[T any](c cells, decode func(cells) fact.Observed[T]) fact.Observed[[]T] {
	switch {
	case c.answer.why != nil:
		return fact.NotKnown[[]T](c.answer.why.Cause, "%s", c.answer.why.Reason)
	case len(c.answer.rows) > manyRows:
		return tooLong[T](c)
	}
	var all []T
	for i := range c.answer.rows {
		one := decode(c.at(i))
		v, ok := one.Get()
		if !ok {
			return fact.Because[[]T](one)
		}
		all = append(all, v)
	}
	return fact.Known(all)
}

func tooLong[T any](c cells) fact.Observed[[]T] {
	return fact.NotKnown[[]T](fact.Unsupport, "%s has more than %d rows", c.what, manyRows)
}

// record reads the cells of a row that must be there. It keeps the first failure.
type record struct {
	cells
	why *fact.Unknown
}

func given[T any](n *record, column int, name string, parse func(string) (T, error)) T {
	o := value(n.cells, column, name, parse)
	if v, ok := o.Get(); ok || n.why != nil {
		return v
	}
	n.why = o.Why
	var zero T
	return zero
}

// orZero is given for a cell that may be NULL, which is the zero value.
func orZero[T any](n *record, column int, name string, parse func(string) (T, error)) T {
	if r := n.answer.rows; n.row < len(r) && column < len(r[n.row]) && r[n.row][column] == nil {
		var zero T
		return zero
	}
	return given(n, column, name, parse)
}

func complete[T any](n *record, v T) fact.Observed[T] {
	if n.why != nil {
		return fact.NotKnown[T](n.why.Cause, "%s", n.why.Reason)
	}
	return fact.Known(v)
}

func (d decoder) slots() fact.Observed[[]fact.Slot] {
	all := rows(d.of(slots), func(c cells) fact.Observed[fact.Slot] {
		n := &record{cells: c}
		s := fact.Slot{
			Name:           given(n, 0, "slot_name", parseText),
			Type:           given(n, 1, "slot_type", parseText),
			Plugin:         orZero(n, 2, "plugin", parseText),
			Database:       orZero(n, 3, "database", parseText),
			Active:         given(n, 4, "active", parseTextBool),
			ActivePID:      orZero(n, 5, "active_pid", parsePositive),
			Temporary:      given(n, 6, "temporary", parseTextBool),
			RestartLSN:     value(c, 7, "restart_lsn", fact.ParseLSN),
			ConfirmedFlush: value(c, 8, "confirmed_flush_lsn", fact.ParseLSN),
			CatalogXmin:    given(n, 9, "catalog_xmin", parseTextBool),
			WALStatus:      value(c, 10, "wal_status", parseText),
			Invalid:        orZero(n, 11, "invalidation_reason", parseText),
			Failover:       given(n, 12, "failover", parseTextBool),
			Synced:         given(n, 13, "synced", parseTextBool),
		}
		if d.major < 13 {
			s.WALStatus = tooOld[string]("wal_status", 13)
		}
		return complete(n, s)
	})
	if all.Known() {
		slices.SortFunc(*all.Value, func(a, b fact.Slot) int { return cmp.Compare(a.Name, b.Name) })
	}
	return all
}

func (d decoder) archiver() fact.Observed[fact.Archiver] {
	n := &record{cells: d.of(archiver)}
	c := n.orNull("NULL: never since the statistics began")
	return complete(n, fact.Archiver{
		ArchivedCount:  int64(given(n, 0, "archived_count", parseCount)),
		LastArchivedAt: value(c, 1, "last_archived_time", parseMicros),
		FailedCount:    int64(given(n, 2, "failed_count", parseCount)),
		LastFailedWAL:  orZero(n, 3, "last_failed_wal", parseText),
		LastFailedAt:   value(c, 4, "last_failed_time", parseMicros),
		Ready:          d.ready(),
	})
}

func (d decoder) ready() fact.Observed[int] {
	if d.major < 12 {
		return tooOld[int](ready, 12)
	}
	if !d.allowed().ready {
		return fact.NotKnown[int](fact.Privilege, "no privilege for %s: GRANT pg_monitor TO %s", ready, ident(d.role))
	}
	return value(d.of(ready), 0, "", parseCount)
}

func (d decoder) allowed() allowed { return rightsOf(d.of(rights).answer) }

func (d decoder) checkpoint() fact.Observed[fact.Checkpoint] {
	n := &record{cells: d.of(control)}
	return complete(n, fact.Checkpoint{
		RedoLSN: given(n, 2, "redo_lsn", fact.ParseLSN),
		At:      given(n, 3, "checkpoint_time", parseMicros),
	})
}

func (d decoder) activity() fact.Observed[fact.Activity] {
	n := &record{cells: d.of(activity)}
	switch {
	case n.answer.why != nil: // says more than the privilege
	case !d.seesStats:
		return fact.NotKnown[fact.Activity](fact.Privilege,
			"%s: what other roles do is hidden for want of privilege: GRANT pg_monitor TO %s", activity, ident(d.role))
	case given(n, 6, "state", parseCount) > 0:
		return fact.NotKnown[fact.Activity](fact.Unsupport, "%s: track_activities is off", activity)
	}
	return complete(n, fact.Activity{
		Sessions:                 given(n, 0, "sessions", parseCount),
		Active:                   given(n, 1, "xact_start", parseCount),
		OldestTransactionSeconds: int64(orZero(n, 2, "xact_start", parseSeconds)),
		OldestQuerySeconds:       int64(orZero(n, 3, "query_start", parseSeconds)),
		PreparedTransactions:     given(n, 4, "pg_prepared_xacts", parseCount),
		BaseBackups:              given(n, 5, "base backups", parseCount),
		ReplayConflict:           given(n, 7, "wait_event", parseTextBool),
	})
}

func (d decoder) roles() fact.Observed[[]fact.Role] {
	all := rows(d.of(roles), func(c cells) fact.Observed[fact.Role] {
		n := &record{cells: c}
		return complete(n, fact.Role{
			Name:        given(n, 0, "rolname", parseText),
			CanLogin:    given(n, 1, "rolcanlogin", parseTextBool),
			Replication: given(n, 2, "rolreplication", parseTextBool),
			Superuser:   given(n, 3, "rolsuper", parseTextBool),
			ValidUntil:  value(c.orNull("NULL: it does not expire"), 4, "rolvaliduntil", parseMicros),
		})
	})
	if all.Known() {
		slices.SortFunc(*all.Value, func(a, b fact.Role) int { return cmp.Compare(a.Name, b.Name) })
	}
	return all
}

// hba keeps the order of the rules. The options of a rule are not read: they may
// hold secrets of LDAP and RADIUS.
func (d decoder) hba() fact.Observed[[]fact.HBARule] {
	if !d.allowed().hba {
		role, where := ident(d.role), ""
		if db, ok := value(d.of(rights), 0, "", parseText).Get(); ok {
			where = " in database " + ident(db)
		}
		return fact.NotKnown[[]fact.HBARule](fact.Privilege,
			"no privilege for %s: as a superuser%s: GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO %s; GRANT SELECT ON pg_hba_file_rules TO %s",
			hba, where, role, role)
	}
	return rows(d.of(hba), func(c cells) fact.Observed[fact.HBARule] {
		n := &record{cells: c}
		return complete(n, fact.HBARule{
			Line:      orZero(n, 0, "line_number", parsePositive),
			Type:      orZero(n, 1, "type", parseText),
			Databases: orZero(n, 2, "database", parseTexts),
			Users:     orZero(n, 3, "user_name", parseTexts),
			Address:   orZero(n, 4, "address", parseText),
			Netmask:   orZero(n, 5, "netmask", parseText),
			Method:    orZero(n, 6, "auth_method", parseText),
			Error:     orZero(n, 7, "error", parseText),
		})
	})
}

func (d decoder) collations() fact.Observed[[]fact.Collation] {
	all := rows(d.of(collations), func(c cells) fact.Observed[fact.Collation] {
		n := &record{cells: c}
		return complete(n, fact.Collation{
			Database: orZero(n, 0, "datname", parseText),
			Name:     orZero(n, 1, "collname", parseText),
			Recorded: given(n, 2, "collversion", parseText),
			Actual:   given(n, 3, "pg_collation_actual_version()", parseText),
		})
	})
	if all.Known() {
		slices.SortFunc(*all.Value, func(a, b fact.Collation) int {
			return cmp.Or(cmp.Compare(a.Database, b.Database), cmp.Compare(a.Name, b.Name))
		})
	}
	return all
}

func (d decoder) collationVersion() fact.Observed[string] {
	if d.major < 15 {
		return tooOld[string](collation, 15)
	}
	return value(d.of(collation).orNull("NULL: the database's collation has no versions"), 0, "", parseText)
}

// pairs reads a name and its value in a column from each row.
func pairs[T any](c cells, column int, name string, parse func(string) (T, error)) fact.Observed[map[string]T] {
	type pair struct {
		key   string
		value T
	}
	list := rows(c, func(c cells) fact.Observed[pair] {
		n := &record{cells: c}
		return complete(n, pair{given(n, 0, "extname", parseText), given(n, column, name, parse)})
	})
	if !list.Known() {
		return fact.Because[map[string]T](list)
	}
	all := map[string]T{}
	for _, p := range list.Must() {
		all[p.key] = p.value
	}
	return fact.Known(all)
}

func parseCount(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n < 0 {
		err = fmt.Errorf("not a count")
	}
	return int(n), err
}

// parseSeconds reads an age. Another session may have begun a moment after our
// statement read the clock.
func parseSeconds(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return int(max(0, n)), err
}

func parseTexts(s string) ([]string, error) {
	var list []string
	if err := json.Unmarshal([]byte(s), &list); err != nil {
		return nil, fmt.Errorf("not a list of texts")
	}
	for i := range list {
		list[i] = strings.ToValidUTF8(list[i], "?")
	}
	return list, nil
}
