package pg

import "strings"

// conninfoValue finds one keyword in a connection string, as libpq reads it
// (fe-connect.c, conninfo_parse): values may be quoted, a backslash escapes, the
// last one counts. ok is false where the text is no such list.
func conninfoValue(s, keyword string) (v string, found, ok bool) {
	const space = " \t\n\r\v\f"
	for s = strings.TrimLeft(s, space); s != ""; s = strings.TrimLeft(s, space) {
		key, rest, eq := strings.Cut(s, "=")
		key = strings.TrimRight(key, space)
		if !eq || key == "" || strings.ContainsAny(key, space) {
			return "", false, false
		}
		rest = strings.TrimLeft(rest, space)
		quoted := strings.HasPrefix(rest, "'")
		if quoted {
			rest = rest[1:]
		}
		var b strings.Builder
		i, closed := 0, false
		for ; i < len(rest) && !closed; i++ {
			switch ch := rest[i]; {
			case ch == '\\':
				if i++; i < len(rest) {
					b.WriteByte(rest[i])
				}
			case quoted && ch == '\'', !quoted && strings.IndexByte(space, ch) >= 0:
				closed = true
			default:
				b.WriteByte(ch)
			}
		}
		if quoted && !closed {
			return "", false, false
		}
		if key == keyword {
			v, found = b.String(), true
		}
		s = rest[min(i, len(rest)):]
	}
	return v, found, true
}
