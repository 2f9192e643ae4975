package preflight_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

func replayCase(t *testing.T, name string) *fact.Recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "cases", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listOn is synchronous_standby_names on some members, all of them if none is named.
func listOn(value string, members ...string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		for _, m := range s.Members {
			if len(members) == 0 || slices.Contains(members, m.Name) {
				facttest.Set(s, m.Name, "synchronous_standby_names", value)
			}
		}
	}
}

func commitLevel(member, level string) func(*fact.Recording) {
	return func(s *fact.Recording) { facttest.Set(s, member, "synchronous_commit", level) }
}

// promises is what /sync holds in a mode, and what PostgreSQL on the leader makes of it.
func promises(mode string, quorum int, list string, states map[string]string, standbys ...string) change {
	return func(s *fact.Recording) {
		facttest.Dynamic(s).SynchronousMode = fact.Known(mode)
		s.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: standbys, Quorum: quorum})
		facttest.Set(s, "node1", "synchronous_standby_names", list)
		for m, state := range states {
			facttest.SyncRow(s, m, state)
		}
	}
}

func tagOf(member, tag string, value any) func(*fact.Recording) {
	return func(s *fact.Recording) {
		facttest.Member(s.Snapshot, member).Key.Value.Tags = fact.Known(fact.Tags{tag: value})
	}
}

func gone(member string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		s.Members = slices.DeleteFunc(s.Members, func(m fact.Member) bool { return m.Name == member })
		q := facttest.LeaderSQL(s)
		rows := slices.DeleteFunc(slices.Clone(*q.WalSenders.Value), func(w fact.WalSender) bool {
			return w.ApplicationName == member
		})
		q.WalSenders = fact.Known(rows)
	}
}

// stranger is a client of the leader's WAL that is not a member.
func stranger(name, state string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		q := facttest.LeaderSQL(s)
		w := (*q.WalSenders.Value)[0]
		w.ApplicationName, w.PID, w.SyncState = name, 4711, fact.Known(state)
		q.WalSenders = fact.Known(append(slices.Clone(*q.WalSenders.Value), w))
	}
}

func everyRuns(version string) func(*fact.Recording) {
	return func(s *fact.Recording) {
		for i := range s.Members {
			s.Members[i].Key.Value.Version = fact.Known(version)
		}
	}
}

type change = func(*fact.Recording)

// TestSynchronousLists changes the list by hand and what /sync promises. The candidate is
// node2, the leader node1, and node3 streams.
func TestSynchronousLists(t *testing.T) {
	const names, promised = "sync.names", "sync.promised"
	for _, c := range []struct {
		name          string
		changes       []change
		blocks, warns string
	}{
		// Lists by hand that are fine.
		{"empty", []change{listOn("")}, "", ""},
		{"any of all", []change{listOn("ANY 1 (node1,node2,node3)")}, "", ""},
		{"any of all, quoted", []change{listOn(`any 1 ("node1", "NODE3")`)}, "", ""},
		{"every standby", []change{listOn("*")}, "", ""},
		{"a plain list", []change{listOn("node2, node3")}, "", ""},
		{"a number before a list", []change{listOn("1 (node1, node2, node3)")}, "", ""},
		{"in capitals", []change{listOn("NODE3")}, "", ""},
		{"each member lists the others", []change{
			listOn("ANY 1 (node2,node3)", "node1"), listOn("ANY 1 (node1,node3)", "node2"),
			listOn("ANY 1 (node1,node2)", "node3"),
		}, "", ""},
		{"another spelling", []change{listOn("node3,node2"), listOn(`FIRST 1 ("NODE3", node2)`, "node2")}, "", ""},
		{"itself, but commits do not wait", []change{listOn("node2"), commitLevel("node2", "local")}, "", ""},
		{"itself, but commits are asynchronous", []change{listOn("node2"), commitLevel("node2", "off")}, "", ""},
		{"a standby cluster", []change{listOn("node2"), facttest.StandbySite}, "", ""},
		{"another candidate's list hangs", []change{listOn("node3", "node1", "node2"), listOn("node3", "node3")}, "", ""},
		{"as far back as 3.1.1 a list stays", []change{listOn("*"), everyRuns("3.1.1")}, "", ""},
		{"3.3.2 keeps a list", []change{listOn("*"), everyRuns("3.3.2")}, "", ""},

		// Commits hang.
		{"the candidate itself", []change{listOn("node2")}, names, ""},
		{"in its own file", []change{listOn("", "node1", "node3"), listOn("node2", "node2")}, names, ""},
		{"commits wait for the replay", []change{listOn("node2"), commitLevel("node2", "remote_apply")}, names, ""},
		{"a stranger", []change{listOn("barman")}, names, ""},
		{"both of two", []change{listOn("FIRST 2 (node2,node3)")}, names, ""},
		{"any two of two", []change{listOn("ANY 2 (node2,node3)")}, names, ""},
		{"more than there are", []change{listOn("ANY 3 (*)")}, names, ""},
		{"node3 is not there", []change{listOn("node3"), gone("node3")}, names, ""},
		{"node3 streams from node1, as it will", []change{
			listOn("node3"), tagOf("node3", "replicatefrom", "node1"),
		}, names, ""},
		{"3.1.1, the candidate itself", []change{listOn("node2"), everyRuns("3.1.1")}, names, ""},

		// Commits wait for something that is likely.
		{"the old leader", []change{listOn("node1")}, "", names},
		{"all others", []change{listOn("2 (node1,node2,node3)")}, "", names},
		{"two nodes", []change{listOn("*"), gone("node3")}, "", names},
		{"a backup receiver", []change{listOn("barman"), stranger("barman", "sync")}, "", names},

		// What commits wait for changes.
		{"only the leader has a list", []change{listOn("", "node2", "node3"), listOn("*", "node1")}, "", names},
		{"only the candidate has a list", []change{listOn("", "node1"), listOn("*", "node2")}, "", names},
		{"the candidate waits for fewer", []change{listOn("ANY 2 (*)", "node1"), listOn("*", "node2")}, "", names},
		{"3.2.0 empties it", []change{listOn("*"), everyRuns("3.2.0")}, "", names},
		{"3.3.1 empties it, so it does not hang", []change{listOn("node2"), everyRuns("3.3.1")}, "", names},
		{"3.1.2 empties it", []change{listOn("", "node1"), listOn("*", "node2"), everyRuns("3.1.2")}, "", names},

		// What /sync promises.
		{"as promised", []change{promises("on", 0, `"node2"`, map[string]string{"node2": "sync"}, "node2")}, "", ""},
		{"Patroni's list for two", []change{promises("on", 0, `2 ("node2","node3")`,
			map[string]string{"node2": "sync", "node3": "sync"}, "node2", "node3")}, "", ""},
		{"the candidate's own list, which Patroni replaces", []change{
			listOn("node2", "node2"), promises("on", 0, `"node2"`, map[string]string{"node2": "sync"}, "node2"),
		}, "", ""},
		{"quorum", []change{promises("quorum", 1, `ANY 1 ("node2","node3")`,
			map[string]string{"node2": "quorum", "node3": "quorum"}, "node2", "node3")}, "", ""},
		{"a voter joins", []change{promises("quorum", 0, `ANY 1 ("node2","node3")`,
			map[string]string{"node2": "quorum", "node3": "quorum"}, "node2")}, promised, ""},
		{"a voter joins, and the quorum allows for it", []change{promises("quorum", 1, `ANY 1 ("node2")`,
			map[string]string{"node2": "quorum", "node3": "async"}, "node2", "node3")}, "", ""},
		{"nothing is waited for", []change{promises("on", 0, "",
			map[string]string{"node2": "async"}, "node2")}, promised, ""},
		{"another is waited for", []change{promises("on", 0, "node3",
			map[string]string{"node2": "async", "node3": "sync"}, "node2")}, promised, ""},
		{"one of two", []change{promises("on", 0, "node2,node3",
			map[string]string{"node2": "sync", "node3": "potential"}, "node2", "node3")}, promised, ""},
		{"a stranger is waited for first", []change{
			promises("on", 0, "*", map[string]string{"node2": "potential"}, "node2"), stranger("barman", "sync"),
		}, promised, ""},
		{"no quorum", []change{promises("quorum", 1, "",
			map[string]string{"node2": "async", "node3": "async"}, "node2", "node3")}, promised, ""},
		{"too small a quorum", []change{promises("quorum", 0, `ANY 1 ("node2","node3")`,
			map[string]string{"node2": "quorum", "node3": "quorum"}, "node2", "node3")}, promised, ""},

		// The leader's own name.
		{"a client with the leader's name", []change{
			promises("on", 0, `"node2"`, map[string]string{"node2": "sync"}, "node2"), stranger("NODE1", "async"),
		}, "", promised},
		{"a client with the leader's name, which a list by hand takes for a standby", []change{
			listOn("ANY 1 (node1,node2,node3)"), stranger("node1", "quorum"),
		}, "", promised},
		{"a member that streams by another name", []change{listOn("node3"), func(s *fact.Recording) {
			facttest.Member(s.Snapshot, "node3").SQL.Value.ApplicationName = fact.Known("walreceiver")
		}}, names, ""},
		{"a client with the leader's name, no list", []change{listOn(""), stranger("node1", "async")}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := replayCase(t, "N-static-ssn-candidate")
			for _, m := range []string{"node2", "node3"} {
				facttest.SyncRow(s, m, "async")
			}
			for _, change := range c.changes {
				change(s)
			}
			r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
			var blocks, warns []string
			var said strings.Builder
			for _, res := range r.Results {
				if strings.HasPrefix(res.Check, "sync.") && res.Check != "sync.strict" && (res.Subject == "" ||
					res.Subject == "node1" || res.Subject == "node2") {
					switch res.Weight {
					case preflight.Blocks, preflight.Unseen:
						blocks = append(blocks, res.Check)
					case preflight.Warns:
						warns = append(warns, res.Check)
					}
					for _, f := range res.Findings {
						said.WriteString(res.Check + " " + res.Subject + ": " + f.Sentence() + "\n")
					}
				}
			}
			warns = slices.DeleteFunc(warns, func(id string) bool { return id == "sync.foreign" })
			if strings.Join(blocks, " ") != c.blocks || strings.Join(warns, " ") != c.warns {
				t.Errorf("%s: blocks %q, warns %q, want %q, %q\n%s", r.Verdict, blocks, warns, c.blocks, c.warns, said.String())
			}
		})
	}
}
