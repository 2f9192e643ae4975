package patroni

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

// Further stages of a Prediction, for what comes before or instead of a decision.
const (
	// StageUnknown: it hangs on facts that are unknown.
	StageUnknown Stage = "unknown"
	// StageSilent: the leader's REST API does not answer, and patronictl waits.
	StageSilent Stage = "silent"
)

// Prediction is what Patroni will make of a switchover, as opposed to what we hold of it.
type Prediction struct {
	Stage Stage `json:"stage"`
	// Accepted: the leader steps down, now or when the time has come; nil where
	// that cannot be told.
	Accepted *bool `json:"accepted"`
	// Printed is what patronictl prints, "" where that cannot be told.
	Printed string `json:"patronictl_prints"`
	// Reason are the lines of the leader's log that say why.
	Reason []string `json:"leader_logs,omitempty"`
	// Winners are those of whom one takes the leader key: one, or more where
	// Patroni chooses. Empty where nobody does, or it is not accepted.
	Winners []string `json:"winners"`
	// Leaderless: the leader steps down, and then nobody takes the key.
	Leaderless bool `json:"leaderless,omitempty"`
	// Fallback is what becomes of it where the candidate fails after the leader
	// has stepped down; nil where it is not accepted or where that cannot be told.
	Fallback *Fallback `json:"fallback"`
	// Unknown are the facts on which it hangs, where they are unknown.
	Unknown []string `json:"unknown,omitempty"`
}

// Fallback is who takes over in place of a candidate that fails.
type Fallback struct {
	// Winners as in Prediction; the old leader may be among them.
	Winners []string `json:"winners"`
	// Lost is how many bytes of WAL the worst of them lacks at this moment; nil
	// where that is not known.
	Lost *int64 `json:"lost_bytes"`
}

// PredictFor says how Patroni will answer the question's switchover.
func PredictFor(s *fact.Snapshot, q fact.Question) Prediction {
	b := stateOf(s, q)
	if len(b.missing) > 0 {
		return unknownPrediction(b.missing)
	}
	worlds := b.possibleStates()
	p := b.predict(worlds[0])
	for _, w := range worlds[1:] {
		o := b.predict(w)
		if o.Stage != p.Stage || o.Leaderless != p.Leaderless || o.Stage != StageDone && o.Printed != p.Printed {
			return unknownPrediction(b.unseen)
		}
		if !slices.Equal(o.Winners, p.Winners) {
			if slices.Contains(append(o.Winners, p.Winners...), b.p.Leader) {
				return unknownPrediction(b.unseen)
			}
			p = either(p, o)
		}
	}
	return p
}

// either is a switchover of which only the winner is open.
func either(p, o Prediction) Prediction {
	p.Winners = slices.Clone(p.Winners)
	for _, w := range o.Winners {
		if !slices.Contains(p.Winners, w) {
			p.Winners = append(p.Winners, w)
		}
	}
	slices.Sort(p.Winners)
	if p.Printed != Bypassed {
		p.Printed = "Successfully switched over to " + OneOf(p.Winners)
	}
	p.Fallback = nil
	return p
}

func unknownPrediction(facts []string) Prediction {
	return Prediction{Stage: StageUnknown, Winners: []string{}, Unknown: facts}
}

// stateBuilder makes a PatroniState of a snapshot.
type stateBuilder struct {
	s *fact.Snapshot
	q fact.Question
	p PatroniState
	// missing are facts without which nothing can be told, unseen those of the
	// members in open, of whom each may be anything.
	missing, unseen []string
	open            []string
}

// needed notes a fact that is missing.
func needed[T any](b *stateBuilder, f fact.Fact[T], subject string) T {
	o := f.Of(b.s, subject)
	v, ok := o.Get()
	if !ok {
		b.missing = append(b.missing, f.Label)
	}
	return v
}

func stateOf(s *fact.Snapshot, q fact.Question) *stateBuilder {
	b := &stateBuilder{s: s, q: q, p: PatroniState{Scope: s.Target.Scope, Candidate: q.Candidate, From: q.ExpectedLeader}}
	p := &b.p
	p.Leader = needed(b, fact.LeaderKey, "")
	if p.From == "" {
		p.From = p.Leader
	}
	p.GroupMissing = s.Target.Group == "" && len(fact.Groups.Of(s, "").OrZero()) > 0
	p.Version = fact.KeyVersion.Of(s, p.Leader).OrZero()
	for _, m := range s.Members { // without a leader patronictl alone answers, and it is of some member's release
		if p.Leader == "" && p.Version == "" {
			p.Version = fact.KeyVersion.Of(s, m.Name).OrZero()
		}
	}
	if p.Version == "" && p.Leader != "" {
		b.missing = append(b.missing, fact.KeyVersion.OnLeader().Label)
	}
	p.Pause, p.StandbyCluster = needed(b, fact.Pause, ""), needed(b, fact.StandbyCluster, "")
	if p.SyncMode = needed(b, fact.SyncMode, ""); p.SyncMode != "off" {
		p.Sync = needed(b, fact.SyncState, "")
	}
	if p.CheckTimeline = needed(b, fact.CheckTimeline, ""); p.CheckTimeline {
		needed(b, fact.History, "")
		p.Timeline, _ = s.DCS.Cluster.OrZero().Timeline()
	}
	p.LoopWait = fact.LoopWait.Of(s, "").OrZero()
	p.RESTRefused = fact.Equal(fact.RESTOutcome.Of(s, p.Leader), fact.Refused)
	p.ReadOnlyDCS = slices.Contains(needed(b, fact.DCSAlarms, ""), "NOSPACE")
	p.Optime = needed(b, fact.Optime, "")
	b.limit()
	b.schedule()
	for _, m := range s.Members {
		state, ok := memberState(s, m.Name)
		if !ok && m.Name != p.Leader {
			b.open = append(b.open, m.Name)
			b.unseen = append(b.unseen, "the answer of "+m.Name+"")
		}
		p.Members = append(p.Members, state)
	}
	return b
}

func (b *stateBuilder) limit() {
	written, isText := needed(b, fact.WrittenMaxLag, ""), fact.Config.Of(b.s, "").OrZero().MaximumLagIsText
	limit, ok := MaximumLagOf(b.p.Version, written, isText)
	if !ok {
		b.missing = append(b.missing, "the maximum_lag_on_failover in force")
	}
	b.p.MaxLag = limit
}

// schedule reads the time as far as it is plain; patronictl reads more.
func (b *stateBuilder) schedule() {
	text := b.q.ScheduledAt
	if text == "" || text == "now" {
		return
	}
	b.p.Scheduled = true
	for _, layout := range []string{
		time.RFC3339,
		"2006-01-02T15:04Z07:00",
		"2006-01-02 15:04:05Z07:00",
		"2006-01-02 15:04Z07:00",
	} {
		if at, err := time.Parse(layout, text); err == nil {
			b.p.Past = at.Before(b.s.TakenAt)
			return
		}
	}
	b.missing = append(b.missing, "the meaning of the time "+text+"")
}

// answersLeader is the member that answers the leader at the api_url of m: a
// loopback or wildcard address leads the leader to itself, whatever it leads us to.
func answersLeader(s *fact.Snapshot, m string) string {
	mine, _ := fact.HostsOf(fact.KeyAPIURL.Of(s, m).OrZero())
	leaders, _ := fact.HostsOf(fact.KeyAPIURL.Of(s, s.Leader()).OrZero())
	if len(mine) != 1 || len(leaders) != 1 || fact.AllLoopback(s) {
		return m
	}
	host, port, _ := strings.Cut(mine[0], " ")
	_, leadersPort, _ := strings.Cut(leaders[0], " ")
	if kind := fact.KindOf(host); (kind == fact.Loopback || kind == fact.Wildcard) && port == leadersPort {
		return s.Leader()
	}
	return m
}

// memberState is a member as the leader would see it now; ok is false where not
// all of that is known.
func memberState(s *fact.Snapshot, name string) (m MemberState, ok bool) {
	m = MemberState{
		Name:    name,
		Version: fact.KeyVersion.Of(s, name).OrZero(),
		HasAPI:  fact.KeyAPIURL.Of(s, name).Cause() != fact.Absent,
	}
	tags, known := fact.KeyTags.Of(s, name).Get()
	m.KeyTags = tags
	name = answersLeader(s, name)
	outcome, asked := fact.RESTOutcome.Of(s, name).Get()
	switch member, _ := s.Member(name); {
	case !m.HasAPI:
		return m, known
	case !known || !asked:
		return m, false
	case outcome != "" || member.REST.Stamp.Seconds >= fact.PatroniRESTSeconds:
		return m, true
	}
	m.Answers = true
	given, ok1 := fact.PositionGiven.Of(s, name).Get()
	own, ok2 := fact.RESTTags.Of(s, name).Get()
	watchdog, ok3 := fact.RESTWatchdog.Of(s, name).Get()
	role, ok4 := fact.RESTRole.Of(s, name).Get()
	timeline := fact.RESTTimeline.Of(s, name)
	m.HasXlog, m.Tags, m.WatchdogFailed, m.Role, m.Timeline = given, own, watchdog, role, timeline.OrZero()
	m.Location = fact.OfREST("", func(r fact.REST) fact.Observed[fact.LSN] { return r.Location }).Of(s, name).Known()
	m.Position = fact.OfREST(
		"",
		func(r fact.REST) fact.Observed[fact.LSN] { return fact.Highest(r.Received, r.Replayed) },
	).
		Of(s, name).
		OrZero()
	return m, ok1 && ok2 && ok3 && ok4 && (timeline.Known() || timeline.Cause() == fact.Absent)
}

// possibleStates are the states that are possible by what is known: each member of whom
// something is unknown may be forbidden, dead, far behind or fit. Patroni's rules
// only count or want one of the members, so all of them alike are the extremes.
func (b *stateBuilder) possibleStates() []PatroniState {
	if len(b.open) == 0 || b.p.Candidate != "" && !slices.Contains(b.open, b.p.Candidate) {
		return []PatroniState{b.p}
	}
	forbidden := fact.Tags{"nofailover": true}
	var out []PatroniState
	for _, as := range []MemberState{
		{KeyTags: forbidden},
		{},
		{Answers: true, HasXlog: true, Role: "replica"},
		{Answers: true, HasXlog: true, Role: "replica", Position: b.p.Optime + 1, Timeline: 1 << 31},
	} {
		w := b.p
		w.Members = slices.Clone(b.p.Members)
		for i, m := range w.Members {
			if slices.Contains(b.open, m.Name) {
				as.Name, as.Version, as.HasAPI = m.Name, m.Version, true
				w.Members[i] = as
			}
		}
		out = append(out, w)
	}
	return out
}

// predict is the prediction in one world.
func (b *stateBuilder) predict(p PatroniState) Prediction {
	d := Decide(p)
	switch leader := fact.RESTOutcome.Of(b.s, p.Leader); {
	case d.Stage == StageCtl:
	case !leader.Known():
		return unknownPrediction([]string{"the answer of the REST API of " + p.Leader})
	case *leader.Value == fact.Silent:
		d = Decision{Stage: StageSilent}
	case *leader.Value == fact.Malformed:
		return unknownPrediction([]string{"the node that answers at the REST API of " + p.Leader})
	case p.RESTRefused:
	case d.Stage != StageREST && d.Stage != StageScheduled && b.leaderStands():
		d = Decision{Stage: StageQueued, Status: 503, Answer: p.statusUnknown()}
	}
	out := Prediction{Stage: d.Stage, Accepted: &d.Accepted, Printed: d.Printed(), Reason: d.Log, Winners: []string{}}
	if d.Stage == StageSilent {
		out.Printed = ""
	}
	if d.Stage == StageDone {
		b.race(p, d, &out)
	}
	return out
}

// leaderStands: the leader's HA loop does not run, so it looks at no request.
func (b *stateBuilder) leaderStands() bool {
	lease, ok := fact.LeaderLease.Of(b.s, "").Get()
	limit := fact.LoopWait.Of(b.s, "").OrZero() + fact.RetryTimeout.Of(b.s, "").OrZero()
	stale := ok && fact.LoopWait.Of(b.s, "").Known() && fact.RetryTimeout.Of(b.s, "").Known() &&
		(lease.RemainingSeconds < 0 || lease.AgeSeconds() > limit)
	return stale || fact.Liveness.Of(b.s, b.s.Leader()).OrZero() >= 500
}

// race fills in who takes the key, and what patronictl prints of that.
func (b *stateBuilder) race(p PatroniState, d Decision, out *Prediction) {
	after := b.afterShutdown(p)
	r := RunRace(after)
	switch {
	case r.Leaderless():
		out.Leaderless = true
		d.Status, d.Answer = 503, p.statusUnknown()
	case r.OldLeader:
		out.Winners = []string{p.Leader}
		d.Status, d.Answer = 503, "Switchover failed"
	case p.Candidate == "" && len(r.Takers) > 1:
		out.Winners = r.Takers
		d.Answer = "Successfully switched over to " + OneOf(r.Takers)
	default:
		out.Winners = r.Takers
		d.Answer = fmt.Sprintf("Successfully switched over to %q", r.Takers[0])
	}
	if out.Printed != Bypassed {
		out.Printed = d.Printed()
	}
	out.Fallback = b.fallback(after, out.Winners)
}

// OneOf names some of whom it will be one.
func OneOf(members []string) string {
	quoted := make([]string, len(members))
	for i, m := range members {
		quoted[i] = fmt.Sprintf("%q", m)
	}
	return strings.Join(quoted, " or ")
}

// afterShutdown is the state in which the race is run: who streams has received
// all that the leader wrote, and the leader is a replica like the others.
func (b *stateBuilder) afterShutdown(p PatroniState) PatroniState {
	end := p.Optime
	for _, o := range []fact.Observed[fact.LSN]{fact.LeaderBefore.Of(b.s, ""), fact.LeaderAfter.Of(b.s, "")} {
		if v, ok := o.Get(); ok && v != fact.NoLimit {
			end = max(end, v)
		}
	}
	for _, m := range p.Members {
		end = max(end, m.Position)
	}
	p.Members = slices.Clone(p.Members)
	for i, m := range p.Members {
		switch {
		case m.Name == p.Leader:
			tags := fact.KeyTags.Of(b.s, m.Name).OrZero()
			p.Members[i] = MemberState{
				Name: m.Name, Version: m.Version, HasAPI: true, KeyTags: tags, Tags: tags,
				Answers: true, HasXlog: true, Role: "replica", Position: end, Timeline: max(p.Timeline, 1),
			}
			continue
		case m.Position > 0 && slices.Contains(b.open, m.Name), Streams(b.s, m.Name):
			p.Members[i].Position = end
		}
		p.Members[i].Absent, _ = patroniIsDead(b.s, m.Name)
	}
	p.Optime = end
	return p
}

// Streams reports whether the member is known to receive WAL; one of which that is
// not known is taken for one that does not.
func Streams(s *fact.Snapshot, m string) bool {
	return fact.Equal(fact.ReceiverStatus.Of(s, m), "streaming") ||
		!fact.ReceiverStatus.Of(s, m).Known() &&
			fact.Equal(
				fact.OfREST("", func(r fact.REST) fact.Observed[string] { return r.ReplicationState }).Of(s, m),
				"streaming",
			)
}

// fallback runs the race once more, without whoever won it.
func (b *stateBuilder) fallback(after PatroniState, winners []string) *Fallback {
	if len(winners) != 1 || winners[0] == after.Leader {
		return nil
	}
	for i, m := range after.Members {
		if m.Name == winners[0] {
			after.Members[i].Answers, after.Members[i].Absent = false, true
		}
	}
	f := &Fallback{}
	r := RunRace(after)
	f.Winners = r.Takers
	if old, ok := after.member(after.Leader); ok && after.takes(old) { // it may race beside fit members too
		f.Winners = append(f.Winners, after.Leader)
	}
	if f.Lost = new(int64); len(f.Winners) == 0 {
		f.Lost = nil
	}
	for _, w := range f.Winners {
		if w == after.Leader || Streams(b.s, w) {
			continue
		}
		lacks := fact.BytesBehind(fact.LeaderBefore.Of(b.s, w), fact.SQLReceived.Of(b.s, w))
		if lacks == nil {
			f.Lost = nil
			break
		}
		*f.Lost = max(*f.Lost, *lacks)
	}
	return f
}
