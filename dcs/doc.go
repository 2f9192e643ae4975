package dcs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// maxValue is the size in bytes above which a value is not decoded. etcd itself
// takes 1.5 MiB; the largest that Patroni writes (/history, a member with a long
// pending_restart_reason) are some KiB.
const maxValue = 1 << 20

// doc is a JSON object with its fields undecoded, and the key it came from for
// the reasons. Field names are case-sensitive, as they are in Python.
type doc struct {
	key    string
	fields map[string]json.RawMessage
}

// parseObject decodes a value that has to be a JSON object. The error never quotes the
// value as a whole: it may hold a password.
func parseObject(kv KV) (doc, error) {
	d := doc{key: kv.Key}
	if len(kv.Value) > maxValue {
		return d, fmt.Errorf("a value of %d bytes is not decoded, the limit is %d", len(kv.Value), maxValue)
	}
	if err := json.Unmarshal(kv.Value, &d.fields); err != nil {
		return d, fmt.Errorf("not a JSON object: %s", foreign.OneLine(err.Error(), 120))
	}
	if d.fields == nil { // the document is null
		return d, fmt.Errorf("not a JSON object: null")
	}
	return d, nil
}

// get returns a field; a null counts as absent, as for Python's dict.get.
func (d doc) get(name string) (json.RawMessage, bool) {
	raw, ok := d.fields[name]
	return raw, ok && !isNull(raw)
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }

func absent[T any](d doc, name string) fact.Observed[T] {
	return fact.NotKnown[T](fact.Absent, "%s has no %s", d.key, name)
}

func malformed[T any](d doc, name string, raw json.RawMessage, want string) fact.Observed[T] {
	return fact.NotKnown[T](fact.Malformed, "%s: %s is %s, not %s", d.key, name, show(raw), want)
}

// text reads a string field.
func (d doc) text(name string) fact.Observed[string] {
	raw, ok := d.get(name)
	if !ok {
		return absent[string](d, name)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return malformed[string](d, name, raw, "a string")
	}
	if len(s) > foreign.MaxText {
		return malformed[string](d, name, raw, fmt.Sprintf("a string of at most %d bytes", foreign.MaxText))
	}
	return fact.Known(s)
}

// textOr reads a string field that may be absent.
func (d doc) textOr(name, missing string) fact.Observed[string] {
	if _, ok := d.get(name); !ok {
		return fact.Known(missing)
	}
	return d.text(name)
}

// flag reads a field that Patroni writes when it is true and omits otherwise.
func (d doc) flag(name string) fact.Observed[bool] {
	raw, ok := d.get(name)
	if !ok {
		return fact.Known(false)
	}
	var b bool
	if json.Unmarshal(raw, &b) != nil {
		return malformed[bool](d, name, raw, "a boolean")
	}
	return fact.Known(b)
}

// timeline reads a timeline ID: PostgreSQL counts them from 1.
func (d doc) timeline(name string) fact.Observed[int64] {
	raw, ok := d.get(name)
	if !ok {
		return absent[int64](d, name)
	}
	n, err := strconv.ParseUint(string(raw), 10, 32)
	if err != nil || n == 0 {
		return malformed[int64](d, name, raw, "a timeline")
	}
	return fact.Known(int64(n))
}

// lsn reads a WAL position in bytes, a number or a string with one: Patroni
// passes it through parse_int (patroni/dcs/__init__.py, Member.lsn). Position 0
// is PostgreSQL's "none" (InvalidXLogRecPtr) and counts as malformed: as the
// base of a lag it would make every member look fresh.
func (d doc) lsn(name string) fact.Observed[fact.LSN] {
	raw, ok := d.get(name)
	if !ok {
		return absent[fact.LSN](d, name)
	}
	if l, ok := position(raw); ok {
		return fact.Known(l)
	}
	return malformed[fact.LSN](d, name, raw, "a WAL position in bytes")
}

func position(raw json.RawMessage) (fact.LSN, bool) { return parsePosition(unquote(raw)) }

func parsePosition(s string) (fact.LSN, bool) {
	n, err := strconv.ParseUint(s, 10, 64)
	l := fact.LSN(n)
	return l, err == nil && l != 0 && l <= fact.MaxLSN
}

// unquote returns the content of a JSON string, trimmed as Python's int() does,
// and any other JSON value as it stands.
func unquote(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return strings.TrimSpace(s)
	}
	return string(raw)
}

// show quotes a JSON value in a reason.
func show(raw json.RawMessage) string { return foreign.OneLine(string(bytes.TrimSpace(raw)), 60) }
