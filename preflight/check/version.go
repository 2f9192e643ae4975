package check

import (
	"math"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

var versionMixed = Check{
	ID:    "version.mixed",
	Title: "the members' Patroni releases work together",
	Since: "0.2.0",
	Why: "In a switchover each member acts by its own release. Patroni 4 requires 3.1.0 or later on the other " +
		"members; 3.0.3 and 3.0.4 mistake a running primary for a replica; releases older than 4.0.0 do not know quorum " +
		"mode and switch synchronous replication off once they lead. Other releases may differ, as they do during a " +
		"rolling update.",
	Source: "version in the member keys; Patroni's release notes of 4.0.0 and 3.1.0; patroni/ha.py " +
		"_MemberStatus.from_api_response, process_sync_replication",
	Fix: "Update Patroni on the members that are behind, through 3.1.0 or later on the way to 4.",
	Proof: "Cases on a recorded snapshot; e2e/oracle_test.go shows what each release considers a primary, and which " +
		"know quorum mode.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.leader"},
	Needs:    []fact.Need{releases, fact.SyncMode},
	Run:      runMixed,
}

// releases are the members' versions of Patroni, by member; unknown where one is,
// or is none that can be compared.
var releases = fact.Fact[map[string]string]{
	Label: "version in each member key",
	Of: func(s *fact.Snapshot, _ string) fact.Observed[map[string]string] {
		out := map[string]string{}
		for _, m := range s.Members {
			v, ok := fact.KeyVersion.Of(s, m.Name).Get()
			switch {
			case !ok:
				return fact.NotKnown[map[string]string](
					fact.KeyVersion.Of(s, m.Name).Cause(),
					"%s: %s",
					m.Name,
					fact.KeyVersion.Of(s, m.Name).Reason(),
				)
			case !fact.OlderThan(v, math.MaxInt, 0, 0):
				return fact.NotKnown[map[string]string](fact.Malformed, "%s: %q is not a release", m.Name, v)
			}
			out[m.Name] = v
		}
		return fact.Known(out)
	},
}

// slip reports whether a release takes a running primary for a replica.
func slip(v string) bool { return !fact.OlderThan(v, 3, 0, 3) && fact.OlderThan(v, 3, 1, 0) }

func runMixed(s *fact.Snapshot, _ fact.Question, _ string) []Finding {
	all := releases.Get(s, "")
	having := func(which func(v string) bool) string {
		members := map[string][]string{}
		for m, v := range all {
			if which(v) {
				members[v] = append(members[v], m)
			}
		}
		var out []string
		for v, ms := range members {
			out = append(out, v+" on "+fact.Names(ms))
		}
		slices.Sort(out)
		return strings.Join(out, "; ")
	}
	old := having(func(v string) bool { return fact.OlderThan(v, 3, 1, 0) })
	before4 := having(func(v string) bool { return fact.OlderThan(v, 4, 0, 0) })
	from4 := having(func(v string) bool { return !fact.OlderThan(v, 4, 0, 0) })

	asked := "version in " + s.KeyName("/members/")
	var out []Finding
	if old != "" && from4 != "" {
		out = append(
			out,
			Finding{
				Asked:    asked,
				Observed: old + ", together with " + from4,
				Expected: "3.1.0 or later together with Patroni 4",
				Effect: "According to Patroni's release notes such members may act wrongly while the leader changes; before " +
					"3.0.0 they do not know the role that Patroni 4 gives a leader.",
				Remedy: "Update Patroni to 3.1.0 or later there before the switchover.",
			},
		)
	}
	if found := having(slip); found != "" {
		out = append(
			out,
			Finding{
				Asked:    asked,
				Observed: found,
				Expected: "neither 3.0.3 nor 3.0.4",
				Effect: "They mistake a primary that still runs for a replica: if the switchover goes wrong and the members " +
					"race for the key, one may be promoted while the old primary still runs.",
				Remedy: "Update Patroni to 3.1.0 or later there before the switchover.",
			},
		)
	}
	if fact.SyncMode.Get(s, "") == "quorum" && before4 != "" && from4 != "" {
		out = append(out, Finding{
			Asked: asked, Observed: before4 + ", in quorum mode", Expected: "4.0.0 or later",
			Effect: "They do not know quorum mode: each of them switches synchronous replication off once it leads.",
			Remedy: "Update Patroni to 4.0.0 or later there, or choose a candidate that runs it.",
		})
	}
	if out != nil {
		return out
	}
	return Witnessed(asked, "%s", having(func(string) bool { return true }))
}
