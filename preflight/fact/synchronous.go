package fact

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SyncNames is synchronous_standby_names, parsed.
type SyncNames struct {
	// Num is how many standbys a commit waits for; 0 where the list is empty.
	Num int
	// Any is whether it may be any of them (ANY), rather than the first ones.
	Any bool
	// Names are application names, as written; "*" stands for every one.
	Names []string
}

// Lists reports whether a standby of that application name may be synchronous.
// PostgreSQL compares without regard to case (syncrep.c,
// SyncRepGetStandbyPriority).
func (n SyncNames) Lists(name string) bool {
	return slices.ContainsFunc(n.Names, func(listed string) bool {
		return listed == "*" || strings.EqualFold(listed, name)
	})
}

// Listed are those of the members that may be synchronous, by the application_name that
// PostgreSQL makes of their name.
func (n SyncNames) Listed(names []string) []string {
	var out []string
	for _, name := range names {
		if slices.ContainsFunc(applicationNames(name), n.Lists) {
			out = append(out, name)
		}
	}
	return out
}

// ParseSyncNames reads the value of synchronous_standby_names (postgres
// syncrep_gram.y, syncrep_scanner.l): a list, N (list), FIRST N (list), ANY N (list).
func ParseSyncNames(s string) (SyncNames, error) {
	words, err := syncWords(s)
	switch {
	case err != nil:
		return SyncNames{}, err
	case len(words) == 0:
		return SyncNames{}, nil
	}
	out := SyncNames{Num: 1}
	rest := words
	if keyword := strings.ToUpper(words[0].text); !words[0].quoted && (keyword == "ANY" || keyword == "FIRST") {
		out.Any, rest = keyword == "ANY", words[1:]
		if len(rest) == 0 || !rest[0].number() {
			return SyncNames{}, fmt.Errorf("%s without a number", keyword)
		}
	}
	if rest[0].number() && len(rest) > 1 && rest[1].is("(") {
		if out.Num, err = strconv.Atoi(rest[0].text); err != nil || out.Num < 1 {
			return SyncNames{}, errors.New("the number of standbys is not a positive number")
		}
		last := rest[len(rest)-1]
		if !last.is(")") {
			return SyncNames{}, errors.New("the list is not closed")
		}
		rest = rest[2 : len(rest)-1]
	} else if len(rest) < len(words) {
		return SyncNames{}, errors.New("no list in parentheses after the number")
	}
	for i, w := range rest {
		switch {
		case i%2 == 1 && !w.is(","), i%2 == 0 && (w.is(",") || w.is("(") || w.is(")")):
			return SyncNames{}, fmt.Errorf("unexpected %q", w.text)
		case i%2 == 0:
			out.Names = append(out.Names, w.text)
		}
	}
	if len(rest)%2 == 0 {
		return SyncNames{}, errors.New("a name is missing")
	}
	return out, nil
}

// syncWord is a token: a name, a number, or one of ( ) ,
type syncWord struct {
	text   string
	quoted bool
}

func (w syncWord) is(sign string) bool { return !w.quoted && w.text == sign }

func (w syncWord) number() bool {
	return !w.quoted && w.text != "" && strings.Trim(w.text, "0123456789") == ""
}

func syncWords(s string) ([]syncWord, error) {
	var out []syncWord
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case strings.IndexByte(" \t\n\r\f\v", c) >= 0:
			i++
		case strings.IndexByte("(),*", c) >= 0:
			out = append(out, syncWord{text: s[i : i+1]})
			i++
		case c == '"':
			text, n, ok := unquote(s[i:])
			if !ok {
				return nil, errors.New("a quoted name is not closed")
			}
			out = append(out, syncWord{text: text, quoted: true})
			i += n
		case identifier(c) || '0' <= c && c <= '9':
			from := i
			digits := '0' <= c && c <= '9'
			for i < len(s) && ('0' <= s[i] && s[i] <= '9' || !digits && (identifier(s[i]) || s[i] == '$')) {
				i++
			}
			out = append(out, syncWord{text: s[from:i]})
		default:
			return nil, fmt.Errorf("unexpected %q", string(rune(c)))
		}
	}
	return out, nil
}

// identifier reports whether a name that is not quoted may begin with the byte.
func identifier(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= 0x80
}

// unquote reads a name in double quotes, and how long it is with them.
func unquote(s string) (string, int, bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] != '"':
			b.WriteByte(s[i])
		case i+1 < len(s) && s[i+1] == '"':
			b.WriteByte('"')
			i++
		default:
			return b.String(), i + 1, true
		}
	}
	return "", 0, false
}

// StandbyNames is synchronous_standby_names of a member, parsed. On a replica it is
// what counts once the member leads, unless Patroni maintains it.
var StandbyNames = Fact[SyncNames]{
	Label: "synchronous_standby_names",
	Of: func(s *Snapshot, m string) Observed[SyncNames] {
		settings := SQLSettings.Of(s, m)
		value, there := settings.OrZero()["synchronous_standby_names"]
		switch {
		case !settings.Known():
			return Because[SyncNames](settings)
		case !there:
			return SinceRecorded(Observed[SyncNames]{})
		}
		names, err := ParseSyncNames(value)
		if err != nil {
			return NotKnown[SyncNames](Malformed, "synchronous_standby_names of %s is %s: %v", m, Shown(value), err)
		}
		return Known(names)
	},
}
