package fact

import (
	"math"
	"strconv"
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
