package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"patroni-preflight/preflight"
	"patroni-preflight/preflight/fact"
)

type object = map[string]any

func schema(t *testing.T) object {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "report.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var s object
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// resolve follows a reference within the schema.
func resolve(root, s object) object {
	ref, ok := s["$ref"].(string)
	if !ok {
		return s
	}
	for name := range strings.SplitSeq(strings.Trim(strings.TrimPrefix(ref, "#"), "/"), "/") {
		if name == "" {
			continue // the schema as a whole
		}
		if root, ok = root[name].(object); !ok {
			panic("nothing at " + ref)
		}
	}
	return root
}

// validate is as much of JSON Schema 2020-12 as our schema uses. A keyword that
// it does not know is an error: it would hold nothing.
func validate(root, s object, v any, path string) []string {
	s = resolve(root, s)
	var errs []string
	wrong := func(format string, args ...any) { errs = append(errs, path+": "+fmt.Sprintf(format, args...)) }
	for keyword, arg := range s {
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description", "format":
		case "type":
			types, ok := arg.([]any)
			if !ok {
				types = []any{arg}
			}
			if !slices.ContainsFunc(types, func(t any) bool { return isA(v, t.(string)) }) {
				wrong("%v is no %v", v, arg)
			}
		case "const":
			if v != arg {
				wrong("%v is not %v", v, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				wrong("%v is none of %v", v, arg)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
				wrong("%q does not match %s", text, arg)
			}
		case "minimum":
			if n, ok := v.(float64); ok && n < arg.(float64) {
				wrong("%v is less than %v", n, arg)
			}
		case "required":
			o, _ := v.(object)
			for _, name := range arg.([]any) {
				if _, ok := o[name.(string)]; o != nil && !ok {
					wrong("%s is missing", name)
				}
			}
		case "properties":
			o, _ := v.(object)
			for name, sub := range arg.(object) {
				if field, ok := o[name]; ok {
					errs = append(errs, validate(root, sub.(object), field, path+"."+name)...)
				}
			}
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				errs = append(errs, validate(root, arg.(object), item, fmt.Sprintf("%s[%d]", path, i))...)
			}
		default:
			wrong("the schema uses %s, which this test does not know", keyword)
		}
	}
	return errs
}

func isA(v any, typ string) bool {
	switch v := v.(type) {
	case nil:
		return typ == "null"
	case bool:
		return typ == "boolean"
	case string:
		return typ == "string"
	case []any:
		return typ == "array"
	case object:
		return typ == "object"
	case float64:
		return typ == "number" || typ == "integer" && v == float64(int64(v))
	}
	return false
}

func document(t *testing.T, r preflight.Report) object {
	t.Helper()
	var doc object
	if err := json.Unmarshal(render(t, "json", r, Options{}), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestReportsKeepTheSchema(t *testing.T) {
	root := schema(t)
	for _, sc := range scenarios {
		for _, e := range validate(root, root, document(t, sc.report(t)), "report") {
			t.Errorf("%s: %s", sc.name, e)
		}
	}
}

// TestSchemaRefuses: it is worth something only if it is broken by what is wrong.
func TestSchemaRefuses(t *testing.T) {
	root := schema(t)
	first := func(doc object, list string) object { return doc[list].([]any)[0].(object) }
	for name, spoil := range map[string]func(doc object){
		"another version":      func(d object) { d["schema_version"] = 2.0 },
		"no verdict":           func(d object) { delete(d, "verdict") },
		"an unknown verdict":   func(d object) { d["verdict"] = "MAYBE" },
		"another exit code":    func(d object) { d["exit_code"] = 1.0 },
		"a time of no zone":    func(d object) { d["taken_at"] = "2026-11-22T22:40:31" },
		"members null":         func(d object) { d["members"] = nil },
		"a result of no check": func(d object) { delete(first(d, "results"), "check") },
		"an unknown weight":    func(d object) { first(d, "results")["weight"] = "heavy" },
		"a text for a count":   func(d object) { d["summary"].(object)["blockers"] = "1" },
		"a negative lag":       func(d object) { first(d, "members")["live_lag"] = -1.0 },
		"half a byte":          func(d object) { first(d, "members")["live_lag"] = 0.5 },
		"a finding of no kind": func(d object) { delete(first(first(d, "results"), "findings"), "kind") },
		"a lag left out":       func(d object) { delete(first(d, "members"), "dcs_lag") },
	} {
		doc := document(t, scenarios[0].report(t))
		if errs := validate(root, root, doc, "report"); len(errs) > 0 {
			t.Fatal(errs)
		}
		spoil(doc)
		if len(validate(root, root, doc, "report")) != 1 {
			t.Errorf("%s: errors %v, want one", name, validate(root, root, doc, "report"))
		}
	}
	// A schema accepts a field that is added later.
	doc := document(t, scenarios[0].report(t))
	doc["new"], first(doc, "results")["new"] = 1.0, "x"
	if errs := validate(root, root, doc, "report"); len(errs) > 0 {
		t.Errorf("an additional field is refused: %v", errs)
	}
}

// TestSchemaDescribesEveryField walks the types of the report beside the schema:
// each field is described, required where it is always written, of the right
// type, and there are no others.
func TestSchemaDescribesEveryField(t *testing.T) {
	root := schema(t)
	seen := 0
	var walk func(path string, typ reflect.Type, s object)
	walk = func(path string, typ reflect.Type, s object) {
		seen++
		described, _ := s["description"].(string)
		s = resolve(root, s)
		if d, _ := s["description"].(string); described+d == "" && !strings.HasSuffix(path, "[]") {
			t.Errorf("%s has no description", path)
		}
		want := map[reflect.Kind]string{
			reflect.String:  "string",
			reflect.Int:     "integer",
			reflect.Int64:   "integer",
			reflect.Float64: "number",
			reflect.Bool:    "boolean",
			reflect.Slice:   "array",
			reflect.Struct:  "object",
		}
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		kind := want[typ.Kind()]
		if typ == reflect.TypeFor[time.Time]() {
			kind = "string"
		}
		if got := fmt.Sprint(s["type"]); s["enum"] == nil && s["const"] == nil && got != kind && got != "["+kind+" null]" {
			t.Errorf("%s is %s in the schema, want %s", path, got, kind)
		}
		switch {
		case kind == "array":
			items, ok := s["items"].(object)
			if !ok {
				t.Fatalf("%s: the schema has no items", path)
			}
			walk(path+"[]", typ.Elem(), items)
		case kind == "object":
			properties, _ := s["properties"].(object)
			required, _ := s["required"].([]any)
			names := map[string]bool{}
			for _, f := range reflect.VisibleFields(typ) {
				tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
				if f.Anonymous || !f.IsExported() || tag == "-" {
					continue
				}
				names[tag] = true
				sub, ok := properties[tag].(object)
				if !ok {
					t.Errorf("%s.%s is not in the schema", path, tag)
					continue
				}
				if always := !strings.HasPrefix(options, "omit"); slices.Contains(required, any(tag)) != always {
					t.Errorf("%s.%s: always written: %t, and in the schema otherwise", path, tag, always)
				}
				walk(path+"."+tag, f.Type, sub)
			}
			for name := range properties {
				if !names[name] {
					t.Errorf("%s.%s is in the schema only", path, name)
				}
			}
		}
	}
	walk("switchover", reflect.TypeFor[preflight.SwitchoverReport](), object{"$ref": "#/$defs/switchover"})
	walk("report", reflect.TypeFor[preflight.Report](), root)
	walk("groups", reflect.TypeFor[preflight.GroupsReport](), object{"$ref": "#/$defs/groups"})
	if seen < 60 {
		t.Errorf("only %d fields were seen", seen)
	}
}

// TestSchemaListsEveryCause: a script that tells them apart finds all of them.
func TestSchemaListsEveryCause(t *testing.T) {
	text := resolve(
		schema(t),
		object{"$ref": "#/$defs/missing"},
	)["properties"].(object)["cause"].(object)["description"].(string)
	for _, c := range []fact.Cause{
		fact.NotAsked, fact.Refused, fact.Silent, fact.Unreached, fact.Unresolved, fact.Denied,
		fact.Privilege, fact.Malformed, fact.Absent, fact.Failed, fact.Unsupport,
	} {
		if !strings.Contains(text, string(c)) {
			t.Errorf("the cause %s is not described", c)
		}
	}
}
