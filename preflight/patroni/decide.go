package patroni

import (
	"fmt"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

// What Patroni makes of a request to switch over, by the version of its leader.
// Everything in this file and in predict_race.go states Patroni's rules
// (patroni/ctl.py _do_failover_or_switchover; patroni/api.py do_POST_failover and
// is_failover_possible; patroni/ha.py process_manual_failover_from_leader,
// is_failover_possible and get_failover_candidates), none of ours. e2e/oracle_test.go
// compares it with Patroni itself. docs/prediction.md has the rules in words.

// Stage is who gives the answer to a request.
type Stage string

// The stages, in the order in which a request passes them.
const (
	// StageCtl: patronictl itself refuses, nothing is sent.
	StageCtl Stage = "patronictl"
	// StageREST: the leader's REST API refuses, nothing is written.
	StageREST Stage = "rest"
	// StageLeader: the leader's HA loop refuses, before it stops anything. The
	// client learns no reason.
	StageLeader Stage = "leader"
	// StageQueued: the request is stored and nobody acts upon it for now.
	StageQueued Stage = "queued"
	// StageScheduled: the request is stored for later, unjudged.
	StageScheduled Stage = "scheduled"
	// StageDone: the leader steps down.
	StageDone Stage = "accepted"
)

// Decision is what becomes of a request.
type Decision struct {
	Stage Stage `json:"stage"`
	// Status is the HTTP status, 0 where patronictl itself answers.
	Status int `json:"status,omitempty"`
	// Answer is the text of the answer.
	Answer string `json:"answer"`
	// Log are the lines of the leader's log that tell the reason.
	Log []string `json:"log,omitempty"`
	// Accepted: the leader steps down, now or when the time has come.
	Accepted bool `json:"accepted"`
}

// Printed is what patronictl prints.
func (d Decision) Printed() string {
	switch {
	case d.Answer == Bypassed:
		return d.Answer
	case d.Stage == StageCtl:
		return "Error: " + d.Answer
	case d.Status == 200 || d.Status == 202:
		return d.Answer
	}
	result := "failed"
	if strings.HasSuffix(d.Answer, stillInProgress) { // patronictl of that release
		result = "result unknown"
	}
	return fmt.Sprintf("Switchover %s, details: %d, %s", result, d.Status, d.Answer)
}

const stillInProgress = "operation may still be in progress"

// statusUnknown is the answer where no member has taken over in time: after
// 2*max(10, loop_wait) seconds (patroni/api.py, poll_failover_result), which 4.2.0 says.
func (p PatroniState) statusUnknown() string {
	if p.older(4, 2, 0) {
		return "Switchover status unknown"
	}
	return fmt.Sprintf("Switchover status unknown after %d seconds; %s", 2*max(10, p.LoopWait), stillInProgress)
}

// Bypassed is what patronictl prints where nothing listens at the leader's REST API.
const Bypassed = "Could not switchover using Patroni api, falling back to DCS"

// PatroniState is all that Patroni decides by, at one moment.
type PatroniState struct {
	// Version is that of the leader.
	Version string `json:"version"`
	Scope   string `json:"scope"`
	// Leader is the holder of the leader key, From the leader that the request names.
	Leader    string `json:"leader"`
	From      string `json:"from"`
	Candidate string `json:"candidate"`
	// Scheduled: for later; Past: for a time that is gone.
	Scheduled bool `json:"scheduled"`
	Past      bool `json:"past"`
	// GroupMissing: a Citus cluster, and no group is named.
	GroupMissing   bool `json:"group_missing,omitempty"`
	Pause          bool `json:"pause"`
	StandbyCluster bool `json:"standby_cluster"`
	// RESTRefused: nothing listens at the leader's REST API.
	RESTRefused bool `json:"rest_refused,omitempty"`
	// ReadOnlyDCS: the store refuses writes.
	ReadOnlyDCS bool `json:"read_only_dcs,omitempty"`
	// SyncMode is synchronous_mode as configured: off, on, quorum.
	SyncMode string    `json:"sync_mode"`
	Sync     fact.Sync `json:"sync"`
	// MaxLag is maximum_lag_on_failover in bytes, as Patroni understands it.
	MaxLag        int64 `json:"max_lag"`
	CheckTimeline bool  `json:"check_timeline"`
	// LoopWait is loop_wait in seconds; 0 stands for 10.
	LoopWait int64 `json:"loop_wait,omitempty"`
	// Timeline is the cluster's, by /history; 0 where that key is absent.
	Timeline int64 `json:"timeline"`
	// Optime is the leader's position in the DCS.
	Optime  fact.LSN      `json:"optime"`
	Members []MemberState `json:"members"`
}

// MemberState is a member as Patroni sees it: its key, and its answer to GET api_url.
type MemberState struct {
	Name string `json:"name"`
	// Version is that of the member's own Patroni, which decides whether it takes
	// the key; the leader's where empty.
	Version string `json:"version,omitempty"`
	// HasAPI: the member key has an api_url.
	HasAPI  bool      `json:"has_api"`
	KeyTags fact.Tags `json:"key_tags"`
	// Answers: JSON came within two seconds. The rest is from that.
	Answers bool `json:"answers"`
	// HasXlog: it has a WAL position of some kind, Location one of a primary.
	HasXlog  bool   `json:"has_xlog"`
	Location bool   `json:"location"`
	Role     string `json:"role"`
	// Position is the higher of received and replayed.
	Position       fact.LSN  `json:"position"`
	Timeline       int64     `json:"timeline"`
	Tags           fact.Tags `json:"tags"`
	WatchdogFailed bool      `json:"watchdog_failed"`
	// Absent: its HA loop does not run, so it takes no key, whatever it answers.
	Absent bool `json:"absent,omitempty"`
}

// Decide says what becomes of the request.
func Decide(p PatroniState) Decision {
	if d, refused := p.ctl(); refused {
		return d
	}
	if p.RESTRefused {
		return p.bypass()
	}
	for _, refuse := range []func() (Decision, bool){p.rest, p.haLoop} {
		if d, refused := refuse(); refused {
			return d
		}
	}
	if p.Scheduled {
		return Decision{Stage: StageScheduled, Status: 202, Answer: "Switchover scheduled", Accepted: true}
	}
	return Decision{
		Stage:    StageDone,
		Status:   200,
		Answer:   fmt.Sprintf("Successfully switched over to %q", p.Candidate),
		Accepted: true,
	}
}

// bypass is what becomes of a request that patronictl writes into the DCS itself,
// since nothing listens at the leader's REST API: whatever that would have refused
// comes before the HA loop, of which the client learns nothing.
func (p PatroniState) bypass() Decision {
	d := Decision{Stage: StageDone, Accepted: true}
	switch refusal, refused := p.haLoop(); {
	case p.ReadOnlyDCS:
		d = Decision{Stage: StageCtl} // it says nothing of the write that failed
	case p.Scheduled && !p.Past:
		d.Stage = StageScheduled
	case refused:
		d = refusal
	}
	d.Status, d.Answer = 0, Bypassed
	return d
}

// older reports whether the leader's version is below the one given.
func (p PatroniState) older(major, minor, patch int) bool {
	return fact.OlderThan(p.Version, major, minor, patch)
}

func (p PatroniState) member(name string) (MemberState, bool) {
	i := slices.IndexFunc(p.Members, func(m MemberState) bool { return m.Name == name })
	if i < 0 {
		return MemberState{}, false
	}
	return p.Members[i], true
}

// replicas are the members but the holder of the key.
func (p PatroniState) replicas() []MemberState {
	return p.choose(func(m MemberState) bool { return m.Name != p.Leader })
}

func (p PatroniState) choose(ok func(MemberState) bool) []MemberState {
	var out []MemberState
	for _, m := range p.Members {
		if ok(m) {
			out = append(out, m)
		}
	}
	return out
}

// ctl is what patronictl refuses by itself.
func (p PatroniState) ctl() (Decision, bool) {
	no := func(format string, args ...any) (Decision, bool) {
		return Decision{Stage: StageCtl, Answer: fmt.Sprintf(format, args...)}, true
	}
	named := func(m MemberState) bool {
		forbidden, _ := Nofailover(m.KeyTags, p.Version)
		return m.Name != p.Leader && !forbidden
	}
	switch candidates := p.choose(named); {
	case p.GroupMissing && !p.older(3, 0, 0):
		return no("For Citus clusters the --group must me specified")
	case p.Leader == "" && p.older(3, 0, 0):
		return no("This cluster has no master")
	case p.Leader == "":
		return no("This cluster has no leader")
	case p.From != p.Leader:
		return no("Member %s is not the leader of cluster %s", p.From, p.Scope)
	case len(candidates) == 0:
		return no("No candidates found to switchover to")
	case p.Candidate == p.Leader && p.older(3, 2, 2):
		return no("Switchover target and source are the same.")
	case p.Candidate == p.Leader:
		return no("Member %s is already the leader of cluster %s", p.Candidate, p.Scope)
	case p.Candidate != "" && !slices.ContainsFunc(candidates, func(m MemberState) bool { return m.Name == p.Candidate }):
		if p.older(3, 2, 0) {
			return no("Member %s does not exist in cluster %s", p.Candidate, p.Scope)
		}
		return no("Member %s does not exist in cluster %s or is tagged as nofailover", p.Candidate, p.Scope)
	case p.Scheduled && p.Pause:
		return no("Can't schedule switchover in the paused state")
	}
	return Decision{}, false
}

// rest is what the REST API refuses.
func (p PatroniState) rest() (Decision, bool) {
	no := func(status int, answer string) (Decision, bool) {
		return Decision{Stage: StageREST, Status: status, Answer: answer}, true
	}
	if p.Scheduled && p.Past {
		return no(422, "Cannot schedule switchover in the past")
	}
	if p.Pause && p.Candidate == "" {
		return no(400, "Switchover is possible only to a specific candidate in a paused state")
	}
	if !p.Scheduled {
		if answer := p.restFailoverPossible(); answer != "" {
			return no(412, answer)
		}
	}
	if p.ReadOnlyDCS {
		if p.older(3, 2, 0) {
			return no(503, "failed to write switchover key into DCS")
		}
		return no(503, "failed to write failover key into DCS")
	}
	return Decision{}, false
}

// restFailoverPossible is api.py's is_failover_possible: "" or the answer.
func (p PatroniState) restFailoverPossible() string {
	sync := p.syncMode(p.Version)
	members := p.replicas()
	switch {
	case p.Candidate != "":
		if sync == "on" && !p.inSync(p.Version, p.Candidate, false) {
			return "candidate name does not match with sync_standby"
		}
		c, ok := p.member(p.Candidate)
		if !ok {
			return "candidate does not exists"
		}
		members = []MemberState{c}
	case sync == "on":
		members = p.choose(func(m MemberState) bool { return p.inSync(p.Version, m.Name, false) })
		if len(members) == 0 {
			return "switchover is not possible: can not find sync_standby"
		}
	default:
		members = slices.DeleteFunc(members, func(m MemberState) bool { return !m.HasAPI })
		if len(members) == 0 {
			return "switchover is not possible: cluster does not have members except leader"
		}
	}
	for _, m := range members {
		if m.limitation(p.Version) == "" {
			return ""
		}
	}
	return "switchover is not possible: no good candidates have been found"
}

// syncMode is the synchronous mode as a Patroni of that version understands it.
func (p PatroniState) syncMode(version string) string {
	switch {
	case p.StandbyCluster && !fact.OlderThan(version, 3, 2, 0):
		return "off" // before, a standby cluster was no exception
	case p.SyncMode == "quorum" && fact.OlderThan(version, 4, 0, 0):
		return "off" // no boolean
	}
	return p.SyncMode
}

// syncActive is the mode, "off" too while /sync is empty.
func (p PatroniState) syncActive(version string) string {
	if p.Sync.Leader == "" {
		return "off"
	}
	return p.syncMode(version)
}

// quorumActive: unlike the mode as a whole, this takes no notice of standby_cluster.
func (p PatroniState) quorumActive(version string) bool {
	return p.SyncMode == "quorum" && !fact.OlderThan(version, 4, 0, 0) && p.Sync.Leader != ""
}

// inSync is SyncState.matches for the members of /sync, and for its leader on demand.
func (p PatroniState) inSync(version, name string, leaderToo bool) bool {
	if p.Sync.Leader == "" && !fact.OlderThan(version, 3, 0, 3) {
		return false
	}
	return InSync(p.Sync, name, version) || leaderToo && name != "" && p.SyncLeader(version, name)
}

// SyncLeader reports whether /sync names that member as its leader.
func (p PatroniState) SyncLeader(version, name string) bool {
	return p.Sync.Leader == name || !fact.OlderThan(version, 3, 0, 3) && strings.EqualFold(p.Sync.Leader, name)
}

// reachable is whether a Patroni of that version makes something of the answer.
func (m MemberState) reachable(version string) bool {
	switch {
	case !m.HasAPI || !m.Answers:
		return false
	case m.HasXlog:
		return true
	}
	return fact.OlderThan(version, 2, 1, 6) && m.Role == "master"
}

// limitation is _MemberStatus.failover_limitation: "" where nothing forbids to promote.
func (m MemberState) limitation(version string) string {
	forbidden, _ := Nofailover(m.Tags, version)
	switch {
	case !m.reachable(version):
		return "not reachable"
	case forbidden:
		return "not allowed to promote"
	case m.WatchdogFailed:
		return "not watchdog capable"
	}
	return ""
}

// inRecovery is what a Patroni of that version takes from the answer.
func (m MemberState) inRecovery(version string) bool {
	switch {
	case fact.OlderThan(version, 2, 1, 6):
		return m.Role != "master"
	case fact.OlderThan(version, 3, 0, 3):
		return !m.Location
	case fact.OlderThan(version, 3, 1, 0): // a slip of 3.0.3 and 3.0.4
		return !m.Location || fact.IsPrimaryRole(m.Role)
	}
	return !m.Location && !fact.IsPrimaryRole(m.Role)
}

// walPosition is what a Patroni of that version takes for the member's position.
func (m MemberState) walPosition(version string) fact.LSN {
	if m.Location || !m.inRecovery(version) {
		return 0 // an answer with a location holds no other position
	}
	return m.Position
}

// haLoop is what the leader's HA loop refuses, or leaves lying. A time that is gone
// and a pause without a candidate reach it only past the REST API.
func (p PatroniState) haLoop() (Decision, bool) {
	no := func(log ...string) (Decision, bool) {
		return Decision{Stage: StageLeader, Status: 503, Answer: "Switchover failed", Log: log}, true
	}
	switch {
	case p.Scheduled && p.Past && p.older(3, 2, 0):
		return no("Found a stale failover value, cleaning up")
	case p.Scheduled && p.Past:
		return no("Found a stale switchover value, cleaning up")
	case p.Scheduled:
		return Decision{}, false
	case p.Pause && p.StandbyCluster:
		return Decision{Stage: StageQueued, Status: 503, Answer: p.statusUnknown()}, true
	case p.Pause && p.Candidate == "" && p.older(3, 2, 0):
		return no("Failover is possible only to a specific candidate in a paused state")
	case p.Pause && p.Candidate == "":
		return no("Switchover is possible only to a specific candidate in a paused state")
	}
	ok, log := p.possible(p.Version, false)
	if ok {
		return Decision{}, false
	}
	last := "switchover: no healthy members found, switchover is not possible"
	if p.older(3, 2, 0) {
		last = "manual failover: no healthy members found, failover is not possible"
	}
	return no(append(log, last)...)
}

// possible is ha.py's is_failover_possible with the members that the leader
// considers. exclude is for the old leader after it stepped down: may anybody but
// the candidate take over?
func (p PatroniState) possible(version string, exclude bool) (bool, []string) {
	members, log := p.considered(version, exclude)
	if len(members) == 0 {
		log = append(log, p.emptyList(version))
	}
	votes := -1
	for _, m := range members {
		switch limitation, position := m.limitation(version), m.walPosition(version); {
		case limitation != "":
			log = append(log, fmt.Sprintf("Member %s is %s", m.Name, limitation))
		case p.Optime.Minus(position) > p.MaxLag:
			log = append(log, fmt.Sprintf("Member %s exceeds maximum replication lag", m.Name))
		case p.CheckTimeline && (m.Timeline == 0 || m.Timeline < p.Timeline):
			log = append(
				log,
				fmt.Sprintf(
					"Timeline %s of member %s is behind the cluster timeline %d",
					timelineOr(m.Timeline),
					m.Name,
					p.Timeline,
				),
			)
		default:
			votes++
		}
	}
	need := 0
	switch counts := p.quorumActive(version); {
	case !counts || fact.OlderThan(version, 4, 0, 5):
	case fact.OlderThan(version, 4, 0, 6): // 4.0.5 asked it of a named candidate too
		need = p.Sync.Quorum
	case p.Candidate == "" || exclude:
		need = p.Sync.Quorum
		if votes < need {
			log = append(log, fmt.Sprintf("Quorum requirement %d can not be reached", need))
		}
	}
	return votes >= max(0, need), log
}

// standbys is sync_standby in /sync as Patroni prints it.
func (p PatroniState) standbys() string {
	if len(p.Sync.Standbys) == 0 {
		return "None"
	}
	return strings.Join(p.Sync.Standbys, ",")
}

func timelineOr(t int64) string {
	if t == 0 {
		return "None"
	}
	return fmt.Sprint(t)
}

// considered are the members that is_failover_possible asks.
func (p PatroniState) considered(version string, exclude bool) (members []MemberState, log []string) {
	able := func(m MemberState) bool {
		forbidden, _ := Nofailover(m.KeyTags, version)
		return m.Name != p.Leader && !forbidden && m.HasAPI && !(exclude && m.Name == p.Candidate)
	}
	requested := func(m MemberState) bool { return p.Candidate == "" || m.Name == p.Candidate }
	sync := p.syncMode(version)
	// Until 3.0.2 a name in /sync may be the leader's, and an empty /sync holds nobody.
	inSync := func(m MemberState) bool { return p.inSync(version, m.Name, fact.OlderThan(version, 3, 0, 3)) }

	switch {
	case fact.OlderThan(version, 3, 2, 0) && exclude:
		filter := sync == "on" && !fact.OlderThan(version, 2, 1, 2) &&
			(fact.OlderThan(version, 3, 0, 3) || p.Sync.Leader != "")
		return p.choose(func(m MemberState) bool { return able(m) && (!filter || inSync(m)) }), nil

	case fact.OlderThan(version, 3, 2, 0):
		if sync != "on" {
			return p.choose(func(m MemberState) bool { return able(m) && requested(m) }), nil
		}
		c, _ := p.member(p.Candidate)
		known := p.Candidate == "" || p.inSync(version, p.Candidate, fact.OlderThan(version, 3, 0, 3))
		if !known || !fact.OlderThan(version, 3, 1, 0) && p.Candidate != "" && c.Name == "" {
			return nil, []string{
				fmt.Sprintf("Failover candidate=%s does not match with sync_standbys=%s", p.Candidate, p.standbys()),
			}
		}
		// Before 3.1.0 any synchronous member will do, whoever is the candidate.
		any := fact.OlderThan(version, 3, 1, 0)
		return p.choose(func(m MemberState) bool { return able(m) && inSync(m) && (any || requested(m)) }), nil
	}

	mode := p.syncActive(version)
	exempt := mode == "quorum" && fact.OlderThan(version, 4, 0, 5)
	// From 3.2.0 to 4.0.5 the exclusion left only the candidate, and then took that too.
	all := exclude && !fact.OlderThan(version, 4, 0, 6)
	return p.choose(func(m MemberState) bool {
		return able(m) && (mode == "off" || exempt || inSync(m)) && (all || requested(m))
	}), nil
}

// emptyList is what the log says where nobody is left to be asked.
func (p PatroniState) emptyList(version string) string {
	switch {
	case fact.OlderThan(version, 3, 2, 0):
		return "manual failover: members list is empty"
	case p.syncMode(version) != "off" && p.Candidate != "":
		return fmt.Sprintf("Switchover candidate=%s does not match with sync_standbys=%s", p.Candidate, p.standbys())
	}
	return "switchover: candidates list is empty"
}
