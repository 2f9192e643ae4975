package fact

import (
	"fmt"
	"strconv"
	"strings"
)

// LSN is a PostgreSQL log sequence number: a byte position in the WAL.
type LSN uint64

// MaxLSN is the highest position that is believed, 8 EiB: PostgreSQL's type goes
// to twice that, which no server reaches, and the difference of two positions
// would no longer fit into 64 bits with its sign.
const MaxLSN LSN = 1<<63 - 1

// ParseLSN reads PostgreSQL's text form, "16/B374D848", up to MaxLSN.
func ParseLSN(s string) (LSN, error) {
	hi, lo, ok := strings.Cut(s, "/")
	if !ok {
		return 0, fmt.Errorf("LSN %q: expected two hexadecimal numbers with a slash between them", s)
	}
	h, err := strconv.ParseUint(hi, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("LSN %q: %w", s, err)
	}
	l, err := strconv.ParseUint(lo, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("LSN %q: %w", s, err)
	}
	v := LSN(h<<32 | l)
	if v > MaxLSN {
		return 0, fmt.Errorf("LSN %q: larger than any server's", s)
	}
	return v, nil
}

// String returns PostgreSQL's text form.
func (l LSN) String() string { return fmt.Sprintf("%X/%X", uint32(l>>32), uint32(l)) }

// MarshalText writes the text form, so that JSON shows what psql shows.
func (l LSN) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the text form.
func (l *LSN) UnmarshalText(b []byte) error {
	v, err := ParseLSN(string(b))
	if err == nil {
		*l = v
	}
	return err
}

// Minus returns l-m in bytes, both up to MaxLSN. It is negative where m is ahead.
func (l LSN) Minus(m LSN) int64 { return int64(l - m) }
