package pg

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// cells is one row of the answer to a view, read by column.
type cells struct {
	view   view
	answer answer
	row    int
	// null is what NULL means in this row.
	null fact.Unknown
}

func (c cells) at(row int) cells {
	c.row = row
	return c
}

// orNull gives NULL another meaning, where it is not for want of privilege.
func (c cells) orNull(reason string) cells {
	if c.null.Cause != fact.Privilege {
		c.null.Reason = reason
	}
	return c
}

// value reads one cell by its column, "" for the only one.
func value[T any](c cells, column string, parse func(string) (T, error)) fact.Observed[T] {
	i := c.view.index(column)
	name := c.view.name
	if column != "" {
		name += ", " + column
	}
	switch {
	case c.answer.why != nil:
		return fact.NotKnown[T](c.answer.why.Cause, "%s", c.answer.why.Reason)
	case c.row >= len(c.answer.rows):
		return fact.NotKnown[T](fact.Absent, "%s: no row", name)
	case i >= len(c.answer.rows[c.row]):
		return fact.NotKnown[T](fact.Malformed, "%s: no such column", name)
	}
	text := c.answer.rows[c.row][i]
	if text == nil {
		return fact.NotKnown[T](c.null.Cause, "%s: %s", name, c.null.Reason)
	}
	v, err := parse(*text)
	if err != nil {
		return fact.NotKnown[T](
			fact.Malformed,
			"%s is %s: %s",
			name,
			foreign.Quote(*text),
			foreign.OneLine(err.Error(), maxReason),
		)
	}
	return fact.Known(v)
}

func parseText(s string) (string, error) {
	const most = 64 << 10
	if len(s) > most {
		return "", fmt.Errorf("longer than %d bytes", most)
	}
	return strings.ToValidUTF8(s, "?"), nil
}

func parseTextBool(s string) (bool, error) {
	switch s {
	case "t":
		return true, nil
	case "f":
		return false, nil
	}
	return false, fmt.Errorf("not a boolean")
}

func parsePositive(s string) (int, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err == nil && n <= 0 {
		err = fmt.Errorf("not a positive number")
	}
	return int(n), err
}

func parseTimeline(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err == nil && n == 0 {
		err = fmt.Errorf("not a timeline")
	}
	return int64(n), err
}

// parseSystemID reads the bigint as the unsigned number that pg_controldata and
// Patroni's /initialize give.
func parseSystemID(s string) (string, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && n == 0 {
		err = fmt.Errorf("not a system identifier")
	}
	return strconv.FormatUint(uint64(n), 10), err
}

// parseMicros refuses years that JSON cannot carry.
func parseMicros(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	t := time.UnixMicro(n).UTC()
	if err == nil && (n == math.MaxInt64 || t.Year() < 1 || t.Year() > 9999) {
		err = fmt.Errorf("not a time")
	}
	return t, err
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
	return fact.NotKnown[[]T](fact.Unsupport, "%s has more than %d rows", c.view.name, manyRows)
}

func tooOld[T any](column string, since int) fact.Observed[T] {
	return fact.NotKnown[T](fact.Unsupport, "%s: PostgreSQL before %d does not give it", column, since)
}

// answer is what one statement gave: rows of text, in which nil is NULL.
type answer struct {
	rows [][]*string
	why  *fact.Unknown
}
