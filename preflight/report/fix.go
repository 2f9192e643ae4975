package report

import (
	"strings"

	"patroni-preflight/preflight"
)

// A remedy is prose with commands in it:
//
//	Take the tag out of patroni.yml of node2, then reload it:\n
//	patronictl reload demo node2
//
// Rules: a line after the first is a command unless it ends with a full stop or a
// colon. A command may also follow the last colon of a line of prose, at its end. A
// command has a line of its own, is indented and is never wrapped, so it can be
// pasted. JSON has the remedy as it is. A name of the cluster may have line breaks of
// its own: oneLine takes them out first.

// programs begin a command that follows a colon.
var programs = []string{
	"patronictl ", "patroni-preflight ", "etcdctl ", "systemctl ", "psql ", "curl ", "SELECT ", "ALTER ", "CHECKPOINT",
}

// oneLine replaces each of the names in a text by its clean form, on one line.
func oneLine(names ...string) *strings.Replacer {
	var pairs []string
	for _, n := range names {
		if c := clean(n); c != n && n != "" {
			pairs = append(pairs, n, c)
		}
	}
	return strings.NewReplacer(pairs...)
}

// namesOf are the names in the remedies of a report.
func namesOf(r preflight.Report) []string {
	names := []string{r.Request.Scope, r.Request.Candidate, r.Leader}
	for _, m := range r.Members {
		names = append(names, m.Name)
	}
	for _, f := range r.Files {
		names = append(names, f.ID, f.Path, f.Name)
	}
	return names
}

// step is a line of a remedy.
type step struct {
	text    string
	command bool
}

// steps splits a remedy into prose and commands.
func steps(remedy string) (out []step) {
	for i, line := range strings.Split(remedy, "\n") {
		line = strings.TrimRight(line, " ")
		switch prose, command := trailingCommand(line); {
		case strings.TrimSpace(line) == "":
		case i > 0 && !strings.HasSuffix(line, ".") && !strings.HasSuffix(line, ":"):
			out = append(out, step{clean(line), true})
		case command != "":
			out = append(out, step{clean(prose), false}, step{clean(command), true})
		default:
			out = append(out, step{clean(line), false})
		}
	}
	return out
}

// trailingCommand cuts off the command at the end of a line of prose; "" where there
// is none. More prose may follow a command there, after a semicolon or in brackets:
// such a line stays whole.
func trailingCommand(line string) (prose, command string) {
	at := strings.LastIndex(line, ": ")
	if at < 0 {
		return line, ""
	}
	prose, command = line[:at+1], line[at+2:]
	if strings.HasSuffix(command, ".") || strings.Contains(command, "; ") || strings.Contains(command, ", ") {
		return line, ""
	}
	for _, p := range programs {
		if strings.HasPrefix(command, p) {
			return prose, command
		}
	}
	return line, ""
}

// Fix lays out a remedy for 80 columns. Its first line is kept as Wrap keeps it; every
// other line is indented.
func Fix(remedy string, indent int) (lines []string) {
	for i, s := range steps(remedy) {
		text := s.text
		if i > 0 {
			text = strings.Repeat(" ", indent) + strings.TrimLeft(text, " ")
		}
		if s.command {
			lines = append(lines, text)
			continue
		}
		lines = append(lines, Wrap(text, indent)...)
	}
	return lines
}
