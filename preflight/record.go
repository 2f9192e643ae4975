package preflight

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxMembers is how many members are judged: some dozens are many for a cluster,
// and the cost of the judgement grows with the cube of their number.
const MaxMembers = 100

// maxSnapshot is the size in bytes up to which a snapshot is read. One of
// three members has about 50 kB.
const maxSnapshot = 64 << 20

// Save writes the snapshot as JSON.
func (s *Snapshot) Save(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return nil
}

// LoadSnapshot reads a recorded snapshot. It refuses another schema number,
// unknown fields excepted, anything that follows the document, and what no
// cluster gives: more than 64 MiB, more than MaxMembers members, two of one name.
func LoadSnapshot(r io.Reader) (*Snapshot, error) {
	limited := &io.LimitedReader{R: r, N: maxSnapshot + 1}
	dec := json.NewDecoder(limited)
	var s Snapshot
	if err := dec.Decode(&s); err != nil {
		if limited.N <= 0 {
			err = fmt.Errorf("it is longer than %d MiB", maxSnapshot>>20)
		}
		return nil, fmt.Errorf("read the snapshot: %w", err)
	}
	if s.Schema != SnapshotSchema {
		return nil, fmt.Errorf("read the snapshot: schema %d, this version reads %d", s.Schema, SnapshotSchema)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("read the snapshot: more than one JSON document, or something else behind it")
	}
	if n := len(s.Members); n > MaxMembers {
		return nil, fmt.Errorf("read the snapshot: %d members, not more than %d are judged", n, MaxMembers)
	}
	s.Sort()
	for i := 1; i < len(s.Members); i++ {
		if name := s.Members[i].Name; name == s.Members[i-1].Name {
			return nil, fmt.Errorf("read the snapshot: two members are called %.100q", name)
		}
	}
	return &s, nil
}
