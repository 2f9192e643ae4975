package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"patroni-preflight/internal/config"
	"patroni-preflight/internal/foreign"
	"patroni-preflight/internal/request"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
	"patroni-preflight/preflight/verify"
)

// attemptOptions are what every switchover of a command has in common.
type attemptOptions struct {
	output
	session *session
	rules   check.Policies
	// ctl is nil with --via rest.
	ctl *patronictl
	// limit is how long the outcome is waited for, maxAge how old the verdict may be
	// when the request is sent.
	limit, maxAge time.Duration
	record        string
	// given are the flags of the cluster that the user gave, as arguments.
	given []string
}

// attempt is one switchover, step by step: judge, refresh, confirmUnchanged, send.
type attempt struct {
	attemptOptions
	request fact.Request
	retry   retry

	before *fact.Recording
	doc    preflight.SwitchoverReport
}

func newAttempt(o attemptOptions, r fact.Request, again retry) *attempt {
	s := *o.session
	s.request, s.rehearses = r, true
	o.session = &s
	return &attempt{
		attemptOptions: o, request: r, retry: again,
		doc: preflight.SwitchoverReport{SchemaVersion: check.ReportSchema},
	}
}

// judge judges the cluster, plans the switchover, and returns the exit code of the
// verdict.
func (a *attempt) judge(ctx context.Context) (code int, err error) {
	j, err := a.retry.judge(ctx, a.env, a.session, a.rules)
	if err != nil {
		return 0, err
	}
	a.before, a.doc.Check = j.only()
	if a.record != "" {
		if err := record(a.before, a.record); err != nil {
			return 0, err
		}
	}
	if a.doc.Check.Verdict == preflight.Go {
		a.doc.Plan = preflight.PlanOf(a.before.Snapshot, a.doc.Check)
	}
	return a.doc.Check.ExitCode, nil
}

// refresh judges again if the verdict is too old for the request, and looks at the WAL
// once more.
func (a *attempt) refresh(ctx context.Context) (code int, err error) {
	if age := time.Since(a.before.TakenAt); age > a.maxAge {
		fmt.Fprintf(a.env.Stderr, "patroni-preflight: the verdict is %.0f s old; checking again\n", age.Seconds())
		plan := a.doc.Plan
		if code, err = a.judge(ctx); code != exitcode.Go || err != nil {
			a.doc.Plan = plan
			return code, err
		}
		if a.doc.Plan.Leader != plan.Leader {
			return 0, changedSince("leader")
		}
		a.doc.Plan = plan
	}
	if a.doc.Plan.ScheduledAt != "" {
		return exitcode.Go, nil
	}
	return a.witness(ctx)
}

const (
	// replyTime is how long a reply is waited for: a standby replies every 10 s by default,
	// and counts as stalled when PostgreSQL has asked it, after 30 s by default. replyStep is the time between two looks.
	replyTime = 33 * time.Second
	replyStep = time.Second
)

// onWAL are the checks that are made again right before the request: what they look at
// may stop within a second, and an idle leader shows it by the next reply only.
var onWAL = []string{"candidate.confirms", "shutdown.walsenders"}

// witness looks at the way of the WAL once more, and waits for a reply of each member if
// nothing else shows that its WAL receiver works. Whatever else has changed is found by
// confirmUnchanged.
func (a *attempt) witness(ctx context.Context) (code int, err error) {
	quietly := *a.session
	quietly.rehearses = false
	said, first := "", a.before.Snapshot
	for end := time.Now().Add(replyTime); ; {
		j, err := retry{}.judge(ctx, a.env, &quietly, a.rules)
		if err != nil {
			return 0, err
		}
		now, report := j.only()
		for _, r := range report.Results {
			if slices.Contains(onWAL, r.Check) && (r.Weight == preflight.Blocks || r.Weight == preflight.Unseen) {
				a.before, a.doc.Check = now, report
				return max(report.ExitCode, exitcode.NoGo), nil
			}
		}
		quiet := fact.Unheard(first, now.Snapshot)
		if len(quiet) == 0 || time.Now().After(end) {
			// While it waited the members may have written other keys, after a leg of a drill
			// for example.
			if said != "" && report.Verdict == preflight.Go && report.Leader == a.doc.Plan.Leader {
				a.before, a.doc.Check = now, report
			}
			return exitcode.Go, nil
		}
		if said == "" {
			if err := a.confirmUnchanged(ctx); err != nil {
				return 0, err
			}
		}
		if names := fact.Names(quiet); names != said {
			said = names
			fmt.Fprintf(a.env.Stderr, "patroni-preflight: the leader writes no WAL; waiting for a reply of %s\n", names)
		}
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(replyStep):
		}
	}
}

// confirmUnchanged reads the DCS once more, right before the request.
func (a *attempt) confirmUnchanged(ctx context.Context) error {
	moved := a.session.recheck(ctx, a.before.Snapshot)
	switch what, ok := moved.Get(); {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !ok:
		return exit{exitcode.Unknown, fmt.Errorf(
			"the DCS could not be read again, so nothing was done: %s", moved.Reason())}
	case len(what) > 0:
		return changedSince(what...)
	}
	return nil
}

func changedSince(what ...string) error {
	return exit{exitcode.Changed, fmt.Errorf(
		"the cluster changed since the verdict, so nothing was done: %s", strings.Join(what, ", "))}
}

// send hands the switchover to Patroni and watches the state of the cluster
// meanwhile. From here on a signal ends the watching, not the switchover.
func (a *attempt) send(ctx context.Context) (code int) {
	sendCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var underWay atomic.Bool
	underWay.Store(true)
	results := make(chan preflight.RequestResult, 1)
	go func() {
		r := a.ask(sendCtx)
		underWay.Store(false)
		results <- r
	}()
	v, err := a.outcome(ctx, underWay.Load)
	a.doc.Request = a.collect(ctx, results, stop)
	switch {
	case err != nil && errors.As(context.Cause(ctx), new(Signalled)):
		fmt.Fprintf(a.env.Stderr, "patroni-preflight: %v; no longer watching. %s To see the outcome, run:\n%s\n",
			context.Cause(ctx), a.stillRunning(), a.howToLook())
		return exitcode.OutcomeUnknown
	case err != nil:
		fmt.Fprintf(a.env.Stderr,
			"patroni-preflight: the request was sent, but watching it failed: %s. To see the outcome, run:\n%s\n",
			foreign.Text(err.Error()), a.howToLook())
		return exitcode.OutcomeUnknown
	}
	a.doc.Verification = &v
	if v.Outcome == verify.Refused {
		a.judgeAgain(ctx)
	}
	return v.ExitCode
}

// judgeAgain judges the cluster after a refusal: what made Patroni refuse may be visible now.
func (a *attempt) judgeAgain(ctx context.Context) {
	j, err := a.session.judge(ctx, a.rules)
	if err != nil {
		fmt.Fprintf(a.env.Stderr, "patroni-preflight: the cluster could not be checked again: %s\n",
			foreign.Text(err.Error()))
		return
	}
	_, r := j.only()
	a.doc.Again = &r
}

// confirmAndSend confirms that the cluster is unchanged, sends the request, and measures the
// time without a primary. An error means that nothing was sent.
func (a *attempt) confirmAndSend(ctx context.Context) (code int, err error) {
	// A scheduled switchover is not waited for, and a standby cluster has no primary.
	measures := a.doc.Plan.ScheduledAt == "" && !a.doc.Plan.StandbyCluster
	measured := func() []time.Time { return nil }
	if measures {
		measured = measureOutage(ctx, a.session, a.before.Snapshot)
	}
	err = a.confirmUnchanged(ctx)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		measured()
		return 0, err
	}
	code = a.send(ctx)
	if primaries := measured(); measures {
		t := verify.OutageOf(primaries, a.doc.Request.Began, time.Now(), watchEvery)
		a.doc.Outage = &t
	}
	return code, nil
}

// ask sends the request.
func (a *attempt) ask(ctx context.Context) preflight.RequestResult {
	p := a.doc.Plan
	if a.ctl != nil {
		return a.ctl.switchover(ctx, a.before.Target, p, secretsOf(a.session.cfg), a.steps())
	}
	m, _ := a.before.Member(p.Leader)
	key, _ := m.Key.Get()
	url, _ := key.APIURL.Get()
	s := request.Switchover{Leader: p.Leader, Candidate: p.Candidate, ScheduledAt: p.ScheduledAt}
	return a.session.post(ctx, url, s, a.steps())
}

// secretsOf are the passwords that the output of a program may repeat.
func secretsOf(c config.Config) foreign.Secrets {
	return slices.Concat(foreign.Login(c.RESTAPI.User, c.RESTAPI.Password),
		foreign.Login(c.Etcd3.User, c.Etcd3.Password), foreign.Login(c.Postgres.User, c.Postgres.Password))
}

// outcome watches the cluster while the request is under way and after it.
func (a *attempt) outcome(ctx context.Context, underWay func() bool) (v verify.Verification, err error) {
	shown := &progress{w: a.env.Stderr, live: a.env.StderrTerminal && !a.text()}
	defer shown.done()
	snapshot := func() (*fact.Recording, error) { return a.session.snapshot(ctx, a.request) }
	clock := newCountdown(ctx, a.limit)
	if a.doc.Plan.ScheduledAt == "" {
		_, v, err = watchOutcome(a.doc.Check.Baseline, clock, shown, underWay, snapshot)
		return v, err
	}
	clock.end = clock.now().Add(min(clock.left(), 2*loopWait(a.before.Snapshot)+20*time.Second))
	return watchScheduled(a.doc.Check.Baseline, clock, shown, underWay, snapshot)
}

// collect takes the answer. If the outcome is known before it, patronictl has a few
// seconds to finish.
func (a *attempt) collect(
	ctx context.Context, results <-chan preflight.RequestResult, stop func(),
) *preflight.RequestResult {
	select {
	case r := <-results:
		return &r
	case <-ctx.Done():
	case <-time.After(5 * time.Second):
	}
	stop()
	r := <-results
	return &r
}

// stillRunning says what a signal does not end. A patronictl that did not finish
// may not have sent its request.
func (a *attempt) stillRunning() string {
	if a.ctl != nil && a.doc.Request.Problem != "" {
		return "patronictl was ended; if it had sent its request, the switchover continues."
	}
	return "The request was sent, and the switchover continues."
}

// howToLook is the command that shows how the switchover ended, with the flags that the
// user gave: without them it may ask about another cluster.
func (a *attempt) howToLook() string {
	if a.record != "" {
		return quoted(slices.Concat([]string{"patroni-preflight", "verify"}, a.given, []string{"--since", a.record}))
	}
	command := []string{"patronictl"}
	if a.ctl != nil {
		command = slices.Concat(a.ctl.env, []string{a.ctl.path}, a.ctl.args)
	}
	command = append(command, "list", a.before.Target.Scope)
	if g := a.before.Target.Group; g != "" {
		command = append(command, "--group", g)
	}
	return quoted(command)
}

// question is what the user confirms.
func (a *attempt) question() string {
	p := a.doc.Plan
	return fmt.Sprintf("Switch over %s from %s to %s?",
		report.Line(a.before.Target.Scope, 80), report.Line(p.Leader, 80), report.Line(p.Whom(), 80))
}
