package pg

import (
	"fmt"

	"patroni-preflight/preflight/fact"
)

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
func (d decoder) of(v view) cells {
	a, asked := d.answers[v.name]
	if !asked {
		a.why = &fact.Unknown{Cause: fact.NotAsked, Reason: v.name + ": not asked"}
	}
	return cells{view: v, answer: a, null: fact.Unknown{Cause: fact.Absent, Reason: "NULL"}}
}

// stats is of, for a view whose columns are NULL for want of pg_read_all_stats.
func (d decoder) stats(v view) cells {
	c := d.of(v)
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
	at := n.view.index(column)
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
