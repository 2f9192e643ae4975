package fact

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Seconds is a range of time. Most is nil where nothing bounds it.
type Seconds struct {
	Least float64  `json:"least"`
	Most  *float64 `json:"most"`
}

// String gives the range for people: "2 to 6 s", "57 s or more".
func (r Seconds) String() string {
	least := strconv.FormatFloat(math.Floor(r.Least), 'f', -1, 64)
	if r.Most == nil {
		return least + " s or more"
	}
	most := strconv.FormatFloat(math.Ceil(*r.Most), 'f', -1, 64)
	if least == most {
		return least + " s"
	}
	return least + " to " + most + " s"
}

// Text gives the range for people in the units that they use: "2 to 6 s", "2 h 10 min
// or more".
func (r Seconds) Text() string {
	if r.Most == nil && r.Least < minutesFrom || r.Most != nil && *r.Most < minutesFrom {
		return r.String()
	}
	least := Duration(seconds(math.Floor(r.Least)))
	if r.Most == nil {
		return least + " or more"
	}
	if most := Duration(seconds(math.Ceil(*r.Most))); most != least {
		return least + " to " + most
	}
	return least
}

func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }

// minutesFrom is from when on, in seconds, a time is given in minutes.
const minutesFrom = 120

// Duration gives a time for people: "250 ms", "3 s", "2 min 5 s", "2 h 10 min",
// "3 d 4 h". It has two units at most.
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	if d > 0 && d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	d = d.Round(time.Second)
	if d < minutesFrom*time.Second {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		text := fmt.Sprintf("%d %s", d/u.size, u.name)
		if i+1 < len(units) {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return text
	}
	return "0 s"
}

func UpTo(least, most float64) Seconds { return Seconds{least, &most} }

func (r Seconds) Plus(o Seconds) Seconds {
	r.Least += o.Least
	if r.Most == nil || o.Most == nil {
		r.Most = nil
		return r
	}
	most := *r.Most + *o.Most
	r.Most = &most
	return r
}

// AtLeast is the time of two things that run side by side.
func (r Seconds) AtLeast(o Seconds) Seconds {
	r.Least = max(r.Least, o.Least)
	if r.Most == nil || o.Most == nil {
		r.Most = nil
		return r
	}
	most := max(*r.Most, *o.Most)
	r.Most = &most
	return r
}

// Exceeds reports whether a time may be longer than the limit, and whether it
// will be in any case.
func (r Seconds) Exceeds(limit float64) (may, will bool) {
	return r.Most == nil || *r.Most > limit, r.Least > limit
}
