package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"patroni-preflight/internal/request"
	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// judgement is the report of each group of a cluster. A cluster without groups is
// a list of one.
type judgement struct {
	// asked is the cluster that the user named.
	asked     fact.Target
	seen      []*fact.Recording
	reports   []preflight.Report
	stability *preflight.Stability
}

func judged(s *fact.Recording, rules check.Policies) judgement {
	return judgement{
		asked: s.Target, seen: []*fact.Recording{s},
		reports: []preflight.Report{preflight.Judge(s.Snapshot, s.Question, rules)},
	}
}

// reported is the judgement of which only the report is left.
func reported(r preflight.Report) judgement {
	return judgement{asked: r.Request.Target, reports: []preflight.Report{r}}
}

// only is the one cluster that was judged.
func (j judgement) only() (*fact.Recording, preflight.Report) { return j.seen[0], j.over()[0] }

// byGroup reports whether the groups of a Citus cluster were judged, one by one.
func (j judgement) byGroup() bool { return j.reports[0].Request.Group != j.asked.Group }

// joined is the one report of all groups.
func (j judgement) joined() preflight.GroupsReport {
	g := preflight.JoinGroups(j.reports)
	if j.stability != nil {
		g = g.Over(*j.stability)
	}
	return g
}

// over are the reports, with the stability that a cluster without groups has.
func (j judgement) over() []preflight.Report {
	if j.stability == nil || j.byGroup() {
		return j.reports
	}
	return []preflight.Report{j.reports[0].Over(*j.stability)}
}

func (j judgement) verdict() preflight.Verdict { return j.joined().Verdict }

func (j judgement) lasting(st preflight.Stability) judgement {
	j.stability = &st
	return j
}

// loopWait is the longest loop_wait of the groups.
func (j judgement) loopWait() time.Duration {
	var longest time.Duration
	for _, s := range j.seen {
		longest = max(longest, loopWait(s.Snapshot))
	}
	return longest
}

func (j judgement) write(w io.Writer, format string, o report.Options) error {
	if j.byGroup() {
		return report.WriteGroups(w, format, j.joined(), o)
	}
	return report.Write(w, format, j.over()[0], o)
}

// record saves the snapshots; each group gets a file of its own, with -group-N
// before its extension.
func (j judgement) record(file string) error {
	if !j.byGroup() {
		return record(j.seen[0], file)
	}
	ext := filepath.Ext(file)
	for _, s := range j.seen {
		if err := record(s, strings.TrimSuffix(file, ext)+"-group-"+s.Target.Group+ext); err != nil {
			return err
		}
	}
	return nil
}

// maxGroups is how many groups are read side by side.
const maxGroups = fact.MaxMembers

// judge reads and judges the cluster once. If the first snapshot shows several
// groups and all are meant, each is read, side by side: together they take as long
// as the slowest.
func (k *session) judge(ctx context.Context, rules check.Policies) (judgement, error) {
	first, err := k.snapshot(ctx, k.request)
	if err != nil {
		return judgement{}, err
	}
	groups := preflight.Groups(first.Snapshot)
	switch {
	case len(groups) == 0 && k.cfg.Citus && first.Leader() != "":
		return judgement{}, usage("the configuration has a citus section, but %s has a leader and no group: "+
			"remove the section, or name the group with --group", first.DCS.Prefix)
	case !k.everyGroup || len(groups) == 0:
		return k.rehearsed(ctx, first, rules), nil
	case len(groups) > maxGroups:
		return judgement{}, usage("%s has %d Citus groups, and at most %d are judged together: name one with --group",
			first.DCS.Prefix, len(groups), maxGroups)
	}
	j := judgement{asked: k.request.Target}
	if j.seen, err = k.snapshots(ctx, groups); err != nil {
		return judgement{}, err
	}
	if err := needsGroup(first.Question, j.seen); err != nil {
		return judgement{}, err
	}
	for _, s := range j.seen {
		j.reports = append(j.reports, preflight.Judge(s.Snapshot, s.Question, rules))
	}
	return j, nil
}

// rehearsed judges a cluster and, if it is GO and a request is to follow, tries that
// request on the leader: a login is sent only to a member that passed every check.
func (k *session) rehearsed(ctx context.Context, s *fact.Recording, rules check.Policies) judgement {
	j := judged(s, rules)
	if !k.rehearses || j.verdict() != preflight.Go {
		return j
	}
	k.tryRequest(ctx, s.Snapshot, s.Leader())
	return judged(s, rules)
}

// tryRequest asks a member for a switchover that cannot take place, and keeps its answer
// in the snapshot.
func (k *session) tryRequest(ctx context.Context, s *fact.Snapshot, member string) {
	i := slices.IndexFunc(s.Members, func(m fact.Member) bool { return m.Name == member })
	if i < 0 {
		return
	}
	m := &s.Members[i]
	if why := request.NotRehearsed(fact.KeyVersion.Of(s, member).OrZero()); why != "" {
		m.Request = fact.NotKnown[fact.RequestAnswer](fact.NotAsked, "%s", why)
		return
	}
	key, _ := m.Key.Get()
	url, _ := key.APIURL.Get()
	m.Request = k.rehearse(ctx, url)
}

// snapshots reads groups side by side.
func (k *session) snapshots(ctx context.Context, groups []string) ([]*fact.Recording, error) {
	seen, errs := make([]*fact.Recording, len(groups)), make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		r := k.request
		r.Group = g
		wg.Go(func() { seen[i], errs[i] = k.snapshot(ctx, r) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// needsGroup refuses a question about one member of one group among several, as
// patronictl does, and says in which group that member is.
func needsGroup(q fact.Question, seen []*fact.Recording) error {
	flag, name := "--candidate", q.Candidate
	if name == "" {
		flag, name = "--leader", q.ExpectedLeader
	}
	if name == "" {
		return nil
	}
	var all, in []string
	for _, s := range seen {
		all = append(all, s.Target.Group)
		if _, ok := s.Member(name); ok {
			in = append(in, s.Target.Group)
		}
	}
	where := "it is in none of them"
	if len(in) > 0 {
		where = fmt.Sprintf("it is in group %s: add --group %s", strings.Join(in, " and "), in[0])
	}
	return usage("%s %s: this Citus cluster has the groups %s, each with a leader of its own. "+
		"Name the group of the member; %s", flag, report.Line(name, 80), strings.Join(all, ", "), where)
}

// loopWait is the time between two evaluations: Patroni writes its state once in
// that time. Ten seconds are its default.
func loopWait(s *fact.Snapshot) time.Duration {
	keys, _ := s.DCS.Cluster.Get()
	config, _ := keys.Config.Get()
	if seconds, ok := config.LoopWait.Get(); ok && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return 10 * time.Second
}
