package pg

import (
	"fmt"
	"strings"
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

// index finds a column by its name; "" stands for the only one. A decoder that asks for
// a column that the view does not have is a mistake in this package.
func (v view) index(column string) int {
	for i, c := range v.columns {
		if c.name == column || column == "" && len(v.columns) == 1 {
			return i
		}
	}
	panic(fmt.Sprintf("%s has no column %q", v.name, column))
}
