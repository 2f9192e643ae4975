package cli

import (
	"context"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// TestSwitchoverRehearses: a login that the leader refuses is NO-GO before the user is
// asked, and an answer that is not Patroni's is UNKNOWN; nothing is requested.
func TestSwitchoverRehearses(t *testing.T) {
	answer := func(a fact.RequestAnswer) *fact.Observed[fact.RequestAnswer] {
		o := fact.Known(a)
		return &o
	}
	silent := fact.NotKnown[fact.RequestAnswer](fact.Silent, "POST http://10.77.9.21:8008/switchover []: no answer")
	for _, c := range []struct {
		name   string
		answer *fact.Observed[fact.RequestAnswer]
		code   int
		says   []string
	}{
		{
			"no login is configured", answer(fact.RequestAnswer{HTTPStatus: 401, Text: "no auth header received"}),
			exitcode.NoGo,
			[]string{
				"BLOCKS  leader.request  node1", "HTTP 401, no auth header received", "ctl.authentication",
				"would refuse this, at the leader's REST API", "Switchover failed, details: 401, no auth header received",
			},
		},
		{
			"another password", answer(fact.RequestAnswer{HTTPStatus: 401, Text: "not authenticated", LoggedIn: true}),
			exitcode.NoGo,
			[]string{"refuses the configured login", "restapi.authentication"},
		},
		{
			"an allowlist", answer(fact.RequestAnswer{HTTPStatus: 403, Text: "Access is denied", From: "10.0.0.9:40712"}),
			exitcode.NoGo,
			[]string{"10.0.0.9", "restapi.allowlist", "patronictl reload demo node1"},
		},
		{
			"a client certificate", answer(fact.RequestAnswer{HTTPStatus: 403, Text: "client certificate required"}),
			exitcode.NoGo,
			[]string{"ctl.certfile"},
		},
		{"no answer", &silent, exitcode.Unknown, []string{"UNKNOWN", "/switchover []: no answer"}},
	} {
		for _, args := range [][]string{{"--yes"}, {"--yes", "--via", "rest"}, {}} {
			p := play{frames: []state{asBefore}, answer: c.answer, args: args, stdin: typed("y\n")}
			o, told := p.run(t)
			if o.code != c.code || told != "" || strings.Contains(o.stderr, "[y/N]") {
				t.Errorf("%s, %q: exit code %d, asked %q\n%s%s", c.name, args, o.code, told, o.stdout, o.stderr)
			}
			flat := strings.Join(strings.Fields(o.stdout), " ")
			if strings.Contains(flat, "patroni.decision") {
				t.Errorf("%s: one cause, two findings:\n%s", c.name, o.stdout)
			}
			for _, says := range c.says {
				if !strings.Contains(flat, strings.Join(strings.Fields(says), " ")) {
					t.Errorf("%s: does not say %q:\n%s", c.name, says, o.stdout)
				}
			}
		}
	}
}

// TestRefusedLoginCanBeIgnored: patronictl may be a script with a login of its own.
func TestRefusedLoginCanBeIgnored(t *testing.T) {
	refused := fact.Known(fact.RequestAnswer{HTTPStatus: fact.LoginRefused, Text: "no auth header received"})
	o, told := play{
		frames: []state{requestPending, switchedOver}, answer: &refused, script: "true",
		args: []string{"--yes", "--ignore", "leader.request=patronictl has its own login"},
	}.run(t)
	if o.code != exitcode.Go || told == "" || !strings.Contains(o.stdout, "patronictl has its own login") {
		t.Errorf("exit code %d, asked %q\n%s%s", o.code, told, o.stdout, o.stderr)
	}
}

// TestDrillRehearses: each member that is to lead is asked before the first leg; a dry run
// asks none.
func TestDrillRehearses(t *testing.T) {
	refusing := func(url string) fact.Observed[fact.RequestAnswer] {
		if strings.Contains(url, "10.77.9.22") {
			return fact.Known(fact.RequestAnswer{HTTPStatus: 401, Text: "not authenticated", LoggedIn: true})
		}
		return accepted
	}
	o, calls := rehearsal{args: []string{"--yes"}, answer: refusing}.run(t)
	flat := strings.Join(strings.Fields(o.stdout), " ")
	if o.code != exitcode.NoGo || strings.Join(calls, "") != "" ||
		!strings.Contains(flat, "leg 2 of 2, node2 to node1, would not be accepted") || strings.Contains(flat, "LEG 1") {
		t.Errorf("exit code %d, calls %q\n%s", o.code, calls, o.stdout)
	}
	var tried []string
	asks := func(url string) fact.Observed[fact.RequestAnswer] {
		tried = append(tried, url)
		return accepted
	}
	if o, _ := (rehearsal{args: []string{"--dry-run"}, answer: asks}).run(t); o.code != exitcode.Go || len(tried) > 0 {
		t.Errorf("a dry run: exit code %d, tried %q", o.code, tried)
	}
	if o, calls := (rehearsal{args: []string{"--yes"}, answer: asks}).run(t); o.code != exitcode.Go || len(calls) != 2 ||
		len(tried) < 4 || !slices.ContainsFunc(tried, func(u string) bool { return strings.Contains(u, "10.77.9.22") }) {
		t.Errorf("exit code %d, calls %q, tried %q\n%s", o.code, calls, tried, o.stdout)
	}
}

// TestOnlyKnownReleasesAreTried: and a check tries none.
func TestOnlyKnownReleasesAreTried(t *testing.T) {
	for version, want := range map[string]int{
		"2.1.0": 1, "3.3.9": 1, "4.1.4": 1, "4.2.0": 1, "2.0.2": 0, "1.6.5": 0, "4.3.0": 0, "5.0.0": 0, "": 0, "x": 0,
	} {
		s := recorded(t, "healthy-4.0.7")
		for i := range s.Members {
			s.Members[i].Key.Value.Version = fact.Known(version)
		}
		st := &stage{answer: accepted}
		k := &session{cluster: st}
		k.tryRequest(context.Background(), s.Snapshot, "node1")
		if st.rehearsed != want {
			t.Errorf("Patroni %q: tried %d times, want %d", version, st.rehearsed, want)
		}
		if o := fact.RequestAnswered.Of(s.Snapshot, "node1"); o.Known() != (want == 1) ||
			want == 0 && (o.Cause() != fact.Unrecorded || o.Reason() == "") {
			t.Errorf("Patroni %q: %s, %s", version, o.Cause(), o.Reason())
		}
	}
	st := &stage{
		answer: accepted, sequence: sequence{t: t, frames: []state{asBefore}}, asked: func() bool { return false },
	}
	w := world{cluster: st}
	o := w.run(t, "check", "--scope", "demo", "-d", "etcd3://127.0.0.1:1", "--candidate", "node2",
		"--fail-on", "warning")
	flat := strings.Join(strings.Fields(o.stdout), " ")
	const says = "note The request's login was not tried: switchover and drill do that."
	if st.rehearsed != 0 || o.code != exitcode.Go || !strings.Contains(flat, says) {
		t.Errorf("check: tried %d times, exit code %d\n%s", st.rehearsed, o.code, o.stdout)
	}
}
