//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"patroni-preflight/dcs"
	"patroni-preflight/internal/config"
	"patroni-preflight/internal/testca"
)

// resolved is what a configuration comes to, as configuration.py prints it.
type resolved struct {
	Error  string `json:"error"`
	Prefix string `json:"prefix"`
	Store  string `json:"store"`
	Citus  bool   `json:"citus"`
	Etcd3  struct {
		Endpoints []string `json:"endpoints"`
		SRV       string   `json:"srv"`
		SRVSuffix string   `json:"srv_suffix"`
		Username  string   `json:"username"`
		Password  string   `json:"password"`
		CA        bool     `json:"ca"`
		Cert      bool     `json:"cert"`
	} `json:"etcd3"`
	REST struct {
		CA       bool `json:"ca"`
		Cert     bool `json:"cert"`
		NoVerify bool `json:"no_verify"`
		AnyName  bool `json:"any_name"`
	} `json:"rest"`
	Superuser map[string]string `json:"superuser"`
}

// configured is one configuration: files below a directory that DIR stands for,
// the environment, and the command line.
type configured struct {
	name     string
	files    map[string]string
	env      map[string]string
	config   string // -c, below DIR
	dcsURL   string
	insecure bool
	// since is what Patroni did otherwise before 3.1.0; bookworm has 3.0.2.
	since string
}

const demo = "scope: demo\n"

var configurations = []configured{
	{name: "host", files: map[string]string{"p.yml": demo + "etcd3: {host: 'e1:2379'}\n"}},
	{name: "host without port", files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\n"}},
	{name: "port before the one in host", files: map[string]string{"p.yml": demo + "etcd3: {host: 'e1:1', port: 1234}\n"}},
	{name: "hosts", files: map[string]string{"p.yml": demo + "etcd3: {hosts: ['e1:1', e2, '[::1]:3'], port: 1234}\n"}},
	{name: "hosts as text", files: map[string]string{"p.yml": demo + "etcd3: {hosts: 'e1:1, e2:2,e3'}\n"}},
	{
		name: "https",
		files: map[string]string{
			"p.yml": demo + "etcd3: {hosts: [e1, e2], protocol: https, cacert: DIR/ca, cert: DIR/c, key: DIR/k}\n",
		},
	},
	{
		name:  "key in the certificate",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1, protocol: https, cert: DIR/pair}\n"},
	},
	{name: "ca_cert", files: map[string]string{"p.yml": demo + "etcd3: {host: e1, protocol: https, ca_cert: DIR/ca}\n"}},
	{name: "key alone", files: map[string]string{"p.yml": demo + "etcd3: {host: e1, protocol: https, key: DIR/k}\n"}},
	{name: "url", files: map[string]string{"p.yml": demo + "etcd3: {url: 'https://E1:1/v3', username: u, password: p}\n"}},
	{
		name:  "url with a login",
		files: map[string]string{"p.yml": demo + "etcd3: {url: 'http://u:p%40@e1', username: x, password: y, host: h}\n"},
	},
	{
		name:  "proxy before url",
		files: map[string]string{"p.yml": demo + "etcd3: {proxy: 'http://u:p@p1:1', url: 'http://e1'}\n"},
	},
	{name: "login", files: map[string]string{"p.yml": demo + "etcd3: {host: e1, username: u, password: p}\n"}},
	{name: "user without password", files: map[string]string{"p.yml": demo + "etcd3: {host: e1, username: u}\n"}},
	{name: "srv", files: map[string]string{"p.yml": demo + "etcd3: {srv: a.example, srv_suffix: s, hosts: [e1]}\n"}},
	{
		name:  "the older names of srv",
		files: map[string]string{"p.yml": demo + "etcd3: {srv: a, discovery_srv: b, srv_domain: c, host: e1}\n"},
	},
	{name: "proxy before srv", files: map[string]string{"p.yml": demo + "etcd3: {srv: a, proxy: 'http://p1'}\n"}},
	{
		name:  "environment over file",
		files: map[string]string{"p.yml": demo + "namespace: file\netcd3: {hosts: [e1], username: u, password: p}\n"},
		env: map[string]string{
			"PATRONI_SCOPE":          "env",
			"PATRONI_NAMESPACE":      "/a//b/",
			"PATRONI_ETCD3_HOSTS":    "'e2:1','e3:2'",
			"PATRONI_ETCD3_PASSWORD": "q",
			"PATRONI_ETCD3_PROTOCOL": "https",
		},
	},
	{
		name: "empty variables",
		files: map[string]string{
			"p.yml": demo + "etcd3: {host: e1, protocol: https, cacert: DIR/ca, cert: DIR/pair, username: u, password: p}\n" +
				"ctl: {cacert: DIR/ca}\n",
		},
		env: map[string]string{
			"PATRONI_SCOPE":          "",
			"PATRONI_ETCD3_CACERT":   "",
			"PATRONI_ETCD3_CERT":     "",
			"PATRONI_ETCD3_USERNAME": "",
			"PATRONI_ETCD3_PASSWORD": "",
			"PATRONI_CTL_CACERT":     "",
		},
	},
	{
		name:  "variables that are no numbers and no booleans",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\n"},
		env: map[string]string{
			"PATRONI_ETCD3_PORT":     "tcp://10.0.0.1:1",
			"PATRONI_CTL_INSECURE":   "perhaps",
			"PATRONI_CITUS_GROUP":    "none",
			"PATRONI_CITUS_DATABASE": "c",
		},
	},
	{
		name:   "environment alone",
		config: "none",
		env: map[string]string{
			"PATRONI_SCOPE":              "env",
			"PATRONI_ETCD3_HOST":         "e1",
			"PATRONI_ETCD3_PORT":         "1",
			"PATRONI_SUPERUSER_USERNAME": "u",
			"PATRONI_SUPERUSER_SSLMODE":  "require",
		},
	},
	{
		name:   "PATRONI_CONFIGURATION alone counts",
		config: "none",
		env: map[string]string{
			"PATRONI_CONFIGURATION": "{scope: whole, etcd3: {host: e1}}",
			"PATRONI_SCOPE":         "env",
			"PATRONI_ETCD3_HOST":    "e2",
		},
	},
	{
		name: "PATRONI_CONFIGURATION beside a file does not", files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\n"},
		env: map[string]string{"PATRONI_CONFIGURATION": "{scope: whole, etcd3: {host: e2}}"},
	},
	{
		name:   "PATRONICTL_CONFIG_FILE",
		config: "none",
		files: map[string]string{
			"other.yml":                            "scope: other\netcd3: {host: e1}\n",
			"home/.config/patroni/patronictl.yaml": demo + "etcd3: {host: e2}\n",
		},
		env: map[string]string{"PATRONICTL_CONFIG_FILE": "DIR/other.yml"},
	},
	{
		name:   "the default file",
		config: "none",
		files:  map[string]string{"home/.config/patroni/patronictl.yaml": demo + "etcd3: {host: e2}\n"},
	},
	{
		name: "a directory", config: "conf", files: map[string]string{
			"conf/1.yml": demo + "namespace: one\netcd3: {hosts: [e1], protocol: https, cacert: DIR/ca}\npostgresql: " +
				"{authentication: {superuser: {username: u, password: p}}}\n",
			"conf/2.yaml": "namespace: null\netcd3: {hosts: [e2], cacert: null}\npostgresql: {authentication: {superuser: " +
				"{password: q}}}\n",
			"conf/3.txt": "scope: no\n",
		},
	},
	{
		name: "-d",
		files: map[string]string{
			"p.yml": demo + "namespace: file\netcd3: {hosts: [e1], protocol: https, cacert: DIR/ca, username: u, password: p}\n",
		},
		dcsURL: "etcd3://E2:1/n/m",
		since:  "no etcd3 in -d",
	},
	{
		name:   "-d without a port or a path",
		files:  map[string]string{"p.yml": demo + "namespace: file\nzookeeper: {hosts: [z]}\n"},
		dcsURL: "etcd3://e2",
		since:  "no etcd3 in -d",
	},
	{
		name:  "DCS_URL",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\n"},
		env:   map[string]string{"DCS_URL": "etcd3://[::1]"},
		since: "no etcd3 in -d",
	},
	{
		name:  "stores behind etcd3",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\nzookeeper: {hosts: [z]}\nraft: {self_addr: 'a:1'}\n"},
	},
	{
		name: "REST",
		files: map[string]string{
			"p.yml": demo + "etcd3: {host: e1}\nctl: {cacert: DIR/ca, certfile: DIR/c, keyfile: DIR/k}\n",
		},
	},
	{
		name: "CA of the REST API",
		files: map[string]string{
			"p.yml": demo + "etcd3: {host: e1}\nrestapi: {cafile: DIR/ca, certfile: DIR/c, keyfile: DIR/k, verify_client: " +
				"required}\n",
		},
		since: "the certificate of restapi was the client's too",
	},
	{name: "insecure", files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\nctl: {insecure: true}\n"}},
	{name: "insecure text", files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\nctl: {insecure: 'anything'}\n"}},
	{
		name:  "insecure with a certificate",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\nctl: {insecure: true, certfile: DIR/pair}\n"},
	},
	{
		name:  "insecure by the environment",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\n"},
		env:   map[string]string{"PATRONI_CTL_INSECURE": "on"},
	},
	{
		name:     "insecure by the flag",
		files:    map[string]string{"p.yml": demo + "etcd3: {host: e1}\nctl: {insecure: false}\n"},
		insecure: true,
	},
	{
		name: "superuser",
		files: map[string]string{
			"p.yml": demo + "etcd3: {host: e1}\npostgresql: {authentication: {superuser: {username: u, password: 123, " +
				"sslmode: verify-ca, sslrootcert: DIR/ca}}}\n",
		},
	},
	{
		name: "superuser, old style",
		files: map[string]string{
			"p.yml": demo + "etcd3: {host: e1}\npostgresql: {superuser: {username: u, password: p}, replication: {username: " +
				"r}}\n",
		},
	},
	{
		name:  "superuser, oldest style",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\npostgresql: {pg_rewind: {username: u, password: p}}\n"},
	},
	{
		name:  "old style and the environment",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\npostgresql: {superuser: {username: u, password: p}}\n"},
		env:   map[string]string{"PATRONI_SUPERUSER_PASSWORD": "q"},
	},
	{name: "citus", files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\ncitus: {group: 1, database: c}\n"}},
	{
		name:  "citus with a group that is text",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\ncitus: {group: '1', database: c}\n"},
	},
	{name: "citus without a database", files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\ncitus: {group: 1}\n"}},
	{
		name:  "citus by the environment",
		files: map[string]string{"p.yml": demo + "etcd3: {host: e1}\n"},
		env:   map[string]string{"PATRONI_CITUS_GROUP": "0", "PATRONI_CITUS_DATABASE": "c"},
	},
}

// TestConfiguration compares what this tool and Patroni itself make of the same
// files, environment and flags. No cluster is started.
func TestConfiguration(t *testing.T) {
	script, err := filepath.Abs("configuration.py")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pair := testca.New(t, "ca").Issue(time.Hour, "me")
	var in bytes.Buffer
	var here []configured
	for i, c := range configurations {
		own := filepath.Join(dir, "case"+string(rune('a'+i/26))+string(rune('a'+i%26)))
		fill := strings.NewReplacer("DIR", own)
		files := map[string]string{
			"ca":   string(testca.New(t, "ca").PEM),
			"c":    string(pair.Cert),
			"k":    string(pair.Key),
			"pair": string(pair.Cert) + string(pair.Key),
		}
		for name, text := range c.files {
			files[name] = fill.Replace(text)
		}
		for name, text := range files {
			path := filepath.Join(own, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		env := map[string]string{"HOME": filepath.Join(own, "home"), "PATH": "/usr/bin:/bin"}
		for k, v := range c.env {
			env[k] = fill.Replace(v)
		}
		switch c.config {
		case "none":
			c.config = ""
		case "":
			c.config = filepath.Join(own, "p.yml")
		default:
			c.config = filepath.Join(own, c.config)
		}
		c.env = env
		here = append(here, c)
		line, err := json.Marshal(map[string]any{"config": c.config, "dcs_url": c.dcsURL, "env": env, "insecure": c.insecure})
		if err != nil {
			t.Fatal(err)
		}
		in.Write(append(line, '\n'))
	}
	for _, suite := range []string{"bookworm", "trixie", "sid"} {
		t.Run(suite, func(t *testing.T) {
			cmd := exec.Command("docker", "run", "-i", "--rm", "--network", "none", "--entrypoint", "python3",
				"-v", script+":/configuration.py:ro", "-v", dir+":"+dir+":ro", "patroni-preflight-lab:"+suite, "/configuration.py")
			cmd.Stdin = bytes.NewReader(in.Bytes())
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, stderr.String())
			}
			lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
			if len(lines) != len(here) {
				t.Fatalf("%d answers for %d cases\n%s", len(lines), len(here), stderr.String())
			}
			for i, c := range here {
				var theirs resolved
				if err := json.Unmarshal(lines[i], &theirs); err != nil {
					t.Fatalf("%v: %s", err, lines[i])
				}
				if suite == "bookworm" && c.since != "" {
					if ours := resolve(t, c); reflect.DeepEqual(ours, theirs) {
						t.Errorf("%s: no difference: %s", c.name, c.since)
					}
					continue
				}
				if theirs.Error != "" {
					t.Errorf("%s: Patroni fails: %s", c.name, theirs.Error)
					continue
				}
				if ours := resolve(t, c); !reflect.DeepEqual(ours, theirs) {
					t.Errorf("%s\n   ours: %+v\nPatroni: %+v", c.name, ours, theirs)
				}
			}
		})
	}
}

// resolve is what this tool makes of a case. Where Patroni sees a Citus cluster
// it wants a group named.
func resolve(t *testing.T, c configured) resolved {
	t.Helper()
	flags := config.Flags{File: c.config, DCSURL: c.dcsURL, Insecure: c.insecure}
	lookup := func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }
	cfg, err := config.Load(flags, lookup)
	var out resolved
	if err != nil && strings.Contains(err.Error(), "name the group with --group") {
		out.Citus = true
		flags.Group = "0"
		cfg, err = config.Load(flags, lookup)
	}
	if err != nil {
		t.Errorf("%s: %v", c.name, err)
		return out
	}
	out.Prefix, out.Store = dcs.Prefix(cfg.Namespace, cfg.Scope, ""), "etcd3"
	e := &out.Etcd3
	e.Endpoints, e.SRV, e.SRVSuffix, e.Username, e.Password = slices.Sorted(
		slices.Values(cfg.Etcd3.Endpoints),
	), cfg.Etcd3.SRV, cfg.Etcd3.SRVSuffix, cfg.Etcd3.User, cfg.Etcd3.Password
	if tls := cfg.Etcd3.TLS; tls != nil {
		e.CA, e.Cert = tls.Roots != nil, tls.Certificate != nil
	}
	r := &out.REST
	r.CA, r.Cert = cfg.REST.Roots != nil, cfg.REST.Certificate != nil
	r.NoVerify, r.AnyName = cfg.REST.NoVerify, cfg.REST.AnyName
	out.Superuser = map[string]string{}
	for k, v := range map[string]string{
		"username":    cfg.Postgres.User,
		"password":    cfg.Postgres.Password,
		"sslmode":     cfg.Postgres.SSLMode,
		"sslrootcert": cfg.Postgres.SSLRootCert,
	} {
		if v != "" {
			out.Superuser[k] = v
		}
	}
	return out
}
