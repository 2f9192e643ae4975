package preflight

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Seconds is a range of time. Most is nil where nothing bounds it.
type Seconds struct {
	Least float64  `json:"least"`
	Most  *float64 `json:"most"`
}

// String gives the range for people: "2 to 6 s", "57 s or more".
func (r Seconds) String() string {
	least := strconv.FormatFloat(math.Floor(r.Least), 'f', -1, 64)
	if r.Most == nil {
		return least + " s or more"
	}
	most := strconv.FormatFloat(math.Ceil(*r.Most), 'f', -1, 64)
	if least == most {
		return least + " s"
	}
	return least + " to " + most + " s"
}

func upTo(least, most float64) Seconds { return Seconds{least, &most} }

func (r Seconds) plus(o Seconds) Seconds {
	r.Least += o.Least
	if r.Most == nil || o.Most == nil {
		r.Most = nil
		return r
	}
	most := *r.Most + *o.Most
	r.Most = &most
	return r
}

// atLeast is the time of two things that run side by side.
func (r Seconds) atLeast(o Seconds) Seconds {
	r.Least = max(r.Least, o.Least)
	if r.Most == nil || o.Most == nil {
		r.Most = nil
		return r
	}
	most := max(*r.Most, *o.Most)
	r.Most = &most
	return r
}

// exceeds reports whether a time may be longer than the limit, and whether it
// will be in any case.
func (r Seconds) exceeds(limit float64) (may, will bool) {
	return r.Most == nil || *r.Most > limit, r.Least > limit
}

// Forecast says how long a switchover will take that Patroni accepts.
type Forecast struct {
	// Interruption is the time without a primary that takes writes; in a standby
	// cluster, which never has one, without a standby leader.
	Interruption   Seconds `json:"interruption_seconds"`
	StandbyCluster bool    `json:"standby_cluster,omitempty"`
	// Answer is the time until patronictl answers, at most AnswerLimit:
	// 2*max(10, loop_wait) polls of a second (patroni/api.py, poll_failover_result).
	Answer      Seconds `json:"answer_seconds"`
	AnswerLimit float64 `json:"answer_limit_seconds"`
	// StatusUnknown is whether patronictl will give up before the switchover is
	// done: "no", "possible" or "expected".
	StatusUnknown string `json:"status_unknown"`
	// Return is the time until the old leader can stream again.
	Return Seconds `json:"return_seconds"`
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
		return "standby leader; the other site is not concerned"
	}
	return "primary that takes writes"
}

// ForecastPart is one thing that takes time.
type ForecastPart struct {
	// Name in a few words, Why with the figures.
	Name    string  `json:"name"`
	Seconds Seconds `json:"seconds"`
	Why     string  `json:"why"`
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
	slowWrite, fastWrite   = 40 << 20, 2 << 30
	slowReplay, fastReplay = 10 << 20, 400 << 20
)

// The parts that every switchover has, in seconds, as measured on many real
// ones (docs/accuracy.md): Patroni looks for the end of PostgreSQL once a second
// and waits another second before it hands over; the candidate wakes up by the
// watch on the leader key and promotes.
var (
	closing  = upTo(0.3, 3)
	handOver = upTo(0.7, 4)
)

// ForecastFor forecasts a switchover to that candidate ("" for whoever is
// elected). It is about one that Patroni accepts; a refused one interrupts nothing.
func ForecastFor(s *Snapshot, candidate string) Forecast {
	b := forecaster{s: s, candidate: candidate, leader: s.Leader()}
	b.f.StandbyCluster = s.follows()
	b.checkpoint()
	b.add(ForecastPart{Name: "shutdown of the old leader", Seconds: closing, Interrupts: true, Why: "sessions are closed, the last checkpoint is written; Patroni looks once a second"})
	b.walSenders()
	if b.f.StandbyCluster {
		b.add(ForecastPart{Name: "hand-over", Seconds: handOver, Interrupts: true, Why: "a second's pause, the leader key"})
	} else {
		b.replay()
		b.add(ForecastPart{Name: "hand-over and promotion", Seconds: handOver, Interrupts: true, Why: "a second's pause, the leader key, the end of recovery"})
	}
	b.archiver()
	return b.done()
}

// forecastUnlessRefused is nil where a switchover to that candidate would not
// begin: nobody leads, or a rule of Patroni's stops it.
func forecastUnlessRefused(s *Snapshot, candidate string, results []WeighedResult) *Forecast {
	if _, ok := s.Member(candidate); s.Leader() == "" || candidate != "" && (!ok || candidate == s.Leader()) {
		return nil
	}
	for _, r := range results {
		if r.Weight == Blocks && slices.ContainsFunc(r.Findings, func(f Finding) bool {
			return f.Severity == Blocker && f.Kind == PatroniRule
		}) {
			return nil
		}
	}
	f := ForecastFor(s, candidate)
	return &f
}

type forecaster struct {
	s                 *Snapshot
	candidate, leader string
	f                 Forecast
}

func (b *forecaster) add(p ForecastPart) { b.f.Parts = append(b.f.Parts, p) }

// unseen notes a fact that is missing.
func unseenIn[T any](b *forecaster, f fact[T], subject string) (T, bool) {
	o := f.of(b.s, subject)
	v, ok := o.Get()
	if !ok {
		b.f.Unseen = append(b.f.Unseen, f.name+" of "+subject)
	}
	return v, ok
}

// checkpoint: Patroni runs CHECKPOINT while the leader still serves, so it costs
// time but no interruption (patroni/postgresql/__init__.py, _do_stop).
func (b *forecaster) checkpoint() {
	c, ok := unseenIn(b, checkpointWork, b.leader)
	flush, ok2 := leaderBefore.of(b.s, b.leader).Get()
	p := ForecastPart{Name: "CHECKPOINT before it", before: true, Seconds: upTo(0, 5), Why: "what it has to write could not be seen"}
	if ok && ok2 {
		bytes := max(0, flush.Minus(c.RedoLSN))
		if limit, ok := sharedBuffers(b.s, b.leader); ok {
			bytes = min(bytes, limit)
		}
		p.Seconds = upTo(float64(bytes)/fastWrite, 0.5+float64(bytes)/slowWrite)
		p.Why = fmt.Sprintf("at most %s to write since the last one; writes still go on meanwhile", Size(bytes))
		if *p.Seconds.Most > 5 {
			p.Advice = fmt.Sprintf("Run CHECKPOINT; on %s right before the switchover.", b.leader)
		}
	}
	b.add(p)
}

// sharedBuffers is the setting in bytes.
func sharedBuffers(s *Snapshot, m string) (int64, bool) {
	settings, _ := sqlSettings.of(s, m).Get()
	pages, err := strconv.ParseInt(settings["shared_buffers"], 10, 64)
	if err != nil {
		return 0, false
	}
	return pages * 8192, true
}

// walSenders: before the shutdown checkpoint PostgreSQL waits for every
// walsender to take notice, and one that is stuck in sending takes none until
// wal_sender_timeout (postgres: ShutdownXLOG, WalSndWaitStopping). After it,
// every walsender has to send the rest and have it confirmed; Patroni hands over
// meanwhile, if the candidate has it all.
func (b *forecaster) walSenders() {
	rows, ok := unseenIn(b, walSenders, b.leader)
	if !ok {
		b.add(ForecastPart{Name: "consumers of WAL", Interrupts: true, Seconds: Seconds{Least: 0}, Why: "pg_stat_replication could not be seen"})
		return
	}
	for _, c := range consumersOf(b.s, rows) {
		isCandidate := sameApplicationName(c.ApplicationName, b.candidate)
		switch {
		case c.stalled(), c.doubtful():
			b.stalled(c, c.unsent > 0 || isCandidate || c.logical)
		case c.unconfirmed > 1<<20:
			b.add(ForecastPart{
				Name: partBehind, Interrupts: isCandidate || c.logical,
				Seconds: upTo(float64(c.unconfirmed)/(200<<20), float64(c.unconfirmed)/(1<<20)),
				Why:     fmt.Sprintf("%s has to take %s more", c.who(), Size(c.unconfirmed)), Advice: "Wait until it has caught up.",
			})
		}
	}
}

const (
	partStalled = "a consumer of WAL that does not answer"
	partBehind  = "a consumer of WAL that is behind"
)

// stalled adds a consumer that takes no more. Where everything is sent, the
// hand-over goes on and only the end of the old leader waits.
func (b *forecaster) stalled(c consumer, interrupts bool) {
	p := ForecastPart{
		Name: partStalled, Seconds: c.holdsUp(), Interrupts: interrupts,
		Why:    fmt.Sprintf("%s: silent for %.0f s, %s not sent; PostgreSQL waits for wal_sender_timeout", c.who(), c.silence, Size(c.unsent)),
		Advice: fmt.Sprintf("Stop that client, or on %s: SELECT pg_terminate_backend(%d);", b.leader, c.PID),
	}
	if c.timeout <= 0 {
		p.Why = fmt.Sprintf("%s: silent for %.0f s, %s not sent; wal_sender_timeout is 0, so PostgreSQL waits for ever", c.who(), c.silence, Size(c.unsent))
	}
	if !interrupts {
		p.Why += "; that holds up the old leader's return, not the hand-over"
	}
	b.add(p)
}

// replay: what was received has to be replayed before the promotion is done.
func (b *forecaster) replay() {
	names := []string{b.candidate}
	if b.candidate == "" {
		names = b.s.eligible()
	}
	worst := Seconds{Most: new(float64)}
	why, advice := "", "Wait until it has replayed."
	for _, m := range names {
		have, ok1 := unseenIn(b, sqlReplay, m)
		leader, ok2 := leaderBefore.of(b.s, m).Get()
		if !ok1 || !ok2 {
			continue
		}
		backlog, a := max(0, leader.Minus(have)), sqlActivity.of(b.s, m).orZero()
		if backlog < 1<<20 && !a.ReplayConflict {
			continue
		}
		t := upTo(float64(backlog)/fastReplay, float64(backlog)/slowReplay)
		text := fmt.Sprintf("%s has %s to replay", m, Size(backlog))
		if rate := replayRate(b.s, m); rate > 0 {
			text += fmt.Sprintf(", replaying %s a second now", Size(rate))
			most := max(*t.Most, 2*float64(backlog)/float64(rate))
			t.Most = &most
		}
		switch delay, ok := conflictDelay(b.s, m); {
		case ok && a.ReplayConflict:
			text += "; it waits for a session there"
			t, advice = t.plus(delay), "End the session on "+m+" that replay waits for."
		case ok && a.OldestQuerySeconds > 0:
			text += fmt.Sprintf("; a query of %d s there may hold it up", a.OldestQuerySeconds)
			t = t.plus(delay)
		}
		worst, why = worst.atLeast(t), text
	}
	if why != "" {
		b.add(ForecastPart{Name: "replay of what was received", Seconds: worst, Interrupts: true, Why: why, Advice: advice})
	}
}

// replayRate is what a standby replays at, in bytes a second, from two samples;
// 0 where that cannot be told.
func replayRate(s *Snapshot, m string) int64 {
	q, ok := within(ofMember("", func(m Member) Observed[SQL] { return m.SQL }).of(s, m), func(q SQL) Observed[SQL] { return Known(q) }).Get()
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

// conflictDelay is how long a query on a standby may hold up its replay.
func conflictDelay(s *Snapshot, m string) (Seconds, bool) {
	settings, _ := sqlSettings.of(s, m).Get()
	ms, err := strconv.ParseFloat(settings["max_standby_streaming_delay"], 64)
	switch {
	case err != nil:
		return Seconds{}, false
	case ms < 0:
		return Seconds{}, true
	}
	return upTo(0, ms/1000), true
}

// archiver: the last archiving cycle comes after the shutdown checkpoint, so it
// delays the old leader's return only, since Patroni 2.1.2.
func (b *forecaster) archiver() {
	a, ok := archiverState.of(b.s, b.leader).Get()
	if !ok {
		return
	}
	ready, _ := a.Ready.Get()
	failing := a.failing()
	early := !olderThan(keyVersion.of(b.s, b.leader).orZero(), 2, 1, 2)
	switch {
	case failing:
		b.add(ForecastPart{
			Name: "the archiver's last cycle", Seconds: upTo(2, 30), Interrupts: !early,
			Why: fmt.Sprintf("archiving fails; %d files wait", ready), Advice: fmt.Sprintf("Make archive_command on %s work first.", b.leader),
		})
	case ready > 2:
		b.add(ForecastPart{
			Name: "the archiver's last cycle", Seconds: upTo(0, 5*float64(ready)), Interrupts: !early,
			Why: fmt.Sprintf("%d files wait to be archived", ready), Advice: "Wait until the archiver has caught up.",
		})
	}
}

func (b *forecaster) done() Forecast {
	f := b.f
	zero := func() Seconds { return Seconds{Most: new(float64)} }
	f.Interruption, f.Return = zero(), zero()
	before, waits := zero(), zero()
	for _, p := range f.Parts {
		switch {
		case p.before:
			before = before.plus(p.Seconds)
		case p.Name == partStalled || p.Name == partBehind:
			// They are waited for side by side.
			if p.Interrupts {
				waits = waits.atLeast(p.Seconds)
			} else {
				f.Return = f.Return.atLeast(p.Seconds)
			}
		case p.Interrupts:
			f.Interruption = f.Interruption.plus(p.Seconds)
		default:
			f.Return = f.Return.atLeast(p.Seconds)
		}
	}
	f.Interruption = f.Interruption.plus(waits)
	f.Return = f.Return.plus(f.Interruption)
	f.AnswerLimit = answerLimit(b.s)
	f.Answer = before.plus(f.Interruption)
	switch may, will := f.Answer.exceeds(f.AnswerLimit); {
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

// answerLimit is how long patronictl waits, in seconds.
func answerLimit(s *Snapshot) float64 { return 2 * float64(max(10, loopWait.of(s, "").orZero())) }

// compareSeconds orders by the longest time that is possible.
func compareSeconds(a, b Seconds) int {
	most := func(r Seconds) float64 {
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

var (
	checkpointWork = ofSQL("pg_control_checkpoint()", func(q SQL) Observed[Checkpoint] { return q.Checkpoint })
	sqlSettings    = ofSQL("pg_settings", func(q SQL) Observed[map[string]string] { return q.Settings })
	sqlActivity    = ofSQL("pg_stat_activity", func(q SQL) Observed[Activity] { return q.Activity })
	archiverState  = ofSQL("pg_stat_archiver", func(q SQL) Observed[Archiver] { return q.Archiver })
)
