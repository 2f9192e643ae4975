package preflight

import (
	"fmt"
	"slices"
	"strings"
	"time"
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
func PredictFor(s *Snapshot, q Question) Prediction {
	b := stateOf(s, q)
	if len(b.missing) > 0 {
		return unknownPrediction(b.missing)
	}
	worlds := b.worlds()
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
	if p.Printed != bypassed {
		p.Printed = "Successfully switched over to " + oneOf(p.Winners)
	}
	p.Fallback = nil
	return p
}

func unknownPrediction(facts []string) Prediction {
	return Prediction{Stage: StageUnknown, Winners: []string{}, Unknown: facts}
}

// stateBuilder makes a PatroniState of a snapshot.
type stateBuilder struct {
	s *Snapshot
	q Question
	p PatroniState
	// missing are facts without which nothing can be told, unseen those of the
	// members in open, of whom each may be anything.
	missing, unseen []string
	open            []string
}

// needed notes a fact that is missing.
func needed[T any](b *stateBuilder, f fact[T], subject string) T {
	o := f.of(b.s, subject)
	v, ok := o.Get()
	if !ok {
		b.missing = append(b.missing, f.name)
	}
	return v
}

func stateOf(s *Snapshot, q Question) *stateBuilder {
	b := &stateBuilder{s: s, q: q, p: PatroniState{Scope: s.Target.Scope, Candidate: q.Candidate, From: q.ExpectedLeader}}
	p := &b.p
	p.Leader = needed(b, leaderKey, "")
	if p.From == "" {
		p.From = p.Leader
	}
	p.GroupMissing = s.Target.Group == "" && len(groups.of(s, "").orZero()) > 0
	p.Version = keyVersion.of(s, p.Leader).orZero()
	for _, m := range s.Members { // without a leader patronictl alone answers, and it is of some member's release
		if p.Leader == "" && p.Version == "" {
			p.Version = keyVersion.of(s, m.Name).orZero()
		}
	}
	if p.Version == "" && p.Leader != "" {
		b.missing = append(b.missing, keyVersion.onLeader().name)
	}
	p.Pause, p.StandbyCluster = needed(b, pause, ""), needed(b, standbyCluster, "")
	if p.SyncMode = needed(b, syncMode, ""); p.SyncMode != "off" {
		p.Sync = needed(b, syncState, "")
	}
	if p.CheckTimeline = needed(b, checkTimeline, ""); p.CheckTimeline {
		needed(b, history, "")
		p.Timeline, _ = s.DCS.Cluster.orZero().Timeline()
	}
	p.RESTRefused = Equal(restOutcome.of(s, p.Leader), Refused)
	p.ReadOnlyDCS = slices.Contains(needed(b, dcsAlarms, ""), "NOSPACE")
	p.Optime = needed(b, optime, "")
	b.limit()
	b.schedule()
	for _, m := range s.Members {
		state, ok := memberState(s, m.Name)
		if !ok && m.Name != p.Leader {
			b.open = append(b.open, m.Name)
			b.unseen = append(b.unseen, "what "+m.Name+" answers")
		}
		p.Members = append(p.Members, state)
	}
	return b
}

func (b *stateBuilder) limit() {
	written, isText := needed(b, writtenMaxLag, ""), config.of(b.s, "").orZero().MaximumLagIsText
	limit, ok := maximumLagOf(b.p.Version, written, isText)
	if !ok {
		b.missing = append(b.missing, "which maximum_lag_on_failover is in force")
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
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			b.p.Past = at.Before(b.s.TakenAt)
			return
		}
	}
	b.missing = append(b.missing, "which time "+text+" is")
}

var writtenMaxLag = ofConfig("maximum_lag_on_failover in /config", func(c Config) Observed[string] { return c.MaximumLag })

// answersLeader is the member that answers the leader at the api_url of m: a
// loopback or wildcard address leads the leader to itself, whatever it leads us to.
func answersLeader(s *Snapshot, m string) string {
	mine, _ := hostsOf(keyAPIURL.of(s, m).orZero())
	leaders, _ := hostsOf(keyAPIURL.of(s, s.Leader()).orZero())
	if len(mine) != 1 || len(leaders) != 1 || allLoopback(s) {
		return m
	}
	host, port, _ := strings.Cut(mine[0], " ")
	_, leadersPort, _ := strings.Cut(leaders[0], " ")
	if kind := kindOf(host); (kind == loopback || kind == wildcard) && port == leadersPort {
		return s.Leader()
	}
	return m
}

// memberState is a member as the leader would see it now; ok is false where not
// all of that is known.
func memberState(s *Snapshot, name string) (m MemberState, ok bool) {
	m = MemberState{Name: name, Version: keyVersion.of(s, name).orZero(), HasAPI: keyAPIURL.of(s, name).Cause() != Absent}
	tags, known := keyTags.of(s, name).Get()
	m.KeyTags = tags
	name = answersLeader(s, name)
	outcome, asked := restOutcome.of(s, name).Get()
	switch member, _ := s.Member(name); {
	case !m.HasAPI:
		return m, known
	case !known || !asked:
		return m, false
	case outcome != "" || member.REST.Stamp.Seconds >= patroniRESTSeconds:
		return m, true
	}
	m.Answers = true
	given, ok1 := positionGiven.of(s, name).Get()
	own, ok2 := restTags.of(s, name).Get()
	watchdog, ok3 := restWatchdog.of(s, name).Get()
	role, ok4 := restRole.of(s, name).Get()
	timeline := restTimeline.of(s, name)
	m.HasXlog, m.Tags, m.WatchdogFailed, m.Role, m.Timeline = given, own, watchdog, role, timeline.orZero()
	m.Location = ofREST("", func(r REST) Observed[LSN] { return r.Location }).of(s, name).Known()
	m.Position = ofREST("", func(r REST) Observed[LSN] { return highest(r.Received, r.Replayed) }).of(s, name).orZero()
	return m, ok1 && ok2 && ok3 && ok4 && (timeline.Known() || timeline.Cause() == Absent)
}

var restTimeline = ofREST("timeline in the REST answer", func(r REST) Observed[int64] { return r.Timeline })

// worlds are the states that are possible by what is known: each member of whom
// something is unknown may be forbidden, dead, far behind or fit. Patroni's rules
// only count or want one of the members, so all of them alike are the extremes.
func (b *stateBuilder) worlds() []PatroniState {
	if len(b.open) == 0 || b.p.Candidate != "" && !slices.Contains(b.open, b.p.Candidate) {
		return []PatroniState{b.p}
	}
	forbidden := Tags{"nofailover": true}
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
	switch leader := restOutcome.of(b.s, p.Leader); {
	case d.Stage == StageCtl:
	case !leader.Known():
		return unknownPrediction([]string{"how the REST API of " + p.Leader + " answers"})
	case *leader.Value == Silent:
		d = Decision{Stage: StageSilent}
	case *leader.Value == Malformed:
		return unknownPrediction([]string{"what answers at the REST API of " + p.Leader})
	case p.RESTRefused:
	case d.Stage != StageREST && d.Stage != StageScheduled && b.leaderStands():
		d = Decision{Stage: StageQueued, Status: 503, Answer: "Switchover status unknown"}
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
	lease, ok := leaderLease.of(b.s, "").Get()
	limit := loopWait.of(b.s, "").orZero() + retryTimeout.of(b.s, "").orZero()
	stale := ok && loopWait.of(b.s, "").Known() && retryTimeout.of(b.s, "").Known() && (lease.RemainingSeconds < 0 || lease.AgeSeconds() > limit)
	return stale || liveness.of(b.s, b.s.Leader()).orZero() >= 500
}

// race fills in who takes the key, and what patronictl prints of that.
func (b *stateBuilder) race(p PatroniState, d Decision, out *Prediction) {
	after := b.afterShutdown(p)
	r := RunRace(after)
	switch {
	case r.Leaderless():
		out.Leaderless = true
		d.Status, d.Answer = 503, "Switchover status unknown"
	case r.OldLeader:
		out.Winners = []string{p.Leader}
		d.Status, d.Answer = 503, "Switchover failed"
	case p.Candidate == "" && len(r.Takers) > 1:
		out.Winners = r.Takers
		d.Answer = "Successfully switched over to " + oneOf(r.Takers)
	default:
		out.Winners = r.Takers
		d.Answer = fmt.Sprintf("Successfully switched over to %q", r.Takers[0])
	}
	if out.Printed != bypassed {
		out.Printed = d.Printed()
	}
	out.Fallback = b.fallback(after, out.Winners)
}

// oneOf names some of whom it will be one.
func oneOf(members []string) string {
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
	for _, o := range []Observed[LSN]{leaderBefore.of(b.s, ""), leaderAfter.of(b.s, "")} {
		if v, ok := o.Get(); ok && v != noLimit {
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
			tags := keyTags.of(b.s, m.Name).orZero()
			p.Members[i] = MemberState{
				Name: m.Name, Version: m.Version, HasAPI: true, KeyTags: tags, Tags: tags,
				Answers: true, HasXlog: true, Role: "replica", Position: end, Timeline: max(p.Timeline, 1),
			}
			continue
		case m.Position > 0 && slices.Contains(b.open, m.Name), streams(b.s, m.Name):
			p.Members[i].Position = end
		}
		p.Members[i].Absent, _ = patroniIsDead(b.s, m.Name)
	}
	p.Optime = end
	return p
}

// streams reports whether the member is known to receive WAL; one of which that is
// not known is taken for one that does not.
func streams(s *Snapshot, m string) bool {
	return Equal(receiverStatus.of(s, m), "streaming") ||
		!receiverStatus.of(s, m).Known() && Equal(ofREST("", func(r REST) Observed[string] { return r.ReplicationState }).of(s, m), "streaming")
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
		if w == after.Leader || streams(b.s, w) {
			continue
		}
		lacks := behind(leaderBefore.of(b.s, w), sqlReceived.of(b.s, w))
		if lacks == nil {
			f.Lost = nil
			break
		}
		*f.Lost = max(*f.Lost, *lacks)
	}
	return f
}
