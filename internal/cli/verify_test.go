package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// recorded reads a snapshot: "healthy-4.0.7" leads from node1, "switched-4.0.7"
// is that cluster after a switchover to node2.
func recorded(t testing.TB, name string) *fact.Recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("preflight", "testdata", "snapshots", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// film is a cluster that is looked at again and again, one letter each second: b
// is as before, p the same with the request pending, s with it scheduled, n nobody leads, w node3
// leads, o node2 leads and the old leader is not back, d is done. The last one
// stays.
type film struct {
	t      testing.TB
	frames string
	clock  time.Time
	looks  int
}

func (f *film) look() (*fact.Recording, error) {
	letter := f.frames[min(f.looks, len(f.frames)-1)]
	f.looks++
	s := recorded(f.t, map[bool]string{true: "switched-4.0.7", false: "healthy-4.0.7"}[strings.ContainsRune("wod", rune(letter))])
	c := s.DCS.Cluster.Value
	c.Config.Value.LoopWait = fact.Known(int64(3))
	switch letter {
	case 'p':
		c.Failover = fact.Known(fact.Failover{Leader: "node1", Candidate: "node2"})
	case 's':
		c.Failover = fact.Known(fact.Failover{Leader: "node1", Candidate: "node2", ScheduledAt: "2126-12-01T03:00:00+00:00"})
	case 'n':
		c.Leader = fact.Known("")
	case 'w':
		c.Leader = fact.Known("node3")
		s.Members[2].SQL.Value.InRecovery = fact.Known(false)
	case 'o':
		s.Members[1].SQL.Value.WalSenders = fact.Known([]fact.WalSender{})
	}
	return s, nil
}

func (f *film) countdown(d time.Duration) countdown {
	return countdown{end: f.clock.Add(d), now: func() time.Time { return f.clock }, sleep: func(d time.Duration) { f.clock = f.clock.Add(d) }}
}

func nobody() bool { return false }

// TestFollowWaitsForTheSender: while patronictl runs, an unchanged cluster is no
// refusal.
func TestFollowWaitsForTheSender(t *testing.T) {
	f := &film{t: t, frames: "b", clock: time.Unix(1e9, 0)}
	b := baselineOf(recorded(t, "healthy-4.0.7"))
	_, v, err := watchOutcome(b, f.countdown(30*time.Second), &progress{w: &bytes.Buffer{}}, func() bool { return f.looks <= 12 }, f.look)
	if err != nil || v.Outcome != verify.Refused || f.looks != 19 {
		t.Errorf("%s after %d looks, %v", v.Outcome, f.looks, err)
	}
	f = &film{t: t, frames: "b", clock: time.Unix(1e9, 0)}
	_, v, err = watchOutcome(b, f.countdown(30*time.Second), &progress{w: &bytes.Buffer{}}, func() bool { return true }, f.look)
	if err != nil || v.Outcome != verify.EndUnknown {
		t.Errorf("%s, %v", v.Outcome, err)
	}
}

func TestFollow(t *testing.T) {
	for _, c := range []struct {
		name, frames string
		want         verify.Ending
		looks        int
		reason       string
	}{
		{"done at once", "d", verify.Done, 1, ""},
		{"as it goes", "bppnnood", verify.Done, 8, ""},
		{"the wrong one", "bppnw", verify.Different, 5, "node3 leads"},
		{"the old leader does not come back", "bpno", verify.Different, 31, "node1 does not stream"},
		{"nobody takes over", "bpn", verify.EndUnknown, 31, "no member holds the leader key"},
		{"it stays pending", "bp", verify.EndUnknown, 31, "pending"},
		{"refused", "bpb", verify.Refused, 9, "nothing is pending"},
		{"refused at once", "b", verify.Refused, 7, "nothing is pending"},
		{"unchanged, and then it goes", "bbbbpnd", verify.Done, 7, ""},
		{"unchanged for too short a time", strings.Repeat("p", 28) + "b", verify.EndUnknown, 31, "not seen for long enough"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &film{t: t, frames: c.frames, clock: time.Unix(1e9, 0)}
			var stderr bytes.Buffer
			s, v, err := watchOutcome(baselineOf(recorded(t, "healthy-4.0.7")), f.countdown(30*time.Second), &progress{w: &stderr}, nobody, f.look)
			if err != nil || v.Outcome != c.want || f.looks != c.looks || !strings.Contains(v.Reason, c.reason) {
				t.Errorf("%s after %d looks: %q (%v); want %s after %d: %q", v.Outcome, f.looks, v.Reason, err, c.want, c.looks, c.reason)
			}
			if s == nil || v.ExitCode != c.want.ExitCode() {
				t.Errorf("exit code %d", v.ExitCode)
			}
			if f.looks > 1 && stderr.Len() == 0 {
				t.Error("says nothing while it waits")
			}
		})
	}
}

func TestFollowEndsWithAnError(t *testing.T) {
	f := &film{t: t, frames: "p", clock: time.Unix(1e9, 0)}
	stopped := errors.New("stopped")
	_, _, err := watchOutcome(baselineOf(recorded(t, "healthy-4.0.7")), f.countdown(time.Minute), &progress{w: &bytes.Buffer{}}, nobody, func() (*fact.Recording, error) {
		if f.looks == 3 {
			return nil, stopped
		}
		return f.look()
	})
	if !errors.Is(err, stopped) || f.looks != 3 {
		t.Errorf("%v after %d looks", err, f.looks)
	}
}

// TestVerifyCommand: a cluster of which only the DCS answers is not verified,
// whoever leads: the outcome is unknown, and said so in every format.
func TestVerifyCommand(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	led := func(by string) string {
		e := twoNodes("http://"+closed+"/patroni", "postgres://"+closed+"/postgres", "http://"+closed+"/patroni", "postgres://"+closed+"/postgres")
		e.keys["/service/demo/leader"] = by
		return e.start(t)
	}
	addr, unchanged := led("node2"), led("node1")
	for _, c := range []struct{ name, addr, says string }{{"node2 leads", addr, "whether node2 is the primary"}, {"node1 leads", unchanged, "its Patroni does not answer"}} {
		for _, format := range []string{"text", "brief", "json"} {
			record := filepath.Join(t.TempDir(), "after.json")
			o := runCLI(t, "verify", "--scope", "demo", "-d", "etcd3://"+c.addr, "--since", healthy, "--verify-timeout", "1s", "-f", format, "--record", record)
			if o.code != exitcode.OutcomeUnknown || !strings.Contains(strings.Join(strings.Fields(o.stdout), " "), c.says) || !strings.Contains(o.stderr, "s left\n") {
				t.Errorf("%s, %s: %+v", c.name, format, o)
			}
			if format == "json" {
				var v verify.Verification
				if err := json.Unmarshal([]byte(o.stdout), &v); err != nil || v.Outcome != verify.EndUnknown || v.ExitCode != o.code {
					t.Errorf("%s: %v, %s, %d", c.name, err, v.Outcome, v.ExitCode)
				}
			}
			if r := runCLI(t, "replay", "-f", "brief", record); !strings.Contains(r.stdout, "switchover of demo") {
				t.Errorf("what was recorded cannot be replayed: %+v", r)
			}
		}
	}
}

func baselineOf(r *fact.Recording) verify.Baseline {
	return verify.BaselineOf(r.Snapshot, r.Question)
}
