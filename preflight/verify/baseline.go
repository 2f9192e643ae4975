package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"patroni-preflight/preflight/check"
	"patroni-preflight/preflight/fact"
)

// Baseline is the state before a switchover that a verification compares with. Null
// means that it was not seen, so it cannot be compared.
type Baseline struct {
	Scope     string    `json:"scope"`
	Namespace string    `json:"namespace"`
	Group     string    `json:"group,omitempty"`
	TakenAt   time.Time `json:"taken_at"`
	// Leader is the holder of the leader key, Candidate the member to be promoted;
	// "" if Patroni chooses.
	Leader    string `json:"leader"`
	Candidate string `json:"candidate"`
	// StandbyCluster: the leader follows another cluster, so no member is promoted.
	StandbyCluster *bool   `json:"standby_cluster"`
	SystemID       *string `json:"system_identifier"`
	Timeline       *int64  `json:"timeline"`
	// FlushLSN is how far the leader had flushed its WAL.
	FlushLSN *string `json:"flush_lsn"`
	// Followers are the members that streamed, from the leader or from another member.
	// They have to stream afterwards too, as does the old leader. Null where
	// pg_stat_replication of the leader was not seen.
	Followers []string `json:"followers"`
	// Slots are the leader's slots that must survive a switchover: logical slots, slots
	// that /config declares, and slots of members.
	Slots []BaselineSlot `json:"slots"`
}

// BaselineSlot is a replication slot.
type BaselineSlot struct {
	Name string `json:"name"`
	Type string `json:"type"`
}

// BaselineOf takes a baseline from a snapshot.
func BaselineOf(s *fact.Snapshot, q fact.Question) Baseline {
	leader := s.Leader()
	b := Baseline{
		Scope:     s.Target.Scope,
		Namespace: s.Target.Namespace,
		Group:     s.Target.Group,
		TakenAt:   s.TakenAt,
		Leader:    leader,
		Candidate: q.Candidate,
		StandbyCluster: fact.StandbyCluster.Of(
			s,
			"",
		).Value,
		SystemID: fact.SQLSystemID.Of(s, leader).Value,
		Timeline: fact.SQLTimeline.Of(s, leader).Value,
	}
	before, okB := fact.LeaderBefore.Of(s, "").Get()
	after, okA := fact.LeaderAfter.Of(s, "").Get()
	if okA && after != fact.NoLimit {
		before, okB = max(before, after), true
	}
	if okB {
		text := before.String()
		b.FlushLSN = &text
	}
	if fact.WALSenders.Of(s, leader).Known() {
		b.Followers = slices.DeleteFunc(
			append([]string{}, s.Replicas()...),
			func(m string) bool { return streamsFrom(s, m) == "" },
		)
	}
	if slots, ok := fact.SQLSlots.Of(s, leader).Get(); ok {
		b.Slots = ExpectedAfter(s, slots)
	}
	return b
}

// ExpectedAfter are the slots that are expected on the next leader.
func ExpectedAfter(s *fact.Snapshot, slots []fact.Slot) []BaselineSlot {
	out := []BaselineSlot{}
	permanent, _ := fact.PermanentSlots.Of(s, "").Get()
	leaves, _ := fact.IgnoreSlots.Of(s, "").Get()
	members := s.MemberSlots()
	for _, slot := range slots {
		kept := slot.Type == "logical" || fact.Declared(permanent, slot) || slices.Contains(members, slot.Name)
		if kept && !slot.Temporary && !fact.Ignored(leaves, slot) {
			out = append(out, BaselineSlot{slot.Name, slot.Type})
		}
	}
	return out
}

// streamsFrom is the member whose pg_stat_replication shows that m streams from it, the
// leader first; "" where no member does.
func streamsFrom(s *fact.Snapshot, m string) string {
	for _, at := range append([]string{s.Leader()}, s.Others(s.Leader())...) {
		if at != m && fact.SenderState(s, at, m).State == "streaming" {
			return at
		}
	}
	return ""
}

// flush is FlushLSN as a position.
func (b Baseline) flush() (fact.LSN, bool) {
	if b.FlushLSN == nil {
		return 0, false
	}
	lsn, err := fact.ParseLSN(*b.FlushLSN)
	return lsn, err == nil
}

// LoadBaseline reads a file that was recorded before a switchover: a snapshot (check
// --record), or the report of check or switchover as JSON.
func LoadBaseline(raw []byte) (Baseline, error) {
	var doc struct {
		Schema        int       `json:"schema"`
		SchemaVersion int       `json:"schema_version"`
		Baseline      *Baseline `json:"baseline"`
		Check         struct {
			Baseline *Baseline `json:"baseline"`
		} `json:"check"`
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return Baseline{}, fmt.Errorf("read the baseline: %w", err)
	}
	b := doc.Baseline
	if b == nil {
		b = doc.Check.Baseline
	}
	switch {
	case b != nil && doc.SchemaVersion != check.ReportSchema:
		return Baseline{}, fmt.Errorf("read the baseline: schema_version %d, this version reads %d",
			doc.SchemaVersion, check.ReportSchema)
	case b != nil:
		return *b, b.complete()
	case doc.Schema == 0:
		return Baseline{}, errors.New("read the baseline: neither a snapshot (check --record FILE) " +
			"nor a report as JSON (check or switchover -f json)")
	}
	r, err := fact.LoadRecording(bytes.NewReader(raw))
	if err != nil {
		return Baseline{}, err
	}
	out := BaselineOf(r.Snapshot, r.Question)
	return out, out.complete()
}

// complete reports whether the baseline has a leader: without it nothing can be compared.
func (b Baseline) complete() error {
	if b.Leader == "" {
		return errors.New("read the baseline: no leader was seen, so a switchover cannot be verified")
	}
	return nil
}
