package pg

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight/fact"
)

// table makes answers from rows; a text "NULL!" stands for a failed part.
func table(rows map[string][][]any) map[string]answer {
	out := map[string]answer{}
	for name, rs := range rows {
		a := answer{}
		for _, r := range rs {
			var row []*string
			for _, v := range values(r) {
				if v == nil {
					row = append(row, nil)
					continue
				}
				s := string(v)
				row = append(row, &s)
			}
			a.rows = append(a.rows, row)
		}
		out[name] = a
	}
	return out
}

func mustDecode(t *testing.T, major int, rows map[string][][]any) fact.SQL {
	t.Helper()
	f, why := decode("login", major, table(rows))
	if why != nil {
		t.Fatalf("%s: %s", why.Cause, why.Reason)
	}
	return f
}

func micro(s string) time.Time {
	t, _ := parseMicros(s)
	return t
}

func TestDecodePrimary(t *testing.T) {
	f := mustDecode(t, 15, primaryRows())
	want := fact.SQL{
		User:            "monitor",
		SeesStats:       fact.Known(true),
		ServerVersion:   fact.Known(150020),
		SystemID:        fact.Known(system),
		PostmasterStart: fact.Known(time.Date(2026, 11, 22, 21, 35, 56, 224045000, time.UTC)),
		InRecovery:      fact.Known(false),
		Timeline:        fact.Known(int64(4)),
		FlushLSN:        fact.Known(fact.LSN(0x5000000)),
		ReceiveLSN: fact.NotKnown[fact.LSN](
			fact.Absent,
			"the WAL positions, pg_last_wal_receive_lsn(): the server is not in recovery",
		),
		ReplayLSN: fact.NotKnown[fact.LSN](
			fact.Absent,
			"the WAL positions, pg_last_wal_replay_lsn(): the server is not in recovery",
		),
		ReplayPaused: fact.NotKnown[bool](
			fact.Absent,
			"the WAL positions, pg_is_wal_replay_paused(): the server is not in recovery",
		),
		WalSenders:      f.WalSenders,
		WalReceiver:     fact.Known(notRunning()),
		ApplicationName: fact.NotKnown[string](fact.Absent, "primary_conninfo has no application_name"),
		UpstreamSSLMode: fact.NotKnown[string](fact.Absent, "the server is not in recovery"),
		Settings:        fact.Known(map[string]string{"port": "5432", "wal_sender_timeout": "60000"}),
		At:              fact.Known(micro(clock)),
		Earlier:         fact.Known(fact.Position{LSN: 0x5000000, At: micro(earlier)}),
		Slots:           f.Slots,
		Archiver:        f.Archiver,
		Checkpoint:      fact.Known(fact.Checkpoint{RedoLSN: 0x4000028, At: micro(earlier)}),
		Activity: fact.Known(fact.Activity{
			Sessions: 5, Active: 2, OldestTransactionSeconds: 61, OldestQuerySeconds: 7, PreparedTransactions: 1,
			SyncWaits: 2, OldestSyncWaitSeconds: 9,
		}),
		Roles: f.Roles,
		Subscriptions: fact.Known([]fact.Subscription{
			{
				Name: "old", Database: "app",
				Slot: fact.NotKnown[string](fact.Absent, "pg_subscription, subslotname: NULL: it has none"),
			},
			{Name: "orders", Database: "shop", Enabled: true, Slot: fact.Known("orders")},
		}),
		HBA:                 f.HBA,
		Database:            fact.Known("app"),
		UnloggedTables:      fact.Known(4),
		Extensions:          fact.Known(map[string]string{"plpgsql": "1.0", "postgis": "3.4.0"}),
		AvailableExtensions: fact.Known(map[string]bool{"plpgsql": true, "postgis": false}),
		PresentExtensions:   fact.Known(map[string]bool{"plpgsql": true, "postgis": true}),
		Collations: fact.Known([]fact.Collation{
			{
				Name:     "pg_catalog.de-x-icu",
				Recorded: "153.112",
				Actual:   "153.120",
			},
			{Database: "app", Recorded: "2.35", Actual: "2.36"},
		}),
		CollationVersion: fact.Known("2.36"),
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, f), asJSON(t, want))
	}
}

func TestDecodeWalSenders(t *testing.T) {
	l, _ := mustDecode(t, 15, primaryRows()).WalSenders.Get()
	if len(l) != 3 || l[0].PID != 13 || l[1].PID != 11 || l[2].PID != 12 {
		t.Fatalf("not sorted by application name and pid: %s", asJSON(t, l))
	}
	want := fact.WalSender{
		PID: 12, User: "replicator", ApplicationName: "two",
		ClientAddr: fact.Known("10.0.0.8"), State: fact.Known("streaming"),
		SentLSN: fact.Known(fact.LSN(0x5000000)), WriteLSN: fact.Known(fact.LSN(0x5000000)),
		FlushLSN: fact.Known(fact.LSN(0x4FFFFFF)), ReplayLSN: fact.Known(fact.LSN(0x4FFFF00)),
		SyncState: fact.Known("async"), ReplyTime: fact.Known(micro(clock)),
		Confirmed: fact.NotKnown[fact.Confirmation](fact.Absent, "only the leader's walsenders are watched"),
	}
	if !reflect.DeepEqual(l[2], want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, l[2]), asJSON(t, want))
	}
	// One that starts has no positions yet: absent, which is not 0.
	if l[1].FlushLSN.Cause() != fact.Absent || !strings.Contains(l[1].ClientAddr.Reason(), "Unix-domain socket") {
		t.Errorf("starting: %s", asJSON(t, l[1]))
	}
}

func TestDecodeStandby(t *testing.T) {
	f := mustDecode(t, 15, standbyRows())
	w, _ := f.WalReceiver.Get()
	for name, ok := range map[string]bool{
		"recovery":         fact.Equal(f.InRecovery, true),
		"timeline":         fact.Equal(f.Timeline, 4),
		"flush":            f.FlushLSN.Cause() == fact.Absent && strings.Contains(f.FlushLSN.Reason(), "in recovery"),
		"receive":          fact.Equal(f.ReceiveLSN, 0x4FFFFFF),
		"replay":           fact.Equal(f.ReplayLSN, 0x4FFFF00),
		"paused":           fact.Equal(f.ReplayPaused, false),
		"application name": fact.Equal(f.ApplicationName, "two"),
		"senders":          f.WalSenders.Is(func(l []fact.WalSender) bool { return len(l) == 0 }),
		"receiver": w.Running && fact.Equal(w.Status, "streaming") && fact.Equal(w.Timeline, 4) &&
			fact.Equal(w.SenderHost, "10.0.0.7") &&
			fact.Equal(w.SenderPort, 5432) && fact.Equal(w.SlotName, "two") && fact.Equal(w.LastMsgAt, micro(clock)) &&
			fact.Equal(w.FlushedLSN, 0x4FFFFFF),
	} {
		if !ok {
			t.Errorf("%s is wrong in %s", name, asJSON(t, f))
		}
	}
}

// Where nothing is received, the timeline is that of the last checkpoint replayed.
func TestDecodeStandbyWithoutReceiver(t *testing.T) {
	rows := standbyRows()
	rows[receiver] = nil
	rows[positions] = [][]any{{nil, nil, nil, "0/4FFFF00", "t", clock}}
	f := mustDecode(t, 15, rows)
	if !fact.Equal(f.Timeline, 3) || f.ReceiveLSN.Cause() != fact.Absent || !fact.Equal(f.ReplayPaused, true) {
		t.Errorf("%s", asJSON(t, f))
	}
	answers := table(rows)
	answers[receiver] = answer{why: &fact.Unknown{Cause: fact.Failed, Reason: "because"}}
	g, _ := decode("login", 15, answers)
	if g.Timeline.Known() || g.Timeline.Reason() != "because" || g.WalReceiver.Reason() != "because" {
		t.Errorf("an unknown receiver gives the timeline %s", asJSON(t, g.Timeline))
	}
}

func TestDecodeWithoutPrivilege(t *testing.T) {
	p, s := primaryRows(), standbyRows()
	for _, rows := range []map[string][][]any{p, s} {
		rows[identity][0][0], rows[identity][0][1], rows[identity][0][2] = "Plain", "f", "f"
		rows[conninfo] = [][]any{{nil}}
	}
	p[senders] = [][]any{{"12", "replicator", "two", nil, nil, nil, nil, nil, nil, nil, nil}}
	s[receiver] = [][]any{{"99", nil, nil, nil, nil, nil, nil, nil}}
	f, g := mustDecode(t, 15, p), mustDecode(t, 15, s)
	l, _ := f.WalSenders.Get()
	if len(l) != 1 || l[0].PID != 12 || l[0].User != "replicator" || l[0].ApplicationName != "two" {
		t.Fatalf("what everybody may see is lost: %s", asJSON(t, l))
	}
	w, _ := g.WalReceiver.Get()
	if !w.Running || !fact.Equal(f.SeesStats, false) {
		t.Errorf("receiver %s, sees stats %s", asJSON(t, w), asJSON(t, f.SeesStats))
	}
	for _, v := range []any{l[0], w} {
		for name, observation := range factsOf(v) {
			if observation.Cause() != fact.Privilege || !strings.HasSuffix(observation.Reason(), `GRANT pg_monitor TO "Plain"`) {
				t.Errorf("%s: %q, %s", name, observation.Cause(), observation.Reason())
			}
		}
	}
	for name, observation := range map[string]observation{"timeline": g.Timeline, "application name": g.ApplicationName} {
		if observation.Cause() != fact.Privilege {
			t.Errorf("%s: %q, %s", name, observation.Cause(), observation.Reason())
		}
	}
	if !f.FlushLSN.Known() || !g.ReceiveLSN.Known() || !f.SystemID.Known() {
		t.Error("what everybody may see is unknown")
	}
}

func TestDecodeOldVersions(t *testing.T) {
	p, s := primaryRows(), standbyRows()
	s[conninfo] = [][]any{{"user=replicator password=******** application_name='node 2'"}}
	for _, major := range []int{10, 11, 12, 13} {
		l, _ := mustDecode(t, major, p).WalSenders.Get()
		f := mustDecode(t, major, s)
		w, _ := f.WalReceiver.Get()
		if got := l[2].ReplyTime.Cause() == fact.Unsupport; got != (major < 12) {
			t.Errorf("PostgreSQL %d: reply_time %s", major, asJSON(t, l[2].ReplyTime))
		}
		if got := w.SenderHost.Cause() == fact.Unsupport && w.SenderPort.Cause() == fact.Unsupport; got != (major < 11) {
			t.Errorf("PostgreSQL %d: sender %s %s", major, asJSON(t, w.SenderHost), asJSON(t, w.SenderPort))
		}
		if !fact.Equal(f.ApplicationName, "node 2") {
			t.Errorf("PostgreSQL %d: application name %s", major, asJSON(t, f.ApplicationName))
		}
	}
}

// Values that are not what PostgreSQL gives are unknown, each for itself.
func TestDecodeRefusesOddValues(t *testing.T) {
	tests := []struct {
		part        string
		column      int
		value       any
		observation func(fact.SQL) observation
	}{
		{identity, 1, "yes", func(f fact.SQL) observation { return f.SeesStats }},
		{identity, 1, nil, func(f fact.SQL) observation { return f.SeesStats }},
		{identity, 3, "15.2", func(f fact.SQL) observation { return f.ServerVersion }},
		{identity, 3, "-1", func(f fact.SQL) observation { return f.ServerVersion }},
		{identity, 5, "now", func(f fact.SQL) observation { return f.PostmasterStart }},
		{identity, 5, "9223372036854775807", func(f fact.SQL) observation { return f.PostmasterStart }},
		{identity, 5, "-62135596800000001", func(f fact.SQL) observation { return f.PostmasterStart }},
		{control, 0, "0", func(f fact.SQL) observation { return f.SystemID }},
		{control, 0, "x", func(f fact.SQL) observation { return f.SystemID }},
		{positions, 0, "5000000", func(f fact.SQL) observation { return f.FlushLSN }},
		{positions, 0, "0/100000000", func(f fact.SQL) observation { return f.FlushLSN }},
		{positions, 1, "00000000", func(f fact.SQL) observation { return f.Timeline }},
		{positions, 1, "4", func(f fact.SQL) observation { return f.Timeline }},
		{positions, 5, "253402300800000000", func(f fact.SQL) observation { return f.At }},
		{senders, 0, "0", func(f fact.SQL) observation { return f.WalSenders }},
		{senders, 5, "-/-", func(f fact.SQL) observation { l, _ := f.WalSenders.Get(); return l[2].SentLSN }},
		{conninfo, 0, "application_name", func(f fact.SQL) observation { return f.ApplicationName }},
		{conninfo, 0, "x='canary", func(f fact.SQL) observation { return f.ApplicationName }},
	}
	for _, tt := range tests {
		rows := primaryRows()
		rows[tt.part][0][tt.column] = tt.value
		f := mustDecode(t, 15, rows)
		got := tt.observation(f)
		if got.Known() || got.Cause() != fact.Malformed || got.Reason() == "" || strings.Contains(got.Reason(), "canary") {
			t.Errorf(
				"%s, column %d = %v: known %v, %q, %s",
				tt.part,
				tt.column,
				tt.value,
				got.Known(),
				got.Cause(),
				got.Reason(),
			)
		}
		asJSON(t, f)
	}
	rows := primaryRows()
	rows[conninfo] = [][]any{{"uri"}}
	if got := mustDecode(t, 15, rows).ApplicationName; got.Cause() != fact.Unsupport {
		t.Errorf("a URI: %s", asJSON(t, got))
	}
}

// Without an identity, or without knowing whether it is in recovery, nothing
// else has a meaning.
func TestDecodeNeedsIdentity(t *testing.T) {
	for name, change := range map[string]func(map[string]answer){
		"failed":      func(a map[string]answer) { a[identity] = answer{why: &fact.Unknown{Cause: fact.Silent}} },
		"no row":      func(a map[string]answer) { a[identity] = answer{} },
		"no recovery": func(a map[string]answer) { a[identity].rows[0][4] = nil },
	} {
		answers := table(primaryRows())
		change(answers)
		if _, why := decode("login", 15, answers); why == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}

func TestDecodeOfUnaskedParts(t *testing.T) {
	answers := table(primaryRows())
	for _, p := range allParts(15) {
		if p.name != identity {
			delete(answers, p.name)
		}
	}
	f, why := decode("login", 15, answers)
	if why != nil {
		t.Fatal(why.Reason)
	}
	for name, observation := range factsOf(f) {
		switch name {
		case "SeesStats",
			"ServerVersion",
			"PostmasterStart",
			"InRecovery",
			"FlushLSNAfter",
			"FlushLSNAfterAt",
			"UpstreamSSLMode",
			"Certificate":
		default:
			if observation.Cause() != fact.NotAsked || observation.Reason() == "" {
				t.Errorf("%s: %q, %s", name, observation.Cause(), observation.Reason())
			}
		}
	}
}

func TestSystemIDIsUnsigned(t *testing.T) {
	for s, want := range map[string]string{
		system:                 system,
		"-1":                   "18446744073709551615",
		"-9223372036854775808": "9223372036854775808",
	} {
		if got, err := parseSystemID(s); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", s, got, err, want)
		}
	}
}

func TestConninfoValue(t *testing.T) {
	tests := []struct {
		text, want string
		found, ok  bool
	}{
		{"", "", false, true},
		{"application_name=two", "two", true, true},
		{
			"user=replicator passfile=/tmp/pgpass host=10.0.0.7 port=5432 sslmode=prefer application_name=node-2 " +
				"gssencmode=prefer",
			"node-2",
			true,
			true,
		},
		{"  application_name =  two  host=h", "two", true, true},
		{`application_name='node 2' host=h`, "node 2", true, true},
		{`application_name=node\ 2 host=h`, "node 2", true, true},
		{`application_name='it\'s \\ me'`, `it's \ me`, true, true},
		{`password='x application_name=wrong' application_name=two`, "two", true, true},
		{`password=x\ application_name=wrong application_name=two`, "two", true, true},
		{"application_name=one application_name=two", "two", true, true},
		{"application_name= host=h", "host=h", true, true}, // as libpq reads it
		{"application_name=", "", true, true},
		{"application_name=''", "", true, true},
		{"fallback_application_name=x", "", false, true},
		{"host=h", "", false, true},
		{"host", "", false, false},
		{"=x", "", false, false},
		{"a b=c", "", false, false},
		{"application_name='two", "", false, false},
		{`application_name='two\'`, "", false, false},
		{`application_name=two\`, "two", true, true},
	}
	for _, tt := range tests {
		got, found, ok := conninfoValue(tt.text, "application_name")
		if got != tt.want || found != tt.found || ok != tt.ok {
			t.Errorf("%s: %q %v %v, want %q %v %v", tt.text, got, found, ok, tt.want, tt.found, tt.ok)
		}
	}
}

type observation interface {
	Known() bool
	Cause() fact.Cause
	Reason() string
}

// factsOf returns the fields of a struct that are facts.
func factsOf(v any) map[string]observation {
	out := map[string]observation{}
	rv := reflect.ValueOf(v)
	for i := range rv.NumField() {
		if f, ok := rv.Field(i).Interface().(observation); ok {
			out[rv.Type().Field(i).Name] = f
		}
	}
	return out
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%+v does not survive being recorded: %v", v, err)
	}
	return string(b)
}

// FuzzDecode: whatever the cells hold, every fact is known or has a reason, and
// the answer can be recorded and read again.
func FuzzDecode(f *testing.F) {
	for _, rows := range []map[string][][]any{primaryRows(), standbyRows()} {
		var cells []string
		for _, p := range allParts(15) {
			for i := range min(p.most, 3) {
				row := make([]any, p.columns)
				if i < len(rows[p.name]) {
					row = rows[p.name][i]
				}
				for _, v := range values(row) {
					cells = append(cells, string(v))
				}
			}
		}
		f.Add(strings.Join(cells, "\n"), uint64(0), 15)
		f.Add(strings.Join(cells, "\n"), uint64(1)<<20, 10)
	}
	f.Fuzz(func(t *testing.T, text string, nulls uint64, major int) {
		cells := strings.Split(text, "\n")
		answers, n := map[string]answer{}, 0
		for _, p := range allParts(15) {
			var a answer
			for range min(p.most, 3) {
				row := make([]*string, p.columns)
				for i := range row {
					if n < len(cells) && nulls>>(n%64)&1 == 0 {
						row[i] = &cells[n]
					}
					n++
				}
				a.rows = append(a.rows, row)
			}
			answers[p.name] = a
		}
		facts, why := decode("login", major, answers)
		if why != nil {
			if why.Cause == "" || why.Reason == "" {
				t.Fatalf("%+v", why)
			}
			return
		}
		for name, observation := range factsOf(facts) {
			if observation.Known() == (observation.Reason() != "") {
				t.Fatalf("%s: known %v with reason %q", name, observation.Known(), observation.Reason())
			}
		}
		var again fact.SQL
		first := asJSON(t, facts)
		if err := json.Unmarshal([]byte(first), &again); err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		if second := asJSON(t, again); first != second {
			t.Fatalf("recorded %s, read again %s", first, second)
		}
	})
}
