package config

import (
	"slices"
	"strings"
	"testing"
)

// refused holds a configuration that each row of the table refuses; the row is
// named by its key and its problem.
var refused = map[string]string{
	"consul: Consul is not supported yet":                              "consul: {host: c}",
	"etcd: etcd's v2 API is not supported yet":                         "etcd: {hosts: [a]}",
	"exhibitor: Exhibitor is not supported yet":                        "exhibitor: {hosts: [a]}\netcd3: null",
	"kubernetes: Kubernetes as the store is not supported yet":         "kubernetes: {labels: {a: b}}\netcd3: null",
	"raft: Raft is not supported yet":                                  "raft: {self_addr: 'a:1', password: " + secret + "}\netcd3: null",
	"zookeeper: ZooKeeper is not supported yet":                        "zookeeper: {}\netcd3: null",
	"etcd3.protocol: " + etcdTLS:                                       "etcd3: {host: e, protocol: https}",
	"etcd3.url: " + etcdTLS:                                            "etcd3: {url: 'HTTPS://e'}",
	"etcd3.cacert: " + etcdTLS:                                         "etcd3: {host: e, cacert: /ca}",
	"etcd3.ca_cert: " + etcdTLS:                                        "etcd3: {host: e, ca_cert: /ca}",
	"etcd3.cert: " + etcdTLS:                                           "etcd3: {host: e, cert: /c}",
	"etcd3.key: " + etcdTLS:                                            "etcd3: {host: e, key: /k}",
	"etcd3.url: " + etcdLogin:                                          "etcd3: {url: 'http://u:" + secret + "@e'}",
	"etcd3.username: " + etcdLogin:                                     "etcd3: {host: e, username: u}",
	"etcd3.password: " + etcdLogin:                                     "etcd3: {host: e, password: " + secret + "}",
	"etcd3.srv: " + etcdSRV:                                            "etcd3: {srv: a.example}",
	"etcd3.discovery_srv: " + etcdSRV:                                  "etcd3: {discovery_srv: a.example}",
	"etcd3.srv_domain: " + etcdSRV:                                     "etcd3: {srv_domain: a.example}",
	"etcd3.srv_suffix: " + etcdSRV:                                     "etcd3: {host: e, srv_suffix: x}",
	"etcd3.proxy: " + etcdProxy:                                        "etcd3: {proxy: 'http://p'}",
	"etcd3.use_proxies: " + etcdProxy:                                  "etcd3: {host: e, use_proxies: yes}",
	"etcd3.version_prefix: " + etcdProxy:                               "etcd3: {host: e, version_prefix: /v3beta}",
	"ctl.insecure: " + restTLS:                                         "ctl: {insecure: 'on'}",
	"ctl.cacert: " + restTLS:                                           "ctl: {cacert: /ca}",
	"ctl.certfile: " + restTLS:                                         "ctl: {certfile: /c}",
	"ctl.keyfile: " + restTLS:                                          "ctl: {keyfile: /k}",
	"restapi.certfile: " + restTLS:                                     "restapi: {certfile: /c}",
	"restapi.cafile: " + restTLS:                                       "restapi: {cafile: /ca}",
	"restapi.verify_client: " + restTLS:                                "restapi: {certfile: /c, verify_client: Required}",
	superuser + ".sslmode: " + sqlTLS:                                  "postgresql: {authentication: {superuser: {sslmode: require}}}",
	superuser + ".sslrootcert: " + sqlTLS:                              "postgresql: {authentication: {superuser: {sslrootcert: /r}}}",
	superuser + ".sslcrl: " + sqlTLS:                                   "postgresql: {authentication: {superuser: {sslcrl: /r}}}",
	superuser + ".sslcrldir: " + sqlTLS:                                "postgresql: {authentication: {superuser: {sslcrldir: /r}}}",
	superuser + ".sslnegotiation: " + sqlTLS:                           "postgresql: {authentication: {superuser: {sslnegotiation: direct}}}",
	superuser + ".gssencmode: " + "GSSAPI encryption is not supported": "postgresql: {authentication: {superuser: {gssencmode: require}}}",
	superuser + ".channel_binding: " + sqlTLS:                          "postgresql: {authentication: {superuser: {channel_binding: require}}}",
	superuser + ".sslcert: " + sqlCert:                                 "postgresql: {authentication: {superuser: {sslcert: /c}}}",
	superuser + ".sslkey: " + sqlCert:                                  "postgresql: {authentication: {superuser: {sslkey: /k}}}",
	superuser + ".sslpassword: " + sqlCert:                             "postgresql: {superuser: {sslpassword: " + secret + "}}",
	"citus: " + "Citus clusters are not supported yet":                 "citus: {group: 0, database: citus}",
}

// TestEveryRefusal holds that each row of the table refuses, by name and place,
// and that the configuration passes once the row is gone.
func TestEveryRefusal(t *testing.T) {
	if len(refused) != len(refusals) {
		t.Errorf("%d cases for %d rows", len(refused), len(refusals))
	}
	for i, row := range refusals {
		t.Run(row.key, func(t *testing.T) {
			text, ok := refused[row.key+": "+row.problem]
			if !ok {
				t.Fatalf("no case refuses %q: %q", row.key, row.problem)
			}
			base := "scope: demo\n"
			if !strings.Contains(text, "etcd3:") {
				base += "etcd3: {host: e}\n"
			}
			w, flags := file(t, base+text+"\n")
			only := []refusal{row}
			c, err := w.loadWith(flags, only)
			if err == nil {
				t.Fatalf("accepted: %+v", c)
			}
			for _, word := range []string{flags.File + ", line ", row.key + ": " + row.problem, row.remedy} {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
			w.mustFail(flags, flags.File+", line ") // by the whole table

			_, err = w.loadWith(flags, slices.Delete(slices.Clone(refusals), i, i+1))
			switch {
			case row.key == "restapi.verify_client" || strings.Contains(text, "srv") || strings.Contains(text, "proxy:") || strings.Contains(text, "etcd3: null"):
				// Another row or the missing store still stands in the way.
			case err != nil:
				t.Errorf("refused without the row: %v", err)
			}
		})
	}
}

func TestRefusedFromEnvironmentAndFlags(t *testing.T) {
	for _, tc := range []struct{ name, value, want string }{
		{"ETCD3_PROTOCOL", "https", "etcd3.protocol: TLS to etcd"},
		{"ETCD3_URL", "https://u:" + secret + "@e", "etcd3.url: TLS to etcd"},
		{"ETCD3_CACERT", "/ca", "etcd3.cacert"},
		{"ETCD3_CERT", "/ca", "etcd3.cert"},
		{"ETCD3_KEY", "/ca", "etcd3.key"},
		{"ETCD3_USERNAME", "u", "etcd3.username"},
		{"ETCD3_PASSWORD", secret, "etcd3.password"},
		{"ETCD3_SRV", "a.example", "etcd3.srv"},
		{"ETCD3_SRV_SUFFIX", "x", "etcd3.srv_suffix"},
		{"ETCD3_PROXY", "http://p", "etcd3.proxy"},
		{"ETCD3_USE_PROXIES", "true", "etcd3.use_proxies"},
		{"CTL_INSECURE", "1", "ctl.insecure"},
		{"CTL_CACERT", "/ca", "ctl.cacert"},
		{"CTL_CERTFILE", "/c", "ctl.certfile"},
		{"CTL_KEYFILE", "/k", "ctl.keyfile"},
		{"RESTAPI_CERTFILE", "/c", "restapi.certfile"},
		{"RESTAPI_CAFILE", "/c", "restapi.cafile"},
		{"SUPERUSER_SSLMODE", "verify-full", superuser + ".sslmode"},
		{"SUPERUSER_SSLROOTCERT", "/r", superuser + ".sslrootcert"},
		{"SUPERUSER_SSLPASSWORD", secret, superuser + ".sslpassword"},
		{"CITUS_GROUP", "0", "citus"},
		{"ETCD_HOSTS", "a", "etcd: etcd's v2 API"},
		{"CONSUL_HOST", "a", "consul"},
	} {
		w, flags := file(t, minimal)
		w.vars["PATRONI_"+tc.name] = tc.value
		w.mustFail(flags, "environment variable PATRONI_"+tc.name+": ", tc.want)
		flags.DCSURL = "etcd3://e" // replaces what is said of stores, nothing else
		if strings.HasPrefix(tc.name, "ETCD") || strings.HasPrefix(tc.name, "CONSUL") {
			w.must(flags)
		} else {
			w.mustFail(flags, tc.want)
		}
	}
	for _, name := range []string{"ZOOKEEPER_HOSTS", "EXHIBITOR_HOSTS", "RAFT_SELF_ADDR", "KUBERNETES_LABELS"} {
		w := newWorld(t)
		w.vars["PATRONI_"+name] = "a"
		w.mustFail(Flags{Scope: "demo"}, "environment variable PATRONI_"+name+": ", "not supported yet")
	}
	w, flags := file(t, minimal)
	flags.Insecure = true
	w.mustFail(flags, "flag --insecure: ctl.insecure: TLS to Patroni's REST API is not supported yet")
	flags.Insecure, flags.Group = false, "1"
	w.mustFail(flags, "flag --group: citus: Citus clusters are not supported yet")
}

// TestHarmless: what changes nothing for somebody who only looks.
func TestHarmless(t *testing.T) {
	for _, text := range []string{
		"etcd3: {host: e, protocol: http, cacert: '', cert: null, username: '', use_proxies: false}",
		"etcd3: {host: e, use_proxies: 'off'}",
		"ctl: {insecure: false, authentication: {username: u, password: " + secret + "}}",
		"ctl: {insecure: no, certfile: ''}",
		"restapi: {listen: '0.0.0.0:8008', connect_address: 'a:8008', authentication: {username: u, password: " + secret + "}, verify_client: none, allowlist: [a]}",
		"restapi: {verify_client: required}",
		"postgresql: {authentication: {superuser: {sslmode: Prefer, gssencmode: prefer, channel_binding: prefer, sslnegotiation: postgres}}}",
		"postgresql: {authentication: {superuser: {sslmode: disable}, replication: {sslmode: verify-full, sslcert: /c}, rewind: {sslkey: /k}}}",
		"postgresql: {authentication: {superuser: {sslcert: /c, sslkey: /k}}}\npreflight: {postgresql: {username: u}}",
		"name: node1\ntags: {nofailover: true}\nbootstrap: {dcs: {ttl: 30}}\nwatchdog: {mode: required}\nlog: {level: INFO}",
		"postgresql: {data_dir: /d, parameters: {a: 1, a: 2}, pg_hba: [x], name: y}",
		"citus: null",
		"unknown: {whatever: [1, 2, {3: 4}]}",
	} {
		base := "scope: demo\n"
		if !strings.Contains(text, "etcd3:") {
			base += "etcd3: {host: e}\n"
		}
		w, flags := file(t, base+text+"\n")
		if c := w.must(flags); len(c.Warnings) > 0 {
			t.Errorf("%s: warnings %q", text, c.Warnings)
		}
	}
}

// TestStoreBehindEtcd3: Patroni takes the first in the order of their names.
func TestStoreBehindEtcd3(t *testing.T) {
	for _, store := range stores {
		w, flags := file(t, minimal+store+": {host: x}\n")
		switch {
		case store == "etcd3":
		case store < "etcd3":
			w.mustFail(flags, "line 3: "+store+": ", "not supported yet")
		default:
			c := w.must(flags)
			if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "line 3: "+store+" is not used") {
				t.Errorf("%s: warnings %q, want one that says it is not used", store, c.Warnings)
			}
		}
	}
}

func TestRefusalNamesAllKeysOfAKind(t *testing.T) {
	w, flags := file(t, "scope: demo\netcd3: {host: e, protocol: https, cacert: /a, cert: /b, key: /c, username: u}\n")
	w.mustFail(flags, "etcd3.protocol: TLS to etcd is not supported yet (also: etcd3.cacert, etcd3.cert, etcd3.key); ")
}

// TestLiftedRows holds that TLS to etcd is in the way by its rows alone.
func TestLiftedRows(t *testing.T) {
	w, flags := file(t, "scope: demo\netcd3: {hosts: [a], protocol: https}\nciTus: x\ncitus: {group: 3}\n")
	c, err := w.loadWith(flags, nil)
	if err != nil || c.Etcd3.Endpoints[0] != "https://a:2379" || c.Group != "3" {
		t.Errorf("%+v, %v: the code below the table is in the way", c, err)
	}
	for _, group := range []string{"-1", "01", "a", "1.0", "'1 '", "1234567890123"} {
		w, flags := file(t, minimal+"citus: {group: "+group+"}\n")
		if c, err := w.loadWith(flags, nil); err == nil {
			t.Errorf("group %s is accepted as %q", group, c.Group)
		}
	}
}
