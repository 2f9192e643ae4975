// Package fact holds what was read from a cluster: the snapshot, each value with
// the reason where it is unknown, and every fact by its name. It judges nothing.
package fact

import (
	"strings"
)

// Need is a fact that a check cannot do without.
type Need interface {
	// Name is the fact in words, for documentation.
	Name() string
	// missing is nil where the fact is known for that subject.
	Missing(s *Snapshot, q Question, subject string) *Missing
}

// Missing is a needed fact that is unknown, and why.
type Missing struct {
	Fact   string `json:"fact"`
	Cause  Cause  `json:"cause"`
	Reason string `json:"reason"`
}

// Fact is one thing that checks read, by name; of finds it in a snapshot. A
// check lists it in Needs and reads it with get.
type Fact[T any] struct {
	Label string
	Of    func(s *Snapshot, subject string) Observed[T]
}

// Name returns the fact in words.
func (f Fact[T]) Name() string { return f.Label }

func (f Fact[T]) Missing(s *Snapshot, _ Question, subject string) *Missing {
	return missing(f.Label, f.Of(s, subject))
}

func missing[T any](name string, o Observed[T]) *Missing {
	if o.Known() {
		return nil
	}
	return &Missing{Fact: name, Cause: o.Cause(), Reason: o.Reason()}
}

// Get returns the value; the fact must be in the check's Needs.
func (f Fact[T]) Get(s *Snapshot, subject string) T { return f.Of(s, subject).Must() }

// OnLeader is the same fact, of the leader instead of the subject.
func (f Fact[T]) OnLeader() Fact[T] {
	return Fact[T]{
		Label: "the leader's " + strings.TrimPrefix(f.Label, "the "),
		Of:    func(s *Snapshot, _ string) Observed[T] { return f.Of(s, s.Leader()) },
	}
}

// Asked is a fact that depends on the question too.
type Asked[T any] struct {
	Label string
	Of    func(s *Snapshot, q Question, subject string) Observed[T]
}

// Name returns the fact in words.
func (f Asked[T]) Name() string { return f.Label }

func (f Asked[T]) Missing(s *Snapshot, q Question, subject string) *Missing {
	return missing(f.Label, f.Of(s, q, subject))
}

// Get returns the value; the fact must be in the check's Needs.
func (f Asked[T]) Get(s *Snapshot, q Question, subject string) T { return f.Of(s, q, subject).Must() }

// Every fact that a check needs stands here once, with the words in which a
// report names it. A field inside an answer that never came is unknown for the
// answer's own reason.

// Field returns a field of an answer.
func Field[S, T any](o Observed[S], field func(S) Observed[T]) Observed[T] {
	if v, ok := o.Get(); ok {
		return field(v)
	}
	return Because[T](o)
}

func ofCluster[T any](name string, field func(Cluster) Observed[T]) Fact[T] {
	return Fact[T]{name, func(s *Snapshot, _ string) Observed[T] { return Field(s.DCS.Cluster, field) }}
}

func OfConfig[T any](name string, field func(DynamicConfig) Observed[T]) Fact[T] {
	return Fact[T]{name, func(s *Snapshot, _ string) Observed[T] {
		return Field(Field(s.DCS.Cluster, func(c Cluster) Observed[DynamicConfig] { return c.Config }), field)
	}}
}

// OfMember is a fact about one member; a member that the DCS does not name has
// no facts.
func OfMember[T any](name string, field func(Member) Observed[T]) Fact[T] {
	return Fact[T]{name, func(s *Snapshot, subject string) Observed[T] {
		m, ok := s.Member(subject)
		if !ok {
			return NotKnown[T](NotAsked, "the DCS names no member %q", subject)
		}
		return field(m)
	}}
}

func OfKey[T any](name string, field func(MemberKey) Observed[T]) Fact[T] {
	return OfMember(name, func(m Member) Observed[T] { return Field(m.Key, field) })
}

func OfREST[T any](name string, field func(REST) Observed[T]) Fact[T] {
	return OfMember(name, func(m Member) Observed[T] { return Field(m.REST, field) })
}

func OfSQL[T any](name string, field func(SQL) Observed[T]) Fact[T] {
	return OfMember(name, func(m Member) Observed[T] { return Field(m.SQL, field) })
}
