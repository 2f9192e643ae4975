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
