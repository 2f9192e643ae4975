package dcs

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"patroni-preflight/internal/foreign"
	"patroni-preflight/preflight/fact"
)

// decodeMember reads a member key (patroni/dcs/__init__.py, Member.from_node).
// Patroni takes an unreadable value for an empty object; here it is unknown.
func decodeMember(kv KV) fact.Observed[fact.MemberKey] {
	if len(kv.Value) <= maxValue && strings.HasPrefix(string(kv.Value), "postgres") {
		return fact.Known(legacyMember(kv))
	}
	d, err := parseObject(kv)
	if err != nil {
		return fact.NotKnown[fact.MemberKey](fact.Malformed, "%s: %v", kv.Key, err)
	}
	return fact.Known(fact.MemberKey{
		ConnURL:          d.address("conn_url", "postgres", "postgresql"),
		APIURL:           d.address("api_url", "http", "https"),
		State:            d.text("state"),
		Role:             d.text("role"),
		Version:          d.text("version"),
		Timeline:         d.timeline("timeline"),
		Xlog:             d.lsn("xlog_location"),
		ReplicationState: d.textOr("replication_state", ""),
		Tags:             d.tags(),
		Pause:            d.flag("pause"),
		PendingRestart:   d.flag("pending_restart"),

		PendingRestartReason:   d.pendingReason(),
		ScheduledRestart:       d.scheduledRestart(),
		CheckpointAfterPromote: d.checkpointed(),
	})
}

// legacyMember reads the connection string that Patroni's forerunner wrote: the
// REST address is its application_name (patroni/dcs/__init__.py,
// parse_connection_string). It says nothing else, so the rest is unknown.
func legacyMember(kv KV) fact.MemberKey {
	d := doc{key: kv.Key}
	value := string(kv.Value)
	_, query, _ := strings.Cut(value, "?")
	query, _, _ = strings.Cut(query, "#")
	api := absent[string](d, "api_url")
	// An error spoils single parameters only, and Python skips those too.
	if q, _ := url.ParseQuery(query); q.Has("application_name") {
		api = d.clean("application_name", q.Get("application_name"), "http", "https")
	}
	return fact.MemberKey{
		ConnURL:          d.clean("conn_url", value, "postgres", "postgresql"),
		APIURL:           api,
		State:            absent[string](d, "state"),
		Role:             absent[string](d, "role"),
		Version:          absent[string](d, "version"),
		Timeline:         absent[int64](d, "timeline"),
		Xlog:             absent[fact.LSN](d, "xlog_location"),
		ReplicationState: fact.Known(""),
		Tags:             fact.Known(fact.Tags{}),
		Pause:            fact.Known(false),
		PendingRestart:   fact.Known(false),

		PendingRestartReason:   fact.Known([]string{}),
		ScheduledRestart:       fact.Known(""),
		CheckpointAfterPromote: fact.Known(true),
	}
}

// tags reads the tags object. A null, unlike an absent one, is malformed:
// Patroni stumbles over it too.
func (d doc) tags() fact.Observed[fact.Tags] {
	raw, ok := d.fields["tags"]
	if !ok {
		return fact.Known(fact.Tags{})
	}
	var t fact.Tags
	if json.Unmarshal(raw, &t) != nil || t == nil {
		return malformed[fact.Tags](d, "tags", raw, fact.TagsForm)
	}
	return fact.Known(t)
}

// address reads a URL field. A value that is not understood is never quoted: it
// may hold a password.
func (d doc) address(name string, schemes ...string) fact.Observed[string] {
	raw, ok := d.get(name)
	if !ok {
		return absent[string](d, name)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return fact.NotKnown[string](fact.Malformed, "%s: %s is not a string", d.key, name)
	}
	return d.clean(name, s, schemes...)
}

// clean returns scheme, hosts and path of a URL. The user, the password and the
// query are dropped: Patroni uses no query either (patroni/dcs/__init__.py,
// Member.conn_kwargs), and libpq allows a password in it. The authority may name
// several hosts with commas between them, as libpq does, which net/url refuses.
func (d doc) clean(name, raw string, schemes ...string) fact.Observed[string] {
	bad := func(why string) fact.Observed[string] {
		return fact.NotKnown[string](fact.Malformed, "%s: %s %s (not shown, it may hold a password)", d.key, name, why)
	}
	if len(raw) > foreign.MaxText {
		return bad(fmt.Sprintf("is longer than %d bytes", foreign.MaxText))
	}
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || !slices.Contains(schemes, scheme) {
		return bad("is not a " + strings.Join(schemes, ":// or ") + ":// URL")
	}
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	if strings.Contains(tail, "@") {
		// A password with an unescaped slash, ? or # is cut in the wrong place, and
		// what follows would read as host and path.
		return bad("has an @ after its host")
	}
	authority = authority[strings.LastIndex(authority, "@")+1:]
	path := tail
	if i := strings.IndexAny(tail, "?#"); i >= 0 {
		path = tail[:i]
	}
	for host := range strings.SplitSeq(authority, ",") {
		if u, err := url.Parse(scheme + "://" + host + path); err != nil || u.Hostname() == "" {
			return bad("is not a URL with a host")
		}
	}
	return fact.Known(scheme + "://" + authority + path)
}
