package pg

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// micros gives a timestamp as microseconds since 1970, which no DateStyle and no
// TimeZone changes.
func micros(expr string) string { return "(extract(epoch FROM " + expr + ") * 1000000)::bigint" }

// beginSQL opens the transaction. The server gives up where we would, and names
// are looked up in pg_catalog alone, whatever search_path the role has.
func beginSQL(timeout time.Duration) string {
	return "BEGIN READ ONLY;\n" + timeoutSQL(timeout) + "SET LOCAL search_path = pg_catalog;\n"
}

func timeoutSQL(timeout time.Duration) string {
	ms := max(1, timeout.Milliseconds())
	return fmt.Sprintf("SET LOCAL statement_timeout = %d;\nSET LOCAL lock_timeout = %d;\n", ms, min(ms, 1000))
}

// majorVersion reads the parameter server_version, which every server sends
// before the first statement: "15.20 (Debian 15.20-0+deb12u1)", "18beta1", "9.6.24".
func majorVersion(s string) (int, bool) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.Atoi(s[:end])
	return n, err == nil && n > 0 && n < 1000
}
