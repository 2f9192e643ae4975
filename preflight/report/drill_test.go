package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/facttest"
	"patroni-preflight/preflight/verify"
)

// rehearsed is the drill of a healthy cluster that ends after so many legs, the
// last of which has the exit code.
func rehearsed(t testing.TB, legs, code int) preflight.DrillReport {
	t.Helper()
	d := planOf(healthy(t))
	for i := range legs {
		v := ending(t, func(*fact.Recording) {})
		v.Leader = d.Legs[i].To
		timeline := int64(i + 2)
		v.Timeline = &timeline
		s := preflight.SwitchoverReport{
			SchemaVersion: check.ReportSchema,
			Check:         scenarios[0].report(t),
			Request:       &preflight.RequestResult{Via: "rest"},
			Verification:  &v,
		}
		seconds := 1.25 + float64(i)
		o := &verify.Outage{Seconds: &seconds, Resolution: 0.1}
		last := exitcode.Go
		if i == legs-1 {
			last = code
		}
		switch last {
		case exitcode.NoGo:
			s = preflight.SwitchoverReport{SchemaVersion: check.ReportSchema, Check: scenarios[0].report(t)}
			s.Check.Verdict, s.Check.ExitCode, s.Check.Leader, o = preflight.NoGo, exitcode.NoGo, d.Legs[i].From, nil
			n := int64(i + 1)
			s.Check.Baseline.Timeline = &n
		case exitcode.Different:
			v = ending(t, endings[1].spoil)
			s.Verification, o = &v, &verify.Outage{Resolution: 0.1, Why: "no primary was seen in the end"}
		case exitcode.Interrupted:
			s, o = preflight.SwitchoverReport{}, nil
		}
		why := ""
		if last == exitcode.Interrupted {
			why = "stopped by interrupt"
		}
		d.End(i, last, s, o, why)
	}
	if d.Leader != d.First {
		d.Back = "patroni-preflight switchover --candidate " + d.First
	}
	return d
}

func drills(t testing.TB) map[string]preflight.DrillReport {
	planned := func(d preflight.DrillReport) preflight.DrillReport { d.DryRun = true; return d }
	hostile := healthy(t)
	member(hostile, "node3").Name = hostileName
	leaderless := healthy(t)
	leaderless.DCS.Cluster.Value.Leader = fact.Known("")
	none := preflight.PlanDrill(leaderless.Snapshot, leaderless.Question, check.Policies{})
	none.ExitCode, none.Stopped = none.Start()
	sync := healthy(t)
	sync.DCS.Cluster.Value.Config.Value.SynchronousMode = fact.Known("on")
	sync.DCS.Cluster.Value.Sync = fact.Known(fact.Sync{Leader: "node1", Standbys: []string{"node2"}})
	facttest.Kept(sync)
	return map[string]preflight.DrillReport{
		"synchronous": planned(preflight.PlanDrill(sync.Snapshot, sync.Question, check.Policies{})),
		"plan": planned(
			planOf(healthy(t)),
		),
		"done":         rehearsed(t, 3, exitcode.Go),
		"no-go":        rehearsed(t, 2, exitcode.NoGo),
		"different":    rehearsed(t, 1, exitcode.Different),
		"interrupted":  rehearsed(t, 2, exitcode.Interrupted),
		"hostile":      planned(preflight.PlanDrill(hostile.Snapshot, hostile.Question, check.Policies{})),
		"nobody-leads": none,
	}
}

func TestDrillGolden(t *testing.T) {
	for name, d := range drills(t) {
		for _, format := range DrillFormats {
			if format == "json" {
				continue // the schema's test has it
			}
			path := filepath.Join("testdata", "drill-"+name+"."+strings.Replace(format, "markdown", "md", 1))
			t.Run(filepath.Base(path), func(t *testing.T) {
				var b bytes.Buffer
				if err := WriteDrill(&b, format, d, Options{}); err != nil {
					t.Fatal(err)
				}
				if strings.ContainsAny(b.String(), "\x1b\x7f") {
					t.Errorf("%q steers the terminal", b.String())
				}
				compareGolden(t, path, b.Bytes())
			})
		}
	}
	var b bytes.Buffer
	if err := WriteDrill(&b, "nagios", preflight.DrillReport{}, Options{}); err == nil || b.Len() > 0 {
		t.Errorf("a format that does not exist: %v, %d bytes", err, b.Len())
	}
}

// TestDrillSchema: what is written keeps docs/drill.schema.json, and every field of
// it is described there. The documents of check and switchover within are theirs.
func TestDrillSchema(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "drill.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var root object
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	for name, d := range drills(t) {
		var b bytes.Buffer
		if err := WriteDrill(&b, "json", d, Options{}); err != nil {
			t.Fatal(err)
		}
		var doc object
		if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
			t.Fatal(err)
		}
		for _, e := range validate(root, root, doc, "drill") {
			t.Errorf("%s: %s", name, e)
		}
		delete(doc, "stopped")
		doc["exit_code"] = 99.0
		if len(validate(root, root, doc, "drill")) != 2 {
			t.Errorf("%s: what is wrong is not refused", name)
		}
	}
	leg := resolve(root, object{"$ref": "#/$defs/leg"})
	for typ, s := range map[reflect.Type]object{
		reflect.TypeFor[preflight.DrillReport](): root,
		reflect.TypeFor[preflight.DrillLeg]():    leg,
		reflect.TypeFor[preflight.LeftOut]():     resolve(root, object{"$ref": "#/$defs/left_out"}),
		reflect.TypeFor[verify.Outage]():         resolve(root, object{"$ref": "#/$defs/outage"}),
	} {
		properties := s["properties"].(object)
		for _, f := range reflect.VisibleFields(typ) {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			p, ok := properties[name].(object)
			if !ok {
				t.Errorf("%s.%s is not in the schema", typ.Name(), name)
			} else if text, _ := p["description"].(string); text == "" && p["$ref"] == nil {
				t.Errorf("%s.%s has no description", typ.Name(), name)
			}
		}
		if len(properties) != len(reflect.VisibleFields(typ)) {
			t.Errorf("%s: the schema has fields that are not written", typ.Name())
		}
	}
}

func planOf(r *fact.Recording) preflight.DrillReport {
	return preflight.PlanDrill(r.Snapshot, r.Question, check.Policies{})
}

// TestDrillPlan: what is confirmed names every leg, and ends before an outcome.
func TestDrillPlan(t *testing.T) {
	d := planOf(healthy(t))
	var plan bytes.Buffer
	if err := WriteDrillPlan(&plan, d, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, leg := range d.Legs {
		if want := leg.From + " -> " + leg.To; !strings.Contains(plan.String(), want) {
			t.Errorf("no %q in\n%s", want, &plan)
		}
	}
	if strings.Contains(plan.String(), "DONE") {
		t.Errorf("an outcome before the drill:\n%s", &plan)
	}
}

// TestLine: a foreign text cannot move the cursor of the line that shows it.
func TestLine(t *testing.T) {
	if got, want := Line("a\x1b[2J\nb\x7fcd", 8), "a?[2J b?"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
