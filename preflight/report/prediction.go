package report

import (
	"fmt"
	"strings"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/patroni"
)

// prediction says what Patroni itself would do with the request, and why the verdict
// is NO-GO if Patroni would accept it.
func (t *text) prediction(r preflight.Report) {
	p := r.Prediction
	if p == nil || r.Leader == "" && p.Stage == patroni.StageUnknown {
		return
	}
	t.line("")
	t.titled("PATRONI", fate(r, *p))
	t.labelled("prints", p.Printed)
	if len(p.Reason) > 0 {
		t.labelled("log", strings.Join(p.Reason, "; "))
	}
	t.labelled("note", notCompared(r))
	t.labelled("note", untried(r))
}

// notCompared says that the rules may not be those of the leader's release, "" where
// they were compared with it.
func notCompared(r preflight.Report) string {
	for _, res := range r.Results {
		if res.Check == "patroni.release" && res.Status == check.Fail {
			return res.Findings[0].Effect
		}
	}
	return ""
}

// untried says that the request was not rehearsed, "" where it was. It is no warning: a
// check only reads.
func untried(r preflight.Report) string {
	for _, res := range r.Results {
		if res.Check == "leader.request" && res.Weight == preflight.Aside && len(res.Missing) > 0 {
			return "The request's login was not tried: " + res.Missing[0].Reason + "."
		}
	}
	return ""
}

// fate is the prediction in a few sentences.
func fate(r preflight.Report, p patroni.Prediction) string {
	switch p.Stage {
	case patroni.StageCtl:
		return "would not be asked: patronictl itself refuses."
	case patroni.StageREST:
		return "would refuse this, at the leader's REST API."
	case patroni.StageLeader:
		return "would refuse this, in the leader's HA loop; the leader stays."
	case patroni.StageQueued:
		return "would accept this and not act on it."
	case patroni.StageSilent:
		return "would not answer: patronictl waits for the leader's REST API, without a limit."
	case patroni.StageScheduled:
		return "would schedule this, without checking the cluster."
	case patroni.StageDone:
		return accepted(r, p)
	}
	return "cannot be predicted; these facts are unknown: " + few(p.Unknown) + "."
}

func accepted(r preflight.Report, p patroni.Prediction) string {
	switch {
	case p.Leaderless:
		return "would accept this. The leader would step down, and no member would take its place."
	case len(p.Winners) == 1 && p.Winners[0] == r.Leader:
		return "would accept this. " + r.Leader + " would take the leader key again."
	case r.Objection != "":
		return "would accept this. We do not: " + r.Objection + "."
	case r.Verdict == preflight.UnknownState:
		return "would accept this. It is not known whether that is safe."
	}
	return "would accept this." + fallback(p)
}

// fallback says which member takes over if the candidate fails during the switchover.
func fallback(p patroni.Prediction) string {
	f := p.Fallback
	if f == nil || len(p.Winners) != 1 {
		return ""
	}
	text := fmt.Sprintf(" If %s fails during the switchover, ", p.Winners[0])
	switch {
	case len(f.Winners) == 0:
		return text + "no other member takes over."
	case f.Lost == nil:
		return text + strings.Join(f.Winners, " or ") + " takes over."
	case *f.Lost == 0:
		return text + strings.Join(f.Winners, " or ") + " takes over, and nothing is lost."
	}
	return text + fmt.Sprintf("%s takes over, and %s are lost.", strings.Join(f.Winners, " or "), fact.Size(*f.Lost))
}

// few names the first of many.
func few(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
