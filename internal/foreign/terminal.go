package foreign

import (
	"encoding/base64"
	"io"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns a text of several lines without anything that a terminal would obey:
// what is not printable becomes a question mark.
func Text(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		case r == '\t':
			return ' '
		}
		return '?'
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// Secrets are what an answer must not repeat.
type Secrets []string

// Login returns the secrets of a login in the forms in which a server may repeat them.
// A password that is the name of the user is not a secret that a mask could keep.
func Login(user, password string) Secrets {
	if password == "" || password == user {
		return nil
	}
	out := Secrets{base64.StdEncoding.EncodeToString([]byte(user + ":" + password)), password}
	for _, form := range []string{url.QueryEscape(password), url.PathEscape(password)} {
		if form != password {
			out = append(out, form)
		}
	}
	return out
}

// shortest is the length from which a secret is masked in the midst of a word. A
// shorter one would garble other words, and so give itself away.
const shortest = 6

// Mask replaces the secrets in a text.
func (s Secrets) Mask(text string) string {
	for _, secret := range s {
		if len(secret) >= shortest {
			text = strings.ReplaceAll(text, secret, "********")
		} else if secret != "" {
			text = maskWord(text, secret)
		}
	}
	return text
}

func maskWord(text, word string) string {
	var b strings.Builder
	before := ' '
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		if rest, ok := strings.CutPrefix(text, word); ok && !inWord(before) {
			after, _ := utf8.DecodeRuneInString(rest)
			if rest == "" || !inWord(after) {
				b.WriteString("********")
				text, before = rest, ' '
				continue
			}
		}
		b.WriteString(text[:n])
		text, before = text[n:], r
	}
	return b.String()
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' }

// Terminal passes on a text line by line, as Text makes it, without secrets.
type Terminal struct {
	w       io.Writer
	secrets Secrets
	rest    []byte
}

// NewTerminal writes to w.
func NewTerminal(w io.Writer, secrets Secrets) *Terminal { return &Terminal{w: w, secrets: secrets} }

// maxLine is from where on a line is passed on before its end, but for its last part,
// which may be the beginning of a secret.
const (
	maxLine  = 8 << 10
	keptBack = 1 << 10
)

// Write keeps what follows the last line until the line ends, or Flush.
func (t *Terminal) Write(p []byte) (int, error) {
	t.rest = append(t.rest, p...)
	end := strings.LastIndexByte(string(t.rest), '\n') + 1
	if end == 0 && len(t.rest) > maxLine {
		// Masked before the cut, which may go through a secret.
		t.rest = []byte(t.secrets.Mask(string(t.rest)))
		end = max(0, len(t.rest)-keptBack)
		for end > 0 && end < len(t.rest) && !utf8.RuneStart(t.rest[end]) {
			end--
		}
	}
	return len(p), t.pass(end)
}

// Flush passes on what is left.
func (t *Terminal) Flush() error { return t.pass(len(t.rest)) }

func (t *Terminal) pass(n int) error {
	if n == 0 {
		return nil
	}
	text := Text(t.secrets.Mask(string(t.rest[:n])))
	t.rest = append(t.rest[:0], t.rest[n:]...)
	_, err := io.WriteString(t.w, text)
	return err
}
