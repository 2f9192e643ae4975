package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/exitcode"
	"patroni-preflight/preflight/verify"
)

// undescribed lists the fields of a document of which the schema knows nothing.
// Others may meet such a field in a later release; we write none.
func undescribed(root, s object, v any, path string) (out []string) {
	s = resolve(root, s)
	switch v := v.(type) {
	case object:
		properties, _ := s["properties"].(object)
		for name, field := range v {
			if sub, ok := properties[name].(object); ok {
				out = append(out, undescribed(root, sub, field, path+"."+name)...)
			} else {
				out = append(out, path+"."+name)
			}
		}
	case []any:
		items, _ := s["items"].(object)
		for i, item := range v {
			out = append(out, undescribed(root, items, item, fmt.Sprintf("%s[%d]", path, i))...)
		}
	}
	return out
}

// keeps holds a document to the schema, or a part of it.
func keeps(t *testing.T, name, ref string, text []byte) (doc object) {
	t.Helper()
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	root, part := schema(t), object{"$ref": ref}
	for _, e := range slices.Concat(
		validate(root, part, doc, "document"),
		undescribed(root, part, doc, "not described: document"),
	) {
		t.Errorf("%s: %s", name, e)
	}
	return doc
}

func written(t *testing.T, write func(*bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestDocumentsKeepTheSchema: every document that the commands write, and those
// that they have written.
func TestDocumentsKeepTheSchema(t *testing.T) {
	const report, verification, switchover = "#", "#/$defs/verification", "#/$defs/switchover"
	for _, sc := range scenarios {
		keeps(t, sc.name, report, render(t, "json", sc.report(t), Options{}))
	}
	judged := scenarios[0].report(t)
	asked := &preflight.RequestResult{
		Via:    "rest",
		Asked:  "POST http://10.77.9.21:8008/switchover",
		Began:  time.Unix(1e9, 0),
		Ended:  time.Unix(1e9, 5),
		Status: 503,
		Output: "Switchover failed",
	}
	documents := []preflight.SwitchoverReport{
		{SchemaVersion: check.ReportSchema, ExitCode: exitcode.NoGo, Check: judged},
		{
			SchemaVersion: check.ReportSchema,
			ExitCode:      exitcode.OutcomeUnknown,
			Check:         judged,
			Plan:          preflight.PlanOf(healthy(t).Snapshot, judged),
			Request:       asked,
		},
	}
	for _, e := range endings {
		v := ending(t, e.spoil)
		for _, v := range []verify.Verification{v, preflight.AsScheduled(v)} {
			keeps(
				t,
				e.name,
				verification,
				written(t, func(b *bytes.Buffer) error { return WriteVerification(b, "json", v, Options{}) }),
			)
			documents = append(
				documents,
				preflight.SwitchoverReport{
					SchemaVersion: check.ReportSchema,
					ExitCode:      v.ExitCode,
					Check:         judged,
					Plan:          preflight.PlanOf(healthy(t).Snapshot, judged),
					Request:       asked,
					Verification:  &v,
				},
			)
		}
	}
	for _, d := range documents {
		keeps(
			t,
			fmt.Sprint("switchover that ends with ", d.ExitCode),
			switchover,
			written(t, func(b *bytes.Buffer) error { return WriteSwitchover(b, "json", d, Options{}) }),
		)
	}
	goldens, err := filepath.Glob("testdata/verify-*.json")
	if err != nil || len(goldens) == 0 {
		t.Fatal(goldens, err)
	}
	for _, path := range goldens {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		keeps(t, path, verification, raw)
	}
}

// TestOutcomeSchemasRefuse: they are worth something only if what is wrong breaks
// them, and what they do not describe is seen.
func TestOutcomeSchemasRefuse(t *testing.T) {
	root, part := schema(t), object{"$ref": "#/$defs/switchover"}
	v := ending(t, endings[1].spoil)
	judged := scenarios[0].report(t)
	whole := preflight.SwitchoverReport{
		SchemaVersion: check.ReportSchema,
		Check:         judged,
		Plan:          preflight.PlanOf(healthy(t).Snapshot, judged),
		Request:       &preflight.RequestResult{Via: "rest"},
		Verification:  &v,
	}
	for name, spoil := range map[string]func(d object){
		"no check":                func(d object) { delete(d, "check") },
		"another verdict":         func(d object) { d["check"].(object)["verdict"] = "MAYBE" },
		"request left out":        func(d object) { delete(d, "request") },
		"another way of asking":   func(d object) { d["request"].(object)["via"] = "pigeon" },
		"a text for an exit code": func(d object) { d["exit_code"] = "0" },
		"verification left out":   func(d object) { delete(d, "verification") },
		"an outcome of no name":   func(d object) { d["verification"].(object)["outcome"] = "FINE" },
		"no points":               func(d object) { delete(d["verification"].(object), "points") },
		"a point of another " +
			"kind": func(d object) { d["verification"].(object)["points"].([]any)[0].(object)["id"] = "dcs.leader" },
		"a point of half a " +
			"status": func(d object) { d["verification"].(object)["points"].([]any)[0].(object)["status"] = "skipped" },
		"a plan without a leader": func(d object) { delete(d["plan"].(object), "leader") },
	} {
		doc := keeps(
			t,
			name,
			"#/$defs/switchover",
			written(t, func(b *bytes.Buffer) error { return WriteSwitchover(b, "json", whole, Options{}) }),
		)
		spoil(doc)
		if errs := validate(root, part, doc, "document"); len(errs) != 1 {
			t.Errorf("%s: errors %v, want one", name, errs)
		}
	}
	doc := keeps(
		t,
		"whole",
		"#/$defs/switchover",
		written(t, func(b *bytes.Buffer) error { return WriteSwitchover(b, "json", whole, Options{}) }),
	)
	doc["verification"].(object)["baseline"].(object)["slots"] = []any{object{"new": 1.0}}
	if got := undescribed(root, part, doc, ""); len(got) != 1 || got[0] != ".verification.baseline.slots[0].new" {
		t.Errorf("not described: %v", got)
	}
}
