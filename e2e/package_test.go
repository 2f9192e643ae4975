//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// releaseVersion is a tag with commits behind it, as git describe says it.
const releaseVersion, packageVersion = "v9.8.7-3-gabc1234", "9.8.7+3.gabc1234"

// host runs a program that has to succeed.
func host(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	out, code := command(10*time.Minute, env, name, args...)
	if code != 0 {
		t.Fatalf("%s %s: exit %d\n%s", name, strings.Join(args, " "), code, out)
	}
	return out
}

// release builds the release of this machine's architecture from a tree.
func release(t *testing.T, tree string) string {
	t.Helper()
	dir := t.TempDir()
	host(t, []string{
		"PLATFORMS=linux/" + runtime.GOARCH, "VERSION=" + releaseVersion, "COMMIT=abc1234", "SOURCE_DATE_EPOCH=1700000000",
		"MAINTAINER=Package Test <test@localhost>",
	}, filepath.Join(tree, "scripts", "release.sh"), dir)
	return dir
}

// only is the one file of a directory that matches.
func only(t *testing.T, dir, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files[0]
}

// TestPackages builds a release twice and installs what came of it.
func TestPackages(t *testing.T) {
	t.Parallel()
	host(t, nil, "../scripts/base-image.sh", "trixie")
	host(t, nil, "sh", "-c", "docker build -t patroni-preflight-package:trixie - <../docker/package.Dockerfile")
	dir := release(t, "..")
	host(t, nil, "sh", "-c", "cd "+dir+" && sha256sum --strict -c SHA256SUMS")
	sums, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".deb", ".rpm", ".tar.gz", ".cdx.json"} {
		if strings.Count(string(sums), ext+"\n") != 1 {
			t.Errorf("no %s in\n%s", ext, sums)
		}
	}

	t.Run("the same bytes elsewhere", func(t *testing.T) {
		tree := t.TempDir()
		host(t, nil, "sh", "-c", "tar c -C .. --exclude=./build --exclude=./.git . | tar x -C "+tree)
		again, err := os.ReadFile(filepath.Join(release(t, tree), "SHA256SUMS"))
		if err != nil || string(again) != string(sums) {
			t.Errorf("%v\n%s\n%s", err, sums, again)
		}
	})
	t.Run("SBOM", func(t *testing.T) { bom(t, only(t, dir, "*.cdx.json")) })

	box := host(t, nil, "docker", "run", "-d", "--rm", "-v", dir+":/release:ro", "patroni-preflight-package:trixie")
	t.Cleanup(func() { host(t, nil, "docker", "kill", box) })
	sh := func(t *testing.T, script string) string {
		t.Helper()
		return host(t, nil, "docker", "exec", box, "sh", "-c", script)
	}
	// Nothing of the tool's is there, neither before nor after, but what man keeps by itself.
	clean := func(t *testing.T) {
		t.Helper()
		if left := sh(
			t,
			"find / -xdev -name '*patroni*preflight*' -not -path '/release/*' -not -path '/var/cache/man/*'",
		); left != "" {
			t.Errorf("it is there:\n%s", left)
		}
	}
	version := fmt.Sprintf("patroni-preflight %s (abc1234)", releaseVersion)

	t.Run("deb", func(t *testing.T) {
		clean(t)
		if tags := sh(
			t,
			"lintian --allow-root --fail-on none --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "+
				"/release/*.deb",
		); tags != "" {
			t.Errorf("lintian: %s", tags)
		}
		sh(t, "dpkg -i /release/*.deb")
		if got := sh(t, "dpkg-query -W -f '${Version}' patroni-preflight"); got != packageVersion {
			t.Errorf("the package is of version %s, want %s", got, packageVersion)
		}
		for _, order := range []string{"0.0~git20261125.abc1234 lt 9.8.7~rc1", "9.8.7~rc1 lt 9.8.7", "9.8.7 " +
			"lt " + packageVersion, packageVersion + " lt 9.8.8"} {
			sh(t, "dpkg --compare-versions "+order)
		}
		if got := sh(t, "cd / && patroni-preflight version"); got != version {
			t.Errorf("it is %q, want %q", got, version)
		}
		if warned := sh(t, "LC_ALL=C.UTF-8 man --warnings patroni-preflight 2>&1 >/dev/null"); warned != "" {
			t.Errorf("man: %s", warned)
		}
		page := sh(t, "LC_ALL=C.UTF-8 MANWIDTH=80 man -P cat patroni-preflight")
		for _, want := range []string{"patroni-preflight " + releaseVersion, "--config-file FILE, -c FILE", "EXIT STATUS"} {
			if !strings.Contains(page, want) {
				t.Errorf("%q is not in the manual:\n%s", want, page)
			}
		}
		sh(t, "cd /usr/share/doc/patroni-preflight && grep -q 'PostgreSQL License' copyright && test -s report.schema.json")
		shells(t, box)
		sh(t, "dpkg -r patroni-preflight")
		clean(t)
	})
	t.Run("rpm", func(t *testing.T) {
		sh(t, "rpm -i --nodeps /release/*.rpm && rpm -V --nodeps patroni-preflight")
		if got := sh(t, "rpm -q --qf '%{VERSION} %{LICENSE}' patroni-preflight"); got != packageVersion+" PostgreSQL" {
			t.Errorf("rpm -q: %s", got)
		}
		if got := sh(t, "cd / && patroni-preflight version"); got != version {
			t.Errorf("it is %q, want %q", got, version)
		}
		for _, path := range []string{
			"/usr/share/zsh/site-functions/_patroni-preflight",
			"/usr/share/man/man1/patroni-preflight.1.gz",
			"/usr/share/licenses/patroni-preflight/LICENSE",
		} {
			sh(t, "rpm -ql patroni-preflight | grep -x "+path)
		}
		sh(t, "rpm -e --nodeps patroni-preflight")
		clean(t)
	})
	t.Run("tar.gz", func(t *testing.T) {
		if got := sh(
			t,
			"cd /tmp && tar xzf /release/*.tar.gz && ./patroni-preflight-*/patroni-preflight version",
		); got != version {
			t.Errorf("it is %q, want %q", got, version)
		}
	})
}

// bom holds the SBOM to go.mod.
func bom(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		BOMFormat string
		Metadata  struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version, PURL string }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if c := doc.Metadata.Component; doc.BOMFormat != "CycloneDX" || c.Name != "patroni-preflight" ||
		c.Version != releaseVersion {
		t.Errorf("it is a %s of %+v", doc.BOMFormat, c)
	}
	var named []string
	for _, c := range doc.Components {
		named = append(named, c.Name+" "+c.Version)
	}
	var mod struct {
		Require []struct {
			Path, Version string
			Indirect      bool
		}
	}
	if err := json.Unmarshal([]byte(host(t, nil, "go", "mod", "edit", "-json", "../go.mod")), &mod); err != nil {
		t.Fatal(err)
	}
	if len(mod.Require) < 20 {
		t.Fatalf("go.mod: %v", mod)
	}
	linked := strings.Fields(host(t, nil, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".."))
	for _, m := range mod.Require {
		if !slices.Contains(linked, m.Path) {
			continue // a test needs it, or another system
		}
		if !slices.Contains(named, m.Path+" "+m.Version) {
			t.Errorf("%s %s is not in the SBOM: %v", m.Path, m.Version, named)
		}
	}
	if !slices.Contains(named, "std "+host(t, nil, "go", "env", "GOVERSION")) {
		t.Errorf("Go's standard library is not in the SBOM: %v", named)
	}
}

// shells has the real ones complete, by the files of the package.
func shells(t *testing.T, box string) {
	for name, start := range map[string]string{
		"bash": "bash --rcfile /usr/share/bash-completion/bash_completion -i",
		"zsh":  "autoload -U compinit; compinit -u",
	} {
		if name == "zsh" {
			host(t, nil, "docker", "exec", box, "sh", "-c", "echo '"+start+"' >/root/.zshrc")
			start = "zsh -i"
		}
		for keys, want := range map[string]string{
			`patroni-preflight expl\tidentity.rest_n\t\n`: "identity.rest_name: the member itself answers at its api_url",
			// Both are flags that it knows, with values that it takes: what is missing is the rest.
			`patroni-preflight check --form\tjso\t--ignore dcs.ala\tbecause\n`: "scope: the name of the cluster is missing",
			`patroni-preflight check --format=jso\t--ignore=dcs.ala\twhy\n`:    "scope: the name of the cluster is missing",
			`patroni-preflight check -d etcd3://h:1 --fail\tblood\n`:           "--fail-on blood: use blocker or warning",
			`patroni-preflight replay /release/SHA256\t\n`:                     "/release/SHA256SUMS: read the snapshot",
			// What stands on the line is not run.
			`patroni-preflight check --candidate "$(touch /tmp/ran)" --form\t\025ls /tmp/ran\n`: "No such file or directory",
		} {
			if out := typed(box, start, keys, want); !strings.Contains(out, want) {
				t.Errorf("%s: %s: no %q in\n%s", name, keys, want, out)
			}
		}
	}
	for line, want := range map[string]string{
		"patroni-preflight expl":                         "explain\tsay what a check looks at",
		"patroni-preflight explain identity.rest_n":      "identity.rest_name\tthe member itself answers",
		"patroni-preflight check --form":                 "--format\tprint the document as FORMAT: text, brief, json",
		"patroni-preflight check --format=jso":           "--format=json",
		"patroni-preflight check --ignore dcs.ala":       "dcs.alarms=\t",
		"patroni-preflight replay /release/SHA256":       "/release/SHA256SUMS",
		"patroni-preflight verify --since=/release/SHA2": "--since=/release/SHA256SUMS",
	} {
		if out := host(t, nil, "docker", "exec", box, "fish", "-c", "complete -C '"+line+"'"); !strings.HasPrefix(out, want) {
			t.Errorf("fish: %s: %q, want %q", line, out, want)
		}
	}
}

// typed types keys (as printf has them) into a shell on a terminal, slower where
// it does not say what is wanted, and returns what it showed.
func typed(box, shell, keys, want string) (out string) {
	for _, pause := range []string{"0.7", "3", "10"} {
		script := fmt.Sprintf(
			`(sleep %[1]s; printf '%[2]s'; sleep %[1]s; printf '\004') | timeout 60 script -qec '%[3]s' /dev/null`,
			pause,
			keys,
			shell,
		)
		cmd := exec.Command("docker", "exec", "-e", "TERM=dumb", box, "sh", "-c", script)
		raw, _ := cmd.CombinedOutput() // the code is that of the last command typed
		if out = string(raw); strings.Contains(out, want) {
			return out
		}
	}
	return out
}

// TestImage builds the image of a release and runs it without privileges.
func TestImage(t *testing.T) {
	t.Parallel()
	dir := release(t, "..")
	const image = "patroni-preflight:e2e"
	host(t, []string{"IMAGE=" + image}, "../scripts/image.sh", dir)
	t.Cleanup(func() { host(t, nil, "docker", "rmi", image) })
	if user := host(t, nil, "docker", "image", "inspect", "-f", "{{.Config.User}}", image); user != "65534:65534" {
		t.Errorf("it runs as %s", user)
	}
	for _, user := range []string{"65534:65534", "1000:1000"} {
		run := func(args ...string) (string, int) {
			return command(time.Minute, nil, "docker", slices.Concat([]string{
				"run",
				"--rm",
				"--read-only",
				"--cap-drop",
				"ALL",
				"--security-opt",
				"no-new-privileges",
				"--network",
				"none",
				"--user",
				user,
				image,
			}, args)...)
		}
		if out, code := run("version"); code != 0 || out != "patroni-preflight "+releaseVersion+" (abc1234)" {
			t.Errorf("as %s: version: exit %d, %s", user, code, out)
		}
		if out, code := run("check"); code != 4 || !strings.Contains(out, "the name of the cluster is missing") {
			t.Errorf("as %s: check: exit %d, %s", user, code, out)
		}
		// It needs nothing to be written, and no name for the user.
		if out, code := run("check", "--scope", "demo", "-d", "etcd3://localhost:1", "--timeout", "2.1s"); code != 3 {
			t.Errorf("as %s: check of nobody: exit %d, %s", user, code, out)
		}
	}
	box := host(t, nil, "docker", "create", image)
	t.Cleanup(func() { host(t, nil, "docker", "rm", box) })
	files := host(t, nil, "sh", "-c", "docker export "+box+" | tar tv")
	for _, want := range []string{
		"etc/ssl/certs/ca-certificates.crt",
		"usr/share/doc/patroni-preflight/third-party-licenses",
	} {
		if !strings.Contains(files, want) {
			t.Errorf("no %s in\n%s", want, files)
		}
	}
}
