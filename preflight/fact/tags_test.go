package fact

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestTagsAreBounded: what is nested deeply would be quadratically long in a
// snapshot with its indentation, and further in than JSON can be read again.
func TestTagsAreBounded(t *testing.T) {
	nest := func(open, end string, n int) string {
		return `{"x":` + strings.Repeat(open, n) + "1" + strings.Repeat(end, n) + `}`
	}
	for _, good := range []string{
		`null`, `{}`, `{"nofailover":true}`, nest("[", "]", 19), nest(`{"y":`, "}", 19),
		`{"[[[[[[[[[[[[[[[[[[[[[[[[":"{{{{{{{{{{{{{{{{{{{{{{{{{\\\"[[["}`,
	} {
		var tags Tags
		if err := json.Unmarshal([]byte(good), &tags); err != nil {
			t.Errorf("%.60s: %v", good, err)
		}
	}
	for _, bad := range []string{
		`[]`, `"x"`, `1`, nest("[", "]", 20), nest(`{"y":`, "}", 20), nest("[", "]", 9000),
		`{"x":"\\",` + nest("[", "]", 20)[1:],
		`{"x":"` + strings.Repeat("y", 64_000) + `"}`,
	} {
		tags := Tags{}
		if err := tags.UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%.60s: accepted", bad)
		}
	}
}

// TestBooleans: a tag is true as in Python, a text in a file as in Patroni.
func TestBooleans(t *testing.T) {
	for _, v := range []any{true, 1.0, "false", []any{0.0}, map[string]any{"x": nil}, struct{}{}} {
		if !PythonBool(v) {
			t.Errorf("PythonBool(%#v) is false", v)
		}
	}
	for _, v := range []any{nil, false, 0.0, "", []any{}, map[string]any{}} {
		if PythonBool(v) {
			t.Errorf("PythonBool(%#v) is true", v)
		}
	}
	for text, want := range map[string][2]bool{
		"on": {true, true}, "TRUE": {true, true}, "yes": {true, true}, "1": {true, true},
		"Off": {false, true}, "false": {false, true}, "no": {false, true}, "0": {false, true},
		"": {false, false}, "t": {false, false}, "enabled": {false, false},
	} {
		if value, ok := PatroniBool(text); [2]bool{value, ok} != want {
			t.Errorf("PatroniBool(%q) = %v, %v, want %v", text, value, ok, want)
		}
	}
}
