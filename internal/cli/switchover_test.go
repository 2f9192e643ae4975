package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/internal/config"
	"patroni-preflight/internal/request"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/verify"
)

// stage is a cluster in which a switchover to node2 is asked for: it is as before
// until the request is sent, and then goes through the sequence.
type stage struct {
	sequence
	mu    sync.Mutex
	api   string
	asked func() bool
	spoil func(*fact.Recording)
	moved fact.Observed[[]string]
	cfg   config.Config
	// answer is that of the rehearsed request.
	answer    fact.Observed[fact.RequestAnswer]
	rehearsed int
}

func (s *stage) configured(cfg config.Config) { s.cfg = cfg }

func (s *stage) snapshot(ctx context.Context, r fact.Request) (*fact.Recording, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f := &s.sequence
	if !s.asked() {
		f = &sequence{t: s.t, frames: []state{asBefore}}
	}
	snapshot, err := f.look()
	snapshot.TakenAt = time.Now()
	snapshot.Question.MaxInterruption = r.MaxInterruption
	snapshot.DCS.Cluster.Value.Config.Value.LoopWait = fact.Known(int64(1))
	if s.spoil != nil {
		s.spoil(snapshot)
	}
	return snapshot, err
}

func (s *stage) recheck(context.Context, *fact.Snapshot) fact.Observed[[]string] {
	return s.moved
}

// watch sees a primary all the time.
func (s *stage) watch(ctx context.Context, _ *fact.Snapshot, primary func(time.Time)) {
	for ctx.Err() == nil {
		primary(time.Now())
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *stage) rehearse(context.Context, string) fact.Observed[fact.RequestAnswer] {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rehearsed++
	return s.answer
}

// post sends the request to the leader's API, which is on the loopback interface:
// no check would pass an api_url there.
func (s *stage) post(
	ctx context.Context, _ string, r request.Switchover, out io.Writer,
) preflight.RequestResult {
	return (&live{cfg: s.cfg}).post(ctx, s.api, r, out)
}

// play runs switchover with a patronictl that is a shell script.
type play struct {
	frames []state
	script string
	args   []string
	stdin  *string
	spoil  func(*fact.Recording)
	moved  fact.Observed[[]string]
	ctx    context.Context
	config string
	// handler is the leader's REST API.
	handler http.HandlerFunc
	// whenAsked is called at the first snapshot after the request.
	whenAsked func()
	// answer is that of the rehearsed request; nil is a good one.
	answer *fact.Observed[fact.RequestAnswer]
}

// accepted is the answer of a leader that takes the login.
var accepted = fact.Known(fact.RequestAnswer{HTTPStatus: fact.ListRefused, LoggedIn: true})

// told is what patronictl was called with, or the body of the POST; "" where no request was sent.
func (p play) run(t *testing.T) (o outcome, told string) {
	t.Helper()
	dir := t.TempDir()
	mark := filepath.Join(dir, "asked")
	ctl := filepath.Join(dir, "patronictl")
	putScript(t, ctl, `case "$*" in *--help) echo --leader; exit;; esac; echo "$@" >`+mark+"\n"+p.script)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		_ = os.WriteFile(mark, []byte(r.Method+" "+r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body)), 0o600)
		p.handler(w, r)
	}))
	t.Cleanup(api.Close)
	if !p.moved.Known() && p.moved.Why == nil {
		p.moved = fact.Known([]string{})
	}
	answer := accepted
	if p.answer != nil {
		answer = *p.answer
	}
	s := &stage{
		answer: answer, sequence: sequence{t: t, frames: p.frames}, api: api.URL + "/patroni", spoil: p.spoil, moved: p.moved,
		asked: func() bool {
			_, err := os.Stat(mark)
			if err == nil && p.whenAsked != nil {
				p.whenAsked()
			}
			return err == nil
		},
	}
	args := append(
		[]string{
			"switchover",
			"--scope",
			"demo",
			"-d",
			"etcd3://127.0.0.1:1",
			"--candidate",
			"node2",
			"--patronictl",
			ctl,
			"--verify-timeout",
			"9s",
		},
		p.args...)
	if p.config != "" {
		args = append(args, "-c", put(t, "patroni.yml", p.config))
	}
	o = world{ctx: p.ctx, stdin: p.stdin, cluster: s}.run(t, args...)
	raw, _ := os.ReadFile(mark)
	return o, strings.TrimSpace(string(raw))
}

// later asks for a time that is long in coming.
func later(s *fact.Recording) { s.Question.ScheduledAt = "2126-12-01T03:00:00+00:00" }

func typed(s string) *string { return &s }

func TestSwitchover(t *testing.T) {
	for _, c := range []struct {
		name string
		play
		want  int
		asked bool
		says  string
	}{
		{
			"done",
			play{
				frames: []state{requestPending, noLeader, oldLeaderMissing, switchedOver},
				script: "echo Successfully switched over",
				args:   []string{"--yes"},
			},
			exitcode.Go,
			true,
			"DONE  switchover of demo from node1 to node2",
		},
		{"confirmed", play{frames: []state{switchedOver}, stdin: typed("y\n")}, exitcode.Go, true, "PLAN"},
		{
			"not confirmed",
			play{frames: []state{switchedOver}, stdin: typed("\n")},
			exitcode.Interrupted,
			false,
			"nothing was done",
		},
		{"no answer", play{frames: []state{switchedOver}, stdin: typed("")}, exitcode.Interrupted, false, "nothing was done"},
		{"no terminal to ask", play{frames: []state{switchedOver}}, exitcode.Usage, false, "use --yes"},
		{
			"NO-GO",
			play{frames: []state{switchedOver}, args: []string{"--yes"}, spoil: alarm},
			exitcode.NoGo,
			false,
			"dcs.alarms",
		},
		{
			"UNKNOWN",
			play{frames: []state{switchedOver}, args: []string{"--yes"}, spoil: noQuorum},
			exitcode.Unknown,
			false,
			"UNKNOWN  switchover",
		},
		{
			"moved",
			play{frames: []state{switchedOver}, args: []string{"--yes"}, moved: fact.Known([]string{"leader", "sync"})},
			exitcode.Changed,
			false,
			"nothing was done: leader, sync",
		},
		{
			"not read again",
			play{
				frames: []state{switchedOver},
				args:   []string{"--yes"},
				moved:  fact.NotKnown[[]string](fact.Silent, "no answer"),
			},
			exitcode.Unknown,
			false,
			"nothing was done: no answer",
		},
		{
			"an old verdict",
			play{frames: []state{switchedOver}, args: []string{"--yes", "--max-age", "1ns"}},
			exitcode.Go,
			true,
			"checking again",
		},
		{
			"refused, and patronictl ends with 0",
			play{
				frames: []state{asBefore},
				script: "echo Switchover failed, details: 412, candidate does not exists",
				args:   []string{"--yes"},
			},
			exitcode.Refused,
			true,
			"REFUSED",
		},
		{
			"patronictl says that it went well, and it did not",
			play{frames: []state{asBefore}, script: "echo Successfully switched over", args: []string{"--yes"}},
			exitcode.Refused,
			true,
			"REFUSED",
		},
		{
			"patronictl says that it failed, and it did not",
			play{frames: []state{noLeader, switchedOver}, script: "echo Switchover failed; exit 1", args: []string{"--yes"}},
			exitcode.Go,
			true,
			"DONE",
		},
		{
			"wrong winner",
			play{frames: []state{noLeader, wrongLeader}, args: []string{"--yes"}},
			exitcode.Different,
			true,
			"node3 leads, not node2",
		},
		{
			"the old leader is not back",
			play{frames: []state{oldLeaderMissing}, args: []string{"--yes", "--verify-timeout", "2s"}},
			exitcode.Different,
			true,
			"node1 does not stream from any member",
		},
		{
			"no member leads",
			play{frames: []state{noLeader}, args: []string{"--yes", "--verify-timeout", "2s"}},
			exitcode.OutcomeUnknown,
			true,
			"do not repeat it",
		},
		{
			"patronictl hangs, nothing happens",
			play{frames: []state{asBefore}, script: "sleep 60", args: []string{"--yes", "--verify-timeout", "2s"}},
			exitcode.OutcomeUnknown,
			true,
			"on its way",
		},
		{
			"patronictl is killed, and it goes on",
			play{
				frames: []state{requestPending, requestPending, noLeader, switchedOver},
				script: "kill -9 $$",
				args:   []string{"--yes"},
			},
			exitcode.Go,
			true,
			"DONE",
		},
		{
			"no patronictl",
			play{frames: []state{switchedOver}, args: []string{"--yes", "--patronictl", "/nonexistent/patronictl"}},
			exitcode.Usage,
			false,
			"--via rest",
		},
		{
			"scheduled",
			play{
				frames: []state{requestScheduled},
				args:   []string{"--yes", "--scheduled", "2126-12-01T03:00:00+00:00"},
				spoil:  later,
			},
			exitcode.Go,
			true,
			"SCHEDULED",
		},
		{
			"patronictl hangs, and nothing is scheduled",
			play{
				frames: []state{asBefore},
				script: "sleep 60",
				args:   []string{"--yes", "--scheduled", "2126-12-01T03:00:00+00:00", "--verify-timeout", "2s"},
				spoil:  later,
			},
			exitcode.OutcomeUnknown,
			true,
			"on its way",
		},
		{
			"not scheduled",
			play{frames: []state{asBefore}, args: []string{"--yes", "--scheduled", "2126-12-01T03:00:00+00:00"}, spoil: later},
			exitcode.Refused,
			true,
			"REFUSED",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, told := c.run(t)
			all := strings.Join(strings.Fields(o.stdout+o.stderr), " ")
			if o.code != c.want || (told != "") != c.asked || !strings.Contains(all, strings.Join(strings.Fields(c.says), " ")) {
				t.Errorf("exit code %d, want %d; asked %q\n%s\n%s", o.code, c.want, told, o.stdout, o.stderr)
			}
			if c.asked && !strings.Contains(told, "switchover demo --force --leader node1 --candidate node2") {
				t.Errorf("patronictl was called with %q", told)
			}
			if shows := strings.TrimPrefix(
				c.script,
				"echo ",
			); c.asked && strings.HasPrefix(c.script, "echo ") &&
				!strings.Contains(all, strings.Split(shows, ";")[0]) {
				t.Errorf("what patronictl printed is not shown: %s", all)
			}
		})
	}
}

// TestSwitchoverJSON: one document on stdout, with the check, the request and the
// outcome; what patronictl prints goes to stderr as it comes, and is kept.
func TestSwitchoverJSON(t *testing.T) {
	t.Parallel()
	o, _ := play{
		frames: []state{requestPending, switchedOver},
		script: "echo one; echo two >&2",
		args:   []string{"--yes", "-f", "json"},
	}.run(
		t,
	)
	var doc preflight.SwitchoverReport
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil {
		t.Fatalf("%v\n%s", err, o.stdout)
	}
	if doc.Check.Verdict != preflight.Go || doc.Verification == nil || doc.Verification.Outcome != verify.Done ||
		doc.ExitCode != o.code ||
		o.code != 0 {
		t.Errorf("%+v", o)
	}
	if r := doc.Request; r == nil || r.Output != "one\ntwo\n" || r.Status != 0 || r.Via != "patronictl" ||
		r.Ended.Before(r.Began) ||
		!strings.Contains(o.stderr, "one\ntwo\n") {
		t.Errorf("request %+v", doc.Request)
	}
	if b, err := verify.LoadBaseline([]byte(o.stdout)); err != nil || b.Leader != "node1" {
		t.Errorf("verify --since cannot read it: %v, %+v", err, b)
	}
	o, _ = play{frames: []state{switchedOver}, args: []string{"-f", "json"}, stdin: typed("n\n")}.run(t)
	if o.code != exitcode.Interrupted || o.stdout != "" || !strings.Contains(o.stderr, "PLAN  node1 steps down") {
		t.Errorf("whoever is asked does not see the plan: %+v", o)
	}
	o, _ = play{frames: []state{switchedOver}, args: []string{"--yes", "-f", "json"}, spoil: alarm}.run(t)
	if err := json.Unmarshal([]byte(o.stdout), &doc); err != nil || o.code != exitcode.NoGo || doc.ExitCode != o.code {
		t.Errorf("%v: %+v", err, o)
	}
}

// TestSwitchoverViaREST: one POST to the leader, with the credentials of the
// configuration, and the state decides whatever it answers.
func TestSwitchoverViaREST(t *testing.T) {
	const config = "restapi: {authentication: {username: patroni, password: s3cret}}\n"
	for _, c := range []struct {
		name   string
		frames []state
		status int
		body   string
		want   int
		limit  string
	}{
		{
			"200",
			[]state{requestPending, noLeader, switchedOver},
			200,
			`Successfully switched over to "node2"`,
			exitcode.Go,
			"9s",
		},
		{"412", []state{asBefore}, 412, "candidate does not exists", exitcode.Refused, "9s"},
		{"401", []state{asBefore}, 401, "not authenticated", exitcode.Refused, "9s"},
		{"503 failed", []state{requestPending, asBefore}, 503, "Switchover failed", exitcode.Refused, "9s"},
		{
			"503 status unknown, and it ends well",
			[]state{requestPending, requestPending, noLeader, switchedOver},
			503,
			"Switchover status unknown",
			exitcode.Go,
			"9s",
		},
		{
			"503 status unknown, and no member leads",
			[]state{requestPending, requestPending, noLeader},
			503,
			"Switchover status unknown",
			exitcode.OutcomeUnknown,
			"2s",
		},
		{
			"200 for another",
			[]state{wrongLeader},
			200,
			`Switched over to "node3" instead of "node2"`,
			exitcode.Different,
			"9s",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			posts := 0
			o, told := play{
				frames: c.frames,
				args:   []string{"--yes", "--via", "rest", "--verify-timeout", c.limit},
				config: config,
				handler: func(w http.ResponseWriter, _ *http.Request) {
					posts++
					w.WriteHeader(c.status)
					fmt.Fprint(w, c.body)
				},
			}.run(
				t,
			)
			if o.code != c.want || posts != 1 || !strings.Contains(o.stdout, c.body) {
				t.Errorf("exit code %d, want %d; %d requests\n%s%s", o.code, c.want, posts, o.stdout, o.stderr)
			}
			if told != `POST /switchover Basic cGF0cm9uaTpzM2NyZXQ= {"leader":"node1","candidate":"node2"}` {
				t.Errorf("asked %q", told)
			}
			if strings.Contains(o.stdout+o.stderr, "s3cret") {
				t.Error("the password is shown")
			}
		})
	}
}

// TestSwitchoverInterrupted: before the request a signal cancels it, after it the
// watching only.
func TestSwitchoverInterrupted(t *testing.T) {
	interrupted := func(after time.Duration) context.Context {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(after, func() { cancel(Signalled{syscall.SIGINT}) })
		return ctx
	}
	o, told := play{
		frames: []state{requestPending},
		args:   []string{"--yes"},
		spoil:  func(*fact.Recording) { time.Sleep(300 * time.Millisecond) },
		ctx:    interrupted(100 * time.Millisecond),
	}.run(
		t,
	)
	if o.code != exitcode.Interrupted || told != "" ||
		!strings.Contains(o.stderr, "stopped by interrupt before anything was asked of Patroni: nothing was done") {
		t.Errorf("before: asked %q, %+v", told, o)
	}
	record := filepath.Join(t.TempDir(), "before.json")
	o, told = play{
		frames: []state{requestPending},
		script: "sleep 30",
		args:   []string{"--yes", "--record", record},
		ctx:    interrupted(1500 * time.Millisecond),
	}.run(
		t,
	)
	if o.code != exitcode.OutcomeUnknown || told == "" || !strings.Contains(o.stderr, "the switchover continues") ||
		!strings.Contains(o.stderr,
			"patroni-preflight verify --dcs-url etcd3://127.0.0.1:1 --scope demo --since "+record+"\n") {
		t.Errorf("after: asked %q, %+v", told, o)
	}
	o, _ = play{
		frames: []state{requestPending},
		script: "sleep 30",
		args:   []string{"--yes"},
		ctx:    interrupted(1500 * time.Millisecond),
	}.run(t)
	if !strings.Contains(o.stderr, "/patronictl --dcs-url etcd3://127.0.0.1:1 list demo\n") {
		t.Errorf("without a recording: %+v", o)
	}
}

// TestFollowScheduledLooksAfterTheRequest: a look that began while the request was on
// its way is no proof of a refusal.
func TestFollowScheduledLooksAfterTheRequest(t *testing.T) {
	t.Parallel()
	sending := true
	looks := 0
	s := &stage{
		sequence: sequence{t: t, frames: []state{asBefore, requestScheduled}},
		asked:    func() bool { return true },
		spoil:    func(*fact.Recording) { looks++; sending = false },
	}
	before := recorded(t, "healthy-4.0.7")
	later(before)
	b := verify.BaselineOf(before.Snapshot, before.Question)
	v, err := watchScheduled(b, newCountdown(t.Context(), 5*time.Second), &progress{w: io.Discard},
		func() bool { return sending }, func() (*fact.Recording, error) { return s.snapshot(t.Context(), fact.Request{}) })
	if err != nil || v.Outcome != verify.Scheduled || looks != 2 {
		t.Errorf("%s after %d looks, %v", v.Outcome, looks, err)
	}
}
