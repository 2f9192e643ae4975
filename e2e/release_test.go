//go:build e2e && release

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
)

// releases are scenarios for releases of Patroni that no Debian suite has.
var releases = []struct {
	version string
	scenario
}{
	{"4.0.4", scenario{
		name: "quorum mode, the candidate does not vote", arrange: (*lab).noVoter, want: noGo, by: "candidate.sync",
		because: "the leader steps down, and then no member takes the key",
	}},
	{
		"4.0.4",
		scenario{
			name:    "quorum mode, a voter is named",
			arrange: (*lab).quorum,
			want:    goes,
			because: "it votes, and the quorum is not counted",
		},
	},
	{
		"4.0.5",
		scenario{
			name:    "quorum mode, the candidate does not vote",
			arrange: (*lab).noVoter,
			want:    noGo,
			by:      "candidate.sync",
			because: "the leader refuses",
		},
	},
	{
		"4.0.5",
		scenario{
			name:    "quorum mode, a voter is named",
			arrange: (*lab).quorum,
			want:    noGo,
			by:      "candidate.sync",
			because: "4.0.5 requires a quorum from a single candidate",
		},
	},
	{
		"4.0.6",
		scenario{name: "quorum mode, a voter is named", arrange: (*lab).quorum, want: goes, because: "fixed in this release"},
	},
	{
		"3.0.4",
		scenario{
			name:    "the candidate is slower than the bystander",
			arrange: (*lab).slowCandidate,
			want:    noGo,
			by:      "shutdown.early_release",
			because: "the key is released for the bystander, and the candidate takes it",
		},
	},
	{"3.1.0", scenario{
		name: "the candidate is slower than the bystander", arrange: (*lab).slowCandidate, want: goes,
		because: "the key is released for the candidate, once it has all",
	}},
}

// TestRelease plays these on clusters of the releases that PREFLIGHT_PATRONI_SOURCE
// holds, each unpacked into a directory of its name. What patronictl prints has to be
// what was predicted. PREFLIGHT_ORACLE_TABLE names the document for the result.
func TestRelease(t *testing.T) {
	played := 0
	var l *lab
	running := ""
	for _, sc := range releases {
		source, err := filepath.Abs(filepath.Join(os.Getenv("PREFLIGHT_PATRONI_SOURCE"), sc.version))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(source, "patroni")); err != nil || !chosen(sc.name) {
			continue
		}
		if running != sc.version {
			l = newLab(t, "release-"+strings.ReplaceAll(sc.version, ".", "-"), "bookworm", "10.77.61", source)
			running = sc.version
		}
		played++
		t.Run(sc.version+" a rehearsed request", func(t *testing.T) {
			l.t = t
			l.roles()
			for _, n := range nodes {
				l.answers(n, [2]string{}, fact.ListRefused, "")
			}
		})
		t.Run(sc.version+" "+sc.name, func(t *testing.T) {
			o := l.play(t, sc.scenario)
			if o.patroni != sc.version {
				t.Errorf("the cluster runs Patroni %s", o.patroni)
			}
			if holds, _ := o.predicted(); !holds {
				t.Errorf("predicted %+v, printed %q", o.prediction, o.printed)
			}
			recordRelease(t, o)
		})
	}
	if played == 0 {
		t.Fatalf(
			"PREFLIGHT_PATRONI_SOURCE=%q holds none of the releases that there are scenarios for",
			os.Getenv("PREFLIGHT_PATRONI_SOURCE"),
		)
	}
}

// TestReleasePatronictl switches over with patronictl of each release in
// PREFLIGHT_PATRONI_SOURCE, on a cluster of trixie's: before 3.0 it says --master.
func TestReleasePatronictl(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(os.Getenv("PREFLIGHT_PATRONI_SOURCE"), "*", "patroni", "ctl.py"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("PREFLIGHT_PATRONI_SOURCE=%q holds no release (%v)", os.Getenv("PREFLIGHT_PATRONI_SOURCE"), err)
	}
	l := newLab(t, "release-ctl", "trixie", "10.77.58", "")
	for _, file := range dirs {
		source, err := filepath.Abs(filepath.Dir(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		flag := "--leader"
		if strings.HasPrefix(filepath.Base(source), "2.") {
			flag = "--master"
		}
		l.wrap(t, wrapped{
			name: "patronictl of " + filepath.Base(
				source,
			),
			want:  exitcode.Go,
			says:  "DONE switchover of demo",
			leads: theCandidate,
			ctl: "exec docker run --rm -v $config:/patronictl.yml:ro -e PYTHONPATH=/source -v " + source + ":/source:ro " +
				"--network $network patroni-preflight-lab:bookworm patronictl -c /patronictl.yml $*",
			meanwhile: func(_ *lab, r *running) {
				if r.wait(); !strings.Contains(r.asked(), flag+" ") {
					t.Errorf("patronictl was called with %q", r.asked())
				}
			},
		})
	}
}

// asked is what patronictl was called with.
func (r *running) asked() string {
	raw, _ := os.ReadFile(r.ctl + ".asked")
	return string(raw)
}

// noVoter keeps the candidate out of /sync in quorum mode.
func (l *lab) noVoter() {
	l.tag(l.candidate, "nosync", "true")
	l.edit("synchronous_mode=quorum")
	l.await(
		"the bystander in /sync",
		30*time.Second,
		func() bool { return strings.Contains(l.key("sync"), `"sync_standby":"`+l.bystander+`"`) },
	)
	time.Sleep(2 * time.Second)
	l.undo(func() { // a request that nobody acts upon keeps all of them waiting
		err := l.etcd(func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Put(ctx, "/service/demo/failover", "{}")
			return err
		})
		if err != nil {
			l.t.Error(err)
		}
	})
}

// slowCandidate lets the candidate have 20 kB a second of the leader's WAL, and
// commits rows that it has not got yet.
func (l *lab) slowCandidate() {
	l.slowFrom(l.candidate, 20_000)
	l.ballast(600_000)
	l.sql(l.leader, "INSERT INTO ledger (note) SELECT 'tail' FROM generate_series(1, 1000)")
	time.Sleep(3 * time.Second)
}

func recordRelease(t *testing.T, o outcome) {
	predicted := o.prediction.Printed
	if len(o.prediction.Winners) == 0 && o.prediction.Stage == "accepted" {
		predicted += "; no leader"
	}
	row := []string{o.patroni, time.Now().UTC().Format("2006-01-02"), o.name, o.verdict, predicted, o.printed, o.became}
	for i := range row {
		row[i] = strings.ReplaceAll(row[i], "|", `\|`)
	}
	putRow(t, "make e2e-release", releaseHead, row)
}

var releaseHead = []string{"Patroni", "on", "situation", "verdict", "predicted", "patronictl printed", "result"}
