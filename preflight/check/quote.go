package check

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"patroni-preflight/preflight/fact"
)

// plainName is what a shell leaves as it is. A name that begins with a dash would be
// taken for a flag.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)

// Quoted puts a name into single quotes where a shell would read it otherwise.
func Quoted(name string) string {
	if plainName.MatchString(name) {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// quoter quotes the names of a snapshot in the commands of remedies. A client that may write
// a member key chooses the member's name, and remedies are pasted into a shell.
func quoter(s *fact.Snapshot) *strings.Replacer {
	names := []string{s.Target.Scope, s.Target.Namespace, s.Target.Group}
	for _, m := range s.Members {
		names = append(names, m.Name)
		sql := m.SQL.OrZero()
		for _, slot := range sql.Slots.OrZero() {
			names = append(names, slot.Name, slot.Plugin, slot.Database)
		}
		for _, role := range sql.Roles.OrZero() {
			names = append(names, role.Name)
		}
		for _, w := range sql.WalSenders.OrZero() {
			names = append(names, w.ApplicationName, w.User)
		}
	}
	for name := range s.DCS.Cluster.OrZero().Config.OrZero().Slots.OrZero() {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) // a name may be part of another one
	})
	var pairs []string
	for _, name := range slices.Compact(names) {
		if strings.Trim(name, "/") != "" && Quoted(name) != name && !strings.HasPrefix(name, "/") {
			pairs = append(pairs, name, Quoted(name))
		}
	}
	if len(pairs) == 0 {
		return nil
	}
	return strings.NewReplacer(pairs...)
}
