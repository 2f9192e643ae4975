package pg

import (
	"context"
	"net"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"patroni-preflight/preflight/fact"
)

func collect(t *testing.T, timeout time.Duration, targets []Target, leader string) map[string]fact.Observed[fact.SQL] {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	begin := time.Now()
	got := Collect(ctx, Config{User: "monitor", Password: "canary"}, targets, leader)
	// The limit is generous: slow machines are not what is tested.
	if took := time.Since(begin); took > timeout+3*time.Second {
		t.Errorf("took %s with a deadline of %s", took, timeout)
	}
	if all := asJSON(t, got); strings.Contains(all, "canary") {
		t.Errorf("the password is in %s", all)
	}
	return got
}

func one(t *testing.T, timeout time.Duration, url string) fact.Observed[fact.SQL] {
	t.Helper()
	return collect(t, timeout, []Target{{"m", url}}, "")["m"]
}

// journal notes which part was asked of whom, in order.
type journal struct {
	mu   sync.Mutex
	list []string
}

func (j *journal) note(member string) func(string, *pgproto3.Backend, net.Conn) bool {
	return func(part string, _ *pgproto3.Backend, _ net.Conn) bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.list = append(j.list, member+" "+part)
		return true
	}
}

func TestSamplesAreInOrder(t *testing.T) {
	var j journal
	rows := primaryRows()
	rows[positions][0][0] = "0/5000100" // later than the first sample
	note := j.note("one")
	leader := (&fake{rows: rows, before: func(part string, b *pgproto3.Backend, c net.Conn) bool {
		time.Sleep(50 * time.Millisecond) // the others are faster, and have to wait
		return note(part, b, c)
	}}).start(t)
	targets := []Target{{"one", leader.url}}
	for _, name := range []string{"two", "three", "four"} {
		targets = append(targets, Target{name, (&fake{rows: standbyRows(), before: j.note(name)}).start(t).url})
	}
	slices.Reverse(targets) // the order of the members is not the order of the samples
	got := collect(t, 10*time.Second, targets, "one")
	if len(got) != 4 {
		t.Fatalf("%d answers", len(got))
	}
	p, ok := got["one"].Get()
	if !ok || !fact.Equal(p.FlushLSN, 0x5000000) || !fact.Equal(p.FlushLSNAfter, 0x5000000) || !fact.Equal(p.Timeline, 4) {
		t.Errorf("leader %s", asJSON(t, got["one"]))
	}
	first, last := -1, -1
	for i, asked := range j.list {
		if asked == "one "+sample {
			last = i
			if first < 0 {
				first = i
			}
		}
	}
	if first == last {
		t.Errorf("the leader is not sampled twice: %q", j.list)
	}
	for _, name := range []string{"two", "three", "four"} {
		s, ok := got[name].Get()
		if !ok || !fact.Equal(s.ReceiveLSN, 0x4FFFFFF) || s.FlushLSNAfter.Cause() != fact.Absent {
			t.Errorf("%s: %s", name, asJSON(t, got[name]))
		}
		for _, part := range []string{positions, senders, receiver} {
			if i := slices.Index(j.list, name+" "+part); i < first || i > last {
				t.Errorf("%s of %s is number %d, the leader's samples are %d and %d", part, name, i, first, last)
			}
		}
	}
}

func TestStamp(t *testing.T) {
	f := (&fake{rows: primaryRows()}).start(t)
	before := time.Now()
	got := one(t, 10*time.Second, strings.Replace(f.url, "postgres://", "postgres://u:canary@", 1))
	addr := strings.TrimSuffix(strings.TrimPrefix(f.url, "postgres://"), "/postgres")
	if s := got.Stamp; s == nil || s.Source != "SQL monitor@"+addr+"/postgres" || s.At.Before(before) || s.Seconds <= 0 ||
		s.Seconds > 10 {
		t.Errorf("stamp %+v", s)
	}
	if sql, _ := got.Get(); sql.RemoteAddr != addr || sql.User != "monitor" {
		t.Errorf("%s", asJSON(t, got))
	}
}

// The transaction is READ ONLY from its first statement, and nothing is sent but
// what this test lists.
func TestReadOnly(t *testing.T) {
	failing := func(part string, b *pgproto3.Backend, _ net.Conn) bool {
		if part == control || part == senders {
			b.Send(serverError("ERROR", "42501", "permission denied", "aclcheck_error"))
			return false
		}
		return true
	}
	f := (&fake{rows: primaryRows(), before: failing}).start(t)
	collect(t, 10*time.Second, []Target{{"m", f.url}}, "m")
	set := regexp.MustCompile(
		`^SET LOCAL (statement_timeout = [1-9]\d*|lock_timeout = [1-9]\d*|search_path = pg_catalog)$`,
	)
	sent := f.statements()
	if len(sent) < 10 || sent[0] != "login monitor postgres patroni-preflight" || sent[1] != "BEGIN READ ONLY" {
		t.Fatalf("sent %q", sent)
	}
	open, begun := false, 0
	for _, s := range sent[1:] {
		switch {
		case s == "BEGIN READ ONLY":
			open, begun = true, begun+1
		case s == "ROLLBACK" && open:
			open = false
		case open && (set.MatchString(s) || partName(s) != ""):
		case s == "*pgproto3.Terminate":
		default:
			t.Errorf("sent %q, in a transaction: %v", s, open)
		}
	}
	if begun != 3 {
		t.Errorf("%d transactions, want one and one more for each part that failed", begun)
	}
}

// What one part is refused does not hide the others.
func TestPartsFailAlone(t *testing.T) {
	for code, want := range map[string]fact.Cause{
		"42501": fact.Privilege, "42883": fact.Unsupport, "42703": fact.Unsupport,
		"57014": fact.Failed, "55P03": fact.Failed, "XX000": fact.Failed,
	} {
		for _, bad := range []string{
			control, settings, conninfo, positions, senders, receiver, sample, slots, activity, roles,
			extensions, available, collation, collations, unlogged, hba, rights,
		} {
			rows := primaryRows()
			rows[rights][0][2] = "t"
			f := (&fake{rows: rows, before: func(part string, b *pgproto3.Backend, _ net.Conn) bool {
				if part == bad {
					b.Send(serverError("ERROR", code, "no such luck", "x"))
				}
				return part != bad
			}}).start(t)
			got := collect(t, 10*time.Second, []Target{{"m", f.url}}, "m")["m"]
			sql, ok := got.Get()
			if !ok {
				t.Errorf("%s fails with %s: %s", bad, code, got.Reason())
				continue
			}
			facts := map[string]observation{
				control: sql.SystemID, settings: sql.Settings, conninfo: sql.ApplicationName, positions: sql.At,
				senders: sql.WalSenders, receiver: sql.WalReceiver, sample: sql.FlushLSNAfter,
				slots: sql.Slots, activity: sql.Activity, roles: sql.Roles,
				subscriptions: sql.Subscriptions, extensions: sql.Extensions,
				available: sql.AvailableExtensions, collation: sql.CollationVersion, collations: sql.Collations,
				unlogged: sql.UnloggedTables, hba: sql.HBA, rights: sql.Database,
			}
			for part, observation := range facts {
				switch {
				case part == bad &&
					(observation.Cause() != want || !strings.Contains(observation.Reason(), "no such luck") ||
						!strings.Contains(observation.Reason(), bad)):
					t.Errorf("%s fails with %s: %q, %s", bad, code, observation.Cause(), observation.Reason())
				case part != bad && strings.Contains(observation.Reason(), "no such luck"):
					t.Errorf("%s fails with %s, and takes %s with it", bad, code, part)
				}
			}
		}
	}
}

// What comes late delays no sample: not the leader's second one, and no other's.
func TestLatePartsDelayNoSample(t *testing.T) {
	slow := func(part string, _ *pgproto3.Backend, c net.Conn) bool {
		if part == available {
			stall(c)
		}
		return true
	}
	one := (&fake{rows: primaryRows(), before: slow}).start(t)
	two := (&fake{rows: standbyRows(), before: slow}).start(t)
	got := collect(t, time.Second, []Target{{"one", one.url}, {"two", two.url}}, "one")
	p, ok1 := got["one"].Get()
	s, ok2 := got["two"].Get()
	if !ok1 || !ok2 || !p.FlushLSNAfter.Known() || !p.WalSenders.Known() || !s.ReceiveLSN.Known() ||
		!s.WalReceiver.Known() {
		t.Errorf("one %s, two %s", asJSON(t, got["one"]), asJSON(t, got["two"]))
	}
	for _, f := range []fact.SQL{p, s} {
		if f.AvailableExtensions.Cause() != fact.Silent || f.HBA.Known() {
			t.Errorf("%s", asJSON(t, f))
		}
	}
	// The stamp is compared with the server's clock, which was read before that.
	if stamp := got["two"].Stamp; stamp == nil || stamp.Seconds > 0.7 {
		t.Errorf("the answer is stamped %+v", stamp)
	}
	limits := 0
	for _, sent := range one.statements() {
		if strings.HasPrefix(sent, "SET LOCAL statement_timeout = ") {
			limits++
		}
	}
	if limits != 2 {
		t.Errorf("the limit of a statement is set %d times: once for all, once more for what comes late", limits)
	}
}

// A role that may not read something does not ask for it: a refusal is an error
// in the server's log.
func TestNothingForbiddenIsAsked(t *testing.T) {
	rows := primaryRows()
	rows[rights] = [][]any{{"app", "f", "f"}}
	f := (&fake{rows: rows}).start(t)
	sql, _ := one(t, 10*time.Second, f.url).Get()
	if ready := sql.Archiver.Must().Ready; ready.Cause() != fact.Privilege ||
		!strings.HasSuffix(ready.Reason(), "GRANT pg_monitor TO monitor") {
		t.Errorf("%s", asJSON(t, ready))
	}
	want := "no privilege for pg_hba_file_rules: as a superuser in database app: GRANT EXECUTE ON FUNCTION " +
		"pg_hba_file_rules() TO monitor; GRANT SELECT ON pg_hba_file_rules TO monitor"
	if sql.HBA.Cause() != fact.Privilege || sql.HBA.Reason() != want {
		t.Errorf("%s", asJSON(t, sql.HBA))
	}
	for _, sent := range f.statements() {
		if name := partName(sent); name == ready || name == hba {
			t.Errorf("asked: %s", sent)
		}
	}
}

// A leader that does not answer delays the others by a third of the time only.
func TestDeadLeader(t *testing.T) {
	two := (&fake{rows: standbyRows()}).start(t)
	for name, leader := range map[string]string{
		"frozen":                     listen(t, stall),
		"refused":                    closedPort(t),
		"frozen at its first sample": hostile(sample, func(_ *pgproto3.Backend, c net.Conn) { stall(c) }).start(t).url,
		"no conn_url":                "",
	} {
		got := collect(t, 1200*time.Millisecond, []Target{{"one", leader}, {"two", two.url}}, "one")
		if got["one"].Known() || !got["two"].Known() {
			t.Errorf("%s: %s", name, asJSON(t, got))
		}
		if s := got["two"].Stamp; s == nil || s.Seconds > 1.1 {
			t.Errorf("%s: the standby's answer is stamped %+v", name, s)
		}
	}
}

// A member that does not answer in time is cut off, so that the second sample is
// after all that is known.
func TestSlowReplicaIsCutOff(t *testing.T) {
	leader := (&fake{rows: primaryRows()}).start(t)
	slow := (&fake{rows: standbyRows(), before: func(part string, _ *pgproto3.Backend, c net.Conn) bool {
		if part == positions {
			stall(c)
		}
		return true
	}}).start(t)
	fast := (&fake{rows: standbyRows()}).start(t)
	got := collect(
		t,
		time.Second,
		[]Target{
			{"one", leader.url},
			{"slow", slow.url},
			{"fast", fast.url},
			{"dead", listen(t, stall)},
			{"hole", fullListener(t)},
		},
		"one",
	)
	if sql, ok := got["one"].Get(); !ok || !fact.Equal(sql.FlushLSNAfter, 0x5000000) {
		t.Errorf("leader %s", asJSON(t, got["one"]))
	}
	if sql, ok := got["fast"].Get(); !ok || !sql.ReceiveLSN.Known() {
		t.Errorf("fast %s", asJSON(t, got["fast"]))
	}
	if sql, ok := got["slow"].Get(); !ok || sql.ReceiveLSN.Cause() != fact.Silent || !fact.Equal(sql.SystemID, system) {
		t.Errorf("slow %s", asJSON(t, got["slow"]))
	}
	if got["dead"].Cause() != fact.Silent || got["hole"].Cause() != fact.Unreached {
		t.Errorf("dead %s, hole %s", asJSON(t, got["dead"]), asJSON(t, got["hole"]))
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	begin := time.Now()
	got := Collect(ctx, Config{User: "monitor"}, []Target{{"one", listen(t, stall)}, {"two", fullListener(t)}}, "one")
	for name, o := range got {
		if o.Cause() != fact.Failed || !strings.Contains(o.Reason(), "interrupted") {
			t.Errorf("%s: %q, %s", name, o.Cause(), o.Reason())
		}
	}
	if took := time.Since(begin); len(got) != 2 || took > 3*time.Second {
		t.Errorf("%d answers after %s", len(got), took)
	}
}

func TestNoTargets(t *testing.T) {
	if got := Collect(t.Context(), Config{}, nil, "one"); len(got) != 0 {
		t.Errorf("%v", got)
	}
}

// Nothing runs on after Collect: pgx would send a frozen server a cancel request
// and wait 15 s for it.
func TestNothingStaysBehind(t *testing.T) {
	frozen := hostile(senders, func(_ *pgproto3.Backend, c net.Conn) { stall(c) }).start(t)
	for range 3 {
		collect(t, 300*time.Millisecond, []Target{{"a", frozen.url}, {"b", listen(t, stall)}, {"c", fullListener(t)}}, "a")
	}
	left := 0
	for range 100 {
		buf := make([]byte, 1<<20)
		buf = buf[:runtime.Stack(buf, true)]
		if left = strings.Count(string(buf), "pgx/v5/pgconn."); left == 0 {
			if sent := frozen.statements(); slices.Contains(sent, "cancel") {
				t.Errorf("a cancel request came: %q", sent)
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("pgx still runs in %d places", left)
}
