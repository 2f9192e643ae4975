package patroni

import (
	"testing"

	"patroni-preflight/preflight/fact"
)

// fit is a cluster of three in which nothing speaks against a switchover from n1
// to n2, by a leader of that version.
func fit(version string) PatroniState {
	p := PatroniState{
		Version: version, Scope: "demo", Leader: "n1", From: "n1", Candidate: "n2",
		SyncMode: "off", MaxLag: DefaultMaximumLag, Optime: 1 << 30,
	}
	for _, name := range []string{"n1", "n2", "n3"} {
		p.Members = append(p.Members, MemberState{
			Name: name, HasAPI: true, Answers: true, HasXlog: true, Role: "replica", Position: 1 << 30, Timeline: 1,
		})
	}
	return p
}

func (p PatroniState) at(name string) *MemberState {
	for i := range p.Members {
		if p.Members[i].Name == name {
			return &p.Members[i]
		}
	}
	panic(name)
}

// TestOldLeaderTakesBack: from 3.2.0 to 4.0.5 it looks at nobody but the
// candidate, which it has excluded, and so takes the key back beside a healthy member
// that may not race.
func TestOldLeaderTakesBack(t *testing.T) {
	for version, back := range map[string]bool{"3.1.2": false, "3.2.0": true, "4.0.5": true, "4.0.6": false} {
		p := fit(version)
		p.at("n2").Answers = false // died after it was asked
		p.at("n2").Tags = fact.Tags{"nofailover": true}
		p.at("n3").Tags = nil
		old := *p.at("n1")
		if got := p.takes(old); got != back {
			t.Errorf("%s: %t", version, got)
		}
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]string{
		"0":                      "0",
		"5":                      "5",
		" 7 ":                    "7",
		"+5":                     "5",
		"-3":                     "-3",
		"010":                    "8",
		"0x1F":                   "31",
		"08":                     "",
		"1_000":                  "",
		"2.5":                    "2",
		"3.5":                    "4",
		".5":                     "0",
		"-0.5":                   "0",
		"1e3":                    "1000",
		"1.5e1":                  "15",
		"5.":                     "",
		"1e":                     "",
		"":                       "",
		"x":                      "",
		"1 MB":                   "",
		"true":                   "",
		"9999999999999999999999": "",
	} {
		n, ok := parseInt(text)
		got := ""
		if ok {
			got = Show(float64(n))
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMaximumLagOf(t *testing.T) {
	for _, c := range []struct {
		version, written string
		isText           bool
		want             int64
		ok               bool
	}{
		{"4.1.4", "10MB", true, DefaultMaximumLag, true},
		{"4.1.4", "null", false, DefaultMaximumLag, true},
		{"4.1.4", "010", true, 8, true},
		{"3.0.2", "010", true, 10, true},
		{"3.0.2", "", false, DefaultMaximumLag, true},
		{"3.0.2", "2.5", false, 2, true},
		{"3.0.2", "2.5", true, 0, false},
		{"3.0.2", "true", false, 1, true},
		{"3.0.2", "null", false, 0, false},
		{"3.0.2", "10MB", true, 0, false},
	} {
		if n, ok := MaximumLagOf(c.version, c.written, c.isText); ok != c.ok || ok && n != c.want {
			t.Errorf("%s %q: %d, %t", c.version, c.written, n, ok)
		}
	}
}
