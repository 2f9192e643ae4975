package dcs

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"patroni-preflight/preflight"
)

// decodeMember reads a member key (patroni/dcs/__init__.py, Member.from_node).
// Patroni takes an unreadable value for an empty object; here it is unknown.
func decodeMember(kv KV) preflight.Observed[preflight.MemberKey] {
	if len(kv.Value) <= maxValue && strings.HasPrefix(string(kv.Value), "postgres") {
		return preflight.Known(legacyMember(kv))
	}
	d, err := parseObject(kv)
	if err != nil {
		return preflight.NotKnown[preflight.MemberKey](preflight.Malformed, "%s: %v", kv.Key, err)
	}
	return preflight.Known(preflight.MemberKey{
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
func legacyMember(kv KV) preflight.MemberKey {
	d := doc{key: kv.Key}
	value := string(kv.Value)
	_, query, _ := strings.Cut(value, "?")
	query, _, _ = strings.Cut(query, "#")
	api := absent[string](d, "api_url")
	// An error spoils single parameters only, and Python skips those too.
	if q, _ := url.ParseQuery(query); q.Has("application_name") {
		api = d.clean("application_name", q.Get("application_name"), "http", "https")
	}
	return preflight.MemberKey{
		ConnURL:          d.clean("conn_url", value, "postgres", "postgresql"),
		APIURL:           api,
		State:            absent[string](d, "state"),
		Role:             absent[string](d, "role"),
		Version:          absent[string](d, "version"),
		Timeline:         absent[int64](d, "timeline"),
		Xlog:             absent[preflight.LSN](d, "xlog_location"),
		ReplicationState: preflight.Known(""),
		Tags:             preflight.Known(preflight.Tags{}),
		Pause:            preflight.Known(false),
		PendingRestart:   preflight.Known(false),

		PendingRestartReason:   preflight.Known([]string{}),
		ScheduledRestart:       preflight.Known(""),
		CheckpointAfterPromote: preflight.Known(true),
	}
}

// tags reads the tags object. A null, unlike an absent one, is malformed:
// Patroni stumbles over it too.
func (d doc) tags() preflight.Observed[preflight.Tags] {
	raw, ok := d.fields["tags"]
	if !ok {
		return preflight.Known(preflight.Tags{})
	}
	var t preflight.Tags
	if json.Unmarshal(raw, &t) != nil || t == nil {
		return malformed[preflight.Tags](d, "tags", raw, preflight.TagsForm)
	}
	return preflight.Known(t)
}

// address reads a URL field. A value that is not understood is never quoted: it
// may hold a password.
func (d doc) address(name string, schemes ...string) preflight.Observed[string] {
	raw, ok := d.get(name)
	if !ok {
		return absent[string](d, name)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return preflight.NotKnown[string](preflight.Malformed, "%s: %s is not a string", d.key, name)
	}
	return d.clean(name, s, schemes...)
}

// clean returns scheme, hosts and path of a URL. The user, the password and the
// query are dropped: Patroni uses no query either (patroni/dcs/__init__.py,
// Member.conn_kwargs), and libpq allows a password in it. The authority may name
// several hosts with commas between them, as libpq does, which net/url refuses.
func (d doc) clean(name, raw string, schemes ...string) preflight.Observed[string] {
	bad := func(why string) preflight.Observed[string] {
		return preflight.NotKnown[string](preflight.Malformed, "%s: %s %s (not shown, it may hold a password)", d.key, name, why)
	}
	if len(raw) > maxText {
		return bad(fmt.Sprintf("is longer than %d bytes", maxText))
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
	return preflight.Known(scheme + "://" + authority + path)
}
