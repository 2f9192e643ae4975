package check

import (
	"fmt"
	"math"
	"strings"
	"time"

	"patroni-preflight/preflight/fact"
)

var scheduleTime = Check{
	ID:    "schedule.time",
	Title: "the time of the switchover can be scheduled",
	Since: "0.2.0",
	Why: "Patroni refuses a time in the past or in a form that it cannot read, and schedules nothing in " +
		"maintenance mode. It reads a time without a zone as local time of the machine on which patronictl runs.",
	Source: "patroni/ctl.py parse_scheduled; patroni/api.py parse_schedule: 422 \"Cannot schedule switchover in the " +
		"past\"",
	Fix: "Give a time in the future with its zone: 2026-12-01T03:00:00+00:00.",
	Proof: "docs/accuracy.md: \"scheduled for yesterday\", \"scheduled in maintenance mode\", \"scheduled for " +
		"tomorrow\".",
	Kind:      PatroniRule,
	Severity:  Blocker,
	Essential: true,
	Of:        OfCluster,
	After:     []string{"dcs.reachable"},
	Needs:     []fact.Need{schedulePause},
	Run:       runScheduleTime,
}

var scheduleUnjudged = Check{
	ID:    "schedule.unjudged",
	Title: "the switchover is executed while this verdict holds",
	Since: "0.2.0",
	Why: "Patroni stores a scheduled switchover without any check, even for a candidate that does not exist, and " +
		"checks when it is due. If it refuses then, only the leader's log says so. It overwrites a switchover that is " +
		"already scheduled.",
	Source:   "patroni/api.py do_POST_failover (202 \"Switchover scheduled\"); patroni/ha.py should_run_scheduled_action",
	Fix:      "Run this check again right before the time, or schedule a job that runs patroni-preflight switchover.",
	Proof:    "docs/accuracy.md: \"scheduled for tomorrow\".",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfCluster,
	After:    []string{"dcs.reachable"},
	Run: func(s *fact.Snapshot, q fact.Question, _ string) []Finding {
		if !q.Scheduled() {
			return Witnessed("the request", "at once")
		}
		return []Finding{
			{
				Asked:    "the request",
				Observed: "scheduled for " + q.ScheduledAt,
				Effect: "When the switchover is due, only Patroni's own checks run. A refusal then appears in the leader's log " +
					"only, and the switchover is dropped.",
				Remedy: "Run this check again right before that time. To cancel it: patronictl flush " + s.Target.Scope + " " +
					"switchover",
			},
		}
	},
}

var scheduleClock = Check{
	ID:    "schedule.clock",
	Title: "the leader's clock is right",
	Since: "0.2.0",
	Why:   "The leader's clock decides when a scheduled switchover is due.",
	Source: "the Date header of the leader's REST answer against the clock of this machine; patroni/ha.py " +
		"should_run_scheduled_action",
	Fix:      "Set the nodes' clocks by NTP.",
	Proof:    "Cases on a recorded snapshot; the clocks of containers on one machine cannot differ.",
	Kind:     PatroniRule,
	Severity: Warning,
	Of:       OfLeader,
	After:    []string{"leader.rest"},
	Needs:    []fact.Need{fact.RESTDate},
	Run:      runClock,
}

// schedulePause is the maintenance mode, which matters here only where a time is given.
var schedulePause = fact.Asked[bool]{
	Label: fact.Pause.Label,
	Of: func(s *fact.Snapshot, q fact.Question, _ string) fact.Observed[bool] {
		if !q.Scheduled() {
			return fact.Known(false)
		}
		return fact.Pause.Of(s, "")
	},
}

// scheduleLayouts are the ISO 8601 forms of a time that are unambiguous.
var scheduleLayouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00",
	"2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05.999999999-0700",
	"2006-01-02T15:04-0700",
}

// parseSchedule reads a time as written; zoned is whether it names its zone.
// ok is false for a form that this tool does not know, which Patroni may.
func parseSchedule(text string) (at time.Time, zoned, ok bool) {
	text = strings.Replace(strings.TrimSpace(text), " ", "T", 1)
	text = strings.Replace(text, " ", "", 1)
	for _, layout := range scheduleLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true, true
		}
		bare := strings.TrimSuffix(strings.TrimSuffix(layout, "Z07:00"), "-0700")
		if at, err := time.Parse(bare, text); err == nil {
			return at, false, true
		}
	}
	return time.Time{}, false, false
}

func runScheduleTime(s *fact.Snapshot, q fact.Question, _ string) []Finding {
	if !q.Scheduled() {
		return Witnessed("the request", "at once")
	}
	text := q.ScheduledAt
	asked := "the request: scheduled for " + text
	if schedulePause.Get(s, q, "") {
		return []Finding{{
			Asked: s.KeyName("/config"), Observed: "pause: true", Expected: "no maintenance mode",
			Effect: "patronictl says \"Can't schedule switchover in the paused state\".",
			Remedy: fmt.Sprintf("patronictl resume %s --wait", s.Target.Scope),
		}}
	}
	at, zoned, ok := parseSchedule(text)
	example := s.TakenAt.Add(time.Hour).UTC().Format("2006-01-02T15:04:05+00:00")
	switch {
	case !ok:
		return []Finding{
			{
				Asked:    asked,
				Observed: "not a time in ISO 8601",
				Effect: "Patroni may refuse it (422 \"Unable to parse scheduled timestamp\") or read a time other than the one " +
					"you mean.",
				Remedy: "Write it as " + example + ".",
			},
		}
	case !zoned:
		return []Finding{
			{
				Severity: Warning,
				Asked:    asked,
				Observed: "no time zone",
				Effect: "patronictl reads it as local time of the machine on which it runs; the REST API refuses it: 400 " +
					"\"Timezone information is mandatory\".",
				Remedy: "Write it with its zone, as " + example + ".",
			},
		}
	case !at.After(s.TakenAt):
		return []Finding{Finding{
			Asked:    asked,
			Observed: fmt.Sprintf("%s ago", s.TakenAt.Sub(at).Round(time.Second)),
			Expected: "a time in the future",
			Effect:   "Patroni refuses: 422 \"Cannot schedule switchover in the past\".",
			Remedy:   "Give a time in the future, such as " + example + ".",
		}.secondsOf(int64(at.Sub(s.TakenAt).Seconds()), 0)}
	}
	return Witnessed(asked, "in %s", at.Sub(s.TakenAt).Round(time.Second))
}

// clockWarns is how wrong the leader's clock may be, in seconds; the Date header
// is exact to the second.
const clockWarns = 5

func runClock(s *fact.Snapshot, q fact.Question, m string) []Finding {
	if !q.Scheduled() {
		return Witnessed("the request", "at once: the clock does not matter")
	}
	asked := s.RESTCall(m)
	member, _ := s.Member(m)
	if member.REST.Stamp == nil || member.REST.Stamp.At.IsZero() {
		return Witnessed(asked, "the time of the answer is not known")
	}
	off := fact.RESTDate.Get(s, m).Sub(member.REST.Stamp.At).Seconds()
	if math.Abs(off) <= clockWarns {
		return Witnessed(asked, "its clock is within %d s of this machine's", clockWarns)
	}
	word := "ahead of"
	if off < 0 {
		word = "behind"
	}
	return []Finding{Finding{
		Asked: asked + ", Date header", Observed: fmt.Sprintf("%.0f s %s this machine's clock", math.Abs(off), word),
		Effect: "The leader's clock decides, so the switchover happens at a time other than you expect.",
		Remedy: "Make sure that NTP sets the clocks of " + m + " and of this machine (timedatectl).",
	}.secondsOf(int64(off), clockWarns)}
}
