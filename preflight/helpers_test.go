package preflight

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// load reads a snapshot that was recorded from a real cluster.
func load(t testing.TB, name string) *Recording {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", "snapshots", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// healthy is a three-node cluster of Patroni 4.0.7: node1 leads, node2 is the
// candidate, node3 stands by.
func healthy(t testing.TB) *Recording {
	s := load(t, "healthy-4.0.7")
	for i := range s.Members { // recorded before there were these facts
		s.Members[i].SQL.Value.Certificate = Known(Certificate{})
		s.Members[i].SQL.Value.UpstreamSSLMode = Known("prefer")
	}
	return s
}

// member returns the member for a test to change.
func (s *Snapshot) member(name string) *Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	panic("no member " + name)
}

// judgeOf judges a recording.
func judgeOf(r *Recording) Report { return Judge(r.Snapshot, r.Question, Policies{}) }

// baselineOf is the baseline of a recording.
func baselineOf(r *Recording) Baseline { return BaselineOf(r.Snapshot, r.Question) }

// resultOf finds the one result of a check for a subject.
func resultOf(t testing.TB, r Report, check, subject string) WeighedResult {
	t.Helper()
	for _, res := range r.Results {
		if res.Check == check && res.Subject == subject {
			return res
		}
	}
	t.Fatalf("no result of %s for %q", check, subject)
	return WeighedResult{}
}

// fails lists the checks that block or are unknown, for messages.
func fails(r Report) string {
	var out []string
	for _, res := range r.Results {
		if res.Weight == Blocks || res.Weight == Unseen {
			line := string(res.Weight) + " " + res.Check + " " + res.Subject
			for _, f := range res.Findings {
				line += ": " + f.Sentence()
			}
			for _, m := range res.Missing {
				line += ": " + m.Fact + ": " + m.Reason
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

// observedFact is one Observed somewhere in a snapshot.
type observedFact struct {
	path  string
	value reflect.Value
}

// forget makes the fact unknown.
func (f observedFact) forget() {
	f.value.FieldByName("Value").SetZero()
	f.value.FieldByName("Why").Set(reflect.ValueOf(&Unknown{Cause: Failed, Reason: "taken away by the test"}))
}

// factsIn finds every known fact of a snapshot by reflection, so that a fact
// added tomorrow is found too. Elements of lists are named by their Name or URL.
func factsIn(s *Recording) []observedFact {
	var out []observedFact
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				walk(path, v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				e := v.Index(i)
				name := ""
				if e.Kind() == reflect.Struct {
					for _, field := range []string{"Name", "URL", "ApplicationName"} {
						if f := e.FieldByName(field); f.IsValid() && f.Kind() == reflect.String {
							name = f.String()
						}
					}
				}
				walk(path+"["+name+"]", e)
			}
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				return
			}
			if strings.HasPrefix(v.Type().Name(), "Observed[") {
				if !v.FieldByName("Value").IsNil() {
					out = append(out, observedFact{path, v})
					walk(path, v.FieldByName("Value"))
				}
				return
			}
			for i := range v.NumField() {
				walk(path+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	walk("", reflect.ValueOf(s.Snapshot))
	return out
}
