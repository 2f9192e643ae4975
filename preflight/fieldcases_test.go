package preflight_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
)

var update = flag.Bool("update", false, "write docs/field-cases.md")

// fieldCase is a publicly reported switchover that failed or did harm, or a trap
// in Patroni's own source (T).
type fieldCase struct {
	id, ref string
	// what happened, in a few words: a table's cell and the test's name.
	what  string
	state caseState
	// why it is not named, or not in full; "" where it is.
	why string
	// scenario shows the same on real clusters, "" where none does.
	scenario string
	// looks are clusters as the report shows them, and what is said of each.
	looks []look
}

// caseState is what the tool has to say of a case.
type caseState string

const (
	named caseState = "named"
	// inPart: the cause is named where it shows, and it does not always show.
	inPart caseState = "in part"
	// open: the report does not say what the cause was; each that it leaves open
	// and that shows beforehand is named.
	open caseState = "cause open"
	// later: it shows beforehand, and this tool does not look yet.
	later caseState = "not yet"
	never caseState = "not visible"
)

var caseStates = []struct {
	state caseState
	means string
}{
	{named, "the checks report the cause before the switchover"},
	{inPart, "the checks report the cause if it is visible, which is not always the case"},
	{open, "the report does not establish the cause; the checks report each possible cause that is visible"},
	{later, "visible before the switchover, but not checked yet"},
	{never, "nothing is visible before the switchover"},
}

// look is one cluster, built from a healthy one, and the check that has to speak up.
type look struct {
	name string
	by   string
	on   string // the result's subject
	as   preflight.Weight
	// says are parts of the finding's sentence, or of the reason why a fact is missing.
	says []string
	do   func(s *fact.Recording)
	// from is a recorded snapshot to begin with; the healthy one where empty.
	from string
	// want is the verdict; where empty it follows from the weight.
	want preflight.Verdict
	// more looks at the rest of the report.
	more func(t *testing.T, r preflight.Report)
}

// theCandidate stands for the candidate of a recorded snapshot.
const theCandidate = "*"

func allCases() []fieldCase {
	return slices.Concat(
		addressCases,
		clientCases,
		lagReports,
		replicaCases,
		syncReports,
		shutdownFieldCases,
		returnCases,
		slotCases,
		otherCases,
		sourceCases,
	)
}

// caseNumbers are the numbers in use, by topic; the others were dropped before
// this list was made. A case is never renumbered.
var caseNumbers = []struct {
	prefix, title string
	numbers       []int
}{
	{"R1", "A REST address that is wrong, shared or unreachable", []int{1, 2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 14}},
	{"R2", "TLS and passwords of the REST API", []int{1, 2, 3, 4, 5, 6, 7, 8}},
	{"R3", "Lag, and how it is reported", []int{1, 2, 3, 4, 5, 6, 8, 9}},
	{"R4", "Replicas that do not stream or are on another timeline", []int{1, 2, 3, 5, 6, 7, 8}},
	{"R5", "Synchronous and quorum mode", []int{1, 2, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 16, 18}},
	{"R6", "Candidates that may not become leader", []int{1, 3, 4, 5}},
	{"R7", "An old leader that does not stop", []int{1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16}},
	{"R8", "Members that do not rejoin", []int{1, 2, 3, 5, 6, 7, 9, 10, 11, 13, 14, 15}},
	{"R9", "Promotions that do not finish", []int{1, 2, 4, 5}},
	{"R10", "Slots and their consumers", []int{1, 3, 4, 5, 6}},
	{"R11", "The DCS, maintenance mode, disks and races", []int{1, 3, 4, 6}},
	{"R12", "Side effects on other members and clients", []int{2, 3, 5}},
	{"R13", "Tools around the switchover", []int{1, 2, 3, 4, 5}},
	{"T", "Traps in Patroni's source", []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}},
}

func caseID(prefix string, n int) string {
	if prefix == "T" {
		return fmt.Sprintf("T%d", n)
	}
	return fmt.Sprintf("%s-%02d", prefix, n)
}

func TestFieldCase(t *testing.T) {
	for _, c := range allCases() {
		t.Run(c.id+" "+c.what, func(t *testing.T) {
			if (c.why == "") != (c.state == named) {
				t.Errorf("%s, and why: %q", c.state, c.why)
			}
			if (len(c.looks) == 0) != (c.state == later || c.state == never) {
				t.Errorf("%s with %d looks", c.state, len(c.looks))
			}
			for _, l := range c.looks {
				t.Run(l.name, func(t *testing.T) { takeLook(t, l) })
			}
		})
	}
}

func takeLook(t *testing.T, l look) {
	s := facttest.Healthy(t)
	if l.from != "" {
		raw, err := os.ReadFile(filepath.Join("testdata", "recorded", l.from+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if s, err = fact.LoadRecording(bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
	}
	if l.do != nil {
		l.do(s)
	}
	if l.on == theCandidate {
		l.on = s.Question.Candidate
	}
	want := l.want
	if want == "" {
		want = map[preflight.Weight]preflight.Verdict{
			preflight.Blocks: preflight.NoGo,
			preflight.Unseen: preflight.UnknownState,
			preflight.Warns:  preflight.Go,
			preflight.Passed: preflight.Go,
		}[l.as]
	}
	r := preflight.Judge(s.Snapshot, s.Question, check.Policies{})
	if r.Verdict != want {
		t.Errorf("%s, want %s\n%s", r.Verdict, want, facttest.Fails(r))
	}
	res := facttest.ResultOf(t, r, l.by, l.on)
	if res.Weight != l.as {
		t.Errorf("%s of %q: %s, want %s", l.by, l.on, res.Weight, l.as)
	}
	var said strings.Builder
	for _, f := range res.Findings {
		fmt.Fprintln(&said, f.Sentence())
	}
	for _, m := range res.Missing {
		fmt.Fprintln(&said, m.Fact+": "+m.Reason)
	}
	if len(l.says) == 0 {
		t.Error("nothing that has to be said")
	}
	for _, part := range l.says {
		if !strings.Contains(said.String(), part) {
			t.Errorf("%q is not in\n%s", part, said.String())
		}
	}
	if l.more != nil {
		l.more(t, r)
	}
}

// TestFieldCasesAreComplete: every number has its case, in order, and what a case
// refers to is there.
func TestFieldCasesAreComplete(t *testing.T) {
	var want, have []string
	for _, topic := range caseNumbers {
		for _, n := range topic.numbers {
			want = append(want, caseID(topic.prefix, n))
		}
	}
	scenarios := scenarioNames(t)
	for _, c := range allCases() {
		have = append(have, c.id)
		if c.what == "" || strings.HasSuffix(c.what, ".") || strings.ContainsAny(c.what+c.why, "|\n") {
			t.Errorf("%s: %q, %q", c.id, c.what, c.why)
		}
		if !slices.ContainsFunc(caseStates, func(k struct {
			state caseState
			means string
		},
		) bool {
			return k.state == c.state
		}) {
			t.Errorf("%s: %q", c.id, c.state)
		}
		if c.scenario != "" && !slices.Contains(scenarios, c.scenario) {
			t.Errorf("%s: there is no scenario %q", c.id, c.scenario)
		}
		for _, l := range c.looks {
			if _, ok := preflight.CheckByID(l.by); !ok {
				t.Errorf("%s: there is no check %s", c.id, l.by)
			}
		}
	}
	if len(want) != 112 || !slices.Equal(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(have))) {
		t.Errorf("%d numbers: %v\n%d cases: %v", len(want), want, len(have), have)
	}
}

// scenarioNames are the names of the e2e scenarios.
func scenarioNames(t *testing.T) []string {
	files, _ := filepath.Glob(filepath.Join("..", "e2e", "*_test.go"))
	var out []string
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(raw), "name:")[1:] {
			if quoted, err := strconv.QuotedPrefix(strings.TrimLeft(part, " ")); err == nil {
				name, _ := strconv.Unquote(quoted)
				out = append(out, name)
			}
		}
	}
	if len(out) < 60 {
		t.Fatalf("only %d scenarios found", len(out))
	}
	return out
}

// TestFieldCasesDocument holds docs/field-cases.md to the cases.
func TestFieldCasesDocument(t *testing.T) {
	file, want := filepath.Join("..", "docs", "field-cases.md"), fieldCasesDocument()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != want {
		t.Errorf("docs/field-cases.md is not what the cases say (%v). Make it anew: make docs", err)
	}
}
