package fact

import (
	"fmt"
	"reflect"
	"time"
)

// Cause says in one word why a fact is unknown, so that a check can tell
// "somebody refused us" from "our own network does not reach that far"
// without reading prose.
type Cause string

// The causes of an unknown fact.
const (
	NotAsked   Cause = "not_asked"   // nobody tried: no address, or an earlier step failed
	Refused    Cause = "refused"     // the host answered that nothing listens there
	Silent     Cause = "silent"      // connected, then no complete answer before the deadline
	Unreached  Cause = "unreached"   // no connection before the deadline, or no route
	Unresolved Cause = "unresolved"  // the host name has no address
	Denied     Cause = "denied"      // authentication or authorisation failed
	TLS        Cause = "tls"         // no TLS session: a certificate that one side does not accept
	Privilege  Cause = "privilege"   // the role may connect but not see this
	Malformed  Cause = "malformed"   // an answer that is not what the protocol says
	Absent     Cause = "absent"      // the answer came without this field
	Failed     Cause = "failed"      // any other failure; the reason tells
	Unsupport  Cause = "unsupported" // this tool or that server version cannot say
	Unrecorded Cause = "unrecorded"  // the recording was made by a release that did not read this
)

// Unknown is the reason why a fact has no value.
type Unknown struct {
	Cause  Cause  `json:"cause"`
	Reason string `json:"reason"`
}

// Stamp tells where and when a fact was observed.
type Stamp struct {
	// Source is the question as asked: "GET http://10.0.0.7:8008/patroni".
	Source string `json:"source,omitempty"`
	// At is when the answer was complete, by the clock of the machine that runs the tool.
	At time.Time `json:"at,omitzero"`
	// Seconds is how long the answer took.
	Seconds float64 `json:"seconds,omitempty"`
}

// Observed is one fact: known with its value, or unknown with the reason.
// The zero value is unknown, so a fact that was forgotten never reads as healthy.
type Observed[T any] struct {
	Value *T `json:"value,omitempty"`
	// Why is set when Value is nil.
	Why *Unknown `json:"unknown,omitempty"`
	// Stamp is set on facts that are an answer of their own (a REST answer, an
	// SQL session, a DCS read) and nil on the fields inside such an answer.
	Stamp *Stamp `json:"stamp,omitempty"`
}

// Known returns a fact with a value. A nil list or map is an empty one: in a
// recorded snapshot it would be null, and read as unknown.
func Known[T any](v T) Observed[T] {
	switch r := reflect.ValueOf(&v).Elem(); {
	case r.Kind() == reflect.Slice && r.IsNil():
		r.Set(reflect.MakeSlice(r.Type(), 0, 0))
	case r.Kind() == reflect.Map && r.IsNil():
		r.Set(reflect.MakeMap(r.Type()))
	}
	return Observed[T]{Value: &v}
}

// NotKnown returns a fact without a value. The reason is one line for people.
func NotKnown[T any](c Cause, format string, args ...any) Observed[T] {
	return Observed[T]{Why: &Unknown{Cause: c, Reason: fmt.Sprintf(format, args...)}}
}

// Stamped returns the fact with its source, time and duration.
func (o Observed[T]) Stamped(source string, at time.Time, took time.Duration) Observed[T] {
	o.Stamp = &Stamp{Source: source, At: at.UTC(), Seconds: took.Round(time.Microsecond).Seconds()}
	return o
}

// Known reports whether the fact has a value.
func (o Observed[T]) Known() bool { return o.Value != nil }

// Get returns the value and whether it is known.
func (o Observed[T]) Get() (T, bool) {
	if o.Value == nil {
		var zero T
		return zero, false
	}
	return *o.Value, true
}

// Must returns the value of a fact that the caller has made sure is known: a
// check that listed it in Needs. It panics on an unknown fact; the engine turns
// that panic into an undecided result, never into a pass.
func (o Observed[T]) Must() T {
	if o.Value == nil {
		panic(fmt.Sprintf("a fact was read that is unknown: %s", o.Reason()))
	}
	return *o.Value
}

// Is reports whether the fact is known and satisfies the predicate.
func (o Observed[T]) Is(ok func(T) bool) bool { return o.Value != nil && ok(*o.Value) }

// Cause returns why the fact is unknown, or "" when it is known.
func (o Observed[T]) Cause() Cause {
	switch {
	case o.Value != nil:
		return ""
	case o.Why == nil:
		return NotAsked
	}
	return o.Why.Cause
}

// Reason returns the sentence that says why the fact is unknown, or "".
func (o Observed[T]) Reason() string {
	switch {
	case o.Value != nil:
		return ""
	case o.Why == nil:
		return "not asked"
	}
	return o.Why.Reason
}

// Because returns the same unknown under another type: an answer that never
// came makes every field in it unknown for the same reason.
func Because[T, S any](o Observed[S]) Observed[T] {
	return NotKnown[T](o.Cause(), "%s", o.Reason())
}

// SinceRecorded gives a fact that is newer than some recordings: where a recording has
// neither a value nor a reason, it was made before this was read. A check that lacks
// only such facts is set aside, so that old recordings keep their verdict.
func SinceRecorded[T any](o Observed[T]) Observed[T] {
	if o.Value == nil && o.Why == nil {
		return NotKnown[T](Unrecorded, "the recording was made by a release that did not read this")
	}
	return o
}

// Equal reports whether the fact is known and has that value.
func Equal[T comparable](o Observed[T], v T) bool { return o.Value != nil && *o.Value == v }

// OrZero is for figures in prose only, never for a judgement.
func (o Observed[T]) OrZero() T {
	v, _ := o.Get()
	return v
}
