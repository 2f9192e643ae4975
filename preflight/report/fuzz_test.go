package report

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"patroni-preflight/dcs"
	"patroni-preflight/patroniapi"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// holds checks what is true of every snapshot, however odd: it can be recorded
// and read again, its judgement is always the same and no check fails inside,
// and no format of the report steers a terminal. It returns the verdict.
func holds(t *testing.T, s *fact.Recording) preflight.Verdict {
	t.Helper()
	var first, second bytes.Buffer
	if err := s.Save(&first); err != nil {
		t.Fatal(err)
	}
	again, err := fact.LoadRecording(bytes.NewReader(first.Bytes()))
	if err != nil {
		t.Fatalf("recorded, and not to be read: %v", err)
	}
	if err := again.Save(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Fatalf("recorded %s\nread again %s", first.Bytes(), second.Bytes())
	}
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	doc := renderHostile(t, "json", r)
	if other := renderHostile(t, "json", preflight.Judge(again.Snapshot, again.Question, check.Policies{})); doc != other {
		t.Fatalf("two judgements of one snapshot:\n%s\n%s", doc, other)
	}
	if !json.Valid([]byte(doc)) || strings.Contains(doc, "internal error in") {
		t.Fatalf("no JSON, or an error in a check: %s", doc)
	}
	text := renderHostile(t, "text", r)
	if most := 2*longest*(len(r.Results)+len(r.Members)) + 10_000; len(text) > most {
		t.Errorf("%d bytes of text", len(text))
	}
	if brief := renderHostile(t, "brief", r); strings.Count(brief, "\n") != 1 {
		t.Errorf("not one line: %q", brief)
	}
	return r.Verdict
}

func renderHostile(t *testing.T, format string, r preflight.Report) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, format, r, Options{Verbose: true}); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	if i := strings.IndexFunc(b.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
		t.Fatalf("%s: %q", format, b.String()[i:min(i+60, b.Len())])
	}
	return b.String()
}

// recordedSnapshots are of real clusters in many states, good and bad ones.
func recordedSnapshots(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "testdata", "recorded", "trixie-*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d snapshots: %v", len(files), err)
	}
	var all [][]byte
	for _, f := range append(files, filepath.Join("..", "testdata", "snapshots", "healthy-4.0.7.json")) {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw)
	}
	return all
}

// FuzzLoadSnapshot: whatever is in the file, it is refused in one line or judged.
func FuzzLoadSnapshot(f *testing.F) {
	f.Add([]byte(`{"schema":1}`))
	f.Add(
		[]byte(
			`{"schema":1,"members":[{"name":"a","key":{"value":null},"rest":{"value":{}},"sql":{"value":{}}}],` +
				`"dcs":{"cluster":{"value":{"leader":{"value":"a"}}}}}`,
		),
	)
	f.Add([]byte(`{"schema":1,"members":[{"name":"a"},{"name":"a"}]}`))
	f.Add([]byte(`{"SCHEMA":1,"Members":[{"Name":"\u001b[2J\ud800"}],"taken_at":"0000-01-01T00:00:00Z"}`))
	f.Add(
		[]byte(
			`{"schema":1,"moved":{"value":["x"],"unknown":{"cause":"","reason":""}},` +
				`"request":{"scheduled_at":"9999-12-31T23:59:59+23:59"}}`,
		),
	)
	f.Add(recordedSnapshots(f)[0])
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := fact.LoadRecording(bytes.NewReader(text))
		if err != nil {
			if msg := err.Error(); len(msg) > 1000 ||
				strings.ContainsFunc(msg, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%q", msg)
			}
			return
		}
		holds(t, s)
	})
}

// oddValues take the place of values in a snapshot.
var oddValues = []any{
	nil,
	"",
	"x",
	"node1",
	"node2",
	hostileName,
	strings.Repeat("long", 1000),
	"*",
	"/",
	"on",
	"0/0",
	"0/1",
	"7FFFFFFF/FFFFFFFF",
	"streaming",
	"primary",
	"replica",
	"standby_leader",
	"2.1.0",
	"3.0.0",
	"4.1.0",
	"9999.9.9",
	"0001-01-01T00:00:00Z",
	"9999-12-31T23:59:59Z",
	"http://[::]:8008/patroni",
	"postgres://a,b:1/x",
	"off",
	"quorum",
	"lost",
	"all",
	"replication",
	"10MB",
	"-1",
	"010",
	"now",
	true,
	false,
	0,
	1,
	-1,
	503,
	1e15,
	-1e15,
	json.Number("9223372036854775807"),
	json.Number("-9223372036854775808"),
	2147483648.0,
	[]any{},
	[]any{"node1"},
	[]any{nil},
	[]any{map[string]any{}},
	map[string]any{},
	map[string]any{"value": nil},
	map[string]any{"value": 0},
	map[string]any{"unknown": map[string]any{"cause": "absent", "reason": hostileName}},
	map[string]any{"nofailover": []any{map[string]any{}}},
}

// FuzzOddSnapshot: snapshots in which values of real ones were replaced by
// others, of the same type or not, or by values from elsewhere in the snapshot.
func FuzzOddSnapshot(f *testing.F) {
	recorded := recordedSnapshots(f)
	for i := range recorded {
		f.Add(uint8(i), []byte{0, byte(i), 1, 2, byte(i), 7, 1, 9})
	}
	f.Add(uint8(len(recorded)-1), []byte{})
	f.Fuzz(func(t *testing.T, which uint8, steps []byte) {
		var tree any
		dec := json.NewDecoder(bytes.NewReader(recorded[int(which)%len(recorded)]))
		dec.UseNumber()
		if err := dec.Decode(&tree); err != nil {
			t.Fatal(err)
		}
		for ; len(steps) >= 4; steps = steps[4:] {
			var places []func(any)
			var values []any
			slots(tree, &places, &values)
			at, odd := int(binary.BigEndian.Uint16(steps)), int(binary.BigEndian.Uint16(steps[2:]))
			v := oddValues[odd%len(oddValues)]
			if odd >= 1<<15 {
				v = values[odd%len(values)]
			}
			places[at%len(places)](copied(t, v))
		}
		text, err := json.Marshal(tree)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := fact.LoadRecording(bytes.NewReader(text)); err == nil {
			holds(t, s)
		}
	})
}

// slots lists every value below v, and how to replace it.
func slots(v any, places *[]func(any), values *[]any) {
	note := func(child any, set func(any)) {
		*places, *values = append(*places, set), append(*values, child)
		slots(child, places, values)
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			note(v[i], func(x any) { v[i] = x })
		}
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			note(v[k], func(x any) { v[k] = x })
		}
	}
}

func copied(t *testing.T, v any) (out any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzVerdict replaces what one key of the DCS or the candidate's REST API holds
// in a cluster that is GO: whatever is read from it can be judged, and it is not
// GO where the essential is malformed.
func FuzzVerdict(f *testing.F) {
	for i, seed := range []string{
		`{"ttl":30,"loop_wait":10,"retry_timeout":10,"maximum_lag_on_failover":1048576}`,
		`node1`,
		`{"optime":83886080}`,
		`{}`,
		`{"leader":null}`,
		`[[1,50331648,"no recovery target specified"]]`,
		`{"conn_url":"postgres://10.77.9.22:5432/postgres","api_url":"http://10.77.9.22:8008/patroni","state":"running","role":"replica","version":"4.0.7","timeline":1}`,
		`{"state":"running","role":"replica","server_version":150015,"xlog":{"received_location":1,"replayed_location":1,` +
			`"paused":false},"timeline":1,"patroni":{"version":"4.0.7","scope":"demo","name":"node2"}}`,
	} {
		f.Add(uint8(i), seed)
	}
	for _, odd := range []string{
		`null`,
		`[]`,
		`{`,
		`"text"`,
		``,
		`{"ttl":"9223372036854775807","loop_wait":-1}`,
		`18446744073709551615`,
		`{"optime":9223372036854775807}`,
		`node1:node2`,
		`:node2`,
		`{"leader":"node1","sync_standby":null}`,
		`{"leader":"node1","sync_standby":["node2"],"quorum":1}`,
		`{"leader":"node1","sync_standby":"node2, node3"}`,
		`[[4294967295,1,"","",""]]`,
		`postgres://u:p@10.0.0.2:5432/db?application_name=http://10.0.0.2:8008/patroni`,
		`{"slots":[1],"permanent_slots":{"a":null,"b":"physical"},"ignore_slots":[{"name":1},[]]}`,
		"node\x1b[2J",
		`{"tags":` + strings.Repeat(`{"a":[`, 200) + `1` + strings.Repeat(`]}`, 200) + `}`,
	} {
		for key := range 8 {
			f.Add(uint8(key), odd)
		}
	}
	keys := []string{"config", "leader", "status", "failover", "sync", "history", "members/node2"}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		s := healthy(t)
		c := s.DCS.Cluster.Value
		node2 := member(s, "node2")
		var object map[string]json.RawMessage
		isObject := json.Unmarshal([]byte(text), &object) == nil && object != nil
		fine := true
		if int(which) >= len(keys) {
			stamp := node2.REST.Stamp
			node2.REST = patroniapi.Decode(200, http.Header{}, []byte(text))
			node2.REST.Stamp, fine = stamp, isObject
		} else {
			name := keys[which]
			got, members := dcs.Decode(s.DCS.Prefix, []dcs.KV{{Key: s.DCS.Prefix + name, Value: []byte(text)}}, nil, c.Revision)
			switch name {
			case "config":
				c.Config, fine = got.Config, isObject
			case "leader":
				c.Leader, fine = got.Leader, text == "node1"
			case "status":
				c.Optime = got.Optime
				fine = strings.ContainsAny(text, "123456789")
			case "failover":
				c.Failover = got.Failover
				fine = text == "" || json.Valid([]byte(text))
			case "sync":
				c.Sync = got.Sync
				fine = text == "" || text == "null" || isObject
			case "history":
				c.History = got.History
			default:
				node2.Key, fine = members[0].Key, isObject
			}
		}
		if v := holds(t, s); v == preflight.Go && !fine {
			t.Errorf("GO with %q", text)
		}
	})
}
