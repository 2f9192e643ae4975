package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/report"
)

// judgement is what was seen and what it means: of one cluster, or of every
// group of a Citus cluster.
type judgement struct {
	seen   []*fact.Recording
	report preflight.Report
	// groups is nil where one cluster was asked about.
	groups *preflight.GroupsReport
}

func judged(s *fact.Recording, rules check.Policies) judgement {
	return judgement{seen: []*fact.Recording{s}, report: preflight.Judge(s.Snapshot, s.Question, rules)}
}

// only is the one cluster that was asked about.
func (j judgement) only() (*fact.Recording, preflight.Report) { return j.seen[0], j.report }

func (j judgement) verdict() preflight.Verdict {
	if j.groups != nil {
		return j.groups.Verdict
	}
	return j.report.Verdict
}

func (j judgement) over(st preflight.Stability) judgement {
	if j.groups != nil {
		g := j.groups.Over(st)
		j.groups = &g
	} else {
		j.report = j.report.Over(st)
	}
	return j
}

// loopWait is the longest of those that were seen.
func (j judgement) loopWait() time.Duration {
	var longest time.Duration
	for _, s := range j.seen {
		longest = max(longest, loopWait(s.Snapshot))
	}
	return longest
}

func (j judgement) write(w io.Writer, format string, o report.Options) error {
	if j.groups != nil {
		return report.WriteGroups(w, format, *j.groups, o)
	}
	return report.Write(w, format, j.report, o)
}

// record writes what was seen; of each group into a file of its own, which has
// -group-N before its ending.
func (j judgement) record(file string) error {
	if j.groups == nil {
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

// maxGroups is how many groups are looked at side by side.
const maxGroups = fact.MaxMembers

// judge looks and judges once. Where the first look shows several groups and
// every one is meant, each is looked at, side by side: together they take as long
// as the slowest.
func (k *target) judge(ctx context.Context, rules check.Policies) (judgement, error) {
	first, err := k.look(ctx)
	if err != nil {
		return judgement{}, err
	}
	groups := preflight.Groups(first.Snapshot)
	switch {
	case len(groups) == 0 && k.cfg.Citus && first.Leader() != "":
		return judgement{}, usage("the configuration has a citus section, but %s has a leader and no group: take the section out, or say with --group which group is meant", first.DCS.Prefix)
	case !k.everyGroup || len(groups) == 0:
		return judged(first, rules), nil
	case len(groups) > maxGroups:
		return judgement{}, usage("%s has %d groups of a Citus cluster, and not more than %d are judged together: name one with --group", first.DCS.Prefix, len(groups), maxGroups)
	}
	seen, err := k.lookAt(ctx, groups)
	if err != nil {
		return judgement{}, err
	}
	if err := needsGroup(first.Question, seen); err != nil {
		return judgement{}, err
	}
	reports := make([]preflight.Report, len(seen))
	for i, s := range seen {
		reports[i] = preflight.Judge(s.Snapshot, s.Question, rules)
	}
	all := preflight.JoinGroups(reports)
	return judgement{seen: seen, groups: &all}, nil
}

// lookAt looks at groups side by side.
func (k *target) lookAt(ctx context.Context, groups []string) ([]*fact.Recording, error) {
	seen, errs := make([]*fact.Recording, len(groups)), make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		one := *k
		one.request.Group = g
		wg.Go(func() { seen[i], errs[i] = one.look(ctx) })
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
// patronictl does, and says where that member is.
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
	where := "which is in none of them"
	if len(in) > 0 {
		where = fmt.Sprintf("which is in group %s: add --group %s", strings.Join(in, " and "), in[0])
	}
	return usage("%s %s: this is a Citus cluster with the groups %s, each with a leader of its own; one has to be named beside a member, %s", flag, report.Line(name, 80), strings.Join(all, ", "), where)
}
