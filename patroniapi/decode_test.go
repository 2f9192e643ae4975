package patroniapi

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

const (
	primary = `{"state":"running","postmaster_start_time":"2026-11-22 20:21:21.224045+00:00","role":"primary",` +
		`"server_version":150020,"xlog":{"location":67767752},"timeline":7,"dcs_last_seen":1795383356,` +
		`"database_system_identifier":"7711112722059603650","patroni":{"version":"4.1.4","scope":"pay","name":"node1"}}`
	replica = `{"state":"running","role":"replica","server_version":150020,"replication_state":"streaming",` +
		`"xlog":{"received_location":67767752,"replayed_location":67767000,"replayed_timestamp":null,"paused":true},` +
		`"timeline":null,"pause":true,"tags":{"nofailover":"false","x":{"y":[1]}},"pending_restart":true,` +
		`"patroni":{"version":"2.1.7","scope":"pay"}}`
)

func decode(t *testing.T, status int, body string) fact.REST {
	t.Helper()
	o := Decode(status, http.Header{"Date": {"Sun, 22 Nov 2026 21:38:35 GMT"}}, []byte(body))
	r, ok := o.Get()
	if !ok {
		t.Fatalf("Decode(%s): %s", body, o.Reason())
	}
	return r
}

func TestDecodePrimary(t *testing.T) {
	want := fact.REST{
		HTTPStatus:       200,
		Name:             fact.Known("node1"),
		Scope:            fact.Known("pay"),
		Version:          fact.Known("4.1.4"),
		State:            fact.Known("running"),
		Role:             fact.Known("primary"),
		PostmasterStart:  fact.Known(time.Date(2026, 11, 22, 20, 21, 21, 224045000, time.UTC)),
		ServerVersion:    fact.Known(150020),
		SystemID:         fact.Known("7711112722059603650"),
		Timeline:         fact.Known(int64(7)),
		Location:         fact.Known(fact.LSN(67767752)),
		Received:         fact.NotKnown[fact.LSN](fact.Absent, "no xlog.received_location in the answer"),
		Replayed:         fact.NotKnown[fact.LSN](fact.Absent, "no xlog.replayed_location in the answer"),
		ReplayPaused:     fact.NotKnown[bool](fact.Absent, "no xlog.paused in the answer"),
		ReplicationState: fact.Known(""),
		Tags:             fact.Known(fact.Tags{}),
		Pause:            fact.Known(false),
		ClusterUnlocked:  fact.Known(false),
		FailsafeActive:   fact.Known(false),
		WatchdogFailed:   fact.Known(false),
		PendingRestart:   fact.Known(false),
		SyncStandby:      fact.Known(false),
		QuorumStandby:    fact.Known(false),
		DCSLastSeen:      fact.Known(time.Unix(1795383356, 0).UTC()),
		Date:             fact.Known(time.Date(2026, 11, 22, 21, 38, 35, 0, time.UTC)),
	}
	if got := decode(t, 200, primary); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
}

func TestDecodeReplica(t *testing.T) {
	got := decode(t, 503, replica)
	if got.HTTPStatus != 503 {
		t.Errorf("HTTP status %d, want 503 with the body read", got.HTTPStatus)
	}
	for name, ok := range map[string]bool{
		"received":   fact.Equal(got.Received, 67767752),
		"replayed":   fact.Equal(got.Replayed, 67767000),
		"paused":     fact.Equal(got.ReplayPaused, true),
		"location":   got.Location.Cause() == fact.Absent,
		"timeline":   got.Timeline.Cause() == fact.Absent,
		"pause":      fact.Equal(got.Pause, true),
		"restart":    fact.Equal(got.PendingRestart, true),
		"streaming":  fact.Equal(got.ReplicationState, "streaming"),
		"tag":        got.Tags.Is(func(t fact.Tags) bool { return t["nofailover"] == "false" }),
		"start time": got.PostmasterStart.Cause() == fact.Absent,
	} {
		if !ok {
			t.Errorf("%s is wrong in %s", name, asJSON(t, got))
		}
	}
	if got.Name.Cause() != fact.Absent ||
		got.Name.Reason() != "no patroni.name in the answer: Patroni before 3.2.0 does not give it" {
		t.Errorf("name: %s, %q", got.Name.Cause(), got.Name.Reason())
	}
}

// A stopped PostgreSQL: Patroni then gives state and role and no xlog.
func TestDecodeWithoutXlog(t *testing.T) {
	got := decode(t, 503, `{"state":"stopped","role":"replica","patroni":{"version":"4.1.4","scope":"pay","name":"n"}}`)
	for name, o := range map[string]fact.Observed[fact.LSN]{
		"location": got.Location, "received": got.Received, "replayed": got.Replayed,
	} {
		if o.Cause() != fact.Absent || !strings.Contains(o.Reason(), "xlog") {
			t.Errorf("%s: %s, %q; want absent for want of xlog", name, o.Cause(), o.Reason())
		}
	}
}

func TestDecodeWalComesBeforeXlog(t *testing.T) {
	for body, want := range map[string]fact.LSN{
		`{"role":"replica","wal":{"location":5},"xlog":{"location":6}}`: 5,
		`{"role":"replica","wal":{},"xlog":{"location":6}}`:             6,
		`{"role":"replica","wal":null,"xlog":{"location":6}}`:           6,
		`{"role":"replica","wal":{"location":5}}`:                       5,
	} {
		if got := decode(t, 200, body); !fact.Equal(got.Location, want) {
			t.Errorf("%s: location %s, want %d", body, asJSON(t, got.Location), want)
		}
	}
}

func TestDecodeRefusesWholeAnswers(t *testing.T) {
	for name, body := range map[string]string{
		"empty":          "",
		"blank":          " \n",
		"html":           "<html><body>502 Bad Gateway</body></html>",
		"list":           "[]",
		"text":           `"running"`,
		"null":           "null",
		"truncated":      primary[:len(primary)-20],
		"two documents":  primary + primary,
		"NaN":            `{"role":NaN}`,
		"another API":    `{"status":"ok","pause":false}`,
		"only nulls":     `{"role":null,"state":null,"patroni":null}`,
		"deeply nested":  strings.Repeat(`{"role":`, 100000),
		"nested lists":   `{"role":` + strings.Repeat("[", 200000) + strings.Repeat("]", 200000) + "}",
		"python's False": `{'role': False}`,
	} {
		o := Decode(502, nil, []byte(body))
		if o.Known() || o.Cause() != fact.Malformed {
			t.Errorf("%s: known %v, cause %q; want malformed", name, o.Known(), o.Cause())
		}
		if r := o.Reason(); !strings.Contains(r, "502") || strings.ContainsAny(r, "\n\x1b") || len(r) > 300 {
			t.Errorf("%s: reason %q", name, r)
		}
	}
}

func TestDecodeRefusesFieldsOfTheWrongType(t *testing.T) {
	fields := map[string]func(fact.REST) (fact.Cause, string){
		`"patroni":7`:                 func(r fact.REST) (fact.Cause, string) { return why(r.Name) },
		`"patroni":[]`:                func(r fact.REST) (fact.Cause, string) { return why(r.Version) },
		`"patroni":{"name":7}`:        func(r fact.REST) (fact.Cause, string) { return why(r.Name) },
		`"patroni":{"name":""}`:       func(r fact.REST) (fact.Cause, string) { return why(r.Name) },
		`"patroni":{"scope":["pay"]}`: func(r fact.REST) (fact.Cause, string) { return why(r.Scope) },
		`"state":7`:                   func(r fact.REST) (fact.Cause, string) { return why(r.State) },
		`"role":{"a":1}`:              func(r fact.REST) (fact.Cause, string) { return why(r.Role) },
		`"role":"` + strings.Repeat("x", 1025) + `"`: func(r fact.REST) (fact.Cause, string) { return why(r.Role) },
		`"postmaster_start_time":7`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.PostmasterStart,
			)
		},
		`"postmaster_start_time":"yesterday"`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.PostmasterStart,
			)
		},
		`"server_version":"15"`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.ServerVersion,
			)
		},
		`"server_version":-1`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.ServerVersion,
			)
		},
		`"database_system_identifier":"77x"`:            func(r fact.REST) (fact.Cause, string) { return why(r.SystemID) },
		`"database_system_identifier":""`:               func(r fact.REST) (fact.Cause, string) { return why(r.SystemID) },
		`"timeline":0`:                                  func(r fact.REST) (fact.Cause, string) { return why(r.Timeline) },
		`"timeline":1.5`:                                func(r fact.REST) (fact.Cause, string) { return why(r.Timeline) },
		`"timeline":true`:                               func(r fact.REST) (fact.Cause, string) { return why(r.Timeline) },
		`"xlog":7`:                                      func(r fact.REST) (fact.Cause, string) { return why(r.Location) },
		`"wal":{"location":true},"xlog":{"location":6}`: func(r fact.REST) (fact.Cause, string) { return why(r.Location) },
		`"xlog":{"location":"0/4000000"}`:               func(r fact.REST) (fact.Cause, string) { return why(r.Location) },
		`"xlog":{"location":-1}`:                        func(r fact.REST) (fact.Cause, string) { return why(r.Location) },
		`"xlog":{"location":9223372036854775808}`:       func(r fact.REST) (fact.Cause, string) { return why(r.Location) },
		`"xlog":{"received_location":6.5}`:              func(r fact.REST) (fact.Cause, string) { return why(r.Received) },
		`"xlog":{"replayed_location":1e9}`:              func(r fact.REST) (fact.Cause, string) { return why(r.Replayed) },
		`"xlog":{"paused":"false"}`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.ReplayPaused,
			)
		},
		`"replication_state":1`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.ReplicationState,
			)
		},
		`"tags":[]`:     func(r fact.REST) (fact.Cause, string) { return why(r.Tags) },
		`"pause":"yes"`: func(r fact.REST) (fact.Cause, string) { return why(r.Pause) },
		`"pause":null`:  func(r fact.REST) (fact.Cause, string) { return why(r.Pause) },
		`"cluster_unlocked":0`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.ClusterUnlocked,
			)
		},
		`"failsafe_mode_is_active":{}`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.FailsafeActive,
			)
		},
		`"watchdog_failed":null`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.WatchdogFailed,
			)
		},
		`"pending_restart":1`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.PendingRestart,
			)
		},
		`"sync_standby":"true"`: func(r fact.REST) (fact.Cause, string) { return why(r.SyncStandby) },
		`"quorum_standby":[]`: func(r fact.REST) (fact.Cause, string) {
			return why(
				r.QuorumStandby,
			)
		},
		`"dcs_last_seen":"now"`:          func(r fact.REST) (fact.Cause, string) { return why(r.DCSLastSeen) },
		`"dcs_last_seen":99999999999999`: func(r fact.REST) (fact.Cause, string) { return why(r.DCSLastSeen) },
	}
	for body, of := range fields {
		cause, reason := of(decode(t, 200, `{"role":"replica","state":"running",`+body+"}"))
		name := strings.Split(body, `"`)[1]
		if cause != fact.Malformed || !(strings.Contains(reason, name) || strings.HasPrefix(name, "wal")) {
			t.Errorf("%.60s: cause %q, reason %q; want malformed, naming %s", body, cause, reason, name)
		}
	}
}

func why[T any](o fact.Observed[T]) (fact.Cause, string) { return o.Cause(), o.Reason() }

func TestStartTimeForms(t *testing.T) {
	at := func(micro int) time.Time { return time.Date(2026, 11, 22, 20, 21, 21, micro*1000, time.UTC) }
	for s, want := range map[string]time.Time{
		"2026-11-22 20:21:21.224045+00:00":    at(224045),
		"2026-11-22 20:21:21+00:00":           at(0),
		"2026-11-22 20:21:21.224045 UTC":      at(224045),
		"2026-11-22 20:21:21 UTC":             at(0),
		"2026-11-22 21:21:21.224045+01:00":    at(224045),
		"2026-11-22 14:51:21.224045-05:30":    at(224045),
		"2026-11-22 21:21:21.224045+01":       at(224045),
		"2026-11-22T20:21:21.224045Z":         at(224045),
		"2026-11-22 20:41:40.224045+00:20:19": at(224045),
	} {
		if got, ok := startTime(fact.Known(s)).Get(); !ok || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %v %v, want %v", s, got, ok, want)
		}
	}
	for s, want := range map[string]fact.Cause{
		"2026-11-22 20:21:21.224045 CET":   fact.Malformed, // no offset: which CET?
		"2026-11-22 20:21:21.224045":       fact.Malformed,
		"2026-11-22":                       fact.Malformed,
		"9999-12-31 23:59:59.000001-10:00": fact.Malformed, // encoding/json fails on year 10000
		"0000-01-01 00:00:00.000001+00:00": fact.Malformed,
		"2026-11-22 20:21:21.224 UTC":      fact.Unsupport, // Patroni 2.0, cut
		"2026-11-22 20:21:21.224 CET":      fact.Unsupport,
	} {
		if got := startTime(fact.Known(s)); got.Cause() != want {
			t.Errorf("%s: cause %q, value %v; want %q", s, got.Cause(), got.Value, want)
		}
	}
}

func TestDateHeader(t *testing.T) {
	for s, want := range map[string]fact.Cause{
		"Sun, 22 Nov 2026 21:38:35 GMT": "", "": fact.Absent, "soon": fact.Malformed,
	} {
		if got := date(http.Header{"Date": {s}}); got.Cause() != want {
			t.Errorf("%q: cause %q, want %q", s, got.Cause(), want)
		}
	}
}

// recorded is one node's answers in a recording of a real cluster.
type recorded map[string]struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
	Error   string            `json:"error"`
}

// recordings returns what real Patronis answered, by file and node.
func recordings(t testing.TB) map[string]map[string]recorded {
	t.Helper()
	files, err := filepath.Glob("../testdata/recordings/*.json")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d recordings found (%v), want the 58 of testdata", len(files), err)
	}
	all := map[string]map[string]recorded{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var doc struct {
			REST map[string]recorded `json:"rest"`
		}
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		all[strings.TrimSuffix(filepath.Base(f), ".json")] = doc.REST
	}
	return all
}

func TestDecodeRecordings(t *testing.T) {
	answers := 0
	for file, nodes := range recordings(t) {
		version := strings.TrimPrefix(strings.SplitN(file, ".", 4)[0], "v")
		for node, rec := range nodes {
			a := rec["/patroni"]
			if a.Error != "" {
				continue
			}
			answers++
			header := http.Header{}
			for k, v := range a.Headers {
				header.Set(k, v)
			}
			o := Decode(a.Status, header, a.Body)
			r, ok := o.Get()
			if !ok {
				t.Errorf("%s %s: %s", file, node, o.Reason())
				continue
			}
			checkRecorded(t, file+" "+node, version, r)
		}
	}
	if answers < 150 {
		t.Errorf("%d answers decoded, want those of about 58 files with 3 nodes", answers)
	}
}

// checkRecorded holds for every node that answered in the recorded clusters.
func checkRecorded(t *testing.T, where, major string, r fact.REST) {
	t.Helper()
	v, _ := r.Version.Get()
	named := major >= "4" || strings.HasPrefix(v, "3.2") || strings.HasPrefix(v, "3.3")
	isPrimary := r.Role.Is(func(role string) bool { return role == "primary" || role == "master" })
	for name, ok := range map[string]bool{
		"version":    strings.HasPrefix(v, major),
		"name":       r.Name.Known() == named && (named || r.Name.Cause() == fact.Absent),
		"scope":      fact.Equal(r.Scope, "pay"),
		"state":      fact.Equal(r.State, "running"),
		"start time": r.PostmasterStart.Is(func(t time.Time) bool { return t.Nanosecond() != 0 }),
		"server":     fact.Equal(r.ServerVersion, 150020),
		"system":     r.SystemID.Known(),
		"timeline":   r.Timeline.Known(),
		"location":   r.Location.Known() == isPrimary,
		"received":   r.Received.Known() == !isPrimary,
		"replayed":   r.Replayed.Known() == !isPrimary,
		"paused":     r.ReplayPaused.Known() == !isPrimary,
		"pause":      fact.Equal(r.Pause, strings.Contains(where, ".paused ")),
		"restart":    r.PendingRestart.Known(),
		"tags":       r.Tags.Known(),
		"seen":       r.DCSLastSeen.Known() && r.Date.Known(),
		"unlocked":   fact.Equal(r.ClusterUnlocked, false),
	} {
		if !ok {
			t.Errorf("%s: %s is wrong in %s", where, name, asJSON(t, r))
		}
	}
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%v does not survive being recorded: %v", v, err)
	}
	return string(b)
}

// FuzzDecode: whatever comes, every fact is known or has a reason, and the
// answer can be recorded and read again.
func FuzzDecode(f *testing.F) {
	for _, nodes := range recordings(f) {
		for _, rec := range nodes {
			if a := rec["/patroni"]; a.Error == "" {
				f.Add(a.Status, a.Headers["Date"], []byte(a.Body))
			}
		}
	}
	f.Add(200, "", []byte(replica))
	f.Fuzz(func(t *testing.T, status int, date string, body []byte) {
		o := Decode(status, http.Header{"Date": {date}}, body)
		r, ok := o.Get()
		if !ok {
			if o.Cause() != fact.Malformed || o.Reason() == "" {
				t.Fatalf("cause %q, reason %q", o.Cause(), o.Reason())
			}
			return
		}
		var again fact.REST
		first := asJSON(t, r)
		if err := json.Unmarshal([]byte(first), &again); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second := asJSON(t, again); first != second {
			t.Fatalf("recorded %s, read again %s", first, second)
		}
		v := reflect.ValueOf(r)
		for i := range v.NumField() {
			observation, ok := v.Field(i).Interface().(interface {
				Known() bool
				Reason() string
			})
			if ok && observation.Known() == (observation.Reason() != "") {
				t.Fatalf("%s: known %v with reason %q", v.Type().Field(i).Name, observation.Known(), observation.Reason())
			}
		}
	})
}
