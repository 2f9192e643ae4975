package fact

import (
	"slices"
	"strconv"
	"strings"
)

// OlderThan reports whether version v ("3.0.2", "4.1.0.dev1") is older than
// major.minor.patch. A version that cannot be read is not older than anything.
func OlderThan(v string, major, minor, patch int) bool {
	more := true
	for _, want := range [...]int{major, minor, patch} {
		if !more {
			return false
		}
		var part string
		part, v, more = strings.Cut(v, ".")
		n, err := strconv.Atoi(strings.TrimRight(part, "abcdefghijklmnopqrstuvwxyz+-~"))
		if err != nil {
			return false
		}
		if n != want {
			return n < want
		}
	}
	return false
}

// IsPrimaryRole: "master" before Patroni 4.0.0, "primary" since.
func IsPrimaryRole(role string) bool { return role == "master" || role == "primary" }

// IsLeaderRole also counts the leader of a standby cluster.
func IsLeaderRole(role string) bool { return IsPrimaryRole(role) || role == "standby_leader" }

// SameApplicationName reports whether an application name can be the member's.
// PostgreSQL cuts it at 63 bytes and replaces what is not printable ASCII: by
// "?" before version 16, by \xNN since.
func SameApplicationName(app, member string) bool {
	return app == member || slices.Contains(applicationNames(member), app)
}

// applicationNames are the forms in which PostgreSQL may show the member's name.
func applicationNames(member string) []string {
	var question, hex strings.Builder
	for i := range len(member) {
		c := member[i]
		if c >= 32 && c < 127 {
			question.WriteByte(c)
			hex.WriteByte(c)
			continue
		}
		question.WriteByte('?')
		hex.WriteString(`\x` + strconv.FormatUint(uint64(c), 16))
	}
	var forms []string
	for _, s := range []string{member, question.String(), hex.String()} {
		forms = append(forms, s[:min(len(s), 63)])
	}
	return forms
}
