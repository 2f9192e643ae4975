package dcs

import (
	"encoding/json"
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
)

func decodeOne(value string) fact.Observed[fact.MemberKey] {
	return decodeMember(KV{Key: "/service/demo/members/a", Value: []byte(value)})
}

func TestMember(t *testing.T) {
	t.Parallel()
	k := decodeOne(`{"conn_url":"postgres://10.0.0.1:5432/postgres","api_url":"http://10.0.0.1:8008/patroni",
		"state":"running","role":"replica","version":"4.1.4","xlog_location":67109728,"timeline":2,
		"replication_state":"streaming","tags":{"nofailover":true},"pause":true,"pending_restart":true,
		"site":"north","pending_restart_reason":{"x":{}}}`).Must()
	expect(t, "conn_url", k.ConnURL, `"postgres://10.0.0.1:5432/postgres"`)
	expect(t, "api_url", k.APIURL, `"http://10.0.0.1:8008/patroni"`)
	expect(t, "state", k.State, `"running"`)
	expect(t, "role", k.Role, `"replica"`)
	expect(t, "version", k.Version, `"4.1.4"`)
	expect(t, "xlog", k.Xlog, `"0/4000360"`)
	expect(t, "timeline", k.Timeline, `2`)
	expect(t, "replication_state", k.ReplicationState, `"streaming"`)
	expect(t, "tags", k.Tags, `{"nofailover":true}`)
	expect(t, "pause", k.Pause, `true`)
	expect(t, "pending_restart", k.PendingRestart, `true`)
}

func TestMemberAbsent(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`{}`, `{"conn_url":null,"api_url":null,"state":null,"role":null,"version":null,
		"xlog_location":null,"timeline":null,"replication_state":null,"pause":null,"pending_restart":null}`} {
		k := decodeOne(value).Must()
		const a = "absent:/service/demo/members/a has no "
		expect(t, "conn_url", k.ConnURL, a+"conn_url")
		expect(t, "api_url", k.APIURL, a+"api_url")
		expect(t, "state", k.State, a+"state")
		expect(t, "role", k.Role, a+"role")
		expect(t, "version", k.Version, a+"version")
		expect(t, "xlog", k.Xlog, a+"xlog_location")
		expect(t, "timeline", k.Timeline, a+"timeline")
		expect(t, "replication_state", k.ReplicationState, `""`)
		expect(t, "tags", k.Tags, `{}`)
		expect(t, "pause", k.Pause, `false`)
		expect(t, "pending_restart", k.PendingRestart, `false`)
	}
}

func TestMemberWrongTypes(t *testing.T) {
	t.Parallel()
	k := decodeOne(
		`{"conn_url":5,"api_url":{"password":"hunter2"},"state":["running"],"role":true,"version":4,
		"xlog_location":"0/4000360","timeline":"2","replication_state":{},"tags":[],"pause":"yes","pending_restart":1}`,
	).Must()
	const m = "malformed:/service/demo/members/a: "
	expect(t, "conn_url", k.ConnURL, m+"conn_url is not a string")
	expect(t, "api_url", k.APIURL, m+"api_url is not a string")
	expect(t, "state", k.State, m+`state is ["running"], not a string`)
	expect(t, "role", k.Role, m+"role is true, not a string")
	expect(t, "version", k.Version, m+"version is 4, not a string")
	expect(t, "xlog", k.Xlog, m+`xlog_location is "0/4000360", not a WAL position in bytes`)
	expect(t, "timeline", k.Timeline, m+`timeline is "2", not a timeline`)
	expect(t, "replication_state", k.ReplicationState, m+"replication_state is {}")
	expect(t, "tags", k.Tags, m+"tags is [], not an object")
	expect(t, "pause", k.Pause, m+`pause is "yes", not a boolean`)
	expect(t, "pending_restart", k.PendingRestart, m+"pending_restart is 1, not a boolean")

	k = decodeOne(`{"tags":null,"timeline":0,"xlog_location":0}`).Must()
	expect(t, "null tags", k.Tags, m+"tags is null")
	expect(t, "timeline 0", k.Timeline, m+"timeline is 0")
	expect(t, "position 0", k.Xlog, m+"xlog_location is 0")
	for _, tl := range []string{"-1", "1.5", "1e3", "4294967296", "true", "[2]"} {
		expect(t, "timeline "+tl, decodeOne(`{"timeline":`+tl+`}`).Must().Timeline, m+"timeline is "+tl)
	}
	k = decodeOne(`{"state":["` + strings.Repeat("\u00e4\u202e", 1000) + `"]}`).Must()
	expect(t, "long", k.State, m+"state is")
}

func TestMemberUndecodable(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                              "malformed:/service/demo/members/a: not a JSON object: unexpected end",
		"{":                             "malformed:not a JSON object",
		"null":                          "malformed:not a JSON object: null",
		"[]":                            "malformed:not a JSON object",
		`"x"`:                           "malformed:not a JSON object",
		"{}x":                           "malformed:not a JSON object",
		"\x00\xff\xfe":                  "malformed:not a JSON object",
		strings.Repeat(`{"a":`, 100000): "malformed:not a JSON object",
		strings.Repeat(" ", maxValue+1): "malformed:a value of 1048577 bytes",
		"postgres" + strings.Repeat("x", maxValue): "malformed:bytes is not decoded",
	} {
		expect(t, "member", decodeOne(value), want)
	}
}

func TestMemberLegacy(t *testing.T) {
	t.Parallel()
	k := decodeOne("postgres://rep:hunter2@10.0.0.1:5432/postgres?application_name=http://10.0.0.1:8008/patroni").Must()
	expect(t, "conn_url", k.ConnURL, `"postgres://10.0.0.1:5432/postgres"`)
	expect(t, "api_url", k.APIURL, `"http://10.0.0.1:8008/patroni"`)
	expect(t, "state", k.State, "absent:/service/demo/members/a has no state")
	expect(t, "role", k.Role, "absent:no role")
	expect(t, "version", k.Version, "absent:no version")
	expect(t, "timeline", k.Timeline, "absent:no timeline")
	expect(t, "xlog", k.Xlog, "absent:no xlog_location")
	expect(t, "tags", k.Tags, `{}`)
	expect(t, "pause", k.Pause, `false`)

	k = decodeOne("postgresql://10.0.0.1/postgres").Must()
	expect(t, "conn_url", k.ConnURL, `"postgresql://10.0.0.1/postgres"`)
	expect(t, "api_url", k.APIURL, "absent:no api_url")
	k = decodeOne("postgres").Must()
	expect(t, "conn_url", k.ConnURL, "malformed:conn_url is not a postgres:// or postgresql:// URL")
}

func TestAddress(t *testing.T) {
	t.Parallel()
	const hidden = " (not shown, it may hold a password)"
	for _, tt := range []struct{ field, url, want string }{
		{"conn_url", "postgres://10.0.0.1:5432/postgres", `"postgres://10.0.0.1:5432/postgres"`},
		{"conn_url", "postgresql://db.example/x", `"postgresql://db.example/x"`},
		{"conn_url", "postgres://[fd00::1]:5432/postgres", `"postgres://[fd00::1]:5432/postgres"`},
		{"conn_url", "postgres://a:5432,b:5433/postgres", `"postgres://a:5432,b:5433/postgres"`},
		{"conn_url", "postgres://u:hunter2@a:5432,b:5433/postgres", `"postgres://a:5432,b:5433/postgres"`},
		{"conn_url", "postgres://u:hun@ter2@a:5432/postgres", `"postgres://a:5432/postgres"`},
		{"conn_url", "postgres://a:5432/postgres?user=u&password=hunter2#hunter2", `"postgres://a:5432/postgres"`},
		{"conn_url", "postgres://u:hun/ter2@a:5432/postgres", "malformed:has an @ after its host" + hidden},
		{"conn_url", "postgres://u:hun?ter2@a:5432/postgres", "malformed:has an @ after its host" + hidden},
		{"conn_url", "postgres://u:hun#ter2@a:5432/postgres", "malformed:has an @ after its host" + hidden},
		{"conn_url", "postgres://u:p@hunter2/x@a/postgres", "malformed:has an @ after its host" + hidden},
		{"conn_url", "postgres://u:hunter2/postgres", "malformed:is not a URL with a host" + hidden},
		{"conn_url", "postgres:///postgres", "malformed:is not a URL with a host" + hidden},
		{"conn_url", "postgres://a,,b/postgres", "malformed:is not a URL with a host" + hidden},
		{"conn_url", "postgres://a b/postgres", "malformed:is not a URL with a host" + hidden},
		{"conn_url", "host=a password=hunter2", "malformed:is not a postgres:// or postgresql:// URL" + hidden},
		{"conn_url", "", "malformed:is not a postgres://"},
		{"api_url", "http://10.0.0.1:8008/patroni", `"http://10.0.0.1:8008/patroni"`},
		{"api_url", "https://[fd00::1]:8008/patroni", `"https://[fd00::1]:8008/patroni"`},
		{"api_url", "http://admin:hunter2@10.0.0.1:8008/patroni", `"http://10.0.0.1:8008/patroni"`},
		{"api_url", "file:///etc/hunter2", "malformed:is not a http:// or https:// URL" + hidden},
		{"api_url", "http://10.0.0.1:8008\r\nX: y/patroni", "malformed:is not a URL with a host"},
	} {
		value, _ := json.Marshal(map[string]string{tt.field: tt.url})
		k := decodeOne(string(value)).Must()
		got := map[string]fact.Observed[string]{"conn_url": k.ConnURL, "api_url": k.APIURL}[tt.field]
		expect(t, tt.url, got, tt.want)
		all, _ := json.Marshal(k)
		if strings.Contains(string(all), "hunter2") || strings.Contains(string(all), "ter2") {
			t.Errorf("%s: a password came through: %s", tt.url, all)
		}
	}
}
