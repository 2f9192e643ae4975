package cli

import (
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// TestMaxInterruption: above the forecast's upper end is GO, below it NO-GO, and a
// forecast that cannot be made is not GO.
func TestMaxInterruption(t *testing.T) {
	unseen := func(s *fact.Recording) {
		s.Members[0].SQL.Value.WalSenders = fact.NotKnown[[]fact.WalSender](fact.Privilege, "GRANT pg_monitor")
	}
	whole := func(*fact.Recording) {}
	for _, c := range []struct {
		name   string
		change func(*fact.Recording)
		flags  []string
		code   int
		says   string
	}{
		{"no limit", whole, nil, exitcode.Go, "GO"},
		{"within it", whole, []string{"--max-interruption", "10s"}, exitcode.Go, "GO"},
		{"above it", whole, []string{"--max-interruption", "5s"}, exitcode.NoGo, "schedule.interruption(node2)"},
		{"to any member", whole, []string{"--any", "--max-interruption", "5s"}, exitcode.NoGo, "schedule.interruption"},
		{
			"recorded with the question",
			func(s *fact.Recording) { s.Question.MaxInterruption = 5 }, nil, exitcode.NoGo, "schedule.interruption(node2)",
		},
		{
			"ignored", whole,
			[]string{"--max-interruption", "5s", "--ignore", "schedule.interruption=agreed"},
			exitcode.Go, "GO",
		},
		{"no forecast", unseen, []string{"--max-interruption", "10s"}, exitcode.Unknown, "schedule.interruption(node2)"},
		{"nothing", whole, []string{"--max-interruption", "0s"}, exitcode.Usage, "must be greater than zero"},
		{"less than nothing", whole, []string{"--max-interruption", "-3s"}, exitcode.Usage, "must be greater than zero"},
		{"no unit", whole, []string{"--max-interruption", "10"}, exitcode.Usage, "max-interruption"},
	} {
		o := runCLI(t, slices.Concat([]string{"replay", "-f", "brief"}, c.flags, []string{spoiled(t, c.change)})...)
		if o.code != c.code || !strings.Contains(o.stdout+o.stderr, c.says) {
			t.Errorf("%s: exit code %d, want %d, %q\n%s%s", c.name, o.code, c.code, c.says, o.stdout, o.stderr)
		}
	}
	o, told := play{frames: []state{asBefore}, args: []string{"--yes", "--max-interruption", "5s"}}.run(t)
	if o.code != exitcode.NoGo || told != "" || !strings.Contains(o.stdout, "BLOCKS  schedule.interruption  node2") {
		t.Errorf("switchover: exit code %d, asked %q\n%s", o.code, told, o.stdout)
	}
	o, calls := rehearsal{args: []string{"--yes", "--max-interruption", "5s"}}.run(t)
	if o.code != exitcode.NoGo || strings.Join(calls, "") != "" || !strings.Contains(o.stdout, "schedule.interruption") {
		t.Errorf("drill: exit code %d, calls %q\n%s", o.code, calls, o.stdout)
	}
	if o := runCLI(t, "audit", "--max-interruption", "5s", "testdata/audit/node1.yml"); o.code != exitcode.Usage {
		t.Errorf("audit has no interruption: exit code %d", o.code)
	}
}
