package gather

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"patroni-preflight/pg"
	"patroni-preflight/preflight/fact"
)

const step = 200 * time.Millisecond

// world is a cluster that answers at once, unless a test has it do otherwise.
type world struct {
	mu sync.Mutex
	// asked is every question in order, with the time since start.
	asked []string
	start time.Time

	// reads are the leaders that one read of the DCS after the other shows; the
	// last one stays.
	reads []string
	dcs   fact.Observed[fact.Cluster]
	keys  map[string]fact.Observed[fact.MemberKey]
	// frozen are URLs, host names or "read", "reread", "sql" that never answer.
	frozen map[string]bool
	// slow is how long every REST API takes for its answer.
	slow   time.Duration
	names  map[string][]netip.Addr
	leader string // as SQL was told
}

func newWorld() *world {
	return &world{
		start: time.Now(),
		reads: []string{"n1"},
		keys: map[string]fact.Observed[fact.MemberKey]{
			"n1": key("10.0.0.1"), "n2": key("10.0.0.2"), "n3": key("10.0.0.3"),
		},
		frozen: map[string]bool{},
		names:  map[string][]netip.Addr{},
	}
}

func key(host string) fact.Observed[fact.MemberKey] {
	return fact.Known(fact.MemberKey{
		APIURL:  fact.Known("http://" + host + ":8008/patroni"),
		ConnURL: fact.Known("postgres://" + host + ":5432/postgres"),
	})
}

// ask notes a question, and waits for ever where the one asked is frozen.
func (w *world) ask(ctx context.Context, what, who string) error {
	w.mu.Lock()
	w.asked = append(w.asked, what)
	frozen := w.frozen[who]
	w.mu.Unlock()
	if !frozen {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func (w *world) Read(ctx context.Context, namespace, scope, group string) (fact.DCS, []fact.Member) {
	return w.answer(ctx, "read", namespace+"/"+scope+"/"+group)
}

func (w *world) Reread(ctx context.Context, prefix string) (fact.DCS, []fact.Member) {
	return w.answer(ctx, "reread", prefix)
}

func (w *world) answer(ctx context.Context, what, prefix string) (fact.DCS, []fact.Member) {
	d := fact.DCS{Kind: "fake", Prefix: prefix}
	if err := w.ask(ctx, what+" "+prefix, what); err != nil {
		d.Cluster = fact.NotKnown[fact.Cluster](fact.Silent, "%v", err)
		return d, nil
	}
	if w.dcs.Why != nil {
		d.Cluster = w.dcs
		return d, nil
	}
	d.Cluster = fact.Known(fact.Cluster{Leader: fact.Known(w.reads[0])})
	if len(w.reads) > 1 {
		w.reads = w.reads[1:]
	}
	var members []fact.Member
	for _, name := range slices.Backward(slices.Sorted(maps.Keys(w.keys))) { // gather has to sort
		members = append(members, fact.Member{Name: name, Key: w.keys[name]})
	}
	return d, members
}

func (w *world) rest(ctx context.Context, url string) (fact.Observed[fact.REST], fact.Observed[int]) {
	time.Sleep(w.slow)
	if err := w.ask(ctx, "rest "+url, url); err != nil {
		o := fact.NotKnown[fact.REST](fact.Silent, "%v", err)
		return o, fact.Because[int](o)
	}
	return fact.Known(fact.REST{HTTPStatus: 200, RemoteAddr: url}), fact.Known(200)
}

func (w *world) sql(ctx context.Context, targets []pg.Target, leader string) map[string]fact.Observed[fact.SQL] {
	w.leader = leader
	out := map[string]fact.Observed[fact.SQL]{}
	for _, t := range targets {
		err := w.ask(ctx, "sql "+t.ConnURL, t.ConnURL)
		if err != nil {
			out[t.Member] = fact.NotKnown[fact.SQL](fact.Silent, "%v", err)
			continue
		}
		out[t.Member] = fact.Known(fact.SQL{RemoteAddr: t.ConnURL})
	}
	return out
}

func (w *world) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := w.ask(ctx, "resolve "+host, host); err != nil {
		return nil, err
	}
	if a, ok := w.names[host]; ok {
		return a, nil
	}
	return nil, errors.New("no such host")
}

func (w *world) gather(ctx context.Context, vips ...string) *fact.Recording {
	src := Sources{Store: w, REST: w.rest, SQL: w.sql, Resolve: w.resolve, Now: time.Now}
	return src.Gather(ctx, fact.Request{Target: demo, Question: fact.Question{VIPs: vips}}, step, "test")
}

// questions are the questions that begin with a word, sorted.
func (w *world) questions(word string) []string {
	var out []string
	for _, q := range w.asked {
		if len(q) > len(word) && q[:len(word)+1] == word+" " {
			out = append(out, q[len(word)+1:])
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) expect(t *testing.T, word string, want ...string) {
	t.Helper()
	if got := w.questions(word); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: asked %v, want %v", word, got, want)
	}
}

func memberOf(t *testing.T, s *fact.Recording, name string) fact.Member {
	t.Helper()
	m, ok := s.Member(name)
	if !ok {
		t.Fatalf("no member %s in %v", name, s.Members)
	}
	return m
}

// demo is the cluster that the fakes are.
var demo = fact.Target{Scope: "demo", Namespace: "/service"}
