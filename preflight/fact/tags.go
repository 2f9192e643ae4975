package fact

import (
	"encoding/json"
	"errors"
	"strings"
)

// Tags are Patroni's tags as decoded from JSON.
type Tags map[string]any

// TagsForm is what tags have to be, for the reason where they are not. The
// bounds are ours: written with indentation, a few kB of brackets would be many
// megabytes in a snapshot.
const TagsForm = "an object of at most 64 kB and 20 levels"

// UnmarshalJSON reads tags of the form TagsForm.
func (t *Tags) UnmarshalJSON(b []byte) error {
	const maxBytes, maxLevels = 64_000, 20
	if len(b) > maxBytes || levels(b) > maxLevels {
		return errors.New("tags are not " + TagsForm)
	}
	return json.Unmarshal(b, (*map[string]any)(t))
}

// levels is how deep valid JSON is nested.
func levels(doc []byte) int {
	depth, deepest := 0, 0
	inText, escaped := false, false
	for _, c := range doc {
		switch {
		case escaped:
			escaped = false
		case inText:
			escaped, inText = c == '\\', c != '"'
		case c == '"':
			inText = true
		case c == '{', c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}', c == ']':
			depth--
		}
	}
	return deepest
}

// PythonBool is Python's bool() of a value decoded from JSON: Patroni reads tags and
// sections so.
func PythonBool(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case float64:
		return x != 0
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	case map[string]any:
		return len(x) > 0
	}
	return true
}

// PatroniBool reads a boolean in the spellings that Patroni accepts; ok is false for
// any other text (patroni/utils.py, parse_bool).
func PatroniBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "on", "true", "yes", "1":
		return true, true
	case "off", "false", "no", "0":
		return false, true
	}
	return false, false
}
