//go:build e2e && wrapper

package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"patroni-preflight/preflight/exitcode"
)

// wrappeds are the ways in which a switchover goes, besides the few of every make
// test.
var wrappeds = []wrapped{
	{
		name:    "synchronous",
		both:    true,
		arrange: (*lab).synchronous,
		want:    exitcode.Go,
		says:    "DONE switchover of demo",
		leads:   theCandidate,
	},
	{
		name:  "patronictl is missing",
		args:  []string{"--patronictl", "/nonexistent/patronictl"},
		want:  exitcode.Usage,
		says:  "--via rest",
		leads: theLeader,
	},
	{
		name:  "patronictl does not start",
		args:  []string{"--patronictl", "/bin/false"},
		want:  exitcode.Usage,
		says:  "cannot be used",
		leads: theLeader,
	},
	{
		name:  "patronictl of an older release",
		want:  exitcode.Go,
		says:  "DONE switchover of demo",
		leads: theCandidate,
		ctl: `exec docker run --rm -v $config:/patronictl.yml:ro --network $network patroni-preflight-lab:bookworm ` +
			`patronictl -c /patronictl.yml $*`,
	},
	{
		name:  "412 by Patroni: no such candidate",
		want:  exitcode.Refused,
		says:  "412",
		leads: theLeader,
		ctl:   `docker exec $leader curl -s -w ' %{http_code}' -d '{"leader":"'$leader_name'","candidate":"nobody"}' http://127.0.0.1:8008/switchover`,
	},
	{
		name:  "the candidate's WAL receiver stops after the check",
		both:  true,
		want:  exitcode.NoGo,
		says:  "candidate.confirms",
		leads: theLeader,
		question: func(l *lab) {
			l.freeze(l.candidate, "-f '[w]alreceiver'")
			l.ballast(20_000_000)
			time.Sleep(3 * time.Second)
		},
	},
	{
		name: "401 by Patroni: no credentials", both: true, want: exitcode.NoGo, says: "HTTP 401", leads: theLeader,
		arrange: (*lab).restPassword,
	},
	{
		name:    "401 by Patroni: a wrong password",
		both:    true,
		want:    exitcode.NoGo,
		says:    "HTTP 401, not authenticated",
		leads:   theLeader,
		arrange: (*lab).restPassword,
		config:  "restapi: {authentication: {username: operator, password: wrong}}\n",
		ctl: `docker exec -e PATRONI_RESTAPI_USERNAME=operator -e PATRONI_RESTAPI_PASSWORD=wrong $bystander patronictl ` +
			`-c /etc/patroni/patroni.yml $*`,
	},
	{
		name:    "the right password",
		both:    true,
		want:    exitcode.Go,
		says:    "DONE switchover of demo",
		leads:   theCandidate,
		arrange: (*lab).restPassword,
		config:  "restapi: {authentication: {username: operator, password: s3cret}}\n",
		ctl: `docker exec -e PATRONI_RESTAPI_USERNAME=operator -e PATRONI_RESTAPI_PASSWORD=s3cret $bystander ` +
			`patronictl -c /etc/patroni/patroni.yml $*`,
	},
	{
		name:  "wrong winner: the candidate freezes while the leader stops",
		both:  true,
		want:  exitcode.Different,
		says:  "leads, not",
		leads: theBystander,
		meanwhile: func(l *lab, r *running) {
			l.await(
				"the leader to stop",
				30*time.Second,
				func() bool { s, err := l.status(l.leader); return err == nil && s.State != "running" },
			)
			l.freeze(l.candidate, patroniProcess)
			r.wait()
		},
	},
	{
		name:  "the old leader may not log in any more",
		both:  true,
		args:  []string{"--verify-timeout", "25s"},
		want:  exitcode.Different,
		says:  "outcome.follows",
		leads: theCandidate,
		question: func(l *lab) {
			l.set(
				l.candidate,
				"postgresql.pg_hba",
				fmt.Sprintf(
					`["local all all trust", "host all all 127.0.0.1/32 scram-sha-256", "host replication all %s/32 reject", "host `+
						`all all %s.0/24 scram-sha-256", "host replication all %[2]s.0/24 scram-sha-256"]`,
					l.ip(l.leader),
					l.net,
				),
				l.hba(),
			)
			time.Sleep(3 * time.Second)
		},
	},
	{
		name:     "a consumer stalls after the check",
		both:     true,
		want:     exitcode.NoGo,
		says:     "shutdown.walsenders",
		leads:    theLeader,
		arrange:  func(l *lab) { l.senderTimeout("40s") },
		question: (*lab).stalledConsumer,
	},
	{
		name:     "a consumer stalls after the check, without wal_sender_timeout",
		both:     true,
		want:     exitcode.NoGo,
		says:     "shutdown.walsenders",
		leads:    theLeader,
		arrange:  func(l *lab) { l.senderTimeout("0") },
		question: (*lab).stalledConsumer,
	},
	{
		name:     "the leader's REST API falls silent after the check",
		both:     true,
		want:     exitcode.Changed,
		says:     "the leader's REST API no longer answers",
		leads:    theLeader,
		question: func(l *lab) { l.silence(l.leader) },
		after:    (*lab).lift,
	},
	{
		name:     "the leader's Patroni freezes after the check",
		both:     true,
		want:     exitcode.Changed,
		says:     "the leader's REST API no longer answers",
		leads:    theLeader,
		question: func(l *lab) { l.freeze(l.leader, patroniProcess) },
		after:    (*lab).lift,
	},
	{
		name:    "the leader's REST API falls silent after the last look",
		args:    []string{"--verify-timeout", "10s"},
		want:    exitcode.OutcomeUnknown,
		says:    "does not answer",
		leads:   theLeader,
		between: func(l *lab) { l.silence(l.leader) },
		after:   (*lab).lift,
	},
	{
		name: "patronictl is killed on the way", want: exitcode.Go, says: "DONE switchover of demo", leads: theCandidate,
		ctl: `$real & sleep 2; kill -9 $$`,
	},
	{
		name:  "patronictl says nothing and does nothing",
		args:  []string{"--verify-timeout", "8s"},
		want:  exitcode.OutcomeUnknown,
		says:  "on its way",
		leads: theLeader,
		ctl:   `sleep 60`,
	},
	{
		name:      "interrupted before the verdict",
		both:      true,
		want:      exitcode.Interrupted,
		says:      "stopped by interrupt before anything was asked of Patroni",
		leads:     theLeader,
		meanwhile: func(_ *lab, r *running) { time.Sleep(100 * time.Millisecond); r.interrupt() },
	},
	{
		name:  "interrupted at the question",
		both:  true,
		args:  []string{"ASK"},
		want:  exitcode.Interrupted,
		says:  "stopped by interrupt before anything was asked of Patroni",
		leads: theLeader,
		meanwhile: func(l *lab, r *running) {
			l.await("the question", 30*time.Second, func() bool { return strings.Contains(r.text(), "[y/N]") })
			r.answer("\x03")
		},
	},
	{
		name:  "interrupted between confirmation and request",
		both:  true,
		args:  []string{"ASK"},
		want:  exitcode.Interrupted,
		says:  "stopped by interrupt before anything was asked of Patroni",
		leads: theLeader,
		meanwhile: func(l *lab, r *running) {
			l.await("the question", 30*time.Second, func() bool { return strings.Contains(r.text(), "[y/N]") })
			l.silence(l.leader) // so that the last look takes its time
			r.answer("y\n")
			time.Sleep(time.Second)
			r.answer("\x03")
		},
		after: (*lab).lift,
	},
	{
		name:  "interrupted after the request",
		args:  []string{"--record", "RECORD"},
		want:  exitcode.OutcomeUnknown,
		says:  "the switchover continues",
		leads: theCandidate,
		meanwhile: func(l *lab, r *running) {
			l.await(
				"the request",
				30*time.Second,
				func() bool { s, err := l.status(l.leader); return err == nil && s.State != "running" },
			)
			r.interrupt()
			l.verified(r)
		},
	},
	{
		name:  "interrupted after the request, sent",
		args:  []string{"--via", "rest", "--record", "RECORD"},
		want:  exitcode.OutcomeUnknown,
		says:  "The request was sent, and the switchover continues",
		leads: theCandidate,
		meanwhile: func(l *lab, r *running) {
			l.await(
				"the leader to stop",
				30*time.Second,
				func() bool { s, err := l.status(l.leader); return err == nil && s.State != "running" },
			)
			r.interrupt()
			l.verified(r)
		},
	},
	{
		name:  "interrupted during the verification",
		both:  true,
		args:  []string{"--record", "RECORD"},
		want:  exitcode.OutcomeUnknown,
		says:  "The request was sent, and the switchover continues",
		leads: theCandidate,
		meanwhile: func(l *lab, r *running) {
			l.await("the answer", 60*time.Second, func() bool { return answered.MatchString(r.text()) })
			time.Sleep(300 * time.Millisecond) // patronictl comes to its end
			r.interrupt()
			l.verified(r)
		},
	},
	{
		name:  "scheduled",
		both:  true,
		args:  []string{"--scheduled", "SOON", "--record", "RECORD"},
		want:  exitcode.Go,
		says:  "SCHEDULED",
		leads: theCandidate,
		meanwhile: func(l *lab, r *running) {
			r.wait()
			if text := strings.Join(
				strings.Fields(r.text()),
				" ",
			); l.primaries()[0] != l.leader || !strings.Contains(l.key("failover"), "scheduled_at") ||
				!strings.Contains(text, "not checked again") {
				l.t.Errorf("%v lead, /failover is %s\n%s", l.primaries(), l.key("failover"), text)
			}
			l.verified(r)
		},
	},
	{
		name:    "scheduled, and refused by the check",
		args:    []string{"--scheduled", "SOON"},
		arrange: func(l *lab) { l.tag(l.candidate, "nofailover", "true") },
		want:    exitcode.NoGo,
		says:    "candidate.nofailover",
		leads:   theLeader,
	},
}

// onSid are those that want the newest Patroni.
var onSid = []wrapped{
	{name: "asynchronous", both: true, want: exitcode.Go, says: "DONE switchover of demo", leads: theCandidate},
	{
		name:    "synchronous",
		both:    true,
		arrange: (*lab).synchronous,
		want:    exitcode.Go,
		says:    "DONE switchover of demo",
		leads:   theCandidate,
	},
	{
		name:    "quorum",
		both:    true,
		arrange: (*lab).quorum,
		want:    exitcode.Go,
		says:    "DONE switchover of demo",
		leads:   theCandidate,
	},
	{
		name:      "scheduled",
		both:      true,
		args:      []string{"--scheduled", "SOON", "--record", "RECORD"},
		want:      exitcode.Go,
		says:      "SCHEDULED",
		leads:     theCandidate,
		meanwhile: func(l *lab, r *running) { r.wait(); l.verified(r) },
	},
}

// answered is Patroni's answer, and not what the plan says of it.
var answered = regexp.MustCompile(`(\d|HTTP 200:) Successfully switched over`)

func theBystander(l *lab) string { return l.bystander }

func (r *running) interrupt() { _ = r.cmd.Process.Signal(syscall.SIGINT); r.wait() }

// verified: what was recorded tells what became of it.
func (l *lab) verified(r *running) {
	l.t.Helper()
	r.wait()
	out, code := command(
		3*time.Minute,
		nil,
		tool,
		"verify",
		"-c",
		l.config,
		"--since",
		r.record,
		"--verify-timeout",
		"120s",
	)
	if code != exitcode.Go {
		l.t.Errorf("verify ends with %d: %s", code, out)
	}
}

// restPassword has the leader's REST API want a password for what is unsafe.
func (l *lab) restPassword() {
	l.set(l.leader, "restapi.authentication", "{username: operator, password: s3cret}", "")
	l.await("the password to be asked for", 20*time.Second, func() bool {
		out, _ := l.in(l.leader, `curl -s -o /dev/null -w '%{http_code}' -d '{}' http://127.0.0.1:8008/switchover`)
		return out == "401"
	})
	time.Sleep(2 * time.Second)
}

func (l *lab) senderTimeout(timeout string) {
	l.edit("postgresql.parameters.wal_sender_timeout=" + timeout)
	l.await(
		"wal_sender_timeout",
		20*time.Second,
		func() bool { return l.sql(l.leader, "SHOW wal_sender_timeout") == timeout },
	)
}

// stalledConsumer lets a client of the leader's WAL take nothing more, with much to take.
func (l *lab) stalledConsumer() {
	l.sh(l.bystander, "mkdir -p /tmp/wal")
	l.run(
		l.bystander,
		"pg_receivewal",
		"-h",
		l.ip(l.leader),
		"-U",
		"replicator",
		"-D",
		"/tmp/wal",
		"--no-loop",
		"--synchronous",
	)
	bystander := l.bystander
	l.undo(func() { l.in(bystander, "rm -rf /tmp/wal") })
	l.await("pg_receivewal to stream", 20*time.Second, func() bool {
		return l.sql(
			l.leader,
			"SELECT count(*) FROM pg_stat_replication WHERE application_name = 'pg_receivewal' AND state = 'streaming' AND "+
				"flush_lsn IS NOT NULL",
		) == "1"
	})
	l.signal(l.bystander, "STOP", "-x pg_receivewal")
	l.ballast(60_000_000)
	l.await("the candidate to catch up", 30*time.Second, func() bool {
		return l.sql(
			l.leader,
			"SELECT count(*) FROM pg_stat_replication WHERE application_name = '"+l.candidate+"' AND replay_lsn = "+
				"pg_current_wal_lsn()",
		) == "1"
	})
	time.Sleep(3 * time.Second)
}

// silence lets nothing through to a node's REST API from outside.
func (l *lab) silence(node string) {
	l.t.Helper()
	l.sh(node, "iptables -A INPUT -p tcp --dport 8008 ! -i lo -j DROP")
	l.undo(func() { l.in(node, "iptables -F") })
}

// lift lets the leader's REST API answer again. A patronictl in a container outlives
// the docker exec that the tool has ended, and would send its request then.
func (l *lab) lift() {
	l.in(l.bystander, "pkill -KILL -f '[p]atronictl.*switchover'; true")
	l.in(l.leader, "iptables -F; pkill -CONT "+patroniProcess+"; true")
}

// TestWrapper holds exit code, report and the true state of the cluster together.
func TestWrapper(t *testing.T) {
	l := newLab(t, "wrapper", "trixie", "10.77.58", "")
	for _, w := range wrappeds {
		l.wrap(t, w)
	}
	l.others(t, map[string]func(*testing.T){"a drill in synchronous mode": l.drillSynchronous})
}

// drillSynchronous: after each leg Patroni has to make the next candidate
// synchronous before the check is GO.
func (l *lab) drillSynchronous(t *testing.T) {
	l.t = t
	l.roles()
	l.edit("synchronous_node_count=2")
	l.synchronous()
	l.await("both in /sync", 30*time.Second, func() bool {
		s := l.key("sync")
		return strings.Contains(s, l.candidate) && strings.Contains(s, l.bystander)
	})
	time.Sleep(3 * time.Second)
	l.drillWhole(t)
}

func TestWrapperSid(t *testing.T) {
	l := newLab(t, "wrapper", "sid", "10.77.58", "")
	for _, w := range onSid {
		l.wrap(t, w)
	}
}

// TestWrapperFallback: what patronictl prints before it turns to the DCS differs.
func TestWrapperFallback(t *testing.T) {
	for _, suite := range []string{"bookworm", "trixie", "sid"} {
		if chosen(suite) {
			t.Run(suite, func(t *testing.T) { newLab(t, "wrapper", suite, "10.77.58", "").turnsToDCS(t) })
		}
	}
}

// turnsToDCS: the tool and patronictl on one node, and only patronictl does not
// reach the leader's REST API. Left alone it writes the request into the DCS, and the
// leader switches over without having looked at the candidate.
func (l *lab) turnsToDCS(t *testing.T) {
	l.t = t
	l.roles()
	node := l.bystander
	must(l, "docker", "cp", tool, l.container(node)+":/tmp/tool")
	l.sh(
		node,
		fmt.Sprintf(
			`cat >/tmp/ctl <<'END'
#!/bin/sh
case "$*" in *--help) exec patronictl "$@";; esac
iptables -C OUTPUT -p tcp -d %[1]s --dport 8008 -m owner --uid-owner postgres -j REJECT --reject-with tcp-reset 2>/dev/null ||
iptables -A OUTPUT -p tcp -d %[1]s --dport 8008 -m owner --uid-owner postgres -j REJECT --reject-with tcp-reset
exec setpriv --reuid=postgres --regid=postgres --init-groups patronictl "$@"
END
chmod 755 /tmp/ctl`,
			l.ip(l.leader),
		),
	)
	l.undo(func() { l.in(node, "iptables -F; rm -f /tmp/tool /tmp/ctl") })
	timeline := l.timeline(l.leader)
	for i := range 10 {
		out, code := l.in(
			node,
			"timeout 60 /tmp/tool switchover -c /etc/patroni/patroni.yml --candidate "+l.candidate+" --patronictl /tmp/ctl "+
				"--yes --verify-timeout 50s 2>&1",
		)
		if flat := strings.Join(
			strings.Fields(out),
			" ",
		); code != exitcode.Refused || !strings.Contains(flat, "was killed as it fell back to writing the request to the "+
			"DCS") ||
			strings.Contains(l.key("failover"), l.candidate) {
			t.Errorf("%d: exit code %d, /failover is %s\n%s", i, code, l.key("failover"), out)
			break
		}
	}
	if p := l.primaries(); len(p) != 1 || p[0] != l.leader || l.timeline(l.leader) != timeline {
		t.Errorf("%v lead, on timeline %d", p, l.timeline(l.leader))
	}
	// The same patronictl, left alone.
	out, _ := l.in(
		node,
		"timeout 60 /tmp/ctl -c /etc/patroni/patroni.yml switchover demo --force --leader "+l.leader+" "+
			"--candidate "+l.candidate+" 2>&1",
	)
	if !strings.Contains(out, "falling back to DCS") ||
		!until(30*time.Second, func() bool { p := l.primaries(); return len(p) == 1 && p[0] == l.candidate }) {
		t.Errorf("%v lead\n%s", l.primaries(), out)
	}
}
