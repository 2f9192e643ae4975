package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

func TestHostileYAML(t *testing.T) {
	// Each level names the one before nine times: 9^8 values in 300 bytes.
	bomb := func(key, seed, open, between, closed string) string {
		var b strings.Builder
		b.WriteString("a: &a " + seed + "\n")
		for c := 'b'; c <= 'i'; c++ {
			item := fmt.Sprintf("*%c", c-1)
			fmt.Fprintf(&b, "%c: &%c %s\n", c, c, open+strings.Repeat(item+between, 8)+item+closed)
		}
		return b.String() + minimal + key + ": *i\n"
	}
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "is empty"},
		{"comment only", "# nothing\n", "is empty"},
		{"null", "~\n", "contains nothing instead of a mapping"},
		{"text", secret + "\n", "contains text instead of a mapping"},
		{"list", "- a\n", "contains a list instead of a mapping"},
		{"two documents", minimal + "---\nscope: other\n", "contains a second YAML document"},
		{"broken second document", minimal + "---\n\tx: [\n", "is not valid YAML"},
		{"tabs", "scope: demo\netcd3:\n\thost: e\n", "line 3: is not valid YAML: a tab"},
		{"unclosed", "scope: [" + secret + "\n", "is not valid YAML"},
		{"colon in text", "scope: a: " + secret + "\n", "put text that contains a colon"},
		{
			"asterisk in a password",
			"scope: demo\nctl:\n  authentication:\n    password: *" + secret + "\n",
			"put text that begins with an asterisk in quotes",
		},
		{"at sign", "scope: demo\nctl:\n  password: @" + secret + "\n", "line 3: is not valid YAML"},
		{"control character", "scope: de\x01mo" + secret + "\n", "is not valid YAML"},
		{"not UTF-8", "scope: \xff\xfe" + secret + "\n", "is not valid YAML"},
		{"NUL bytes", strings.Repeat("\x00", 100), "is not valid YAML"},
		{"deep", "scope: " + strings.Repeat("[", 100_000), "nested too deeply"},
		{
			"deep in a section",
			minimal + "ctl: " + strings.Repeat("{a: ", 100) + "1" + strings.Repeat("}", 100) + "\n",
			"too many levels",
		},
		{"bomb of lists", bomb("preflight", "x", "[", ", ", "]"), "too many values"},
		{"bomb of merges", bomb("preflight", "{k: x}", "{<<: [", ", ", "]}"), "too many values"},
		{"alias to itself", minimal + "preflight: &p {vips: *p}\n", "too many levels"},
		{"merge of itself", minimal + "preflight: &p {<<: *p}\n", "too many levels"},
		{"merge of text", minimal + "preflight: {<<: " + secret + "}\n", "<< names text instead of a mapping"},
		{"too large", minimal + strings.Repeat("# a comment\n", 100_000), "is too large"},
		{
			"tag of its own",
			"scope: !" + secret + " demo\netcd3: {host: e}\n",
			"scope: expected text, found a value with a YAML tag",
		},
		{
			"vault tag",
			minimal + "preflight:\n  postgresql:\n    username: u\n    password: !vault |\n      " + secret + "\n",
			"preflight.postgresql.password: expected text, found a value with a YAML tag",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, flags := file(t, tc.text)
			w.mustFail(flags, "config file "+flags.File, tc.want)
		})
	}
}

// TestHostileElsewhere: what stands in sections that are not read is Patroni's
// business.
func TestHostileElsewhere(t *testing.T) {
	for _, text := range []string{
		"bootstrap: " + strings.Repeat("{a: ", 1000) + "1" + strings.Repeat("}", 1000),
		"a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nbootstrap: *c",
		"bootstrap: &b {again: *b}",
		"tags: {a: 1, a: 2}",
		"? [a, b]\n: c\n? {x: y}\n: z",
		"1: one\ntrue: two\n~: three",
	} {
		w, flags := file(t, minimal+text+"\n")
		if c := w.must(flags); len(c.Warnings) > 0 {
			t.Errorf("%.40s: warnings %q", text, c.Warnings)
		}
	}
}

func TestLargestFile(t *testing.T) {
	text := minimal + "#" + strings.Repeat("x", maxFile-len(minimal)-2) + "\n"
	w, flags := file(t, text)
	w.must(flags)
	w.put("patroni.yml", text+"\n")
	w.mustFail(flags, "limit is 1 MiB")

	// The files of a directory count together.
	w.put("conf/1.yml", text)
	w.put("conf/2.yml", minimal)
	w.mustFail(Flags{File: filepath.Join(w.dir, "conf")}, "2.yml", "limit is 1 MiB for all files")
}

func TestEndlessFile(t *testing.T) {
	newWorld(t).mustFail(Flags{File: "/dev/zero"}, "neither a file nor a directory")
}

func TestAliasesAndMerges(t *testing.T) {
	w, flags := file(t, `
x-login: &login {username: boss, password: from-base}
x-other: &other {password: from-other, sslmode: disable}
scope: &name demo
namespace: *name
etcd3: {host: e}
postgresql:
  authentication:
    superuser:
      <<: [*login, *other]
      password: own
`)
	c := w.must(flags)
	if want := (Postgres{User: "boss", Password: "own", SSLMode: "disable"}); c.Postgres != want ||
		c.Namespace != "/demo" {
		t.Errorf("%+v in %q, want %+v in /demo", c.Postgres, c.Namespace, want)
	}
	// The key's own value wins even before the merge, the first base over the second.
	w.put("patroni.yml", "a: &a {username: a, password: a}\nb: &b {username: b, password: b, sslmode: allow}\n"+minimal+
		"postgresql: {authentication: {superuser: {username: own, <<: [*a, *b]}}}\n")
	if c := w.must(flags); c.Postgres != (Postgres{User: "own", Password: "a", SSLMode: "allow"}) || len(c.Warnings) > 0 {
		t.Errorf("%+v with warnings %q", c.Postgres, c.Warnings)
	}
}

func TestDuplicateKeys(t *testing.T) {
	w, flags := file(t, "scope: first\netcd3:\n  host: a\n  host: b\nscope: last\n")
	c := w.must(flags)
	if c.Scope != "last" || c.Etcd3.Endpoints[0] != "http://b:2379" {
		t.Errorf("%+v: the last one does not count", c)
	}
	want := []string{
		"line 4: etcd3.host is given twice, first in line 3; ",
		"line 5: scope is given twice, first in line 1; ",
	}
	if len(c.Warnings) != 2 {
		t.Fatalf("warnings %q, want two", c.Warnings)
	}
	for i, warning := range c.Warnings {
		if !strings.Contains(warning, flags.File+", "+want[i]) {
			t.Errorf("warning %q, want %q in it", warning, want[i])
		}
	}
	w.put("patroni.yml", minimal+"ctl: {\""+strings.Repeat("x\\n", 99)+"\": 1, \""+strings.Repeat("x\\n", 99)+"\": 2}\n")
	if c := w.must(flags); len(c.Warnings) != 1 || len(c.Warnings[0]) > len(flags.File)+150 {
		t.Errorf("warnings %q: an odd key is printed", c.Warnings)
	}
}

func TestManyDuplicateKeys(t *testing.T) {
	w, flags := file(t, minimal+"ctl:\n"+strings.Repeat("  a: b\n", 1000))
	c := w.must(flags)
	if len(c.Warnings) != maxTwice+1 || !strings.Contains(c.Warnings[maxTwice], "more keys are given twice") {
		t.Errorf("%d warnings, want %d and one that says that there are more", len(c.Warnings), maxTwice)
	}
}

// TestWrongTypes gives each key that is read a value of each type that it may
// not have.
func TestWrongTypes(t *testing.T) {
	scalars := map[string]string{
		"[" + secret + "]":    "a list",
		"{a: " + secret + "}": "a mapping",
		"1.5":                 "a number",
		"0123":                "a number",
		"0x1F":                "a number",
		"1_000":               "a number",
		"true":                "true or false",
		"2026-01-02":          "a date",
		"!!binary aGk=":       "a value with a YAML tag",
	}
	for _, key := range []string{
		"scope",
		"namespace",
		"etcd3.host",
		"etcd3.protocol",
		"etcd3.url",
		"preflight.postgresql.username",
		"preflight.postgresql.password",
		"preflight.postgresql.database",
		superuser + ".username",
		superuser + ".password",
		superuser + ".sslmode",
	} {
		for text, found := range scalars {
			w, flags := file(t, nest(key, text))
			_, err := w.loadWith(flags, nil)
			if err == nil {
				t.Errorf("%s: %s is accepted", key, text)
				continue
			}
			want := fmt.Sprintf("%s, line %d: %s: expected text, found %s; ", flags.File, strings.Count(key, ".")+1, key, found)
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: error %q, want %q in it", key, text, err, want)
			}
		}
	}
	for _, section := range []string{
		"etcd3",
		"preflight",
		"preflight.postgresql",
		"postgresql",
		"postgresql.authentication",
		superuser,
	} {
		for text, found := range map[string]string{
			"[" + secret + "]": "a list",
			secret:             "text",
			"5":                "a number",
			"false":            "true or false",
		} {
			w, flags := file(t, nest(section, text))
			w.mustFail(
				flags,
				fmt.Sprintf(
					"%s, line %d: %s: expected a mapping, found %s; ",
					flags.File,
					strings.Count(section, ".")+1,
					section,
					found,
				),
			)
		}
	}
}

// nest writes a value at a dotted path, one line for each level, and completes
// the rest of the file.
func nest(path, text string) string {
	var b strings.Builder
	keys := strings.Split(path, ".")
	for i, key := range keys {
		fmt.Fprintf(&b, "%s%s:", strings.Repeat(" ", i), key)
		if i < len(keys)-1 {
			b.WriteString("\n")
		}
	}
	b.WriteString(" " + text + "\n")
	if !strings.HasPrefix(path, "scope") {
		b.WriteString("scope: demo\n")
	}
	if !strings.HasPrefix(path, "etcd3") {
		b.WriteString("etcd3: {host: e}\n")
	}
	return b.String()
}

// TestNumbersThatAreText: as written where YAML 1.1 reads the same.
func TestNumbersThatAreText(t *testing.T) {
	w, flags := file(
		t,
		"scope: 15\netcd3: {host: e}\npostgresql: {authentication: {superuser: {username: boss, password: 12345}}}\n",
	)
	if c := w.must(flags); c.Scope != "15" || c.Postgres.Password != "12345" {
		t.Errorf("%+v", c)
	}
}

func TestScopeAndNamespace(t *testing.T) {
	for _, tc := range []struct{ text, scope, namespace, err string }{
		{"scope: demo", "demo", "/service", ""},
		{"scope: '15-main'\nnamespace: /postgresql-common/", "15-main", "/postgresql-common", ""},
		{"scope: demo\nnamespace: a", "demo", "/a", ""},
		{"scope: demo\nnamespace: //a///b//", "demo", "/a/b", ""},
		{"scope: demo\nnamespace: /", "demo", "/", ""},
		{"scope: demo\nnamespace: ''", "demo", "/service", ""},
		{"scope: demo\nnamespace: null", "demo", "/service", ""},
		{"namespace: a", "", "", "scope: the name of the cluster is missing"},
		{"scope: ''", "", "", "line 1: scope: the name of the cluster is missing"},
		{"scope: null", "", "", "scope: the name of the cluster is missing"},
		{"scope: /", "", "", "line 1: scope: has a slash"},
		{"scope: a/b", "", "", "line 1: scope: has a slash"},
		{`scope: "a\tb"`, "", "", "control character"},
		{"scope: demo\n" + `namespace: "a\x1bb"`, "", "", "line 2: namespace: has a control character"},
	} {
		w, flags := file(t, tc.text+"\netcd3: {host: e}\n")
		if tc.err != "" {
			w.mustFail(flags, tc.err)
			continue
		}
		if c := w.must(flags); c.Scope != tc.scope || c.Namespace != tc.namespace {
			t.Errorf("%q: %q in %q, want %q in %q", tc.text, c.Scope, c.Namespace, tc.scope, tc.namespace)
		}
	}
}
