package fact

import (
	"slices"
)

// Replicas are all members but the leader.
func (s *Snapshot) Replicas() []string {
	var names []string
	for _, m := range s.Members {
		if m.Name != s.Leader() {
			names = append(names, m.Name)
		}
	}
	return names
}

// IsStandbyCluster reports whether the cluster is known to follow another one: nobody is
// promoted then, and what a candidate lacks comes from that one.
func (s *Snapshot) IsStandbyCluster() bool { return Equal(StandbyCluster.Of(s, ""), true) }

// MemberSlots are the names of the slots of all members.
func (s *Snapshot) MemberSlots() []string {
	var out []string
	for _, m := range s.Members {
		out = append(out, SlotNameOf(m.Name))
	}
	return out
}

// Others are all members but one.
func (s *Snapshot) Others(m string) []string {
	var out []string
	for _, o := range s.Members {
		if o.Name != m {
			out = append(out, o.Name)
		}
	}
	return out
}

// Foreign are the consumers of the leader's WAL that are no members.
func (s *Snapshot) Foreign(rows []WalSender) []WalSender {
	return slices.DeleteFunc(slices.Clone(rows), func(w WalSender) bool {
		return Equal(w.State, "backup") ||
			slices.ContainsFunc(s.Members, func(m Member) bool { return SameApplicationName(w.ApplicationName, m.Name) })
	})
}

// BytesBehind is a-b, floored at 0 as patronictl does, nil where either is unknown.
func BytesBehind(a, b Observed[LSN]) *int64 {
	x, okA := a.Get()
	y, okB := b.Get()
	if !okA || !okB {
		return nil
	}
	n := max(0, x.Minus(y))
	return &n
}

// MembersID is the system identifier on which all members agree, by SQL and by REST
// where either shows it, and how many they are; false where two differ, where a member
// shows none, or where there is one member only.
func MembersID(s *Snapshot) (id string, n int, agree bool) {
	for _, m := range s.Members {
		sql := SQLSystemID.Of(s, m.Name)
		rest := OfREST("", func(r REST) Observed[string] { return r.SystemID }).Of(s, m.Name)
		if !sql.Known() && !rest.Known() {
			return "", 0, false
		}
		for _, o := range []Observed[string]{sql, rest} {
			v, ok := o.Get()
			if ok && id != "" && v != id {
				return "", 0, false
			}
			if ok {
				id = v
			}
		}
		n++
	}
	return id, n, n > 1
}
