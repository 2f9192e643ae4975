package fact_test

import (
	"reflect"
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
)

func TestParseSyncNames(t *testing.T) {
	for text, want := range map[string]fact.SyncNames{
		"":                                {},
		"  ":                              {},
		"node2":                           {Num: 1, Names: []string{"node2"}},
		`"node-2"`:                        {Num: 1, Names: []string{"node-2"}},
		`"a""b"`:                          {Num: 1, Names: []string{`a"b`}},
		"*":                               {Num: 1, Names: []string{"*"}},
		"node2, node3":                    {Num: 1, Names: []string{"node2", "node3"}},
		"2 (node1,node2,node3)":           {Num: 2, Names: []string{"node1", "node2", "node3"}},
		"FIRST 2 (node1, node2)":          {Num: 2, Names: []string{"node1", "node2"}},
		`any 1 ("node1","node2","node3")`: {Num: 1, Any: true, Names: []string{"node1", "node2", "node3"}},
		"ANY 2(*)":                        {Num: 2, Any: true, Names: []string{"*"}},
		`"any"`:                           {Num: 1, Names: []string{"any"}},
		"17":                              {Num: 1, Names: []string{"17"}},
		"1 (17)":                          {Num: 1, Names: []string{"17"}},
		"knöpfe$1":                        {Num: 1, Names: []string{"knöpfe$1"}},
	} {
		got, err := fact.ParseSyncNames(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"a b", "a,", ",a", "ANY", "ANY 1", "FIRST (a)", "2 (a", "2 a)", "0 (a)", `"a`, "a;b", "ANY 1 ()", "1 (a)(b)",
		"ANY a (b)", "node-2", "99999999999999999999 (a)",
	} {
		if got, err := fact.ParseSyncNames(text); err == nil {
			t.Errorf("%q: %+v, want an error", text, got)
		}
	}
	if n := (fact.SyncNames{Num: 1, Names: []string{"Node2"}}); !n.Lists("node2") || n.Lists("node3") {
		t.Error("names are compared without regard to case")
	}
	long := strings.Repeat("n", 70)
	n := fact.SyncNames{Num: 1, Names: []string{long[:63], "kn??pfe"}}
	if got := n.Listed([]string{long, "knöpfe", "node1"}); !reflect.DeepEqual(got, []string{long, "knöpfe"}) {
		t.Errorf("PostgreSQL cuts names and replaces characters: %q", got)
	}
}

func FuzzSyncNames(f *testing.F) {
	f.Add(`ANY 2 ("a""b", *, c)`)
	f.Fuzz(func(t *testing.T, text string) {
		n, err := fact.ParseSyncNames(text)
		if err == nil && (n.Num > 0) != (len(n.Names) > 0) {
			t.Errorf("%q: %+v", text, n)
		}
	})
}
