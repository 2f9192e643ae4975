package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFix: prose is wrapped, and each command has a line of its own, whole.
func TestFix(t *testing.T) {
	const long = "patronictl edit-config demo -s postgresql.parameters.max_replication_slots=20 --force --apply"
	for _, c := range []struct {
		name, remedy string
		want         []string
	}{
		{
			name:   "prose",
			remedy: "Wait until patronictl list shows it running.",
			want:   []string{"Wait until patronictl list shows it running."},
		},
		{
			name:   "a command on a line of its own",
			remedy: "Raise the limit:\n" + long,
			want:   []string{"Raise the limit:", "  " + long},
		},
		{
			name:   "a command after a colon",
			remedy: "Raise the limit: " + long,
			want:   []string{"Raise the limit:", "  " + long},
		},
		{
			name:   "two commands, and prose between and after them",
			remedy: "Set it:\npatronictl edit-config demo\nThen restart:\npatronictl restart demo node2\nCheck again.",
			want: []string{
				"Set it:", "  patronictl edit-config demo", "  Then restart:", "  patronictl restart demo node2",
				"  Check again.",
			},
		},
		{
			name:   "SQL",
			remedy: "On node2: SELECT pg_wal_replay_resume();",
			want:   []string{"On node2:", "  SELECT pg_wal_replay_resume();"},
		},
		{
			name:   "prose that goes on after a command",
			remedy: "Then: patronictl reload demo node2; or choose another candidate.",
			want:   []string{"Then: patronictl reload demo node2; or choose another candidate."},
		},
		{
			name:   "only a command",
			remedy: "patronictl reinit demo node2",
			want:   []string{"patronictl reinit demo node2"},
		},
		{
			name:   "prose that is too long for a line",
			remedy: strings.Repeat("again and ", 8) + "again:\npatronictl list demo",
			want: []string{
				strings.TrimSpace(strings.Repeat("again and ", 8)),
				"  again:",
				"  patronictl list demo",
			},
		},
	} {
		if diff := cmp.Diff(c.want, Fix(c.remedy, 2)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestNameIsNeverACommand: a line break in a member's name begins no line.
func TestNameIsNeverACommand(t *testing.T) {
	const name = "node2:\nrm -rf /"
	remedy := oneLine("demo", name).Replace("Reload " + name + ":\npatronictl reload demo " + name)
	want := []string{"Reload node2: rm -rf /:", "  patronictl reload demo node2: rm -rf /"}
	if diff := cmp.Diff(want, Fix(remedy, 2)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestTableKeepsStates: a row that is a little too wide loses space, not letters; a
// long name is cut in its middle.
func TestTableKeepsStates(t *testing.T) {
	head := []string{"MEMBER", "ROLE", "DCS", "REST", "SQL", "LAG live/DCS"}
	replica := []string{"node1", "replica", "running tl 4", "replica tl 4", "no WAL receiver", "146.5 kB / 146.5 kB"}
	for _, l := range table([][]string{head, replica}) {
		if strings.Contains(l, "~") || len(l) > width {
			t.Errorf("%q is cut, or has more than %d columns", l, width)
		}
	}
	replica[0] = "database-server-17.production.example.org"
	rows := table([][]string{head, replica})
	if len(rows[1]) > width || !strings.Contains(rows[1], "no WAL receiver") || !strings.HasPrefix(rows[1], "da") {
		t.Errorf("%q, want the name cut, and the state whole", rows[1])
	}
}
