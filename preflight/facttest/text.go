package facttest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"patroni-preflight/preflight/fact"
)

// RunText runs the cases of a text file. A case is a block of lines: comments, of
// which the first line names the case; the lines of a state; "----"; what comes of
// it. A blank line ends it. With update the results are written into the file.
func RunText(t *testing.T, file string, update bool, result func(t *testing.T, state []string) string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cases := 0
	for block := range strings.SplitSeq(strings.Trim(string(raw), "\n"), "\n\n") {
		given, want, isCase := strings.Cut(block+"\n", "----\n")
		out.WriteString(given)
		if !isCase {
			out.WriteString("\n")
			continue
		}
		cases++
		name := ""
		var state []string
		for line := range strings.Lines(given) {
			line = strings.TrimSpace(line)
			comment, isComment := strings.CutPrefix(line, "#")
			switch {
			case isComment && name == "":
				name = strings.TrimSpace(comment)
			case !isComment && line != "":
				state = append(state, line)
			}
		}
		t.Run(name, func(t *testing.T) {
			got := strings.TrimRight(result(t, state), "\n") + "\n"
			out.WriteString("----\n" + got + "\n")
			if want := strings.TrimRight(want, "\n") + "\n"; got != want && !update {
				t.Errorf("%s:\n%s\n(-want +got)\n%s", file, strings.Join(state, "\n"), lineDiff(want, got))
			}
		})
	}
	if cases == 0 {
		t.Fatalf("%s has no case", file)
	}
	if update {
		if err := os.WriteFile(file, []byte(strings.TrimRight(out.String(), "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// lineDiff is what differs between two texts, without the lines that they begin
// and end with.
func lineDiff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var out strings.Builder
	for _, line := range a {
		out.WriteString("-" + line + "\n")
	}
	for _, line := range b {
		out.WriteString("+" + line + "\n")
	}
	return out.String()
}

// Changed is the recording after the changes of some lines. A line is PATH = VALUE,
// with the names of the recording as JSON:
//
//	node2.rest.state = "stopping"
//	node2.rest = unknown refused
//	node1.sql.wal_senders.node2.sync_state = "sync"
//	config.pause = true
//	cluster.leader = ""
//	dcs.alarms = ["NOSPACE"]
//	question.candidate = "node3"
func Changed(t *testing.T, r *fact.Recording, lines []string) *fact.Recording {
	t.Helper()
	var b bytes.Buffer
	if err := r.Save(&b); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	Change(t, doc, lines)
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return changed
}

// Change makes the changes of some lines to a JSON document.
func Change(t *testing.T, doc map[string]any, lines []string) {
	t.Helper()
	for _, line := range lines {
		path, value, ok := strings.Cut(line, "=")
		if !ok {
			t.Fatalf("%q has no =", line)
		}
		if err := assign(doc, strings.Split(strings.TrimSpace(path), "."), strings.TrimSpace(value)); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
}

// assign sets the value at a path. Every second object of a recording is an
// Observed, whose "value" a path does not name.
func assign(doc map[string]any, path []string, text string) error {
	at, path := root(doc, path)
	for i, name := range path {
		if v, ok := at["value"].(map[string]any); ok {
			at = v
		}
		if i < len(path)-1 {
			next, ok := at[name].(map[string]any)
			if rows, list := next["value"].([]any); list && i < len(path)-2 {
				next = map[string]any{path[i+1]: rowOf(rows, path[i+1])}
			}
			if !ok {
				return fmt.Errorf("no %s in the recording", strings.Join(path[:i+1], "."))
			}
			at = next
			continue
		}
		old, observed := at[name].(map[string]any)
		_, known := old["value"]
		_, unknown := old["unknown"]
		if cause, ok := strings.CutPrefix(text, "unknown "); ok {
			at[name] = map[string]any{"unknown": map[string]any{"cause": cause, "reason": "so the case says"}}
			return nil
		}
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			return err
		}
		if !observed || !known && !unknown {
			at[name] = value
			return nil
		}
		delete(old, "unknown")
		old["value"] = value
	}
	return nil
}

// rowOf is the walsender of that application name, nil if there is none.
func rowOf(rows []any, name string) any {
	for _, row := range rows {
		if row, ok := row.(map[string]any); ok && row["application_name"] == name {
			return row
		}
	}
	return nil
}

// root is the object at which a path begins, and the rest of the path.
func root(doc map[string]any, path []string) (map[string]any, []string) {
	object := func(names ...string) map[string]any {
		at := doc
		for _, n := range names {
			at, _ = at[n].(map[string]any)
		}
		return at
	}
	switch path[0] {
	case "question":
		return object("request"), path[1:]
	case "dcs":
		return object("dcs"), path[1:]
	case "cluster":
		return object("dcs", "cluster"), path[1:]
	case "config":
		return object("dcs", "cluster", "value", "config"), path[1:]
	}
	members, _ := doc["members"].([]any)
	for _, m := range members {
		if m, ok := m.(map[string]any); ok && m["name"] == path[0] {
			return m, path[1:]
		}
	}
	return doc, path
}
