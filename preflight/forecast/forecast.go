// Package forecast estimates how long a switchover interrupts writes.
package forecast

import (
	"fmt"
	"math"
	"slices"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

// Forecast says how long a switchover will take that Patroni accepts.
type Forecast struct {
	// Interruption is the time without a primary that takes writes; in a standby
	// cluster, which never has one, without a standby leader.
	Interruption   fact.Seconds `json:"interruption_seconds"`
	StandbyCluster bool         `json:"standby_cluster,omitempty"`
	// Answer is the time until patronictl answers, at most AnswerLimit:
	// 2*max(10, loop_wait) polls of a second (patroni/api.py, poll_failover_result).
	Answer      fact.Seconds `json:"answer_seconds"`
	AnswerLimit float64      `json:"answer_limit_seconds"`
	// StatusUnknown is whether patronictl will give up before the switchover is
	// done: "no", "possible" or "expected".
	StatusUnknown string `json:"status_unknown"`
	// Return is the time until the old leader can stream again.
	Return fact.Seconds `json:"return_seconds"`
	// Parts are what the times are made of, the longest first.
	Parts []ForecastPart `json:"parts"`
	// Advice is what to do about the longest part that can be helped, "" for none.
	Advice string `json:"advice,omitempty"`
	// Unseen are facts that were not known: the parts that need them are wide.
	Unseen []string `json:"unseen,omitempty"`
}

// Missed is what there is none of for the time of the interruption.
func (f Forecast) Missed() string {
	if f.StandbyCluster {
		return "standby leader; the other site is not affected"
	}
	return "primary that accepts writes"
}

// ForecastPart is one thing that takes time.
type ForecastPart struct {
	// Name in a few words, Why with the figures.
	Name    string       `json:"name"`
	Seconds fact.Seconds `json:"seconds"`
	Why     string       `json:"why"`
	// Interrupts: there is no primary meanwhile. Else it comes before that, or
	// delays the old leader's return only.
	Interrupts bool `json:"interrupts"`
	// Advice is how to make it shorter, "" where that can not be helped.
	Advice string `json:"advice,omitempty"`

	before bool
}

// Rates that nobody can look up, in bytes a second: what storage writes and what
// recovery replays, from a slow machine to a fast one.
const (
	SlowWrite, fastWrite   = 40 << 20, 2 << 30
	slowReplay, fastReplay = 10 << 20, 400 << 20
)

// The parts that every switchover has, in seconds, as measured on many real
// ones (docs/accuracy.md): Patroni looks for the end of PostgreSQL once a second
// and waits another second before it hands over; the candidate wakes up by the
// watch on the leader key and promotes.
var (
	closing  = fact.UpTo(0.3, 3)
	handOver = fact.UpTo(0.7, 4)
)

// ForecastFor forecasts a switchover to that candidate ("" for whoever is
// elected). It is about one that Patroni accepts; a refused one interrupts nothing.
func ForecastFor(s *fact.Snapshot, candidate string) Forecast {
	b := forecaster{s: s, candidate: candidate, leader: s.Leader()}
	b.f.StandbyCluster = s.IsStandbyCluster()
	b.checkpoint()
	b.add(
		ForecastPart{
			Name:       "shutdown of the old leader",
			Seconds:    closing,
			Interrupts: true,
			Why:        "sessions end, the last checkpoint is written; Patroni polls once a second",
		},
	)
	b.walSenders()
	if b.f.StandbyCluster {
		b.add(
			ForecastPart{Name: "hand-over", Seconds: handOver, Interrupts: true, Why: "a pause of one second, the leader key"},
		)
	} else {
		b.replay()
		b.backoff()
		b.add(
			ForecastPart{
				Name:       "hand-over and promotion",
				Seconds:    handOver,
				Interrupts: true,
				Why:        "a pause of one second, the leader key, the end of recovery",
			},
		)
	}
	b.archiver()
	return b.done()
}

// backoff is the time that the members of Patroni 4.2 leave an unnamed leader to come
// back: one loop_wait, and primary_race_backoff while WAL still arrives (patroni/ha.py,
// process_unhealthy_cluster). A named candidate does not wait.
func (b *forecaster) backoff() {
	backoff := fact.Config.Of(b.s, "").OrZero().PrimaryRaceBackoff.OrZero()
	if b.candidate != "" || backoff <= 0 || fact.OlderThan(fact.KeyVersion.Of(b.s, b.leader).OrZero(), 4, 2, 0) {
		return
	}
	wait := float64(fact.LoopWait.Of(b.s, "").OrZero())
	b.add(ForecastPart{
		Name:       "primary_race_backoff",
		Seconds:    fact.UpTo(wait, max(wait, float64(backoff))),
		Interrupts: true,
		Why:        "no candidate is named, so the members wait before they take the leader key",
		Advice:     "name the candidate",
	})
}

type forecaster struct {
	s                 *fact.Snapshot
	candidate, leader string
	f                 Forecast
}

func (b *forecaster) add(p ForecastPart) { b.f.Parts = append(b.f.Parts, p) }

// unseen notes a fact that is missing.
func unseenIn[T any](b *forecaster, f fact.Fact[T], subject string) (T, bool) {
	o := f.Of(b.s, subject)
	v, ok := o.Get()
	if !ok {
		b.f.Unseen = append(b.f.Unseen, f.Label+" of "+subject)
	}
	return v, ok
}

// checkpoint: Patroni runs CHECKPOINT while the leader still serves, so it costs
// time but no interruption (patroni/postgresql/__init__.py, _do_stop).
func (b *forecaster) checkpoint() {
	c, ok := unseenIn(b, fact.CheckpointWork, b.leader)
	flush, ok2 := fact.LeaderBefore.Of(b.s, b.leader).Get()
	p := ForecastPart{
		Name:    "CHECKPOINT before it",
		before:  true,
		Seconds: fact.UpTo(0, 5),
		Why:     "the amount to write is not known",
	}
	if ok && ok2 {
		bytes := max(0, flush.Minus(c.RedoLSN))
		if limit, ok := fact.SharedBuffers(b.s, b.leader); ok {
			bytes = min(bytes, limit)
		}
		p.Seconds = fact.UpTo(float64(bytes)/fastWrite, 0.5+float64(bytes)/SlowWrite)
		p.Why = fmt.Sprintf("at most %s to write since the last one; the leader accepts writes meanwhile", fact.Size(bytes))
		if *p.Seconds.Most > 5 {
			p.Advice = fmt.Sprintf("Run CHECKPOINT; on %s right before the switchover.", b.leader)
		}
	}
	b.add(p)
}

// walSenders: before the shutdown checkpoint PostgreSQL waits for every
// walsender to take notice, and one that is stuck in sending takes none until
// wal_sender_timeout (postgres: ShutdownXLOG, WalSndWaitStopping). After it,
// every walsender has to send the rest and have it confirmed; Patroni hands over
// meanwhile, if the candidate has it all.
func (b *forecaster) walSenders() {
	rows, ok := unseenIn(b, fact.WALSenders, b.leader)
	if !ok {
		b.add(
			ForecastPart{
				Name:       "WAL consumers",
				Interrupts: true,
				Seconds:    fact.Seconds{Least: 0},
				Why:        "pg_stat_replication is not known",
			},
		)
		return
	}
	for _, c := range fact.ConsumersOf(b.s, rows) {
		isCandidate := fact.SameApplicationName(c.ApplicationName, b.candidate)
		switch {
		case c.Stalled(), c.Doubtful():
			b.stalled(c, c.Unsent > 0 || isCandidate || c.Logical)
		case c.Unconfirmed > 1<<20:
			b.add(ForecastPart{
				Name:       partBehind,
				Interrupts: isCandidate || c.Logical,
				Seconds:    fact.UpTo(float64(c.Unconfirmed)/(200<<20), float64(c.Unconfirmed)/(1<<20)),
				Why: fmt.Sprintf(
					"%s has to receive another %s",
					c.Who(),
					fact.Size(c.Unconfirmed),
				),
				Advice: "Wait until it has caught up.",
			})
		}
	}
}

const (
	partStalled = "a WAL consumer that does not answer"
	partBehind  = "a WAL consumer that is behind"
)

// stalled adds a consumer that takes no more. Where everything is sent, the
// hand-over goes on and only the end of the old leader waits.
func (b *forecaster) stalled(c fact.Consumer, interrupts bool) {
	p := ForecastPart{
		Name:       partStalled,
		Seconds:    c.HoldsUp(),
		Interrupts: interrupts,
		Why: fmt.Sprintf(
			"%s: silent for %.0f s, %s not sent; PostgreSQL waits for wal_sender_timeout",
			c.Who(),
			c.Silence,
			fact.Size(c.Unsent),
		),
		Advice: fmt.Sprintf("Stop that client, or on %s: SELECT pg_terminate_backend(%d);", b.leader, c.PID),
	}
	if c.Timeout <= 0 {
		p.Why = fmt.Sprintf(
			"%s: silent for %.0f s, %s not sent; wal_sender_timeout is 0, so PostgreSQL waits indefinitely",
			c.Who(),
			c.Silence,
			fact.Size(c.Unsent),
		)
	}
	if !interrupts {
		p.Why += "; that delays the old leader's return, not the promotion"
	}
	b.add(p)
}

// replay: what was received has to be replayed before the promotion is done.
func (b *forecaster) replay() {
	names := []string{b.candidate}
	if b.candidate == "" {
		names = patroni.Eligible(b.s)
	}
	worst := fact.Seconds{Most: new(float64)}
	why, advice := "", "Wait until it has replayed."
	for _, m := range names {
		have, ok1 := unseenIn(b, fact.SQLReplay, m)
		leader, ok2 := fact.LeaderBefore.Of(b.s, m).Get()
		if !ok1 || !ok2 {
			continue
		}
		backlog, a := max(0, leader.Minus(have)), fact.SQLActivity.Of(b.s, m).OrZero()
		if backlog < 1<<20 && !a.ReplayConflict {
			continue
		}
		t := fact.UpTo(float64(backlog)/fastReplay, float64(backlog)/slowReplay)
		text := fmt.Sprintf("%s has %s to replay", m, fact.Size(backlog))
		if rate := replayRate(b.s, m); rate > 0 {
			text += fmt.Sprintf(", replaying %s a second now", fact.Size(rate))
			most := max(*t.Most, 2*float64(backlog)/float64(rate))
			t.Most = &most
		}
		switch delay, ok := fact.ConflictDelay(b.s, m); {
		case ok && a.ReplayConflict:
			text += "; it waits for a session there"
			t, advice = t.Plus(delay), "End the session on "+m+" for which the replay waits."
		case ok && a.OldestQuerySeconds > 0:
			text += fmt.Sprintf("; a query of %d s there may block it", a.OldestQuerySeconds)
			t = t.Plus(delay)
		}
		worst, why = worst.AtLeast(t), text
	}
	if why != "" {
		b.add(ForecastPart{Name: "replay of received WAL", Seconds: worst, Interrupts: true, Why: why, Advice: advice})
	}
}

// replayRate is what a standby replays at, in bytes a second, from two samples;
// 0 where that cannot be told.
func replayRate(s *fact.Snapshot, m string) int64 {
	q, ok := fact.Field(
		fact.OfMember("", func(m fact.Member) fact.Observed[fact.SQL] { return m.SQL }).Of(s, m),
		func(q fact.SQL) fact.Observed[fact.SQL] { return fact.Known(q) },
	).
		Get()
	if !ok {
		return 0
	}
	before, ok1 := q.Earlier.Get()
	now, ok2 := q.ReplayLSN.Get()
	at, ok3 := q.At.Get()
	took := at.Sub(before.At).Seconds()
	if !ok1 || !ok2 || !ok3 || took < 0.001 {
		return 0
	}
	return int64(float64(max(0, now.Minus(before.LSN))) / took)
}

// archiver: the last archiving cycle comes after the shutdown checkpoint, so it
// delays the old leader's return only, since Patroni 2.1.2.
func (b *forecaster) archiver() {
	a, ok := fact.ArchiverState.Of(b.s, b.leader).Get()
	if !ok {
		return
	}
	ready, _ := a.Ready.Get()
	failing := a.Failing()
	early := !fact.OlderThan(fact.KeyVersion.Of(b.s, b.leader).OrZero(), 2, 1, 2)
	switch {
	case failing:
		b.add(ForecastPart{
			Name:       "the archiver's last cycle",
			Seconds:    fact.UpTo(2, 30),
			Interrupts: !early,
			Why: fmt.Sprintf(
				"archiving fails; %d files wait",
				ready,
			),
			Advice: fmt.Sprintf("Make archive_command on %s work first.", b.leader),
		})
	case ready > 2:
		b.add(ForecastPart{
			Name: "the archiver's last cycle", Seconds: fact.UpTo(0, 5*float64(ready)), Interrupts: !early,
			Why: fmt.Sprintf("%d files wait to be archived", ready), Advice: "Wait until the archiver has caught up.",
		})
	}
}

func (b *forecaster) done() Forecast {
	f := b.f
	zero := func() fact.Seconds { return fact.Seconds{Most: new(float64)} }
	f.Interruption, f.Return = zero(), zero()
	before, waits := zero(), zero()
	for _, p := range f.Parts {
		switch {
		case p.before:
			before = before.Plus(p.Seconds)
		case p.Name == partStalled || p.Name == partBehind:
			// They are waited for side by side.
			if p.Interrupts {
				waits = waits.AtLeast(p.Seconds)
			} else {
				f.Return = f.Return.AtLeast(p.Seconds)
			}
		case p.Interrupts:
			f.Interruption = f.Interruption.Plus(p.Seconds)
		default:
			f.Return = f.Return.AtLeast(p.Seconds)
		}
	}
	f.Interruption = f.Interruption.Plus(waits)
	f.Return = f.Return.Plus(f.Interruption)
	f.AnswerLimit = AnswerLimit(b.s)
	f.Answer = before.Plus(f.Interruption)
	switch may, will := f.Answer.Exceeds(f.AnswerLimit); {
	case will:
		f.StatusUnknown = "expected"
	case may:
		f.StatusUnknown = "possible"
	default:
		f.StatusUnknown = "no"
	}
	slices.SortStableFunc(f.Parts, func(x, y ForecastPart) int {
		return -compareSeconds(x.Seconds, y.Seconds)
	})
	for _, p := range f.Parts {
		if p.Advice != "" {
			f.Advice = p.Advice
			break
		}
	}
	return f
}

// AnswerLimit is how long patronictl waits, in seconds.
func AnswerLimit(s *fact.Snapshot) float64 {
	return 2 * float64(max(10, fact.LoopWait.Of(s, "").OrZero()))
}

// compareSeconds orders by the longest time that is possible.
func compareSeconds(a, b fact.Seconds) int {
	most := func(r fact.Seconds) float64 {
		if r.Most == nil {
			return math.Inf(1)
		}
		return *r.Most
	}
	switch x, y := most(a), most(b); {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
