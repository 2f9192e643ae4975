package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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

// state is a moment of a switchover from node1 to node2.
type state string

const (
	asBefore         state = "node1 leads"
	requestPending   state = "node1 leads, and the request is in /failover"
	requestScheduled state = "node1 leads, and the request is in /failover for later"
	noLeader         state = "node1 has released the leader key"
	wrongLeader      state = "node3 leads"
	wrongLeaderAlone state = "node3 leads, and no member streams yet"
	oldLeaderMissing state = "node2 leads, and node1 does not stream"
	switchedOver     state = "node2 leads, and the others stream"
)

// sequence is a cluster that is in the next state at each look, a second apart. The
// last state stays.
type sequence struct {
	t      testing.TB
	frames []state
	clock  time.Time
	looks  int
}

func (f *sequence) look() (*fact.Recording, error) {
	now := f.frames[min(f.looks, len(f.frames)-1)]
	f.looks++
	name := "healthy-4.0.7"
	if now == wrongLeader || now == wrongLeaderAlone || now == oldLeaderMissing || now == switchedOver {
		name = "switched-4.0.7"
	}
	s := recorded(f.t, name)
	c := s.DCS.Cluster.Value
	c.Config.Value.LoopWait = fact.Known(int64(3))
	request := fact.Failover{Leader: "node1", Candidate: "node2"}
	switch now {
	case requestPending:
		c.Failover = fact.Known(request)
	case requestScheduled:
		request.ScheduledAt = "2126-12-01T03:00:00+00:00"
		c.Failover = fact.Known(request)
	case noLeader:
		c.Leader = fact.Known("")
	case wrongLeader, wrongLeaderAlone:
		c.Leader = fact.Known("node3")
		second, third := &s.Members[1], &s.Members[2]
		second.SQL, third.SQL = third.SQL, second.SQL
		senders, slots := *third.SQL.Value.WalSenders.Value, *third.SQL.Value.Slots.Value
		for i, w := range senders {
			if w.ApplicationName == "node3" {
				senders[i].ApplicationName = "node2"
			}
		}
		for i, slot := range slots {
			if slot.Name == "node3" {
				slots[i].Name = "node2"
			}
		}
		if now == wrongLeaderAlone {
			third.SQL.Value.WalSenders = fact.Known([]fact.WalSender{})
		}
	case oldLeaderMissing:
		s.Members[1].SQL.Value.WalSenders = fact.Known([]fact.WalSender{})
	}
	return s, nil
}

func (f *sequence) countdown(d time.Duration) countdown {
	return countdown{
		end:   f.clock.Add(d),
		now:   func() time.Time { return f.clock },
		sleep: func(d time.Duration) { f.clock = f.clock.Add(d) },
	}
}

// notSending: the request is not being sent any more.
func notSending() bool { return false }

// TestFollowWaitsForTheSender: while patronictl runs, an unchanged cluster is no
// refusal.
func TestFollowWaitsForTheSender(t *testing.T) {
	f := &sequence{t: t, frames: []state{asBefore}, clock: time.Unix(1e9, 0)}
	b := baselineOf(recorded(t, "healthy-4.0.7"))
	_, v, err := watchOutcome(
		b,
		f.countdown(30*time.Second),
		&progress{w: &bytes.Buffer{}},
		func() bool { return f.looks <= 12 },
		f.look,
	)
	if err != nil || v.Outcome != verify.Refused || f.looks != 19 {
		t.Errorf("%s after %d looks, %v", v.Outcome, f.looks, err)
	}
	f = &sequence{t: t, frames: []state{asBefore}, clock: time.Unix(1e9, 0)}
	_, v, err = watchOutcome(
		b,
		f.countdown(30*time.Second),
		&progress{w: &bytes.Buffer{}},
		func() bool { return true },
		f.look,
	)
	if err != nil || v.Outcome != verify.EndUnknown {
		t.Errorf("%s, %v", v.Outcome, err)
	}
}

// watched is the end of watching a switchover.
type watched struct {
	Outcome  verify.Ending
	ExitCode int
	Looks    int
	Reason   string
}

func TestFollow(t *testing.T) {
	for _, c := range []struct {
		name   string
		frames []state
		want   watched
	}{
		{
			name:   "done at once",
			frames: []state{switchedOver},
			want: watched{
				Outcome: verify.Done,
				Looks:   1,
			},
		},
		{
			name: "step by step",
			frames: []state{
				asBefore,
				requestPending,
				requestPending,
				noLeader,
				noLeader,
				oldLeaderMissing,
				oldLeaderMissing,
				switchedOver,
			},
			want: watched{
				Outcome: verify.Done,
				Looks:   8,
			},
		},
		{
			name:   "another member leads",
			frames: []state{asBefore, requestPending, requestPending, noLeader, wrongLeader},
			want: watched{
				Outcome: verify.Different,
				Looks:   5,
				Reason:  "node3 leads, not node2; the likeliest cause is another request at the same time",
			},
		},
		{
			name:   "another member leads, and the others take some seconds to follow",
			frames: []state{requestPending, wrongLeaderAlone, wrongLeaderAlone, wrongLeaderAlone, wrongLeader},
			want: watched{
				Outcome: verify.Different,
				Looks:   5,
				Reason:  "node3 leads, not node2; the likeliest cause is another request at the same time",
			},
		},
		{
			name:   "another member leads, and the others never follow",
			frames: []state{requestPending, wrongLeaderAlone},
			want: watched{
				Outcome: verify.Different,
				Looks:   31,
				Reason:  "node3 leads, not node2; the likeliest cause is another request at the same time",
			},
		},
		{
			name:   "the old leader does not stream again",
			frames: []state{asBefore, requestPending, noLeader, oldLeaderMissing},
			want: watched{
				Outcome: verify.Different,
				Looks:   31,
				Reason:  `node1 does not stream from any member; its Patroni says "running"`,
			},
		},
		{
			name:   "no member takes over",
			frames: []state{asBefore, requestPending, noLeader},
			want: watched{
				Outcome: verify.EndUnknown,
				Looks:   31,
				Reason:  "no member holds the leader key",
			},
		},
		{
			name:   "the request stays pending",
			frames: []state{asBefore, requestPending},
			want: watched{
				Outcome: verify.EndUnknown,
				Looks:   31,
				Reason:  "node1 still leads, and the request is pending in /failover",
			},
		},
		{
			name:   "refused",
			frames: []state{asBefore, requestPending, asBefore},
			want: watched{
				Outcome: verify.Refused,
				Looks:   9,
				Reason:  "node1 still leads on timeline 1, and nothing is pending",
			},
		},
		{
			name:   "refused at once",
			frames: []state{asBefore},
			want: watched{
				Outcome: verify.Refused,
				Looks:   7,
				Reason:  "node1 still leads on timeline 1, and nothing is pending",
			},
		},
		{
			name:   "unchanged for a while",
			frames: []state{asBefore, asBefore, asBefore, asBefore, requestPending, noLeader, switchedOver},
			want: watched{
				Outcome: verify.Done,
				Looks:   7,
			},
		},
		{
			name:   "unchanged for too short a time",
			frames: append(slices.Repeat([]state{requestPending}, 28), asBefore),
			want: watched{
				Outcome: verify.EndUnknown,
				Looks:   31,
				Reason: "node1 still leads on timeline 1, and nothing is pending, " +
					"but that was not seen for long enough: a request may be on its way",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &sequence{t: t, frames: c.frames, clock: time.Unix(1e9, 0)}
			var stderr bytes.Buffer
			b := baselineOf(recorded(t, "healthy-4.0.7"))
			s, v, err := watchOutcome(b, f.countdown(30*time.Second), &progress{w: &stderr}, notSending, f.look)
			if err != nil {
				t.Fatal(err)
			}
			c.want.ExitCode = c.want.Outcome.ExitCode()
			if diff := cmp.Diff(c.want, watched{v.Outcome, v.ExitCode, f.looks, v.Reason}); diff != "" {
				t.Errorf("outcome (-want +got):\n%s", diff)
			}
			if s == nil {
				t.Error("the last snapshot is missing")
			}
			if f.looks > 1 && stderr.Len() == 0 {
				t.Error("stderr has no progress")
			}
		})
	}
}

func TestFollowEndsWithAnError(t *testing.T) {
	f := &sequence{t: t, frames: []state{requestPending}, clock: time.Unix(1e9, 0)}
	stopped := errors.New("stopped")
	_, _, err := watchOutcome(
		baselineOf(recorded(t, "healthy-4.0.7")),
		f.countdown(time.Minute),
		&progress{w: &bytes.Buffer{}},
		notSending,
		func() (*fact.Recording, error) {
			if f.looks == 3 {
				return nil, stopped
			}
			return f.look()
		},
	)
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
		e := twoNodes(
			"http://"+closed+"/patroni",
			"postgres://"+closed+"/postgres",
			"http://"+closed+"/patroni",
			"postgres://"+closed+"/postgres",
		)
		e.keys["/service/demo/leader"] = by
		return e.start(t)
	}
	addr, unchanged := led("node2"), led("node1")
	for _, c := range []struct{ name, addr, says string }{
		{"node2 leads", addr, "whether node2 is the primary"},
		{"node1 leads", unchanged, "its Patroni does not answer"},
	} {
		for _, format := range []string{"text", "brief", "json"} {
			record := filepath.Join(t.TempDir(), "after.json")
			o := runCLI(
				t,
				"verify",
				"--scope",
				"demo",
				"-d",
				"etcd3://"+c.addr,
				"--since",
				healthy,
				"--verify-timeout",
				"1s",
				"-f",
				format,
				"--record",
				record,
			)
			if o.code != exitcode.OutcomeUnknown || !strings.Contains(strings.Join(strings.Fields(o.stdout), " "), c.says) ||
				!strings.Contains(o.stderr, "s left\n") {
				t.Errorf("%s, %s: %+v", c.name, format, o)
			}
			if format == "json" {
				var v verify.Verification
				if err := json.Unmarshal(
					[]byte(o.stdout),
					&v,
				); err != nil || v.Outcome != verify.EndUnknown ||
					v.ExitCode != o.code {
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
