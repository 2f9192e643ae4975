package patroniapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// Decode turns the answer to GET api_url into facts. The HTTP status is kept and
// the body is read whatever it is: Patroni gives the same document with 200 and
// with 503 (patroni/api.py, _write_status_response).
//
// A body that is no JSON object, or no answer of Patroni, makes the whole answer
// unknown; a field of the wrong type makes that field unknown. A field that
// Patroni leaves out has the value that its absence means: false for the flags,
// no tags, "" for replication_state. All others are unknown, cause absent.
func Decode(status int, header http.Header, body []byte) fact.Observed[fact.REST] {
	doc, why := parseObject(body)
	if why != "" {
		return fact.NotKnown[fact.REST](fact.Malformed, "HTTP status %d, and the body %s", status, why)
	}
	if !doc.has("patroni") && !doc.has("state") && !doc.has("role") {
		return fact.NotKnown[fact.REST](fact.Malformed,
			"HTTP status %d, and the body has neither patroni nor state nor role: this is not Patroni's REST API", status)
	}

	id := doc.object("patroni")
	wal := doc.object("xlog")
	// Patroni takes wal before xlog (patroni/ha.py, _MemberStatus.from_api_response),
	// though no release has written it.
	if w := doc.object("wal"); len(w.fields) > 0 {
		wal = w
	}
	r := fact.REST{
		HTTPStatus:      status,
		Name:            id.text("name"),
		Scope:           id.text("scope"),
		Version:         id.text("version"),
		State:           doc.text("state"),
		Role:            doc.text("role"),
		PostmasterStart: startTime(doc.text("postmaster_start_time")),
		ServerVersion:   doc.serverVersion(),
		SystemID:        doc.systemID(),
		Timeline:        doc.timeline(),
		Location:        wal.lsn("location"),
		Received:        wal.lsn("received_location"),
		Replayed:        wal.lsn("replayed_location"),
		ReplayPaused:    wal.boolean("paused"),
		// These are left out where they would be false or empty.
		ReplicationState: orIfAbsent(doc.text("replication_state"), doc.has("replication_state"), ""),
		Tags:             doc.tags(),
		Pause:            doc.flag("pause"),
		ClusterUnlocked:  doc.flag("cluster_unlocked"),
		FailsafeActive:   doc.flag("failsafe_mode_is_active"),
		WatchdogFailed:   doc.flag("watchdog_failed"),
		PendingRestart:   doc.flag("pending_restart"),
		SyncStandby:      doc.flag("sync_standby"),
		QuorumStandby:    doc.flag("quorum_standby"),
		DCSLastSeen:      doc.unixTime("dcs_last_seen"),
		Date:             date(header),
	}
	if id.why == nil && !id.has("name") {
		r.Name = fact.NotKnown[string](fact.Absent,
			"no patroni.name in the answer: Patroni before 3.2.0 does not give it")
	}
	return fact.Known(r)
}

// date reads the Date header, which Python's http.server writes to the second.
func date(header http.Header) fact.Observed[time.Time] {
	s := header.Get("Date")
	if s == "" {
		return fact.NotKnown[time.Time](fact.Absent, "no Date header in the answer")
	}
	t, err := http.ParseTime(s)
	if err != nil {
		return fact.NotKnown[time.Time](fact.Malformed, "Date header is %s: not a time", foreign.Quote(s))
	}
	return checkedTime(t, "Date header", s)
}

var cutToMilliseconds = regexp.MustCompile(`:[0-9]{2}\.[0-9]{3} [A-Z]{3,5}$`)

// startTime reads postmaster_start_time as Patroni writes it: the text of a
// Python datetime ("2026-11-22 20:21:21.224045+00:00", without a fraction when
// that is zero), or the same with the abbreviation of UTC. Another abbreviation
// is no offset: Go would take "CET" for UTC without a word. Before 2.1 the text
// was cut to milliseconds, which would differ from PostgreSQL's own microseconds
// on one and the same instance: that is unknown.
func startTime(o fact.Observed[string]) fact.Observed[time.Time] {
	const field = "postmaster_start_time"
	s, ok := o.Get()
	if !ok {
		return fact.Because[time.Time](o)
	}
	if cutToMilliseconds.MatchString(s) {
		return fact.NotKnown[time.Time](fact.Unsupport,
			"%s is %s: to the millisecond only, too coarse to tell instances apart", field, foreign.Quote(s))
	}
	for _, layout := range []string{
		"2006-01-02 15:04:05.999999Z07:00", "2006-01-02T15:04:05.999999Z07:00",
		"2006-01-02 15:04:05.999999Z0700", "2006-01-02 15:04:05.999999Z07",
		"2006-01-02 15:04:05.999999Z07:00:00",
		"2006-01-02 15:04:05.999999 UTC", "2006-01-02 15:04:05.999999 GMT",
		"2006-01-02 15:04:05.999999 -07",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return checkedTime(t, field, s)
		}
	}
	return fact.NotKnown[time.Time](fact.Malformed,
		"%s is %s: not a time with an offset from UTC", field, foreign.Quote(s))
}

// checkedTime refuses times that JSON cannot carry (encoding/json fails on years
// beyond 9999): one odd answer must not spoil the whole snapshot.
func checkedTime(t time.Time, field, written string) fact.Observed[time.Time] {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return fact.NotKnown[time.Time](fact.Malformed, "%s is %s: not a time", field, foreign.Quote(written))
	}
	return fact.Known(t)
}

// object is one JSON object of the answer. Where why is set, it could not be
// read, and all its fields are unknown for that reason.
type object struct {
	prefix string
	fields map[string]json.RawMessage
	why    *fact.Unknown
}

// parseObject reads a body. The second result says what is wrong with it.
func parseObject(body []byte) (object, string) {
	var fields map[string]json.RawMessage
	if len(bytes.TrimSpace(body)) == 0 {
		return object{}, "is empty"
	}
	if err := json.Unmarshal(body, &fields); err != nil {
		if json.Valid(body) {
			return object{}, "is JSON, but no object: " + foreign.Quote(string(body))
		}
		return object{}, "is not JSON (" + err.Error() + "): " + foreign.Quote(string(body))
	}
	if fields == nil {
		return object{}, "is JSON, but no object: null"
	}
	return object{fields: fields}, ""
}

// has reports whether the field is there with another value than null.
func (o object) has(name string) bool {
	raw, ok := o.fields[name]
	return ok && string(raw) != "null"
}

// object returns a field that is an object itself.
func (o object) object(name string) object {
	in := object{prefix: o.prefix + name + "."}
	if !o.has(name) {
		in.why = &fact.Unknown{Cause: fact.Absent, Reason: "no " + o.prefix + name + " in the answer"}
		return in
	}
	if err := json.Unmarshal(o.fields[name], &in.fields); err != nil {
		in.why = &fact.Unknown{
			Cause:  fact.Malformed,
			Reason: o.prefix + name + " is " + foreign.Quote(string(o.fields[name])) + ": not an object",
		}
	}
	return in
}

// field decodes one field. Absent and null are unknown, cause absent; a value
// that decode refuses is unknown, cause malformed.
func field[T any](o object, name, want string, decode func(raw string) (T, bool)) fact.Observed[T] {
	switch {
	case o.why != nil:
		return fact.NotKnown[T](o.why.Cause, "%s", o.why.Reason)
	case !o.has(name):
		return fact.NotKnown[T](fact.Absent, "no %s%s in the answer", o.prefix, name)
	}
	raw := string(o.fields[name])
	v, ok := decode(raw)
	if !ok {
		return fact.NotKnown[T](fact.Malformed, "%s%s is %s: not %s", o.prefix, name, foreign.Quote(raw), want)
	}
	return fact.Known(v)
}

// orIfAbsent gives a field that is left out the value which that means. A null
// is no such absence: Patroni does not write it.
func orIfAbsent[T any](o fact.Observed[T], there bool, v T) fact.Observed[T] {
	if o.Cause() == fact.Absent && !there {
		return fact.Known(v)
	}
	return o
}

func (o object) text(name string) fact.Observed[string] {
	return field(o, name, "a text", asText)
}

func (o object) boolean(name string) fact.Observed[bool] {
	return field(o, name, "true or false", func(raw string) (bool, bool) {
		return raw == "true", raw == "true" || raw == "false"
	})
}

// flag is a boolean that Patroni leaves out where it is false.
func (o object) flag(name string) fact.Observed[bool] {
	if _, there := o.fields[name]; there && !o.has(name) {
		return fact.NotKnown[bool](fact.Malformed, "%s%s is null: not true or false", o.prefix, name)
	}
	return orIfAbsent(o.boolean(name), o.has(name), false)
}

// lsn is a WAL position, which Patroni gives in bytes.
func (o object) lsn(name string) fact.Observed[fact.LSN] {
	return field(o, name, "a WAL position in bytes", func(raw string) (fact.LSN, bool) {
		n, err := strconv.ParseUint(raw, 10, 63)
		return fact.LSN(n), err == nil
	})
}

// timeline is null on a replica that cannot reach its own server by a
// replication connection (patroni/postgresql/__init__.py, replica_cached_timeline).
func (o object) timeline() fact.Observed[int64] {
	return field(o, "timeline", "a timeline", func(raw string) (int64, bool) {
		n, err := strconv.ParseUint(raw, 10, 32)
		return int64(n), err == nil && n > 0
	})
}

func (o object) serverVersion() fact.Observed[int] {
	return field(o, "server_version", "a version number", func(raw string) (int, bool) {
		n, err := strconv.ParseUint(raw, 10, 31)
		return int(n), err == nil && n > 0
	})
}

// systemID is a text in every release; a number is taken as well.
func (o object) systemID() fact.Observed[string] {
	return field(o, "database_system_identifier", "a system identifier", func(raw string) (string, bool) {
		s, ok := asText(raw)
		if !ok {
			s = raw
		}
		_, err := strconv.ParseUint(s, 10, 64)
		return s, err == nil
	})
}

func (o object) unixTime(name string) fact.Observed[time.Time] {
	return field(o, name, "a time in Unix seconds", func(raw string) (time.Time, bool) {
		n, err := strconv.ParseUint(raw, 10, 63)
		t := checkedTime(time.Unix(int64(n), 0), name, raw)
		v, ok := t.Get()
		return v, ok && err == nil
	})
}

func (o object) tags() fact.Observed[fact.Tags] {
	tags := field(o, "tags", fact.TagsForm, func(raw string) (fact.Tags, bool) {
		var t fact.Tags
		err := json.Unmarshal([]byte(raw), &t)
		return t, err == nil
	})
	return orIfAbsent(tags, o.has("tags"), fact.Tags{})
}

func asText(raw string) (string, bool) {
	var s string
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		return "", false
	}
	return s, s != "" && len(s) <= foreign.MaxText
}
