package pg

import (
	"fmt"
	"strings"

	"patroni-preflight/preflight/fact"
)

// view is what one statement of a session asks: a view of PostgreSQL, a function,
// or a few expressions. Its columns are named once; the statement and the decoder,
// which stands beside the view in its file, both go by these names.
type view struct {
	name    string // for people: what was asked
	columns []column
	// from is the rest of the statement, beginning with FROM.
	from func(major int) string
	// most is the largest number of rows that is believed; 1 means exactly one.
	most int
}

// column is one cell of a row, by the name that reasons show.
type column struct {
	name string
	// expr is the expression in SQL, by major version.
	expr func(major int) string
}

// col is a column by its own name.
func col(name string) column { return as(name, name) }

// as is an expression under a name.
func as(name, expr string) column {
	return column{name, func(int) string { return expr }}
}

// since is an expression that came with a major version, and what stands for it
// before.
func since(major int, name, expr, before string) column {
	return column{name, func(m int) string {
		if m < major {
			return before
		}
		return expr
	}}
}

// constant is the rest of a statement that is the same for every version.
func constant(from string) func(int) string { return func(int) string { return from } }

// part is the statement of a view for one major version. Parts fail one by one: what
// one is refused does not hide what the others may see.
type part struct {
	name    string
	sql     string
	columns int
	most    int
}

func (v view) part(major int) part {
	exprs := make([]string, len(v.columns))
	for i, c := range v.columns {
		exprs[i] = c.expr(major)
	}
	sql := "SELECT " + strings.Join(exprs, ", ")
	if v.from != nil {
		sql = strings.TrimRight(sql+" "+v.from(major), " ")
	}
	if v.most == listed {
		// One row more than is wanted shows that there are more.
		sql += fmt.Sprintf(" LIMIT %d", listed)
	}
	return part{v.name, sql, len(v.columns), v.most}
}

// manyRows is how long a list may be. A longer one is unknown: cut short, it
// would read as complete. listed is the most of a view that is such a list.
const (
	manyRows = 2000
	listed   = manyRows + 1
)

// index finds a column of a view by its name; "" stands for the only one. The decoder
// asking for a column that the view does not have is a mistake in this package.
func index(name, column string) int {
	v, ok := views[name]
	if !ok {
		panic("no view " + name)
	}
	for i, c := range v.columns {
		if c.name == column || column == "" && len(v.columns) == 1 {
			return i
		}
	}
	panic(fmt.Sprintf("%s has no column %q", name, column))
}

// views are all views by name.
var views = byName(
	identityView, sampleView, positionsView, controlView, sendersView, receiverView, settingsView, conninfoView,
	rightsView, slotsView, archiverView, readyView, activityView, rolesView, extensionsView, availableView,
	collationsView, collationView, unloggedView, hbaView,
)

func byName(all ...view) map[string]view {
	out := map[string]view{}
	for _, v := range all {
		out[v.name] = v
	}
	return out
}

// steadyParts returns the statements for a major version, 10 to 18, whose answers
// do not depend on when they are asked. Later versions are asked as 18 is: a view
// that has changed by then fails alone.
func steadyParts(major int) []part {
	return partsOf(major, identityView, controlView, settingsView, conninfoView, rightsView)
}

// movingParts returns those whose answers change with every write.
func movingParts(major int) []part {
	return partsOf(major, positionsView, sendersView, receiverView)
}

// lateParts returns the statements for what is not compared between members. The
// quick ones come first; pg_hba_file_rules reads a file that may be broken.
func lateParts(major int, may allowed) []part {
	vs := []view{slotsView, archiverView, activityView, rolesView, extensionsView}
	if major >= 15 {
		vs = append(vs, collationView)
	}
	vs = append(vs, collationsView)
	if major >= 12 && may.ready {
		vs = append(vs, readyView)
	}
	vs = append(vs, availableView, unloggedView)
	if may.hba {
		vs = append(vs, hbaView)
	}
	return partsOf(major, vs...)
}

func partsOf(major int, vs ...view) []part {
	out := make([]part, len(vs))
	for i, v := range vs {
		out[i] = v.part(major)
	}
	return out
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

func tooOld[T any](column string, since int) fact.Observed[T] {
	return fact.NotKnown[T](fact.Unsupport, "%s: PostgreSQL before %d does not give it", column, since)
}
