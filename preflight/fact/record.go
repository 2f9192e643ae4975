package fact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// MaxMembers is how many members are judged: some dozens are many for a cluster,
// and the cost of the judgement grows with the cube of their number.
const MaxMembers = 100

// MaxSnapshot is the size in bytes up to which a snapshot is read. One of
// three members has about 50 kB.
const MaxSnapshot = 64 << 20

// Recording is a snapshot with the question that was asked about it.
type Recording struct {
	*Snapshot
	Question Question
}

// recorded is a recording as JSON, schema 1: cluster and question share the
// object "request".
type recorded struct {
	Schema  int                `json:"schema"`
	Tool    string             `json:"tool"`
	TakenAt time.Time          `json:"taken_at"`
	Request Request            `json:"request"`
	DCS     DCS                `json:"dcs"`
	Members []Member           `json:"members"`
	Moved   Observed[[]string] `json:"moved"`
	Files   []NodeFile         `json:"files,omitempty"`
}

// Save writes the recording as JSON.
func (r Recording) Save(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	s := r.Snapshot
	err := enc.Encode(recorded{
		Schema: s.Schema, Tool: s.Tool, TakenAt: s.TakenAt, Request: Request{s.Target, r.Question},
		DCS: s.DCS, Members: s.Members, Moved: s.Moved, Files: s.Files,
	})
	if err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return nil
}

// LoadRecording reads a recording. It accepts unknown fields and refuses another
// schema number, anything after the document, more than 64 MiB, more than
// MaxMembers members, and two members of one name.
func LoadRecording(r io.Reader) (*Recording, error) {
	limited := &io.LimitedReader{R: r, N: MaxSnapshot + 1}
	dec := json.NewDecoder(limited)
	var doc recorded
	if err := dec.Decode(&doc); err != nil {
		if limited.N <= 0 {
			err = fmt.Errorf("longer than %d MiB", MaxSnapshot>>20)
		}
		return nil, fmt.Errorf("read the snapshot: %w", err)
	}
	if doc.Schema != SnapshotSchema {
		return nil, fmt.Errorf("read the snapshot: schema %d, this version reads %d", doc.Schema, SnapshotSchema)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the snapshot: more than one JSON document, or other data after it")
	}
	if n := len(doc.Members); n > MaxMembers {
		return nil, fmt.Errorf("read the snapshot: %d members; at most %d are judged", n, MaxMembers)
	}
	s := &Snapshot{
		Schema: doc.Schema, Tool: doc.Tool, TakenAt: doc.TakenAt, Target: doc.Request.Target,
		DCS: doc.DCS, Members: doc.Members, Moved: doc.Moved, Files: doc.Files,
	}
	s.Sort()
	for i := 1; i < len(s.Members); i++ {
		if name := s.Members[i].Name; name == s.Members[i-1].Name {
			return nil, fmt.Errorf("read the snapshot: two members are called %.100q", name)
		}
	}
	return &Recording{s, doc.Request.Question}, nil
}
