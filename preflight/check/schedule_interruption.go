package check

import (
	"fmt"
	"time"

	"patroni-preflight/preflight/fact"
	"patroni-preflight/preflight/forecast"
)

var scheduleInterruption = Check{
	ID:    "schedule.interruption",
	Title: "the forecast interruption is within --max-interruption",
	Since: "0.3.0",
	Why: "A change window or an application allows a time without a primary. The upper end of the forecast must be " +
		"within that time, and facts without which the forecast has no upper end must be known. Without " +
		"--max-interruption the check passes.",
	Source: "The forecast of the report, as measured in docs/accuracy.md; --max-interruption",
	Fix: "Remove the longest part of the forecast, which --verbose lists; choose another candidate or another time; " +
		"or allow more with --max-interruption.",
	Proof:       "TestMaxInterruption; docs/accuracy.md has the forecast and the measured time of each scenario.",
	Kind:        Policy,
	Severity:    Blocker,
	Essential:   true,
	Eligibility: true,
	Of:          OfReplicas,
	Needs:       []fact.Need{interruptionForecast},
	Run:         runInterruption,
}

// interruptionForecast is the forecast of a switchover to a member, unknown where a limit
// is given and a fact is missing on which the upper end depends.
var interruptionForecast = fact.Asked[forecast.Forecast]{
	Label: "the forecast of the interruption",
	Of: func(s *fact.Snapshot, q fact.Question, m string) fact.Observed[forecast.Forecast] {
		if q.MaxInterruption <= 0 {
			return fact.Known(forecast.Forecast{})
		}
		f := forecast.ForecastFor(s, m)
		if _, will := f.Interruption.Exceeds(q.MaxInterruption); will {
			return fact.Known(f)
		}
		for _, n := range forecastNeeds(s, m) {
			if missing := n.need.Missing(s, q, n.of); missing != nil {
				return fact.NotKnown[forecast.Forecast](missing.Cause, "%s: %s", missing.Fact, missing.Reason)
			}
		}
		a := fact.SQLActivity.Of(s, m).OrZero()
		if _, ok := fact.ConflictDelay(s, m); !ok && a.ReplayConflict {
			return fact.NotKnown[forecast.Forecast](fact.Absent,
				"max_standby_streaming_delay of %s is not known, and a session there holds up the replay", m)
		}
		return fact.Known(f)
	},
}

type neededOf struct {
	need fact.Need
	of   string
}

// forecastNeeds are the facts without which the upper end of a forecast is not known.
func forecastNeeds(s *fact.Snapshot, m string) []neededOf {
	leader := s.Leader()
	needs := []neededOf{{fact.WALSenders, leader}}
	if fact.OlderThan(fact.KeyVersion.Of(s, leader).OrZero(), 2, 1, 2) {
		// The last archiving cycle precedes the promotion.
		needs = append(needs, neededOf{fact.ArchiverState, leader})
	}
	if s.IsStandbyCluster() {
		return needs
	}
	return append(needs,
		neededOf{fact.LeaderBefore, leader}, neededOf{fact.SQLReplay, m}, neededOf{fact.SQLActivity, m},
		neededOf{fact.SQLSettings, m})
}

func runInterruption(s *fact.Snapshot, q fact.Question, m string) []Finding {
	f := interruptionForecast.Get(s, q, m)
	if q.MaxInterruption <= 0 {
		return Witnessed("--max-interruption", "not given")
	}
	limit := fact.Duration(time.Duration(q.MaxInterruption * float64(time.Second)))
	asked := "the forecast of a switchover to " + m
	says := fmt.Sprintf("%s without a %s", f.Interruption.Text(), f.Missed())
	if may, _ := f.Interruption.Exceeds(q.MaxInterruption); !may {
		return Witnessed(asked, "%s, and --max-interruption allows %s", says, limit)
	}
	longest, advice := "", "Choose a time with less load or another candidate, or allow more with --max-interruption."
	for _, p := range f.Parts { // the longest first
		if !p.Interrupts {
			continue
		}
		if longest == "" {
			longest = fmt.Sprintf("The longest part is %s, %s: %s.", p.Name, p.Seconds.Text(), p.Why)
		}
		if p.Advice != "" {
			advice = p.Advice
			break
		}
	}
	return []Finding{{
		Asked:    asked,
		Observed: says,
		Expected: fmt.Sprintf("at most %s (--max-interruption)", limit),
		Effect:   longest,
		Remedy:   advice,
	}}
}
